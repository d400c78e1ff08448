//! What becomes of the input of a chunk.

use std::sync::atomic::Ordering::Relaxed;

use super::{Engine, Heard};
use crate::action::Work;
use crate::realtime::block::{Input, Output};
use crate::realtime::detect::Found;
use crate::realtime::record;
use crate::realtime::track::Phase;

impl Engine {
    /// Hears the input of the chunk before the output overwrites it, if they lie in the same memory.
    pub(super) fn hear_chunk(&mut self, input: &Heard<'_>, output: &Output<'_, '_>, chunk_end: i64) {
        let overlap = match input {
            Heard::Apart(input) => return self.capture_chunk(input, chunk_end),
            Heard::InPlace(overlap) => overlap,
        };
        let range = (self.frame - self.block) as usize..(chunk_end - self.block) as usize;
        let samples = range.len() * self.input_channels;
        let mut copied = std::mem::take(&mut self.copied);
        overlap.copy(output, self.input_channels, range, &mut copied[..samples]);
        self.heard = self.frame;
        self.capture_chunk(&Input::Interleaved(&copied[..samples]), chunk_end);
        self.copied = copied;
    }

    /// Hands the input of the chunk to what records and listens. What follows a detector may begin in the same
    /// chunk, and then has its part of it.
    pub(super) fn capture_chunk(&mut self, input: &Input<'_>, chunk_end: i64) {
        self.feed_monitors(input, chunk_end);
        self.capture_actions(input, chunk_end);
        let range = (self.frame - self.heard) as usize..(chunk_end - self.heard) as usize;
        self.history.keep(input, range, self.frame);
    }

    pub(super) fn capture_actions(&mut self, input: &Input<'_>, chunk_end: i64) {
        loop {
            let mut found = false;
            for index in 0..self.recording.len() {
                while self.capture(self.recording[index], input, chunk_end) {
                    found = true;
                }
            }
            if !found {
                return;
            }
            self.end_all();
            self.start_before(chunk_end);
        }
    }

    /// Hands what is left of the chunk to the action in `slot`. True if a detector found something or is over;
    /// there may be more for it then.
    pub(super) fn capture(&mut self, slot: u32, input: &Input<'_>, chunk_end: i64) -> bool {
        let track = &mut self.tracks[slot as usize];
        let from = track.next_frame().max(self.frame);
        let to = track.last_frame().min(chunk_end);
        let Some(action) = &mut track.action else { return false };
        if track.phase != Phase::Active || from >= to {
            return false;
        }
        let before = track.seen.nonfinite;
        let range = (from - self.heard) as usize..(to - self.heard) as usize;
        let (done, found) = match &mut action.work {
            Work::Record(record) => {
                let done = record::append(record, &mut track.seen, input, self.input_channels, range) as i64;
                track.missing.note_some(from + done, to - from - done);
                (done, None)
            }
            Work::Detect(detect) => {
                let heard = detect.detector.listen(&mut track.seen, input, self.input_channels, range, from);
                track.detection.reason = detect.detector.reason();
                self.shared.slot(action.id).publish_reason(track.detection.reason);
                heard
            }
            Work::Play(_) => return false,
        };
        self.shared.counters.nonfinite.fetch_add(track.seen.nonfinite - before, Relaxed);
        track.done += done;
        self.shared.slot(action.id).publish_done(track.done, track.missing);
        track.detects() && self.heard(slot, from + done, found)
    }

    /// Sees to what a detector found by `frame`, the frame after the last one it has heard. True if it found
    /// something or is over.
    pub(super) fn heard(&mut self, slot: u32, frame: i64, found: Option<Found>) -> bool {
        let over = self.tracks[slot as usize].last_frame() <= frame;
        if found.is_none() && !over {
            return false;
        }
        // What a frame tells can be followed from the next one on, however the blocks are divided.
        self.now = frame;
        match found {
            Some(Found::Onset(onset)) => self.found_onset(slot, onset),
            Some(Found::End(end)) => {
                let end_host_ns = self.input_host_ns(end);
                let track = &mut self.tracks[slot as usize];
                track.detection.end_frame = end;
                track.detection.end_host_ns = end_host_ns;
                track.voice.end = frame;
                track.voice.fade = None;
            }
            None => {}
        }
        let track = &self.tracks[slot as usize];
        if track.last_frame() <= frame {
            self.end(slot, track.outcome(), frame);
        }
        true
    }

    pub(super) fn found_onset(&mut self, slot: u32, onset: i64) {
        let host_ns = self.input_host_ns(onset);
        let track = &mut self.tracks[slot as usize];
        track.detection.frame = onset;
        track.detection.host_ns = host_ns;
        if let Some(action) = &track.action {
            self.shared.slot(action.id).publish_detected(onset, host_ns);
        }
        self.lead_followers(slot);
        self.end_all();
    }

    /// The time of an input frame near the block at hand.
    pub(super) fn input_host_ns(&self, frame: i64) -> i64 {
        self.capture.host_ns(frame)
    }
}
