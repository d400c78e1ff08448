//! What travels to the callback: actions, and the commands that carry them.

use crate::realtime::detect::Detector;
use crate::realtime::record::Sink;
use crate::realtime::sine::Modulation;
use crate::realtime::source::{Reel, RingSound, Source};
use crate::request::Turn;

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
    /// No id is smaller.
    pub const fn first() -> Self {
        Self(0)
    }

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
    /// Plays the input.
    PlayInput = 4,
    /// Plays what the host writes meanwhile.
    PlayRing = 5,
    /// Records for the host to read meanwhile.
    RecordRing = 6,
    /// Plays a file.
    PlayFile = 10,
    /// Records into a file.
    RecordFile = 11,
    /// Records what was sent to the device.
    RecordOutput = 12,
    /// Plays a tone.
    PlayTone = 7,
    /// Plays noise.
    PlayNoise = 8,
    /// Plays pulses.
    PlayPulse = 9,
}

impl Kind {
    /// Whether it belongs to the capture half.
    pub fn captures(self) -> bool {
        matches!(self, Self::RecordBuffer | Self::DetectLevel | Self::RecordRing | Self::RecordFile)
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

impl From<When> for Start {
    fn from(when: When) -> Self {
        match when {
            When::Now => Self::Now,
            When::Frame(frame) => Self::AtFrame(frame),
            When::Host(time) => Self::AtHostTime(time),
        }
    }
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
    /// Channel of the source, from 0.
    pub source: u32,
    /// Channel of the stream, from 0.
    pub target: u32,
    /// Linear gain.
    pub gain: f32,
    /// Whether the target is a trigger line, which no ramp or fade may touch.
    pub trigger: bool,
}

/// What to play. Frame indices of the sound count from its own start.
#[derive(Debug)]
pub struct Play {
    /// Where the samples come from.
    pub source: Source,
    /// Where each channel goes, in the order in which they are added.
    pub routes: Box<[Route]>,
    /// Silent from this frame of the stream on, if given.
    pub stop_frame: Option<i64>,
    /// Frames of the ramp at the start.
    pub onset_ramp_frames: i64,
    /// Frames of the ramp at the end.
    pub offset_ramp_frames: i64,
    /// Course of both ramps.
    pub ramp_shape: RampShape,
    /// Amplitude modulation, by the frame index of the sound.
    pub modulation: Option<Modulation>,
    /// What leaves nearest to its ceiling.
    pub loudest: Loudest,
}

/// Of the ways of a sound to audio lines, the one on which least is left up to the ceiling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loudest {
    /// Largest magnitude that it sends; 0 if nobody is to care.
    pub peak: f64,
    /// Largest magnitude that may leave.
    pub ceiling: f64,
}

/// What to record.
#[derive(Debug)]
pub struct Record {
    /// Where the samples go.
    pub sink: Sink,
    /// For each channel of the recording that of the stream, from 0.
    pub channels: Box<[u32]>,
    /// Frames to record; [`i64::MAX`] for no limit.
    pub frames: i64,
    /// Whether it records what is sent to the device, and not the input.
    pub output: bool,
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
        match self {
            Self::Play(_) => true,
            Self::Record(record) => record.output,
            Self::Detect(_) => false,
        }
    }

    /// Whether it records input, which may lie in the past.
    pub fn records_input(&self) -> bool {
        matches!(self, Self::Record(record) if !record.output)
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
    /// Frames added to a start that is now, because what it was to follow was never sent.
    pub later: i64,
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

    /// Whether what the host does with a ring decides how it goes on.
    pub fn uses_ring(&self) -> bool {
        match &self.work {
            Work::Play(play) => matches!(play.source, Source::Ring(_)),
            Work::Record(record) => matches!(record.sink, Sink::Ring { .. }),
            Work::Detect(_) => false,
        }
    }

    /// The file that it plays.
    pub fn file(&mut self) -> Option<&mut RingSound> {
        match &mut self.work {
            Work::Play(Play { source: Source::Ring(ring), .. }) if ring.file().is_some() => Some(ring),
            _ => None,
        }
    }

    /// Whether anything of it can fade: what captures cannot, and neither can what goes to trigger lines only.
    pub fn fades(&self) -> bool {
        match &self.work {
            Work::Play(play) => !play.routes.iter().all(|route| route.trigger),
            Work::Record(_) | Work::Detect(_) => false,
        }
    }

    /// The frame of the stream from which on it may not sound; [`i64::MAX`] for none.
    pub fn stop_frame(&self) -> i64 {
        match &self.work {
            Work::Play(play) => play.stop_frame.unwrap_or(i64::MAX),
            Work::Record(_) | Work::Detect(_) => i64::MAX,
        }
    }

    /// Whether it may not sound any more at `frame`.
    pub fn stops_by(&self, frame: i64) -> bool {
        matches!(&self.work, Work::Play(Play { stop_frame: Some(stop), .. }) if *stop <= frame)
    }

    /// The frame at which it ends by itself if it starts at `start` without its first `skip` frames;
    /// [`i64::MAX`] if it does not.
    pub fn end(&self, start: i64, skip: i64) -> i64 {
        match &self.work {
            Work::Play(play) => {
                let own = play.source.length().map_or(i64::MAX, |length| start.saturating_add(length - skip));
                own.min(self.stop_frame())
            }
            Work::Record(record) => start.saturating_add(record.frames - skip),
            Work::Detect(detect) => start.saturating_add(detect.frames - skip),
        }
    }
}

/// A seek in a file, with what is heard after it. On its way back from the callback it holds what was heard before.
#[derive(Debug)]
pub struct FileSeek {
    /// The action that plays the file.
    pub id: ActionId,
    /// When it goes where.
    pub turn: Turn,
    /// The file from there on.
    pub reel: Reel,
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
    /// Lets a file go on elsewhere.
    Seek(Box<FileSeek>),
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
}
