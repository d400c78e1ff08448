"""What really happened."""

from __future__ import annotations

import collections
from typing import Any, Callable, Deque, Dict, Iterator, List, Optional, Sequence, Union, overload

from ._library import ffi, names, struct
from .clock import NS

_KIND = ffi.typeof("sonset_receipt *")
_SIZE = ffi.sizeof("sonset_receipt")
_OWNER = struct("sonset_receipt")
_EMPTY = _OWNER[0]

_KINDS = names("sonset_action_kind")
_STATES = names("sonset_action_state")
_OUTCOMES = names("sonset_outcome")
_SOURCES = names("sonset_latency_source")
_DETECTIONS = names("sonset_detection")
_CLOCKS = {0: None, **names("sonset_clock")}


def new_receipt() -> Any:
    """A struct for the library to write a receipt to."""
    return ffi.new(_KIND, _EMPTY)


class _Count:
    """A whole number of the receipt."""

    def __init__(self, field: str, doc: str) -> None:
        self.field, self.__doc__ = field, doc

    def __get__(self, receipt: Any, owner: Any = None) -> int:
        return self if receipt is None else getattr(receipt._c, self.field)  # type: ignore[return-value]


class _Known:
    """A whole number that may not be known, which the library writes as -1."""

    def __init__(self, field: str, doc: str) -> None:
        self.field, self.__doc__ = field, doc

    def __get__(self, receipt: Any, owner: Any = None) -> Optional[int]:
        if receipt is None:
            return self  # type: ignore[return-value]
        value = getattr(receipt._c, self.field)
        return None if value == -1 else value


class _Requested:
    """The frame asked for, which may be -1: the library says beside it whether it is known."""

    __doc__ = "The frame asked for, once that is known; negative for a time before frame 0."

    def __get__(self, receipt: Any, owner: Any = None) -> Optional[int]:
        if receipt is None:
            return self  # type: ignore[return-value]
        return receipt._c.requested_frame if receipt._c.has_requested_frame else None


class _Real:
    """A number of the receipt."""

    def __init__(self, field: str, doc: str) -> None:
        self.field, self.__doc__ = field, doc

    def __get__(self, receipt: Any, owner: Any = None) -> float:
        return self if receipt is None else getattr(receipt._c, self.field)  # type: ignore[return-value]


class _Seconds:
    """A time that may not be known, in seconds by one of the host's clocks."""

    def __init__(self, field: str, doc: str, unix: bool = False) -> None:
        self.field, self.unix, self.__doc__ = field, unix, doc

    def __get__(self, receipt: Any, owner: Any = None) -> Optional[float]:
        if receipt is None:
            return self  # type: ignore[return-value]
        value = getattr(receipt._c, self.field)
        if value == -1:
            return None
        return (value + receipt._c.realtime_offset_ns if self.unix else value) / NS  # type: ignore[no-any-return]


