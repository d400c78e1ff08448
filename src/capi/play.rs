#![allow(non_camel_case_types)]

use super::buffer::{self, sonset_buffer};
use super::guard::{guard, not_null, optional_values, write};
use super::ring::{self, sonset_ring};
use super::start::Fields;
use super::stream::{self, sonset_stream};
use super::structs::{self, sized, switch};
use crate::action::RampShape;
use crate::error::{Result, fail};
use crate::stream::{PlayParams, Stream};

/// How to play. All zeros: now, the whole buffer once, at unity gain.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_play_params {
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
    /// SONSET_LATE_...
    pub late_policy: i32,
    /// 0, or 1 to let the output guard limit a sound that exceeds the ceiling.
    pub allow_clip: i32,
    /// Later than this it is dropped, whatever the policy; 0 for no limit.
    pub max_late_frames: i64,
    /// The batch it belongs to; 0 for none.
    pub batch: i64,
    /// Yours: it comes back in the receipt.
    pub tag: i64,
    /// Gain on top of that of the channels, in decibels; -INFINITY is silence.
    pub gain_db: f64,
    /// Extra passes of the loop; -1 for ever.
    pub loop_count: i64,
    /// First frame of the loop in the buffer; with loop_frames 0 and this 0, the whole sound is the loop.
    pub loop_first_frame: i64,
    /// Frames of the loop; 0 for all up to the end of the sound.
    pub loop_frames: i64,
    /// First frame of the sound in the buffer.
    pub first_frame: i64,
    /// Frames of the sound, if has_frame_count is 1.
    pub frame_count: i64,
    /// 0 to play up to the end of the buffer, 1 to play frame_count frames.
    pub has_frame_count: i32,
    /// SONSET_RAMP_...: the course of both ramps.
    pub ramp_shape: i32,
    /// The frame of the stream from which on it is silent; 0 for none. If its start comes to lie there or later, it ends
    /// as SONSET_OUTCOME_STOP_BEFORE_START.
    pub stop_frame: i64,
    /// Frames of the ramp from silence at the start.
    pub onset_ramp_frames: i64,
    /// Frames of the ramp to silence before the end.
    pub offset_ramp_frames: i64,
    /// Depth m of sinusoidal amplitude modulation, 0 to 1; 0 for none. Frame k of the sound, passes of loops and
    /// skipped frames counted, is multiplied by 1 + m sin(2 pi (f k / rate + p)), so the peak rises to 1 + m
    /// times that of the sound (WOULD_CLIP), and the power to 1 + m^2 / 2 times. Trigger lines are never modulated.
    pub am_depth: f64,
    /// Its frequency f: 0.0001 to below half of the sample rate; 0 if am_depth is 0.
    pub am_frequency_hz: f64,
    /// Its phase p at frame 0; -0.25 begins in the trough.
    pub am_phase_cycles: f64,
    /// SONSET_RING_...: what happens when a ring runs dry. 0 where no ring is played.
    pub ring_policy: i32,
    /// 1 to play a file, or a buffer that was loaded from one, that cannot be sound as it was meant
    /// (SONSET_ERROR_IMPLAUSIBLE); 0 to refuse it. No matter for what comes from no file.
    pub allow_implausible: i32,
}

sized! { sonset_play_params; }

/// Sets params to their defaults.
///
/// Errors: NULL_POINTER. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_play_params_init(params: *mut sonset_play_params) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    unsafe { structs::init(params) }
}

/// Plays a buffer.
///
/// channels and gains hold channel_count values. channels are output channels from 1, one for each channel
/// of the buffer, or any number of them for a mono buffer, which is then copied to each. NULL, with
/// channel_count 0, stands for channels 1 to n of a buffer of n channels, and for 1 and 2 of a mono buffer;
/// trigger lines are never meant. gains are linear factors, one for each of channels (0 mutes, negative ones
/// invert), or for each of the default channels, with channels NULL and channel_count their number; NULL is
/// unity. params NULL stands for all zeros. out_action gets the action's id.
///
/// The buffer is fixed from now on: nothing can be recorded into it any more. It may be released at once.
///
/// A buffer whose info says level_implausible is refused with IMPLAUSIBLE unless params->allow_implausible is 1.
///
/// Errors: IMPLAUSIBLE, WOULD_CLIP, RATE_MISMATCH, BUFFER_BUSY, POOL_FULL, BATCH_FULL, UNKNOWN_BATCH, UNKNOWN_ACTION,
/// OTHER_STREAM and ACTION_ENDED for after_action, TIME_RANGE, UNSUPPORTED, INVALID_STATE without an output,
/// STREAM_CLOSED, DEVICE_LOST, INVALID_ARGUMENT, NULL_POINTER, INVALID_HANDLE. Then nothing is played, and
/// nothing has changed.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_play_buffer(
    stream: *mut sonset_stream,
    buffer: *const sonset_buffer,
    channels: *const i32,
    gains: *const f32,
    channel_count: i32,
    params: *const sonset_play_params,
    out_action: *mut i64,
) -> i32 {
    guard(|| {
        let buffer = buffer::get(buffer)?;
        let arguments = Arguments { stream, channels, gains, channel_count, params, out_action };
        // SAFETY: the caller passes what the arguments' own comment asks for.
        unsafe {
            arguments
                .play(|stream, channels, gains, params| stream.play_buffer(&buffer, channels, gains, params))
        }
    })
}

