//! From what a host asks for to an action: every check is made before anything changes.

use std::sync::Arc;

use super::params::{Align, PlayParams, RecordParams, StartAt, Timing};
use super::{Format, Stream};
use crate::action::{Action, Kind, Play, Record, Route, Start, Work};
use crate::buffer::Buffer;
use crate::device::Direction;
use crate::error::{Result, fail};
use crate::receipt::{Asked, NONE};

/// Frame numbers and lengths stay exact in a double.
pub(super) const MAX_FRAME: i64 = 1 << 53;

impl Stream {
    /// Plays `buffer` on `channels` (from 1; `None` for the default map) with `gains` (linear, one a channel).
    pub fn play_buffer(
        &self,
        buffer: &Arc<Buffer>,
        channels: Option<&[i32]>,
        gains: Option<&[f32]>,
        params: &PlayParams,
    ) -> Result<i64> {
        let format = self.format();
        if format.output_channels == 0 {
            fail!(InvalidState, "the stream has no output (output_channels is 0)");
        }
        check_rate(buffer, format)?;
        check_timing(&params.timing)?;
        let range = Range::of(buffer, params)?;
        check_ramps(params, &range)?;
        let routes = self.routes(buffer, channels, gains, params)?;
        let params = *params;
        self.submit(Kind::PlayBuffer, params.timing, 0, || {
            Ok(Work::Play(Play {
                source: buffer.claim_for_play()?,
                routes,
                first_frame: range.first_frame,
                frame_count: range.frame_count,
                loop_first: range.loop_first,
                loop_frames: range.loop_frames,
                loop_count: params.loop_count,
                stop_frame: params.stop_frame,
                onset_ramp_frames: params.onset_ramp_frames,
                offset_ramp_frames: params.offset_ramp_frames,
                ramp_shape: params.ramp_shape,
            }))
        })
    }

    /// Records `channels` (from 1; `None` for 1 and up) into `buffer`.
    pub fn record_buffer(
        &self,
        buffer: &Arc<Buffer>,
        channels: Option<&[i32]>,
        params: &RecordParams,
    ) -> Result<i64> {
        let format = self.format();
        if format.input_channels == 0 {
            fail!(InvalidState, "the stream has no input (input_channels is 0)");
        }
        check_rate(buffer, format)?;
        check_timing(&params.timing)?;
        let frames = record_frames(buffer, params.max_frames)?;
        let channels = record_map(buffer, channels, format)?;
        let delay = match (params.align, params.timing.start) {
            // At a host time both halves mean the converter: the round trip is in it.
            (Align::Callback, _) | (_, StartAt::HostTime(_)) => 0,
            (Align::RoundTrip, _) => self.round_trip_frames()?,
        };
        self.submit(Kind::RecordBuffer, params.timing, delay, || {
            Ok(Work::Record(Record { recorder: buffer.claim_for_recording()?, channels, frames }))
        })
    }

    /// Takes an action in, or fails with nothing changed.
    pub(super) fn submit(
        &self,
        kind: Kind,
        timing: Timing,
        delay: i64,
        work: impl FnOnce() -> Result<Work>,
    ) -> Result<i64> {
        self.with_host(|host| {
            self.check_open()?;
            if let StartAt::HostTime(_) = timing.start {
                self.check_clock(if kind.captures() { Direction::Input } else { Direction::Output })?;
            }
            self.core.refresh_realtime_offset();
            let start = match timing.start {
                StartAt::Now => Start::Now,
                StartAt::Frame(frame) => Start::AtFrame(frame),
                StartAt::HostTime(time) => Start::AtHostTime(time),
                StartAt::After { action, offset } => {
                    Start::After { predecessor: host.check_predecessor(action, timing.batch)?, offset }
                }
            };
            host.check_room(timing.batch)?;
            let work = work()?;
            let id = host.reserve()?;
            let asked = asked(id.value(), kind, &timing);
            let action = Action {
                id,
                issue: 0,
                start,
                delay,
                late: timing.late,
                max_late_frames: timing.max_late_frames,
                after: timing.after,
                work,
            };
            host.enter(Box::new(action), asked, self.thread_of(kind), timing.batch);
            Ok(id.value())
        })
    }

