#![allow(non_camel_case_types)]

use std::ffi::{c_char, c_void};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use super::guard::{guard, not_null, text, write};
use super::handle::Table;
use super::structs::{self, sized};
use crate::buffer::Buffer;
use crate::error::{Result, fail};
use crate::file::{load, wav};

/// Samples in memory, to be played or recorded into. Shared freely between streams and threads.
pub struct sonset_buffer;

/// What is known of a buffer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_buffer_info {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// Number of channels.
    pub channels: i32,
    /// Number of frames.
    pub frames: i64,
    /// Frames that can be read now: all, or those recorded so far while a recording runs.
    pub readable_frames: i64,
    /// Rate in hertz; 0 if none was given, which fits every stream.
    pub sample_rate_hz: i32,
    /// 1 while a recording writes into it.
    pub is_recording: i32,
    /// SONSET_GRANTED_...: whether its memory is locked into RAM.
    pub memory_locked: i32,
    /// 0.
    pub reserved: i32,
    /// Largest magnitude of all samples.
    pub peak: f64,
}

sized! { sonset_buffer_info: 48; }

static BUFFERS: Table<Arc<Buffer>> = Table::new(2, "buffer");

/// The buffer that `handle` stands for.
pub(super) fn get(handle: *const sonset_buffer) -> Result<Arc<Buffer>> {
    Ok(BUFFERS.visit(handle)?.clone())
}

/// Makes a buffer with a copy of frames x channels interleaved samples, or of silence if samples is NULL.
/// Release it with sonset_buffer_release().
///
/// sample_rate_hz is 1000 to 768000, or 0 if it is to fit every stream. channels is 1 to 256.
///
/// Errors: INVALID_ARGUMENT, NON_FINITE with the place of the first sample that is NaN or infinite,
/// OUT_OF_MEMORY, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_buffer_create(
    samples: *const f32,
    frames: i64,
    channels: i32,
    sample_rate_hz: i32,
    out_buffer: *mut *mut sonset_buffer,
) -> i32 {
    guard(|| {
        not_null(out_buffer, "out_buffer")?;
        let buffer = if samples.is_null() {
            Buffer::zeros(frames, channels, sample_rate_hz)?
        } else {
            let count = Buffer::check_shape(frames, channels, sample_rate_hz)?;
            // SAFETY: the caller passes frames x channels samples, and the product was checked.
            let samples = unsafe { std::slice::from_raw_parts(samples, count) };
            Buffer::copy(samples, frames, channels, sample_rate_hz)?
        };
        // SAFETY: checked not to be null.
        unsafe { write(out_buffer, BUFFERS.insert(buffer)?) };
        Ok(())
    })
}

/// Called once with its user data when lent samples are not read any more, on a thread of the host or of the
/// library, never in an audio callback.
#[cfg(not(sonset_no_callbacks))]
pub type sonset_release_callback = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// Makes a buffer of the host's own memory, which is not copied and can only be played. The samples must stay
/// where and as they are until release is called; without one (NULL), until the buffer is released and every
/// action that plays it has its receipt. release comes once the buffer is released and no action plays it, and
/// never after both sonset_buffer_release() and sonset_stream_destroy() of all streams that played it have
/// returned; not at all if this fails.
///
/// Errors: as sonset_buffer_create(), and NULL_POINTER for samples.
///
/// [any-thread]
#[cfg(not(sonset_no_callbacks))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_buffer_wrap(
    samples: *const f32,
    frames: i64,
    channels: i32,
    sample_rate_hz: i32,
    release: sonset_release_callback,
    user_data: *mut c_void,
    out_buffer: *mut *mut sonset_buffer,
) -> i32 {
    guard(|| {
        not_null(out_buffer, "out_buffer")?;
        let Some(samples) = NonNull::new(samples.cast_mut()) else {
            fail!(NullPointer, "samples is NULL");
        };
        // SAFETY: the caller lends the memory on the terms above, which are those of `lend`.
        let buffer = unsafe { Buffer::lend(samples, frames, channels, sample_rate_hz, release, user_data) }?;
        // SAFETY: checked not to be null.
        unsafe { write(out_buffer, BUFFERS.insert(buffer)?) };
        Ok(())
    })
}

