//! A power spectrum, by the fast Fourier transform of Cooley and Tukey (1965).

use std::f64::consts::TAU;

/// In place, for a power of two of complex numbers.
fn transform(re: &mut [f64], im: &mut [f64]) {
    let n = re.len();
    let bits = n.trailing_zeros();
    for i in 0..n {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            re.swap(i, j);
            im.swap(i, j);
        }
    }
    let mut half = 1;
    while half < n {
        let turns: Vec<(f64, f64)> =
            (0..half).map(|i| (TAU * i as f64 / (2 * half) as f64).sin_cos()).collect();
        for first in (0..n).step_by(2 * half) {
            for (i, &(sin, cos)) in turns.iter().enumerate() {
                let (a, b) = (first + i, first + i + half);
                let (x, y) = (re[b] * cos + im[b] * sin, im[b] * cos - re[b] * sin);
                (re[b], im[b]) = (re[a] - x, im[a] - y);
                (re[a], im[a]) = (re[a] + x, im[a] + y);
            }
        }
        half *= 2;
    }
}

/// The power of each bin from 0 to half the rate, of `samples` through `window`.
pub fn powers(samples: &[f32], window: impl Fn(f64) -> f64) -> Vec<f64> {
    let n = samples.len();
    let windowed = |(i, &sample): (usize, &f32)| sample as f64 * window((i as f64 + 0.5) / n as f64);
    let mut re: Vec<f64> = samples.iter().enumerate().map(windowed).collect();
    let mut im = vec![0.0; n];
    transform(&mut re, &mut im);
    re.iter().zip(&im).take(n / 2).map(|(re, im)| re * re + im * im).collect()
}

/// Hann's window, over 0 to 1.
pub fn hann(x: f64) -> f64 {
    0.5 - 0.5 * (TAU * x).cos()
}

/// The window of Blackman, Harris and Nuttall with seven terms (Albrecht 2001), whose side lobes lie below
/// −180 dB beyond 7 bins.
pub fn seven_terms(x: f64) -> f64 {
    let terms = [
        0.271220360585039,
        -0.433444612327442,
        0.218004122892930,
        -0.065785343295606,
        0.010761867305342,
        -0.000770012710581,
        0.000013680883060,
    ];
    terms.iter().enumerate().map(|(n, term)| term * (TAU * n as f64 * x).cos()).sum()
}

#[test]
fn the_power_of_a_sine_is_where_it_is() {
    let samples: Vec<f32> = (0..1_024).map(|n| (TAU * 100.0 * n as f64 / 1_024.0).sin() as f32).collect();
    let powers = powers(&samples, |_| 1.0);
    assert!((powers[100] - 512.0 * 512.0).abs() < 1.0);
    assert!(powers.iter().enumerate().all(|(bin, power)| bin == 100 || *power < 1e-6));
}
