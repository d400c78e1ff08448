"""What the ways of playing and recording have in common: their keywords, and how these reach the library.

Each keyword is a field of a struct of ``sonset.h``, under the same name; only times and policies have names of
their own. The tables below set the fields; the texts go into the docstrings, so that ``help`` is complete.
"""

from __future__ import annotations

import inspect
import math
from operator import index
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, NoReturn, TypedDict, TypeVar

import numpy as np

from ._library import ffi, lib, numbers, refuse, shown, struct
from .clock import NS

if TYPE_CHECKING:
    from typing import Literal

    from .action import Action

    LatePolicy = Literal["play", "skip", "drop"]
    AfterPolicy = Literal["completed", "any_end"]
    RingPolicy = Literal["continue", "end"]


class AtOptions(TypedDict, total=False):
    """When something is to happen. Without any of these it happens now."""

    at_frame: int
    at_stream_s: float
    at_perf_counter: float
    at_unix: float


class StartOptions(AtOptions, total=False):
    """When an action starts, and what becomes of it if it cannot."""

    after: Action
    start_offset_frames: int
    after_policy: AfterPolicy
    late_policy: LatePolicy
    max_late_frames: int
    tag: int


class SoundOptions(StartOptions, total=False):
    """How anything is played."""

    gain_db: float
    stop_frame: int
    frame_count: int
    onset_ramp_frames: int
    offset_ramp_frames: int
    ramp_shape: Literal["raised_cosine", "linear"]
    allow_clip: bool
    allow_implausible: bool
    am_depth: float
    am_frequency_hz: float
    am_phase_cycles: float


class PlayOptions(SoundOptions, total=False):
    """How a sound is played that has a beginning and an end."""

    first_frame: int
    loop_count: int
    loop_first_frame: int
    loop_frames: int


class RingPlayOptions(SoundOptions, total=False):
    """How a ring is played."""

    ring_policy: RingPolicy


class RecordOptions(StartOptions, total=False):
    """How anything is recorded."""

    align: Literal["callback", "round_trip"]


class DetectOptions(StartOptions, total=False):
    """What a voice key takes for a sound."""

    threshold: float
    floor_multiple: float
    floor_frames: int
    floor_limit: float
    high_pass_hz: float
    minimum_frames: int
    gap_frames: int
    hold_off_frames: int
    max_frames: int


class CancelOptions(AtOptions, total=False):
    """When and how an action ends."""

    fade_frames: int


class GainOptions(AtOptions, total=False):
    """When and how a gain changes."""

    ramp_frames: int
    allow_clip: bool


_AT_TEXT = """\
    at_frame : int
        The frame of the stream.
    at_stream_s : float
        The same in seconds since frame 0: frames divided by the sample rate.
    at_perf_counter : float
        The time at the converter in seconds, by the clock of `time.perf_counter`.
    at_unix : float
        The time at the converter in seconds since 1970, by the clock of `time.time`.
"""

_START_TEXT = f"""{_AT_TEXT}\
    after : Action
        The action that it follows: it starts `start_offset_frames` after the other's end, or after the onset
        that the other finds, if that is a voice key.
    start_offset_frames : int
        Frames from there to the start; may be negative.
    after_policy : {{'completed', 'any_end'}}
        Whether it also starts if the other was cancelled or dropped. By default it then fails.
    late_policy : {{'play', 'skip', 'drop'}}
        If it cannot start in time: start late and whole, leave out what was missed, or do not start.
    max_late_frames : int
        Later than this it is dropped; 0 for no limit.
    tag : int
        A number of yours, which comes back in the receipt.
"""

_SOUND_TEXT = f"""{_START_TEXT}\
    gain_db : float
        Gain in decibels.
    frame_count : int
        Frames to play; by default all that there are.
    stop_frame : int
        The frame of the stream from which on it is silent; by default there is none. A sound whose start comes to lie
        there or later, because of an action or a time that decides it, never sounds: its outcome is
        ``'stop_before_start'``, which is warned of.
    onset_ramp_frames, offset_ramp_frames : int
        Frames of the ramps from and to silence.
    ramp_shape : {{'raised_cosine', 'linear'}}
        The course of both.
    allow_clip : bool
        Limits a sound that exceeds the ceiling instead of refusing it.
    allow_implausible : bool
        Plays a file whose level is not that of a sound (`ImplausibleError`).
    am_depth, am_frequency_hz, am_phase_cycles : float
        Sinusoidal amplitude modulation: depth from 0 to 1, frequency, and phase at the start.
"""

