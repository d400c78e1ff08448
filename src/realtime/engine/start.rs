//! From a command to an action that sounds, records or listens.

use std::sync::atomic::Ordering::Relaxed;

use super::Engine;
use super::end::xruns;
use super::rings::settle;
use crate::action::{Action, Start, When, Work};
use crate::realtime::mix::CHUNK_FRAMES;
use crate::realtime::record;
use crate::realtime::schedule::Due;
use crate::realtime::track::{NO_SLOT, Phase, Snapshot, Track};
use crate::realtime::work::Step;
use crate::receipt::{NONE, Outcome};
use crate::request::Cancel;

impl Engine {
    pub(super) fn begin(&mut self, action: Box<Action>) {
        let (id, start, issue) = (action.id, action.start, action.issue);
        let (delay, later) = (action.delay, action.later);
        let slot = id.slot();
        self.slots_used = self.slots_used.max(slot + 1);
        self.detectors += action.detects() as u64;
        self.rings += action.uses_ring() as u64;
        self.tracks[slot as usize].begin(action);
        self.let_hear(slot);
        if self.comes_swept(slot, issue) {
            return self.end_all();
        }
        match start {
            Start::Now => self.place(slot, self.now + delay + later),
            Start::AtFrame(frame) => self.place(slot, frame.saturating_add(delay)),
            Start::AtHostTime(time) => self.timed.set(slot, time, 0, id.sequence()),
            Start::After { predecessor, .. } => self.wait_for(slot, predecessor),
        }
        self.end_all();
    }

    /// The first frame that the action in `slot` can still have.
    fn earliest(&self, slot: u32) -> i64 {
        match (&self.tracks[slot as usize].action, self.history.oldest(self.frame)) {
            (Some(action), oldest) if oldest < self.frame && action.work.records_input() => oldest,
            _ => self.now,
        }
    }

    /// Puts the start of the action in `slot` into the schedule, or drops it.
    pub(super) fn place(&mut self, slot: u32, requested: i64) {
        if self.is_swept(slot) {
            return;
        }
        let earliest = self.earliest(slot);
        let track = &mut self.tracks[slot as usize];
        track.requested = Some(requested);
        if track.action.as_ref().is_some_and(|action| action.stops_by(requested)) {
            track.late = 0;
            return self.condemn(slot, Outcome::StopBeforeStart, self.now);
        }
        track.late = (earliest - requested).max(0);
        let Some(course) = track.course(requested, earliest) else {
            return self.condemn(slot, Outcome::DroppedLate, self.now);
        };
        if let Some(Cancel { frame: Some(frame), .. }) = track.cancel
            && frame <= course.start
        {
            return self.condemn(slot, Outcome::Cancelled, frame);
        }
        track.voice = course;
        track.phase = Phase::Scheduled;
        self.set_due(slot, course.start);
    }

    pub(super) fn set_due(&mut self, slot: u32, frame: i64) {
        let sequence = self.tracks[slot as usize].action.as_ref().map_or(0, |action| action.id.sequence());
        self.schedule.set(slot, Due { frame, sequence });
    }

    /// Works off what earlier chunks had no room for, starts what is due in the next chunk, and gives its end: on the absolute grid, at `end`, at a turn, and,
    /// while there are detectors or rings, where something else is due, so that what they find or how they end
    /// comes in its place among it.
    pub(super) fn begin_chunk(&mut self, end: i64) -> i64 {
        self.now = self.frame;
        self.work.renew(self.frame);
        self.work_off();
        while self.turn_first() || self.start_first(self.frame + 1) {}
        let mut chunk_end = chunk_end(self.frame).min(end);
        // What has to wait for the next chunk of the grid was due before this one.
        if let Some((due, _)) = self.turns.first().filter(|(due, _)| due.frame > self.frame) {
            chunk_end = chunk_end.min(due.frame);
        }
        if self.detectors + self.rings > 0
            && let Some((due, _)) = self.schedule.first().filter(|(due, _)| due.frame > self.frame)
        {
            chunk_end = chunk_end.min(due.frame);
        }
        self.start_before(chunk_end);
        chunk_end
    }

    /// Starts everything that is due before `end`, and what follows rings that run out before it.
    pub(super) fn start_before(&mut self, end: i64) {
        self.start_due(end);
        while self.rings > 0 && self.look_at_rings(end) {
            self.start_due(end);
        }
    }

    /// Starts everything that is due before `end`, in order.
    pub(super) fn start_due(&mut self, end: i64) {
        while self.start_first(end) {}
    }

    /// Ends what was swept, and what ends with that, as far as the bounds of the chunk go.
    pub(super) fn work_off(&mut self) {
        self.look_for_swept();
        self.end_all();
    }

    /// Starts what is due first, if that is before `end` and the chunk has room for a start.
    fn start_first(&mut self, end: i64) -> bool {
        let Some((due, slot)) = self.schedule.first().filter(|(due, _)| due.frame < end) else {
            return false;
        };
        // What was swept takes no start from others.
        let is_swept = self.would_be_swept(slot);
        if !self.work.take(if is_swept { Step::Visit } else { Step::Start }) {
            return false;
        }
        self.now = due.frame.max(self.frame);
        self.schedule.remove(slot);
        if is_swept {
            self.is_swept(slot);
        } else if self.tracks[slot as usize].phase == Phase::Waiting {
            self.condemn(slot, Outcome::Cancelled, due.frame);
        } else {
            self.start(slot);
        }
        self.end_all();
        true
    }

