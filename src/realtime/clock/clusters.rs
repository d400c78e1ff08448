//! Errors that come in clusters: neither lateness nor errors about a mean, so that nothing tells where the true line is.

use super::history::History;
use super::line::Line;

/// Bins between the ends of what is looked at, and the bins whose sum is compared.
const BINS: usize = 64;
const WIDTH: usize = 8;
/// Between two clusters a gap holds less than this part of the lesser's peak.
const SPARSE: u32 = 6;
/// Fewest stamps of a cluster, and the part of all.
const FEWEST: f64 = 3.0;
const PART: f64 = 0.045;
/// Part of all stamps that a cluster holds which may be the true one though others come before it.
const TRUE: f64 = 0.25;

/// Standard errors that the mean may be off by.
const ERRORS: f64 = 3.0;

/// Where the true line may be, ns above the line below all stamps.
#[derive(Clone, Copy, Debug)]
pub struct Clusters {
    /// The mean, or as far above as it may be.
    pub mean: f64,
    /// The same of the last cluster, if that may be the true one.
    pub last: Option<f64>,
}

impl Clusters {
    /// The farthest that the true line may be from one that lies `height` ns above the line below all stamps.
    pub fn undecided(&self, height: f64) -> f64 {
        let highest = self.last.map_or(self.mean, |last| last.max(self.mean));
        height.max(highest - height)
    }
}

/// The clusters of the stamps' distances from `below`; most lie between `from` and `to`.
pub fn of(history: &History, below: &Line, from: f64, to: f64) -> Option<Clusters> {
    let scale = BINS as f64 / (to - from);
    if !scale.is_finite() || scale <= 0.0 {
        return None;
    }
    let mut bins = [0u32; BINS];
    for bucket in history.buckets() {
        let bin = ((below.above(bucket.one) - from) * scale) as usize;
        if let Some(bin) = bins.get_mut(bin.min(BINS - 1)) {
            *bin += 1;
        }
    }
    let stamps = history.len() as f64;
    let gap = last_gap(&bins, (PART * stamps).max(FEWEST) as u32)?;
    let mut later = Sums::default();
    for (n, &bin) in bins.iter().enumerate().skip(gap) {
        later.add(bin as f64, from + (n as f64 + 0.5) / scale);
    }
    let mut all = Sums::default();
    for (n, &bin) in bins.iter().enumerate() {
        all.add(bin as f64, from + (n as f64 + 0.5) / scale);
    }
    let last = (later.count >= TRUE * stamps).then(|| later.highest_mean());
    Some(Clusters { mean: all.highest_mean(), last })
}

/// Sums over some of the stamps.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: f64,
    sum: f64,
    square: f64,
}

impl Sums {
    fn add(&mut self, count: f64, height: f64) {
        self.count += count;
        self.sum += count * height;
        self.square += count * height * height;
    }

    /// The mean, as high as it may be.
    fn highest_mean(&self) -> f64 {
        let mean = self.sum / self.count;
        let variance = (self.square / self.count - mean * mean).max(0.0);
        mean + ERRORS * (variance / self.count).sqrt()
    }
}

/// The bin from which on the last cluster lies. A gap has a peak to either side, each of a cluster of `fewest`.
fn last_gap(bins: &[u32; BINS], fewest: u32) -> Option<usize> {
    let mut before = [0; BINS + 1];
    for (n, bin) in bins.iter().enumerate() {
        before[n + 1] = before[n] + bin;
    }
    let held = |n: usize| before[n + WIDTH] - before[n];
    let last = BINS - WIDTH;
    let (mut peaks, mut peak) = ([0; BINS], 0);
    for (n, before) in peaks.iter_mut().enumerate().take(last + 1) {
        *before = peak;
        peak = peak.max(held(n));
    }
    peak = 0;
    for n in (0..=last).rev() {
        let lesser = peak.min(peaks[n]);
        let (early, late) = (before[n], before[BINS] - before[n + WIDTH]);
        if lesser > SPARSE * held(n) && early.min(late) >= fewest {
            return Some(n + WIDTH / 2);
        }
        peak = peak.max(held(n));
    }
    None
}
