//! What the callback knows of the action in one slot.

use super::envelope::Fade;
use super::gain::Gain;
use super::mix::Voice;
use super::record::Seen;
use crate::action::{Action, ActionId, LatePolicy};
use crate::receipt::{Detection, GainChange, LatencySource, Missing, NONE, Outcome, Pauses};
use crate::request::{Cancel, Cancels, SetGain, TURNS, Turn};

/// Ends a linked list of slots.
pub const NO_SLOT: u32 = u32::MAX;

/// Where the action in a slot is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// There is none, or it has ended.
    #[default]
    Idle,
    /// Its start depends on the end of another one, which is not known yet.
    Waiting,
    /// Its start is in the schedule.
    Scheduled,
    /// It plays, records or listens.
    Active,
    /// It is over, and its report is about to be sent, or waits for its turn.
    Ending,
}

/// How the last action of a slot ended, for actions that were to follow it.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// The action.
    pub id: ActionId,
    /// The frame from which its followers count.
    pub end_frame: i64,
    /// Whether it did what they waited for.
    pub completed: bool,
}

/// An action that is over, as it was at its end: its report may come later.
#[derive(Clone, Copy, Debug)]
pub struct Over {
    /// Its slot.
    pub slot: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// The frame after its last one.
    pub frame: i64,
    /// Host time of that frame, or [`NONE`].
    pub host_ns: i64,
    /// Uncertainty of its host times, or [`NONE`].
    pub uncertainty_ns: i64,
    /// Where the latency in them comes from.
    pub latency_source: LatencySource,
    /// What was counted while it ran.
    pub counts: Snapshot,
}

/// Counts of the stream at the start of an action, or since then.
#[derive(Clone, Copy, Debug, Default)]
pub struct Snapshot {
    /// Xruns of the half.
    pub xruns: u64,
    /// Steps in the stamps of the half.
    pub discontinuities: u64,
    /// Samples limited by the guard.
    pub clipped: u64,
    /// Samples that were not finite.
    pub nonfinite: u64,
}

/// The callback's knowledge of one slot.
#[derive(Debug)]
pub struct Track {
    /// The action, from `Start` until its report.
    pub action: Option<Box<Action>>,
    /// Where it is.
    pub phase: Phase,
    /// Whether it has started.
    pub started: bool,
    /// Frame asked for, once known.
    pub requested: Option<i64>,
    /// How late it is.
    pub late: i64,
    /// First frame, frames left out, and end.
    pub voice: Voice,
    /// A request to end it that came before it started, or is for later than its end.
    pub cancel: Option<Cancel>,
    /// All requests to end it that came so far.
    pub cancels: Option<Cancels>,
    /// Its gain.
    pub gain: Gain,
    /// The last change of that.
    pub gain_change: GainChange,
    /// A change of it that waits for a host time.
    pub timed_gain: Option<SetGain>,
    /// The turns that it was asked for and has not taken.
    pub turns: [Option<Turn>; TURNS],
    /// Where it stood still.
    pub pauses: Pauses,
    /// A seek whose fade has begun.
    pub jump: Option<Turn>,
    /// Where it last went elsewhere in its sound, or [`NONE`].
    pub seek_frame: i64,
    /// What it is if it does not run to its own end.
    pub stopped_as: Outcome,
    /// Frames done.
    pub done: i64,
    /// Frames that were not there in time, or could not be kept.
    pub missing: Missing,
    /// From input to output of a monitor, or [`NONE`].
    pub monitor_latency_ns: i64,
    /// Host time of the first frame, or [`NONE`].
    pub start_host_ns: i64,
    /// Uncertainty of that time, or [`NONE`].
    pub uncertainty_ns: i64,
    /// Counts at its start.
    pub snapshot: Snapshot,
    /// What a recording held, or a detector heard.
    pub seen: Seen,
    /// What a detector found.
    pub detection: Detection,
    /// How the slot's last action ended.
    pub ended: Option<Ended>,
    /// Its end, while its followers are still to be told.
    pub held: Option<Over>,
    /// First of the actions that follow this one.
    pub first_follower: u32,
    /// Whether its followers are being told where it ends.
    pub leads: bool,
    /// The follower that is told next.
    pub next_led: u32,
    /// Its neighbours among the followers of its predecessor.
    pub next_follower: u32,
    /// As above.
    pub previous_follower: u32,
    /// Slot of its predecessor.
    pub predecessor: u32,
}

