//! A whole file in a buffer.

use std::path::Path;
use std::sync::Arc;

use super::decode::Decoder;
use super::{naming, unreadable};
use crate::buffer::{Buffer, Origin};
use crate::error::{Result, fail};
use crate::rate::Rate;
use crate::resample::Resampler;

/// Samples that a buffer is filled with from a file: 4 GiB. Longer files are for playing from the disk.
pub const MAX_SAMPLES: usize = 1 << 30;

/// Frames decoded between two looks at the memory.
const STEP_FRAMES: usize = 1 << 14;

/// Reads audio track `track` (from 1; 0 for the file's default) into a new buffer, at `rate_hz` or, for 0, at
/// its own rate.
pub fn load(path: &Path, rate_hz: u32, track: i32) -> Result<Arc<Buffer>> {
    let mut decoder = Decoder::open(path, track)?;
    let info = decoder.info().clone();
    let own_hz = info.sample_rate_hz;
    let converts = rate_hz != 0 && Rate::from(rate_hz) != info.rate;
    let (rate_hz, from_hz) = if converts { (rate_hz, own_hz) } else { (own_hz, 0) };
    let resampler = converts.then(|| Resampler::new(info.rate, rate_hz, info.channels)).transpose();
    let samples = read_all(path, &mut decoder, resampler.map_err(|error| naming(path, error))?)?;
    if samples.is_empty() {
        return Err(unreadable(path, "holds no samples"));
    }
    let frames = (samples.len() / info.channels) as i64;
    let origin = Origin {
        resampled_from_hz: from_hz,
        file_rate_hz: info.rate.hz(),
        length_from_end_of_file: info.length_from_end_of_file,
        onset_uncertain: info.onset_uncertain,
        length_uncertain: info.length_uncertain,
        plausibility: decoder.plausibility(true),
    };
    Buffer::copy_from(&samples, frames, info.channels as i32, rate_hz as i32, origin)
        .map_err(|error| naming(path, error))
}

fn read_all(path: &Path, decoder: &mut Decoder, mut resampler: Option<Resampler>) -> Result<Vec<f32>> {
    let info = decoder.info();
    let (channels, growth) = (info.channels, if resampler.is_some() { 48 } else { 1 });
    let mut piece = vec![0.0; STEP_FRAMES * channels];
    let mut samples = Vec::new();
    loop {
        let frames = decoder.read(&mut piece)?;
        // What a piece becomes at most: rates are converted by a factor of 48 at most.
        if samples.len() + piece.len() > MAX_SAMPLES {
            fail!(
                Unsupported,
                "'{}' has more than the {MAX_SAMPLES} samples that are loaded",
                path.display()
            );
        }
        if samples.try_reserve(piece.len() * growth).is_err() {
            fail!(OutOfMemory, "no memory for the samples of '{}' after {}", path.display(), samples.len());
        }
        match (&mut resampler, frames) {
            (Some(resampler), 0) => resampler.finish(&mut samples)?,
            (Some(resampler), _) => resampler.feed(&piece[..frames * channels], &mut samples)?,
            (None, _) => samples.extend_from_slice(&piece[..frames * channels]),
        }
        if frames == 0 {
            return Ok(samples);
        }
    }
}
