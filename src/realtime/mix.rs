//! Adding the samples of one sound to the output of one chunk.

use super::envelope::{Fade, ramp};
use crate::action::{Play, Route};

/// Longest chunk. Chunks end at multiples of this in absolute frames, and where blocks end.
pub const CHUNK_FRAMES: usize = 256;

/// Where in its sound a voice is.
#[derive(Clone, Copy, Debug)]
pub struct Voice {
    /// First frame of the stream at which it sounds.
    pub start: i64,
    /// Frames of the sound that were left out at its start.
    pub skip: i64,
    /// First frame of the stream at which its own course is over.
    pub end: i64,
    /// Ends it sooner.
    pub fade: Option<Fade>,
}

impl Voice {
    /// The level of `frame`, from the ramps of `play` and the fade.
    fn level(&self, play: &Play, frame: i64) -> f32 {
        let onset = ramp(play.ramp_shape, frame - self.start, play.onset_ramp_frames);
        let offset = ramp(play.ramp_shape, self.end - 1 - frame, play.offset_ramp_frames);
        onset * offset * self.fade.map_or(1.0, |fade| fade.at(frame))
    }

    /// Whether all frames from `from` up to `to` are at full level.
    fn is_plain(&self, play: &Play, from: i64, to: i64) -> bool {
        from - self.start >= play.onset_ramp_frames
            && self.end.saturating_sub(to) >= play.offset_ramp_frames
            && self.fade.is_none_or(|fade| to <= fade.begin)
    }
}

/// The accumulator of one chunk: interleaved, with a scratch row for levels.
#[derive(Debug)]
pub struct Mixer {
    channels: usize,
    sums: Box<[f32]>,
    levels: Box<[f32]>,
}

impl Mixer {
    /// For an output of `channels`.
    pub fn new(channels: usize) -> Self {
        Self {
            channels,
            sums: vec![0.0; channels * CHUNK_FRAMES].into(),
            levels: vec![0.0; CHUNK_FRAMES].into(),
        }
    }

    /// Begins a chunk of silence.
    pub fn clear(&mut self, frames: usize) {
        self.sums[..frames * self.channels].fill(0.0);
    }

    /// The sums of the first `frames` frames.
    pub fn sums(&self, frames: usize) -> &[f32] {
        &self.sums[..frames * self.channels]
    }

    /// Adds the frames from `from` up to `to` of `play` to the chunk that begins at frame `chunk`.
    pub fn add(&mut self, play: &Play, voice: &Voice, chunk: i64, from: i64, to: i64) {
        let plain = voice.is_plain(play, from, to);
        if !plain {
            for (level, frame) in self.levels.iter_mut().zip(from..to) {
                *level = voice.level(play, frame);
            }
        }
        let mut frame = from;
        while frame < to {
            let (position, run) = source_run(play, frame - voice.start + voice.skip);
            let count = run.min(to - frame) as usize;
            let channels = play.source.channels();
            let first = (play.first_frame + position) as usize * channels;
            let source = &play.source.samples()[first..first + count * channels];
            let at = (frame - chunk) as usize * self.channels;
            let sums = &mut self.sums[at..at + count * self.channels];
            let from_level = (frame - from) as usize;
            let levels = (!plain).then(|| &self.levels[from_level..from_level + count]);
            add_run(sums, self.channels, source, channels, &play.routes, levels);
            frame += count as i64;
        }
    }
}

/// For frame `k` of a sound, loops included: its position from the first frame, and how many frames follow
/// one another from there.
fn source_run(play: &Play, k: i64) -> (i64, i64) {
    let loop_end = play.loop_first + play.loop_frames;
    if play.loop_count == 0 {
        return (k, play.frame_count - k);
    }
    if k < loop_end {
        return (k, loop_end - k);
    }
    let beyond = k - loop_end;
    let repeated = if play.loop_count < 0 { i64::MAX } else { play.loop_count * play.loop_frames };
    if beyond < repeated {
        let within = beyond % play.loop_frames;
        (play.loop_first + within, play.loop_frames - within)
    } else {
        let position = loop_end + (beyond - repeated);
        (position, play.frame_count - position)
    }
}

