//! Samples on their way between a host and an action, in the order in which they came.
//!
//! A ring has two ends. The host holds both, behind a lock that no callback takes; an action that plays has
//! the reading end for as long as it lives, and one that records the writing end. A call of the host takes an end for
//! as long as it reads or writes. So each end has one user at a time, samples pass from one to the other without a
//! lock, and the lock itself is held for moments only.

use std::sync::Arc;

use ringbuf::traits::{Consumer, Observer, Producer, Split};
use ringbuf::{HeapCons, HeapProd, HeapRb};

use crate::error::{Code, Error, Result, fail};
use crate::memory::{Locked, Ranges};
use crate::realtime::block::MAX_CHANNELS;
use crate::sync::{AtomicBool, AtomicI64, Condvar, Mutex, MutexGuard, Ordering};

/// Gaps that a recording can leave between two reads; while there are as many, it keeps nothing.
const GAPS: usize = 256;
/// Most frames that a recording writes at a time.
const RUN_FRAMES: usize = 256;

/// Stands for an origin that is not known. No frame is so far from all others.
const NO_ORIGIN: i64 = i64::MIN;

/// Room for `frames` × `channels`, with what is known of those that went through.
pub struct Ring {
    /// Before `ends`: unlocked first, then freed.
    locked: Option<Vec<Locked>>,
    ends: Mutex<Ends>,
    /// Told when an end is back.
    back: Condvar,
    frames: usize,
    channels: usize,
    sample_rate_hz: u32,
    counts: Counts,
}

/// The ends that the host holds.
struct Ends {
    writer: Place<WriteEnd>,
    reader: Place<ReadEnd>,
    /// Whether the writing end is taken by a recording that is not certain to begin. Until that is decided nobody else
    /// takes an end.
    reserved: bool,
}

/// Where an end is.
enum Place<T> {
    /// Nobody uses it.
    Here(T),
    /// A call of the host uses it, and gives it back.
    Lent,
    /// An action has it.
    Taken,
}

impl<T> Place<T> {
    fn is_lent(&self) -> bool {
        matches!(self, Self::Lent)
    }

    fn is_taken(&self) -> bool {
        matches!(self, Self::Taken)
    }
}

/// An end in the hands of a call of the host.
pub(crate) struct Lent<'a, T> {
    ring: &'a Ring,
    place: fn(&mut Ends) -> &mut Place<T>,
    /// There until it is dropped.
    end: Option<T>,
}

impl<T> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            *(self.place)(&mut self.ring.ends()) = Place::Here(end);
        }
        self.ring.back.notify_all();
    }
}

pub(crate) struct WriteEnd {
    samples: HeapProd<f32>,
    gaps: HeapProd<Gap>,
}

pub(crate) struct ReadEnd {
    samples: HeapCons<f32>,
    gaps: HeapCons<Gap>,
}

/// Frames that were not kept.
struct Gap {
    /// Frames written before it.
    position: i64,
    frames: i64,
}

/// What both sides see. Each count has one writer at a time: whoever has the end.
struct Counts {
    written: AtomicI64,
    read: AtomicI64,
    /// Frames of gaps that were read across.
    skipped: AtomicI64,
    missing: AtomicI64,
    finished: AtomicBool,
    /// Frame of the stream at which frame 0 of what was written sounds, which may lie before the first; or
    /// [`NO_ORIGIN`].
    origin: AtomicI64,
}

/// What is known of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingInfo {
    /// Number of channels.
    pub channels: usize,
    /// Rate in hertz, or 0.
    pub sample_rate_hz: u32,
    /// Frames that it holds at most.
    pub frames: i64,
    /// Frames that can be read now.
    pub readable_frames: i64,
    /// Frames that can be written now.
    pub writable_frames: i64,
    /// Frames written so far.
    pub written_frames: i64,
    /// Frames read so far.
    pub read_frames: i64,
    /// Frames of silence that were played for want of others, or that a recording could not keep.
    pub missing_frames: i64,
    /// The frame of the stream at which the frame written next sounds, if it is known; negative if it had to sound
    /// before the first one.
    pub needed_frame: Option<i64>,
    /// Whether no more will be written.
    pub finished: bool,
    /// What has an end of it.
    pub usage: Usage,
    /// Whether the memory is locked into RAM.
    pub locked: bool,
}

