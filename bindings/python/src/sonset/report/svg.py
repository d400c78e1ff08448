"""Small pictures: a histogram, and values over time."""

from __future__ import annotations

import html
from typing import Any, List, Tuple

import numpy as np

from .result import Series

_WIDTH, _HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 15, 30, 45
_BARS = 31


def draw(series: Series) -> str:
    """A histogram of values without places, else the values over them."""
    return _points(series) if series.at else _histogram(series)


def bars(values: Any) -> Tuple[Any, Any]:
    """How many values lie in each of some equal parts of their range, and the parts' edges."""
    data = np.asarray(values, float)
    least, most = float(data.min()), float(data.max())
    # What is one value but for rounding is drawn as one bar.
    if most - least < 1e-9 * max(1.0, abs(most)):
        least, most = least - 0.5, most + 0.5
    counts, edges = np.histogram(data, bins=_BARS, range=(least, most))
    return counts, edges


def _histogram(series: Series) -> str:
    counts, edges = bars(series.values)
    width = (_WIDTH - _LEFT - _RIGHT) / len(counts)
    scale = (_HEIGHT - _TOP - _BOTTOM) / max(1, counts.max())
    shapes = [
        f'<rect class="bar" x="{_LEFT + k * width:.1f}" y="{_HEIGHT - _BOTTOM - count * scale:.1f}" '
        f'width="{width - 1:.1f}" height="{count * scale:.1f}" fill="#33629c"><title>{count}</title></rect>'
        for k, count in enumerate(counts)
    ]
    return _frame(series.title, shapes, (edges[0], edges[-1], series.unit), (0, float(counts.max()), "count"))


def _points(series: Series) -> str:
    x, y = np.asarray(series.at, float), np.asarray(series.values, float)
    low, high = float(y.min()), float(y.max())
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    left, right = float(x.min()), float(x.max()) if x.max() > x.min() else float(x.min()) + 1
    across = _LEFT + (x - left) / (right - left) * (_WIDTH - _LEFT - _RIGHT)
    up = _HEIGHT - _BOTTOM - (y - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)
    shapes = [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="1.8" fill="#33629c"/>' for a, b in zip(across, up)]
    return _frame(series.title, shapes, (left, right, series.at_unit), (low, high, series.unit))


def _frame(title: str, shapes: List[str], across: Tuple[float, float, str], up: Tuple[float, float, str]) -> str:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    labels = [
        _label(_LEFT, 18, html.escape(title[:1].upper() + title[1:]), "start", 14),
        _label(_LEFT, bottom + 16, f"{across[0]:.3g}", "middle"),
        _label(right, bottom + 16, f"{across[1]:.3g}", "end"),
        _label((_LEFT + right) / 2, bottom + 34, html.escape(across[2]), "middle"),
        _label(_LEFT - 6, bottom, f"{up[0]:.3g}", "end"),
        _label(_LEFT - 6, _TOP + 10, f"{up[1]:.3g}", "end"),
        _label(_LEFT - 6, (_TOP + bottom) / 2, html.escape(up[2]), "end"),
    ]
    axes = f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#555"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" font-family="system-ui, sans-serif">{"".join(shapes)}{axes}{"".join(labels)}</svg>'
    )


def _label(x: float, y: float, text: str, anchor: str, size: int = 12) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}" fill="#333">{text}</text>'
