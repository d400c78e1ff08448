"""Plays pulses through a cable, and finds them in the recording."""

from __future__ import annotations

from typing import Any, Dict, Optional

import numpy as np

from .. import progress as _progress
from .._library import refuse, shown
from ..buffer import Buffer
from ..stream import Stream
from .machine import machine, stream_facts
from .pulses import find, pulse
from .result import Report, Series, Statistics, limits_of, stamped


def loopback(
    pulses: int = 100,
    *,
    level_db: float = -12.0,
    channel_out: int = 1,
    channel_in: int = 1,
    longest_ms: float = 200.0,
    least_snr_db: float = 12.0,
    show_progress: _progress.Progress = None,
    max_jitter_samples: Optional[float] = None,
    max_unreported_us: Optional[float] = None,
    max_xruns: Optional[float] = None,
    **stream: Any,
) -> Report:
    """Plays pulses at random frames through a cable, and measures round trip and jitter.

    Parameters
    ----------
    pulses : int
        How many, from 5 to 10000.
    level_db : float, optional
        Largest magnitude of a pulse, in dB of full scale.
    channel_out, channel_in : int, optional
        The channels that the cable joins, from 1.
    longest_ms : float, optional
        Longest round trip to look for; also the shortest time between pulses.
    least_snr_db : float, optional
        Least ratio of pulse to noise that is trusted.
    show_progress : bool or callable, optional
        A line on the screen, or what is called with (pulses done, pulses).
    max_jitter_samples, max_unreported_us, max_xruns : float, optional
        Limits: of the range of the round trip, of how much of it the backend does not report, and of xruns.
    **stream
        What `Stream` takes, such as ``device=``.

    Returns
    -------
    Report

    Raises
    ------
    Refused
        If pulses are missing, weak, clipped, repeated or unlike what was sent: nothing is guessed.

    Examples
    --------
    >>> report = sonset.report.loopback(5, device="virtual")
    >>> report.results["round trip in frames"] == report.stream["round_trip_frames"]
    True
    """
    if not 5 <= pulses <= 10_000:
        refuse(f"pulses={shown(pulses)} is not from 5 to 10000")
    stream.setdefault("output_channels", channel_out)
    stream.setdefault("input_channels", channel_in)
    report = _progress.reporter("playing pulses", show_progress)
    with Stream(**stream) as running:
        rate = running.samplerate
        longest = running.frames(longest_ms * 1e-3)
        shape = pulse(rate, 10 ** (level_db / 20))
        frames, sent, recording = _play(running, Buffer(shape), pulses, longest, channel_out, channel_in, report)
        receipt = recording.wait(60)
        facts, stats = stream_facts(running), running.stats
    assert receipt.start_frame is not None
    found = find(recording.data[:, 0], shape, frames - receipt.start_frame, longest, least_snr_db)
    delays = np.array([each.delay for each in found])
    trip = float(np.median(delays))
    unreported = None if facts["round_trip_frames"] is None else (trip - facts["round_trip_frames"]) / rate * 1e6
    jitter = delays - trip
    measured: Dict[str, Optional[float]] = {
        "max_jitter_samples": float(np.ptp(delays)),
        "max_unreported_us": unreported,
        "max_xruns": stats.output_xruns + stats.input_xruns,
    }
    asked = {
        "max_jitter_samples": max_jitter_samples,
        "max_unreported_us": max_unreported_us,
        "max_xruns": max_xruns,
    }
    results = {
        "pulses found": len(found),
        "round trip in frames": round(trip, 3),
        "round trip in ms": round(trip / rate * 1e3, 4),
        "not reported by the backend in µs": None if unreported is None else round(unreported, 2),
        "least correlation with what was sent": round(min(each.likeness for each in found), 4),
        "gain of the loop in dB": round(20 * float(np.log10(np.median([abs(each.gain) for each in found]))), 2),
        "steps in the time stamps": stats.output_discontinuities + stats.input_discontinuities,
        "xruns": measured["max_xruns"],
    }
    series = [
        Series("round trip about its median", "frames", tuple(map(float, jitter))),
        Series("round trip over time", "frames", tuple(map(float, jitter)), tuple((frames - frames[0]) / rate), "s"),
    ]
    errors = {"round trip about its median": Statistics.of(jitter.tolist(), "frames")}
    methods = stamped(facts, _methods(facts, errors["round trip about its median"], trip, rate))
    limits = limits_of(asked, measured)
    return Report("loopback", machine(), facts, results, errors, limits, series, methods)


def _play(
    stream: Stream, sound: Buffer, pulses: int, longest: int, channel_out: int, channel_in: int, report: Any
) -> Any:
    """Plays pulses at random frames while all is recorded."""
    gaps = np.random.default_rng().integers(longest + sound.frames, longest + sound.frames + longest // 2 + 64, pulses)
    first = stream.earliest_frame + stream.frames(0.2)
    frames = first + np.cumsum(gaps)
    recording = stream.record(int(frames[-1] - first + 2 * longest + sound.frames), [channel_in], at_frame=first)
    actions = []
    for number, frame in enumerate(frames):
        actions.append(stream.play(sound, [channel_out], at_frame=int(frame)))
        if number >= 16:
            actions[number - 16].wait(60)
            report(number - 15, pulses)
    for number, action in enumerate(actions[-16:]):
        action.wait(60)
        report(pulses - len(actions[-16:]) + number + 1, pulses)
    sent = np.array([action.receipt.start_frame for action in actions])
    return sent, frames, recording


def _methods(facts: Dict[str, Any], jitter: Statistics, trip: float, rate: int) -> str:
    return (
        f"The round trip of {facts['output_device'] or facts['backend']} ({facts['backend']}, {facts['samplerate']} "
        f"Hz, {facts['share_mode']} mode) was measured with {jitter.n} pulses through a cable: "
        f"{trip / rate * 1e3:.3f} ms, SD {jitter.sd:.3f} and range {jitter.range:.3f} samples. A cable gives the sum "
        "of the output's and the input's delay; how they share it was not measured."
    )
