//! Actions that start after others.

use super::Engine;
use crate::action::{ActionId, AfterPolicy, Start};
use crate::realtime::track::{NO_SLOT, Phase};
use crate::realtime::work::Step;
use crate::receipt::{NONE, Outcome};

impl Engine {
    /// Makes the action in `slot` a follower of `predecessor`.
    pub(super) fn wait_for(&mut self, slot: u32, predecessor: ActionId) {
        let before = &self.tracks[predecessor.slot() as usize];
        if before.action.as_ref().is_some_and(|action| action.id == predecessor) {
            let anchor = before.leads_to();
            if before.phase != Phase::Ending {
                self.link(slot, predecessor.slot());
            }
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
        if self.is_swept(slot) {
            return;
        }
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
        self.tell_followers(slot);
        self.lead();
    }

    /// Notes that all followers of `slot` are to be told anew where they start.
    pub(super) fn tell_followers(&mut self, slot: u32) {
        let track = &mut self.tracks[slot as usize];
        track.next_led = track.first_follower;
        if track.next_led != NO_SLOT && !track.leads {
            track.leads = true;
            self.leaders.push_back(slot);
        }
    }

    /// Tells followers where they start, as far as the bounds of the chunk go: one of each predecessor in turn, so
    /// that none with many holds up one with few.
    pub(super) fn lead(&mut self) {
        while !self.leaders.is_empty() {
            if !self.work.take(Step::Move) {
                return;
            }
            let Some(leader) = self.leaders.pop_front() else { return };
            let follower = self.tracks[leader as usize].next_led;
            if follower != NO_SLOT {
                self.tracks[leader as usize].next_led = self.tracks[follower as usize].next_follower;
                self.lead_one(leader, follower);
            }
            let track = &mut self.tracks[leader as usize];
            if track.next_led != NO_SLOT {
                self.leaders.push_back(leader);
            } else {
                track.leads = false;
                self.ending.extend(track.held.take());
            }
        }
    }

    fn lead_one(&mut self, leader: u32, follower: u32) {
        let anchor = self.tracks[leader as usize].leads_to();
        let phase = self.tracks[follower as usize].phase;
        if self.tracks[leader as usize].phase == Phase::Ending {
            let is_stale = self.is_stale(follower);
            self.unlink(follower);
            if phase == Phase::Scheduled && !is_stale {
                return;
            }
        }
        match anchor {
            Some((frame, completes)) => self.follow(follower, frame, completes),
            None if phase == Phase::Scheduled => self.wait(follower),
            None => {}
        }
    }

    /// Whether the action in `slot` has a start that its predecessor, which has told it nothing else yet, has made
    /// wrong.
    pub(super) fn is_stale(&self, slot: u32) -> bool {
        let track = &self.tracks[slot as usize];
        let (true, Some(action)) = (track.predecessor != NO_SLOT, &track.action) else { return false };
        let Start::After { offset, .. } = action.start else { return false };
        let from = self.tracks[track.predecessor as usize].leads_to();
        let start = |(end, _): (i64, bool)| end.saturating_add(offset).saturating_add(action.delay);
        from.map(start) != track.requested
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
        let leader = &mut self.tracks[predecessor as usize];
        if leader.next_led == slot {
            leader.next_led = next;
        }
        if previous == NO_SLOT {
            leader.first_follower = next;
        } else {
            self.tracks[previous as usize].next_follower = next;
        }
    }
}
