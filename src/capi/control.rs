#![allow(non_camel_case_types)]

use super::guard::{guard, not_null, write};
use super::start::host_time;
use super::stream::{self, sonset_stream};
use super::structs::{self, sized, switch};
use crate::action::When;
use crate::error::{Result, fail};

/// When and how to end an action. All zeros: now, with the stream's fade.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_cancel_params {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// SONSET_START_NOW, SONSET_START_AT_FRAME or SONSET_START_AT_HOST_TIME.
    pub mode: i32,
    /// The frame, with SONSET_START_AT_FRAME. A sound is silent from it on; a recording ends before it.
    pub frame: i64,
    /// SONSET_CLOCK_..., with SONSET_START_AT_HOST_TIME; else 0.
    pub clock: i32,
    /// 0.
    pub reserved: i32,
    /// The time at the converter, with SONSET_START_AT_HOST_TIME.
    pub host_ns: i64,
    /// Frames over which a sound fades to silence, before the frame given, or from now on; shorter if there is
    /// not so much time left. 0 takes the stream's fade (fade_ms), -1 cuts. A trigger line does not fade: it is
    /// cut where the rest is silent, and at once if the action has nothing else.
    pub fade_frames: i64,
}

/// When and how to change a gain. All zeros: to 0 dB, now, over the stream's fade.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_gain_params {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// SONSET_START_NOW, SONSET_START_AT_FRAME or SONSET_START_AT_HOST_TIME.
    pub mode: i32,
    /// The frame at which the change begins, with SONSET_START_AT_FRAME.
    pub frame: i64,
    /// SONSET_CLOCK_..., with SONSET_START_AT_HOST_TIME; else 0.
    pub clock: i32,
    /// 1 lets the output guard limit an action that gets too loud. Of no use to the master gain: 0.
    pub allow_clip: i32,
    /// The time at the converter, with SONSET_START_AT_HOST_TIME.
    pub host_ns: i64,
    /// The gain to reach in decibels; -INFINITY is silence.
    pub gain_db: f64,
    /// Frames of the straight line there. 0 takes the stream's fade (fade_ms), -1 is a step.
    pub ramp_frames: i64,
}

/// When and how to pause an action or let it go on. All zeros: now, with the stream's fade.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_pause_params {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// SONSET_START_NOW, SONSET_START_AT_FRAME or SONSET_START_AT_HOST_TIME.
    pub mode: i32,
    /// The frame, with SONSET_START_AT_FRAME. A pause is silent from it on; a resume sounds from it on.
    pub frame: i64,
    /// SONSET_CLOCK_..., with SONSET_START_AT_HOST_TIME; else 0.
    pub clock: i32,
    /// 0.
    pub reserved: i32,
    /// The time at the converter, with SONSET_START_AT_HOST_TIME.
    pub host_ns: i64,
    /// Frames of the fade: of a pause before its frame, or from now on; of a resume from its frame on. 0 takes the
    /// stream's fade (fade_ms), -1 is none. A trigger line does not fade: it is low while the sound stands still.
    pub fade_frames: i64,
}

/// When a sound is to go elsewhere, and where. All zeros: now, to its first frame, with the stream's fade.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_seek_params {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// SONSET_START_NOW, SONSET_START_AT_FRAME or SONSET_START_AT_HOST_TIME.
    pub mode: i32,
    /// The frame of the stream from which on the sound is elsewhere, with SONSET_START_AT_FRAME.
    pub frame: i64,
    /// SONSET_CLOCK_..., with SONSET_START_AT_HOST_TIME; else 0.
    pub clock: i32,
    /// 0.
    pub reserved: i32,
    /// The time at the converter, with SONSET_START_AT_HOST_TIME.
    pub host_ns: i64,
    /// Frames of the fade to silence before the jump, or from now on, and of the fade after it; shorter before it if
    /// there is not so much time left. 0 takes the stream's fade (fade_ms), -1 is none.
    pub fade_frames: i64,
    /// The frame of the sound that sounds there, counted from its own first one, loops unrolled.
    pub position_frame: i64,
}

/// When an action is to start instead. All zeros: now.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_reschedule_params {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// SONSET_START_NOW, SONSET_START_AT_FRAME or SONSET_START_AT_HOST_TIME.
    pub mode: i32,
    /// The frame, with SONSET_START_AT_FRAME.
    pub frame: i64,
    /// SONSET_CLOCK_..., with SONSET_START_AT_HOST_TIME; else 0.
    pub clock: i32,
    /// 0.
    pub reserved: i32,
    /// The time at the converter, with SONSET_START_AT_HOST_TIME.
    pub host_ns: i64,
}