/// What an action does with a ring. The numbers are part of the C ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Usage {
    /// No action uses it.
    Idle = 0,
    /// One plays it.
    Playing = 1,
    /// One records into it.
    Recording = 2,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.info().fmt(f)
    }
}

impl Ring {
    /// An empty ring.
    pub fn new(frames: i64, channels: i32, sample_rate_hz: i32) -> Result<Arc<Self>> {
        let samples = check_shape(frames, channels, sample_rate_hz)?;
        let no_memory =
            |_| Error::new(Code::OutOfMemory, format!("no memory for a ring of {samples} samples"));
        let (mut writer, mut reader) = HeapRb::try_new(samples).map_err(no_memory)?.split();
        let (gaps_in, gaps_out) = HeapRb::<Gap>::new(GAPS).split();
        let mut ranges = Ranges::default();
        // Written once, where pages cannot be asked for.
        writer.push_iter(std::iter::repeat_n(0.0, samples));
        ranges.add(reader.as_slices().0);
        reader.clear();
        ranges.add(gaps_in.vacant_slices().0);
        let locked = ranges.ready();
        let ends = Ends {
            writer: Place::Here(WriteEnd { samples: writer, gaps: gaps_in }),
            reader: Place::Here(ReadEnd { samples: reader, gaps: gaps_out }),
            reserved: false,
        };
        Ok(Arc::new(Self {
            locked,
            ends: Mutex::new(ends),
            back: Condvar::new(),
            frames: frames as usize,
            channels: channels as usize,
            sample_rate_hz: sample_rate_hz as u32,
            counts: Counts::default(),
        }))
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Rate in hertz; 0 where none was given, which fits every stream.
    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// Frames that it holds at most.
    pub fn frames(&self) -> i64 {
        self.frames as i64
    }

    /// Writes as many of the frames in `samples`, a whole number of them, as there is room for, and gives
    /// their number. If a sample is not finite nothing is written.
    pub fn write(&self, samples: &[f32]) -> Result<i64> {
        let mut lent = self.lend_writer()?;
        let Some(end) = &mut lent.end else { return Ok(0) };
        // Relaxed: set by who has the same end.
        if self.counts.finished.load(Ordering::Relaxed) {
            fail!(InvalidState, "the ring is finished; reset it to write again");
        }
        check_finite(samples, self.channels)?;
        Ok(self.push(end, samples))
    }

    fn push(&self, end: &mut WriteEnd, samples: &[f32]) -> i64 {
        let frames = (end.samples.vacant_len() / self.channels).min(samples.len() / self.channels);
        end.samples.push_slice(&samples[..frames * self.channels]);
        // Release: whoever sees the count sees the samples.
        self.counts.written.fetch_add(frames as i64, Ordering::Release);
        frames as i64
    }

    /// Reads frames into `out`, which has room for a whole number of them: as many as are there up to the next
    /// gap. Gives the index of the first, gaps counted, and their number.
    pub fn read(&self, out: &mut [f32]) -> Result<(i64, i64)> {
        let mut lent = self.lend_reader()?;
        let Some(end) = &mut lent.end else { return Ok((0, 0)) };
        // Relaxed here and below: this is the only one who reads.
        let position = self.counts.read.load(Ordering::Relaxed);
        // Before the gaps: a gap is noted before what comes after it is written.
        let readable = (end.samples.occupied_len() / self.channels) as i64;
        if readable == 0 {
            return Ok((position + self.counts.skipped.load(Ordering::Relaxed), 0));
        }
        while let Some(gap) = end.gaps.try_peek().filter(|gap| gap.position <= position) {
            self.counts.skipped.fetch_add(gap.frames, Ordering::Relaxed);
            end.gaps.skip(1);
        }
        let first = position + self.counts.skipped.load(Ordering::Relaxed);
        let until = end.gaps.try_peek().map_or(i64::MAX, |gap| gap.position - position);
        let frames = readable.min(until).min((out.len() / self.channels) as i64);
        end.samples.pop_slice(&mut out[..frames as usize * self.channels]);
        self.counts.read.fetch_add(frames, Ordering::Relaxed);
        Ok((first, frames))
    }

    /// States that no more will be written.
    pub fn finish(&self) -> Result<()> {
        let _lent = self.lend_writer()?;
        // Release: whoever sees it sees all that was written.
        self.counts.finished.store(true, Ordering::Release);
        Ok(())
    }

    /// Makes the ring as it was when it was new.
    pub fn reset(&self) -> Result<()> {
        let _writer = self.lend_writer()?;
        let mut reader = self.lend_reader()?;
        if let Some(end) = &mut reader.end {
            end.samples.clear();
            end.gaps.clear();
            self.counts.clear();
        }
        Ok(())
    }

    pub(crate) fn lend_writer(&self) -> Result<Lent<'_, WriteEnd>> {
        self.lend(|ends| &mut ends.writer, "an action records into the ring")
    }

