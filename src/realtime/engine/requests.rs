//! What the host asks for: commands, cancels, and what concerns the stream as a whole.

use super::Engine;
use crate::action::{Command, When};
use crate::queue::COMMANDS_PER_CALLBACK;
use crate::realtime::track::Phase;
use crate::receipt::Outcome;
use crate::request::{Cancel, SetGain, Sweep};

impl Engine {
    pub(super) fn take_commands(&mut self) {
        let mut left = COMMANDS_PER_CALLBACK;
        while let Some(command) = self.queue.peek() {
            let needed = match command {
                Command::Batch { count } => *count as usize,
                _ => 1,
            };
            if needed > left {
                break;
            }
            match self.queue.take() {
                Some(Command::Start(action)) => self.begin(action),
                Some(Command::Control(id)) => self.control(id),
                Some(Command::Seek(seek)) => self.take_file_seek(seek),
                Some(Command::Batch { .. }) | None => continue,
            }
            left -= 1;
        }
    }

    /// Takes what concerns the stream as a whole, after the commands: what was issued before a sweep is here.
    pub(super) fn take_stream_requests(&mut self) {
        if let Some(words) = self.thread().gain.take() {
            self.set_gain(SetGain::from_words(words));
        }
        if let Some(words) = self.thread().cancel_all.take() {
            self.sweep(Outcome::Cancelled, Sweep::from_words(words));
        }
        if let Some(words) = self.thread().stop_all.take() {
            self.sweep(Outcome::StreamStopped, Sweep::from_words(words));
            // Release: whoever sees the count sees what the sweep did.
            self.thread().stops_taken.fetch_add(1, std::sync::atomic::Ordering::Release);
        }
    }

    pub(super) fn set_gain(&mut self, request: SetGain) {
        let SetGain { when, gain, ramp_frames } = request;
        self.timed_gain = None;
        self.gain.forget_next(self.now);
        match when {
            When::Now => self.gain.set(self.now, self.now, gain, ramp_frames),
            When::Frame(frame) => self.gain.set(self.now, frame.max(self.now), gain, ramp_frames),
            When::Host(time) => self.timed_gain = Some((time, request)),
        }
    }

    /// Ends the action in `slot` as `cancel` says; one that has not started will not.
    pub(super) fn cancel(&mut self, slot: u32, cancel: Cancel, stopped_as: Outcome) {
        let now = self.now;
        let track = &mut self.tracks[slot as usize];
        let frame = cancel.frame.unwrap_or(now).max(now);
        match track.phase {
            Phase::Idle | Phase::Ending => {}
            Phase::Active => {
                if track.stop(cancel, now) {
                    track.stopped_as = stopped_as;
                    self.end_changed(slot);
                } else {
                    // A pause may still put its own end off.
                    let frame = Some(track.stop_of(cancel, now));
                    track.keep_cancel(Cancel { frame, ..cancel });
                }
            }
            Phase::Scheduled if frame > track.voice.start && cancel.frame.is_some() => {
                track.keep_cancel(cancel);
            }
            Phase::Waiting if frame > now && cancel.frame.is_some() => {
                if track.keep_cancel(cancel) {
                    self.set_due(slot, frame);
                }
            }
            Phase::Scheduled | Phase::Waiting => {
                let outcome = if stopped_as == Outcome::Stopped { Outcome::Cancelled } else { stopped_as };
                self.condemn(slot, outcome, frame);
            }
        }
    }
}
