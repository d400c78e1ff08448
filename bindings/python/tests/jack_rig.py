"""A JACK server without a sound card, and a recorder that has nothing to do with sonset."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
import wave
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List

import numpy as np

RATE = 48000
TOOLS = ("jackd", "jack_rec", "jack_lsp", "jack_wait", "jack_connect")


def missing_tools() -> List[str]:
    return [tool for tool in TOOLS if shutil.which(tool) is None]


class Server:
    """A server of its own name, with the environment in which clients find it."""

    daemon: subprocess.Popen

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self.environment = {**os.environ, "JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1"}

    def ports(self) -> List[str]:
        return self.run("jack_lsp").split()

    def run(self, *command: str) -> str:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=30)
        return done.stdout

    def end(self) -> None:
        self.daemon.terminate()
        try:
            self.daemon.wait(10)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()

    def xruns(self) -> int:
        return self.log.read_text(errors="replace").lower().count("xrun")


@contextmanager
def jack_server(period: int = 256) -> Iterator[Server]:
    """Starts a synchronous server with the dummy driver, and ends it."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(f"sonset-py-{os.getpid()}", Path(folder) / "log")
        command = ["jackd", "-R", "-P", "70", "-S", "-n", server.name, "-m", "-d", "dummy", "-r", str(RATE)]
        with open(server.log, "w") as log:
            server.daemon = subprocess.Popen(
                [*command, "-p", str(period), "-C", "2", "-P", "2"], stdout=log, stderr=log
            )
        try:
            waited = subprocess.run(["jack_wait", "-w", "-t", "10", "-s", server.name], capture_output=True, timeout=30)
            if waited.returncode or server.daemon.poll() is not None:
                raise RuntimeError(f"jackd did not start:\n{server.log.read_text()}")
            yield server
        finally:
            server.end()


class Recorder:
    """Records ports of other clients with JACK's own tool."""

    def __init__(self, server: Server, seconds: int, *ports: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "recording.wav"
        command = ["jack_rec", "-f", str(self.path), "-d", str(seconds), "-b", "24", *ports]
        self.process = subprocess.Popen(
            command, env=server.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        deadline = time.monotonic() + 10
        while not any(port.startswith("jackrec:") for port in server.ports()):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"jack_rec did not start: {self.process.stdout and self.process.stdout.read()!r}")
            time.sleep(0.02)
        time.sleep(0.3)

    def samples(self) -> np.ndarray:
        """Waits for the end and gives what was recorded, of the shape (frames, ports)."""
        said, _ = self.process.communicate(timeout=120)
        if b"overrun" in said.lower():
            raise Disturbed(f"jack_rec lost samples: {said!r}")
        with wave.open(str(self.path)) as file:
            raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, file.getnchannels(), 3)
        self.folder.cleanup()
        low = raw.astype(np.int32)
        values = low[..., 0] | low[..., 1] << 8 | low[..., 2] << 16
        return np.where(values >= 1 << 23, values - (1 << 24), values) / float(1 << 23)


class Disturbed(Exception):
    """The rig itself failed, so that nothing can be said of what was measured on it."""


def onsets(track: np.ndarray, threshold: float = 0.1, apart: int = 1000) -> np.ndarray:
    """The first samples above a threshold, at least so far apart."""
    loud = np.flatnonzero(np.abs(track) > threshold)
    return loud[np.flatnonzero(np.diff(loud, prepend=-apart - 1) > apart)]


@contextmanager
def busy() -> Iterator[None]:
    """Keeps the garbage collector and two other threads busy."""
    stop = threading.Event()

    def collect() -> None:
        while not stop.is_set():
            ring = [[] for _ in range(2000)]
            for k, part in enumerate(ring):
                part.append(ring[k - 1])
            del ring
            time.sleep(0.001)

    def count() -> None:
        while not stop.is_set():
            sum(range(20000))
            time.sleep(0.0005)

    threads = [threading.Thread(target=target, daemon=True) for target in (collect, count, count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
