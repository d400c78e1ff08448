//! Pauses and seeks: sounds that stand still, go on, and go elsewhere.

use super::Engine;
use crate::action::{FileSeek, When};
use crate::realtime::envelope::{Fade, Rise};
use crate::realtime::schedule::Due;
use crate::realtime::track::Phase;
use crate::realtime::work::Step;
use crate::receipt::NONE;
use crate::request::{Control, Turn};

impl Engine {
    /// Takes a request for a turn; one of the same kind that has not begun is replaced.
    pub(super) fn take_turn(&mut self, slot: u32, control: Control, turn: Turn) {
        let (now, place) = (self.now, control.place(slot));
        self.timed_controls.remove(place);
        self.turns.remove(place);
        let track = &mut self.tracks[slot as usize];
        let (Some(action), Some(asked)) = (&track.action, track.turns.get_mut(control.turn())) else {
            return;
        };
        let sequence = action.id.sequence();
        let fade_frames = if action.fades() { turn.fade_frames } else { 0 };
        // The fade before the frame; that of a resume comes after it.
        let before = if control == Control::Resume { 0 } else { fade_frames };
        let frame = match turn.when {
            When::Now => now.saturating_add(before),
            When::Frame(frame) => frame.max(now),
            When::Host(time) => {
                *asked = Some(turn);
                return self.timed_controls.set(place, time, self.ns(before), sequence);
            }
        };
        *asked = Some(Turn { when: When::Frame(frame), fade_frames, ..turn });
        let begin = (frame - before).max(now);
        self.turns.set(place, Due { frame: begin, sequence: turn.serial });
    }

    /// Takes a request to go on elsewhere in a file.
    pub(super) fn take_file_seek(&mut self, seek: Box<FileSeek>) {
        let (id, turn) = (seek.id, seek.turn);
        let track = &mut self.tracks[id.slot() as usize];
        let begun = track.jump.map(|jump| jump.serial);
        let file = track.action.as_mut().filter(|action| action.id == id).and_then(|action| action.file());
        let replaced = match file {
            Some(file) => file.keep_seek(seek, begun),
            None => return self.queue.give_back(seek),
        };
        if let Some(replaced) = replaced {
            self.queue.give_back(replaced);
        }
        // With all else that is asked of the action, as if it had come in the mailbox.
        self.take_requests(id, Some(turn));
    }

    /// Takes the first turn that is due at the frame at hand. False if none is.
    pub(super) fn turn_first(&mut self) -> bool {
        let Some((_, place)) = self.turns.first().filter(|(due, _)| due.frame <= self.frame) else {
            return false;
        };
        if !self.work.take(Step::Turn) {
            return false;
        }
        self.now = self.frame;
        self.turns.remove(place);
        let (slot, control) = Control::at(place);
        match control {
            _ if self.is_over(slot) => {}
            Control::Pause => self.pause(slot),
            Control::Resume => self.go_on(slot),
            Control::Seek => self.seek(slot),
            Control::Jump => self.jump(slot),
            Control::Gain => {}
        }
        self.end_all();
        true
    }

    /// The frame, the fade and the serial of a turn that the action in `slot` was asked for.
    fn asked(&self, slot: u32, control: Control) -> Option<(i64, i64, u64)> {
        match *self.tracks[slot as usize].turns.get(control.turn())? {
            Some(Turn { when: When::Frame(frame), fade_frames, serial, .. }) => {
                Some((frame, fade_frames, serial))
            }
            _ => None,
        }
    }

    fn forget(&mut self, slot: u32, control: Control) {
        if let Some(asked) = self.tracks[slot as usize].turns.get_mut(control.turn()) {
            *asked = None;
        }
    }

    /// Begins the pause that the action in `slot` was asked for. Where there is nothing to pause yet, it may be
    /// by the frame of the pause.
    fn pause(&mut self, slot: u32) {
        let Some((frame, _, serial)) = self.asked(slot, Control::Pause) else { return };
        // It may come late because an earlier chunk had no room for it.
        let (now, frame) = (self.now, frame.max(self.now));
        let track = &mut self.tracks[slot as usize];
        let plays = track.phase == Phase::Active && track.voice.pause.is_none();
        if !plays && frame > now {
            return self.turns.set(Control::Pause.place(slot), Due { frame, sequence: serial });
        }
        let ends_before = frame >= track.last_frame();
        if let (Some(action), true, false) = (&track.action, plays, ends_before) {
            track.voice.pause = Some(Fade { begin: now, end: frame, level: 1.0 });
            track.pauses.frame = frame;
            self.shared.slot(action.id).publish_pauses(track.pauses, true);
            track.stop_as_kept(now);
            self.end_changed(slot);
        }
        self.forget(slot, Control::Pause);
    }

    /// Begins a pause whose fade would have begun by now, in what has just come to sound.
    pub(super) fn pause_at_last(&mut self, slot: u32) {
        if let Some((frame, fade_frames, _)) = self.asked(slot, Control::Pause)
            && frame > self.now
            && frame - fade_frames <= self.now
        {
            self.turns.remove(Control::Pause.place(slot));
            self.pause(slot);
        }
    }

