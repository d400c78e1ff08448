#![allow(non_camel_case_types)]

use std::sync::Arc;

use super::guard::{guard, not_null, write};
use super::handle::Table;
use super::structs::{self, sized};
use crate::error::{Result, fail};
use crate::ring::Ring;
use crate::stream::RingPolicy;

/// Samples on their way from the host to an action that plays, or from one that records to the host. Writing
/// and reading never wait, and do as much as there is room or are frames for. A ring has one user at each end
/// at a time, which may be on different threads; calls of several threads at the same end take turns.
pub struct sonset_ring;

/// What is known of a ring.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_ring_info {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// Number of channels.
    pub channels: i32,
    /// Frames that it holds at most.
    pub frames: i64,
    /// Frames that can be read now: of a ring that plays, those that will sound before it runs dry.
    pub readable_frames: i64,
    /// Frames that can be written now: of a recording, those that are kept before it is full.
    pub writable_frames: i64,
    /// Frames written since it was made or reset, or since its last recording began.
    pub written_frames: i64,
    /// Frames read since then.
    pub read_frames: i64,
    /// Frames since then that were played as silence because it was dry, or lost because it was full.
    pub missing_frames: i64,
    /// While it plays, the frame of the stream at which the frame that is written next sounds, if it is there by
    /// then; sonset_stream_host_time_at() makes a time of it. Negative if it had to sound before frame 0. -1 too while
    /// nothing of it plays, or it stands still; see has_needed_frame.
    pub needed_frame: i64,
    /// Rate in hertz; 0 if none was given, which fits every stream.
    pub sample_rate_hz: i32,
    /// SONSET_RING_IDLE, _PLAYING or _RECORDING.
    pub usage: i32,
    /// 1 if no more will be written: sonset_ring_finish() was called, or its recording has ended.
    pub is_finished: i32,
    /// SONSET_GRANTED_...: whether its memory is locked into RAM.
    pub memory_locked: i32,
    /// 1 if needed_frame is known.
    pub has_needed_frame: i32,
    /// 0.
    pub reserved: i32,
}

sized! { sonset_ring_info; }

static RINGS: Table<Arc<Ring>> = Table::new(4, "ring");

/// The ring that `handle` stands for.
pub(super) fn get(handle: *const sonset_ring) -> Result<Arc<Ring>> {
    Ok(RINGS.visit(handle)?.clone())
}

/// What a number stands for.
pub(super) fn policy(ring_policy: i32) -> Result<RingPolicy> {
    match ring_policy {
        0 => Ok(RingPolicy::Continue),
        1 => Ok(RingPolicy::End),
        other => fail!(InvalidArgument, "ring_policy {other}: CONTINUE is 0, END is 1"),
    }
}

/// Makes an empty ring with room for frames frames of channels (1 to 256) channels. Release it with
/// sonset_ring_release(). sample_rate_hz is 1000 to 768000, or 0 if it is to fit every stream.
///
/// How many frames: those of the longest time for which the host may not come to write or read, and two
/// blocks of the stream.
///
/// Errors: INVALID_ARGUMENT, OUT_OF_MEMORY, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_ring_create(
    frames: i64,
    channels: i32,
    sample_rate_hz: i32,
    out_ring: *mut *mut sonset_ring,
) -> i32 {
    guard(|| {
        not_null(out_ring, "out_ring")?;
        let ring = Ring::new(frames, channels, sample_rate_hz)?;
        // SAFETY: checked not to be null.
        unsafe { write(out_ring, RINGS.insert(ring)?) };
        Ok(())
    })
}

/// Writes frame_count frames, interleaved, or as many of them as there is room for now; out_frames says how
/// many, which may be 0. If any sample given is NaN or infinite, nothing is written.
///
/// Errors: NON_FINITE with the place of the sample, RING_BUSY while an action records into it, INVALID_STATE if
/// it is finished, INVALID_ARGUMENT, NULL_POINTER, INVALID_HANDLE.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_ring_write(
    ring: *mut sonset_ring,
    samples: *const f32,
    frame_count: i64,
    out_frames: *mut i64,
) -> i32 {
    guard(|| {
        let ring = get(ring)?;
        not_null(samples, "samples")?;
        not_null(out_frames, "out_frames")?;
        let count = sample_count(&ring, frame_count)?;
        // SAFETY: the caller passes frame_count x channels samples.
        let samples = unsafe { std::slice::from_raw_parts(samples, count) };
        let frames = ring.write(samples)?;
        // SAFETY: checked not to be null.
        unsafe { write(out_frames, frames) };
        Ok(())
    })
}

