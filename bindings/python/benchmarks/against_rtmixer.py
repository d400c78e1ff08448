"""Compares sonset with python-rtmixer in one run, on a JACK server without a sound card.

    pip install rtmixer            # and PortAudio: libportaudio2 on Debian and Ubuntu
    python benchmarks/against_rtmixer.py

Both play 200 clicks at the same times, while the garbage collector and other threads of the program are busy; JACK's
own tool records both. The error of an onset is its place in the recording minus the place asked for, with the median
taken away: a constant delay is no error. A run in which the server itself missed a block is done again. Then the time
that a call takes is measured, of both in turn, and of `sonset.rtmixer` on a virtual device.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from jack_rig import RATE, Recorder, busy, jack_server, onsets  # noqa: E402

import sonset  # noqa: E402
from sonset import rtmixer as shim  # noqa: E402

COUNT = 200
DISTURBED = 3
THEIRS = "rtmixer play_buffer"


def describe(name: str, found: np.ndarray, wanted: np.ndarray) -> str:
    if len(found) != len(wanted):
        return f"{name:28} found {len(found)} of {len(wanted)} onsets"
    error = (found - found[0]) - wanted
    error = error - np.median(error)
    within = np.mean(np.abs(error) < 1.0)
    spread = f"sd {error.std():6.2f}, range {error.min():7.2f} .. {error.max():6.2f}"
    return f"{name:28} {spread}, {within:4.0%} within a sample"


def time_calls(calls: dict, pause) -> None:
    """Times calls in rounds of all of them, so that what disturbs the machine disturbs all alike."""
    seconds: dict = {name: [] for name in calls}
    names = list(calls)
    for turn in range(100):
        pause()
        # Whoever comes first after a pause takes the receipts of all that has ended: each in turn.
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            call = calls[name]
            began = time.perf_counter()
            for _ in range(10):
                call()
            seconds[name].append((time.perf_counter() - began) / 10)
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    theirs = medians[THEIRS]
    print("time of a call")
    for name, median in medians.items():
        least = min(seconds[name])
        print(
            f"{name:36} median {median * 1e6:5.2f} µs, least {least * 1e6:5.2f} µs, {median / theirs:4.2f} of rtmixer's"
        )


def main() -> None:
    for _ in range(5):
        done = subprocess.run([sys.executable, __file__, "once"])
        if done.returncode != DISTURBED:
            sys.exit(done.returncode)
    sys.exit("the server was disturbed in each of five runs")


def once() -> None:
    with jack_server() as server:
        os.environ.update(server.environment)
        import rtmixer

        sd = rtmixer._sd
        api = next(api for api in sd.query_hostapis() if "JACK" in api["name"])
        mixer = rtmixer.Mixer(
            channels=1, samplerate=RATE, device=api["default_output_device"], blocksize=256, qsize=1024
        )
        with mixer, sonset.Stream(RATE, 1, backend="jack", options={"server": server.name}) as stream:
            ports = [port for port in server.ports() if ":out" in port and not port.startswith("system")]
            theirs = next(port for port in ports if not port.startswith("sonset"))
            ours = next(port for port in ports if port.startswith("sonset"))
            time.sleep(2)
            recorder = Recorder(server, 32, ours, theirs)
            xruns = server.xruns() + stream.stats.output_xruns
            results = compare_onsets(stream, mixer, recorder)
            if server.xruns() + stream.stats.output_xruns > xruns:
                # Without what comes after: rtmixer would go on about the server.
                server.end()
                os._exit(DISTURBED)
            print(*results, sep="\n")
            compare_calls(stream, mixer)
        sd._terminate()


def compare_onsets(stream: sonset.Stream, mixer, recorder: Recorder) -> list:
    click = np.r_[np.full(24, 0.5), np.zeros(24)].astype(np.float32)
    buffer = sonset.Buffer(click)
    ahead = 0.5 + np.cumsum(np.random.default_rng(11).uniform(0.04, 0.08, COUNT))
    # Half by frame, half by host time, after one another; rtmixer has only times.
    with busy():
        theirs = mixer.time + ahead
        first = stream.earliest_frame
        frames = [first + round(seconds * RATE) for seconds in ahead]
        for at, frame in zip(theirs, frames):
            stream.play(buffer, at_frame=frame)
            mixer.play_buffer(click, channels=1, start=at)
            time.sleep(0.005)
        stream.wait(30)
        time.sleep(0.5)
        second = time.perf_counter() + ahead
        for at in second:
            stream.play(buffer, at_perf_counter=at)
        stream.wait(30)
    samples = recorder.samples()
    found = onsets(samples[:, 0])
    return [
        f"onsets of {COUNT} sounds, errors in samples",
        describe("sonset by frame", found[:COUNT], np.array(frames, float) - frames[0]),
        describe("sonset by perf_counter", found[COUNT:], (second - second[0]) * RATE),
        describe("rtmixer", onsets(samples[:, 1]), (theirs - theirs[0]) * RATE),
    ]


def compare_calls(stream: sonset.Stream, mixer) -> None:
    silence = np.zeros((48, 1), np.float32)
    buffer = sonset.Buffer(silence)
    action = stream.play(buffer)
    action.wait()
    soon, frame = 0.03, 0

    def rest() -> None:
        nonlocal frame
        time.sleep(0.02)
        mixer.fetch_and_reset_stats()
        frame = stream.earliest_frame + round(soon * RATE)

    with shim.Mixer(device="virtual", channels=1, samplerate=RATE, blocksize=256) as ours:
        calls = {
            THEIRS: lambda: mixer.play_buffer(silence, channels=1),
            "rtmixer play_buffer(start=)": lambda: mixer.play_buffer(silence, channels=1, start=mixer.time + soon),
            "sonset play": lambda: stream.play(buffer),
            "sonset play(at_frame=)": lambda: stream.play(buffer, at_frame=frame),
            "sonset play(at_perf_counter=)": lambda: stream.play(buffer, at_perf_counter=time.perf_counter() + soon),
            "sonset receipt": lambda: action.receipt,
            "sonset.rtmixer play_buffer": lambda: ours.play_buffer(silence, channels=1),
            "sonset.rtmixer play_buffer(start=)": lambda: ours.play_buffer(silence, channels=1, start=ours.time + soon),
        }
        time_calls(calls, rest)


if __name__ == "__main__":
    once() if "once" in sys.argv else main()
