"""The stream: where everything is asked for."""

from __future__ import annotations

import functools
import os
import threading
import time
import weakref
from operator import index
from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, Optional, Type, Union

import numpy as np

from . import devices as _devices
from . import errors, notices, progress, state
from . import options as _options
from ._library import NULL, Process, check, failure, ffi, lib, numbers, path_bytes, refuse
from .action import Action, Detection, Recording
from .buffer import Buffer, _rate
from .clock import NS
from .receipt import Receipts, new_receipt
from .ring import RingBuffer
from .state import Level, StreamInfo, StreamStats, StreamTime

if TYPE_CHECKING:
    import numpy.typing as npt
    from typing_extensions import Literal, Unpack

    from .options import (
        DetectOptions,
        GainOptions,
        PlayOptions,
        RecordOptions,
        RingPlayOptions,
        SoundOptions,
    )

    Path = Union[str, os.PathLike[str]]
    Channels = Union[None, int, Iterable[int]]
    Gains = Union[None, float, Iterable[float]]
    Direction = Literal["output", "input"]

_DIRECTIONS = numbers("sonset_direction")
_FORMATS = numbers("sonset_sample_format")
_WAVEFORMS = numbers("sonset_waveform")
_SPECTRA = numbers("sonset_noise_spectrum")
_DISTRIBUTIONS = numbers("sonset_noise_distribution")
_CODES = numbers("sonset_pulse_code")
_ROLES = numbers("sonset_channel_role")

# How often receipts are taken where nothing is waited for: each action would make it the dearest part of a call.
_COLLECT_EVERY = 64
_COLLECT_S = 0.05

_new = ffi.new
_monotonic = time.monotonic
_NUMBER = ffi.typeof("int64_t *")
_PLAY = _options.PLAY
_PLAY_BUFFER = lib.sonset_stream_play_buffer
_POLL = lib.sonset_stream_poll_receipt
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


def _destroy(handle: Any, alive: Dict[int, Any], generation: int) -> None:
    """Ends a stream that nobody closed. What it plays is kept until it does not play any more."""
    if generation == Process.generation:
        lib.sonset_stream_destroy(handle)
    alive.clear()


