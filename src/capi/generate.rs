#![allow(non_camel_case_types)]

use super::guard::guard;
use super::play::{Arguments, sonset_play_params};
use super::stream::sonset_stream;
use super::structs::{self, sized};
use crate::error::{Result, fail};
use crate::realtime::source::{Distribution, Spectrum, Waveform};
use crate::stream::{NoiseParams, PulseCode, PulseParams, ToneParams};

/// A tone.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_tone_params {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// SONSET_WAVEFORM_...
    pub waveform: i32,
    /// 0.0001 to below half of the sample rate.
    pub frequency_hz: f64,
    /// Phase at frame 0 of the sound, in cycles.
    pub phase_cycles: f64,
    /// Amplitude: the peak of the ideal wave, linear, 1 is full scale; 0 for 1. The RMS is amplitude /
    /// sqrt(2) of a sine, the amplitude of a square, and amplitude / sqrt(3) of a sawtooth and a triangle.
    pub amplitude: f64,
}

/// Noise. All zeros: white Gaussian noise of one channel, 20 dB below full scale, of seed 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_noise_params {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// SONSET_NOISE_...
    pub spectrum: i32,
    /// SONSET_DISTRIBUTION_... of white noise; pink noise is Gaussian (0).
    pub distribution: i32,
    /// 0 or 1: the same noise on all channels. n: independent noise on each of n channels.
    pub source_channels: i32,
    /// Any number. Equal seeds give equal noise, bit for bit, on every machine; 0 is a seed like others.
    pub seed: i64,
    /// Root mean square, linear: 1 is that of a full-scale square wave. 0 for 0.1.
    pub rms: f64,
}

/// Pulses. All zeros: one pulse at full scale for 5 ms.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct sonset_pulse_params {
    /// Size of this struct in bytes, or 0.
    pub struct_size: u32,
    /// SONSET_CODE_...
    pub code: i32,
    /// The number that a code says; 0 without one.
    pub code_value: i64,
    /// Data bits of a serial code, 1 to 32; 0 for 8. Else 0.
    pub data_bits: i32,
    /// 0.
    pub reserved: i32,
    /// Frames of a pulse, and of each bit of a serial code; 0 for 5 ms.
    pub width_frames: i64,
    /// Pulses, or codes, of a train; 0 for 1, -1 for ever.
    pub count: i64,
    /// Frames from the start of one to the start of the next: more than a pulse has, and not fewer than a
    /// serial code has. 0 if count is 1.
    pub interval_frames: i64,
    /// Level of a pulse, linear, 1 is full scale; negative ones point down; 0 for 1. Between pulses it is 0.
    pub level: f64,
}

sized! {
    sonset_tone_params;
    sonset_noise_params;
    sonset_pulse_params;
}

/// Sets params to their defaults. frequency_hz has none.
///
/// Errors: NULL_POINTER. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_tone_params_init(params: *mut sonset_tone_params) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    unsafe { structs::init(params) }
}

/// Sets params to their defaults.
///
/// Errors: NULL_POINTER. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_noise_params_init(params: *mut sonset_noise_params) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    unsafe { structs::init(params) }
}

/// Sets params to their defaults.
///
/// Errors: NULL_POINTER. No message is left.
///
/// [any-thread] [callback-safe]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_pulse_params_init(params: *mut sonset_pulse_params) -> i32 {
    // SAFETY: the caller passes NULL or a whole struct.
    unsafe { structs::init(params) }
}

/// Plays a tone, for ever, or for frame_count frames if has_frame_count of params is 1.
///
/// At frame k of the sound the phase is p = phase_cycles + k frequency_hz / rate, in cycles, and never
/// drifts: a frame's step is rounded to 2^-64 cycles. A sine is amplitude sin(2 pi p), within 1e-6 amplitude.
/// The other shapes are limited in band: harmonics up to 0.44 of the sample rate have the amplitude of the
/// ideal shape within 0.01 dB, from there on they fall, to half at 0.5, and what aliases below 0.44 is at
/// least 90 dB below the fundamental. So near its corners a shape swings beyond its amplitude: the peak that
/// counts for WOULD_CLIP is 1.274 times the amplitude for a square, 1.18 times for a sawtooth, and else the
/// amplitude. A sound with hard edges is sonset_stream_play_pulse().
///
/// The tone has one channel; channels, gains, channel_count, params and out_action are those of
/// sonset_stream_play_buffer(), for a mono buffer. Of params, loop_count, loop_first_frame, loop_frames and
/// first_frame must be 0. A tone that starts late with SONSET_LATE_SKIP has the phase that it would have had
/// in time.
///
/// Errors: those of sonset_stream_play_buffer() but for RATE_MISMATCH and BUFFER_BUSY; INVALID_ARGUMENT for
/// tone.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_play_tone(
    stream: *mut sonset_stream,
    tone: *const sonset_tone_params,
    channels: *const i32,
    gains: *const f32,
    channel_count: i32,
    params: *const sonset_play_params,
    out_action: *mut i64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let tone = tone_params(&unsafe { structs::read(tone) }?)?;
        let arguments = Arguments { stream, channels, gains, channel_count, params, out_action };
        // SAFETY: the caller passes what the arguments' own comment asks for.
        unsafe {
            arguments.play(|stream, channels, gains, params| stream.play_tone(&tone, channels, gains, params))
        }
    })
}

