//! Samples in memory: what is played, and what is recorded into.
//!
//! A buffer is shared by the host and by every action that uses it. Two facts make that sound without a
//! lock in the callback. A buffer that was played once is fixed: [`Playable`] exists only for buffers that
//! nobody can ever write again. A buffer has at most one [`Recorder`], which writes only frames at and
//! above `done`, while everybody else reads only frames below it.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc};
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use crate::error::{Code, Error, Result, fail};
use crate::memory::{Locked, Ranges};
use crate::plausible::Plausibility;
use crate::realtime::block::MAX_CHANNELS;

/// Called once when lent memory is not read any more.
pub type ReleaseFn = unsafe extern "C" fn(user_data: *mut c_void);

/// Where the samples of a buffer come from, as far as that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Origin {
    /// Rate in hertz that they were converted from; 0 if they were not.
    pub resampled_from_hz: u32,
    /// The exact rate in hertz that their file states; 0 for samples that come from no file.
    pub file_rate_hz: f64,
    /// The file states no length, so that they go up to its end.
    pub length_from_end_of_file: bool,
    /// The file does not say how many frames of an encoder's delay stand in front.
    pub onset_uncertain: bool,
    /// The file does not say which frames at the end belong to the sound.
    pub length_uncertain: bool,
    /// Whether the samples of the file can be the sound that was meant.
    pub plausibility: Plausibility,
}

/// Samples of `frames` × `channels`, interleaved, with what is known of them.
#[derive(Debug)]
pub struct Buffer {
    /// Before `memory`: unlocked first, then freed.
    locked: Option<Vec<Locked>>,
    memory: Memory,
    frames: usize,
    channels: usize,
    sample_rate_hz: u32,
    origin: Origin,
    /// Largest magnitude of each channel, as the bits of an `f32`.
    peaks: Box<[AtomicU32]>,
    /// Frames recorded so far; everything below is written for good while a recorder exists.
    done: AtomicI64,
    usage: Mutex<Usage>,
    /// Told when a reader is through, or a recording is decided on.
    free: Condvar,
}

/// Who uses a buffer for what. Guarded by a lock that only host threads take, for moments: the books of a stream are
/// locked while it is waited for.
#[derive(Debug, Default)]
struct Usage {
    recording: Recording,
    /// Played at least once.
    fixed: bool,
    /// Host functions that read it bit by bit, with a disk between; a recording is refused meanwhile.
    readers: u32,
    /// Host functions that read it at one go; a recording waits for them.
    passing: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Recording {
    /// Nobody records into it.
    #[default]
    No,
    /// Somebody is to; until that is decided nobody begins to read.
    Reserved,
    /// Somebody does.
    Running,
}

#[derive(Debug)]
enum Memory {
    Owned { start: NonNull<f32>, layout: Layout },
    Lent { start: NonNull<f32>, release: Option<ReleaseFn>, user_data: *mut c_void },
}

// SAFETY: the memory is written only through the one `Recorder`, above `done`, and read only below `done` or
// when no recorder can exist; a lender promises that its memory may be read from any thread.
unsafe impl Send for Buffer {}
// SAFETY: as for Send; all other fields are atomics or locked.
unsafe impl Sync for Buffer {}

thread_local! {
    static RELEASING: Cell<u32> = const { Cell::new(0) };
}

/// Whether the calling thread is inside a lender's release function.
pub fn is_releasing() -> bool {
    RELEASING.get() > 0
}

/// Marks the calling thread as inside a release function until this is dropped.
struct Releasing;

impl Releasing {
    fn begin() -> Self {
        RELEASING.set(RELEASING.get() + 1);
        Self
    }
}

impl Drop for Releasing {
    fn drop(&mut self) {
        RELEASING.set(RELEASING.get() - 1);
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        match *self {
            // SAFETY: `start` came from `alloc` with this very layout, and nobody else has it.
            Memory::Owned { start, layout } => unsafe { dealloc(start.as_ptr().cast(), layout) },
            Memory::Lent { release: Some(release), user_data, .. } => {
                let _releasing = Releasing::begin();
                // SAFETY: the lender gave this function to be called once with this argument.
                unsafe { release(user_data) }
            }
            Memory::Lent { release: None, .. } => {}
        }
    }
}

impl Buffer {
    /// The number of samples of a buffer of this shape, if there can be one.
    pub fn check_shape(frames: i64, channels: i32, sample_rate_hz: i32) -> Result<usize> {
        Shape::check(frames, channels, sample_rate_hz).map(Shape::samples)
    }

