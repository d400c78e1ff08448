"""Sound that a thread of Python makes while it plays: a tone whose pitch follows a value that changes meanwhile.

The thread fills a ring. The ring is as long as the longest time for which Python may not come, plus two blocks;
smallest_prefill.py measures that time on your machine. What is heard lags behind the value by that much, so use
a `Buffer` or `Stream.play_tone` wherever the sound is known before.

make_sound_in_python.py [--device NAME] [--seconds S] [--prefill-ms MS]
"""

import argparse
import threading
import time

import numpy as np

import sonset

RATE = 48000

parser = argparse.ArgumentParser(description="sound that a thread of Python makes while it plays")
parser.add_argument("--device", help="a part of its name, or 'virtual' for no hardware")
parser.add_argument("--seconds", type=float, default=3.0)
parser.add_argument("--prefill-ms", type=float, default=100.0)
args = parser.parse_args()

pitch = 440.0
stop = threading.Event()


def fill(ring):
    """Keeps the ring full. Each part goes on with the phase at which the last one ended."""
    phase = 0.0
    while not stop.is_set():
        room = ring.write_available
        if room:
            cycles = phase + np.arange(1, room + 1) * pitch / RATE
            ring.write(0.1 * np.sin(2 * np.pi * cycles))
            phase = cycles[-1] % 1.0
        stop.wait(0.002)
    ring.finish()


with sonset.Stream(RATE, device=args.device) as stream:
    ring = sonset.RingBuffer(stream.frames(args.prefill_ms / 1e3), samplerate=RATE)
    thread = threading.Thread(target=fill, args=(ring,))
    thread.start()
    while ring.write_available:
        time.sleep(0.001)
    action = stream.play_ring(ring, onset_ramp_frames=480)
    end = time.perf_counter() + args.seconds
    while time.perf_counter() < end:
        pitch = 440.0 * 2 ** (0.5 * np.sin(2 * np.pi * time.perf_counter()))
        time.sleep(0.01)
    stop.set()
    thread.join()
    receipt = action.wait()

print(f"{receipt.done_frames} frames, {receipt.missing_frames} of them missing: {receipt.outcome}")
