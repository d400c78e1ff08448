#![allow(non_camel_case_types)]

use std::ffi::c_char;

use super::buffer::convertible;
use super::guard::{file_name, guard};
use super::record::{Arguments, sonset_record_params};
use super::stream::sonset_stream;
use super::structs::{self, sized};
use crate::error::{Result, fail};
use crate::file::growing::SampleFormat;
use crate::stream::FileParams;

/// How to write a file. All zeros: 32-bit float, as it came.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_file_params {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// SONSET_SAMPLE_...
    pub format: i32,
    /// What is kept in memory for a disk that is slow, in ms: 100 to 60000; 0 for 2000.
    pub buffer_ms: i32,
    /// Rate of the file in hertz, to which what came in is converted: 8000 to 384000; 0 for the stream's.
    pub sample_rate_hz: i32,
}

sized! { sonset_file_params; }

/// Sets params to their defaults.
///
/// Errors: NULL_POINTER. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_file_params_init(params: *mut sonset_file_params) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    unsafe { structs::init(params) }
}

/// Records into a new WAV file, on a thread of its own: as sonset_stream_record_buffer(), but for the following.
///
/// The file is made at once, and a file that is there already is never overwritten. channels NULL stands for all
/// input channels. Without max_frames it goes on until it is cancelled. file NULL stands for all zeros. Integers
/// are the nearest to the sample times 2^(bits - 1), limited to their range.
///
/// Whatever happens to the program, the file is a whole WAV file with all but the last second; from 4 GiB on it is
/// RF64. Its bext and iXML chunks hold the frame and the time of the first sample (MONOTONIC and Unix, with the
/// uncertainty). When the receipt is there, the file is complete. Frames for which there was no room because the
/// disk was too slow are zeros in the file, so that all others stay in place, and are counted in missing_frames.
/// Where the file cannot be written any more, because the disk is full for example, the action ends with
/// SONSET_OUTCOME_FILE_ERROR (sonset_stream_get_action_error() tells why), and what had been written is readable.
///
/// At a rate other than the stream's the file holds the sound that the stream's frames are, by the filter of
/// sonset_buffer_resample(): its first sample is at the time of the first frame, and n frames become
/// round(n * file rate / stream rate). All counts of the receipt are frames of the stream. iXML tells both rates.
///
/// Errors: FILE_IO if the file is there already or cannot be made, and else as sonset_stream_record_buffer(). Then
/// there is no file.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_record_file(
    stream: *mut sonset_stream,
    path: *const c_char,
    channels: *const i32,
    channel_count: i32,
    params: *const sonset_record_params,
    file: *const sonset_file_params,
    out_action: *mut i64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let file = convert(&unsafe { structs::read(file) }?)?;
        // SAFETY: the caller passes NULL or a string that ends with a zero.
        let path = unsafe { file_name(path) }?;
        let arguments = Arguments { stream, channels, channel_count, params, out_action };
        // SAFETY: the caller passes what the arguments' own comment asks for.
        unsafe {
            arguments.record(|stream, channels, params| stream.record_file(path, channels, params, &file))
        }
    })
}

fn convert(file: &sonset_file_params) -> Result<FileParams> {
    let format = match file.format {
        0 => SampleFormat::Float32,
        1 => SampleFormat::Int24,
        2 => SampleFormat::Int16,
        other => fail!(InvalidArgument, "format {other}: FLOAT32 is 0, INT24 is 1, INT16 is 2"),
    };
    let sample_rate_hz = convertible(file.sample_rate_hz, true)?;
    Ok(FileParams { format, buffer_ms: file.buffer_ms, sample_rate_hz })
}