/// Plays what the host writes to a ring, before and while it plays: as sonset_stream_play_buffer(), but for the
/// following.
///
/// The action takes frames from the ring from its start on. Where the ring has run dry it plays silence and
/// counts the frames (missing_frames, first_missing_frame, also of sonset_stream_get_action() meanwhile);
/// what is written then sounds so much later, and nothing that was written is left out. With
/// SONSET_RING_END it ends instead, with SONSET_OUTCOME_UNDERFLOW. sonset_ring_info.needed_frame tells by
/// when to write. done_frames are those that sounded.
///
/// It completes when the ring was finished (sonset_ring_finish()) and all of it has sounded, or after
/// frame_count frames of the stream, those of silence included. first_frame and the loop must be 0. An offset
/// ramp needs to know the end: it is whole with a frame_count, or if the ring is finished while at least
/// offset_ramp_frames are left in it. With SONSET_LATE_SKIP, as many frames of the ring as it is late are
/// thrown away, now or as they come.
///
/// What will be written is not known: no WOULD_CLIP, the output guard limits it. As long as the ring holds
/// enough, the output does not depend on how blocks are divided; when a ring runs dry depends on time. The
/// ring is the action's until it has its receipt: till then it can be written to, but nothing else reads it.
/// It may be released at once.
///
/// Errors: RING_BUSY if another action or recording has the ring, RATE_MISMATCH, and else as
/// sonset_stream_play_buffer().
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_play_ring(
    stream: *mut sonset_stream,
    ring: *mut sonset_ring,
    channels: *const i32,
    gains: *const f32,
    channel_count: i32,
    params: *const sonset_play_params,
    out_action: *mut i64,
) -> i32 {
    guard(|| {
        let ring = ring::get(ring)?;
        let arguments = Arguments { stream, channels, gains, channel_count, params, out_action };
        // SAFETY: the caller passes what the arguments' own comment asks for.
        unsafe {
            arguments.play(|stream, channels, gains, params| stream.play_ring(&ring, channels, gains, params))
        }
    })
}

/// What every function that plays takes. channels and gains are NULL or hold channel_count values, params is
/// NULL or a struct of the size that it states, out_action is NULL or writable.
pub(super) struct Arguments {
    pub stream: *mut sonset_stream,
    pub channels: *const i32,
    pub gains: *const f32,
    pub channel_count: i32,
    pub params: *const sonset_play_params,
    pub out_action: *mut i64,
}

impl Arguments {
    /// Checks them, calls `play` with them, and writes the id that it gives.
    pub unsafe fn play(
        &self,
        play: impl FnOnce(&Stream, Option<&[i32]>, Option<&[f32]>, &PlayParams) -> Result<i64>,
    ) -> Result<()> {
        let Self { stream, channels, gains, channel_count, params, out_action } = *self;
        let stream = stream::get(stream)?;
        not_null(out_action, "out_action")?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let params = convert(&unsafe { structs::read(params) }?)?;
        if channels.is_null() && gains.is_null() && channel_count != 0 {
            fail!(InvalidArgument, "channel_count is {channel_count}, but channels and gains are both NULL");
        }
        let given = if channels.is_null() { 0 } else { channel_count };
        // SAFETY: the caller passes NULL or channel_count values.
        let channels = unsafe { optional_values(channels, given, "channels") }?;
        let given = if gains.is_null() { 0 } else { channel_count };
        // SAFETY: the caller passes NULL or channel_count values.
        let gains = unsafe { optional_values(gains, given, "gains") }?;
        let action = play(&stream, channels, gains, &params)?;
        // SAFETY: checked not to be null.
        unsafe { write(out_action, action) };
        Ok(())
    }
}

fn convert(params: &sonset_play_params) -> Result<PlayParams> {
    let has_frame_count = switch(params.has_frame_count, "has_frame_count")?;
    if !has_frame_count && params.frame_count != 0 {
        fail!(InvalidArgument, "frame_count is {}, but has_frame_count is 0", params.frame_count);
    }
    if params.stop_frame < 0 {
        fail!(InvalidArgument, "stop_frame {}: a frame of the stream, or 0 for none", params.stop_frame);
    }
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
    Ok(PlayParams {
        timing: timing.timing()?,
        allow_clip: switch(params.allow_clip, "allow_clip")?,
        allow_implausible: switch(params.allow_implausible, "allow_implausible")?,
        gain_db: params.gain_db,
        loop_count: params.loop_count,
        loop_first_frame: params.loop_first_frame,
        loop_frames: params.loop_frames,
        first_frame: params.first_frame,
        frame_count: has_frame_count.then_some(params.frame_count),
        stop_frame: (params.stop_frame != 0).then_some(params.stop_frame),
        onset_ramp_frames: params.onset_ramp_frames,
        offset_ramp_frames: params.offset_ramp_frames,
        ramp_shape: match params.ramp_shape {
            0 => RampShape::RaisedCosine,
            1 => RampShape::Linear,
            other => fail!(InvalidArgument, "ramp_shape {other}: RAISED_COSINE is 0, LINEAR is 1"),
        },
        ring: ring::policy(params.ring_policy)?,
        am_depth: params.am_depth,
        am_frequency_hz: params.am_frequency_hz,
        am_phase_cycles: params.am_phase_cycles,
    })
}
