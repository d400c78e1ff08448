//! Adding the samples of one sound to the output of one chunk.

use super::envelope::{Fade, Rise, ramp};
use super::gain::Gain;
use crate::action::{Play, Route};
use crate::memory::Ranges;

/// Longest chunk. Chunks end at multiples of this in absolute frames, and where blocks end.
pub const CHUNK_FRAMES: usize = 256;

/// Where in its sound a voice is.
#[derive(Clone, Copy, Debug)]
pub struct Voice {
    /// First frame of the stream at which it sounds.
    pub start: i64,
    /// Where it would have started to sound as it does now: later than the start by the pauses.
    pub origin: i64,
    /// Frames of the sound that were left out at its start.
    pub skip: i64,
    /// First frame of the stream at which its own course is over.
    pub end: i64,
    /// Ends it sooner.
    pub fade: Option<Fade>,
    /// Leads to a pause: from its end on the sound stands still.
    pub pause: Option<Fade>,
    /// Leads to a jump to another frame of the sound.
    pub fall: Option<Fade>,
    /// Leads out of the last pause or jump.
    pub rise: Option<Rise>,
}

impl Voice {
    /// From `start` to `end` without the first `skip` frames.
    pub fn new(start: i64, skip: i64, end: i64) -> Self {
        Self { start, origin: start, skip, end, fade: None, pause: None, fall: None, rise: None }
    }

    /// The frame of the sound that `frame` of the stream is.
    fn position(&self, frame: i64) -> i64 {
        frame - self.origin + self.skip
    }

    /// The level of `frame`, from the ramps of `play` and the fade.
    fn level(&self, play: &Play, frame: i64) -> f32 {
        let onset = ramp(play.ramp_shape, frame - self.origin, play.onset_ramp_frames);
        let offset = ramp(play.ramp_shape, self.end - 1 - frame, play.offset_ramp_frames);
        let fall = |fade: Option<Fade>| fade.map_or(1.0, |fade| fade.at(frame));
        let rise = self.rise.map_or(1.0, |rise| rise.at(frame));
        onset * offset * fall(self.fade) * fall(self.pause) * fall(self.fall) * rise
    }

    /// The levels of the frames from `from` on, at full level before the modulation if `plain`.
    fn levels(&self, play: &Play, from: i64, plain: bool, levels: &mut [f32]) {
        if plain {
            levels.fill(1.0);
        } else {
            levels.iter_mut().zip(from..).for_each(|(level, frame)| *level = self.level(play, frame));
        }
        if let Some(modulation) = &play.modulation {
            let k = self.position(from);
            levels.iter_mut().zip(k..).for_each(|(level, k)| *level *= modulation.at(k));
        }
    }

    /// Whether all frames from `from` up to `to` are at full level, but for the modulation.
    fn is_plain(&self, play: &Play, from: i64, to: i64) -> bool {
        from - self.origin >= play.onset_ramp_frames
            && self.end.saturating_sub(to) >= play.offset_ramp_frames
            && self.fade.is_none_or(|fade| to <= fade.begin)
            && self.pause.is_none_or(|fade| to <= fade.begin)
            && self.fall.is_none_or(|fade| to <= fade.begin)
            && self.rise.is_none_or(|rise| from >= rise.end())
    }
}

/// The accumulator of one chunk: interleaved, with scratch rows for levels and for
/// samples.
#[derive(Debug)]
pub struct Mixer {
    channels: usize,
    sums: Box<[f32]>,
    levels: Box<[f32]>,
    /// For what is made and not there already. No source has more channels than the output.
    scratch: Box<[f32]>,
}

impl Mixer {
    /// For an output of `channels`.
    pub fn new(channels: usize) -> Self {
        Self {
            channels,
            sums: vec![0.0; channels * CHUNK_FRAMES].into(),
            levels: vec![0.0; CHUNK_FRAMES].into(),
            scratch: vec![0.0; channels * CHUNK_FRAMES].into(),
        }
    }

    /// Adds what it holds.
    pub fn add_memory(&self, ranges: &mut Ranges) {
        [&self.sums, &self.levels, &self.scratch].into_iter().for_each(|row| ranges.add(&row[..]));
    }

    /// Begins a chunk of silence.
    pub fn clear(&mut self, frames: usize) {
        self.sums[..frames * self.channels].fill(0.0);
    }

    /// The sums of the first `frames` frames.
    pub fn sums(&self, frames: usize) -> &[f32] {
        &self.sums[..frames * self.channels]
    }

    /// Adds the frames from `from` up to `to` of `play` to the chunk that begins at frame `chunk`. Gives how
    /// many of them there were; the rest is silence.
    pub fn add(
        &mut self,
        play: &mut Play,
        voice: &Voice,
        gain: &mut Gain,
        chunk: i64,
        from: i64,
        to: i64,
    ) -> i64 {
        let steady = gain.steady(from, (to - from) as usize);
        let plain = voice.is_plain(play, from, to);
        let levelled = !plain || play.modulation.is_some() || steady != Some(1.0);
        if levelled {
            let levels = &mut self.levels[..(to - from) as usize];
            voice.levels(play, from, plain, levels);
            if steady != Some(1.0) {
                let gains = (from..).map(|frame| steady.unwrap_or_else(|| gain.at(frame)));
                levels.iter_mut().zip(gains).for_each(|(level, gain)| *level *= gain);
            }
        }
        let channels = play.source.channels();
        let mut done = 0;
        play.source.read(voice.position(from), (to - from) as usize, &mut self.scratch, |run| {
            let count = run.len() / channels;
            let at = (from - chunk) as usize + done;
            let sums = &mut self.sums[at * self.channels..(at + count) * self.channels];
            let levels = levelled.then(|| &self.levels[done..done + count]);
            add_run(sums, self.channels, run, channels, &play.routes, levels);
            done += count;
        });
        done as i64
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
