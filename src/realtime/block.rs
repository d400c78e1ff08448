//! One block of frames as a backend hands it over.

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
