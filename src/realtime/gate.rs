//! The gate between the callback and the engine: whoever holds the engine has taken it out.
#![allow(unsafe_code)]

use std::ptr::null_mut;
use std::time::{Duration, Instant};

use super::block::{BlockTime, Input, Output, Overlap};
use super::engine::Engine;
use crate::sync::{AtomicBool, AtomicPtr, Ordering, pause};

// A pointer is sent whatever it points to.
static_assertions::assert_impl_all!(Engine: Send);

/// Holds the engine between callbacks. The callback takes it out, runs a block and puts it back, so the host
/// can never see half a block; a host that takes it out leaves the callback with silence.
pub struct Gate<T = Engine> {
    /// From a box, or null while somebody holds the engine.
    engine: AtomicPtr<T>,
    closed: AtomicBool,
    abandoned: AtomicBool,
}

impl<T> Default for Gate<T> {
    fn default() -> Self {
        Self {
            engine: AtomicPtr::new(null_mut()),
            closed: AtomicBool::new(true),
            abandoned: AtomicBool::new(false),
        }
    }
}

impl Gate {
    /// Runs one block if the gate is open and the engine is in it; otherwise writes silence and returns false.
    pub fn process(&self, input: Input<'_>, output: Output<'_, '_>, time: BlockTime) -> bool {
        self.enter(output, |engine, output| engine.process(input, output, time))
            .map_err(|mut output| output.silence())
            .is_ok()
    }

    /// The same with input that lies in the memory of the output.
    pub fn process_in_place(&self, input: Overlap<'_>, output: Output<'_, '_>, time: BlockTime) -> bool {
        self.enter(output, |engine, output| engine.process_in_place(input, output, time))
            .map_err(|mut output| output.silence())
            .is_ok()
    }
}

impl<T: Send> Gate<T> {
    /// Takes the engine out for as long as `run` lasts, if the gate is open and the engine is in it; otherwise gives
    /// `output` back. Realtime-safe.
    pub fn enter<O>(&self, output: O, run: impl FnOnce(&mut T, O)) -> Result<(), O> {
        // Acquire pairs with the Release in `open`; a gate that closes after this line is seen next block.
        let closed = self.closed.load(Ordering::Acquire);
        // Acquire: whoever takes the engine sees all that was done with it before.
        let engine = if closed { null_mut() } else { self.engine.swap(null_mut(), Ordering::Acquire) };
        // SAFETY: what is in the gate came from a box, and is nobody else's once it is taken out.
        let Some(held) = (unsafe { engine.as_mut() }) else {
            return Err(output);
        };
        // Should it ever panic, the engine stays out of the gate, as with a callback that does not return.
        run(held, output);
        // Release: whoever takes the engine next sees what was done with it.
        self.engine.store(engine, Ordering::Release);
        Ok(())
    }

    /// Puts `engine` in and lets callbacks through.
    pub fn open(&self, engine: Box<T>) {
        // Release: whoever takes the engine sees what it was made of. The gate is empty while it is closed.
        self.engine.store(Box::into_raw(engine), Ordering::Release);
        // Release: a callback that sees the gate open finds the engine.
        self.closed.store(false, Ordering::Release);
    }

    /// Lets no further callback through and takes the engine out, waiting at most `deadline` for a callback
    /// that is inside. `None` if it did not leave: the engine then stays with it, and is never freed, since
    /// the memory that a host lent to it may be gone by the time it comes back.
    pub fn close(&self, deadline: Duration) -> Option<Box<T>> {
        // Release: orders the closing before the takes below; a callback that missed it ends its block.
        self.closed.store(true, Ordering::Release);
        let end = Instant::now() + deadline;
        loop {
            if let Some(engine) = self.take() {
                return Some(engine);
            }
            if Instant::now() >= end {
                // Relaxed: read again only when the gate is dropped, by whoever dropped it last.
                self.abandoned.store(true, Ordering::Relaxed);
                return None;
            }
            pause();
        }
    }
}

impl<T> Gate<T> {
    fn take(&self) -> Option<Box<T>> {
        // Acquire: as in `enter`.
        let engine = self.engine.swap(null_mut(), Ordering::Acquire);
        // SAFETY: what is in the gate came from a box, and is nobody else's once it is taken out.
        (!engine.is_null()).then(|| unsafe { Box::from_raw(engine) })
    }
}

impl<T> Drop for Gate<T> {
    fn drop(&mut self) {
        let engine = self.take();
        // Relaxed: nobody else is left.
        if self.abandoned.load(Ordering::Relaxed) {
            std::mem::forget(engine);
        }
    }
}
