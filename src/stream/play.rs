//! Playing: what is to sound.

use std::sync::Arc;

use super::Stream;
use super::params::{PlayParams, RingPolicy, StartAt};
use super::submit::{MAX_FRAME, check_rate, check_timing};
use crate::action::{Kind, Play, Work};
use crate::buffer::Buffer;
use crate::error::{Result, fail};
use crate::realtime::sine::{Modulation, Phase};
use crate::realtime::source::{Passage, Source};

/// What is known of a sound before it is sent.
pub(super) struct Sound {
    /// Largest magnitude of each of its channels; 0 where it is not known.
    pub peaks: Box<[f32]>,
    /// Frames of it; `None` if it does not end by itself.
    pub length: Option<i64>,
}

impl Stream {
    /// Plays `buffer` on `channels` (from 1; `None` for the default map) with `gains` (linear, one a channel).
    pub fn play_buffer(
        &self,
        buffer: &Arc<Buffer>,
        channels: Option<&[i32]>,
        gains: Option<&[f32]>,
        params: &PlayParams,
    ) -> Result<i64> {
        self.check_output()?;
        check_rate("buffer", buffer.sample_rate_hz(), self.format())?;
        if params.ring != RingPolicy::Continue {
            fail!(InvalidArgument, "ring_policy is {}, but there is no ring", params.ring as i32);
        }
        if let Some(fault) = buffer.origin().plausibility.fault().filter(|_| !params.allow_implausible) {
            fail!(
                Implausible,
                "the file that the buffer was loaded from {fault}; set allow_implausible if it is what it is meant to be"
            );
        }
        let range = Range::of(buffer, params)?;
        // Until it is claimed no recording may make it louder than it is found here.
        let _passing = buffer.pass_still()?;
        let peaks = (0..buffer.channels()).map(|channel| buffer.peak(channel)).collect();
        let sound = Sound { peaks, length: range.length };
        self.play(Kind::PlayBuffer, &sound, channels, gains, params, || {
            Ok(Source::Buffer(Passage {
                samples: buffer.claim_for_play()?,
                first_frame: range.first_frame,
                frame_count: range.frame_count,
                loop_first: range.loop_first,
                loop_frames: range.loop_frames,
                loop_count: params.loop_count,
            }))
        })
    }

    pub(super) fn check_output(&self) -> Result<()> {
        if self.format().output_channels == 0 {
            fail!(InvalidState, "the stream has no output (output_channels is 0)");
        }
        Ok(())
    }

    /// What all ways of playing have in common. `source` is called when nothing else can fail any more.
    pub(super) fn play(
        &self,
        kind: Kind,
        sound: &Sound,
        channels: Option<&[i32]>,
        gains: Option<&[f32]>,
        params: &PlayParams,
        source: impl FnOnce() -> Result<Source>,
    ) -> Result<i64> {
        check_timing(&params.timing)?;
        check_stop(params)?;
        check_ramps(params, sound.length)?;
        let modulation = modulation(params, self.format().sample_rate_hz)?;
        self.submit(kind, params.timing, 0, || {
            let (routes, loudest) = self.routes(sound, channels, gains, params)?;
            Ok(Work::Play(Play {
                source: source()?,
                routes,
                stop_frame: params.stop_frame,
                onset_ramp_frames: params.onset_ramp_frames,
                offset_ramp_frames: params.offset_ramp_frames,
                ramp_shape: params.ramp_shape,
                modulation,
                loudest,
            }))
        })
    }
}

/// The part of a buffer that is the sound, and its loop.
struct Range {
    first_frame: i64,
    frame_count: i64,
    loop_first: i64,
    loop_frames: i64,
    /// Of the whole sound; `None` if it is endless.
    length: Option<i64>,
}

impl Range {
    fn of(buffer: &Buffer, params: &PlayParams) -> Result<Self> {
        let (all, first_frame) = (buffer.frames(), params.first_frame);
        if !(0..all).contains(&first_frame) {
            fail!(InvalidArgument, "first_frame {first_frame}: the buffer has frames 0 to {}", all - 1);
        }
        let frame_count = params.frame_count.unwrap_or(all - first_frame);
        if !(1..=all - first_frame).contains(&frame_count) {
            fail!(
                InvalidArgument,
                "frame_count {frame_count}: from first_frame {first_frame} on the buffer has {}",
                all - first_frame
            );
        }
        let mut range =
            Self { first_frame, frame_count, loop_first: 0, loop_frames: 0, length: Some(frame_count) };
        range.set_loop(params)?;
        Ok(range)
    }

