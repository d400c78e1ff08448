use std::f64::consts::TAU;

use sonset::error::Code;
use sonset::realtime::source::{Distribution, Spectrum};
use sonset::stream::{NoiseParams, PlayParams};

use crate::fourier::{hann, powers};
use crate::rig::{Rig, refused};

/// Samples of which statistics are made: their square root is 2048.
const MANY: usize = 1 << 22;
const ROOT: f64 = 2_048.0;

fn white(seed: i64) -> NoiseParams {
    NoiseParams { seed, ..NoiseParams::default() }
}

fn pink(seed: i64) -> NoiseParams {
    NoiseParams { spectrum: Spectrum::Pink, seed, ..NoiseParams::default() }
}

/// Channels 1 and 2 of noise from its frame `k` on.
fn heard(noise: &NoiseParams, k: i64, frames: usize, block: usize) -> [Vec<f32>; 2] {
    let rig = Rig::new(48_000, 3);
    let params = PlayParams { timing: rig.late_by(k), ..PlayParams::default() };
    rig.stream.play_noise(noise, Some(&[1, 2]), None, &params).unwrap();
    let mut heard = rig.render(frames, block);
    [heard.swap_remove(0), heard.swap_remove(1)]
}

fn mean(samples: &[f32], of: impl Fn(f64) -> f64) -> f64 {
    samples.iter().map(|&sample| of(sample as f64 / 0.1)).sum::<f64>() / samples.len() as f64
}

fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let products = a.iter().zip(b).map(|(&a, &b)| a as f64 * b as f64 * 100.0);
    products.sum::<f64>() / a.len().min(b.len()) as f64
}

/// P(x < z) of the normal distribution, by Simpson's rule.
fn normal(z: f64) -> f64 {
    let (from, steps) = (-9.0, 2_000);
    let width = (z - from) / steps as f64;
    let density = |n: i32| (-(from + n as f64 * width).powi(2) / 2.0).exp() / TAU.sqrt();
    let weight = |n: i32| if n == 0 || n == steps { 1.0 } else { 2.0 + 2.0 * (n % 2) as f64 };
    (0..=steps).map(|n| weight(n) * density(n)).sum::<f64>() * width / 3.0
}

/// Pearson's chi squared of `samples` in classes of 0.1 standard deviations from −4 to 4 and what lies beyond.
fn chi_squared(samples: &[f32], distribution: impl Fn(f64) -> f64) -> f64 {
    let edges: Vec<f64> = (-40..=40).map(|n| n as f64 / 10.0).collect();
    let mut counts = vec![0.0; edges.len() + 1];
    for &sample in samples {
        counts[edges.partition_point(|&edge| edge <= sample as f64 / 0.1)] += 1.0;
    }
    let mut below: Vec<f64> = edges.iter().map(|&edge| distribution(edge)).collect();
    below.push(1.0);
    let mut before = 0.0;
    let mut sum = 0.0;
    for (count, &below) in counts.iter().zip(&below) {
        let expected = (below - before) * samples.len() as f64;
        before = below;
        sum += if expected > 0.0 { (count - expected).powi(2) / expected } else { *count };
    }
    sum
}

#[test]
fn white_noise_is_gaussian_with_its_rms_and_no_two_frames_correlate() {
    let [samples, _] = heard(&white(1), 0, MANY, 8_192);
    // Five standard errors each.
    assert!(mean(&samples, |x| x).abs() < 5.0 / ROOT);
    assert!((mean(&samples, |x| x * x) - 1.0).abs() < 5.0 * 2f64.sqrt() / ROOT);
    assert!(mean(&samples, |x| x.powi(3)).abs() < 5.0 * 15f64.sqrt() / ROOT);
    assert!((mean(&samples, |x| x.powi(4)) - 3.0).abs() < 5.0 * 96f64.sqrt() / ROOT);
    for lag in (1..50).chain([64, 128, 255, 256, 257, 1_024, 65_536]) {
        assert!(correlation(&samples, &samples[lag..]).abs() < 5.0 / ROOT, "lag {lag}");
    }
    // 81 degrees of freedom: mean 81, standard deviation 12.7.
    let chi = chi_squared(&samples, normal);
    assert!((30.0..145.0).contains(&chi), "{chi}");
    let most = samples.iter().fold(0f32, |most, sample| most.max(sample.abs()));
    assert!((0.45..=0.5).contains(&most), "{most}");
}