impl Default for Track {
    fn default() -> Self {
        Self {
            action: None,
            phase: Phase::Idle,
            started: false,
            requested: None,
            late: 0,
            voice: Voice::new(NONE, 0, NONE),
            cancel: None,
            cancels: None,
            gain: Gain::default(),
            gain_change: GainChange::default(),
            timed_gain: None,
            turns: [None; TURNS],
            pauses: Pauses::default(),
            jump: None,
            seek_frame: NONE,
            stopped_as: Outcome::Stopped,
            done: 0,
            missing: Missing::default(),
            monitor_latency_ns: NONE,
            start_host_ns: NONE,
            uncertainty_ns: NONE,
            snapshot: Snapshot::default(),
            seen: Seen::default(),
            detection: Detection::default(),
            ended: None,
            held: None,
            first_follower: NO_SLOT,
            leads: false,
            next_led: NO_SLOT,
            next_follower: NO_SLOT,
            previous_follower: NO_SLOT,
            predecessor: NO_SLOT,
        }
    }
}

impl Track {
    /// Takes `action` in. Actions that follow the slot's last one were taken before.
    pub fn begin(&mut self, action: Box<Action>) {
        *self = Self { action: Some(action), phase: Phase::Waiting, ..Self::default() };
    }

    /// Its course if it was to start at `requested` and can from `now` on; `None` if it is dropped.
    pub fn course(&self, requested: i64, now: i64) -> Option<Voice> {
        let action = self.action.as_ref()?;
        let start = requested.max(now);
        let late = start - requested;
        if late > 0 && action.max_late_frames > 0 && late > action.max_late_frames {
            return None;
        }
        let skip = match action.late {
            LatePolicy::Play => 0,
            LatePolicy::Skip => late,
            LatePolicy::Drop if late > 0 => return None,
            LatePolicy::Drop => 0,
        };
        let end = action.end(start, skip);
        (end > start).then_some(Voice::new(start, skip, end))
    }

    /// The frame after the last one that sounds or is recorded; [`i64::MAX`] if it has no end.
    pub fn last_frame(&self) -> i64 {
        let own = match (&self.action, self.voice.pause) {
            (Some(action), Some(_)) => action.stop_frame(),
            _ => self.voice.end,
        };
        self.voice.fade.map_or(own, |fade| fade.end.min(own))
    }

    /// Whether it has begun to sound, so that a fade can be heard.
    pub fn fades(&self) -> bool {
        let fades = self.action.as_ref().is_some_and(|action| action.fades());
        self.started && fades
    }

    /// Where it has stood still if it ends at `end`.
    pub fn pauses_until(&self, end: i64) -> Pauses {
        let last = self.voice.pause.map_or(0, |pause| (end - pause.end).max(0));
        Pauses { frames: self.pauses.frames + last, ..self.pauses }
    }

    /// Whether it waits for a sound.
    pub fn detects(&self) -> bool {
        self.action.as_ref().is_some_and(|action| action.detects())
    }

    /// The frame from which its followers count if it ends at `end`, and whether it does what they wait for: the
    /// onset of a detector that found one, or else the end.
    pub fn anchor(&self, end: i64, completes: bool) -> (i64, bool) {
        match self.detection.frame {
            NONE => (end, completes && !self.detects()),
            onset => (onset, true),
        }
    }

    /// Where its followers start from, as far as is known, and whether it does what they wait for.
    pub fn leads_to(&self) -> Option<(i64, bool)> {
        match self.phase {
            Phase::Active => self.known_anchor(),
            Phase::Ending => self.ended.map(|ended| (ended.end_frame, ended.completed)),
            Phase::Idle | Phase::Waiting | Phase::Scheduled => None,
        }
    }

