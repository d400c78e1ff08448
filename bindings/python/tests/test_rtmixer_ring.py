"""`sonset.rtmixer.RingBuffer` does what rtmixer documents of its ring buffer, and what rtmixer's own one does."""

from __future__ import annotations

import gc
import random

import numpy as np
import pytest

from sonset.rtmixer import RingBuffer


def theirs():
    """The ring buffer of rtmixer's wheel, which needs no PortAudio; None if it is not installed."""
    try:
        from _rtmixer import ffi, lib
        from pa_ringbuffer import init
    except ImportError:
        return None
    return init(ffi, lib)


class Model:
    """A ring buffer as it is documented, made of lists."""

    def __init__(self, elementsize, size):
        self.elementsize, self.size, self.held, self.read_at, self.written_at = elementsize, size, [], 0, 0

    def write(self, data, size=-1):
        elements = [data[i : i + self.elementsize] for i in range(0, len(data), self.elementsize)]
        elements = elements if size < 0 else elements[:size]
        taken = elements[: self.size - len(self.held)]
        self.held += taken
        self.written_at += len(taken)
        return len(taken)

    def read(self, size=-1):
        size = len(self.held) if size < 0 else min(size, len(self.held))
        taken, self.held = self.held[:size], self.held[size:]
        self.read_at += size
        return b"".join(taken)


def steps(seed, elementsize, count=300):
    """What a program does with a ring, at random."""
    generator = random.Random(seed)
    for _ in range(count):
        kind = generator.choice(["write", "write part", "read", "readinto", "write in place", "read in place", "flush"])
        size = generator.randrange(0, 12)
        if kind == "flush" and generator.random() < 0.8:
            continue
        yield kind, size, generator.randbytes(size * elementsize)


def do(ring, kind, size, data):
    """Does one step; what came of it."""
    if kind == "write":
        return ring.write(data)
    if kind == "write part":
        return ring.write(data, size // 2)
    if kind == "read":
        return bytes(ring.read(size - 1))
    if kind == "readinto":
        room = bytearray(len(data))
        return ring.readinto(room), bytes(room)
    if kind == "flush":
        return ring.flush()
    buffers = ring.get_write_buffers(size) if kind == "write in place" else ring.get_read_buffers(size)
    count, first, second = buffers
    assert len(first) + len(second) == count * ring.elementsize
    if kind == "read in place":
        return count, first[:] + second[:], len(second), ring.advance_read_index(count)
    first[:], second[:] = data[: len(first)], data[len(first) : len(first) + len(second)]
    return count, len(second), ring.advance_write_index(count)


def expected(model, kind, size, data):
    if kind == "write":
        return model.write(data)
    if kind == "write part":
        return model.write(data, size // 2)
    if kind == "read":
        return model.read(size - 1)
    if kind == "readinto":
        read = model.read(size)
        return len(read) // model.elementsize, read + bytes(len(data) - len(read))
    if kind == "flush":
        model.held, model.read_at, model.written_at = [], 0, 0
        return None
    if kind == "read in place":
        start = model.read_at % model.size
        read = model.read(size)
        count = len(read) // model.elementsize
        return count, read, max(0, start + count - model.size) * model.elementsize, model.read_at % (2 * model.size)
    start = model.written_at % model.size
    count = model.write(data, size)
    return count, max(0, start + count - model.size) * model.elementsize, model.written_at % (2 * model.size)


@pytest.mark.parametrize("elementsize,size", [(1, 16), (4, 8), (8, 8), (6, 32), (12, 1)])
def test_a_ring_does_what_is_documented(elementsize, size):
    for seed in range(10):
        ring, model = RingBuffer(elementsize, size), Model(elementsize, size)
        for step in steps(seed, elementsize):
            assert do(ring, *step) == expected(model, *step), step[:2]
            assert (ring.read_available, ring.write_available) == (len(model.held), size - len(model.held))
        assert (ring.elementsize, len(ring)) == (elementsize, size)


@pytest.mark.skipif(theirs() is None, reason="rtmixer is not installed")
@pytest.mark.parametrize("elementsize,size", [(1, 16), (4, 8), (6, 32)])
def test_a_ring_does_what_that_of_rtmixer_does(elementsize, size):
    for seed in range(10):
        ring, other = RingBuffer(elementsize, size), theirs()(elementsize, size)
        for step in steps(seed, elementsize):
            assert do(ring, *step) == do(other, *step), step[:2]
            assert (ring.read_available, ring.write_available) == (other.read_available, other.write_available)


def test_arrays_go_in_and_come_out():
    ring = RingBuffer(elementsize=8, size=16)
    frames = np.arange(20, dtype="float32").reshape(10, 2)
    assert ring.write(frames) == 10 and ring.read_available == 10
    out = np.zeros((4, 2), "float32")
    assert ring.readinto(out) == 4 and np.array_equal(out, frames[:4])
    assert np.array_equal(np.frombuffer(ring.read(), "float32").reshape(-1, 2), frames[4:])
    assert bytes(ring.read()) == b""


def test_a_ring_uses_memory_that_it_is_given():
    memory = bytearray(32)
    ring = RingBuffer(4, buffer=memory)
    assert len(ring) == 8 and ring.write(b"abcdefgh") == 2
    assert memory[:8] == b"abcdefgh"


def test_memory_lives_as_long_as_a_view_of_it():
    ring = RingBuffer(4, 4)
    ring.write(b"abcdefgh")
    _, first, _ = ring.get_read_buffers(2)
    del ring
    gc.collect()
    others = [RingBuffer(4, 4) for _ in range(100)]
    assert first[:] == b"abcdefgh" and len(others) == 100


def test_wrong_sizes_are_refused():
    for wrong in ({"size": 12}, {"size": 0}, {"buffer": bytearray(30)}, {"buffer": bytearray(24)}, {"size": -4}):
        with pytest.raises(ValueError):
            RingBuffer(4, **wrong)
    with pytest.raises(ValueError):
        RingBuffer(0, 4)
    for wrong in ({}, {"size": 8, "buffer": bytearray(32)}):
        with pytest.raises(TypeError):
            RingBuffer(4, **wrong)
    ring = RingBuffer(4, 8)
    with pytest.raises(ValueError, match="multiple"):
        ring.write(b"abc")
    with pytest.raises(ValueError, match="multiple"):
        ring.readinto(bytearray(3))
    with pytest.raises(ValueError, match="more than"):
        ring.write(b"abcd", 2)
    with pytest.raises((ValueError, BufferError)):
        ring.readinto(b"abcd")
    for advance in (ring.advance_read_index, ring.advance_write_index):
        with pytest.raises(ValueError):
            advance(9)
        with pytest.raises(ValueError):
            advance(-1)
    assert ring.read_available == 0
