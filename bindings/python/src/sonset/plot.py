"""Draws receipts over a recording. Needs matplotlib: ``pip install sonset[plot]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, List, Optional, Tuple

import numpy as np

from ._library import refuse
from .action import Recording
from .receipt import Receipt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"completed": "tab:green", "stopped": "tab:olive", "none": "tab:blue"}
_TROUBLE = "tab:red"


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("sonset.plot needs matplotlib: pip install sonset[plot]") from error
    return pyplot


def _axes(ax: Optional[Axes]) -> Any:
    return _pyplot().subplots(figsize=(10, 3), layout="constrained")[1] if ax is None else ax


def plot_receipts(
    recording: Any,
    receipts: Iterable[Receipt],
    samplerate: Optional[int] = None,
    *,
    first_frame: Optional[int] = None,
    shift_frames: int = 0,
    ax: Optional[Axes] = None,
) -> Axes:
    """Draws what was recorded, and over it where each action began and ended.

    Parameters
    ----------
    recording : Recording or array_like
        What was recorded; an array has the shape (frames, channels) or (frames,).
    receipts : iterable of Receipt
        What to draw over it. Actions that never started are left out.
    samplerate : int, optional
        Rate in hertz; that of the recording's stream if it is a `Recording`.
    first_frame : int, optional
        The frame of the stream that the first sample is; of a `Recording` it is known, else 0.
    shift_frames : int, optional
        Frames by which actions are drawn later, such as the round trip where sounds come back through a cable.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        Seconds since frame 0 of the stream, across. Completed actions are green, and red are those that were late,
        miss frames, saw xruns or ended otherwise.
    """
    if isinstance(recording, Recording):
        samplerate = recording.stream.samplerate if samplerate is None else samplerate
        first_frame = recording.receipt.start_frame if first_frame is None else first_frame
        recording = recording.data
    if not samplerate:
        refuse("samplerate is needed to draw an array")
    samples = np.atleast_2d(np.asarray(recording, float).T).T
    axes = _axes(ax)
    times = ((first_frame or 0) + np.arange(len(samples))) / samplerate
    for channel, column in enumerate(samples.T):
        axes.plot(times, column, color="0.4", alpha=1.0 / (1 + channel), linewidth=0.6)
    for receipt in receipts:
        _span(axes, receipt, samplerate, shift_frames)
    axes.set_xlabel("time of the stream in s")
    axes.set_ylabel("amplitude")
    return axes  # type: ignore[no-any-return]


def _span(axes: Any, receipt: Receipt, samplerate: int, shift: int) -> None:
    """The stretch of one action: its onset as a line, its course as a faint area."""
    if receipt.start_frame is None:
        return
    colour = _TROUBLE if _is_trouble(receipt) else _COLOURS.get(receipt.outcome, _TROUBLE)
    begin = (receipt.start_frame + shift) / samplerate
    axes.axvline(begin, color=colour, linewidth=1)
    if receipt.end_frame is not None:
        axes.axvspan(begin, (receipt.end_frame + shift) / samplerate, color=colour, alpha=0.15, linewidth=0)
    if receipt.tag:
        axes.annotate(str(receipt.tag), (begin, 1), (2, -10), xycoords=("data", "axes fraction"),
                      textcoords="offset points", color=colour, fontsize=8)  # fmt: skip


def _is_trouble(receipt: Receipt) -> bool:
    return bool(receipt.late_frames > 0 or receipt.missing_frames or receipt.xruns or receipt.discontinuities)


def onset_errors(receipts: Iterable[Receipt]) -> Tuple[List[float], List[float]]:
    """When each action began, and how much later than asked, by the stream's clock.

    Returns
    -------
    times : list of float
        Seconds since frame 0 of the stream.
    errors : list of float
        Seconds: of an action for a host time the difference of the times, else whole frames.
    """
    times, errors = [], []
    for receipt in receipts:
        if receipt.start_frame is None or receipt.start_stream_s is None:
            continue
        times.append(receipt.start_stream_s)
        asked, began = receipt.requested_host_ns, receipt.start_host_ns
        if receipt.start_clock is None or asked is None or began is None:
            errors.append(receipt.late_s)
        else:
            offset = receipt.realtime_offset_ns if receipt.start_clock == "realtime" else 0
            errors.append((began + offset - asked) / 1e9)
    return times, errors


def plot_onset_errors(receipts: Iterable[Receipt], *, ax: Optional[Axes] = None) -> Axes:
    """Draws how much later than asked actions began, by the stream's clock, over time.

    Parameters
    ----------
    receipts : iterable of Receipt
        Such as ``stream.receipts``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    """
    times, errors = onset_errors(receipts)
    axes = _axes(ax)
    axes.plot(times, np.asarray(errors) * 1e6, ".", markersize=3)
    axes.axhline(0, color="0.7", linewidth=0.8)
    axes.set_xlabel("time of the stream in s")
    axes.set_ylabel("onset error in µs")
    return axes  # type: ignore[no-any-return]


__all__ = ["onset_errors", "plot_onset_errors", "plot_receipts"]
