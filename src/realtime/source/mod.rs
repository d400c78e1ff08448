//! Where the samples of a sound come from.

mod corner;
mod input;
mod interpolate;
mod noise;
mod passage;
mod pulse;
mod ring;
mod tone;

pub use input::Monitor;
pub use noise::{Distribution, MOST, Noise, Spectrum, hash};
pub use passage::Passage;
pub use pulse::Pulse;
pub use ring::{Reel, RingSound};
pub use tone::{Tone, Waveform};

/// One kind of samples.
#[derive(Debug)]
pub enum Source {
    /// A part of a buffer.
    Buffer(Passage),
    /// The input.
    Input(Monitor),
    /// What a host writes meanwhile.
    Ring(RingSound),
    /// A tone.
    Tone(Tone),
    /// Noise.
    Noise(Noise),
    /// Pulses.
    Pulse(Pulse),
}

impl Source {
    /// Number of channels; at most as many as the output has.
    pub fn channels(&self) -> usize {
        match self {
            Self::Buffer(passage) => passage.samples.channels(),
            Self::Input(monitor) => monitor.channels(),
            Self::Ring(ring) => ring.channels(),
            Self::Noise(noise) => noise.channels(),
            Self::Tone(_) | Self::Pulse(_) => 1,
        }
    }

    /// Frames of the whole sound, or `None` if it never ends by itself.
    pub fn length(&self) -> Option<i64> {
        match self {
            Self::Buffer(passage) => passage.length(),
            Self::Input(monitor) => monitor.length(),
            Self::Ring(ring) => ring.length(),
            Self::Tone(tone) => tone.length(),
            Self::Noise(noise) => noise.length(),
            Self::Pulse(pulse) => pulse.length(),
        }
    }

    /// Of the frames that were read last, the first that was silence in the place of something missing, and how
    /// many there were from there.
    pub fn silent(&self) -> (i64, i64) {
        match self {
            Self::Input(monitor) => monitor.silent(),
            // What a ring lacks it does not hand out.
            Self::Buffer(_) | Self::Ring(_) | Self::Tone(_) | Self::Noise(_) | Self::Pulse(_) => (0, 0),
        }
    }

    /// Whether it can be paused. What is live goes on without it.
    pub fn can_stand(&self) -> bool {
        !matches!(self, Self::Input(_))
    }

    /// The number of frames among which it can go from any to any other, if it can.
    pub fn seekable(&self) -> Option<i64> {
        match self {
            Self::Buffer(passage) => Some(passage.length().unwrap_or(i64::MAX)),
            Self::Ring(ring) if ring.file().is_some() => Some(ring.length().unwrap_or(i64::MAX)),
            _ => None,
        }
    }

    /// Hands `count` frames from frame `k` of the sound on to `take`, interleaved, in runs of whole frames; the
    /// last of them may be missing. What does not lie in memory is made in `scratch`, which has room for them.
    pub fn read(&mut self, k: i64, count: usize, scratch: &mut [f32], mut take: impl FnMut(&[f32])) {
        let samples = count * self.channels();
        match self {
            Self::Buffer(passage) => return passage.read(k, count, take),
            Self::Ring(ring) => return ring.read(k, count, scratch, take),
            Self::Input(monitor) => monitor.read(k, count, &mut scratch[..samples]),
            Self::Tone(tone) => tone.read(k, &mut scratch[..samples]),
            Self::Noise(noise) => noise.read(k, &mut scratch[..samples]),
            Self::Pulse(pulse) => pulse.read(k, &mut scratch[..samples]),
        }
        take(&scratch[..samples]);
    }
}
