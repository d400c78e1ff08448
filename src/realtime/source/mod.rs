//! Where the samples of a sound come from.

mod input;
mod interpolate;
mod passage;
mod ring;

pub use input::Monitor;
pub use passage::Passage;
pub use ring::RingSound;

/// One kind of samples.
#[derive(Debug)]
pub enum Source {
    /// A part of a buffer.
    Buffer(Passage),
    /// The input.
    Input(Monitor),
    /// What a host writes meanwhile.
    Ring(RingSound),
}

impl Source {
    /// Number of channels; at most as many as the output has.
    pub fn channels(&self) -> usize {
        match self {
            Self::Buffer(passage) => passage.samples.channels(),
            Self::Input(monitor) => monitor.channels(),
            Self::Ring(ring) => ring.channels(),
        }
    }

    /// Frames of the whole sound, or `None` if it never ends by itself.
    pub fn length(&self) -> Option<i64> {
        match self {
            Self::Buffer(passage) => passage.length(),
            Self::Input(monitor) => monitor.length(),
            Self::Ring(ring) => ring.length(),
        }
    }

    /// Of the frames that were read last, the first that was silence in the place of something missing, and how
    /// many there were from there.
    pub fn silent(&self) -> (i64, i64) {
        match self {
            Self::Input(monitor) => monitor.silent(),
            // What a ring lacks it does not hand out.
            Self::Buffer(_) | Self::Ring(_) => (0, 0),
        }
    }

    /// Hands `count` frames from frame `k` of the sound on to `take`, interleaved, in runs of whole frames; the
    /// last of them may be missing. What does not lie in memory is made in `scratch`, which has room for them.
    pub fn read(&mut self, k: i64, count: usize, scratch: &mut [f32], mut take: impl FnMut(&[f32])) {
        match self {
            Self::Buffer(passage) => passage.read(k, count, take),
            Self::Input(monitor) => {
                let made = &mut scratch[..count * monitor.channels()];
                monitor.read(k, count, made);
                take(made);
            }
            Self::Ring(ring) => ring.read(k, count, scratch, take),
        }
    }
}
