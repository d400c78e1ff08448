//! From what a host asks a voice key for to a detector: every check is made before anything changes.

use super::params::DetectParams;
use super::submit::{MAX_FRAME, check_channel, check_timing};
use super::{Format, Stream};
use crate::action::{Detect, Kind, Work};
use crate::error::{Result, fail};
use crate::realtime::detect::{Biquad, Detector, Settings, Threshold};

/// The first milliseconds of an input that stand for silence.
const FLOOR_MS: i64 = 200;
/// 20 dB, beyond the peaks of any noise that is steady.
const FLOOR_MULTIPLE: f64 = 10.0;
const MAX_FLOOR_MULTIPLE: f64 = 1e6;
/// −40 dB of full scale. Twenty dB above that is 0.1, which a voice at a well set microphone may not reach.
const FLOOR_LIMIT: f64 = 0.01;
/// Above hum and below nearly all that a voice has.
const HIGH_PASS_HZ: f64 = 100.0;
/// Longer than a click of lips or keys.
const MINIMUM_MS: i64 = 10;
/// One period of a low voice.
const GAP_MS: i64 = 10;
/// Longer than the closure of a stop consonant within a word.
const HOLD_OFF_MS: i64 = 200;

impl Stream {
    /// Waits for a sound on `channels` (from 1; `None` for 1).
    pub fn detect_level(&self, channels: Option<&[i32]>, params: &DetectParams) -> Result<i64> {
        let format = self.format();
        if format.input_channels == 0 {
            fail!(InvalidState, "the stream has no input (input_channels is 0)");
        }
        check_timing(&params.timing)?;
        let channels = listened(channels, format)?;
        let settings = settings(params, format.sample_rate_hz)?;
        let frames = match checked_frames("max_frames", params.max_frames)? {
            0 => i64::MAX,
            frames => frames,
        };
        if let Threshold::OverFloor { frames: floor, .. } = settings.threshold
            && frames <= floor
        {
            fail!(InvalidArgument, "max_frames {frames}: the floor is measured over the first {floor}");
        }
        self.submit(Kind::DetectLevel, params.timing, 0, || {
            Ok(Work::Detect(Detect { detector: Detector::new(settings, &channels), frames }))
        })
    }
}

fn listened(channels: Option<&[i32]>, format: &Format) -> Result<Vec<u32>> {
    let channels = channels.unwrap_or(&[1]);
    if channels.is_empty() {
        fail!(InvalidArgument, "no channels are given; NULL with channel_count 0 means channel 1");
    }
    for (index, &channel) in channels.iter().enumerate() {
        check_channel(channel, format.input_channels as usize, "input")?;
        if channels[..index].contains(&channel) {
            fail!(InvalidArgument, "input channel {channel} is given twice");
        }
    }
    Ok(channels.iter().map(|&channel| channel as u32 - 1).collect())
}

fn settings(params: &DetectParams, rate: u32) -> Result<Settings> {
    let frames = |name: &str, value: i64, default_ms: i64| {
        Ok(match checked_frames(name, value)? {
            0 => (default_ms * rate as i64 / 1_000).max(1),
            value => value,
        })
    };
    Ok(Settings {
        threshold: threshold(params, frames("floor_frames", params.floor_frames, FLOOR_MS)?)?,
        high_pass: high_pass(params.high_pass_hz, rate)?,
        minimum_frames: frames("minimum_frames", params.minimum_frames, MINIMUM_MS)?,
        gap_frames: frames("gap_frames", params.gap_frames, GAP_MS)?,
        hold_off_frames: frames("hold_off_frames", params.hold_off_frames, HOLD_OFF_MS)?,
    })
}

fn checked_frames(name: &str, frames: i64) -> Result<i64> {
    if !(0..=MAX_FRAME).contains(&frames) {
        fail!(InvalidArgument, "{name} {frames}: 0 to {MAX_FRAME}");
    }
    Ok(frames)
}

fn threshold(params: &DetectParams, frames: i64) -> Result<Threshold> {
    let DetectParams { threshold, floor_multiple, floor_frames, floor_limit, .. } = *params;
    if !(0.0..=1.0).contains(&threshold) {
        fail!(
            InvalidArgument,
            "threshold {threshold}: above 0 and at most 1, or 0 for a multiple of the floor"
        );
    }
    if threshold > 0.0 {
        if floor_multiple != 0.0 || floor_frames != 0 || floor_limit != 0.0 {
            fail!(
                InvalidArgument,
                "floor_multiple is {floor_multiple}, floor_frames {floor_frames} and floor_limit {floor_limit}, \
                 but threshold {threshold} is absolute and does not use them"
            );
        }
        return Ok(Threshold::Absolute(threshold));
    }
    if floor_multiple != 0.0 && !(1.0..=MAX_FLOOR_MULTIPLE).contains(&floor_multiple) {
        fail!(
            InvalidArgument,
            "floor_multiple {floor_multiple}: 1 to {MAX_FLOOR_MULTIPLE}, or 0 for {FLOOR_MULTIPLE}"
        );
    }
    if !(0.0..=1.0).contains(&floor_limit) {
        fail!(InvalidArgument, "floor_limit {floor_limit}: above 0 and at most 1, or 0 for {FLOOR_LIMIT}");
    }
    let multiple = if floor_multiple == 0.0 { FLOOR_MULTIPLE } else { floor_multiple };
    let limit = if floor_limit == 0.0 { FLOOR_LIMIT } else { floor_limit };
    Ok(Threshold::OverFloor { multiple, frames, limit })
}

/// A Butterworth high-pass of second order: HPF of the Audio EQ Cookbook (R. Bristow-Johnson; W3C Note, 2021)
/// with Q = 1/√2.
fn high_pass(hz: f64, rate: u32) -> Result<Option<Biquad>> {
    if hz == -1.0 {
        return Ok(None);
    }
    let corner = if hz == 0.0 { HIGH_PASS_HZ } else { hz };
    let nyquist = rate as f64 / 2.0;
    if !(corner > 0.0 && corner < nyquist) {
        fail!(
            InvalidArgument,
            "high_pass_hz {corner}: above 0 and below {nyquist}, half the sample rate; 0 for {HIGH_PASS_HZ}, \
             -1 for none"
        );
    }
    let (sin, cos) = (std::f64::consts::PI * corner / nyquist).sin_cos();
    let alpha = sin * std::f64::consts::FRAC_1_SQRT_2;
    let a0 = 1.0 + alpha;
    let b0 = (1.0 + cos) / 2.0 / a0;
    Ok(Some(Biquad { b: [b0, -2.0 * b0, b0], a: [-2.0 * cos / a0, (1.0 - alpha) / a0] }))
}
