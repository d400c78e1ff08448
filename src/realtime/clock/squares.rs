//! Least squares, for stamps that err both ways.

use super::correlation::{Errors, Variance};
use super::history::History;
use super::line::{Line, Prior};

/// The errors of neighbours are judged by the means of so many buckets: where errors of each stamp's own come on top
/// of those that go together, single ones show the latter too small. Longer runs would show more of errors that go
/// together for a fifth of the window under as much jitter (these are covered 98 times in 100), but too few of them are
/// in a window to leave independent errors a small uncertainty.
const RUNS: [usize; 3] = [1, 4, 8];
/// Fewest runs to judge by.
const FEWEST: f64 = 12.0;
/// Standard deviations of the stated uncertainty: 3 for the 99 in 100, the rest for errors of other kinds than those
/// that the variance is found for.
pub const COVER: f64 = 3.6;

/// The least-squares line, its slope held to `prior` as far as the stamps know no better. `unsettled` ns are
/// the error of a line through a stamp or two.
pub fn fit(history: &History, prior: Prior, x: f64, unsettled: f64) -> Line {
    let total = history.total();
    let (mut mean_x, mut mean_y) = (0.0, 0.0);
    for bucket in history.buckets() {
        // Against the newest frame: small numbers keep their digits.
        mean_x += bucket.count * (bucket.mean.x - x);
        mean_y += bucket.count * bucket.mean.y;
    }
    mean_x /= total;
    mean_y /= total;
    let (mut xx, mut xy) = (0.0, 0.0);
    for bucket in history.buckets() {
        let dx = bucket.mean.x - x - mean_x;
        xx += bucket.count * dx * dx;
        xy += bucket.count * dx * (bucket.mean.y - mean_y);
    }
    let own = if xx > 0.0 { xy / xx } else { prior.slope };
    let centre = Line { x: x + mean_x, y: mean_y, slope: own, ..Line::default() };
    let variance = variance(history, &centre);
    let unproven = if total < 32.0 { unsettled / total } else { 0.0 };
    let own_error = if xx > 0.0 && total > 2.5 {
        ((variance.slope + unproven * unproven) / xx).sqrt()
    } else {
        f64::INFINITY
    };
    let (slope, slope_error) =
        if own_error.is_finite() { prior.combine(own, own_error) } else { (prior.slope, prior.error) };
    let few = 1.0 + 8.0 / (total - 2.0).max(0.5);
    let spread = (variance.mean / total + slope_error * slope_error * mean_x * mean_x).sqrt();
    let error = if total < 3.5 { unsettled } else { COVER * few * spread + unproven };
    Line { x, y: mean_y - slope * mean_x, slope, slope_error, error }
}

/// Variance of one stamp's error as if errors were independent: that which gives the line the variances it has. The
/// mean of what the runs of each length show, any of which may be the right one.
fn variance(history: &History, line: &Line) -> Variance {
    let mut errors = [Errors::default(); RUNS.len()];
    let mut sums = [0.0; RUNS.len()];
    for (n, bucket) in history.buckets().enumerate() {
        // Not by its count: errors that go together do not shrink with it.
        let error = line.above(bucket.mean);
        for ((errors, sum), run) in errors.iter_mut().zip(&mut sums).zip(RUNS) {
            *sum += error;
            if (n + 1) % run == 0 {
                errors.push(*sum / run as f64);
                *sum = 0.0;
            }
        }
    }
    let (mut judged, mut total) = (0.0, Variance::default());
    for (errors, run) in errors.iter().zip(RUNS) {
        if run == 1 || errors.count >= FEWEST {
            let stamps = history.total() * run as f64 / history.len().max(1) as f64;
            let variance = errors.variance();
            judged += 1.0;
            total.mean += stamps * variance.mean;
            total.slope += stamps * variance.slope;
        }
    }
    Variance { mean: total.mean / judged, slope: total.slope / judged }
}
