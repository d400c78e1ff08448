"""Plays and records sound at an exact sample, with a receipt for every action.

>>> import numpy as np, sonset
>>> tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000)
>>> with sonset.Stream(48000, device="virtual") as stream:   # leave out the device for the real one
...     action = stream.play(tone, at_stream_s=1.0, onset_ramp_frames=480)
...     onset = action.wait_started().start_frame
>>> onset
48000

The names that matter: `Stream` plays and records, `Buffer` is a sound, `Action` is what was asked for, and `Receipt`
what came of it. `query_devices` lists devices.
"""

from __future__ import annotations

import importlib
from typing import Any

from . import errors
from ._library import VERSION as __version__
from .action import Action, Detection, Recording
from .bids import receipts_to_bids_events
from .buffer import Buffer
from .clock import Clock
from .devices import DeviceInfo, DeviceList, backends, query_devices
from .errors import *  # noqa: F403
from .files import FileInfo, file_info
from .receipt import Receipt, Receipts
from .ring import RingBuffer, RingInfo
from .state import Level, StreamInfo, StreamStats, StreamTime
from .stream import Batch, Stream

__all__ = [
    "Action",
    "Batch",
    "Buffer",
    "Clock",
    "Detection",
    "DeviceInfo",
    "DeviceList",
    "FileInfo",
    "Level",
    "Receipt",
    "Receipts",
    "Recording",
    "RingBuffer",
    "RingInfo",
    "Stream",
    "StreamInfo",
    "StreamStats",
    "StreamTime",
    "__version__",
    "backends",
    "file_info",
    "query_devices",
    "receipts_to_bids_events",
    *errors.__all__,
]

_ON_DEMAND = ("plot", "report", "rtmixer")


def __getattr__(name: str) -> Any:
    """Imports what few programs need when it is asked for, so that the rest starts fast."""
    if name in _ON_DEMAND:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
