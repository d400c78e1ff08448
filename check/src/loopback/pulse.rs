//! The pulse that is played.

use std::f64::consts::TAU;

/// Short enough for many a second, long enough to stand out of noise.
const SECONDS: f64 = 0.01;
/// Band of the sweep: what passes a cable, a transformer and an antialias filter.
const BAND_HZ: (f64, f64) = (500.0, 8_000.0);
/// Highest frequency as a part of the rate.
const HIGHEST: f64 = 0.4;

/// A sweep with a raised-cosine window at time `t` in seconds since its start; 0 outside of it.
pub fn chirp_at(t: f64, rate_hz: f64, level: f64) -> f64 {
    if !(0.0..=SECONDS).contains(&t) {
        return 0.0;
    }
    let high = BAND_HZ.1.min(HIGHEST * rate_hz);
    let low = BAND_HZ.0.min(high / 4.0);
    let window = 0.5 - 0.5 * (TAU * t / SECONDS).cos();
    level * window * (TAU * (low * t + (high - low) * t * t / (2.0 * SECONDS))).sin()
}

/// The samples of the sweep, whose largest magnitude is about `level`.
pub fn chirp(rate_hz: u32, level: f64) -> Vec<f32> {
    let rate = rate_hz as f64;
    let frames = (SECONDS * rate).ceil() as usize;
    (0..frames).map(|n| chirp_at(n as f64 / rate, rate, level) as f32).collect()
}
