"""What cannot be meant is refused in words that name it, and nothing is taken for something else."""

from __future__ import annotations

import array
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import sonset

RATE = 48000
LARGE = "x" * 1_000_000


# Zero.


def test_a_fade_of_0_ms_cuts(manual):
    stream = manual(1, fade_ms=0)
    assert stream.info.fade_frames == 0
    tone = stream.play(np.full(4800, 0.5))
    stream.process(100)
    tone.cancel()
    assert not stream.process(100).any() and tone.receipt.done_frames == 100
    assert manual(1).info.fade_frames == 240 and manual(1, fade_ms=1).info.fade_frames == 48
    for wrong in (-1, -0.5, math.nan, math.inf, "5", None, [5]):
        with pytest.raises(ValueError, match="fade_ms"):
            manual(1, fade_ms=wrong)


def test_a_value_of_0_that_the_library_takes_for_a_default_is_refused(manual):
    stream = manual(1)
    for refused in (
        lambda: manual(1, ceiling=0),
        lambda: manual(1, ceiling=-0.0),
        lambda: stream.set_channel(1, ceiling=0),
        lambda: manual(1, dither_db=0),
        lambda: stream.play([0.1], stop_frame=0),
        lambda: stream.play_tone(440, 0),
        lambda: stream.play_noise(0),
        lambda: stream.play_pulse(1, level=0),
    ):
        with pytest.raises(ValueError, match="is 0|=0"):
            refused()
    for wrong in (math.nan, "0.5", None, 1.5, np.zeros(2)):
        with pytest.raises(ValueError, match="ceiling"):
            manual(1, ceiling=wrong)


# Samples.


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int16, np.uint16, np.int32])
@pytest.mark.parametrize("order", ["C", "F"])
def test_integers_are_scaled_wherever_samples_are_given(manual, kind, order):
    half = 2.0 ** (np.iinfo(kind).bits - 1)
    middle = half if np.iinfo(kind).min == 0 else 0
    wanted = np.array([[0.5, -0.5], [-0.75, 0.25], [0.0, 0.75]])
    given = np.asarray(wanted * half + middle, kind, order=order)
    assert np.array_equal(sonset.Buffer(given).array, wanted.astype(np.float32))
    stream = manual(2, 2)
    recording = stream.record(3)
    stream.process(3, given)
    assert np.array_equal(recording.data, wanted.astype(np.float32))
    ring = sonset.RingBuffer(8, 2)
    ring.write(given)
    assert recording.receipt.outcome == "completed" and np.array_equal(ring.info.readable_frames, 3)


NO_SAMPLES = {
    "bool": np.array([True, False]),
    "complex": np.array([1j, 0.5]),
    "object": np.array([0.1, None], object),
    "text": np.array(["0.1", "0.2"]),
    "time": np.array([1, 2], "datetime64[s]"),
    "fields": np.zeros(3, [("left", "f4"), ("right", "f4")]),
    "no dimension": np.array(0.5),
    "a number": 0.5,
    "three dimensions": np.zeros((2, 2, 2)),
    "ragged": [[0.1, 0.2], [0.3]],
    "masked": np.ma.masked_array([0.1, 0.2], [False, True]),
    "int64": np.array([100, -100, 5000]),
    "bytes": bytes(8),
    "bytearray": bytearray(8),
    "memoryview": memoryview(bytes(8)),
    "array of bytes": array.array("B", [1, 2]),
    "None": None,
    "a set": {0.1},
}


@pytest.mark.parametrize("name", NO_SAMPLES)
def test_what_is_no_sound_is_refused_wherever_samples_are_given(manual, name):
    stream, ring, given = manual(2, 1), sonset.RingBuffer(100), NO_SAMPLES[name]
    for take in (sonset.Buffer, stream.play, ring.write, stream.level, lambda samples: stream.process(2, samples)):
        if name == "None" and take not in (sonset.Buffer, ring.write):
            continue
        with pytest.raises(ValueError) as caught:
            take(given)
        assert isinstance(caught.value, sonset.InvalidArgumentError) and len(str(caught.value)) < 500
    assert ring.read_available == 0 and stream.stats.live_actions == 0 and stream.time().frame == 0


