//! What travels to the callback: actions, and the commands that carry them.

use crate::buffer::{Playable, Recorder};
use crate::realtime::detect::Detector;

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
    /// Waits for a sound in the input: a voice key.
    DetectLevel = 3,
}

impl Kind {
    /// Whether it belongs to the capture half.
    pub fn captures(self) -> bool {
        matches!(self, Self::RecordBuffer | Self::DetectLevel)
    }
}

/// A clock of the host, as the C ABI numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum HostClock {
    /// Never steps.
    Monotonic = 1,
    /// Unix time, which is set now and then.
    Realtime = 2,
}

/// A time of a clock of the host, meant at the converter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostTime {
    /// The clock.
    pub clock: HostClock,
    /// Its reading in nanoseconds.
    pub ns: i64,
}

/// When a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The first frame of the callback that takes it.
    Now,
    /// This frame.
    Frame(i64),
    /// The frame that is at the converter at this time.
    Host(HostTime),
}

impl From<Option<i64>> for When {
    /// A frame, or now.
    fn from(frame: Option<i64>) -> Self {
        frame.map_or(Self::Now, Self::Frame)
    }
}

/// When an action starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first frame of the callback that takes it.
    Now,
    /// At this frame.
    AtFrame(i64),
    /// At the frame that is at the converter at this time.
    AtHostTime(HostTime),
    /// `offset` frames after the end, or after the onset that it detects, of another action of the same
    /// callback thread.
    After {
        /// The other action.
        predecessor: ActionId,
        /// Frames from there to this start.
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

/// What to listen for.
#[derive(Debug)]
pub struct Detect {
    /// Hears the channels that it was made for.
    pub detector: Detector,
    /// Frames to listen at most; [`i64::MAX`] for no limit.
    pub frames: i64,
}

/// What an action does, with all that it needs.
#[derive(Debug)]
pub enum Work {
    /// Plays.
    Play(Play),
    /// Records.
    Record(Record),
    /// Listens.
    Detect(Detect),
}

impl Work {
    /// Whether it belongs to the playback half.
    pub fn plays(&self) -> bool {
        matches!(self, Self::Play(_))
    }
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
    /// Whether it waits for a sound.
    pub fn detects(&self) -> bool {
        matches!(self.work, Work::Detect(_))
    }

    /// Whether anything of it can fade: what captures cannot, and neither can what goes to trigger lines only.
    pub fn fades(&self) -> bool {
        match &self.work {
            Work::Play(play) => !play.routes.iter().all(|route| route.trigger),
            Work::Record(_) | Work::Detect(_) => false,
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
            Work::Detect(detect) => start.saturating_add(detect.frames - skip),
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

/// The requests to end one action that count so far. Which of them is earlier depends on when the callback
/// takes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cancels {
    /// Frames of the shortest fade from now on.
    now: Option<i64>,
    /// The earliest frame, and the frames of the fade before it.
    at: Option<(i64, i64)>,
    /// The earliest time of each clock, likewise.
    host: [Option<(i64, i64)>; 2],
}

impl Cancels {
    /// These and one more.
    pub fn with(mut self, when: When, fade_frames: i64) -> Self {
        let earlier = |known: Option<(i64, i64)>, at: i64| match known {
            Some(known) if known.0 <= at => Some(known),
            _ => Some((at, fade_frames)),
        };
        match when {
            When::Now => self.now = Some(self.now.map_or(fade_frames, |now| now.min(fade_frames))),
            When::Frame(frame) => self.at = earlier(self.at, frame),
            When::Host(HostTime { clock: HostClock::Monotonic, ns }) => {
                self.host[0] = earlier(self.host[0], ns)
            }
            When::Host(HostTime { clock: HostClock::Realtime, ns }) => {
                self.host[1] = earlier(self.host[1], ns)
            }
        }
        self
    }

    /// The requests for a host time: the time, and the frames of the fade before it.
    pub fn at_host_times(&self) -> impl Iterator<Item = (HostTime, i64)> {
        [HostClock::Monotonic, HostClock::Realtime]
            .into_iter()
            .zip(self.host)
            .filter_map(|(clock, at)| at.map(|(ns, fade_frames)| (HostTime { clock, ns }, fade_frames)))
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
    pub fn to_words(self) -> [u64; 8] {
        let pairs = [self.at, self.host[0], self.host[1]];
        let bits = pairs.iter().rev().fold(0, |bits, pair| bits << 1 | pair.is_some() as u64);
        let [at, monotonic, realtime] = pairs.map(|pair| pair.unwrap_or_default());
        let which = self.now.is_some() as u64 | bits << 1;
        let values = [at.0, at.1, monotonic.0, monotonic.1, realtime.0, realtime.1].map(|value| value as u64);
        let [a, b, c, d, e, f] = values;
        [which, self.now.unwrap_or_default() as u64, a, b, c, d, e, f]
    }

    /// From the words of a mailbox.
    pub fn from_words(words: [u64; 8]) -> Self {
        let [which, now, pairs @ ..] = words;
        let pair = |index: usize| {
            let is_there = which & 2 << index != 0;
            is_there.then_some((pairs[2 * index] as i64, pairs[2 * index + 1] as i64))
        };
        Self { now: (which & 1 != 0).then_some(now as i64), at: pair(0), host: [pair(1), pair(2)] }
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
    /// Begin of the change.
    pub when: When,
    /// Linear gain to reach.
    pub gain: f64,
    /// Frames of the way there.
    pub ramp_frames: i64,
}

impl SetGain {
    /// As words for a mailbox.
    pub fn to_words(self) -> [u64; 4] {
        let (kind, value) = match self.when {
            When::Now => (0, 0),
            When::Frame(frame) => (1, frame),
            When::Host(HostTime { clock: HostClock::Monotonic, ns }) => (2, ns),
            When::Host(HostTime { clock: HostClock::Realtime, ns }) => (3, ns),
        };
        [kind, value as u64, self.gain.to_bits(), self.ramp_frames as u64]
    }

    /// From the words of a mailbox.
    pub fn from_words([kind, value, gain, ramp_frames]: [u64; 4]) -> Self {
        let ns = value as i64;
        Self {
            when: match kind {
                0 => When::Now,
                1 => When::Frame(ns),
                2 => When::Host(HostTime { clock: HostClock::Monotonic, ns }),
                _ => When::Host(HostTime { clock: HostClock::Realtime, ns }),
            },
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
        let host = |clock, ns| When::Host(HostTime { clock, ns });
        let now = Cancels::default().with(When::Now, 7);
        let both = now.with(When::Frame(0), 2);
        let later = Cancels::default().with(host(HostClock::Realtime, i64::MAX), 3);
        let all = both.with(host(HostClock::Monotonic, -5), 4).with(host(HostClock::Realtime, 1 << 60), 0);
        for cancels in [Cancels::default(), now, both, later, all] {
            assert_eq!(Cancels::from_words(cancels.to_words()), cancels);
        }
        let sweep = Sweep { before_issue: 9, fade_frames: 3 };
        assert_eq!(Sweep::from_words(sweep.to_words()), sweep);
        for when in [When::Now, When::Frame(5), host(HostClock::Monotonic, 6), host(HostClock::Realtime, 7)] {
            let gain = SetGain { when, gain: 0.5, ramp_frames: 2 };
            assert_eq!(SetGain::from_words(gain.to_words()), gain);
        }
    }

    #[test]
    fn of_several_cancels_the_one_that_ends_the_action_first_counts() {
        let cut = Cancel { frame: Some(50), fade_frames: 0 };
        let fade = Cancel { frame: None, fade_frames: 100 };
        let cancels = Cancels::default().with(When::Now, 100).with(When::Frame(50), 0);
        assert_eq!(cancels, Cancels::default().with(When::Frame(50), 0).with(When::Now, 100));
        assert_eq!(cancels.earliest(10, true), Some(cut));
        assert_eq!(cancels.earliest(60, true), Some(Cancel { frame: Some(60), fade_frames: 0 }));
        assert_eq!(cancels.with(When::Now, 5).earliest(10, true).unwrap().frame, None);
        assert_eq!(cancels.with(When::Frame(40), 9).earliest(0, true).unwrap().frame, Some(40));
        assert_eq!(cancels.earliest(10, false), Some(fade), "a recording does not fade");
        assert_eq!(Cancels::default().earliest(0, true), None);
        let host = |ns| When::Host(HostTime { clock: HostClock::Monotonic, ns });
        let cancels = Cancels::default().with(host(9), 1).with(host(5), 2).with(host(7), 3);
        assert_eq!(cancels.at_host_times().map(|(time, fade)| (time.ns, fade)).collect::<Vec<_>>(), [(5, 2)]);
    }
}
