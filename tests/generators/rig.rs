//! A manual stream whose last channel is a trigger line, and what it plays.

use sonset::action::LatePolicy;
use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::error::{Code, Error};
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::stream::{Config, PlayParams, StartAt, Stream, Timing};

pub struct Rig {
    pub stream: Stream,
    channels: usize,
}

impl Rig {
    pub fn new(rate: u32, channels: usize) -> Self {
        let config = Config {
            backend: Some(Backend::Manual),
            sample_rate_hz: rate,
            output_channels: channels as u32,
            ..Config::default()
        };
        let stream = Stream::open(&config).unwrap();
        stream.set_channel_role(channels as i32, true).unwrap();
        stream.start().unwrap();
        Self { stream, channels }
    }

    /// Renders so many frames in one block.
    pub fn block(&self, frames: usize) -> Vec<f32> {
        let mut output = vec![9.0; frames * self.channels];
        let time = BlockTime::default();
        self.stream.process(0, Input::None, Output::Interleaved(&mut output), time).unwrap();
        output
    }

    /// Renders `frames` frames in blocks of up to `block`, and gives each channel.
    pub fn render(&self, frames: usize, block: usize) -> Vec<Vec<f32>> {
        let mut heard = Vec::with_capacity(frames * self.channels);
        while heard.len() < frames * self.channels {
            let left = frames - heard.len() / self.channels;
            heard.extend(self.block(left.min(block)));
        }
        (0..self.channels)
            .map(|channel| heard.iter().skip(channel).step_by(self.channels).copied().collect())
            .collect()
    }

    /// Timing with which a sound starts at its frame `k`, at the stream's next frame: as one that was to follow,
    /// `k` frames ago, a sound that ends now.
    pub fn late_by(&self, k: i64) -> Timing {
        let silence = Buffer::zeros(1, 1, 0).unwrap();
        let action = self.stream.play_buffer(&silence, Some(&[1]), None, &PlayParams::default()).unwrap();
        self.block(1);
        Timing { start: StartAt::After { action, offset: -k }, late: LatePolicy::Skip, ..Timing::default() }
    }
}

/// The same numbers each time (Steele, Lea and Flood's splitmix64 would be what is under test: this is
/// Marsaglia's xorshift).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Fails unless `result` is an error with this code that says all of `words`.
#[track_caller]
pub fn refused(result: Result<i64, Error>, code: Code, words: &[&str]) {
    let error = result.expect_err("it is taken");
    let text = error.to_string();
    assert!(error.code == code && words.iter().all(|word| text.contains(word)), "{:?}: {text}", error.code);
}

/// f · k / rate in cycles without the whole ones, exact for frequencies in whole milliherz however large `k`.
pub fn cycles(millihertz: i64, rate: i64, k: i64) -> f64 {
    let whole = 1_000 * rate as i128;
    (millihertz as i128 * k as i128).rem_euclid(whole) as f64 / whole as f64
}
