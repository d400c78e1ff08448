"""A sequence that grows while it plays: each sound starts on the frame on which the one before ends.

gapless_queue.py [--device NAME] [--sounds N]
"""

import argparse

import numpy as np

import sonset

RATE = 48000

parser = argparse.ArgumentParser(description="a gapless sequence that is appended to while it plays")
parser.add_argument("--device", help="a part of its name, or 'virtual' for no hardware")
parser.add_argument("--sounds", type=int, default=8)
args = parser.parse_args()

rng = np.random.default_rng(1)


def next_sound():
    """Noise of 50 to 150 ms: the length is not known before it is made."""
    return 0.1 * rng.uniform(-1, 1, rng.integers(RATE // 20, 3 * RATE // 20))


with sonset.Stream(RATE, device=args.device) as stream:
    queue = [stream.play(next_sound(), at_frame=stream.earliest_frame + stream.frames(0.3))]
    queue.append(stream.play(next_sound(), after=queue[-1]))
    while len(queue) < args.sounds:
        # One plays, one waits behind it, and the next is appended now.
        queue[-2].wait_started()
        queue.append(stream.play(next_sound(), after=queue[-1]))
    receipts = [action.wait() for action in queue]

for receipt in receipts:
    print(f"frames {receipt.start_frame} to {receipt.end_frame}: {receipt.outcome}")
gaps = [later.start_frame - earlier.end_frame for earlier, later in zip(receipts, receipts[1:])]
print(f"{len(gaps)} joins, the largest gap is {max(gaps)} frames")
