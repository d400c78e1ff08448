"""The programs in examples/python, run as their users run them, on the virtual device."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import List

import numpy as np
import pytest

import sonset

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples" / "python"
SPEECH = ROOT / "examples" / "speech.wav"

if not EXAMPLES.is_dir():
    pytest.skip("the examples are not part of this source", allow_module_level=True)


def run(folder: Path, name: str, *arguments: object) -> str:
    """What a program prints, which it does without a warning of sonset."""
    command = [sys.executable, "-W", "error::UserWarning", EXAMPLES / f"{name}.py", *arguments, "--device", "virtual"]
    # They find the package that is tested here, wherever they run.
    paths = [str(Path(sonset.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def numbers(pattern: str, text: str) -> List[List[float]]:
    return [[float(part) for part in found.groups()] for found in re.finditer(pattern, text)]


def test_play_record_hears_each_tone_at_its_exact_frame(tmp_path: Path) -> None:
    told = run(tmp_path, "play_record")
    started = numbers(r"asked for frame (\d+), started at (\d+): completed, 4800 frames", told)
    assert len(started) == 3 and all(asked == start for asked, start in started)
    sound = sonset.Buffer.from_file(tmp_path / "recording.wav").array[:, 0]
    assert sound.shape == (38400,)
    # Computed apart from the library: the tone with its ramps of a raised cosine.
    ramp = np.sin(np.pi / 2 * (np.arange(480) + 0.5) / 480) ** 2
    tone = 0.2 * np.sin(2 * np.pi * 1000 * np.arange(4800) / 48000)
    expected = np.zeros(38400)
    for start in (4800, 14400, 24000):
        expected[start : start + 4800] = tone * np.concatenate([ramp, np.ones(3840), ramp[::-1]])
    assert np.abs(sound - expected).max() < 5e-4


def test_oddball_writes_the_onsets_that_were_asked_for_to_a_bids_file(tmp_path: Path) -> None:
    told = run(tmp_path, "oddball", "--trials", 5, "--interval", 0.2, "--events", "sub-01_task-x_events.tsv")
    assert "5 tones, 1 of them deviants; tone minus marker: {0} frames" in told
    with open(tmp_path / "sub-01_task-x_events.tsv", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert sorted(row["trial_type"] for row in rows) == ["deviant"] + 4 * ["standard"]
    assert np.diff([int(row["sample"]) for row in rows]).tolist() == 4 * [9600]
    assert (tmp_path / "sub-01_task-x_events.json").exists()


def test_reaction_time_finds_the_answers_at_their_times(tmp_path: Path) -> None:
    told = run(tmp_path, "reaction_time", "--trials", 2)
    ms = np.array(numbers(r"trial \d: answer ([\d.]+) ms", told))[:, 0]
    # The voice key may take a few frames of noise to reach its threshold.
    assert ms == pytest.approx([200, 300], abs=0.2)


def test_gapless_queue_has_no_gap(tmp_path: Path) -> None:
    told = run(tmp_path, "gapless_queue")
    ranges = numbers(r"frames (\d+) to (\d+): completed", told)
    assert len(ranges) == 8
    assert [start for start, _ in ranges[1:]] == [end for _, end in ranges[:-1]]


def test_film_sound_starts_at_the_time_of_the_first_picture(tmp_path: Path) -> None:
    told = run(tmp_path, "film_sound", SPEECH, "--seconds", 0.5)
    ((error,),) = numbers(r"started ([+-]\d+) us", told)
    assert abs(error) <= 25
    assert "12 pictures" in told and "completed, 24000 frames" in told


def test_record_to_file_begins_before_the_sound(tmp_path: Path) -> None:
    assert "48000 frames from 24000 frames before" in run(tmp_path, "record_to_file", "--seconds", 1)
    sound = sonset.Buffer.from_file(tmp_path / "answer.wav").array[:, 0]
    assert len(sound) == 48000
    # Noise reaches the threshold of the key within some frames.
    assert abs(int(np.flatnonzero(sound)[0]) - 24000) < 50


def test_make_sound_in_python_plays_without_a_hole(tmp_path: Path) -> None:
    told = run(tmp_path, "make_sound_in_python", "--seconds", 0.5, "--prefill-ms", 300)
    ((frames, missing),) = numbers(r"(\d+) frames, (\d+) of them missing: completed", told)
    assert frames > 24000 and missing == 0


def test_asyncio_trial_lets_other_tasks_run(tmp_path: Path) -> None:
    ((late, ticks),) = numbers(
        r"completed, 24000 frames, (\d+) frames late; (\d+) ticks", run(tmp_path, "asyncio_trial")
    )
    assert late == 0 and ticks > 20


def test_loudness_calibrated_plays_at_the_level_asked_for(tmp_path: Path) -> None:
    told = run(tmp_path, "loudness_calibrated", "--calibrate", 74.3, "--seconds", 0.2)
    assert "played with +0.0 dB: 74.3 dB SPL, completed" in told
    told = run(tmp_path, "loudness_calibrated", "--level", 60, "--seconds", 0.2)
    assert "played with -14.3 dB: 60.0 dB SPL, completed" in told


def test_smallest_prefill_adds_two_blocks_to_the_time_between_refills(tmp_path: Path) -> None:
    told = run(tmp_path, "smallest_prefill", "--seconds", 1)
    ((block,),) = numbers(r"blocks of ([\d.]+) ms", told)
    ((median, rare, most),) = numbers(r"median ([\d.]+) ms, 99.9 % below ([\d.]+) ms, longest ([\d.]+) ms", told)
    ((needed, for_all),) = numbers(r"needed: ([\d.]+) ms for 99.9 % of the refills, ([\d.]+) ms for all", told)
    assert 0 < median <= rare <= most
    assert needed == pytest.approx(rare + 2 * block, abs=0.15)
    assert for_all == pytest.approx(most + 2 * block, abs=0.15)


def test_every_example_is_run_and_fits_on_two_screens() -> None:
    tests = "".join(name for name in globals() if name.startswith("test_"))
    for example in EXAMPLES.glob("*.py"):
        assert example.stem in tests
        assert len(example.read_text().splitlines()) <= 80, example.name
