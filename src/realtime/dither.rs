//! Noise too faint to be heard that keeps an output awake which goes to sleep on digital silence, and which would
//! lose the begin of the next sound while it wakes up.

use super::block::Output;
use super::master::Line;
use super::source::hash;
use crate::memory::Ranges;

/// Frames of digital silence, as a part of a second, after which the noise begins.
const AFTER_PER_S: u32 = 10;
/// What the noise of all streams is made from.
const SEED: u64 = u64::from_be_bytes(*b"\0\0sonset");

/// The noise of all output channels.
#[derive(Debug)]
pub struct Dither {
    /// Largest magnitude.
    peak: f64,
    after: u32,
    /// Zeros up to now in each channel, at most `after`.
    zeros: Box<[u32]>,
}

impl Dither {
    /// Noise of triangular distribution up to `peak`, on so many channels.
    pub fn new(peak: f64, channels: usize, sample_rate_hz: u32) -> Self {
        let after = sample_rate_hz / AFTER_PER_S;
        // A stream that begins with silence begins with noise.
        Self { peak, after, zeros: vec![after; channels].into() }
    }

    /// Adds what it holds.
    pub fn add_memory(&self, ranges: &mut Ranges) {
        ranges.add(&self.zeros[..]);
    }

    /// Adds it to `frames` frames from frame `first` of the stream and frame `at` of the block on, wherever an audio
    /// channel has been silent for long enough.
    pub fn add(&mut self, output: &mut Output<'_, '_>, lines: &[Line], first: i64, at: usize, frames: usize) {
        let channels = lines.len();
        for (channel, (line, zeros)) in lines.iter().zip(self.zeros.iter_mut()).enumerate() {
            if line.trigger {
                continue;
            }
            let key = hash(SEED, channel as u64);
            let mut put = |frame: i64, sample: &mut f32| {
                if *sample != 0.0 {
                    *zeros = 0;
                } else if *zeros < self.after {
                    *zeros += 1;
                } else {
                    *sample = (self.peak * triangular(hash(key, frame as u64))) as f32;
                    *sample = sample.clamp(-line.ceiling, line.ceiling);
                }
            };
            match output {
                Output::None => {}
                Output::Interleaved(samples) => {
                    let places = samples.iter_mut().skip(at * channels + channel).step_by(channels);
                    (first..).zip(places.take(frames)).for_each(|(frame, sample)| put(frame, sample));
                }
                Output::Planar(planes) => {
                    let places = planes.get_mut(channel).into_iter().flat_map(|plane| plane.iter_mut());
                    (first..)
                        .zip(places.skip(at).take(frames))
                        .for_each(|(frame, sample)| put(frame, sample));
                }
            }
        }
    }
}

/// A variable between −1 and 1 whose variance is 1/6: the difference of two that are uniform between 0 and 1.
fn triangular(bits: u64) -> f64 {
    ((bits >> 32) as f64 - (bits & 0xFFFF_FFFF) as f64) * (1.0 / (1u64 << 32) as f64)
}
