//! The last input frames, for recordings that start in the past.

use std::ops::Range;

use super::block::Input;
use crate::memory::Ranges;

/// A ring of frames for each input channel. All memory is made when the stream is opened.
pub struct History {
    rings: Box<[Box<[f32]>]>,
    frames: usize,
    /// The frames that are kept.
    kept: Range<i64>,
}

impl History {
    /// Keeps the last `frames` frames of `channels` channels.
    pub fn new(channels: usize, frames: usize) -> Self {
        Self { rings: (0..channels).map(|_| vec![0.0; frames].into()).collect(), frames, kept: 0..0 }
    }

    /// Adds what it holds.
    pub fn add_memory(&self, ranges: &mut Ranges) {
        ranges.add(&self.rings[..]);
        self.rings.iter().for_each(|ring| ranges.add(&ring[..]));
    }

    /// The oldest frame that is kept if `now` is the next one to come; `now` if there is none.
    pub fn oldest(&self, now: i64) -> i64 {
        if self.kept.end == now { self.kept.start } else { now }
    }

    /// Forgets everything: the frames that come next do not follow in time.
    pub fn clear(&mut self) {
        self.kept = 0..0;
    }

    /// Keeps the frames `range` of a block, of which the first is frame `first` of the stream.
    pub fn keep(&mut self, input: &Input<'_>, range: Range<usize>, first: i64) {
        if self.frames == 0 {
            return;
        }
        if self.kept.end != first {
            self.kept = first..first;
        }
        let channels = self.rings.len();
        for (offset, frame) in range.clone().enumerate() {
            let place = (first + offset as i64).rem_euclid(self.frames as i64) as usize;
            for (channel, ring) in self.rings.iter_mut().enumerate() {
                ring[place] = match input {
                    Input::Interleaved(samples) => samples[frame * channels + channel],
                    Input::Planar(planes) => planes[channel][frame],
                    Input::None => 0.0,
                };
            }
        }
        self.kept.end = first + range.len() as i64;
        self.kept.start = self.kept.start.max(self.kept.end - self.frames as i64);
    }

    /// Hands kept frames to `take`, as one or two runs of all channels. `range` must be kept.
    pub fn recall(&self, range: Range<i64>, mut take: impl FnMut(&Input<'_>, usize, Range<usize>)) {
        let mut rows: [&[f32]; super::block::MAX_CHANNELS] = [&[]; super::block::MAX_CHANNELS];
        for (row, ring) in rows.iter_mut().zip(&self.rings) {
            *row = ring;
        }
        let rows = Input::Planar(&rows[..self.rings.len()]);
        let mut frame = range.start.max(self.kept.start);
        let end = range.end.min(self.kept.end);
        while frame < end {
            let place = frame.rem_euclid(self.frames as i64) as usize;
            let count = (self.frames - place).min((end - frame) as usize);
            take(&rows, self.rings.len(), place..place + count);
            frame += count as i64;
        }
    }
}