    /// Where each channel of `buffer` goes.
    fn routes(
        &self,
        buffer: &Buffer,
        channels: Option<&[i32]>,
        gains: Option<&[f32]>,
        params: &PlayParams,
    ) -> Result<Box<[Route]>> {
        let lines = self.lines();
        let targets = match channels {
            Some(channels) => explicit_targets(channels, buffer, lines.len())?,
            None => default_targets(buffer, &lines)?,
        };
        if let Some(gains) = gains
            && gains.len() != targets.len()
        {
            fail!(InvalidArgument, "{} gains for {} channels", gains.len(), targets.len());
        }
        let gain_all = gain_of_db(params.gain_db)?;
        let mut routes = Vec::with_capacity(targets.len());
        for (index, &target) in targets.iter().enumerate() {
            let gain = gains.map_or(1.0, |gains| gains[index]) as f64 * gain_all;
            if !gain.is_finite() || gain.abs() > f32::MAX as f64 {
                fail!(InvalidArgument, "the gain of channel {} is {gain}", target + 1);
            }
            let source = if buffer.channels() == 1 { 0 } else { index as u32 };
            let line = lines[target as usize];
            let route = Route { source, target, gain: gain as f32, trigger: line.trigger };
            let peak = buffer.peak(source as usize) * route.gain.abs();
            if peak > line.ceiling && !params.allow_clip {
                fail!(
                    WouldClip,
                    "channel {}: peak {} times gain {} is {peak}, above the ceiling of {}; lower the gain, or set \
                     allow_clip to let the output guard limit it",
                    target + 1,
                    buffer.peak(source as usize),
                    route.gain,
                    line.ceiling
                );
            }
            routes.push(route);
        }
        Ok(routes.into())
    }
}

fn asked(action: i64, kind: Kind, timing: &Timing) -> Asked {
    let (requested_frame, after_action) = match timing.start {
        StartAt::Now | StartAt::HostTime(_) => (NONE, 0),
        StartAt::Frame(frame) => (frame, 0),
        StartAt::After { action, .. } => (NONE, action),
    };
    let (requested_host_ns, start_clock) = match timing.start {
        StartAt::HostTime(time) => (time.ns, time.clock as i32),
        _ => (NONE, 0),
    };
    Asked { action, tag: timing.tag, kind, after_action, requested_frame, requested_host_ns, start_clock }
}

fn check_rate(buffer: &Buffer, format: &Format) -> Result<()> {
    let (own, rate) = (buffer.sample_rate_hz(), format.sample_rate_hz);
    if own != 0 && own != rate {
        fail!(RateMismatch, "the buffer is at {own} Hz and the stream at {rate} Hz");
    }
    Ok(())
}

