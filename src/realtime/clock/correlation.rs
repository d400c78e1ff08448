//! Errors that go together with their neighbours, as those of a server that filters its clock.

use super::history::History;
use super::line::Line;

/// Standard deviations by which the correlation of neighbours may be larger than it is found.
const SURE: f64 = 2.0;
/// Correlations nearer to 1 than this divided by their number are not told from it.
const LONGEST: f64 = 3.0;

/// Of the stamps' distances from `line`, about their mean.
pub fn inflation_about(history: &History, line: &Line) -> f64 {
    let count = history.len() as f64;
    let mean = history.buckets().map(|bucket| line.above(bucket.one)).sum::<f64>() / count.max(1.0);
    let (mut square, mut product, mut before) = (0.0, 0.0, 0.0);
    for bucket in history.buckets() {
        let error = line.above(bucket.one) - mean;
        square += error * error;
        product += error * before;
        before = error;
    }
    inflation(if square > 0.0 { product / square } else { 0.0 }, count)
}

/// By how much errors of this correlation with their neighbours, found in `count` of them, make the variance of
/// sums larger than independent ones do. They are taken for autoregressive of first order: innovations of variance
/// s² give sums (s / (1 − r))². The correlation found about a fitted line is (2 + 4 r) / count too small on average
/// (after Marriott and Pope 1954, Biometrika 41, p. 390, and Kendall, p. 403), with a standard deviation of
/// √((1 − r²) / count) (Bartlett 1946, J. R. Stat. Soc. Suppl. 8, p. 27): `r` is the upper bound, as far as so many
/// errors can tell it from 1.
pub fn inflation(found: f64, count: f64) -> f64 {
    let unbiased = ((found + 2.0 / count) / (1.0 - 4.0 / count.max(8.0))).clamp(0.0, 1.0);
    let bound = unbiased + SURE * ((1.0 - unbiased * unbiased) / count).sqrt();
    let r = bound.min(1.0 - LONGEST / count.max(2.0 * LONGEST));
    (1.0 - 2.0 * r * found + r * r) / ((1.0 - r) * (1.0 - r))
}
