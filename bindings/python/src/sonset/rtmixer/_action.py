"""What was asked of a mixer."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Protocol, Sequence, Tuple

from .. import errors
from .._library import ffi
from ..action import Action as Issued
from ..action import Recording
from ..receipt import Receipt, new_receipt

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


class Mixed(Protocol):
    """What a sound needs of its stream."""

    @property
    def closed(self) -> bool: ...

    @property
    def time(self) -> float: ...

    def _block(self) -> int: ...

    def _when(self, start: float, allow_belated: bool) -> Dict[str, Any]: ...


class Sound(Action):
    """What is played or recorded."""

    _issue: Optional[Callable[[int, Dict[str, Any]], Issued]] = None
    """Issues what is left after so many frames, at such a time."""
    _aborted = False
    """Whether it was cut to stop the stream at once, and goes on with it."""

    _issued: Optional[Issued] = None
    _target: Any = None
    _copied = 0
    _cancel_at: Optional[float] = None

    def __init__(
        self,
        kind: int,
        requested_time: float,
        allow_belated: bool,
        mapping: Tuple[int, ...],
        buffer: Any,
        ringbuffer: Any,
        frames: int,
        mixer: Mixed,
    ) -> None:
        super().__init__(kind, requested_time, allow_belated, mapping, buffer, ringbuffer)
        self._frames = frames
        self._mixer = mixer
        self._lock = threading.RLock()
        # Of an action that a stop of the stream interrupted, one for each part.
        self._parts: List[Receipt] = []
        self._done = False

    @property
    def actual_time(self) -> float:
        receipts = self._look()
        if receipts[-1].outcome == "dropped_late":
            return 0.0
        started = next((receipt for receipt in receipts if receipt.start_frame is not None), None)
        if started is None:
            return -1.0
        return math.nan if started.start_perf_counter is None else started.start_perf_counter

    @property
    def total_frames(self) -> int:
        receipts = self._look()
        cut = self._done and (self._cancel_at is not None or receipts[-1].outcome in ("stopped", "cancelled"))
        return min(_frames_of(receipts), self._frames) if cut else self._frames

    @property
    def done_frames(self) -> int:
        return _frames_of(self._look())

    @property
    def receipt(self) -> Receipt:
        """All that sonset knows of it; of its last part, if the stream was stopped meanwhile."""
        return self._look()[-1]

    @property
    def stats(self) -> Stats:
        parts = [(part.start_frame, part.done_frames, part.xruns) for part in self._look()]
        started = [(start, done, xruns) for start, done, xruns in parts if start is not None]
        if not started:
            return Stats()
        block = self._mixer._block()
        blocks = sum([blocks_between(start, start + done, block) for start, done, _ in started])
        xruns = sum([xruns for _, _, xruns in started])
        plays = self.type in (PLAY_BUFFER, PLAY_RINGBUFFER)
        return Stats(
            blocks,
            block,
            block,
            input_overflows=0 if plays else xruns,
            output_underflows=xruns if plays else 0,
        )

    def _is_done(self) -> bool:
        return self._done or bool(self._look() and self._done)

    def _look(self) -> List[Receipt]:
        """What is known now. When it has ended, what was recorded is in its place, and all memory is let go of."""
        with self._lock:
            if self._issued is None:
                if not self._done and self._mixer.closed:
                    self._end()
                return self._parts
            try:
                receipt = self._issued.receipt
            except errors.InvalidHandleError:  # Its stream was destroyed, as at the end of the program.
                self._parts.append(Receipt(new_receipt(), 1))
                self._end()
                return self._parts
            if self._target is not None:
                self._hand_over(receipt.done_frames)
            if receipt.state != "ended":
                return [*self._parts, receipt]
            self._parts.append(receipt)
            self._issued = None
            if not self._may_go_on(receipt) or self._mixer.closed:
                self._end()
            return self._parts

    def _may_go_on(self, receipt: Receipt) -> bool:
        """Whether a part ended because the stream stopped, and not the action."""
        cancelled = self._cancel_at is not None and self._cancel_at <= self._mixer.time
        aborted = self._aborted and receipt.outcome in ("stopped", "cancelled")
        return (receipt.outcome == "stream_stopped" or aborted) and not cancelled and self._left() > 0

    def _end(self) -> None:
        """Lets go of all memory."""
        self._done = True
        self._issued = self._target = self._issue = None

    def _left(self) -> int:
        """Frames that are still to be done."""
        return self._frames - _frames_of(self._parts)

    def _again(self) -> None:
        """Goes on with what a stop of the stream interrupted: at its time, or at once if it had begun."""
        with self._lock:
            self._look()
            if self._issued is not None or self._issue is None:
                return
            self._aborted = False
            done = _frames_of(self._parts)
            if self._target is not None:
                self._target, self._copied = self._target[self._copied :], 0
            has_begun = any(receipt.start_frame is not None for receipt in self._parts)
            when = {} if has_begun else self._mixer._when(self.requested_time, self.allow_belated)
            self._issued = self._issue(done, when)
            if self._cancel_at is not None:
                self._cancel(self._cancel_at)

    def _hand_over(self, done: int) -> None:
        """Copies what was recorded since to the memory of the program, which the library cannot record into."""
        if done <= self._copied:
            return
        assert isinstance(self._issued, Recording)
        samples = self._issued.buffer.read(self._copied, done - self._copied)
        self._target[self._copied : done] = samples
        self._copied = done

    def _cancel(self, at: float) -> None:
        """Cuts it at a time; of several the earliest counts."""
        with self._lock:
            self._look()
            self._cancel_at = at if self._cancel_at is None else min(at, self._cancel_at)
            if self._issued is None:
                # The stream stands still: what is due by now never goes on.
                if not self._done and self._cancel_at <= self._mixer.time:
                    self._end()
                return
            try:
                self._issued.cancel(fade_frames=_CUT, **self._mixer._when(at, True))
            except errors.ActionEndedError:
                pass


def _frames_of(receipts: Sequence[Receipt]) -> int:
    return sum(receipt.done_frames for receipt in receipts)


def blocks_between(first: int, last: int, block: int) -> int:
    """How many blocks of a size hold the frames from `first` to before `last`."""
    return (max(first, last - 1)) // block - first // block + 1
