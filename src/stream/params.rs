//! What a host asks for, checked as far as no stream is needed to check it.

use crate::action::{AfterPolicy, HostTime, LatePolicy, RampShape};
use crate::file::growing::SampleFormat;
use crate::realtime::source::{Distribution, Spectrum, Waveform};

/// When an action is to start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartAt {
    /// At the first frame of the callback that takes it.
    #[default]
    Now,
    /// At this frame.
    Frame(i64),
    /// At the frame that is at the converter at this time.
    HostTime(HostTime),
    /// After the end of another action.
    After {
        /// Its id.
        action: i64,
        /// Frames from its end to the start; may be negative.
        offset: i64,
    },
}

/// What every action has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// When it starts.
    pub start: StartAt,
    /// What happens if it is late.
    pub late: LatePolicy,
    /// Later than this it is dropped; 0 for no limit.
    pub max_late_frames: i64,
    /// What happens if the predecessor did not complete.
    pub after: AfterPolicy,
    /// The batch it belongs to; 0 for none.
    pub batch: i64,
    /// The host's own mark.
    pub tag: i64,
}

/// What becomes of an action whose ring runs dry or full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum RingPolicy {
    /// It goes on, and counts the frames that are missing.
    #[default]
    Continue = 0,
    /// It ends with the first frame that is missing.
    End = 1,
}

/// How to play something.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PlayParams {
    /// When.
    pub timing: Timing,
    /// Whether the guard may limit it.
    pub allow_clip: bool,
    /// Whether it may come from a file that cannot be sound.
    pub allow_implausible: bool,
    /// Gain on top of the gains of the channels, in decibels.
    pub gain_db: f64,
    /// Extra passes of the loop; −1 for ever.
    pub loop_count: i64,
    /// First frame of the loop in the buffer.
    pub loop_first_frame: i64,
    /// Frames of the loop; 0 up to the end of the sound.
    pub loop_frames: i64,
    /// First frame of the sound in the buffer.
    pub first_frame: i64,
    /// Frames of the sound; `None` up to the end of the buffer.
    pub frame_count: Option<i64>,
    /// Silent from this frame of the stream on.
    pub stop_frame: Option<i64>,
    /// Frames of the ramp at the start.
    pub onset_ramp_frames: i64,
    /// Frames of the ramp at the end.
    pub offset_ramp_frames: i64,
    /// Course of both.
    pub ramp_shape: RampShape,
    /// What happens when a ring runs dry.
    pub ring: RingPolicy,
    /// Depth of the amplitude modulation; 0 for none.
    pub am_depth: f64,
    /// Its frequency.
    pub am_frequency_hz: f64,
    /// Its phase at frame 0 of the sound.
    pub am_phase_cycles: f64,
}

/// A tone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ToneParams {
    /// Shape of a cycle.
    pub waveform: Waveform,
    /// Above 0, below half of the sample rate.
    pub frequency_hz: f64,
    /// Phase at frame 0.
    pub phase_cycles: f64,
    /// Peak of the ideal wave; 0 takes 1.
    pub amplitude: f64,
}

/// Noise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NoiseParams {
    /// Its colour.
    pub spectrum: Spectrum,
    /// Of the samples of white noise.
    pub distribution: Distribution,
    /// Independent channels; 0 or 1 for one.
    pub source_channels: i32,
    /// Equal ones give equal noise.
    pub seed: i64,
    /// Root mean square; 0 takes 0.1.
    pub rms: f64,
}

/// How pulses say a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum PulseCode {
    /// They do not.
    #[default]
    None = 0,
    /// A bit on each channel.
    Parallel = 1,
    /// Bit after bit on one channel.
    Serial = 2,
}

/// Pulses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PulseParams {
    /// Whether they say a number, and how.
    pub code: PulseCode,
    /// That number.
    pub code_value: i64,
    /// Data bits of a serial code; 0 takes 8.
    pub data_bits: i32,
    /// Frames of a pulse or a bit; 0 takes 5 ms.
    pub width_frames: i64,
    /// Pulses or codes of the train; 0 takes 1, −1 is for ever.
    pub count: i64,
    /// Frames from one to the next.
    pub interval_frames: i64,
    /// Of a pulse; 0 takes 1.
    pub level: f64,
}

/// What frame 0 of a recording is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Align {
    /// The input frame with the number of the start.
    #[default]
    Callback,
    /// The input frame in which the output frame with the number of the start comes back through a wire.
    RoundTrip,
}

/// How to record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordParams {
    /// When.
    pub timing: Timing,
    /// Frames to record; 0 fills the buffer, or goes on for ever with a ring.
    pub max_frames: i64,
    /// What frame 0 is.
    pub align: Align,
    /// What happens when a ring is full.
    pub ring: RingPolicy,
}

/// How to read a file that is played. Zeros stand for defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayFileParams {
    /// Number of the audio track, from 1; 0 for the file's default.
    pub track: i32,
    /// How far ahead it is read; 0 takes 2 s.
    pub read_ahead_ms: i32,
    /// Whether a file of another rate is converted to that of the stream.
    pub resample: bool,
}

/// How to write a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileParams {
    /// How samples are stored.
    pub format: SampleFormat,
    /// What is kept for a slow disk; 0 takes 2 s.
    pub buffer_ms: i32,
    /// Rate of the file in hertz; 0 for that of the stream.
    pub sample_rate_hz: u32,
}

/// Which input to play, and how late. Zeros stand for defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputParams {
    /// First input channel, from 1; 0 for 1.
    pub first_channel: i32,
    /// Input channels; 0 for one.
    pub channel_count: i32,
    /// Frames by which the output is later than it must be.
    pub delay_frames: i64,
}

/// How to listen for a sound. Zeros stand for defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DetectParams {
    /// When.
    pub timing: Timing,
    /// Magnitude from which on a frame is loud; 0 takes a multiple of the floor.
    pub threshold: f64,
    /// Times the floor; 0 takes 10.
    pub floor_multiple: f64,
    /// Frames over which the floor is measured; 0 takes 200 ms.
    pub floor_frames: i64,
    /// RMS above which a floor is no silence; 0 takes 0.01.
    pub floor_limit: f64,
    /// Corner of the high-pass; 0 takes 100 Hz, −1 is none.
    pub high_pass_hz: f64,
    /// Least duration; 0 takes 10 ms.
    pub minimum_frames: i64,
    /// Longest gap within a sound; 0 takes 10 ms.
    pub gap_frames: i64,
    /// Silence after which a sound is over; 0 takes 200 ms.
    pub hold_off_frames: i64,
    /// Frames to listen at most; 0 for no limit.
    pub max_frames: i64,
}