_PLAY_TEXT = f"""{_SOUND_TEXT}\
    first_frame : int
        First frame of the sound in the buffer or file.
    loop_count : int
        Extra passes of the loop; -1 for ever.
    loop_first_frame, loop_frames : int
        The part that is repeated; by default the whole sound.
"""

_RECORD_TEXT = f"""{_START_TEXT}\
    align : {{'callback', 'round_trip'}}
        Whether frame 0 is the input frame with the number of the start, or that in which the output frame with
        this number comes back through a wire.
"""

_DETECT_TEXT = f"""{_START_TEXT}\
    threshold : float
        Linear magnitude from which on a frame is loud; 0 for a multiple of the floor.
    floor_multiple : float
        The threshold as a multiple of the floor; 0 for 10, which is 20 dB.
    floor_frames : int
        Frames over which the floor is measured, from the start on; 0 for 200 ms. There must be no sound in them.
    floor_limit : float
        RMS of the floor, high-passed, above which the receipt says that it was no silence; 0 for 0.01, which is
        -40 dB of full scale.
    high_pass_hz : float
        Corner of the high-pass; 0 for 100 Hz, -1 for none.
    minimum_frames : int
        Least duration of a sound; 0 for 10 ms.
    gap_frames : int
        Longest gap within one; 0 for 10 ms.
    hold_off_frames : int
        Silence after which it is over; 0 for 200 ms.
    max_frames : int
        Frames to listen at most; 0 for no limit.
"""

_CANCEL_TEXT = f"""{_AT_TEXT}\
    fade_frames : int
        Frames of the fade; 0 takes the stream's (5 ms), -1 cuts.
"""

_GAIN_TEXT = f"""{_AT_TEXT}\
    ramp_frames : int
        Frames of the straight line there; 0 takes the stream's fade (5 ms), -1 is a step.
    allow_clip : bool
        Limits a sound that gets too loud instead of refusing it.
"""

_TEXTS = {
    AtOptions: _AT_TEXT,
    StartOptions: _START_TEXT,
    SoundOptions: _SOUND_TEXT,
    PlayOptions: _PLAY_TEXT,
    RecordOptions: _RECORD_TEXT,
    DetectOptions: _DETECT_TEXT,
    CancelOptions: _CANCEL_TEXT,
    GainOptions: _GAIN_TEXT,
    RingPlayOptions: _SOUND_TEXT
    + """\
    ring_policy : {'continue', 'end'}
        When the ring runs dry: play silence until more comes, or end.
""",
}

_Function = TypeVar("_Function", bound=Callable[..., Any])


def takes(options: Any) -> Callable[[_Function], _Function]:
    """Writes the keywords of `options` into a method's docstring, at ``{options}``, and into its signature."""

    def document(method: _Function) -> _Function:
        margin = "        "
        text = "".join(
            (margin + line[4:] if line.strip() else line) for line in _TEXTS[options].splitlines(keepends=True)
        )
        method.__doc__ = (method.__doc__ or "").replace(f"{margin}{{options}}\n", text)
        signature = inspect.signature(method)
        parameters = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        keywords = getattr(options, "__annotations__", {})
        parameters += [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in keywords]
        method.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return method

    return document


Setter = Callable[[Any, Any, int], None]

_NO_NUMBERS = (str, bytes, bytearray, memoryview, complex)

_AT_FRAME = lib.SONSET_START_AT_FRAME
_AT_HOST_TIME = lib.SONSET_START_AT_HOST_TIME


def integer(name: str, value: Any) -> int:
    """A whole number, or an error that names it. True is none, though Python counts it among them."""
    if type(value) is int:
        return value
    try:
        whole = index(value)
    except TypeError:
        whole = None
    if whole is None or isinstance(value, (bool, np.bool_)):
        refuse(f"{name}={shown(value)} is no whole number")
    return whole


def whole(name: str, value: Any, bits: int = 32) -> int:
    """A whole number that a field of so many bits holds."""
    result = integer(name, value)
    if not -(1 << (bits - 1)) <= result < 1 << (bits - 1):
        refuse(f"{name}={shown(value)} is out of range")
    return result


