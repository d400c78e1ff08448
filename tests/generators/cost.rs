use std::time::Instant;

use sonset::error::Error;
use sonset::realtime::source::{Distribution, Spectrum, Waveform};
use sonset::stream::{NoiseParams, PlayParams, PulseParams, ToneParams};

use crate::rig::Rig;

const VOICES: usize = 16;
const FRAMES: usize = 1 << 17;

/// Prints what a frame of a voice costs, mixing included.
#[test]
#[ignore = "prints figures: cargo test --release --test generators -- --ignored --nocapture cost"]
fn cost_of_a_frame() {
    let none = PlayParams::default();
    let modulated = PlayParams { am_depth: 0.01, am_frequency_hz: 40.0, ..none };
    let tone =
        |waveform, frequency_hz| ToneParams { waveform, frequency_hz, amplitude: 0.01, ..Default::default() };
    let pulse = PulseParams { count: -1, interval_frames: 480, level: 0.01, ..Default::default() };
    let noise =
        |spectrum, distribution| NoiseParams { spectrum, distribution, rms: 0.001, ..Default::default() };
    let play = |name: &str, play: &dyn Fn(&Rig) -> Result<i64, Error>| {
        let rig = Rig::new(48_000, 2);
        assert!((0..VOICES).all(|_| play(&rig).is_ok()));
        rig.block(8_192);
        let began = Instant::now();
        (0..FRAMES / 512).for_each(|_| drop(rig.block(512)));
        println!("{name:24} {:6.1} ns", began.elapsed().as_nanos() as f64 / (VOICES * FRAMES) as f64);
    };
    play("pulse", &|rig| rig.stream.play_pulse(&pulse, Some(&[1]), None, &none));
    play("pulse, modulated", &|rig| rig.stream.play_pulse(&pulse, Some(&[1]), None, &modulated));
    for (name, waveform) in [
        ("sine", Waveform::Sine),
        ("square", Waveform::Square),
        ("sawtooth", Waveform::Sawtooth),
        ("triangle", Waveform::Triangle),
    ] {
        for hertz in [100.0, 1_000.0, 10_000.0, 23_000.0] {
            let tone = tone(waveform, hertz);
            let name = format!("{name} {hertz} Hz");
            play(&name, &|rig| rig.stream.play_tone(&tone, Some(&[1]), None, &none));
        }
    }
    for (name, spectrum, distribution) in [
        ("white, Gaussian", Spectrum::White, Distribution::Gaussian),
        ("white, uniform", Spectrum::White, Distribution::Uniform),
        ("pink", Spectrum::Pink, Distribution::Gaussian),
    ] {
        let noise = noise(spectrum, distribution);
        play(name, &|rig| rig.stream.play_noise(&noise, Some(&[1]), None, &none));
    }
}
