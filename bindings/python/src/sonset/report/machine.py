"""Where something was measured."""

from __future__ import annotations

import datetime
import hashlib
import os
import platform
import sys
from pathlib import Path
from typing import Any, Dict

import cffi
import numpy as np

from .. import _native
from .._library import VERSION
from ..state import StreamInfo
from ..stream import Stream


def library_hash() -> str:
    """The first 16 digits of the SHA-256 of the library that is loaded."""
    folder = Path(_native.__file__ or "").parent
    files = sorted(file for file in folder.iterdir() if file.suffix in (".so", ".dylib", ".dll"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _line_of(path: str, begin: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith(begin)), "")
    except (OSError, IndexError):
        return ""


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()[0]
    except (OSError, IndexError):
        return ""


def machine() -> Dict[str, Any]:
    """What a reader must know of the computer. What cannot be found out is left out."""
    known = {
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "system": platform.platform(),
        "distribution": _line_of_release(),
        "processor": _line_of("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "governor": _first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "cffi": cffi.__version__,
        "sonset": VERSION,
        "library": library_hash(),
        **_granted(),
    }
    return {name: value for name, value in known.items() if value not in ("", None)}


def _line_of_release() -> str:
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split("=", 1)[1].strip('"') for line in lines if line.startswith("PRETTY_NAME=")), "")


def _granted() -> Dict[str, Any]:
    """How far the system lets a program of this user go."""
    if sys.platform == "win32":
        return {}
    import resource

    def limit(name: str) -> Any:
        number = getattr(resource, name, None)
        if number is None:
            return None
        soft = resource.getrlimit(number)[0]
        return "unlimited" if soft == resource.RLIM_INFINITY else soft

    return {"realtime_priority_limit": limit("RLIMIT_RTPRIO"), "locked_memory_limit": limit("RLIMIT_MEMLOCK")}


def stream_facts(stream: Stream) -> Dict[str, Any]:
    """What a reader must know of the stream."""
    info: StreamInfo = stream.info
    return {
        "backend": info.backend,
        "output_device": info.output_name,
        "input_device": info.input_name,
        "samplerate": info.samplerate,
        "device_samplerate": info.device_samplerate,
        "os_resamples": info.os_resamples,
        "sample_format": info.sample_format,
        "output_channels": info.output_channels,
        "input_channels": info.input_channels,
        "block_frames": info.block_frames,
        "share_mode": info.share_mode,
        "realtime": info.realtime,
        "memory_locked": info.memory_locked,
        "latency_source": info.latency_source,
        "output_latency_frames": info.output_latency_frames,
        "input_latency_frames": info.input_latency_frames,
        "round_trip_frames": info.round_trip_frames,
        "output_latency_bias_s": info.output_latency_bias_s,
        "input_latency_bias_s": info.input_latency_bias_s,
        "output_stamps": info.output_stamps,
        "input_stamps": info.input_stamps,
        "is_virtual": info.is_virtual,
    }
