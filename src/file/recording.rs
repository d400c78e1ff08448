//! A recording on its way to a file: a thread of its own takes what the callback leaves in a ring, so that a slow
//! disk harms nothing but its own file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::growing::{GrowingWav, Origin, Spec};
use super::task::FileTask;
use crate::error::{Code, Error, Result};
use crate::resample::Resampler;
use crate::ring::Ring;

/// How often the worker looks at its ring.
const LOOK: Duration = Duration::from_millis(10);
/// How often what was written is made readable.
const COMMIT: Duration = Duration::from_millis(500);
/// Frames that are taken at a time.
const FRAMES: usize = 4_096;

/// Tells what the first sample is, once that is known.
pub type FindOrigin = Box<dyn Fn() -> Option<Origin> + Send>;

/// A worker whose recording was not taken in yet.
pub struct Prepared {
    /// To be shared with the host's books.
    pub task: Arc<FileTask>,
    worker: JoinHandle<()>,
    path: PathBuf,
}

impl Prepared {
    /// Makes the file, which must not be there yet, and its worker. What is at the rate of the ring is converted to
    /// that of the file.
    pub fn new(path: &Path, spec: Spec, ring: Arc<Ring>, origin: FindOrigin) -> Result<Self> {
        let (from_hz, to_hz) = (ring.sample_rate_hz(), spec.sample_rate_hz);
        let resampler = match from_hz == to_hz {
            true => None,
            false => Some(Resampler::new(from_hz, to_hz, ring.channels())?),
        };
        let wav = GrowingWav::create(path, spec).map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::AlreadyExists => "is there already, and is not overwritten".into(),
                _ => format!("cannot be made: {error}"),
            };
            Error::new(Code::FileIo, format!("'{}' {why}", path.display()))
        })?;
        let task = Arc::new(FileTask::default());
        let output = Output { wav, resampler, converted: Vec::new() };
        let work = Work { task: task.clone(), output, ring, origin, path: path.into(), known: false, end: 0 };
        let worker = std::thread::Builder::new().name("sonset file".into()).spawn(move || work.run());
        match worker {
            Ok(worker) => {
                task.set_worker(worker.thread().clone());
                Ok(Self { task, worker, path: path.into() })
            }
            Err(error) => {
                let _ = std::fs::remove_file(path);
                Err(Error::new(Code::OutOfMemory, format!("no thread for the file: {error}")))
            }
        }
    }

    /// Undoes it.
    pub fn undo(self) {
        self.task.stop();
        let _ = self.worker.join();
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The file, with what comes before it where its rate is another.
struct Output {
    wav: GrowingWav,
    resampler: Option<Resampler>,
    converted: Vec<f32>,
}

impl Output {
    fn append(&mut self, samples: &[f32]) -> io::Result<()> {
        match &mut self.resampler {
            None => self.wav.append(samples),
            Some(resampler) => {
                resampler
                    .feed(samples, &mut self.converted)
                    .map_err(|error| io::Error::other(error.message))?;
                self.pass_on()
            }
        }
    }

    /// Writes what the conversion holds back while more may come.
    fn finish(&mut self) -> io::Result<()> {
        let Some(resampler) = &mut self.resampler else { return Ok(()) };
        resampler.finish(&mut self.converted).map_err(|error| io::Error::other(error.message))?;
        self.pass_on()
    }

    fn pass_on(&mut self) -> io::Result<()> {
        let written = self.wav.append(&self.converted);
        self.converted.clear();
        written
    }
}

/// What the worker has.
struct Work {
    task: Arc<FileTask>,
    output: Output,
    ring: Arc<Ring>,
    origin: FindOrigin,
    path: PathBuf,
    /// Whether the file has its origin.
    known: bool,
    /// The frame after the last one in the file.
    end: i64,
}

impl Work {
    fn run(mut self) {
        let mut samples = vec![0.0; FRAMES * self.ring.channels()];
        let mut committed = Instant::now();
        loop {
            // Before the ring is looked at: what is in it then is all.
            let stopped = self.task.is_stopped();
            let took = self.take(&mut samples);
            if self.task.has_failed() || (stopped && !took) {
                break;
            }
            if committed.elapsed() >= COMMIT {
                self.commit();
                committed = Instant::now();
            }
            if !took {
                std::thread::park_timeout(LOOK);
            }
        }
        if !self.task.has_failed()
            && let Err(error) = self.output.finish()
        {
            self.fail(&error);
        }
        self.commit();
        self.task.finish();
    }

    /// Writes some of what is in the ring. False if it is empty.
    fn take(&mut self, samples: &mut [f32]) -> bool {
        let Ok((first, frames)) = self.ring.read(samples) else { return false };
        if frames == 0 {
            return false;
        }
        let written = self.fill(first).and_then(|()| {
            let count = frames as usize * self.ring.channels();
            self.output.append(&samples[..count])
        });
        self.end = first + frames;
        if let Err(error) = written {
            self.fail(&error);
        }
        true
    }

    /// Writes zeros up to frame `first`, for frames that there was no room for, so that all others stay in place.
    fn fill(&mut self, first: i64) -> io::Result<()> {
        let zeros = vec![0.0; FRAMES.min((first - self.end).max(0) as usize) * self.ring.channels()];
        while self.end < first {
            let frames = (first - self.end).min(FRAMES as i64);
            self.output.append(&zeros[..frames as usize * self.ring.channels()])?;
            self.end += frames;
        }
        Ok(())
    }

    fn commit(&mut self) {
        if !self.known
            && let Some(origin) = (self.origin)()
        {
            self.output.wav.set_origin(origin);
            self.known = true;
        }
        if let Err(error) = self.output.wav.commit()
            && !self.task.has_failed()
        {
            self.fail(&error);
        }
    }

    fn fail(&self, error: &io::Error) {
        self.task.fail(format!("'{}' cannot be written: {error}", self.path.display()));
    }
}
