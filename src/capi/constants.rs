//! The numbers of the C surface, named as C sees them, each checked against what it stands for inside.

#![allow(non_camel_case_types, clippy::upper_case_acronyms)]

use static_assertions::const_assert_eq;

use crate::action::{AfterPolicy, HostClock, Kind, LatePolicy, RampShape};
use crate::backend::{Backend, Granted, ShareMode};
use crate::error::Code;
use crate::file::growing::SampleFormat;
use crate::realtime::clock::Stamps;
use crate::realtime::source::{Distribution, Spectrum, Waveform};
use crate::receipt::{ActionState, LatencySource, Outcome, Reason};
use crate::ring::Usage;
use crate::stream::{PulseCode, RingPolicy, State};

/// What functions return: 0, or one of the negative codes. A number is never given a new meaning.
#[repr(C)]
pub enum sonset_result {
    /// Done as asked.
    SONSET_OK = 0,
    /// An argument has a value that the function does not take.
    SONSET_ERROR_INVALID_ARGUMENT = -1,
    /// A pointer is NULL that must not be.
    SONSET_ERROR_NULL_POINTER = -2,
    /// The handle was never given out, or was destroyed or released, or is of another kind.
    SONSET_ERROR_INVALID_HANDLE = -3,
    /// The call has no meaning in the state that the object is in.
    SONSET_ERROR_INVALID_STATE = -4,
    /// This version or this backend cannot do it.
    SONSET_ERROR_UNSUPPORTED = -5,
    /// Memory or a thread could not be had.
    SONSET_ERROR_OUT_OF_MEMORY = -6,
    /// A defect of sonset itself; please report it with the message.
    SONSET_ERROR_INTERNAL = -7,
    /// The stream is closed.
    SONSET_ERROR_STREAM_CLOSED = -8,
    /// The device of the stream is gone.
    SONSET_ERROR_DEVICE_LOST = -9,
    /// There is no such device, or no default one.
    SONSET_ERROR_NO_DEVICE = -10,
    /// The backend, its library or its server is not there.
    SONSET_ERROR_BACKEND_UNAVAILABLE = -11,
    /// The device does not do the rate, the channels or the block size asked for.
    SONSET_ERROR_UNSUPPORTED_FORMAT = -12,
    /// The device or its server refused or failed.
    SONSET_ERROR_DEVICE_FAILED = -13,
    /// All actions of the stream are in use (max_actions).
    SONSET_ERROR_POOL_FULL = -14,
    /// The number is no action of this process.
    SONSET_ERROR_UNKNOWN_ACTION = -15,
    /// The action belongs to another stream.
    SONSET_ERROR_OTHER_STREAM = -16,
    /// The action has ended.
    SONSET_ERROR_ACTION_ENDED = -17,
    /// The number is no open batch of this stream.
    SONSET_ERROR_UNKNOWN_BATCH = -18,
    /// The batch holds as many actions as one callback takes (1024).
    SONSET_ERROR_BATCH_FULL = -19,
    /// The sound's peak times its gain exceeds the ceiling of a channel.
    SONSET_ERROR_WOULD_CLIP = -20,
    /// A sample is NaN or infinite.
    SONSET_ERROR_NON_FINITE = -21,
    /// The buffer's sample rate is not the stream's.
    SONSET_ERROR_RATE_MISMATCH = -22,
    /// The buffer is being recorded into or saved, or was played and is fixed.
    SONSET_ERROR_BUFFER_BUSY = -23,
    /// The host time is too far away to be meant in that clock.
    SONSET_ERROR_TIME_RANGE = -24,
    /// The time-out ran out first.
    SONSET_ERROR_TIMEOUT = -25,
    /// No receipt is waiting to be polled.
    SONSET_ERROR_NO_RECEIPT = -26,
    /// The file is not there.
    SONSET_ERROR_FILE_NOT_FOUND = -27,
    /// The file is damaged, or of a kind that is not read.
    SONSET_ERROR_FILE_FORMAT = -28,
    /// The file could not be read or written.
    SONSET_ERROR_FILE_IO = -29,
    /// No time stamps tell the time of a frame: the stream has not run yet, the host gave none, or they are useless.
    SONSET_ERROR_NO_CLOCK = -30,
    /// An action plays the ring or records into it.
    SONSET_ERROR_RING_BUSY = -31,
    /// A file has a sample beyond 8 times full scale, or is white noise near full scale, as bytes are that are misread.
    SONSET_ERROR_IMPLAUSIBLE = -32,
}

