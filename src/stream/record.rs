//! Recording: where the input goes.

use std::sync::Arc;

use super::params::{Align, RecordParams, StartAt};
use super::submit::{check_channel, check_rate, check_timing};
use super::{Format, Stream};
use crate::action::{Kind, Record, Work};
use crate::buffer::Buffer;
use crate::error::{Result, fail};

impl Stream {
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
