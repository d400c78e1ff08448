"""The sound of a film in step with its pictures: both start at one time of `time.perf_counter`.

The sound track starts at a host time, which sonset converts by its fit of the sound card's clock. Pictures are shown
when they are due by the frame that is at the converter, so they follow the sound card if its clock is off.

film_sound.py film.mp4 [--device NAME] [--seconds S] [--pictures-a-second N]
"""

import argparse
import time

import sonset

parser = argparse.ArgumentParser(description="the sound of a film in step with its pictures")
parser.add_argument("film", help="a film or a sound file")
parser.add_argument("--device", help="a part of its name, or 'virtual' for no hardware")
parser.add_argument("--seconds", type=float, default=5.0)
parser.add_argument("--pictures-a-second", type=float, default=25.0)
args = parser.parse_args()


def show(number):
    """Here your program draws picture `number` and flips the screen."""


with sonset.Stream(48000, device=args.device) as stream:
    # The fit of the clocks settles in the first second.
    time.sleep(1.0)
    begin = time.perf_counter() + 0.5
    frames = stream.frames(args.seconds)
    sound = stream.play_file(args.film, at_perf_counter=begin, resample=True, frame_count=frames, late_policy="drop")

    # Where it starts is decided shortly before it does.
    start = sound.wait_started().start_frame
    if start is None:
        raise SystemExit(f"the sound did not start: {sound.receipt.outcome}")
    largest, picture = 0.0, 1
    while picture / args.pictures_a_second < args.seconds:
        due = stream.perf_counter_at(start + stream.frames(picture / args.pictures_a_second))
        time.sleep(max(0.0, due - time.perf_counter()))
        show(picture)
        largest = max(largest, time.perf_counter() - due)
        picture += 1
    receipt = sound.wait()

error_us = (receipt.start_perf_counter - begin) * 1e6
print(f"the sound started {error_us:+.0f} us from the time asked for, +- {receipt.uncertainty_s * 1e6:.0f} us")
print(f"{picture - 1} pictures, the latest {largest * 1e3:.1f} ms after it was due")
print(f"{receipt.outcome}, {receipt.done_frames} frames")
