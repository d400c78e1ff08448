"""The ring buffer of rtmixer's programs: memory that they see, and a ring of the library while an action uses it."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, NoReturn, Optional, Tuple, TypeVar

import numpy as np

from .. import errors
from .._library import ffi, lib, refuse, shown
from ..ring import RingBuffer as Ring

SAMPLE_BYTES = 4
Issued = TypeVar("Issued")
_ENDING_S = 0.1
"""How long a ring may still belong to an action that is about to end."""


class RingBuffer:
    """A ring of elements between the program and an action, which one side writes and the other reads.

    Parameters
    ----------
    elementsize : int
        Bytes of an element. For sound this is one frame: 4 times the number of channels.
    size : int, optional
        Room for so many elements, a power of 2.
    buffer : buffer, optional
        Memory to use instead, whose size is `elementsize` times a power of 2.

    Examples
    --------
    >>> from sonset import rtmixer
    >>> ring = rtmixer.RingBuffer(elementsize=4, size=1024)
    >>> ring.write(np.zeros(1000, np.float32)), ring.write(np.zeros(100, np.float32))
    (1000, 24)
    >>> len(ring), ring.read_available, ring.write_available
    (1024, 1024, 0)
    """

    def __init__(self, elementsize: int, size: Optional[int] = None, buffer: Any = None) -> None:
        self._elementsize: int = int(elementsize)
        if self._elementsize < 1:
            refuse(f"elementsize={shown(elementsize)} is no number of bytes")
        memory = _memory(self._elementsize, size, buffer)
        count, rest = divmod(ffi.sizeof(memory), self._elementsize)
        if rest:
            refuse(f"the buffer has {ffi.sizeof(memory)} bytes, which is no multiple of elementsize={elementsize}")
        if count < 1 or count & (count - 1):
            refuse(f"size must be a power of 2, not {count}")
        self._size: int = int(count)
        self._bytes = _view(memory, ffi.sizeof(memory))
        self._lock = threading.RLock()
        # Elements since the ring was made: read, written, and handed to the sink. The memory holds the last ones.
        self._read: int = 0
        self._written: int = 0
        self._pushed: int = 0
        self._sink: Optional[Ring] = None
        self._source: Optional[Ring] = None

    @property
    def elementsize(self) -> int:
        """Bytes of an element."""
        return self._elementsize

    def __len__(self) -> int:
        return self._size

    @property
    def write_available(self) -> int:
        """Elements that can be written now."""
        return max(0, self._size - self.read_available)

    @property
    def read_available(self) -> int:
        """Elements that can be read now; of a ring that is played, those that have not sounded yet."""
        with self._lock:
            self._look()
            recorded = 0 if self._source is None else self._source.read_available
            return self._written - self._read + recorded

    def flush(self) -> None:
        """Empties it. Not while an action uses it."""
        with self._lock:
            self._look()
            if self._sink is not None or self._source is not None:
                _busy("an action uses the ring")
            self._read = self._written = self._pushed = 0

    def write(self, data: Any, size: int = -1) -> int:
        """Writes what there is room for.

        Parameters
        ----------
        data : buffer
            Elements, such as a float32 array.
        size : int, optional
            How many of them; by default all.

        Returns
        -------
        int
            How many were written.
        """
        given = self._elements(data, size, writable=False)
        with self._lock:
            count, first, second = self._write_regions(len(given) // self._elementsize)
            _copy((first, second), given)
            self.advance_write_index(count)
        return count

    def read(self, size: int = -1) -> Any:
        """Reads what there is into a new buffer.

        Parameters
        ----------
        size : int, optional
            At most so many elements; by default all.

        Returns
        -------
        buffer
            The bytes of the elements.
        """
        with self._lock:
            count = self.read_available if size < 0 else min(size, self.read_available)
            data = ffi.new("unsigned char[]", count * self._elementsize)
            count = self.readinto(data)
        return ffi.buffer(data, count * self._elementsize)

    def readinto(self, data: Any) -> int:
        """Reads what there is into a buffer.

        Parameters
        ----------
        data : buffer
            Where to, such as a float32 array. As much is read as it has room for.

        Returns
        -------
        int
            How many elements were read.
        """
        wanted = self._elements(data, -1, writable=True)
        with self._lock:
            count, first, second = self._read_regions(len(wanted) // self._elementsize)
            wanted[: len(first)] = first
            wanted[len(first) : len(first) + len(second)] = second
            self.advance_read_index(count)
        return count

    def get_write_buffers(self, size: int) -> Tuple[int, Any, Any]:
        """The room for elements that are to be written in place; `advance_write_index` hands them over.

        Parameters
        ----------
        size : int
            How many elements are wanted.

        Returns
        -------
        count : int
            For how many there is room, at most `size`.
        first, second : buffer
            Where they go. The second one is empty unless the room goes round the end of the memory.
        """
        with self._lock:
            count, first, second = self._write_regions(size)
        return count, _buffer(first), _buffer(second)

    def advance_write_index(self, size: int) -> int:
        """Hands over elements that were written in place.

        Parameters
        ----------
        size : int
            How many.

        Returns
        -------
        int
            The place of the next one, from 0 to twice the size of the ring.
        """
        with self._lock:
            room = self.write_available
            if not 0 <= size <= room:
                refuse(f"size={shown(size)} elements were not written: there is room for {room}")
            self._written += size
            try:
                self._push(self._sink)
            except errors.SonsetError:
                self._written -= size
                raise
            return self._written % (2 * self._size)

    def get_read_buffers(self, size: int) -> Tuple[int, Any, Any]:
        """The elements that come next, in place; `advance_read_index` gives their room back.

        Parameters
        ----------
        size : int
            How many elements are wanted.

        Returns
        -------
        count : int
            How many there are, at most `size`.
        first, second : buffer
            Where they are. The second one is empty unless they go round the end of the memory.
        """
        with self._lock:
            count, first, second = self._read_regions(size)
        return count, _buffer(first), _buffer(second)

    def advance_read_index(self, size: int) -> int:
        """Gives back the room of elements that were read in place.

        Parameters
        ----------
        size : int
            How many.

        Returns
        -------
        int
            The place of the next one, from 0 to twice the size of the ring.
        """
        with self._lock:
            count = self._read_regions(size)[0]
            if not 0 <= size <= count:
                refuse(f"size={shown(size)} elements cannot be given back: there are {count}")
            self._read += size
            return self._read % (2 * self._size)

    # The program's end.

    def _elements(self, data: Any, size: int, writable: bool) -> Any:
        """The bytes of elements that the program gives."""
        if not isinstance(data, ffi.CData):
            data = ffi.from_buffer(data, require_writable=writable)
            if size * self._elementsize > ffi.sizeof(data):
                refuse(f"size={size} elements of {self._elementsize} bytes are more than the data's {len(data)} bytes")
        if size < 0:
            size, rest = divmod(ffi.sizeof(data), self._elementsize)
            if rest:
                refuse(f"data of {ffi.sizeof(data)} bytes is no multiple of elementsize={self._elementsize}")
        return _view(data, size * self._elementsize)

    def _write_regions(self, size: int) -> Tuple[int, Any, Any]:
        count = min(size, self.write_available)
        if self._source is not None:
            _busy("an action records into the ring, so nothing can be written to it")
        return (count, *self._regions(self._written, count))

    def _read_regions(self, size: int) -> Tuple[int, Any, Any]:
        self._pull(size)
        if self._sink is not None:
            _busy("an action plays the ring, so nothing can be read from it")
        count = min(size, self._written - self._read)
        return (count, *self._regions(self._read, count))

    def _regions(self, first: int, count: int) -> Tuple[Any, Any]:
        start, length = first % self._size * self._elementsize, max(0, count) * self._elementsize
        end = min(start + length, len(self._bytes))
        return self._bytes[start:end], self._bytes[: length - (end - start)]

    # The action's end.

    def play_by(self, issue: Callable[[Ring], Issued]) -> Issued:
        """Issues an action that plays all that is here, and what is written from now on."""
        with self._lock:
            self._wait(lambda: self._sink is None, "an action plays the ring already")
            ring = Ring(self._size, self._channels())
            self._pushed = self._read
            self._push(ring)
            issued = issue(ring)
            self._sink = ring
            return issued

    def record_by(self, issue: Callable[[Ring], Issued]) -> Issued:
        """Issues an action that records."""
        with self._lock:
            self._wait(lambda: self._source is None or self._drained(), "an action records into the ring already")
            # What was not read yet takes its room.
            ring = Ring(max(1, self._size - (self._written - self._read)), self._channels())
            issued = issue(ring)
            self._source = ring
            return issued

    @property
    def is_linked(self) -> bool:
        """Whether what is recorded is also played."""
        with self._lock:
            self._look()
            return self._sink is not None and self._source is not None

    def exchange(self) -> bool:
        """Plays what was recorded; True when it is not linked any more."""
        with self._lock:
            self._pull(self._size)
            self._push(self._sink)
            return not self.is_linked

    def _channels(self) -> int:
        return self._elementsize // SAMPLE_BYTES

    def _wait(self, free: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _ENDING_S
        self._look()
        while not free():
            if time.monotonic() > deadline:
                _busy(what)
            time.sleep(0.001)
            self._look()

    def _drained(self) -> bool:
        """Moves what an ended recording left to the memory; whether all of it has room there."""
        self._pull(self._size)
        return self._source is None

    def _look(self) -> None:
        """Finds what has been played, and lets go of rings whose actions have ended."""
        if self._sink is not None:
            playing = self._sink.info.usage == "playing"
            self._read = self._pushed - self._sink.read_available
            if not playing:
                self._sink = None
        if self._source is not None:
            recording = self._source.info.usage == "recording"
            if not recording and not self._source.read_available:
                self._source = None

    def _push(self, sink: Optional[Ring]) -> None:
        """Hands to a sink what it has not got yet: all of it, or none and an error."""
        if sink is None or self._pushed == self._written:
            return
        first, second = self._regions(self._pushed, self._written - self._pushed)
        samples = np.concatenate((first, second)) if len(second) else first
        sink.write(np.require(samples.view(np.float32), requirements="A").reshape(-1, self._channels()))
        self._pushed = self._written

    def _pull(self, count: int) -> None:
        """Takes what was recorded to the memory, until that holds `count` elements."""
        self._look()
        missing = min(count, self._size) - (self._written - self._read)
        while self._source is not None and missing > 0:
            samples = self._source.read(missing)
            if not len(samples):
                break
            _copy(self._regions(self._written, len(samples)), samples.reshape(-1).view(np.uint8))
            self._written += len(samples)
            missing -= len(samples)
        self._look()


def _memory(elementsize: int, size: Optional[int], buffer: Any) -> Any:
    if buffer is None:
        if size is None:
            raise TypeError("size is required when buffer parameter is not specified")
        return ffi.new("unsigned char[]", max(0, size) * elementsize)
    if size is not None:
        raise TypeError("exactly one of {size, buffer} is required")
    return buffer if isinstance(buffer, ffi.CData) else ffi.from_buffer(buffer)


def _view(memory: Any, size: int) -> Any:
    """The bytes at a place in memory, which they keep alive."""
    return np.frombuffer(ffi.buffer(memory, size), np.uint8) if size else np.empty(0, np.uint8)


def _buffer(region: Any) -> Any:
    """A part of the memory as the program gets it: it can be written to, and keeps the memory alive."""
    return ffi.buffer(ffi.from_buffer(region))


def _copy(regions: Tuple[Any, Any], data: Any) -> None:
    first, second = regions
    first[:] = data[: len(first)]
    second[:] = data[len(first) : len(first) + len(second)]


def _busy(why: str) -> NoReturn:
    raise errors.RingBusyError(why, lib.SONSET_ERROR_RING_BUSY, "SONSET_ERROR_RING_BUSY")
