//! What the host, the callback and the worker of one file share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::Thread;

use super::playing::Reading;

/// The state of a worker.
#[derive(Debug, Default)]
pub struct FileTask {
    /// What it reads; `None` if it writes.
    reading: Option<Arc<Reading>>,
    worker: OnceLock<Thread>,
    stopped: AtomicBool,
    done: AtomicBool,
    failed: AtomicBool,
    failure: Mutex<String>,
}

impl FileTask {
    /// A worker that has not begun, and reads a file.
    pub fn reading(reading: Arc<Reading>) -> Self {
        Self { reading: Some(reading), ..Self::default() }
    }

    /// What it reads.
    pub fn reads(&self) -> Option<&Arc<Reading>> {
        self.reading.as_ref()
    }

    /// Whether the receipt waits for the worker: that of a recording waits until its file is complete.
    pub fn completes(&self) -> bool {
        self.reading.is_none()
    }

    /// Says who is to be woken when the worker is to stop.
    pub fn set_worker(&self, worker: Thread) {
        let _ = self.worker.set(worker);
    }

    /// Says that nothing more comes, or is needed.
    pub fn stop(&self) {
        // Release: whoever sees it sees all that was recorded.
        self.stopped.store(true, Ordering::Release);
        if let Some(worker) = self.worker.get() {
            worker.unpark();
        }
    }

    /// Whether nothing more comes, or is needed.
    pub fn is_stopped(&self) -> bool {
        // Acquire pairs with the Release in `stop`.
        self.stopped.load(Ordering::Acquire)
    }

    /// Says that the worker is over.
    pub fn finish(&self) {
        // Release: whoever sees it sees what failed.
        self.done.store(true, Ordering::Release);
    }

    /// Whether the worker is over: the file of a recording is complete, or will never be.
    pub fn is_done(&self) -> bool {
        // Acquire pairs with the Release in `finish`.
        self.done.load(Ordering::Acquire)
    }

    /// Says why the file cannot be read or written further.
    pub fn fail(&self, why: String) {
        *self.failure.lock().unwrap_or_else(|e| e.into_inner()) = why;
        // Release: whoever sees the flag sees the reason.
        self.failed.store(true, Ordering::Release);
    }

    /// Whether the file cannot be read or written further. Realtime-safe.
    pub fn has_failed(&self) -> bool {
        // Acquire pairs with the Release in `fail`.
        self.failed.load(Ordering::Acquire)
    }

    /// Why; empty if it can.
    pub fn failure(&self) -> String {
        self.failure.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }
}
