"""Sound files before they are read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Optional, Union

from . import errors, notices
from ._library import check, ffi, lib, path_bytes
from .options import whole

_INFO = ffi.typeof("sonset_file_info *")


@dataclass(frozen=True)
class FileInfo:
    """What is known of an audio track of a file before it is read.

    Attributes
    ----------
    samplerate : int
        Rate in whole hertz.
    file_rate : float
        The exact rate in hertz, which may be no whole number.
    channels : int
        Number of channels.
    frames : int or None
        Number of frames; None where only reading the file tells it.
    track, track_count : int
        Number of the track among the audio tracks, from 1, and how many there are.
    onset_uncertain : bool
        Whether the file does not say how many frames the encoder put in front: the sound may begin late by those.
    length_uncertain : bool
        Whether the file does not say which frames at the end belong to the sound.
    length_from_end_of_file : bool
        Whether the file states no length: it goes up to its end, and nothing tells if that was cut.
    """

    samplerate: int
    file_rate: float
    channels: int
    frames: Optional[int]
    track: int
    track_count: int
    onset_uncertain: bool
    length_uncertain: bool
    length_from_end_of_file: bool


def file_info(path: Union[str, os.PathLike[str]], track: int = 0) -> FileInfo:
    """Tells what is known of a sound file, or of the sound track of a film, before it is read.

    Parameters
    ----------
    path : path-like
        The file; see `Buffer.from_file`.
    track : int, optional
        Number of the audio track, from 1; 0 is its default one.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    FileFormatError
        If it is damaged or of a kind that is not read.
    """
    c = ffi.new(_INFO, {"struct_size": ffi.sizeof("sonset_file_info")})
    check(lib.sonset_file_get_info(path_bytes(path), whole("track", track), c))
    return FileInfo(
        samplerate=c.sample_rate_hz,
        file_rate=c.file_rate_hz,
        channels=c.channels,
        frames=None if c.frames < 0 else c.frames,
        track=c.track,
        track_count=c.track_count,
        onset_uncertain=bool(c.onset_uncertain),
        length_uncertain=bool(c.length_uncertain),
        length_from_end_of_file=bool(c.length_from_end_of_file),
    )


def warn_of_onset(path: Union[str, os.PathLike[str]]) -> None:
    """Warns that where the sound of a file begins is not certain."""
    notices.warn(
        f"{os.fsdecode(path)!r} does not tell where its sound begins: it may be late by the delay of its encoder, "
        "often 1024 or 1105 frames; WAV, FLAC, Ogg Vorbis and tagged MP3 tell it",
        errors.UncertainOnsetWarning,
    )


def warn_if_uncertain(path: Union[str, os.PathLike[str]], track: int) -> None:
    """Warns of an uncertain onset in a file that is there and no pipe."""
    c = ffi.new(_INFO, {"struct_size": ffi.sizeof("sonset_file_info")})
    if lib.sonset_file_get_info(path_bytes(path), track, c) == 0 and c.onset_uncertain:
        warn_of_onset(path)


__all__ = ["FileInfo", "file_info"]