sized! {
    sonset_cancel_params;
    sonset_gain_params;
    sonset_pause_params;
    sonset_reschedule_params;
    sonset_seek_params;
}

/// When a control request is for.
fn when_of(mode: i32, frame: i64, clock: i32, host_ns: i64) -> Result<When> {
    let unused = |name: &str, value: i64| match value {
        0 => Ok(()),
        _ => fail!(InvalidArgument, "{name} is {value}, but the mode does not use it"),
    };
    match mode {
        0 => {
            unused("frame", frame)?;
            unused("clock", clock as i64)?;
            unused("host_ns", host_ns)?;
            Ok(When::Now)
        }
        1 => {
            unused("clock", clock as i64)?;
            unused("host_ns", host_ns)?;
            Ok(When::Frame(frame))
        }
        2 => {
            unused("frame", frame)?;
            Ok(When::Host(host_time(clock, host_ns)?))
        }
        other => fail!(InvalidArgument, "mode {other}: NOW is 0, AT_FRAME is 1, AT_HOST_TIME is 2"),
    }
}

/// Sets params to their defaults.
///
/// Errors: NULL_POINTER. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_cancel_params_init(params: *mut sonset_cancel_params) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    unsafe { structs::init(params) }
}

/// Sets params to their defaults.
///
/// Errors: NULL_POINTER. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_gain_params_init(params: *mut sonset_gain_params) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    unsafe { structs::init(params) }
}

/// Sets params to their defaults.
///
/// Errors: NULL_POINTER. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_pause_params_init(params: *mut sonset_pause_params) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    unsafe { structs::init(params) }
}

/// Sets params to their defaults.
///
/// Errors: NULL_POINTER. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_reschedule_params_init(params: *mut sonset_reschedule_params) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    unsafe { structs::init(params) }
}

/// Sets params to their defaults.
///
/// Errors: NULL_POINTER. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_seek_params_init(params: *mut sonset_seek_params) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    unsafe { structs::init(params) }
}

/// Ends an action: one that has not started by then never will, one that has ends there. An action in a batch
/// that is not committed ends at once if the request is for now, and else takes it along. Needs no free
/// action. A frame that has passed is the first one that can still be reached, and the sound is cut there.
/// Of several requests for one action the earliest counts; an end is never put off. A sound that is fading
/// already when its end is brought forward falls from where it is to silence at the new end. params NULL
/// stands for all zeros.
///
/// Errors: ACTION_ENDED, UNKNOWN_ACTION, OTHER_STREAM, INVALID_ARGUMENT, TIME_RANGE, UNSUPPORTED,
/// INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_cancel(
    stream: *mut sonset_stream,
    action: i64,
    params: *const sonset_cancel_params,
) -> i32 {
    guard(|| {
        let stream = stream::get(stream)?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let params = unsafe { structs::read(params) }?;
        let when = when_of(params.mode, params.frame, params.clock, params.host_ns)?;
        stream.cancel(action, when, params.fade_frames)
    })
}

/// Ends every action that was issued so far, now; batches that are not committed stay. Sounds fade over
/// fade_frames: 0 takes the stream's fade (fade_ms), -1 cuts; an end that was asked for sooner is not put off.
/// Works when the pool and the queue are full.
///
/// All of them end at one frame, and nothing that had not started does any more. A callback does a bounded number of
/// steps, so the receipts of more than 1024 actions come over the blocks that follow, 1024 in 256 frames, and until
/// then these actions take places in the pool.
///
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_cancel_all(stream: *mut sonset_stream, fade_frames: i64) -> i32 {
    guard(|| stream::get(stream)?.cancel_all(fade_frames))
}

/// Changes the gain of all audio channels. Trigger lines are left alone. A change that has not begun is
/// replaced by a later request. params NULL stands for all zeros: back to 0 dB.
///
/// The guard that limits the output comes after the gain, and sounds are checked against the ceiling without
/// it: above 0 dB they may be limited, which is counted.
///
/// Errors: INVALID_ARGUMENT, INVALID_STATE without an output, TIME_RANGE, UNSUPPORTED, STREAM_CLOSED,
/// DEVICE_LOST, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_set_master_gain(
    stream: *mut sonset_stream,
    params: *const sonset_gain_params,
) -> i32 {
    guard(|| {
        let stream = stream::get(stream)?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let params = unsafe { structs::read(params) }?;
        let when = when_of(params.mode, params.frame, params.clock, params.host_ns)?;
        if params.allow_clip != 0 {
            fail!(
                InvalidArgument,
                "allow_clip is {}, but the master gain does not use it",
                params.allow_clip
            );
        }
        stream.set_master_gain(when, params.gain_db, params.ramp_frames)
    })
}

