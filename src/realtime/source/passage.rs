//! A part of a buffer, with a loop.

use crate::buffer::Playable;

/// What to play of a buffer. Frame indices of the sound count from its own start, not the buffer's.
#[derive(Debug)]
pub struct Passage {
    /// The samples.
    pub samples: Playable,
    /// First frame of the buffer that belongs to the sound.
    pub first_frame: i64,
    /// Frames of the sound without repetitions.
    pub frame_count: i64,
    /// First frame of the loop, relative to `first_frame`.
    pub loop_first: i64,
    /// Frames of the loop; not 0 if `loop_count` is not 0.
    pub loop_frames: i64,
    /// Extra passes of the loop; −1 for ever.
    pub loop_count: i64,
}

impl Passage {
    /// Frames of the whole sound, or `None` if it never ends by itself.
    pub fn length(&self) -> Option<i64> {
        (self.loop_count >= 0).then(|| self.frame_count + self.loop_count * self.loop_frames)
    }

    /// Hands `count` frames from frame `k` of the sound on to `take`, as runs that lie in one piece.
    pub fn read(&self, mut k: i64, count: usize, mut take: impl FnMut(&[f32])) {
        let end = k + count as i64;
        while k < end {
            let (position, run) = self.run(k);
            let count = run.min(end - k);
            let channels = self.samples.channels();
            let first = (self.first_frame + position) as usize * channels;
            take(&self.samples.samples()[first..first + count as usize * channels]);
            k += count;
        }
    }

    /// For frame `k` of the sound, loops included: its position from the first frame, and how many frames
    /// follow one another from there.
    fn run(&self, k: i64) -> (i64, i64) {
        let loop_end = self.loop_first + self.loop_frames;
        if self.loop_count == 0 {
            return (k, self.frame_count - k);
        }
        if k < loop_end {
            return (k, loop_end - k);
        }
        let beyond = k - loop_end;
        let repeated = if self.loop_count < 0 { i64::MAX } else { self.loop_count * self.loop_frames };
        if beyond < repeated {
            let within = beyond % self.loop_frames;
            (self.loop_first + within, self.loop_frames - within)
        } else {
            let position = loop_end + (beyond - repeated);
            (position, self.frame_count - position)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Buffer;

    fn passage(frame_count: i64, loop_first: i64, loop_frames: i64, loop_count: i64) -> Passage {
        let samples: Vec<f32> = (0..10).map(|n| n as f32 / 10.0).collect();
        Passage {
            samples: Buffer::copy(&samples, 10, 1, 0).unwrap().claim_for_play().unwrap(),
            first_frame: 0,
            frame_count,
            loop_first,
            loop_frames,
            loop_count,
        }
    }

    fn positions(passage: &Passage, frames: i64) -> Vec<i64> {
        (0..frames).map(|k| passage.run(k).0).collect()
    }

    #[test]
    fn a_loop_range_repeats_and_then_the_rest_follows() {
        let looped = passage(6, 2, 2, 2);
        assert_eq!(looped.length(), Some(10));
        assert_eq!(positions(&looped, 10), [0, 1, 2, 3, 2, 3, 2, 3, 4, 5]);
        assert_eq!(positions(&passage(3, 0, 3, -1), 7), [0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(positions(&passage(3, 0, 0, 0), 3), [0, 1, 2]);
    }

    #[test]
    fn a_run_never_reaches_beyond_its_range() {
        for sound in [passage(6, 2, 2, 2), passage(6, 0, 6, 3), passage(4, 3, 1, 5)] {
            for k in 0..sound.length().unwrap() {
                let (position, run) = sound.run(k);
                assert!(run > 0);
                for n in 0..run.min(sound.length().unwrap() - k) {
                    assert_eq!(sound.run(k + n).0, position + n);
                }
            }
        }
    }
}
