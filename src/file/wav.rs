//! Writes WAV files, through hound.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hound::{SampleFormat, WavSpec, WavWriter};

use crate::buffer::Buffer;
use crate::error::{Code, Error, Result, fail};

/// Writes a buffer as float32. The file takes its name when it is complete.
pub fn save(buffer: &Arc<Buffer>, path: &Path, sample_rate_hz: i32) -> Result<()> {
    let rate = match (buffer.sample_rate_hz() as i32, sample_rate_hz) {
        (0, 1_000..=768_000) => sample_rate_hz,
        (0, 0) => fail!(InvalidArgument, "the buffer has no sample rate, and none is given"),
        (own, given) if own != 0 && (given == 0 || given == own) => own,
        (0, _) => fail!(InvalidArgument, "sample rate {sample_rate_hz} Hz: 1000 to 768000"),
        (own, _) => fail!(InvalidArgument, "the buffer is at {own} Hz, not at {sample_rate_hz} Hz"),
    };
    let held = buffer.hold()?;
    let spec = WavSpec {
        channels: buffer.channels() as u16,
        sample_rate: rate as u32,
        bits_per_sample: 32,
        sample_format: SampleFormat::Float,
    };
    let bytes = held.samples().len() as u64 * 4;
    if bytes > u32::MAX as u64 - 1024 {
        fail!(Unsupported, "{bytes} bytes of samples are more than a WAV file holds (4 GiB)");
    }
    let partial = partial_path(path)?;
    let complete = write(&partial, spec, held.samples()).and_then(|()| Ok(fs::rename(&partial, path)?));
    complete.map_err(|error| {
        // The error at hand says more than one about the rest of the file would.
        let _ = fs::remove_file(&partial);
        Error::new(Code::FileIo, format!("'{}' cannot be written: {error}", path.display()))
    })
}

fn write(path: &Path, spec: WavSpec, samples: &[f32]) -> hound::Result<()> {
    let mut writer = WavWriter::new(BufWriter::new(File::create(path)?), spec)?;
    samples.iter().try_for_each(|&sample| writer.write_sample(sample))?;
    writer.finalize()
}

/// A name beside `path` for a file that is not complete yet.
fn partial_path(path: &Path) -> Result<PathBuf> {
    let Some(name) = path.file_name() else {
        fail!(FileIo, "'{}' names no file", path.display());
    };
    let mut name = name.to_os_string();
    name.push(format!(".{}.partial", std::process::id()));
    Ok(path.with_file_name(name))
}
