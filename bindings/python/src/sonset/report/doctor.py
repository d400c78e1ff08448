"""What to paste into a forum post."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List

from .. import errors
from ..buffer import Buffer
from ..devices import backends, query_devices
from ..stream import Stream
from .machine import machine

_SERVERS = {
    "PulseAudio": "pulse/native",
    "PipeWire": "pipewire-0",
}


def doctor() -> str:
    """What is known of this machine's sound, without names of its user."""
    lines = ["sonset doctor", ""]
    lines += [f"{name}: {value}" for name, value in machine().items()]
    lines += ["", f"backends: {', '.join(backends())}", *_servers(), "", *repr(query_devices()).splitlines()]
    lines += ["", _default("output"), _default("input"), _self_test()]
    home = str(Path.home())
    return "\n".join(line.replace(home, "~") if len(home) > 1 else line for line in lines)


def _servers() -> List[str]:
    """Servers that have left a socket where such servers do."""
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    seen = [name for name, path in _SERVERS.items() if folder and (Path(folder) / path).exists()]
    if any(Path("/dev/shm").glob("jack_*")) if Path("/dev/shm").is_dir() else False:
        seen.append("JACK")
    return [f"servers seen: {', '.join(seen) or 'none'}"]


def _default(kind: str) -> str:
    try:
        device = query_devices(kind=kind)
        warning = " (Bluetooth: its delay is long, and changes)" if device.is_bluetooth else ""
        return f"default {kind}: {device.name} ({device.backend}){warning}"
    except errors.SonsetError as error:
        return f"default {kind}: none: {error}"


def _self_test() -> str:
    """Whether a sound comes back at its frame on the virtual device, which needs no hardware."""
    try:
        with Stream(48000, 1, 1, device="virtual") as stream:
            frame = stream.earliest_frame + 4800
            recording = stream.record(4800, at_frame=frame, align="round_trip")
            stream.play(Buffer([0.5] * 480), at_frame=frame).wait(10)
            recording.wait(10)
            right = (recording.data[:480, 0] == 0.5).all() and not recording.data[480:].any()
        return f"self-test on the virtual device: {'passed' if right else 'FAILED: the sound came back changed'}"
    except errors.SonsetError as error:
        return f"self-test on the virtual device: FAILED: {error}"
