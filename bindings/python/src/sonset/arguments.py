"""What the methods of a stream are given, as the library takes it."""

from __future__ import annotations

import functools
import os
from operator import index
from typing import TYPE_CHECKING, Any, Iterable, List, Mapping, Union

from . import options as _options
from ._library import NULL, ffi, numbers, refuse, shown
from .ring import RingBuffer

if TYPE_CHECKING:
    from typing_extensions import Literal

    Path = Union[str, os.PathLike[str]]
    Channels = Union[None, int, Iterable[int]]
    Gains = Union[None, float, Iterable[float]]
    Direction = Literal["output", "input"]

_DIRECTIONS = numbers("sonset_direction")


def ring_handle(ring: Any) -> Any:
    """The handle of a ring."""
    if not isinstance(ring, RingBuffer):
        refuse(f"ring={shown(ring)} is no sonset.RingBuffer")
    return ring._handle


def set_field(params: Any, field: str, value: Any, name: str = "") -> None:
    """Sets a field of a struct, or raises an error that names it as the caller knows it."""
    name = name or field
    is_real = _field_kind(ffi.typeof(params), field) in ("double", "float")
    try:
        setattr(params, field, _options.number(name, value) if is_real else _options.integer(name, value))
    except OverflowError:
        refuse(f"{name}={shown(value)} is out of range")


@functools.cache
def _field_kind(pointer: Any, field: str) -> str:
    return str(dict(pointer.item.fields)[field].type.cname)


def pick(field: str, name: Any, known: Mapping[str, int]) -> int:
    if not isinstance(name, str) or name not in known:
        refuse(f"{field}={shown(name)} is none of {', '.join(map(repr, known))}")
    return known[name]


def nonzero(field: str, value: Any) -> float:
    """A number that the library would take for its default if it were 0."""
    result = _options.number(field, value)
    if result == 0:
        refuse(f"{field} is 0, which is silence: give a gain_db of -inf for that")
    return result


def direction_number(name: str) -> int:
    return pick("direction", name, _DIRECTIONS)


def channel_array(channels: Channels) -> tuple[Any, int]:
    if channels is None:
        return NULL, 0
    # The usual kinds first: to ask for a Mapping takes several calls.
    if type(channels) not in (int, tuple, list) and isinstance(channels, (str, bytes, Mapping)):
        refuse(f"channels={shown(channels)} is neither a number nor a sequence of numbers")
    try:
        several = (index(channels),)  # type: ignore[arg-type]
    except TypeError:
        try:
            several = tuple(channels)  # type: ignore[arg-type, assignment]
        except TypeError:
            several = (channels,)  # type: ignore[assignment]
    try:
        whole = tuple(map(index, several))
    except TypeError:
        whole = tuple([_options.integer("channels", channel) for channel in several])
    return _array_of(whole)


@functools.lru_cache(maxsize=256)
def _array_of(channels: tuple[int, ...]) -> tuple[Any, int]:
    """The library only reads it, so that calls for the same channels can share it."""
    if not channels:
        refuse("channels is empty")
    try:
        return ffi.new("int32_t[]", channels), len(channels)
    except OverflowError:
        refuse(f"channels={shown(list(channels))} is out of range")


def gain_array(gains: Gains, count: int, default_count: int) -> tuple[Any, int]:
    if gains is None:
        return NULL, count
    if isinstance(gains, (str, bytes, bytearray, Mapping)):
        refuse(f"gains={shown(gains)} is neither a factor nor a sequence of factors")
    if isinstance(gains, Iterable) and getattr(gains, "ndim", 1) > 0:
        factors: List[float] = [_options.number("gains", gain) for gain in gains]
    else:
        factors = [_options.number("gains", gains)] * (count or default_count)
    if count and len(factors) != count:
        refuse(f"{len(factors)} gains do not fit {count} channels")
    return ffi.new("float[]", factors), len(factors)
