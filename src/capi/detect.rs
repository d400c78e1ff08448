#![allow(non_camel_case_types)]

use super::guard::{guard, not_null, optional_values, write};
use super::start::Fields;
use super::stream::{self, sonset_stream};
use super::structs::{self, sized};
use crate::error::Result;
use crate::stream::DetectParams;

/// What to take for a sound, and when to listen. All zeros: a voice, from now on, 20 dB above the noise of the
/// first 200 ms, in which there must be no sound: the receipt says so if they are too loud for silence.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_detect_params {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// SONSET_START_...
    pub start_mode: i32,
    /// The first frame to listen to, with SONSET_START_AT_FRAME: 0 to 2^53.
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
    /// SONSET_LATE_...; with SKIP a late detector gives up when it was to give up.
    pub late_policy: i32,
    /// 0.
    pub reserved: i32,
    /// Later than this it is dropped, whatever the policy; 0 for no limit.
    pub max_late_frames: i64,
    /// The batch it belongs to; 0 for none.
    pub batch: i64,
    /// Yours: it comes back in the receipt.
    pub tag: i64,
    /// Magnitude, linear and at most 1, from which on a frame is loud; 0 for a multiple of the floor. With a magnitude
    /// no floor is measured: floor_multiple and floor_frames must be 0.
    pub threshold: f64,
    /// The threshold as a multiple of the floor, 1 to 1e6; 0 for 10, that is 20 dB. At least 2^-15 comes of it.
    pub floor_multiple: f64,
    /// Frames from the start over which the floor is measured, as the RMS of each channel, high-passed; nothing
    /// is loud meanwhile. 0 for 200 ms. There must be no sound in them: of a tone or a voice that sounds already, 20 dB
    /// more than it may never come. Where that can be, start the detector that much earlier, or give a magnitude; see
    /// floor_limit.
    pub floor_frames: i64,
    /// Corner of the high-pass, a Butterworth filter of second order, below half the sample rate; 0 for 100 Hz,
    /// -1 for none. It delays no onset: the first frame of a pulse passes whole but for a few percent.
    pub high_pass_hz: f64,
    /// Least duration, from the first loud frame to the last; 0 for 10 ms. 1 takes every pulse for a sound.
    pub minimum_frames: i64,
    /// Longest gap between the loud frames of a sound; 0 for 10 ms.
    pub gap_frames: i64,
    /// Silence after which a sound is over; 0 for 200 ms.
    pub hold_off_frames: i64,
    /// Frames to listen at most; 0 for no limit.
    pub max_frames: i64,
    /// The RMS from which on a floor is no silence, at most 1; 0 for 0.01, that is -40 dB of full scale: 20 dB above that
    /// is 0.1, which a voice at a well set microphone may not reach. Above it the detector goes on with the threshold that
    /// came of the floor, and the receipt says SONSET_DETECTION_LOUD_FLOOR. 0 with a magnitude.
    pub floor_limit: f64,
}

sized! { sonset_detect_params; }

/// Sets params to their defaults.
///
/// Errors: NULL_POINTER. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_detect_params_init(params: *mut sonset_detect_params) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    unsafe { structs::init(params) }
}

/// Listens for a sound: a voice key. It hears the frames that a recording from the same start holds, so that
/// what it found can be checked in one.
///
/// A frame is loud if the magnitude of any channel, high-passed, is at or above the threshold. From a loud
/// frame on, loud frames make a run: each earns 16 frames of credit, up to gap_frames in all, each frame in
/// between uses one, and the run is over when a frame finds none left. So a run is loud in at least one frame
/// of 17, as voices are, and noise well below the threshold, which reaches it in one frame of hundreds, is not.
/// A run that spans minimum_frames, from its first loud frame to its last, is a sound, and its first frame the
/// onset. Runs as long that begin before hold_off_frames have passed since the last one's end are the same
/// sound. NaN counts as 0.
///
/// The action is SONSET_ACTION_PENDING while it listens, with start_frame known, and SONSET_ACTION_STARTED from
/// the block on in which the sound has lasted minimum_frames: detected_frame is its onset, and does not change
/// any more. It ends when the sound's last run is over and hold_off_frames have passed since that run's end,
/// detected_end_frame; or after max_frames. Both are SONSET_OUTCOME_COMPLETED; detected_frame is -1 if no sound
/// was found, and detected_end_frame is -1 if it was not over. end_frame is the frame after the last one
/// listened to. The receipt's detection says why there is an onset or none: SONSET_DETECTION_...
///
/// An action that follows a detector (after_action) counts from the onset, and is placed as soon as that is
/// known; if its frame has passed by then, its late policy decides. It fails with SONSET_OUTCOME_PREDECESSOR if
/// the detector ends without an onset, unless its after_policy is SONSET_AFTER_ANY_END: then it counts from
/// the detector's end.
///
/// channels holds channel_count input channels from 1, none twice; NULL, with channel_count 0, stands for
/// channel 1. For an onset of each channel, start a detector for each. params NULL stands for all zeros.
/// out_action gets the action's id.
///
/// Errors: POOL_FULL, BATCH_FULL, UNKNOWN_BATCH, UNKNOWN_ACTION, OTHER_STREAM and ACTION_ENDED for
/// after_action, TIME_RANGE, UNSUPPORTED, INVALID_STATE without an input, STREAM_CLOSED, DEVICE_LOST,
/// INVALID_ARGUMENT, NULL_POINTER, INVALID_HANDLE. Then nothing has changed.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_detect_level(
    stream: *mut sonset_stream,
    channels: *const i32,
    channel_count: i32,
    params: *const sonset_detect_params,
    out_action: *mut i64,
) -> i32 {
    guard(|| {
        let stream = stream::get(stream)?;
        not_null(out_action, "out_action")?;
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let params = convert(&unsafe { structs::read(params) }?)?;
        // SAFETY: the caller passes NULL or channel_count values.
        let channels = unsafe { optional_values(channels, channel_count, "channels") }?;
        let action = stream.detect_level(channels, &params)?;
        // SAFETY: checked not to be null.
        unsafe { write(out_action, action) };
        Ok(())
    })
}

fn convert(params: &sonset_detect_params) -> Result<DetectParams> {
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
    Ok(DetectParams {
        timing: timing.timing()?,
        threshold: params.threshold,
        floor_multiple: params.floor_multiple,
        floor_frames: params.floor_frames,
        floor_limit: params.floor_limit,
        high_pass_hz: params.high_pass_hz,
        minimum_frames: params.minimum_frames,
        gap_frames: params.gap_frames,
        hold_off_frames: params.hold_off_frames,
        max_frames: params.max_frames,
    })
}
