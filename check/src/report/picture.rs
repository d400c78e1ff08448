//! Results as a picture: panels below a title.

use std::error::Error;
use std::path::Path;

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::stats::thin;

const WIDTH: u32 = 960;
const PANEL_HEIGHT: u32 = 300;
const LINE_HEIGHT: u32 = 26;
/// For a name of a series.
const NAME_WIDTH: i32 = 110;
/// Points of a series that are drawn.
const MOST_POINTS: usize = 3_000;
const COLOURS: [RGBColor; 3] = [RGBColor(31, 98, 168), RGBColor(214, 106, 20), RGBColor(80, 140, 60)];

type Drawn = Result<(), Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// What is drawn.
#[derive(Debug, Default)]
pub struct Picture {
    pub title: String,
    /// Lines below the title: the device, and what the values come to.
    pub subtitles: Vec<String>,
    pub panels: Vec<Panel>,
}

/// Points over one axis.
#[derive(Debug)]
pub struct Series {
    /// For the legend, which a single series does without.
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// One of the pictures below each other. Labels carry the unit.
#[derive(Debug)]
pub enum Panel {
    /// How often values occur.
    Histogram { values: Vec<f64>, x: String, y: String },
    /// Values over time, on an axis of at least `least`: below that, differences mean nothing.
    Points { series: Vec<Series>, x: String, y: String, least: f64 },
}

impl Picture {
    /// Writes an SVG file, with the stamp across its top if there is one.
    pub fn write(&self, path: &Path, stamp: Option<&str>) -> Drawn {
        let head = LINE_HEIGHT * (2 + self.subtitles.len() as u32 + stamp.iter().count() as u32);
        let height = head + PANEL_HEIGHT * self.panels.len() as u32;
        let root = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let (top, rest) = root.split_vertically(head);
        self.draw_head(&top, stamp)?;
        for (panel, area) in self.panels.iter().zip(rest.split_evenly((self.panels.len().max(1), 1))) {
            panel.draw(&area)?;
        }
        root.present()?;
        Ok(())
    }

    fn draw_head(&self, area: &Area<'_>, stamp: Option<&str>) -> Drawn {
        let mut y = 12;
        let mut line = |text: &str, size: i32, colour: &RGBColor| -> Drawn {
            area.draw_text(text, &("sans-serif", size).into_font().color(colour), (20, y))?;
            y += LINE_HEIGHT as i32;
            Ok(())
        };
        if let Some(stamp) = stamp {
            line(stamp, 20, &RGBColor(200, 0, 0))?;
        }
        line(&self.title, 20, &BLACK)?;
        self.subtitles.iter().try_for_each(|text| line(text, 14, &RGBColor(70, 70, 70)))
    }
}

impl Panel {
    fn draw(&self, area: &Area<'_>) -> Drawn {
        match self {
            Self::Histogram { values, x, y } => draw_histogram(area, values, x, y),
            Self::Points { series, x, y, least } => draw_points(area, series, (x, y), *least),
        }
    }
}

/// Axes with their labels, and what is to be drawn upon.
fn axes<'a, 'b>(
    area: &'a Area<'b>,
    (left, right): (f64, f64),
    (bottom, top): (f64, f64),
    (x, y): (&str, &str),
) -> Result<Chart<'a, 'b>, Box<dyn Error>> {
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_top(22)
        .margin_right(28)
        .x_label_area_size(44)
        .y_label_area_size(76)
        .build_cartesian_2d(left..right, bottom..top)?;
    let (x_label, y_label) = (label(right - left), label(top - bottom));
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(228, 228, 228))
        .axis_style(RGBColor(110, 110, 110))
        .x_desc(x)
        .y_desc(y)
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 14))
        .x_labels(10)
        .y_labels(7)
        .x_label_formatter(&x_label)
        .y_label_formatter(&y_label)
        .draw()?;
    Ok(chart)
}

/// Writes numbers on an axis of length `span`, with as many digits as its ticks need.
fn label(span: f64) -> impl Fn(&f64) -> String {
    let digits = (0.9 - span.abs().max(1e-9).log10()).ceil().clamp(0.0, 6.0) as usize;
    move |value| {
        let text = format!("{value:.digits$}");
        // Rounded up from just below, zero keeps its sign.
        if text.trim_matches(['-', '0', '.']).is_empty() { "0".into() } else { text }
    }
}

