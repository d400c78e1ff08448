//! Least squares, for stamps that err both ways.

use super::correlation::inflation;
use super::history::{CAPACITY, History};
use super::line::{Line, Prior};

/// Runs of buckets whose sums show how far the errors of neighbours go together.
const RUNS: [usize; 3] = [4, 16, 64];
/// Fewest runs to judge by.
const FEWEST: f64 = 6.0;
/// Standard deviations of the stated uncertainty; what the variance is short of for correlated errors of which
/// a window shows but a few periods is in it.
const COVER: f64 = 3.6;

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
    let variance = long_variance(history, &centre);
    let unproven = if total < 32.0 { unsettled / total } else { 0.0 };
    let own_error =
        if xx > 0.0 && total > 2.5 { ((variance + unproven * unproven) / xx).sqrt() } else { f64::INFINITY };
    let (slope, slope_error) =
        if own_error.is_finite() { prior.combine(own, own_error) } else { (prior.slope, prior.error) };
    let few = 1.0 + 8.0 / (total - 2.0).max(0.5);
    let spread = (variance / total + slope_error * slope_error * mean_x * mean_x).sqrt();
    let error = if total < 3.5 { unsettled } else { COVER * few * spread + unproven };
    Line { x, y: mean_y - slope * mean_x, slope, slope_error, error }
}

/// Variance of one stamp's error as if errors were independent: that which gives sums over many stamps the
/// variance they have. The larger of what sums over runs of buckets show, and what the errors of neighbours do.
fn long_variance(history: &History, line: &Line) -> f64 {
    let (mut sums, mut squares, mut runs) = ([0.0; RUNS.len()], [0.0; RUNS.len()], [0.0; RUNS.len()]);
    let (mut square, mut product, mut before) = (0.0, 0.0, 0.0);
    for (n, bucket) in history.buckets().take(CAPACITY).enumerate() {
        let error = bucket.count * line.above(bucket.mean);
        square += error * error;
        product += error * before;
        before = error;
        for (((sum, square), ended), run) in sums.iter_mut().zip(&mut squares).zip(&mut runs).zip(RUNS) {
            *sum += error;
            if (n + 1) % run == 0 {
                *square += *sum * *sum;
                *sum = 0.0;
                *ended += 1.0;
            }
        }
    }
    let buckets = history.len() as f64;
    let correlation = if square > 0.0 { product / square } else { 0.0 };
    let mut largest = square / history.total() * free(buckets) * inflation(correlation, buckets);
    for ((square, ended), run) in squares.iter().zip(&runs).zip(RUNS) {
        if *ended >= FEWEST {
            let stamps = history.total() * (ended * run as f64 / buckets);
            largest = largest.max(square / stamps * free(*ended));
        }
    }
    largest
}

/// Two degrees of freedom went into the line.
fn free(count: f64) -> f64 {
    count / (count - 2.0).max(0.5)
}
