"""Runs a stream and looks at its clock."""

from __future__ import annotations

import dataclasses
import time
from typing import Any, Dict, List, Optional

import numpy as np

from .. import progress as _progress
from .._library import refuse, shown
from ..buffer import Buffer
from ..state import StreamTime
from ..stream import Stream
from .machine import machine, stream_facts
from .result import Report, Series, Statistics, limits_of, stamped

_EVERY_S = 0.05
_AHEAD_S = 0.3
_SETTLE_S = 2.0


def check(
    seconds: float = 10.0,
    *,
    show_progress: _progress.Progress = None,
    max_xruns: Optional[float] = None,
    max_discontinuities: Optional[float] = None,
    max_uncertainty_us: Optional[float] = None,
    max_drift_ppm: Optional[float] = None,
    max_late: Optional[float] = None,
    **stream: Any,
) -> Report:
    """Runs a stream with silent sounds at random host times, and tells how well it kept them.

    The errors are those by the stream's own clock: what lies behind the converter is measured with `loopback` and an
    independent recorder.

    Parameters
    ----------
    seconds : float
        How long to run after the clock has settled, which takes two seconds more.
    show_progress : bool or callable, optional
        A line on the screen, or what is called with (seconds done, seconds).
    max_xruns, max_discontinuities, max_uncertainty_us, max_drift_ppm, max_late : float, optional
        Limits: of xruns, of steps in the time stamps, of the uncertainty at the end, of the device's rate, and of
        sounds that started late.
    **stream
        What `Stream` takes, such as ``device=``.

    Returns
    -------
    Report

    Examples
    --------
    >>> report = sonset.report.check(0.5, device="virtual", max_xruns=0)
    >>> report.results["late sounds"], report.is_virtual
    (0, True)
    """
    if not 0.1 <= seconds <= 86400:
        refuse(f"seconds={shown(seconds)} is not from 0.1 to 86400")
    stream.setdefault("output_channels", 2)
    report = _progress.reporter("checking", show_progress)
    with Stream(**stream) as running:
        readings, actions, asked = _run(running, seconds, report)
        receipts = [action.wait(10) for action in actions]
        facts, stats = stream_facts(running), running.stats
    errors_us = [
        (receipt.start_perf_counter - at) * 1e6
        for receipt, at in zip(receipts, asked)
        if receipt.start_perf_counter is not None
    ]
    late = sum(receipt.late_frames > 0 or receipt.outcome != "completed" for receipt in receipts)
    last = readings[-1]
    uncertainty_us = None if last.uncertainty_s is None else last.uncertainty_s * 1e6
    measured: Dict[str, Optional[float]] = {
        "max_xruns": stats.output_xruns + stats.input_xruns,
        "max_discontinuities": stats.output_discontinuities + stats.input_discontinuities,
        "max_uncertainty_us": uncertainty_us,
        "max_drift_ppm": None if last.perf_counter is None else last.ppm,
        "max_late": late,
    }
    asked_limits = {
        "max_xruns": max_xruns,
        "max_discontinuities": max_discontinuities,
        "max_uncertainty_us": max_uncertainty_us,
        "max_drift_ppm": max_drift_ppm,
        "max_late": max_late,
    }
    results = {
        "seconds": round(seconds, 3),
        "sounds": len(receipts),
        "late sounds": late,
        "blocks": stats.callbacks,
        "largest block in frames": stats.largest_block_frames,
        "xruns": measured["max_xruns"],
        "steps in the time stamps": measured["max_discontinuities"],
        "device rate in ppm of nominal": None if last.perf_counter is None else round(last.ppm, 4),
        "uncertainty of the clock in µs": None if uncertainty_us is None else round(uncertainty_us, 3),
    }
    residuals, at = _residuals_us(readings)
    series = [Series("clock residuals", "µs", residuals, at, "s")] if residuals else []
    if errors_us:
        times = tuple(float(x - asked[0]) for x in asked[: len(errors_us)])
        series = [
            Series("onset errors by the stream's clock", "µs", tuple(errors_us)),
            Series("onset errors over time", "µs", tuple(errors_us), times, "s"),
            *series,
        ]
    errors = {"onset error by the stream's clock": Statistics.of(errors_us, "µs")} if errors_us else {}
    whole = Report("check", machine(), facts, results, errors, limits_of(asked_limits, measured), series)
    return _with_methods(whole)


def _run(stream: Stream, seconds: float, report: Any) -> Any:
    """Plays sounds at random times, and reads the clock meanwhile."""
    silence = Buffer(np.zeros(48, np.float32))
    random = np.random.default_rng()
    readings: List[StreamTime] = []
    actions, asked = [], []
    began = time.perf_counter()
    due = began + _SETTLE_S + _AHEAD_S
    end = began + _SETTLE_S + seconds
    while True:
        now = time.perf_counter()
        report(min(now, end) - began, end - began)
        reading = stream.time()
        if now >= began + _SETTLE_S:
            readings.append(reading)
        while due < now + _AHEAD_S + _EVERY_S and due < end and reading.perf_counter is not None:
            asked.append(due)
            actions.append(stream.play(silence, at_perf_counter=due))
            due += random.uniform(0.03, 0.07)
        if now >= end:
            return readings, actions, asked
        time.sleep(_EVERY_S / 5)


def _residuals_us(readings: List[StreamTime]) -> Any:
    """How far the clock's readings lie from the straight line through them."""
    known = [(reading.frame, reading.perf_counter) for reading in readings if reading.perf_counter is not None]
    if len(known) < 3:
        return (), ()
    frames = np.array([frame for frame, _ in known], float)
    times = np.array([at for _, at in known], float)
    frames, times = frames - frames[0], times - times[0]
    line = np.polyfit(frames, times, 1)
    residuals = (times - np.polyval(line, frames)) * 1e6
    return tuple(float(x) for x in residuals), tuple(float(x) for x in times)


def _with_methods(report: Report) -> Report:
    facts, results = report.stream, report.results
    error = report.errors.get("onset error by the stream's clock")
    sentences = [
        f"Sounds were presented with sonset {report.machine['sonset']} (library {report.machine['library']}) through "
        f"{facts['output_device'] or facts['backend']} ({facts['backend']}, {facts['share_mode']} mode) at "
        f"{facts['samplerate']} Hz on {report.machine.get('distribution') or report.machine['system']}.",
        f"In a run of {results['seconds']} s with {results['sounds']} scheduled sounds there were {results['xruns']} "
        f"xruns and {results['late sounds']} late sounds.",
    ]
    if error is not None:
        sentences.append(
            f"By the clock of the audio stream, onsets deviated from the times asked for by {error.mean:.2f} µs on "
            f"average (SD {error.sd:.2f} µs, range {error.range:.2f} µs); the delay behind the converter was not part "
            "of this."
        )
    return dataclasses.replace(report, methods=stamped(facts, " ".join(sentences)))
