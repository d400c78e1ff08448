//! The host's clocks.

use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds of MONOTONIC: the clock of Python's `perf_counter`, of QPC and of mach time. Realtime-safe:
/// on every supported system it is read without entering the kernel.
pub fn monotonic_ns() -> i64 {
    #[cfg(unix)]
    {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `now` is a valid timespec to write to.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
        now.tv_sec as i64 * 1_000_000_000 + now.tv_nsec as i64
    }
    #[cfg(not(unix))]
    {
        use std::sync::OnceLock;
        use std::time::Instant;
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        ORIGIN.get_or_init(Instant::now).elapsed().as_nanos() as i64
    }
}

/// Nanoseconds of REALTIME: Unix time, as the system's clock has it, steps included.
pub fn realtime_ns() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_nanos() as i64,
        Err(before) => -(before.duration().as_nanos() as i64),
    }
}
