//! Requests to single actions, left in their slots.

use super::{Host, Live, Place, Sounding};
use crate::action::{ActionId, Command};
use crate::error::{Result, fail};
use crate::request::SetGain;

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
