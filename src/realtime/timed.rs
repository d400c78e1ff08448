//! What waits for a time of the host: it stays in that time until it is nearly due, so that a clock that
//! drifts, or is set, moves no start but those that are due then.

use super::schedule::{Due, Schedule};
use crate::action::{HostClock, HostTime};
use crate::memory::Ranges;

/// A heap for each clock, keyed by host time.
pub struct Timed {
    clocks: [Schedule; 2],
}

fn index(clock: HostClock) -> usize {
    match clock {
        HostClock::Monotonic => 0,
        HostClock::Realtime => 1,
    }
}

impl Timed {
    /// Room for one time of each clock for each of `slots`.
    pub fn new(slots: usize) -> Self {
        Self { clocks: [Schedule::new(slots), Schedule::new(slots)] }
    }

    /// Adds what it holds.
    pub fn add_memory(&self, ranges: &mut Ranges) {
        self.clocks.iter().for_each(|heap| heap.add_memory(ranges));
    }

    /// Lets `slot` wait for a time. `early_ns` before it, it is due.
    pub fn set(&mut self, slot: u32, time: HostTime, early_ns: i64, sequence: u64) {
        self.clocks[index(time.clock)].set(slot, Due { frame: time.ns.saturating_sub(early_ns), sequence });
    }

    /// Takes `slot` out; nothing happens if it is not in.
    pub fn remove(&mut self, slot: u32) {
        self.clocks.iter_mut().for_each(|heap| heap.remove(slot));
    }

    /// Whether a slot is due before a MONOTONIC time.
    pub fn is_due(&self, before_ns: i64, realtime_offset_ns: i64) -> bool {
        let ends = [before_ns, before_ns.saturating_add(realtime_offset_ns)];
        self.clocks.iter().zip(ends).any(|(heap, end)| heap.first().is_some_and(|(due, _)| due.frame < end))
    }

    /// Takes out a slot that is due before a MONOTONIC time, with the clock by which it is.
    pub fn take_due(&mut self, before_ns: i64, realtime_offset_ns: i64) -> Option<(HostClock, u32)> {
        let ends = [
            (HostClock::Monotonic, before_ns),
            (HostClock::Realtime, before_ns.saturating_add(realtime_offset_ns)),
        ];
        for (clock, end) in ends {
            let heap = &mut self.clocks[index(clock)];
            if let Some((due, slot)) = heap.first()
                && due.frame < end
            {
                heap.remove(slot);
                return Some((clock, slot));
            }
        }
        None
    }

    /// How many wait for a clock.
    pub fn waiting(&self, clock: HostClock) -> usize {
        self.clocks[index(clock)].len()
    }
}
