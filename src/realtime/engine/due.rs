//! Requests for a time of the host's clock, turned into frames when they come due.

use std::sync::atomic::Ordering::Relaxed;

use super::Engine;
use crate::action::{HostClock, HostTime, Start, When};
use crate::realtime::work::Step;
use crate::receipt::{NONE, Outcome};
use crate::request::{Cancels, SetGain};

/// Requests for a host time are decided on 1/100 s before the block in which they are due: a fit that wavers
/// from block to block then makes nothing late, and errs by nanoseconds in that time.
const DECISIONS_PER_S: i64 = 100;

/// A frame that is further off will not come: a clock fit that is wild tells it, or a time that is.
const FARTHEST: i64 = 1 << 60;

impl Engine {
    /// Turns host times into frames for all that is due in this block of `frames`, or soon after. While no
    /// stamps tell the time, it waits.
    pub(super) fn decide_due(&mut self, frames: i64) {
        let end = self.block + frames + self.sample_rate_hz as i64 / DECISIONS_PER_S;
        let horizon = match (self.mixer.is_some(), self.input_channels > 0) {
            (true, true) => self.playback.host_ns(end).max(self.capture.host_ns(end)),
            (true, false) => self.playback.host_ns(end),
            _ => self.capture.host_ns(end),
        };
        if horizon != NONE {
            // Relaxed: a reading of a clock, which orders nothing.
            let offset = self.shared.realtime_offset_ns.load(Relaxed);
            self.decide_starts(horizon, offset);
            self.decide_controls(horizon, offset);
            self.decide_cancels(horizon, offset);
            self.decide_gain(horizon, offset);
        }
        let waiting = self.timed.waiting(HostClock::Realtime)
            + self.timed_cancels.waiting(HostClock::Realtime)
            + self.timed_controls.waiting(HostClock::Realtime)
            + self.timed_gain.is_some() as usize;
        self.thread().realtime_waiting.store(waiting as u64, Relaxed);
    }

    pub(super) fn decide_starts(&mut self, horizon: i64, offset: i64) {
        while self.timed.is_due(horizon, offset) && self.work.take(Step::Move) {
            let Some((_, slot)) = self.timed.take_due(horizon, offset) else { return };
            if self.is_over(slot) {
                continue;
            }
            let Some(action) = &self.tracks[slot as usize].action else { continue };
            let Start::AtHostTime(time) = action.start else { continue };
            match self.frame_at(action.work.plays(), time, offset) {
                Some(frame) => self.place(slot, frame),
                // Only one half's stamps are lost: the other's say that it is due.
                None => self.condemn(slot, Outcome::DroppedLate, self.now),
            }
            self.end_all();
        }
    }

    pub(super) fn decide_cancels(&mut self, horizon: i64, offset: i64) {
        while self.timed_cancels.is_due(horizon, offset) && self.work.take(Step::Move) {
            let Some((clock, slot)) = self.timed_cancels.take_due(horizon, offset) else { return };
            if self.is_over(slot) {
                continue;
            }
            let track = &self.tracks[slot as usize];
            let (Some(action), Some(cancels)) = (&track.action, track.cancels) else { continue };
            let Some((time, fade_frames)) = cancels.at_host_times().find(|(time, _)| time.clock == clock)
            else {
                continue;
            };
            // Without stamps of its own half the action ends as soon as that can be done.
            let frame = self.frame_at(action.work.plays(), time, offset);
            let cancel = Cancels::default().with(frame.map_or(When::Now, When::Frame), fade_frames);
            let fades = track.fades();
            if let Some(cancel) = cancel.earliest(self.now, fades) {
                self.cancel(slot, cancel, Outcome::Stopped);
            }
            self.end_all();
        }
    }

    pub(super) fn decide_gain(&mut self, horizon: i64, offset: i64) {
        let Some((time, SetGain { gain, ramp_frames, .. })) = self.timed_gain else { return };
        let ns = if time.clock == HostClock::Realtime { time.ns.saturating_sub(offset) } else { time.ns };
        if ns < horizon {
            let frame = self.playback.frame_at(ns).unwrap_or(self.now);
            self.gain.set(self.now, frame.max(self.now), gain, ramp_frames);
            self.timed_gain = None;
        }
    }

    /// The frame of a half that is at the converter at `time`, if that can be told.
    pub(super) fn frame_at(&self, plays: bool, time: HostTime, offset: i64) -> Option<i64> {
        let ns = match time.clock {
            HostClock::Monotonic => time.ns,
            HostClock::Realtime => time.ns.saturating_sub(offset),
        };
        self.half(plays).frame_at(ns).map(|frame| frame.clamp(-FARTHEST, FARTHEST))
    }
}
