"""What is known of a stream, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from ._library import check, lib, names, struct, text
from .clock import NS
from .devices import BACKEND_NAMES

_STATES = names("sonset_stream_state")
_STAMPS = names("sonset_stamps")
_GRANTED = {0: None, 1: True, 2: False}
_SHARES = names("sonset_share_mode")
_SOURCES = names("sonset_latency_source")
_WARNINGS = names("sonset_latency_warning")


@dataclass(frozen=True)
class StreamInfo:
    """What is known of a stream. What is not known is None.

    Attributes
    ----------
    state : str
        ``'open'``, ``'running'``, ``'stopped'``, ``'lost'`` or ``'closed'``.
    backend : str
        The backend that it runs on.
    output_device, input_device : str
        Ids of its devices; empty without.
    output_name, input_name : str
        Their names.
    samplerate : int
        Rate in hertz.
    device_samplerate : int or None
        Rate at which the device itself runs.
    os_resamples : bool
        Whether the system converts between the two.
    sample_format : str
        What the device takes, such as ``'f32'``.
    output_channels, input_channels : int
        Channels of each direction.
    block_frames : int or None
        Frames of a block; None where they vary.
    duplex : bool
        Whether one callback serves both directions.
    share_mode : str
        ``'shared'``, ``'exclusive'`` or ``'unknown'``.
    realtime, memory_locked : bool or None
        Whether the system granted it.
    latency_source : str
        ``'unknown'``, ``'reported'`` or ``'calibrated'``.
    output_latency_frames, input_latency_frames, round_trip_frames : int or None
        Latencies in frames.
    output_latency_bias_s, input_latency_bias_s : float
        What was added to them, in seconds.
    output_stamps, input_stamps : str
        What the time stamps are worth: ``'none'``, ``'settling'``, ``'usable'``, ``'quantised'``, ``'useless'``.
    latency_warning : str
        ``'none'``, ``'high'`` (above 40 ms) or ``'unknown'``.
    fade_frames : int
        Frames of the stream's fade.
    max_actions : int
        Actions that can be alive at a time.
    dither_db : float or None
        Peak of the noise that is sent instead of digital silence.
    is_virtual : bool
        Whether there is no hardware: its timing says nothing about this machine.
    """

    state: str
    backend: str
    output_device: str
    input_device: str
    output_name: str
    input_name: str
    samplerate: int
    device_samplerate: Optional[int]
    os_resamples: bool
    sample_format: str
    output_channels: int
    input_channels: int
    block_frames: Optional[int]
    duplex: bool
    share_mode: str
    realtime: Optional[bool]
    memory_locked: Optional[bool]
    latency_source: str
    output_latency_frames: Optional[int]
    input_latency_frames: Optional[int]
    round_trip_frames: Optional[int]
    output_latency_bias_s: float
    input_latency_bias_s: float
    output_stamps: str
    input_stamps: str
    latency_warning: str
    fade_frames: int
    max_actions: int
    dither_db: Optional[float]
    is_virtual: bool


@dataclass(frozen=True)
class StreamTime:
    """Where one half of a stream is.

    Attributes
    ----------
    frame : int
        First frame of the next block.
    earliest_frame : int
        First frame that a call made now can still reach.
    perf_counter : float or None
        Time of `frame` at the converter in seconds, by the clock of `time.perf_counter`.
    ppm : float
        How much faster than its nominal rate the device runs, in parts per million.
    uncertainty_s : float or None
        Uncertainty of the time in seconds; 99 in 100 readings are nearer.
    latency_source, stamps : str
        As in `StreamInfo`.
    """

    frame: int
    earliest_frame: int
    perf_counter: Optional[float]
    ppm: float
    uncertainty_s: Optional[float]
    latency_source: str
    stamps: str


@dataclass(frozen=True)
class StreamStats:
    """Counts of a stream since it was opened.

    Attributes
    ----------
    callbacks : int
        Blocks made.
    output_xruns, input_xruns : int
        Underflows of the output and overflows of the input.
    clipped_samples, nonfinite_samples : int
        Output samples that were limited, and that were NaN or infinite and became silence.
    largest_block_frames : int
        Largest block.
    live_actions, free_actions : int
        Actions that have not ended, and that can still be issued.
    receipts_dropped : int
        Receipts that were lost because nothing was asked of the stream for too long.
    output_discontinuities, input_discontinuities : int
        Steps found in the time stamps.
    """

    callbacks: int
    output_xruns: int
    input_xruns: int
    clipped_samples: int
    nonfinite_samples: int
    largest_block_frames: int
    live_actions: int
    free_actions: int
    receipts_dropped: int
    output_discontinuities: int
    input_discontinuities: int


@dataclass(frozen=True)
class Level:
    """How loud one channel of a sound is.

    Attributes
    ----------
    rms, peak : float
        Root mean square and largest magnitude, linear.
    db_spl : float or None
        Sound pressure level at unity gain; None where the output channel is not calibrated.
    headroom_db : float
        The gain at which the peak reaches the ceiling.
    """

    rms: float
    peak: float
    db_spl: Optional[float]
    headroom_db: float


def read_info(handle: Any) -> StreamInfo:
    """What `Stream.info` tells."""
    c = struct("sonset_stream_info")
    check(lib.sonset_stream_get_info(handle, c))
    output, source = lib.SONSET_DIRECTION_OUTPUT, lib.SONSET_DIRECTION_INPUT
    return StreamInfo(
        state=_STATES[c.state],
        backend=BACKEND_NAMES[c.backend],
        output_device=text(lib.sonset_stream_get_device_id(handle, output)),
        input_device=text(lib.sonset_stream_get_device_id(handle, source)),
        output_name=text(lib.sonset_stream_get_device_name(handle, output)),
        input_name=text(lib.sonset_stream_get_device_name(handle, source)),
        samplerate=c.sample_rate_hz,
        device_samplerate=c.device_sample_rate_hz or None,
        os_resamples=bool(c.os_resamples),
        sample_format=text(lib.sonset_stream_get_sample_format(handle)),
        output_channels=c.output_channels,
        input_channels=c.input_channels,
        block_frames=c.block_frames or None,
        duplex=bool(c.duplex),
        share_mode=_SHARES[c.share_mode],
        realtime=_GRANTED[c.realtime],
        memory_locked=_GRANTED[c.memory_locked],
        latency_source=_SOURCES[c.latency_source],
        output_latency_frames=_known(c.output_latency_frames),
        input_latency_frames=_known(c.input_latency_frames),
        round_trip_frames=c.round_trip_frames if c.has_round_trip else None,
        output_latency_bias_s=c.output_latency_bias_ns / NS,
        input_latency_bias_s=c.input_latency_bias_ns / NS,
        output_stamps=_STAMPS[c.output_stamps],
        input_stamps=_STAMPS[c.input_stamps],
        latency_warning=_WARNINGS[c.latency_warning],
        fade_frames=c.fade_frames,
        max_actions=c.max_actions,
        dither_db=c.dither_db or None,
        is_virtual=bool(c.is_virtual),
    )


def read_time(handle: Any, direction: int) -> StreamTime:
    """What `Stream.time` tells."""
    c = struct("sonset_stream_time")
    check(lib.sonset_stream_get_time(handle, direction, c))
    known = c.host_ns != -1
    return StreamTime(
        frame=c.frame,
        earliest_frame=c.earliest_frame,
        perf_counter=c.host_ns / NS if known else None,
        ppm=c.ppm,
        uncertainty_s=c.host_uncertainty_ns / NS if c.host_uncertainty_ns != -1 else None,
        latency_source=_SOURCES[c.latency_source],
        stamps=_STAMPS[c.stamps],
    )


def read_stats(handle: Any) -> StreamStats:
    """What `Stream.stats` tells."""
    c = struct("sonset_stream_stats")
    check(lib.sonset_stream_get_stats(handle, c))
    return StreamStats(**{name: getattr(c, name) for name in StreamStats.__dataclass_fields__})


def read_level(handle: Any, channel: int, buffer: Any, buffer_channel: int) -> Level:
    """What `Stream.level` tells."""
    c = struct("sonset_level")
    check(lib.sonset_stream_get_level(handle, channel, buffer, buffer_channel, c))
    return Level(c.rms, c.peak, c.db_spl if c.has_db_spl else None, c.headroom_db)


def _known(value: int) -> Optional[int]:
    return None if value == -1 else value


__all__ = ["Level", "StreamInfo", "StreamStats", "StreamTime"]