@pytest.mark.parametrize("wrong", [np.array([0.1, math.nan]), np.array([math.inf, 0]), np.array([0.1, 1e300])])
def test_samples_that_are_not_finite_are_refused(manual, wrong):
    stream = manual(1)
    for take in (sonset.Buffer, stream.play, lambda samples: sonset.Buffer(samples, allow_over=True)):
        with pytest.raises(sonset.NonFiniteError):
            take(wrong)


def test_arrays_of_other_kinds_are_heard_as_they_are():
    wanted = np.array([[0.5], [-0.25]], np.float32)
    for given in (
        [0.5, -0.25],
        ((0.5,), (-0.25,)),
        array.array("f", [0.5, -0.25]),
        array.array("h", [16384, -8192]),
        np.array([0.5, 9, -0.25, 9])[::2],
        np.array([0.5, -0.25], ">f8"),
        np.array([0.5, -0.25], np.float16),
        np.ma.masked_array([0.5, -0.25], [False, False]),
        memoryview(np.array([0.5, -0.25], np.float32)),
    ):
        assert np.array_equal(sonset.Buffer(given).array, wanted)


def test_a_block_of_a_manual_stream_takes_the_shape_that_it_has(manual):
    stream = manual(1, 2)
    for wrong in (np.zeros((2, 3)), np.zeros(6), np.zeros((3, 1)), np.zeros((4, 2)), np.zeros((1, 3, 2)), []):
        with pytest.raises(ValueError, match="shape"):
            stream.process(3, wrong)
    with pytest.raises(ValueError, match="shape"):
        manual(1).process(3, np.zeros((3, 1)))
    for wrong in (-1, 1.5, "3", None):
        for run in (stream.process, stream.render):
            with pytest.raises(ValueError, match="frames="):
                run(wrong)
    with pytest.raises(ValueError, match="frames="):
        stream.process(2**40)
    with pytest.raises(ValueError, match="blocksize="):
        stream.render(10, blocksize=0)
    for name in ("output_host_ns", "input_host_ns", "flags"):
        for value in (1.5, "1", 2**64):
            with pytest.raises(ValueError, match=f"{name}="):
                stream.process(3, **{name: value})
    assert stream.time().frame == 0
    wide = manual(1, 100)
    recording = wide.record(4, channels=range(1, 65))
    wide.process(4, np.full((4, 100), 0.5, np.float32))
    assert recording.data.shape == (4, 64) and (recording.data == 0.5).all()
    one = manual(0, 1)
    recording = one.record(2)
    one.process(2, [0.25, 0.5])
    assert recording.data.ravel().tolist() == [0.25, 0.5]


# Numbers.


def test_one_gain_or_one_for_each_channel(manual):
    stream, sound = manual(2), np.ones(1)
    half = np.full((1, 2), 0.5, np.float32)
    for gains in (0.5, np.array(0.5), np.float32(0.5), [0.5, 0.5], (0.5, 0.5), np.full(2, 0.5), iter([0.5, 0.5])):
        stream.play(sound, gains=gains)
        assert np.array_equal(stream.process(1), half), gains
    for wrong in ("0.5", "11", b"11", {1: 0.5, 2: 0.5}, [0.5, "0.5"], [0.5], np.full((2, 1), 0.5), [math.nan, 1], 1j):
        with pytest.raises(ValueError, match="gains"):
            stream.play(sound, gains=wrong)
    assert stream.stats.live_actions == 0


def test_channels_are_whole_numbers(manual):
    stream, sound = manual(2), np.ones(1)
    for channels in (2, np.int64(2), np.array(2), [2], (np.int8(2),), np.array([2]), range(2, 3), iter([2])):
        stream.play(sound, channels=channels)
        assert stream.process(1).tolist() == [[0.0, 1.0]], channels
    for wrong in ("12", b"\1", {2: 1}, 2.0, [2.0], [], [0], [3], 2**40, np.array([[1, 2]]), [True, "1"], object()):
        with pytest.raises(ValueError, match="channel"):
            stream.play(sound, channels=wrong)
    assert stream.stats.live_actions == 0