/// Ways of reaching sound. The numbers are fixed, whatever a build contains.
#[repr(C)]
pub enum sonset_backend {
    /// The first with a default device: on Linux of PulseAudio, JACK and ALSA; WASAPI on Windows, CoreAudio on macOS.
    SONSET_BACKEND_DEFAULT = 0,
    /// None: the host calls sonset_stream_process from its own audio callback or render loop.
    SONSET_BACKEND_MANUAL = 1,
    /// A timer instead of hardware, with output k wired to input k.
    SONSET_BACKEND_VIRTUAL = 2,
    /// A JACK server, with both directions in one callback. A server is never started.
    SONSET_BACKEND_JACK = 3,
    /// ALSA (Linux).
    SONSET_BACKEND_ALSA = 4,
    /// A PulseAudio server, or what speaks its protocol (Linux).
    SONSET_BACKEND_PULSEAUDIO = 5,
    /// A PipeWire server (Linux; a build option).
    SONSET_BACKEND_PIPEWIRE = 6,
    /// A JACK server, with a callback for each direction.
    SONSET_BACKEND_JACK_SEPARATE = 7,
    /// WASAPI (Windows).
    SONSET_BACKEND_WASAPI = 8,
    /// ASIO (Windows; a build option).
    SONSET_BACKEND_ASIO = 9,
    /// CoreAudio (macOS).
    SONSET_BACKEND_COREAUDIO = 10,
}

/// The two halves of a stream.
#[repr(C)]
pub enum sonset_direction {
    /// From the host to the device.
    SONSET_DIRECTION_OUTPUT = 1,
    /// From the device to the host.
    SONSET_DIRECTION_INPUT = 2,
}

/// Clocks of the host. 0 is no clock.
#[repr(C)]
pub enum sonset_clock {
    /// Never steps: CLOCK_MONOTONIC (Python's perf_counter), QueryPerformanceCounter, mach_absolute_time.
    SONSET_CLOCK_MONOTONIC = 1,
    /// Unix time, which is set now and then (Python's time.time; GetSecs of Psychtoolbox on Linux).
    SONSET_CLOCK_REALTIME = 2,
}

/// When an action starts.
#[repr(C)]
pub enum sonset_start_mode {
    /// At the first frame of the callback that takes it.
    SONSET_START_NOW = 0,
    /// At start_frame.
    SONSET_START_AT_FRAME = 1,
    /// At start_host_ns of start_clock.
    SONSET_START_AT_HOST_TIME = 2,
    /// start_offset_frames after the end of after_action; after the onset that it finds, if it is a detector.
    SONSET_START_AFTER_ACTION = 3,
}

/// What becomes of an action whose predecessor did not run to its own end.
#[repr(C)]
pub enum sonset_after_policy {
    /// It fails (SONSET_OUTCOME_PREDECESSOR). So it does after a detector that ends without an onset.
    SONSET_AFTER_COMPLETED = 0,
    /// It starts after the end, whatever caused it; after a detector's onset if there was one. A predecessor that
    /// no callback ever got (end_frame -1) counts as ending at the first frame of the callback that takes this
    /// action.
    SONSET_AFTER_ANY_END = 1,
}

/// What becomes of an action that cannot start in time.
#[repr(C)]
pub enum sonset_late_policy {
    /// It starts as soon as it can, and is played or recorded whole.
    SONSET_LATE_PLAY = 0,
    /// The part that was missed is left out, so that the rest is in time; loops go on in their round, an onset
    /// ramp still applies. An action that was missed altogether is dropped.
    SONSET_LATE_SKIP = 1,
    /// It is dropped.
    SONSET_LATE_DROP = 2,
}

