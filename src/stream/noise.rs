//! Playing noise.

use super::Stream;
use super::params::{NoiseParams, PlayParams};
use super::play::{Sound, made_length};
use super::tone::loudness;
use crate::action::Kind;
use crate::error::{Result, fail};
use crate::realtime::source::{Distribution, MOST, Noise, Source, Spectrum};

/// RMS of noise for which none is given.
const DEFAULT_RMS: f64 = 0.1;

impl Stream {
    /// Plays noise on `channels` (from 1; `None` for the default map) with `gains` (linear, one a channel).
    pub fn play_noise(
        &self,
        noise: &NoiseParams,
        channels: Option<&[i32]>,
        gains: Option<&[f32]>,
        params: &PlayParams,
    ) -> Result<i64> {
        self.check_output()?;
        let length = made_length(params, "noise")?;
        let rms = loudness("rms", noise.rms, DEFAULT_RMS)?;
        let outputs = self.format().output_channels;
        let count = noise.source_channels.max(1) as usize;
        if noise.source_channels < 0 || count > outputs as usize {
            fail!(
                InvalidArgument,
                "source_channels {}: the stream has {outputs} output channels",
                noise.source_channels
            );
        }
        let crest = match (noise.spectrum, noise.distribution) {
            (_, Distribution::Gaussian) => MOST,
            (Spectrum::White, Distribution::Uniform) => 3f64.sqrt(),
            (Spectrum::Pink, Distribution::Uniform) => {
                fail!(InvalidArgument, "distribution is UNIFORM (1), but pink noise is Gaussian")
            }
        };
        let sound = Sound { peaks: vec![(rms * crest) as f32; count].into(), length };
        let NoiseParams { spectrum, distribution, seed, .. } = *noise;
        self.play(Kind::PlayNoise, &sound, channels, gains, params, || {
            let rate = self.format().sample_rate_hz;
            Ok(Source::Noise(Noise::new(spectrum, distribution, seed as u64, rms, count, rate, length)))
        })
    }
}
