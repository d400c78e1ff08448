//! WAV files as a whole, through hound.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use crate::buffer::Buffer;
use crate::error::{Code, Error, Result, fail};

/// Reads a file into a new buffer. Integers are divided by 2^(bits − 1), so that the most negative one is −1.
pub fn load(path: &Path) -> Result<Arc<Buffer>> {
    let file = File::open(path).map_err(|error| file_error(path, "cannot be opened", &error))?;
    if file.metadata().is_ok_and(|meta| meta.is_dir()) {
        fail!(FileFormat, "'{}' is a folder, not a WAV file", path.display());
    }
    let mut reader = WavReader::new(BufReader::new(file)).map_err(|error| wav_error(path, error))?;
    let spec = reader.spec();
    let frames = reader.duration() as i64;
    if frames == 0 {
        fail!(FileFormat, "'{}' holds no samples", path.display());
    }
    let samples: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect::<hound::Result<_>>(),
        SampleFormat::Int => {
            let scale = 1.0 / 2f64.powi(spec.bits_per_sample as i32 - 1);
            let scaled = |sample: i32| (sample as f64 * scale) as f32;
            reader.samples::<i32>().map(|sample| sample.map(scaled)).collect::<hound::Result<_>>()
        }
    }
    .map_err(|error| wav_error(path, error))?;
    let rate = i32::try_from(spec.sample_rate).ok().filter(|&rate| rate > 0);
    let Some(rate) = rate else {
        fail!(FileFormat, "'{}' states a sample rate of {} Hz", path.display(), spec.sample_rate);
    };
    Buffer::copy(&samples, frames, spec.channels as i32, rate).map_err(|error| {
        let code = if error.code == Code::InvalidArgument { Code::FileFormat } else { error.code };
        Error::new(code, format!("'{}': {}", path.display(), error.message))
    })
}

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

fn file_error(path: &Path, what: &str, error: &std::io::Error) -> Error {
    let code = match error.kind() {
        std::io::ErrorKind::NotFound => Code::FileNotFound,
        _ => Code::FileIo,
    };
    Error::new(code, format!("'{}' {what}: {error}", path.display()))
}

fn wav_error(path: &Path, error: hound::Error) -> Error {
    let damaged = |reason: &str| {
        Error::new(Code::FileFormat, format!("'{}' is no readable WAV file: {reason}", path.display()))
    };
    match error {
        hound::Error::FormatError(reason) => damaged(reason),
        hound::Error::Unsupported => damaged("its sample format is not supported"),
        hound::Error::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            damaged("it ends too soon")
        }
        hound::Error::IoError(error) if error.raw_os_error().is_none() => damaged(&error.to_string()),
        hound::Error::IoError(error) => file_error(path, "cannot be read", &error),
        other => damaged(&other.to_string()),
    }
}
