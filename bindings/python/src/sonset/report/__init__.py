"""Measures how well a machine keeps time, and writes it down for others to read.

`check` runs a stream and looks at its clock; `loopback` plays pulses through a cable and finds them in the recording.
Both give a `Report`, which prints as a summary and writes a page of HTML and JSON.
"""

from __future__ import annotations

from .loopback import loopback
from .pulses import Refused
from .result import VIRTUAL, Limit, Report, Statistics
from .timing import check

__all__ = ["VIRTUAL", "Limit", "Refused", "Report", "Statistics", "check", "loopback"]