class Stream:
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
        Largest magnitude that leaves a channel.
    fade_ms : float, optional
        Fade of whatever is ended on request, in milliseconds.
    max_actions : int, optional
        Actions that can be alive at a time; 1024 by default.
    virtual_latency_frames : int, optional
        Round trip of the virtual device.
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

    _handle: Any = NULL

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
        if output_channels is None:
            output_channels = 0 if input_channels else 2
        config = ffi.new("sonset_stream_config *")
        backend, output = _devices.resolve(device if output_device is None else output_device, backend)
        backend, source = _devices.resolve(device if input_device is None else input_device, backend)
        fields = {
            "backend": _devices.backend_number(backend),
            "sample_rate_hz": _rate(samplerate),
            "output_channels": output_channels,
            "input_channels": input_channels or 0,
            "block_frames": blocksize,
            "max_actions": max_actions,
            "virtual_latency_frames": virtual_latency_frames,
            "history_frames": history_frames,
            "ceiling": ceiling,
            "fade_ms": fade_ms,
            "dither_db": dither_db or 0.0,
        }
        for name, value in fields.items():
            _set(config, name, value)
        handle = ffi.new("sonset_stream **")
        names_of_devices = [
            NULL if name is None or not channels else ffi.new("char[]", name.encode())
            for name, channels in ((output, output_channels), (source, input_channels))
        ]
        extra = NULL if options is None else ffi.new("char[]", _option_text(options).encode())
        check(lib.sonset_stream_open(config, *names_of_devices, extra, handle))
        self._own(handle[0], strict, wait)

    def _own(self, handle: Any, strict: bool, wait: bool) -> None:
        self._handle = handle
        self._generation = Process.generation
        self._alive: Dict[int, Any] = {}
        self._destroyer = weakref.finalize(self, _destroy, handle, self._alive, self._generation)
        self._collecting = threading.Lock()
        self._local = threading.local()
        self._batches = 0
        self._wait_at_exit = wait
        self._told_latency = False
        self._summed_up = False
        info = self.info
        self.samplerate: int = info.samplerate
        self.output_channels: int = info.output_channels
        self.input_channels: int = info.input_channels
        self.receipts = Receipts(self.samplerate)
        self._notices = notices.Notices(strict, self.samplerate)
        self._polled = new_receipt()
        self._collect_at, self._collect_after = _COLLECT_EVERY, 0.0
        self._told_latency = False
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
        deadline = None if timeout is None else _monotonic() + timeout
        for number in list(self._alive):
            left = None if deadline is None else max(0.0, deadline - _monotonic())
            Action(self, number).wait(left)

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
        return state.read_time(self._handle_now(), _direction(direction))

    @property
    def earliest_frame(self) -> int:
        """The first frame that a call made now can still reach."""
        return self.time("output" if self.output_channels else "input").earliest_frame

    def frames(self, seconds: float) -> int:
        """How many frames a time is, to the nearest.

        >>> sonset.Stream(48000, device="manual").frames(0.0105)
        504
        """
        return round(seconds * self.samplerate)

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
        ns = round((unix if perf_counter is None else perf_counter) * NS)  # type: ignore[operator]
        frame = ffi.new("int64_t *")
        check(lib.sonset_stream_frame_at(self._handle_now(), _direction(direction), clock, ns, frame))
        return int(frame[0])

    def perf_counter_at(self, frame: int, direction: Direction = "output") -> float:
        """The time in seconds at which a frame is at the converter, by the clock of `time.perf_counter`."""
        return self._host_ns_at(frame, direction, lib.SONSET_CLOCK_MONOTONIC) / NS

    def unix_at(self, frame: int, direction: Direction = "output") -> float:
        """The time in seconds since 1970 at which a frame is at the converter."""
        return self._host_ns_at(frame, direction, lib.SONSET_CLOCK_REALTIME) / NS

    def _host_ns_at(self, frame: int, direction: Direction, clock: int) -> int:
        ns = ffi.new("int64_t *")
        check(lib.sonset_stream_host_time_at(self._handle_now(), _direction(direction), clock, frame, ns))
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
        check(lib.sonset_stream_set_latency_bias(self._handle_now(), _direction(direction), round(seconds * NS)))

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
            Largest magnitude that leaves it; by default the stream's.
        calibration_db_spl : float, optional
            Sound pressure level in dB SPL of a signal whose RMS is 1.
        """
        if role not in _ROLES:
            refuse(f"role={role!r} is none of {', '.join(map(repr, _ROLES))}")
        params = ffi.new("sonset_channel_params *", {"struct_size": ffi.sizeof("sonset_channel_params")})
        params.role = _ROLES[role]
        params.ceiling = ceiling or 0.0
        if calibration_db_spl is not None:
            params.calibration_db_spl, params.has_calibration = calibration_db_spl, 1
        check(lib.sonset_stream_set_channel(self._handle_now(), channel, params))

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
        return state.read_level(self._handle_now(), channel, buffer._handle, sound_channel)

    @_options.takes(_options.GainOptions)
    def set_gain(self, gain_db: float = 0.0, **options: Unpack[GainOptions]) -> None:
        """Changes the gain of all audio channels.

        Parameters
        ----------
        gain_db : float
            The gain to reach, in decibels; ``-inf`` is silence.
        {options}
        """
        params = _options.GAIN.new({"gain_db": gain_db, **options}, self.samplerate)
        check(lib.sonset_stream_set_master_gain(self._handle_now(), params))

    # Playing.

    @_options.takes(_options.PlayOptions)
    def play(
        self, sound: Any, channels: Channels = None, gains: Gains = None, **options: Unpack[PlayOptions]
    ) -> Action:
        """Plays a sound: now, or at a time.

        Parameters
        ----------
        sound : Buffer or array_like
            The sound; an array is checked and wrapped at each call, so make a `Buffer` of one that is played often.
        channels : int or sequence of int, optional
            Output channels from 1, one for each column, or any number for a mono sound. By default 1 to n, and 1 and 2
            for a mono sound.
        gains : float or sequence of float, optional
            Linear factors, one for all channels or one for each.
        {options}

        Returns
        -------
        Action
            To be waited for and changed. The sound needs no other reference to it.

        Examples
        --------
        >>> with sonset.Stream(48000, device="virtual") as stream:
        ...     beep = sonset.Buffer(np.full(480, 0.1))
        ...     first = stream.play(beep, at_stream_s=0.5)
        ...     second = stream.play(beep, after=first)
        ...     second.wait().start_frame - first.receipt.start_frame
        480
        """
        buffer = sound if type(sound) is Buffer else self._buffer(sound)
        return self._play(_PLAY_BUFFER, buffer._handle, channels, gains, options, buffer)

    play_buffer = play

    @_options.takes(_options.RingPlayOptions)
    def play_ring(
        self, ring: RingBuffer, channels: Channels = None, gains: Gains = None, **options: Unpack[RingPlayOptions]
    ) -> Action:
        """Plays what is written to a ring, before and while it plays.

        Where the ring runs dry there is silence, which is counted. It completes after `RingBuffer.finish`.

        Parameters
        ----------
        ring : RingBuffer
            The ring.
        channels, gains : optional
            As in `play`.
        {options}
        """
        return self._play(lib.sonset_stream_play_ring, ring._handle, channels, gains, options, ring)

    @_options.takes(_options.PlayOptions)
    def play_file(
        self,
        path: Path,
        channels: Channels = None,
        gains: Gains = None,
        *,
        track: int = 0,
        read_ahead_ms: int = 0,
        resample: bool = False,
        **options: Unpack[PlayOptions],
    ) -> Action:
        """Plays a sound file, or the sound track of a film, while it is read.

        Parameters
        ----------
        path : path-like
            The file; see `Buffer.from_file`.
        channels, gains : optional
            As in `play`.
        track : int, optional
            Number of the audio track, from 1; 0 is its default one.
        read_ahead_ms : int, optional
            How far ahead it is read, in ms; 2000 by default.
        resample : bool, optional
            Converts a file of another rate instead of refusing it.
        {options}
        """
        file = ffi.new("sonset_play_file_params *", {"struct_size": ffi.sizeof("sonset_play_file_params")})
        _set(file, "track", track)
        _set(file, "read_ahead_ms", read_ahead_ms)
        file.resample = int(resample)
        name = path_bytes(path)

        def play_file(stream: Any, file: Any, *how: Any) -> Any:
            return lib.sonset_stream_play_file(stream, name, file, *how)

        return self._play(play_file, file, channels, gains, options, None)

    @_options.takes(_options.SoundOptions)
    def play_input(
        self,
        channels: Channels = None,
        gains: Gains = None,
        *,
        first_channel: int = 1,
        input_channels: int = 1,
        delay_frames: int = 0,
        **options: Unpack[SoundOptions],
    ) -> Action:
        """Plays the input: a monitor, or delayed auditory feedback.

        Parameters
        ----------
        channels, gains : optional
            As in `play`.
        first_channel, input_channels : int, optional
            First input channel, from 1, and how many from there.
        delay_frames : int, optional
            Frames by which the output is later than it must be.
        {options}
        """
        monitor = ffi.new("sonset_input_params *", {"struct_size": ffi.sizeof("sonset_input_params")})
        _set(monitor, "first_channel", first_channel)
        _set(monitor, "channel_count", input_channels)
        _set(monitor, "delay_frames", delay_frames)
        return self._play(lib.sonset_stream_play_input, monitor, channels, gains, options, None)

    @_options.takes(_options.SoundOptions)
    def play_tone(
        self,
        frequency: float,
        amplitude: float = 1.0,
        channels: Channels = None,
        gains: Gains = None,
        *,
        waveform: Literal["sine", "square", "sawtooth", "triangle"] = "sine",
        phase_cycles: float = 0.0,
        **options: Unpack[SoundOptions],
    ) -> Action:
        """Plays a tone, for ever or for `frame_count` frames.

        Parameters
        ----------
        frequency : float
            In hertz.
        amplitude : float, optional
            Peak of the wave, linear, 1 is full scale.
        channels, gains : optional
            As in `play`, for a mono sound.
        waveform : {'sine', 'square', 'sawtooth', 'triangle'}
            All but the first are limited in band.
        phase_cycles : float, optional
            Phase at the start, in cycles.
        {options}
        """
        tone = ffi.new("sonset_tone_params *", {"struct_size": ffi.sizeof("sonset_tone_params")})
        tone.waveform = _pick("waveform", waveform, _WAVEFORMS)
        tone.frequency_hz = _options.number("frequency", frequency)
        tone.amplitude = _nonzero("amplitude", amplitude)
        tone.phase_cycles = _options.number("phase_cycles", phase_cycles)
        return self._play(lib.sonset_stream_play_tone, tone, channels, gains, options, None)

    @_options.takes(_options.SoundOptions)
    def play_noise(
        self,
        rms: float = 0.1,
        channels: Channels = None,
        gains: Gains = None,
        *,
        spectrum: Literal["white", "pink"] = "white",
        distribution: Literal["gaussian", "uniform"] = "gaussian",
        seed: int = 0,
        independent_channels: int = 1,
        **options: Unpack[SoundOptions],
    ) -> Action:
        """Plays noise, for ever or for `frame_count` frames. Equal seeds give the same noise, bit for bit.

        Parameters
        ----------
        rms : float, optional
            Root mean square, linear.
        channels, gains : optional
            As in `play`, for a sound of `independent_channels` channels.
        spectrum : {'white', 'pink'}
            The same power in each hertz or in each octave.
        distribution : {'gaussian', 'uniform'}
            That of white noise.
        seed : int, optional
            Any number.
        independent_channels : int, optional
            How many different noises to make of it.
        {options}
        """
        noise = ffi.new("sonset_noise_params *", {"struct_size": ffi.sizeof("sonset_noise_params")})
        noise.spectrum = _pick("spectrum", spectrum, _SPECTRA)
        noise.distribution = _pick("distribution", distribution, _DISTRIBUTIONS)
        noise.rms = _nonzero("rms", rms)
        _set(noise, "seed", seed)
        _set(noise, "source_channels", independent_channels)
        return self._play(lib.sonset_stream_play_noise, noise, channels, gains, options, None)

    @_options.takes(_options.SoundOptions)
    def play_pulse(
        self,
        channels: Channels,
        gains: Gains = None,
        *,
        level: float = 1.0,
        width_frames: int = 0,
        count: int = 1,
        interval_frames: int = 0,
        code: Optional[int] = None,
        serial: bool = False,
        data_bits: int = 0,
        **options: Unpack[SoundOptions],
    ) -> Action:
        """Plays pulses: markers for another machine.

        Parameters
        ----------
        channels : int or sequence of int
            Output channels from 1, which must be named.
        gains : optional
            As in `play`.
        level : float, optional
            Level of a pulse, linear; negative ones point down.
        width_frames : int, optional
            Frames of a pulse, and of each bit of a serial code; 0 for 5 ms.
        count : int, optional
            Pulses of a train; -1 for ever.
        interval_frames : int, optional
            Frames from the start of one to that of the next, in a train.
        code : int, optional
            A number to say: bit i, from the lowest, is the i-th of `channels`, all at once.
        serial : bool, optional
            Says `code` bit after bit on one channel instead: start bit, data bits from the lowest, stop bit.
        data_bits : int, optional
            Data bits of a serial code; 0 for 8.
        {options}
        """
        pulse = ffi.new("sonset_pulse_params *", {"struct_size": ffi.sizeof("sonset_pulse_params")})
        if serial and code is None:
            refuse("serial=True needs a code")
        kind = "none" if code is None else "serial" if serial else "parallel"
        pulse.code = _CODES[kind]
        _set(pulse, "code_value", code or 0)
        _set(pulse, "data_bits", data_bits)
        _set(pulse, "width_frames", width_frames)
        _set(pulse, "count", count)
        _set(pulse, "interval_frames", interval_frames)
        pulse.level = _nonzero("level", level)
        return self._play(lib.sonset_stream_play_pulse, pulse, channels, gains, options, None)

    # Recording and listening.

    @_options.takes(_options.RecordOptions)
    def record(
        self, frames: Union[int, Buffer], channels: Channels = None, **options: Unpack[RecordOptions]
    ) -> Recording:
        """Records, now or at a time: also in the past, as far as `history_frames` goes.

        Parameters
        ----------
        frames : int or Buffer
            How many frames to record at most, or a `Buffer.empty` to fill.
        channels : int or sequence of int, optional
            Input channels from 1; by default all.
        {options}

        Returns
        -------
        Recording
            Whose `data` is the recording.

        Examples
        --------
        >>> with sonset.Stream(48000, 1, 1, device="virtual") as stream:
        ...     tone = stream.play_tone(440, 0.1, frame_count=4800)
        ...     recording = stream.record(4800)
        ...     receipt = recording.wait()
        ...     recording.data.shape
        (4800, 1)
        """
        return self._record_into(lib.sonset_stream_record_buffer, frames, channels, self.input_channels, options)

    @_options.takes(_options.RecordOptions)
    def record_output(
        self, frames: Union[int, Buffer], channels: Channels = None, **options: Unpack[RecordOptions]
    ) -> Recording:
        """Records what is really sent to the device, sample by sample.

        Parameters
        ----------
        frames : int or Buffer
            As in `record`.
        channels : int or sequence of int, optional
            Output channels from 1; by default all.
        {options}
        """
        return self._record_into(lib.sonset_stream_record_output, frames, channels, self.output_channels, options)

    @_options.takes(_options.RecordOptions)
    def record_ring(
        self,
        ring: RingBuffer,
        channels: Channels = None,
        *,
        max_frames: int = 0,
        ring_policy: Literal["continue", "end"] = "continue",
        output: bool = False,
        **options: Unpack[RecordOptions],
    ) -> Action:
        """Records into a ring, which is read meanwhile.

        Parameters
        ----------
        ring : RingBuffer
            The ring, empty.
        channels : int or sequence of int, optional
            Input channels from 1; by default 1 to the channels of the ring.
        max_frames : int, optional
            Frames to record; 0 for no end.
        ring_policy : {'continue', 'end'}
            When the ring is full: lose frames, which are counted, or end.
        output : bool, optional
            Records what is sent to the device instead.
        {options}
        """
        function = lib.sonset_stream_record_output_ring if output else lib.sonset_stream_record_ring
        extra: Dict[str, Any] = {"max_frames": max_frames, "ring_policy": ring_policy}
        return self._record(function, ring._handle, channels, {**options, **extra}, Action, ring)

    @_options.takes(_options.RecordOptions)
    def record_file(
        self,
        path: Path,
        channels: Channels = None,
        *,
        max_frames: int = 0,
        sample_format: Literal["float32", "int24", "int16"] = "float32",
        buffer_ms: int = 0,
        **options: Unpack[RecordOptions],
    ) -> Action:
        """Records into a new WAV file, which is readable at any time. It is complete when the receipt is there.

        Parameters
        ----------
        path : path-like
            The file, which must not exist.
        channels : int or sequence of int, optional
            Input channels from 1; by default all.
        max_frames : int, optional
            Frames to record; 0 for no end.
        sample_format : {'float32', 'int24', 'int16'}
            How it stores samples.
        buffer_ms : int, optional
            What is kept in memory for a disk that is slow, in ms; 2000 by default.
        {options}
        """
        file = ffi.new("sonset_file_params *", {"struct_size": ffi.sizeof("sonset_file_params")})
        file.format = _pick("sample_format", sample_format, _FORMATS)
        _set(file, "buffer_ms", buffer_ms)
        params = self._params(_options.RECORD, {**options, "max_frames": max_frames})
        chosen, count = _channel_array(channels)
        number = ffi.new("int64_t *")
        self._before()
        arguments = self._handle_now(), path_bytes(path), chosen, count, params, file, number
        check(lib.sonset_stream_record_file(*arguments))
        return self._issued(Action, number[0], None)

    @_options.takes(_options.DetectOptions)
    def detect_level(self, channels: Channels = None, **options: Unpack[DetectOptions]) -> Detection:
        """Listens for a sound: a voice key. Its onset is known as soon as the sound has lasted long enough.

        Parameters
        ----------
        channels : int or sequence of int, optional
            Input channels from 1; by default the first.
        {options}
        """
        params = self._params(_options.DETECT, options)
        chosen, count = _channel_array(channels)
        number = ffi.new("int64_t *")
        self._before()
        check(lib.sonset_stream_detect_level(self._handle_now(), chosen, count, params, number))
        action = self._issued(Detection, number[0], None)
        assert isinstance(action, Detection)
        return action

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
        check(lib.sonset_stream_cancel_all(self._handle_now(), _options.integer("fade_frames", fade_frames)))

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
            Its input, of the shape (frames, input_channels); silence by default.
        output_host_ns, input_host_ns : int, optional
            Times of its first frames at the converters in ns, by the clock of `time.perf_counter`; 0 if not known.
        flags : int, optional
            1 for an underflow before it, plus 2 for an overflow.

        Returns
        -------
        numpy.ndarray
            Its output, of the shape (frames, output_channels).
        """
        if data is None:
            data = np.zeros((frames, self.input_channels), np.float32)
        samples = np.ascontiguousarray(data, np.float32).reshape(-1, max(1, self.input_channels))
        if self.input_channels and samples.shape[0] != frames:
            refuse(f"the input has {samples.shape[0]} frames, and the block {frames}")
        out = np.zeros((frames, self.output_channels), np.float32)
        given = ffi.from_buffer("float[]", samples) if self.input_channels else NULL
        taken = ffi.from_buffer("float[]", out) if self.output_channels else NULL
        code = lib.sonset_stream_process(self._handle_now(), given, taken, frames, output_host_ns, input_host_ns, flags)
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
        report = progress.reporter("rendering", show_progress)
        blocks = []
        for first in range(0, frames, blocksize):
            blocks.append(self.process(min(blocksize, frames - first)))
            report(min(frames, first + blocksize), frames)
        return np.concatenate(blocks) if blocks else np.zeros((0, self.output_channels), np.float32)

    # Within.

    def _handle_now(self) -> Any:
        if self._generation != Process.generation:
            raise errors.ForkError(
                "this stream belongs to the process that forked: open another one here, or start the process with "
                "multiprocessing's 'spawn'",
                -4,
                "SONSET_ERROR_INVALID_STATE",
            )
        return self._handle

    def _params(self, kind: _options.Params, options: Any) -> Any:
        batch = getattr(self._local, "batch", None) if self._batches else None
        if batch is None and not options:
            return NULL
        params = kind.new(options, self.samplerate)
        if batch is not None:
            params.batch = batch.id
        return params

    def _play(self, function: Any, source: Any, channels: Channels, gains: Gains, options: Any, keep: Any) -> Action:
        params = self._params(_PLAY, options) if options or self._batches else NULL
        chosen, count = (NULL, 0) if channels is None else _channel_array(channels)
        factors = NULL
        if gains is not None:
            factors, count = _gain_array(gains, count, self._default_count(keep))
        alive = self._alive
        if len(alive) >= self._collect_at or _monotonic() > self._collect_after:
            self._before()
        number = _new(_NUMBER)
        code = function(self._handle_now(), source, chosen, factors, count, params, number)
        if code:
            raise failure(code)
        issued = number[0]
        alive[issued] = keep
        return Action(self, issued, keep)

    def _default_count(self, source: Any) -> int:
        """How many channels a sound takes by default."""
        columns = getattr(source, "channels", 1)
        return min(2, self.output_channels) if columns == 1 else columns

    def _record_into(
        self, function: Any, frames: Union[int, Buffer], channels: Channels, all_channels: int, options: Any
    ) -> Recording:
        if isinstance(frames, Buffer):
            buffer = frames
        else:
            count = _channel_array(channels)[1] or all_channels
            buffer = Buffer.empty(_options.integer("frames", frames), max(1, count), self.samplerate)
        action = self._record(function, buffer._handle, channels, options, Recording, buffer)
        assert isinstance(action, Recording)
        return action

    def _record(
        self, function: Any, target: Any, channels: Channels, options: Any, kind: Type[Action], keep: Any
    ) -> Action:
        params = self._params(_options.RECORD, options)
        chosen, count = _channel_array(channels)
        number = ffi.new("int64_t *")
        self._before()
        check(function(self._handle_now(), target, chosen, count, params, number))
        return self._issued(kind, number[0], keep)

    def _issued(self, kind: Type[Action], number: int, keep: Any) -> Action:
        self._alive[number] = keep
        return kind(self, number, keep)

    def _before(self) -> None:
        """What is due before something is asked for: the receipts so far, and what a strict stream has to raise."""
        self._collect()
        self._raise_problem()

    def _buffer(self, sound: Any) -> Buffer:
        if isinstance(sound, Buffer):
            return sound
        if isinstance(sound, (str, bytes, os.PathLike)):
            refuse(f"{sound!r} is no sound: play_file plays files, and Buffer.from_file loads them")
        if isinstance(sound, RingBuffer):
            refuse("a RingBuffer is played with play_ring")
        return Buffer(sound)

    def _collect(self) -> None:
        """Takes the receipts that wait, lets go of what their actions needed, and looks for problems in them."""
        if not self._collecting.acquire(False):
            return
        try:
            handle = self._handle_now()
            while _POLL(handle, self._polled) == 0:
                # It is kept before it is looked at: a warning may be raised as an error.
                polled, self._polled = self._polled, new_receipt()
                self._alive.pop(polled.action, None)
                self.receipts._add(polled)
                self._notices.examine(polled)
            self._collect_at = len(self._alive) + _COLLECT_EVERY
            self._collect_after = _monotonic() + _COLLECT_S
        finally:
            self._collecting.release()

    def _raise_problem(self) -> None:
        problem, self._notices.pending = self._notices.pending, None
        if problem is not None:
            raise problem

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


