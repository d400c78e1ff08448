#![allow(non_camel_case_types)]

use super::buffer::{self, sonset_buffer};
use super::guard::{guard, not_null, optional_values, write};
use super::ring::{self, sonset_ring};
use super::start::Fields;
use super::stream::{self, sonset_stream};
use super::structs::{self, not_yet, sized};
use crate::error::{Result, fail};
use crate::stream::{Align, RecordParams, Recorded, Stream};

/// How to record. All zeros: now, until the buffer is full.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_record_params {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// SONSET_START_...
    pub start_mode: i32,
    /// The first frame, with SONSET_START_AT_FRAME: 0 to 2^53.
    pub start_frame: i64,
    /// SONSET_CLOCK_..., with SONSET_START_AT_HOST_TIME; else 0.
    pub start_clock: i32,
    /// SONSET_AFTER_...: what happens if the predecessor does not complete.
    pub after_policy: i32,
    /// The time of the first frame at the converter, with SONSET_START_AT_HOST_TIME.
    pub start_host_ns: i64,
    /// The predecessor, with SONSET_START_AFTER_ACTION: any action of the stream, ended ones too.
    pub after_action: i64,
    /// Frames from the predecessor's end (or onset, if it is a detector) to the start; may be negative.
    pub start_offset_frames: i64,
    /// SONSET_LATE_...; with SKIP a late recording ends when it was to end, and is so much shorter.
    pub late_policy: i32,
    /// SONSET_ALIGN_...
    pub align: i32,
    /// Later than this it is dropped, whatever the policy; 0 for no limit.
    pub max_late_frames: i64,
    /// The batch it belongs to; 0 for none.
    pub batch: i64,
    /// Yours: it comes back in the receipt.
    pub tag: i64,
    /// Frames to record; 0 for as many as the buffer holds, or without end into a ring.
    pub max_frames: i64,
    /// SONSET_RING_...: what happens when a ring is full. 0 where no ring is recorded into.
    pub ring_policy: i32,
    /// 0.
    pub reserved: i32,
}

sized! { sonset_record_params; }

/// Sets params to their defaults.
///
/// Errors: NULL_POINTER. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_record_params_init(params: *mut sonset_record_params) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    unsafe { structs::init(params) }
}

/// Records into a buffer, from its frame 0 on. A recording that ends early leaves what it has, and
/// done_frames of its receipt says how much that is. While it runs, sonset_buffer_read() gives what is there.
///
/// channels holds channel_count input channels from 1, one for each channel of the buffer; NULL, with
/// channel_count 0, stands for 1 to n. params NULL stands for all zeros. out_action gets the action's id.
/// The buffer must not have been played; it may be recorded into again when the recording has ended. The call waits
/// for sonset_buffer_read() and sonset_stream_get_level() of the same buffer on other threads, as long as those take
/// to pass over it; nothing else of the stream waits meanwhile.
///
/// Errors: RATE_MISMATCH, BUFFER_BUSY, POOL_FULL, BATCH_FULL, UNKNOWN_BATCH, UNKNOWN_ACTION, OTHER_STREAM and
/// ACTION_ENDED for after_action, TIME_RANGE, UNSUPPORTED (also SONSET_ALIGN_ROUND_TRIP where the round trip
/// is not known), INVALID_STATE without an input, STREAM_CLOSED, DEVICE_LOST, INVALID_ARGUMENT, NULL_POINTER,
/// INVALID_HANDLE. Then nothing is recorded, and nothing has changed.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_record_buffer(
    stream: *mut sonset_stream,
    buffer: *mut sonset_buffer,
    channels: *const i32,
    channel_count: i32,
    params: *const sonset_record_params,
    out_action: *mut i64,
) -> i32 {
    guard(|| {
        let buffer = buffer::get(buffer)?;
        let arguments = Arguments { stream, channels, channel_count, params, out_action };
        // SAFETY: the caller passes what the arguments' own comment asks for.
        unsafe {
            arguments.record(|stream, channels, params| stream.record_buffer(&buffer, channels, params))
        }
    })
}