def number(name: str, value: Any) -> float:
    """A number that is not NaN, or an error that names it. A text is none, whatever it says."""
    try:
        plain = type(value) is float
        is_none = not plain and (isinstance(value, _NO_NUMBERS) or getattr(value, "ndim", 0) > 0)
        result = None if is_none else float(value)
    except (TypeError, ValueError, OverflowError):
        result = None
    if result is None:
        refuse(f"{name}={shown(value)} is no number")
    if math.isnan(result):
        refuse(f"{name} is NaN")
    return result


def finite(name: str, value: Any) -> float:
    """A number that is neither NaN nor infinite."""
    result = number(name, value)
    if math.isinf(result):
        refuse(f"{name}={shown(value)} is not finite")
    return result


def flag(name: str, value: Any) -> int:
    """Yes or no: texts and other things that Python takes for yes are an error."""
    if value is True:
        return 1
    if not isinstance(value, (bool, np.bool_)) and not (isinstance(value, (int, np.integer)) and value in (0, 1)):
        refuse(f"{name}={shown(value)} is neither True nor False")
    return int(value)


def _store(params: Any, field: str, name: str, value: Any) -> None:
    try:
        setattr(params, field, value)
    except OverflowError:
        refuse(f"{name}={shown(value)} is out of range")


def _whole(field: str) -> Setter:
    return lambda params, value, rate: _store(params, field, field, integer(field, value))


def _real(field: str) -> Setter:
    return lambda params, value, rate: _store(params, field, field, number(field, value))


def _flag(field: str) -> Setter:
    return lambda params, value, rate: _store(params, field, field, flag(field, value))


def _choice(field: str, enumeration: str) -> Setter:
    known = numbers(enumeration)

    def set_choice(params: Any, value: Any, rate: int) -> None:
        if not isinstance(value, str) or value not in known:
            refuse(f"{field}={shown(value)} is none of {', '.join(map(repr, known))}")
        setattr(params, field, known[value])

    return set_choice


def _at(mode: str, frame: str, clock: str, host_ns: str) -> Dict[str, Setter]:
    """The setters of the four ways to name a time, for structs that call its fields so."""

    def refuse_second(name: str) -> NoReturn:
        refuse(f"{name} is given beside another start: name one time only")

    def at_frame(params: Any, value: Any, rate: int) -> None:
        if getattr(params, mode):
            refuse_second("at_frame")
        setattr(params, mode, _AT_FRAME)
        try:
            setattr(params, frame, index(value))
        except (TypeError, OverflowError):
            _store(params, frame, "at_frame", integer("at_frame", value))

    def at_stream_s(params: Any, value: Any, rate: int) -> None:
        if getattr(params, mode):
            refuse_second("at_stream_s")
        setattr(params, mode, _AT_FRAME)
        _store(params, frame, "at_stream_s", round(finite("at_stream_s", value) * rate))

    def at_clock(name: str, number_of_clock: int) -> Setter:
        def set_time(params: Any, value: Any, rate: int) -> None:
            if getattr(params, mode):
                refuse_second(name)
            setattr(params, mode, _AT_HOST_TIME)
            setattr(params, clock, number_of_clock)
            seconds = value if type(value) is float else number(name, value)
            try:
                setattr(params, host_ns, round(seconds * NS))
            except (ValueError, OverflowError):
                refuse(f"{name}={shown(value)} is no time in seconds")

        return set_time

    return {
        "at_frame": at_frame,
        "at_stream_s": at_stream_s,
        "at_perf_counter": at_clock("at_perf_counter", lib.SONSET_CLOCK_MONOTONIC),
        "at_unix": at_clock("at_unix", lib.SONSET_CLOCK_REALTIME),
    }


def _after(params: Any, value: Any, rate: int) -> None:
    if params.start_mode != 0:
        refuse("after is given beside another start: name one time only")
    params.start_mode = lib.SONSET_START_AFTER_ACTION
    params.after_action = integer("after", getattr(value, "id", value))


def _stop_frame(params: Any, value: Any, rate: int) -> None:
    if integer("stop_frame", value) == 0:
        refuse("stop_frame=0 is the first frame of the stream, before which nothing sounds: None is for no stop")
    _store(params, "stop_frame", "stop_frame", integer("stop_frame", value))