    /// Silence of `frames` × `channels`, to record into or to play.
    pub fn zeros(frames: i64, channels: i32, sample_rate_hz: i32) -> Result<Arc<Self>> {
        let shape = Shape::check(frames, channels, sample_rate_hz)?;
        let memory = Memory::zeroed(shape.samples())?;
        Ok(Self::finish(memory, shape, vec![0.0; shape.channels]))
    }

    /// A copy of `samples`, which holds `frames` × `channels` interleaved values.
    pub fn copy(samples: &[f32], frames: i64, channels: i32, sample_rate_hz: i32) -> Result<Arc<Self>> {
        Self::copy_from(samples, frames, channels, sample_rate_hz, Origin::default())
    }

    /// A copy of `samples` that come from `origin`.
    pub fn copy_from(
        samples: &[f32],
        frames: i64,
        channels: i32,
        sample_rate_hz: i32,
        origin: Origin,
    ) -> Result<Arc<Self>> {
        let shape = Shape { origin, ..Shape::check(frames, channels, sample_rate_hz)? };
        if samples.len() != shape.samples() {
            fail!(
                InvalidArgument,
                "{} samples given for {frames} frames of {channels} channels, which are {}",
                samples.len(),
                shape.samples()
            );
        }
        let peaks = peaks_of(samples, shape.channels)?;
        let memory = Memory::zeroed(samples.len())?;
        // SAFETY: the new memory holds `samples.len()` values and cannot overlap with the caller's.
        unsafe { std::ptr::copy_nonoverlapping(samples.as_ptr(), memory.start().as_ptr(), samples.len()) };
        Ok(Self::finish(memory, shape, peaks))
    }

    /// The lender's own memory, not copied. If this fails the memory stays the lender's and `release` is not
    /// called.
    ///
    /// # Safety
    /// `samples` must be readable for `frames` × `channels` values, and must stay so and stay unchanged until
    /// `release` is called or, without one, until every buffer handle and action that uses it is gone.
    /// `release` must be callable with `user_data` from any thread.
    pub unsafe fn lend(
        samples: NonNull<f32>,
        frames: i64,
        channels: i32,
        sample_rate_hz: i32,
        release: Option<ReleaseFn>,
        user_data: *mut c_void,
    ) -> Result<Arc<Self>> {
        let shape = Shape::check(frames, channels, sample_rate_hz)?;
        // SAFETY: the caller promises that this many values can be read.
        let values = unsafe { std::slice::from_raw_parts(samples.as_ptr(), shape.samples()) };
        let peaks = peaks_of(values, shape.channels)?;
        Ok(Self::finish(Memory::Lent { start: samples, release, user_data }, shape, peaks))
    }

    fn finish(memory: Memory, shape: Shape, peaks: Vec<f32>) -> Arc<Self> {
        let mut buffer = Self {
            memory,
            frames: shape.frames,
            channels: shape.channels,
            sample_rate_hz: shape.sample_rate_hz,
            origin: shape.origin,
            peaks: peaks.into_iter().map(|peak| AtomicU32::new(peak.to_bits())).collect(),
            done: AtomicI64::new(shape.frames as i64),
            usage: Mutex::new(Usage::default()),
            free: Condvar::new(),
            locked: None,
        };
        // SAFETY: nobody else has the buffer yet, so all of its frames can be read.
        let samples = unsafe { buffer.slice(shape.frames) };
        buffer.locked = match buffer.memory {
            Memory::Owned { .. } => {
                let mut ranges = Ranges::default();
                ranges.add(samples);
                ranges.add(&buffer.peaks[..]);
                ranges.ready()
            }
            // The lender's pages are there, since all of it has been read; it may be memory that cannot be written.
            Memory::Lent { .. } => Locked::request(samples).map(|locked| vec![locked]),
        };
        Arc::new(buffer)
    }

