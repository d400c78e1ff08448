"""What was asked of a stream, to be waited for and changed."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING, Any, Generator, Optional

import numpy as np

from . import errors
from . import options as _options
from ._library import NULL, check, failure, lib, text
from .buffer import Buffer
from .notices import LOUD_FLOOR
from .receipt import Receipt, new_receipt

if TYPE_CHECKING:
    import numpy.typing as npt
    from typing_extensions import Unpack

    from .options import AtOptions, CancelOptions, GainOptions
    from .stream import Stream

_GET = lib.sonset_stream_get_action
_SLICE_MS = 50
"""Waits are cut into pieces, so that Ctrl-C is heard between them."""


def _message(asked: Optional[float]) -> str:
    """Why a wait failed, with the whole time of it for that of its last piece."""
    message = text(lib.sonset_error_last_message())
    return message if asked is None else re.sub(r" within \d+ ms", f" within {asked:g} s", message, count=1)


class Action:
    """A sound or recording that was asked for. It can be awaited: ``receipt = await action``.

    Attributes
    ----------
    id : int
        Its number, unlike that of any other action of this process.
    stream : Stream
        The stream that does it.
    """

    __slots__ = ("__weakref__", "_source", "id", "stream")

    def __init__(self, stream: Stream, number: int, source: Any = None) -> None:
        self.stream = stream
        self.id = number
        self._source = source

    @property
    def receipt(self) -> Receipt:
        """What is known of it now."""
        receipt = new_receipt()
        check(_GET(self.stream._handle_now(), self.id, receipt))
        return Receipt(receipt, self.stream.samplerate)

    @property
    def error(self) -> str:
        """Why its file could not be read or written further; empty if nothing failed."""
        message = lib.sonset_stream_get_action_error(self.stream._handle_now(), self.id)
        if message == NULL:
            raise failure(lib.SONSET_ERROR_UNKNOWN_ACTION)
        return text(message)

    @property
    def state(self) -> str:
        """``'pending'``, ``'started'``, ``'paused'`` or ``'ended'``."""
        return self.receipt.state

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self.receipt.state == "ended"

    def wait(self, timeout: Optional[float] = None) -> Receipt:
        """Waits until it has ended. Other threads go on meanwhile, and Ctrl-C ends the wait.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Returns
        -------
        Receipt
            All that is known of it.

        Raises
        ------
        sonset.TimeoutError
            If the time is over first.
        """
        return self._wait(lib.SONSET_ACTION_ENDED, timeout)

    def wait_started(self, timeout: Optional[float] = None) -> Receipt:
        """Waits until it has started, or ended without having started.

        Its first frame is certain then. A voice key has started when it has found an onset.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.
        """
        return self._wait(lib.SONSET_ACTION_STARTED, timeout)

    def _wait(self, state: int, timeout: Optional[float], asked: Optional[float] = None) -> Receipt:
        """Waits for a state. A failure names `asked` as the time that was asked for, or else `timeout`."""
        receipt = new_receipt()
        deadline = None if timeout is None else time.monotonic() + _options.number("timeout", timeout)
        while True:
            left_ms = _SLICE_MS if deadline is None else min(_SLICE_MS, (deadline - time.monotonic()) * 1e3)
            handle = self.stream._handle_now()
            code = lib.sonset_stream_wait_action(handle, self.id, state, max(0, round(left_ms)), receipt)
            if code == 0:
                break
            if code != lib.SONSET_ERROR_TIMEOUT or (deadline is not None and time.monotonic() >= deadline):
                error = failure(code, _message(timeout if asked is None else asked))
                self.stream._collect()
                raise error
        self.stream._collect()
        self.stream._raise_problem()
        return Receipt(receipt, self.stream.samplerate)

    def __await__(self) -> Generator[Any, None, Receipt]:
        return self._await().__await__()

    async def _await(self) -> Receipt:
        while not self.done:
            await asyncio.sleep(0.002)
        return self.wait(0)

    @_options.takes(_options.CancelOptions)
    def cancel(self, **options: Unpack[CancelOptions]) -> None:
        """Ends it: now, or at a time. It fades over 5 ms unless told otherwise.

        Of several requests the earliest counts. One that has ended cannot be cancelled.

        Parameters
        ----------
        {options}
        """
        params = _options.CANCEL.new(options, self.stream.samplerate)
        check(lib.sonset_stream_cancel(self.stream._handle_now(), self.id, params))

    @_options.takes(_options.GainOptions)
    def set_gain(self, gain_db: float = 0.0, **options: Unpack[GainOptions]) -> None:
        """Changes its gain, on top of those that it was issued with.

        Parameters
        ----------
        gain_db : float
            The gain to reach, in decibels; ``-inf`` is silence.
        {options}
        """
        params = _options.GAIN.new({"gain_db": _options.number("gain_db", gain_db), **options}, self.stream.samplerate)
        check(lib.sonset_stream_set_gain(self.stream._handle_now(), self.id, params))

    @_options.takes(_options.CancelOptions)
    def pause(self, **options: Unpack[CancelOptions]) -> None:
        """Lets it stand still, until `resume`.

        Parameters
        ----------
        {options}
        """
        params = _options.PAUSE.new(options, self.stream.samplerate)
        check(lib.sonset_stream_pause(self.stream._handle_now(), self.id, params))

    @_options.takes(_options.CancelOptions)
    def resume(self, **options: Unpack[CancelOptions]) -> None:
        """Lets it go on with the sample after the last one that sounded.

        Parameters
        ----------
        {options}
        """
        params = _options.PAUSE.new(options, self.stream.samplerate)
        check(lib.sonset_stream_resume(self.stream._handle_now(), self.id, params))

    @_options.takes(_options.CancelOptions)
    def seek(self, position_frame: int, **options: Unpack[CancelOptions]) -> None:
        """Lets a buffer or a file go on elsewhere.

        A file is read ahead from there before this returns, so that nothing is missing afterwards.

        Parameters
        ----------
        position_frame : int
            The frame of the sound that sounds at the given time, counted from its own first one.
        {options}
        """
        position = _options.integer("position_frame", position_frame)
        params = _options.SEEK.new({"position_frame": position, **options}, self.stream.samplerate)
        check(lib.sonset_stream_seek(self.stream._handle_now(), self.id, params))

    @_options.takes(_options.AtOptions)
    def reschedule(self, **options: Unpack[AtOptions]) -> None:
        """Gives it another start. It must not have started, and then follows no other action.

        Parameters
        ----------
        {options}
        """
        params = _options.RESCHEDULE.new(options, self.stream.samplerate)
        check(lib.sonset_stream_reschedule(self.stream._handle_now(), self.id, params))

    def __repr__(self) -> str:
        return f"<sonset.{type(self).__name__} {self.id}: {self.receipt!r}>"


class Recording(Action):
    """A recording into a buffer.

    Attributes
    ----------
    buffer : Buffer
        Where it goes.
    """

    __slots__ = ()

    @property
    def buffer(self) -> Buffer:
        """Where it goes."""
        buffer = self._source
        assert isinstance(buffer, Buffer)
        return buffer

    @property
    def data(self) -> npt.NDArray[np.float32]:
        """A copy of what was recorded so far, of the shape (frames, channels); all of it once it has ended."""
        return self.buffer.read(0, min(self.receipt.done_frames, self.buffer.readable_frames))


class Detection(Action):
    """A voice key at work."""

    __slots__ = ()

    @property
    def reason(self) -> str:
        """Why it found an onset, or none: see `Receipt.detection`."""
        return self.receipt.detection

    def _wait(self, state: int, timeout: Optional[float], asked: Optional[float] = None) -> Receipt:
        try:
            return super()._wait(state, timeout, asked)
        except errors.TimeoutError as error:
            if self.reason != "loud_floor":
                raise
            raise errors.TimeoutError(f"{error.message}; it {LOUD_FLOOR}", error.code, error.name) from None

    def wait_onset(self, timeout: Optional[float] = None) -> Optional[int]:
        """Waits for a sound.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Returns
        -------
        int or None
            The frame of the onset; None if it gave up without having found one, and `reason` says why.
        """
        return self.wait_started(timeout).detected_frame


__all__ = ["Action", "Detection", "Recording"]
