//! Files whose samples tell their frames, and what of them is heard.

// Each test file uses the part it needs.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use sonset::receipt::Receipt;
use sonset::stream::{PlayFileParams, PlayParams, StartAt, Stream, Timing};

use crate::bustle::{CHANNELS, process, write_wav};

/// A sample that tells its frame and channel: one of 2^15 levels.
pub fn told(frame: i64, channel: usize) -> f32 {
    ((frame * 7 + channel as i64 * 11) % 32_000 + 1) as f32 / 32_768.0
}

/// A WAV file of 16 bits, whose samples tell their frames.
pub fn file(folder: &Path, name: &str, frames: i64, channels: usize, rate: u32) -> PathBuf {
    let path = folder.join(name);
    let all = (0..frames).flat_map(|frame| (0..channels).map(move |channel| told(frame, channel)));
    write_wav(&path, rate, channels, all.map(|sample| (sample * 32_768.0) as i16));
    path
}

/// A start at a frame.
pub fn at(frame: i64) -> PlayParams {
    let timing = Timing { start: StartAt::Frame(frame), ..Timing::default() };
    PlayParams { timing, ..PlayParams::default() }
}

/// Plays a file on channel 1.
pub fn play(stream: &Stream, path: &Path, params: &PlayParams) -> i64 {
    stream.play_file(path, &PlayFileParams::default(), Some(&[1]), None, params).unwrap()
}

/// Renders `frames` frames, waiting now and then so that files can be read, and gives channel 1.
pub fn render(stream: &Stream, frames: i64) -> Vec<f32> {
    let mut heard = Vec::new();
    while (heard.len() as i64) < frames {
        let count = (frames - heard.len() as i64).min(4_096) as usize;
        let (input, mut output) = (vec![0.0; CHANNELS * count], vec![0.0; CHANNELS * count]);
        process(stream, &input, &mut output);
        heard.extend(output.iter().step_by(CHANNELS));
        if heard.len() % 16_384 == 0 {
            std::thread::sleep(Duration::from_millis(12));
        }
    }
    heard
}

/// What is known of an action.
pub fn receipt(stream: &Stream, action: i64) -> Receipt {
    stream.action(action).unwrap()
}

/// The frames of a file that sound, by the words of the header.
pub fn frames(params: &PlayParams, all: i64) -> Vec<i64> {
    let end = params.frame_count.map_or(all, |count| params.first_frame + count);
    let whole = params.loop_first_frame == 0 && params.loop_frames == 0;
    let loop_first = if whole { params.first_frame } else { params.loop_first_frame };
    let loop_end = if params.loop_frames == 0 { end } else { loop_first + params.loop_frames };
    let mut frames: Vec<i64> = Vec::new();
    if params.loop_count == 0 {
        frames.extend(params.first_frame..end);
        return frames;
    }
    frames.extend(params.first_frame..loop_end);
    for _ in 0..params.loop_count {
        frames.extend(loop_first..loop_end);
    }
    frames.extend(loop_end..end);
    frames
}