/// Records into a ring, from which the host reads meanwhile: as sonset_stream_record_buffer(), but for the
/// following.
///
/// Frames for which the ring has no room are lost and counted (missing_frames, first_missing_frame, also of
/// sonset_stream_get_action() meanwhile), and the recording goes on; sonset_ring_read() tells the index of
/// what it gives, so that the gap is seen. With SONSET_RING_END the recording ends instead, with
/// SONSET_OUTCOME_OVERFLOW. done_frames are those that were kept. Without max_frames it goes on until it is
/// cancelled. input_peak and what else is told of the samples is of those that were kept.
///
/// The ring must be empty; its counts begin anew. It is the recording's until that has its receipt: till then
/// it can be read, but nothing else writes to it; then it is finished. It may be released at once. The call waits for
/// other threads that are just reading or writing the ring.
///
/// Errors: RING_BUSY if another action has the ring, INVALID_STATE also if the ring holds frames that nobody has
/// read, and else as sonset_stream_record_buffer().
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_record_ring(
    stream: *mut sonset_stream,
    ring: *mut sonset_ring,
    channels: *const i32,
    channel_count: i32,
    params: *const sonset_record_params,
    out_action: *mut i64,
) -> i32 {
    guard(|| {
        let ring = ring::get(ring)?;
        let arguments = Arguments { stream, channels, channel_count, params, out_action };
        let of = Recorded::Input;
        // SAFETY: the caller passes what the arguments' own comment asks for.
        unsafe {
            arguments.record(|stream, channels, params| stream.record_ring(of, &ring, channels, params))
        }
    })
}

/// Records what was really sent to the device into a buffer: the sum of all that plays, after the master gain
/// and the output guard, sample by sample. It knows nothing of what the device makes of that.
///
/// As sonset_stream_record_buffer(), but channels are output channels, frames are those of the output, the
/// past cannot be recorded, and align must be 0. It belongs to the output half: what follows a play action
/// follows it to the frame.
///
/// Errors: as sonset_stream_record_buffer(), INVALID_STATE without an output.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_record_output(
    stream: *mut sonset_stream,
    buffer: *mut sonset_buffer,
    channels: *const i32,
    channel_count: i32,
    params: *const sonset_record_params,
    out_action: *mut i64,
) -> i32 {
    guard(|| {
        let buffer = buffer::get(buffer)?;
        let arguments = Arguments { stream, channels, channel_count, params, out_action };
        // SAFETY: the caller passes what the arguments' own comment asks for.
        unsafe {
            arguments.record(|stream, channels, params| stream.record_output(&buffer, channels, params))
        }
    })
}

/// Records what was really sent to the device, as sonset_stream_record_output(), into a ring, as
/// sonset_stream_record_ring().
///
/// Errors: as these.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_record_output_ring(
    stream: *mut sonset_stream,
    ring: *mut sonset_ring,
    channels: *const i32,
    channel_count: i32,
    params: *const sonset_record_params,
    out_action: *mut i64,
) -> i32 {
    guard(|| {
        let ring = ring::get(ring)?;
        let arguments = Arguments { stream, channels, channel_count, params, out_action };
        let of = Recorded::Output;
        // SAFETY: the caller passes what the arguments' own comment asks for.
        unsafe {
            arguments.record(|stream, channels, params| stream.record_ring(of, &ring, channels, params))
        }
    })
}

/// What every function that records takes. channels is NULL or holds channel_count values, params is NULL or a
/// struct of the size that it states, out_action is NULL or writable.
pub(super) struct Arguments {
    pub stream: *mut sonset_stream,
    pub channels: *const i32,
    pub channel_count: i32,
    pub params: *const sonset_record_params,
    pub out_action: *mut i64,
}

impl Arguments {
    /// Checks them, calls `record` with them, and writes the id that it gives.
    pub unsafe fn record(
        &self,
        record: impl FnOnce(&Stream, Option<&[i32]>, &RecordParams) -> Result<i64>,
    ) -> Result<()> {
        let stream = stream::get(self.stream)?;
        not_null(self.out_action, "out_action")?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let params = convert(&unsafe { structs::read(self.params) }?)?;
        // SAFETY: the caller passes NULL or channel_count values.
        let channels = unsafe { optional_values(self.channels, self.channel_count, "channels") }?;
        let action = record(&stream, channels, &params)?;
        // SAFETY: checked not to be null.
        unsafe { write(self.out_action, action) };
        Ok(())
    }
}

fn convert(params: &sonset_record_params) -> Result<RecordParams> {
    not_yet(params.reserved != 0, "reserved")?;
    let timing = Fields {
        start_mode: params.start_mode,
        start_clock: params.start_clock,
        start_frame: params.start_frame,
        start_host_ns: params.start_host_ns,
        after_action: params.after_action,
        start_offset_frames: params.start_offset_frames,
        after_policy: params.after_policy,
        late_policy: params.late_policy,
        max_late_frames: params.max_late_frames,
        batch: params.batch,
        tag: params.tag,
    };
    Ok(RecordParams {
        timing: timing.timing()?,
        max_frames: params.max_frames,
        align: match params.align {
            0 => Align::Callback,
            1 => Align::RoundTrip,
            other => fail!(InvalidArgument, "align {other}: CALLBACK is 0, ROUND_TRIP is 1"),
        },
        ring: ring::policy(params.ring_policy)?,
    })
}
