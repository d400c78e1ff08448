//! Files that cannot be sound as it was meant are refused before they are played; real sounds are not.
#![allow(missing_docs)]

mod bustle;

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bustle::{CHANNELS, process, running};
use sonset::error::Code;
use sonset::file::load::load;
use sonset::plausible::{Meter, Plausibility};
use sonset::receipt::Outcome;
use sonset::stream::{PlayFileParams, PlayParams};

const RATE: u32 = 48_000;
const SECOND: usize = RATE as usize;

fn judge(samples: &[f32], channels: usize) -> Plausibility {
    let mut meter = Meter::new(channels);
    // In uneven pieces, as files are read.
    for piece in samples.chunks(channels * 777) {
        meter.feed(piece);
    }
    meter.judge(true)
}

fn sine(hertz: f64, peak: f64, frames: usize) -> Vec<f32> {
    (0..frames).map(|n| (peak * (TAU * hertz * n as f64 / RATE as f64).sin()) as f32).collect()
}

/// White noise, uniform between −peak and peak.
fn white(peak: f32, frames: usize, mut seed: u64) -> Vec<f32> {
    let next = |_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        peak * ((seed >> 40) as f32 / (1u64 << 23) as f32 - 1.0)
    };
    (0..frames).map(next).collect()
}

/// Samples of `bytes` bytes as they are when those are taken in the other order.
fn misread(samples: &[f32], bytes: u32) -> Vec<f32> {
    let full = 2f64.powi(8 * bytes as i32 - 1);
    let turn = |&sample: &f32| {
        let stored = (sample as f64 * full) as i32;
        let turned = (stored << (32 - 8 * bytes)).to_be_bytes();
        let mut back = [0; 4];
        back[4 - bytes as usize..].copy_from_slice(&turned[..bytes as usize]);
        (i32::from_le_bytes(back) as f64 / 2f64.powi(31)) as f32
    };
    samples.iter().map(turn).collect()
}

