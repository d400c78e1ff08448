//! What travels to the callback: actions, and the commands that carry them.

use crate::buffer::{Playable, Recorder};

/// The number by which the host knows an action: the process-wide sequence times 2^20 plus the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActionId(i64);

/// Bits of an id that hold the slot.
const SLOT_BITS: u32 = 20;
/// Most slots of a stream, so that a slot fits its bits.
pub const MAX_SLOTS: usize = 1 << SLOT_BITS;
/// Sequences end here, so that an id stays below 2^53 and survives a trip through a double.
pub const MAX_SEQUENCE: u64 = (1 << 33) - 1;

impl ActionId {
    /// The id of the action with number `sequence` in `slot`.
    pub fn new(sequence: u64, slot: u32) -> Self {
        debug_assert!((1..=MAX_SEQUENCE).contains(&sequence) && (slot as usize) < MAX_SLOTS);
        Self((sequence as i64) << SLOT_BITS | slot as i64)
    }

    /// The id that the host wrote as `value`, if it can be one.
    pub fn from_value(value: i64) -> Option<Self> {
        let id = Self(value);
        (value > 0 && (1..=MAX_SEQUENCE).contains(&id.sequence())).then_some(id)
    }

    /// As the host writes it.
    pub fn value(self) -> i64 {
        self.0
    }

    /// Counts the actions of the process from 1.
    pub fn sequence(self) -> u64 {
        (self.0 >> SLOT_BITS) as u64
    }

    /// The slot it lives in.
    pub fn slot(self) -> u32 {
        (self.0 & (MAX_SLOTS as i64 - 1)) as u32
    }
}

/// What an action does, as the C ABI numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Kind {
    /// Plays a buffer.
    PlayBuffer = 1,
    /// Records into a buffer.
    RecordBuffer = 2,
}

/// When an action starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first frame of the callback that takes it.
    Now,
    /// At this frame.
    AtFrame(i64),
    /// `offset` frames after the end of another action of the same callback thread.
    After {
        /// The other action.
        predecessor: ActionId,
        /// Frames from its end to this start.
        offset: i64,
    },
}

/// What becomes of an action that cannot start in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum LatePolicy {
    /// All of it, late.
    #[default]
    Play = 0,
    /// Without the part that was missed, so that the rest is in time.
    Skip = 1,
    /// Nothing.
    Drop = 2,
}

/// What becomes of an action whose predecessor did not run to its own end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum AfterPolicy {
    /// It fails.
    #[default]
    Completed = 0,
    /// It starts after the end, whatever caused it.
    AnyEnd = 1,
}

/// The course of a ramp from silence to full level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum RampShape {
    /// sin²: no corner at either end.
    #[default]
    RaisedCosine = 0,
    /// A straight line.
    Linear = 1,
}

/// One source channel on its way to one output channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Route {
    /// Channel of the buffer, from 0.
    pub source: u32,
    /// Channel of the stream, from 0.
    pub target: u32,
    /// Linear gain.
    pub gain: f32,
    /// Whether the target is a trigger line, which no ramp or fade may touch.
    pub trigger: bool,
}

/// What to play of a buffer. Frame indices of the sound count from its own start, not the buffer's.
#[derive(Debug)]
pub struct Play {
    /// The samples.
    pub source: Playable,
    /// Where each channel goes, in the order in which they are added.
    pub routes: Box<[Route]>,
    /// First frame of the buffer that belongs to the sound.
    pub first_frame: i64,
    /// Frames of the sound without repetitions.
    pub frame_count: i64,
    /// First frame of the loop, relative to `first_frame`.
    pub loop_first: i64,
    /// Frames of the loop; not 0 if `loop_count` is not 0.
    pub loop_frames: i64,
    /// Extra passes of the loop; −1 for ever.
    pub loop_count: i64,
    /// Silent from this frame of the stream on, if given.
    pub stop_frame: Option<i64>,
    /// Frames of the ramp at the start.
    pub onset_ramp_frames: i64,
    /// Frames of the ramp at the end.
    pub offset_ramp_frames: i64,
    /// Course of both ramps.
    pub ramp_shape: RampShape,
}

impl Play {
    /// Frames of the whole sound, or `None` if it never ends by itself.
    pub fn length(&self) -> Option<i64> {
        (self.loop_count >= 0).then(|| self.frame_count + self.loop_count * self.loop_frames)
    }
}

