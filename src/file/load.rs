//! A whole file in a buffer.

use std::path::Path;
use std::sync::Arc;

use super::decode::Decoder;
use super::unreadable;
use crate::buffer::Buffer;
use crate::error::{Error, Result, fail};

/// Samples that a buffer is filled with from a file: 4 GiB. Longer files are for playing from the disk.
pub const MAX_SAMPLES: usize = 1 << 30;

/// Frames decoded between two looks at the memory.
const STEP_FRAMES: usize = 1 << 14;

/// Reads audio track `track` (from 1; 0 for the file's default) into a new buffer.
pub fn load(path: &Path, track: i32) -> Result<Arc<Buffer>> {
    let mut decoder = Decoder::open(path, track)?;
    let channels = decoder.info().channels;
    let mut samples = Vec::new();
    loop {
        let done = samples.len();
        let step = STEP_FRAMES * channels;
        if done + step > MAX_SAMPLES {
            fail!(
                Unsupported,
                "'{}' is longer than a buffer takes from a file ({MAX_SAMPLES} samples)",
                path.display()
            );
        }
        if samples.try_reserve(step).is_err() {
            fail!(OutOfMemory, "no memory for the samples of '{}' after {done}", path.display());
        }
        samples.resize(done + step, 0.0);
        let frames = decoder.read(&mut samples[done..])?;
        samples.truncate(done + frames * channels);
        if frames == 0 {
            break;
        }
    }
    if samples.is_empty() {
        return Err(unreadable(path, "holds no samples"));
    }
    let frames = (samples.len() / channels) as i64;
    Buffer::copy(&samples, frames, channels as i32, decoder.info().sample_rate_hz as i32)
        .map_err(|error| Error::new(error.code, format!("'{}': {}", path.display(), error.message)))
}