    /// Number of frames.
    pub fn frames(&self) -> i64 {
        self.frames as i64
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Rate in hertz; 0 where none was given, which fits every stream.
    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// Rate in hertz that the sound had before it was converted to [`Self::sample_rate_hz`]; 0 if it was not.
    pub fn resampled_from_hz(&self) -> u32 {
        self.origin.resampled_from_hz
    }

    /// Where its samples come from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Whether the memory is locked into RAM.
    pub fn is_locked(&self) -> bool {
        self.locked.is_some()
    }

    /// Whether the memory is the host's own.
    pub fn is_lent(&self) -> bool {
        matches!(self.memory, Memory::Lent { .. })
    }

    /// Frames that can be read now: all, or those done while it is being recorded into.
    pub fn readable_frames(&self) -> i64 {
        // Acquire pairs with the Release in `Recorder::advance`: what lies below was written before.
        self.done.load(Ordering::Acquire)
    }

    /// Whether a recording writes into it now.
    pub fn is_recording(&self) -> bool {
        self.usage().recording == Recording::Running
    }

    /// Largest magnitude in `channel` (from 0).
    pub fn peak(&self, channel: usize) -> f32 {
        // Relaxed: a single value that orders nothing.
        f32::from_bits(self.peaks[channel].load(Ordering::Relaxed))
    }

    /// The root mean square of `channel` (from 0) over the frames that can be read now.
    pub fn rms(&self, channel: usize) -> f64 {
        let _passing = self.pass();
        let readable = self.readable_frames() as usize;
        // SAFETY: frames below `readable` are written; no recorder writes below `done`, and none begins anew meanwhile.
        let samples = unsafe { self.slice(readable) };
        let squares =
            samples.iter().skip(channel).step_by(self.channels).map(|&sample| (sample as f64).powi(2));
        (squares.sum::<f64>() / readable.max(1) as f64).sqrt()
    }

    /// Copies frames from `first` on into `out`, whose length is a number of whole frames.
    pub fn read(&self, first: i64, out: &mut [f32]) -> Result<()> {
        let _passing = self.pass();
        let count = (out.len() / self.channels) as i64;
        let readable = self.readable_frames();
        if first < 0 || first > readable || count > readable - first {
            fail!(
                InvalidArgument,
                "frames {first} to {} asked for, but only {readable} of {} frames are there",
                first.saturating_add(count),
                self.frames
            );
        }
        // SAFETY: frames below `readable` are written; no recorder writes below `done`, and none begins anew meanwhile.
        let samples = unsafe { self.slice(readable as usize) };
        let start = first as usize * self.channels;
        out.copy_from_slice(&samples[start..start + out.len()]);
        Ok(())
    }

    /// Lets recordings wait until the result is dropped, for a reader that waits for nothing.
    pub fn pass(&self) -> Passing<'_> {
        let mut usage = self.decided();
        usage.passing += 1;
        Passing { buffer: self }
    }

    /// The same, of a buffer that holds still: nobody records into it.
    pub fn pass_still(&self) -> Result<Passing<'_>> {
        let passing = self.pass();
        if self.is_recording() {
            fail!(BufferBusy, "the buffer is being recorded into; it can be played when that has ended");
        }
        Ok(passing)
    }

    /// Keeps recordings out until the result is dropped, for a reader that takes its time.
    pub fn hold(self: &Arc<Self>) -> Result<Held> {
        let mut usage = self.decided();
        if usage.recording != Recording::No {
            fail!(BufferBusy, "the buffer is being recorded into");
        }
        usage.readers += 1;
        drop(usage);
        Ok(Held { buffer: self.clone() })
    }

    /// Makes the buffer playable and so fixed for ever.
    pub fn claim_for_play(self: &Arc<Self>) -> Result<Playable> {
        let mut usage = self.usage();
        if usage.recording != Recording::No {
            fail!(BufferBusy, "the buffer is being recorded into; it can be played when that has ended");
        }
        usage.fixed = true;
        drop(usage);
        Ok(Playable { buffer: self.clone() })
    }

    /// Makes the caller the one who is to write into the buffer, once nobody reads it at one go. What it holds stays
    /// as it is until the recorder begins.
    pub fn claim_for_recording(self: &Arc<Self>) -> Result<Recorder> {
        let mut usage = self.usage();
        self.check_recordable(&usage)?;
        usage.recording = Recording::Reserved;
        while usage.passing > 0 {
            usage = self.free.wait(usage).unwrap_or_else(|e| e.into_inner());
        }
        Ok(Recorder { buffer: self.clone(), done: 0 })
    }

