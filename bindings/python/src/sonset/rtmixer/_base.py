"""What the streams of rtmixer's programs have in common."""

from __future__ import annotations

import operator
import threading
import time as _time
from typing import TYPE_CHECKING, Any, Callable, Dict, KeysView, Optional, Sequence, Tuple, TypeVar, Union

from .. import errors
from .._library import lib, refuse, shown
from ..action import Action as Issued
from ..clock import Clock
from . import _portaudio
from ._action import (
    CANCEL,
    FETCH_AND_RESET_STATS,
    ULONG_MAX,
    Action,
    Command,
    Sound,
    Stats,
)
from ._arguments import DUPLEX, INPUT, OUTPUT, StreamArguments, blocksize, open_stream, seconds
from ._keeper import Keeper
from ._ring import SAMPLE_BYTES, RingBuffer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    Channels = Union[int, Sequence[int]]

_Self = TypeVar("_Self", bound="Base")
_FEW = 64
_LONG_PAST_S = 60.0
"""What was due so long ago is too late, however late: the library takes no times from before the last hour."""


class Base:
    """What all streams of this module have.

    Attributes
    ----------
    stream : sonset.Stream
        The stream that does the work.
    """

    _kind = DUPLEX

    def __init__(self, **kwargs: Unpack[StreamArguments]) -> None:
        self.stream = open_stream(self._kind, kwargs)
        # Programs wait for this: rings run dry at the end of a sound, and are full at the end of a recording.
        self.stream._notices.unwanted -= {lib.SONSET_OUTCOME_UNDERFLOW, lib.SONSET_OUTCOME_OVERFLOW}
        self._blocksize = blocksize(kwargs)
        self._finished_callback = kwargs.get("finished_callback")
        self._lock = threading.RLock()
        self._actions: Dict[Action, None] = {}
        self._drain_at = _FEW
        self._counted = (0, 0, 0)
        self._keeper = Keeper()

    # What sounddevice's streams have.

    @property
    def samplerate(self) -> float:
        """Sample rate in hertz."""
        return float(self.stream.samplerate)

    @property
    def blocksize(self) -> int:
        """Frames of a block, as it was asked for; 0 where the device chooses."""
        return self._blocksize

    @property
    def device(self) -> Any:
        """The number that sounddevice has for its device, -1 if it has none; a pair for both directions."""
        info = self.stream.info
        ids = (info.input_device, info.output_device)
        return self._of_directions(*(_portaudio.number_of(info.backend, name) if name else -1 for name in ids))

    @property
    def channels(self) -> Any:
        """How many channels it has; a pair for both directions."""
        return self._of_directions(self.stream.input_channels, self.stream.output_channels)

    @property
    def dtype(self) -> Any:
        """``'float32'``; a pair for both directions."""
        return self._of_directions("float32", "float32")

    @property
    def samplesize(self) -> Any:
        """4 bytes; a pair for both directions."""
        return self._of_directions(SAMPLE_BYTES, SAMPLE_BYTES)

    @property
    def latency(self) -> Any:
        """Latency in seconds, 0.0 where it is not known; a pair for both directions."""
        info = self.stream.info
        known = (info.input_latency_frames or 0, info.output_latency_frames or 0)
        return self._of_directions(*(frames / self.samplerate for frames in known))

    @property
    def active(self) -> bool:
        """Whether it runs."""
        return self._state == "running"

    @property
    def stopped(self) -> bool:
        """Whether it was not started, or was stopped."""
        return self._state in ("open", "stopped", "closed", "destroyed")

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._state in ("closed", "destroyed")

    @property
    def time(self) -> float:
        """The time now, in seconds: that of `time.perf_counter`."""
        return Clock.perf_counter()

    @property
    def cpu_load(self) -> float:
        """0.0: it is not measured."""
        return 0.0

    def start(self) -> None:
        """Starts it. What a stop interrupted goes on."""
        was_active = self.active
        if not was_active:
            for action in list(self._actions):
                if isinstance(action, Sound):
                    action._again()
        self.stream.start()
        if self._finished_callback is not None and not was_active:
            self._keeper.add(self._tell_when_finished)

    def stop(self, ignore_errors: bool = True) -> None:
        """Fades out and stops it. What has not ended goes on at the next `start`.

        Parameters
        ----------
        ignore_errors : bool, optional
            Raises nothing.
        """
        self._quietly(self.stream.stop, ignore_errors)

    def abort(self, ignore_errors: bool = True) -> None:
        """Stops it without a fade. What has not ended goes on at the next `start`.

        Parameters
        ----------
        ignore_errors : bool, optional
            Raises nothing.
        """
        for action in list(self._actions):
            if isinstance(action, Sound):
                action._aborted = True
        self._quietly(lambda: self.stream.cancel_all(-1), ignore_errors)
        self.stop(ignore_errors)

    def close(self, ignore_errors: bool = True) -> None:
        """Stops it and closes the device.

        Parameters
        ----------
        ignore_errors : bool, optional
            Raises nothing.
        """
        self._quietly(self.stream.close, ignore_errors)

    def __enter__(self: _Self) -> _Self:
        self.start()
        return self

    def __exit__(self, *error: Any) -> None:
        try:
            self.stop()
        finally:
            self.close()

    # What rtmixer's streams have.

    @property
    def actions(self) -> KeysView[Action]:
        """The actions that have not ended."""
        self._drain()
        return self._actions.keys()

    @property
    def stats(self) -> Stats:
        """Counts of an inactive stream, since it was opened or `fetch_and_reset_stats` was last done.

        Raises
        ------
        RuntimeError
            If it is active.
        """
        if self.active:
            raise RuntimeError("stats of an active stream are got with fetch_and_reset_stats()")
        return self._count(reset=False)

    def cancel(self, action: Action, time: float = 0, allow_belated: bool = True) -> Action:
        """Ends an action: now, or at a time. A sound is cut.

        Parameters
        ----------
        action : Action
            What to end.
        time : float, optional
            When, in seconds; 0 is now.
        allow_belated : bool, optional
            Whether to end it later if it cannot be done in time. Otherwise it is not ended.

        Returns
        -------
        Action
            It has ended when the other has.
        """
        issued_at = self.time
        at = seconds("time", time)

        def attempt(cancel: Command) -> Optional[float]:
            return (at if at > issued_at else issued_at) if action._is_done() else None

        cancel = Command(CANCEL, at, allow_belated, lock=self._lock, attempt=attempt, action=action)
        with self._lock:
            if not allow_belated and at < self._next_block_time():
                cancel._drop(0.0)
            elif isinstance(action, Sound):
                action._cancel(at)
            elif isinstance(action, Command):
                self._cancel_command(action, at)
            return self._enqueue(cancel)

    def fetch_and_reset_stats(self, time: float = 0, allow_belated: bool = True) -> Action:
        """Counts of the stream, from now or a time on counted anew.

        Parameters
        ----------
        time : float, optional
            When, in seconds; 0 is now.
        allow_belated : bool, optional
            Whether to do it later if it cannot be done in time.

        Returns
        -------
        Action
            Its `stats` has the counts when it has ended.
        """
        return self._command(FETCH_AND_RESET_STATS, time, allow_belated)

    def wait(self, action: Optional[Action] = None, sleeptime: float = 10) -> None:
        """Waits until an action has ended, or all have.

        Parameters
        ----------
        action : Action, optional
            Which; by default all.
        sleeptime : float, optional
            Milliseconds between two looks.
        """
        while self.actions if action is None else action in self.actions:
            _time.sleep(sleeptime / 1000)

    # Within.

    @property
    def _state(self) -> str:
        try:
            return self.stream.info.state
        except errors.InvalidHandleError:  # At the end of the program.
            return "destroyed"

    def _of_directions(self, of_input: Any, of_output: Any) -> Any:
        return {INPUT: of_input, OUTPUT: of_output, DUPLEX: (of_input, of_output)}[self._kind]

    def _quietly(self, do: Callable[[], Any], ignore_errors: bool) -> None:
        try:
            do()
        except errors.SonsetError:
            if not ignore_errors:
                raise
        self._drain()

    def _tell_when_finished(self) -> bool:
        if self.active:
            return False
        if self._finished_callback is not None:
            # It is the program's: what it raises, and how long it takes, is not to harm the keeper.
            threading.Thread(target=self._finished_callback, name="sonset.rtmixer.finished", daemon=True).start()
        return True

    def _mapping(self, channels: Channels, direction: str) -> Tuple[int, ...]:
        """The channels of the stream that are meant."""
        if isinstance(channels, int):
            mapping = tuple(range(1, channels + 1))
        else:
            try:
                mapping = tuple([operator.index(channel) for channel in channels])
            except TypeError:
                mapping = tuple(range(1, operator.index(channels) + 1))  # type: ignore[arg-type]
        most = self.stream.output_channels if direction == OUTPUT else self.stream.input_channels
        if not mapping:
            refuse(f"channels={shown(channels)} are none")
        if max(mapping) > most:
            refuse(f"channels={shown(channels)}: channel number too large, the stream has {most} {direction} channels")
        if min(mapping) < 1:
            refuse(f"channels={shown(channels)}: channel numbers start with 1")
        return mapping

    def _ring_mapping(self, ring: RingBuffer, channels: Optional[Channels], direction: str) -> Tuple[int, ...]:
        mapping = self._mapping(ring.elementsize // SAMPLE_BYTES if channels is None else channels, direction)
        if ring.elementsize != SAMPLE_BYTES * len(mapping):
            refuse(f"incompatible elementsize: {len(mapping)} channels do not fit {ring.elementsize} bytes")
        return mapping

    def _when(self, start: float, allow_belated: bool) -> Dict[str, Any]:
        """A time as `sonset.Stream` takes it."""
        if allow_belated and start <= 0:
            return {}
        long_past = _time.perf_counter() - _LONG_PAST_S
        if allow_belated:
            return {} if start < long_past else {"at_perf_counter": start}
        return {"at_perf_counter": max(start, long_past), "late_policy": "drop"}

    def _next_block_time(self) -> float:
        """The time of the first frame that the next block has."""
        try:
            time = self.stream.time("output" if self.stream.output_channels else "input").perf_counter
        except (errors.StreamClosedError, errors.InvalidHandleError):
            time = None
        return Clock.perf_counter() if time is None else time

    def _command(self, kind: int, time: float, allow_belated: bool, **more: Any) -> Action:
        """Something that is done as soon as a time has come."""
        at = seconds("time", time)
        command = Command(kind, at, allow_belated, lock=self._lock, attempt=self._at_its_time, **more)
        with self._lock:
            if not allow_belated and at < self._next_block_time():
                command._drop(0.0)
            if not command._is_done():
                self._keeper.add(lambda: command._is_done() or self.closed)
            return self._enqueue(command)

    def _at_its_time(self, command: Command) -> Optional[float]:
        next_block = self._next_block_time()
        if not self.active or command.requested_time >= next_block:
            return None
        if command.type == FETCH_AND_RESET_STATS:
            command._stats = self._count(reset=True)
        return command.requested_time or next_block

    def _cancel_command(self, command: Command, at: float) -> None:
        if command._is_done():
            return
        if command.type == CANCEL:
            message = "a cancel cannot be cancelled: of several requests for an action the earliest counts"
            raise errors.UnsupportedError(message, lib.SONSET_ERROR_UNSUPPORTED, "SONSET_ERROR_UNSUPPORTED")
        if at <= command.requested_time:
            command._drop(-1.0)

    def _count(self, reset: bool) -> Stats:
        with self._lock:
            stats = self.stream.stats
            now = (stats.callbacks, stats.input_xruns, stats.output_xruns)
            blocks, overflows, underflows = (a - b for a, b in zip(now, self._counted))
            if reset:
                self._counted = now
        largest = stats.largest_block_frames if blocks else 0
        smallest = min(largest, self.stream.info.block_frames or largest)
        return Stats(blocks, smallest, largest, input_overflows=overflows, output_underflows=underflows)

    def _block(self) -> int:
        return self.stream.info.block_frames or self.stream.stats.largest_block_frames or 1

    def _issue(self, issue: Callable[[int, Dict[str, Any]], Issued], sound: Sound) -> Sound:
        """Issues a sound or a recording."""
        when = self._when(sound.requested_time, sound.allow_belated)
        with self._lock:
            sound._issue = issue
            try:
                sound._issued = issue(0, when)
            except errors.PoolFullError as error:
                raise RuntimeError(f"Action queue is full: {error}") from error
            self._enqueue(sound)
            return sound

    def _issue_ring(self, by: Any, issue: Any, kind: int, at: float, belated: bool, mapping: Any, ring: Any) -> Action:
        def issue_by(done: int, when: Dict[str, Any]) -> Issued:
            issued: Issued = by(lambda own: issue(own, when))
            if ring.is_linked:
                self._keeper.add(ring.exchange)
            return issued

        return self._issue(issue_by, Sound(kind, at, belated, mapping, None, ring, ULONG_MAX, self))

    def _enqueue(self, action: Action) -> Action:
        self._actions[action] = None
        if len(self._actions) > self._drain_at:
            self._drain()
        return action

    def _drain(self) -> None:
        """Lets go of what has ended."""
        with self._lock:
            closed = self.closed
            for action in [action for action in self._actions if action._is_done() or closed]:
                self._actions.pop(action)
            self._drain_at = 2 * len(self._actions) + _FEW
            # Afterwards, so that the memory of all that has ended is let go of, and its problems are told.
            self.stream._collect()
