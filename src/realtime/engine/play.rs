//! What becomes the output of a chunk.

use std::sync::atomic::Ordering::Relaxed;

use super::Engine;
use crate::action::{Play, Work};
use crate::realtime::block::{Input, MAX_CHANNELS, Output};
use crate::realtime::source::Source;
use crate::realtime::{master, record};

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
            if let Work::Play(Play { source: Source::Ring(ring), .. }) = &action.work
                && stands <= from
            {
                ring.stands();
            }
            if let Work::Play(play) = &mut action.work
                && from < to
            {
                let handed = mixer.add(play, &track.voice, &mut track.gain, self.frame, from, to);
                let ring_missing = to - from - handed;
                let (first_silent, silent) = play.source.silent();
                track.done += handed - silent;
                track.missing.note_some(from + handed, ring_missing);
                track.missing.note_some(first_silent, silent);
                if let Source::Ring(ring) = &mut play.source {
                    ring.made(to, ring_missing);
                }
                let slot = self.shared.slot(action.id);
                slot.publish_done(track.done, track.missing);
                if let Source::Input(monitor) = &play.source
                    && let Some(latency_ns) = monitor.latency_ns()
                {
                    track.monitor_latency_ns = latency_ns;
                    slot.publish_monitor_latency(latency_ns);
                }
            }
        }
        let at = (self.frame - self.block) as usize;
        let guarded = master::finish(mixer.sums(frames), &self.lines, &mut self.gain, self.frame, output, at);
        self.shared.counters.clipped.fetch_add(guarded.clipped, Relaxed);
        self.shared.counters.nonfinite.fetch_add(guarded.nonfinite, Relaxed);
        if let Some(dither) = &mut self.dither {
            dither.add(output, &self.lines, self.frame, at, frames);
        }
        if !self.copying.is_empty() {
            as_input(output, |sent| self.copy_chunk(sent, chunk_end));
        }
    }

    /// Hands what is sent of the chunk to what records it.
    fn copy_chunk(&mut self, sent: &Input<'_>, chunk_end: i64) {
        for &slot in &self.copying {
            let track = &mut self.tracks[slot as usize];
            let (from, to) = (track.next_frame().max(self.frame), track.last_frame().min(chunk_end));
            let Some(action) = &mut track.action else { continue };
            if let Work::Record(record) = &mut action.work
                && from < to
            {
                let range = (from - self.block) as usize..(to - self.block) as usize;
                let done = record::append(record, &mut track.seen, sent, self.lines.len(), range) as i64;
                track.done += done;
                track.missing.note_some(from + done, to - from - done);
                self.shared.slot(action.id).publish_done(track.done, track.missing);
            }
        }
    }
}

/// Gives `read` the samples of the block that are written so far.
fn as_input(output: &Output<'_, '_>, read: impl FnOnce(&Input<'_>)) {
    match output {
        Output::None => read(&Input::None),
        Output::Interleaved(samples) => read(&Input::Interleaved(samples)),
        Output::Planar(planes) => {
            let mut rows: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
            rows.iter_mut().zip(planes.iter()).for_each(|(row, plane)| *row = plane);
            read(&Input::Planar(&rows[..planes.len().min(MAX_CHANNELS)]));
        }
    }
}
