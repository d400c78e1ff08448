use std::f64::consts::{PI, TAU};

use sonset::error::Code;
use sonset::realtime::source::Waveform;
use sonset::receipt::{ActionState, Outcome};
use sonset::stream::{PlayParams, ToneParams};

use crate::fourier::{powers, seven_terms};
use crate::rig::{Random, Rig, cycles, refused};

const TEN_HOURS: i64 = 1_728_000_000;
const SHAPES: [Waveform; 3] = [Waveform::Square, Waveform::Sawtooth, Waveform::Triangle];

fn tone(waveform: Waveform, frequency_hz: f64) -> ToneParams {
    ToneParams { waveform, frequency_hz, amplitude: 0.5, ..ToneParams::default() }
}

/// Frames of a tone from its frame `k` on.
fn heard(tone: &ToneParams, rate: u32, k: i64, frames: usize, block: usize) -> Vec<f32> {
    let rig = Rig::new(rate, 2);
    let params = PlayParams { timing: rig.late_by(k), ..PlayParams::default() };
    rig.stream.play_tone(tone, Some(&[1]), None, &params).unwrap();
    rig.render(frames, block).swap_remove(0)
}

#[test]
fn a_sine_is_within_1e_6_of_the_formula_at_first_and_after_ten_hours() {
    for (rate, millihertz) in [(48_000, 1_000_000), (44_100, 440_500), (48_000, 23_999_999), (192_000, 1)] {
        for (k, phase) in [(0, 0.0), (12_345, 0.3), (TEN_HOURS, -0.7), (10 * TEN_HOURS + 3, 41.5)] {
            let tone = ToneParams {
                frequency_hz: millihertz as f64 / 1e3,
                phase_cycles: phase,
                amplitude: 0.9,
                ..ToneParams::default()
            };
            for (n, sample) in (k..).zip(heard(&tone, rate, k, 5_000, 999)) {
                let wanted = 0.9 * (TAU * (cycles(millihertz, rate as i64, n) + phase)).sin();
                assert!(
                    (sample as f64 - wanted).abs() < 1e-6,
                    "{millihertz} mHz, frame {n}: {sample}, {wanted}"
                );
            }
        }
    }
}

#[test]
fn the_amplitude_of_a_sine_is_1_unless_given() {
    let whole = ToneParams { frequency_hz: 12_000.0, ..ToneParams::default() };
    assert_eq!(heard(&whole, 48_000, 1, 1, 1), [1.0]);
    assert_eq!(heard(&ToneParams { amplitude: 0.25, ..whole }, 48_000, 1, 1, 1), [0.25]);
}

/// What the header's words make of a harmonic at `frequency` of the sample rate: the transform of a sinc in a
/// Kaiser window of ±24 frames, by the trapezoidal rule.
struct Response(Vec<f64>);

impl Response {
    const STEPS: usize = 512;

    fn new() -> Self {
        let i0 = |x: f64| {
            (1..60).fold((1.0, 1.0), |(term, sum), n| {
                let term = term * (x / (2.0 * n as f64)).powi(2);
                (term, sum + term)
            })
        };
        let impulse = (0..24 * Self::STEPS).map(|n| {
            let x = n as f64 / Self::STEPS as f64;
            let window = i0(8.96 * (1.0 - (x / 24.0).powi(2)).sqrt()).1;
            if n == 0 { window / 2.0 } else { window * (PI * x).sin() / (PI * x) }
        });
        let mut impulse: Vec<f64> = impulse.collect();
        let area: f64 = impulse.iter().sum();
        impulse.iter_mut().for_each(|value| *value /= area);
        Self(impulse)
    }

    fn at(&self, frequency: f64) -> f64 {
        let angle = TAU * frequency / Self::STEPS as f64;
        // cos nφ = 2 cos φ cos (n − 1)φ − cos (n − 2)φ
        let (twice, mut now, mut before) = (2.0 * angle.cos(), 1.0, angle.cos());
        let mut sum = 0.0;
        for value in &self.0 {
            sum += value * now;
            (now, before) = (twice * now - before, now);
        }
        sum
    }
}

/// The amplitude of harmonic `n` of an ideal shape.
fn harmonic(waveform: Waveform, n: usize) -> f64 {
    let m = n as f64;
    match waveform {
        Waveform::Sine => (n == 1) as i32 as f64,
        Waveform::Sawtooth => 2.0 / (PI * m) * if n % 2 == 1 { 1.0 } else { -1.0 },
        _ if n.is_multiple_of(2) => 0.0,
        Waveform::Square => 4.0 / (PI * m),
        Waveform::Triangle => 8.0 / (PI * m).powi(2) * if n % 4 == 1 { 1.0 } else { -1.0 },
    }
}

