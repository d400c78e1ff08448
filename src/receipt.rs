//! What travels back: a report from the callback, and the receipt the host makes of it.

use crate::action::{Action, ActionId, Kind, When};

/// Stands for a frame or a time that there is not.
pub const NONE: i64 = -1;

/// How an action ended. The numbers are part of the C ABI; 0 is "not yet".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Outcome {
    /// Ran to its own end.
    Completed = 1,
    /// Started, and ended on request.
    Stopped = 2,
    /// Ended on request before it started.
    Cancelled = 3,
    /// Could not start in time and was not to start late.
    DroppedLate = 4,
    /// The action it was to follow did not complete.
    Predecessor = 5,
    /// The stream was stopped or closed.
    StreamStopped = 6,
    /// The device went away.
    DeviceLost = 7,
    /// A source had run dry, and that was to end it.
    Underflow = 8,
    /// What it recorded into was full, and that was to end it.
    Overflow = 9,
    /// Its file could not be written.
    FileError = 10,
    /// Its start came to lie at or after the frame at which it was to stop.
    StopBeforeStart = 11,
}

impl Outcome {
    /// The name of an outcome as the C header spells it, or `None` for a number that is none.
    pub fn name_of(value: i32) -> Option<&'static std::ffi::CStr> {
        Some(match value {
            0 => c"SONSET_OUTCOME_NONE",
            1 => c"SONSET_OUTCOME_COMPLETED",
            2 => c"SONSET_OUTCOME_STOPPED",
            3 => c"SONSET_OUTCOME_CANCELLED",
            4 => c"SONSET_OUTCOME_DROPPED_LATE",
            5 => c"SONSET_OUTCOME_PREDECESSOR",
            6 => c"SONSET_OUTCOME_STREAM_STOPPED",
            7 => c"SONSET_OUTCOME_DEVICE_LOST",
            8 => c"SONSET_OUTCOME_UNDERFLOW",
            9 => c"SONSET_OUTCOME_OVERFLOW",
            10 => c"SONSET_OUTCOME_FILE_ERROR",
            11 => c"SONSET_OUTCOME_STOP_BEFORE_START",
            _ => return None,
        })
    }
}

/// Where the latency in a host time comes from. The numbers are part of the C ABI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum LatencySource {
    /// It is not known, and not in the host time.
    #[default]
    Unknown = 0,
    /// The backend reports it.
    Reported = 1,
    /// The user has measured it.
    Calibrated = 2,
}

impl LatencySource {
    /// The one with the number `value`.
    pub fn from_number(value: i64) -> Self {
        match value {
            1 => Self::Reported,
            2 => Self::Calibrated,
            _ => Self::Unknown,
        }
    }
}

/// Where an action is in its life. The numbers are part of the C ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum ActionState {
    /// Not started yet.
    Pending = 1,
    /// Started, or certain to start in the block that is being made; of a detector, a sound was found.
    Started = 2,
    /// Started, and standing still, or certain to.
    Paused = 3,
    /// Ended; the outcome says how.
    Ended = 4,
}

/// Why a detector found an onset, or none. The numbers are part of the C ABI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum Reason {
    /// It is no detector, or has heard nothing.
    #[default]
    None = 0,
    /// It found an onset.
    Found = 1,
    /// No frame reached the threshold.
    BelowThreshold = 2,
    /// Frames did, but none of their runs lasted.
    TooShort = 3,
    /// The floor was no silence: a sound could hide in it.
    LoudFloor = 4,
    /// It ended before the floor was measured.
    NoFloor = 5,
}

impl Reason {
    /// The one with the number `value`.
    pub fn from_number(value: i32) -> Self {
        match value {
            1 => Self::Found,
            2 => Self::BelowThreshold,
            3 => Self::TooShort,
            4 => Self::LoudFloor,
            5 => Self::NoFloor,
            _ => Self::None,
        }
    }

    /// Its name in a log.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Found => "found",
            Self::BelowThreshold => "below_threshold",
            Self::TooShort => "too_short",
            Self::LoudFloor => "loud_floor",
            Self::NoFloor => "no_floor",
        }
    }
}

/// What a detector found. A frame or a time that there is not is [`NONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detection {
    /// First frame of the sound.
    pub frame: i64,
    /// The frame after its last one.
    pub end_frame: i64,
    /// MONOTONIC time of the first frame at the converter.
    pub host_ns: i64,
    /// MONOTONIC time of `end_frame` at the converter.
    pub end_host_ns: i64,
    /// Why; of one that still listens, as if it ended now.
    pub reason: Reason,
}

impl Default for Detection {
    fn default() -> Self {
        Self { frame: NONE, end_frame: NONE, host_ns: NONE, end_host_ns: NONE, reason: Reason::None }
    }
}

/// Where an action stood still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pauses {
    /// First silent frame of the last pause, or [`NONE`].
    pub frame: i64,
    /// First frame after the last pause that has ended, or [`NONE`].
    pub resumed_frame: i64,
    /// Frames of all pauses.
    pub frames: i64,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { frame: NONE, resumed_frame: NONE, frames: 0 }
    }
}

/// A change of the gain of an action.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GainChange {
    /// Where it begins, or [`NONE`] if there was none.
    pub frame: i64,
    /// The linear gain that it leads to.
    pub gain: f64,
}

impl Default for GainChange {
    fn default() -> Self {
        Self { frame: NONE, gain: 1.0 }
    }
}

