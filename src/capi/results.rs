#![allow(non_camel_case_types)]

use std::ffi::c_char;
use std::time::Duration;

use super::guard::{file_name, guard, guard_text, lend};
use super::stream::{self, sonset_stream};
use super::structs::{self, sized};
use crate::error::fail;
use crate::receipt::{ActionState, NONE, Receipt};

/// What is known of an action: all of it when state is SONSET_ACTION_ENDED, what is known so far before.
/// Frames and times that there are not are -1. Where that could be a value, another field tells: has_requested_frame of
/// requested_frame, start_clock of requested_host_ns, host_uncertainty_ns of the other host times.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_receipt {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// SONSET_KIND_...
    pub kind: i32,
    /// The action's id.
    pub action: i64,
    /// The tag it was given.
    pub tag: i64,
    /// SONSET_ACTION_...
    pub state: i32,
    /// SONSET_OUTCOME_...
    pub outcome: i32,
    /// The predecessor, or 0.
    pub after_action: i64,
    /// The frame asked for; what "now", a host time or the predecessor's end came to, once that is known. Of a
    /// host time before frame 0 it is negative, so that -1 may be a frame; see has_requested_frame.
    pub requested_frame: i64,
    /// The host time asked for.
    pub requested_host_ns: i64,
    /// SONSET_CLOCK_... of that time, or 0.
    pub start_clock: i32,
    /// SONSET_LATENCY_...: where the latency in the host times below comes from.
    pub latency_source: i32,
    /// The first frame. Of a recording with SONSET_ALIGN_ROUND_TRIP, the round trip is in it.
    pub start_frame: i64,
    /// The frame after the last one; of an action that never started, the frame at which that was settled, or
    /// -1 if no callback ever got it.
    pub end_frame: i64,
    /// Frames played, recorded or listened to.
    pub done_frames: i64,
    /// How much later than asked it started, or could have started if it was dropped.
    pub late_frames: i64,
    /// Time of the first frame at the converter, by the clock MONOTONIC, latency and bias included.
    pub start_host_ns: i64,
    /// Time of end_frame at the converter, by the clock MONOTONIC.
    pub end_host_ns: i64,
    /// REALTIME minus MONOTONIC when the receipt was written.
    pub realtime_offset_ns: i64,
    /// Uncertainty of the two host times: 99 in 100 are nearer. Of the clock fit only, not of the latency; -1
    /// where there is no host time.
    pub host_uncertainty_ns: i64,
    /// Xruns of its half of the stream while it ran. Some systems tell of an xrun some blocks later: where a short
    /// sound has ended by then, it is in the stream's stats only.
    pub xruns: i64,
    /// Steps in the time stamps of its half that were found while it ran: lost blocks, slips between the halves,
    /// changed latencies. A step is found within 10 blocks, so it may lie so far before the start. Of one that
    /// is only suspected at the end the size is in host_uncertainty_ns; it counts too if whole blocks seem lost or
    /// three blocks have shown it, and may then still turn out to be none.
    pub discontinuities: i64,
    /// Frames that a source did not deliver in time, played as silence, or that a recording had no room for. 0
    /// for buffers. Neither is in done_frames.
    pub missing_frames: i64,
    /// Output samples of the stream that the guard limited while it ran, whoever caused them; to within the
    /// chunks of up to 256 frames in which it began and ended.
    pub stream_clipped_samples: i64,
    /// Samples of the stream that were NaN or infinite while it ran, likewise.
    pub stream_nonfinite_samples: i64,
    /// Onset that a detector found: the first frame at or above its threshold.
    pub detected_frame: i64,
    /// Offset that a detector found: the frame after the sound's last one.
    pub detected_end_frame: i64,
    /// Largest magnitude of a recording, or of what a detector heard, before its high-pass.
    pub input_peak: f64,
    /// Samples of a recording, or that a detector heard, at or above full scale.
    pub input_clipped_samples: i64,
    /// 1 if a recording holds, or a detector heard, nothing but zeros, as from a microphone that the system
    /// denies.
    pub all_zero: i32,
    /// SONSET_DETECTION_...: why a voice key found an onset, or none; while it listens, as if it ended now.
    pub detection: i32,
    /// Time of detected_frame at the converter, by the clock MONOTONIC.
    pub detected_host_ns: i64,
    /// Time of detected_end_frame at the converter, by the clock MONOTONIC.
    pub detected_end_host_ns: i64,
    /// The first frame of the stream that was missing, or that ended the action with SONSET_OUTCOME_UNDERFLOW or
    /// SONSET_OUTCOME_OVERFLOW.
    pub first_missing_frame: i64,
    /// Of a monitor, the time from the input's converter to the output's, as far as the backend's latencies and
    /// the clock fits of both halves tell.
    pub monitor_latency_ns: i64,
    /// First silent frame of its last pause (sonset_stream_pause).
    pub paused_frame: i64,
    /// The frame at which it went on after its last pause that has ended (sonset_stream_resume).
    pub resumed_frame: i64,
    /// Frames that it stood still in all: so much later it ended. Without a pause that has not ended, before the
    /// receipt is complete.
    pub paused_frames: i64,
    /// The frame of the stream at which it last went elsewhere in its sound (sonset_stream_seek).
    pub seek_frame: i64,
    /// The frame at which the last change of its gain begins (sonset_stream_set_gain), even if it ended before.
    pub gain_frame: i64,
    /// The gain that this change leads to, as a factor; 1 if there was none.
    pub gain: f64,
    /// 1 if requested_frame is known.
    pub has_requested_frame: i32,
    /// 0.
    pub reserved_last: i32,
}

