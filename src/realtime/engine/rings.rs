//! How far rings reach: the end of what plays a finished one, and of what is to end when one runs dry or
//! full.

use super::Engine;
use crate::action::{Play, Record, Work};
use crate::realtime::record::Sink;
use crate::realtime::source::Source;
use crate::realtime::track::Track;
use crate::receipt::{NONE, Outcome};

impl Engine {
    /// Looks at the rings of all that plays and records before frame `end`, at most one chunk away. True if
    /// that settled the end of something, which others may follow.
    pub(super) fn look_at_rings(&mut self, end: i64) -> bool {
        let mut any = false;
        for index in 0..self.playing.len() {
            any |= self.look_at_ring(self.playing[index], end);
        }
        for index in 0..self.recording.len() {
            any |= self.look_at_ring(self.recording[index], end);
        }
        for index in 0..self.copying.len() {
            any |= self.look_at_ring(self.copying[index], end);
        }
        any
    }

    /// Looks at the ring of the action in `slot`, if it has one. True if that settled its end.
    fn look_at_ring(&mut self, slot: u32, end: i64) -> bool {
        let track = &mut self.tracks[slot as usize];
        let fades = track.voice.pause.is_some();
        let Some(known) = settle(track, end) else { return false };
        let never_stands = fades && track.voice.pause.is_none();
        if let Some(action) = &track.action {
            let slot = self.shared.slot(action.id);
            slot.publish_missing(track.missing);
            if never_stands {
                slot.publish_pauses(track.pauses, false);
            }
        }
        self.now = known.max(self.frame);
        self.end_changed(slot);
        if never_stands {
            self.pause_at_last(slot);
        }
        self.end_all();
        true
    }
}

/// Ends `track` where its ring does, if that is known of the frames before `end` and new. Gives the frame from
/// which on others can follow that: a finished ring is known to be so at once, one that has run out only where
/// it does.
pub(super) fn settle(track: &mut Track, end: i64) -> Option<i64> {
    let reach = reach(track, end).filter(|reach| reach.end < track.last_frame())?;
    // What stands still goes on before it ends; what ends while it fades towards a pause never stands.
    if track.voice.pause.is_some_and(|pause| reach.end > pause.end || reach.known >= pause.end) {
        return None;
    }
    if reach.ends_as == Outcome::Completed {
        if let Some(pause) = track.voice.pause.take() {
            track.voice.fall = Some(pause);
            track.pauses.frame = NONE;
        }
        track.end_at(reach.end);
    } else if !track.cut_at(reach.end, reach.ends_as) {
        return None;
    }
    Some(reach.known)
}

/// Where a ring ends an action.
struct Reach {
    end: i64,
    ends_as: Outcome,
    /// The frame from which on others can follow that.
    known: i64,
}

/// Where the ring of `track` ends it, if that is known of the frames before `end`.
fn reach(track: &Track, end: i64) -> Option<Reach> {
    let from = track.next_frame();
    match &track.action.as_ref()?.work {
        Work::Play(Play { source: Source::Ring(ring), .. }) => {
            let (frames, finished) = ring.available(track.voice.skip);
            let dry = from + frames;
            if finished {
                let broken = ring.is_broken();
                let ends_as = if broken { Outcome::FileError } else { Outcome::Completed };
                return Some(Reach { end: dry, ends_as, known: from });
            }
            let ends = ring.ends_when_dry() && dry < end;
            ends.then_some(Reach { end: dry, ends_as: Outcome::Underflow, known: dry })
        }
        Work::Record(Record { sink: Sink::Ring { writer, ends_when_full: true }, .. }) => {
            let full = from + writer.vacant_frames() as i64;
            (full < end).then_some(Reach { end: full, ends_as: Outcome::Overflow, known: full })
        }
        _ => None,
    }
}
