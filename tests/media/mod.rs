//! Media files made by ffmpeg from a sound that is known to the frame.

use std::path::{Path, PathBuf};
use std::process::Command;

pub const FRAMES: usize = 100_000;

/// Frames at which channel `channel` clicks: far enough from each other and from the ends for any codec.
pub fn clicks(channel: usize) -> [usize; 3] {
    [12_345, 48_000, 83_211].map(|frame| frame + 1_500 * channel)
}

/// Interleaved: a click in each channel, and silence.
pub fn sound(channels: usize) -> Vec<f32> {
    let mut samples = vec![0.0; FRAMES * channels];
    for channel in 0..channels {
        for frame in clicks(channel) {
            samples[frame * channels + channel] = 0.75;
        }
    }
    samples
}

/// Encodes `samples` with the given arguments of ffmpeg.
pub fn encode(
    folder: &Path,
    name: &str,
    samples: &[f32],
    channels: usize,
    rate: u32,
    arguments: &str,
) -> PathBuf {
    let source = folder.join(format!("{name}.source.wav"));
    let spec = hound::WavSpec {
        channels: channels as u16,
        sample_rate: rate,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(&source, spec).unwrap();
    samples.iter().for_each(|&sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
    let path = folder.join(name);
    ffmpeg(&format!("-i {} {arguments} {}", source.display(), path.display()));
    std::fs::remove_file(source).unwrap();
    path
}

pub fn ffmpeg(arguments: &str) {
    let output = Command::new("ffmpeg")
        .args("-nostdin -v error -y".split(' '))
        .args(arguments.split_whitespace())
        .output()
        .expect("ffmpeg is installed by scripts/setup test");
    assert!(output.status.success(), "ffmpeg {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