/// The course of a ramp of N frames, at x = (frame + 1/2) / N.
#[repr(C)]
pub enum sonset_ramp_shape {
    /// (1 - cos(pi x)) / 2
    SONSET_RAMP_RAISED_COSINE = 0,
    /// x
    SONSET_RAMP_LINEAR = 1,
}

/// The course of a tone's cycle, by its phase p in cycles. At p = 0 each rises through 0.
#[repr(C)]
pub enum sonset_waveform {
    /// sin(2 pi p)
    SONSET_WAVEFORM_SINE = 0,
    /// 1 for p from 0 to 1/2, then -1.
    SONSET_WAVEFORM_SQUARE = 1,
    /// 2 p for p from -1/2 to 1/2: it rises, and jumps down at 1/2.
    SONSET_WAVEFORM_SAWTOOTH = 2,
    /// 4 p for p from -1/4 to 1/4, then down to -1 at 3/4.
    SONSET_WAVEFORM_TRIANGLE = 3,
}

/// How the power of noise is spread over the frequencies.
#[repr(C)]
pub enum sonset_noise_spectrum {
    /// The same in each hertz.
    SONSET_NOISE_WHITE = 0,
    /// The same in each octave.
    SONSET_NOISE_PINK = 1,
}

/// How the samples of white noise are distributed.
#[repr(C)]
pub enum sonset_noise_distribution {
    /// Normal, limited to 5 times the RMS.
    SONSET_DISTRIBUTION_GAUSSIAN = 0,
    /// The same for all values up to sqrt(3) times the RMS.
    SONSET_DISTRIBUTION_UNIFORM = 1,
}

/// How pulses say a number.
#[repr(C)]
pub enum sonset_pulse_code {
    /// They do not.
    SONSET_CODE_NONE = 0,
    /// A bit on each channel, all at once.
    SONSET_CODE_PARALLEL = 1,
    /// Bit after bit on one channel.
    SONSET_CODE_SERIAL = 2,
}

/// What frame 0 of a recording is.
#[repr(C)]
pub enum sonset_align {
    /// The input frame with the number of the start.
    SONSET_ALIGN_CALLBACK = 0,
    /// The input frame in which the output frame with the number of the start comes back through a wire, by
    /// the round trip that sonset_stream_get_info() tells when the recording is asked for.
    SONSET_ALIGN_ROUND_TRIP = 1,
}

/// What becomes of an action whose ring runs dry, or is full.
#[repr(C)]
pub enum sonset_ring_policy {
    /// It goes on: what is missing is played as silence, or lost, and counted.
    SONSET_RING_CONTINUE = 0,
    /// It ends with the first frame that is missing.
    SONSET_RING_END = 1,
}

/// What an action does with a ring.
#[repr(C)]
pub enum sonset_ring_usage {
    /// No action uses it.
    SONSET_RING_IDLE = 0,
    /// One plays it.
    SONSET_RING_PLAYING = 1,
    /// One records into it.
    SONSET_RING_RECORDING = 2,
}

/// What an action does.
#[repr(C)]
pub enum sonset_action_kind {
    /// Plays a buffer.
    SONSET_KIND_PLAY_BUFFER = 1,
    /// Records into a buffer.
    SONSET_KIND_RECORD_BUFFER = 2,
    /// Waits for a sound in the input: a voice key.
    SONSET_KIND_DETECT_LEVEL = 3,
    /// Plays the input.
    SONSET_KIND_PLAY_INPUT = 4,
    /// Plays what the host writes to a ring.
    SONSET_KIND_PLAY_RING = 5,
    /// Records into a ring, from which the host reads.
    SONSET_KIND_RECORD_RING = 6,
    /// Plays a file.
    SONSET_KIND_PLAY_FILE = 10,
    /// Records into a file.
    SONSET_KIND_RECORD_FILE = 11,
    /// Records what was sent to the device.
    SONSET_KIND_RECORD_OUTPUT = 12,
    /// Plays a tone.
    SONSET_KIND_PLAY_TONE = 7,
    /// Plays noise.
    SONSET_KIND_PLAY_NOISE = 8,
    /// Plays pulses.
    SONSET_KIND_PLAY_PULSE = 9,
}