    /// Starts the action in `slot`, which is due; or gives it another place if its predecessor has moved. Where
    /// earlier chunks had no room for it, it is late.
    fn start(&mut self, slot: u32) {
        let track = &self.tracks[slot as usize];
        let (start, predecessor) = (track.voice.start, track.predecessor);
        if predecessor != NO_SLOT && self.tracks[predecessor as usize].leads && self.is_stale(slot) {
            match self.tracks[predecessor as usize].leads_to() {
                Some((frame, completes)) => self.follow(slot, frame, completes),
                None => self.wait(slot),
            }
        } else if start >= self.earliest(slot) {
            self.activate(slot);
        } else {
            if let Some(requested) = self.requested_anew(slot) {
                self.place(slot, requested);
            }
            let track = &self.tracks[slot as usize];
            if track.phase == Phase::Scheduled && track.voice.start <= self.now {
                self.schedule.remove(slot);
                self.activate(slot);
            }
        }
    }

    /// Starts an action that has not started at another time.
    pub(super) fn reschedule(&mut self, slot: u32, when: When) {
        if !matches!(self.tracks[slot as usize].phase, Phase::Waiting | Phase::Scheduled) {
            return;
        }
        self.unlink(slot);
        self.timed.remove(slot);
        self.wait(slot);
        let Some(action) = &mut self.tracks[slot as usize].action else { return };
        action.later = 0;
        action.start = when.into();
        self.shared.slot(action.id).publish_new_start(when);
        let (id, delay) = (action.id, action.delay);
        match when {
            When::Now => self.place(slot, self.now + delay),
            When::Frame(frame) => self.place(slot, frame.saturating_add(delay)),
            When::Host(time) => self.timed.set(slot, time, 0, id.sequence()),
        }
        self.end_all();
    }

    /// Lets the action in `slot` wait for a start that is not known, or not any more.
    pub(super) fn wait(&mut self, slot: u32) {
        let track = &mut self.tracks[slot as usize];
        (track.phase, track.requested, track.late) = (Phase::Waiting, None, 0);
        match track.cancel {
            Some(Cancel { frame: Some(frame), .. }) => self.set_due(slot, frame),
            _ => self.schedule.remove(slot),
        }
    }

    pub(super) fn activate(&mut self, slot: u32) {
        let counters = self.shared.counters.clipped.load(Relaxed);
        let nonfinite = self.shared.counters.nonfinite.load(Relaxed);
        self.unlink(slot);
        self.begin_monitor(slot);
        let track = &mut self.tracks[slot as usize];
        let Some(action) = &track.action else { return };
        let (id, start) = (action.id, track.voice.start);
        let plays = action.work.plays();
        track.phase = Phase::Active;
        track.started = true;
        settle(track, self.frame);
        track.stop_as_kept(start);
        let half = if plays { &self.playback } else { &self.capture };
        // What starts among frames that come too late has its part in their xrun.
        let is_late = plays && start < self.late_until;
        track.snapshot = Snapshot {
            xruns: xruns(&self.shared, plays).saturating_sub(is_late as u64),
            discontinuities: half.discontinuities(),
            clipped: counters,
            nonfinite,
        };
        track.start_host_ns = half.host_ns(start);
        track.uncertainty_ns = half.uncertainty_ns();
        let slot_state = self.shared.slot(id);
        match track.detects() {
            true => slot_state.publish_listening(start, track.start_host_ns, track.uncertainty_ns),
            false => slot_state.publish_start(start, track.start_host_ns, track.uncertainty_ns, NONE),
        }
        slot_state.publish_missing(track.missing);
        self.insert(slot);
        self.recall(slot);
        self.end_changed(slot);
        self.turn_at_last(slot);
    }

    /// Gives a recording that started in the past the input of that time, at once: as much work as copying
    /// the history.
    pub(super) fn recall(&mut self, slot: u32) {
        let track = &mut self.tracks[slot as usize];
        let past = track.voice.start..track.last_frame().min(self.frame);
        let Some(action) = &mut track.action else { return };
        if let Work::Record(record) = &mut action.work
            && past.start < past.end
        {
            let mut frame = past.start;
            self.work.recall((past.end - past.start).saturating_mul(record.sink.channels() as i64));
            self.history.recall(past.clone(), |input, channels, range| {
                let frames = range.len() as i64;
                let done = record::append(record, &mut track.seen, input, channels, range) as i64;
                track.done += done;
                track.missing.note_some(frame + done, frames - done);
                frame += frames;
            });
            self.shared.counters.nonfinite.fetch_add(track.seen.nonfinite, Relaxed);
            self.shared.slot(action.id).publish_done(track.done, track.missing);
        }
    }

    /// Adds `slot` to what sounds or records: what sounds by start frame and sequence, nearly always at the end.
    pub(super) fn insert(&mut self, slot: u32) {
        let key = |tracks: &[Track], slot: u32| {
            let track = &tracks[slot as usize];
            (track.voice.start, track.action.as_ref().map_or(0, |action| action.id.sequence()))
        };
        let list = match self.tracks[slot as usize].action.as_deref() {
            Some(Action { work: Work::Play(_), .. }) => &mut self.playing,
            Some(Action { work: Work::Record(record), .. }) if record.output => &mut self.copying,
            // One that starts in the past would have to pass all that have started since.
            _ => return self.recording.push(slot),
        };
        let own = key(&self.tracks, slot);
        let after = list.iter().rposition(|&other| key(&self.tracks, other) < own);
        list.insert(after.map_or(0, |place| place + 1), slot);
    }
}

/// The end of the chunk that holds `frame`, on the absolute grid.
fn chunk_end(frame: i64) -> i64 {
    let chunk = CHUNK_FRAMES as i64;
    (frame.div_euclid(chunk) + 1) * chunk
}