/// What to record.
#[derive(Debug)]
pub struct Record {
    /// Where the samples go.
    pub recorder: Recorder,
    /// For each channel of the buffer the input channel, from 0.
    pub channels: Box<[u32]>,
    /// Frames to record.
    pub frames: i64,
}

/// What an action does, with all that it needs.
#[derive(Debug)]
pub enum Work {
    /// Plays.
    Play(Play),
    /// Records.
    Record(Record),
}

/// An action on its way to the callback and, inside its report, back: it is made and freed by the host.
#[derive(Debug)]
pub struct Action {
    /// Its id, which also names its slot.
    pub id: ActionId,
    /// Counts what was handed to the callback, in that order; see `cancel_all`.
    pub issue: u64,
    /// When it starts.
    pub start: Start,
    /// Frames added to that start: the round trip of an aligned recording.
    pub delay: i64,
    /// What happens if it cannot start in time.
    pub late: LatePolicy,
    /// Later than this it is dropped; 0 for no limit.
    pub max_late_frames: i64,
    /// What happens if the predecessor did not complete.
    pub after: AfterPolicy,
    /// What it does.
    pub work: Work,
}

impl Action {
    /// Whether anything of it can fade: a recording cannot, and neither can what goes to trigger lines only.
    pub fn fades(&self) -> bool {
        match &self.work {
            Work::Play(play) => !play.routes.iter().all(|route| route.trigger),
            Work::Record(_) => false,
        }
    }

    /// The frame at which it ends by itself if it starts at `start` without its first `skip` frames;
    /// [`i64::MAX`] if it does not.
    pub fn end(&self, start: i64, skip: i64) -> i64 {
        match &self.work {
            Work::Play(play) => {
                let own = play.length().map_or(i64::MAX, |length| start.saturating_add(length - skip));
                own.min(play.stop_frame.unwrap_or(i64::MAX))
            }
            Work::Record(record) => start.saturating_add(record.frames - skip),
        }
    }
}

/// A message to the callback.
#[derive(Debug)]
pub enum Command {
    /// The next `count` commands are taken in one callback.
    Batch {
        /// How many.
        count: u32,
    },
    /// Takes an action in.
    Start(Box<Action>),
    /// Looks into the mailbox of the slot of this action.
    Control(ActionId),
}

/// A request to end an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// Silent from this frame on; `None` is now, with the fade after it.
    pub frame: Option<i64>,
    /// Frames over which a sound fades before that.
    pub fade_frames: i64,
}

/// The requests to end one action that count so far. Which of the two is earlier depends on when the callback
/// takes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cancels {
    /// Frames of the shortest fade from now on.
    now: Option<i64>,
    /// The earliest frame, and the frames of the fade before it.
    at: Option<(i64, i64)>,
}

impl Cancels {
    /// These and one more.
    pub fn with(self, cancel: Cancel) -> Self {
        match cancel {
            Cancel { frame: None, fade_frames } => {
                Self { now: Some(self.now.map_or(fade_frames, |now| now.min(fade_frames))), ..self }
            }
            Cancel { frame: Some(frame), fade_frames } => {
                let at = (frame, fade_frames);
                Self {
                    at: Some(self.at.map_or(at, |earlier| if frame < earlier.0 { at } else { earlier })),
                    ..self
                }
            }
        }
    }

    /// The request that ends the action first if all of them are taken at frame `taken`. One whose frame has
    /// passed cuts, so that it never ends later than one for a later frame, which `with` has dropped. What has
    /// not started, or cannot fade, would end now without a fade.
    pub fn earliest(self, taken: i64, fades: bool) -> Option<Cancel> {
        let now = self.now.map(|fade_frames| Cancel { frame: None, fade_frames });
        let at = self.at.map(|(frame, fade_frames)| Cancel { frame: Some(frame.max(taken)), fade_frames });
        let fade = |cancel: &Cancel| if fades { cancel.fade_frames } else { 0 };
        let end = |cancel: &Cancel| cancel.frame.unwrap_or(taken.saturating_add(fade(cancel)));
        [now, at].into_iter().flatten().min_by_key(end)
    }