    fn check_recordable(&self, usage: &Usage) -> Result<()> {
        if self.is_lent() {
            fail!(BufferBusy, "the buffer is lent memory, which can only be played");
        }
        if usage.fixed {
            fail!(BufferBusy, "the buffer was played and is fixed; record into one of its own");
        }
        if usage.recording != Recording::No {
            fail!(BufferBusy, "the buffer is being recorded into already");
        }
        if usage.readers > 0 {
            fail!(BufferBusy, "the buffer is being saved or converted");
        }
        Ok(())
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Who uses it, once no recording is just being decided on.
    fn decided(&self) -> MutexGuard<'_, Usage> {
        let mut usage = self.usage();
        while usage.recording == Recording::Reserved {
            usage = self.free.wait(usage).unwrap_or_else(|e| e.into_inner());
        }
        usage
    }

    /// The first `frames` frames.
    ///
    /// # Safety
    /// No recorder may write below `frames` while the slice lives.
    unsafe fn slice(&self, frames: usize) -> &[f32] {
        debug_assert!(frames <= self.frames);
        // SAFETY: the memory holds all frames, initialised when it was made, and the caller excludes writers.
        unsafe { std::slice::from_raw_parts(self.memory.start().as_ptr(), frames * self.channels) }
    }
}

/// The size of a buffer, checked.
#[derive(Clone, Copy)]
struct Shape {
    frames: usize,
    channels: usize,
    sample_rate_hz: u32,
    origin: Origin,
}

impl Shape {
    fn check(frames: i64, channels: i32, sample_rate_hz: i32) -> Result<Self> {
        if channels < 1 || channels as usize > MAX_CHANNELS {
            fail!(InvalidArgument, "{channels} channels: a buffer has 1 to {MAX_CHANNELS}");
        }
        if sample_rate_hz != 0 && !(1_000..=768_000).contains(&sample_rate_hz) {
            fail!(InvalidArgument, "sample rate {sample_rate_hz} Hz: 1000 to 768000, or 0 for the stream's");
        }
        let limit = isize::MAX as i64 / 4 / channels as i64;
        if frames < 1 || frames > limit {
            fail!(InvalidArgument, "{frames} frames: a buffer of {channels} channels has 1 to {limit}");
        }
        Ok(Self {
            frames: frames as usize,
            channels: channels as usize,
            sample_rate_hz: sample_rate_hz as u32,
            origin: Origin::default(),
        })
    }

    fn samples(self) -> usize {
        self.frames * self.channels
    }
}

impl Memory {
    /// Room for `samples` zeros, each page of it touched.
    fn zeroed(samples: usize) -> Result<Self> {
        // A cache line, so that kernels can load aligned.
        let layout = Layout::array::<f32>(samples).and_then(|layout| layout.align_to(64)).map_err(|_| {
            Error::new(Code::OutOfMemory, format!("{samples} samples exceed the address space"))
        })?;
        // SAFETY: a shape has at least one sample, so the layout is not empty.
        let Some(start) = NonNull::new(unsafe { alloc(layout) }.cast::<f32>()) else {
            fail!(OutOfMemory, "no memory for {samples} samples ({} bytes)", layout.size());
        };
        // SAFETY: `start` was allocated for this many values. Written rather than taken as zeroed pages, so
        // that the callback meets no page that is not there yet.
        unsafe { start.as_ptr().write_bytes(0, samples) };
        Ok(Self::Owned { start, layout })
    }

    fn start(&self) -> NonNull<f32> {
        match *self {
            Memory::Owned { start, .. } | Memory::Lent { start, .. } => start,
        }
    }
}

/// The largest magnitude of each channel, or the place of a sample that is not finite.
fn peaks_of(samples: &[f32], channels: usize) -> Result<Vec<f32>> {
    let mut peaks = vec![0.0f32; channels];
    for (frame, values) in samples.chunks_exact(channels).enumerate() {
        for (channel, (peak, value)) in peaks.iter_mut().zip(values).enumerate() {
            if !value.is_finite() {
                fail!(NonFinite, "sample {value} in frame {frame}, channel {}", channel + 1);
            }
            *peak = peak.max(value.abs());
        }
    }
    Ok(peaks)
}

/// A buffer that nobody writes any more.
#[derive(Clone, Debug)]
pub struct Playable {
    buffer: Arc<Buffer>,
}

impl Playable {
    /// All samples, interleaved.
    pub fn samples(&self) -> &[f32] {
        // SAFETY: the buffer is fixed, so no recorder exists or ever will.
        unsafe { self.buffer.slice(self.buffer.frames) }
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.buffer.channels
    }
}

/// Lets recordings into a buffer wait.
#[derive(Debug)]
pub struct Passing<'a> {
    buffer: &'a Buffer,
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.buffer.usage().passing -= 1;
        self.buffer.free.notify_all();
    }
}

