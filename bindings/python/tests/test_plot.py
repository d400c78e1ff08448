"""Receipts are drawn where the sounds are."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

import sonset
from sonset import plot

RATE = 48000


def played(stream) -> list:
    for k in range(3):
        stream.play(np.full(480, 0.2), at_frame=2400 * (k + 1), tag=k + 1)
    stream.render(12000)
    stream.stop()
    return list(stream.receipts)


def test_onset_errors_are_those_of_the_receipts(manual, virtual):
    times, errors = plot.onset_errors(played(manual(1)))
    assert times == [0.05, 0.1, 0.15] and errors == [0.0] * 3
    stream = virtual()
    for clock in ("at_perf_counter", "at_unix"):
        now = time.perf_counter() if clock == "at_perf_counter" else time.time()
        stream.play([0.1], **{clock: now + 0.1}).wait(5)
    assert all(abs(error) <= 1 / RATE for error in plot.onset_errors(stream.receipts)[1])


def test_without_matplotlib_the_error_says_what_to_install():
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import sonset\n"
        "try: sonset.plot.plot_onset_errors([])\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "sonset.plot needs matplotlib: pip install sonset[plot]", done.stderr


@pytest.fixture
def pyplot():
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def test_each_sound_is_drawn_from_its_onset_to_its_end(manual, pyplot):
    receipts = played(manual(1))
    axes = plot.plot_receipts(np.zeros((12000, 2)), receipts, RATE, shift_frames=48)
    onsets = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 2]
    assert np.allclose(onsets, [0.051, 0.101, 0.151])
    ends = [patch.get_x() + patch.get_width() for patch in axes.patches]
    assert np.allclose(ends, [0.061, 0.111, 0.161])
    assert [text.get_text() for text in axes.texts] == ["1", "2", "3"]
    assert len(axes.lines) == 5, "two channels and three onsets"


def test_what_was_late_is_drawn_in_red(manual, pyplot):
    stream = manual(1)
    stream.render(1000)
    with pytest.warns(sonset.LateWarning):
        stream.play([0.1], at_frame=0)
        stream.process(64)
        stream.stop()
    axes = plot.plot_receipts(np.zeros(100), stream.receipts, RATE)
    assert axes.lines[-1].get_color() == "tab:red"
    with pytest.warns(sonset.SummaryWarning):
        stream.close()


def test_a_recording_knows_its_rate_and_its_place(virtual, pyplot):
    stream = virtual(1, 1)
    stream.play_tone(100, 0.1)
    recording = stream.record(2400, at_frame=stream.earliest_frame + 4800)
    receipt = recording.wait(5)
    axes = plot.plot_receipts(recording, [receipt])
    assert axes.lines[0].get_xdata()[0] == receipt.start_frame / RATE
    assert len(plot.plot_onset_errors(stream.receipts).lines[0].get_xdata()) == len(stream.receipts)
    with pytest.raises(ValueError, match="samplerate"):
        plot.plot_receipts(np.zeros(10), [])
