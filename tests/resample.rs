//! Rate conversion against what a sine or a pulse is at the other rate.
#![allow(missing_docs)]

use std::f64::consts::TAU;

use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::resample::{Resampler, resample};

/// Common pairs, extremes, and rates without a common factor.
const PAIRS: [(u32, u32); 15] = [
    (44_100, 48_000),
    (48_000, 44_100),
    (48_000, 96_000),
    (96_000, 48_000),
    (22_050, 48_000),
    (16_000, 44_100),
    (192_000, 44_100),
    (44_100, 192_000),
    (8_000, 384_000),
    (384_000, 8_000),
    (48_000, 48_001),
    (44_101, 44_100),
    (39_600, 39_700),
    (8_001, 384_000),
    (96_000, 8_009),
];

fn convert(input: &[f32], from: u32, to: u32, channels: usize) -> Vec<f32> {
    let mut resampler = Resampler::new(from, to, channels).unwrap();
    let mut output = Vec::new();
    resampler.feed(input, &mut output).unwrap();
    resampler.finish(&mut output).unwrap();
    output
}

fn tone(frequency: f64, rate: u32, frames: usize) -> Vec<f32> {
    (0..frames).map(|n| (TAU * (frequency / rate as f64 * n as f64).fract()).sin() as f32).collect()
}

/// Frames of input to work on: enough for the filter's two halves and as much between them.
fn enough(from: u32, to: u32) -> usize {
    (2048 * from.div_ceil(to)) as usize
}

/// The part of the output that no edge of the input reaches.
fn inside(output: &[f32]) -> std::ops::Range<usize> {
    output.len() * 2 / 5..output.len() * 3 / 5
}

fn decibels(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}

#[test]
fn an_onset_stays_within_a_hundredth_of_an_output_frame() {
    for (from, to) in PAIRS {
        let frames = enough(from, to);
        for at in [frames / 2, frames / 2 + 7] {
            let mut pulse = vec![0.0; frames];
            pulse[at] = 1.0;
            let output = convert(&pulse, from, to, 1);
            let expected = at as f64 * to as f64 / from as f64;
            let peak = (0..output.len()).max_by(|&a, &b| output[a].total_cmp(&output[b])).unwrap();
            assert!((peak as f64 - expected).abs() <= 0.501, "{from} to {to}: {peak}, not {expected}");
            // The phase of a component with a period longer than the filter tells the time of the pulse.
            let turn = TAU / (frames as f64 * to as f64 / from as f64 * 2.0);
            let sum = |of: fn(f64) -> f64| -> f64 {
                output.iter().enumerate().map(|(n, &v)| v as f64 * of(turn * n as f64)).sum()
            };
            let found = sum(f64::sin).atan2(sum(f64::cos)) / turn;
            assert!((found - expected).abs() < 0.01, "{from} to {to}: {found}, not {expected}");
        }
    }
}

/// What is left of `output` without its component at `frequency`, at most, and the gain and phase of that.
fn without(output: &[f32], frequency: f64, rate: u32) -> (f64, f64, f64) {
    let turn = |n: usize| TAU * (frequency / rate as f64 * n as f64).fract();
    // Least squares over sine and cosine.
    let (mut ss, mut cc, mut sc, mut ys, mut yc) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for n in inside(output) {
        let ((sin, cos), y) = (turn(n).sin_cos(), output[n] as f64);
        (ss, cc, sc) = (ss + sin * sin, cc + cos * cos, sc + sin * cos);
        (ys, yc) = (ys + y * sin, yc + y * cos);
    }
    let scale = ss * cc - sc * sc;
    let (a, b) = ((ys * cc - yc * sc) / scale, (yc * ss - ys * sc) / scale);
    let rest = inside(output).map(|n| {
        let (sin, cos) = turn(n).sin_cos();
        (output[n] as f64 - a * sin - b * cos).abs()
    });
    (rest.fold(0.0, f64::max), a.hypot(b), b.atan2(a))
}

#[test]
fn a_tone_below_94_percent_of_the_lower_half_rate_stays_that_tone_within_0_001_db() {
    for (from, to) in PAIRS {
        let edge = from.min(to) as f64 / 2.0;
        for part in [0.0101, 0.5, 0.94] {
            let frequency = part * edge;
            let output = convert(&tone(frequency, from, enough(from, to)), from, to, 1);
            let (rest, gain, phase) = without(&output, frequency, to);
            let about = format!("{from} to {to} Hz at {frequency} Hz");
            assert!(decibels(gain).abs() < 0.001, "{about}: {} dB", decibels(gain));
            assert!(phase.abs() / TAU / frequency < 2e-5 / to as f64, "{about}: late by {phase} rad");
            // Images, aliases and distortion, down to the rounding of input and output.
            assert!(decibels(rest) < -130.0, "{about}: {} dB beside it", decibels(rest));
        }
    }
}