    pub(crate) fn lend_reader(&self) -> Result<Lent<'_, ReadEnd>> {
        self.lend(|ends| &mut ends.reader, "an action plays the ring")
    }

    /// Takes an end for a call of the host, once no other one has it; an error that says `taken` if an action does.
    fn lend<T>(&self, place: fn(&mut Ends) -> &mut Place<T>, taken: &str) -> Result<Lent<'_, T>> {
        let mut ends = self.ends();
        while ends.reserved || place(&mut ends).is_lent() {
            ends = self.wait(ends);
        }
        match std::mem::replace(place(&mut ends), Place::Lent) {
            Place::Here(end) => Ok(Lent { ring: self, place, end: Some(end) }),
            other => {
                *place(&mut ends) = other;
                fail!(RingBusy, "{taken}")
            }
        }
    }

    /// What is known now.
    pub fn info(&self) -> RingInfo {
        let ends = self.ends();
        let counts = &self.counts;
        // Acquire, and in this order: what is seen as read was seen as written.
        let read = counts.read.load(Ordering::Acquire);
        let written = counts.written.load(Ordering::Acquire);
        let readable = (written - read).clamp(0, self.frames as i64);
        // Relaxed: a single value, as the count of missing frames below.
        let origin = counts.origin.load(Ordering::Relaxed);
        RingInfo {
            channels: self.channels,
            sample_rate_hz: self.sample_rate_hz,
            frames: self.frames as i64,
            readable_frames: readable,
            writable_frames: self.frames as i64 - readable,
            written_frames: written,
            read_frames: read,
            missing_frames: counts.missing.load(Ordering::Relaxed),
            needed_frame: (origin != NO_ORIGIN).then(|| origin + written),
            // Acquire: whoever is told so then finds all that was written.
            finished: counts.finished.load(Ordering::Acquire),
            usage: match (&ends.writer, &ends.reader) {
                (Place::Taken, _) if !ends.reserved => Usage::Recording,
                (_, Place::Taken) => Usage::Playing,
                _ => Usage::Idle,
            },
            locked: self.locked.is_some(),
        }
    }

    /// Makes the caller the one who reads, once no call of the host does.
    pub fn claim_for_play(self: &Arc<Self>) -> Result<RingReader> {
        let mut ends = self.ends();
        while ends.reserved || ends.reader.is_lent() {
            ends = self.wait(ends);
        }
        if ends.writer.is_taken() {
            fail!(RingBusy, "an action records into the ring");
        }
        match std::mem::replace(&mut ends.reader, Place::Taken) {
            Place::Here(end) => Ok(RingReader { ring: self.clone(), end: Some(end) }),
            _ => fail!(RingBusy, "another action plays the ring"),
        }
    }

    /// Makes the caller the one who writes, once no call of the host reads or writes. The ring must be empty; it
    /// begins anew when the writer does.
    pub fn claim_for_recording(self: &Arc<Self>) -> Result<RingWriter> {
        let scratch = vec![0.0; RUN_FRAMES * self.channels].into();
        let mut ends = self.ends();
        while ends.reserved || ends.writer.is_lent() || ends.reader.is_lent() {
            ends = self.wait(ends);
        }
        let Place::Here(reader) = &ends.reader else {
            fail!(RingBusy, "an action plays the ring");
        };
        let unread = reader.samples.occupied_len() / self.channels;
        if ends.writer.is_taken() {
            fail!(RingBusy, "another action records into the ring");
        }
        if unread > 0 {
            fail!(InvalidState, "the ring holds {unread} frames that nobody has read; read or reset it");
        }
        match std::mem::replace(&mut ends.writer, Place::Taken) {
            Place::Here(end) => {
                ends.reserved = true;
                Ok(RingWriter { ring: self.clone(), end: Some(end), scratch, lost: 0, begun: false })
            }
            _ => fail!(RingBusy, "another action records into the ring"),
        }
    }

    fn wait<'a>(&self, ends: MutexGuard<'a, Ends>) -> MutexGuard<'a, Ends> {
        self.back.wait(ends).unwrap_or_else(|e| e.into_inner())
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            written: AtomicI64::new(0),
            read: AtomicI64::new(0),
            skipped: AtomicI64::new(0),
            missing: AtomicI64::new(0),
            finished: AtomicBool::new(false),
            origin: AtomicI64::new(NO_ORIGIN),
        }
    }
}

