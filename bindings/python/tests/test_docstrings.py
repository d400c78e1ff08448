"""Every example in a docstring runs, and says what it claims."""

from __future__ import annotations

import doctest
import importlib
import io
import pkgutil
from typing import List

import numpy as np
import pytest

import sonset


def modules() -> List[str]:
    found = [module.name for module in pkgutil.walk_packages(sonset.__path__, "sonset.")]
    return ["sonset"] + [name for name in found if not name.startswith("sonset._native") and "__main__" not in name]


def examples_of(name: str) -> List[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    module = importlib.import_module(name)
    return [test for test in finder.find(module, extraglobs={"np": np, "sonset": sonset}) if test.examples]


# A recording of the virtual device is silence, of no frames or of a block, as it happens.
@pytest.mark.filterwarnings("ignore::sonset.SilentInputWarning", "ignore:.*all zero:sonset.SummaryWarning")
@pytest.mark.parametrize("name", modules())
def test_the_examples_in_docstrings_run(name: str) -> None:
    for test in examples_of(name):
        told = io.StringIO()
        results = doctest.DocTestRunner().run(test, out=told.write)
        assert results.failed == 0, told.getvalue()


def test_what_users_meet_first_has_an_example() -> None:
    shown = {test.name for name in modules() for test in examples_of(name)}
    first = {"sonset", "sonset.buffer.Buffer", "sonset.ring.RingBuffer", "sonset.stream.Stream"}
    methods = {f"sonset.stream.Stream.{name}" for name in ("batch", "render", "frames")}
    methods |= {"sonset.playing.Player.play", "sonset.recording.Recorder.record"}
    assert first | methods <= shown