/// Keeps a buffer from being recorded into.
#[derive(Debug)]
pub struct Held {
    buffer: Arc<Buffer>,
}

impl Held {
    /// All samples, interleaved.
    pub fn samples(&self) -> &[f32] {
        // SAFETY: while `readers` is not 0 no recorder can be made, and there was none when it was raised.
        unsafe { self.buffer.slice(self.buffer.frames) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.buffer.usage().readers -= 1;
    }
}

/// The one writer of a buffer. Dropped on host threads only: dropping it takes the buffer's lock.
#[derive(Debug)]
pub struct Recorder {
    buffer: Arc<Buffer>,
    done: usize,
}

impl Recorder {
    /// Makes the buffer as good as empty, for what comes.
    pub fn begin(&mut self) {
        let mut usage = self.buffer.usage();
        usage.recording = Recording::Running;
        // Release: not needed for data, nobody reads the old frames or begins to before the lock is released.
        self.buffer.done.store(0, Ordering::Release);
        for peak in &self.buffer.peaks {
            // Relaxed: nobody plays a buffer while it is recorded into.
            peak.store(0, Ordering::Relaxed);
        }
        drop(usage);
        self.buffer.free.notify_all();
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.buffer.channels
    }

    /// Frames that can still be written.
    pub fn vacant_frames(&self) -> usize {
        self.buffer.frames - self.done
    }

    /// The next `frames` frames, to be written; at most [`Self::vacant_frames`].
    pub fn next_frames(&mut self, frames: usize) -> &mut [f32] {
        let frames = frames.min(self.vacant_frames());
        let channels = self.buffer.channels;
        // SAFETY: frames from `done` to the end belong to the one recorder, and others read only below it.
        unsafe {
            let start = self.buffer.memory.start().as_ptr().add(self.done * channels);
            std::slice::from_raw_parts_mut(start, frames * channels)
        }
    }

    /// Publishes the next `frames` frames as written.
    pub fn advance(&mut self, frames: usize) {
        self.done += frames.min(self.vacant_frames());
        // Release: whoever sees the new count sees the samples below it.
        self.buffer.done.store(self.done as i64, Ordering::Release);
    }