class Receipt:
    """What is known of an action: all of it once `state` is ``'ended'``, what is known so far before.

    Frames and times that there are not are None. Times are those at the converter, latency and bias included:
    ``..._perf_counter`` in seconds by the clock of `time.perf_counter`, ``..._unix`` by that of `time.time`.
    """

    __slots__ = ("_c", "samplerate")

    def __init__(self, c: Any, samplerate: int) -> None:
        self._c = c
        self.samplerate = samplerate

    action = _Count("action", "The action's id.")
    tag = _Count("tag", "The tag that it was given.")
    after_action = _Count("after_action", "The id of the action that it followed, or 0.")
    requested_frame = _Requested()
    start_frame = _Known("start_frame", "The first frame.")
    end_frame = _Known("end_frame", "The frame after the last one, or at which it was settled that it never starts.")
    done_frames = _Count("done_frames", "Frames played, recorded or listened to.")
    late_frames = _Count("late_frames", "Frames by which it started later than asked.")
    xruns = _Count("xruns", "Xruns of its half of the stream while it ran.")
    discontinuities = _Count("discontinuities", "Steps in the time stamps that were found while it ran.")
    missing_frames = _Count("missing_frames", "Frames that a source did not deliver in time, or that were lost.")
    first_missing_frame = _Known("first_missing_frame", "The first of these.")
    stream_clipped_samples = _Count("stream_clipped_samples", "Output samples limited to the ceiling meanwhile.")
    stream_nonfinite_samples = _Count("stream_nonfinite_samples", "Output samples that were NaN or infinite meanwhile.")
    detected_frame = _Known("detected_frame", "The onset that a voice key found.")
    detected_end_frame = _Known("detected_end_frame", "The offset that it found: the frame after the last one.")
    input_peak = _Real("input_peak", "Largest magnitude of a recording.")
    input_clipped_samples = _Count("input_clipped_samples", "Samples of a recording at or above full scale.")
    paused_frame = _Known("paused_frame", "First silent frame of the last pause.")
    resumed_frame = _Known("resumed_frame", "The frame at which it went on after that.")
    paused_frames = _Count("paused_frames", "Frames that it stood still in all.")
    seek_frame = _Known("seek_frame", "The frame of the stream at which it last went elsewhere in its sound.")
    gain_frame = _Known("gain_frame", "The frame at which the last change of its gain begins.")
    gain = _Real("gain", "The factor that this change leads to.")
    start_host_ns = _Known("start_host_ns", "Time of the first frame in ns, by the clock of `time.perf_counter`.")
    end_host_ns = _Known("end_host_ns", "Time of `end_frame` in ns, by the same clock.")
    requested_host_ns = _Known("requested_host_ns", "The host time asked for, in ns of `start_clock`.")
    host_uncertainty_ns = _Known(
        "host_uncertainty_ns",
        "Uncertainty of the host times in ns: 99 in 100 are nearer. Of the clock fit, not of the latency.",
    )
    detected_host_ns = _Known("detected_host_ns", "Time of `detected_frame` in ns.")
    detected_end_host_ns = _Known("detected_end_host_ns", "Time of `detected_end_frame` in ns.")
    monitor_latency_ns = _Known("monitor_latency_ns", "Of a monitor, the time from input to output in ns.")
    realtime_offset_ns = _Count("realtime_offset_ns", "Unix time minus that of `time.perf_counter`, in ns.")
    start_perf_counter = _Seconds("start_host_ns", "Time of the first frame in seconds, by `time.perf_counter`.")
    end_perf_counter = _Seconds("end_host_ns", "Time of `end_frame` in seconds, by `time.perf_counter`.")
    detected_perf_counter = _Seconds("detected_host_ns", "Time of the onset found in seconds, by `time.perf_counter`.")
    start_unix = _Seconds("start_host_ns", "Time of the first frame in seconds since 1970.", unix=True)
    end_unix = _Seconds("end_host_ns", "Time of `end_frame` in seconds since 1970.", unix=True)
    detected_unix = _Seconds("detected_host_ns", "Time of the onset found in seconds since 1970.", unix=True)

    @property
    def kind(self) -> str:
        """What the action does, such as ``'play_buffer'``."""
        return _KINDS.get(self._c.kind, "unknown")

    @property
    def state(self) -> str:
        """``'pending'``, ``'started'``, ``'paused'`` or ``'ended'``."""
        return _STATES.get(self._c.state, "unknown")

    @property
    def outcome(self) -> str:
        """How it ended: ``'completed'``, ``'stopped'``, ``'cancelled'``, ``'dropped_late'``, ``'predecessor'``,
        ``'stream_stopped'``, ``'device_lost'``, ``'underflow'``, ``'overflow'``, ``'file_error'``,
        ``'stop_before_start'``; ``'none'`` if it has not."""
        return _OUTCOMES.get(self._c.outcome, "unknown")

    @property
    def completed(self) -> bool:
        """Whether it ran to its own end."""
        return self.outcome == "completed"

    @property
    def latency_source(self) -> str:
        """Where the latency in the host times comes from: ``'unknown'``, ``'reported'`` or ``'calibrated'``."""
        return _SOURCES.get(self._c.latency_source, "unknown")

    @property
    def start_clock(self) -> Optional[str]:
        """The clock of `requested_host_ns`: ``'monotonic'``, ``'realtime'`` or None."""
        return _CLOCKS.get(self._c.start_clock)

    @property
    def all_zero(self) -> bool:
        """Whether a recording holds nothing but zeros."""
        return bool(self._c.all_zero)

    @property
    def detection(self) -> str:
        """Why a voice key found an onset, or none; while it listens, as if it ended now.

        ``'found'``; ``'below_threshold'``: nothing reached the threshold; ``'too_short'``: it was reached, but never
        for `minimum_frames`; ``'loud_floor'``: there was sound while the floor was measured, so that an onset may have
        been missed, and one that is given may be a later part of the sound; ``'no_floor'``: it ended before the floor
        was measured; ``'none'``: the action is no voice key, or has heard nothing.
        """
        return _DETECTIONS.get(self._c.detection, "unknown")

    @property
    def start_stream_s(self) -> Optional[float]:
        """The first frame in seconds since frame 0 of the stream."""
        return None if self.start_frame is None else self.start_frame / self.samplerate

    @property
    def late_s(self) -> float:
        """How much later than asked it started, in seconds."""
        return self.late_frames / self.samplerate

    @property
    def uncertainty_s(self) -> Optional[float]:
        """Uncertainty of the host times in seconds; see `host_uncertainty_ns`."""
        return None if self.host_uncertainty_ns is None else self.host_uncertainty_ns / NS

    def as_dict(self) -> Dict[str, Union[int, float, str, None]]:
        """All fields by name, for a table or JSON, under the names of the receipt log."""
        fields = {name: getattr(self._c, name) for name, _ in _KIND.item.fields}
        for hidden in ("struct_size", "reserved_last"):
            fields.pop(hidden)
        named = {"kind": self.kind, "state": self.state, "outcome": self.outcome, "detection": self.detection}
        return {**fields, **named, "latency_source": self.latency_source, "start_clock": self.start_clock}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Receipt) and bytes(ffi.buffer(self._c)) == bytes(ffi.buffer(other._c))

    def __hash__(self) -> int:
        return hash(self.action)

    def __reduce__(self) -> Any:
        return _unpickle, (bytes(ffi.buffer(self._c)), self.samplerate)

    def __repr__(self) -> str:
        parts = [self.kind, self.outcome if self.state == "ended" else self.state]
        if self.start_frame is not None:
            parts.append(f"frames {self.start_frame} to {'?' if self.end_frame is None else self.end_frame}")
        if self.start_perf_counter is not None:
            parts.append(f"at {self.start_perf_counter:.6f} s")
        if self.uncertainty_s is not None:
            parts.append(f"± {self.uncertainty_s * 1e6:.1f} µs")
        if self.detection != "none":
            parts.append(self.detection.replace("_", " "))
        for count in ("late_frames", "xruns", "discontinuities", "missing_frames", "stream_clipped_samples"):
            if getattr(self, count):
                parts.append(f"{count.replace('_', ' ')} {getattr(self, count)}")
        return f"<sonset.Receipt {self.action}: {', '.join(parts)}>"


