//! Playing and recording while the host writes or reads.

use std::sync::Arc;

use super::params::{PlayParams, RecordParams, RingPolicy};
use super::play::Sound;
use super::submit::{MAX_FRAME, check_rate};
use super::{Recorded, Stream};
use crate::action::Kind;
use crate::error::{Result, fail};
use crate::realtime::record::Sink;
use crate::realtime::source::{RingSound, Source};
use crate::ring::Ring;

impl Stream {
    /// Plays what is written to `ring` on `channels` (from 1; `None` for the default map) with `gains` (linear,
    /// one a channel).
    pub fn play_ring(
        &self,
        ring: &Arc<Ring>,
        channels: Option<&[i32]>,
        gains: Option<&[f32]>,
        params: &PlayParams,
    ) -> Result<i64> {
        self.check_output()?;
        check_rate("ring", ring.sample_rate_hz(), self.format())?;
        check_no_range(params)?;
        if let Some(frames) = params.frame_count
            && !(1..=MAX_FRAME).contains(&frames)
        {
            fail!(InvalidArgument, "frame_count {frames}: 1 to {MAX_FRAME}");
        }
        // What will be written is not known, and left to the output guard.
        let sound = Sound { peaks: vec![0.0; ring.channels()].into(), length: params.frame_count };
        let ends_when_dry = params.ring == RingPolicy::End;
        // Before the books are locked: it may have to wait for who reads it.
        let reader = ring.claim_for_play()?;
        self.play(Kind::PlayRing, &sound, channels, gains, params, || {
            Ok(Source::Ring(RingSound::new(reader, params.frame_count, ends_when_dry)))
        })
    }

    /// Records `channels` (from 1; `None` for 1 and up) of the input, or of what is sent to the device, into
    /// `ring`.
    pub fn record_ring(
        &self,
        of: Recorded,
        ring: &Arc<Ring>,
        channels: Option<&[i32]>,
        params: &RecordParams,
    ) -> Result<i64> {
        check_rate("ring", ring.sample_rate_hz(), self.format())?;
        let frames = match params.max_frames {
            0 => i64::MAX,
            frames if (1..=MAX_FRAME).contains(&frames) => frames,
            frames => fail!(InvalidArgument, "max_frames {frames}: 1 to {MAX_FRAME}, or 0 for no limit"),
        };
        let ends_when_full = params.ring == RingPolicy::End;
        let kind = if of == Recorded::Input { Kind::RecordRing } else { Kind::RecordOutput };
        self.record(kind, of, ring.channels(), channels, params, frames, || {
            Ok(Sink::Ring { writer: ring.claim_for_recording()?, ends_when_full })
        })
    }
}

fn check_no_range(params: &PlayParams) -> Result<()> {
    let range = [
        ("loop_count", params.loop_count),
        ("loop_first_frame", params.loop_first_frame),
        ("loop_frames", params.loop_frames),
        ("first_frame", params.first_frame),
    ];
    match range.iter().find(|(_, value)| *value != 0) {
        Some((name, value)) => fail!(InvalidArgument, "{name} is {value}: a ring has only what comes next"),
        None => Ok(()),
    }
}