fn draw_histogram(area: &Area<'_>, values: &[f64], x: &str, y: &str) -> Drawn {
    let (first, width, counts) = bins(values);
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let end = first + width * counts.len() as f64;
    let mut chart = axes(area, (first - width, end + width), (0.0, most * 1.08), (x, y))?;
    chart.draw_series((0u32..).zip(&counts).filter(|(_, count)| **count > 0).map(|(n, &count)| {
        let left = first + width * n as f64;
        let corners = [(left + 0.04 * width, 0.0), (left + 0.96 * width, count as f64)];
        Rectangle::new(corners, COLOURS[0].mix(0.8).filled())
    }))?;
    Ok(())
}

fn draw_points(area: &Area<'_>, series: &[Series], labels: (&str, &str), least: f64) -> Drawn {
    let all = || series.iter().flat_map(|series| &series.points);
    // Time from the beginning on: before the first point nothing was known.
    let across = span(all().map(|point| point.0).chain([0.0]), 0.0);
    let mut chart = axes(area, across, span(all().map(|point| point.1), least), labels)?;
    for (one, colour) in series.iter().zip((0..).map(colour)) {
        let points = thin(&one.points, MOST_POINTS);
        let radius = if points.len() > 500 { 1 } else { 3 };
        chart.draw_series(
            points.into_iter().map(|point| Circle::new(point, radius, colour.mix(0.7).filled())),
        )?;
    }
    match series.len() {
        0 | 1 => Ok(()),
        _ => draw_names(area, series),
    }
}

/// Which colour is which series, above the plot, where no point is.
fn draw_names(area: &Area<'_>, series: &[Series]) -> Drawn {
    let (width, _) = area.dim_in_pixel();
    for (n, (one, colour)) in (1i32..).zip(series.iter().rev().zip((0..series.len()).rev().map(colour))) {
        let x = width as i32 - n * NAME_WIDTH;
        area.draw(&Circle::new((x, 10), 4, colour.filled()))?;
        area.draw_text(&one.name, &("sans-serif", 13).into_font().color(&BLACK), (x + 10, 4))?;
    }
    Ok(())
}

fn colour(series: usize) -> &'static RGBColor {
    &COLOURS[series % COLOURS.len()]
}

/// First edge, width and counts of bins that hold all values: about √n of them.
fn bins(values: &[f64]) -> (f64, f64, Vec<u64>) {
    let (low, high) = ends(values.iter().copied());
    if high <= low {
        // One bar in the middle of its value.
        let width = (low.abs() * 0.1).max(0.1);
        return (low - width / 2.0, width, vec![values.len() as u64]);
    }
    let number = (values.len() as f64).sqrt().clamp(8.0, 60.0) as usize;
    let width = (high - low) / number as f64;
    let mut counts = vec![0; number];
    for value in values {
        counts[(((value - low) / width) as usize).min(number - 1)] += 1;
    }
    (low, width, counts)
}

fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

/// An axis that holds all values, with some room, and is at least `least` long.
fn span(values: impl Iterator<Item = f64>, least: f64) -> (f64, f64) {
    let (low, high) = ends(values);
    if low > high {
        return (0.0, 1.0);
    }
    let room = if high > low { 0.06 * (high - low) } else { (low.abs() * 0.1).max(0.5) };
    let room = room.max((least - (high - low)) / 2.0);
    (low - room, high + room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_the_digits_that_their_ticks_need_and_zero_has_no_sign() {
        assert_eq!(label(1_000.0)(&120.0), "120");
        assert_eq!(label(0.3)(&0.15), "0.15");
        assert_eq!(label(0.3)(&-1e-18), "0");
        assert_eq!(label(60.0)(&10.0), "10");
    }

    #[test]
    fn an_axis_has_room_and_does_not_enlarge_what_means_nothing() {
        assert_eq!(span([0.0, 100.0].into_iter(), 1.0), (-6.0, 106.0));
        let (low, high) = span([-2e-6, 2e-6].into_iter(), 0.1);
        assert!((low + 0.05).abs() < 1e-9 && (high - 0.05).abs() < 1e-9, "{low} {high}");
        let (low, high) = span([7.0; 3].into_iter(), 0.1);
        assert!(low < 6.9 && high > 7.1);
    }

    #[test]
    fn every_value_is_in_one_bin() {
        let values: Vec<f64> = (0..1_000).map(|n| ((n * 7_919) % 1_000) as f64 / 10.0).collect();
        let (first, width, counts) = bins(&values);
        assert_eq!(counts.iter().sum::<u64>(), 1_000);
        assert!(first <= 0.0 && first + width * counts.len() as f64 >= 99.9);
        let (first, width, counts) = bins(&[5.0; 3]);
        assert_eq!(counts, [3]);
        assert!(first < 5.0 && first + width > 5.0);
    }
}
