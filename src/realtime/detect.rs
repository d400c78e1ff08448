//! The voice key: where in an input a sound begins and ends, frame by frame.
//!
//! A frame is loud if the magnitude of any channel, high-passed, is at or above that channel's threshold. A run
//! begins at a loud frame and lasts while its credit does: each loud frame earns [`EARNED`] frames, up to the
//! longest gap, and each other frame uses one. A run counts once it spans the minimum duration from its first
//! loud frame to its last; its first one is then the onset. Runs that count and begin within the hold-off
//! after the one before belong to the same sound, which ends with the last of them.
//!
//! The credit keeps sparse crossings apart that a gap alone would join: noise whose RMS is 10 dB below the
//! threshold crosses it in one frame of 600, and a voice in one of a few. With [`EARNED`] at 16 and the default
//! gap and duration, Gaussian noise begins to make runs that count at 7 dB below, and pink noise at 8.
//!
//! Everything is a function of the frames since the detector's first one, however they were divided.

use std::ops::Range;

use super::block::Input;
use super::record::Seen;
use crate::receipt::Reason;

/// Frames below the threshold that one at or above it makes up for.
pub const EARNED: i64 = 16;

/// Below this a filter's output is taken for silence, so that it does not fade through subnormal numbers, with
/// which processors are slow.
const SILENCE: f64 = 1e-30;

/// A measured floor gives no threshold below this, one step of 16 bits: digital silence is no sound.
pub const LOWEST_THRESHOLD: f64 = 1.0 / 32_768.0;

/// What is loud.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// This magnitude.
    Absolute(f64),
    /// This many times the RMS of the channel's first `frames` frames, during which nothing is.
    OverFloor {
        /// Times the RMS.
        multiple: f64,
        /// Frames over which the RMS is measured; not 0.
        frames: i64,
        /// An RMS above this is no silence.
        limit: f64,
    },
}

/// The coefficients of a second-order filter, divided by a0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Biquad {
    /// Of the input, now and one and two frames ago.
    pub b: [f64; 3],
    /// Of the output, one and two frames ago.
    pub a: [f64; 2],
}

/// What a sound is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// What is loud.
    pub threshold: Threshold,
    /// Filters the input, if given.
    pub high_pass: Option<Biquad>,
    /// Frames that a run must span.
    pub minimum_frames: i64,
    /// Longest gap in a run, in frames.
    pub gap_frames: i64,
    /// Frames without a run after which a sound is over; not 0.
    pub hold_off_frames: i64,
}

/// What a frame has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A sound began at this frame.
    Onset(i64),
    /// It was over from this frame on, and the detector is done.
    End(i64),
}

/// A detector with all its state.
#[derive(Debug)]
pub struct Detector {
    settings: Settings,
    ears: Box<[Ear]>,
    /// Frames heard.
    heard: i64,
    run: Option<Run>,
    onset: Option<i64>,
    /// The frame after the last run that counted.
    end: i64,
    /// Whether a frame was loud.
    crossed: bool,
    /// Whether a channel's floor was no silence.
    loud_floor: bool,
}

/// One channel.
#[derive(Clone, Copy, Debug)]
struct Ear {
    /// Of the input, from 0.
    channel: usize,
    /// The last two inputs and outputs of the filter.
    x: [f64; 2],
    y: [f64; 2],
    /// Sum of squares while the floor is measured.
    sum: f64,
    threshold: f64,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    first: i64,
    credit: i64,
    counts: bool,
}

impl Detector {
    /// For input `channels`, from 0.
    pub fn new(settings: Settings, channels: &[u32]) -> Self {
        let threshold = match settings.threshold {
            Threshold::Absolute(threshold) => threshold,
            Threshold::OverFloor { .. } => f64::INFINITY,
        };
        let ear =
            |&channel: &u32| Ear { channel: channel as usize, x: [0.0; 2], y: [0.0; 2], sum: 0.0, threshold };
        Self {
            settings,
            ears: channels.iter().map(ear).collect(),
            heard: 0,
            run: None,
            onset: None,
            end: 0,
            crossed: false,
            loud_floor: false,
        }
    }

    /// Why it has found an onset, or none, so far. A loud floor comes first: an onset that was found after it
    /// need not be the sound's first.
    pub fn reason(&self) -> Reason {
        match self.settings.threshold {
            _ if self.heard == 0 => Reason::None,
            Threshold::OverFloor { frames, .. } if self.heard < frames => Reason::NoFloor,
            _ if self.loud_floor => Reason::LoudFloor,
            _ if self.onset.is_some() => Reason::Found,
            _ if self.crossed => Reason::TooShort,
            _ => Reason::BelowThreshold,
        }
    }

