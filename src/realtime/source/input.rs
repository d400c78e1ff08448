//! The input, played: a monitor.
//!
//! Where one callback serves both directions, output frame n carries input frame n − delay, bit for bit. Where
//! each has its own, a monitor keeps a constant time between the converters: it reads the [`Crossing`] at the
//! place that the clock fits of both halves tell, between samples, and goes after it by small changes of its
//! pace. What it cannot have it fades into and out of, and counts.

use std::sync::Arc;

use super::interpolate::{TAPS, Weights};
use crate::memory::{Locked, Ranges};
use crate::realtime::block::Input;
use crate::realtime::clock::Fit;
use crate::realtime::crossing::Crossing;
use crate::realtime::mix::CHUNK_FRAMES;

/// A deviation is made up for within about this time, s.
const CATCH_UP_S: f64 = 1.0;
/// The pace differs from that of the clocks by at most this.
const MAX_PACE: f64 = 1e-3;
/// A larger deviation, s, is a slip: it is jumped over in silence.
const SLIP_S: f64 = 0.002;
/// Length of a fade into or out of what is missing, s.
const FADE_S: f64 = 0.005;
/// Kept between the newest input and what is read, beyond a block of each half, s.
const MARGIN_S: f64 = 0.002;

/// Input channels on their way to the output.
#[derive(Debug)]
pub struct Monitor {
    channels: Box<[u32]>,
    delay: i64,
    length: Option<i64>,
    way: Way,
    /// Frame of the stream that is frame 0 of the sound.
    origin: i64,
    latency_ns: Option<i64>,
}

#[derive(Debug)]
enum Way {
    Same(Ring),
    Across(Follower),
}

impl Monitor {
    /// For a stream whose callback serves both directions.
    pub fn same(channels: Box<[u32]>, delay: i64, length: Option<i64>) -> Self {
        let ring = Ring::new(channels.len(), delay as usize + CHUNK_FRAMES);
        Self { channels, delay, length, way: Way::Same(ring), origin: 0, latency_ns: None }
    }

    /// For a stream with a callback for each direction.
    pub fn across(
        channels: Box<[u32]>,
        delay: i64,
        length: Option<i64>,
        crossing: Arc<Crossing>,
        sample_rate_hz: u32,
    ) -> Self {
        crossing.listen();
        let follower = Follower::new(crossing, delay, sample_rate_hz);
        Self { channels, delay, length, way: Way::Across(follower), origin: 0, latency_ns: None }
    }

    /// Channels of the sound.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Frames of the sound; `None` if it does not end by itself.
    pub fn length(&self) -> Option<i64> {
        self.length
    }

    /// Frames of input that it wants from before now, where they are kept.
    pub fn past(&self) -> i64 {
        match self.way {
            Way::Same(_) => self.delay,
            Way::Across(_) => 0,
        }
    }

    /// Says which frame of the stream is frame 0 of the sound, and how late it is if one callback serves both
    /// directions and that is known.
    pub fn begin(&mut self, origin: i64, latency_ns: Option<i64>) {
        self.origin = origin;
        self.latency_ns = latency_ns;
    }

    /// Takes the frames `range` of a block, of which the first is frame `first` of the stream. Gives the number
    /// of samples that were not finite, which become silence.
    pub fn feed(
        &mut self,
        input: &Input<'_>,
        input_channels: usize,
        range: std::ops::Range<usize>,
        first: i64,
    ) -> u64 {
        match &mut self.way {
            Way::Same(ring) => ring.feed(&self.channels, input, input_channels, range, first),
            Way::Across(_) => 0,
        }
    }

    /// Tells a monitor across two callbacks, before a block that begins at `frame`, what the clocks are.
    pub fn aim(&mut self, frame: i64, frames: i64, output: &Fit, input: &Fit, largest_block: i64) {
        if let Way::Across(follower) = &mut self.way {
            follower.aim(frame, frames, output, input, largest_block);
        }
    }

    /// Of the frames that were read last, the first that could not be had, and how many there were from there.
    pub fn silent(&self) -> (i64, i64) {
        match &self.way {
            Way::Same(_) => (0, 0),
            Way::Across(follower) => follower.silent,
        }
    }

    /// Time from the input's converter to the output's, if it is known.
    pub fn latency_ns(&self) -> Option<i64> {
        match &self.way {
            Way::Same(_) => self.latency_ns,
            Way::Across(follower) => follower.latency_ns,
        }
    }

    /// Frames from the input's callback to the output's, where one callback serves both.
    pub fn delay(&self) -> i64 {
        self.delay
    }

