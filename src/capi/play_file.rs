#![allow(non_camel_case_types)]

use std::ffi::c_char;

use super::guard::{file_name, guard};
use super::play::{Arguments, sonset_play_params};
use super::stream::sonset_stream;
use super::structs::{self, sized};
use crate::error::fail;
use crate::stream::PlayFileParams;

/// How to read a file that is played. All zeros: its default track, two seconds ahead.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_play_file_params {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// Number of the audio track, from 1; 0 for the one that the file calls its default, else the first.
    pub track: i32,
    /// How far ahead the file is read, in ms: 100 to 60000; 0 for 2000. At most 786432 samples.
    pub read_ahead_ms: i32,
    /// 1 to convert a file of another rate to that of the stream; 0 to refuse it with RATE_MISMATCH.
    pub resample: i32,
}

sized! { sonset_play_file_params; }

/// Sets params to their defaults.
///
/// Errors: NULL_POINTER. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_play_file_params_init(params: *mut sonset_play_file_params) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    unsafe { structs::init(params) }
}

/// Plays a sound file, or the sound track of a film, while it is read: whatever its length, in a few megabytes.
/// What files are read is said at sonset_buffer_load_file_at(); sonset_file_get_info() tells beforehand whether where
/// the sound begins in it is certain. A file of another rate is converted with resample 1, as
/// sonset_buffer_load_file_at() does it, with the same frames; those of first_frame, frame_count and the loop are then
/// counted at the stream's rate.
///
/// file NULL stands for all zeros; channels, gains, channel_count and params are as for
/// sonset_stream_play_buffer(), with frames of the file in place of those of the buffer. A loop that is longer
/// than 262144 samples is sought anew at each pass. How loud the file will be is not known beforehand: the output
/// guard limits it at the ceiling. The read-ahead is full when the call returns, so that nothing is missed at once.
///
/// Frames that the file's disk did not deliver in time are silence, and are left out when they come: the rest is in
/// time. They are counted in missing_frames. A file that breaks in the middle plays up to there, and the action
/// ends with SONSET_OUTCOME_FILE_ERROR (sonset_stream_get_action_error() tells why); for what follows it, it has not
/// completed.
///
/// A file that cannot be sound as it was meant, by the measure told at sonset_buffer_load_file_at(), is refused with
/// IMPLAUSIBLE unless params->allow_implausible is 1. That is judged by what is read ahead; where it shows only later,
/// the action ends there with SONSET_OUTCOME_FILE_ERROR.
///
/// Errors: IMPLAUSIBLE, FILE_NOT_FOUND, FILE_IO, FILE_FORMAT, NON_FINITE, RATE_MISMATCH, OUT_OF_MEMORY, POOL_FULL, BATCH_FULL,
/// UNKNOWN_BATCH, UNKNOWN_ACTION, OTHER_STREAM and ACTION_ENDED for after_action, TIME_RANGE, UNSUPPORTED,
/// INVALID_STATE without an output, STREAM_CLOSED, DEVICE_LOST, INVALID_ARGUMENT, NULL_POINTER, INVALID_HANDLE.
/// Then nothing is played.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_play_file(
    stream: *mut sonset_stream,
    path: *const c_char,
    file: *const sonset_play_file_params,
    channels: *const i32,
    gains: *const f32,
    channel_count: i32,
    params: *const sonset_play_params,
    out_action: *mut i64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let file = unsafe { structs::read(file) }?;
        let resample = match file.resample {
            0 => false,
            1 => true,
            other => fail!(InvalidArgument, "resample is {other}: 0 or 1"),
        };
        let file = PlayFileParams { track: file.track, read_ahead_ms: file.read_ahead_ms, resample };
        // SAFETY: the caller passes NULL or a string that ends with a zero.
        let path = unsafe { file_name(path) }?;
        let arguments = Arguments { stream, channels, gains, channel_count, params, out_action };
        // SAFETY: the caller passes what the arguments' own comment asks for.
        unsafe {
            arguments.play(|stream, channels, gains, params| {
                stream.play_file(path, &file, channels, gains, params)
            })
        }
    })
}