    fn set_loop(&mut self, params: &PlayParams) -> Result<()> {
        let PlayParams { loop_count, loop_first_frame, loop_frames, .. } = *params;
        if loop_count < -1 {
            fail!(InvalidArgument, "loop_count {loop_count}: extra passes from 0 on, or -1 for ever");
        }
        if loop_count == 0 {
            if loop_first_frame != 0 || loop_frames != 0 {
                fail!(InvalidArgument, "a loop range is given, but loop_count is 0");
            }
            return Ok(());
        }
        let end = self.first_frame + self.frame_count;
        let first =
            if loop_first_frame == 0 && loop_frames == 0 { self.first_frame } else { loop_first_frame };
        // Where the sound does not have the first frame, no length is right.
        let most = if (self.first_frame..end).contains(&first) { end - first } else { 0 };
        let frames = if loop_frames == 0 { most } else { loop_frames };
        if !(1..=most).contains(&frames) {
            fail!(
                InvalidArgument,
                "loop of {loop_frames} frames from frame {first}: the sound has frames {} to {}",
                self.first_frame,
                end - 1
            );
        }
        self.loop_first = first - self.first_frame;
        self.loop_frames = frames;
        self.length = match loop_count {
            -1 => None,
            _ => match loop_count.checked_mul(frames).filter(|&extra| extra <= MAX_FRAME) {
                Some(extra) => Some(self.frame_count + extra),
                None => fail!(InvalidArgument, "loop_count {loop_count} of {frames} frames is too long"),
            },
        };
        Ok(())
    }
}

/// Refuses what only buffers and rings have, in the parameters of `what`.
pub(super) fn check_made(params: &PlayParams, what: &str) -> Result<()> {
    for (name, value) in [
        ("loop_count", params.loop_count),
        ("loop_first_frame", params.loop_first_frame),
        ("loop_frames", params.loop_frames),
        ("first_frame", params.first_frame),
        ("ring_policy", params.ring as i64),
    ] {
        if value != 0 {
            fail!(InvalidArgument, "{name} is {value}, which has no meaning for {what}: 0");
        }
    }
    Ok(())
}

/// The frames of `what`, which goes on for ever if none are given.
pub(super) fn made_length(params: &PlayParams, what: &str) -> Result<Option<i64>> {
    check_made(params, what)?;
    if let Some(frames) = params.frame_count
        && !(1..=MAX_FRAME).contains(&frames)
    {
        fail!(InvalidArgument, "frame_count {frames}: 1 to {MAX_FRAME}");
    }
    Ok(params.frame_count)
}

fn check_stop(params: &PlayParams) -> Result<()> {
    let Some(stop) = params.stop_frame else { return Ok(()) };
    if !(1..=MAX_FRAME).contains(&stop) {
        fail!(InvalidArgument, "stop_frame {stop}: 1 to {MAX_FRAME}, or 0 for none");
    }
    if let StartAt::Frame(start) = params.timing.start
        && stop <= start
    {
        fail!(InvalidArgument, "stop_frame {stop} is not after start_frame {start}");
    }
    Ok(())
}

fn check_ramps(params: &PlayParams, length: Option<i64>) -> Result<()> {
    let (onset, offset) = (params.onset_ramp_frames, params.offset_ramp_frames);
    for (name, frames) in [("onset", onset), ("offset", offset)] {
        if !(0..=MAX_FRAME).contains(&frames) {
            fail!(InvalidArgument, "{name}_ramp_frames {frames}: 0 to {MAX_FRAME}");
        }
    }
    if let Some(length) = length
        && onset + offset > length
    {
        fail!(InvalidArgument, "ramps of {onset} and {offset} frames do not fit a sound of {length} frames");
    }
    Ok(())
}

fn modulation(params: &PlayParams, rate: u32) -> Result<Option<Modulation>> {
    let PlayParams { am_depth: depth, am_frequency_hz: frequency, am_phase_cycles: phase, .. } = *params;
    if !(0.0..=1.0).contains(&depth) {
        fail!(InvalidArgument, "am_depth {depth}: 0 to 1");
    }
    if depth == 0.0 {
        if frequency != 0.0 || phase != 0.0 {
            fail!(
                InvalidArgument,
                "am_frequency_hz is {frequency} and am_phase_cycles {phase}, but am_depth is 0"
            );
        }
        return Ok(None);
    }
    let phase = oscillation("am_", frequency, phase, rate)?;
    Ok(Some(Modulation { depth, phase }))
}

/// Lowest frequency of what oscillates: below it, steps of 2^-64 cycles a frame would be too coarse.
const MIN_FREQUENCY_HZ: f64 = 1e-4;

/// The phase from a frequency and a phase in cycles, in fields whose names begin with `prefix`.
pub(super) fn oscillation(prefix: &str, frequency_hz: f64, phase_cycles: f64, rate: u32) -> Result<Phase> {
    let half = rate as f64 / 2.0;
    if !(frequency_hz >= MIN_FREQUENCY_HZ && frequency_hz < half) {
        fail!(
            InvalidArgument,
            "{prefix}frequency_hz {frequency_hz}: {MIN_FREQUENCY_HZ} to below {half}, half of the sample rate"
        );
    }
    if !phase_cycles.is_finite() {
        fail!(InvalidArgument, "{prefix}phase_cycles is {phase_cycles}");
    }
    Ok(Phase::new(frequency_hz, phase_cycles, rate))
}
