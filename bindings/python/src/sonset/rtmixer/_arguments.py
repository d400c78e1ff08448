"""The arguments of sounddevice's streams, and what they are to sonset."""

from __future__ import annotations

import math
import operator
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, TypedDict

from .. import devices as _devices
from .. import errors, notices
from .._library import refuse, shown
from ..options import number
from ..stream import Stream
from . import _portaudio

INPUT, OUTPUT, DUPLEX = "input", "output", "duplex"
_LEAST_ACTIONS = 8192


class StreamArguments(TypedDict, total=False):
    """What `Mixer` and the others take; see there."""

    qsize: int
    samplerate: Optional[float]
    blocksize: Optional[int]
    device: Any
    channels: Any
    latency: Any
    extra_settings: Any
    finished_callback: Optional[Callable[[], Any]]
    clip_off: Optional[bool]
    dither_off: Optional[bool]
    never_drop_input: Optional[bool]
    prime_output_buffers_using_stream_callback: Optional[bool]


def open_stream(kind: str, arguments: StreamArguments) -> Stream:
    """Opens what is asked for. What that leaves open is taken from the defaults that the program gave sounddevice."""
    unknown = set(arguments) - set(StreamArguments.__annotations__)
    if unknown:
        raise TypeError(
            f"unknown keyword {shown(sorted(unknown)[0])}; there are {', '.join(StreamArguments.__annotations__)}"
        )
    given: Mapping[str, Any] = arguments
    qsize = operator.index(given.get("qsize", 16))
    if qsize < 1 or qsize & (qsize - 1):
        refuse(f"qsize must be a power of 2, not {qsize}")
    directions = (INPUT, OUTPUT) if kind == DUPLEX else (kind,)
    options: Dict[str, Any] = {}
    counts = {INPUT: 0, OUTPUT: 0}
    for direction in directions:
        device = _portaudio.device(_setting("device", direction, kind, given), direction)
        options[f"{direction}_device"] = device
        channels = _setting("channels", direction, kind, given)
        counts[direction] = most_channels(device, direction) if channels is None else operator.index(channels)
        _check_latency(_setting("latency", direction, kind, given))
    if min(counts[direction] for direction in directions) < 1:
        refuse(f"channels={shown(given.get('channels'))}: a stream has one channel at least")
    options["max_actions"] = max(_LEAST_ACTIONS, qsize)
    options["options"] = _backend_options(given.get("extra_settings"))
    rate = _setting("samplerate", None, kind, given)
    return _open_in_blocks(blocksize(given), rate, counts[OUTPUT], counts[INPUT], **options)


def _open_in_blocks(frames: int, *arguments: Any, **options: Any) -> Stream:
    """Opens a stream with blocks of that size, or else with those of the device: PortAudio would cut these anew."""
    try:
        return Stream(*arguments, blocksize=frames, **options)
    except errors.UnsupportedFormatError:
        if not frames:
            raise
    stream = Stream(*arguments, **options)
    own = stream.info.block_frames
    message = f"blocksize={frames} is not to be had of the device, whose blocks are of {own or 'varying'} frames"
    notices.warn(message, errors.SonsetWarning)
    return stream


def seconds(name: str, value: Any) -> float:
    """A time, or an error that names it."""
    result = number(name, value)
    if math.isinf(result):
        refuse(f"{name}={shown(value)} is not finite")
    return result


def split(value: Any) -> Tuple[Any, Any]:
    """The values for input and output: those of a pair, or one for both."""
    if isinstance(value, (str, bytes, Mapping)):
        return value, value
    try:
        pair = tuple(value)
    except TypeError:
        return value, value
    if len(pair) != 2:
        refuse(f"{shown(value)} is neither a value nor a pair (input, output)")
    return pair


def _setting(name: str, direction: Optional[str], kind: str, given: Mapping[str, Any]) -> Any:
    value = given.get(name)
    if value is None:
        value = _portaudio.chosen_default(name)
        return value if direction is None else split(value)[direction == OUTPUT]
    return split(value)[direction == OUTPUT] if kind == DUPLEX and direction is not None else value


def blocksize(given: Mapping[str, Any]) -> int:
    """The frames of a block that are asked for."""
    return operator.index(_setting("blocksize", None, "", given) or 0)


def most_channels(device: Any, direction: str) -> int:
    """How many channels a device has."""
    if device is None:
        info = _devices.query_devices(kind=direction)
    else:
        chosen = _devices.resolve(device, device, None)[0]
        known = [] if chosen.backend == "manual" else _devices.query_devices(chosen.backend)
        info = next((info for info in known if info.id == chosen.id), known[0] if known else None)
    if info is None:
        return 2
    return int(info.output_channels if direction == OUTPUT else info.input_channels)


def _check_latency(latency: Any) -> None:
    if latency is None or latency in ("low", "high"):
        return
    try:
        known = math.isfinite(latency)
    except TypeError:
        known = False
    if not known:
        refuse(f"latency={shown(latency)} is neither 'low' nor 'high' nor a number of seconds")


def _backend_options(settings: Any) -> Any:
    """Options of a sonset backend; PortAudio's own settings mean nothing to it."""
    if settings is None or isinstance(settings, (str, Mapping)):
        return settings
    if any(part is not None for part in split(settings)):
        notices.warn(f"extra_settings={shown(settings)} are PortAudio's and have no effect", errors.SonsetWarning)
    return None
