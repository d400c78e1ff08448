"""Samples on their way between Python and an action."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional, Tuple

import numpy as np

from ._library import Process, check, ffi, lib, names, refuse
from .buffer import _rate, as_samples
from .options import integer, whole

if TYPE_CHECKING:
    import numpy.typing as npt

_RELEASE = lib.sonset_ring_release
_USAGES = names("sonset_ring_usage")


@dataclass(frozen=True)
class RingInfo:
    """What is known of a ring.

    Attributes
    ----------
    usage : {'idle', 'playing', 'recording'}
        What an action does with it.
    readable_frames, writable_frames : int
        Frames that can be read and written now.
    written_frames, read_frames : int
        Frames since it was made or reset, or since its recording began.
    missing_frames : int
        Frames since then that were played as silence, or lost because it was full.
    needed_frame : int or None
        While it plays, the frame of the stream at which the frame that is written next sounds.
    is_finished : bool
        Whether no more will be written.
    """

    usage: str
    readable_frames: int
    writable_frames: int
    written_frames: int
    read_frames: int
    missing_frames: int
    needed_frame: Optional[int]
    is_finished: bool


class RingBuffer:
    """Samples that Python writes while they play, or reads while they are recorded.

    Writing and reading never wait, and do as much as there is room or are frames for.

    Parameters
    ----------
    frames : int
        Room: as many frames as pass in the longest time for which Python may not come to write or read, and two
        blocks of the stream.
    channels : int, optional
        Number of channels.
    samplerate : int, optional
        Rate in hertz; without one the ring fits every stream.

    Examples
    --------
    >>> ring = sonset.RingBuffer(4800)
    >>> ring.write(np.zeros(480))
    480
    >>> ring.write_available
    4320
    """

    _generation = -1
    _handle: Any = None

    def __init__(self, frames: int, channels: int = 1, samplerate: Optional[int] = None) -> None:
        handle = ffi.new("sonset_ring **")
        self.frames = whole("frames", frames, 64)
        self.channels = whole("channels", channels)
        check(lib.sonset_ring_create(self.frames, self.channels, _rate(samplerate), handle))
        self._handle = handle[0]
        self._generation = Process.generation
        self.samplerate = _rate(samplerate)

    def __del__(self) -> None:
        if self._generation == Process.generation:
            _RELEASE(self._handle)

    def write(self, data: Any) -> int:
        """Writes what there is room for.

        Parameters
        ----------
        data : array_like
            Samples, of the shape (frames, channels) or (frames,), converted as for `Buffer`.

        Returns
        -------
        int
            How many frames were written, which may be 0.
        """
        samples = as_samples(data, self.channels)
        if samples.shape[1] != self.channels:
            refuse(f"samples of the shape {samples.shape} do not fit a ring of {self.channels} channels")
        done = ffi.new("int64_t *")
        check(lib.sonset_ring_write(self._handle, ffi.from_buffer("float[]", samples), samples.shape[0], done))
        return int(done[0])

    def read(self, frames: Optional[int] = None) -> npt.NDArray[np.float32]:
        """Reads what there is.

        Parameters
        ----------
        frames : int, optional
            At most so many; by default all.

        Returns
        -------
        numpy.ndarray
            Of the shape (frames, channels), float32; of a length of 0 if there is nothing. It stops before a gap.
        """
        return self.read_at(frames)[1]

    def read_at(self, frames: Optional[int] = None) -> Tuple[int, npt.NDArray[np.float32]]:
        """Reads what there is, and tells where it belongs.

        Returns
        -------
        first_frame : int
            The index of its first frame, counted from the recording's first one, lost ones included.
        samples : numpy.ndarray
            As `read` gives them.
        """
        most = self.read_available if frames is None else max(0, min(self.frames, integer("frames", frames)))
        out = np.empty((most, self.channels), dtype=np.float32)
        first, done = ffi.new("int64_t *"), ffi.new("int64_t *")
        check(lib.sonset_ring_read(self._handle, ffi.from_buffer("float[]", out), most, first, done))
        return int(first[0]), out[: done[0]]

    @property
    def write_available(self) -> int:
        """Frames that can be written now."""
        frames = ffi.new("int64_t *")
        check(lib.sonset_ring_get_write_available(self._handle, frames))
        return int(frames[0])

    @property
    def read_available(self) -> int:
        """Frames that can be read now."""
        frames = ffi.new("int64_t *")
        check(lib.sonset_ring_get_read_available(self._handle, frames))
        return int(frames[0])

    @property
    def info(self) -> RingInfo:
        """All that is known of it."""
        info = ffi.new("sonset_ring_info *")
        check(lib.sonset_ring_get_info(self._handle, info))
        return RingInfo(
            usage=_USAGES[info.usage],
            readable_frames=info.readable_frames,
            writable_frames=info.writable_frames,
            written_frames=info.written_frames,
            read_frames=info.read_frames,
            missing_frames=info.missing_frames,
            needed_frame=info.needed_frame if info.has_needed_frame else None,
            is_finished=bool(info.is_finished),
        )

    def finish(self) -> None:
        """States that no more will be written: what plays it completes when all of it has sounded."""
        check(lib.sonset_ring_finish(self._handle))

    def reset(self) -> None:
        """Makes it as it was when it was created."""
        check(lib.sonset_ring_reset(self._handle))

    def __repr__(self) -> str:
        return f"<sonset.RingBuffer: {self.read_available} of {self.frames} frames, {self.channels} channels>"


__all__ = ["RingBuffer", "RingInfo"]
