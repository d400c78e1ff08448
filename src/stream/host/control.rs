//! Requests to single actions, left in their slots.

use super::super::submit::MAX_FRAME;
use super::{Host, Live, Place, Sounding};
use crate::action::{ActionId, Command, When};
use crate::error::{Result, fail};
use crate::receipt::NONE;
use crate::request::{Control, SetGain, Turn};

impl Host {
    /// Tells the callback that requests were left for an action; for one that is still here they go with it.
    pub(super) fn request(&mut self, id: ActionId) {
        if let Some(live) = &mut self.live[id.slot() as usize] {
            live.requested = true;
            if live.place == Place::Sent {
                self.announce(id);
            }
        }
    }

    /// Tells the callback of the requests that were left for an action, if there are any.
    pub(super) fn announce(&mut self, id: ActionId) {
        let Some(Live { requested: true, thread, .. }) = self.live[id.slot() as usize] else { return };
        if self.shared.slot(id).announce() {
            self.ends[thread].send(Command::Control(id));
        }
    }

    /// An action that has not ended, and its sound, to be made to do `what`.
    fn sounding(&self, action: i64, what: &str) -> Result<(Live, Sounding)> {
        let live = self.not_ended(action)?;
        match live.sound {
            Some(sound) => Ok((live, sound)),
            None => fail!(Unsupported, "action {action} plays nothing that could {what}"),
        }
    }

    fn not_ended(&self, action: i64) -> Result<Live> {
        match self.find(action)? {
            (_, Some(live)) => Ok(live),
            _ => fail!(ActionEnded, "action {action} has ended already"),
        }
    }

    /// `live` with the start that the callback has taken since.
    pub(super) fn renewed(&self, live: Live) -> Live {
        match self.shared.slot(live.id).new_start() {
            Some(when) => Live { asked: live.asked.at(when), ..live },
            None => live,
        }
    }

    /// Whether an action has started, as far as is known.
    pub fn has_started(&self, live: &Live) -> bool {
        live.place == Place::Sent && self.shared.slot(live.id).progress().start_frame != NONE
    }

    /// An action that can be asked for a turn.
    pub(super) fn turning(&self, action: i64, control: Control, turn: &Turn) -> Result<Live> {
        let what = match control {
            Control::Pause => "pause",
            Control::Seek => "seek",
            _ => "go on",
        };
        let (live, sound) = self.sounding(action, what)?;
        if !sound.can_stand {
            fail!(
                Unsupported,
                "action {action} ({:?}) plays what comes in live, which cannot {what}; a gain of -infinity mutes it",
                live.asked.kind
            );
        }
        if control == Control::Seek {
            check_position(action, &live, &sound, turn.position)?;
        }
        if turn.when == When::Now && !self.has_started(&live) {
            fail!(InvalidState, "action {action} has not started, so it cannot {what} now");
        }
        Ok(live)
    }

    /// A turn with its place in the order of all.
    pub(super) fn numbered(&mut self, turn: Turn) -> Turn {
        self.turn += 1;
        Turn { serial: self.turn, ..turn }
    }

    /// Asks an action to stand still, to go on, or to go on elsewhere.
    pub fn turn(&mut self, action: i64, control: Control, turn: Turn) -> Result<()> {
        let live = self.turning(action, control, &turn)?;
        let turn = self.numbered(turn);
        self.shared.slot(live.id).request_turn(control, turn);
        self.request(live.id);
        Ok(())
    }

    /// Asks for another start of an action.
    pub fn reschedule(&mut self, action: i64, when: When) -> Result<()> {
        let live = self.not_ended(action)?;
        if self.has_started(&live) {
            let frame = self.shared.slot(live.id).progress().start_frame;
            fail!(InvalidState, "action {action} has started, at frame {frame}");
        }
        match live.place {
            Place::Sent => {
                self.shared.slot(live.id).request_start(when);
                self.request(live.id);
            }
            Place::Waiting | Place::Batch(_) => self.start_otherwise(live, when),
        }
        Ok(())
    }

    /// Gives an action that is still here another start; one that waits for another action is sent.
    fn start_otherwise(&mut self, live: Live, when: When) {
        self.live[live.id.slot() as usize] = Some(Live { asked: live.asked.at(when), ..live });
        let batched = self.batches.values_mut().flatten();
        if let Some(action) = batched.into_iter().find(|action| action.id == live.id) {
            action.start = when.into();
        } else if let Some(mut action) = self.take_waiting(&live) {
            action.start = when.into();
            self.dispatch(vec![action]);
        }
    }

    /// Asks for another gain of an action.
    pub fn set_gain(&mut self, action: i64, gain: SetGain, allow_clip: bool) -> Result<()> {
        let (live, sound) = self.sounding(action, "have a gain")?;
        let Some(loudest) = sound.loudest else {
            fail!(Unsupported, "action {action} plays on trigger lines only, which have no gain");
        };
        let peak = loudest.peak * gain.gain;
        if peak > loudest.ceiling && !allow_clip {
            fail!(
                WouldClip,
                "action {action}: peak {} times gain {} is {peak}, above the ceiling of {}; lower the gain, or set \
                 allow_clip to let the output guard limit it",
                loudest.peak,
                gain.gain,
                loudest.ceiling
            );
        }
        self.shared.slot(live.id).request_gain(gain);
        self.request(live.id);
        Ok(())
    }
}

/// Fails unless a sound can go to `position`.
fn check_position(action: i64, live: &Live, sound: &Sounding, position: i64) -> Result<()> {
    let Some(frames) = sound.seekable else {
        fail!(Unsupported, "action {action} ({:?}) cannot seek: only buffers and files can", live.asked.kind);
    };
    if !(0..frames.min(MAX_FRAME)).contains(&position) {
        fail!(InvalidArgument, "position_frame {position}: the sound of action {action} has {frames} frames");
    }
    Ok(())
}
