//! Which process this is. A fork has copies of its parent's objects, but none of the threads that serve them, and
//! locks that one of those may have held: what a process has made is of use to it alone.
#![allow(unsafe_code)]

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

/// Forks between this process and the one that first asked to be counted.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// A process, among those that it was forked from and that are forked from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    forks: u32,
    /// The system's number for it.
    pub id: u32,
}

impl Process {
    /// This process. From now on its forks are told from it.
    pub fn current() -> Self {
        static COUNTED: Once = Once::new();
        COUNTED.call_once(count_forks);
        Self { forks: forks(), id: std::process::id() }
    }

    /// Whether this process is the one. Realtime-safe.
    pub fn is_current(self) -> bool {
        self.forks == forks()
    }
}

/// How many forks led to this process since counting began. Realtime-safe.
pub fn forks() -> u32 {
    // Relaxed: it changes only in a process that has one thread.
    FORKS.load(Ordering::Relaxed)
}

#[cfg(unix)]
fn count_forks() {
    extern "C" fn in_child() {
        // Relaxed: a new process has one thread.
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: the handler does what a signal handler may. If there is no memory for it, forks are not told apart.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
}

#[cfg(not(unix))]
fn count_forks() {}
