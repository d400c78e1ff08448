"""Streams for the tests: on the virtual device, or driven by the test itself."""

from __future__ import annotations

from typing import Any, Callable, Iterator

import numpy as np
import pytest

import sonset

RATE = 48000


@pytest.fixture
def manual() -> Iterator[Callable[..., sonset.Stream]]:
    """Opens and starts manual streams."""
    streams = []

    def open_stream(output_channels: int = 2, input_channels: int = 0, **options: Any) -> sonset.Stream:
        stream = sonset.Stream(RATE, output_channels, input_channels, device="manual", **options)
        stream.start()
        streams.append(stream)
        return stream

    yield open_stream
    for stream in streams:
        stream.close()


@pytest.fixture
def virtual() -> Iterator[Callable[..., sonset.Stream]]:
    """Opens and starts streams of the virtual device."""
    streams = []

    def open_stream(output_channels: int = 2, input_channels: int = 1, **options: Any) -> sonset.Stream:
        stream = sonset.Stream(RATE, output_channels, input_channels, device="virtual", **options)
        stream.start()
        streams.append(stream)
        return stream

    yield open_stream
    for stream in streams:
        stream.close()


@pytest.fixture
def noise() -> Callable[..., Any]:
    """Noise that no part of which is like another."""

    def make(frames: int, channels: int = 1, seed: int = 1) -> Any:
        return np.random.default_rng(seed).uniform(-0.4, 0.4, (frames, channels)).astype(np.float32)

    return make
