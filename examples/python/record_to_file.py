"""Records an answer to a file, from half a second before it began.

The stream keeps its last second of input. A voice key waits for a sound, and the recording then starts in the past.

record_to_file.py [--device NAME] [--out answer.wav] [--seconds S]
"""

import argparse

import sonset

RATE, BEFORE = 48000, 24000

parser = argparse.ArgumentParser(description="records an answer from half a second before it began")
parser.add_argument("--device", help="a part of its name, or 'virtual' for no hardware")
parser.add_argument("--out", default="answer.wav", help="a new file")
parser.add_argument("--seconds", type=float, default=2.0)
args = parser.parse_args()

with sonset.Stream(RATE, 2, 1, device=args.device, history_frames=RATE) as stream:
    key = stream.detect_level(threshold=0.05, max_frames=30 * RATE)
    if stream.info.is_virtual:
        # Nobody speaks into the virtual device: its output comes in again.
        stream.play_noise(0.1, at_frame=stream.earliest_frame + stream.frames(0.7), frame_count=RATE // 2)

    onset = key.wait_onset()
    if onset is None:
        raise SystemExit("nobody spoke")
    recording = stream.record_file(args.out, at_frame=onset - BEFORE, max_frames=stream.frames(args.seconds))
    receipt = recording.wait()

print(
    f"{args.out}: {receipt.done_frames} frames from {onset - receipt.start_frame} frames before the onset on, "
    f"{receipt.missing_frames} missing: {receipt.outcome}"
)
