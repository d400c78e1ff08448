//! Rate conversion against what a sine or a pulse is at the other rate.
#![allow(missing_docs)]

use std::f64::consts::TAU;

use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::resample::{Resampler, resample};

/// Common pairs, extremes, and rates without a common factor.
const PAIRS: [(u32, u32); 12] = [
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
        for at in [frames / 2, frames / 2 + 1, frames / 2 + 7] {
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

#[test]
fn a_tone_below_94_percent_of_the_lower_half_rate_is_the_same_tone_within_0_001_db() {
    for (from, to) in PAIRS {
        let edge = from.min(to) as f64 / 2.0;
        for part in [0.0101, 0.1, 0.37, 0.5, 0.77, 0.9, 0.94] {
            let frequency = part * edge;
            let output = convert(&tone(frequency, from, enough(from, to)), from, to, 1);
            let expected = tone(frequency, to, output.len());
            let middle = inside(&output);
            let (mut error, mut along, mut power) = (0f64, 0f64, 0f64);
            for n in middle {
                let (got, want) = (output[n] as f64, expected[n] as f64);
                along += got * want;
                power += want * want;
                error = error.max((got - want).abs());
            }
            let gain = decibels(along / power);
            assert!(gain.abs() < 0.001, "{from} to {to}, {part}: {gain} dB");
            // Whatever else there is: images, distortion, a shift.
            assert!(decibels(error) < -75.0, "{from} to {to}, {part}: error {} dB", decibels(error));
        }
    }
}

#[test]
fn print_limits() {
    for (from, to) in PAIRS {
        let edge = from.min(to) as f64 / 2.0;
        let mut line = format!("{from}->{to} ");
        for part in [0.5, 0.9, 0.94, 0.95, 1.0, 1.001, 1.01, 1.05, 1.5, 1.9] {
            let frequency = part * edge;
            if frequency >= from as f64 / 2.0 {
                continue;
            }
            let output = convert(&tone(frequency, from, enough(from, to)), from, to, 1);
            let expected = tone(frequency, to, output.len());
            let m = inside(&output);
            let e = m
                .clone()
                .map(|n| (output[n] as f64 - if part < 1.0 { expected[n] as f64 } else { 0.0 }).abs())
                .fold(0.0, f64::max);
            line += &format!(" {part}:{:.1}", decibels(e));
        }
        println!("{line}");
    }
}