impl Counts {
    /// While nobody reads or writes.
    fn clear(&self) {
        // Relaxed: the lock on the ends orders this.
        for count in [&self.written, &self.read, &self.skipped, &self.missing] {
            count.store(0, Ordering::Relaxed);
        }
        self.origin.store(NO_ORIGIN, Ordering::Relaxed);
        self.finished.store(false, Ordering::Relaxed);
    }
}

fn check_shape(frames: i64, channels: i32, sample_rate_hz: i32) -> Result<usize> {
    if channels < 1 || channels as usize > MAX_CHANNELS {
        fail!(InvalidArgument, "{channels} channels: a ring has 1 to {MAX_CHANNELS}");
    }
    if sample_rate_hz != 0 && !(1_000..=768_000).contains(&sample_rate_hz) {
        fail!(InvalidArgument, "sample rate {sample_rate_hz} Hz: 1000 to 768000, or 0 for the stream's");
    }
    let limit = isize::MAX as i64 / 4 / channels as i64;
    if frames < 1 || frames > limit {
        fail!(InvalidArgument, "{frames} frames: a ring of {channels} channels has 1 to {limit}");
    }
    Ok(frames as usize * channels as usize)
}

fn check_finite(samples: &[f32], channels: usize) -> Result<()> {
    match samples.iter().position(|sample| !sample.is_finite()) {
        Some(n) => fail!(
            NonFinite,
            "sample {} in frame {}, channel {}; nothing was written",
            samples[n],
            n / channels,
            n % channels + 1
        ),
        None => Ok(()),
    }
}

/// The reading end, in the hands of an action. Dropped by the host, which gives it back.
pub struct RingReader {
    ring: Arc<Ring>,
    /// There until it is dropped.
    end: Option<ReadEnd>,
}

impl std::fmt::Debug for RingReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RingReader").finish_non_exhaustive()
    }
}

