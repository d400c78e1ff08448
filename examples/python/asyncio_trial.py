"""A trial in asyncio: the end of a sound is awaited while other tasks go on.

asyncio_trial.py [--device NAME]
"""

import argparse
import asyncio

import numpy as np

import sonset

RATE = 48000

parser = argparse.ArgumentParser(description="a trial in asyncio")
parser.add_argument("--device", help="a part of its name, or 'virtual' for no hardware")
args = parser.parse_args()

tone = sonset.Buffer(0.2 * np.sin(2 * np.pi * 1000 * np.arange(RATE // 2) / RATE), RATE)


async def watch(ticks):
    """Another task, which is not held up by the sound."""
    while True:
        ticks.append(1)
        await asyncio.sleep(0.01)


async def trial(stream):
    action = stream.play(tone, at_frame=stream.earliest_frame + stream.frames(0.3), offset_ramp_frames=480)
    return await action


async def main():
    ticks = []
    watcher = asyncio.create_task(watch(ticks))
    with sonset.Stream(RATE, device=args.device) as stream:
        receipt = await trial(stream)
    watcher.cancel()
    late = receipt.start_frame - receipt.requested_frame
    print(f"{receipt.outcome}, {receipt.done_frames} frames, {late} frames late; {len(ticks)} ticks meanwhile")


asyncio.run(main())
