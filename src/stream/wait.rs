//! Waiting for an action, and what it waits for itself where that takes too long.

use std::time::{Duration, Instant};

use super::host::{Host, Live, Place};
use super::{LOOK, State, Stream, lock};
use crate::action::{ActionId, HostClock, Kind};
use crate::backend::Backend;
use crate::clock;
use crate::device::Direction;
use crate::error::{Result, fail};
use crate::receipt::{ActionState, NONE, Receipt};

impl Stream {
    /// Waits until `action` has reached `state` (or ended without reaching it), at most `timeout`.
    pub fn wait_action(&self, action: i64, state: ActionState, timeout: Duration) -> Result<Receipt> {
        let end = Instant::now().checked_add(timeout);
        loop {
            let receipt = self.action(action)?;
            if receipt.state >= state {
                return Ok(receipt);
            }
            let left = end.map_or(LOOK, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                fail!(
                    Timeout,
                    "action {action} has not {} within {} ms: {}",
                    reached(state),
                    timeout.as_millis(),
                    self.cause(action, &receipt)
                );
            }
            let host = lock(&self.core.host);
            drop(self.core.changed.wait_timeout(host, left.min(LOOK)));
        }
    }

    /// What keeps an action that had got as far as `receipt` says.
    fn cause(&self, action: i64, receipt: &Receipt) -> String {
        let state = self.state();
        let here = self.with_host(|host| match host.find(action) {
            Ok((_, Some(live))) => host_cause(host, &live, state),
            _ => Some("it has ended just now".into()),
        });
        if let Some(cause) = here {
            return cause;
        }
        let direction = if receipt.asked.kind.captures() { Direction::Input } else { Direction::Output };
        let Ok((position, _)) = self.position(direction) else {
            return "its half of the stream is gone".into();
        };
        let now = position.next_frame();
        let course = self.course_cause(receipt, now);
        if self.format().backend != Backend::Manual {
            return course;
        }
        let half = if self.format().separate {
            format!("{direction:?} half").to_lowercase()
        } else {
            "stream".into()
        };
        format!("{course} (the {half} is manual: it goes on only where the program processes blocks)")
    }

    /// What keeps an action that the callback has, whose next frame is `now`.
    fn course_cause(&self, receipt: &Receipt, now: i64) -> String {
        let (asked, measured) = (&receipt.asked, &receipt.measured);
        let at = format!("the stream is at frame {now}");
        if receipt.state == ActionState::Paused {
            return format!("it is paused from frame {} on; {at}", measured.pauses.frame);
        }
        if receipt.state == ActionState::Started {
            return match measured.end_frame {
                NONE => format!(
                    "it has been running from frame {} on without a known end; {at}",
                    measured.start_frame
                ),
                end => format!("it runs until frame {end}; {at}"),
            };
        }
        if asked.kind == Kind::DetectLevel && measured.start_frame != NONE {
            return format!(
                "it has listened from frame {} on and found no onset; {at}",
                measured.start_frame
            );
        }
        match (receipt.requested_frame(), asked.start_clock) {
            (Some(frame), _) => format!("it is pending until frame {frame}; {at}"),
            (None, 0) => format!("no block has taken it; {at}"),
            (None, number) => host_time_cause(number, asked.requested_host_ns),
        }
    }
}

/// What keeps an action that no callback has, or that follows another one.
fn host_cause(host: &Host, live: &Live, state: State) -> Option<String> {
    if host.is_unfinished(live.id) {
        return Some("it has ended, and its file is not complete yet".into());
    }
    if let Place::Batch(batch) = live.place {
        return Some(format!("it is in batch {batch}, which is not committed"));
    }
    match state {
        State::Open => return Some("the stream has not been started".into()),
        State::Stopped => return Some("the stream is stopped".into()),
        _ => {}
    }
    let before = ActionId::from_value(live.asked.after_action)?;
    match host.find(before.value()).ok()?.1 {
        Some(_) if host.has_started(live) => None,
        Some(predecessor) => {
            let state = match host.state(&predecessor) {
                ActionState::Pending => "has not started",
                ActionState::Paused => "is paused",
                _ => "has not ended",
            };
            Some(format!("it follows action {}, which {state}", before.value()))
        }
        None => None,
    }
}

fn host_time_cause(clock_number: i32, ns: i64) -> String {
    let (name, now) = match clock_number == HostClock::Realtime as i32 {
        true => ("REALTIME", clock::monotonic_ns().saturating_add(clock::realtime_offset_ns())),
        false => ("MONOTONIC", clock::monotonic_ns()),
    };
    let seconds = ns.saturating_sub(now) as f64 * 1e-9;
    match seconds >= 0.0 {
        true => format!("it is pending until {ns} ns of {name}, {seconds:.3} s from now"),
        false => format!(
            "it waits for the stream's clock to tell when {ns} ns of {name} is, {:.3} s ago",
            -seconds
        ),
    }
}

fn reached(state: ActionState) -> &'static str {
    match state {
        ActionState::Pending => "been issued",
        ActionState::Started => "started",
        ActionState::Paused => "paused",
        ActionState::Ended => "ended",
    }
}
