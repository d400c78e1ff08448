//! A file on its way to the callback: read ahead into a ring by a thread of its own, so that a slow disk harms
//! nothing but its own sound.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::decode::Decoder;
use super::naming;
use super::rate::RatedDecoder;
use super::task::FileTask;
use crate::error::{Code, Error, Result, fail};
use crate::realtime::source::Reel;
use crate::ring::{Ring, Usage};

/// How often the worker looks whether there is room.
const LOOK: Duration = Duration::from_millis(10);
/// Frames that are decoded at a time.
const FRAMES: usize = 2_048;
/// A loop of up to so many samples is kept in memory; for a longer one the file is sought anew at each pass.
const KEPT_SAMPLES: i64 = 1 << 18;

/// Which frames of a file sound, in the order in which they do.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// First frame of the file.
    pub first: i64,
    /// The frame after the last one; `None` for the end of the file.
    pub end: Option<i64>,
    /// First frame of the loop.
    pub loop_first: i64,
    /// The frame after its last one; `None` for the end of the file.
    pub loop_end: Option<i64>,
    /// Extra passes; −1 for ever.
    pub loop_count: i64,
}

impl Course {
    /// The frame of the file that is frame `position` of the sound, and the extra passes from there on.
    fn at(&self, position: i64) -> (i64, i64) {
        let plain = self.first + position;
        match self.loop_end {
            Some(loop_end) if self.loop_count != 0 && plain >= loop_end => {
                let (beyond, length) = (plain - loop_end, loop_end - self.loop_first);
                let passes = beyond / length + 1;
                match self.loop_count {
                    -1 => (self.loop_first + beyond % length, -1),
                    count if passes <= count => (self.loop_first + beyond % length, count - passes),
                    count => (loop_end + beyond - count * length, 0),
                }
            }
            _ => (plain, self.loop_count),
        }
    }
}

/// What is left of a course.
#[derive(Debug)]
struct Place {
    course: Course,
    /// The frame of the file that comes next.
    at: i64,
    passes: i64,
    /// The loop, once it was read, if it is short.
    kept: Vec<f32>,
    /// Whether the loop is to be kept.
    is_short: bool,
    /// Whether it is being kept while it is read for the first time.
    keeps: bool,
    /// Sample of the kept loop that comes next, while it is played from memory.
    from_kept: Option<usize>,
}

/// Reads a file into a ring.
pub struct Feeder {
    decoder: RatedDecoder,
    ring: Arc<Ring>,
    place: Place,
    samples: Vec<f32>,
    over: bool,
    allow_implausible: bool,
}

impl Feeder {
    /// Reads `course` of a file into `ring`, from frame `position` of it on.
    ///
    /// It ends with an error before what cannot be sound gets there, unless that is allowed.
    pub fn new(
        mut decoder: RatedDecoder,
        course: Course,
        position: i64,
        ring: Arc<Ring>,
        allow_implausible: bool,
    ) -> Result<Self> {
        let (at, passes) = course.at(position);
        if at > 0 {
            decoder.seek(at as u64)?;
        }
        let channels = decoder.info().channels;
        let length = course.loop_end.map(|end| (end - course.loop_first) * channels as i64);
        let is_short = passes != 0 && length.is_some_and(|samples| samples <= KEPT_SAMPLES);
        // All at once: a vector that grows takes twice as much.
        let kept = Vec::with_capacity(length.filter(|_| is_short).unwrap_or(0) as usize);
        let keeps = is_short && at <= course.loop_first;
        let place = Place { course, at, passes, kept, is_short, keeps, from_kept: None };
        Ok(Self {
            decoder,
            ring,
            place,
            samples: vec![0.0; FRAMES * channels],
            over: false,
            allow_implausible,
        })
    }

    /// Reads one piece into the ring. False if there is no room, or nothing more to come.
    pub fn step(&mut self) -> Result<bool> {
        let room = self.ring.info().writable_frames.min(FRAMES as i64);
        if self.over || room == 0 {
            return Ok(false);
        }
        let next = self.next(room as usize)?;
        if let Some(fault) = self.decoder.plausibility(next == 0).fault().filter(|_| !self.allow_implausible)
        {
            fail!(Implausible, "the file {fault}; set allow_implausible if it is what it is meant to be");
        }
        match next {
            0 => {
                self.over = true;
                self.ring.finish()?;
            }
            frames => {
                let count = frames * self.decoder.info().channels;
                self.ring.write(&self.samples[..count])?;
            }
        }
        Ok(true)
    }

    /// Whether all of it is in the ring.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Reads up to `room` frames of the course; 0 at its end.
    fn next(&mut self, room: usize) -> Result<usize> {
        if let Some(from) = self.place.from_kept {
            return Ok(self.next_kept(from, room));
        }
        let stop = if self.place.passes != 0 { self.place.course.loop_end } else { self.place.course.end };
        let left = stop.map_or(room as i64, |stop| (stop - self.place.at).min(room as i64));
        let channels = self.decoder.info().channels;
        let wanted = left.max(0) as usize;
        let frames = self.decoder.read(&mut self.samples[..wanted * channels])?;
        self.keep(frames);
        self.place.at += frames as i64;
        match (frames, self.place.passes) {
            (0, 0) if stop.is_some_and(|stop| self.place.at < stop) => {
                fail!(FileFormat, "the file ends at frame {}, before the frames asked for", self.place.at)
            }
            (0, 0) => Ok(0),
            (0, _) => self.turn().and_then(|()| self.next(room)),
            _ => Ok(frames),
        }
    }

