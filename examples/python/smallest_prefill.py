"""How late a thread of Python comes to refill a ring, and the prefill with which 99.9 % of its refills are in time.

The thread sleeps a period and then writes what has room, while the garbage collector and a second thread are busy.
The ring must outlast the time between two refills, and two blocks of the stream. Run it again with --ring-ms to see
how many frames are missing with a ring of that length.

smallest_prefill.py [--device NAME] [--seconds S] [--block FRAMES] [--ring-ms MS] [--quiet]
"""

import argparse
import gc
import threading
import time

import numpy as np

import sonset

RATE = 48000

parser = argparse.ArgumentParser(description="the prefill that a thread of Python needs")
parser.add_argument("--device", help="a part of its name, or 'virtual' for no hardware")
parser.add_argument("--seconds", type=float, default=10.0)
parser.add_argument("--block", type=int, default=0, help="frames of a block; by default the device's")
parser.add_argument("--period-ms", type=float, default=2.0)
parser.add_argument("--ring-ms", type=float, default=1000.0, help="the ring while it is measured")
parser.add_argument("--quiet", action="store_true", help="without the garbage collector and the other thread")
args = parser.parse_args()

stop = threading.Event()


def collect_garbage():
    """Keeps the collector busy with cycles, beside a large heap that it walks through each time."""
    heap = [[number] for number in range(200_000)]
    while not stop.is_set():
        for _ in range(1000):
            cycle = []
            cycle.append(cycle)
        gc.collect()
    del heap


def compute():
    """Python code that wants the interpreter all the time."""
    while not stop.is_set():
        sum(range(10_000))


with sonset.Stream(RATE, 1, device=args.device, blocksize=args.block) as stream:
    block_ms = (stream.info.block_frames or stream.stats.largest_block_frames) / RATE * 1e3
    ring = sonset.RingBuffer(stream.frames(args.ring_ms / 1e3), samplerate=RATE)
    silence = np.zeros((ring.frames, 1), np.float32)
    ring.write(silence)
    action = stream.play_ring(ring)
    busy = [] if args.quiet else [threading.Thread(target=work) for work in (collect_garbage, compute)]
    for thread in busy:
        thread.start()
    visits, end = [time.perf_counter()], time.perf_counter() + args.seconds
    while visits[-1] < end:
        time.sleep(args.period_ms / 1e3)
        ring.write(silence[: ring.write_available])
        visits.append(time.perf_counter())
    result = ring.info
    stop.set()
    for thread in busy:
        thread.join()

gaps = np.diff(visits) * 1e3
median, rare, most = np.percentile(gaps, [50, 99.9, 100])
print(f"{len(gaps)} refills, {'quiet' if args.quiet else 'busy'}, blocks of {block_ms:.2f} ms")
print(f"time between refills: median {median:.1f} ms, 99.9 % below {rare:.1f} ms, longest {most:.1f} ms")
print(f"prefill needed: {rare + 2 * block_ms:.1f} ms for 99.9 % of the refills, {most + 2 * block_ms:.1f} ms for all")
print(f"with a ring of {args.ring_ms:.0f} ms {result.missing_frames} of {result.written_frames} frames were missing")
