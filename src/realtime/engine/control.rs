//! What is asked of single actions: to end, and to sound otherwise.

use super::Engine;
use crate::action::{ActionId, When};
use crate::realtime::work::Step;
use crate::receipt::{GainChange, Outcome};
use crate::request::{Cancels, Control, SetGain, Turn};

/// No fade is decided on further ahead than this.
const MAX_FADE_FRAMES: i64 = 1 << 40;

impl Engine {
    /// Takes all that is asked of an action.
    pub(super) fn control(&mut self, id: ActionId) {
        let slot = id.slot();
        if self.tracks[slot as usize].action.as_ref().is_none_or(|action| action.id != id) {
            return;
        }
        self.shared.slot(id).hear();
        self.take_requests(id, None);
    }

    /// Takes what is in the mailbox of an action, and with it a seek that came another way.
    pub(super) fn take_requests(&mut self, id: ActionId, file_seek: Option<Turn>) {
        let slot = id.slot();
        // What is over has its report to wait for, and nothing more to do.
        if self.is_over(slot) {
            return self.end_all();
        }
        let requests = self.shared.slot(id);
        let (start, gain, cancels) = (requests.take_start(), requests.take_gain(), requests.take_cancels());
        let turns = Control::TURNS.map(|control| (control, requests.take_turn(control)));
        if let Some(when) = start {
            self.reschedule(slot, when);
        }
        if let Some(gain) = gain {
            self.set_action_gain(slot, gain);
        }
        for (control, turn) in turns.into_iter().chain([(Control::Seek, file_seek)]) {
            if let Some(turn) = turn {
                self.take_turn(slot, control, turn);
            }
        }
        if let Some(cancels) = cancels {
            self.take_cancels(id, cancels);
        }
    }

    fn take_cancels(&mut self, id: ActionId, cancels: Cancels) {
        let track = &mut self.tracks[id.slot() as usize];
        track.cancels = Some(cancels);
        let fades = track.fades();
        for (time, fade_frames) in cancels.at_host_times() {
            self.timed_cancels.set(id.slot(), time, self.ns(fade_frames), id.sequence());
        }
        if let Some(cancel) = cancels.earliest(self.now, fades) {
            self.cancel(id.slot(), cancel, Outcome::Stopped);
            self.end_all();
        }
    }

    /// How much earlier than its end a fade of `frames` is decided on: it begins that much earlier.
    pub(super) fn ns(&self, frames: i64) -> i64 {
        let ns = frames.min(MAX_FADE_FRAMES) as i128 * 1_000_000_000 / self.sample_rate_hz.max(1) as i128;
        ns as i64
    }

    fn set_action_gain(&mut self, slot: u32, request: SetGain) {
        let now = self.now;
        let place = Control::Gain.place(slot);
        self.timed_controls.remove(place);
        let track = &mut self.tracks[slot as usize];
        let Some(action) = &track.action else { return };
        track.gain.forget_next(now);
        let begin = match request.when {
            When::Now => now,
            When::Frame(frame) => frame.max(now),
            When::Host(time) => {
                track.timed_gain = Some(request);
                return self.timed_controls.set(place, time, 0, action.id.sequence());
            }
        };
        track.gain.set(now, begin, request.gain, request.ramp_frames);
        track.gain_change = GainChange { frame: begin, gain: request.gain };
        self.shared.slot(action.id).publish_gain(track.gain_change);
    }

    /// Does, in frames, what waited for a host time that is due.
    pub(super) fn decide_controls(&mut self, horizon: i64, offset: i64) {
        while self.timed_controls.is_due(horizon, offset) && self.work.take(Step::Move) {
            let Some((_, place)) = self.timed_controls.take_due(horizon, offset) else { return };
            let (slot, control) = Control::at(place);
            if self.is_over(slot) {
                continue;
            }
            let when = |time| match time {
                // Without stamps of its own half it is done as soon as it can be.
                When::Host(time) => self.frame_at(true, time, offset).map_or(When::Now, When::Frame),
                other => other,
            };
            let track = &self.tracks[slot as usize];
            match control {
                Control::Gain => {
                    if let Some(gain) = track.timed_gain.map(|gain| SetGain { when: when(gain.when), ..gain })
                    {
                        self.set_action_gain(slot, gain);
                    }
                }
                Control::Pause | Control::Resume | Control::Seek | Control::Jump => {
                    let turn = track.turns.get(control.turn()).copied().flatten();
                    if let Some(turn) = turn.map(|turn| Turn { when: when(turn.when), ..turn }) {
                        self.take_turn(slot, control, turn);
                    }
                }
            }
        }
    }

    /// Forgets what the action in `slot` was still to do.
    pub(super) fn drop_controls(&mut self, slot: u32) {
        for control in Control::ALL {
            self.timed_controls.remove(control.place(slot));
            self.turns.remove(control.place(slot));
        }
    }
}