/// Changes the gain of one action that plays, on top of its own gains: 0 dB is as it was issued. The change is a
/// straight line in amplitude from the gain at its first frame, and a closed form of the frame: frame n of a ramp
/// of N frames, counted from 0, has the gain from + (to - from) (n + 1) / N. An action that has not started yet
/// starts with the gain of that frame. Trigger lines are left alone. Needs no free action.
///
/// A frame that has passed is the first one that can still be reached. A change that has not begun is replaced by
/// a later request; one that has goes on from where it is. gain_frame and gain of the action's receipt tell what
/// was done. params NULL stands for all zeros: back to 0 dB.
///
/// Errors: WOULD_CLIP where the sound times the gain exceeds the ceiling of a channel and neither
/// params->allow_clip nor the allow_clip it was issued with is set; UNSUPPORTED for recordings and detectors, and
/// for actions on trigger lines only; ACTION_ENDED, UNKNOWN_ACTION, OTHER_STREAM, INVALID_ARGUMENT, TIME_RANGE,
/// NO_CLOCK, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_set_gain(
    stream: *mut sonset_stream,
    action: i64,
    params: *const sonset_gain_params,
) -> i32 {
    guard(|| {
        let stream = stream::get(stream)?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let params = unsafe { structs::read(params) }?;
        let when = when_of(params.mode, params.frame, params.clock, params.host_ns)?;
        let allow_clip = switch(params.allow_clip, "allow_clip")?;
        stream.set_gain(action, when, params.gain_db, params.ramp_frames, allow_clip)
    })
}

/// Lets a sound stand still: it is silent from a frame on, and sonset_stream_resume() lets it go on with the sample
/// that comes next. Its end is not known meanwhile, and moves by the length of the pause; actions that follow it
/// wait, and move with it. stop_frame stays: the action ends there even while it stands still. Its gain goes on
/// changing. The state is SONSET_ACTION_PAUSED from the begin of the fade on; paused_frame, resumed_frame and
/// paused_frames of the receipt tell what was done. Needs no free action.
///
/// A frame that has passed is the first one that can still be reached, and the sound is cut there. A pause that has
/// not begun to fade is replaced by a later request for a pause; a pause and a resume can wait at the same time.
/// Requests for the same frame are done in the order in which they were made, before anything starts there. A pause
/// does nothing if the action has not started before its frame, ends by then, or stands still already. A sound that
/// stands still can be cancelled as any other; nothing of the fade is heard then. params NULL stands for all zeros.
///
/// Nothing is taken from a ring or a file meanwhile, and nothing is missing: both go on with their next frame. What is
/// finished before it has come to stand ends there. A monitor is live and a recording has one time for all its frames:
/// neither can stand still.
///
/// Errors: INVALID_STATE now, if the action is not known to have started; UNSUPPORTED for recordings, detectors
/// and monitors; ACTION_ENDED, UNKNOWN_ACTION, OTHER_STREAM, INVALID_ARGUMENT, TIME_RANGE, NO_CLOCK, INVALID_HANDLE,
/// NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_pause(
    stream: *mut sonset_stream,
    action: i64,
    params: *const sonset_pause_params,
) -> i32 {
    guard(|| {
        let stream = stream::get(stream)?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let params = unsafe { structs::read(params) }?;
        let when = when_of(params.mode, params.frame, params.clock, params.host_ns)?;
        stream.pause(action, when, params.fade_frames)
    })
}

/// Lets a sound that stands still go on at a frame, with the sample after the last one that sounded before the
/// pause. While the sound still fades towards a pause, it goes on as soon as it stands. A resume does nothing if the
/// sound does not stand still or fade at its frame; one that has not been done is replaced by a later request for a
/// resume. A frame that has passed is the first one that can still be reached. Needs no free action. params NULL
/// stands for all zeros.
///
/// Errors: INVALID_STATE now, if the action is not known to have started; UNSUPPORTED for recordings, detectors
/// and monitors; ACTION_ENDED, UNKNOWN_ACTION, OTHER_STREAM, INVALID_ARGUMENT, TIME_RANGE, NO_CLOCK, INVALID_HANDLE,
/// NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_resume(
    stream: *mut sonset_stream,
    action: i64,
    params: *const sonset_pause_params,
) -> i32 {
    guard(|| {
        let stream = stream::get(stream)?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let params = unsafe { structs::read(params) }?;
        let when = when_of(params.mode, params.frame, params.clock, params.host_ns)?;
        stream.resume(action, when, params.fade_frames)
    })
}