impl RingReader {
    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.ring.channels
    }

    /// Frames that are there, and whether no more will come.
    pub fn available(&self) -> (i64, bool) {
        // Acquire, and first: if no more will come, all of it is seen below.
        let finished = self.ring.counts.finished.load(Ordering::Acquire);
        let samples = self.end.as_ref().map_or(0, |end| end.samples.occupied_len());
        ((samples / self.ring.channels) as i64, finished)
    }

    /// Moves as many frames as are there and `out` has room for; gives their number.
    pub fn pop(&mut self, out: &mut [f32]) -> i64 {
        let Some(end) = &mut self.end else { return 0 };
        let channels = self.ring.channels;
        let frames = (end.samples.occupied_len() / channels).min(out.len() / channels);
        end.samples.pop_slice(&mut out[..frames * channels]);
        // Release: pairs with the Acquire of who asks how far it is.
        self.ring.counts.read.fetch_add(frames as i64, Ordering::Release);
        frames as i64
    }

    /// Throws away up to `frames` frames; gives how many there were.
    pub fn discard(&mut self, frames: i64) -> i64 {
        let Some(end) = &mut self.end else { return 0 };
        let frames = frames.min((end.samples.occupied_len() / self.ring.channels) as i64);
        end.samples.skip(frames as usize * self.ring.channels);
        // Release: as in `pop`.
        self.ring.counts.read.fetch_add(frames, Ordering::Release);
        frames
    }

    /// Counts frames that were not there in time.
    pub fn miss(&self, frames: i64) {
        // Relaxed: a count that orders nothing.
        self.ring.counts.missing.fetch_add(frames, Ordering::Relaxed);
    }

    /// Publishes that the next frame, or the one `later` frames after it, sounds at `frame` of the stream.
    pub fn publish_place(&self, frame: i64, later: i64) {
        // Relaxed: a single value, and this is the only one who reads.
        let read = self.ring.counts.read.load(Ordering::Relaxed);
        self.ring.counts.origin.store(frame - read - later, Ordering::Relaxed);
    }

    /// Publishes that it is not known when the next frame sounds.
    pub fn unpublish_place(&self) {
        // Relaxed: a single value.
        self.ring.counts.origin.store(NO_ORIGIN, Ordering::Relaxed);
    }
}

impl Drop for RingReader {
    fn drop(&mut self) {
        self.unpublish_place();
        if let Some(end) = self.end.take() {
            self.ring.ends().reader = Place::Here(end);
        }
        self.ring.back.notify_all();
    }
}

/// The writing end, in the hands of an action. Dropped by the host, which gives it back and takes the ring
/// for finished.
pub struct RingWriter {
    ring: Arc<Ring>,
    /// There until it is dropped.
    end: Option<WriteEnd>,
    scratch: Box<[f32]>,
    /// Frames of the gap that is open.
    lost: i64,
    /// Whether the ring began anew.
    begun: bool,
}

impl std::fmt::Debug for RingWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RingWriter").finish_non_exhaustive()
    }
}

impl RingWriter {
    /// Makes the ring as it was when it was new.
    pub fn begin(&mut self) {
        let mut ends = self.ring.ends();
        if let Place::Here(reader) = &mut ends.reader {
            reader.gaps.clear();
        }
        self.ring.counts.clear();
        ends.reserved = false;
        self.begun = true;
        drop(ends);
        self.ring.back.notify_all();
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.ring.channels
    }

    /// Frames that could be written now.
    pub fn vacant_frames(&self) -> usize {
        match &self.end {
            Some(end) if self.lost == 0 || !end.gaps.is_full() => {
                end.samples.vacant_len() / self.ring.channels
            }
            _ => 0,
        }
    }

    /// Room for the next frames to be written: `frames`, or fewer if no more can be kept, or in one piece.
    pub fn next_frames(&mut self, frames: usize) -> &mut [f32] {
        let frames = frames.min(self.vacant_frames()).min(RUN_FRAMES);
        &mut self.scratch[..frames * self.ring.channels]
    }

