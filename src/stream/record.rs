//! Recording: where the input goes, or what was sent.

use std::sync::Arc;

use super::Stream;
use super::params::{Align, RecordParams, RingPolicy, StartAt};
use super::submit::{check_channel, check_rate, check_timing};
use crate::action::{Kind, Record, Work};
use crate::buffer::Buffer;
use crate::error::{Result, fail};
use crate::realtime::record::Sink;

/// What a recording is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// What comes from the device.
    Input,
    /// What is sent to it, after the output guard.
    Output,
}

impl Stream {
    /// Records `channels` of the input (from 1; `None` for 1 and up) into `buffer`.
    pub fn record_buffer(
        &self,
        buffer: &Arc<Buffer>,
        channels: Option<&[i32]>,
        params: &RecordParams,
    ) -> Result<i64> {
        self.record_into_buffer(Recorded::Input, buffer, channels, params)
    }

    /// Records what is sent to `channels` of the device (from 1; `None` for 1 and up) into `buffer`.
    pub fn record_output(
        &self,
        buffer: &Arc<Buffer>,
        channels: Option<&[i32]>,
        params: &RecordParams,
    ) -> Result<i64> {
        self.record_into_buffer(Recorded::Output, buffer, channels, params)
    }

    fn record_into_buffer(
        &self,
        of: Recorded,
        buffer: &Arc<Buffer>,
        channels: Option<&[i32]>,
        params: &RecordParams,
    ) -> Result<i64> {
        check_rate("buffer", buffer.sample_rate_hz(), self.format())?;
        if params.ring != RingPolicy::Continue {
            fail!(InvalidArgument, "ring_policy is {}, but there is no ring", params.ring as i32);
        }
        let frames = record_frames(buffer, params.max_frames)?;
        let kind = if of == Recorded::Input { Kind::RecordBuffer } else { Kind::RecordOutput };
        self.record(kind, of, buffer.channels(), channels, params, frames, || {
            Ok(Sink::Buffer(buffer.claim_for_recording()?))
        })
    }

    /// What all ways of recording have in common, for a sink of `own` channels. `sink` claims it; what it holds is
    /// given up when nothing else can fail any more.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn record(
        &self,
        kind: Kind,
        of: Recorded,
        own: usize,
        channels: Option<&[i32]>,
        params: &RecordParams,
        frames: i64,
        sink: impl FnOnce() -> Result<Sink>,
    ) -> Result<i64> {
        let there = self.recordable_channels(of)?;
        check_timing(&params.timing)?;
        let channels = record_map(own, channels, there, of)?;
        let delay = match (params.align, params.timing.start, of) {
            (Align::RoundTrip, _, Recorded::Output) => {
                fail!(InvalidArgument, "align is ROUND_TRIP, but what is recorded takes none")
            }
            // At a host time both halves mean the converter: the round trip is in it.
            (Align::Callback, ..) | (_, StartAt::HostTime(_), _) => 0,
            (Align::RoundTrip, ..) => self.round_trip_frames()?,
        };
        let output = of == Recorded::Output;
        // Before the books are locked: it may have to wait for who reads it.
        let mut sink = sink()?;
        self.submit(kind, params.timing, delay, || {
            sink.begin();
            Ok(Work::Record(Record { sink, channels, frames, output }))
        })
    }

    fn recordable_channels(&self, of: Recorded) -> Result<usize> {
        if of == Recorded::Output {
            self.check_output()?;
            return Ok(self.format().output_channels as usize);
        }
        match self.format().input_channels {
            0 => fail!(InvalidState, "the stream has no input (input_channels is 0)"),
            channels => Ok(channels as usize),
        }
    }
}

fn record_frames(buffer: &Buffer, max_frames: i64) -> Result<i64> {
    match max_frames {
        0 => Ok(buffer.frames()),
        frames if (1..=buffer.frames()).contains(&frames) => Ok(frames),
        frames => fail!(InvalidArgument, "max_frames {frames}: the buffer has room for {}", buffer.frames()),
    }
}

fn record_map(own: usize, channels: Option<&[i32]>, there: usize, of: Recorded) -> Result<Box<[u32]>> {
    let half = if of == Recorded::Input { "input" } else { "output" };
    let Some(channels) = channels else {
        if own > there {
            fail!(InvalidArgument, "{own} channels to record, but the stream has {there} {half} channels");
        }
        return Ok((0..own as u32).collect());
    };
    if channels.len() != own {
        fail!(InvalidArgument, "{} channels given for a recording of {own}", channels.len());
    }
    for &channel in channels {
        check_channel(channel, there, half)?;
    }
    Ok(channels.iter().map(|&channel| channel as u32 - 1).collect())
}
