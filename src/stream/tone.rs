//! Playing tones.

use super::Stream;
use super::params::{PlayParams, ToneParams};
use super::play::{Sound, made_length, oscillation};
use crate::action::Kind;
use crate::error::{Result, fail};
use crate::realtime::source::{Source, Tone};

impl Stream {
    /// Plays a tone on `channels` (from 1; `None` for the default map) with `gains` (linear, one a channel).
    pub fn play_tone(
        &self,
        tone: &ToneParams,
        channels: Option<&[i32]>,
        gains: Option<&[f32]>,
        params: &PlayParams,
    ) -> Result<i64> {
        self.check_output()?;
        let length = made_length(params, "a tone")?;
        let phase = oscillation("", tone.frequency_hz, tone.phase_cycles, self.format().sample_rate_hz)?;
        let amplitude = loudness("amplitude", tone.amplitude, 1.0)?;
        let peak = (amplitude * tone.waveform.peak()) as f32;
        let sound = Sound { peaks: [peak].into(), length };
        self.play(Kind::PlayTone, &sound, channels, gains, params, || {
            Ok(Source::Tone(Tone::new(tone.waveform, phase, amplitude, length)))
        })
    }
}

/// A linear level above 0, or `default` if it is 0.
pub(super) fn loudness(name: &str, value: f64, default: f64) -> Result<f64> {
    if !(value >= 0.0 && (value as f32).is_finite()) {
        fail!(InvalidArgument, "{name} is {value}: above 0, or 0 for {default}");
    }
    Ok(if value == 0.0 { default } else { value })
}