/// Lets a sound go on with another of its frames, from a frame of the stream on. Its end, and what follows it, move
/// accordingly; stop_frame stays. Ramps belong to the frames of the sound: back in its onset ramp it sounds as there.
/// While the sound stands still, it is the frame with which it will go on. Needs no free action. Now means after the
/// fade, so without a fade at once.
///
/// A frame that has passed is the first one that can still be reached, and the sound is cut there. A seek that has
/// not begun to fade is replaced by a later request; one that has is done, and the later one after it. A seek does
/// nothing if the action has not started before its frame, or ends by then. A pause that the sound would not reach
/// any more before its end is none. seek_frame of the receipt tells where the last one was done. params NULL stands
/// for all zeros.
///
/// A file is opened and read ahead from there before the call returns, so that nothing is missing afterwards: that
/// takes as long as sonset_stream_play_file does, and as much memory again until the seek is done. Of all files of a
/// stream, 64 seeks can wait to be done.
///
/// Errors: INVALID_STATE now, if the action is not known to have started; UNSUPPORTED for all but buffers and files,
/// and for files that cannot be opened again, as pipes; INVALID_ARGUMENT also where the sound has no such frame;
/// POOL_FULL where too many seeks in files wait; those of sonset_stream_play_file where the file cannot be read there;
/// ACTION_ENDED, UNKNOWN_ACTION, OTHER_STREAM, TIME_RANGE, NO_CLOCK, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_seek(
    stream: *mut sonset_stream,
    action: i64,
    params: *const sonset_seek_params,
) -> i32 {
    guard(|| {
        let stream = stream::get(stream)?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let params = unsafe { structs::read(params) }?;
        let when = when_of(params.mode, params.frame, params.clock, params.host_ns)?;
        stream.seek(action, when, params.position_frame, params.fade_frames)
    })
}

/// Gives an action that has not started another start, whatever kind of start it had; it then follows no other
/// action. Its late policy and max_late_frames apply to the new start; what follows it moves with it. In a batch that
/// is not committed the new start counts as if it had been given with the action. Of several requests that reach the
/// callback together the last counts. A recording with SONSET_ALIGN_ROUND_TRIP stays aligned. Needs no free action.
/// params NULL stands for all zeros: now.
///
/// An action may start while the request is on its way: then nothing is done. Its receipt tells: requested_frame,
/// requested_host_ns, start_clock and after_action are those of the start that counted.
///
/// Errors: INVALID_STATE where it has started;
/// ACTION_ENDED, UNKNOWN_ACTION, OTHER_STREAM, INVALID_ARGUMENT, TIME_RANGE, NO_CLOCK, INVALID_HANDLE,
/// NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_reschedule(
    stream: *mut sonset_stream,
    action: i64,
    params: *const sonset_reschedule_params,
) -> i32 {
    guard(|| {
        let stream = stream::get(stream)?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let params = unsafe { structs::read(params) }?;
        let when = when_of(params.mode, params.frame, params.clock, params.host_ns)?;
        stream.reschedule(action, when)
    })
}

/// Begins a batch: actions that name its number (params.batch) wait until it is committed. Any number of
/// batches can be open, from any threads.
///
/// Errors: STREAM_CLOSED, DEVICE_LOST, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_begin_batch(stream: *mut sonset_stream, out_batch: *mut i64) -> i32 {
    guard(|| {
        let stream = stream::get(stream)?;
        not_null(out_batch, "out_batch")?;
        let batch = stream.begin_batch()?;
        // SAFETY: checked not to be null.
        unsafe { write(out_batch, batch) };
        Ok(())
    })
}

/// Hands over all actions of a batch at once: one callback takes them all, and "now" is one frame for all of
/// them. Where output and input have callbacks of their own, that frame is the first that both can reach.
///
/// Errors: UNKNOWN_BATCH, STREAM_CLOSED, DEVICE_LOST, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_commit_batch(stream: *mut sonset_stream, batch: i64) -> i32 {
    guard(|| stream::get(stream)?.commit_batch(batch))
}

/// Gives a batch up; its actions end as SONSET_OUTCOME_CANCELLED.
///
/// Errors: UNKNOWN_BATCH, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_discard_batch(stream: *mut sonset_stream, batch: i64) -> i32 {
    guard(|| stream::get(stream)?.discard_batch(batch))
}
