//! A rate that changes within the window: the line through it lags behind, and what came first is of no use.

use super::history::History;
use super::line::Line;

/// Stretches that the window is divided into, and the fewest.
const STRETCHES: usize = 32;
const FEWEST: usize = 12;
/// Correlations of neighbouring stretches that may explain what looks like a bend, each with the weight that its
/// likelihood gives the sum of squares.
const CORRELATIONS: [(f64, f64); 4] = [(0.0, 1.0), (0.5, 1.009), (0.8, 1.032), (0.95, 1.075)];
/// A bend is certain if it is more likely than none by e to the power of this, and possible by the other.
const CERTAIN: f64 = 7.0;
const POSSIBLE: f64 = 0.5;
/// The same of the earliest stamps, whose distances are skewed, while the rate has been steady.
const POSSIBLE_LATE: f64 = 4.0;

/// How far the window's stamps leave a straight line as a parabola does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bend {
    /// By how much the line is off at the newest end because of it, ns; 0 if none is to be seen.
    pub lag: f64,
    /// Height of the parabola's ends above its middle, ns.
    pub height: f64,
    /// Whether the rate has surely changed.
    pub is_certain: bool,
}

/// Sums of products of 1, t, t² and the distances, less what the neighbour tells of them.
type Sums = [[f64; 4]; 4];

/// The bend about `line`. `late`: the earliest stamps count, not the mean. Errors that go together with their
/// neighbours bend too; they are taken for a bend only where no correlation explains them as well, and never for one
/// that is higher than `highest` ns. `wanders`: the rate has been seen to change of late.
pub fn of(history: &History, line: &Line, late: bool, wanders: bool, highest: f64) -> Bend {
    let count = history.len().min(STRETCHES);
    let mut room = [0.0; STRETCHES];
    let Some(heights) = room.get_mut(..count).filter(|_| count >= FEWEST) else { return Bend::default() };
    gather(history, line, late, heights);
    let (mut straight, mut bent, mut height) = (f64::INFINITY, f64::INFINITY, 0.0);
    for (correlation, weight) in CORRELATIONS {
        let (without, with, curve) = squares(sums(heights, correlation));
        straight = f64::min(straight, without * weight);
        if with * weight < bent {
            (bent, height) = (with * weight, curve);
        }
    }
    let proves = |power: f64| straight > bent * grown(2.0 * power / count as f64);
    if height.abs() > highest || !proves(if late && !wanders { POSSIBLE_LATE } else { POSSIBLE }) {
        return Bend::default();
    }
    let newest = heights.iter().skip(count - count / 8).fold(f64::INFINITY, |least, &low| least.min(low));
    let lag = match late {
        // Off by no more than the newest are above it; what lies between is in its error already.
        true if height > 0.0 => height.min(newest).max(0.0),
        true => -height,
        // Off by two thirds of the height at the end, and the height is known to a part only.
        false => height.abs() * 5.0 / 6.0,
    };
    Bend { lag, height, is_certain: proves(CERTAIN) }
}

/// Height of each stretch above the line.
fn gather(history: &History, line: &Line, late: bool, heights: &mut [f64]) {
    let (buckets, count) = (history.len(), heights.len());
    heights.fill(if late { f64::INFINITY } else { 0.0 });
    let mut members = [0.0; STRETCHES];
    for (n, bucket) in history.buckets().enumerate() {
        let stretch = n * count / buckets;
        let (Some(height), Some(members)) = (heights.get_mut(stretch), members.get_mut(stretch)) else {
            break;
        };
        *members += 1.0;
        match late {
            true => *height = height.min(line.above(bucket.low)),
            false => *height += (line.above(bucket.mean) - *height) / *members,
        }
    }
}

fn sums(heights: &[f64], correlation: f64) -> Sums {
    let mut sums = Sums::default();
    let half = 0.5 * (heights.len() - 1) as f64;
    let mut last = [0.0; 4];
    for (n, &height) in heights.iter().enumerate() {
        let t = n as f64 / half - 1.0;
        let row = [1.0, t, t * t, height];
        let new = match n {
            0 => row.map(|value| value * (1.0 - correlation * correlation).sqrt()),
            _ => std::array::from_fn(|k| row[k] - correlation * last[k]),
        };
        last = row;
        for k in 0..4 {
            for l in 0..=k {
                sums[k][l] += new[k] * new[l];
            }
        }
    }
    sums
}

/// The sums of squares that are left about a straight line and about a parabola, and the height of the latter: by
/// elimination.
fn squares(mut sums: Sums) -> (f64, f64, f64) {
    let whole = sums[3][3];
    for pivot in 0..2 {
        eliminate(&mut sums, pivot);
    }
    let without = sums[3][3];
    let height = sums[3][2] / sums[2][2];
    let with = without - height * sums[3][2];
    // What rounding leaves is no evidence.
    let least = 1e-12 * whole + 1.0;
    (without.max(least), with.max(least), height)
}

fn eliminate(sums: &mut Sums, pivot: usize) {
    let row = sums.map(|line| line[pivot]);
    for (k, line) in sums.iter_mut().enumerate().skip(pivot + 1) {
        let share = row[k] / row[pivot];
        for (value, other) in line.iter_mut().zip(row).take(k + 1).skip(pivot + 1) {
            *value -= share * other;
        }
    }
}

/// The exponential function for small powers.
fn grown(power: f64) -> f64 {
    1.0 + power * (1.0 + power / 2.0 * (1.0 + power / 3.0 * (1.0 + power / 4.0)))
}
