//! One block of a manual stream, as a host hands it over. Realtime-safe: failures are bare codes and leave no
//! message, and what they leave in the output is silence.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::stream::{STREAMS, sonset_stream};
use crate::backend::Backend;
use crate::error::Code;
use crate::realtime::block::{BlockTime, Input, MAX_CHANNELS, Output, Overlap, Plane};
use crate::stream::{Format, Stream};

/// An output underflow lies just before this block.
const OUTPUT_XRUN: u32 = 1;
/// An input overflow lies just before this block.
const INPUT_XRUN: u32 = 2;
/// Later times cannot be meant: 2^62 ns of the host's clock are 146 years.
const MAX_HOST_NS: i64 = 1 << 62;

/// What was asked for, or the code of what is wrong with it.
pub type Checked<T = ()> = std::result::Result<T, Code>;

/// What comes with the samples of a block.
pub struct Terms {
    /// Frames.
    pub frames: i32,
    /// When the first output frame reaches the converter; 0 is unknown.
    pub output_host_ns: i64,
    /// When the first input frame left it; 0 is unknown.
    pub input_host_ns: i64,
    /// Xruns before the block.
    pub flags: u32,
}

impl Terms {
    fn check(&self, format: &Format) -> Checked<Shape> {
        let (outputs, inputs) = (format.output_channels as usize, format.input_channels as usize);
        let frames = usize::try_from(self.frames).map_err(|_| Code::InvalidArgument)?;
        // No array is larger.
        let most = isize::MAX as usize / size_of::<f32>() / outputs.max(inputs).max(1);
        let times = [self.output_host_ns, self.input_host_ns];
        if frames > most
            || self.flags & !(OUTPUT_XRUN | INPUT_XRUN) != 0
            || times.iter().any(|ns| !(0..=MAX_HOST_NS).contains(ns))
        {
            return Err(Code::InvalidArgument);
        }
        let time = BlockTime {
            output_ns: self.output_host_ns,
            input_ns: self.input_host_ns,
            output_xruns: (self.flags & OUTPUT_XRUN != 0) as u32,
            input_xruns: (self.flags & INPUT_XRUN != 0) as u32,
            ..BlockTime::default()
        };
        Ok(Shape { frames, outputs, inputs, separate: format.separate, time })
    }
}

/// A block whose numbers are right.
pub struct Shape {
    /// Frames.
    pub frames: usize,
    /// Channels of the stream's output.
    pub outputs: usize,
    /// Channels of its input.
    pub inputs: usize,
    /// Whether the input has a callback of its own.
    pub separate: bool,
    /// Times and xruns.
    pub time: BlockTime,
}

/// Runs `body` for a manual stream. If it cannot, or fails, `silence` gets the frames and channels of the output.
pub fn process(
    stream: *mut sonset_stream,
    terms: &Terms,
    silence: impl FnOnce(usize, usize),
    body: impl FnOnce(&Stream, &Shape) -> Checked,
) -> i32 {
    if stream.is_null() {
        return Code::NullPointer as i32;
    }
    let Some((stream, maker)) = STREAMS.enter(stream) else { return Code::InvalidHandle as i32 };
    let format = stream.format();
    let run = || match format.backend {
        Backend::Manual if maker.is_current() => body(&stream, &terms.check(format)?),
        _ => Err(Code::InvalidState),
    };
    // No panic may leave through C; what one leaves behind is a stream whose engine is gone.
    let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(Code::Internal));
    let Err(code) = result else { return 0 };
    silence(terms.frames.max(0) as usize, format.output_channels as usize);
    code as i32
}

/// Writes silence to an interleaved output, if there is one.
///
/// # Safety
/// `samples` must be null or writable for that many frames of so many channels.
pub unsafe fn silence(samples: *mut f32, frames: usize, channels: usize) {
    if !samples.is_null() && channels > 0 {
        // SAFETY: the caller promises that many samples, and zero bytes are zeros.
        unsafe { samples.write_bytes(0, frames * channels) };
    }
}

