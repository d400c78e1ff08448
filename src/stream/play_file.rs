//! Playing a file while it is read.

use std::path::{Path, absolute};
use std::sync::Arc;

use super::Stream;
use super::params::{PlayFileParams, PlayParams, RingPolicy};
use super::play::Sound;
use super::submit::MAX_FRAME;
use crate::action::Kind;
use crate::error::{Result, fail};
use crate::file::decode::Decoder;
use crate::file::naming;
use crate::file::playing::{Course, Reading};
use crate::file::rate::RatedDecoder;
use crate::realtime::source::{RingSound, Source};

/// How far ahead a file is read, unless said otherwise, in ms.
const DEFAULT_AHEAD_MS: i32 = 2_000;
/// Most samples that are read ahead: 3 MB of them.
const MAX_SAMPLES: i64 = 3 << 18;

impl Stream {
    /// Plays a media file on `channels` (from 1; `None` for the default map) with `gains`, while it is read.
    pub fn play_file(
        &self,
        path: &Path,
        file: &PlayFileParams,
        channels: Option<&[i32]>,
        gains: Option<&[f32]>,
        params: &PlayParams,
    ) -> Result<i64> {
        self.check_output()?;
        if params.ring != RingPolicy::Continue {
            fail!(InvalidArgument, "ring_policy is {}, but there is no ring", params.ring as i32);
        }
        let decoder = Decoder::open(path, file.track)?;
        let (info, rate) = (decoder.info().clone(), self.format().sample_rate_hz);
        if info.rate != rate.into() && !file.resample {
            fail!(
                RateMismatch,
                "'{}' is at {} Hz and the stream at {rate} Hz; set resample to have it converted",
                path.display(),
                info.rate.hz()
            );
        }
        let decoder = RatedDecoder::new(decoder, rate).map_err(|error| naming(path, error))?;
        let (course, length) = course(params, decoder.frames().map(|frames| frames as i64))?;
        let reading = Reading {
            // It may be opened again when the working directory is another.
            path: absolute(path).unwrap_or_else(|_| path.to_owned()),
            track: file.track,
            rate_hz: rate,
            channels: info.channels,
            course,
            ahead_frames: ahead_frames(file, rate, info.channels)?,
            allow_implausible: params.allow_implausible,
        };
        let reel = Arc::new(reading).start(decoder, 0)?;
        // How loud the file will be nobody knows: the guard limits it.
        let sound = Sound { peaks: vec![0.0; info.channels].into(), length };
        self.play(Kind::PlayFile, &sound, channels, gains, params, || {
            Ok(Source::Ring(RingSound::of_file(reel, length)))
        })
    }
}

fn ahead_frames(file: &PlayFileParams, rate: u32, channels: usize) -> Result<i64> {
    let ms = match file.read_ahead_ms {
        0 => DEFAULT_AHEAD_MS,
        ms @ 100..=60_000 => ms,
        ms => fail!(InvalidArgument, "read_ahead_ms {ms}: 100 to 60000, or 0 for {DEFAULT_AHEAD_MS}"),
    };
    Ok((ms as i64 * rate as i64 / 1_000).min(MAX_SAMPLES / channels as i64))
}

/// Which frames of a file of `all` frames, if that is known, sound; and how many that are, if that is.
fn course(params: &PlayParams, all: Option<i64>) -> Result<(Course, Option<i64>)> {
    let PlayParams { first_frame: first, loop_count, .. } = *params;
    let last = all.unwrap_or(MAX_FRAME);
    if !(0..last).contains(&first) {
        fail!(InvalidArgument, "first_frame {first}: the file has frames 0 to {}", last - 1);
    }
    if let Some(frames) = params.frame_count
        && !(1..=last - first).contains(&frames)
    {
        fail!(
            InvalidArgument,
            "frame_count {frames}: from first_frame {first} on the file has {}",
            last - first
        );
    }
    let end = params.frame_count.map(|frames| first + frames).or(all);
    let (loop_first, loop_end) = loop_range(params, end)?;
    let course = Course { first, end, loop_first, loop_end, loop_count };
    let repeated = match (loop_count, loop_end) {
        (0, _) => Some(0),
        (1.., Some(loop_end)) => Some(loop_count.saturating_mul(loop_end - loop_first)),
        _ => None,
    };
    let length = end.zip(repeated).map(|(end, repeated)| (end - first).saturating_add(repeated));
    if length.is_some_and(|length| length > MAX_FRAME) {
        fail!(InvalidArgument, "loop_count {loop_count} makes a sound of more than {MAX_FRAME} frames");
    }
    Ok((course, length))
}

fn loop_range(params: &PlayParams, end: Option<i64>) -> Result<(i64, Option<i64>)> {
    let PlayParams { first_frame: first, loop_count, loop_first_frame, loop_frames, .. } = *params;
    if loop_count < -1 {
        fail!(InvalidArgument, "loop_count {loop_count}: extra passes from 0 on, or -1 for ever");
    }
    if loop_count == 0 && (loop_first_frame != 0 || loop_frames != 0) {
        fail!(InvalidArgument, "a loop range is given, but loop_count is 0");
    }
    let loop_first = if loop_first_frame == 0 && loop_frames == 0 { first } else { loop_first_frame };
    let loop_end = if loop_frames == 0 { end } else { loop_first.checked_add(loop_frames) };
    let last = end.unwrap_or(MAX_FRAME);
    if !(first..last).contains(&loop_first)
        || loop_frames < 0
        || loop_end.is_some_and(|end| end <= loop_first || end > last)
    {
        fail!(
            InvalidArgument,
            "loop of {loop_frames} frames from frame {loop_first}: the sound has frames {first} to {}",
            last - 1
        );
    }
    Ok((loop_first, loop_end))
}