sized! { sonset_receipt; }

impl sonset_receipt {
    fn from_receipt(receipt: &Receipt) -> Self {
        let (asked, measured) = (&receipt.asked, &receipt.measured);
        Self {
            struct_size: 0,
            kind: asked.kind as i32,
            action: asked.action,
            tag: asked.tag,
            state: receipt.state as i32,
            outcome: receipt.outcome.map_or(0, |outcome| outcome as i32),
            after_action: asked.after_action,
            requested_frame: receipt.requested_frame().unwrap_or(NONE),
            requested_host_ns: asked.requested_host_ns,
            start_clock: asked.start_clock,
            latency_source: measured.latency_source as i32,
            start_frame: measured.start_frame,
            end_frame: measured.end_frame,
            done_frames: measured.done_frames,
            late_frames: measured.late_frames,
            start_host_ns: measured.start_host_ns,
            end_host_ns: measured.end_host_ns,
            realtime_offset_ns: receipt.realtime_offset_ns,
            host_uncertainty_ns: measured.host_uncertainty_ns,
            xruns: measured.xruns as i64,
            discontinuities: measured.discontinuities as i64,
            missing_frames: measured.missing.frames,
            stream_clipped_samples: measured.clipped as i64,
            stream_nonfinite_samples: measured.nonfinite as i64,
            detected_frame: measured.detection.frame,
            detected_end_frame: measured.detection.end_frame,
            input_peak: measured.input_peak as f64,
            input_clipped_samples: measured.input_clipped as i64,
            all_zero: measured.all_zero as i32,
            detection: measured.detection.reason as i32,
            detected_host_ns: measured.detection.host_ns,
            detected_end_host_ns: measured.detection.end_host_ns,
            first_missing_frame: measured.missing.first_frame,
            monitor_latency_ns: measured.monitor_latency_ns,
            paused_frame: measured.pauses.frame,
            resumed_frame: measured.pauses.resumed_frame,
            paused_frames: measured.pauses.frames,
            seek_frame: measured.seek_frame,
            gain_frame: measured.gain.frame,
            gain: measured.gain.gain,
            has_requested_frame: receipt.requested_frame().is_some() as i32,
            reserved_last: 0,
        }
    }
}

/// What is known of an action now. Set out_receipt->struct_size, or zero the struct, first.
///
/// Errors: UNKNOWN_ACTION, OTHER_STREAM, ACTION_ENDED where its receipt is not among the last 100000,
/// INVALID_ARGUMENT for a wrong struct_size, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_get_action(
    stream: *mut sonset_stream,
    action: i64,
    out_receipt: *mut sonset_receipt,
) -> i32 {
    guard(|| {
        let stream = stream::get(stream)?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        unsafe { structs::check_out(out_receipt) }?;
        let receipt = sonset_receipt::from_receipt(&stream.action(action)?);
        // SAFETY: as above.
        unsafe { structs::write(out_receipt, &receipt) }
    })
}

