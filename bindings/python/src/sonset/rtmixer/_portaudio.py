"""The devices and the defaults of sounddevice, for programs that use it beside this module.

sounddevice counts the devices of PortAudio, in an order of its own: a number of its list says nothing of any other.
"""

from __future__ import annotations

import operator
import re
import sys
from typing import Any, List, Optional

from .. import devices as _devices
from .. import errors
from .._library import refuse, shown

_BACKENDS = {
    "ALSA": "alsa",
    "JACK Audio Connection Kit": "jack",
    "PulseAudio": "pulseaudio",
    "Windows WASAPI": "wasapi",
    "ASIO": "asio",
    "Core Audio": "coreaudio",
}
"""The backend that reaches the same devices as a host API of PortAudio."""

_CARDS = "/proc/asound/cards"
_INSTEAD = "give the id or a part of the name of one of sonset.query_devices()"


def imported() -> Any:
    """The module, if the program has imported it."""
    return sys.modules.get("sounddevice")


def chosen_default(name: str) -> Any:
    """What the program has set among ``sounddevice.default``. What it has not, PortAudio would choose: None then."""
    value = getattr(getattr(imported(), "default", None), name, None)
    # What is read from a pair is filled in by PortAudio; what was set is beside it.
    return getattr(value, "_pair", value)


def device(given: Any, direction: str) -> Any:
    """The device that a program means: its numbers are those of sounddevice."""
    if given is None or isinstance(given, _devices.DeviceInfo):
        return given
    if isinstance(given, str):
        return _called(given, direction)
    try:
        number = operator.index(given)
    except TypeError:
        refuse(f"device={shown(given)} is no number, id or name of a device")
    if imported() is None or isinstance(given, bool):
        refuse(f"device={shown(given)}: numbers are those of sounddevice, which is not imported; {_INSTEAD}")
    return _numbered(number)


def number_of(backend: str, device_id: str) -> int:
    """The number that sounddevice has for an open device; -1 if it has none."""
    if imported() is None or backend not in _BACKENDS.values():
        return -1
    mine = [info for info in _devices.query_devices(backend) if info.id == device_id]
    theirs = enumerate(imported().query_devices())
    same = (number for number, known in theirs if _backend(known) == backend and _match(number, known, mine))
    return next(same, -1)


def card_id(name: str, cards: str) -> Optional[str]:
    """The id that ALSA has for a device that PortAudio names by the number of its card."""
    place = re.search(r"\(hw:(\d+),(\d+)\)$", name)
    card = place and re.search(rf"^ *{place[1]} \[(\S+) *\]", cards, re.MULTILINE)
    return f"hw:CARD={card[1]},DEV={place[2]}" if place and card else None


def _called(name: str, direction: str) -> Any:
    """A name as sonset knows it, or else as sounddevice does."""
    try:
        _devices.resolve(name, name, None)
    except errors.NoDeviceError:
        if imported() is None:
            raise
        try:
            known = imported().query_devices(name, direction)
        except ValueError:
            known = {}
        if "index" not in known:
            raise
        return _numbered(known["index"])
    return name


def _numbered(number: int) -> _devices.DeviceInfo:
    sounddevice = imported()
    try:
        known = sounddevice.query_devices(number)
    except (ValueError, sounddevice.PortAudioError) as error:
        refuse(f"device={number}: sounddevice has no such device ({error})")
    api = sounddevice.query_hostapis(known["hostapi"])["name"]
    who = f"device={number} is {known['name']!r} of {api!r} in sounddevice's list"
    backend = _backend(known)
    if backend not in _devices.backends():
        refuse(f"{who}, and no backend of sonset is for that; {_INSTEAD}")
    found = _match(number, known, _devices.query_devices(backend))
    if len(found) != 1:
        how_many = f"{len(found)} devices" if found else "no device"
        refuse(f"{who}, and {how_many} of the backend {backend!r} can be that; {_INSTEAD}")
    return found[0]


def _backend(known: Any) -> Optional[str]:
    return _BACKENDS.get(imported().query_hostapis(known["hostapi"])["name"])


def _match(number: int, known: Any, devices: List[_devices.DeviceInfo]) -> List[_devices.DeviceInfo]:
    """Those of sonset's devices that one of sounddevice's is."""
    if _backend(known) == "jack":
        # Its devices are the server's clients; the one with the card's ports is the default one.
        api = imported().query_hostapis(known["hostapi"])
        return devices if number in (api["default_output_device"], api["default_input_device"]) else []
    name = known["name"]
    ids = {name, card_id(name, _cards())}
    return [info for info in devices if info.id in ids] or [info for info in devices if info.name == name]


def _cards() -> str:
    try:
        with open(_CARDS, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
