//! Files of another rate or coding, played while they are read, against the same ones loaded as a whole.

mod bustle;

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bustle::{CHANNELS, process, running};
use sonset::error::Code;
use sonset::file::decode::Decoder;
use sonset::file::load::load;
use sonset::receipt::Outcome;
use sonset::stream::{PlayFileParams, PlayParams, StartAt, Stream, Timing};

const RATE: u32 = 48_000;

/// A WAV file of 32-bit floats with a sweep, so that a shift by a fraction of a frame shows.
fn sweep(folder: &Path, frames: u32, rate: u32) -> PathBuf {
    let path = folder.join(format!("sweep{rate}.wav"));
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for n in 0..frames {
        let seconds = n as f64 / rate as f64;
        writer.write_sample((0.5 * (TAU * (100.0 + 400.0 * seconds) * seconds).sin()) as f32).unwrap();
    }
    writer.finalize().unwrap();
    path
}

/// What sounds on channel 1 over `frames` frames, with time for the worker between the blocks.
fn render(stream: &Stream, frames: usize) -> Vec<f32> {
    let mut heard = Vec::new();
    while heard.len() < frames {
        let count = (frames - heard.len()).min(8_192);
        let (input, mut output) = (vec![0.0; CHANNELS * count], vec![0.0; CHANNELS * count]);
        process(stream, &input, &mut output);
        heard.extend(output.iter().step_by(CHANNELS));
        std::thread::sleep(Duration::from_millis(12));
    }
    heard
}

/// Plays `path` from frame 0 of a new stream on, and gives what sounds, and a little after it.
fn played(path: &Path, params: PlayParams, frames: usize) -> Vec<f32> {
    let stream = running(4, "");
    let timing = Timing { start: StartAt::Frame(0), ..Timing::default() };
    let file = PlayFileParams { resample: true, ..PlayFileParams::default() };
    let params = PlayParams { timing, ..params };
    let action = stream.play_file(path, &file, Some(&[1]), None, &params).unwrap();
    let heard = render(&stream, frames + 100);
    let receipt = stream.action(action).unwrap();
    assert_eq!((receipt.outcome, receipt.measured.missing.frames), (Some(Outcome::Completed), 0));
    assert_eq!(receipt.measured.done_frames, frames as i64, "{params:?}");
    assert!(heard[frames..].iter().all(|sample| *sample == 0.0));
    heard
}

fn assert_near(heard: &[f32], expected: impl Iterator<Item = f32>, what: &str) {
    let wrong = heard.iter().zip(expected).position(|(heard, expected)| (heard - expected).abs() > 1e-6);
    assert_eq!(wrong, None, "{what}");
}

#[test]
fn a_converted_file_is_the_loaded_one_from_any_frame_on_and_in_loops() {
    let folder = tempfile::tempdir().unwrap();
    for rate in [8_000, 22_050, 44_100, 44_101, 96_000] {
        let path = sweep(folder.path(), 2 * rate + 77, rate);
        let loaded = load(&path, RATE, 0).unwrap();
        let held = loaded.hold().unwrap();
        let all = held.samples();
        let whole = played(&path, PlayParams::default(), all.len());
        assert_near(&whole, all.iter().copied(), &format!("{rate} Hz"));
        for first in [1, 700, 60_001] {
            let params = PlayParams { first_frame: first as i64, ..PlayParams::default() };
            let part = played(&path, params, all.len() - first);
            assert_near(&part, all[first..].iter().copied(), &format!("{rate} Hz from {first}"));
        }
        let (first, frames) = (50_000, 20_003);
        let params = PlayParams {
            loop_count: 2,
            loop_first_frame: first as i64,
            loop_frames: frames as i64,
            ..PlayParams::default()
        };
        let looped = played(&path, params, all.len() + 2 * frames);
        let turn = &all[first..first + frames];
        let expected = all[..first + frames].iter().chain(turn).chain(turn).chain(&all[first + frames..]);
        assert_near(&looped, expected.copied(), &format!("{rate} Hz looped"));
    }
}

#[test]
fn flac_and_ogg_sound_as_they_are_decoded_from_any_frame_on() {
    let folder = tempfile::tempdir().unwrap();
    let wav = sweep(folder.path(), 150_000, RATE);
    for name in ["a.flac", "a.ogg"] {
        let path = folder.path().join(name);
        let made =
            std::process::Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(&wav).arg(&path).status();
        assert!(made.expect("ffmpeg is there").success());
        for first in [0, 1, 70_001] {
            let mut decoder = Decoder::open(&path, 0).unwrap();
            let mut all = vec![0.0; 200_000];
            let frames = decoder.read(&mut all).unwrap();
            assert_eq!(frames, 150_000, "{name}");
            let params = PlayParams { first_frame: first as i64, ..PlayParams::default() };
            let heard = played(&path, params, frames - first);
            assert!(
                heard.iter().zip(&all[first..frames]).all(|(heard, read)| heard == read),
                "{name} {first}"
            );
        }
    }
}

#[test]
fn another_rate_is_refused_with_the_cure_and_a_loop_beyond_all_time_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = sweep(folder.path(), 1_000, 44_100);
    let stream = running(2, "");
    let file = PlayFileParams::default();
    let error = stream.play_file(&path, &file, None, None, &PlayParams::default()).unwrap_err();
    assert!(error.code == Code::RateMismatch && error.message.contains("set resample"), "{error:?}");
    let params = PlayParams { loop_count: i64::MAX / 2_000, ..PlayParams::default() };
    let file = PlayFileParams { resample: true, ..file };
    let error = stream.play_file(&path, &file, None, None, &params).unwrap_err();
    assert!(error.code == Code::InvalidArgument && error.message.contains("loop_count"), "{error:?}");
    assert_eq!(stream.stats().live_actions, 0);
}