@pytest.mark.parametrize("wrong", ["0.1", b"0.1", True, [1], np.array([1]), 1j, None, object(), 2**200, LARGE])
def test_what_is_no_number_is_refused_by_the_name_of_its_parameter(manual, wrong):
    stream = manual(1, 1)
    action = stream.play_tone(440, 0.1)
    buffer = sonset.Buffer.empty(10)
    calls = {
        "samplerate": lambda: sonset.Stream(wrong, device="manual"),
        "output_channels": lambda: sonset.Stream(RATE, wrong, device="manual"),
        "blocksize": lambda: sonset.Stream(RATE, device="manual", blocksize=wrong),
        "max_actions": lambda: sonset.Stream(RATE, device="manual", max_actions=wrong),
        "history_frames": lambda: sonset.Stream(RATE, 1, 1, device="manual", history_frames=wrong),
        "frames": lambda: sonset.Buffer.empty(wrong),
        "channels": lambda: sonset.RingBuffer(10, wrong),
        "channel": lambda: stream.level([0.1], wrong),
        "sound_channel": lambda: stream.level([0.1], 1, wrong),
        "first_frame": lambda: buffer.read(wrong),
        "position_frame": lambda: action.seek(wrong),
        "fade_frames": lambda: stream.cancel_all(wrong),
        "tag": lambda: stream.play([0.1], tag=wrong),
        "frame": lambda: stream.perf_counter_at(wrong),
        "seed": lambda: stream.play_noise(seed=wrong),
        "count": lambda: stream.play_pulse(1, count=wrong),
        "delay_frames": lambda: stream.play_input(delay_frames=wrong),
    }
    reals = {
        "frequency": lambda: stream.play_tone(wrong),
        "seconds": lambda: stream.set_latency_bias("output", wrong),
        "gain_db": lambda: stream.set_gain(wrong),
        "timeout": lambda: stream.wait(wrong),
        "at_unix": lambda: stream.play([0.1], at_unix=wrong),
        "at_stream_s": lambda: stream.play([0.1], at_stream_s=wrong),
    }
    # None is "not given" for keywords, and other numbers are well for what takes a float.
    without = {"samplerate", "output_channels", "tag", "timeout", "at_unix", "at_stream_s"}
    for name, call in {**calls, **({} if isinstance(wrong, int) else reals)}.items():
        if wrong is None and name in without:
            continue
        with pytest.raises(ValueError, match=f"^{name}") as caught:
            call()
        assert len(str(caught.value)) < 300, name
    assert stream.stats.live_actions == 1


def test_flags_are_true_or_false(manual, tmp_path):
    stream = manual(1)
    for yes in (True, 1, np.bool_(True)):
        stream.play([1.0], gain_db=6, allow_clip=yes)
    for wrong in ("no", "False", 2, [], np.array([True, False])):
        with pytest.raises(ValueError, match="allow_clip"):
            stream.play([1.0], gain_db=6, allow_clip=wrong)
        with pytest.raises(ValueError, match="resample"):
            stream.play_file(tmp_path / "a.wav", resample=wrong)


# Texts.


@pytest.mark.parametrize("wrong", ["", "sinus", LARGE, [], {}, 1, b"sine"], ids=lambda wrong: repr(wrong)[:9])
def test_a_choice_of_names_is_one_of_them(manual, wrong):
    stream = manual(1)
    for call in (
        lambda: stream.play_tone(440, waveform=wrong),
        lambda: stream.play([0.1], late_policy=wrong),
        lambda: stream.time(wrong),
        lambda: stream.set_channel(1, role=wrong),
        lambda: sonset.query_devices(kind=wrong),
    ):
        with pytest.raises(ValueError) as caught:
            call()
        assert len(str(caught.value)) < 300


def test_texts_and_options_of_a_stream_are_checked():
    for options in ("loud", {"a;b": 1}, {"client_name": "a;server=b"}, {"a=b": 1}, ["x"], "a=\0", "a=\ud800", 5, LARGE):
        with pytest.raises(ValueError, match="option") as caught:
            sonset.Stream(RATE, device="manual", options=options)
        assert len(str(caught.value)) < 2500
    assert sonset.Stream(RATE, 1, 1, device="manual", options={"callbacks": "separate"}).info.duplex is False


