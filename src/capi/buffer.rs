#![allow(non_camel_case_types)]

use std::ffi::{c_char, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use super::guard::{file_name, guard, not_null, write};
use super::handle::Table;
use super::structs::{self, sized};
use crate::buffer::Buffer;
use crate::downmix;
use crate::error::{Result, fail};
use crate::file::{load, wav};
use crate::plausible::Plausibility;
use crate::realtime::block::MAX_CHANNELS;
use crate::resample;

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
    /// Rate in hertz that the sound was converted from to sample_rate_hz; 0 if it was not.
    pub resampled_from_hz: i32,
    /// Largest magnitude of all samples: after a conversion, of the result, which may be above that before.
    pub peak: f64,
    /// 1 where the samples come from a file that states no length, so that they go up to its end: if the file was
    /// cut, nothing tells.
    pub length_from_end_of_file: i32,
    /// 1 where the samples come from a file that does not say how many frames its encoder put in front: the sound
    /// may begin late by the encoder's delay.
    pub onset_uncertain: i32,
    /// 1 where the samples come from a file that does not say which frames at its end belong to the sound: it may
    /// end with frames of the encoder's padding.
    pub length_uncertain: i32,
    /// 1 where the samples come from a file and cannot be the sound that was meant, by the measure told at
    /// sonset_buffer_load_file_at(). To play it takes allow_implausible.
    pub level_implausible: i32,
    /// The exact rate in hertz that the file of the samples states, which may be no whole number: 22254.5454... in
    /// an AIFF file. 0 for samples that come from no file.
    pub file_rate_hz: f64,
}

sized! { sonset_buffer_info; }

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
/// library, never in an audio callback and with no lock held: it may call any function of this library.
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

/// Reads a sound file, or the first sound track of a film, into a new buffer at the file's own rate:
/// sonset_buffer_load_file_at() with a rate and a track of 0.
///
/// Errors: as sonset_buffer_load_file_at().
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_buffer_load_file(
    path: *const c_char,
    out_buffer: *mut *mut sonset_buffer,
) -> i32 {
    // SAFETY: passed on.
    unsafe { sonset_buffer_load_file_at(path, 0, 0, out_buffer) }
}

