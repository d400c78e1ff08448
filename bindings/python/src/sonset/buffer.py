"""Sounds in memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np

from . import files, progress
from ._library import NULL, Process, check, ffi, lib, path_bytes, refuse, shown
from .options import number, whole

if TYPE_CHECKING:
    import numpy.typing as npt

MOST_CHANNELS = 64
"""An array with more columns is taken for one that lies on its side."""

_HANDLE = ffi.typeof("sonset_buffer **")
_SAMPLES = ffi.typeof("float[]")
_INFO = ffi.typeof("sonset_buffer_info *")
_INFO_DEFAULTS = {"struct_size": ffi.sizeof("sonset_buffer_info")}
_WRAP = lib.sonset_buffer_wrap
_RELEASE = lib.sonset_buffer_release


def as_samples(data: Any, channels: int = 0) -> npt.NDArray[np.float32]:
    """An array of float32 samples, C-contiguous, of the shape (frames, channels).

    One that is so already is given back as it is, without a copy. Integers are scaled by the range of their type, so
    that full scale is 1 (the middle of an unsigned one is silence); other floats are rounded to float32. `channels` is
    how many there must be, where that is known.

    Raises
    ------
    InvalidArgumentError
        For a wrong shape, a type that is no number, raw bytes, or 64-bit integers that are clearly no samples.
    """
    most = max(MOST_CHANNELS, channels)
    array = data if type(data) is np.ndarray else _as_array(data)
    if array.dtype == np.float32 and array.ndim == 2 and array.flags.c_contiguous and array.shape[1] <= most:
        return array
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    if array.ndim != 2:
        refuse(f"a sound has the shape (frames, channels) or (frames,), not {array.shape}")
    if array.shape[1] > most:
        refuse(
            f"a sound has the shape (frames, channels), so one of {array.shape} would have {array.shape[1]} channels: "
            "did you mean x.T?"
        )
    if array.dtype.kind in "iu":
        array = _scaled(array)
    elif array.dtype.kind != "f":
        refuse(f"samples are floats or integers, not {array.dtype}")
    # What float32 cannot hold becomes infinite, and is refused as that.
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32)


def _as_array(data: Any) -> Any:
    """An array of whatever else samples come in."""
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        refuse("a masked array says of some samples that they do not count: fill them first, with filled(0)")
    if not isinstance(data, (np.ndarray, list, tuple)) and _is_raw(data):
        refuse(
            f"{shown(data)} are bytes, which do not say what samples they hold: "
            "give numpy.frombuffer(data, dtype), with the dtype that they have"
        )
    try:
        return np.asarray(data)
    except (TypeError, ValueError) as error:
        refuse(f"{shown(data)} is no array: {error}")


def _is_raw(data: Any) -> bool:
    try:
        return memoryview(data).format.lstrip("@=<>!") in ("B", "b", "c")
    except TypeError:
        return False


def _scaled(array: Any) -> Any:
    kind = np.iinfo(array.dtype)
    half = 2.0 ** (kind.bits - 1)
    middle = half if kind.min == 0 else 0.0
    scaled = (array.astype(np.float64) - middle) / half
    if kind.bits == 64 and array.size and np.any(array != 0) and np.abs(scaled).max() < 2.0**-30:
        refuse(
            f"{array.dtype} samples are scaled by 2**63, which leaves nothing of values like these "
            f"(at most {np.abs(array).max()}): convert them first, with astype(numpy.float32) or astype(numpy.int16)"
        )
    return scaled


class Buffer:
    """A sound in memory, to be played as often as you like, by any stream.

    An array of float32, C-contiguous, is used where it is, without a copy: do not change it while it plays. Other
    arrays are converted. It lives as long as anything needs it: there is nothing to close.

    Parameters
    ----------
    data : array_like
        Samples, of the shape (frames, channels) or (frames,). Floats lie between -1 and 1; integers are scaled by the
        range of their type.
    samplerate : int, optional
        Rate in hertz; without one the buffer fits every stream.
    allow_over : bool, optional
        Accepts floats beyond 1. How loud they come out is then a matter of the gain.

    Attributes
    ----------
    frames, channels : int
        Its shape.
    samplerate : int
        Rate in hertz; 0 if none was given.
    peak : float
        Largest magnitude.

    Examples
    --------
    >>> t = np.arange(4800) / 48000
    >>> tone = sonset.Buffer(0.5 * np.sin(2 * np.pi * 1000 * t), samplerate=48000)
    >>> tone
    <sonset.Buffer: 4800 frames, 1 channel, 48000 Hz, peak 0.5>
    """

    _handle: Any = NULL
    _generation = -1

    def __init__(self, data: Any, samplerate: Optional[int] = None, *, allow_over: bool = False) -> None:
        samples = as_samples(data)
        frames, channels = samples.shape
        rate = _rate(samplerate)
        handle = ffi.new(_HANDLE)
        check(_WRAP(ffi.from_buffer(_SAMPLES, samples), frames, channels, rate, NULL, NULL, handle))
        self._own(handle[0], samples, frames, channels, rate)
        if not allow_over and self.peak > 1.0:
            refuse(_over(samples))

    def _own(
        self, handle: Any, samples: Optional[npt.NDArray[np.float32]], frames: int, channels: int, samplerate: int
    ) -> None:
        self._generation = Process.generation
        self._handle = handle
        self._samples = samples
        self.frames = frames
        self.channels = channels
        self.samplerate = samplerate

    @classmethod
    def _adopt(cls, handle: Any) -> Buffer:
        buffer = cls.__new__(cls)
        info = _info(handle)
        buffer._own(handle, None, info.frames, info.channels, info.sample_rate_hz)
        return buffer

    def __del__(self) -> None:
        if self._generation == Process.generation:
            _RELEASE(self._handle)

    @classmethod
    def empty(cls, frames: int, channels: int = 1, samplerate: Optional[int] = None) -> Buffer:
        """A buffer of silence, to be recorded into.

        Parameters
        ----------
        frames, channels : int
            Its shape.
        samplerate : int, optional
            Rate in hertz; without one it fits every stream.
        """
        handle = ffi.new(_HANDLE)
        shape = whole("frames", frames, 64), whole("channels", channels)
        check(lib.sonset_buffer_create(NULL, *shape, _rate(samplerate), handle))
        return cls._adopt(handle[0])

    @classmethod
    def from_file(
        cls,
        path: Union[str, os.PathLike[str]],
        samplerate: Optional[int] = None,
        *,
        track: int = 0,
        show_progress: progress.Progress = None,
    ) -> Buffer:
        """Reads a sound file, or the sound track of a film.

        What encoders put in front is removed: frame 0 is what is heard at time 0. Where the file does not tell how much
        that is (`onset_uncertain`), there is an `UncertainOnsetWarning`.

        Parameters
        ----------
        path : path-like
            WAV, AIFF, FLAC, Ogg, MP3, MP4, MKV and others; what it is, is found from its content.
        samplerate : int, optional
            The rate in hertz to convert it to, 8000 to 384000; by default that of the file.
        track : int, optional
            Number of the audio track, from 1; 0 is its default one.
        show_progress : bool or callable, optional
            Shows that it is at work, or is called with (seconds since it began, None) now and then.

        Raises
        ------
        FileNotFoundError
            If it is not there.
        FileFormatError
            If it is damaged or of a kind that is not read; the message names the command that converts it.
        """
        handle = ffi.new(_HANDLE)
        arguments = path_bytes(path), _rate(samplerate), whole("track", track), handle
        code = progress.while_working(f"reading {path!s}", show_progress, lib.sonset_buffer_load_file_at, *arguments)
        check(code)
        buffer = cls._adopt(handle[0])
        if buffer.onset_uncertain:
            files.warn_of_onset(path)
        return buffer

    def resample(self, samplerate: int, *, show_progress: progress.Progress = None) -> Buffer:
        """The same sound at another rate; an onset stays where it is to a hundredth of a frame.

        Parameters
        ----------
        samplerate : int
            The new rate in hertz, 8000 to 384000.
        show_progress : bool or callable, optional
            As in `from_file`.
        """
        handle = ffi.new(_HANDLE)
        arguments = self._handle, _rate(samplerate), handle
        check(progress.while_working("resampling", show_progress, lib.sonset_buffer_resample, *arguments))
        return Buffer._adopt(handle[0])

    def mix(self, matrix: Any) -> Buffer:
        """A buffer whose channels are sums of this one's.

        Parameters
        ----------
        matrix : array_like or 'itu_stereo'
            A row of gains for each channel of the result, with one for each channel of this buffer; or the stereo
            down-mix of 5.1 by Recommendation ITU-R BS.775.
        """
        handle = ffi.new(_HANDLE)
        if isinstance(matrix, str):
            if matrix != "itu_stereo":
                refuse(f"matrix={shown(matrix)} is neither an array nor 'itu_stereo'")
            check(lib.sonset_buffer_mix_itu_stereo(self._handle, handle))
            return Buffer._adopt(handle[0])
        given = np.asarray(_as_array(matrix))
        if given.dtype.kind not in "fiu":
            refuse(f"the matrix holds numbers, not {given.dtype}")
        gains = np.ascontiguousarray(given, dtype=np.float32)
        if gains.ndim != 2 or gains.shape[1] != self.channels:
            refuse(f"the matrix has the shape {gains.shape}, not (new channels, {self.channels})")
        check(lib.sonset_buffer_mix(self._handle, ffi.from_buffer("float[]", gains), gains.shape[0], handle))
        return Buffer._adopt(handle[0])

    def save(self, path: Union[str, os.PathLike[str]], samplerate: Optional[int] = None) -> None:
        """Writes a WAV file of float32, which keeps every bit. One that exists is replaced.

        Parameters
        ----------
        path : path-like
            The file.
        samplerate : int, optional
            Rate in hertz, for a buffer without one.
        """
        check(lib.sonset_buffer_save_file(self._handle, path_bytes(path), _rate(samplerate)))

    def read(self, first_frame: int = 0, frames: Optional[int] = None) -> npt.NDArray[np.float32]:
        """A copy of some frames.

        Parameters
        ----------
        first_frame : int, optional
            The first.
        frames : int, optional
            How many; by default all that can be read, which is what is recorded so far while a recording runs.

        Returns
        -------
        numpy.ndarray
            Of the shape (frames, channels), float32.
        """
        first = whole("first_frame", first_frame, 64)
        count = max(0, self.readable_frames - first) if frames is None else whole("frames", frames, 64)
        if count > self.frames:
            refuse(f"frames={count}: the buffer has {self.frames}")
        out = np.empty((max(0, count), self.channels), dtype=np.float32)
        check(lib.sonset_buffer_read(self._handle, first, count, ffi.from_buffer("float[]", out)))
        return out

    @property
    def array(self) -> npt.NDArray[np.float32]:
        """All samples, of the shape (frames, channels), not to be written to.

        Without a copy if the buffer was made of an array.
        """
        view = self.read() if self._samples is None else self._samples.view()
        view.flags.writeable = False
        return view

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> Any:
        return np.array(self.array, dtype=dtype, copy=True) if copy else np.asarray(self.array, dtype=dtype)

    def __len__(self) -> int:
        return self.frames

    @property
    def peak(self) -> float:
        """Largest magnitude of all samples."""
        return float(_info(self._handle).peak)

    @property
    def readable_frames(self) -> int:
        """Frames that can be read now: all, or those recorded so far."""
        return int(_info(self._handle).readable_frames)

    @property
    def resampled_from(self) -> Optional[int]:
        """The rate in hertz that it was converted from; None if it was not."""
        return _info(self._handle).resampled_from_hz or None

    @property
    def file_rate(self) -> Optional[float]:
        """The exact rate in hertz that its file states, which may be no whole number; None if it comes from no file."""
        return float(_info(self._handle).file_rate_hz) or None

    @property
    def length_from_end_of_file(self) -> bool:
        """Whether its file states no length: it goes up to the end of the file, and nothing tells if that was cut."""
        return bool(_info(self._handle).length_from_end_of_file)

    @property
    def onset_uncertain(self) -> bool:
        """Whether its file does not say how many frames the encoder put in front: the sound may begin late by those."""
        return bool(_info(self._handle).onset_uncertain)

    @property
    def length_uncertain(self) -> bool:
        """Whether its file does not say which frames at the end belong to the sound."""
        return bool(_info(self._handle).length_uncertain)

    @property
    def level_implausible(self) -> bool:
        """Whether it comes from a file and cannot be meant as it is: a sample beyond 8, or white noise near full scale.

        To play it takes ``allow_implausible=True``.
        """
        return bool(_info(self._handle).level_implausible)

    @property
    def duration_s(self) -> Optional[float]:
        """Length in seconds; None without a rate."""
        return self.frames / self.samplerate if self.samplerate else None

    def __repr__(self) -> str:
        rate = f", {self.samplerate} Hz" if self.samplerate else ""
        channels = f"{self.channels} channel{'s' if self.channels != 1 else ''}"
        return f"<sonset.Buffer: {self.frames} frames, {channels}{rate}, peak {self.peak:.4g}>"

    def __reduce__(self) -> Any:
        return _unpickle, (self.read(), self.samplerate or None)


def _unpickle(samples: Any, samplerate: Optional[int]) -> Buffer:
    return Buffer(samples, samplerate, allow_over=True)


def _info(handle: Any) -> Any:
    info = ffi.new(_INFO, _INFO_DEFAULTS)
    check(lib.sonset_buffer_get_info(handle, info))
    return info


def _rate(samplerate: Optional[float]) -> int:
    if samplerate is None:
        return 0
    hertz = number("samplerate", samplerate)
    if not 0 < hertz < 1 << 31 or hertz != int(hertz) or isinstance(samplerate, (bool, np.bool_)):
        refuse(f"samplerate={shown(samplerate)} is no whole number of hertz")
    return int(hertz)


def _over(samples: npt.NDArray[np.float32]) -> str:
    frame, channel = np.unravel_index(int(np.abs(samples).argmax()), samples.shape)
    return (
        f"the sound goes beyond 1: {samples[frame, channel]:.6g} in frame {frame}, column {channel}. Scale it, or give "
        "allow_over=True and play it with a gain"
    )


__all__ = ["Buffer", "as_samples"]
