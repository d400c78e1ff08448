//! Least squares through the earliest stamps of equal stretches, for lateness whose edge errors both ways have
//! blunted: there the hull hangs on chance stamps.

use super::history::{History, Point};
use super::line::{Line, Prior};

const STRETCHES: usize = 8;

/// The line through the lows, found as a correction of `below`. `None` if there are too few.
pub fn fit(history: &History, below: &Line, prior: Prior) -> Option<Line> {
    let lows = lows(history, below)?;
    let count = STRETCHES as f64;
    let mean_x = lows.iter().map(|low| low.x).sum::<f64>() / count;
    let mean_y = lows.iter().map(|low| low.y).sum::<f64>() / count;
    let xx = lows.iter().map(|low| (low.x - mean_x) * (low.x - mean_x)).sum::<f64>();
    let xy = lows.iter().map(|low| (low.x - mean_x) * (low.y - mean_y)).sum::<f64>();
    let yy = lows.iter().map(|low| (low.y - mean_y) * (low.y - mean_y)).sum::<f64>();
    if xx <= 0.0 {
        return None;
    }
    let more = xy / xx;
    let variance = (yy - more * xy).max(0.0) / (count - 2.0);
    let (slope, slope_error) = prior.combine(below.slope + more, (variance / xx).sqrt());
    Some(Line { y: below.y + mean_y - (slope - below.slope) * mean_x, slope, slope_error, ..*below })
}

/// Frames from the line's, and distance above it, of the earliest stamp of each stretch.
fn lows(history: &History, below: &Line) -> Option<[Point; STRETCHES]> {
    let buckets = history.len();
    if buckets < 2 * STRETCHES {
        return None;
    }
    let mut lows = [Point { x: 0.0, y: f64::INFINITY }; STRETCHES];
    for (n, bucket) in history.buckets().enumerate() {
        let above = below.above(bucket.low);
        if let Some(low) = lows.get_mut(n * STRETCHES / buckets)
            && above < low.y
        {
            *low = Point { x: bucket.low.x - below.x, y: above };
        }
    }
    Some(lows)
}