/// Reads a media file into a new buffer. What the file is, is found from its content, not from its name. Release
/// the buffer with sonset_buffer_release().
///
/// sample_rate_hz is the rate that the buffer is to have, 8000 to 384000, or 0 for that of the file. Where it is
/// not the file's, the sound is converted as by sonset_buffer_resample(), and the buffer's info says from which.
/// track is the number of the audio track, from 1; 0 is the one that the file calls its default, else the first.
///
/// Frame 0 of the buffer is what is heard at time 0 of the file: what encoders put in front is removed, and a
/// track that begins later has silence in front. Integers are scaled by their range, so that full scale is 1.
/// Channels stand in the order of WAV files: left, right, centre, low frequencies, then the others. Read are:
///
///   WAV, RF64, BW64,   PCM in 8 to 32 bits, of which any number is valid, float of 32 and 64, A-law, mu-law, ADPCM
///   RIFX               (whose last block is whole)
///   AIFF, AIFC         PCM of 8 to 32 bits in both byte orders, float of 32 and 64, A-law, mu-law
///   FLAC, Ogg FLAC     exactly as they were
///   Ogg Vorbis         to the frame, from frame 0 of its pages or the first that decodes whole
///   MP3                to the frame with a LAME tag, which most encoders write; without one (and MP2), late by
///                      the encoder's delay, which no header states: 1105 frames for LAME (MP2 of ffmpeg: 481)
///   MP4, M4A, MOV      AAC-LC of 1 or 2 channels, ALAC, FLAC, PCM and float in both byte orders, A-law,
///                      mu-law: to the frame by the edit list; AAC without one is late by the encoder's delay,
///                      1024 frames for ffmpeg. An edit list that joins several parts is refused.
///   ADTS (.aac)        AAC-LC, late by the encoder's delay, which no header states: 1024 frames for ffmpeg
///   MKV, WebM          Vorbis, FLAC, PCM, AAC-LC, MP3: to the frame where it states the codec's delay, and
///                      where there is none (Vorbis, FLAC, PCM); else AAC and MP3 are late by the encoder's
///                      delay, 1024 and 1105 frames for ffmpeg. Padding at the end stays.
///
/// A WAV or AIFF file that states no length (0, or what programs write to a pipe: 0x7FFFF000, 0x80000000, 0xFFFFFFFF)
/// is read up to its end, without a part of a frame, and the info says so; a length that is stated and not there is an
/// error. An AIFF file's rate need not be a whole number of hertz: the simplest fraction within 1e-9 of it is kept,
/// told as file_rate_hz, and used by conversions. Loaded without one, the buffer has the nearest whole number as its
/// sample_rate_hz.
///
/// Streams in a row (chained Ogg, joined MP3) become one sound, each without its priming and padding, if they have
/// one rate and number of channels. Tags and other bytes behind the last frame are left out.
///
/// The info's onset_uncertain is 1 for MP3 without a plausible delay in a tag, or whose first frame was cut out of
/// another file; for MP2 and ADTS; for AAC in MP4 without an edit list; and for AAC and MP3 in Matroska without a
/// codec delay. length_uncertain is 1 for these, for MP3 whose tag has not counted the frames that are there, for
/// Vorbis, AAC and MP3 in Matroska, for Ogg without a last page, and for ADPCM.
///
/// Bytes that are misread, in the wrong order for example, become noise at full scale. So a file is implausible if a
/// sample is beyond 8 times full scale, or if at least half of the blocks of 512 frames of a channel that are above
/// -60 dB are white noise near full scale: root mean square at or above -9 dB of full scale, and correlation with
/// themselves 1, 2, 3 and 4 frames later below a half. Speech, music, tones and noise below -9 dB are not. An
/// implausible file is loaded, its info says level_implausible, and sonset_stream_play_buffer() refuses it with
/// IMPLAUSIBLE unless told to play it.
///
/// Not read are Opus, AC-3, DTS, WMA, and AAC with more than two channels or of the kind HE; the message of the
/// error then names the command that may convert the file. At most 2^30 samples (frames x channels) are loaded.
///
/// Errors: FILE_NOT_FOUND, FILE_FORMAT for a file that is damaged, cut short, empty or of a kind that is not
/// read, NON_FINITE, FILE_IO, UNSUPPORTED for one that is too long, OUT_OF_MEMORY, NULL_POINTER, INVALID_ARGUMENT
/// for a rate or a track that cannot be had or an empty path.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_buffer_load_file_at(
    path: *const c_char,
    sample_rate_hz: i32,
    track: i32,
    out_buffer: *mut *mut sonset_buffer,
) -> i32 {
    guard(|| {
        // SAFETY: the caller passes NULL or a text.
        let path = unsafe { file_name(path) }?;
        not_null(out_buffer, "out_buffer")?;
        let rate = convertible(sample_rate_hz, true)?;
        if track < 0 {
            fail!(InvalidArgument, "track {track}: from 1, or 0 for the file's default");
        }
        let buffer = load::load(path, rate, track)?;
        // SAFETY: checked not to be null.
        unsafe { write(out_buffer, BUFFERS.insert(buffer)?) };
        Ok(())
    })
}

/// Makes a new buffer with the sound of another at sample_rate_hz, 8000 to 384000, from such a rate. Its info
/// says from which rate it was converted, and its peak is that of the result, which may be higher. At the same
/// rate it is a copy. Release it with sonset_buffer_release().
///
/// Frame n of the result is the sound at n / sample_rate_hz seconds, so that an onset stays where it is within a
/// hundredth of a frame of the result, and k frames become round(k x sample_rate_hz / rate). With f half the
/// lower of the two rates, tones up to 0.94 f keep their level within 0.001 dB, and what lies above f, aliases
/// or images, is below -100 dB.
///
/// Errors: INVALID_ARGUMENT for a rate that cannot be had, a buffer without a rate or one that would become
/// empty, BUFFER_BUSY while it is recorded into, OUT_OF_MEMORY, NULL_POINTER, INVALID_HANDLE.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_buffer_resample(
    buffer: *const sonset_buffer,
    sample_rate_hz: i32,
    out_buffer: *mut *mut sonset_buffer,
) -> i32 {
    guard(|| {
        let buffer = get(buffer)?;
        not_null(out_buffer, "out_buffer")?;
        let converted = resample::resample(&buffer, convertible(sample_rate_hz, false)?)?;
        // SAFETY: checked not to be null.
        unsafe { write(out_buffer, BUFFERS.insert(converted)?) };
        Ok(())
    })
}