    /// Raises the peak of `channel` to `magnitude` if that is larger.
    pub fn raise_peak(&mut self, channel: usize, magnitude: f32) {
        // Relaxed: this is the only writer, and the value orders nothing.
        let peak = &self.buffer.peaks[channel];
        if magnitude > f32::from_bits(peak.load(Ordering::Relaxed)) {
            peak.store(magnitude.to_bits(), Ordering::Relaxed);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let mut usage = self.buffer.usage();
        usage.recording = Recording::No;
        // Release: as in `advance`. Frames that were not reached are zeros or an older recording's.
        self.buffer.done.store(self.buffer.frames as i64, Ordering::Release);
        drop(usage);
        self.buffer.free.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stereo() -> Arc<Buffer> {
        Buffer::copy(&[0.5, -0.25, 0.0, 1.0], 2, 2, 48_000).unwrap()
    }

    #[test]
    fn a_buffer_knows_its_peaks_and_gives_its_samples_back() {
        let buffer = stereo();
        assert_eq!((buffer.peak(0), buffer.peak(1)), (0.5, 1.0));
        let mut out = [0.0; 2];
        buffer.read(1, &mut out).unwrap();
        assert_eq!(out, [0.0, 1.0]);
        assert!(buffer.read(2, &mut out).unwrap_err().message.contains("2 to 3"));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri ends where memory does")]
    fn shapes_and_samples_that_mean_nothing_are_refused_with_their_values() {
        assert_eq!(Buffer::zeros(0, 1, 0).unwrap_err().code, Code::InvalidArgument);
        assert_eq!(Buffer::zeros(i64::MAX, 2, 0).unwrap_err().code, Code::InvalidArgument);
        assert_eq!(Buffer::zeros(1 << 58, 2, 0).unwrap_err().code, Code::OutOfMemory);
        assert_eq!(Buffer::zeros(1, 0, 0).unwrap_err().code, Code::InvalidArgument);
        assert_eq!(Buffer::zeros(1, 257, 0).unwrap_err().code, Code::InvalidArgument);
        assert_eq!(Buffer::zeros(1, 1, 999).unwrap_err().code, Code::InvalidArgument);
        let nan = Buffer::copy(&[0.0, 0.0, 0.0, f32::NAN], 2, 2, 0).unwrap_err();
        assert_eq!(nan.code, Code::NonFinite);
        assert!(nan.message.contains("frame 1, channel 2"), "{}", nan.message);
    }

    #[test]
    fn a_played_buffer_is_fixed_and_a_recorded_one_has_one_writer() {
        let buffer = Buffer::zeros(4, 1, 0).unwrap();
        let mut recorder = buffer.claim_for_recording().unwrap();
        recorder.begin();
        assert_eq!(buffer.claim_for_recording().unwrap_err().code, Code::BufferBusy);
        assert_eq!(buffer.claim_for_play().unwrap_err().code, Code::BufferBusy);
        assert_eq!(buffer.hold().unwrap_err().code, Code::BufferBusy);
        recorder.next_frames(2).copy_from_slice(&[0.5, -0.75]);
        recorder.advance(2);
        assert_eq!(buffer.readable_frames(), 2);
        drop(recorder);
        let held = buffer.hold().unwrap();
        assert_eq!(buffer.claim_for_recording().unwrap_err().code, Code::BufferBusy);
        assert_eq!(held.samples(), [0.5, -0.75, 0.0, 0.0]);
        drop(held);
        let playable = buffer.claim_for_play().unwrap();
        assert_eq!(playable.samples(), [0.5, -0.75, 0.0, 0.0]);
        assert_eq!(buffer.claim_for_recording().unwrap_err().code, Code::BufferBusy);
    }

    #[test]
    fn a_recording_waits_for_who_reads_at_one_go_and_nothing_else_does() {
        let buffer = stereo();
        let passing = buffer.pass();
        let (claimed, claims) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let claim = || claimed.send(buffer.claim_for_recording()).unwrap();
            scope.spawn(claim);
            while buffer.usage().recording == Recording::No {
                std::thread::yield_now();
            }
            assert!(claims.try_recv().is_err(), "the recording waits");
            assert_eq!(buffer.claim_for_play().unwrap_err().code, Code::BufferBusy);
            assert_eq!((buffer.readable_frames(), buffer.is_recording()), (2, false));
            drop(passing);
            let recorder = claims.recv().unwrap().unwrap();
            let reads = scope.spawn(|| buffer.read(0, &mut [0.0; 4]));
            drop(recorder);
            reads.join().unwrap().expect("one that never began leaves all as it was");
        });
        assert_eq!((buffer.peak(0), buffer.peak(1)), (0.5, 1.0));
    }

    #[test]
    #[cfg_attr(miri, ignore = "a million samples take Miri many minutes")]
    fn the_lock_is_free_while_a_buffer_is_read() {
        let buffer = Buffer::zeros(1 << 20, 1, 0).unwrap();
        let calls: [&(dyn Fn() + Sync); 2] =
            [&|| _ = buffer.rms(0), &|| buffer.read(0, &mut vec![0.0; 1 << 20]).unwrap()];
        for call in calls {
            let seen = std::sync::atomic::AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    while !seen.load(Ordering::Relaxed) {
                        call();
                    }
                });
                let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
                while buffer.usage().passing == 0 && std::time::Instant::now() < end {}
                seen.store(true, Ordering::Relaxed);
                assert!(std::time::Instant::now() < end, "nobody was ever seen reading");
            });
        }
    }

    #[test]
    fn lent_memory_is_released_once_when_the_last_user_is_gone() {
        unsafe extern "C" fn release(count: *mut c_void) {
            // SAFETY: the test passes a pointer to an AtomicU32 that outlives the buffer.
            unsafe { &*count.cast::<AtomicU32>() }.fetch_add(1, Ordering::SeqCst);
        }
        let released = AtomicU32::new(0);
        let mut samples = [0.25f32; 6];
        let user_data = (&raw const released).cast_mut().cast();
        let start = NonNull::new(samples.as_mut_ptr()).unwrap();
        // SAFETY: the array outlives the buffer and is not written.
        let buffer = unsafe { Buffer::lend(start, 3, 2, 0, Some(release), user_data) }.unwrap();
        assert_eq!(buffer.claim_for_recording().unwrap_err().code, Code::BufferBusy);
        let playing = buffer.claim_for_play().unwrap();
        drop(buffer);
        assert_eq!(released.load(Ordering::SeqCst), 0);
        drop(playing);
        assert_eq!(released.load(Ordering::SeqCst), 1);
    }
}
