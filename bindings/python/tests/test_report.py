"""Measurements are right, refuse to guess, and are written so that others can read them."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import sonset
from sonset.__main__ import main
from sonset.report import pulses, result, svg

RATE = 48000
FRAMES = np.array([2000, 6000, 9000, 15000])


def recording(delay: float = 137.25, noise: float = 1e-4, gain: float = 0.5, echo: float = 0.0) -> np.ndarray:
    """Pulses that come back later by a fraction of a frame too, made in the frequency domain."""
    sent = np.zeros(20480)
    shape = pulses.pulse(RATE, 0.25)
    for frame in FRAMES:
        sent[frame : frame + len(shape)] = shape
    turns = np.fft.rfftfreq(len(sent)) * delay
    came = gain * np.fft.irfft(np.fft.rfft(sent) * np.exp(-2j * np.pi * turns), len(sent))
    came += echo * np.roll(came, 700)
    return came + noise * np.random.default_rng(2).standard_normal(len(sent))


def find(came: np.ndarray, longest: int = 1500) -> list:
    return pulses.find(came, pulses.pulse(RATE, 0.25), FRAMES, longest)


@pytest.mark.parametrize("delay", [0.0, 137.0, 137.25, 512.5, 700.9])
@pytest.mark.parametrize("gain", [0.5, -0.1])
def test_pulses_are_found_to_a_hundredth_of_a_frame(delay, gain):
    for found in find(recording(delay, 1e-5, gain)):
        assert abs(found.delay - delay) < 0.01
        assert abs(found.gain - gain) < 0.01 and found.likeness > 0.99


@pytest.mark.parametrize(
    "came, kind",
    [
        (np.zeros(20480), "missing"),
        (recording(gain=0.0), "missing"),
        (recording(gain=0.01, noise=5e-4), "weak"),
        (np.clip(recording(gain=8.0), -1, 1), "clipped"),
        (recording(echo=0.8), "repeated"),
        (np.abs(recording(noise=1e-5)), "unlike"),
        (recording()[:15100], "missing"),
    ],
)
def test_what_cannot_be_trusted_is_refused_with_the_reason(came, kind):
    with pytest.raises(sonset.report.Refused) as caught:
        find(came)
    assert caught.value.kind == kind, str(caught.value)


def test_one_pulse_that_is_missing_is_enough_to_refuse():
    came = recording()
    came[9000:10000] = 1e-5
    with pytest.raises(sonset.report.Refused, match="pulse 2"):
        find(came)


def test_statistics_are_those_of_the_textbook():
    errors = np.random.default_rng(3).normal(2.0, 3.0, 5000)
    found = result.Statistics.of(errors.tolist(), "µs")
    assert np.isclose(found.mean, errors.mean()) and np.isclose(found.sd, errors.std(ddof=1))
    assert (found.least, found.most, found.range) == (errors.min(), errors.max(), np.ptp(errors))
    assert np.sum(np.abs(errors) > found.within_999) <= 5 and found.within_999 in np.abs(errors)
    assert result.Statistics.of([1.0, -4.0], "µs").within_999 == 4.0


def test_the_bars_of_a_histogram_add_up():
    for values in (np.random.default_rng(4).normal(size=777), np.zeros(5), np.full(9, 3.7)):
        counts, edges = svg.bars(values)
        assert counts.sum() == len(values) and edges[0] < edges[-1]
    drawn = svg.draw(result.Series("t", "µs", tuple(np.arange(10.0))))
    assert sum(map(int, re.findall(r"<title>(\d+)</title>", drawn))) == 10


def test_the_loop_of_the_virtual_device_is_its_round_trip_without_jitter():
    report = sonset.report.loopback(10, device="virtual", virtual_latency_frames=777, max_jitter_samples=0.01)
    assert report.results["round trip in frames"] == 777 == report.stream["round_trip_frames"]
    assert report.errors["round trip about its median"].range < 1e-6 and report.passed
    assert report.results["pulses found"] == 10


def test_a_limit_is_kept_only_by_what_was_measured_and_lies_within_it():
    assert [result.Limit("x", 1.0, value).kept for value in (1.0, -1.0, 1.1, -1.1, None)] == [True] * 2 + [False] * 3


def test_a_check_counts_its_sounds_and_holds_limits_against_what_it_measured():
    report = sonset.report.check(1.0, device="virtual", max_xruns=0, max_late=0, max_uncertainty_us=1e-9)
    assert report.results["sounds"] == report.errors["onset error by the stream's clock"].n > 10
    assert report.errors["onset error by the stream's clock"].within_999 <= 0.5e6 / RATE + 0.1
    kept = {limit.name: limit.kept for limit in report.limits}
    assert kept == {"max_xruns": True, "max_late": True, "max_uncertainty_us": False}
    assert not report.passed and "BROKEN" in str(report)


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open, self.texts = [], []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_the_command_writes_a_page_and_json_that_say_the_same(tmp_path, capsys):
    page, numbers = tmp_path / "r.html", tmp_path / "r.json"
    status = main(
        ["loopback", "--device", "virtual", "--pulses", "5", "--max-jitter-samples", "1", "--quiet"]
        + ["--html", str(page), "--json", str(numbers)]
    )
    said = capsys.readouterr().out
    whole = json.loads(numbers.read_text(encoding="utf-8"))
    parser = Page()
    parser.feed(page.read_text(encoding="utf-8"))
    text = " ".join(parser.texts)
    assert status == 0 and whole["passed"] and parser.open == []
    assert "THEY SAY NOTHING ABOUT THIS MACHINE" in said and "THEY SAY NOTHING" in text
    for value in (whole["results"]["round trip in frames"], whole["machine"]["library"], whole["methods"]):
        assert (f"{value:.6g}" if isinstance(value, float) else str(value)) in text
    assert {"processor", "system", "python", "library"} <= set(whole["machine"])
    assert {"latency_source", "share_mode", "block_frames"} <= set(whole["stream"])
    assert page.read_text(encoding="utf-8").count("<svg") == 2
    assert "http" not in page.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")


def test_the_exit_status_tells_passed_broken_and_not_measured(capsys):
    quiet = ["--device", "virtual", "--quiet"]
    assert main(["check", "--seconds", "0.2", "--max-uncertainty-us", "0", *quiet]) == 1
    assert main(["loopback", "--pulses", "5", "--device", "no such device", "--quiet"]) == 2
    assert main(["loopback", "--pulses", "1", *quiet]) == 2
    assert "pulses=1" in capsys.readouterr().err


def test_devices_and_doctor_tell_versions_backends_and_a_self_test(capsys, monkeypatch, tmp_path):
    assert main([]) == 0 and f"sonset {sonset.__version__}" in capsys.readouterr().out
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    for words in ("numpy", "virtual", "self-test on the virtual device: passed", "default output", "library"):
        assert words in said
    assert str(tmp_path) not in said


def test_progress_comes_to_its_end():
    told = []
    sonset.report.loopback(20, device="virtual", show_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (20, 20) and [done for done, _ in told] == sorted(done for done, _ in told)
