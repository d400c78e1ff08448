//! Pulses: single ones, trains, and codes of bits one after another.

/// Words of bits, at equal distances.
#[derive(Clone, Copy, Debug)]
pub struct Pulse {
    /// The bits of a word, the first in time lowest: 1 at the level, 0 silent.
    pub pattern: u64,
    /// Bits of a word; at most 64.
    pub bits: i64,
    /// Frames of a bit.
    pub bit_frames: i64,
    /// Frames from the start of a word to that of the next; not less than a word.
    pub interval_frames: i64,
    /// Words, or `None` for ever.
    pub count: Option<i64>,
    /// Of a bit that is 1.
    pub level: f32,
}

impl Pulse {
    fn word_frames(&self) -> i64 {
        self.bits * self.bit_frames
    }

    /// Frames of all words, or `None` if they never end.
    pub fn length(&self) -> Option<i64> {
        self.count.map(|count| (count - 1) * self.interval_frames + self.word_frames())
    }

    /// Fills `frames` with the sound from frame `k` on.
    pub fn read(&self, mut k: i64, mut frames: &mut [f32]) {
        while !frames.is_empty() {
            let (value, run) = self.run(k);
            let (now, later) = frames.split_at_mut((run as usize).min(frames.len()));
            now.fill(value);
            k += now.len() as i64;
            frames = later;
        }
    }

    /// The value of frame `k`, and for how many frames it stays.
    fn run(&self, k: i64) -> (f32, i64) {
        let within = k % self.interval_frames;
        if within >= self.word_frames() {
            return (0.0, self.interval_frames - within);
        }
        let bit = within / self.bit_frames;
        let value = if self.pattern >> bit & 1 == 1 { self.level } else { 0.0 };
        (value, (bit + 1) * self.bit_frames - within)
    }
}
