//! Noise whose frame k is a function of the seed and of k: the same on every machine, from wherever it is read.

use crate::realtime::mix::CHUNK_FRAMES;
use crate::realtime::sine;

/// How the power is spread over the frequencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum Spectrum {
    /// The same in each hertz.
    #[default]
    White = 0,
    /// The same in each octave.
    Pink = 1,
}

/// How the samples of white noise are distributed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum Distribution {
    /// Normal, limited to ±[`MOST`] standard deviations.
    #[default]
    Gaussian = 0,
    /// The same for all values up to √3 times the RMS.
    Uniform = 1,
}

/// Largest magnitude of a Gaussian sample, in RMS: one in 1.7 million would be beyond.
pub const MOST: f64 = 5.0;

/// Noise of one or more independent channels.
#[derive(Debug)]
pub struct Noise {
    distribution: Distribution,
    rms: f64,
    channels: Box<[Channel]>,
    length: Option<i64>,
}

/// Noise of one channel: one row of numbers if it is white, more if it is pink.
type Channel = Box<[Row]>;

/// Random numbers, each held for `period` frames.
#[derive(Clone, Copy, Debug)]
struct Row {
    key: u64,
    period: i64,
    /// Standard deviation.
    scale: f64,
}

impl Noise {
    /// Noise of so many frames, or for ever, with an RMS of `rms`.
    pub fn new(
        spectrum: Spectrum,
        distribution: Distribution,
        seed: u64,
        rms: f64,
        channels: usize,
        rate: u32,
        length: Option<i64>,
    ) -> Self {
        let powers = match spectrum {
            Spectrum::White => vec![(1, 1.0)],
            Spectrum::Pink => pink_powers(rate),
        };
        let total: f64 = powers.iter().map(|(_, power)| power).sum();
        let seed = hash(seed, 0);
        let channel = |channel: usize| {
            let row = |(n, &(period, power)): (usize, &(i64, f64))| Row {
                key: hash(seed, (channel << 8 | n) as u64),
                period,
                scale: rms * (power / total).sqrt(),
            };
            powers.iter().enumerate().map(row).collect()
        };
        Self { distribution, rms, channels: (0..channels).map(channel).collect(), length }
    }

    /// Independent channels.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Its frames, or `None` if it never ends.
    pub fn length(&self) -> Option<i64> {
        self.length
    }

    /// Fills `samples`, interleaved, with at most [`CHUNK_FRAMES`] frames from frame `k` on.
    pub fn read(&self, k: i64, samples: &mut [f32]) {
        let (stride, most) = (self.channels.len(), MOST * self.rms);
        for (n, rows) in self.channels.iter().enumerate() {
            let samples = samples.iter_mut().skip(n).step_by(stride);
            match (&rows[..], self.distribution) {
                ([row], Distribution::Gaussian) => {
                    let value = |k| (row.scale * gaussian(hash(row.key, k as u64))).clamp(-most, most);
                    samples.zip(k..).for_each(|(sample, k)| *sample = value(k) as f32);
                }
                ([row], Distribution::Uniform) => {
                    let value = |k| row.scale * uniform(hash(row.key, k as u64));
                    samples.zip(k..).for_each(|(sample, k)| *sample = value(k) as f32);
                }
                (rows, _) => {
                    let mut sums = [0.0; CHUNK_FRAMES];
                    let count = samples.len().min(CHUNK_FRAMES);
                    rows.iter().for_each(|row| row.add(k, &mut sums[..count]));
                    let limited = sums.iter().map(|sum| sum.clamp(-most, most) as f32);
                    samples.zip(limited).for_each(|(sample, value)| *sample = value);
                }
            }
        }
    }
}

impl Row {
    /// Adds the row from frame `k` on. It changes in the middle of a period, so that rows do not all change
    /// together at multiples of the longest.
    fn add(&self, k: i64, mut sums: &mut [f64]) {
        let place = k + self.period / 2;
        let mut index = place.div_euclid(self.period);
        let mut run = (self.period - place.rem_euclid(self.period)) as usize;
        while !sums.is_empty() {
            let value = self.scale * gaussian(hash(self.key, index as u64));
            let (now, later) = sums.split_at_mut(run.min(sums.len()));
            now.iter_mut().for_each(|sum| *sum += value);
            (sums, index, run) = (later, index + 1, self.period as usize);
        }
    }
}

