"""What was asked of a mixer."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any, Callable, Optional, Tuple

from .. import errors
from .._library import ffi
from ..action import Action as Issued
from ..action import Recording
from ..receipt import Receipt

PLAY_BUFFER = 0
PLAY_RINGBUFFER = 1
RECORD_BUFFER = 2
RECORD_RINGBUFFER = 3
CANCEL = 4
FETCH_AND_RESET_STATS = 5
ULONG_MAX = 256 ** ffi.sizeof("unsigned long") - 1
"""`Action.total_frames` of what has no end of its own."""

_CUT = -1
_NAMES = {
    PLAY_BUFFER: "PLAY_BUFFER",
    PLAY_RINGBUFFER: "PLAY_RINGBUFFER",
    RECORD_BUFFER: "RECORD_BUFFER",
    RECORD_RINGBUFFER: "RECORD_RINGBUFFER",
    CANCEL: "CANCEL",
    FETCH_AND_RESET_STATS: "FETCH_AND_RESET_STATS",
}


@dataclass(frozen=True)
class Stats:
    """Counts of a stream or an action.

    Attributes
    ----------
    blocks : int
        Blocks of the device.
    min_blocksize, max_blocksize : int
        Frames of the smallest and of the largest one.
    input_underflows, output_overflows : int
        Always 0: no backend tells of them.
    input_overflows, output_underflows : int
        How often the device lost input, or ran out of output.
    """

    blocks: int = 0
    min_blocksize: int = 0
    max_blocksize: int = 0
    input_underflows: int = 0
    input_overflows: int = 0
    output_underflows: int = 0
    output_overflows: int = 0


class Action:
    """Something that a mixer was asked to do. It equals itself only, and can be looked up in `Mixer.actions`.

    Attributes
    ----------
    type : int
        What it is: `PLAY_BUFFER`, `PLAY_RINGBUFFER`, `RECORD_BUFFER`, `RECORD_RINGBUFFER`, `CANCEL` or
        `FETCH_AND_RESET_STATS`.
    requested_time : float
        The time asked for, in seconds.
    allow_belated : bool
        Whether it may happen later than that.
    channels : int
        Channels of the sound.
    mapping : tuple of int
        The channels of the stream that these are, from 1.
    buffer, ringbuffer : object or None
        What is played or recorded into, as it was given.
    action : Action or None
        What a `CANCEL` is meant for.
    next : None
        Actions are not chained.
    """

    next = None

    def __init__(
        self,
        kind: int,
        requested_time: float,
        allow_belated: bool,
        mapping: Tuple[int, ...] = (),
        buffer: Any = None,
        ringbuffer: Any = None,
        action: Optional[Action] = None,
    ) -> None:
        self.type = kind
        self.requested_time = requested_time
        self.allow_belated = allow_belated
        self.mapping = mapping
        self.channels = len(mapping)
        self.buffer = buffer
        self.ringbuffer = ringbuffer
        self.action = action

    @property
    def actual_time(self) -> float:
        """The time at which it happened, in seconds: of a sound, that of its first frame at the converter.

        0.0 if it was dropped because it was too late; -1.0 before it happens, and if it never did for another reason;
        NaN where the device's clock is not known.
        """
        raise NotImplementedError

    @property
    def total_frames(self) -> int:
        """Frames that it has in all; `ULONG_MAX` without an end. One that was cancelled has those that were done."""
        return 0

    @property
    def done_frames(self) -> int:
        """Frames that were played or recorded so far."""
        return 0

    @property
    def stats(self) -> Stats:
        """What was counted while it was active."""
        return Stats()

    def _is_done(self) -> bool:
        raise NotImplementedError

    def __repr__(self) -> str:
        parts = [_NAMES[self.type], f"requested {self.requested_time:.6f} s", f"actual {self.actual_time:.6f} s"]
        if self.type < CANCEL:
            total = "" if self.total_frames == ULONG_MAX else f" of {self.total_frames}"
            parts.append(f"{self.done_frames}{total} frames done")
        return f"<sonset.rtmixer.Action: {', '.join(parts)}>"


class Command(Action):
    """Something that is done at a time and takes none: also what plays or records no frames."""

    _stats = Stats()

    def __init__(
        self, *given: Any, lock: threading.RLock, attempt: Callable[[Command], Optional[float]], **more: Any
    ) -> None:
        super().__init__(*given, **more)
        self._lock = lock
        self._attempt = attempt
        self._actual: Optional[float] = None

    def _is_done(self) -> bool:
        with self._lock:
            if self._actual is None:
                self._actual = self._attempt(self)
            return self._actual is not None

    def _drop(self, actual_time: float) -> None:
        with self._lock:
            if self._actual is None:
                self._actual = actual_time

    @property
    def actual_time(self) -> float:
        self._is_done()
        return -1.0 if self._actual is None else self._actual

    @property
    def stats(self) -> Stats:
        self._is_done()
        return self._stats


class Sound(Action):
    """What is played or recorded."""

    _issued: Optional[Issued] = None
    _final: Optional[Receipt] = None
    _target: Any = None
    _copied = 0

    def __init__(
        self,
        kind: int,
        requested_time: float,
        allow_belated: bool,
        mapping: Tuple[int, ...],
        buffer: Any,
        ringbuffer: Any,
        frames: int,
        block: Callable[[], int],
    ) -> None:
        super().__init__(kind, requested_time, allow_belated, mapping, buffer, ringbuffer)
        self._frames = frames
        self._block = block
        self._lock = threading.RLock()

    @property
    def actual_time(self) -> float:
        receipt = self._look()
        if receipt.outcome == "dropped_late":
            return 0.0
        if receipt.start_frame is None:
            return -1.0
        return math.nan if receipt.start_perf_counter is None else receipt.start_perf_counter

    @property
    def total_frames(self) -> int:
        receipt = self._look()
        return receipt.done_frames if receipt.outcome in ("stopped", "cancelled") else self._frames

    @property
    def done_frames(self) -> int:
        return self._look().done_frames

    @property
    def receipt(self) -> Receipt:
        """All that sonset knows of it."""
        return self._look()

    @property
    def stats(self) -> Stats:
        receipt = self._look()
        if receipt.start_frame is None:
            return Stats()
        block = self._block()
        blocks = blocks_between(receipt.start_frame, receipt.start_frame + receipt.done_frames, block)
        plays = self.type in (PLAY_BUFFER, PLAY_RINGBUFFER)
        return Stats(
            blocks,
            block,
            block,
            input_overflows=0 if plays else receipt.xruns,
            output_underflows=receipt.xruns if plays else 0,
        )

    def _is_done(self) -> bool:
        return self._final is not None or self._look().state == "ended"

    def _look(self) -> Receipt:
        """What is known now. When it has ended, what was recorded is in its place, and all memory is let go of."""
        with self._lock:
            if self._final is not None:
                return self._final
            assert self._issued is not None
            receipt = self._issued.receipt
            if self._target is not None:
                self._hand_over(receipt.done_frames)
            if receipt.state == "ended":
                self._final, self._issued, self._target = receipt, None, None
            return receipt

    def _hand_over(self, done: int) -> None:
        """Copies what was recorded since to the memory of the program, which the library cannot record into."""
        if done <= self._copied:
            return
        assert isinstance(self._issued, Recording)
        samples = self._issued.buffer.read(self._copied, done - self._copied)
        self._target[self._copied : done] = samples
        self._copied = done

    def _cancel(self, when: Any) -> None:
        with self._lock:
            issued = self._issued
        if issued is None:
            return
        try:
            issued.cancel(fade_frames=_CUT, **when)
        except errors.ActionEndedError:
            pass


def blocks_between(first: int, last: int, block: int) -> int:
    """How many blocks of a size hold the frames from `first` to before `last`."""
    return (max(first, last - 1)) // block - first // block + 1
