"""What can go wrong: one tree of exceptions, and one of warnings.

Every exception is a `SonsetError` and carries the library's number, name and message. Those that have a namesake
among Python's own exceptions are of that class too, so that ``except FileNotFoundError`` works as anywhere.
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Dict, Type

if TYPE_CHECKING:
    from .receipt import Receipt


class SonsetError(Exception):
    """Anything that sonset could not do.

    Attributes
    ----------
    code : int
        The library's number, negative (``SONSET_ERROR_...`` of ``sonset.h``).
    name : str
        Its name there, such as ``"SONSET_ERROR_POOL_FULL"``.
    message : str
        What was wrong, with the values.
    """

    code: int = -7
    name: str = "SONSET_ERROR_INTERNAL"

    def __init__(self, message: str = "", code: int | None = None, name: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        if name is not None:
            self.name = name

    def __str__(self) -> str:
        return self.message or self.name


class InvalidArgumentError(SonsetError, ValueError):
    """An argument has a value that cannot be taken."""


class NullPointerError(SonsetError):
    """A pointer was NULL: a defect of this package."""


class InvalidHandleError(SonsetError):
    """The object was released already."""


class InvalidStateError(SonsetError, RuntimeError):
    """The call has no meaning in the state that the object is in."""


class UnsupportedError(SonsetError, NotImplementedError):
    """This version or this backend cannot do it."""


class OutOfMemoryError(SonsetError, MemoryError):
    """Memory or a thread could not be had."""


class InternalError(SonsetError):
    """A defect of sonset itself; please report it with the message."""


class StreamClosedError(SonsetError, RuntimeError):
    """The stream is closed."""


class DeviceError(SonsetError, OSError):
    """The device, its backend or its server is not there or does not do what was asked."""

    def __str__(self) -> str:
        return self.message or self.name


class DeviceLostError(DeviceError):
    """The device of the stream is gone."""


class NoDeviceError(DeviceError):
    """There is no such device, or no default one."""


class BackendUnavailableError(DeviceError):
    """The backend, its library or its server is not there."""


class UnsupportedFormatError(DeviceError, ValueError):
    """The device does not do the rate, the channels or the block size asked for."""


class DeviceFailedError(DeviceError):
    """The device or its server refused or failed."""


class PoolFullError(SonsetError):
    """All actions of the stream are in use (``max_actions``)."""


class ActionError(SonsetError):
    """The action cannot be had or changed."""


class UnknownActionError(ActionError, KeyError):
    """The number is no action of this process."""

    def __str__(self) -> str:
        return self.message or self.name


class OtherStreamError(ActionError, ValueError):
    """The action belongs to another stream."""


class ActionEndedError(ActionError):
    """The action has ended."""


class BatchError(SonsetError):
    """The batch cannot be had or is full."""


class UnknownBatchError(BatchError):
    """The number is no open batch of this stream."""


class BatchFullError(BatchError):
    """The batch holds as many actions as one callback takes (1024)."""


class WouldClipError(SonsetError, ValueError):
    """The sound's peak times its gain exceeds the ceiling of a channel."""


class ImplausibleError(SonsetError, ValueError):
    """A file has a sample beyond 8 times full scale, or is white noise near full scale, as misread bytes are."""


class NonFiniteError(SonsetError, ValueError):
    """A sample is NaN or infinite."""


class RateMismatchError(SonsetError, ValueError):
    """The sound's rate is not the stream's."""


class BufferBusyError(SonsetError):
    """The buffer is being recorded into or saved, or was played and is fixed."""


class TimeRangeError(SonsetError, ValueError):
    """The time is too far away to be meant in that clock."""


class TimeoutError(SonsetError, builtins.TimeoutError):
    """The time-out ran out first."""

    def __str__(self) -> str:
        return self.message or self.name


class NoReceiptError(SonsetError):
    """No receipt is waiting."""


class FileError(SonsetError, OSError):
    """A file is not there, is damaged, or could not be read or written."""

    def __str__(self) -> str:
        return self.message or self.name


class FileMissingError(FileError, FileNotFoundError):
    """The file is not there."""


