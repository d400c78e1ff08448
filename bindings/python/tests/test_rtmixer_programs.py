"""Programs in the shape of rtmixer's own examples give on `sonset.rtmixer` what they give on rtmixer.

Each runs twice on one JACK server without a sound card, beside the real sounddevice, and prints what does not depend on
when it ran.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import Iterator

import pytest
from jack_rig import Server, jack_server, missing_tools

REAL = [name for name in ("sounddevice", "rtmixer") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(bool(missing_tools()), reason=f"needs {', '.join(missing_tools())}"),
    pytest.mark.skipif(bool(REAL), reason=f"needs {', '.join(REAL)}"),
]

START = """
import sys
import numpy as np
import sounddevice as sd
if sys.argv[1] == "sonset":
    import sonset.rtmixer as rtmixer
else:
    import rtmixer
"""

BLEEPS = """
# A block size that the server does not have, a default device that nobody set, and a default count of channels.
channels = sd.query_devices(None, "output")["max_output_channels"]
r = np.random.RandomState(99)
bleeps = [(0.01 * np.sin(np.arange(r.randint(100, 900)) / 10)).astype("float32") for _ in range(100)]
with rtmixer.Mixer(blocksize=512, latency="low", samplerate=48000, qsize=512) as m:
    start = m.time + 0.2
    actions = [
        m.play_buffer(bleep, channels=[r.randint(channels) + 1], start=start + r.uniform(0, 0.5), allow_belated=False)
        for bleep in bleeps
    ]
    while m.actions:
        sd.sleep(20)
print(channels, m.channels, m.samplerate, m.blocksize, m.dtype, m.samplesize)
print(all(action.done_frames == action.total_frames for action in actions if action.actual_time))
print({action.type for action in actions}, m.stats.blocks > 0)
"""

STOPS = """
m = rtmixer.MixerAndRecorder(channels=1, samplerate=48000)
recorded = np.full((48000, 1), 7, "float32")
with m:
    playing = m.play_buffer(np.full(24000, 0.01, "float32"), 1)
    recording = m.record_buffer(recorded, 1)
    never = m.play_buffer(np.full(10, 0.01, "float32"), 1, start=m.time + 3600)
    while not (0 < playing.done_frames and 0 < recording.done_frames):
        sd.sleep(1)
    for stop in (m.stop, m.abort):
        stop()
        print(m.active, m.stopped, len(m.actions), playing in m.actions, recording in m.actions)
        print(0 < playing.done_frames < playing.total_frames == 24000, 0 < recording.done_frames < 48000)
        m.start()
        sd.sleep(50)
    m.cancel(never)
    m.wait()
    print(playing.done_frames, playing.total_frames, recording.done_frames, never.done_frames, never.total_frames)
    print(float(np.abs(recorded).max()))
"""

FETCHES = """
stream = rtmixer.Recorder(channels=1, latency=0)
buffer = bytearray(int(0.2 * stream.samplerate) * stream.samplesize)
ring = rtmixer.RingBuffer(stream.samplesize, 128)
print(stream.stats.blocks, stream.stats.input_overflows)
with stream:
    sd.sleep(200)
    action = stream.fetch_and_reset_stats()
    stream.wait(action)
    print(action.type, action.stats.blocks > 10, action.stats.max_blocksize)
    action = stream.record_buffer(buffer, channels=1)
    stream.wait(action)
    print(action.type, action.requested_time, action.actual_time > 0, action.total_frames, action.done_frames)
    action = stream.record_ringbuffer(ring)
    stream.wait(action)
    print(action.done_frames, action.done_frames != action.total_frames, ring.read_available)
print(stream.stats.blocks > 0)
"""

DELAY = """
samplesize, delay = 4, 0.2
stream = rtmixer.MixerAndRecorder(channels=1, blocksize=0, samplerate=48000, latency="low")
with stream:
    assert {samplesize} == set(stream.samplesize)
    ring = rtmixer.RingBuffer(samplesize, 2**14)
    start = stream.time + 0.1
    record = stream.record_ringbuffer(ring, start=start, allow_belated=False)
    play = stream.play_ringbuffer(ring, start=start + delay, allow_belated=False)
    stream.wait(stream.record_buffer(b"", channels=1, start=start))
    print(record in stream.actions, record.actual_time != 0)
    stream.wait(stream.play_buffer(b"", channels=1, start=start + delay))
    sd.sleep(100)
    print(play in stream.actions, play.actual_time != 0)
print(stream.closed)
"""

LEFT_OPEN = """
m = rtmixer.Mixer(channels=1)
m.start()
m.play_buffer(np.zeros(480000, "float32"), 1)
m.fetch_and_reset_stats()
m.abort()
m.close()
m.abort()
m.stop()
m.close()
other = rtmixer.Recorder(channels=2)
other.start()
other.record_ringbuffer(rtmixer.RingBuffer(8, 1024))
print("ends")
"""

PROGRAMS = {"bleeps": BLEEPS, "stops": STOPS, "fetches": FETCHES, "delay": DELAY, "left open": LEFT_OPEN}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with jack_server(256) as server:
        yield server


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_what_it_prints_on_rtmixer(server, name):
    printed = {}
    for module in ("rtmixer", "sonset"):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", START + PROGRAMS[name], module],
            env={**server.environment, "PULSE_SERVER": f"unix:/nonexistent-{os.getpid()}"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
        printed[module] = done.stdout
    assert printed["sonset"] == printed["rtmixer"] and printed["sonset"]