/// Where an action is in its life.
#[repr(C)]
pub enum sonset_action_state {
    /// Not started; of a detector: nothing found so far.
    SONSET_ACTION_PENDING = 1,
    /// Started: start_frame is certain. Of a detector: detected_frame is.
    SONSET_ACTION_STARTED = 2,
    /// Started, and standing still, or fading towards it: paused_frame is certain.
    SONSET_ACTION_PAUSED = 3,
    /// Ended: the receipt is complete.
    SONSET_ACTION_ENDED = 4,
}

/// How an action ended. Every action ends in exactly one of these ways.
#[repr(C)]
pub enum sonset_outcome {
    /// It has not ended.
    SONSET_OUTCOME_NONE = 0,
    /// It ran to its own end. Of a detector, max_frames too: then detected_frame is -1.
    SONSET_OUTCOME_COMPLETED = 1,
    /// It started, and was ended on request; all frames up to that are there.
    SONSET_OUTCOME_STOPPED = 2,
    /// It was ended on request before it started.
    SONSET_OUTCOME_CANCELLED = 3,
    /// It could not start in time, and was not to start late.
    SONSET_OUTCOME_DROPPED_LATE = 4,
    /// The action that it was to follow did not complete.
    SONSET_OUTCOME_PREDECESSOR = 5,
    /// The stream was stopped or closed.
    SONSET_OUTCOME_STREAM_STOPPED = 6,
    /// The device went away.
    SONSET_OUTCOME_DEVICE_LOST = 7,
    /// Its ring ran dry, and SONSET_RING_END was asked for.
    SONSET_OUTCOME_UNDERFLOW = 8,
    /// Its ring was full, and SONSET_RING_END was asked for.
    SONSET_OUTCOME_OVERFLOW = 9,
    /// Its file could not be read further, because it is damaged, or written, because the disk is full. It was
    /// played, or is readable, up to there.
    SONSET_OUTCOME_FILE_ERROR = 10,
    /// It never started: its start, which a host time, another action or a reschedule decided, came to lie at or after
    /// its stop_frame. What could not start in time, and whose stop_frame has passed for that, is DROPPED_LATE.
    SONSET_OUTCOME_STOP_BEFORE_START = 11,
}

/// Where a stream is in its life.
#[repr(C)]
pub enum sonset_stream_state {
    /// Open, and not started yet.
    SONSET_STREAM_OPEN = 1,
    /// Running: callbacks come.
    SONSET_STREAM_RUNNING = 2,
    /// Stopped; it can be started again, and frame numbers go on.
    SONSET_STREAM_STOPPED = 3,
    /// The device is gone. Frames stand still and nothing reopens by itself.
    SONSET_STREAM_LOST = 4,
    /// Closed for good. Receipts stay readable.
    SONSET_STREAM_CLOSED = 5,
}

/// How a file stores samples.
#[repr(C)]
pub enum sonset_sample_format {
    /// As they are: 32-bit float.
    SONSET_SAMPLE_FLOAT32 = 0,
    /// Rounded to 24 bits.
    SONSET_SAMPLE_INT24 = 1,
    /// Rounded to 16 bits.
    SONSET_SAMPLE_INT16 = 2,
}

/// What an output channel is for.
#[repr(C)]
pub enum sonset_channel_role {
    /// Sound.
    SONSET_CHANNEL_AUDIO = 0,
    /// A trigger line: default channel maps, master gain, ramps, fades and the ceiling leave it alone.
    SONSET_CHANNEL_TRIGGER = 1,
}

/// Where a latency comes from.
#[repr(C)]
pub enum sonset_latency_source {
    /// It is not known.
    SONSET_LATENCY_UNKNOWN = 0,
    /// The backend reports it; nobody has measured it.
    SONSET_LATENCY_REPORTED = 1,
    /// The user has measured it (sonset_stream_set_latency_bias).
    SONSET_LATENCY_CALIBRATED = 2,
}

