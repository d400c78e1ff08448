#![allow(non_camel_case_types)]

use std::ffi::c_char;

use super::guard::{file_name, guard, not_null};
use super::structs::{self, sized};
use crate::error::fail;
use crate::file::decode::Decoder;

/// What is known of an audio track of a file before it is read.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_file_info {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// Number of channels.
    pub channels: i32,
    /// Number of frames; -1 where only reading the file tells it.
    pub frames: i64,
    /// Rate in whole hertz.
    pub sample_rate_hz: i32,
    /// Number of the track among the audio tracks, from 1.
    pub track: i32,
    /// Number of audio tracks in the file.
    pub track_count: i32,
    /// 1 where the file states no length, as in sonset_buffer_info.
    pub length_from_end_of_file: i32,
    /// 1 where the sound may begin late by an encoder's delay, as in sonset_buffer_info.
    pub onset_uncertain: i32,
    /// 1 where the sound may end with an encoder's padding, as in sonset_buffer_info.
    pub length_uncertain: i32,
    /// The exact rate in hertz, as in sonset_buffer_info.
    pub file_rate_hz: f64,
}

sized! { sonset_file_info; }

/// Tells what is known of audio track track (from 1; 0 for the file's default) of a file before it is read: its
/// rate, channels and length, and whether the file tells exactly where its sound begins and ends. This is the way to
/// know that of a file for sonset_stream_play_file(); of a buffer, sonset_buffer_get_info() tells it.
///
/// No pipe is a file in this sense: what was read of it would be gone.
///
/// Errors: FILE_NOT_FOUND, FILE_FORMAT, FILE_IO, UNSUPPORTED for a pipe, INVALID_ARGUMENT for a track that is not
/// there, NULL_POINTER.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_file_get_info(
    path: *const c_char,
    track: i32,
    out_info: *mut sonset_file_info,
) -> i32 {
    guard(|| {
        // SAFETY: the caller passes NULL or a string that ends with a zero.
        let path = unsafe { file_name(path) }?;
        not_null(out_info, "out_info")?;
        if track < 0 {
            fail!(InvalidArgument, "track {track}: from 1, or 0 for the file's default");
        }
        if path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            fail!(Unsupported, "'{}' is a pipe, of which nothing is known before it is read", path.display());
        }
        let decoder = Decoder::open(path, track)?;
        let about = decoder.info();
        let info = sonset_file_info {
            struct_size: 0,
            channels: about.channels as i32,
            frames: about.frames.map_or(-1, |frames| i64::try_from(frames).unwrap_or(i64::MAX)),
            sample_rate_hz: about.sample_rate_hz as i32,
            track: about.track,
            track_count: decoder.tracks().len() as i32,
            length_from_end_of_file: about.length_from_end_of_file as i32,
            onset_uncertain: about.onset_uncertain as i32,
            length_uncertain: about.length_uncertain as i32,
            file_rate_hz: about.rate.hz(),
        };
        // SAFETY: the caller passes a struct of the size that it states.
        unsafe { structs::write(out_info, &info) }
    })
}