/// Periods and powers of the rows whose sum is pink: random numbers held for 1, 2, 3, 4, 6, 8, 12 … frames (Voss,
/// in Gardner, Scientific American 238(4), 1978, with two rows an octave). Each has its power below half of its
/// own rate; the sum falls by 3 dB an octave from there to where the longest, 0.16 s, is flat. The powers of the
/// first rows, fitted, make up for the rows of less than a frame that there cannot be: within ±0.2 dB from 20 Hz
/// to 0.45 of the sample rate.
fn pink_powers(rate: u32) -> Vec<(i64, f64)> {
    let longest = rate as i64 * 16 / 100;
    let halves = (0..).flat_map(|octave| [2i64 << octave, 3 << octave]);
    let periods = std::iter::once(1).chain(halves).take_while(|&period| period <= longest);
    let first = [2.375, 2.494, 0.559, 1.109, 1.143, 0.920, 1.018];
    periods.zip(first.into_iter().chain(std::iter::repeat(1.0))).collect()
}

/// Number `index` of the sequence with this key: the splitmix64 generator (Steele, Lea and Flood, Fast splittable
/// pseudorandom number generators, OOPSLA 2014), whose state is a counter.
#[inline]
pub fn hash(key: u64, index: u64) -> u64 {
    let z = key.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A uniform variable of variance 1.
#[inline]
fn uniform(bits: u64) -> f64 {
    const SQRT_3: f64 = 1.732_050_807_568_877_2;
    ((bits as i64 >> 11) as f64 + 0.5) * (SQRT_3 / (1u64 << 52) as f64)
}

/// A normal variable of variance 1 (Box and Muller, A note on the generation of random normal deviates, 1958): the
/// radius from the upper 32 bits, the angle from the lower.
#[inline]
fn gaussian(bits: u64) -> f64 {
    let u = ((bits >> 32) as f64 + 0.5) * (1.0 / (1u64 << 32) as f64);
    (-2.0 * ln(u)).sqrt() * sine::of_phase(bits << 32)
}

/// The natural logarithm of a normal number above 0, to 1e-11: with x = 2^e m and s = (m − 1) / (m + 1), it is
/// e ln 2 + 2 (s + s³/3 + s⁵/5 …) (Abramowitz and Stegun 4.1.27), for m between √½ and √2.
#[inline]
fn ln(x: f64) -> f64 {
    const TERMS: [f64; 7] = [1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0];
    /// The upper bits of √½.
    const LEAST: u64 = 0x3FE6_A09E << 32;
    let distance = x.to_bits().wrapping_sub(LEAST) as i64 >> 52;
    let m = f64::from_bits(x.to_bits().wrapping_sub((distance << 52) as u64));
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let sum = TERMS.iter().fold(0.0, |sum, term| sum * square + term);
    distance as f64 * std::f64::consts::LN_2 + 2.0 * s * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_within_1e_11_of_the_librarys() {
        for n in 0..1_000_000u64 {
            let x = ((hash(1, n) >> 32) as f64 + 0.5) / 2f64.powi(32);
            assert!((ln(x) - x.ln()).abs() < 1e-11, "{x}: {} and not {}", ln(x), x.ln());
        }
        for x in [0.5 / 2f64.powi(32), 1.0 - 0.5 / 2f64.powi(32), 0.5f64.sqrt(), 0.25, 2.0, 1e9] {
            assert!((ln(x) - x.ln()).abs() < 1e-11, "{x}: {} and not {}", ln(x), x.ln());
        }
    }

    /// The first numbers of the published reference implementation for the seed 1234567.
    #[test]
    fn the_generator_is_splitmix64() {
        let published = [6_457_827_717_110_365_317u64, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([0, 1, 2].map(|index| hash(1_234_567, index)), published);
    }
}
