//! A recording on its way to a file: a thread of its own takes what the callback leaves in a ring, so that a slow
//! disk harms nothing but its own file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::growing::{GrowingWav, Origin, Spec};
use super::task::FileTask;
use crate::error::{Code, Error, Result};
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
    /// Makes the file, which must not be there yet, and its worker.
    pub fn new(path: &Path, spec: Spec, ring: Arc<Ring>, origin: FindOrigin) -> Result<Self> {
        let wav = GrowingWav::create(path, spec).map_err(|error| {
            let why = match error.kind() {
                std::io::ErrorKind::AlreadyExists => "is there already, and is not overwritten".into(),
                _ => format!("cannot be made: {error}"),
            };
            Error::new(Code::FileIo, format!("'{}' {why}", path.display()))
        })?;
        let task = Arc::new(FileTask::default());
        let work = Work { task: task.clone(), wav, ring, origin, path: path.into(), known: false, end: 0 };
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

/// What the worker has.
struct Work {
    task: Arc<FileTask>,
    wav: GrowingWav,
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
            self.wav.append(&samples[..count])
        });
        self.end = first + frames;
        if let Err(error) = written {
            self.fail(&error);
        }
        true
    }

    /// Writes zeros up to frame `first`, for frames that there was no room for, so that all others stay in place.
    fn fill(&mut self, first: i64) -> std::io::Result<()> {
        let zeros = vec![0.0; FRAMES.min((first - self.end).max(0) as usize) * self.ring.channels()];
        while self.end < first {
            let frames = (first - self.end).min(FRAMES as i64);
            self.wav.append(&zeros[..frames as usize * self.ring.channels()])?;
            self.end += frames;
        }
        Ok(())
    }

    fn commit(&mut self) {
        if !self.known
            && let Some(origin) = (self.origin)()
        {
            self.wav.set_origin(origin);
            self.known = true;
        }
        if let Err(error) = self.wav.commit()
            && !self.task.has_failed()
        {
            self.fail(&error);
        }
    }

    fn fail(&self, error: &std::io::Error) {
        self.task.fail(format!("'{}' cannot be written: {error}", self.path.display()));
    }
}
