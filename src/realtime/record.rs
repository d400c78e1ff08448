//! Copying the input of one chunk to where one recording goes.

use std::ops::Range;
use std::sync::Arc;

use super::block::Input;
use crate::action::Record;
use crate::buffer::Recorder;
use crate::file::task::FileTask;
use crate::ring::RingWriter;

/// Where a recording goes.
#[derive(Debug)]
pub enum Sink {
    /// Into a buffer, which has room for all of it.
    Buffer(Recorder),
    /// Into a ring, from which the host reads.
    Ring {
        /// Its writing end.
        writer: RingWriter,
        /// Whether the recording is over with the first frame for which there is no room.
        ends_when_full: bool,
    },
    /// Into a file, by a ring that its worker reads.
    File {
        /// The ring's writing end.
        writer: RingWriter,
        /// The worker's task.
        task: Arc<FileTask>,
    },
}

impl Sink {
    /// Number of channels.
    pub fn channels(&self) -> usize {
        match self {
            Self::Buffer(recorder) => recorder.channels(),
            Self::Ring { writer, .. } | Self::File { writer, .. } => writer.channels(),
        }
    }

    /// Gives up what it holds, for what comes. Host, before it is handed over.
    pub fn begin(&mut self) {
        match self {
            Self::Buffer(recorder) => recorder.begin(),
            Self::Ring { writer, .. } | Self::File { writer, .. } => writer.begin(),
        }
    }

    /// Room for the next `frames` frames, or for as many of them as can be written in one piece.
    fn next_frames(&mut self, frames: usize) -> &mut [f32] {
        match self {
            Self::Buffer(recorder) => recorder.next_frames(frames),
            Self::Ring { writer, .. } | Self::File { writer, .. } => writer.next_frames(frames),
        }
    }

    fn raise_peak(&mut self, column: usize, magnitude: f32) {
        if let Self::Buffer(recorder) = self {
            recorder.raise_peak(column, magnitude);
        }
    }

    fn advance(&mut self, frames: usize) {
        match self {
            Self::Buffer(recorder) => recorder.advance(frames),
            Self::Ring { writer, .. } | Self::File { writer, .. } => writer.advance(frames),
        }
    }

    fn lose(&mut self, frames: usize) {
        if let Self::Ring { writer, .. } | Self::File { writer, .. } = self {
            writer.lose(frames);
        }
    }
}

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

/// Appends the frames `range` of the block's `input` (of `input_channels`) to the recording. Gives how many
/// there was room for; the rest is lost.
pub fn append(
    record: &mut Record,
    seen: &mut Seen,
    input: &Input<'_>,
    input_channels: usize,
    range: Range<usize>,
) -> usize {
    let mut at = range.start;
    while at < range.end {
        let frames = record.sink.next_frames(range.end - at).len() / record.sink.channels();
        if frames == 0 {
            record.sink.lose(range.end - at);
            break;
        }
        copy(record, seen, input, input_channels, at..at + frames);
        at += frames;
    }
    at - range.start
}

/// Appends frames that there is room for in one piece.
fn copy(record: &mut Record, seen: &mut Seen, input: &Input<'_>, input_channels: usize, range: Range<usize>) {
    let Record { sink, channels: map, .. } = record;
    let channels = sink.channels();
    for (column, &channel) in map.iter().enumerate() {
        let mut peak = 0.0f32;
        let frames = sink.next_frames(range.len());
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
        sink.raise_peak(column, peak);
    }
    sink.advance(range.len());
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
