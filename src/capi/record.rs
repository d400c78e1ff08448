#![allow(non_camel_case_types)]

use super::buffer::{self, sonset_buffer};
use super::guard::{guard, not_null, optional_values, write};
use super::start::Fields;
use super::stream::{self, sonset_stream};
use super::structs::{self, sized};
use crate::error::{Result, fail};
use crate::stream::{Align, RecordParams};

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
    /// Frames to record; 0 for as many as the buffer holds.
    pub max_frames: i64,
}

sized! { sonset_record_params: 88; }

/// Sets params to their defaults.
///
/// Errors: NULL_POINTER.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_record_params_init(params: *mut sonset_record_params) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    guard(|| unsafe { structs::init(params) })
}

/// Records into a buffer, from its frame 0 on. A recording that ends early leaves what it has, and
/// done_frames of its receipt says how much that is. While it runs, sonset_buffer_read() gives what is there.
///
/// channels holds channel_count input channels from 1, one for each channel of the buffer; NULL, with
/// channel_count 0, stands for 1 to n. params NULL stands for all zeros. out_action gets the action's id.
/// The buffer must not have been played; it may be recorded into again when the recording has ended.
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
        let stream = stream::get(stream)?;
        let buffer = buffer::get(buffer)?;
        not_null(out_action, "out_action")?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let params = convert(&unsafe { structs::read(params) }?)?;
        // SAFETY: the caller passes NULL or channel_count values.
        let channels = unsafe { optional_values(channels, channel_count, "channels") }?;
        let action = stream.record_buffer(&buffer, channels, &params)?;
        // SAFETY: checked not to be null.
        unsafe { write(out_action, action) };
        Ok(())
    })
}

fn convert(params: &sonset_record_params) -> Result<RecordParams> {
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
    })
}
