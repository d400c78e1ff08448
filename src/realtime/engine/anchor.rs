//! Where the frame numbers of a capture half of its own begin.

use super::Engine;
use crate::action::Start;
use crate::realtime::block::BlockTime;
use crate::shared::Position;

impl Engine {
    /// Gives the capture half the frame number that the playback half has at the same moment, once a start;
    /// what was due before that is late. False while the playback half has not begun, or lies behind what was counted
    /// already.
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
        self.anchored_at = frame;
        true
    }

    /// The frame that the action in `slot` was to start at. Where it was "now", and frames have been left out since,
    /// that is the first that came.
    pub(super) fn requested_anew(&self, slot: u32) -> Option<i64> {
        let track = &self.tracks[slot as usize];
        match &track.action {
            Some(action) if action.start == Start::Now => {
                let first = self.anchored_at.saturating_add(action.delay + action.later);
                Some(track.requested.map_or(first, |requested| requested.max(first)))
            }
            _ => track.requested,
        }
    }
}