/// Adds one run of source frames. Each output sample adds its routes in their order, whatever the run's
/// length, so that a run cut in two gives the same bits.
fn add_run(
    sums: &mut [f32],
    channels: usize,
    source: &[f32],
    source_channels: usize,
    routes: &[Route],
    levels: Option<&[f32]>,
) {
    match levels {
        None if is_straight(routes, channels, source_channels) => add_straight(sums, source, routes[0].gain),
        None => {
            for route in routes {
                let (sums, samples) = strided(sums, channels, source, source_channels, route);
                sums.zip(samples).for_each(|(sum, sample)| *sum += sample * route.gain);
            }
        }
        Some(levels) => {
            for route in routes {
                let (sums, samples) = strided(sums, channels, source, source_channels, route);
                if route.trigger {
                    sums.zip(samples).for_each(|(sum, sample)| *sum += sample * route.gain);
                } else {
                    let levelled = samples.zip(levels).map(|(sample, level)| sample * route.gain * level);
                    sums.zip(levelled).for_each(|(sum, sample)| *sum += sample);
                }
            }
        }
    }
}

/// Whether every channel goes to its own with one gain, so that frames can be added as they lie.
fn is_straight(routes: &[Route], channels: usize, source_channels: usize) -> bool {
    channels == source_channels
        && routes.len() == channels
        && routes.iter().enumerate().all(|(i, route)| {
            route.source as usize == i && route.target as usize == i && route.gain == routes[0].gain
        })
}

fn add_straight(sums: &mut [f32], source: &[f32], gain: f32) {
    sums.iter_mut().zip(source).for_each(|(sum, sample)| *sum += sample * gain);
}

/// The sums and the samples of one route, frame by frame.
fn strided<'a>(
    sums: &'a mut [f32],
    channels: usize,
    source: &'a [f32],
    source_channels: usize,
    route: &Route,
) -> (impl Iterator<Item = &'a mut f32>, impl Iterator<Item = &'a f32>) {
    (
        sums[route.target as usize..].iter_mut().step_by(channels),
        source[route.source as usize..].iter().step_by(source_channels),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::RampShape;
    use crate::buffer::Buffer;

    fn play(frame_count: i64, loop_first: i64, loop_frames: i64, loop_count: i64) -> Play {
        let samples: Vec<f32> = (0..10).map(|n| n as f32 / 10.0).collect();
        Play {
            source: Buffer::copy(&samples, 10, 1, 0).unwrap().claim_for_play().unwrap(),
            routes: Box::new([Route { source: 0, target: 0, gain: 1.0, trigger: false }]),
            first_frame: 0,
            frame_count,
            loop_first,
            loop_frames,
            loop_count,
            stop_frame: None,
            onset_ramp_frames: 0,
            offset_ramp_frames: 0,
            ramp_shape: RampShape::RaisedCosine,
        }
    }

    fn positions(play: &Play, frames: i64) -> Vec<i64> {
        (0..frames).map(|k| source_run(play, k).0).collect()
    }

    #[test]
    fn a_loop_range_repeats_and_then_the_rest_follows() {
        let looped = play(6, 2, 2, 2);
        assert_eq!(looped.length(), Some(10));
        assert_eq!(positions(&looped, 10), [0, 1, 2, 3, 2, 3, 2, 3, 4, 5]);
        assert_eq!(positions(&play(3, 0, 3, -1), 7), [0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(positions(&play(3, 0, 0, 0), 3), [0, 1, 2]);
    }

    #[test]
    fn a_run_never_reaches_beyond_its_range() {
        for play in [play(6, 2, 2, 2), play(6, 0, 6, 3), play(4, 3, 1, 5)] {
            for k in 0..play.length().unwrap() {
                let (position, run) = source_run(&play, k);
                assert!(run > 0);
                for n in 0..run.min(play.length().unwrap() - k) {
                    assert_eq!(source_run(&play, k + n).0, position + n);
                }
            }
        }
    }
}