@pytest.mark.parametrize("device", [LARGE, [0] * 1_000_000, bytes(1_000_000), np.zeros(1_000_000), "\ud800", "a\0b"])
def test_a_device_that_is_none_is_told_of_in_few_words(device):
    for name in ("device", "output_device", "backend"):
        with pytest.raises((ValueError, sonset.NoDeviceError)) as caught:
            sonset.Stream(RATE, **{name: device})
        assert len(str(caught.value)) < 6000


def test_a_ring_is_one_of_sonsets(manual):
    stream = manual(1, 1)
    for wrong in (None, [0.1], "ring", sonset.Buffer([0.1]), np.zeros(10)):
        for take in (stream.play_ring, stream.record_ring):
            with pytest.raises(ValueError, match="ring="):
                take(wrong)


# Paths.


def names() -> list:
    plain = ["tone.wav", Path("tön ☂.wav"), b"tone.wav"]
    if sys.platform.startswith("linux"):
        plain += [b"t\xf6ne.wav", os.fsdecode(b"t\xf6ne.wav"), Path(os.fsdecode(b"t\xff.wav"))]
    return plain


@pytest.mark.parametrize("name", names(), ids=repr)
def test_a_file_is_found_by_any_name_that_it_can_have(manual, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    sound = sonset.Buffer(np.linspace(0, 0.5, 480, dtype=np.float32), RATE)
    sound.save(name)
    assert os.listdir(os.fsencode(tmp_path)) == [os.fsencode(name)]
    assert np.array_equal(sonset.Buffer.from_file(name).array, sound.array)
    stream = manual(1, 1)
    played = stream.play_file(name)
    assert np.array_equal(stream.process(480), sound.array) and played.receipt.outcome == "completed"
    os.remove(name)
    recording = stream.record_file(name, max_frames=10)
    stream.process(100, np.full((100, 1), 0.25))
    recording.wait(10)
    assert sonset.Buffer.from_file(name).frames == 10
    for write in (stream.log_receipts, stream.save_channels):
        os.remove(name)
        write(name)
        assert os.path.getsize(name) > 10


def test_what_is_no_path_is_refused(manual):
    stream = manual(1, 1)
    for wrong in ("", b"", "a\0b", b"a\0b", None, 5, 1.5, [], object()):
        for take in (
            sonset.Buffer.from_file,
            sonset.Buffer([0.1], RATE).save,
            stream.play_file,
            stream.record_file,
            stream.log_receipts,
            stream.save_channels,
            stream.load_channels,
        ):
            with pytest.raises(ValueError, match="path"):
                take(wrong)
    with pytest.raises(OSError) as caught:
        sonset.Buffer.from_file("x" * 1_000_000)
    assert len(str(caught.value)) < 2500
    with pytest.raises(ValueError) as caught:
        stream.play(LARGE)
    assert len(str(caught.value)) < 300


# Memory that nobody has.


def test_more_frames_than_there_are_take_no_memory():
    with pytest.raises(ValueError, match="10000000000000"):
        sonset.Buffer([0.1]).read(0, 10**13)
    assert len(sonset.RingBuffer(10).read(10**13)) == 0


# Receipts and frames.


def test_receipts_are_as_of_now(virtual):
    stream = virtual(1)
    receipts = stream.receipts
    assert len(receipts) == 0 and list(receipts) == []
    first = stream.play([0.1])
    while not first.done:
        pass
    assert len(receipts) == 1 and len(stream.receipts) == 1
    second = stream.play([0.1])
    while not second.done:
        pass
    assert receipts[-1].action == second.id
    third = stream.play([0.1])
    while not third.done:
        pass
    assert [receipt.action for receipt in receipts] == [first.id, second.id, third.id]
    stream.close()
    assert len(receipts) == 3 and receipts[1:][0].action == second.id


def test_the_next_frame_is_what_a_sound_without_a_time_gets(manual, virtual):
    stream = manual(1)
    stream.process(100)
    action = stream.play([0.1])
    assert stream.next_frame == stream.earliest_frame == 100
    stream.process(10)
    assert action.receipt.start_frame == 100
    stream = virtual(1)
    stream.play([0.1]).wait(5)
    before = stream.next_frame
    started = stream.play([0.1]).wait(5).start_frame
    assert before <= started <= stream.next_frame
    with_margin, time = stream.earliest_frame, stream.time()
    assert time.earliest_frame - time.frame >= 2 * 256 + 240 and with_margin >= before + 752
