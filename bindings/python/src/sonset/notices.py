"""Tells of problems by itself: once per kind while they happen, and in sum at the end."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any, Dict, List, Optional, Type

from . import errors
from ._library import lib, names
from .receipt import Receipt

_HERE = os.path.dirname(os.path.abspath(__file__))

KINDS: Dict[str, Type[errors.SonsetWarning]] = {
    "late": errors.LateWarning,
    "dropped": errors.LateWarning,
    "xruns": errors.XrunWarning,
    "clipping": errors.ClippingWarning,
    "input_clipping": errors.ClippingWarning,
    "missing_frames": errors.MissingFramesWarning,
    "all_zero": errors.SilentInputWarning,
    "loud_floor": errors.LoudFloorWarning,
    "discontinuities": errors.DiscontinuityWarning,
    "outcome": errors.OutcomeWarning,
    "latency": errors.LatencyWarning,
    "bluetooth": errors.BluetoothWarning,
}
"""The kinds of problems, and the warning of each."""

_UNWANTED = {
    lib.SONSET_OUTCOME_PREDECESSOR,
    lib.SONSET_OUTCOME_DEVICE_LOST,
    lib.SONSET_OUTCOME_UNDERFLOW,
    lib.SONSET_OUTCOME_OVERFLOW,
    lib.SONSET_OUTCOME_FILE_ERROR,
    lib.SONSET_OUTCOME_STOP_BEFORE_START,
}
_OUTCOMES = names("sonset_outcome")

LOUD_FLOOR = (
    "measured its floor while there was sound, so that it may have missed an onset: start the key before the stimulus, "
    "or give threshold=, or floor_limit= where the room is so loud"
)
"""What is said of a voice key of which the floor was loud."""


def warn(message: str, category: Type[Warning]) -> None:
    """Warns at the line of the program that called into this package."""
    frame, depth = sys._getframe(1), 2
    while frame.f_back is not None and os.path.dirname(os.path.abspath(frame.f_code.co_filename)).startswith(_HERE):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(message, category, stacklevel=depth)


class Notices:
    """The problems of one stream.

    Attributes
    ----------
    counts : dict
        How often each kind was seen.
    worst : dict
        The largest amount of each kind that has one.
    pending : ProblemError or None
        Of a strict stream, what is to be raised at the next opportunity.
    unwanted : set of int
        The outcomes that are a problem.
    """

    def __init__(self, strict: bool, samplerate: int) -> None:
        self.strict = strict
        self.samplerate = samplerate
        self.counts: Dict[str, int] = {}
        self.worst: Dict[str, int] = {}
        self.pending: Optional[errors.ProblemError] = None
        self.unwanted = set(_UNWANTED)

    def note(self, kind: str, message: str, amount: int = 0) -> None:
        """Counts a problem, and tells of it if it is the first of its kind."""
        if self._is_news(kind, amount):
            self._tell(kind, message, None)

    def examine(self, c: Any) -> None:
        """Looks for problems in a receipt."""
        if c.late_frames > 0:
            ms = c.late_frames / self.samplerate * 1e3
            if c.outcome == lib.SONSET_OUTCOME_DROPPED_LATE:
                self._see("dropped", c, "was dropped, {} frames ({:.3g} ms) late", c.late_frames, ms)
            else:
                self._see("late", c, "started {} frames ({:.3g} ms) later than asked", c.late_frames, ms)
        if c.outcome in self.unwanted:
            self._see("outcome", c, "ended as {1}", 0, _OUTCOMES[c.outcome])
        if c.xruns:
            self._see("xruns", c, "saw {} xruns", c.xruns)
        if c.missing_frames:
            self._see("missing_frames", c, "misses {} frames", c.missing_frames)
        if c.discontinuities:
            self._see("discontinuities", c, "saw {} steps in the time stamps", c.discontinuities)
        if c.stream_clipped_samples:
            self._see("clipping", c, "ran while {} samples of the output were limited", c.stream_clipped_samples)
        if c.input_clipped_samples:
            self._see("input_clipping", c, "recorded {} samples at full scale", c.input_clipped_samples)
        if c.all_zero:
            self._see("all_zero", c, "recorded nothing but zeros: is the microphone allowed and connected?", 0)
        if c.detection == lib.SONSET_DETECTION_LOUD_FLOOR:
            self._see("loud_floor", c, LOUD_FLOOR, 0)

    def _see(self, kind: str, c: Any, what: str, amount: int, detail: Any = None) -> None:
        if self._is_news(kind, amount):
            receipt = Receipt(c, self.samplerate)
            tag = f", tag {c.tag}" if c.tag else ""
            self._tell(kind, f"action {c.action}{tag} ({receipt.kind}) {what.format(amount, detail)}", receipt)

    def _is_news(self, kind: str, amount: int) -> bool:
        first = kind not in self.counts
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.worst[kind] = max(self.worst.get(kind, 0), amount)
        return self.pending is None if self.strict else first

    def _tell(self, kind: str, message: str, receipt: Optional[Receipt]) -> None:
        if self.strict:
            self.pending = errors.ProblemError(message, kind, receipt)
        else:
            warn(f"{message} (further ones are counted in Stream.problems)", KINDS[kind])

    def summary(self, stats: Any) -> None:
        """Says at the end what there was."""
        parts: List[str] = []
        for kind, count in self.counts.items():
            worst = f" (at most {self.worst[kind]})" if self.worst[kind] > 1 else ""
            parts.append(f"{kind.replace('_', ' ')} {count}{worst}")
        xruns = stats.output_xruns + stats.input_xruns
        if xruns:
            parts.append(f"xruns of the stream {xruns}")
        if stats.receipts_dropped:
            parts.append(f"receipts dropped {stats.receipts_dropped}")
        if parts:
            warn(f"while the stream was open: {', '.join(parts)}", errors.SummaryWarning)


__all__ = ["KINDS", "LOUD_FLOOR", "Notices"]
