//! The picture of a result: a histogram, and values over time.

use std::path::Path;

use plotters::prelude::*;

use crate::Failure;
use crate::report::{Report, VIRTUAL_STAMP};
use crate::stats::{Summary, quantile};

const SIZE: (u32, u32) = (960, 840);
const BARS: usize = 41;
const INK: RGBColor = RGBColor(32, 74, 135);
const WARNING: RGBColor = RGBColor(164, 0, 0);

/// Values to draw.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What the values are, with their unit.
    pub what: String,
    /// Each with its time in seconds.
    pub values: Vec<(f64, f64)>,
}

/// Draws one histogram and one course for each chart, under the title of the report.
pub fn draw(report: &Report, charts: &[Chart], path: &Path) -> Result<(), Failure> {
    paint(report, charts, path)
        .map_err(|error| Failure(format!("'{}' cannot be drawn: {error}", path.display())))
}

type Painted = Result<(), Box<dyn std::error::Error>>;

fn paint(report: &Report, charts: &[Chart], path: &Path) -> Painted {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (head, body) = root.split_vertically(64);
    head.draw_text(&report.title, &("sans-serif", 20).into_font().color(&BLACK), (16, 14))?;
    if report.is_virtual {
        head.draw_text(VIRTUAL_STAMP, &("sans-serif", 16).into_font().color(&WARNING), (16, 40))?;
    }
    let charts: Vec<&Chart> = charts.iter().filter(|chart| !chart.values.is_empty()).collect();
    let rows = body.split_evenly((charts.len().max(1), 2));
    for (chart, pair) in charts.iter().zip(rows.chunks(2)) {
        histogram(chart, &pair[0])?;
        course(chart, &pair[1])?;
    }
    root.present()?;
    Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn histogram(chart: &Chart, area: &Area<'_>) -> Painted {
    let values: Vec<f64> = chart.values.iter().map(|(_, value)| *value).collect();
    let (low, high) = span(&values);
    let bar = (high - low) / BARS as f64;
    let mut counts = [0u32; BARS];
    for value in &values {
        counts[(((value - low) / bar) as usize).min(BARS - 1)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(1);
    let caption = Summary::of(&values).map_or(String::new(), |summary| {
        let Summary { n, mean, sd, .. } = summary;
        format!("n {n}, mean {mean:.4}, SD {sd:.4}, range {:.4}", summary.range())
    });
    let mut axes = ChartBuilder::on(area)
        .caption(caption, ("sans-serif", 14))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(low..high, 0u32..most + most.div_ceil(10))?;
    axes.configure_mesh().disable_x_mesh().x_desc(&chart.what).y_desc("count").x_labels(6).draw()?;
    axes.draw_series(counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(n, &count)| {
        let left = low + n as f64 * bar;
        Rectangle::new([(left, 0), (left + bar, count)], INK.filled())
    }))?;
    Ok(())
}

fn course(chart: &Chart, area: &Area<'_>) -> Painted {
    let values: Vec<f64> = chart.values.iter().map(|(_, value)| *value).collect();
    let times: Vec<f64> = chart.values.iter().map(|(time, _)| *time).collect();
    let (low, high) = span(&values);
    let (first, last) = (quantile(&times, 0.0).unwrap_or(0.0), quantile(&times, 1.0).unwrap_or(1.0));
    let mut axes = ChartBuilder::on(area)
        .margin(12)
        .margin_top(33)
        .x_label_area_size(40)
        .y_label_area_size(72)
        .build_cartesian_2d(first..last.max(first + 1e-9), low..high)?;
    axes.configure_mesh().x_desc("time / s").y_desc(&chart.what).x_labels(6).draw()?;
    axes.draw_series(chart.values.iter().map(|&point| Circle::new(point, 2, INK.filled())))?;
    Ok(())
}

/// The values' range, never empty and a little wider than they need.
fn span(values: &[f64]) -> (f64, f64) {
    let (low, high) = (quantile(values, 0.0).unwrap_or(0.0), quantile(values, 1.0).unwrap_or(1.0));
    let edge = ((high - low) * 0.02).max(high.abs().max(low.abs()) * 1e-6).max(1e-6);
    (low - edge, high + edge)
}