def _set(params: Any, field: str, value: Any) -> None:
    """Sets a field of a struct, or raises an error that names it."""
    try:
        setattr(params, field, value)
    except (TypeError, OverflowError) as error:
        refuse(f"{field}={value!r}: {error}")


def _pick(field: str, name: Any, known: Mapping[str, int]) -> int:
    if name not in known:
        refuse(f"{field}={name!r} is none of {', '.join(map(repr, known))}")
    return known[name]


def _nonzero(field: str, value: Any) -> float:
    """A number that the library would take for its default if it were 0."""
    result = _options.number(field, value)
    if result == 0:
        refuse(f"{field} is 0, which is silence: give a gain_db of -inf for that")
    return result


def _direction(name: str) -> int:
    return _pick("direction", name, _DIRECTIONS)


def _option_text(options: Union[str, Mapping[str, Any]]) -> str:
    if isinstance(options, str):
        return options
    return ";".join(f"{key}={value}" for key, value in options.items())


def _channel_array(channels: Channels) -> tuple[Any, int]:
    if channels is None:
        return NULL, 0
    several = (channels,) if isinstance(channels, (int, np.integer)) else tuple(channels)
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
        refuse(f"channels={list(channels)} is out of range")


def _gain_array(gains: Gains, count: int, default_count: int) -> tuple[Any, int]:
    if gains is None:
        return NULL, count
    if isinstance(gains, (int, float, np.number)):
        factors: List[float] = [_options.number("gains", gains)] * (count or default_count)
    else:
        factors = [_options.number("gains", gain) for gain in gains]
    if count and len(factors) != count:
        refuse(f"{len(factors)} gains do not fit {count} channels")
    return ffi.new("float[]", factors), len(factors)


__all__ = ["Batch", "Stream"]
