//! Strays: a stamp or two far off the line between others that are on it, as that of a callback which came so late that
//! it was told the time of the next. A least-squares line would follow them, and be in doubt, for seconds.

use super::history::{CAPACITY, History, Point};

/// More than these in a row are none.
const MOST: usize = 2;
/// One in so many stamps is left out at most; where there are more they are what stamps are like.
const APART: u32 = 32;

/// A stream's first stamps are strays if they are further than so many interquartile ranges from the median, which takes
/// in three or four widths of any scatter; and no more of them than one in [`FIRST`].
const RANGES: f64 = 8.0;
const FIRST: usize = 6;

/// Leaves strays out of a stream's first stamps, which make the first line. Nothing nearer than `nearest` ns is one.
pub fn leave_out(history: &mut History, nearest: f64) {
    let mut room = [0.0; CAPACITY];
    let count = history.len().min(CAPACITY);
    let Some(values) = room.get_mut(..count) else { return };
    values.iter_mut().zip(history.buckets()).for_each(|(value, bucket)| *value = bucket.mean.y);
    values.sort_unstable_by(f64::total_cmp);
    let quantile = |part: usize| values.get(count * part / 4).copied().unwrap_or_default();
    let (median, range) = (quantile(2), quantile(3) - quantile(1));
    let is_near = |y: f64| (y - median).abs() <= (RANGES * range).max(nearest);
    let strays = values.iter().filter(|value| !is_near(**value)).count();
    if strays * FIRST <= count {
        history.retain(|bucket| is_near(bucket.mean.y));
    }
}

#[derive(Default)]
pub struct Strays {
    held: [Point; MOST],
    count: usize,
    /// Stamps that have been taken and allow others to be left out.
    credit: u32,
}

impl Strays {
    /// Whether `point` is held back. `is_far`: it is off the line.
    pub fn hold(&mut self, point: Point, is_far: bool) -> bool {
        if !is_far {
            self.credit =
                (self.credit.saturating_sub(self.count as u32 * APART) + 1).min(MOST as u32 * APART);
            self.count = 0;
            return false;
        }
        let holds = self.credit >= (self.count as u32 + 1) * APART;
        match self.held.get_mut(self.count).filter(|_| holds) {
            Some(slot) => {
                *slot = point;
                self.count += 1;
                true
            }
            None => false,
        }
    }

    /// Those that were held back and are none, oldest first.
    pub fn release(&mut self) -> impl Iterator<Item = Point> + use<> {
        let count = std::mem::take(&mut self.count);
        self.held.into_iter().take(count)
    }

    /// Holds none any more.
    pub fn forget(&mut self) {
        self.count = 0;
    }
}