#[test]
fn a_tone_above_the_lower_half_rate_is_below_120_db() {
    for (from, to) in PAIRS.into_iter().filter(|(from, to)| from > to) {
        for part in [1.0005, 1.03, 1.5, 6.1] {
            let frequency = part * to as f64 / 2.0;
            if frequency < from as f64 / 2.0 {
                let output = convert(&tone(frequency, from, enough(from, to)), from, to, 1);
                let rest = inside(&output).map(|n| output[n].abs() as f64).fold(0.0, f64::max);
                assert!(decibels(rest) < -120.0, "{from} to {to}, {frequency} Hz: {} dB", decibels(rest));
            }
        }
    }
}

#[test]
fn an_image_of_a_tone_between_the_pass_band_and_half_the_rate_is_below_100_db() {
    for (from, to) in PAIRS.into_iter().filter(|(from, to)| from < to) {
        for part in [0.95, 0.999] {
            let frequency = part * from as f64 / 2.0;
            let output = convert(&tone(frequency, from, enough(from, to)), from, to, 1);
            let (rest, ..) = without(&output, frequency, to);
            assert!(decibels(rest) < -100.0, "{from} to {to}, {frequency} Hz: {} dB", decibels(rest));
        }
    }
}

#[test]
fn k_frames_become_the_nearest_whole_number_and_pieces_change_no_bit() {
    for (from, to) in PAIRS {
        for frames in [1, 100, 5_001] {
            let input: Vec<f32> = (0..2 * frames).map(|n| ((n * n) as f32).sin() * 0.5).collect();
            let whole = convert(&input, from, to, 2);
            let expected = (frames as f64 * to as f64 / from as f64 + 0.5).floor() as usize;
            assert_eq!(whole.len(), 2 * expected, "{frames} frames from {from} to {to} Hz");
            let mut resampler = Resampler::new(from, to, 2).unwrap();
            let mut pieces = Vec::new();
            let mut rest = &input[..];
            for size in [1usize, 7, 0, 500, 3_000, usize::MAX] {
                let (piece, later) = rest.split_at(size.saturating_mul(2).min(rest.len()));
                resampler.feed(piece, &mut pieces).unwrap();
                rest = later;
            }
            resampler.finish(&mut pieces).unwrap();
            assert!(pieces == whole, "{frames} frames from {from} to {to} Hz");
        }
    }
}

#[test]
fn a_converted_buffer_says_so_and_has_the_peak_of_what_it_holds() {
    // A sine of a quarter of the rate, whose tops lie between the samples, 3 dB above them.
    let input: Vec<f32> = (0..4_800).map(|n| [0.5, 0.5, -0.5, -0.5][n % 4]).collect();
    let buffer = Buffer::copy(&input, 4_800, 1, 48_000).unwrap();
    let converted = resample(&buffer, 96_000).unwrap();
    assert_eq!((converted.sample_rate_hz(), converted.resampled_from_hz()), (96_000, 48_000));
    assert_eq!((converted.frames(), converted.channels()), (9_600, 1));
    let mut samples = vec![0.0; 9_600];
    converted.read(0, &mut samples).unwrap();
    let peak = samples.iter().fold(0f32, |peak, sample| peak.max(sample.abs()));
    assert_eq!(converted.peak(0), peak);
    assert!(peak > 0.7, "{peak}");

    let copy = resample(&buffer, 48_000).unwrap();
    copy.read(0, &mut samples[..4_800]).unwrap();
    assert_eq!((&samples[..4_800], copy.resampled_from_hz()), (&input[..], 0));
}

#[test]
fn what_cannot_be_converted_is_refused_with_the_rate() {
    let buffer = Buffer::zeros(10, 1, 48_000).unwrap();
    for rate in [0, 7_999, 384_001] {
        let error = resample(&buffer, rate).unwrap_err();
        assert_eq!(error.code, Code::InvalidArgument);
        assert!(error.message.contains(&rate.to_string()), "{error}");
    }
    let without_rate = Buffer::zeros(10, 1, 0).unwrap();
    assert_eq!(resample(&without_rate, 48_000).unwrap_err().code, Code::InvalidArgument);
    let short = Buffer::zeros(10, 1, 384_000).unwrap();
    assert_eq!(resample(&short, 8_000).unwrap_err().code, Code::InvalidArgument);
    let mut recorder = buffer.claim_for_recording().unwrap();
    recorder.begin();
    assert_eq!(resample(&buffer, 44_100).unwrap_err().code, Code::BufferBusy);
}
