"""Reaction times by a voice key: a tone is played, and from its end on the microphone is listened to.

The end of the tone and the onset of the answer are taken at the converters: the latencies that the device reports are
out of it, and what it does not report is corrected with `Stream.set_latency_bias`, once you have measured it.

reaction_time.py [--device NAME] [--trials N]
"""

import argparse

import numpy as np

import sonset

RATE = 48000

parser = argparse.ArgumentParser(description="reaction times by a voice key")
parser.add_argument("--device", help="a part of its name, or 'virtual' for no hardware")
parser.add_argument("--trials", type=int, default=3)
args = parser.parse_args()

go = sonset.Buffer(0.2 * np.sin(2 * np.pi * 1000 * np.arange(RATE // 10) / RATE), RATE)


def answer(stream, prompt, seconds):
    """Stands in for a person where there is no microphone: noise, some time after the prompt."""
    stream.play_noise(0.1, after=prompt, start_offset_frames=stream.frames(seconds), frame_count=RATE // 5)


with sonset.Stream(RATE, 2, 1, device=args.device) as stream:
    for trial in range(args.trials):
        prompt = stream.play(go, at_frame=stream.earliest_frame + stream.frames(0.3), offset_ramp_frames=480)
        # 100 ms after the tone, so that its echo is no answer, and for two seconds at most.
        key = stream.detect_level(
            after=prompt, start_offset_frames=stream.frames(0.1), threshold=0.05, max_frames=2 * RATE
        )
        if stream.info.is_virtual:
            answer(stream, prompt, 0.2 + 0.1 * trial)
        asked, heard = prompt.wait(), key.wait()
        if heard.detected_frame is None:
            print(f"trial {trial + 1}: no answer")
        elif heard.detected_perf_counter is None:
            print(f"trial {trial + 1}: the device tells no time, so only frame {heard.detected_frame} is known")
        else:
            ms = (heard.detected_perf_counter - asked.end_perf_counter) * 1e3
            print(f"trial {trial + 1}: answer {ms:.2f} ms after the end of the tone")
