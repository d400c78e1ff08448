"""The host's clocks."""

from __future__ import annotations

from ._library import check, ffi, lib

NS = 1_000_000_000


class Clock:
    """Clocks of the host, as the library reads them.

    A time goes to the library under the name of its clock: ``at_perf_counter=`` takes what `time.perf_counter`
    or `perf_counter` gives, ``at_unix=`` what `time.time` or `unix` gives.
    """

    @staticmethod
    def perf_counter() -> float:
        """The time in seconds by the clock that never steps, that of `time.perf_counter`.

        >>> import time
        >>> abs(Clock.perf_counter() - time.perf_counter()) < 0.1
        True
        """
        return Clock._now(lib.SONSET_CLOCK_MONOTONIC) / NS

    @staticmethod
    def perf_counter_ns() -> int:
        """The same in nanoseconds."""
        return Clock._now(lib.SONSET_CLOCK_MONOTONIC)

    @staticmethod
    def unix() -> float:
        """The time in seconds since 1970, that of `time.time`. It is set now and then."""
        return Clock._now(lib.SONSET_CLOCK_REALTIME) / NS

    @staticmethod
    def unix_ns() -> int:
        """The same in nanoseconds."""
        return Clock._now(lib.SONSET_CLOCK_REALTIME)

    @staticmethod
    def _now(clock: int) -> int:
        now = ffi.new("int64_t *")
        check(lib.sonset_clock_now_ns(clock, now))
        return int(now[0])