    /// Writes the first `frames` frames of what was given room for last.
    pub fn advance(&mut self, frames: usize) {
        let Some(end) = &mut self.end else { return };
        if self.lost > 0 {
            // Relaxed: this is the only one who writes.
            let position = self.ring.counts.written.load(Ordering::Relaxed);
            // There is room: else no frame could be written.
            let _ = end.gaps.try_push(Gap { position, frames: self.lost });
            self.lost = 0;
        }
        self.ring.push(end, &self.scratch[..frames * self.ring.channels]);
    }

    /// Counts the next `frames` frames as lost.
    pub fn lose(&mut self, frames: usize) {
        self.lost += frames as i64;
        // Relaxed: a count that orders nothing.
        self.ring.counts.missing.fetch_add(frames as i64, Ordering::Relaxed);
    }
}

impl Drop for RingWriter {
    fn drop(&mut self) {
        let mut ends = self.ring.ends();
        if let Some(end) = self.end.take() {
            ends.writer = Place::Here(end);
        }
        ends.reserved &= self.begun;
        if self.begun {
            // Release: whoever sees it sees all that was written.
            self.ring.counts.finished.store(true, Ordering::Release);
        }
        drop(ends);
        self.ring.back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ring: &Ring, frames: usize) -> (i64, Vec<f32>) {
        let mut out = vec![9.0; frames * ring.channels()];
        let (first, frames) = ring.read(&mut out).unwrap();
        out.truncate(frames as usize * ring.channels());
        (first, out)
    }

    #[test]
    fn what_is_written_is_read_in_order_and_in_part() {
        let ring = Ring::new(3, 2, 0).unwrap();
        assert_eq!(ring.write(&[1.0, 2.0, 3.0, 4.0]).unwrap(), 2);
        assert_eq!(ring.write(&[5.0, 6.0, 7.0, 8.0]).unwrap(), 1, "as many as there is room for");
        assert_eq!(read(&ring, 2), (0, vec![1.0, 2.0, 3.0, 4.0]));
        assert_eq!(ring.write(&[9.0, 10.0]).unwrap(), 1);
        assert_eq!(read(&ring, 9), (2, vec![5.0, 6.0, 9.0, 10.0]));
        assert_eq!(read(&ring, 9), (4, vec![]));
        let info = ring.info();
        assert_eq!((info.written_frames, info.read_frames, info.readable_frames), (4, 4, 0));
    }

