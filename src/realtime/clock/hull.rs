//! The supporting line below all stamps, for stamps that are only ever late.

use super::history::{CAPACITY, History, Point};
use super::line::{Line, Prior};
use super::lows;
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

    /// The line below the stamps, its slope held to `prior` as far as they know no better. `blunt`: lateness has
    /// no sharp edge. `unsettled` ns are the error of a line through a stamp or two.
    pub fn fit(&mut self, history: &History, prior: Prior, x: f64, unsettled: f64, blunt: bool) -> Line {
        self.build(history);
        let own = self.support(self.edge(history, x).unwrap_or(prior.slope), x);
        self.judge(history, &own);
        let span = history.span_to(x);
        // A few stamps may lie in line by chance.
        let few = if history.total() < 32.0 { unsettled / history.total() } else { 0.0 };
        let lows = if blunt { lows::fit(history, &own, prior) } else { None };
        let mut line = lows.unwrap_or_else(|| {
            let error = if span > 0.0 { (self.depth(history) + few) / span } else { f64::INFINITY };
            let (slope, slope_error) = prior.combine(own.slope, error);
            Line { slope_error, ..self.support(slope, x) }
        });
        let newest = self.judge(history, &line);
        line.error =
            if history.total() < 3.5 { unsettled } else { COVER * self.depth(history) + newest + few };
        line
    }

    /// How far the stamp of rank [`RANK`] lies above the last line.
    fn depth(&self, history: &History) -> f64 {
        let buckets = history.len().max(1) as f64;
        self.lows.quantile(RANK.min(0.5 * buckets) / buckets)
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

    /// Slope of the edge below the mean frame. Of all lines below the stamps the one along it has the least sum
    /// of distances: the most likely for exponential lateness.
    fn edge(&self, history: &History, x: f64) -> Option<f64> {
        let sum: f64 = history.buckets().map(|bucket| bucket.count * (bucket.mean.x - x)).sum();
        let mean = x + sum / history.total();
        self.vertices().windows(2).find_map(|ends| match ends {
            [a, b] if b.x >= mean => Some((b.y - a.y) / (b.x - a.x)),
            _ => None,
        })
    }

    /// The highest line of this slope below all stamps.
    fn support(&self, slope: f64, x: f64) -> Line {
        let y =
            self.vertices().iter().map(|point| point.y - slope * (point.x - x)).fold(f64::INFINITY, f64::min);
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