    /// Hears the frames `range` of the block's `input` (of `input_channels`), the first of which is the
    /// stream's frame `first`, up to the first that shows something. Gives how many that were, and what.
    pub fn listen(
        &mut self,
        seen: &mut Seen,
        input: &Input<'_>,
        input_channels: usize,
        range: Range<usize>,
        first: i64,
    ) -> (i64, Option<Found>) {
        let count = range.len() as i64;
        for (at, frame) in range.zip(first..) {
            let loud = self.hear(seen, |channel| sample(input, input_channels, at, channel));
            if let Some(found) = self.step(frame, loud) {
                return (frame + 1 - first, Some(found));
            }
        }
        (count, None)
    }

    /// Takes the samples of one frame in. True if it is loud.
    fn hear(&mut self, seen: &mut Seen, sample: impl Fn(usize) -> f32) -> bool {
        let mut loud = false;
        for ear in &mut self.ears {
            let kept = seen.check(sample(ear.channel));
            seen.peak = seen.peak.max(kept.abs());
            let x = kept as f64;
            let y = match &self.settings.high_pass {
                Some(filter) => ear.filter(filter, x, self.heard == 0),
                None => x,
            };
            loud |= y.abs() >= ear.threshold;
            if let Threshold::OverFloor { multiple, frames, limit } = self.settings.threshold
                && self.heard < frames
            {
                let floor = ear.measure(y, frames, self.heard + 1);
                self.loud_floor |= floor.is_some_and(|floor| ear.listen_above(floor, multiple, limit));
            }
        }
        self.heard += 1;
        self.crossed |= loud;
        loud
    }

    fn step(&mut self, frame: i64, loud: bool) -> Option<Found> {
        let before = self.onset;
        if loud {
            self.extend(frame);
        } else if let Some(run) = &mut self.run {
            run.credit -= 1;
            if run.credit < 0 {
                self.run = None;
            }
        }
        match self.onset {
            Some(onset) if before.is_none() => Some(Found::Onset(onset)),
            Some(_) if self.run.is_none() && frame + 1 - self.end >= self.settings.hold_off_frames => {
                Some(Found::End(self.end))
            }
            _ => None,
        }
    }

    /// Adds a loud frame to the run.
    fn extend(&mut self, frame: i64) {
        let run = self.run.get_or_insert(Run { first: frame, credit: 0, counts: false });
        run.credit = (run.credit + EARNED).min(self.settings.gap_frames);
        run.counts |= frame + 1 - run.first >= self.settings.minimum_frames;
        if run.counts {
            self.onset = self.onset.or(Some(run.first));
            self.end = frame + 1;
        }
    }
}

impl Ear {
    /// The filter in direct form I. Before the first frame the input is taken to have been what it is there
    /// for ever, so that a constant offset is no onset.
    fn filter(&mut self, filter: &Biquad, x: f64, is_first: bool) -> f64 {
        if is_first {
            self.x = [x, x];
        }
        let Biquad { b, a } = filter;
        let y = b[0] * x + b[1] * self.x[0] + b[2] * self.x[1] - a[0] * self.y[0] - a[1] * self.y[1];
        let y = if y.abs() < SILENCE { 0.0 } else { y };
        self.x = [x, self.x[0]];
        self.y = [y, self.y[0]];
        y
    }

    /// Adds frame number `n` of `frames` to the floor; with the last one it is known.
    fn measure(&mut self, y: f64, frames: i64, n: i64) -> Option<f64> {
        self.sum += y * y;
        (n == frames).then(|| (self.sum / frames as f64).sqrt())
    }

    /// Sets the threshold. True if a floor that high is no silence, or no input that is not clipped can reach so
    /// far above it.
    fn listen_above(&mut self, floor: f64, multiple: f64, limit: f64) -> bool {
        self.threshold = (multiple * floor).max(LOWEST_THRESHOLD);
        floor > limit || self.threshold > 1.0
    }
}

fn sample(input: &Input<'_>, input_channels: usize, at: usize, channel: usize) -> f32 {
    let sample = match input {
        Input::Interleaved(samples) => samples.get(at * input_channels + channel),
        Input::Planar(planes) => planes.get(channel).and_then(|plane| plane.get(at)),
        Input::None => None,
    };
    sample.copied().unwrap_or(0.0)
}