    /// As words for a mailbox.
    pub fn to_words(self) -> [u64; 4] {
        let (frame, fade_frames) = self.at.unwrap_or_default();
        let which = self.now.is_some() as u64 | (self.at.is_some() as u64) << 1;
        [which, self.now.unwrap_or_default() as u64, frame as u64, fade_frames as u64]
    }

    /// From the words of a mailbox.
    pub fn from_words([which, now, frame, fade_frames]: [u64; 4]) -> Self {
        Self {
            now: (which & 1 != 0).then_some(now as i64),
            at: (which & 2 != 0).then_some((frame as i64, fade_frames as i64)),
        }
    }
}

/// A request to end everything issued so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Only actions with a smaller issue number.
    pub before_issue: u64,
    /// Frames over which sounds fade.
    pub fade_frames: i64,
}

impl Sweep {
    /// As words for a mailbox.
    pub fn to_words(self) -> [u64; 2] {
        [self.before_issue, self.fade_frames as u64]
    }

    /// From the words of a mailbox.
    pub fn from_words([before_issue, fade_frames]: [u64; 2]) -> Self {
        Self { before_issue, fade_frames: fade_frames as i64 }
    }
}

/// A request to change the master gain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SetGain {
    /// Begin of the change; `None` is now.
    pub frame: Option<i64>,
    /// Linear gain to reach.
    pub gain: f64,
    /// Frames of the way there.
    pub ramp_frames: i64,
}

impl SetGain {
    /// As words for a mailbox.
    pub fn to_words(self) -> [u64; 4] {
        let frame = self.frame.unwrap_or(0) as u64;
        [self.frame.is_some() as u64, frame, self.gain.to_bits(), self.ramp_frames as u64]
    }

    /// From the words of a mailbox.
    pub fn from_words([has_frame, frame, gain, ramp_frames]: [u64; 4]) -> Self {
        Self {
            frame: (has_frame != 0).then_some(frame as i64),
            gain: f64::from_bits(gain),
            ramp_frames: ramp_frames as i64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_positive_and_exact_in_a_double_up_to_the_last_one() {
        let last = ActionId::new(MAX_SEQUENCE, MAX_SLOTS as u32 - 1);
        assert!(last.value() > 0 && last.value() < 1 << 53);
        assert_eq!((last.sequence(), last.slot()), (MAX_SEQUENCE, MAX_SLOTS as u32 - 1));
        assert_eq!(ActionId::from_value(last.value()), Some(last));
        for value in [0, -1, 5, i64::MIN, last.value() + 1, i64::MAX] {
            assert_eq!(ActionId::from_value(value), None, "{value}");
        }
    }

    #[test]
    fn requests_survive_the_mailbox() {
        let now = Cancels::default().with(Cancel { frame: None, fade_frames: 7 });
        let both = now.with(Cancel { frame: Some(0), fade_frames: 2 });
        for cancels in [Cancels::default(), now, both] {
            assert_eq!(Cancels::from_words(cancels.to_words()), cancels);
        }
        let sweep = Sweep { before_issue: 9, fade_frames: 3 };
        assert_eq!(Sweep::from_words(sweep.to_words()), sweep);
        let gain = SetGain { frame: Some(5), gain: 0.5, ramp_frames: 2 };
        assert_eq!(SetGain::from_words(gain.to_words()), gain);
    }

    #[test]
    fn of_several_cancels_the_one_that_ends_the_action_first_counts() {
        let cut = Cancel { frame: Some(50), fade_frames: 0 };
        let fade = Cancel { frame: None, fade_frames: 100 };
        let cancels = Cancels::default().with(fade).with(cut);
        assert_eq!(cancels, Cancels::default().with(cut).with(fade));
        assert_eq!(cancels.earliest(10, true), Some(cut));
        assert_eq!(cancels.earliest(60, true), Some(Cancel { frame: Some(60), fade_frames: 0 }));
        assert_eq!(
            cancels.with(Cancel { frame: None, fade_frames: 5 }).earliest(10, true).unwrap().frame,
            None
        );
        assert_eq!(
            cancels.with(Cancel { frame: Some(40), fade_frames: 9 }).earliest(0, true).unwrap().frame,
            Some(40)
        );
        assert_eq!(cancels.earliest(10, false), Some(fade), "a recording does not fade");
        assert_eq!(Cancels::default().earliest(0, true), None);
    }
}