    #[test]
    fn nothing_of_a_write_with_a_sample_that_is_not_finite_is_kept() {
        let ring = Ring::new(8, 2, 0).unwrap();
        let error = ring.write(&[0.0, 0.0, 0.0, f32::INFINITY]).unwrap_err();
        assert_eq!(error.code, Code::NonFinite);
        assert!(error.message.contains("frame 1, channel 2"), "{error}");
        assert_eq!(ring.info().written_frames, 0);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri ends where memory does")]
    fn shapes_that_mean_nothing_are_refused() {
        for (frames, channels, rate) in
            [(0, 1, 0), (-1, 1, 0), (1, 0, 0), (1, 257, 0), (1, 1, 999), (i64::MAX, 1, 0)]
        {
            assert_eq!(Ring::new(frames, channels, rate).unwrap_err().code, Code::InvalidArgument);
        }
        assert_eq!(Ring::new(1 << 60, 1, 0).unwrap_err().code, Code::OutOfMemory);
    }

    #[test]
    fn each_end_has_one_user_and_the_host_has_the_other() {
        let ring = Ring::new(4, 1, 0).unwrap();
        let reader = ring.claim_for_play().unwrap();
        assert_eq!(ring.claim_for_play().unwrap_err().code, Code::RingBusy);
        assert_eq!(ring.claim_for_recording().unwrap_err().code, Code::RingBusy);
        assert_eq!(ring.read(&mut [0.0]).unwrap_err().code, Code::RingBusy);
        assert_eq!(ring.reset().unwrap_err().code, Code::RingBusy);
        assert_eq!(ring.info().usage, Usage::Playing);
        assert_eq!(ring.write(&[0.5]).unwrap(), 1);
        drop(reader);
        assert_eq!(ring.claim_for_recording().unwrap_err().code, Code::InvalidState, "a frame is unread");
        ring.reset().unwrap();
        let writer = begun(&ring);
        assert_eq!(ring.write(&[0.5]).unwrap_err().code, Code::RingBusy);
        assert_eq!(ring.finish().unwrap_err().code, Code::RingBusy);
        assert_eq!(ring.claim_for_play().unwrap_err().code, Code::RingBusy);
        assert_eq!(ring.claim_for_recording().unwrap_err().code, Code::RingBusy);
        assert_eq!(ring.info().usage, Usage::Recording);
        drop(writer);
        assert_eq!((ring.info().usage, ring.info().finished), (Usage::Idle, true));
    }

    #[test]
    fn an_action_is_not_kept_from_an_end_by_who_has_the_other_and_waits_for_who_has_its_own() {
        let ring = Ring::new(4, 1, 0).unwrap();
        let writing = ring.lend_writer().unwrap();
        drop(ring.claim_for_play().unwrap());
        let reading = ring.lend_reader().unwrap();
        assert_eq!(ring.info().usage, Usage::Idle);
        std::thread::scope(|scope| {
            let playing = scope.spawn(|| ring.claim_for_play().map(drop));
            let recording = scope.spawn(|| ring.claim_for_recording().map(drop));
            let written = scope.spawn(|| ring.write(&[0.5]));
            std::thread::sleep(std::time::Duration::from_millis(50));
            assert!(!playing.is_finished() && !recording.is_finished() && !written.is_finished());
            drop((writing, reading));
            playing.join().unwrap().unwrap();
            written.join().unwrap().unwrap();
            // It may come first or last; what is written then is not read.
            let recorded = recording.join().unwrap();
            assert!(recorded.is_ok() || ring.info().written_frames == 1);
        });
        assert_eq!(ring.info().usage, Usage::Idle);
    }

    #[test]
    #[cfg_attr(miri, ignore = "a million samples take Miri many minutes")]
    fn the_lock_is_free_while_the_host_reads_or_writes() {
        let ring = Ring::new(1 << 20, 1, 0).unwrap();
        let seen = [AtomicBool::new(false), AtomicBool::new(false)];
        let done = || seen.iter().all(|seen| seen.load(Ordering::Relaxed));
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut samples = vec![0.5; 1 << 20];
                while !done() && std::time::Instant::now() < end {
                    ring.write(&samples).unwrap();
                    ring.read(&mut samples).unwrap();
                }
            });
            while !done() && std::time::Instant::now() < end {
                let ends = ring.ends();
                seen[0].fetch_or(ends.writer.is_lent(), Ordering::Relaxed);
                seen[1].fetch_or(ends.reader.is_lent(), Ordering::Relaxed);
            }
        });
        assert!(done(), "{seen:?}");
    }

    #[test]
    fn a_writer_that_never_began_leaves_all_as_it_was() {
        let ring = Ring::new(4, 1, 0).unwrap();
        let mut writer = begun(&ring);
        record(&mut writer, &[1.0]);
        writer.lose(2);
        drop(writer);
        assert_eq!(read(&ring, 9), (0, vec![1.0]));
        let before = ring.info();
        assert!(before.finished && before.missing_frames == 2);
        drop(ring.claim_for_recording().unwrap());
        assert_eq!(ring.info(), before);
    }

    #[test]
    fn a_finished_ring_takes_no_more_until_it_is_reset() {
        let ring = Ring::new(4, 1, 0).unwrap();
        ring.write(&[0.5]).unwrap();
        ring.finish().unwrap();
        assert_eq!(ring.write(&[0.5]).unwrap_err().code, Code::InvalidState);
        assert_eq!(ring.claim_for_play().unwrap().available(), (1, true));
        ring.reset().unwrap();
        assert_eq!(ring.claim_for_play().unwrap().available(), (0, false));
        assert_eq!(ring.write(&[0.5]).unwrap(), 1);
    }

    fn begun(ring: &Arc<Ring>) -> RingWriter {
        let mut writer = ring.claim_for_recording().unwrap();
        writer.begin();
        writer
    }

    fn record(writer: &mut RingWriter, samples: &[f32]) {
        let room = writer.next_frames(samples.len());
        let kept = room.len();
        room.copy_from_slice(&samples[..kept]);
        if kept > 0 {
            writer.advance(kept);
        }
        writer.lose(samples.len() - kept);
    }

    #[test]
    fn a_reader_sees_where_frames_were_lost() {
        let ring = Ring::new(3, 1, 0).unwrap();
        let mut writer = begun(&ring);
        record(&mut writer, &[0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(read(&ring, 1), (0, vec![0.0]));
        record(&mut writer, &[5.0, 6.0]);
        assert_eq!(read(&ring, 9), (1, vec![1.0, 2.0]), "up to the gap");
        record(&mut writer, &[7.0]);
        assert_eq!(read(&ring, 9), (5, vec![5.0]), "the next gap");
        assert_eq!(read(&ring, 9), (7, vec![7.0]));
        assert_eq!(ring.info().missing_frames, 3);
    }

    #[test]
    fn a_recording_with_a_gap_can_be_played_and_what_is_left_read() {
        let ring = Ring::new(4, 1, 0).unwrap();
        let mut writer = begun(&ring);
        record(&mut writer, &[0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(read(&ring, 2), (0, vec![0.0, 1.0]));
        record(&mut writer, &[5.0, 6.0]);
        drop(writer);
        let mut reader = ring.claim_for_play().unwrap();
        let mut out = [9.0; 3];
        assert_eq!(reader.pop(&mut out), 3);
        assert_eq!(out, [2.0, 3.0, 5.0]);
        drop(reader);
        assert_eq!(read(&ring, 9), (6, vec![6.0]));
        let mut reader = ring.claim_for_play().unwrap();
        assert_eq!(reader.pop(&mut out), 0);
        drop(reader);
        assert!(read(&ring, 9).1.is_empty());
    }

    #[test]
    fn gaps_are_never_forgotten_however_many_there_are() {
        let ring = Ring::new(1_000, 1, 0).unwrap();
        let mut writer = begun(&ring);
        let mut next = 0;
        for _ in 0..2 * GAPS {
            writer.lose(1);
            record(&mut writer, &[next as f32 + 1.0]);
            next += 2;
        }
        record(&mut writer, &[next as f32]);
        let mut kept = 0;
        loop {
            let (first, samples) = read(&ring, 9);
            if samples.is_empty() {
                break;
            }
            kept += samples.len();
            assert!(samples.iter().enumerate().all(|(n, sample)| *sample == (first + n as i64) as f32));
        }
        assert_eq!(kept as i64 + ring.info().missing_frames, next + 1);
        record(&mut writer, &[next as f32 + 1.0]);
        assert_eq!(read(&ring, 9), (next + 1, vec![next as f32 + 1.0]));
    }

    #[test]
    fn a_million_frames_go_through_a_small_ring_between_two_threads() {
        let ring = Ring::new(37, 2, 0).unwrap();
        let frames = if cfg!(miri) { 300 } else { 1_000_000 };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut next = 0;
                while next < frames {
                    let run: Vec<f32> = (2 * next..2 * frames.min(next + 29)).map(|n| n as f32).collect();
                    next += ring.write(&run).unwrap();
                }
                ring.finish().unwrap();
            });
            let mut reader = ring.claim_for_play().unwrap();
            let (mut out, mut next) = ([0.0; 64], 0i64);
            while reader.available() != (0, true) {
                let got = 2 * reader.pop(&mut out);
                assert!((next..next + got).zip(out).all(|(n, sample)| n as f32 == sample));
                next += got;
            }
            assert_eq!(next, 2 * frames);
        });
    }
}
