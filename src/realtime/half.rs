//! The time of one half of a stream: which fit is to be trusted, and what the user knows beyond it.

use super::block::BlockTime;
use super::clock::{ClockFit, Errs, Fit, Stamps};
use crate::memory::Ranges;
use crate::receipt::{LatencySource, NONE};
use crate::shared::Biases;

/// What a half is told when its stream is opened.
#[derive(Clone, Copy, Debug)]
pub struct HalfParts {
    /// Whether it is the playback half.
    pub plays: bool,
    /// Rate in hertz.
    pub sample_rate_hz: u32,
    /// Which way the backend's stamps err.
    pub errs: Errs,
    /// Reported latency in frames, for blocks without stamps.
    pub latency_frames: Option<i64>,
}

/// The clock fits of one half. Where the backend stamps no blocks, or its stamps are useless, the times of the
/// callbacks stand in: they come late and never early.
pub struct HalfTime {
    parts: HalfParts,
    stamped: ClockFit,
    woken: ClockFit,
    /// The fit that counts, with the user's bias in it.
    fit: Fit,
    source: LatencySource,
    discontinuities: u64,
    /// Whether the fit that counts is that of the wake-ups.
    is_woken: bool,
    /// By how much the newest stamp may be off, ns.
    stamp_error_ns: i64,
}

/// What a stamp may be off by counts for what the fit may be, as the mean of about so many stamps.
const ERRORS: i64 = 16;

impl HalfTime {
    /// A half whose blocks have not begun.
    pub fn new(parts: HalfParts) -> Self {
        Self {
            parts,
            stamped: ClockFit::new(parts.sample_rate_hz, parts.errs),
            woken: ClockFit::new(parts.sample_rate_hz, Errs::Late),
            fit: Fit::default(),
            source: LatencySource::Unknown,
            discontinuities: 0,
            is_woken: false,
            stamp_error_ns: 0,
        }
    }

    /// Adds what it holds.
    pub fn add_memory(&self, ranges: &mut Ranges) {
        self.stamped.add_memory(ranges);
        self.woken.add_memory(ranges);
    }

    /// Forgets all stamps, because the device starts anew. What was counted stays.
    pub fn restart(&mut self) {
        self.stamped.restart();
        self.woken.restart();
        self.fit = Fit::default();
        self.is_woken = false;
        self.stamp_error_ns = 0;
    }

    /// Takes the stamps of a block that begins at `frame`. Returns the fit and the source of its latency
    /// without the user's bias, to be published.
    pub fn observe(
        &mut self,
        frame: i64,
        frames: i64,
        time: &BlockTime,
        biases: &Biases,
    ) -> (Fit, LatencySource) {
        let stamp = if self.parts.plays { time.output_ns } else { time.input_ns };
        let stamped = frame.saturating_add(if stamp == 0 { 0 } else { time.stamp_frames });
        let mut steps = self.stamped.observe(stamped, frames, stamp).is_some() as u64;
        let mut fit = self.stamped.fit();
        self.widen(&mut fit, stamp, time.stamp_error_ns);
        let mut source = LatencySource::Reported;
        let has_stamps = !matches!(fit.stamps, Stamps::None | Stamps::Useless);
        self.is_woken = !has_stamps && time.callback_ns != 0;
        if self.is_woken {
            let useless = fit.stamps == Stamps::Useless;
            let stamp = time.callback_ns.saturating_add(self.latency_ns(frames));
            steps += self.woken.observe(frame, frames, stamp).is_some() as u64;
            fit = self.woken.fit();
            if useless {
                fit.stamps = Stamps::Useless;
            }
            source = self.parts.latency_frames.map_or(LatencySource::Unknown, |_| source);
        }
        self.discontinuities += steps;
        fit.discontinuities = self.discontinuities;
        self.fit = biased(fit, biases, self.parts.plays);
        self.source = calibrated(source, biases, self.parts.plays);
        (fit, source)
    }

    /// Adds to the uncertainty of `fit` what no fit can see.
    fn widen(&mut self, fit: &mut Fit, stamp: i64, error_ns: i64) {
        if stamp != 0 {
            self.stamp_error_ns += error_ns.saturating_sub(self.stamp_error_ns)
                / if self.stamp_error_ns == 0 { 1 } else { ERRORS };
        }
        if fit.uncertainty_ns >= 0 {
            fit.uncertainty_ns = fit.uncertainty_ns.saturating_add(self.stamp_error_ns);
        }
    }

    /// From the callback to the converter of the block's first frame. A block of input is whole when its
    /// callback comes.
    fn latency_ns(&self, frames: i64) -> i64 {
        let ns = |frames: i64| frames.saturating_mul(1_000_000_000) / self.parts.sample_rate_hz.max(1) as i64;
        match (self.parts.plays, self.parts.latency_frames) {
            (true, latency) => ns(latency.unwrap_or(0)),
            (false, latency) => -ns(latency.unwrap_or(frames)),
        }
    }

    /// The fit that counts, with the user's bias in it.
    pub fn fit(&self) -> &Fit {
        &self.fit
    }

    /// MONOTONIC time of `frame` at the converter, or [`NONE`].
    pub fn host_ns(&self, frame: i64) -> i64 {
        if self.fit.is_usable() { self.fit.host_ns(frame) } else { NONE }
    }

    /// The frame that is at the converter at a MONOTONIC time, if that can be told.
    pub fn frame_at(&self, host_ns: i64) -> Option<i64> {
        self.fit.is_usable().then(|| self.fit.frame_at(host_ns))
    }

    /// Uncertainty of both, or [`NONE`].
    pub fn uncertainty_ns(&self) -> i64 {
        self.fit.uncertainty_ns
    }

    /// Where the latency in them comes from.
    pub fn latency_source(&self) -> LatencySource {
        if self.fit.is_usable() { self.source } else { LatencySource::Unknown }
    }

    /// Steps found in the stamps so far.
    pub fn discontinuities(&self) -> u64 {
        self.discontinuities
    }

    /// The same and one more if the newest stamps look like a step: what ends now would not learn of it any more.
    pub fn discontinuities_with_suspected(&self) -> u64 {
        let counts = if self.is_woken { &self.woken } else { &self.stamped };
        self.discontinuities + counts.suspects_step() as u64
    }
}

/// `fit` with the user's bias in it.
pub fn biased(fit: Fit, biases: &Biases, plays: bool) -> Fit {
    Fit { host_ns: fit.host_ns.saturating_add(biases.correction_ns(plays)), ..fit }
}

/// The source of a latency once the user's bias is in it.
pub fn calibrated(source: LatencySource, biases: &Biases, plays: bool) -> LatencySource {
    biases.get(plays).map_or(source, |_| LatencySource::Calibrated)
}
