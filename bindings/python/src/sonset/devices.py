"""What can be played on and recorded from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple, Union

from . import errors
from ._library import check, ffi, lib, numbers, refuse, struct, text

BACKENDS: Dict[str, int] = {name.replace("_", "-"): value for name, value in numbers("sonset_backend").items()}
"""The numbers of the backends by name."""

BACKEND_NAMES = {value: name for name, value in BACKENDS.items()}
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
    number = BACKENDS.get(str(name).replace("_", "-").lower())
    if number is None:
        refuse(f"backend={name!r} is none of {', '.join(BACKENDS)}")
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
        A snapshot, numbered from 0.

    Examples
    --------
    >>> devices = sonset.query_devices("virtual")
    >>> devices[0].id, devices[0].output_channels > 1
    ('virtual', True)
    """
    if kind is not None:
        return _default(backend, kind)
    found = DeviceList()
    for name in [backend] if backend is not None else [name for name in backends() if name != "manual"]:
        try:
            found += _list(backend_number(name), len(found))
        except errors.SonsetError as error:
            if backend is not None:
                raise
            found.unavailable[str(name)] = error.message
    return found


def _default(backend: Optional[str], kind: str) -> DeviceInfo:
    if kind not in ("output", "input"):
        refuse(f"kind={kind!r} is neither 'output' nor 'input'")
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


def resolve(device: Device, backend: Optional[str]) -> Tuple[Optional[str], Optional[str]]:
    """The backend and the id that a device is meant by.

    A text is an id, or the name of a backend that has one device only, or else a part of a device's name that only
    one device has.
    """
    if device is None:
        return backend, None
    if isinstance(device, DeviceInfo):
        if backend is not None and backend_number(backend) != BACKENDS[device.backend]:
            refuse(f"backend={backend!r} is not that of the device, {device.backend!r}")
        return device.backend, device.id
    if isinstance(device, str) and (device.split(":")[0] in ("virtual", "manual")):
        return device.split(":")[0], device if device.startswith("virtual") else None
    if isinstance(device, str) and backend is not None:
        known = query_devices(backend)
    else:
        known = query_devices()
    chosen = _named(device, known) if isinstance(device, str) else _numbered(device, known)
    return chosen.backend, chosen.id


def _numbered(number: int, known: DeviceList) -> DeviceInfo:
    if isinstance(number, bool) or not 0 <= int(number) < len(known):
        refuse(f"device={number!r} is not the number of one of the {len(known)} devices:\n{known!r}")
    return known[int(number)]


def _named(name: str, known: DeviceList) -> DeviceInfo:
    same = [device for device in known if device.id == name]
    found = same or [device for device in known if name.lower() in device.name.lower()]
    if len(found) == 1 or (same and found):
        return found[0]
    what = "no device is called so" if not found else f"{len(found)} devices are called so"
    raise errors.NoDeviceError(f"device={name!r}: {what}:\n{known!r}", -10, "SONSET_ERROR_NO_DEVICE")


__all__ = ["BACKENDS", "Device", "DeviceInfo", "DeviceList", "backends", "query_devices"]