fn wav(folder: &Path, name: &str, samples: &[f32]) -> PathBuf {
    let path = folder.join(name);
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    samples.iter().for_each(|&sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
    path
}

#[test]
fn misread_bytes_are_found() {
    for hertz in [97.0, 440.0, 1_234.5, 3_456.7] {
        for peak in [0.03, 0.1, 0.5, 0.99] {
            // Of 16 bits, what changes by less than half of the lower byte from frame to frame is not noise.
            let step = TAU * hertz / RATE as f64 * peak * 32_768.0;
            let fewest = if step < 128.0 { 3 } else { 2 };
            for bytes in fewest..=3 {
                let sound = misread(&sine(hertz, peak, SECOND), bytes);
                assert_eq!(judge(&sound, 1), Plausibility::Noise, "{hertz} Hz at {peak} in {bytes} bytes");
                // Ever so short, and in one of two channels, with silence around.
                assert_eq!(judge(&sound[..200], 1), Plausibility::Noise, "{hertz} Hz at {peak}");
                let quiet = vec![0.0; SECOND];
                let stereo: Vec<f32> =
                    [&quiet[..], &sound].concat().into_iter().flat_map(|sample| [0.0, sample]).collect();
                assert_eq!(judge(&stereo, 2), Plausibility::Noise, "{hertz} Hz at {peak}");
            }
        }
    }
    // Speech of which the bytes are turned.
    let speech = load(Path::new("examples/speech.wav"), 0, 0).unwrap();
    let speech = bustle::samples(&speech);
    assert_eq!(judge(&misread(&speech, 2), 1), Plausibility::Noise);
    let mut beyond = sine(440.0, 0.5, SECOND);
    beyond[30_000] = -8.1;
    assert_eq!(judge(&beyond, 1), Plausibility::Beyond);
}

#[test]
fn real_sounds_pass() {
    for hertz in [20.0, 125.0, 1_000.0, 4_000.0, 8_000.0, 12_000.0, 15_999.0, 16_000.0, 20_000.0, 23_900.0] {
        assert_eq!(judge(&sine(hertz, 1.0, SECOND), 1), Plausibility::Plausible, "{hertz} Hz");
    }
    // A square wave and a sawtooth at full scale, the loudest that sounds get.
    for period in [11, 48, 480] {
        let square: Vec<f32> = (0..SECOND).map(|n| if n / period % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let saw: Vec<f32> = (0..SECOND).map(|n| 2.0 * (n % period) as f32 / period as f32 - 1.0).collect();
        assert_eq!(judge(&square, 1), Plausibility::Plausible, "{period}");
        assert_eq!(judge(&saw, 1), Plausibility::Plausible, "{period}");
    }
    // White noise of a stimulus: at -10 dB, from peak to peak of full scale (normal, 3.2 sigma), and a burst of it.
    let ten = 10f32.powf(-0.5) * 3f32.sqrt();
    assert_eq!(judge(&white(ten, 10 * SECOND, 3), 1), Plausibility::Plausible);
    let sum = |n: usize| -> f32 { (0..12).map(|k| white(0.5, 1, (12 * n + k) as u64 * 77_777)[0]).sum() };
    let normal: Vec<f32> = (0..SECOND).map(|n| (sum(n) / 3.2).clamp(-1.0, 1.0)).collect();
    assert_eq!(judge(&normal, 1), Plausibility::Plausible);
    assert_eq!(judge(&white(ten, 2_400, 5), 1), Plausibility::Plausible);
    // Speech as it is, and limited as hard as it goes.
    let speech = bustle::samples(&load(Path::new("examples/speech.wav"), 0, 0).unwrap());
    for gain in [1.0, 4.0, 100.0] {
        let loud: Vec<f32> = speech.iter().map(|sample| (gain * sample).clamp(-1.0, 1.0)).collect();
        assert_eq!(judge(&loud, 1), Plausibility::Plausible, "{gain}");
    }
    assert_eq!(judge(&[0.0; 5_000], 1), Plausibility::Plausible);
    assert_eq!(judge(&[1.0; 5_000], 1), Plausibility::Plausible);
    assert_eq!(judge(&[], 2), Plausibility::Plausible);
}

#[test]
fn an_implausible_buffer_is_loaded_and_not_played_unless_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let stream = running(8, "");
    let allowed = PlayParams { allow_implausible: true, allow_clip: true, ..PlayParams::default() };
    let noise = wav(folder.path(), "noise.wav", &misread(&sine(440.0, 0.1, SECOND), 3));
    let beyond = wav(folder.path(), "beyond.wav", &[0.0, 9.0, 0.0]);
    for (path, words) in [(noise, "white noise"), (beyond, "8 times")] {
        let buffer = load(&path, 0, 0).unwrap();
        let error = stream.play_buffer(&buffer, Some(&[1]), None, &PlayParams::default()).unwrap_err();
        assert_eq!(error.code, Code::Implausible);
        assert!(error.message.contains(words) && error.message.contains("allow_implausible"), "{error}");
        stream.play_buffer(&buffer, Some(&[1]), None, &allowed).unwrap();
        // What is made of it is no better.
        let mixed = sonset::downmix::mix(&buffer, &[0.001], 1).unwrap();
        assert_eq!(mixed.origin().plausibility, buffer.origin().plausibility);
        let error = stream.play_buffer(&mixed, Some(&[1]), None, &PlayParams::default()).unwrap_err();
        assert_eq!(error.code, Code::Implausible);
    }
    // The rate that it is converted to hides nothing.
    let turned = misread(&sine(440.0, 0.1, SECOND), 3);
    let path = wav(folder.path(), "other.wav", &turned);
    assert_eq!(load(&path, 96_000, 0).unwrap().origin().plausibility, Plausibility::Noise);
    let good = load(&wav(folder.path(), "good.wav", &sine(440.0, 0.5, SECOND)), 0, 0).unwrap();
    stream.play_buffer(&good, Some(&[1]), None, &PlayParams::default()).unwrap();
}

#[test]
fn an_implausible_file_is_not_played_unless_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let stream = running(8, "");
    let file = PlayFileParams::default();
    let play = |path: &Path, params: &PlayParams| stream.play_file(path, &file, Some(&[1]), None, params);
    let allowed = PlayParams { allow_implausible: true, ..PlayParams::default() };
    let turned = misread(&sine(440.0, 0.1, 5 * SECOND), 3);
    for (name, samples) in [("long.wav", &turned[..]), ("short.wav", &turned[..1_000])] {
        let path = wav(folder.path(), name, samples);
        let error = play(&path, &PlayParams::default()).unwrap_err();
        assert_eq!(error.code, Code::Implausible);
        assert!(error.message.contains(name) && error.message.contains("white noise"), "{error}");
        play(&path, &allowed).unwrap();
    }
    play(&wav(folder.path(), "good.wav", &sine(440.0, 0.5, SECOND)), &PlayParams::default()).unwrap();
}

#[test]
fn a_file_that_becomes_implausible_later_ends_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let stream = running(8, "");
    // Beyond what is read ahead.
    let mut samples = sine(440.0, 0.25, 5 * SECOND);
    samples[4 * SECOND] = 100.0;
    let path = wav(folder.path(), "later.wav", &samples);
    let file = PlayFileParams::default();
    let action = stream.play_file(&path, &file, Some(&[1]), None, &PlayParams::default()).unwrap();
    let mut heard = Vec::new();
    while heard.len() < 5 * SECOND {
        let (input, mut output) = (vec![0.0; CHANNELS * 4_096], vec![0.0; CHANNELS * 4_096]);
        process(&stream, &input, &mut output);
        heard.extend(output.iter().step_by(CHANNELS).copied());
        std::thread::sleep(Duration::from_millis(12));
    }
    assert!(heard.iter().all(|sample| sample.abs() <= 0.25));
    let receipt = stream.action(action).unwrap();
    assert_eq!(receipt.outcome, Some(Outcome::FileError));
    assert!((3 * SECOND as i64..=4 * SECOND as i64).contains(&receipt.measured.done_frames), "{receipt:?}");
}
