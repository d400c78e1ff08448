//! The host's clocks, in nanoseconds.
#![allow(unsafe_code)]

use std::time::{SystemTime, UNIX_EPOCH};

/// MONOTONIC: the clock that Python's `perf_counter` reads on the same system. Realtime-safe: on every
/// supported system it is read without entering the kernel.
pub fn monotonic_ns() -> i64 {
    monotonic::now_ns()
}

/// REALTIME: Unix time as the system's clock has it, steps included.
pub fn realtime_ns() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_nanos() as i64,
        Err(before) => -(before.duration().as_nanos() as i64),
    }
}

/// REALTIME minus MONOTONIC now, read as a bracket so that what comes between does not show.
pub fn realtime_offset_ns() -> i64 {
    let read = || {
        let before = monotonic_ns();
        let realtime = realtime_ns();
        let after = monotonic_ns();
        (after - before, realtime - before - (after - before) / 2)
    };
    [read(), read(), read()].into_iter().min().map_or(0, |(_, offset)| offset)
}

#[cfg(unix)]
mod monotonic {
    /// On Apple's systems `mach_absolute_time` has this name.
    #[cfg(target_vendor = "apple")]
    const CLOCK: libc::clockid_t = libc::CLOCK_UPTIME_RAW;
    #[cfg(not(target_vendor = "apple"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;

    // The fields are 32 bits wide on some systems.
    #[allow(clippy::unnecessary_cast)]
    pub fn now_ns() -> i64 {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `now` is a valid timespec to write to.
        unsafe { libc::clock_gettime(CLOCK, &mut now) };
        now.tv_sec as i64 * 1_000_000_000 + now.tv_nsec as i64
    }
}

#[cfg(windows)]
mod monotonic {
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn QueryPerformanceCounter(count: *mut i64) -> i32;
        fn QueryPerformanceFrequency(frequency: *mut i64) -> i32;
    }

    pub fn now_ns() -> i64 {
        let (mut count, mut frequency) = (0, 1);
        // SAFETY: both write one i64; neither fails since Windows XP.
        unsafe {
            QueryPerformanceCounter(&mut count);
            QueryPerformanceFrequency(&mut frequency);
        }
        (count as i128 * 1_000_000_000 / frequency as i128) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monotonic_never_goes_back_and_passes_as_fast_as_the_standard_librarys_clock() {
        let (began, first) = (std::time::Instant::now(), monotonic_ns());
        let mut last = first;
        while began.elapsed().as_millis() < 20 {
            let now = monotonic_ns();
            assert!(now >= last);
            last = now;
        }
        let apart = (monotonic_ns() - first) - began.elapsed().as_nanos() as i64;
        assert!(apart.abs() < 5_000_000, "{apart} ns apart after 20 ms");
    }
}
