"""The stream: where everything is asked for."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Type, Union

import numpy as np

from . import devices as _devices
from . import options as _options
from . import progress, state
from ._library import NULL, check, failure, ffi, lib, numbers, path_bytes, refuse, shown, struct, text_bytes
from .action import Action
from .arguments import direction_number, pick, set_field
from .buffer import _rate, as_samples
from .clock import NS
from .playing import Player
from .recording import Recorder
from .state import Level, StreamInfo, StreamStats, StreamTime

if TYPE_CHECKING:
    import numpy.typing as npt
    from typing_extensions import Literal, Unpack

    from .arguments import Direction, Path
    from .options import GainOptions

_ROLES = numbers("sonset_channel_role")

_monotonic = time.monotonic
_HIGH_LATENCY_S = 0.040


class Batch:
    """Actions that one callback takes together. ``with stream.batch():`` commits it, or discards it on an error."""

    def __init__(self, stream: Stream) -> None:
        number = ffi.new("int64_t *")
        check(lib.sonset_stream_begin_batch(stream._handle_now(), number))
        self._stream = stream
        self.id = int(number[0])

    def commit(self) -> None:
        """Hands all actions over: "now" is one frame for all of them."""
        check(lib.sonset_stream_commit_batch(self._stream._handle_now(), self.id))

    def discard(self) -> None:
        """Gives all actions up; they end as cancelled."""
        check(lib.sonset_stream_discard_batch(self._stream._handle_now(), self.id))

    def __enter__(self) -> Batch:
        if getattr(self._stream._local, "batch", None) is not None:
            self.discard()
            refuse("a batch is open already on this thread: leave it first")
        self._stream._local.batch = self
        self._stream._batches += 1
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._stream._local.batch = None
        self._stream._batches -= 1
        if kind is None:
            self.commit()
        else:
            self.discard()


class Stream(Player, Recorder):
    """A stream to a device.

    It makes no sound before `start`, which ``with`` calls, but takes actions already. Leaving the ``with`` block
    fades everything out and closes the device; call `wait` in it, or give ``wait=True``, to let sounds end first.
    Threads may share a stream. A process that was forked cannot use its parent's streams.

    Parameters
    ----------
    samplerate : int, optional
        Rate in hertz; by default the device's. One that the device lacks is refused, never converted.
    output_channels, input_channels : int, optional
        Channels to open, 0 for none. By default 2 of the output, unless only an input is asked for.
    device : optional
        The device of both directions, as `query_devices` tells of it: its `DeviceInfo`, its number there, its id, or
        a part of its name. ``'virtual'`` is no hardware, with the output wired to the input; ``'manual'`` is driven by
        `process`. By default the system's.
    output_device, input_device : optional
        The same for one direction.
    backend : str, optional
        One of `backends`.
    blocksize : int, optional
        Frames of a block; by default the device's.
    history_frames : int, optional
        Frames of input that are kept, for recordings that start in the past.
    ceiling : float, optional
        Largest magnitude that leaves a channel, above 0 and up to 1.
    fade_ms : float, optional
        Fade of whatever is ended on request, in milliseconds; 0 cuts.
    max_actions : int, optional
        Actions that can be alive at a time; 0 for 1024.
    virtual_latency_frames : int, optional
        Round trip of the virtual device; 0 for one block.
    dither_db : float, optional
        Peak of a faint noise that is sent instead of digital silence, in dB of full scale from -150 to -80, for outputs
        that sleep on zeros; none by default.
    options : dict or str, optional
        Further options of the backend, such as ``{'client_name': 'experiment'}``; see ``sonset_stream_open``.
    strict : bool, optional
        Raises `ProblemError` for whatever is otherwise warned of: late starts, xruns, clipping, and so on.
    wait : bool, optional
        Whether leaving the ``with`` block waits for all actions.

    Attributes
    ----------
    samplerate : int
        Rate in hertz.
    output_channels, input_channels : int
        Channels that are open.
    receipts : Receipts
        The receipts of all actions that have ended, in the order in which they did; the last 100000.

    Examples
    --------
    >>> tone = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(4800) / 48000)
    >>> with sonset.Stream(48000, device="virtual") as stream:
    ...     action = stream.play(tone, at_frame=9600)
    ...     receipt = action.wait()
    >>> receipt.outcome, receipt.start_frame, receipt.done_frames
    ('completed', 9600, 4800)
    """

    def __init__(
        self,
        samplerate: Optional[float] = None,
        output_channels: Optional[int] = None,
        input_channels: Optional[int] = None,
        *,
        device: _devices.Device = None,
        output_device: _devices.Device = None,
        input_device: _devices.Device = None,
        backend: Optional[str] = None,
        blocksize: int = 0,
        history_frames: int = 0,
        ceiling: float = 1.0,
        fade_ms: float = 5.0,
        max_actions: int = 0,
        virtual_latency_frames: int = 0,
        dither_db: Optional[float] = None,
        options: Union[None, str, Mapping[str, Any]] = None,
        strict: bool = False,
        wait: bool = False,
    ) -> None:
        inputs = 0 if input_channels is None else _options.integer("input_channels", input_channels)
        if output_channels is None:
            output_channels = 0 if inputs else 2
        config = ffi.new("sonset_stream_config *")
        output, source = _devices.resolve(
            device if output_device is None else output_device,
            device if input_device is None else input_device,
            backend,
        )
        fields = {
            "backend": _devices.backend_number(output.backend),
            "sample_rate_hz": _rate(samplerate),
            "output_channels": output_channels,
            "input_channels": inputs,
            "block_frames": blocksize,
            "max_actions": max_actions,
            "virtual_latency_frames": virtual_latency_frames,
            "history_frames": history_frames,
            "ceiling": _ceiling(ceiling),
            "fade_ms": _fade(fade_ms),
            "dither_db": 0.0 if dither_db is None else _dither(dither_db),
        }
        for field, value in fields.items():
            set_field(config, field, value, "blocksize" if field == "block_frames" else field)
        handle = ffi.new("sonset_stream **")
        names_of_devices = [
            NULL if chosen.id is None or not channels else ffi.new("char[]", text_bytes("device", chosen.id))
            for chosen, channels in ((output, output_channels), (source, inputs))
        ]
        extra = NULL if options is None else ffi.new("char[]", text_bytes("options", _option_text(options)))
        check(lib.sonset_stream_open(config, *names_of_devices, extra, handle))
        self._own(handle[0], strict, wait)

    def _own(self, handle: Any, strict: bool, wait: bool) -> None:
        info = self._take_over(handle, strict)
        self._wait_at_exit = wait
        self._told_latency = False
        self._summed_up = False
        self._tell_of_device(info)

    # Life.

    def start(self) -> None:
        """Starts it. Frames count on from where they stopped."""
        check(lib.sonset_stream_start(self._handle_now()))
        self._tell_of_latency(self.info)
        self._raise_problem()

    def stop(self) -> None:
        """Fades all sounds out, ends all actions and stops the device. It can be started again."""
        check(lib.sonset_stream_stop(self._handle_now()))
        self._collect()

    def close(self) -> None:
        """Stops it and closes the device for good. Receipts stay readable.

        Says in a warning what problems there were. Nothing happens if it is closed already.
        """
        if not self._destroyer.alive:  # At the end of the program.
            return
        check(lib.sonset_stream_close(self._handle_now()))
        self._collect()
        if not self._summed_up:
            self._summed_up = True
            self._notices.summary(self.stats)

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self.info.state == "closed"

    @property
    def active(self) -> bool:
        """Whether it runs."""
        return self.info.state == "running"

    def wait(self, timeout: Optional[float] = None) -> None:
        """Waits until every action that was issued has ended.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Raises
        ------
        sonset.TimeoutError
            If the time is over first.
        """
        deadline = None if timeout is None else _monotonic() + _options.number("timeout", timeout)
        for number in list(self._alive):
            left = None if deadline is None else max(0.0, deadline - _monotonic())
            Action(self, number)._wait(lib.SONSET_ACTION_ENDED, left, timeout)

    def __enter__(self) -> Stream:
        self.start()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        try:
            if kind is None and self._wait_at_exit:
                self.wait()
        finally:
            self.close()
        if kind is None:
            self._raise_problem()

    # What is known of it.

    @property
    def info(self) -> StreamInfo:
        """What is known of it now."""
        return state.read_info(self._handle_now())

    @property
    def stats(self) -> StreamStats:
        """Counts since it was opened."""
        return state.read_stats(self._handle_now())

    @property
    def problems(self) -> Dict[str, int]:
        """How often each kind of problem was seen so far."""
        self._collect()
        return dict(self._notices.counts)

    def time(self, direction: Direction = "output") -> StreamTime:
        """Where one half of it is.

        Parameters
        ----------
        direction : {'output', 'input'}
            Which half.
        """
        return state.read_time(self._handle_now(), direction_number(direction))

    @property
    def earliest_frame(self) -> int:
        """The first frame that a call made now surely reaches.

        It leaves time for the call: it is two blocks and 5 ms later than `next_frame`, 752 frames with blocks of 256 at
        48 kHz.
        """
        return self.time("output" if self.output_channels else "input").earliest_frame

    @property
    def next_frame(self) -> int:
        """The frame at which a sound starts that is played now, without a time, unless a block begins meanwhile.

        Where each direction has a callback of its own, and in a batch for both, "now" is as late as `earliest_frame`.
        """
        return self.time("output" if self.output_channels else "input").frame

    def frames(self, seconds: float) -> int:
        """How many frames a time is, to the nearest.

        >>> sonset.Stream(48000, device="manual").frames(0.0105)
        504
        """
        return round(_options.finite("seconds", seconds) * self.samplerate)

    def frame_at(
        self,
        *,
        perf_counter: Optional[float] = None,
        unix: Optional[float] = None,
        direction: Direction = "output",
    ) -> int:
        """The frame that is at the converter at a time.

        Parameters
        ----------
        perf_counter, unix : float
            The time in seconds, by one of the clocks.
        direction : {'output', 'input'}
            Which half.
        """
        if (perf_counter is None) == (unix is None):
            refuse("give perf_counter or unix, one of the two")
        clock = lib.SONSET_CLOCK_REALTIME if perf_counter is None else lib.SONSET_CLOCK_MONOTONIC
        ns = _ns("unix", unix) if perf_counter is None else _ns("perf_counter", perf_counter)
        frame = ffi.new("int64_t *")
        check(lib.sonset_stream_frame_at(self._handle_now(), direction_number(direction), clock, ns, frame))
        return int(frame[0])

    def perf_counter_at(self, frame: int, direction: Direction = "output") -> float:
        """The time in seconds at which a frame is at the converter, by the clock of `time.perf_counter`."""
        return self._host_ns_at(frame, direction, lib.SONSET_CLOCK_MONOTONIC) / NS

    def unix_at(self, frame: int, direction: Direction = "output") -> float:
        """The time in seconds since 1970 at which a frame is at the converter."""
        return self._host_ns_at(frame, direction, lib.SONSET_CLOCK_REALTIME) / NS

    def _host_ns_at(self, frame: int, direction: Direction, clock: int) -> int:
        ns, number = ffi.new("int64_t *"), _options.whole("frame", frame, 64)
        check(lib.sonset_stream_host_time_at(self._handle_now(), direction_number(direction), clock, number, ns))
        return int(ns[0])

    def set_latency_bias(self, direction: Direction, seconds: float) -> None:
        """States how much longer the way of a direction is than the backend reports, as it was measured.

        Parameters
        ----------
        direction : {'output', 'input'}
            Which half.
        seconds : float
            May be negative. A cable gives the sum of both directions only.
        """
        ns = _ns("seconds", seconds)
        check(lib.sonset_stream_set_latency_bias(self._handle_now(), direction_number(direction), ns))

    def log_receipts(self, path: Path) -> None:
        """Writes every receipt from now on to a new CSV file, which is whole at any time.

        Parameters
        ----------
        path : path-like
            The file, which must not exist.
        """
        check(lib.sonset_stream_log_receipts(self._handle_now(), path_bytes(path)))

    # Channels and levels.

    def set_channel(
        self,
        channel: int,
        *,
        role: Literal["audio", "trigger"] = "audio",
        ceiling: Optional[float] = None,
        calibration_db_spl: Optional[float] = None,
    ) -> None:
        """Says what an output channel is for. A role or a ceiling changes while nothing plays on a stopped stream.

        Parameters
        ----------
        channel : int
            From 1.
        role : {'audio', 'trigger'}
            A trigger line is left alone by default channels, master gain, ramps, fades and the ceiling.
        ceiling : float, optional
            Largest magnitude that leaves it, above 0 and up to 1; by default the stream's.
        calibration_db_spl : float, optional
            Sound pressure level in dB SPL of a signal whose RMS is 1.
        """
        params = struct("sonset_channel_params")
        params.role = pick("role", role, _ROLES)
        params.ceiling = 0.0 if ceiling is None else _ceiling(ceiling)
        if calibration_db_spl is not None:
            params.calibration_db_spl = _options.finite("calibration_db_spl", calibration_db_spl)
            params.has_calibration = 1
        check(lib.sonset_stream_set_channel(self._handle_now(), _options.whole("channel", channel), params))

    def save_channels(self, path: Path) -> None:
        """Writes roles, ceilings and calibrations to a JSON file, with the id of the device."""
        check(lib.sonset_stream_save_channels(self._handle_now(), path_bytes(path)))

    def load_channels(self, path: Path) -> None:
        """Takes over what such a file says. It must be of this device."""
        check(lib.sonset_stream_load_channels(self._handle_now(), path_bytes(path)))

    def level(self, sound: Any, channel: int = 1, sound_channel: int = 1) -> Level:
        """How loud a channel of a sound is on an output channel, at unity gain.

        Parameters
        ----------
        sound : Buffer or array_like
            The sound.
        channel, sound_channel : int
            Channels of the output and of the sound, from 1.
        """
        buffer = self._buffer(sound)
        channels = _options.whole("channel", channel), _options.whole("sound_channel", sound_channel)
        return state.read_level(self._handle_now(), channels[0], buffer._handle, channels[1])

    @_options.takes(_options.GainOptions)
    def set_gain(self, gain_db: float = 0.0, **options: Unpack[GainOptions]) -> None:
        """Changes the gain of all audio channels.

        Parameters
        ----------
        gain_db : float
            The gain to reach, in decibels; ``-inf`` is silence.
        {options}
        """
        params = _options.GAIN.new({"gain_db": _options.number("gain_db", gain_db), **options}, self.samplerate)
        check(lib.sonset_stream_set_master_gain(self._handle_now(), params))

    # All together.

    def batch(self) -> Batch:
        """Actions that one callback takes together, so that "now" is one frame for all of them.

        Examples
        --------
        >>> with sonset.Stream(48000, 2, 1, device="virtual") as stream:
        ...     with stream.batch():
        ...         sound = stream.play(np.full(480, 0.1))
        ...         recording = stream.record(4800)
        ...     sound.wait().start_frame == recording.wait().start_frame
        True
        """
        return Batch(self)

    def cancel_all(self, fade_frames: int = 0) -> None:
        """Ends every action that was issued so far.

        Parameters
        ----------
        fade_frames : int, optional
            Frames of the fade; 0 takes the stream's (5 ms), -1 cuts.
        """
        check(lib.sonset_stream_cancel_all(self._handle_now(), _options.whole("fade_frames", fade_frames, 64)))

    def process(
        self,
        frames: int,
        data: Any = None,
        *,
        output_host_ns: int = 0,
        input_host_ns: int = 0,
        flags: int = 0,
    ) -> npt.NDArray[np.float32]:
        """Runs one block of a manual stream.

        Parameters
        ----------
        frames : int
            Frames of the block.
        data : array_like, optional
            Its input, of the shape (frames, input_channels), or (frames,) for one channel, converted as for `Buffer`;
            silence by default.
        output_host_ns, input_host_ns : int, optional
            Times of its first frames at the converters in ns, by the clock of `time.perf_counter`; 0 if not known.
        flags : int, optional
            1 for an underflow before it, plus 2 for an overflow.

        Returns
        -------
        numpy.ndarray
            Its output, of the shape (frames, output_channels).
        """
        count = _options.whole("frames", frames)
        if count < 0:
            refuse(f"frames={frames}: a block has none or more")
        shape = count, self.input_channels
        samples = np.zeros(shape, np.float32) if data is None else as_samples(data, self.input_channels)
        if samples.shape != shape:
            refuse(f"the input has the shape {np.shape(data)}, and the block {shape}: (frames, input channels)")
        out = np.zeros((count, self.output_channels), np.float32)
        given = ffi.from_buffer("float[]", samples) if self.input_channels else NULL
        taken = ffi.from_buffer("float[]", out) if self.output_channels else NULL
        times = _options.whole("output_host_ns", output_host_ns, 64), _options.whole("input_host_ns", input_host_ns, 64)
        known = _options.whole("flags", flags) & 0xFFFFFFFF
        code = lib.sonset_stream_process(self._handle_now(), given, taken, count, *times, known)
        if code:
            raise failure(code, f"the block could not be run on a {self.info.state} {self.info.backend} stream")
        return out

    def render(
        self, frames: int, *, blocksize: int = 4096, show_progress: progress.Progress = None
    ) -> npt.NDArray[np.float32]:
        """Runs a manual stream for a number of frames, as fast as it goes, and returns the sound.

        Parameters
        ----------
        frames : int
            How many frames.
        blocksize : int, optional
            Frames of a block.
        show_progress : bool or callable, optional
            A line on the screen, or what is called with (frames done, frames).

        Examples
        --------
        >>> with sonset.Stream(48000, 1, device="manual") as stream:
        ...     _ = stream.play(np.full(100, 0.5), at_frame=1000)
        ...     sound = stream.render(2000)
        >>> np.flatnonzero(sound)[[0, -1]].tolist()
        [1000, 1099]
        """
        if _options.integer("blocksize", blocksize) < 1 or _options.integer("frames", frames) < 0:
            refuse(f"frames={shown(frames)} in blocks of blocksize={shown(blocksize)} cannot be")
        report = progress.reporter("rendering", show_progress)
        blocks = []
        for first in range(0, frames, blocksize):
            blocks.append(self.process(min(blocksize, frames - first)))
            report(min(frames, first + blocksize), frames)
        return np.concatenate(blocks) if blocks else np.zeros((0, self.output_channels), np.float32)

    # Within.

    def _tell_of_device(self, info: StreamInfo) -> None:
        for name in {f"{info.output_name} {info.output_device}", f"{info.input_name} {info.input_device}"}:
            if _devices._BLUETOOTH.search(name):
                what = f"{name.strip()} is a Bluetooth device: its delay is long, and changes"
                self._notices.note("bluetooth", what)

    def _tell_of_latency(self, info: StreamInfo) -> None:
        if self._told_latency or info.latency_warning == "none" or info.backend == "manual":
            return
        self._told_latency = True
        ways = [
            ("output", info.output_latency_frames, info.output_latency_bias_s),
            ("input", info.input_latency_frames, info.input_latency_bias_s),
        ]
        known = ", ".join(
            f"{name} {(frames / self.samplerate + bias) * 1e3:.1f} ms"
            for name, frames, bias in ways
            if frames is not None
        )
        if info.latency_warning == "high":
            self._notices.note("latency", f"the latency is above {_HIGH_LATENCY_S * 1e3:.0f} ms: {known}")
        else:
            self._notices.note("latency", "the latency is not known, so host times lack it: measure it")

    def __repr__(self) -> str:
        info = self.info
        device = info.output_name or info.input_name or info.backend
        channels = f"{info.output_channels} out, {info.input_channels} in"
        return f"<sonset.Stream: {info.state}, {device} ({info.backend}), {info.samplerate} Hz, {channels}>"

    def __reduce__(self) -> Any:
        raise TypeError("a stream belongs to its process and cannot be pickled: open one in each process")


def _ceiling(value: Any) -> float:
    """A ceiling; the library would take 0 for its default."""
    result = _options.number("ceiling", value)
    if result == 0:
        refuse("ceiling is 0, which lets nothing sound: above 0, up to 1")
    return result


def _fade(value: Any) -> float:
    """A fade, with 0 for none, which is -1 to the library."""
    result = _options.number("fade_ms", value)
    if result < 0:
        refuse(f"fade_ms={shown(value)} is negative: 0 is no fade")
    return result or -1.0


def _dither(value: Any) -> float:
    result = _options.number("dither_db", value)
    if result == 0:
        refuse("dither_db is 0, full scale: -150 to -80, or None for none")
    return result


def _ns(name: str, seconds: Any) -> int:
    """A time in nanoseconds."""
    ns = round(_options.finite(name, seconds) * NS)
    if not -(1 << 63) <= ns < 1 << 63:
        refuse(f"{name}={shown(seconds)} is out of range")
    return ns


def _option_text(options: Union[str, Mapping[str, Any]]) -> str:
    if isinstance(options, str):
        return options
    if not isinstance(options, Mapping):
        refuse(f"options={shown(options)} is neither a dict nor a text 'key=value;key=value'")
    parts = []
    for key, value in options.items():
        text = {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
        if ";" in f"{key}{text}" or "=" in str(key):
            refuse(f"options={{{shown(key)}: {shown(value)}}}: keys and values hold no ';', and keys no '='")
        parts.append(f"{key}={text}")
    return ";".join(parts)


__all__ = ["Batch", "Stream"]
