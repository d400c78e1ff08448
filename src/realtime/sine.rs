//! The sine as a polynomial: the library's own function is not used, so that every platform gives the same
//! bits.

use std::f64::consts::FRAC_PI_2;

/// 1 / (n (n − 1)) for n = 17, 15 … 3: what a term of the Taylor series of the sine is of the one before it.
const RATIOS: [f64; 8] = [
    1.0 / (17.0 * 16.0),
    1.0 / (15.0 * 14.0),
    1.0 / (13.0 * 12.0),
    1.0 / (11.0 * 10.0),
    1.0 / (9.0 * 8.0),
    1.0 / (7.0 * 6.0),
    1.0 / (5.0 * 4.0),
    1.0 / (3.0 * 2.0),
];

/// sin(πt/2) for t in −1..1, to 1e-12, by the Taylor series (Abramowitz and Stegun 4.3.65).
#[inline]
pub fn of_quarters(t: f64) -> f64 {
    let t = FRAC_PI_2 * t;
    let u = t * t;
    let mut sum = 1.0;
    for ratio in RATIOS {
        sum = 1.0 - u * ratio * sum;
    }
    t * sum
}

/// The sine of a phase in 2^-64 cycles, to 2e-9: of its upper 32 bits, which fold into the quarters around 0
/// without a branch.
#[inline]
pub fn of_phase(phase: u64) -> f64 {
    let angle = (phase >> 32) as u32 as i32;
    let is_inner = (angle ^ (angle << 1)) >= 0;
    let folded = if is_inner { angle } else { i32::MIN.wrapping_sub(angle) };
    of_quarters(folded as f64 * (1.0 / (1u32 << 30) as f64))
}

/// A phase that moves on by the same step in each frame: a closed form of the frame index, in 64 bits that wrap
/// around with each cycle, so that it is as exact after hours as at first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// At frame 0, in 2^-64 cycles.
    pub start: u64,
    /// From frame to frame, in 2^-64 cycles.
    pub step: u64,
}

impl Phase {
    /// `frequency_hz` above 0 and below half of `rate`, rounded to 2^-64 cycles a frame. `start_cycles` finite.
    pub fn new(frequency_hz: f64, start_cycles: f64, rate: u32) -> Self {
        Self { start: cycles(start_cycles), step: step(frequency_hz, rate) }
    }

    /// The phase of frame `k`.
    #[inline]
    pub fn at(&self, k: i64) -> u64 {
        self.start.wrapping_add(self.step.wrapping_mul(k as u64))
    }
}

/// The part of `value` beyond whole cycles, in 2^-64 cycles.
fn cycles(value: f64) -> u64 {
    // The cast saturates where rounding brought the part up to a whole cycle.
    let part = value - value.floor();
    (part * 2f64.powi(64)) as u64
}

/// frequency / rate × 2^64 to the nearest integer. The quotient is that of integers, as one of doubles, wrong by
/// 1e-16 of itself, would be off by a ten-millionth of a cycle after hours.
fn step(frequency_hz: f64, rate: u32) -> u64 {
    let bits = frequency_hz.to_bits();
    let exponent = (bits >> 52) as i32 - 1075;
    let mantissa = (bits & ((1 << 52) - 1) | 1 << 52) as u128;
    // Below 2^32 Hz the exponent is below −20, so the product has less than 128 bits.
    let shift = 64 + exponent;
    let product = if shift >= 0 { mantissa << shift } else { mantissa >> (-shift).min(127) };
    ((product + rate as u128 / 2) / rate as u128) as u64
}

/// Amplitude modulation: 1 + depth · sin(2π (frequency · k / rate + phase)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Modulation {
    /// Of the carrier's amplitude.
    pub depth: f64,
    /// Of the modulator.
    pub phase: Phase,
}

impl Modulation {
    /// The factor for frame `k`.
    #[inline]
    pub fn at(&self, k: i64) -> f32 {
        (1.0 + self.depth * of_phase(self.phase.at(k))) as f32
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    #[test]
    fn the_sine_is_within_2e_9_of_the_librarys_over_the_whole_cycle() {
        for n in 0..1_000_000u64 {
            let phase = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let wanted = (TAU * (phase as f64 / 2f64.powi(64))).sin();
            assert!((of_phase(phase) - wanted).abs() < 2e-9, "{phase:#x}");
        }
        for t in (-1_000..=1_000).map(|n| n as f64 / 1_000.0) {
            assert!((of_quarters(t) - (FRAC_PI_2 * t).sin()).abs() < 1e-12, "{t}");
        }
        let quarters = [0u64, 1, 2, 3].map(|n| of_phase(n << 62));
        assert!(
            quarters.iter().zip([0.0, 1.0, 0.0, -1.0]).all(|(a, b)| (a - b).abs() < 1e-12),
            "{quarters:?}"
        );
    }

    #[test]
    fn a_step_is_the_nearest_there_is() {
        // 2^64 × f / rate, by hand: 0.25; 1/48; 440.5 / 44 100 = 881 / 88 200.
        assert_eq!(step(12_000.0, 48_000), 1 << 62);
        assert_eq!(step(1_000.0, 48_000), ((1u128 << 64) / 48) as u64);
        assert_eq!(step(440.5, 44_100), (((881u128 << 64) + 44_100) / 88_200) as u64);
        assert_eq!(step(2f64.powi(-13), 32_768), 1 << 36);
    }

    #[test]
    fn phases_wrap_and_negative_ones_count_from_the_end_of_the_cycle() {
        assert_eq!([0.25, 1.25, -0.75, 0.0, 7.0].map(cycles), [1 << 62, 1 << 62, 1 << 62, 0, 0]);
        assert_eq!(cycles(-1e-30), u64::MAX);
    }
}
