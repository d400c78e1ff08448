"""A call takes microseconds, and goes on to do so.

What is counted is what a call does, which is the same on every machine and at every load. Time is only compared with
that of the same work written out by hand, in turn with it.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest

import sonset
from sonset import rtmixer
from sonset._library import NULL, ffi, lib

SILENCE = np.zeros((48, 1), np.float32)

# On a busy machine sounds may be late: only the time of the calls is looked at.
pytestmark = pytest.mark.filterwarnings("ignore::sonset.SonsetWarning")

# Functions that a call may run, in Python and in C: a few more than the 8, 18, 19, 7 and 59 that it does.
MOST = {"play": 10, "play_at_frame": 21, "play_at_perf_counter": 22, "receipt": 8, "rtmixer": 65}

# How much longer than by hand a call may take; it takes 1.1 and 1.35 times as long.
SLOWEST = {"play": 1.7, "play_at_frame": 2.1}


class ByHand:
    """What a call cannot do without: a call of the library, and something that stands for the action."""

    def __init__(self, stream, buffer):
        self.handle, self.buffer = stream._handle, buffer
        self.alive = {}
        self.params = ffi.new("sonset_play_params *", {"struct_size": ffi.sizeof("sonset_play_params")})
        self.frame = 0

    def play(self):
        return self.issue(NULL)

    def play_at_frame(self):
        params = ffi.new("sonset_play_params *", self.params[0])
        params.start_mode = lib.SONSET_START_AT_FRAME
        params.start_frame = self.frame
        return self.issue(params)

    def issue(self, params):
        number = ffi.new("int64_t *")
        if lib.sonset_stream_play_buffer(self.handle, self.buffer._handle, NULL, NULL, 0, params, number):
            raise RuntimeError
        self.alive[number[0]] = self.buffer
        return sonset.Action(self, number[0], self.buffer)


class Calls:
    def __init__(self, stream, mixer):
        self.stream, self.mixer = stream, mixer
        self.buffer = sonset.Buffer(SILENCE)
        self.by_hand = ByHand(stream, self.buffer)
        self.action = stream.play(self.buffer)
        self.ahead()

    def ahead(self):
        self.frame = self.by_hand.frame = self.stream.earliest_frame + 960
        self.at = time.perf_counter() + 0.02

    def play(self):
        return self.stream.play(self.buffer)

    def play_at_frame(self):
        return self.stream.play(self.buffer, at_frame=self.frame)

    def play_at_perf_counter(self):
        return self.stream.play(self.buffer, at_perf_counter=self.at)

    def receipt(self):
        return self.action.receipt

    def rtmixer(self):
        return self.mixer.play_buffer(SILENCE, 1, start=self.at)


@pytest.fixture
def calls():
    stream = sonset.Stream(48000, 1, device="virtual", max_actions=8192)
    mixer = rtmixer.Mixer(device="virtual", channels=1, samplerate=48000)
    with stream, mixer:
        yield Calls(stream, mixer)


def count(call):
    """How many functions of Python and of C a call runs."""
    events = 0

    def profile(frame, event, _):
        nonlocal events
        events += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(before)
    # Those of switching it off.
    return events - 1


def seconds(*functions):
    """The time of each, in short turns: the least of many is what it takes undisturbed."""
    least = [np.inf] * len(functions)
    for _ in range(40):
        for k, function in enumerate(functions):
            began = time.perf_counter()
            for _ in range(10):
                function()
            least[k] = min(least[k], time.perf_counter() - began)
    return least


@pytest.mark.parametrize("name", MOST)
def test_a_call_runs_no_more_functions_than_it_must(calls, name):
    # The least of several: now and then a call takes the receipts of all.
    least = min(count(getattr(calls, name)) for _ in range(20))
    assert least <= MOST[name]


@pytest.mark.parametrize("name", SLOWEST)
def test_a_call_takes_little_longer_than_the_same_by_hand(calls, name):
    ratio = np.inf
    for _ in range(5):
        if ratio > SLOWEST[name]:
            calls.ahead()
            ours, by_hand = seconds(getattr(calls, name), getattr(calls.by_hand, name))
            ratio = min(ratio, ours / by_hand)
            time.sleep(0.1)
    assert ratio <= SLOWEST[name]
