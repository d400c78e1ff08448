"""Programs as users of rtmixer write them run on `sonset.rtmixer`.

The virtual device wires output k to input k, and both have the same times: what plays at a time is recorded at it.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import math
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import sonset
import sonset.rtmixer as rtmixer

RATE = 48000
LEAD = 0.25


def duplex(**more):
    return rtmixer.MixerAndRecorder(**{"device": "virtual", "samplerate": RATE, "channels": 2, **more})


def noise(frames, channels=1, seed=0):
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)
    return np.ascontiguousarray(samples)


def silence(frames, channels=1):
    return np.zeros((frames, channels), dtype="float32")


# The interface.

SIGNATURES = {
    "cancel": "(self, action, time=0, allow_belated=True)",
    "fetch_and_reset_stats": "(self, time=0, allow_belated=True)",
    "wait": "(self, action=None, sleeptime=10)",
    "play_buffer": "(self, buffer, channels, start=0, allow_belated=True)",
    "play_ringbuffer": "(self, ringbuffer, channels=None, start=0, allow_belated=True)",
    "record_buffer": "(self, buffer, channels, start=0, allow_belated=True)",
    "record_ringbuffer": "(self, ringbuffer, channels=None, start=0, allow_belated=True)",
    "start": "(self)",
    "stop": "(self, ignore_errors=True)",
    "abort": "(self, ignore_errors=True)",
    "close": "(self, ignore_errors=True)",
}
RING_SIGNATURES = {
    "__init__": "(self, elementsize, size=None, buffer=None)",
    "flush": "(self)",
    "write": "(self, data, size=-1)",
    "read": "(self, size=-1)",
    "readinto": "(self, data)",
    "get_write_buffers": "(self, size)",
    "advance_write_index": "(self, size)",
    "get_read_buffers": "(self, size)",
    "advance_read_index": "(self, size)",
}


def bare(function):
    """A signature without annotations."""
    signature = inspect.signature(function)
    parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=parameters, return_annotation=signature.empty))


def test_methods_take_the_documented_arguments():
    for name, signature in SIGNATURES.items():
        assert bare(getattr(rtmixer.MixerAndRecorder, name)) == signature, name
    for name, signature in RING_SIGNATURES.items():
        assert bare(getattr(rtmixer.RingBuffer, name)) == signature, name
    assert not hasattr(rtmixer.Mixer, "record_buffer") and not hasattr(rtmixer.Recorder, "play_buffer")
    assert issubclass(rtmixer.MixerAndRecorder, (rtmixer.Mixer, rtmixer.Recorder))


@pytest.mark.parametrize("module", ["rtmixer", "pa_ringbuffer"])
def test_methods_take_the_arguments_of_the_installed_rtmixer(module):
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        pytest.skip(f"{module} is not installed")
    with open(spec.origin, encoding="utf-8") as file:
        functions = [node for node in ast.walk(ast.parse(file.read())) if isinstance(node, ast.FunctionDef)]
    table = SIGNATURES if module == "rtmixer" else RING_SIGNATURES
    theirs = {f.name: f"({ast.unparse(f.args)})" for f in functions if f.args.args and f.args.args[0].arg == "self"}
    compared = [name for name in table if name in theirs and (name != "__init__" or module == "pa_ringbuffer")]
    assert len(compared) >= 7
    for name in compared:
        assert theirs[name] == table[name]


def test_constants_have_the_numbers_of_the_c_enumeration():
    names = "PLAY_BUFFER PLAY_RINGBUFFER RECORD_BUFFER RECORD_RINGBUFFER CANCEL FETCH_AND_RESET_STATS".split()
    assert [getattr(rtmixer, name) for name in names] == list(range(6))
    for kind, name in enumerate(names):
        assert next(key for key, value in vars(rtmixer).items() if value == kind) == name


def test_streams_have_the_attributes_of_sounddevice():
    with duplex(channels=(1, 2)) as m:
        assert m.samplerate == 48000.0 and isinstance(m.samplerate, float)
        assert (m.channels, m.dtype, m.samplesize) == ((1, 2), ("float32", "float32"), (4, 4))
        assert m.latency == (256 / RATE, 0.0) and m.blocksize == 0 and m.cpu_load == 0.0
        assert (m.active, m.stopped, m.closed) == (True, False, False)
        assert abs(m.time - time.perf_counter()) < 0.1
        m.stop()
        assert (m.active, m.stopped, m.closed) == (False, True, False)
    assert (m.active, m.stopped, m.closed) == (False, True, True)
    m = rtmixer.Recorder(device="virtual", channels=3, blocksize=128)
    assert (m.channels, m.dtype, m.samplesize, m.blocksize, m.latency) == (3, "float32", 4, 128, 128 / RATE)
    m.close()


def test_numbers_without_sounddevice_and_parts_of_its_name_do_not_mean_the_virtual_device():
    with duplex(device=("virtual", sonset.query_devices("virtual")[0])) as m:
        assert m.device == (-1, -1) and m.stream.info.is_virtual
    with rtmixer.Mixer(device="virtual") as m:
        assert m.channels == sonset.query_devices("virtual")[0].output_channels
    for wrong in (0, -1, 1000, np.int64(0), True, "", "device", "Virtual", 1.5, b"virtual"):
        with pytest.raises((ValueError, sonset.NoDeviceError), match="device="):
            rtmixer.Mixer(device=wrong)


def test_arguments_that_sounddevice_knows_are_taken(recwarn):
    flags = "clip_off dither_off never_drop_input prime_output_buffers_using_stream_callback".split()
    rtmixer.Mixer(device="virtual", channels=1, latency="low", **dict.fromkeys(flags, True)).close()
    duplex(latency=(0.01, "high"), extra_settings=(None, None), qsize=64).close()
    assert not recwarn
    with pytest.warns(sonset.SonsetWarning, match="no effect"):
        rtmixer.Mixer(device="virtual", channels=1, extra_settings=object()).close()
    for wrong in ({"latency": "middle"}, {"qsize": 17}, {"channels": 0}, {"channels": (1, 2, 3)}):
        with pytest.raises(ValueError):
            duplex(**wrong)
    for unknown in ({"callback": print}, {"dtype": "int16"}):
        with pytest.raises(TypeError):
            duplex(**unknown)


def test_the_finished_callback_is_called_once_for_each_end():
    calls = []
    with rtmixer.Mixer(device="virtual", channels=1, finished_callback=lambda: calls.append(m.active)) as m:
        time.sleep(0.02)
        assert calls == []
    deadline = time.monotonic() + 5
    while not calls and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.02)
    assert calls == [False]


# Playing.


def test_a_sound_starts_at_its_time_and_is_recorded_there():
    sound, recorded = noise(1000), silence(3000)
    with duplex() as m:
        start = m.time + LEAD
        recording = m.record_buffer(recorded, channels=[2], start=start)
        playing = m.play_buffer(sound, channels=[2], start=start)
        assert playing in m.actions and recording in m.actions
        m.wait(playing)
        assert playing not in m.actions
        m.wait()
        assert not m.actions
    assert np.array_equal(recorded[:1000], sound) and not recorded[1000:].any()
    for action in (playing, recording):
        assert abs(action.actual_time - start) < 0.001
        assert action.requested_time == start and action.done_frames == action.total_frames
    assert (playing.type, recording.type) == (rtmixer.PLAY_BUFFER, rtmixer.RECORD_BUFFER)
    assert (playing.channels, playing.mapping) == (1, (2,))


def test_hundreds_of_bleeps_are_issued_at_once_and_none_is_lost():
    generator = np.random.RandomState(99)
    recorded = silence(RATE // 2)
    sounds = [noise(200, seed=i) / 32 for i in range(300)]
    with duplex(qsize=512) as m:
        begin = m.time + LEAD
        recording = m.record_buffer(recorded, channels=1, start=begin)
        bleeps = [(sound, m.play_buffer(sound, 1, begin + generator.uniform(0, 0.45), False)) for sound in sounds]
        while m.actions:
            time.sleep(0.02)
    expected = np.zeros(len(recorded) + 10)
    first = recording.receipt.start_frame
    for bleep, action in bleeps:
        assert action.done_frames == action.total_frames == 200
        assert abs(action.actual_time - action.requested_time) < 0.001
        at = action.receipt.start_frame - (first - 256)  # Input frame n holds output frame n - 256.
        assert abs(at - (action.requested_time - begin) * RATE) < 20
        expected[at : at + 200] += bleep[:, 0]
    np.testing.assert_allclose(recorded[:, 0], expected[: len(recorded)], atol=1e-5)


def test_channels_are_mapped_and_a_channel_given_twice_gets_the_sum():
    sound, recorded = noise(500, 2), silence(500, 3)
    with duplex(channels=3) as m:
        start = m.time + LEAD
        recording = m.record_buffer(recorded, 3, start)
        m.play_buffer(sound, [3, 1], start)
        m.wait(recording)
        assert np.array_equal(recorded, np.stack([sound[:, 1], np.zeros(500), sound[:, 0]], axis=1))
        start = m.time + LEAD
        twice = silence(500, 2)
        recording = m.record_buffer(twice, [2, 2], start)
        m.play_buffer(sound, [2, 2], start)
        m.wait(recording)
    total = sound[:, 0] + sound[:, 1]
    assert np.array_equal(twice, np.stack([total, total], axis=1))


def test_channels_that_are_not_there_are_refused():
    with duplex() as m:
        for channels in (3, [1, 3], [0], [], 0):
            with pytest.raises(ValueError):
                m.play_buffer(noise(10), channels)
            with pytest.raises(ValueError):
                m.record_buffer(silence(10), channels)
        with pytest.raises(ValueError, match="elementsize"):
            m.play_ringbuffer(rtmixer.RingBuffer(4, 64), channels=2)
        with pytest.raises(ValueError):
            m.record_ringbuffer(rtmixer.RingBuffer(12, 64))
        assert not m.actions


def test_any_memory_of_float32_is_played():
    import array

    sound, recorded = noise(300), silence(300)
    for memory in (sound, sound.tobytes(), bytearray(sound), memoryview(sound), array.array("f", sound[:, 0])):
        recorded[:] = 0
        with duplex() as m:
            start = m.time + LEAD
            m.play_buffer(memory, 1, start)
            m.wait(m.record_buffer(recorded, 1, start))
        assert np.array_equal(recorded, sound)


def test_a_sound_without_frames_lasts_until_its_start():
    with duplex() as m:
        for issue in (m.play_buffer, m.record_buffer):
            start = m.time + LEAD
            action = issue(b"", channels=1, start=start)
            assert action in m.actions and action.actual_time == -1.0
            m.wait(action)
            assert start - 0.01 < m.time < start + 0.1
            assert action.actual_time == start and action.done_frames == action.total_frames == 0


def test_what_is_issued_before_the_stream_starts_is_played_then():
    sound, recorded = noise(100), silence(1000)
    m = duplex()
    action, recording = m.play_buffer(sound, 1), m.record_buffer(recorded, 1)
    assert set(m.actions) == {action, recording} and action.actual_time == -1.0
    with m:
        m.wait()
    assert (action.done_frames, recording.done_frames) == (100, 1000)
    assert np.array_equal(recorded[256:356], sound)


# Too late.


@pytest.mark.parametrize("ago", [0.5, 100.0, 1e9])
def test_a_belated_sound_is_dropped_or_played_as_it_was_asked_for(ago):
    with duplex() as m:
        m.wait(m.fetch_and_reset_stats())
        start = m.time - ago
        start = max(0, start)  # 0 is now, or too late.
        dropped = m.play_buffer(noise(100), 1, start=start, allow_belated=False)
        with pytest.warns(sonset.LateWarning):
            m.wait(dropped)
        assert dropped.actual_time == 0.0 and dropped.done_frames == 0 and dropped.requested_time == start
        played = m.play_buffer(noise(100), 1, start=start)
        if ago < 1:
            with pytest.warns(sonset.LateWarning):
                m.wait(played)
        m.wait(played)
        assert played.actual_time > start + 0.4 and played.done_frames == 100
        with pytest.warns(sonset.SummaryWarning, match="dropped 1"):
            m.close()


def test_a_belated_command_is_not_done_if_it_may_not():
    with duplex() as m:
        sound = m.play_buffer(noise(4800), 1)
        m.wait(m.fetch_and_reset_stats())
        for command in (m.cancel(sound, m.time - 1, False), m.fetch_and_reset_stats(m.time - 1, False)):
            m.wait(command)
            assert command.actual_time == 0.0 and command.stats.blocks == 0
        m.wait(sound)
        assert sound.done_frames == 4800


def test_times_that_are_none_are_refused():
    with duplex() as m:
        for wrong in (math.inf, -math.inf, math.nan, "soon"):
            with pytest.raises(ValueError):
                m.play_buffer(noise(10), 1, start=wrong)
            with pytest.raises(ValueError):
                m.fetch_and_reset_stats(time=wrong)
        with pytest.raises(ValueError):
            m.play_buffer(noise(10), 1, start=m.time + 1e9)
        assert not m.actions


# Cancelling.


def test_a_sound_is_cut_at_the_time_of_its_cancel():
    sound, recorded = noise(4000), silence(4000)
    with duplex() as m:
        m.wait(m.record_buffer(b"", 1, m.time + LEAD))  # The clock has settled.
        start = m.time + LEAD
        playing = m.play_buffer(sound, 1, start)
        recording = m.record_buffer(recorded, 1, start)
        cancel = m.cancel(playing, start + 1000 / RATE)
        assert cancel.type == rtmixer.CANCEL and cancel.action is playing and cancel in m.actions
        m.wait()
    assert playing.done_frames == playing.total_frames and abs(playing.done_frames - 1000) < 24
    assert np.array_equal(recorded[: playing.done_frames], sound[: playing.done_frames])
    assert not recorded[playing.done_frames :].any() and recording.done_frames == 4000
    assert cancel.actual_time == cancel.requested_time


def test_a_cancelled_action_that_has_not_started_never_does():
    with duplex() as m:
        action = m.play_buffer(noise(100), 1, m.time + 100)
        cancel = m.cancel(action)
        m.wait(cancel)
        assert action not in m.actions and action.total_frames == action.done_frames == 0
        assert action.actual_time == -1.0 and 0 < cancel.actual_time < m.time
        assert m.cancel(action) not in m.actions


def test_a_recording_that_is_cancelled_leaves_the_rest_of_its_buffer_alone():
    recorded = np.full((RATE, 1), 7, dtype="float32")
    with duplex() as m:
        m.play_buffer(noise(RATE), 1)
        recording = m.record_buffer(recorded, 1)
        time.sleep(0.1)
        m.wait(m.cancel(recording))
        done = recording.done_frames
        assert 0 < done == recording.total_frames < RATE
        assert (recorded[done:] == 7).all() and (recorded[:done] < 1).all()


def test_commands_can_be_cancelled_but_not_cancels():
    with duplex() as m:
        fetch = m.fetch_and_reset_stats(m.time + 100)
        m.wait(m.cancel(fetch))
        assert fetch not in m.actions and fetch.stats.blocks == 0
        sound = m.play_buffer(noise(10), 1, m.time + 100)
        cancel = m.cancel(sound, m.time + 50)
        with pytest.raises(sonset.UnsupportedError):
            m.cancel(cancel)


# Recording.


def test_a_recording_is_in_its_memory_without_asking():
    sound, recorded = noise(4800), silence(4800)
    with duplex() as m:
        start = m.time + LEAD
        m.play_buffer(sound, 1, start)
        m.record_buffer(recorded, 1, start)  # Nobody asks for its state.
        for end in (100, 4800):
            deadline = time.monotonic() + 10
            while not recorded[end - 1] and time.monotonic() < deadline:
                time.sleep(0.001)
            assert np.array_equal(recorded[:end], sound[:end])
            sound[:end] = recorded[:end] = 2  # What is there belongs to the program.


def test_memory_that_cannot_be_meant_is_refused():
    with duplex() as m:
        for wrong in (np.zeros(10), np.zeros(10, "int16"), np.zeros((10, 2), "float32")[:, :1]):
            with pytest.raises(ValueError):
                m.play_buffer(wrong, 1)
            with pytest.raises(ValueError):
                m.record_buffer(wrong, 1)
        with pytest.raises(ValueError, match="read-only"):
            m.record_buffer(bytes(400), 1)
        with pytest.raises(ValueError, match="NaN"):
            m.play_buffer(np.full(10, math.nan, "float32"), 1)
        with pytest.raises(TypeError):
            m.play_buffer([0.0, 0.1], 1)
        assert not m.actions


def test_a_sum_beyond_full_scale_is_limited_and_told_of():
    recorded = silence(100)
    with pytest.warns(sonset.SonsetWarning) as told, duplex() as m:
        start = m.time + LEAD
        m.play_buffer(np.full(100, 0.75, "float32"), 1, start)
        m.play_buffer(np.full(100, 1.5, "float32"), 1, start)
        m.record_buffer(recorded, 1, start)
        m.wait()
    assert (recorded == 1).all()
    assert {warning.category for warning in told} == {sonset.ClippingWarning, sonset.SummaryWarning}


# Rings.


def test_a_ring_is_played_while_a_thread_refills_it():
    sound, recorded = noise(24000, 2), silence(24480, 2)
    ring = rtmixer.RingBuffer(elementsize=8, size=8192)
    written = ring.write(sound)
    assert written == 8192

    def refill():
        nonlocal written
        while written < len(sound):
            if action not in m.actions:
                break
            size, first, second = ring.get_write_buffers(min(512, len(sound) - written))
            data = sound[written : written + size].tobytes()
            first[:], second[:] = data[: len(first)], data[len(first) :]
            ring.advance_write_index(size)
            written += size
            time.sleep(0.002)

    with duplex() as m:
        start = m.time + LEAD
        action = m.play_ringbuffer(ring, start=start)
        recording = m.record_buffer(recorded, 2, start)
        thread = threading.Thread(target=refill)
        thread.start()
        m.wait(action)
        thread.join()
        m.wait(recording)
    assert written == action.done_frames == len(sound) and action.total_frames == rtmixer.ULONG_MAX
    assert np.array_equal(recorded[: len(sound)], sound) and not recorded[len(sound) :].any()
    assert action.receipt.outcome == "underflow" and ring.read_available == 0


def test_a_ring_tells_what_has_not_sounded_and_keeps_it():
    sound = noise(4096)
    ring = rtmixer.RingBuffer(4, 4096)
    ring.write(sound)
    with duplex() as m:
        action = m.play_ringbuffer(ring, channels=[2])
        with pytest.raises(sonset.RingBusyError):
            ring.read()
        while ring.read_available > 3000:
            time.sleep(0.001)
        m.wait(m.cancel(action))
        done = action.done_frames
        assert 1096 <= done < 4096 and ring.read_available == 4096 - done
        recorded = silence(4096 - done)
        start = m.time + LEAD
        again = m.play_ringbuffer(ring, start=start)
        with pytest.raises(sonset.RingBusyError):
            m.play_ringbuffer(ring)
        m.wait(m.record_buffer(recorded, 1, start))
        m.wait(again)
    assert np.array_equal(recorded, sound[done:]) and again.done_frames == 4096 - done
    assert ring.read_available == 0 and ring.write(sound) == 4096


def test_what_is_written_after_a_ring_ran_dry_waits_for_the_next_action():
    ring = rtmixer.RingBuffer(4, 1024)
    ring.write(noise(256))
    with duplex() as m:
        m.play_ringbuffer(ring)
        time.sleep(0.1)
        ring.write(noise(512, seed=1))
        time.sleep(0.1)
        assert ring.read_available == 512 and ring.write_available == 512
        m.wait(m.play_ringbuffer(ring))
    assert ring.read_available == 0


def test_a_ring_is_recorded_while_it_is_read():
    sound, parts = noise(12000), []
    ring = rtmixer.RingBuffer(4, 16384)
    with duplex() as m:
        start = m.time + LEAD
        recording = m.record_ringbuffer(ring, start=start)
        m.play_buffer(sound, 1, start)
        with pytest.raises(sonset.RingBusyError):
            ring.write(sound[:10])
        while sum(map(len, parts)) < len(sound):
            count, first, second = ring.get_read_buffers(300)
            parts += [np.frombuffer(part[:], "float32") for part in (first, second) if part]
            ring.advance_read_index(count)
            time.sleep(0.002)
        assert recording in m.actions
        m.wait(m.cancel(recording))
        parts.append(np.frombuffer(ring.read(), "float32"))
    recorded = np.concatenate(parts)
    assert len(recorded) == recording.done_frames == recording.total_frames
    assert np.array_equal(recorded[: len(sound)], sound[:, 0])


def test_a_recording_ends_when_its_ring_is_full():
    ring = rtmixer.RingBuffer(4, 128)
    sound = noise(2000)
    with duplex() as m:
        start = m.time + LEAD
        m.play_buffer(sound, 1, start)
        action = m.record_ringbuffer(ring, channels=1, start=start)
        m.wait(action)
        assert action.done_frames == 128 == ring.read_available and ring.write_available == 0
        assert action.total_frames != action.done_frames and action.receipt.outcome == "overflow"
        m.wait()
    assert bytes(ring.read()) == sound[:128].tobytes()


def test_a_ring_that_is_recorded_and_played_is_a_delay():
    sound, recorded, delay = noise(9600), silence(16000, 2), 0.1
    ring = rtmixer.RingBuffer(4, 8192)
    with duplex() as m:
        m.wait(m.record_buffer(b"", 1, m.time + LEAD))  # The clock has settled.
        start = m.time + LEAD
        recording = m.record_ringbuffer(ring, channels=[1], start=start, allow_belated=False)
        playing = m.play_ringbuffer(ring, channels=[2], start=start + delay, allow_belated=False)
        m.play_buffer(sound, 1, start)
        whole = m.record_buffer(recorded, 2, start)
        m.wait(m.record_buffer(b"", channels=1, start=start))
        m.wait(m.play_buffer(b"", channels=1, start=start + delay))
        assert recording in m.actions and playing in m.actions
        m.wait(whole)
        m.wait(m.cancel(recording))
        m.wait(playing)
    assert np.array_equal(recorded[:9600], np.pad(sound, ((0, 0), (0, 1))) + recorded[:9600] * [0, 1])
    late = playing.receipt.start_frame - (recording.receipt.start_frame - 256)
    assert abs(late - delay * RATE) < 24
    assert np.array_equal(recorded[late : late + 9600, 1], sound[:, 0])


def test_a_sampler_records_into_a_ring_and_plays_from_a_bytearray():
    ring, sample, sound = rtmixer.RingBuffer(4, 2**15), bytearray(), noise(4800)
    with duplex() as m:
        for _ in range(2):
            del sample[:]
            m.play_buffer(sound, 1)
            recording = m.record_ringbuffer(ring)
            cancel = None
            while cancel is None or cancel in m.actions:
                sample.extend(ring.read())
                if cancel is None and len(sample) > 4 * 3000:
                    cancel = m.cancel(recording)
                time.sleep(0.005)
            sample.extend(ring.read())
            assert cancel.action.type == rtmixer.RECORD_RINGBUFFER
            assert len(sample) == 4 * recording.done_frames == 4 * recording.total_frames
            playing = m.play_buffer(sample, channels=1)
            m.wait(playing)
            assert playing.done_frames == recording.done_frames
            m.wait()
    del sample[:]  # The memory is let go of.


# Counts.


def test_stats_are_fetched_and_counted_anew():
    m = rtmixer.Recorder(device="virtual", channels=1, blocksize=128)
    assert m.stats == rtmixer.Stats()
    with m:
        time.sleep(0.1)
        fetches = []
        for at in (0, m.time + 0.1):
            fetches.append(m.fetch_and_reset_stats(at))
            m.wait(fetches[-1])
        with pytest.raises(RuntimeError, match="fetch_and_reset_stats"):
            m.stats  # noqa: B018
        time.sleep(0.05)
    total = m.stream.stats
    assert [fetch.type for fetch in fetches] == 2 * [rtmixer.FETCH_AND_RESET_STATS]
    counts = [fetch.stats for fetch in fetches] + [m.stats]
    assert sum(count.blocks for count in counts) == total.callbacks and min(count.blocks for count in counts) >= 10
    assert {(count.min_blocksize, count.max_blocksize) for count in counts} == {(128, 128)}
    assert sum(count.input_overflows for count in counts) == total.input_xruns
    assert fetches[0].requested_time == 0 and fetches[1].actual_time == fetches[1].requested_time


def test_an_action_counts_the_blocks_that_it_was_in():
    with duplex(blocksize=64) as m:
        action = m.play_buffer(noise(650), 1, m.time + LEAD)
        m.wait(action)
    first = action.receipt.start_frame
    assert action.stats.blocks == len({frame // 64 for frame in range(first, first + 650)})
    assert (action.stats.min_blocksize, action.stats.max_blocksize) == (64, 64)
    assert action.stats.output_underflows == action.receipt.xruns


def test_a_full_queue_raises_and_plays_the_rest():
    with duplex() as m:
        start, sound = m.time + 100, noise(10)
        with pytest.raises(RuntimeError, match="full"):
            for _ in range(10000):
                m.play_buffer(sound, 1, start)
        assert len(m.actions) == 8192


def test_actions_that_nobody_asks_about_are_not_kept():
    with duplex() as m:
        for _ in range(20):
            for _ in range(50):
                m.play_buffer(noise(2) / 1000, 1)
            time.sleep(0.02)
        assert len(m._actions) < 500


# Stopping and starting again.


# A recording that a stop cuts may be of the silence before the wire.
@pytest.mark.filterwarnings("ignore::sonset.SilentInputWarning", "ignore::sonset.SummaryWarning")
@pytest.mark.parametrize("stop", ["stop", "abort"])
def test_what_a_stop_interrupts_goes_on_at_the_next_start(stop):
    sound, recorded = noise(9600), np.full((9600, 1), 7, "float32")
    with duplex() as m:
        playing = m.play_buffer(sound, 1)
        recording = m.record_buffer(recorded, [1])
        waiting = m.play_buffer(noise(100), [2], m.time + 0.5)
        never = m.play_buffer(noise(100), [2], m.time + 60)
        while not playing.done_frames:
            time.sleep(0.001)
        getattr(m, stop)()
        assert not m.active and {playing, recording, waiting, never} == set(m.actions)
        done = playing.done_frames
        assert 0 < done < 9600 and waiting.actual_time == -1.0 and playing.total_frames == 9600
        time.sleep(0.05)
        assert playing.done_frames == done
        m.cancel(never)
        assert never not in m.actions and never.total_frames == never.done_frames == 0
        begun = playing.actual_time
        m.start()
        m.wait()
        assert playing.done_frames == playing.total_frames == 9600 and playing.actual_time == begun
        assert recording.done_frames == 9600 and (recorded < 1).all()
        assert waiting.done_frames == 100 and abs(waiting.actual_time - waiting.requested_time) < 0.001
        assert playing.stats.blocks >= 9600 // 256


def test_a_sound_that_a_stop_cuts_goes_on_with_its_next_frame():
    sound = noise(9600)
    with duplex(channels=1) as m:
        playing = m.play_buffer(sound, 1)
        while not playing.done_frames:
            time.sleep(0.001)
        m.abort()
        done, recorded = playing.done_frames, silence(9600)
        recording = m.record_buffer(recorded, 1)
        m.start()
        m.wait()
    assert recording.done_frames == 9600 and playing.done_frames == 9600
    # Both begin with the first block; the wire takes 256 frames.
    assert np.array_equal(recorded[256 : 256 + 9600 - done], sound[done:])


@pytest.mark.filterwarnings("ignore::sonset.SilentInputWarning", "ignore::sonset.SummaryWarning")
def test_rings_go_on_after_a_stop():
    sound, recorded = noise(8192), silence(8192)
    ring = rtmixer.RingBuffer(4, 8192)
    ring.write(sound)
    with duplex(channels=1) as m:
        playing = m.play_ringbuffer(ring)
        while not playing.done_frames:
            time.sleep(0.001)
        m.abort()
        done = playing.done_frames
        assert playing in m.actions and ring.read_available == 8192 - done
        m.record_buffer(recorded, 1)
        m.start()
        m.wait()
        assert playing.done_frames == 8192 and ring.read_available == 0
        assert np.array_equal(recorded[256 : 8192 - done], sound[done : 8192 - 256])
        taken = rtmixer.RingBuffer(4, 4096)
        m.play_buffer(sound, 1)
        recording = m.record_ringbuffer(taken)
        while not taken.read_available:
            time.sleep(0.001)
        m.stop()
        assert recording in m.actions and recording.done_frames == taken.read_available < 4096
        m.start()
        m.wait()
        assert recording.done_frames == taken.read_available == 4096


def test_a_cancel_that_has_a_time_counts_across_a_stop():
    with duplex() as m:
        playing = m.play_buffer(noise(RATE), 1)
        cancel = m.cancel(playing, m.time + 0.4)
        while not playing.done_frames:
            time.sleep(0.001)
        m.abort()
        m.start()
        m.wait()
        assert 0 < playing.done_frames == playing.total_frames < RATE
        assert abs(m.time - cancel.requested_time) < 1 and cancel not in m.actions


def test_nothing_is_left_of_a_stream_that_was_stopped_and_closed():
    m = duplex()
    m.start()
    sound = bytearray(noise(RATE).tobytes())
    action, fetch = m.play_buffer(sound, 1), m.fetch_and_reset_stats(m.time + 60)
    m.stop()
    assert action in m.actions and fetch in m.actions
    m.close()
    assert not m.actions and action.total_frames == RATE
    del sound[:]


# What a device does not have, and the end.


def test_a_block_size_that_the_device_does_not_have_is_a_warning():
    with pytest.warns(sonset.SonsetWarning, match="blocksize=100000 .* 256 frames"):
        m = rtmixer.Mixer(device="virtual", channels=1, blocksize=100000, samplerate=RATE)
    assert m.blocksize == 100000 and m.stream.info.block_frames == 256
    m.close()
    with pytest.raises(sonset.UnsupportedFormatError, match="65 outputs"):
        rtmixer.Mixer(device="virtual", channels=65, blocksize=100000)


@pytest.mark.parametrize("method", ["stop", "abort", "close", "fetch_and_reset_stats"])
@pytest.mark.parametrize("state", ["open", "running", "closed"])
def test_methods_can_be_called_in_any_state(method, state):
    m = duplex()
    m.play_buffer(noise(RATE), 1)
    if state == "running":
        m.start()
    if state == "closed":
        m.close()
    getattr(m, method)()
    assert len(m.actions) == {"open": 1, "running": 1, "closed": 0}[state] or method in (
        "fetch_and_reset_stats",
        "close",
    )
    m.close()
    assert not m.actions
    if method != "fetch_and_reset_stats":
        getattr(m, method)(ignore_errors=True)


ENDS = """
import atexit, sys
import numpy as np
import sonset.rtmixer as rtmixer

def last():
    for _ in range(2):
        mixer.abort()
        mixer.stop()
        mixer.close()
        mixer.fetch_and_reset_stats()
        print(len(mixer.actions), mixer.active, mixer.closed, flush=True)

if "{when}" == "after":
    atexit.register(last)
mixer = rtmixer.MixerAndRecorder(device="virtual", samplerate=48000, channels=2)
if "{when}" == "before":
    atexit.register(last)
mixer.start()
sound = mixer.play_buffer(np.zeros(480000, "float32"), 1)
mixer.record_buffer(np.zeros(480000, "float32"), 1)
mixer.fetch_and_reset_stats(mixer.time + 60)
mixer.cancel(sound, mixer.time + 30)
if "{when}" == "del":
    class Owner:
        def __init__(self, mixer):
            self.mixer = mixer
        def __del__(self):
            self.mixer.abort()
            self.mixer.close()
    owner = Owner(mixer)
if "{when}" == "main":
    last()
"""


@pytest.mark.parametrize("when", ["main", "before", "after", "del", "never"])
def test_a_program_ends_without_a_word_wherever_it_ends_its_mixer(when):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ENDS.format(when=when)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.splitlines() == ([] if when in ("del", "never") else 2 * ["0 False True"])