/// Writes silence to the channels of a planar output that are there.
///
/// # Safety
/// `arrays` must be null or hold an array for each channel, null or writable for all frames.
pub unsafe fn silence_planar(arrays: *const *mut f32, frames: usize, channels: usize) {
    if arrays.is_null() {
        return;
    }
    for channel in 0..channels {
        // SAFETY: the caller promises that many arrays, each of that many samples.
        unsafe { silence(*arrays.add(channel), frames, 1) };
    }
}

/// How two arrays lie in memory.
#[derive(PartialEq)]
enum Meeting {
    Apart,
    Same,
    Partly,
}

fn meeting(input: *const f32, heard: usize, output: *const f32, sent: usize) -> Meeting {
    let end = |start: *const f32, samples: usize| start.addr().saturating_add(samples * size_of::<f32>());
    if heard == 0 || sent == 0 || end(input, heard) <= output.addr() || end(output, sent) <= input.addr() {
        Meeting::Apart
    } else if input.addr() == output.addr() {
        Meeting::Same
    } else {
        Meeting::Partly
    }
}

/// The input of a block.
///
/// # Safety
/// `samples` must be null or readable for all frames of so many channels.
pub unsafe fn input<'a>(samples: *const f32, frames: usize, channels: usize) -> Checked<Input<'a>> {
    match (samples.is_null(), channels) {
        (_, 0) => Ok(Input::None),
        (true, _) => Err(Code::NullPointer),
        // SAFETY: the caller promises that many samples.
        _ => Ok(Input::Interleaved(unsafe { std::slice::from_raw_parts(samples, frames * channels) })),
    }
}

/// The output of a block.
///
/// # Safety
/// `samples` must be null or writable for all frames of so many channels.
pub unsafe fn output<'a, 'b>(samples: *mut f32, frames: usize, channels: usize) -> Checked<Output<'a, 'b>> {
    match (samples.is_null(), channels) {
        (_, 0) => Ok(Output::None),
        (true, _) => Err(Code::NullPointer),
        // SAFETY: the caller promises room for that many samples.
        _ => Ok(Output::Interleaved(unsafe { std::slice::from_raw_parts_mut(samples, frames * channels) })),
    }
}

/// Runs an interleaved block. One array may serve both directions.
///
/// # Safety
/// As for [`input`] and [`output`]; an array for both must hold the larger of the two.
pub unsafe fn interleaved(
    stream: &Stream,
    shape: &Shape,
    in_samples: *const f32,
    out_samples: *mut f32,
) -> Checked {
    let Shape { frames, outputs, inputs, time, .. } = *shape;
    let (heard, sent) = (frames * inputs, frames * outputs);
    let is_missing = (inputs > 0 && in_samples.is_null()) || (outputs > 0 && out_samples.is_null());
    match meeting(in_samples, heard, out_samples, sent) {
        _ if is_missing => Err(Code::NullPointer),
        Meeting::Partly => Err(Code::InvalidArgument),
        Meeting::Apart => {
            // SAFETY: the caller passes a block of this shape.
            let input = unsafe { input(in_samples, frames, inputs) }?;
            // SAFETY: the caller passes a block of this shape, and nothing else of it lies there.
            let output = unsafe { output(out_samples, frames, outputs) }?;
            stream.process(0, input, output, time)
        }
        Meeting::Same => {
            // At the end of a larger output, no frame of the input is overwritten before its turn.
            let first = sent.saturating_sub(heard);
            // SAFETY: the array holds both, and the input is moved within the output.
            let output = unsafe {
                if first > 0 {
                    out_samples.copy_to(out_samples.add(first), heard);
                }
                std::slice::from_raw_parts_mut(out_samples, sent)
            };
            let beyond = heard.saturating_sub(sent);
            // SAFETY: what of the input lies beyond the output is read only.
            let rest = unsafe { std::slice::from_raw_parts(in_samples.add(heard - beyond), beyond) };
            stream.process_in_place(Overlap::Interleaved { first, rest }, Output::Interleaved(output), time)
        }
    }
}

/// Where the output channels lie, in the order of memory.
struct Places {
    starts: [(usize, usize); MAX_CHANNELS],
    channels: usize,
    frames: usize,
}

