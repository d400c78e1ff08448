//! What becomes the output of a chunk.

use std::sync::atomic::Ordering::Relaxed;

use super::Engine;
use crate::action::Work;
use crate::realtime::block::Output;
use crate::realtime::master;

impl Engine {
    pub(super) fn play_chunk(&mut self, output: &mut Output<'_, '_>, chunk_end: i64) {
        let Some(mixer) = &mut self.mixer else { return };
        let frames = (chunk_end - self.frame) as usize;
        mixer.clear(frames);
        for &slot in &self.playing {
            let track = &mut self.tracks[slot as usize];
            let from = track.voice.start.max(self.frame);
            let stands = track.voice.pause.map_or(i64::MAX, |pause| pause.end);
            let to = track.last_frame().min(stands).min(chunk_end);
            let Some(action) = &mut track.action else { continue };
            if let Work::Play(play) = &mut action.work
                && from < to
            {
                mixer.add(play, &track.voice, &mut track.gain, self.frame, from, to);
                track.done += to - from;
                self.shared.slot(action.id).publish_done(track.done);
            }
        }
        let at = (self.frame - self.block) as usize;
        let guarded = master::finish(mixer.sums(frames), &self.lines, &mut self.gain, self.frame, output, at);
        self.shared.counters.clipped.fetch_add(guarded.clipped, Relaxed);
        self.shared.counters.nonfinite.fetch_add(guarded.nonfinite, Relaxed);
    }
}