/// Plays noise, for ever, or for frame_count frames if has_frame_count of params is 1.
///
/// Frame k is a function of the seed, the channel, k and, if pink, the sample rate, computed without the C
/// library, so that it is the same bit for bit on every machine, in every block size, and after a late start
/// with SONSET_LATE_SKIP. The random numbers are those of splitmix64 (Steele, Lea and Flood 2014), their
/// normal distribution that of Box and Muller (1958). Gaussian noise is limited to 5 times its RMS, which
/// less than one sample in a million reaches, and uniform noise to sqrt(3) times: that peak counts for
/// WOULD_CLIP.
///
/// Pink noise falls by 3.01 dB an octave, within 0.5 dB from 20 Hz to 0.4 of the sample rate, and is flat
/// below 3 Hz (random numbers held for 1, 2, 3, 4, 6, 8 ... frames, after Voss, in Gardner 1978). Its RMS is
/// that over long times.
///
/// noise NULL stands for all zeros. channels, gains, channel_count, params and out_action are those of
/// sonset_stream_play_buffer(), for a buffer of source_channels channels. Of params, loop_count,
/// loop_first_frame, loop_frames and first_frame must be 0.
///
/// Errors: those of sonset_stream_play_buffer() but for RATE_MISMATCH and BUFFER_BUSY; INVALID_ARGUMENT for
/// noise.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_play_noise(
    stream: *mut sonset_stream,
    noise: *const sonset_noise_params,
    channels: *const i32,
    gains: *const f32,
    channel_count: i32,
    params: *const sonset_play_params,
    out_action: *mut i64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let noise = noise_params(&unsafe { structs::read(noise) }?)?;
        let arguments = Arguments { stream, channels, gains, channel_count, params, out_action };
        // SAFETY: the caller passes what the arguments' own comment asks for.
        unsafe {
            arguments
                .play(|stream, channels, gains, params| stream.play_noise(&noise, channels, gains, params))
        }
    })
}

/// Plays pulses: markers for another machine, on trigger lines or on any other channels. Each has exactly
/// width_frames frames at level, with nothing before, between and after.
///
/// SONSET_CODE_NONE: all channels at once. SONSET_CODE_PARALLEL: bit i of code_value, from the lowest, is
/// channels[i]; those whose bit is 1 have the pulse, all at once, and the others stay silent.
/// SONSET_CODE_SERIAL, on one channel: a start bit at level, then the data bits from the lowest, each at
/// level if it is 1 and at 0 if it is 0, then a stop bit at 0, each for width_frames. The length is
/// width_frames, or that times data_bits + 2, and with count > 1 that of the last after (count - 1)
/// interval_frames.
///
/// channels must be named: NULL is INVALID_ARGUMENT. gains are factors of level. pulse NULL stands for all
/// zeros; params and out_action are those of sonset_stream_play_buffer(). Of params, loop_count,
/// loop_first_frame, loop_frames, first_frame and has_frame_count must be 0. Ramps, fades, modulation and the
/// master gain do not touch trigger lines; a cancel ends a pulse on its frame.
///
/// Errors: those of sonset_stream_play_buffer() but for RATE_MISMATCH and BUFFER_BUSY; INVALID_ARGUMENT for
/// pulse.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_stream_play_pulse(
    stream: *mut sonset_stream,
    pulse: *const sonset_pulse_params,
    channels: *const i32,
    gains: *const f32,
    channel_count: i32,
    params: *const sonset_play_params,
    out_action: *mut i64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller passes NULL or a struct of the size that it states.
        let pulse = pulse_params(&unsafe { structs::read(pulse) }?)?;
        let arguments = Arguments { stream, channels, gains, channel_count, params, out_action };
        // SAFETY: the caller passes what the arguments' own comment asks for.
        unsafe {
            arguments
                .play(|stream, channels, gains, params| stream.play_pulse(&pulse, channels, gains, params))
        }
    })
}

fn tone_params(params: &sonset_tone_params) -> Result<ToneParams> {
    Ok(ToneParams {
        waveform: match params.waveform {
            0 => Waveform::Sine,
            1 => Waveform::Square,
            2 => Waveform::Sawtooth,
            3 => Waveform::Triangle,
            other => fail!(
                InvalidArgument,
                "waveform {other}: SINE is 0, SQUARE is 1, SAWTOOTH is 2, TRIANGLE is 3"
            ),
        },
        frequency_hz: params.frequency_hz,
        phase_cycles: params.phase_cycles,
        amplitude: params.amplitude,
    })
}

fn noise_params(params: &sonset_noise_params) -> Result<NoiseParams> {
    Ok(NoiseParams {
        spectrum: match params.spectrum {
            0 => Spectrum::White,
            1 => Spectrum::Pink,
            other => fail!(InvalidArgument, "spectrum {other}: WHITE is 0, PINK is 1"),
        },
        distribution: match params.distribution {
            0 => Distribution::Gaussian,
            1 => Distribution::Uniform,
            other => fail!(InvalidArgument, "distribution {other}: GAUSSIAN is 0, UNIFORM is 1"),
        },
        source_channels: params.source_channels,
        seed: params.seed,
        rms: params.rms,
    })
}

fn pulse_params(params: &sonset_pulse_params) -> Result<PulseParams> {
    if params.reserved != 0 {
        fail!(InvalidArgument, "reserved is {}: 0", params.reserved);
    }
    Ok(PulseParams {
        code: match params.code {
            0 => PulseCode::None,
            1 => PulseCode::Parallel,
            2 => PulseCode::Serial,
            other => fail!(InvalidArgument, "code {other}: NONE is 0, PARALLEL is 1, SERIAL is 2"),
        },
        code_value: params.code_value,
        data_bits: params.data_bits,
        width_frames: params.width_frames,
        count: params.count,
        interval_frames: params.interval_frames,
        level: params.level,
    })
}