    /// Keeps what was just read of a short loop.
    fn keep(&mut self, frames: usize) {
        let place = &mut self.place;
        if place.keeps {
            let channels = self.decoder.info().channels;
            let before = (place.course.loop_first - place.at).clamp(0, frames as i64) as usize;
            place.kept.extend_from_slice(&self.samples[before * channels..frames * channels]);
        }
    }

    /// Goes back to the begin of the loop.
    fn turn(&mut self) -> Result<()> {
        let place = &mut self.place;
        if place.at <= place.course.loop_first {
            fail!(FileFormat, "the file ends at frame {}, before the loop", place.at);
        }
        if place.passes > 0 {
            place.passes -= 1;
        }
        if place.keeps {
            place.from_kept = Some(0);
            return Ok(());
        }
        place.keeps = place.is_short;
        place.at = place.course.loop_first;
        self.decoder.seek(place.at as u64)
    }

    /// Copies up to `room` frames of the kept loop; at its end on to the next pass, or to what follows.
    fn next_kept(&mut self, from: usize, room: usize) -> usize {
        let channels = self.decoder.info().channels;
        let place = &mut self.place;
        let count = (place.kept.len() - from).min(room * channels);
        self.samples[..count].copy_from_slice(&place.kept[from..from + count]);
        place.from_kept = match (from + count < place.kept.len(), place.passes) {
            (true, _) => Some(from + count),
            (false, 0) => {
                place.keeps = false;
                None
            }
            (false, passes) => {
                place.passes = (passes - 1).max(-1);
                Some(0)
            }
        };
        count / channels
    }
}

/// How an action reads a file.
#[derive(Debug)]
pub struct Reading {
    /// The file.
    pub path: PathBuf,
    /// The audio track, from 1; 0 for the file's default.
    pub track: i32,
    /// Rate at which it is played, in hertz.
    pub rate_hz: u32,
    /// Number of channels.
    pub channels: usize,
    /// What of it sounds.
    pub course: Course,
    /// Frames that are read ahead.
    pub ahead_frames: i64,
    /// Whether it may be what cannot be sound.
    pub allow_implausible: bool,
}

impl Reading {
    /// Reads ahead with a decoder that was just opened, from frame `position` of the course on, and starts the
    /// worker that goes on. As much is there then that what starts at once misses nothing.
    pub fn start(self: &Arc<Self>, decoder: RatedDecoder, position: i64) -> Result<Reel> {
        let ring = Ring::new(self.ahead_frames, self.channels as i32, self.rate_hz as i32)?;
        let prepared = Feeder::new(decoder, self.course, position, ring.clone(), self.allow_implausible)
            .and_then(filled);
        let feeder = prepared.map_err(|error| naming(&self.path, error))?;
        let reel = Reel { reader: ring.claim_for_play()?, task: Arc::new(FileTask::reading(self.clone())) };
        feed(feeder, reel.task.clone())?;
        Ok(reel)
    }

    /// Opens the file anew to read from frame `position` of the course on.
    pub fn again(self: &Arc<Self>, position: i64) -> Result<Reel> {
        if self.path.metadata().is_ok_and(|found| !found.is_file()) {
            fail!(Unsupported, "'{}' is no file that can be opened again to seek in it", self.path.display());
        }
        let decoder = Decoder::open(&self.path, self.track)?;
        let channels = decoder.info().channels;
        if channels != self.channels {
            fail!(
                FileFormat,
                "'{}' has {channels} channels now, and had {} when its action was issued",
                self.path.display(),
                self.channels
            );
        }
        let decoder = RatedDecoder::new(decoder, self.rate_hz).map_err(|error| naming(&self.path, error))?;
        self.start(decoder, position)
    }
}

/// Fills the ring of a feeder.
fn filled(mut feeder: Feeder) -> Result<Feeder> {
    while feeder.step()? {}
    Ok(feeder)
}

/// Starts the worker that keeps the ring filled until all of the file is in it, or its sound is over.
fn feed(feeder: Feeder, task: Arc<FileTask>) -> Result<()> {
    let worker = task.clone();
    match std::thread::Builder::new().name("sonset file".into()).spawn(move || run(feeder, &worker)) {
        Ok(thread) => {
            task.set_worker(thread.thread().clone());
            Ok(())
        }
        Err(error) => Err(Error::new(Code::OutOfMemory, format!("no thread for the file: {error}"))),
    }
}

fn run(mut feeder: Feeder, task: &FileTask) {
    while !feeder.is_over() && feeder.ring.info().usage == Usage::Playing && !task.is_stopped() {
        match feeder.step() {
            Ok(true) => {}
            Ok(false) => std::thread::park_timeout(LOOK),
            Err(error) => {
                task.fail(error.message);
                // After that: whoever sees the end of the ring sees that it broke.
                let _ = feeder.ring.finish();
                break;
            }
        }
    }
    task.finish();
}