pub(super) fn check_timing(timing: &Timing) -> Result<()> {
    match timing.start {
        StartAt::Frame(frame) if !(0..=MAX_FRAME).contains(&frame) => {
            fail!(InvalidArgument, "start_frame {frame}: 0 to {MAX_FRAME}")
        }
        StartAt::After { offset, .. } if offset.unsigned_abs() > MAX_FRAME as u64 => {
            fail!(InvalidArgument, "start_offset_frames {offset}: at most {MAX_FRAME} either way")
        }
        _ => {}
    }
    if !(0..=MAX_FRAME).contains(&timing.max_late_frames) {
        fail!(InvalidArgument, "max_late_frames {}: 0 (no limit) to {MAX_FRAME}", timing.max_late_frames);
    }
    Ok(())
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
        if let (Some(stop), StartAt::Frame(start)) = (params.stop_frame, params.timing.start)
            && stop <= start
        {
            fail!(InvalidArgument, "stop_frame {stop} is not after start_frame {start}");
        }
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
        let frames = if loop_frames == 0 { end - first } else { loop_frames };
        if first < self.first_frame || frames < 1 || frames > end - first {
            fail!(
                InvalidArgument,
                "loop of {frames} frames from frame {first}: the sound has frames {} to {}",
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

fn check_ramps(params: &PlayParams, range: &Range) -> Result<()> {
    let (onset, offset) = (params.onset_ramp_frames, params.offset_ramp_frames);
    for (name, frames) in [("onset", onset), ("offset", offset)] {
        if !(0..=MAX_FRAME).contains(&frames) {
            fail!(InvalidArgument, "{name}_ramp_frames {frames}: 0 to {MAX_FRAME}");
        }
    }
    if let Some(length) = range.length
        && onset + offset > length
    {
        fail!(InvalidArgument, "ramps of {onset} and {offset} frames do not fit a sound of {length} frames");
    }
    if let Some(stop) = params.stop_frame
        && !(1..=MAX_FRAME).contains(&stop)
    {
        fail!(InvalidArgument, "stop_frame {stop}: 1 to {MAX_FRAME}, or 0 for none");
    }
    Ok(())
}

/// 10^(db/20); −∞ dB is silence.
pub fn gain_of_db(db: f64) -> Result<f64> {
    let gain = 10f64.powf(db / 20.0);
    if !gain.is_finite() || gain > f32::MAX as f64 {
        fail!(InvalidArgument, "gain_db is {db}");
    }
    Ok(gain)
}

fn explicit_targets(channels: &[i32], buffer: &Buffer, outputs: usize) -> Result<Vec<u32>> {
    let own = buffer.channels();
    if channels.is_empty() {
        fail!(InvalidArgument, "no channels are given; NULL with channel_count 0 means the default ones");
    }
    if own != 1 && channels.len() != own {
        fail!(InvalidArgument, "{} channels given for a buffer of {own}", channels.len());
    }
    for (index, &channel) in channels.iter().enumerate() {
        check_channel(channel, outputs, "output")?;
        if channels[..index].contains(&channel) {
            fail!(InvalidArgument, "output channel {channel} is given twice");
        }
    }
    Ok(channels.iter().map(|&channel| channel as u32 - 1).collect())
}

/// A mono sound goes to channels 1 and 2, never further: a higher one may be a trigger line. Others go to
/// channels of the same number.
fn default_targets(buffer: &Buffer, lines: &[crate::realtime::Line]) -> Result<Vec<u32>> {
    let wanted = if buffer.channels() == 1 { lines.len().min(2) } else { buffer.channels() };
    if wanted > lines.len() {
        fail!(
            InvalidArgument,
            "a buffer of {wanted} channels does not fit {} output channels; name the channels",
            lines.len()
        );
    }
    if let Some(trigger) = lines[..wanted].iter().position(|line| line.trigger) {
        fail!(
            InvalidArgument,
            "channel {} is a trigger line and never a default; name the channels",
            trigger + 1
        );
    }
    Ok((0..wanted as u32).collect())
}

pub(super) fn check_channel(channel: i32, count: usize, direction: &str) -> Result<()> {
    if channel < 1 || channel as usize > count {
        fail!(InvalidArgument, "{direction} channel {channel}: the stream has channels 1 to {count}");
    }
    Ok(())
}

fn record_frames(buffer: &Buffer, max_frames: i64) -> Result<i64> {
    match max_frames {
        0 => Ok(buffer.frames()),
        frames if (1..=buffer.frames()).contains(&frames) => Ok(frames),
        frames => fail!(InvalidArgument, "max_frames {frames}: the buffer has room for {}", buffer.frames()),
    }
}

fn record_map(buffer: &Buffer, channels: Option<&[i32]>, format: &Format) -> Result<Box<[u32]>> {
    let (own, inputs) = (buffer.channels(), format.input_channels as usize);
    let Some(channels) = channels else {
        if own > inputs {
            fail!(InvalidArgument, "a buffer of {own} channels, but the stream has {inputs} input channels");
        }
        return Ok((0..own as u32).collect());
    };
    if channels.len() != own {
        fail!(InvalidArgument, "{} channels given for a buffer of {own}", channels.len());
    }
    for &channel in channels {
        check_channel(channel, inputs, "input")?;
    }
    Ok(channels.iter().map(|&channel| channel as u32 - 1).collect())
}
