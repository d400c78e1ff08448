//! One block of frames as a backend hands it over.

use std::ops::Range;

/// Most channels of a stream half.
pub const MAX_CHANNELS: usize = 256;

/// What is known of when a block was called for and when it is converted. Nanoseconds of the MONOTONIC
/// clock; 0 is unknown, and then the nominal rate decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockTime {
    /// When the callback was entered.
    pub callback_ns: i64,
    /// When the first output frame of the block reaches the converter.
    pub output_ns: i64,
    /// When the first input frame of the block left the converter.
    pub input_ns: i64,
    /// The frame, counted from the block's first, whose times `output_ns` and `input_ns` really are.
    pub stamp_frames: i64,
    /// By how much these times may be off, always in the same direction.
    pub stamp_error_ns: i64,
    /// Output underflows that the caller knows lie just before this block.
    pub output_xruns: u32,
    /// Input overflows that the caller knows lie just before this block.
    pub input_xruns: u32,
    /// So many of the first output frames of the block are known to come too late to be heard in their place: an
    /// underflow, unless that of the block before goes on, and one of all that starts among them.
    pub late_frames: i64,
}

/// Input samples of one block, in −1..1.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// This callback has no input.
    None,
    /// Frames one after another, `channels` samples each.
    Interleaved(&'a [f32]),
    /// One slice for each channel.
    Planar(&'a [&'a [f32]]),
}

/// Input samples that lie in the memory of the block's output, which overwrites them frame by frame.
#[derive(Clone, Copy, Debug)]
pub enum Overlap<'a> {
    /// Frames one after another.
    Interleaved {
        /// Sample of the output that is the first of the input. No frame of the input may lie before the output's
        /// frame of the same number.
        first: usize,
        /// The samples that lie beyond the output.
        rest: &'a [f32],
    },
    /// One for each channel.
    Planar(&'a [Plane<'a>]),
}

/// The samples of one channel of such input.
#[derive(Clone, Copy, Debug)]
pub enum Plane<'a> {
    /// In memory of their own.
    Own(&'a [f32]),
    /// Where the output channel with this index goes.
    Output(usize),
}

impl Overlap<'_> {
    /// Copies the frames `range` of the block, of so many channels, to `frames`, one after another. The output must
    /// not be written from them on.
    pub fn copy(&self, output: &Output<'_, '_>, channels: usize, range: Range<usize>, frames: &mut [f32]) {
        match (self, output) {
            (Self::Interleaved { first, rest }, Output::Interleaved(there)) => {
                let (from, to) = (first + range.start * channels, first + range.end * channels);
                let within = from.min(there.len())..to.min(there.len());
                let beyond = from.max(there.len()) - there.len()..to.max(there.len()) - there.len();
                let (head, tail) = frames.split_at_mut(within.len());
                head.copy_from_slice(&there[within]);
                tail.copy_from_slice(&rest[beyond]);
            }
            (Self::Planar(planes), Output::Planar(there)) => {
                for (channel, plane) in planes.iter().enumerate() {
                    let samples: &[f32] = match plane {
                        Plane::Own(samples) => samples,
                        Plane::Output(index) => there[*index],
                    };
                    let places = frames[channel..].iter_mut().step_by(channels);
                    places.zip(&samples[range.clone()]).for_each(|(place, sample)| *place = *sample);
                }
            }
            _ => frames.fill(0.0),
        }
    }
}

/// Room for the output samples of one block.
#[derive(Debug)]
pub enum Output<'a, 'b> {
    /// This callback has no output.
    None,
    /// Frames one after another, `channels` samples each.
    Interleaved(&'a mut [f32]),
    /// One slice for each channel.
    Planar(&'a mut [&'b mut [f32]]),
}

impl Output<'_, '_> {
    /// Fills the block with silence.
    pub fn silence(&mut self) {
        match self {
            Self::None => {}
            Self::Interleaved(samples) => samples.fill(0.0),
            Self::Planar(channels) => channels.iter_mut().for_each(|channel| channel.fill(0.0)),
        }
    }
}
