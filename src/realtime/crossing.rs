//! Where input crosses from a capture callback to a playback callback of its own: the last second of it, in a
//! ring that one thread writes and any number of monitors read at places of their own.

use super::block::Input;
use crate::memory::Ranges;
use crate::sync::{AtomicI64, AtomicU32, Ordering, fence};

/// Most samples of a ring, all channels together.
const MAX_SAMPLES: usize = 1 << 22;

/// The last input frames.
#[derive(Debug)]
pub struct Crossing {
    /// Frames × channels; a power of two of frames.
    samples: Box<[AtomicU32]>,
    channels: usize,
    frames: i64,
    /// The first frame of those that follow one another without a gap.
    first: AtomicI64,
    /// The frame after the newest one.
    end: AtomicI64,
    /// The frame after the newest one that may be half written.
    writing: AtomicI64,
    /// Monitors that want to hear it.
    listeners: AtomicU32,
}

impl Crossing {
    /// Adds what it holds.
    pub fn add_memory(&self, ranges: &mut Ranges) {
        ranges.add(self);
        ranges.add(&self.samples[..]);
    }

    /// For so many channels at a rate; without channels it holds nothing.
    pub fn new(channels: usize, sample_rate_hz: u32) -> Self {
        let second = (sample_rate_hz as usize).next_power_of_two();
        let most = MAX_SAMPLES.checked_div(channels).map_or(0, |most| 1 << most.max(1).ilog2());
        let frames = second.min(most);
        Self {
            samples: (0..frames * channels).map(|_| AtomicU32::new(0)).collect(),
            channels,
            frames: frames as i64,
            first: AtomicI64::new(0),
            end: AtomicI64::new(0),
            writing: AtomicI64::new(0),
            listeners: AtomicU32::new(0),
        }
    }

    /// How far back a monitor may listen, so that the writer is never near: half of what is kept.
    pub fn longest_delay(&self) -> i64 {
        self.frames / 2
    }

    /// One monitor more. Host.
    pub fn listen(&self) {
        // Relaxed: the writer may learn of it a block later.
        self.listeners.fetch_add(1, Ordering::Relaxed);
    }

    /// One monitor less. Host.
    pub fn leave(&self) {
        // Relaxed: as above.
        self.listeners.fetch_sub(1, Ordering::Relaxed);
    }

    /// Writes a block that begins at `frame`, if anybody listens. Gives the number of samples that were not
    /// finite, which become silence. The capture callback.
    pub fn write(&self, input: &Input<'_>, frames: usize, frame: i64) -> u64 {
        // Relaxed: see `listen`; the other words are this thread's own.
        if self.listeners.load(Ordering::Relaxed) == 0 || self.frames == 0 {
            return 0;
        }
        let end = frame + frames as i64;
        if self.end.load(Ordering::Relaxed) != frame {
            self.first.store(frame, Ordering::Relaxed);
        }
        self.writing.store(end, Ordering::Relaxed);
        // Release fence: who reads a sample written below, and then looks, sees how far the writer was.
        fence(Ordering::Release);
        let mut nonfinite = 0;
        for n in 0..frames {
            let place = (frame + n as i64).rem_euclid(self.frames) as usize * self.channels;
            for channel in 0..self.channels {
                let sample = match input {
                    Input::Interleaved(samples) => samples[n * self.channels + channel],
                    Input::Planar(planes) => planes[channel][n],
                    Input::None => 0.0,
                };
                nonfinite += !sample.is_finite() as u64;
                let kept = if sample.is_finite() { sample } else { 0.0 };
                self.samples[place + channel].store(kept.to_bits(), Ordering::Relaxed);
            }
        }
        // Release: who sees the end sees the samples before it.
        self.end.store(end, Ordering::Release);
        nonfinite
    }

    /// The frames that can be read now. A playback callback.
    pub fn readable(&self) -> std::ops::Range<i64> {
        // Acquire pairs with the Release in `write`.
        let end = self.end.load(Ordering::Acquire);
        self.first.load(Ordering::Relaxed).max(end - self.frames + 1)..end
    }

    /// A sample. The frame must have been readable; it may be overwritten meanwhile, which `is_kept` tells.
    pub fn sample(&self, frame: i64, channel: usize) -> f32 {
        let place = frame.rem_euclid(self.frames) as usize * self.channels + channel;
        // Relaxed: one word, whose age `is_kept` decides on.
        f32::from_bits(self.samples[place].load(Ordering::Relaxed))
    }

    /// Whether all that was read from `frame` on was still there.
    pub fn is_kept(&self, frame: i64) -> bool {
        // Acquire fence: pairs with the Release fence in `write`, so that an overwritten sample that was read
        // shows in the word below.
        fence(Ordering::Acquire);
        self.writing.load(Ordering::Relaxed) - frame <= self.frames
    }
}