impl Places {
    /// Fails if two of them meet.
    fn of(outputs: &[*mut f32], frames: usize) -> Checked<Self> {
        let mut starts = [(0, 0); MAX_CHANNELS];
        let placed = outputs.iter().enumerate().map(|(channel, start)| (start.addr(), channel));
        starts.iter_mut().zip(placed).for_each(|(place, start)| *place = start);
        let all = &mut starts[..outputs.len()];
        all.sort_unstable();
        let bytes = frames * size_of::<f32>();
        if all.windows(2).any(|pair| pair[1].0 - pair[0].0 < bytes) {
            return Err(Code::InvalidArgument);
        }
        Ok(Self { starts, channels: outputs.len(), frames })
    }

    /// The output channel that lies where `input` does, if one does. Fails if one meets it in part.
    fn find(&self, input: *const f32) -> Checked<Option<usize>> {
        let (starts, bytes) = (&self.starts[..self.channels], self.frames * size_of::<f32>());
        let after = starts.partition_point(|&(start, _)| start <= input.addr());
        if starts.get(after).is_some_and(|&(start, _)| start - input.addr() < bytes) {
            return Err(Code::InvalidArgument);
        }
        match starts[..after].last() {
            Some(&(start, channel)) if start == input.addr() && bytes > 0 => Ok(Some(channel)),
            Some(&(start, _)) if input.addr() - start < bytes => Err(Code::InvalidArgument),
            _ => Ok(None),
        }
    }
}

/// Runs a block with an array for each channel. An array may serve a channel of each direction.
///
/// # Safety
/// `in_channels` and `out_channels` must be null or hold an array for each channel of the stream, null or as large as
/// the block.
pub unsafe fn planar(
    stream: &Stream,
    shape: &Shape,
    in_channels: *const *const f32,
    out_channels: *const *mut f32,
) -> Checked {
    let Shape { frames, outputs, inputs, time, .. } = *shape;
    // SAFETY: the caller passes an array of arrays for each direction.
    let ins = unsafe { arrays(in_channels, inputs) }?;
    // SAFETY: as above; a pointer to what can be written is read as one to what can be read.
    let outs = unsafe { arrays(out_channels.cast::<*const f32>(), outputs) }?.map(|start| start.cast_mut());
    let places = Places::of(&outs[..outputs], frames)?;
    let mut rows: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
    let mut planes = [Plane::Own(&[]); MAX_CHANNELS];
    let mut in_place = false;
    for (channel, &start) in ins[..inputs].iter().enumerate() {
        if let Some(same) = places.find(start)? {
            planes[channel] = Plane::Output(same);
            in_place = true;
        } else {
            // SAFETY: the caller passes arrays as large as the block, and nothing is written to this one.
            rows[channel] = unsafe { std::slice::from_raw_parts(start, frames) };
            planes[channel] = Plane::Own(rows[channel]);
        }
    }
    let mut written: [&mut [f32]; MAX_CHANNELS] = std::array::from_fn(|_| -> &mut [f32] { &mut [] });
    for (plane, &start) in written[..outputs].iter_mut().zip(&outs) {
        // SAFETY: the caller passes arrays as large as the block, and no other slice lies in this one.
        *plane = unsafe { std::slice::from_raw_parts_mut(start, frames) };
    }
    let output = if outputs > 0 { Output::Planar(&mut written[..outputs]) } else { Output::None };
    match in_place {
        true => stream.process_in_place(Overlap::Planar(&planes[..inputs]), output, time),
        false if inputs > 0 => stream.process(0, Input::Planar(&rows[..inputs]), output, time),
        false => stream.process(0, Input::None, output, time),
    }
}

/// The arrays of all channels.
///
/// # Safety
/// `arrays` must be null or hold so many.
unsafe fn arrays(arrays: *const *const f32, channels: usize) -> Checked<[*const f32; MAX_CHANNELS]> {
    let mut all = [std::ptr::null(); MAX_CHANNELS];
    if channels > 0 && arrays.is_null() {
        return Err(Code::NullPointer);
    }
    for (channel, array) in all[..channels].iter_mut().enumerate() {
        // SAFETY: the caller promises that many arrays.
        *array = unsafe { *arrays.add(channel) };
        if array.is_null() {
            return Err(Code::NullPointer);
        }
    }
    Ok(all)
}