#[test]
fn shapes_are_within_1e_6_of_the_sum_of_their_harmonics() {
    let response = Response::new();
    for (rate, millihertz) in
        [(48_000, 997_000), (44_100, 20_250), (48_000, 7_000_500), (48_000, 17_000_001), (48_000, 23_000_000)]
    {
        let frequency = millihertz as f64 / 1e3 / rate as f64;
        let highest = if frequency < 0.01 { 8.0 } else { 40.0 };
        let falls: Vec<f64> =
            (0..(highest / frequency) as usize).map(|n| response.at(n as f64 * frequency)).collect();
        for waveform in SHAPES {
            for k in [0, TEN_HOURS + 1] {
                let samples = heard(&tone(waveform, millihertz as f64 / 1e3), rate, k, 300, 77);
                for (n, sample) in (k..).zip(samples) {
                    let phase = cycles(millihertz, rate as i64, n);
                    let part = |(n, fall): (usize, &f64)| {
                        fall * harmonic(waveform, n) * (TAU * (n as f64 * phase).fract()).sin()
                    };
                    let wanted = 0.5 * falls.iter().enumerate().skip(1).map(part).sum::<f64>();
                    let error = (sample as f64 - wanted).abs();
                    assert!(
                        error < 1e-6,
                        "{waveform:?}, {millihertz} mHz, frame {n}: {sample} and not {wanted}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_aliases_below_044_of_the_rate_is_90_db_below_the_fundamental_and_harmonics_are_within_001_db() {
    const N: usize = 1 << 16;
    let mut worst = (f64::MIN, 0.0f64);
    for (rate, hertz) in [(48_000, 997.3), (48_000, 3_001.7), (44_100, 5_003.1), (96_000, 12_345.6)] {
        let bin_of = |n: usize| n as f64 * hertz * N as f64 / rate as f64;
        for waveform in SHAPES {
            let powers = powers(&heard(&tone(waveform, hertz), rate, 0, N, 8_192), seven_terms);
            let around = |bin: f64| {
                let middle = bin.round() as usize;
                powers[middle - 7..=middle + 7].iter().sum::<f64>()
            };
            let fundamental = around(bin_of(1));
            let count = (0.44 * rate as f64 / hertz) as usize;
            for n in (2..=count).filter(|&n| harmonic(waveform, n) != 0.0) {
                let ratio = (harmonic(waveform, n) / harmonic(waveform, 1)).powi(2);
                worst.1 = worst.1.max((10.0 * (around(bin_of(n)) / fundamental / ratio).log10()).abs());
            }
            let near = |bin: usize| {
                (1..=count + 1).any(|n| (bin as f64 - bin_of(n)).abs() < 16.0 && harmonic(waveform, n) != 0.0)
            };
            for bin in (9..(0.44 * N as f64) as usize).filter(|&bin| !near(bin)) {
                let alias = 10.0 * (around(bin as f64) / fundamental).log10();
                worst.0 = worst.0.max(alias);
            }
        }
    }
    println!("aliases {:.1} dB, harmonics {:.5} dB", worst.0, worst.1);
    assert!(worst.0 < -90.0 && worst.1 < 0.01, "aliases {:.1} dB, harmonics {:.5} dB", worst.0, worst.1);
}

#[test]
fn no_shape_exceeds_the_peak_that_counts_and_a_square_comes_close() {
    let mut random = Random(7);
    let mut highest = [0f32; 3];
    for _ in 0..150 {
        let frequency = 20.0 * 1.047f64.powi(random.below(153) as i32) + random.below(1_000) as f64 / 1e3;
        for (highest, waveform) in highest.iter_mut().zip(SHAPES) {
            let samples =
                heard(&tone(waveform, frequency), 48_000, random.below(100_000) as i64, 4_000, 8_192);
            *highest = samples.iter().fold(*highest, |most, sample| most.max(2.0 * sample.abs()));
        }
    }
    println!("{highest:?}");
    let bounds = [1.274, 1.18, 1.0];
    assert!(
        highest.iter().zip(bounds).all(|(most, bound)| *most <= bound && *most > 0.98 * bound),
        "{highest:?}"
    );
}

#[test]
fn a_tone_is_the_same_bit_for_bit_in_any_blocks_and_from_any_frame() {
    for waveform in [Waveform::Sine, Waveform::Square, Waveform::Sawtooth, Waveform::Triangle] {
        for frequency in [3.3, 1_000.1, 19_000.7] {
            let tone = tone(waveform, frequency);
            let whole = heard(&tone, 48_000, 0, 6_000, 6_000);
            for block in [1, 7, 256, 257] {
                assert!(whole == heard(&tone, 48_000, 0, 6_000, block), "{waveform:?} in blocks of {block}");
            }
            for k in [1, 255, 1_001] {
                assert!(
                    whole[k..] == heard(&tone, 48_000, k as i64, 6_000 - k, 300),
                    "{waveform:?} from {k}"
                );
            }
        }
    }
}

#[test]
fn a_tone_lasts_for_its_frames_or_for_ever() {
    let rig = Rig::new(48_000, 3);
    let frequency = tone(Waveform::Sine, 12_000.0);
    let timed = PlayParams { frame_count: Some(700), onset_ramp_frames: 10, ..PlayParams::default() };
    let timed = rig.stream.play_tone(&frequency, Some(&[1]), None, &timed).unwrap();
    let endless =
        rig.stream.play_tone(&frequency, Some(&[2]), Some(&[-0.5]), &PlayParams::default()).unwrap();
    let heard = rig.render(50_001, 512);
    assert!((1..700).step_by(2).all(|k| heard[0][k] != 0.0) && heard[0][700..].iter().all(|&s| s == 0.0));
    let ramp = 0.5 * (PI / 2.0 * 0.15).sin().powi(2);
    assert!((heard[0][1] as f64 - ramp).abs() < 1e-6 && heard[0][11] == -0.5);
    assert!((1..50_001).step_by(2).all(|k| heard[1][k].abs() == 0.25));
    let receipt = |action| rig.stream.wait_action(action, ActionState::Ended, Default::default());
    let ended = receipt(timed).unwrap();
    assert_eq!((ended.outcome, ended.measured.end_frame), (Some(Outcome::Completed), 700));
    assert_eq!(ended.measured.done_frames, 700);
    assert!(receipt(endless).is_err());
}

#[test]
fn bad_values_of_a_tone_are_refused_by_name_and_value() {
    let rig = Rig::new(48_000, 2);
    let fine = tone(Waveform::Sine, 1_000.0);
    let play = |tone: &ToneParams, params: &PlayParams| rig.stream.play_tone(tone, Some(&[1]), None, params);
    let bad = |tone: ToneParams, words: &[&str]| {
        refused(play(&tone, &PlayParams::default()), Code::InvalidArgument, words);
    };
    for (frequency_hz, word) in [
        (0.0, "0:"),
        (f64::NAN, "NaN"),
        (-1.0, "-1"),
        (24_000.0, "24000:"),
        (f64::INFINITY, "inf"),
        (1e-5, "0.00001"),
    ] {
        bad(ToneParams { frequency_hz, ..fine }, &["frequency_hz", word]);
    }
    bad(ToneParams { phase_cycles: f64::NAN, ..fine }, &["phase_cycles", "NaN"]);
    for (amplitude, word) in [(-0.5, "-0.5"), (f64::NAN, "NaN"), (f64::INFINITY, "inf"), (1e300, "1000000")] {
        bad(ToneParams { amplitude, ..fine }, &["amplitude", word]);
    }
    let unused = PlayParams::default();
    for (params, words) in [
        (PlayParams { loop_count: -1, ..unused }, ["loop_count", "-1"]),
        (PlayParams { loop_first_frame: 3, ..unused }, ["loop_first_frame", "3"]),
        (PlayParams { loop_frames: 4, ..unused }, ["loop_frames", "4"]),
        (PlayParams { first_frame: 5, ..unused }, ["first_frame", "5"]),
        (PlayParams { frame_count: Some(0), ..unused }, ["frame_count", "0"]),
        (PlayParams { frame_count: Some(i64::MAX), ..unused }, ["frame_count", "9223372036854775807"]),
        (PlayParams { frame_count: Some(9), onset_ramp_frames: 10, ..unused }, ["ramps", "10"]),
    ] {
        refused(play(&fine, &params), Code::InvalidArgument, &words);
    }
    for (waveform, most) in
        [(Waveform::Sine, 1.0), (Waveform::Square, 1.0 / 1.274), (Waveform::Sawtooth, 1.0 / 1.18)]
    {
        let tone = |amplitude| ToneParams { waveform, amplitude, ..fine };
        play(&tone(most * 0.999), &PlayParams::default()).unwrap();
        let params = PlayParams { gain_db: 20.0 * 1.01f64.log10(), ..PlayParams::default() };
        refused(play(&tone(most), &params), Code::WouldClip, &["channel 1", "1.01"]);
    }
}