    /// The anchor while it runs, once it is certain.
    pub fn known_anchor(&self) -> Option<(i64, bool)> {
        let end = self.last_frame();
        let known = if self.detects() { self.detection.frame != NONE } else { end < i64::MAX };
        known.then(|| self.anchor(end, self.outcome() == Outcome::Completed))
    }

    /// What it is if it ends where it is known to end.
    pub fn outcome(&self) -> Outcome {
        if self.is_cut() { self.stopped_as } else { Outcome::Completed }
    }

    /// The first frame of it that was not made or recorded yet.
    pub fn next_frame(&self) -> i64 {
        self.voice.start + self.done + self.missing.frames + self.pauses.frames
    }

    /// Lets its own course be over at `end`, which is not later than it was.
    pub fn end_at(&mut self, end: i64) {
        self.voice.end = end;
        // What was to end it after that does not.
        if self.voice.fade.is_some_and(|fade| fade.begin >= end) {
            self.keep_fade();
        }
    }

    /// Lets it not end by a fade that has not begun. A pause or a seek may put its own end off beyond that again.
    fn keep_fade(&mut self) {
        if let Some(fade) = self.voice.fade.take()
            && self.stopped_as == Outcome::Stopped
        {
            self.keep_cancel(Cancel { frame: Some(fade.end), fade_frames: fade.end - fade.begin });
        }
    }

    /// Lets it go on where it was to end because its file breaks there: it goes on elsewhere in it.
    pub fn forget_break(&mut self) {
        if self.stopped_as == Outcome::FileError {
            self.voice.fade = None;
            self.stopped_as = Outcome::Stopped;
        }
    }

    /// Lets it end as `outcome` before `end`, whatever its own course. False if it is fading out by then.
    pub fn cut_at(&mut self, end: i64, outcome: Outcome) -> bool {
        if self.voice.fade.is_some_and(|fade| fade.begin <= end) {
            return false;
        }
        self.keep_fade();
        self.voice.fade = Some(Fade { begin: end, end, level: 1.0 });
        self.stopped_as = outcome;
        self.missing.note(end, 0);
        true
    }

    /// Whether it is known to end before its own end.
    pub fn is_cut(&self) -> bool {
        self.voice.fade.is_some()
    }

    /// Ends it as a request that was kept says, if that is before its end as it is now.
    pub fn stop_as_kept(&mut self, now: i64) {
        if let Some(cancel) = self.cancel
            && self.stop(cancel, now)
        {
            self.cancel = None;
        }
    }

    /// Keeps a request for a frame for as long as the action does not sound then, unless an earlier one is kept.
    /// True if it is kept.
    pub fn keep_cancel(&mut self, cancel: Cancel) -> bool {
        let is_earlier = self.cancel.is_none_or(|kept| cancel.frame <= kept.frame);
        if is_earlier {
            self.cancel = Some(cancel);
        }
        is_earlier
    }

    /// The frame from which on `cancel` makes it silent, in a callback whose first frame is `now`.
    pub fn stop_of(&self, cancel: Cancel, now: i64) -> i64 {
        let fade_frames = if self.fades() { cancel.fade_frames } else { 0 };
        cancel.frame.map_or(now.saturating_add(fade_frames), |frame| frame.max(now))
    }

    /// Brings the end forward as `cancel` says, in a callback whose first frame is `now`; never puts it off.
    /// True if the end changed.
    pub fn stop(&mut self, cancel: Cancel, now: i64) -> bool {
        let fade_frames = if self.fades() { cancel.fade_frames } else { 0 };
        let end = self.stop_of(cancel, now);
        if end >= self.last_frame() {
            return false;
        }
        let earliest = now.max(self.voice.start);
        self.voice.fade = Some(match self.voice.fade.filter(|fade| fade.begin < earliest) {
            // What is fading already must not rise until the new fade begins.
            Some(fade) => Fade { begin: earliest, end, level: fade.at(earliest) },
            None => Fade { begin: end.saturating_sub(fade_frames).max(earliest).min(end), end, level: 1.0 },
        });
        true
    }
}