/// Why the file of an action could not be read or written further, in words; empty if it could, or there is no file.
/// With SONSET_OUTCOME_FILE_ERROR it is never empty, and it can be told before the action has ended. UTF-8; the
/// thread's next call of this function replaces the text in place. NULL, with a message, for an action that is not known, whose
/// receipt is not among the last 100000, or for a wrong handle.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_stream_get_action_error(stream: *mut sonset_stream, action: i64) -> *const c_char {
    guard_text(|| Ok(lend(&stream::get(stream)?.action_error(action)?)))
}

/// Waits until an action has reached a state, SONSET_ACTION_STARTED or SONSET_ACTION_ENDED, at most timeout_ms
/// milliseconds (0 looks once). An action that ends without having started ends the wait for its start too;
/// the outcome tells. A detector has started when it has found an onset. Closing the stream from another thread
/// ends all waits. Wakes within about 1 ms.
///
/// On a manual stream the wait ends only if another thread calls sonset_stream_process().
///
/// The message of TIMEOUT says what the action waits for: the start of the stream, a batch, another action, a frame or
/// a time, and where the stream is.
///
/// Errors: TIMEOUT, UNKNOWN_ACTION, OTHER_STREAM, ACTION_ENDED where its receipt is not among the last 100000,
/// INVALID_ARGUMENT, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_wait_action(
    stream: *mut sonset_stream,
    action: i64,
    state: i32,
    timeout_ms: i32,
    out_receipt: *mut sonset_receipt,
) -> i32 {
    guard(|| {
        let stream = stream::get(stream)?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        unsafe { structs::check_out(out_receipt) }?;
        let until = match state {
            2 => ActionState::Started,
            4 => ActionState::Ended,
            _ => fail!(InvalidArgument, "state {state}: ACTION_STARTED is 2, ACTION_ENDED is 4"),
        };
        let Ok(timeout_ms) = u64::try_from(timeout_ms) else {
            fail!(InvalidArgument, "timeout_ms {timeout_ms}: 0 or more");
        };
        let receipt = stream.wait_action(action, until, Duration::from_millis(timeout_ms))?;
        let receipt = sonset_receipt::from_receipt(&receipt);
        // SAFETY: as above.
        unsafe { structs::write(out_receipt, &receipt) }
    })
}

/// Gives the oldest receipt that was not polled yet; each ended action has one. The last 100000 are kept;
/// older ones that nobody polled are dropped and counted (sonset_stream_stats.receipts_dropped).
///
/// Errors: NO_RECEIPT when none is waiting, INVALID_ARGUMENT for a wrong struct_size, INVALID_HANDLE,
/// NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_poll_receipt(
    stream: *mut sonset_stream,
    out_receipt: *mut sonset_receipt,
) -> i32 {
    guard(|| {
        let stream = stream::get(stream)?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        unsafe { structs::check_out(out_receipt) }?;
        let receipt = sonset_receipt::from_receipt(&stream.poll_receipt()?);
        // SAFETY: as above.
        unsafe { structs::write(out_receipt, &receipt) }
    })
}

/// Writes every receipt from now on to a new CSV file, with the struct's field names as its header, and backend and
/// sample_rate_hz of the stream; kind, state, outcome, detection and backend are written as names in lower case. Each line is
/// written at once, so the file is whole even if the process is killed. Until the stream is closed.
///
/// Errors: FILE_IO, also where the file exists, which is never overwritten; INVALID_STATE for a second log;
/// STREAM_CLOSED, DEVICE_LOST, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_log_receipts(stream: *mut sonset_stream, path: *const c_char) -> i32 {
    guard(|| {
        let stream = stream::get(stream)?;
        // SAFETY: the caller passes NULL or a text.
        let path = unsafe { file_name(path) }?;
        stream.log_receipts(path)
    })
}