def _frame_count(params: Any, value: Any, rate: int) -> None:
    params.has_frame_count = 1
    _store(params, "frame_count", "frame_count", integer("frame_count", value))


_START: Dict[str, Setter] = {
    **_at("start_mode", "start_frame", "start_clock", "start_host_ns"),
    "after": _after,
    "start_offset_frames": _whole("start_offset_frames"),
    "after_policy": _choice("after_policy", "sonset_after_policy"),
    "late_policy": _choice("late_policy", "sonset_late_policy"),
    "max_late_frames": _whole("max_late_frames"),
    "tag": _whole("tag"),
}

_WHEN = _at("mode", "frame", "clock", "host_ns")

_PLAY_FIELDS: Dict[str, Setter] = {
    **_START,
    "gain_db": _real("gain_db"),
    "stop_frame": _stop_frame,
    "frame_count": _frame_count,
    "onset_ramp_frames": _whole("onset_ramp_frames"),
    "offset_ramp_frames": _whole("offset_ramp_frames"),
    "ramp_shape": _choice("ramp_shape", "sonset_ramp_shape"),
    "allow_clip": _flag("allow_clip"),
    "allow_implausible": _flag("allow_implausible"),
    "am_depth": _real("am_depth"),
    "am_frequency_hz": _real("am_frequency_hz"),
    "am_phase_cycles": _real("am_phase_cycles"),
    "first_frame": _whole("first_frame"),
    "loop_count": _whole("loop_count"),
    "loop_first_frame": _whole("loop_first_frame"),
    "loop_frames": _whole("loop_frames"),
    "ring_policy": _choice("ring_policy", "sonset_ring_policy"),
}

_RECORD_FIELDS: Dict[str, Setter] = {
    **_START,
    "align": _choice("align", "sonset_align"),
    "max_frames": _whole("max_frames"),
    "ring_policy": _choice("ring_policy", "sonset_ring_policy"),
}

_DETECT_FIELDS: Dict[str, Setter] = {
    **_START,
    "threshold": _real("threshold"),
    "floor_multiple": _real("floor_multiple"),
    "floor_frames": _whole("floor_frames"),
    "floor_limit": _real("floor_limit"),
    "high_pass_hz": _real("high_pass_hz"),
    "minimum_frames": _whole("minimum_frames"),
    "gap_frames": _whole("gap_frames"),
    "hold_off_frames": _whole("hold_off_frames"),
    "max_frames": _whole("max_frames"),
}

_CANCEL_FIELDS: Dict[str, Setter] = {**_WHEN, "fade_frames": _whole("fade_frames")}
_GAIN_FIELDS: Dict[str, Setter] = {
    **_WHEN,
    "gain_db": _real("gain_db"),
    "ramp_frames": _whole("ramp_frames"),
    "allow_clip": _flag("allow_clip"),
}
_SEEK_FIELDS: Dict[str, Setter] = {
    **_WHEN,
    "fade_frames": _whole("fade_frames"),
    "position_frame": _whole("position_frame"),
}


class Params:
    """A struct of ``sonset.h`` and the setters of its fields."""

    def __init__(self, name: str, fields: Mapping[str, Setter]) -> None:
        self.kind = ffi.typeof(f"{name} *")
        self.fields = fields
        self._owner = struct(name)
        self.defaults = self._owner[0]

    def new(self, options: Mapping[str, Any], rate: int) -> Any:
        """A struct that is zero but for what `options` says. None stands for a default."""
        params = _new(self.kind, self.defaults)
        for name, value in options.items():
            if value is not None:
                setter = self.fields.get(name)
                if setter is None:
                    raise TypeError(f"unknown keyword {shown(name)}; there are {', '.join(self.fields)}")
                setter(params, value, rate)
        return params


_new = ffi.new

PLAY = Params("sonset_play_params", _PLAY_FIELDS)
RECORD = Params("sonset_record_params", _RECORD_FIELDS)
DETECT = Params("sonset_detect_params", _DETECT_FIELDS)
CANCEL = Params("sonset_cancel_params", _CANCEL_FIELDS)
GAIN = Params("sonset_gain_params", _GAIN_FIELDS)
PAUSE = Params("sonset_pause_params", _CANCEL_FIELDS)
RESCHEDULE = Params("sonset_reschedule_params", _WHEN)
SEEK = Params("sonset_seek_params", _SEEK_FIELDS)