def _unpickle(data: bytes, samplerate: int) -> Receipt:
    receipt = new_receipt()
    ffi.memmove(receipt, data, min(len(data), _SIZE))
    return Receipt(receipt, samplerate)


class Receipts(Sequence[Receipt]):
    """The receipts of a stream, in the order in which its actions ended: the last 100000.

    They are as of now: each look takes those that have come since.
    """

    MOST = 100_000

    def __init__(self, samplerate: int, refresh: Callable[[], None]) -> None:
        # The structs only: as objects they would weigh on the garbage collector of a program that runs for hours.
        self._structs: Deque[Any] = collections.deque(maxlen=self.MOST)
        self._samplerate = samplerate
        self._refresh = refresh

    def _add(self, struct: Any) -> None:
        self._structs.append(struct)

    def __len__(self) -> int:
        self._refresh()
        return len(self._structs)

    @overload
    def __getitem__(self, index: int) -> Receipt: ...

    @overload
    def __getitem__(self, index: slice) -> List[Receipt]: ...

    def __getitem__(self, index: Union[int, slice]) -> Union[Receipt, List[Receipt]]:
        self._refresh()
        if isinstance(index, slice):
            return [Receipt(struct, self._samplerate) for struct in list(self._structs)[index]]
        return Receipt(self._structs[index], self._samplerate)

    def __iter__(self) -> Iterator[Receipt]:
        self._refresh()
        return (Receipt(struct, self._samplerate) for struct in list(self._structs))

    def __repr__(self) -> str:
        return f"<sonset.Receipts: {len(self)} receipts>"


__all__ = ["Receipt", "Receipts"]