/// Makes a new buffer of channel_count channels, each the sum of the channels of another times a row of matrix:
/// channel_count rows of as many gains as the buffer has channels. Its peaks are those of the sums, which may
/// exceed 1. Release it with sonset_buffer_release().
///
/// Errors: INVALID_ARGUMENT for a channel_count outside of 1 to 256 or a gain that is not finite, BUFFER_BUSY while
/// it is recorded into, OUT_OF_MEMORY, NULL_POINTER, INVALID_HANDLE.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_buffer_mix(
    buffer: *const sonset_buffer,
    matrix: *const f32,
    channel_count: i32,
    out_buffer: *mut *mut sonset_buffer,
) -> i32 {
    guard(|| {
        let buffer = get(buffer)?;
        not_null(matrix, "matrix")?;
        not_null(out_buffer, "out_buffer")?;
        if !(1..=MAX_CHANNELS as i32).contains(&channel_count) {
            fail!(InvalidArgument, "channel_count {channel_count}: 1 to {MAX_CHANNELS}");
        }
        let gains = channel_count as usize * buffer.channels();
        // SAFETY: not null, and the caller passes that many gains.
        let matrix = unsafe { std::slice::from_raw_parts(matrix, gains) };
        let mixed = downmix::mix(&buffer, matrix, channel_count)?;
        // SAFETY: checked not to be null.
        unsafe { write(out_buffer, BUFFERS.insert(mixed)?) };
        Ok(())
    })
}

/// Makes the stereo sound of a 5.1 one (left, right, centre, low frequencies, left and right surround) by
/// Recommendation ITU-R BS.775: centre and surround at 1 / sqrt 2, no low frequencies. Release it with
/// sonset_buffer_release().
///
/// Errors: INVALID_ARGUMENT for a buffer without six channels, BUFFER_BUSY while it is recorded into,
/// OUT_OF_MEMORY, NULL_POINTER, INVALID_HANDLE.
///
/// [any-thread] [blocks]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_buffer_mix_itu_stereo(
    buffer: *const sonset_buffer,
    out_buffer: *mut *mut sonset_buffer,
) -> i32 {
    guard(|| {
        let buffer = get(buffer)?;
        not_null(out_buffer, "out_buffer")?;
        let mixed = downmix::itu_stereo(&buffer)?;
        // SAFETY: checked not to be null.
        unsafe { write(out_buffer, BUFFERS.insert(mixed)?) };
        Ok(())
    })
}

/// A rate that sound is converted to.
pub(super) fn convertible(sample_rate_hz: i32, may_be_zero: bool) -> Result<u32> {
    match u32::try_from(sample_rate_hz) {
        Ok(0) if may_be_zero => Ok(0),
        Ok(rate) if resample::RATES_HZ.contains(&rate) => Ok(rate),
        _ => fail!(InvalidArgument, "sample_rate_hz {sample_rate_hz}: 8000 to 384000 are converted to"),
    }
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
        let path = unsafe { file_name(path) }?;
        wav::save(&buffer, path, sample_rate_hz)
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
        let origin = buffer.origin();
        let peak = (0..buffer.channels()).map(|channel| buffer.peak(channel)).fold(0.0, f32::max);
        let info = sonset_buffer_info {
            struct_size: 0,
            channels: buffer.channels() as i32,
            frames: buffer.frames(),
            readable_frames: buffer.readable_frames(),
            sample_rate_hz: buffer.sample_rate_hz() as i32,
            is_recording: buffer.is_recording() as i32,
            memory_locked: if buffer.is_locked() { 1 } else { 2 },
            resampled_from_hz: buffer.resampled_from_hz() as i32,
            peak: peak as f64,
            length_from_end_of_file: origin.length_from_end_of_file as i32,
            onset_uncertain: origin.onset_uncertain as i32,
            length_uncertain: origin.length_uncertain as i32,
            level_implausible: (origin.plausibility != Plausibility::Plausible) as i32,
            file_rate_hz: origin.file_rate_hz,
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
