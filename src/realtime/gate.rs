//! The gate between the callback and the engine: whoever holds the engine has taken it out.

use crossbeam_utils::atomic::AtomicCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::block::{BlockTime, Input, Output};
use super::engine::Engine;

/// Holds the engine between callbacks. The callback takes it out, runs a block and puts it back, so the host
/// can never see half a block; a host that takes it out leaves the callback with silence.
pub struct Gate {
    engine: AtomicCell<Option<Box<Engine>>>,
    closed: AtomicBool,
    abandoned: AtomicBool,
}

impl Default for Gate {
    fn default() -> Self {
        const { assert!(AtomicCell::<Option<Box<Engine>>>::is_lock_free()) };
        Self {
            engine: AtomicCell::new(None),
            closed: AtomicBool::new(true),
            abandoned: AtomicBool::new(false),
        }
    }
}

impl Gate {
    /// Runs one block if the gate is open and the engine is in it; otherwise writes silence and returns false.
    pub fn process(&self, input: Input<'_>, mut output: Output<'_, '_>, time: BlockTime) -> bool {
        // Acquire pairs with the Release in `open`; a gate that closes after this line is seen next block.
        let closed = self.closed.load(Ordering::Acquire);
        match if closed { None } else { self.engine.take() } {
            Some(mut engine) => {
                engine.process(input, output, time);
                self.engine.store(Some(engine));
                true
            }
            None => {
                output.silence();
                false
            }
        }
    }

    /// Puts `engine` in and lets callbacks through.
    pub fn open(&self, engine: Box<Engine>) {
        self.engine.store(Some(engine));
        // Release: a callback that sees the gate open finds the engine.
        self.closed.store(false, Ordering::Release);
    }

    /// Lets no further callback through and takes the engine out, waiting at most `deadline` for a callback
    /// that is inside. `None` if it did not leave: the engine then stays with it, and is never freed, since
    /// the memory that a host lent to it may be gone by the time it comes back.
    pub fn close(&self, deadline: Duration) -> Option<Box<Engine>> {
        // Release: orders the closing before the takes below; a callback that missed it ends its block.
        self.closed.store(true, Ordering::Release);
        let end = Instant::now() + deadline;
        loop {
            if let Some(engine) = self.engine.take() {
                return Some(engine);
            }
            if Instant::now() >= end {
                // Relaxed: read again only when the gate is dropped, by whoever dropped it last.
                self.abandoned.store(true, Ordering::Relaxed);
                return None;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if *self.abandoned.get_mut() {
            std::mem::forget(self.engine.take());
        }
    }
}
