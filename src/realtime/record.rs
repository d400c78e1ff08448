//! Copying the input of one chunk into the buffer of one recording.

use std::ops::Range;

use super::block::Input;
use crate::action::Record;

/// What was seen in the samples of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    /// Largest magnitude.
    pub peak: f32,
    /// Samples at or above full scale.
    pub clipped: u64,
    /// Samples that were not finite, recorded as zeros.
    pub nonfinite: u64,
    /// Whether any sample was not zero.
    pub sound: bool,
}

/// Appends the frames `range` of the block's `input` (of `input_channels`) to the recording.
pub fn append(
    record: &mut Record,
    seen: &mut Seen,
    input: &Input<'_>,
    input_channels: usize,
    range: Range<usize>,
) {
    let channels = record.recorder.channels();
    let Record { recorder, channels: map, .. } = record;
    for (column, &channel) in map.iter().enumerate() {
        let mut peak = 0.0f32;
        let frames = recorder.next_frames(range.len());
        let places = frames[column..].iter_mut().step_by(channels);
        let mut keep = |(place, sample): (&mut f32, f32)| {
            *place = seen.check(sample);
            peak = peak.max(place.abs());
        };
        match input {
            Input::Interleaved(samples) => {
                let samples =
                    samples[range.start * input_channels + channel as usize..].iter().step_by(input_channels);
                places.zip(samples.copied()).for_each(&mut keep);
            }
            Input::Planar(planes) => {
                places.zip(planes[channel as usize][range.clone()].iter().copied()).for_each(&mut keep);
            }
            Input::None => places.zip(std::iter::repeat(0.0)).for_each(&mut keep),
        }
        seen.peak = seen.peak.max(peak);
        recorder.raise_peak(column, peak);
    }
    recorder.advance(range.len());
}

impl Seen {
    /// Notes what `sample` is, and returns what is kept of it.
    pub(super) fn check(&mut self, sample: f32) -> f32 {
        if !sample.is_finite() {
            self.nonfinite += 1;
            return 0.0;
        }
        self.clipped += (sample.abs() >= 1.0) as u64;
        self.sound |= sample != 0.0;
        sample
    }
}