#[test]
fn uniform_noise_is_uniform_with_its_rms() {
    let [samples, _] =
        heard(&NoiseParams { distribution: Distribution::Uniform, ..white(2) }, 0, MANY, 8_192);
    assert!((mean(&samples, |x| x * x) - 1.0).abs() < 5.0 * 0.8f64.sqrt() / ROOT);
    let chi = chi_squared(&samples, |z| (0.5 + z / 12f64.sqrt()).clamp(0.0, 1.0));
    assert!((5.0..75.0).contains(&chi), "{chi}");
    let most = samples.iter().fold(0f32, |most, sample| most.max(sample.abs()));
    assert!(most <= 0.173_205_1 && most > 0.1732, "{most}");
}

#[test]
fn white_noise_has_the_same_power_in_each_hertz() {
    let [samples, _] = heard(&white(3), 0, MANY, 8_192);
    let bands = bands(&samples, 1 << 12, 32);
    let mean = bands.iter().sum::<f64>() / bands.len() as f64;
    assert!(bands.iter().all(|band| (10.0 * (band / mean).log10()).abs() < 0.1), "{bands:?}");
}

/// The mean power of bins in so many bands of equal width.
fn bands(samples: &[f32], size: usize, count: usize) -> Vec<f64> {
    let spectrum = spectrum(samples, size);
    spectrum[8..].chunks(size / 2 / count).map(|band| band.iter().sum::<f64>() / band.len() as f64).collect()
}

/// The power of each bin, averaged over pieces that overlap by half (Welch 1967).
fn spectrum(samples: &[f32], size: usize) -> Vec<f64> {
    let mut sums = vec![0.0; size / 2];
    for first in (0..=samples.len() - size).step_by(size / 2) {
        let powers = powers(&samples[first..first + size], hann);
        sums.iter_mut().zip(powers).for_each(|(sum, power)| *sum += power);
    }
    sums
}

#[test]
fn pink_noise_falls_by_3_db_an_octave_within_half_a_decibel_from_20_hz_to_0_4_of_the_rate() {
    const SIZE: usize = 1 << 15;
    let [samples, _] = heard(&pink(4), 0, 700 * SIZE / 2, 8_192);
    let spectrum = spectrum(&samples, SIZE);
    let hertz = 48_000.0 / SIZE as f64;
    // Thirds of octaves; power times frequency is the same in each bin.
    let mut levels = Vec::new();
    let mut from = 20.0;
    while from < 0.4 * 48_000.0 {
        let to = f64::min(from * 2f64.powf(1.0 / 3.0), 0.4 * 48_000.0);
        let bins = (from / hertz).ceil() as usize..=(to / hertz) as usize;
        let count = bins.clone().count() as f64;
        let level = bins.map(|bin| spectrum[bin] * bin as f64).sum::<f64>() / count;
        levels.push(10.0 * level.log10());
        from = to;
    }
    let middle = levels.iter().sum::<f64>() / levels.len() as f64;
    let off: Vec<f64> = levels.iter().map(|level| level - middle).collect();
    println!("{off:.2?}");
    assert!(off.len() > 29 && off.iter().all(|off| off.abs() < 0.5), "{off:.2?}");
    let power = mean(&samples, |x| x * x);
    assert!((power - 1.0).abs() < 0.02, "{power}");
    assert!((mean(&samples, |x| x.powi(4)) / 3.0 - 1.0).abs() < 0.05);
    assert!(samples.iter().all(|sample| sample.abs() <= 0.5));
}

