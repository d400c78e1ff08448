//! The shape of the stamps' errors: which estimator fits them, what counts as far out, and how much of the error
//! no data can show.

use super::Errs;
use super::clusters::{self, Clusters};
use super::correlation::independent;
use super::history::History;
use super::hull::Hull;
use super::line::Line;
use super::spread::Spread;
use super::squares::COVER;
use crate::memory::Ranges;

/// Skewness, (q95 + q05 − 2 q50) / (q95 − q05), above which errors count as lateness, and below which no more.
const SKEWED: [f64; 2] = [0.35, 0.2];
/// Fewest independent errors by which lateness is told from errors both ways for sure.
const SURE: f64 = 200.0;
/// Width of a Gaussian scatter, q95 − q05, in standard deviations.
const GAUSSIAN: f64 = 3.29;
/// Fewest stamps to judge by.
const FEWEST: f64 = 64.0;
/// The mean distance from the hull of the nearest 192 stamps, as a part of the farthest's: less than a half if
/// lateness begins with a sharp edge and thins out from there, two thirds if errors both ways have blunted the
/// edge. From the second figure on it counts as wholly blunt.
const EDGE: [f64; 2] = [0.47, 0.51];
const NEAREST: f64 = 192.0;
/// Bluntness above which the lows of stretches make a better line than the hull.
const BLUNT: f64 = 0.85;
/// Fewest buckets by which to choose between the two.
const PLENTY: f64 = 250.0;
/// Where a blunt edge leaves the true line in doubt: this part of all stamps lies below it, at most.
const DOUBT: f64 = 0.22;

/// Clusters are looked for between these quantiles.
const LEAST: f64 = 0.02;
const MOST: f64 = 0.98;

pub struct Shape {
    spread: Spread,
    errs: Errs,
    /// Whether enough stamps have been seen; the rest is void if not.
    pub known: bool,
    /// Whether the hull is the estimator.
    pub late: bool,
    /// Whether lateness has no sharp edge.
    pub blunt: bool,
    /// Beyond this, ns, a stamp may be part of a step.
    pub far: f64,
    /// Beyond this it is one if it is early and stamps are only ever late.
    pub early: f64,
    /// The width of the scatter.
    pub width: f64,
    /// Constant error that may be there unseen.
    pub hidden: f64,
    /// What errors come in, if they come in clusters and stamps are not only late.
    pub clusters: Option<Clusters>,
}

/// Before the shape is known: 2 ms.
const FAR: f64 = (1u64 << 21) as f64;

/// The edge of few stamps may be blunter than it looks: by the square of this over their number.
const FEW_STAMPS: f64 = 41.0;

impl Shape {
    pub fn add_memory(&self, ranges: &mut Ranges) {
        self.spread.add_memory(ranges);
    }

    pub fn new(errs: Errs) -> Self {
        let late = errs != Errs::BothWays;
        Self {
            spread: Spread::new(),
            errs,
            known: false,
            late,
            blunt: false,
            far: FAR,
            early: f64::INFINITY,
            width: 0.0,
            hidden: 0.0,
            clusters: None,
        }
    }

    pub fn forget(&mut self) {
        (self.known, self.blunt, self.clusters) = (false, false, None);
        self.late = self.errs != Errs::BothWays;
        (self.far, self.early, self.width, self.hidden) = (FAR, f64::INFINITY, 0.0, 0.0);
    }

    pub fn spread(&self) -> &Spread {
        &self.spread
    }

    /// Learns from the stamps' distances from `below`, the supporting line that `hull` has just found.
    pub fn learn(&mut self, history: &History, hull: &Hull, below: &Line) {
        self.spread.clear();
        for bucket in history.buckets() {
            self.spread.add(below.above(bucket.one));
        }
        let [q05, q50, q75, q95] = [0.05, 0.5, 0.75, 0.95].map(|share| self.spread.quantile(share));
        self.width = q95 - q05;
        let skewness = if self.width > 0.0 { (q95 + q05 - 2.0 * q50) / self.width } else { 0.0 };
        if self.errs != Errs::Late && history.total() >= FEWEST {
            let skewed = skewness > SKEWED[usize::from(self.late)];
            let unsure = self.errs == Errs::BothWays && !self.late;
            // Few independent errors are often skewed by chance.
            self.late = skewed && !(unsure && independent(history, below) < FEWEST);
        }
        self.known = true;
        self.early = 1.5 * q50;
        self.far = if self.late { 1.5 * q75 } else { 3.0 * (q95 - q50).max(q50 - q05) };
        self.clusters = match self.errs {
            Errs::Late => None,
            _ => clusters::of(history, below, self.spread.quantile(LEAST), self.spread.quantile(MOST)),
        };
        let (bluntness, doubtful) = self.bluntness(hull.lows(), history.total());
        if hull.lows().count() >= PLENTY {
            self.blunt = bluntness > BLUNT;
        }
        self.hidden = match (self.errs, self.late) {
            (Errs::BothWays, false) => 0.0,
            (Errs::Unknown, false) => 1.2 * q50,
            (Errs::BothWays, true) => self.spread.quantile(DOUBT),
            (Errs::Unknown, true) => {
                let independent = independent(history, below);
                match independent < SURE {
                    // What looks like lateness may be errors both ways of which a few periods are seen: about a mean
                    // that the newest end of a line misses by twice its standard error.
                    true => 1.2 * q50 + COVER * 2.0 * self.width / GAUSSIAN / independent.sqrt(),
                    false => self.spread.quantile(DOUBT) * doubtful,
                }
            }
            (Errs::Late, _) => self.spread.quantile(DOUBT) * doubtful,
        };
    }

    /// 0 for a sharp edge to 1 for a blunt one: as it looks, and as it may be by chance.
    fn bluntness(&self, lows: &Spread, stamps: f64) -> (f64, f64) {
        let nearest = (0.5 * lows.count()).min(NEAREST);
        if nearest < 16.0 {
            return if self.errs == Errs::Late { (0.0, 0.0) } else { (1.0, 1.0) };
        }
        let (mean, farthest) = lows.nearest(nearest / lows.count());
        let ratio = if farthest > 0.0 { mean / farthest } else { 0.0 };
        let blunt = |ratio: f64| ((ratio - EDGE[0]) / (EDGE[1] - EDGE[0])).clamp(0.0, 1.0);
        let few = FEW_STAMPS / stamps;
        (blunt(ratio), blunt(ratio + few * few))
    }
}
