//! A media file as frames of a stated rate.
//!
//! All frames are counted at that rate, and are those of the whole file converted at once, wherever reading begins.

use super::decode::{Decoder, Info};
use crate::error::{Error, Result};
use crate::plausible::Plausibility;
use crate::rate::Rate;
use crate::resample::{Resampler, converted_frames, entry};

/// Frames of the higher rate that are converted at a time.
const FRAMES: u64 = 1_024;

/// Decodes a track, and converts it if its rate is another.
pub struct RatedDecoder {
    decoder: Decoder,
    conversion: Option<Conversion>,
}

struct Conversion {
    resampler: Resampler,
    from: Rate,
    to_hz: u32,
    input: Vec<f32>,
    /// Frames converted and not yet read: `output` from sample `taken` on.
    output: Vec<f32>,
    taken: usize,
    /// Samples to be thrown away before the frame that is read next.
    early: usize,
    over: bool,
    failure: Option<Error>,
}

impl RatedDecoder {
    /// The track of `decoder` at `rate_hz`.
    pub fn new(decoder: Decoder, rate_hz: u32) -> Result<Self> {
        let info = decoder.info();
        let (from, channels) = (info.rate, info.channels);
        let conversion = match from == rate_hz.into() {
            true => None,
            false => Some(Conversion {
                resampler: Resampler::new(from, rate_hz, channels)?,
                from,
                to_hz: rate_hz,
                input: vec![0.0; input_frames(info.sample_rate_hz, rate_hz) * channels],
                output: Vec::new(),
                taken: 0,
                early: 0,
                over: false,
                failure: None,
            }),
        };
        Ok(Self { decoder, conversion })
    }

    /// What is known of the track in the file.
    pub fn info(&self) -> &Info {
        self.decoder.info()
    }

    /// As [`Decoder::plausibility`].
    pub fn plausibility(&self, is_whole: bool) -> Plausibility {
        self.decoder.plausibility(is_whole)
    }

    /// Number of frames, where the file tells it exactly.
    pub fn frames(&self) -> Option<u64> {
        let frames = self.decoder.info().frames?;
        Some(match &self.conversion {
            Some(conversion) => converted_frames(conversion.from, conversion.to_hz, frames),
            None => frames,
        })
    }

    /// As [`Decoder::read`].
    pub fn read(&mut self, out: &mut [f32]) -> Result<usize> {
        match &mut self.conversion {
            Some(conversion) => conversion.read(&mut self.decoder, out),
            None => self.decoder.read(out),
        }
    }

    /// As [`Decoder::seek`].
    pub fn seek(&mut self, frame: u64) -> Result<()> {
        match &mut self.conversion {
            Some(conversion) => conversion.seek(&mut self.decoder, frame),
            None => self.decoder.seek(frame),
        }
    }
}

fn input_frames(from_hz: u32, to_hz: u32) -> usize {
    (FRAMES * from_hz as u64 / to_hz as u64).clamp(16, FRAMES) as usize
}

impl Conversion {
    fn read(&mut self, decoder: &mut Decoder, out: &mut [f32]) -> Result<usize> {
        let channels = decoder.info().channels;
        let mut done = 0;
        loop {
            let count = (self.output.len() - self.taken).min(out.len() - done);
            out[done..done + count].copy_from_slice(&self.output[self.taken..self.taken + count]);
            self.taken += count;
            done += count;
            if done == out.len() || (self.over && done > 0) {
                return Ok(done / channels);
            }
            if self.over {
                return self.failure.clone().map_or(Ok(0), Err);
            }
            self.convert(decoder)?;
        }
    }

    /// Refills `output`, which may stay empty. What comes before a break is converted as what comes before an end.
    fn convert(&mut self, decoder: &mut Decoder) -> Result<()> {
        self.output.clear();
        match decoder.read(&mut self.input) {
            Ok(frames) if frames > 0 => {
                let samples = frames * decoder.info().channels;
                self.resampler.feed(&self.input[..samples], &mut self.output)?;
            }
            end => {
                self.over = true;
                self.failure = end.err();
                self.resampler.finish(&mut self.output)?;
            }
        }
        self.taken = self.early.min(self.output.len());
        self.early -= self.taken;
        Ok(())
    }

    fn seek(&mut self, decoder: &mut Decoder, frame: u64) -> Result<()> {
        let (input, output) = entry(self.from, self.to_hz, frame);
        decoder.seek(input)?;
        self.resampler.restart();
        self.output.clear();
        (self.taken, self.over, self.failure) = (0, false, None);
        self.early = (frame - output) as usize * decoder.info().channels;
        Ok(())
    }
}
