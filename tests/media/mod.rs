//! Media files made by ffmpeg from a sound that is known to the frame. Not every test file uses all of it.
#![allow(dead_code)]

pub mod mp3;
pub mod pages;

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

/// Interleaved noise that is the same in every run, never silent and never twice the same.
pub fn noise(frames: usize, channels: usize) -> Vec<f32> {
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    let mut low = 0.0;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let white = (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0;
        low += 0.2 * (white - low);
        0.9 * low
    };
    (0..frames * channels).map(next).collect()
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
