//! A straight line with its errors.

use super::history::Point;

/// `y` at `x`, and on from there by `slope`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line {
    pub x: f64,
    pub y: f64,
    /// ns per frame more than nominal.
    pub slope: f64,
    /// One standard deviation, about.
    pub slope_error: f64,
    /// Bound of the error at `x`.
    pub error: f64,
}

impl Line {
    pub fn at(&self, x: f64) -> f64 {
        self.y + self.slope * (x - self.x)
    }

    /// How far `point` lies above.
    pub fn above(&self, point: Point) -> f64 {
        point.y - self.at(point.x)
    }
}

/// What is known of the slope without the window's stamps: the nominal rate, or the rate before a step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prior {
    pub slope: f64,
    pub error: f64,
}

impl Prior {
    /// The slope that follows from `slope`, known to `error`, and the prior; and its error.
    pub fn combine(&self, slope: f64, error: f64) -> (f64, f64) {
        if !error.is_finite() {
            return (self.slope, self.error);
        }
        let (ours, theirs) = (self.error * self.error, error * error);
        let weight = if ours > 0.0 { ours / (ours + theirs) } else { 0.0 };
        (self.slope + weight * (slope - self.slope), (weight * theirs).sqrt())
    }
}
