//! The end of everything that was issued: what sounds is told at once, what has not started is only marked, and its
//! receipts are worked off from slot to slot over the chunks that follow.

use super::Engine;
use crate::realtime::track::Phase;
use crate::realtime::work::Step;
use crate::receipt::Outcome;
use crate::request::{Cancel, Sweep};

/// Sweeps that can be told apart while their receipts are written. Of more, the last two count as one.
const MARKS: usize = 16;

/// What one sweep has ended.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// Actions with smaller issue numbers, if they have not started.
    before: u64,
    /// How they end.
    outcome: Outcome,
    /// Where.
    frame: i64,
}

/// The sweeps so far, and how far their receipts are written.
#[derive(Debug)]
pub struct Sweeps {
    /// In the order in which they came: each is of more actions than the one before it.
    marks: [Option<Mark>; MARKS],
    len: usize,
    /// The slot that is looked at next, how many are to be, and how many there are.
    next: u32,
    left: u32,
    slots: u32,
}

impl Default for Sweeps {
    fn default() -> Self {
        Self { marks: [None; MARKS], len: 0, next: 0, left: 0, slots: 0 }
    }
}

impl Sweeps {
    fn newest(&self) -> u64 {
        self.marks[..self.len].last().copied().flatten().map_or(0, |mark| mark.before)
    }

    fn add(&mut self, mark: Mark, slots: u32) {
        if mark.before <= self.newest() {
            return;
        }
        if self.left == 0 {
            // All that older ones have ended is reported, but for what is in the queue, which the last two tell of.
            let kept = self.len.saturating_sub(2);
            self.marks.copy_within(kept..self.len, 0);
            self.len -= kept;
        }
        self.len = (self.len + 1).min(MARKS);
        self.marks[self.len - 1] = Some(mark);
        (self.left, self.slots) = (slots, slots);
    }

    /// The first sweep of an action with this number.
    fn of(&self, issue: u64) -> Option<Mark> {
        if issue >= self.newest() {
            return None;
        }
        self.marks[..self.len].iter().flatten().find(|mark| issue < mark.before).copied()
    }
}

impl Engine {
    /// Cancels everything issued before a number, what is still in the queue too.
    pub(super) fn sweep(&mut self, outcome: Outcome, sweep: Sweep) {
        let mark = Mark { before: sweep.before_issue, outcome, frame: self.now };
        self.sweeps.add(mark, self.slots_used);
        let stopped_as = if outcome == Outcome::Cancelled { Outcome::Stopped } else { outcome };
        let cancel = Cancel { frame: None, fade_frames: sweep.fade_frames };
        for list in 0..3 {
            for index in 0..self.active(list).len() {
                let slot = self.active(list)[index];
                let track = &self.tracks[slot as usize];
                let issue = track.action.as_ref().map_or(u64::MAX, |action| action.issue);
                if track.phase == Phase::Active && issue < sweep.before_issue {
                    self.cancel(slot, cancel, stopped_as);
                }
            }
        }
        self.look_for_swept();
        self.end_all();
    }

    fn active(&self, list: usize) -> &[u32] {
        [&self.playing, &self.recording, &self.copying][list]
    }

    /// Ends the action in `slot` if it has not started and a sweep was of it. It must not get a start any more, so
    /// everything asks here before it gives it one.
    pub(super) fn is_swept(&mut self, slot: u32) -> bool {
        let Some(mark) = self.mark_of(slot) else { return false };
        self.condemn(slot, mark.outcome, mark.frame);
        true
    }

    /// Whether [`Self::is_swept`] would end the action in `slot`.
    pub(super) fn would_be_swept(&self, slot: u32) -> bool {
        self.mark_of(slot).is_some()
    }

    fn mark_of(&self, slot: u32) -> Option<Mark> {
        let track = &self.tracks[slot as usize];
        match (track.phase, &track.action) {
            (Phase::Waiting | Phase::Scheduled, Some(action)) => self.sweeps.of(action.issue),
            _ => None,
        }
    }

    /// Whether the action in `slot` is over, or has just been found to be by [`Self::is_swept`]: nothing that it was
    /// asked for counts any more.
    pub(super) fn is_over(&mut self, slot: u32) -> bool {
        self.is_swept(slot) || matches!(self.tracks[slot as usize].phase, Phase::Idle | Phase::Ending)
    }

    /// As [`Self::is_swept`] for one that has just been taken from the queue: it ends now.
    pub(super) fn comes_swept(&mut self, slot: u32, issue: u64) -> bool {
        let Some(mark) = self.sweeps.of(issue) else { return false };
        self.condemn(slot, mark.outcome, self.now);
        true
    }

    /// Goes on from slot to slot, once around for each sweep, and ends what was swept.
    pub(super) fn look_for_swept(&mut self) {
        while self.sweeps.left > 0 && self.work.take(Step::Visit) {
            let slot = self.sweeps.next % self.sweeps.slots;
            self.sweeps.next = slot + 1;
            self.sweeps.left -= 1;
            self.is_swept(slot);
        }
    }
}