/// Reads up to frame_count frames, interleaved; out_frames says how many there were, which may be 0.
/// out_first_frame gets the index of the first of them, counted from the recording's first frame (or from the
/// first that was written, if no recording wrote), those that were lost included. One read gives frames
/// that follow one another: it stops before a gap, and the next one begins after it.
///
/// Errors: RING_BUSY while an action plays it, INVALID_ARGUMENT, NULL_POINTER, INVALID_HANDLE.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_ring_read(
    ring: *mut sonset_ring,
    out_samples: *mut f32,
    frame_count: i64,
    out_first_frame: *mut i64,
    out_frames: *mut i64,
) -> i32 {
    guard(|| {
        let ring = get(ring)?;
        not_null(out_samples, "out_samples")?;
        not_null(out_first_frame, "out_first_frame")?;
        not_null(out_frames, "out_frames")?;
        // No more than can be there, since all of it must be writable.
        let count = sample_count(&ring, frame_count.min(ring.frames()))?;
        // SAFETY: the caller passes room for frame_count x channels samples.
        let out = unsafe { std::slice::from_raw_parts_mut(out_samples, count) };
        let (first_frame, frames) = ring.read(out)?;
        // SAFETY: checked not to be null.
        unsafe { write(out_first_frame, first_frame) };
        // SAFETY: checked not to be null.
        unsafe { write(out_frames, frames) };
        Ok(())
    })
}

/// The samples of `frame_count` frames.
fn sample_count(ring: &Ring, frame_count: i64) -> Result<usize> {
    let limit = isize::MAX as i64 / 4 / ring.channels() as i64;
    if !(0..=limit).contains(&frame_count) {
        fail!(InvalidArgument, "frame_count {frame_count}: 0 to {limit}");
    }
    Ok(frame_count as usize * ring.channels())
}

/// How many frames can be written now; at least as many a moment later, if nobody else writes.
///
/// Errors: NULL_POINTER, INVALID_HANDLE.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_ring_get_write_available(
    ring: *const sonset_ring,
    out_frames: *mut i64,
) -> i32 {
    guard(|| {
        let ring = get(ring)?;
        not_null(out_frames, "out_frames")?;
        // SAFETY: checked not to be null.
        unsafe { write(out_frames, ring.info().writable_frames) };
        Ok(())
    })
}

/// How many frames can be read now; at least as many a moment later, if nobody else reads. A gap among them
/// makes more than one read of it.
///
/// Errors: NULL_POINTER, INVALID_HANDLE.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_ring_get_read_available(
    ring: *const sonset_ring,
    out_frames: *mut i64,
) -> i32 {
    guard(|| {
        let ring = get(ring)?;
        not_null(out_frames, "out_frames")?;
        // SAFETY: checked not to be null.
        unsafe { write(out_frames, ring.info().readable_frames) };
        Ok(())
    })
}

/// What is known of a ring. Set out_info->struct_size, or zero the struct, first.
///
/// Errors: NULL_POINTER, INVALID_HANDLE, INVALID_ARGUMENT for a wrong struct_size.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_ring_get_info(
    ring: *const sonset_ring,
    out_info: *mut sonset_ring_info,
) -> i32 {
    guard(|| {
        let info = get(ring)?.info();
        let info = sonset_ring_info {
            struct_size: 0,
            channels: info.channels as i32,
            frames: info.frames,
            readable_frames: info.readable_frames,
            writable_frames: info.writable_frames,
            written_frames: info.written_frames,
            read_frames: info.read_frames,
            missing_frames: info.missing_frames,
            needed_frame: info.needed_frame.unwrap_or(-1),
            sample_rate_hz: info.sample_rate_hz as i32,
            usage: info.usage as i32,
            is_finished: info.finished as i32,
            memory_locked: if info.locked { 1 } else { 2 },
            has_needed_frame: info.needed_frame.is_some() as i32,
            reserved: 0,
        };
        // SAFETY: the caller passes a struct of the size that it states.
        unsafe { structs::write(out_info, &info) }
    })
}

/// States that no more will be written: an action that plays the ring completes when all of it has sounded.
/// Writing fails from now on, until the ring is reset.
///
/// Errors: RING_BUSY while an action records into it, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_ring_finish(ring: *mut sonset_ring) -> i32 {
    guard(|| get(ring)?.finish())
}

/// Makes a ring as it was when it was created: empty, not finished, all counts 0.
///
/// Errors: RING_BUSY while an action uses it, INVALID_HANDLE, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_ring_reset(ring: *mut sonset_ring) -> i32 {
    guard(|| get(ring)?.reset())
}

/// Gives a ring up. An action that uses it goes on, and its memory is freed after that. NULL, or a ring that was
/// released, does nothing. What plays a ring that nobody can write to any more does not end by itself: finish
/// it first, or cancel the action.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub extern "C" fn sonset_ring_release(ring: *mut sonset_ring) {
    drop(RINGS.remove(ring));
}