/// Why a voice key found an onset, or none.
#[repr(C)]
pub enum sonset_detection {
    /// The action is no voice key, or has heard nothing.
    SONSET_DETECTION_NONE = 0,
    /// It found an onset.
    SONSET_DETECTION_FOUND = 1,
    /// No frame reached the threshold; with all_zero, there was no input at all.
    SONSET_DETECTION_BELOW_THRESHOLD = 2,
    /// Frames reached the threshold, but never for minimum_frames.
    SONSET_DETECTION_TOO_SHORT = 3,
    /// The floor of a channel was above floor_limit, or the threshold that came of it above full scale: a sound may have
    /// begun before or while the floor was measured. An onset that is given all the same may be a later part of it.
    /// Start the key before the stimulus, give a threshold, or, in a room as loud as that, a floor_limit.
    SONSET_DETECTION_LOUD_FLOOR = 4,
    /// It ended before the floor was measured.
    SONSET_DETECTION_NO_FLOOR = 5,
}

/// Whether a latency gives reason to doubt the time of sounds.
#[repr(C)]
pub enum sonset_latency_warning {
    /// It does not.
    SONSET_LATENCY_WARNING_NONE = 0,
    /// A direction takes more than 40 ms.
    SONSET_LATENCY_WARNING_HIGH = 1,
    /// The latency of a direction is not known, and no bias is set.
    SONSET_LATENCY_WARNING_UNKNOWN = 2,
}

/// What the time stamps of a half of a stream are worth.
#[repr(C)]
pub enum sonset_stamps {
    /// None came.
    SONSET_STAMPS_NONE = 0,
    /// Too few came yet; the uncertainty says how far to trust them.
    SONSET_STAMPS_SETTLING = 1,
    /// They follow a clock.
    SONSET_STAMPS_USABLE = 2,
    /// They are whole multiples of something coarse, such as milliseconds; the uncertainty includes it.
    SONSET_STAMPS_QUANTISED = 3,
    /// They follow no clock. Times of callbacks stand in, and the latency is not in them unless it is reported.
    SONSET_STAMPS_USELESS = 4,
}

/// Whether the operating system granted a request.
#[repr(C)]
pub enum sonset_granted {
    /// It is not known.
    SONSET_GRANTED_UNKNOWN = 0,
    /// Granted.
    SONSET_GRANTED_YES = 1,
    /// Refused.
    SONSET_GRANTED_NO = 2,
}

/// Whether other programs can use the device at the same time.
#[repr(C)]
pub enum sonset_share_mode {
    /// It is not known.
    SONSET_SHARE_UNKNOWN = 0,
    /// A server or the system mixes several programs.
    SONSET_SHARE_SHARED = 1,
    /// The device is this stream's alone.
    SONSET_SHARE_EXCLUSIVE = 2,
}

/// Checks that C's numbers are the ones used inside.
macro_rules! same {
    ($($outer:expr => $inner:expr;)+) => { $(const_assert_eq!($outer as i32, $inner as i32);)+ };
}

use self::{
    sonset_action_kind::*, sonset_action_state::*, sonset_after_policy::*, sonset_backend::*,
    sonset_clock::*, sonset_detection::*, sonset_granted::*, sonset_late_policy::*, sonset_latency_source::*,
    sonset_noise_distribution::*, sonset_noise_spectrum::*, sonset_outcome::*, sonset_pulse_code::*,
    sonset_ramp_shape::*, sonset_result::*, sonset_ring_policy::*, sonset_ring_usage::*,
    sonset_sample_format::*, sonset_share_mode::*, sonset_stamps::*, sonset_stream_state::*,
    sonset_waveform::*,
};