    /// Lets the action in `slot` go on, at once or, if it fades still, when it has come to stand.
    fn go_on(&mut self, slot: u32) {
        let Some((_, fade_frames, serial)) = self.asked(slot, Control::Resume) else { return };
        let now = self.now;
        let track = &mut self.tracks[slot as usize];
        if let Some(pause) = track.voice.pause
            && pause.end > now
        {
            return self.turns.set(Control::Resume.place(slot), Due { frame: pause.end, sequence: serial });
        }
        let stands = track.voice.pause.is_some();
        if let (Some(action), Some(pause)) = (&track.action, track.voice.pause) {
            let stood = now - pause.end;
            let voice = &mut track.voice;
            voice.pause = None;
            voice.origin += stood;
            voice.end = action.end(voice.origin, voice.skip);
            voice.rise = Some(Rise { begin: now, frames: fade_frames });
            // A fall that leads to no jump was into a pause that it did not come to.
            voice.fall = voice.fall.filter(|_| track.jump.is_some());
            track.pauses.frames += stood;
            track.pauses.resumed_frame = now;
            self.shared.slot(action.id).publish_pauses(track.pauses, false);
            track.stop_as_kept(now);
            self.end_changed(slot);
        }
        self.forget(slot, Control::Resume);
        if stands {
            self.pause_at_last(slot);
        }
    }

    /// Begins the fade of the seek that the action in `slot` was asked for, after one that has begun already.
    fn seek(&mut self, slot: u32) {
        let Some((frame, fade_frames, serial)) = self.asked(slot, Control::Seek) else { return };
        let (now, place) = (self.now, Control::Seek.place(slot));
        let track = &mut self.tracks[slot as usize];
        let before = track.jump.map(|jump| jump.when);
        let begin = match before {
            Some(When::Frame(jump)) => jump.max(frame - fade_frames),
            _ if track.phase != Phase::Active => frame,
            _ => (frame - fade_frames).max(now),
        };
        if begin > now || before.is_some() {
            return self.turns.set(place, Due { frame: begin, sequence: serial });
        }
        let asked = track.turns.get_mut(Control::Seek.turn()).and_then(Option::take);
        let frame = frame.max(now);
        if let Some(asked) = asked
            && track.phase == Phase::Active
            && frame < track.last_frame()
        {
            track.jump = Some(Turn { when: When::Frame(frame), ..asked });
            track.voice.fall = Some(Fade { begin: now, end: frame, level: 1.0 });
            self.turns.set(Control::Jump.place(slot), Due { frame, sequence: serial });
        }
    }

    /// Begins the pause and the seek whose fades would have begun by now, in what has just come to sound: the one
    /// that was asked for first before the other.
    pub(super) fn turn_at_last(&mut self, slot: u32) {
        let serial = |control| self.asked(slot, control).map_or(u64::MAX, |(_, _, serial)| serial);
        if serial(Control::Seek) < serial(Control::Pause) {
            self.seek_at_last(slot);
            self.pause_at_last(slot);
        } else {
            self.pause_at_last(slot);
            self.seek_at_last(slot);
        }
    }

    /// Begins a seek whose fade would have begun by now, in what has just come to sound.
    fn seek_at_last(&mut self, slot: u32) {
        if let Some((frame, fade_frames, _)) = self.asked(slot, Control::Seek)
            && frame > self.now
            && frame - fade_frames <= self.now
        {
            self.turns.remove(Control::Seek.place(slot));
            self.seek(slot);
        }
    }

    /// Lets the action in `slot` go on with another frame of its sound. A pause that it does not reach any more is
    /// none.
    fn jump(&mut self, slot: u32) {
        let now = self.now;
        let track = &mut self.tracks[slot as usize];
        let (Some(action), Some(jump)) = (&mut track.action, track.jump.take()) else { return };
        let elsewhere = action.file().and_then(|file| file.go_elsewhere(jump.serial));
        if let Some(seek) = elsewhere {
            self.queue.give_back(seek);
            track.forget_break();
        }
        let (Some(action), voice) = (&track.action, &mut track.voice) else { return };
        let stood = voice.pause.map_or(now, |pause| pause.end.min(now));
        (voice.origin, voice.skip) = (stood - jump.position, 0);
        voice.end = action.end(voice.origin, 0);
        voice.fall = None;
        if jump.fade_frames > 0 {
            voice.rise = Some(Rise { begin: now, frames: jump.fade_frames });
        }
        if voice.pause.is_some_and(|pause| pause.end > now && pause.end >= voice.end) {
            voice.pause = None;
            track.pauses.frame = NONE;
            self.shared.slot(action.id).publish_pauses(track.pauses, false);
        }
        track.seek_frame = now;
        self.shared.slot(action.id).publish_seek(now);
        track.stop_as_kept(now);
        self.end_changed(slot);
    }
}
