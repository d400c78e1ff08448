use std::f64::consts::TAU;

use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::stream::PlayParams;

use crate::rig::{Rig, cycles, refused};

/// Frames of ten hours at 48 kHz.
const TEN_HOURS: i64 = 1_728_000_000;

fn modulated(depth: f64, frequency: f64, phase: f64) -> PlayParams {
    PlayParams {
        am_depth: depth,
        am_frequency_hz: frequency,
        am_phase_cycles: phase,
        ..PlayParams::default()
    }
}

#[test]
fn amplitude_modulation_is_within_1e_6_of_its_formula_after_ten_hours_too() {
    for (depth, millihertz, phase) in [
        (1.0, 40_000, 0.0),
        (0.5, 4_001, -0.25),
        (0.8, 23_999_999, 0.3),
        (1.0, 1, 7.5),
        (0.001, 1_000_000, 0.0),
    ] {
        for k in [0, 1, 100_000, TEN_HOURS + 17] {
            let rig = Rig::new(48_000, 2);
            let constant = Buffer::copy(&[0.5; 1_000], 1_000, 1, 0).unwrap();
            let params = PlayParams {
                timing: rig.late_by(k),
                loop_count: -1,
                ..modulated(depth, millihertz as f64 / 1e3, phase)
            };
            rig.stream.play_buffer(&constant, Some(&[1]), None, &params).unwrap();
            for (n, &sample) in (k..).zip(&rig.render(5_000, 700)[0]) {
                let wanted = 0.5 * (1.0 + depth * (TAU * (cycles(millihertz, 48_000, n) + phase)).sin());
                assert!((sample as f64 - wanted).abs() < 1e-6, "frame {n}: {sample} and not {wanted}");
            }
        }
    }
}

#[test]
fn amplitude_modulation_leaves_trigger_lines_alone() {
    let rig = Rig::new(48_000, 2);
    let constant = Buffer::copy(&[0.25; 500], 500, 1, 0).unwrap();
    rig.stream.play_buffer(&constant, Some(&[1, 2]), None, &modulated(1.0, 997.0, 0.0)).unwrap();
    let heard = rig.render(500, 500);
    assert!(heard[1].iter().all(|&sample| sample == 0.25));
    assert!(heard[0].iter().any(|&sample| sample > 0.49) && heard[0].iter().any(|&sample| sample < 0.01));
}

#[test]
fn the_peak_of_a_modulated_sound_counts() {
    let rig = Rig::new(48_000, 2);
    let constant = Buffer::copy(&[0.6; 500], 500, 1, 0).unwrap();
    let play = |channel, depth| {
        rig.stream.play_buffer(&constant, Some(&[channel]), None, &modulated(depth, 40.0, 0.0))
    };
    play(1, 0.6).unwrap();
    refused(play(1, 0.7), Code::WouldClip, &["channel 1", "peak 0.6", "1.7", "1.02"]);
    play(2, 1.0).unwrap();
}

#[test]
fn bad_values_of_amplitude_modulation_are_refused_by_name_and_value() {
    let rig = Rig::new(48_000, 2);
    let sound = Buffer::zeros(10, 1, 0).unwrap();
    let bad = |params: PlayParams, words: &[&str]| {
        refused(rig.stream.play_buffer(&sound, Some(&[1]), None, &params), Code::InvalidArgument, words);
    };
    bad(modulated(f64::NAN, 4.0, 0.0), &["am_depth", "NaN"]);
    bad(modulated(-0.5, 4.0, 0.0), &["am_depth", "-0.5"]);
    bad(modulated(1.01, 4.0, 0.0), &["am_depth", "1.01"]);
    bad(modulated(0.0, 4.0, 0.0), &["am_frequency_hz is 4", "am_depth is 0"]);
    bad(modulated(0.0, 0.0, 0.5), &["am_phase_cycles 0.5", "am_depth is 0"]);
    bad(modulated(0.0, f64::NAN, 0.0), &["am_frequency_hz is NaN"]);
    for (frequency, word) in
        [(0.0, "0:"), (-4.0, "-4"), (f64::NAN, "NaN"), (24_000.0, "24000"), (9e-5, "0.00009")]
    {
        bad(modulated(0.5, frequency, 0.0), &["am_frequency_hz", word]);
    }
    bad(modulated(0.5, 4.0, f64::INFINITY), &["am_phase_cycles", "inf"]);
}
