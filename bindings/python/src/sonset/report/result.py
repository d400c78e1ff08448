"""What a measurement came to: numbers, limits and series, and how they are written."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

VIRTUAL = "VIRTUAL: THEY SAY NOTHING ABOUT THIS MACHINE."
"""Stands on all results of the virtual device."""


@dataclass(frozen=True)
class Statistics:
    """What is said of a set of errors.

    Attributes
    ----------
    n : int
        How many.
    mean, sd : float
        Mean, and standard deviation with n - 1 in the denominator.
    least, most, range : float
        Smallest, largest, and their difference.
    within_999 : float
        The magnitude that 99.9 % of them do not exceed: of fewer than 1000, the largest.
    unit : str
        Their unit.
    """

    n: int
    mean: float
    sd: float
    least: float
    most: float
    range: float
    within_999: float
    unit: str

    @classmethod
    def of(cls, errors: Sequence[float], unit: str) -> Statistics:
        """The statistics of at least one error.

        >>> Statistics.of([1.0, 2.0, 3.0], "µs").sd
        1.0
        """
        values = np.asarray(errors, dtype=float)
        least, most = float(values.min()), float(values.max())
        sd = float(values.std(ddof=1)) if values.size > 1 else 0.0
        within = float(np.quantile(np.abs(values), 0.999, method="higher"))
        return cls(int(values.size), float(values.mean()), sd, least, most, most - least, within, unit)

    def line(self) -> str:
        """In one line."""
        return (
            f"n {self.n}, mean {self.mean:.3g}, SD {self.sd:.3g}, range {self.range:.3g} ({self.least:.3g} to "
            f"{self.most:.3g}), 99.9 % within {self.within_999:.3g} {self.unit}"
        )


@dataclass(frozen=True)
class Limit:
    """A limit that was asked for, and what it was held against."""

    name: str
    limit: float
    measured: Optional[float]

    @property
    def kept(self) -> bool:
        """Whether it was measured, and is kept."""
        return self.measured is not None and abs(self.measured) <= self.limit


@dataclass(frozen=True)
class Series:
    """Values to be drawn: as a histogram without places, else over them."""

    title: str
    unit: str
    values: Tuple[float, ...]
    at: Tuple[float, ...] = ()
    at_unit: str = ""


@dataclass(frozen=True)
class Report:
    """What was measured.

    Attributes
    ----------
    command : str
        ``'check'`` or ``'loopback'``.
    machine, stream : dict
        Where it was measured.
    results : dict
        The numbers.
    errors : dict
        `Statistics` by what they are of.
    limits : list of Limit
        The limits asked for.
    series : list of Series
        What is drawn.
    methods : str
        A paragraph to paste into a paper.
    """

    command: str
    machine: Dict[str, Any]
    stream: Dict[str, Any]
    results: Dict[str, Any]
    errors: Dict[str, Statistics]
    limits: List[Limit] = field(default_factory=list)
    series: List[Series] = field(default_factory=list)
    methods: str = ""

    @property
    def is_virtual(self) -> bool:
        """Whether it is of the virtual device, and so of no machine."""
        return bool(self.stream["is_virtual"])

    @property
    def passed(self) -> bool:
        """Whether every limit is kept."""
        return all(limit.kept for limit in self.limits)

    def as_dict(self) -> Dict[str, Any]:
        """All of it, for JSON."""
        whole = dataclasses.asdict(self)
        whole["limits"] = [{**dataclasses.asdict(limit), "kept": limit.kept} for limit in self.limits]
        return {**whole, "passed": self.passed, "warning": VIRTUAL if self.is_virtual else None}

    def write_json(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes all of it."""
        text = json.dumps(self.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        Path(path).write_text(text + "\n", encoding="utf-8")

    def write_html(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes a page that needs nothing else to be read."""
        from .page import page

        Path(path).write_text(page(self), encoding="utf-8")

    def __str__(self) -> str:
        lines = [f"Results are {VIRTUAL}"] if self.is_virtual else []
        lines += [f"{name}: {value}" for name, value in self.results.items()]
        lines += [f"{name}: {statistics.line()}" for name, statistics in self.errors.items()]
        for limit in self.limits:
            measured = "not measured" if limit.measured is None else f"{limit.measured:.4g}"
            lines.append(f"{'kept' if limit.kept else 'BROKEN'}: {limit.name} at most {limit.limit:g}: {measured}")
        return "\n".join(lines)


def stamped(facts: Dict[str, Any], paragraph: str) -> str:
    """A paragraph that cannot be taken for one about a machine if it is not."""
    return f"[{VIRTUAL}] {paragraph}" if facts["is_virtual"] else paragraph


def limits_of(asked: Dict[str, Optional[float]], measured: Dict[str, Optional[float]]) -> List[Limit]:
    """The limits that were given."""
    return [Limit(name, float(limit), measured[name]) for name, limit in asked.items() if limit is not None]
