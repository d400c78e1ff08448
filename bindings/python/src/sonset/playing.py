"""The ways to play."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Optional

from . import files
from . import options as _options
from ._library import NULL, failure, ffi, lib, numbers, path_bytes, refuse, shown, struct
from .action import Action
from .arguments import channel_array, gain_array, nonzero, pick, ring_handle, set_field
from .buffer import Buffer
from .issuing import Issuer
from .ring import RingBuffer

if TYPE_CHECKING:
    from typing_extensions import Literal, Unpack

    from .arguments import Channels, Gains, Path
    from .options import PlayOptions, RingPlayOptions, SoundOptions

_WAVEFORMS = numbers("sonset_waveform")
_SPECTRA = numbers("sonset_noise_spectrum")
_DISTRIBUTIONS = numbers("sonset_noise_distribution")
_CODES = numbers("sonset_pulse_code")

_new = ffi.new
_monotonic = time.monotonic
_NUMBER = ffi.typeof("int64_t *")
_PLAY = _options.PLAY
_PLAY_BUFFER = lib.sonset_stream_play_buffer


class Player(Issuer):
    """The half of `Stream` that plays."""

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
        return self._play(lib.sonset_stream_play_ring, ring_handle(ring), channels, gains, options, ring)

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

        Where the file does not tell where its sound begins (see `file_info`), there is an `UncertainOnsetWarning`.

        Parameters
        ----------
        path : path-like
            The file; see `Buffer.from_file`.
        channels, gains : optional
            As in `play`.
        track : int, optional
            Number of the audio track, from 1; 0 is its default one.
        read_ahead_ms : int, optional
            How far ahead it is read, in ms; 0 for 2000.
        resample : bool, optional
            Converts a file of another rate instead of refusing it.
        {options}
        """
        file = struct("sonset_play_file_params")
        set_field(file, "track", track)
        set_field(file, "read_ahead_ms", read_ahead_ms)
        file.resample = _options.flag("resample", resample)
        name = path_bytes(path)

        def play_file(stream: Any, file: Any, *how: Any) -> Any:
            return lib.sonset_stream_play_file(stream, name, file, *how)

        files.warn_if_uncertain(path, track)
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
        monitor = struct("sonset_input_params")
        set_field(monitor, "first_channel", first_channel)
        set_field(monitor, "channel_count", input_channels, "input_channels")
        set_field(monitor, "delay_frames", delay_frames)
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
        tone = struct("sonset_tone_params")
        tone.waveform = pick("waveform", waveform, _WAVEFORMS)
        tone.frequency_hz = _options.number("frequency", frequency)
        tone.amplitude = nonzero("amplitude", amplitude)
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
        noise = struct("sonset_noise_params")
        noise.spectrum = pick("spectrum", spectrum, _SPECTRA)
        noise.distribution = pick("distribution", distribution, _DISTRIBUTIONS)
        noise.rms = nonzero("rms", rms)
        set_field(noise, "seed", seed)
        set_field(noise, "source_channels", independent_channels, "independent_channels")
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
        pulse = struct("sonset_pulse_params")
        if serial and code is None:
            refuse("serial=True needs a code")
        kind = "none" if code is None else "serial" if serial else "parallel"
        pulse.code = _CODES[kind]
        set_field(pulse, "code_value", code or 0, "code")
        set_field(pulse, "data_bits", data_bits)
        set_field(pulse, "width_frames", width_frames)
        set_field(pulse, "count", count)
        set_field(pulse, "interval_frames", interval_frames)
        pulse.level = nonzero("level", level)
        return self._play(lib.sonset_stream_play_pulse, pulse, channels, gains, options, None)

    # Within.

    def _play(self, function: Any, source: Any, channels: Channels, gains: Gains, options: Any, keep: Any) -> Action:
        params = self._params(_PLAY, options) if options or self._batches else NULL
        chosen, count = (NULL, 0) if channels is None else channel_array(channels)
        factors = NULL
        if gains is not None:
            factors, count = gain_array(gains, count, self._default_count(keep))
        alive = self._alive
        if len(alive) >= self._collect_at or _monotonic() > self._collect_after:
            self._before()
        number = _new(_NUMBER)
        code = function(self._handle_now(), source, chosen, factors, count, params, number)
        if code:
            raise failure(code)
        issued = number[0]
        alive[issued] = keep
        if self._early:
            self._forget_early(issued)
        return Action(self, issued, keep)  # type: ignore[arg-type]

    def _default_count(self, source: Any) -> int:
        """How many channels a sound takes by default."""
        columns = getattr(source, "channels", 1)
        return min(2, self.output_channels) if columns == 1 else columns

    def _buffer(self, sound: Any) -> Buffer:
        if isinstance(sound, Buffer):
            return sound
        if isinstance(sound, (str, os.PathLike)):
            refuse(f"{shown(sound)} is no sound: play_file plays files, and Buffer.from_file loads them")
        if isinstance(sound, RingBuffer):
            refuse("a RingBuffer is played with play_ring")
        return Buffer(sound)