/// Reads a WAV file into a new buffer: PCM of 8, 16, 24 or 32 bits, or float32. Integers are scaled by their
/// range, so that full scale is 1. Release it with sonset_buffer_release().
///
/// Errors: FILE_NOT_FOUND, FILE_FORMAT for a file that is damaged, cut short, empty or of another kind,
/// NON_FINITE, FILE_IO, OUT_OF_MEMORY, NULL_POINTER, INVALID_ARGUMENT for a path that is not UTF-8.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_buffer_load_file(
    path: *const c_char,
    out_buffer: *mut *mut sonset_buffer,
) -> i32 {
    guard(|| {
        // SAFETY: the caller passes NULL or a text.
        let path = unsafe { text(path, "path") }?;
        not_null(out_buffer, "out_buffer")?;
        let buffer = load::load(Path::new(path), 0)?;
        // SAFETY: checked not to be null.
        unsafe { write(out_buffer, BUFFERS.insert(buffer)?) };
        Ok(())
    })
}

/// Writes a buffer to a WAV file of float32, which keeps every bit of the samples. A file that exists is
/// replaced once the new one is complete. Needs a sample rate: the buffer's, or else the one given (0 to take
/// the buffer's).
///
/// Errors: BUFFER_BUSY while it is recorded into, INVALID_ARGUMENT without a rate or with one that is not the
/// buffer's, FILE_IO, NULL_POINTER, INVALID_HANDLE.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_buffer_save_file(
    buffer: *const sonset_buffer,
    path: *const c_char,
    sample_rate_hz: i32,
) -> i32 {
    guard(|| {
        let buffer = get(buffer)?;
        // SAFETY: the caller passes NULL or a text.
        let path = unsafe { text(path, "path") }?;
        wav::save(&buffer, Path::new(path), sample_rate_hz)
    })
}

/// Copies frame_count frames from first_frame on to out_samples, interleaved. While a recording runs, only
/// the frames done so far (sonset_buffer_info.readable_frames) can be read.
///
/// Errors: INVALID_ARGUMENT for frames that are not there, NULL_POINTER, INVALID_HANDLE.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_buffer_read(
    buffer: *const sonset_buffer,
    first_frame: i64,
    frame_count: i64,
    out_samples: *mut f32,
) -> i32 {
    guard(|| {
        let buffer = get(buffer)?;
        not_null(out_samples, "out_samples")?;
        if !(0..=buffer.frames()).contains(&frame_count) {
            fail!(InvalidArgument, "frame_count {frame_count}: the buffer has {} frames", buffer.frames());
        }
        let count = frame_count as usize * buffer.channels();
        // SAFETY: the caller passes room for frame_count x channels samples.
        let out = unsafe { std::slice::from_raw_parts_mut(out_samples, count) };
        buffer.read(first_frame, out)
    })
}

/// What is known of a buffer. Set out_info->struct_size, or zero the struct, first.
///
/// Errors: NULL_POINTER, INVALID_HANDLE, INVALID_ARGUMENT for a wrong struct_size.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_buffer_get_info(
    buffer: *const sonset_buffer,
    out_info: *mut sonset_buffer_info,
) -> i32 {
    guard(|| {
        let buffer = get(buffer)?;
        let peak = (0..buffer.channels()).map(|channel| buffer.peak(channel)).fold(0.0, f32::max);
        let info = sonset_buffer_info {
            struct_size: 0,
            channels: buffer.channels() as i32,
            frames: buffer.frames(),
            readable_frames: buffer.readable_frames(),
            sample_rate_hz: buffer.sample_rate_hz() as i32,
            is_recording: buffer.is_recording() as i32,
            memory_locked: if buffer.is_locked() { 1 } else { 2 },
            reserved: 0,
            peak: peak as f64,
        };
        // SAFETY: the caller passes a struct of the size that it states.
        unsafe { structs::write(out_info, &info) }
    })
}

/// Gives a buffer up. Actions that use it go on, and its memory is freed after the last of them. NULL, or a
/// buffer that was released, does nothing.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_buffer_release(buffer: *mut sonset_buffer) {
    drop(BUFFERS.remove(buffer));
}
