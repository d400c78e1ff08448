//! Playing pulses and codes.

use super::Stream;
use super::params::{PlayParams, PulseCode, PulseParams};
use super::play::{Sound, check_made};
use super::submit::MAX_FRAME;
use crate::action::Kind;
use crate::error::{Result, fail};
use crate::realtime::source::{Pulse, Source};

/// Data bits of a serial code for which none are given, and most.
const DEFAULT_DATA_BITS: i32 = 8;
const MAX_DATA_BITS: i32 = 32;
/// Widths of a second for which none is given: 5 ms.
const DEFAULT_WIDTHS_A_SECOND: i64 = 200;

impl Stream {
    /// Plays pulses on `channels` (from 1) with `gains` (linear, one a channel).
    pub fn play_pulse(
        &self,
        pulse: &PulseParams,
        channels: Option<&[i32]>,
        gains: Option<&[f32]>,
        params: &PlayParams,
    ) -> Result<i64> {
        self.check_output()?;
        check_made(params, "a pulse")?;
        if let Some(frames) = params.frame_count {
            fail!(InvalidArgument, "frame_count is {frames}: a pulse has the length of its own parameters");
        }
        let Some(channels) = channels else {
            fail!(InvalidArgument, "a pulse needs its channels named: it has no default ones");
        };
        let source = train(pulse, channels.len(), self.format().sample_rate_hz as i64)?;
        let lit = lit_gains(pulse, channels, gains)?;
        let sound = Sound { peaks: [source.level.abs()].into(), length: source.length() };
        self.play(Kind::PlayPulse, &sound, Some(channels), lit.as_deref().or(gains), params, || {
            Ok(Source::Pulse(source))
        })
    }
}

/// The gains with those of channels whose bit of a parallel code is 0 muted; `None` without such a code.
fn lit_gains(pulse: &PulseParams, channels: &[i32], gains: Option<&[f32]>) -> Result<Option<Vec<f32>>> {
    if pulse.code != PulseCode::Parallel {
        return Ok(None);
    }
    if let Some(gains) = gains
        && gains.len() != channels.len()
    {
        fail!(InvalidArgument, "{} gains for {} channels", gains.len(), channels.len());
    }
    let lit = |n: usize| n < 63 && pulse.code_value >> n & 1 == 1;
    let gain = |n| if lit(n) { gains.map_or(1.0, |gains| gains[n]) } else { 0.0 };
    Ok(Some((0..channels.len()).map(gain).collect()))
}

fn train(pulse: &PulseParams, channels: usize, rate: i64) -> Result<Pulse> {
    let (pattern, bits) = word(pulse, channels)?;
    let bit_frames = match pulse.width_frames {
        0 => (rate / DEFAULT_WIDTHS_A_SECOND).max(1),
        width if (1..=MAX_FRAME / bits).contains(&width) => width,
        width => fail!(InvalidArgument, "width_frames {width}: 1 to {}, or 0 for 5 ms", MAX_FRAME / bits),
    };
    let level = if pulse.level == 0.0 { 1.0 } else { pulse.level as f32 };
    if !level.is_finite() {
        fail!(InvalidArgument, "level is {}", pulse.level);
    }
    let word_frames = bits * bit_frames;
    let count = match pulse.count {
        0 => Some(1),
        -1 => None,
        count if count > 0 => Some(count),
        count => fail!(InvalidArgument, "count {count}: from 1 on, 0 for 1, or -1 for ever"),
    };
    let interval_frames = interval(pulse, count, word_frames)?;
    Ok(Pulse { pattern, bits, bit_frames, interval_frames, count, level })
}

/// The bits of one word, the first in time lowest, and their number.
fn word(pulse: &PulseParams, channels: usize) -> Result<(u64, i64)> {
    let PulseParams { code, code_value: value, data_bits, .. } = *pulse;
    if code != PulseCode::Serial && data_bits != 0 {
        fail!(InvalidArgument, "data_bits is {data_bits}, but the code is not SERIAL");
    }
    match code {
        PulseCode::None if value != 0 => {
            fail!(InvalidArgument, "code_value is {value}, but code is NONE (0)")
        }
        PulseCode::None => Ok((1, 1)),
        PulseCode::Parallel if value < 1 || channels < 63 && value >> channels != 0 => fail!(
            InvalidArgument,
            "code_value {value}: above 0, and no more bits than the {channels} channels given"
        ),
        PulseCode::Parallel => Ok((1, 1)),
        PulseCode::Serial => {
            let bits = if data_bits == 0 { DEFAULT_DATA_BITS } else { data_bits };
            if !(1..=MAX_DATA_BITS).contains(&bits) {
                fail!(
                    InvalidArgument,
                    "data_bits {bits}: 1 to {MAX_DATA_BITS}, or 0 for {DEFAULT_DATA_BITS}"
                );
            }
            if channels != 1 {
                fail!(InvalidArgument, "{channels} channels given for a serial code, which goes to one");
            }
            if value < 0 || value >> bits != 0 {
                fail!(
                    InvalidArgument,
                    "code_value {value}: 0 to {}, of {bits} data bits",
                    (1i64 << bits) - 1
                );
            }
            Ok((1 | (value as u64) << 1, bits as i64 + 2))
        }
    }
}

/// Frames from word to word; a word alone has none, which stands as the longest.
fn interval(pulse: &PulseParams, count: Option<i64>, word_frames: i64) -> Result<i64> {
    let given = pulse.interval_frames;
    if count == Some(1) {
        if given != 0 {
            fail!(InvalidArgument, "interval_frames is {given}, but count is 1");
        }
        return Ok(i64::MAX);
    }
    // Words of a serial code end with silence; pulses that touch would be one.
    let least = word_frames + (pulse.code != PulseCode::Serial) as i64;
    if !(least..=MAX_FRAME).contains(&given) {
        fail!(
            InvalidArgument,
            "interval_frames {given}: {least} to {MAX_FRAME} for {word_frames} frames each"
        );
    }
    if let Some(count) = count
        && (count - 1).checked_mul(given).is_none_or(|frames| frames > MAX_FRAME)
    {
        fail!(InvalidArgument, "count {count} of interval_frames {given} is too long");
    }
    Ok(given)
}
