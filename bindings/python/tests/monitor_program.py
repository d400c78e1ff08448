"""Hears its own microphone through a monitor between two JACK clients, and tells what came of a tone.

A program of its own, as the host library of a device that is closed can take the process with it. Its arguments are
the name of the server and its log; it prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from jack_rig import Server

import sonset

RATE, HZ, SECONDS = 48000, 997.0, 6
DELAY = 480


def heard_tone(x: np.ndarray, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How late the tone is in each tenth of a second, in frames modulo its period, and what is not the tone."""
    late, rest = [], []
    for part in range(len(x) // 4814):
        piece = slice(part * 4814, (part + 1) * 4814)
        angle = 2 * np.pi * HZ * frames[piece] / RATE
        sine, cosine = 2 * np.mean(x[piece] * np.sin(angle)), 2 * np.mean(x[piece] * np.cos(angle))
        rest.append(np.abs(x[piece] - sine * np.sin(angle) - cosine * np.cos(angle)).max() / np.hypot(sine, cosine))
        late.append(np.arctan2(-cosine, sine) / (2 * np.pi * HZ) * RATE)
    return np.unwrap(late, period=RATE / HZ), np.array(rest)


def main(server: Server) -> None:
    warnings.simplefilter("ignore")
    jack = {"server": server.name, "client_name": "wire", "autoconnect": "off"}
    with (
        sonset.Stream(RATE, 1, 1, backend="jack", options=jack) as wire,
        sonset.Stream(RATE, 1, 1, backend="jack-separate") as monitored,
    ):
        ports = [port for port in server.ports() if port.startswith("cpal")]
        server.run("jack_connect", "wire:output_1", next(port for port in ports if "_in:" in port))
        server.run("jack_connect", next(port for port in ports if "_out:" in port), "wire:input_1")
        time.sleep(3)
        tone = wire.play_tone(HZ, 0.5, onset_ramp_frames=480)
        monitor = monitored.play_input(delay_frames=DELAY)
        time.sleep(1)
        missing_before = monitor.receipt.missing_frames
        recording = wire.record(RATE * SECONDS)
        recording.wait(20)
        frames = np.arange(RATE * SECONDS) + recording.receipt.start_frame - tone.receipt.start_frame
        late, rest = heard_tone(recording.data[:, 0].astype(float), frames)
        told = {
            "latency_spread_frames": float(np.ptp(late)),
            "residual_db": float(20 * np.log10(rest.max())),
            "missing_frames": monitor.receipt.missing_frames - missing_before,
            "stated_latency_ns": monitor.receipt.monitor_latency_ns,
            "xruns": server.xruns() + wire.stats.output_xruns + monitored.stats.output_xruns,
        }
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(Server(sys.argv[1], Path(sys.argv[2])))
