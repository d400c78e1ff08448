//! Actions that start after others.

use super::Engine;
use crate::action::{ActionId, AfterPolicy, Start};
use crate::realtime::track::{NO_SLOT, Phase};
use crate::receipt::{NONE, Outcome};

impl Engine {
    /// Makes the action in `slot` a follower of `predecessor`.
    pub(super) fn wait_for(&mut self, slot: u32, predecessor: ActionId) {
        let before = &self.tracks[predecessor.slot() as usize];
        if before.action.as_ref().is_some_and(|action| action.id == predecessor) {
            let anchor = before.known_anchor().filter(|_| before.phase == Phase::Active);
            self.link(slot, predecessor.slot());
            if let Some((frame, completes)) = anchor {
                self.follow(slot, frame, completes);
            }
        } else {
            match before.ended.filter(|ended| ended.id == predecessor) {
                Some(ended) => self.follow(slot, ended.end_frame, ended.completed),
                None => self.condemn(slot, Outcome::Predecessor, self.now),
            }
        }
    }

    /// Lets the action in `slot` follow a predecessor whose anchor is `end`.
    pub(super) fn follow(&mut self, slot: u32, end: i64, completes: bool) {
        let track = &self.tracks[slot as usize];
        let Some(action) = &track.action else { return };
        if !matches!(track.phase, Phase::Waiting | Phase::Scheduled) {
            return;
        }
        let Start::After { offset, .. } = action.start else { return };
        if completes || action.after == AfterPolicy::AnyEnd {
            let requested = end.saturating_add(offset).saturating_add(action.delay);
            self.place(slot, requested);
        } else {
            self.condemn(slot, Outcome::Predecessor, end);
        }
    }

    /// Tells the followers of the active action in `slot` where it ends now.
    pub(super) fn end_changed(&mut self, slot: u32) {
        let track = &self.tracks[slot as usize];
        let end = if track.detects() { NONE } else { track.last_frame() };
        if let Some(action) = &track.action {
            self.shared.slot(action.id).publish_end(if end == i64::MAX { NONE } else { end });
        }
        self.lead_followers(slot);
    }

    /// Lets the followers of the active action in `slot` follow, or wait if it is not known from where.
    pub(super) fn lead_followers(&mut self, slot: u32) {
        let track = &self.tracks[slot as usize];
        let (anchor, mut follower) = (track.known_anchor(), track.first_follower);
        while follower != NO_SLOT {
            match anchor {
                Some((frame, completes)) => self.follow(follower, frame, completes),
                None if self.tracks[follower as usize].phase == Phase::Scheduled => self.wait(follower),
                None => {}
            }
            follower = self.tracks[follower as usize].next_follower;
        }
    }

    /// Lets go of the followers of `slot`, which has ended at `end`.
    pub(super) fn release_followers(&mut self, slot: u32, end: i64, completed: bool) {
        let mut follower = std::mem::replace(&mut self.tracks[slot as usize].first_follower, NO_SLOT);
        while follower != NO_SLOT {
            let track = &mut self.tracks[follower as usize];
            let next = std::mem::replace(&mut track.next_follower, NO_SLOT);
            track.previous_follower = NO_SLOT;
            track.predecessor = NO_SLOT;
            if track.phase == Phase::Waiting {
                self.follow(follower, end, completed);
            }
            follower = next;
        }
    }

    pub(super) fn link(&mut self, slot: u32, predecessor: u32) {
        let next = std::mem::replace(&mut self.tracks[predecessor as usize].first_follower, slot);
        if next != NO_SLOT {
            self.tracks[next as usize].previous_follower = slot;
        }
        let track = &mut self.tracks[slot as usize];
        track.next_follower = next;
        track.previous_follower = NO_SLOT;
        track.predecessor = predecessor;
    }

    /// Takes `slot` out of the followers of its predecessor, if it has one.
    pub(super) fn unlink(&mut self, slot: u32) {
        let track = &mut self.tracks[slot as usize];
        let predecessor = std::mem::replace(&mut track.predecessor, NO_SLOT);
        if predecessor == NO_SLOT {
            return;
        }
        let next = std::mem::replace(&mut track.next_follower, NO_SLOT);
        let previous = std::mem::replace(&mut track.previous_follower, NO_SLOT);
        if next != NO_SLOT {
            self.tracks[next as usize].previous_follower = previous;
        }
        if previous == NO_SLOT {
            self.tracks[predecessor as usize].first_follower = next;
        } else {
            self.tracks[previous as usize].next_follower = next;
        }
    }
}
