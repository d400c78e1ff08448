//! From what a host asks for to an action: every check is made before anything changes.

use super::params::{StartAt, Timing};
use super::{Format, Stream};
use crate::action::{Action, HostClock, Kind, Start, Work};
use crate::device::Direction;
use crate::error::{Result, fail};
use crate::receipt::{Asked, NONE};

/// Frame numbers and lengths stay exact in a double.
pub(super) const MAX_FRAME: i64 = 1 << 53;

impl Stream {
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
            if let StartAt::HostTime(time) = timing.start {
                self.check_clock(if kind.captures() { Direction::Input } else { Direction::Output })?;
                if time.clock == HostClock::Realtime {
                    self.core.refresh_realtime_offset(host);
                    // The clock may be set next, and the service thread rest until after the start.
                    self.core.changed.notify_all();
                }
            }
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
                later: 0,
                late: timing.late,
                max_late_frames: timing.max_late_frames,
                after: timing.after,
                work,
            };
            host.enter(Box::new(action), asked, self.thread_of(kind), timing.batch);
            Ok(id.value())
        })
    }
}

fn asked(action: i64, kind: Kind, timing: &Timing) -> Asked {
    let (requested_frame, after_action) = match timing.start {
        StartAt::Now | StartAt::HostTime(_) => (None, 0),
        StartAt::Frame(frame) => (Some(frame), 0),
        StartAt::After { action, .. } => (None, action),
    };
    let (requested_host_ns, start_clock) = match timing.start {
        StartAt::HostTime(time) => (time.ns, time.clock as i32),
        _ => (NONE, 0),
    };
    Asked { action, tag: timing.tag, kind, after_action, requested_frame, requested_host_ns, start_clock }
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

pub(super) fn check_channel(channel: i32, count: usize, direction: &str) -> Result<()> {
    if channel < 1 || channel as usize > count {
        fail!(InvalidArgument, "{direction} channel {channel}: the stream has channels 1 to {count}");
    }
    Ok(())
}

/// Fails if a buffer or ring at `own` Hz (0 for any) does not fit the stream.
pub(super) fn check_rate(noun: &str, own: u32, format: &Format) -> Result<()> {
    let rate = format.sample_rate_hz;
    if own != 0 && own != rate {
        fail!(
            RateMismatch,
            "the {noun} is at {own} Hz and the stream at {rate} Hz (sonset_buffer_resample converts a buffer, \
             sonset_buffer_load_file_at a file)"
        );
    }
    Ok(())
}
