//! What is said of a set of values.

use serde::Serialize;

/// Where values lie and how they are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Distribution {
    pub n: usize,
    pub mean: f64,
    /// Standard deviation of the population the values are a sample of; 0 for a single value.
    pub sd: f64,
    pub min: f64,
    pub median: f64,
    /// 99th percentile.
    pub p99: f64,
    pub max: f64,
    /// Largest minus smallest.
    pub range: f64,
}

impl Distribution {
    /// `None` for no values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let sd = if n > 1 { (squares / (n - 1) as f64).sqrt() } else { 0.0 };
        let (median, p99) = (percentile(&sorted, 50.0), percentile(&sorted, 99.0));
        Some(Self { n, mean, sd, min, median, p99, max, range: max - min })
    }
}

/// The percentile of sorted values, interpolated between neighbours; there must be one at least.
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let place = (sorted.len() - 1) as f64 * percent / 100.0;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// The median, by partial sorting; 0 for no values.
pub fn median_of(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// A straight line through points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Line {
    pub x0: f64,
    pub y0: f64,
    pub slope: f64,
}

impl Line {
    /// The least-squares line; `None` for fewer than two different x. Centred first, so that large x lose no
    /// digits.
    pub fn through(points: &[(f64, f64)]) -> Option<Self> {
        let n = points.len() as f64;
        let x0 = points.iter().map(|point| point.0).sum::<f64>() / n;
        let y0 = points.iter().map(|point| point.1).sum::<f64>() / n;
        let xx: f64 = points.iter().map(|point| (point.0 - x0).powi(2)).sum();
        let xy: f64 = points.iter().map(|point| (point.0 - x0) * (point.1 - y0)).sum();
        (xx > 0.0).then(|| Self { x0, y0, slope: xy / xx })
    }

    /// Standard error of the slope (the textbook's, of a least-squares line) over the points it was put through.
    pub fn slope_error(&self, points: &[(f64, f64)]) -> f64 {
        let squares: f64 = points.iter().map(|point| (point.1 - self.at(point.0)).powi(2)).sum();
        let xx: f64 = points.iter().map(|point| (point.0 - self.x0).powi(2)).sum();
        (squares / (points.len() as f64 - 2.0).max(1.0) / xx).sqrt()
    }

    pub fn at(&self, x: f64) -> f64 {
        self.y0 + (x - self.x0) * self.slope
    }
}

/// At most about `most` of the points, in their order; of each stretch the lowest and the highest are kept, so
/// that no outlier is lost.
pub fn thin(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most {
        return points.to_vec();
    }
    let stretch = (2 * points.len()).div_ceil(most);
    let ends = |part: &[(f64, f64)]| {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let mut ends: Vec<(f64, f64)> = [part.iter().min_by(by_value), part.iter().max_by(by_value)]
            .into_iter()
            .flatten()
            .copied()
            .collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        ends
    };
    points.chunks(stretch).flat_map(ends).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_agrees_with_values_worked_out_by_hand() {
        let d = Distribution::of(&[4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!((d.n, d.mean, d.min, d.max, d.median, d.range), (4, 2.5, 1.0, 4.0, 2.5, 3.0));
        assert!((d.sd - (5.0f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((d.p99 - 3.97).abs() < 1e-12);
        assert_eq!(Distribution::of(&[]), None);
        assert_eq!(Distribution::of(&[7.0]).unwrap().sd, 0.0);
    }

    #[test]
    fn a_line_is_found_far_from_zero() {
        let points: Vec<(f64, f64)> =
            (0..50).map(|n| (1e6 + n as f64, 3.0 + 1.0001 * (1e6 + n as f64))).collect();
        let line = Line::through(&points).unwrap();
        assert!((line.slope - 1.0001).abs() < 1e-9);
        assert!((line.at(1e6) - (3.0 + 1.0001e6)).abs() < 1e-6);
        assert_eq!(Line::through(&points[..1]), None);
    }

    #[test]
    fn thinning_keeps_outliers_and_order() {
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|n| (n as f64, 0.0)).collect();
        points[4_321].1 = 9.0;
        let thinned = thin(&points, 100);
        assert!(thinned.len() <= 100 && thinned.contains(&(4_321.0, 9.0)));
        assert!(thinned.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }
}
