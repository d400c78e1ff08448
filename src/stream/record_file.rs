//! Recording to a file.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::params::{FileParams, RecordParams, RingPolicy};
use super::record::Recorded;
use super::submit::MAX_FRAME;
use super::{Core, Stream, lock};
use crate::action::{ActionId, Kind};
use crate::clock;
use crate::error::{Result, fail};
use crate::file::growing::{Origin, Spec};
use crate::file::recording::{FindOrigin, Prepared};
use crate::realtime::record::Sink;
use crate::receipt::NONE;
use crate::ring::Ring;
use crate::shared::Shared;

/// What is kept for a file whose disk is slow, unless said otherwise, in ms.
const DEFAULT_BUFFER_MS: i32 = 2_000;

impl Stream {
    /// Records `channels` of the input (from 1; `None` for all) into a new WAV file.
    pub fn record_file(
        &self,
        path: &Path,
        channels: Option<&[i32]>,
        params: &RecordParams,
        file: &FileParams,
    ) -> Result<i64> {
        if params.ring != RingPolicy::Continue {
            fail!(InvalidArgument, "ring_policy is {}, but there is no ring", params.ring as i32);
        }
        let frames = match params.max_frames {
            0 => i64::MAX,
            frames if (1..=MAX_FRAME).contains(&frames) => frames,
            frames => fail!(InvalidArgument, "max_frames {frames}: 1 to {MAX_FRAME}, or 0 for no limit"),
        };
        let own = channels.map_or(self.format().input_channels as usize, <[i32]>::len);
        if own == 0 {
            fail!(InvalidState, "the stream has no input (input_channels is 0)");
        }
        let rate = self.format().sample_rate_hz;
        let ring = Ring::new(buffer_frames(file, rate)?, own as i32, rate as i32)?;
        let file_rate = if file.sample_rate_hz == 0 { rate } else { file.sample_rate_hz };
        let spec = Spec {
            channels: own as u16,
            sample_rate_hz: file_rate,
            stream_rate_hz: rate,
            format: file.format,
        };
        let (id, origin) = self.core.find_origin();
        let prepared = Prepared::new(path, spec, ring.clone(), origin)?;
        let task = prepared.task.clone();
        let recorded = self.record(Kind::RecordFile, Recorded::Input, own, channels, params, frames, || {
            Ok(Sink::File { writer: ring.claim_for_recording()?, task })
        });
        match recorded {
            Ok(action) => {
                let _ = id.set(action);
                Ok(action)
            }
            Err(error) => {
                prepared.undo();
                Err(error)
            }
        }
    }
}

fn buffer_frames(file: &FileParams, rate: u32) -> Result<i64> {
    let ms = match file.buffer_ms {
        0 => DEFAULT_BUFFER_MS,
        ms @ 100..=60_000 => ms,
        ms => fail!(InvalidArgument, "buffer_ms {ms}: 100 to 60000, or 0 for {DEFAULT_BUFFER_MS}"),
    };
    Ok(ms as i64 * rate as i64 / 1_000)
}

impl Core {
    /// Where to say which action a file is of, and how its worker learns when that began.
    fn find_origin(&self) -> (Arc<OnceLock<i64>>, FindOrigin) {
        let action = Arc::new(OnceLock::new());
        let (known, shared) = (action.clone(), self.shared.clone());
        (action, Box::new(move || origin(&shared, *known.get()?)))
    }

    /// Waits until the files of recordings that have ended are complete.
    pub(super) fn finish_files(&self, most: std::time::Duration) {
        let end = std::time::Instant::now() + most;
        while self.with_host(|host| host.has_open_files()) && std::time::Instant::now() < end {
            drop(self.changed.wait_timeout(lock(&self.host), super::LOOK));
        }
    }
}

/// The first frame of an action and its time, as far as its slot tells. The slot is the action's until its receipt
/// is written, which waits for the file.
fn origin(shared: &Shared, action: i64) -> Option<Origin> {
    let progress = shared.slot(ActionId::from_value(action)?).progress();
    if progress.start_frame == NONE {
        return None;
    }
    let host_ns = progress.start_host_ns;
    let unix_ns = if host_ns == NONE { NONE } else { host_ns.saturating_add(clock::realtime_offset_ns()) };
    Some(Origin { frame: progress.start_frame, host_ns, unix_ns, uncertainty_ns: progress.uncertainty_ns })
}
