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
}
_OUTCOMES = names("sonset_outcome")


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
    """

    def __init__(self, strict: bool, samplerate: int) -> None:
        self.strict = strict
        self.samplerate = samplerate
        self.counts: Dict[str, int] = {}
        self.worst: Dict[str, int] = {}
        self.xruns = 0
        self.pending: Optional[errors.ProblemError] = None

    def note(self, kind: str, message: str, amount: int = 0, receipt: Optional[Receipt] = None) -> None:
        """Counts a problem, and tells of it if it is the first of its kind."""
        first = kind not in self.counts
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.worst[kind] = max(self.worst.get(kind, 0), amount)
        if self.strict:
            self.pending = self.pending or errors.ProblemError(message, kind, receipt)
        elif first:
            warn(f"{message} (further ones are counted in Stream.problems)", KINDS[kind])

    def examine(self, c: Any) -> None:
        """Looks for problems in a receipt."""
        if c.late_frames > 0:
            self._late(c)
        if c.outcome in _UNWANTED:
            self._tell("outcome", c, f"ended as {_OUTCOMES[c.outcome]}")
        if c.xruns:
            self._tell("xruns", c, f"saw {c.xruns} xruns", c.xruns)
        if c.missing_frames:
            self._tell("missing_frames", c, f"misses {c.missing_frames} frames", c.missing_frames)
        if c.discontinuities:
            self._tell("discontinuities", c, f"saw {c.discontinuities} steps in the time stamps", c.discontinuities)
        if c.stream_clipped_samples:
            amount = c.stream_clipped_samples
            self._tell("clipping", c, f"ran while {amount} samples of the output were limited", amount)
        if c.input_clipped_samples:
            amount = c.input_clipped_samples
            self._tell("input_clipping", c, f"recorded {amount} samples at full scale", amount)
        if c.all_zero:
            self._tell("all_zero", c, "recorded nothing but zeros: is the microphone allowed and connected?")

    def _late(self, c: Any) -> None:
        ms = c.late_frames / self.samplerate * 1e3
        if c.outcome == lib.SONSET_OUTCOME_DROPPED_LATE:
            self._tell("dropped", c, f"was dropped, {c.late_frames} frames ({ms:.3g} ms) late", c.late_frames)
        else:
            self._tell("late", c, f"started {c.late_frames} frames ({ms:.3g} ms) later than asked", c.late_frames)

    def _tell(self, kind: str, c: Any, what: str, amount: int = 0) -> None:
        tag = f", tag {c.tag}" if c.tag else ""
        receipt = Receipt(c, self.samplerate)
        self.note(kind, f"action {c.action}{tag} ({receipt.kind}) {what}", amount, receipt)

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


__all__ = ["KINDS", "Notices"]
