//! The supporting line below all stamps, for stamps that are only ever late.

use super::history::{CAPACITY, History, Point};
use super::line::{Line, Prior};
use super::spread::Spread;

/// The error is judged by the stamp that has this rank above the line.
const RANK: f64 = 16.0;
const COVER: f64 = 1.6;

/// Room for the lower convex hull of the buckets' lows.
pub struct Hull {
    points: Box<[Point; CAPACITY]>,
    len: usize,
    lows: Spread,
}

impl Hull {
    pub fn new() -> Self {
        Self { points: Box::new([Point::default(); CAPACITY]), len: 0, lows: Spread::new() }
    }

    /// How far the lows lie above the last line.
    pub fn lows(&self) -> &Spread {
        &self.lows
    }

    /// Of all lines below the stamps the one with the least sum of distances: the most likely for exponential
    /// lateness. It runs along the hull's edge that lies below the mean of the stamps' frames.
    pub fn fit(&mut self, history: &History, prior: Prior, x: f64, unsettled: f64) -> Line {
        self.build(history);
        let (own, _) = self.edge(history, x, prior.slope);
        let mut line = self.support(own, x);
        self.judge(history, &line);
        let span = history.span_to(x);
        let rank = RANK.min(0.5 * history.len() as f64);
        let depth = self.lows.quantile(rank / history.len().max(1) as f64);
        let own_error = if span > 0.0 { depth / span } else { f64::INFINITY };
        if !own_error.is_finite() {
            line = self.support(prior.slope, x);
            line.slope_error = prior.error;
        } else {
            let (slope, error) = prior.combine(own, own_error);
            line = self.support(slope, x);
            line.slope_error = error;
        }
        let newest = self.judge(history, &line);
        let depth = self.lows.quantile(rank / history.len().max(1) as f64);
        let few = if history.total() < 32.0 { unsettled / history.total() } else { 0.0 };
        line.error = if history.total() < 3.5 { unsettled } else { COVER * depth + newest + few };
        line
    }

    /// Lower convex hull by Andrew's monotone chain: the lows come ordered by frame.
    fn build(&mut self, history: &History) {
        self.len = 0;
        for bucket in history.buckets() {
            let next = bucket.low;
            while let Some([.., a, b]) = self.points.get(..self.len) {
                if (b.y - a.y) * (next.x - a.x) < (next.y - a.y) * (b.x - a.x) {
                    break;
                }
                self.len -= 1;
            }
            if let Some(slot) = self.points.get_mut(self.len) {
                *slot = next;
                self.len += 1;
            }
        }
    }

    fn vertices(&self) -> &[Point] {
        self.points.get(..self.len).unwrap_or_default()
    }

    /// Slope and length of the edge below the mean frame.
    fn edge(&self, history: &History, x: f64, otherwise: f64) -> (f64, f64) {
        let sum: f64 = history.buckets().map(|bucket| bucket.count * (bucket.mean.x - x)).sum();
        let mean = x + sum / history.total();
        for ends in self.vertices().windows(2) {
            if let [a, b] = ends
                && b.x >= mean
            {
                return ((b.y - a.y) / (b.x - a.x), b.x - a.x);
            }
        }
        (otherwise, 0.0)
    }

    /// The highest line of this slope below all stamps.
    fn support(&self, slope: f64, x: f64) -> Line {
        let y = self.vertices().iter().map(|point| point.y - slope * (point.x - x)).fold(f64::INFINITY, f64::min);
        Line { x, y, slope, ..Line::default() }
    }

    /// Gathers the lows' distances from `line`; gives the least of the newest eighth.
    fn judge(&mut self, history: &History, line: &Line) -> f64 {
        self.lows.clear();
        let from = history.len() - history.len() / 8;
        let mut newest = f64::INFINITY;
        for (n, bucket) in history.buckets().enumerate() {
            let above = line.above(bucket.low);
            self.lows.add(above);
            if n >= from {
                newest = newest.min(above);
            }
        }
        if newest.is_finite() { newest.max(0.0) } else { 0.0 }
    }
}
