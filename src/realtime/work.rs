//! How much a callback does at once, whatever it was asked for.
//!
//! What sounds or records costs its part of each block; everything else is worked off within bounds for each chunk of
//! the absolute grid, so that how blocks are divided does not show. What is beyond a bound goes on in the next
//! chunk.

use super::mix::CHUNK_FRAMES;

/// Actions that start in one chunk. More are late, and their late policy decides.
pub const STARTS_PER_CHUNK: u32 = 1024;
/// Actions whose ends are reported in one chunk. Silent they are from their end on.
pub const ENDS_PER_CHUNK: u32 = 1024;
/// Starts that are put in their place in one chunk because another action ends, or a host time comes near, and other
/// requests for a host time that are decided on.
pub const MOVES_PER_CHUNK: u32 = 1024;
/// Pauses, resumes and the steps of seeks that begin in one chunk: an action has four at most.
pub const TURNS_PER_CHUNK: u32 = 4096;
/// Slots that are looked at in one chunk for what a sweep has cancelled. Nothing of it starts meanwhile.
pub const SWEPT_PER_CHUNK: u32 = 4096;
/// A recording that starts in the past counts as one start more for so many samples of its past.
const SAMPLES_PER_START: i64 = 4096;

/// Kinds of work that are bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An action starts, or something else that was due is seen to.
    Start,
    /// An end is reported.
    End,
    /// A start gets its place.
    Move,
    /// A pause, resume or seek begins.
    Turn,
    /// A slot is looked at after a sweep.
    Visit,
}

/// How many kinds there are.
pub const STEPS: usize = 5;

/// The bounds of a chunk, in the order of [`Step`].
pub const BOUNDS: [u32; STEPS] =
    [STARTS_PER_CHUNK, ENDS_PER_CHUNK, MOVES_PER_CHUNK, TURNS_PER_CHUNK, SWEPT_PER_CHUNK];

/// What may still be done in the chunk at hand.
#[derive(Debug)]
pub struct Work {
    bounds: [u32; STEPS],
    left: [u32; STEPS],
    /// Number of the chunk on the grid.
    chunk: i64,
    /// Whether nothing is bounded.
    lifted: bool,
    /// Steps of the callback at hand.
    done: [u64; STEPS],
}

impl Default for Work {
    fn default() -> Self {
        Self { bounds: BOUNDS, left: BOUNDS, chunk: i64::MIN, lifted: false, done: [0; STEPS] }
    }
}

impl Work {
    /// Begins a callback. One without frames has bounds of its own: it divides nothing.
    pub fn begin(&mut self, frame: i64, frames: usize) {
        self.done = [0; STEPS];
        if frames == 0 {
            self.refill(i64::MIN);
        } else {
            self.renew(frame);
        }
    }

    /// Comes to `frame`: a new chunk of the grid has its own bounds.
    pub fn renew(&mut self, frame: i64) {
        let chunk = frame.div_euclid(CHUNK_FRAMES as i64);
        if chunk != self.chunk {
            self.refill(chunk);
        }
    }

    fn refill(&mut self, chunk: i64) {
        self.chunk = chunk;
        self.left = if self.lifted { [u32::MAX; STEPS] } else { self.bounds };
    }

    /// Lifts the bounds, or puts them back. Host.
    pub fn lift(&mut self, lifted: bool) {
        self.lifted = lifted;
        self.refill(i64::MIN);
    }

    /// Replaces the bounds. Host.
    pub fn set_bounds(&mut self, bounds: [u32; STEPS]) {
        self.bounds = bounds;
        self.refill(i64::MIN);
    }

    /// Takes one step if one is left.
    pub fn take(&mut self, step: Step) -> bool {
        let left = &mut self.left[step as usize];
        if *left == 0 {
            return false;
        }
        *left -= 1;
        self.done[step as usize] += 1;
        true
    }

    /// Counts what the copying of so many samples of the past costs.
    pub fn recall(&mut self, samples: i64) {
        let left = &mut self.left[Step::Start as usize];
        *left = left.saturating_sub((samples / SAMPLES_PER_START).clamp(0, u32::MAX as i64) as u32);
    }

    /// Steps of the callback at hand.
    pub fn done(&self) -> [u64; STEPS] {
        self.done
    }
}
