//! What the pairs come to: lag, spread, range and drift.

use serde::Serialize;

use super::matching::Matches;
use crate::report::Refusal;
use crate::stats::{Distribution, Line};

/// What makes the lag known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Basis {
    /// The recorder's clock is the host's.
    SameClock,
    /// The recorder marked when each sound was due.
    Reference,
    /// Nothing: the lag is not known.
    Unknown,
}

/// What was found. Errors are positive for a sound that came later than its receipt says.
#[derive(Debug, Serialize)]
pub struct Fitted {
    pub basis: Basis,
    pub pairs: usize,
    /// Receipts without an onset.
    pub missing: usize,
    /// Onsets without a receipt.
    pub spurious: usize,
    pub in_order: bool,
    /// How much more seconds than the host's the recorder's clock counts.
    pub drift_ppm: f64,
    pub drift_standard_error_ppm: f64,
    /// About the mean lag, or about the straight line from the host's clock to the recorder's.
    pub error_us: Distribution,
    /// `None` where it cannot be known.
    pub lag_us: Option<f64>,
    pub lag_standard_error_us: Option<f64>,
    /// To be set with `sonset_stream_set_latency_bias`, beyond what was set when the log was written.
    pub bias_ns: Option<i64>,
    /// Seconds since the first receipt.
    pub times_s: Vec<f64>,
    pub errors_us: Vec<f64>,
}

impl Fitted {
    /// Of onsets that were paired with receipts.
    pub fn new(due: &[f64], heard: &[f64], matches: &Matches, basis: Basis) -> Result<Self, Refusal> {
        let points: Vec<(f64, f64)> = matches.pairs.iter().map(|pair| (due[pair.0], heard[pair.1])).collect();
        let line = line(&points)?;
        let errors: Vec<(f64, f64)> = match basis {
            Basis::SameClock => points.iter().map(|point| (point.0, point.1 - point.0)).collect(),
            _ => points.iter().map(|point| (point.0, (point.1 - line.at(point.0)) / line.slope)).collect(),
        };
        let counts = Counts {
            due: due.len(),
            heard: heard.len(),
            in_order: matches.in_order,
            slope_error: line.slope_error(&points),
        };
        Ok(Self::of(basis, &errors, line, counts))
    }

    /// Of onsets that were paired with marks, and marks that were paired with receipts: the lag lies between mark
    /// and onset, and the recorder's clock matters for that short time only.
    pub fn by_reference(
        due: &[f64],
        marks: &[f64],
        heard: &[f64],
        marked: &Matches,
        lags: &Matches,
    ) -> Result<Self, Refusal> {
        let points: Vec<(f64, f64)> = marked.pairs.iter().map(|pair| (due[pair.0], marks[pair.1])).collect();
        let line = line(&points)?;
        let onset = |mark: usize| lags.pairs.binary_search_by_key(&mark, |pair| pair.0).ok();
        let both = marked.pairs.iter().filter_map(|pair| Some((pair, lags.pairs[onset(pair.1)?])));
        let errors: Vec<(f64, f64)> =
            both.map(|(pair, lag)| (due[pair.0], (heard[lag.1] - marks[pair.1]) / line.slope)).collect();
        let in_order = marked.in_order || lags.in_order;
        let counts =
            Counts { due: due.len(), heard: heard.len(), in_order, slope_error: line.slope_error(&points) };
        Ok(Self::of(Basis::Reference, &errors, line, counts))
    }

    /// `lags` are seconds since the first receipt and seconds late, by the host's clock.
    fn of(basis: Basis, lags: &[(f64, f64)], line: Line, counts: Counts) -> Self {
        let late_us: Vec<f64> = lags.iter().map(|lag| lag.1 * 1e6).collect();
        let mean = Distribution::of(&late_us).unwrap_or_default().mean;
        let errors_us: Vec<f64> = late_us.iter().map(|late| late - mean).collect();
        let error_us = Distribution::of(&errors_us).unwrap_or_default();
        let lag_us = (basis != Basis::Unknown).then_some(mean);
        Self {
            basis,
            pairs: lags.len(),
            missing: counts.due - lags.len(),
            spurious: counts.heard - lags.len(),
            in_order: counts.in_order,
            drift_ppm: (line.slope - 1.0) * 1e6,
            drift_standard_error_ppm: counts.slope_error * 1e6,
            lag_us,
            lag_standard_error_us: lag_us.map(|_| error_us.sd / (lags.len() as f64).sqrt()),
            bias_ns: lag_us.map(|lag| (lag * 1e3).round() as i64),
            error_us,
            times_s: lags.iter().map(|lag| lag.0).collect(),
            errors_us,
        }
    }

    /// The lag of each onset, where it is known.
    pub fn lags_us(&self) -> Vec<f64> {
        let lag = self.lag_us.unwrap_or(0.0);
        self.errors_us.iter().map(|error| error + lag).collect()
    }
}

struct Counts {
    due: usize,
    heard: usize,
    in_order: bool,
    /// Of the line from clock to clock.
    slope_error: f64,
}

fn line(points: &[(f64, f64)]) -> Result<Line, Refusal> {
    Line::through(points).ok_or_else(|| {
        Refusal::new("no match", "the matched sounds are all at one time: nothing can be fitted")
    })
}
