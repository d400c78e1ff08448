"""Shows how far long work has come."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, Callable, Optional, Union

Progress = Union[None, bool, Callable[[float, Optional[float]], Any]]
"""True for a line on the screen, a function that is called with (done, total), or nothing."""

_EVERY_S = 0.2


class Line:
    """A line on stderr that is written anew as work goes on. Without a terminal only its end is written."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.written = 0.0

    def __call__(self, done: float, total: Optional[float]) -> None:
        finished = total is not None and done >= total
        if not finished and (not sys.stderr.isatty() or time.monotonic() - self.written < _EVERY_S):
            return
        self.written = time.monotonic()
        start, end = ("\r", "") if sys.stderr.isatty() and not finished else ("\r" if sys.stderr.isatty() else "", "\n")
        sys.stderr.write(f"{start}{self.title} {_bar(done, total)}{end}")
        sys.stderr.flush()


def _bar(done: float, total: Optional[float]) -> str:
    if total is None:
        return f"... {done:.0f} s"
    part = min(1.0, done / total) if total > 0 else 1.0
    full = round(part * 30)
    return f"[{'#' * full}{'.' * (30 - full)}] {part:4.0%}"


def reporter(title: str, progress: Progress) -> Callable[[float, Optional[float]], Any]:
    """What to call with (done, total), for what a user gave as progress."""
    if callable(progress):
        return progress
    return Line(title) if progress else lambda done, total: None


def while_working(title: str, progress: Progress, function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function that does not tell how far it is, and reports the seconds meanwhile."""
    if not progress:
        return function(*arguments)
    report = reporter(title, progress)
    began = time.monotonic()
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(_EVERY_S):
            report(time.monotonic() - began, None)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        return function(*arguments)
    finally:
        ended.set()
        teller.join()
        seconds = time.monotonic() - began
        report(seconds, seconds)