same! {
    SONSET_ERROR_INVALID_ARGUMENT => Code::InvalidArgument;
    SONSET_ERROR_NULL_POINTER => Code::NullPointer;
    SONSET_ERROR_INVALID_HANDLE => Code::InvalidHandle;
    SONSET_ERROR_INVALID_STATE => Code::InvalidState;
    SONSET_ERROR_UNSUPPORTED => Code::Unsupported;
    SONSET_ERROR_OUT_OF_MEMORY => Code::OutOfMemory;
    SONSET_ERROR_INTERNAL => Code::Internal;
    SONSET_ERROR_STREAM_CLOSED => Code::StreamClosed;
    SONSET_ERROR_DEVICE_LOST => Code::DeviceLost;
    SONSET_ERROR_NO_DEVICE => Code::NoDevice;
    SONSET_ERROR_BACKEND_UNAVAILABLE => Code::BackendUnavailable;
    SONSET_ERROR_UNSUPPORTED_FORMAT => Code::UnsupportedFormat;
    SONSET_ERROR_DEVICE_FAILED => Code::DeviceFailed;
    SONSET_ERROR_POOL_FULL => Code::PoolFull;
    SONSET_ERROR_UNKNOWN_ACTION => Code::UnknownAction;
    SONSET_ERROR_OTHER_STREAM => Code::OtherStream;
    SONSET_ERROR_ACTION_ENDED => Code::ActionEnded;
    SONSET_ERROR_UNKNOWN_BATCH => Code::UnknownBatch;
    SONSET_ERROR_BATCH_FULL => Code::BatchFull;
    SONSET_ERROR_WOULD_CLIP => Code::WouldClip;
    SONSET_ERROR_NON_FINITE => Code::NonFinite;
    SONSET_ERROR_RATE_MISMATCH => Code::RateMismatch;
    SONSET_ERROR_BUFFER_BUSY => Code::BufferBusy;
    SONSET_ERROR_TIME_RANGE => Code::TimeRange;
    SONSET_ERROR_TIMEOUT => Code::Timeout;
    SONSET_ERROR_NO_RECEIPT => Code::NoReceipt;
    SONSET_ERROR_FILE_NOT_FOUND => Code::FileNotFound;
    SONSET_ERROR_FILE_FORMAT => Code::FileFormat;
    SONSET_ERROR_FILE_IO => Code::FileIo;
    SONSET_ERROR_NO_CLOCK => Code::NoClock;
    SONSET_ERROR_RING_BUSY => Code::RingBusy;
    SONSET_ERROR_IMPLAUSIBLE => Code::Implausible;
    SONSET_BACKEND_MANUAL => Backend::Manual;
    SONSET_BACKEND_VIRTUAL => Backend::Virtual;
    SONSET_BACKEND_JACK => Backend::Jack;
    SONSET_BACKEND_ALSA => Backend::Alsa;
    SONSET_BACKEND_PULSEAUDIO => Backend::PulseAudio;
    SONSET_BACKEND_PIPEWIRE => Backend::PipeWire;
    SONSET_BACKEND_JACK_SEPARATE => Backend::JackSeparate;
    SONSET_BACKEND_WASAPI => Backend::Wasapi;
    SONSET_BACKEND_ASIO => Backend::Asio;
    SONSET_BACKEND_COREAUDIO => Backend::CoreAudio;
    SONSET_AFTER_COMPLETED => AfterPolicy::Completed;
    SONSET_AFTER_ANY_END => AfterPolicy::AnyEnd;
    SONSET_LATE_PLAY => LatePolicy::Play;
    SONSET_LATE_SKIP => LatePolicy::Skip;
    SONSET_LATE_DROP => LatePolicy::Drop;
    SONSET_RAMP_RAISED_COSINE => RampShape::RaisedCosine;
    SONSET_RAMP_LINEAR => RampShape::Linear;
    SONSET_SAMPLE_FLOAT32 => SampleFormat::Float32;
    SONSET_SAMPLE_INT24 => SampleFormat::Int24;
    SONSET_SAMPLE_INT16 => SampleFormat::Int16;
    SONSET_KIND_PLAY_BUFFER => Kind::PlayBuffer;
    SONSET_KIND_RECORD_BUFFER => Kind::RecordBuffer;
    SONSET_KIND_DETECT_LEVEL => Kind::DetectLevel;
    SONSET_KIND_PLAY_INPUT => Kind::PlayInput;
    SONSET_KIND_PLAY_RING => Kind::PlayRing;
    SONSET_KIND_RECORD_RING => Kind::RecordRing;
    SONSET_KIND_PLAY_FILE => Kind::PlayFile;
    SONSET_KIND_RECORD_FILE => Kind::RecordFile;
    SONSET_KIND_RECORD_OUTPUT => Kind::RecordOutput;
    SONSET_KIND_PLAY_TONE => Kind::PlayTone;
    SONSET_KIND_PLAY_NOISE => Kind::PlayNoise;
    SONSET_KIND_PLAY_PULSE => Kind::PlayPulse;
    SONSET_WAVEFORM_SINE => Waveform::Sine;
    SONSET_WAVEFORM_SQUARE => Waveform::Square;
    SONSET_WAVEFORM_SAWTOOTH => Waveform::Sawtooth;
    SONSET_WAVEFORM_TRIANGLE => Waveform::Triangle;
    SONSET_NOISE_WHITE => Spectrum::White;
    SONSET_NOISE_PINK => Spectrum::Pink;
    SONSET_DISTRIBUTION_GAUSSIAN => Distribution::Gaussian;
    SONSET_DISTRIBUTION_UNIFORM => Distribution::Uniform;
    SONSET_CODE_NONE => PulseCode::None;
    SONSET_CODE_PARALLEL => PulseCode::Parallel;
    SONSET_CODE_SERIAL => PulseCode::Serial;
    SONSET_ACTION_PENDING => ActionState::Pending;
    SONSET_ACTION_STARTED => ActionState::Started;
    SONSET_ACTION_PAUSED => ActionState::Paused;
    SONSET_ACTION_ENDED => ActionState::Ended;
    SONSET_OUTCOME_COMPLETED => Outcome::Completed;
    SONSET_OUTCOME_STOPPED => Outcome::Stopped;
    SONSET_OUTCOME_CANCELLED => Outcome::Cancelled;
    SONSET_OUTCOME_DROPPED_LATE => Outcome::DroppedLate;
    SONSET_OUTCOME_PREDECESSOR => Outcome::Predecessor;
    SONSET_OUTCOME_STREAM_STOPPED => Outcome::StreamStopped;
    SONSET_OUTCOME_DEVICE_LOST => Outcome::DeviceLost;
    SONSET_OUTCOME_UNDERFLOW => Outcome::Underflow;
    SONSET_OUTCOME_OVERFLOW => Outcome::Overflow;
    SONSET_OUTCOME_FILE_ERROR => Outcome::FileError;
    SONSET_OUTCOME_STOP_BEFORE_START => Outcome::StopBeforeStart;
    SONSET_RING_CONTINUE => RingPolicy::Continue;
    SONSET_RING_END => RingPolicy::End;
    SONSET_RING_IDLE => Usage::Idle;
    SONSET_RING_PLAYING => Usage::Playing;
    SONSET_RING_RECORDING => Usage::Recording;
    SONSET_STREAM_OPEN => State::Open;
    SONSET_STREAM_RUNNING => State::Running;
    SONSET_STREAM_STOPPED => State::Stopped;
    SONSET_STREAM_LOST => State::Lost;
    SONSET_STREAM_CLOSED => State::Closed;
    SONSET_CLOCK_MONOTONIC => HostClock::Monotonic;
    SONSET_CLOCK_REALTIME => HostClock::Realtime;
    SONSET_LATENCY_REPORTED => LatencySource::Reported;
    SONSET_LATENCY_CALIBRATED => LatencySource::Calibrated;
    SONSET_DETECTION_NONE => Reason::None;
    SONSET_DETECTION_FOUND => Reason::Found;
    SONSET_DETECTION_BELOW_THRESHOLD => Reason::BelowThreshold;
    SONSET_DETECTION_TOO_SHORT => Reason::TooShort;
    SONSET_DETECTION_LOUD_FLOOR => Reason::LoudFloor;
    SONSET_DETECTION_NO_FLOOR => Reason::NoFloor;
    SONSET_STAMPS_SETTLING => Stamps::Settling;
    SONSET_STAMPS_USABLE => Stamps::Usable;
    SONSET_STAMPS_QUANTISED => Stamps::Quantised;
    SONSET_STAMPS_USELESS => Stamps::Useless;
    SONSET_GRANTED_YES => Granted::Yes;
    SONSET_GRANTED_NO => Granted::No;
    SONSET_SHARE_SHARED => ShareMode::Shared;
    SONSET_SHARE_EXCLUSIVE => ShareMode::Exclusive;
}
