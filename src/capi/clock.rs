use super::constants::sonset_clock;
use super::guard::{guard, not_null, write};
use crate::clock;
use crate::error::fail;

/// Reads a clock of the host (sonset_clock) in nanoseconds.
///
/// Errors: INVALID_ARGUMENT for a number that is no clock, NULL_POINTER.
///
/// [any-thread]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonset_clock_now_ns(clock: i32, out_ns: *mut i64) -> i32 {
    guard(|| {
        not_null(out_ns, "out_ns")?;
        let now = match clock {
            c if c == sonset_clock::SONSET_CLOCK_MONOTONIC as i32 => clock::monotonic_ns(),
            c if c == sonset_clock::SONSET_CLOCK_REALTIME as i32 => clock::realtime_ns(),
            _ => fail!(InvalidArgument, "{clock} is no clock: MONOTONIC is 1, REALTIME is 2"),
        };
        // SAFETY: checked not to be null.
        unsafe { write(out_ns, now) };
        Ok(())
    })
}
