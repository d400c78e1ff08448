//! The supporting line below all stamps, for stamps that are only ever late.

use super::history::{CAPACITY, History, Point};
use super::line::{Line, Prior};
use super::lows;
use super::spread::Spread;
use crate::memory::Ranges;

/// The error is judged by the stamp that has this rank above the line.
const RANK: f64 = 16.0;
const COVER: f64 = 1.2;

/// A prior that moves the slope by less than this over the window, ns, is none.
const TOLD: f64 = 500.0;

/// Integrals over the slope: of the weight, of slope and height times it.
#[derive(Clone, Copy, Default)]
struct Sums {
    weight: f64,
    slope: f64,
    height: f64,
}

impl Sums {
    /// Adds slopes from `from` on over `length`, to one side, over which the weight falls from `weight` by `rate`, and
    /// the height from `height` by `lever`. Gives the weight at their end.
    #[allow(clippy::too_many_arguments)]
    fn add(
        &mut self,
        weight: f64,
        rate: f64,
        from: f64,
        length: f64,
        height: f64,
        lever: f64,
        right: bool,
    ) -> f64 {
        let fallen = if length.is_finite() { exp_minus(rate * length) } else { 0.0 };
        let linear = if fallen > 0.0 { fallen * (1.0 + rate * length) } else { 0.0 };
        let area = weight * (1.0 - fallen) / rate;
        let moment = weight * (1.0 - linear) / (rate * rate);
        self.weight += area;
        self.slope += if right { from * area + moment } else { -(from * area + moment) };
        self.height += height * area - lever * moment;
        weight * fallen
    }
}

/// exp(−t) for t ≥ 0, to a thousandth where it counts: (1 − t/2¹⁰ + …)^(2¹⁰), without the library's function.
fn exp_minus(t: f64) -> f64 {
    if t > 24.0 {
        return 0.0;
    }
    let small = t / 1_024.0;
    let mut power = 1.0 - small * (1.0 - 0.5 * small * (1.0 - small / 3.0));
    for _ in 0..10 {
        power *= power;
    }
    power
}

fn mean_frame(history: &History, x: f64) -> f64 {
    let sum: f64 = history.buckets().map(|bucket| bucket.count * (bucket.mean.x - x)).sum();
    x + sum / history.total()
}

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

    pub fn add_memory(&self, ranges: &mut Ranges) {
        ranges.add(&self.points[..]);
        self.lows.add_memory(ranges);
    }

    /// How far the lows lie above the last line.
    pub fn lows(&self) -> &Spread {
        &self.lows
    }

    /// The line below the stamps, its slope held to `prior` as far as they know no better. `blunt`: lateness has
    /// no sharp edge. `unsettled` ns are the error of a line through a stamp or two.
    pub fn fit(&mut self, history: &History, prior: Prior, x: f64, unsettled: f64, blunt: bool) -> Line {
        self.build(history);
        let mean = mean_frame(history, x);
        let edge = self.edge(mean);
        let own = self.support(edge.map_or(prior.slope, |edge| self.slope(edge)), x);
        self.judge(history, &own);
        let span = history.span_to(x);
        // A few stamps may lie in line by chance.
        let few = if history.total() < 32.0 { unsettled / history.total() } else { 0.0 };
        let lows = if blunt { lows::fit(history, &own, prior) } else { None };
        let mut line = lows.unwrap_or_else(|| {
            let error = if span > 0.0 { (self.depth(history) + few) / span } else { f64::INFINITY };
            let likely = edge.and_then(|edge| self.likely(edge, history, mean, x));
            let (slope, slope_error) = prior.combine(likely.map_or(own.slope, |line| line.slope), error);
            match likely {
                // The prior has hardly a say.
                Some(line) if (slope - line.slope).abs() * span < TOLD => Line { slope_error, ..line },
                _ => Line { slope_error, ..self.support(slope, x) },
            }
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

    /// The edge below `mean`, the mean frame, by the number of its first vertex. Of all lines below the stamps the one
    /// along it has the least sum of distances: the most likely for exponential lateness.
    fn edge(&self, mean: f64) -> Option<usize> {
        self.vertices().windows(2).position(|ends| matches!(ends, [_, b] if b.x >= mean))
    }

    /// Slope of an edge.
    fn slope(&self, edge: usize) -> f64 {
        match self.vertices().get(edge..edge + 2) {
            Some([a, b]) => (b.y - a.y) / (b.x - a.x),
            _ => 0.0,
        }
    }

    /// The mean of all lines below the stamps, each with the likelihood that it has for exponential lateness: the
    /// estimator of least mean square error (Pitman 1939, Biometrika 30, p. 391). A line of height u at the mean
    /// frame has a likelihood in proportion to exp(n u / scale), so for one slope the mean of u lies scale / n below
    /// the highest line; over the slopes, between those of two neighbouring edges, the highest line turns about their
    /// vertex, and all integrals are those of an exponential. None where the lateness has no scale.
    fn likely(&self, edge: usize, history: &History, mean: f64, x: f64) -> Option<Line> {
        let n = history.total();
        let buckets = history.len().max(1) as f64;
        // Of the lows of buckets of n / buckets stamps, half lie below this.
        let scale = self.lows.quantile(0.5) * (n / buckets) / std::f64::consts::LN_2;
        let (middle, top) = (self.slope(edge), self.support(self.slope(edge), mean).y);
        if n < 32.0 || scale <= 0.0 || !scale.is_finite() {
            return None;
        }
        let mut sums = Sums::default();
        for right in [true, false] {
            let (mut weight, mut from, mut height) = (1.0, 0.0, top);
            let mut vertex = if right { edge + 1 } else { edge };
            while let Some(point) = self.vertices().get(vertex)
                && weight > 1e-9
            {
                let lever = if right { point.x - mean } else { mean - point.x };
                let next = if right { Some(vertex) } else { vertex.checked_sub(1) };
                let last = right && vertex + 1 >= self.len || !right && vertex == 0;
                let length = match next {
                    Some(next) if !last => (self.slope(next) - middle).abs() - from,
                    _ => f64::INFINITY,
                };
                if lever > 0.0 {
                    weight = sums.add(weight, n * lever / scale, from, length, height, lever, right);
                    height -= lever * length;
                }
                if last {
                    break;
                }
                from += length;
                vertex = if right { vertex + 1 } else { vertex - 1 };
            }
        }
        let slope = middle + sums.slope / sums.weight;
        let y = sums.height / sums.weight - scale / n + slope * (x - mean);
        (y.is_finite() && slope.is_finite()).then_some(Line { x, y, slope, ..Line::default() })
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
