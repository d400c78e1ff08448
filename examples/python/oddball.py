"""An oddball sequence: one tone in five is higher, a TTL marker goes with each, and a BIDS events file is written.

The marker is a 5 ms pulse on output channel 3, which is declared a trigger line: gains, fades and default channels
leave it alone. Tone and marker have the same frame, so they leave the device together.

oddball.py [--device NAME] [--trials N] [--events sub-01_task-oddball_events.tsv]
"""

import argparse

import numpy as np

import sonset

RATE, TRIGGER = 48000, 3
NAMES = {1: "standard", 2: "deviant"}

parser = argparse.ArgumentParser(description="an oddball sequence with TTL markers")
parser.add_argument("--device", help="a part of its name, or 'virtual' for no hardware")
parser.add_argument("--trials", type=int, default=20)
parser.add_argument("--interval", type=float, default=0.6, help="seconds from onset to onset")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--events", default="sub-01_task-oddball_events.tsv")
args = parser.parse_args()


def tone(hertz):
    return sonset.Buffer(0.2 * np.sin(2 * np.pi * hertz * np.arange(RATE // 10) / RATE), RATE)


sounds = {1: tone(1000), 2: tone(1200)}
kinds = np.random.default_rng(args.seed).permutation([2 if n % 5 == 4 else 1 for n in range(args.trials)])

stream = sonset.Stream(RATE, output_channels=3, device=args.device)
stream.set_channel(TRIGGER, role="trigger")
with stream:
    first = stream.earliest_frame + stream.frames(0.5)
    tones, markers = [], []
    for trial, kind in enumerate(kinds.tolist()):
        # Scheduled one trial ahead; a late one is dropped rather than moved.
        at = {"at_frame": first + stream.frames(args.interval) * trial, "late_policy": "drop", "tag": kind}
        tones.append(stream.play(sounds[kind], onset_ramp_frames=480, offset_ramp_frames=480, **at))
        markers.append(stream.play_pulse(TRIGGER, **at))
        if trial > 0:
            tones[-2].wait_started()
    stream.wait()
    apart = [t.receipt.start_frame - m.receipt.start_frame for t, m in zip(tones, markers)]
    results = [t.receipt for t in tones]

sonset.receipts_to_bids_events(results, args.events, trial_type=NAMES)
deviants = sum(result.tag == 2 for result in results)
print(f"{len(results)} tones, {deviants} of them deviants; tone minus marker: {set(apart)} frames")
print(f"{args.events} and its JSON description are written")
