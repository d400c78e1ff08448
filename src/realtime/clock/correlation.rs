//! Errors that go together with their neighbours, as those of a server that filters its clock.

use super::history::History;
use super::line::Line;

/// The correlations of neighbours that are tried begin with 0; each is this much nearer to 1 than the one before, so
/// that time constants of any size are as likely beforehand.
const NEARER: f64 = 0.7;
/// The longest time constant that is thought of, in windows. That covers errors whose time constant is two windows; of
/// those that go together for longer the scatter does not show how large they are.
const LONGEST: f64 = 8.0;
/// Enough trials for as many errors as there may be buckets.
const TRIALS: usize = 26;

/// What errors about a least-squares line show of themselves: sums over them in order, at equal distances.
#[derive(Clone, Copy, Debug, Default)]
pub struct Errors {
    pub count: f64,
    square: f64,
    product: f64,
    first: f64,
    last: f64,
}

/// Variances of independent errors that would give a line's mean and its slope the variances they have.
#[derive(Clone, Copy, Debug, Default)]
pub struct Variance {
    pub mean: f64,
    pub slope: f64,
}

/// What would be if neighbours were correlated by a certain amount.
#[derive(Clone, Copy, Debug, Default)]
struct Trial {
    /// The sum of squares of the innovations.
    square: f64,
    /// The likelihood, but for the power of `square` in it.
    likelihood: f64,
    /// Variances with innovations of variance 1.
    variance: Variance,
}

impl Errors {
    pub fn push(&mut self, error: f64) {
        if self.count == 0.0 {
            self.first = error;
        }
        self.square += error * error;
        self.product += error * self.last;
        self.last = error;
        self.count += 1.0;
    }

    /// The errors are taken for autoregressive of first order. How large their correlation is, few of them hardly
    /// show, the less so as the line has taken a part of them; so the variances are means over all correlations, each
    /// with its likelihood given what is left about the line (Harville 1974, Biometrika 61, p. 383).
    pub fn variance(&self) -> Variance {
        let mut trials = [Trial::default(); TRIALS];
        let (mut tried, mut apart, mut least) = (0, 1.0, f64::INFINITY);
        for trial in &mut trials {
            *trial = self.trial(apart);
            least = least.min(trial.square);
            tried += 1;
            apart *= NEARER;
            if apart * LONGEST * self.count < 1.0 {
                break;
            }
        }
        let freedom = (self.count - 2.0).max(0.5);
        let (mut weights, mut sum) = (0.0, Variance::default());
        for trial in trials.iter().take(tried) {
            let ratio = if trial.square > 0.0 { least / trial.square } else { 1.0 };
            let weight = trial.likelihood * power(ratio, freedom as u32).sqrt();
            let innovation = trial.square / freedom;
            weights += weight;
            sum.mean += weight * innovation * trial.variance.mean;
            sum.slope += weight * innovation * trial.variance.slope;
        }
        Variance { mean: sum.mean / weights, slope: sum.slope / weights }
    }

    /// A correlation of r = 1 − `apart`, by generalised least squares: with e the errors, x = −h … h their places and
    /// R the correlations of such a process, the sums e'R⁻¹e, 1'R⁻¹1, x'R⁻¹x, 1'R⁻¹e and x'R⁻¹e in closed form.
    fn trial(&self, apart: f64) -> Trial {
        let (n, r) = (self.count.max(3.0), 1.0 - apart);
        let half = 0.5 * (n - 1.0);
        let spread = n * (n * n - 1.0) / 12.0;
        let ones = apart * (1.0 + r + (n - 1.0) * apart);
        let places = spread * apart * apart + 2.0 * r * half * (1.0 + half * apart);
        let ends = self.first * self.first + self.last * self.last;
        let whole = self.square - 2.0 * r * self.product + r * r * (self.square - ends);
        let level = r * apart * (self.first + self.last);
        let tilt = r * (1.0 + half * apart) * (self.last - self.first);
        let square = whole - level * level / ones - tilt * tilt / places;
        Trial {
            // What rounding leaves is no evidence.
            square: square.max(f64::EPSILON * self.square),
            likelihood: (apart * (1.0 + r) / (ones * places)).sqrt(),
            variance: Variance { mean: n / ones, slope: spread / places },
        }
    }
}

/// How many independent errors the stamps' distances from `line` are worth.
pub fn independent(history: &History, line: &Line) -> f64 {
    let count = history.len() as f64;
    let mean = history.buckets().map(|bucket| line.above(bucket.one)).sum::<f64>() / count.max(1.0);
    let mut errors = Errors::default();
    for bucket in history.buckets() {
        errors.push(line.above(bucket.one) - mean);
    }
    let variance = errors.variance().mean;
    if variance > 0.0 { (errors.square / variance).min(count) } else { count }
}

/// `base` to the power of `exponent`, without the library's function.
fn power(base: f64, exponent: u32) -> f64 {
    let (mut left, mut square, mut product) = (exponent, base, 1.0);
    while left > 0 {
        if left & 1 == 1 {
            product *= square;
        }
        square *= square;
        left >>= 1;
    }
    product
}