#[test]
fn equal_seeds_give_equal_noise_and_others_or_other_channels_independent_noise() {
    let two = |noise| NoiseParams { source_channels: 2, ..noise };
    for noise in [white, pink] {
        let frames = 1 << 18;
        let [a, same] = heard(&noise(5), 0, frames, 8_192);
        assert!(a == same && a == heard(&noise(5), 0, frames, 333)[0]);
        let [left, right] = heard(&two(noise(5)), 0, frames, 8_192);
        assert!(left == a, "the first of two channels is not the one channel");
        // Differences have no memory, so that pink noise has as many independent samples.
        let steps = |x: &[f32]| x.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<f32>>();
        for other in [
            right,
            heard(&noise(6), 0, frames, 8_192)[0].clone(),
            heard(&noise(-5), 0, frames, 8_192)[0].clone(),
        ] {
            let found = correlation(&steps(&a), &steps(&other)) / correlation(&steps(&a), &steps(&a));
            assert!(found.abs() < 5.0 * 1.3 / 512.0, "{found}");
        }
    }
}

#[test]
fn noise_is_the_same_bit_for_bit_in_any_blocks_and_from_any_frame() {
    for noise in [white(7), pink(7), NoiseParams { source_channels: 2, ..pink(7) }] {
        let whole = heard(&noise, 0, 20_000, 20_000);
        for block in [1, 7, 256, 257] {
            assert!(whole == heard(&noise, 0, 20_000, block), "in blocks of {block}");
        }
        for k in [1, 255, 12_345] {
            let later = heard(&noise, k as i64, 20_000 - k, 300);
            assert!(whole.iter().zip(later).all(|(whole, later)| whole[k..] == later), "from {k}");
        }
        let far = 1_728_000_000;
        assert!(heard(&noise, far, 300, 300)[0][100..] == heard(&noise, far + 100, 200, 200)[0][..]);
    }
}

/// The bits that x86-64 Linux gives, for other machines to be held to.
#[test]
fn noise_is_the_same_bit_for_bit_on_every_machine() {
    for (noise, wanted) in [(white(0), 0xe474_0dea_0028_6dd3u64), (pink(0), 0x7d8c_09de_b1ec_b1e7)] {
        let [samples, _] = heard(&noise, 0, 100_000, 8_192);
        // FNV-1a over the bits.
        let hash = samples
            .iter()
            .flat_map(|sample| sample.to_bits().to_le_bytes())
            .fold(0xCBF2_9CE4_8422_2325u64, |hash, byte| (hash ^ byte as u64).wrapping_mul(0x100_0000_01B3));
        assert!(hash == wanted, "{hash:#x}");
    }
}

#[test]
fn bad_values_of_noise_are_refused_by_name_and_value() {
    let rig = Rig::new(48_000, 3);
    let play = |noise: &NoiseParams, channels: &[i32], params: &PlayParams| {
        rig.stream.play_noise(noise, Some(channels), None, params)
    };
    let bad = |noise: NoiseParams, words: &[&str]| {
        refused(play(&noise, &[1], &PlayParams::default()), Code::InvalidArgument, words);
    };
    for (rms, word) in [(-0.1, "-0.1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        bad(NoiseParams { rms, ..white(0) }, &["rms", word]);
    }
    for source_channels in [-1, 4, i32::MAX, i32::MIN] {
        bad(NoiseParams { source_channels, ..white(0) }, &["source_channels", &source_channels.to_string()]);
    }
    bad(NoiseParams { source_channels: 2, ..white(0) }, &["1 channels", "sound of 2"]);
    bad(NoiseParams { distribution: Distribution::Uniform, ..pink(0) }, &["distribution", "pink"]);
    let params = PlayParams { loop_count: 1, ..PlayParams::default() };
    refused(play(&white(0), &[1], &params), Code::InvalidArgument, &["loop_count", "1"]);
    let params = PlayParams { frame_count: Some(-3), ..PlayParams::default() };
    refused(play(&pink(0), &[1], &params), Code::InvalidArgument, &["frame_count", "-3"]);
    for (noise, most) in [
        (white(0), 0.2),
        (pink(0), 0.2),
        (NoiseParams { distribution: Distribution::Uniform, ..white(0) }, 0.577),
    ] {
        play(&NoiseParams { rms: most, ..noise }, &[1], &PlayParams::default()).unwrap();
        let loud = NoiseParams { rms: most * 1.01, ..noise };
        refused(play(&loud, &[1], &PlayParams::default()), Code::WouldClip, &["channel 1", "1.0"]);
    }
}
