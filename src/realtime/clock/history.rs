//! The stamps of the last 40 s, gathered into at most [`CAPACITY`] buckets.

use std::collections::VecDeque;

use crate::memory::Ranges;

/// Most buckets.
pub const CAPACITY: usize = 512;
/// A clock that wanders by 1 ppm a minute strays 2.3 µs from a straight line at the newest end of 40 s, and 30 s
/// are what a drift known to 0.05 ppm needs.
const WINDOW_S: f64 = 40.0;
/// The finest bucket is this many halvings of the coarsest, so that the first seconds keep each stamp.
const HALVINGS: u32 = 7;

/// Frames since the origin, and ns by which the host's time differs from nominal there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// The stamps of a stretch of frames.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    id: i64,
    pub count: f64,
    pub mean: Point,
    /// The earliest against the line of the time.
    pub low: Point,
    /// The first to come: a fair sample.
    pub one: Point,
}

impl Bucket {
    fn absorb(&mut self, later: &Bucket, slope: f64) {
        let count = self.count + later.count;
        let share = later.count / count;
        self.count = count;
        self.mean.x += (later.mean.x - self.mean.x) * share;
        self.mean.y += (later.mean.y - self.mean.y) * share;
        if later.low.y - self.low.y < slope * (later.low.x - self.low.x) {
            self.low = later.low;
        }
    }
}

pub struct History {
    buckets: VecDeque<Bucket>,
    /// Frames of the finest bucket.
    finest: i64,
    doublings: u32,
    window: f64,
    total: f64,
}

impl History {
    /// While it is empty.
    pub fn add_memory(&self, ranges: &mut Ranges) {
        ranges.add_deque(&self.buckets);
    }

    pub fn new(sample_rate_hz: u32) -> Self {
        let window = WINDOW_S * sample_rate_hz as f64;
        let coarsest = (window / (CAPACITY - 1) as f64) as i64 + 1;
        Self {
            buckets: VecDeque::with_capacity(CAPACITY),
            finest: (coarsest >> HALVINGS) + 1,
            doublings: 0,
            window,
            total: 0.0,
        }
    }

    pub fn clear(&mut self) {
        self.buckets.clear();
        self.doublings = 0;
        self.total = 0.0;
    }

    /// Buckets, oldest first.
    pub fn buckets(&self) -> impl Iterator<Item = &Bucket> + Clone {
        self.buckets.iter()
    }

    pub fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Stamps in the window.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Frames from the first bucket to `x`.
    pub fn span_to(&self, x: f64) -> f64 {
        self.buckets.front().map_or(0.0, |bucket| x - bucket.mean.x)
    }

    /// Adds a stamp later than all others. `slope`: of the line that decides which is the earliest.
    pub fn push(&mut self, point: Point, slope: f64) {
        let id = (point.x as i64 / self.finest) >> self.doublings;
        let bucket = Bucket { id, count: 1.0, mean: point, low: point, one: point };
        self.total += 1.0;
        match self.buckets.back_mut() {
            Some(last) if last.id == id => last.absorb(&bucket, slope),
            _ => self.append(bucket, slope),
        }
    }

    fn append(&mut self, mut bucket: Bucket, slope: f64) {
        while self.buckets.len() >= CAPACITY && self.doublings < HALVINGS {
            self.double(slope);
            bucket.id >>= 1;
        }
        while self
            .buckets
            .front()
            .is_some_and(|first| self.buckets.len() >= CAPACITY || bucket.mean.x - first.mean.x > self.window)
        {
            self.total -= self.buckets.pop_front().map_or(0.0, |first| first.count);
        }
        self.buckets.push_back(bucket);
    }

    /// Leaves out the buckets that are not to be kept.
    pub fn retain(&mut self, is_kept: impl Fn(&Bucket) -> bool) {
        self.buckets.retain(is_kept);
        self.count();
    }

    /// Leaves out the older half of the buckets.
    pub fn forget_older(&mut self) {
        self.buckets.drain(..self.buckets.len() / 2);
        self.count();
    }

    fn count(&mut self) {
        self.total = self.buckets.iter().map(|bucket| bucket.count).sum();
    }

    /// Makes each bucket twice as long.
    fn double(&mut self, slope: f64) {
        self.doublings += 1;
        let mut kept = 0;
        for next in 0..self.buckets.len() {
            let Some(mut bucket) = self.buckets.get(next).copied() else { break };
            bucket.id >>= 1;
            match self.buckets.get_mut(kept) {
                Some(last) if next > 0 && last.id == bucket.id => last.absorb(&bucket, slope),
                _ => {
                    kept += usize::from(next > 0);
                    if let Some(slot) = self.buckets.get_mut(kept) {
                        *slot = bucket;
                    }
                }
            }
        }
        self.buckets.truncate(kept + 1);
    }
}
