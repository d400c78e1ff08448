//! Whether the samples of a file can be the sound that was meant, judged before they are played: bytes that are taken
//! for another coding, or in another order, become noise at full scale, a danger to hearing.
//!
//! A file is implausible if a sample is beyond ±8, or if it is loud white noise. That is judged by channels in blocks of
//! 512 frames. A block is loud white noise if its root mean square is at or above −9 dB of full scale and its correlation
//! with itself, 1, 2, 3 and 4 frames later, is below a half each time. Misread bytes are at −4.8 dB, without any
//! correlation. Speech and music that loud are correlated, tones of any frequency too, and noise that was made for an
//! experiment is quieter. A channel is implausible if that is so of at least half of its blocks that are above −60 dB.
//!
//! Not found are tones of 16 bits so low and quiet that their lower byte is smooth too, or so regular that it repeats
//! every few frames.

/// The largest magnitude that is believed.
pub const LIMIT: f32 = 8.0;

const BLOCK_FRAMES: u32 = 512;
/// Frames of a last block that are enough to be judged.
const PART_FRAMES: u32 = 128;
/// Blocks that are judged at least, unless there are no more.
const FEWEST_BLOCKS: u32 = 16;
const LAGS: usize = 4;
/// Mean squares of −9 and −60 dB.
const LOUD: f32 = 0.125_892_54;
const QUIET: f32 = 1e-6;
const CORRELATED: f32 = 0.5;

/// What is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plausibility {
    /// Nothing speaks against it.
    #[default]
    Plausible,
    /// A sample is beyond ±8.
    Beyond,
    /// It is white noise near full scale.
    Noise,
}

impl Plausibility {
    /// What is wrong with it; `None` if nothing is.
    pub fn fault(self) -> Option<&'static str> {
        match self {
            Self::Plausible => None,
            Self::Beyond => Some("has samples beyond 8 times full scale"),
            Self::Noise => Some("is white noise near full scale, as bytes are that are misread"),
        }
    }
}

/// Listens to samples.
#[derive(Debug, Default)]
pub struct Meter {
    channels: Vec<Channel>,
    is_beyond: bool,
}

#[derive(Clone, Debug, Default)]
struct Channel {
    frames: u32,
    square: f32,
    products: [f32; LAGS],
    /// The last samples, newest first.
    before: [f32; LAGS],
    sounding: u32,
    noisy: u32,
}

impl Meter {
    /// For so many channels.
    pub fn new(channels: usize) -> Self {
        Self { channels: vec![Channel::default(); channels], is_beyond: false }
    }

    /// Takes the next samples, interleaved.
    pub fn feed(&mut self, samples: &[f32]) {
        let count = self.channels.len();
        for (index, channel) in self.channels.iter_mut().enumerate() {
            for &sample in samples.iter().skip(index).step_by(count) {
                self.is_beyond |= sample.abs() > LIMIT;
                channel.take(sample);
            }
        }
    }

    /// What is found so far; of a sound that `is_whole`, however short it is.
    pub fn judge(&self, is_whole: bool) -> Plausibility {
        let is_noise = |channel: &Channel| {
            let mut channel = channel.clone();
            if is_whole && channel.frames >= PART_FRAMES {
                channel.end_block();
            }
            let enough = if is_whole { 1 } else { FEWEST_BLOCKS };
            channel.sounding >= enough && channel.noisy >= channel.sounding.div_ceil(2)
        };
        match self.is_beyond {
            true => Plausibility::Beyond,
            false if self.channels.iter().any(is_noise) => Plausibility::Noise,
            false => Plausibility::Plausible,
        }
    }
}

impl Channel {
    fn take(&mut self, sample: f32) {
        self.square += sample * sample;
        for (product, before) in self.products.iter_mut().zip(self.before) {
            *product += sample * before;
        }
        self.before = [sample, self.before[0], self.before[1], self.before[2]];
        self.frames += 1;
        if self.frames == BLOCK_FRAMES {
            self.end_block();
        }
    }

    fn end_block(&mut self) {
        let mean = self.square / self.frames as f32;
        if mean > QUIET {
            self.sounding = self.sounding.saturating_add(1);
            let correlated = self.products.iter().any(|product| product.abs() >= CORRELATED * self.square);
            if mean >= LOUD && !correlated {
                self.noisy = self.noisy.saturating_add(1);
            }
        }
        (self.frames, self.square, self.products) = (0, 0.0, [0.0; LAGS]);
    }
}
