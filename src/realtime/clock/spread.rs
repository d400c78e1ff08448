//! How far values lie above a line: a histogram with eight bins to the octave, read from the bits of a float.

use crate::memory::Ranges;

const PER_OCTAVE: usize = 8;
/// Octaves of ns: the last begins at 18 minutes.
pub const OCTAVES: usize = 40;
const BINS: usize = OCTAVES * PER_OCTAVE;
/// Bits of 1.0 with all but three bits of mantissa shifted out.
const ONE: u64 = 1.0f64.to_bits() >> 49;

/// Counts of values of 1 ns and more, by size; smaller ones and negative ones count as below.
pub struct Spread {
    bins: Box<[u16; BINS]>,
    below: u16,
    count: u16,
}

impl Spread {
    pub fn add_memory(&self, ranges: &mut Ranges) {
        ranges.add(&self.bins[..]);
    }

    pub fn new() -> Self {
        Self { bins: Box::new([0; BINS]), below: 0, count: 0 }
    }

    pub fn clear(&mut self) {
        self.bins.fill(0);
        self.below = 0;
        self.count = 0;
    }

    pub fn add(&mut self, ns: f64) {
        self.count = self.count.saturating_add(1);
        if ns.is_nan() || ns < 1.0 {
            self.below = self.below.saturating_add(1);
            return;
        }
        let bin = ((ns.to_bits() >> 49) - ONE) as usize;
        if let Some(bin) = self.bins.get_mut(bin.min(BINS - 1)) {
            *bin = bin.saturating_add(1);
        }
    }

    pub fn count(&self) -> f64 {
        self.count as f64
    }

    /// The value below which the part `share` of all values lies; within a bin as if they lay evenly.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut left = share * self.count as f64 - self.below as f64;
        if left <= 0.0 {
            return 0.0;
        }
        for (n, &bin) in self.bins.iter().enumerate() {
            if bin as f64 >= left {
                let (from, to) = (edge(n), edge(n + 1));
                return from + (to - from) * left / bin as f64;
            }
            left -= bin as f64;
        }
        edge(BINS)
    }

    /// Mean of the part `share` of all values that is nearest to 0, and the farthest of them.
    pub fn nearest(&self, share: f64) -> (f64, f64) {
        let farthest = self.quantile(share);
        let mut left = share * self.count as f64;
        let mut sum = 0.0;
        left -= self.below as f64;
        for (n, &bin) in self.bins.iter().enumerate() {
            if left <= 0.0 {
                break;
            }
            sum += 0.5 * (edge(n) + edge(n + 1).min(farthest)) * left.min(bin as f64);
            left -= bin as f64;
        }
        (sum / (share * self.count as f64), farthest)
    }

    /// For each octave how many values reach it or go beyond.
    pub fn tail(&self) -> [u16; OCTAVES] {
        let mut tail = [0; OCTAVES];
        let mut beyond = 0;
        for (slot, bins) in tail.iter_mut().zip(self.bins.chunks(PER_OCTAVE)).rev() {
            beyond += bins.iter().sum::<u16>();
            *slot = beyond;
        }
        tail
    }
}

/// Lower edge of a bin, ns.
fn edge(bin: usize) -> f64 {
    f64::from_bits((ONE + bin as u64) << 49)
}