    /// Fills `out` with `count` frames from frame `k` of the sound on.
    pub fn read(&mut self, k: i64, count: usize, out: &mut [f32]) {
        match &mut self.way {
            Way::Same(ring) => ring.read(self.origin + k - self.delay, count, out),
            Way::Across(follower) => follower.read(self.origin + k, count, &self.channels, out),
        }
    }
}

/// The input of the same callback, as far back as the delay.
#[derive(Debug)]
struct Ring {
    /// Before `samples`: unlocked first, then freed, both by the host.
    _locked: Option<Vec<Locked>>,
    samples: Box<[f32]>,
    channels: usize,
    frames: i64,
}

impl Ring {
    fn new(channels: usize, frames: usize) -> Self {
        let samples: Box<[f32]> = vec![0.0; channels * frames].into();
        let mut ranges = Ranges::default();
        ranges.add(&samples[..]);
        Self { _locked: ranges.ready(), samples, channels, frames: frames as i64 }
    }

    fn place(&self, frame: i64) -> usize {
        frame.rem_euclid(self.frames) as usize * self.channels
    }

    fn feed(
        &mut self,
        map: &[u32],
        input: &Input<'_>,
        input_channels: usize,
        range: std::ops::Range<usize>,
        first: i64,
    ) -> u64 {
        let mut nonfinite = 0;
        for (offset, n) in range.enumerate() {
            let place = self.place(first + offset as i64);
            for (column, &channel) in map.iter().enumerate() {
                let sample = match input {
                    Input::Interleaved(samples) => samples[n * input_channels + channel as usize],
                    Input::Planar(planes) => planes[channel as usize][n],
                    Input::None => 0.0,
                };
                nonfinite += !sample.is_finite() as u64;
                self.samples[place + column] = if sample.is_finite() { sample } else { 0.0 };
            }
        }
        nonfinite
    }

    fn read(&self, first: i64, count: usize, out: &mut [f32]) {
        for (n, frame) in out.chunks_exact_mut(self.channels).take(count).enumerate() {
            let place = self.place(first + n as i64);
            frame.copy_from_slice(&self.samples[place..place + self.channels]);
        }
    }
}

/// Whether a follower is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    /// It was never heard.
    New,
    Open,
    Closing,
    Shut,
}

/// Reads the input of another callback.
struct Follower {
    crossing: Arc<Crossing>,
    weights: &'static Weights,
    delay: i64,
    rate: f64,
    /// Frame of the output that `place` belongs to.
    frame: i64,
    /// Where in the input it is.
    place: f64,
    /// Input frames an output frame.
    pace: f64,
    latency_ns: Option<i64>,
    gate: Gate,
    level: f32,
    /// By how much the level falls in a frame while the gate closes.
    fall: f32,
    /// The first frame of the last read that was silent, and how many were.
    silent: (i64, i64),
    /// Whether any ever was.
    missed: bool,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("place", &self.place).field("latency_ns", &self.latency_ns).finish()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.crossing.leave();
    }
}

impl Follower {
    fn new(crossing: Arc<Crossing>, delay: i64, sample_rate_hz: u32) -> Self {
        Self {
            crossing,
            weights: Weights::shared(),
            delay,
            rate: sample_rate_hz as f64,
            frame: 0,
            place: 0.0,
            pace: 1.0,
            latency_ns: None,
            gate: Gate::New,
            level: 0.0,
            fall: 0.0,
            silent: (0, 0),
            missed: false,
        }
    }

    /// Decides how to read a block: at the pace of the clocks, and after what is to be made up for.
    fn aim(&mut self, frame: i64, frames: i64, output: &Fit, input: &Fit, largest_block: i64) {
        if !output.is_usable() || !input.is_usable() {
            return self.close();
        }
        let pace = output.ns_per_frame / input.ns_per_frame;
        if self.latency_ns.is_none() {
            self.settle(frame, frames, output, input, pace, largest_block);
        }
        let Some(latency_ns) = self.latency_ns else { return };
        let wanted = place_at(input, output.host_ns(frame).saturating_sub(latency_ns));
        if self.frame != frame {
            self.place += (frame - self.frame) as f64 * self.pace;
            self.frame = frame;
        }
        let error = wanted - self.place;
        if matches!(self.gate, Gate::New | Gate::Shut) {
            self.open(wanted);
        } else if error.abs() > SLIP_S * self.rate {
            self.close();
        }
        let catch_up =
            if self.gate == Gate::Open { (wanted - self.place) / (CATCH_UP_S * self.rate) } else { 0.0 };
        self.pace = pace + catch_up.clamp(-MAX_PACE, MAX_PACE);
    }

