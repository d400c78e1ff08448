"""Plays a tone three times at exact frames while it records, and prints the receipts.

play_record.py [--device NAME] [--out recording.wav]
"""

import argparse

import numpy as np

import sonset

RATE = 48000

parser = argparse.ArgumentParser(description="plays a tone and records it")
parser.add_argument("--device", help="a part of its name, or 'virtual' for no hardware")
parser.add_argument("--out", default="recording.wav", help="where the recording goes")
args = parser.parse_args()

tone = sonset.Buffer(0.2 * np.sin(2 * np.pi * 1000 * np.arange(4800) / RATE), RATE)

with sonset.Stream(RATE, 2, 1, device=args.device) as stream:
    # Far enough ahead for whatever else the machine does now.
    first = stream.earliest_frame + stream.frames(0.3)
    # Frame 0 of the recording is what a wire from output to input brings of the output's frame `first`.
    recording = stream.record(stream.frames(0.8), at_frame=first, align="round_trip")
    plays = [
        stream.play(tone, at_frame=first + stream.frames(start), onset_ramp_frames=480, offset_ramp_frames=480)
        for start in (0.1, 0.3, 0.5)
    ]
    for play in plays:
        receipt = play.wait()
        print(
            f"asked for frame {receipt.requested_frame}, started at {receipt.start_frame}: "
            f"{receipt.outcome}, {receipt.done_frames} frames, {receipt.xruns} xruns"
        )
    print(recording.wait())

recording.buffer.save(args.out)
print(f"{args.out}: {recording.buffer.frames} frames, peak {recording.buffer.peak:.3f}")
