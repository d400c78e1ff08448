"""The C library: its functions, its constants by name, and what its failures become."""

from __future__ import annotations

import os
import reprlib
from typing import Any, Dict, NoReturn, Optional

import numpy as np

from . import errors

try:
    from ._native import ffi as _ffi
    from ._native import lib as _lib
except ImportError as error:
    raise ImportError(
        f"the library of sonset is not beside the package ({error}): install it with pip, from a wheel or from "
        "bindings/python of a checkout"
    ) from error

ffi: Any = _ffi
lib: Any = _lib
NULL = ffi.NULL


def text(pointer: Any) -> str:
    """The text of a C string; empty for NULL."""
    return "" if pointer == NULL else str(ffi.string(pointer).decode("utf-8", "replace"))


def failure(code: int, message: Optional[str] = None) -> errors.SonsetError:
    """What a function's result stands for, with the message that its failing left on this thread."""
    name = text(lib.sonset_result_name(code))
    kind = errors.BY_NAME.get(name[len("SONSET_ERROR_") :], errors.SonsetError)
    if message is None:
        message = text(lib.sonset_error_last_message())
    # The library refuses in a fork what the parent made, as a state like any other.
    if Process.generation and kind is errors.InvalidStateError and "is a fork" in message:
        return errors.ForkError(f"{message}, or is started with multiprocessing's 'spawn'", code, name)
    # A value in it may be of any length.
    return kind(message if len(message) <= 2000 else f"{message[:1000]} … {message[-900:]}", code, name)


def check(code: int) -> None:
    """Raises if a function's result is an error."""
    if code:
        raise failure(code)


def refuse(message: str) -> NoReturn:
    """Raises what the library raises for a wrong argument."""
    raise errors.InvalidArgumentError(message, -1, "SONSET_ERROR_INVALID_ARGUMENT")


class _Short(reprlib.Repr):
    """The repr of a value, cut to what a line holds."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = self.maxarray = 4
        self.maxstring = self.maxother = 80

    def repr1(self, x: Any, level: int) -> str:
        if isinstance(x, np.ndarray) and x.ndim > 0:
            return f"<array of the shape {x.shape}, {x.dtype}>"
        if isinstance(x, (bytes, bytearray, memoryview)) and len(x) > self.maxstring:
            return f"<{type(x).__name__} of the length {len(x)}>"
        if isinstance(x, int) and x.bit_length() > 128:
            return f"<int of {x.bit_length()} bits>"
        return super().repr1(x, level)


_short = _Short()


def shown(value: Any) -> str:
    """A value as messages show it: its repr, or of a large one the gist.

    >>> shown(0.5), len(shown("x" * 1000000)), shown(np.zeros((1000, 2)))
    ('0.5', 80, '<array of the shape (1000, 2), float64>')
    """
    return _short.repr(value)


def struct(name: str) -> Any:
    """A struct of the header that is zero but for its size."""
    return ffi.new(f"{name} *", {"struct_size": ffi.sizeof(name)})


def numbers(enumeration: str) -> Dict[str, int]:
    """The values of an enumeration of the header by name, in lower case and without the prefix that they share.

    >>> numbers("sonset_ramp_shape")
    {'raised_cosine': 0, 'linear': 1}
    """
    values = ffi.typeof(enumeration).relements
    whole = os.path.commonprefix(list(values))
    prefix = whole[: whole.rfind("_") + 1]
    return {name[len(prefix) :].lower(): value for name, value in sorted(values.items(), key=lambda item: item[1])}


def names(enumeration: str) -> Dict[int, str]:
    """The names of an enumeration's values: the inverse of `numbers`."""
    return {value: name for name, value in numbers(enumeration).items()}


def text_bytes(field: str, value: Any) -> bytes:
    """A text as the library takes it."""
    if not isinstance(value, str):
        refuse(f"{field}={shown(value)} is no text")
    try:
        encoded = value.encode("utf-8")
    except UnicodeEncodeError as error:
        refuse(f"{field}={shown(value)} is no Unicode text: {error.reason}")
    if b"\0" in encoded:
        refuse(f"{field}={shown(value)} holds a NUL")
    return encoded


def path_bytes(path: Any) -> bytes:
    """A path as the library takes it: on Unix the bytes that name the file, whatever they are."""
    try:
        name = os.fsencode(path)
    except (TypeError, UnicodeEncodeError) as error:
        refuse(f"path={shown(path)} is no path of a file: {error}")
    if not name or b"\0" in name:
        refuse(f"path={shown(path)} is empty" if not name else f"path={shown(path)} holds a NUL")
    return name


class Process:
    """Which process this is: a fork counts on. What an earlier one made is not released in a later one."""

    generation = 0

    @classmethod
    def forked(cls) -> None:
        cls.generation += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Process.forked)

VERSION = text(lib.sonset_version_string())
