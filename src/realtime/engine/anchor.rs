//! Where the frame numbers of a capture half of its own begin.

use super::Engine;
use crate::action::Start;
use crate::realtime::block::BlockTime;
use crate::realtime::track::Phase;
use crate::receipt::Outcome;
use crate::shared::Position;

impl Engine {
    /// Gives the capture half the frame number that the playback half has at the same moment, once a start.
    /// False while the playback half has not begun, or lies behind what was counted already.
    pub(super) fn anchor(&mut self, time: BlockTime) -> bool {
        let begun =
            |playback: &Position| playback.block_frames > 0 && playback.block_frame >= self.anchor_from;
        let Some(playback) = self.shared.playback.try_read().filter(begun) else {
            return false;
        };
        let apart = if playback.callback_ns > 0 && time.callback_ns > 0 {
            time.callback_ns.saturating_sub(playback.callback_ns) as f64 * self.sample_rate_hz as f64 * 1e-9
        } else {
            0.0
        };
        let frame = playback.block_frame.saturating_add((apart + 0.5).floor() as i64);
        if frame < self.frame {
            return false;
        }
        self.frame = frame;
        self.now = frame;
        self.anchored = true;
        self.replace_passed();
        true
    }

    /// Decides anew on what was scheduled for frames that have been left out.
    pub(super) fn replace_passed(&mut self) {
        while let Some((due, slot)) = self.schedule.first()
            && due.frame < self.now
        {
            self.schedule.remove(slot);
            match self.tracks[slot as usize].phase {
                Phase::Waiting => self.condemn(slot, Outcome::Cancelled, due.frame),
                _ => self.place(slot, self.requested_anew(slot)),
            }
            self.end_all();
        }
    }

    /// The frame asked for, where frames have been left out since: "now" is the first that came.
    fn requested_anew(&self, slot: u32) -> i64 {
        let track = &self.tracks[slot as usize];
        match &track.action {
            Some(action) if action.start == Start::Now => self.now + action.delay + action.later,
            _ => track.requested,
        }
    }
}