class FileFormatError(FileError, ValueError):
    """The file is damaged, or of a kind that is not read."""


class FileInputOutputError(FileError):
    """The file could not be read or written."""


class NoClockError(SonsetError):
    """No time stamps tell the time of a frame."""


class RingBusyError(SonsetError):
    """An action plays the ring or records into it."""


class ForkError(InvalidStateError):
    """The stream, buffer or ring was made by the process that this one was forked from, and is of no use here."""


class ProblemError(SonsetError):
    """Something went wrong with a sound, and the stream is strict.

    Attributes
    ----------
    kind : str
        As in `Stream.problems`.
    receipt : Receipt or None
        The receipt in which it shows.
    """

    name = "SONSET_PROBLEM"
    code = -1000

    def __init__(self, message: str, kind: str = "", receipt: Receipt | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.receipt = receipt


BY_NAME: Dict[str, Type[SonsetError]] = {
    "INVALID_ARGUMENT": InvalidArgumentError,
    "NULL_POINTER": NullPointerError,
    "INVALID_HANDLE": InvalidHandleError,
    "INVALID_STATE": InvalidStateError,
    "UNSUPPORTED": UnsupportedError,
    "OUT_OF_MEMORY": OutOfMemoryError,
    "INTERNAL": InternalError,
    "STREAM_CLOSED": StreamClosedError,
    "DEVICE_LOST": DeviceLostError,
    "NO_DEVICE": NoDeviceError,
    "BACKEND_UNAVAILABLE": BackendUnavailableError,
    "UNSUPPORTED_FORMAT": UnsupportedFormatError,
    "DEVICE_FAILED": DeviceFailedError,
    "POOL_FULL": PoolFullError,
    "UNKNOWN_ACTION": UnknownActionError,
    "OTHER_STREAM": OtherStreamError,
    "ACTION_ENDED": ActionEndedError,
    "UNKNOWN_BATCH": UnknownBatchError,
    "BATCH_FULL": BatchFullError,
    "WOULD_CLIP": WouldClipError,
    "NON_FINITE": NonFiniteError,
    "RATE_MISMATCH": RateMismatchError,
    "BUFFER_BUSY": BufferBusyError,
    "TIME_RANGE": TimeRangeError,
    "TIMEOUT": TimeoutError,
    "NO_RECEIPT": NoReceiptError,
    "FILE_NOT_FOUND": FileMissingError,
    "FILE_FORMAT": FileFormatError,
    "FILE_IO": FileInputOutputError,
    "NO_CLOCK": NoClockError,
    "RING_BUSY": RingBusyError,
    "IMPLAUSIBLE": ImplausibleError,
}
"""The exception of each ``SONSET_ERROR_...``."""


class SonsetWarning(UserWarning):
    """Something that a published result should not be built on."""


class LateWarning(SonsetWarning):
    """An action started later than asked, or was dropped for it."""


class XrunWarning(SonsetWarning):
    """The device ran out of samples, or lost some."""


class ClippingWarning(SonsetWarning):
    """The output was limited, or the input is at full scale."""


class MissingFramesWarning(SonsetWarning):
    """A ring or a file did not deliver in time, or a recording lost frames."""


class SilentInputWarning(SonsetWarning):
    """A recording holds nothing but zeros, as from a microphone that the system denies."""


class LoudFloorWarning(SonsetWarning):
    """A voice key measured its floor while there was sound already: an onset may have been missed."""


class DiscontinuityWarning(SonsetWarning):
    """Blocks were lost, or the halves of the stream slipped against each other."""


class OutcomeWarning(SonsetWarning):
    """An action ended in a way that nobody asked for."""


class LatencyWarning(SonsetWarning):
    """The latency is above 40 ms, or unknown."""


class BluetoothWarning(SonsetWarning):
    """The device is a Bluetooth one, whose delay is long and changes."""


class UncertainOnsetWarning(SonsetWarning):
    """A file does not tell where its sound begins: it may be late by the delay of its encoder."""


class SummaryWarning(SonsetWarning):
    """What went wrong while a stream was open."""


__all__ = [name for name, value in list(globals().items()) if isinstance(value, type) and value.__module__ == __name__]
