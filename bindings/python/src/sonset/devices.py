"""What can be played on and recorded from."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple, Union

import numpy as np

from . import errors
from ._library import check, ffi, lib, numbers, refuse, shown, struct, text

BACKENDS: Dict[str, int] = {name.replace("_", "-"): value for name, value in numbers("sonset_backend").items()}
"""The numbers of the backends by name."""

BACKEND_NAMES = {value: name for name, value in BACKENDS.items()}
_VIRTUAL = "virtual"
_BY_NAME = "write device='virtual'"
_BLUETOOTH = re.compile(r"blue(tooth|z)|airpods|a2dp|hands-?free|\bbuds\b", re.I)


@dataclass(frozen=True)
class DeviceInfo:
    """A device, as its backend describes it.

    Attributes
    ----------
    index : int
        Its number in the list that `query_devices` gave.
    backend : str
        The backend that has it, such as ``"alsa"``.
    id : str
        What `Stream` takes to open it; the same as long as the device is.
    name : str
        Its name, for people.
    output_channels, input_channels : int
        Most channels; 0 without.
    default_samplerate : int
        The rate in hertz that it runs at unless asked otherwise; 0 if unknown.
    min_samplerate, max_samplerate : int
        Lowest and highest rate in hertz; 0 if unknown.
    is_default_output, is_default_input : bool
        Whether the backend takes it when no device is named.
    """

    index: int
    backend: str
    id: str
    name: str
    output_channels: int
    input_channels: int
    default_samplerate: int
    min_samplerate: int
    max_samplerate: int
    is_default_output: bool
    is_default_input: bool

    @property
    def is_bluetooth(self) -> bool:
        """Whether its name or id says that it is a Bluetooth device."""
        return bool(_BLUETOOTH.search(f"{self.name} {self.id}"))


class DeviceList(List[DeviceInfo]):
    """Devices, which prints as a table.

    Attributes
    ----------
    unavailable : dict
        For each backend that cannot be reached now, the reason.
    """

    def __init__(self, devices: List[DeviceInfo] | None = None) -> None:
        super().__init__(devices or [])
        self.unavailable: Dict[str, str] = {}

    def __repr__(self) -> str:
        lines = [_line(device) for device in self] or ["no devices"]
        lines += [f"  {backend} is not available: {why}" for backend, why in self.unavailable.items()]
        return "\n".join(lines)


def _line(device: DeviceInfo) -> str:
    mark = {(True, True): "*", (True, False): ">", (False, True): "<"}.get(
        (device.is_default_output, device.is_default_input), " "
    )
    rate = f", {device.default_samplerate} Hz" if device.default_samplerate else ""
    channels = f"{device.output_channels} out, {device.input_channels} in"
    return f"{mark} {device.index:3} {device.backend}: {device.name} ({channels}{rate}) id {device.id!r}"


def backends() -> List[str]:
    """The names of the backends of this build, whether or not their servers are there.

    >>> "virtual" in backends()
    True
    """
    count = ffi.new("int32_t *")
    check(lib.sonset_backend_count(count))
    found = []
    for index in range(count[0]):
        backend = ffi.new("int32_t *")
        check(lib.sonset_backend_at(index, backend))
        found.append(BACKEND_NAMES[backend[0]])
    return found


def backend_number(name: Optional[str]) -> int:
    """The number of a backend; that of the default one for None."""
    if name is None:
        return 0
    number = BACKENDS.get(name.replace("_", "-").lower()) if isinstance(name, str) else None
    if number is None:
        refuse(f"backend={shown(name)} is none of {', '.join(BACKENDS)}")
    return number


def query_devices(backend: Optional[str] = None, kind: Optional[str] = None) -> Any:
    """The devices that there are now.

    Parameters
    ----------
    backend : str, optional
        One of `backends`; all of them by default, but for the manual one, which has no devices.
    kind : {'output', 'input'}, optional
        Asks for the default device of a direction instead of the list, of the default backend unless one is named.

    Returns
    -------
    DeviceList or DeviceInfo
        A snapshot, numbered from 0. The virtual device comes last.

    Examples
    --------
    >>> devices = sonset.query_devices("virtual")
    >>> devices[0].id, devices[0].output_channels > 1
    ('virtual', True)
    """
    if kind is not None:
        return _default(backend, kind)
    found = DeviceList()
    for name in [backend] if backend is not None else _searched():
        try:
            found += _list(backend_number(name), len(found))
        except errors.SonsetError as error:
            if backend is not None:
                raise
            found.unavailable[str(name)] = error.message
    return found


def _searched() -> List[str]:
    """The backends that have devices, the virtual one last."""
    return sorted((name for name in backends() if name != "manual"), key=lambda name: name == _VIRTUAL)


def _default(backend: Optional[str], kind: str) -> DeviceInfo:
    if kind not in ("output", "input"):
        refuse(f"kind={shown(kind)} is neither 'output' nor 'input'")
    for device in _list(backend_number(backend), 0):
        if device.is_default_output if kind == "output" else device.is_default_input:
            return device
    raise errors.NoDeviceError(f"there is no default {kind} device", -10, "SONSET_ERROR_NO_DEVICE")


def _list(backend: int, first_index: int) -> List[DeviceInfo]:
    handle = ffi.new("sonset_device_list **")
    check(lib.sonset_device_list_create(backend, handle))
    try:
        count = ffi.new("int32_t *")
        check(lib.sonset_device_list_count(handle[0], count))
        return [_read(handle[0], index, first_index + index) for index in range(count[0])]
    finally:
        lib.sonset_device_list_destroy(handle[0])


def _read(devices: Any, index: int, number: int) -> DeviceInfo:
    info = struct("sonset_device_info")
    check(lib.sonset_device_list_get_info(devices, index, info))
    return DeviceInfo(
        index=number,
        backend=BACKEND_NAMES.get(info.backend, "?"),
        id=text(lib.sonset_device_list_get_id(devices, index)),
        name=text(lib.sonset_device_list_get_name(devices, index)),
        output_channels=info.output_channels,
        input_channels=info.input_channels,
        default_samplerate=info.default_sample_rate_hz,
        min_samplerate=info.min_sample_rate_hz,
        max_samplerate=info.max_sample_rate_hz,
        is_default_output=bool(info.is_default_output),
        is_default_input=bool(info.is_default_input),
    )


Device = Union[None, str, int, DeviceInfo]
"""How a device is named: by its `DeviceInfo`, its number in `query_devices()`, its id, or a part of its name."""


@dataclass(frozen=True)
class Chosen:
    """A device that is meant: its backend and its id, None for the default ones."""

    given: Device
    backend: Optional[str]
    id: Optional[str]


def resolve(output: Device, source: Device, backend: Optional[str]) -> Tuple[Chosen, Chosen]:
    """What the devices of a stream are meant by, which run on one backend.

    A number is that of `query_devices`, of the backend if one is named. A text is an id, ``'virtual'`` or
    ``'manual'``, a device's name, or a part of the name that only one device has. The virtual device has no number,
    and no part of its name means it: what nobody asked for is not to play to nothing.
    """
    number = backend_number(backend)
    named = BACKEND_NAMES[number] if number else None
    chosen = [_choose(device, named) for device in (output, source)]
    taken = {device.backend for device in chosen if device.backend is not None}
    if len(taken) > 1:
        refuse(
            f"output_device={shown(output)} is of the backend {chosen[0].backend!r}, and input_device={shown(source)} "
            f"of {chosen[1].backend!r}: a stream runs on one"
        )
    common = taken.pop() if taken else None
    return Chosen(output, common, chosen[0].id), Chosen(source, common, chosen[1].id)


def _choose(device: Device, backend: Optional[str]) -> Chosen:
    if device is None:
        return Chosen(device, backend, None)
    found = _alone(device) if isinstance(device, str) else None
    if isinstance(device, DeviceInfo):
        found = Chosen(device, device.backend, device.id)
    if found is None:
        known = query_devices(backend)
        info = _named(device, known) if isinstance(device, str) else _numbered(device, known)
        found = Chosen(device, info.backend, info.id)
    if backend not in (None, found.backend):
        refuse(f"device={shown(device)} is of the backend {found.backend!r}, not of backend={backend!r}")
    return found


def _alone(name: str) -> Optional[Chosen]:
    """What is of the backends that have one device, which only its id or its whole name means."""
    if not name.strip():
        refuse(f"device={shown(name)} names no device: give None for the default one")
    if name == "manual":
        return Chosen(name, "manual", None)
    if name == _VIRTUAL or name.startswith(f"{_VIRTUAL}:"):
        return Chosen(name, _VIRTUAL, name)
    return None


def _numbered(number: Any, known: DeviceList) -> DeviceInfo:
    try:
        place = -1 if isinstance(number, (bool, np.bool_)) else operator.index(number)
    except TypeError:
        refuse(f"device={shown(number)} is no DeviceInfo, number, id or name of a device")
    if not 0 <= place < len(known):
        refuse(f"device={shown(number)} is not the number of one of the {len(known)} devices:\n{known!r}")
    if known[place].backend == _VIRTUAL:
        refuse(f"device={shown(number)}: numbers do not mean the virtual device, which has no hardware: {_BY_NAME}")
    return known[place]


def _named(name: str, known: DeviceList) -> DeviceInfo:
    by_id = [device for device in known if device.id == name]
    by_name = [device for device in known if device.name.lower() == name.lower()]
    real = [device for device in known if device.backend != _VIRTUAL]
    found = by_id[:1] or by_name or [device for device in real if name.lower() in device.name.lower()]
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} devices are called so" if found else "no device is called so"
    advice = "" if real else f"\nFor a run without hardware, {_BY_NAME}"
    raise errors.NoDeviceError(f"device={shown(name)}: {what}:\n{known!r}{advice}", -10, "SONSET_ERROR_NO_DEVICE")


__all__ = ["BACKENDS", "Device", "DeviceInfo", "DeviceList", "backends", "query_devices"]