/// Frames that a source did not deliver in time, or that a recording could not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// How many.
    pub frames: i64,
    /// The first of them, by the stream's count, or the one that ended the action; else [`NONE`].
    pub first_frame: i64,
}

impl Default for Missing {
    fn default() -> Self {
        Self { frames: 0, first_frame: NONE }
    }
}

impl Missing {
    /// Counts `frames` frames from `first_frame` on.
    pub fn note(&mut self, first_frame: i64, frames: i64) {
        self.frames += frames;
        if self.first_frame == NONE {
            self.first_frame = first_frame;
        }
    }

    /// Counts `frames` frames from `first_frame` on, if that is any.
    pub fn note_some(&mut self, first_frame: i64, frames: i64) {
        if frames > 0 {
            self.note(first_frame, frames);
        }
    }
}

/// What the callback measured of an action.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// The frame asked for, once known; negative for a host time before frame 0.
    pub requested_frame: Option<i64>,
    /// The first frame, or [`NONE`] if it never started.
    pub start_frame: i64,
    /// The frame after the last one.
    pub end_frame: i64,
    /// Frames played or recorded.
    pub done_frames: i64,
    /// Frames that were not there in time, or could not be kept.
    pub missing: Missing,
    /// Time from the input's converter to the output's of a monitor, or [`NONE`].
    pub monitor_latency_ns: i64,
    /// How much later than asked it started, or would have.
    pub late_frames: i64,
    /// MONOTONIC time of the first frame at the converter, or [`NONE`].
    pub start_host_ns: i64,
    /// MONOTONIC time of `end_frame` at the converter, or [`NONE`].
    pub end_host_ns: i64,
    /// Uncertainty of these two, or [`NONE`].
    pub host_uncertainty_ns: i64,
    /// Where the latency in them comes from.
    pub latency_source: LatencySource,
    /// Xruns of its half while it ran.
    pub xruns: u64,
    /// Steps in the stamps of its half while it ran.
    pub discontinuities: u64,
    /// Samples that the output guard limited while it ran, whoever caused them.
    pub clipped: u64,
    /// Samples that were not finite while it ran, whoever caused them.
    pub nonfinite: u64,
    /// Largest magnitude of a recording.
    pub input_peak: f32,
    /// Samples of a recording at or above full scale.
    pub input_clipped: u64,
    /// Whether a recording of at least one frame holds nothing but zeros.
    pub all_zero: bool,
    /// What a detector found.
    pub detection: Detection,
    /// The last change of its gain.
    pub gain: GainChange,
    /// Where it stood still.
    pub pauses: Pauses,
    /// Where it last went elsewhere in its sound, or [`NONE`].
    pub seek_frame: i64,
}

impl Default for Measured {
    fn default() -> Self {
        Self {
            requested_frame: None,
            start_frame: NONE,
            end_frame: NONE,
            done_frames: 0,
            missing: Missing::default(),
            monitor_latency_ns: NONE,
            late_frames: 0,
            start_host_ns: NONE,
            end_host_ns: NONE,
            host_uncertainty_ns: NONE,
            latency_source: LatencySource::Unknown,
            xruns: 0,
            discontinuities: 0,
            clipped: 0,
            nonfinite: 0,
            input_peak: 0.0,
            input_clipped: 0,
            all_zero: false,
            detection: Detection::default(),
            gain: GainChange::default(),
            pauses: Pauses::default(),
            seek_frame: NONE,
        }
    }
}

/// The callback's last word on an action. Carries the action back, to be freed by the host.
#[derive(Debug)]
pub struct Report {
    /// The action.
    pub action: Box<Action>,
    /// How it ended.
    pub outcome: Outcome,
    /// What was measured.
    pub measured: Measured,
}

/// What the host asked for, kept for the receipt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    /// The action's id.
    pub action: i64,
    /// The host's own mark.
    pub tag: i64,
    /// What it does.
    pub kind: Kind,
    /// The action it was to follow, or 0.
    pub after_action: i64,
    /// The frame asked for, if it was given as a frame.
    pub requested_frame: Option<i64>,
    /// The host time asked for, or [`NONE`] where `start_clock` is 0.
    pub requested_host_ns: i64,
    /// The clock of that time, or 0.
    pub start_clock: i32,
}

/// Everything that is known of an action, ended or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Receipt {
    /// What was asked for.
    pub asked: Asked,
    /// Where it is in its life.
    pub state: ActionState,
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
    /// What was measured.
    pub measured: Measured,
    /// REALTIME minus MONOTONIC when the receipt was made.
    pub realtime_offset_ns: i64,
}

impl Asked {
    /// The same with another start.
    pub fn at(self, when: When) -> Self {
        let (requested_frame, requested_host_ns, start_clock) = match when {
            When::Now => (None, NONE, 0),
            When::Frame(frame) => (Some(frame), NONE, 0),
            When::Host(time) => (None, time.ns, time.clock as i32),
        };
        Self { after_action: 0, requested_frame, requested_host_ns, start_clock, ..self }
    }
}

impl Receipt {
    /// The number of its action.
    pub fn sequence(&self) -> u64 {
        ActionId::from_value(self.asked.action).map_or(0, ActionId::sequence)
    }

    /// The frame asked for: as the host gave it, or as it turned out once that is known.
    pub fn requested_frame(&self) -> Option<i64> {
        self.asked.requested_frame.or(self.measured.requested_frame)
    }
}
