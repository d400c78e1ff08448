//! The fields that say when an action starts, the same in every parameter struct.

use crate::action::{AfterPolicy, HostClock, HostTime, LatePolicy};
use crate::clock;
use crate::error::{Result, fail};
use crate::stream::{StartAt, Timing};

/// Further ahead than this a host time is taken for one of another clock.
const MAX_AHEAD_NS: i64 = 86_400 * 1_000_000_000;
/// Further back than this likewise.
const MAX_BEHIND_NS: i64 = 3_600 * 1_000_000_000;

/// The fields as C passes them.
pub struct Fields {
    pub start_mode: i32,
    pub start_clock: i32,
    pub start_frame: i64,
    pub start_host_ns: i64,
    pub after_action: i64,
    pub start_offset_frames: i64,
    pub after_policy: i32,
    pub late_policy: i32,
    pub max_late_frames: i64,
    pub batch: i64,
    pub tag: i64,
}

impl Fields {
    /// What they mean. A field that the start mode does not use must be 0: set, it tells of a forgotten mode.
    pub fn timing(&self) -> Result<Timing> {
        Ok(Timing {
            start: self.start()?,
            late: match self.late_policy {
                0 => LatePolicy::Play,
                1 => LatePolicy::Skip,
                2 => LatePolicy::Drop,
                other => fail!(InvalidArgument, "late_policy {other}: PLAY is 0, SKIP is 1, DROP is 2"),
            },
            max_late_frames: self.max_late_frames,
            after: match self.after_policy {
                0 => AfterPolicy::Completed,
                1 => AfterPolicy::AnyEnd,
                other => fail!(InvalidArgument, "after_policy {other}: COMPLETED is 0, ANY_END is 1"),
            },
            batch: self.batch,
            tag: self.tag,
        })
    }

    fn start(&self) -> Result<StartAt> {
        let (mode, name) = match self.start_mode {
            0 => (StartAt::Now, "NOW"),
            1 => (StartAt::Frame(self.start_frame), "AT_FRAME"),
            2 => (StartAt::HostTime(host_time(self.start_clock, self.start_host_ns)?), "AT_HOST_TIME"),
            3 => {
                let (action, offset) = (self.after_action, self.start_offset_frames);
                (StartAt::After { action, offset }, "AFTER_ACTION")
            }
            other => {
                fail!(
                    InvalidArgument,
                    "start_mode {other}: NOW is 0, AT_FRAME is 1, AT_HOST_TIME is 2, AFTER_ACTION is 3"
                )
            }
        };
        let host = matches!(mode, StartAt::HostTime(_));
        let after = matches!(mode, StartAt::After { .. });
        let fields = [
            ("start_frame", self.start_frame, matches!(mode, StartAt::Frame(_))),
            ("start_clock", self.start_clock as i64, host),
            ("start_host_ns", self.start_host_ns, host),
            ("after_action", self.after_action, after),
            ("start_offset_frames", self.start_offset_frames, after),
        ];
        for (field, value, used) in fields {
            if value != 0 && !used {
                fail!(InvalidArgument, "{field} is {value}, but start_mode is {name}, which does not use it");
            }
        }
        if after && self.after_action == 0 {
            fail!(InvalidArgument, "start_mode is AFTER_ACTION, but after_action is 0");
        }
        Ok(mode)
    }
}

/// The clock with the number `clock`.
pub fn host_clock(clock: i32) -> Result<HostClock> {
    match clock {
        1 => Ok(HostClock::Monotonic),
        2 => Ok(HostClock::Realtime),
        _ => fail!(InvalidArgument, "clock {clock} is no clock: MONOTONIC is 1, REALTIME is 2"),
    }
}

/// A time of a clock that somebody may mean.
pub fn host_time(clock: i32, ns: i64) -> Result<HostTime> {
    check_host_time(clock, ns)?;
    Ok(HostTime { clock: host_clock(clock)?, ns })
}

/// Fails unless `ns` is a time of `clock` that somebody may mean.
fn check_host_time(clock: i32, ns: i64) -> Result<()> {
    let clocks = [(1, "MONOTONIC", clock::monotonic_ns()), (2, "REALTIME", clock::realtime_ns())];
    let Some(&(_, name, now)) = clocks.iter().find(|(number, ..)| *number == clock) else {
        fail!(InvalidArgument, "start_clock {clock} is no clock: MONOTONIC is 1, REALTIME is 2");
    };
    let fits = |now: i64| {
        let ahead = ns as i128 - now as i128;
        (-(MAX_BEHIND_NS as i128)..=MAX_AHEAD_NS as i128).contains(&ahead)
    };
    if fits(now) {
        return Ok(());
    }
    let seconds = (ns as i128 - now as i128) as f64 * 1e-9;
    let hint = clocks.iter().find(|(.., now)| fits(*now));
    let hint = hint.map_or(String::new(), |(_, other, _)| format!("; it would fit the clock {other}"));
    fail!(
        TimeRange,
        "start_host_ns {ns} is {seconds:.0} s from now in {name}: at most a day ahead or an hour past{hint}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn a_time_of_another_clock_is_refused_with_the_clock_that_fits() {
        let error = check_host_time(1, clock::realtime_ns()).unwrap_err();
        assert_eq!(error.code, Code::TimeRange);
        assert!(error.message.ends_with("it would fit the clock REALTIME"), "{}", error.message);
        assert!(check_host_time(2, clock::realtime_ns() + 1_000_000_000).is_ok());
        assert!(check_host_time(1, clock::monotonic_ns() - 1_000_000_000).is_ok());
        assert_eq!(check_host_time(0, 0).unwrap_err().code, Code::InvalidArgument);
        assert_eq!(check_host_time(1, i64::MAX).unwrap_err().code, Code::TimeRange);
    }
}
