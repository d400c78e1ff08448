//! Sounds that the library makes itself, frame by frame, as its header has them in words and by the formulae of
//! the papers that it names.

use std::f64::consts::TAU;

use sonset::stream::PulseCode;

use super::RATE;

#[derive(Clone, Debug)]
pub enum Made {
    Sine {
        frequency: f64,
        phase: f64,
        amplitude: f64,
        frames: Option<i64>,
    },
    Noise {
        pink: bool,
        channels: usize,
        seed: i64,
        rms: f64,
        frames: Option<i64>,
    },
    Pulse {
        code: PulseCode,
        value: i64,
        width: i64,
        /// −1 for ever.
        count: i64,
        interval: i64,
        level: f64,
    },
}

impl Made {
    pub fn channels(&self) -> usize {
        if let Self::Noise { channels, .. } = self { *channels } else { 1 }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Sine { .. } => "tone",
            Self::Noise { .. } => "noise",
            Self::Pulse { .. } => "pulse",
        }
    }

    /// Frames, unless it goes on for ever.
    pub fn length(&self) -> Option<i64> {
        match self {
            Self::Sine { frames, .. } | Self::Noise { frames, .. } => *frames,
            Self::Pulse { count: -1, .. } => None,
            Self::Pulse { width, count, interval, .. } => {
                Some((count - 1) * interval + width * self.word().len() as i64)
            }
        }
    }

    /// What its rounding errors are in proportion to where it crosses 0.
    pub fn scale(&self) -> f64 {
        match self {
            Self::Sine { amplitude, .. } => *amplitude,
            Self::Noise { rms, .. } => *rms,
            Self::Pulse { level, .. } => level.abs(),
        }
    }

    /// Whether it sounds on the channel named as number `n` from 0.
    pub fn is_on(&self, n: usize) -> bool {
        match self {
            Self::Pulse { code: PulseCode::Parallel, value, .. } => value / 2i64.pow(n as u32) % 2 == 1,
            _ => true,
        }
    }

    pub fn at(&self, k: i64, channel: usize) -> f64 {
        match self {
            Self::Sine { frequency, phase, amplitude, .. } => {
                amplitude * (TAU * (frequency * k as f64 / RATE + phase)).sin()
            }
            Self::Noise { pink, seed, rms, .. } => rms * noise(*pink, *seed as u64, channel as u64, k),
            Self::Pulse { width, count, interval, level, .. } => {
                let within = if *count == 1 { k } else { k % interval };
                let on = self.word().get((within / width) as usize).copied();
                if on == Some(true) { *level } else { 0.0 }
            }
        }
    }

    /// What the widths of a pulse or code are, one after another.
    fn word(&self) -> Vec<bool> {
        match self {
            Self::Pulse { code: PulseCode::Serial, value, .. } => {
                let data = (0..8).map(|bit| value / 2i64.pow(bit) % 2 == 1);
                [true].into_iter().chain(data).chain([false]).collect()
            }
            _ => vec![true],
        }
    }
}

/// Number `n` from 0 of splitmix64 from `state` on.
fn splitmix64(state: u64, n: u64) -> u64 {
    let mut z = state;
    z = z.wrapping_add(0x9e3779b97f4a7c15u64.wrapping_mul(n));
    z = z.wrapping_add(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
    z ^ (z >> 31)
}

/// A normal number from the two halves of a random one.
fn box_muller(bits: u64) -> f64 {
    let (u, v) = ((bits >> 32) as f64, (bits & 0xffff_ffff) as f64);
    (-2.0 * ((u + 0.5) / 2f64.powi(32)).ln()).sqrt() * (TAU * v / 2f64.powi(32)).sin()
}

fn noise(pink: bool, seed: u64, channel: u64, k: i64) -> f64 {
    let state = |row: u64| splitmix64(splitmix64(seed, 0), channel * 256 + row);
    if !pink {
        return box_muller(splitmix64(state(0), k as u64)).clamp(-5.0, 5.0);
    }
    // At 48 kHz, up to 0.16 s.
    let periods = [
        1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072,
        4096, 6144,
    ];
    let powers = [2.375, 2.494, 0.559, 1.109, 1.143, 0.920, 1.018];
    let power = |row: usize| powers.get(row).copied().unwrap_or(1.0f64);
    let total: f64 = (0..periods.len()).map(power).sum();
    let held = |(row, period): (usize, &i64)| {
        let number = (k + period / 2) / period;
        (power(row) / total).sqrt() * box_muller(splitmix64(state(row as u64), number as u64))
    };
    periods.iter().enumerate().map(held).sum::<f64>().clamp(-5.0, 5.0)
}
