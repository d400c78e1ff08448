//! A change of what stamps are like: a server whose own clock had to settle first, or a step too slow to be seen as one.
//! A line through what came before it is of no use, and in doubt as long as that is in the window.

use super::history::{Bucket, History};

/// Before a change stamps are so many times as far from one line through all as they scatter about one through the newer
/// half. Errors that go together for long do up to three times, and a clock that wanders steadily four.
const FACTOR: f64 = 8.0;
/// Fewest buckets of the newer half, and the part of all that are the oldest.
const FEWEST: usize = 16;
const OLDEST: usize = 8;

/// Whether the older half of `history` differs from the newer so much that it tells nothing of it. Scatter below
/// `least` ns is none.
pub fn is_in_the_way(history: &History, least: f64) -> bool {
    let (all, newer) = (history.buckets(), history.buckets().skip(history.len() / 2));
    if newer.clone().count() < FEWEST {
        return false;
    }
    let level = FACTOR * distance(newer.clone(), &Straight::through(newer)).max(least);
    let line = Straight::through(all.clone());
    distance(all.clone(), &line) > level || distance(all.take(history.len() / OLDEST), &line) > level
}

/// A straight line.
struct Straight {
    x: f64,
    y: f64,
    slope: f64,
}

impl Straight {
    /// That of least squares, each bucket counting once.
    fn through<'a>(buckets: impl Iterator<Item = &'a Bucket> + Clone) -> Self {
        let (mut count, mut x, mut y) = (0.0, 0.0, 0.0);
        for bucket in buckets.clone() {
            count += 1.0;
            x += (bucket.mean.x - x) / count;
            y += (bucket.mean.y - y) / count;
        }
        let (mut xx, mut xy) = (0.0, 0.0);
        for bucket in buckets {
            let dx = bucket.mean.x - x;
            xx += dx * dx;
            xy += dx * (bucket.mean.y - y);
        }
        Self { x, y, slope: if xx > 0.0 { xy / xx } else { 0.0 } }
    }
}

/// Mean distance of the buckets from a line.
fn distance<'a>(buckets: impl Iterator<Item = &'a Bucket>, line: &Straight) -> f64 {
    let (mut count, mut sum) = (0.0, 0.0);
    for bucket in buckets {
        count += 1.0;
        sum += (bucket.mean.y - line.y - line.slope * (bucket.mean.x - line.x)).abs();
    }
    sum / f64::max(count, 1.0)
}