    /// Chooses the latency by what is there: so far behind the newest input that a block of each half, and a
    /// margin, may come late.
    fn settle(&mut self, frame: i64, frames: i64, output: &Fit, input: &Fit, pace: f64, largest_block: i64) {
        let readable = self.crossing.readable();
        let behind = (TAPS as i64 / 2 + largest_block) as f64 + MARGIN_S * self.rate;
        let place =
            readable.end as f64 - behind - frames.max(largest_block) as f64 * pace - self.delay as f64;
        if readable.is_empty() || place < readable.start as f64 + TAPS as f64 {
            return;
        }
        let host_ns = input.host_ns(readable.end) as f64 - (readable.end as f64 - place) * input.ns_per_frame;
        self.latency_ns = Some(output.host_ns(frame).saturating_sub(host_ns as i64));
    }

    fn open(&mut self, place: f64) {
        // What was never heard begins as it is: with the ramp that was asked for.
        self.level = if self.gate == Gate::New && !self.missed { 1.0 } else { 0.0 };
        self.place = place;
        self.gate = Gate::Open;
    }

    fn close(&mut self) {
        if self.gate == Gate::Open {
            self.gate = Gate::Closing;
            self.fall = self.rise();
        }
    }

    fn rise(&self) -> f32 {
        (1.0 / (FADE_S * self.rate)) as f32
    }

    /// Fades out in time if the input that is there ends within the next `count` frames, or soon after them. Gives
    /// how many of them there are.
    fn hear(&mut self, readable: &std::ops::Range<i64>, count: usize) -> usize {
        let soon = count + (MARGIN_S * self.rate / 2.0) as usize;
        let heard = self.within(readable, soon);
        if heard < soon && matches!(self.gate, Gate::Open | Gate::Closing) {
            self.close();
            self.fall = self.fall.max(self.level / heard.max(1) as f32);
        }
        heard.min(count)
    }

    fn read(&mut self, frame: i64, count: usize, map: &[u32], out: &mut [f32]) {
        if self.frame != frame {
            self.place += (frame - self.frame) as f64 * self.pace;
        }
        let readable = self.crossing.readable();
        let heard = self.hear(&readable, count);
        let first = self.place;
        self.silent = (frame, 0);
        for (n, samples) in out.chunks_exact_mut(map.len()).take(count).enumerate() {
            self.next_level();
            if n >= heard {
                self.gate = if self.gate == Gate::New { Gate::New } else { Gate::Shut };
            }
            if matches!(self.gate, Gate::New | Gate::Shut) {
                samples.fill(0.0);
                self.note_silence(frame + n as i64);
            } else {
                self.sample(map, samples);
            }
            self.place += self.pace;
        }
        self.frame = frame + count as i64;
        if heard > 0 && !self.crossing.is_kept(first as i64 - TAPS as i64) {
            // The writer has overtaken it, and nobody knows what was read.
            out[..count * map.len()].fill(0.0);
            self.silent = (frame, count as i64);
            self.missed = true;
            self.gate = Gate::Shut;
        }
    }

    /// How many of the next `count` frames can be read.
    fn within(&self, readable: &std::ops::Range<i64>, count: usize) -> usize {
        let half = (TAPS / 2) as f64;
        if self.place - half < readable.start as f64 {
            return 0;
        }
        let left = (readable.end as f64 - half - 1.0 - self.place) / self.pace;
        (left.max(0.0) as usize).min(count)
    }

    fn note_silence(&mut self, frame: i64) {
        if self.silent.1 == 0 {
            self.silent.0 = frame;
        }
        self.silent.1 += 1;
        self.missed = true;
    }

    fn next_level(&mut self) {
        match self.gate {
            Gate::Open => self.level = (self.level + self.rise()).min(1.0),
            Gate::Closing => {
                self.level -= self.fall;
                if self.level <= 0.0 {
                    self.level = 0.0;
                    self.gate = Gate::Shut;
                }
            }
            Gate::New | Gate::Shut => self.level = 0.0,
        }
    }

    fn sample(&self, map: &[u32], samples: &mut [f32]) {
        let whole = self.place.floor();
        let weights = self.weights.at(self.place - whole);
        let first = whole as i64 - (TAPS as i64 / 2 - 1);
        for (sample, &channel) in samples.iter_mut().zip(map) {
            let taps = weights.iter().zip(first..);
            let value: f32 =
                taps.map(|(weight, frame)| weight * self.crossing.sample(frame, channel as usize)).sum();
            *sample = value * self.level;
        }
    }
}

/// The place in the input that was at its converter at a time.
fn place_at(input: &Fit, host_ns: i64) -> f64 {
    input.frame as f64 + host_ns.saturating_sub(input.host_ns) as f64 / input.ns_per_frame
}
