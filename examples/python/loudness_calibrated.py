"""Plays noise at a level in dB SPL on a channel that was calibrated.

Calibrate once: play noise of a known RMS with `--calibrate`, read the sound level meter at the place of the ear,
and give what it shows. The calibration is kept in a file, with the id of the device.

loudness_calibrated.py [--device NAME] --calibrate 74.3 [--file channels.json]
loudness_calibrated.py [--device NAME] --level 65 [--file channels.json]
"""

import argparse
import math
import os

import numpy as np

import sonset

RATE, RMS = 48000, 0.1

parser = argparse.ArgumentParser(description="plays noise at a level in dB SPL")
parser.add_argument("--device", help="a part of its name, or 'virtual' for no hardware")
parser.add_argument("--file", default="channels.json", help="where the calibration is kept")
parser.add_argument("--calibrate", type=float, metavar="DB", help="what the meter shows while this noise plays")
parser.add_argument("--level", type=float, default=65.0, metavar="DB", help="the level to play at")
parser.add_argument("--seconds", type=float, default=1.0)
args = parser.parse_args()

noise = np.random.default_rng(1).standard_normal(round(args.seconds * RATE))
noise = sonset.Buffer(RMS * noise / np.sqrt(np.mean(noise**2)), RATE)

stream = sonset.Stream(RATE, 1, device=args.device)
if args.calibrate is not None:
    # The meter shows what an RMS of 0.1 gives; the calibration is that of an RMS of 1, 20 dB above.
    stream.set_channel(1, calibration_db_spl=args.calibrate - 20 * math.log10(RMS))
    stream.save_channels(args.file)
elif os.path.exists(args.file):
    stream.load_channels(args.file)
else:
    raise SystemExit(f"{args.file} is not there: calibrate first, with --calibrate")

level = stream.level(noise)
gain_db = 0.0 if args.calibrate is not None else args.level - level.db_spl
print(f"the noise is {level.db_spl:.1f} dB SPL at unity gain, with {level.headroom_db:.1f} dB of headroom")
if gain_db > level.headroom_db:
    raise SystemExit(f"{args.level} dB SPL needs {gain_db:.1f} dB of gain, which would clip")
with stream:
    start = stream.earliest_frame + stream.frames(0.3)
    sent = stream.record_output(noise.frames, at_frame=start)
    receipt = stream.play(noise, at_frame=start, gain_db=gain_db).wait()
    sent.wait()
played_db = level.db_spl + 20 * math.log10(np.sqrt(np.mean(sent.data.astype(float) ** 2)) / level.rms)
print(f"played with {gain_db:+.1f} dB: {played_db:.1f} dB SPL, {receipt.outcome}")
