"""What is asked of a stream happens at the frame asked for, and the receipt says so."""

from __future__ import annotations

import csv
import json
import math
import time

import numpy as np
import pytest

import sonset

RATE = 48000


def onset(x) -> int:
    return int(np.flatnonzero(np.any(np.atleast_2d(x.T).T != 0, axis=1))[0])


def test_a_sound_comes_out_at_its_frame_bit_for_bit(manual, noise):
    stream, x = manual(), noise(1000, 2)
    action = stream.play(x, at_frame=777)
    out = stream.render(4000, blocksize=64)
    assert np.array_equal(out[777:1777], x)
    assert not out[:777].any() and not out[1777:].any()
    receipt = action.receipt
    assert (receipt.outcome, receipt.start_frame, receipt.end_frame) == ("completed", 777, 1777)
    assert (receipt.done_frames, receipt.late_frames, receipt.requested_frame) == (1000, 0, 777)


def test_200_sounds_at_random_frames_are_each_at_their_frame(manual):
    stream = manual(1)
    frames = np.cumsum(np.random.default_rng(5).integers(50, 1500, 200))
    click = sonset.Buffer(np.full(1, 0.5))
    for frame in frames:
        stream.play(click, at_frame=int(frame))
    out = stream.render(int(frames[-1]) + 10, blocksize=256)
    assert np.array_equal(np.flatnonzero(out), frames)


def test_one_name_per_clock_and_only_one_at_a_time(manual):
    stream = manual()
    for pair in (
        {"at_frame": 1, "at_stream_s": 1.0},
        {"at_perf_counter": 1.0, "at_unix": 1.0},
        {"at_frame": 0, "at_unix": 1.0},
    ):
        with pytest.raises(ValueError, match="one time only"):
            stream.play([0.1], **pair)
    first = stream.play([0.1])
    with pytest.raises(ValueError, match="one time only"):
        stream.play([0.1], at_frame=5, after=first)
    with pytest.raises(TypeError, match="at_second"):
        stream.play([0.1], at_second=1)


def test_seconds_of_the_stream_are_frames_by_the_rate(manual):
    stream = manual()
    action = stream.play(np.full(10, 0.1), at_stream_s=0.01)
    stream.render(2000)
    assert action.receipt.start_frame == 480
    assert action.receipt.start_stream_s == 0.01


@pytest.mark.parametrize("clock", ["perf_counter", "unix"])
def test_a_host_time_is_met_at_the_converter(virtual, clock):
    stream = virtual()
    now = {"perf_counter": time.perf_counter, "unix": time.time}[clock]
    asked = now() + 0.15
    receipt = stream.play(np.full(10, 0.1), **{f"at_{clock}": asked}).wait(5)
    assert abs(getattr(receipt, f"start_{clock}") - asked) < 1 / RATE
    assert receipt.uncertainty_s is not None


def test_a_unix_time_taken_for_another_clock_is_refused(manual):
    with pytest.raises(sonset.TimeRangeError):
        manual().play([0.1], at_perf_counter=time.time())


def test_a_recording_holds_what_was_played(virtual, noise):
    stream, x = virtual(1, 1), noise(2000)
    with stream.batch():
        sound = stream.play(x)
        recording = stream.record(4000)
    recording.wait(5)
    trip = stream.info.round_trip_frames
    start = sound.receipt.start_frame - recording.receipt.start_frame + trip
    assert np.array_equal(recording.data[start : start + 2000], x)


def test_aligned_recordings_have_no_round_trip(virtual, noise):
    stream, x = virtual(1, 1), noise(500)
    frame = stream.earliest_frame + 2000
    stream.play(x, at_frame=frame)
    recording = stream.record(500, at_frame=frame, align="round_trip")
    recording.wait(5)
    assert np.array_equal(recording.data, x)


def test_a_recording_that_is_cancelled_gives_what_it_has(virtual):
    stream = virtual()
    stream.play_tone(100, 0.1)
    recording = stream.record(10 * RATE)
    recording.wait_started(5)
    time.sleep(0.05)
    recording.cancel()
    receipt = recording.wait(5)
    assert receipt.outcome == "stopped" and recording.data.shape == (receipt.done_frames, 1)
    assert 0 < receipt.done_frames < 10 * RATE


def test_recordings_begin_in_the_past(virtual, noise):
    stream, x = virtual(1, 1, history_frames=RATE), noise(1000)
    sound = stream.play(x)
    end = sound.wait(5).end_frame
    time.sleep(0.02)
    trip = stream.info.round_trip_frames
    recording = stream.record(1000, at_frame=end - 1000 + trip)
    recording.wait(5)
    assert np.array_equal(recording.data, x)


def test_sequences_are_gapless(manual, noise):
    stream, parts = manual(1), [noise(n, seed=n) for n in (100, 7, 1000, 33)]
    action = stream.play(parts[0], at_frame=50)
    for part in parts[1:]:
        action = stream.play(part, after=action)
    out = stream.render(2000, blocksize=32)
    assert np.array_equal(out[50 : 50 + 1140], np.concatenate(parts))


def test_a_successor_fails_with_its_predecessor_unless_told_otherwise(manual):
    stream = manual()
    first = stream.play(np.full(1000, 0.1), at_frame=5000)
    second = stream.play(np.full(10, 0.1), after=first)
    third = stream.play(np.full(10, 0.1), after=first, after_policy="any_end")
    stream.process(64)
    first.cancel()
    with pytest.warns(sonset.OutcomeWarning, match="predecessor"):
        stream.render(6000)
        outcomes = [action.wait(1).outcome for action in (first, second, third)]
    assert outcomes == ["cancelled", "predecessor", "completed"]
    with pytest.warns(sonset.SummaryWarning, match="outcome 1"):
        stream.close()


def test_a_batch_starts_in_one_frame_and_is_discarded_on_an_error(manual):
    stream = manual()
    with stream.batch():
        pair = [stream.play([0.1]), stream.play([0.1])]
    stream.process(64)
    assert len({action.receipt.start_frame for action in pair}) == 1
    with pytest.raises(KeyError), stream.batch():
        lost = stream.play([0.1])
        raise KeyError("experiment")
    stream.process(64)
    assert lost.receipt.outcome == "cancelled"
    with stream.batch(), pytest.raises(ValueError, match="open already"), stream.batch():
        pass


def test_cancel_and_pause_fade_over_5_ms_unless_told_otherwise(manual):
    stream = manual(1)
    x = sonset.Buffer(np.full(20000, 0.5))
    stream.play(x, at_frame=0).cancel(at_frame=2000)
    faded = stream.render(3000)[:, 0]
    assert np.all(faded[:1760] == 0.5) and not faded[2000:].any()
    assert np.all(np.diff(faded[1760:2000]) < 0)
    cut = stream.play(x, at_frame=3000)
    cut.cancel(at_frame=4000, fade_frames=-1)
    out = stream.render(3000)[:, 0]
    assert np.all(out[:1000] == 0.5) and not out[1000:].any()
    held = stream.play(x, at_frame=6000, frame_count=4000)
    held.pause(at_frame=7000, fade_frames=-1)
    held.resume(at_frame=8000, fade_frames=-1)
    out = stream.render(6000)[:, 0]
    assert np.flatnonzero(out).tolist() == [*range(1000), *range(2000, 5000)]
    assert held.receipt.paused_frames == 1000


def test_gains_of_action_and_stream_follow_their_line(manual):
    stream = manual(1)
    action = stream.play(np.full(20000, 0.5), at_frame=0)
    action.set_gain(-math.inf, at_frame=1000, ramp_frames=100)
    out = stream.render(2000)[:, 0]
    expected = 0.5 * (1 - (np.arange(100) + 1) / 100)
    assert np.abs(out[1000:1100] - expected).max() < 1e-6 and not out[1100:].any()
    action.set_gain(0, at_frame=2000, ramp_frames=-1)
    stream.set_gain(-20, at_frame=2500, ramp_frames=-1)
    out = stream.render(1000)[:, 0]
    assert np.all(out[:500] == 0.5) and np.allclose(out[500:], 0.05)


def test_reschedule_and_seek_move_a_sound(manual):
    stream = manual(1)
    x = (np.arange(5000) + 1) / 10000
    action = stream.play(x, at_frame=1000)
    action.reschedule(at_frame=2000)
    stream.render(1500)
    action.seek(4000, at_frame=2500, fade_frames=-1)
    out = stream.render(3000)[:, 0]
    assert np.allclose(out[500:1000], x[:500]) and np.allclose(out[1000:2000], x[4000:])


def test_late_starts_follow_their_policy(manual):
    stream = manual(1)
    stream.render(1000)
    x = (np.arange(1000) + 1) / 2000
    with pytest.warns(sonset.LateWarning):
        whole = stream.play(x, at_frame=900)
        rest = stream.play(x, at_frame=900, late_policy="skip", channels=1, allow_clip=True)
        none = stream.play(x, at_frame=900, late_policy="drop", tag=7)
        stream.render(2000)
        receipts = [action.wait(1) for action in (whole, rest, none)]
    assert [receipt.outcome for receipt in receipts] == ["completed", "completed", "dropped_late"]
    assert [receipt.done_frames for receipt in receipts] == [1000, 900, 0]
    assert all(receipt.late_frames == 100 for receipt in receipts)
    assert receipts[2].tag == 7
    with pytest.warns(sonset.SummaryWarning):
        stream.close()


def test_channels_and_gains_are_those_named(manual):
    stream = manual(4)
    stream.play([0.5], channels=[3, 1], gains=[1.0, -0.5], at_frame=0)
    stream.play([0.25], channels=4, at_frame=1)
    stream.play([[0.1, 0.2]], gains=0.5, at_frame=2)
    out = stream.render(3)
    assert np.allclose(out, [[-0.25, 0, 0.5, 0], [0, 0, 0, 0.25], [0.05, 0.1, 0, 0]])
    for channels in (0, 5, [], [1, 1], [1.5], "1"):
        with pytest.raises(ValueError):
            stream.play([0.5], channels=channels)
    with pytest.raises(ValueError, match="2 gains do not fit 1"):
        stream.play([0.5], channels=[1], gains=[1, 1])


def test_a_sound_above_the_ceiling_is_refused_unless_clipping_is_allowed(manual):
    stream = manual(1, ceiling=0.5)
    with pytest.raises(sonset.WouldClipError):
        stream.play([0.6])
    with pytest.warns(sonset.ClippingWarning):
        stream.play([0.6], allow_clip=True)
        assert stream.render(10).max() == 0.5
        assert stream.problems == {"clipping": 1}
    with pytest.warns(sonset.SummaryWarning, match="clipping 1"):
        stream.close()


def test_rings_play_what_is_written_and_record_what_is_read(manual, noise):
    stream, x = manual(1, 1), noise(3000)
    ring, taken = sonset.RingBuffer(1000), sonset.RingBuffer(1000)
    action = stream.play_ring(ring, at_frame=0)
    stream.record_ring(taken, at_frame=0)
    written, out, read = 0, [], []
    while written < len(x) or ring.read_available:
        if written < len(x):
            written += ring.write(x[written : written + 500])
            if written == len(x):
                ring.finish()
        block = stream.process(128, x[:128])
        out.append(block)
        first, samples = taken.read_at()
        assert first == 128 * len(read)
        read.append(samples)
    assert np.array_equal(np.concatenate(out)[:3000], x)
    assert all(np.array_equal(part, x[:128]) for part in read)
    stream.process(128)
    assert action.receipt.outcome == "completed" and ring.info.usage == "idle"


def test_a_ring_that_runs_dry_is_counted_and_told(manual):
    stream, ring = manual(1), sonset.RingBuffer(1000)
    ring.write(np.full(100, 0.1))
    action = stream.play_ring(ring, frame_count=300)
    with pytest.warns(sonset.MissingFramesWarning, match="misses 200 frames"):
        stream.render(512)
        assert action.wait(1).missing_frames == 200
    with pytest.warns(sonset.SummaryWarning):
        stream.close()


def test_files_are_played_and_recorded(virtual, noise, tmp_path):
    stream, x = virtual(1, 1), noise(9600)
    sonset.Buffer(x, RATE).save(tmp_path / "in.wav")
    frame = stream.earliest_frame + 9600
    sound = stream.play_file(tmp_path / "in.wav", at_frame=frame)
    stream.record_file(tmp_path / "out.wav", at_frame=frame + stream.info.round_trip_frames, max_frames=9600).wait(5)
    assert np.array_equal(sonset.Buffer.from_file(tmp_path / "out.wav").array, x)
    assert sound.receipt.start_frame == frame
    with pytest.raises(OSError):
        stream.record_file(tmp_path / "out.wav")
    with pytest.raises(FileNotFoundError):
        stream.play_file(tmp_path / "nothing.wav")


def test_a_file_that_breaks_says_why(virtual, noise, tmp_path):
    sonset.Buffer(noise(20 * RATE), RATE).save(tmp_path / "whole.wav")
    whole = (tmp_path / "whole.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) // 4])
    stream = virtual()
    with pytest.warns(sonset.OutcomeWarning, match="file_error"):
        action = stream.play_file(tmp_path / "cut.wav")
        assert action.wait(10).outcome == "file_error"
    assert "cut.wav" in action.error and stream.play([0.1]).error == ""
    with pytest.warns(sonset.SummaryWarning):
        stream.close()


def test_dither_keeps_outputs_awake(manual):
    stream = manual(1, dither_db=-120.0)
    out = stream.render(4800)
    assert 0 < np.abs(out).max() <= 10 ** (-120 / 20) and abs(stream.info.dither_db + 120) < 1e-9
    assert not manual(1).render(4800).any()


def test_generators_make_what_their_formulas_say(manual):
    stream = manual(2)
    stream.play_tone(1000, 0.25, at_frame=0, frame_count=4800, channels=1)
    stream.play_noise(0.1, at_frame=4800, frame_count=48000, channels=2, seed=3)
    stream.play_pulse(2, width_frames=10, at_frame=100, count=3, interval_frames=50)
    out = stream.render(60000)
    expected = 0.25 * np.sin(2 * np.pi * 1000 * np.arange(4800) / RATE)
    assert np.abs(out[:4800, 0] - expected).max() < 1e-6
    assert abs(out[4800:52800, 1].std() - 0.1) < 2e-3
    pulses = np.flatnonzero(out[:4800, 1] == 1)
    assert pulses.tolist() == [f + k for f in (100, 150, 200) for k in range(10)]
    stream.play_pulse([1, 2], code=2, at_frame=60000, width_frames=1)
    assert stream.render(10)[0].tolist() == [0, 1]
    for wrong in ({"frequency": 0}, {"frequency": 24000}, {"frequency": 100, "amplitude": 0}):
        with pytest.raises(ValueError):
            stream.play_tone(**wrong)
    with pytest.raises(ValueError, match="code"):
        stream.play_pulse(1, serial=True)


def test_the_input_is_monitored(manual, noise):
    stream, x = manual(1, 1), noise(256)
    stream.play_input(delay_frames=16)
    assert np.array_equal(stream.process(256, x)[16:], x[:-16])


def test_a_voice_key_finds_the_first_frame(virtual):
    stream = virtual(1, 1)
    key = stream.detect_level(threshold=0.05, high_pass_hz=-1, minimum_frames=100)
    sound = stream.play(np.full(2000, 0.2), at_frame=stream.earliest_frame + 4800)
    onset_frame = key.wait_onset(5)
    assert onset_frame == sound.receipt.start_frame + stream.info.round_trip_frames
    assert stream.detect_level(threshold=0.5, max_frames=1000).wait_onset(5) is None


def test_trigger_channels_keep_to_themselves(manual, tmp_path):
    stream = sonset.Stream(RATE, 3, device="manual")
    stream.set_channel(3, role="trigger")
    stream.set_channel(1, calibration_db_spl=94.0)
    stream.save_channels(tmp_path / "channels.json")
    assert json.loads((tmp_path / "channels.json").read_text())
    level = stream.level(0.5 * np.ones(100))
    assert level.rms == 0.5 and abs(level.db_spl - (94 + 20 * math.log10(0.5))) < 1e-9
    assert stream.level(np.ones(10), channel=2).db_spl is None
    other = sonset.Stream(RATE, 3, device="manual")
    other.load_channels(tmp_path / "channels.json")
    with pytest.raises(ValueError):
        other.play(np.zeros((10, 3)))
    with pytest.raises(ValueError, match="'trigger'"):
        stream.set_channel(1, role="sound")


def test_receipts_are_logged_collected_and_made_events(manual, tmp_path):
    stream = manual(1)
    stream.log_receipts(tmp_path / "log.csv")
    for k in range(3):
        stream.play(np.full(480, 0.1), at_frame=4800 * k, tag=k + 1)
    stream.render(20000)
    stream.stop()
    assert [receipt.tag for receipt in stream.receipts] == [1, 2, 3]
    assert stream.receipts[-1].start_frame == 9600 and len(stream.receipts[1:]) == 2
    rows = sonset.receipts_to_bids_events(stream.receipts, tmp_path / "sub-1_events.tsv", trial_type={2: "deviant"})
    assert [row["onset"] for row in rows] == [0.0, 0.1, 0.2]
    with open(tmp_path / "sub-1_events.tsv", newline="") as file:
        read = list(csv.DictReader(file, delimiter="\t"))
    assert [row["trial_type"] for row in read] == ["play_buffer", "deviant", "play_buffer"]
    assert [float(row["duration"]) for row in read] == [0.01] * 3
    described = json.loads((tmp_path / "sub-1_events.json").read_text())
    assert list(described) == list(read[0])
    with pytest.raises(ValueError, match="_events.tsv"):
        sonset.receipts_to_bids_events(stream.receipts, tmp_path / "events.csv")
    deadline = time.monotonic() + 5
    while (tmp_path / "log.csv").read_text().count("\n") < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    with open(tmp_path / "log.csv", newline="") as file:
        logged = list(csv.DictReader(file))
    assert [int(row["tag"]) for row in logged] == [1, 2, 3]
    assert [int(row["start_frame"]) for row in logged] == [0, 4800, 9600]


def test_the_clock_converts_back_and_forth(virtual):
    stream = virtual()
    time.sleep(0.1)
    now = time.perf_counter()
    frame = stream.frame_at(perf_counter=now)
    assert abs(stream.perf_counter_at(frame) - now) <= 0.5 / RATE + 1e-9
    assert abs(stream.frame_at(unix=stream.unix_at(frame)) - frame) <= 1
    assert abs(stream.time("input").ppm) < 1
    before = stream.perf_counter_at(1000)
    stream.set_latency_bias("output", 0.005)
    assert abs(stream.perf_counter_at(1000) - before - 0.005) < 1e-6
    assert stream.info.output_latency_bias_s == 0.005 and stream.info.latency_source == "calibrated"
    with pytest.raises(ValueError, match="one of the two"):
        stream.frame_at()


def test_every_field_of_the_header_is_told(manual):
    """A field that is added to the header is not forgotten here."""
    from sonset._library import ffi

    known = {
        "sonset_stream_info": sonset.StreamInfo,
        "sonset_stream_stats": sonset.StreamStats,
        "sonset_ring_info": sonset.RingInfo,
    }
    renamed = {"sample_rate_hz": "samplerate", "device_sample_rate_hz": "device_samplerate"}
    untold = {"struct_size", "reserved", "common_clock", "log_failed", "receipts_waiting", "memory_locked", "channels"}
    # These say whether the fields beside them are None.
    untold |= {"has_round_trip", "has_needed_frame", "has_requested_frame", "reserved_last"}
    for name, kind in known.items():
        for field, _ in ffi.typeof(name).fields:
            told = renamed.get(field, field).replace("bias_ns", "bias_s")
            assert told in kind.__dataclass_fields__ or field in untold | {"frames", "sample_rate_hz"}, (
                f"{name}.{field}"
            )
    receipt = manual().play([0.1]).receipt
    for field, _ in ffi.typeof("sonset_receipt").fields:
        assert hasattr(receipt, field) or field in untold, field
        assert field in receipt.as_dict() or field in untold


def test_every_keyword_is_a_field_of_its_struct():
    from sonset import options
    from sonset._library import ffi

    own = {"at_frame", "at_stream_s", "at_perf_counter", "at_unix", "after"}
    kinds = {options.PLAY: "play", options.RECORD: "record", options.DETECT: "detect", options.CANCEL: "cancel"}
    for params, name in kinds.items():
        fields = {field for field, _ in ffi.typeof(f"sonset_{name}_params").fields}
        assert set(params.fields) - own <= fields
    start = {"start_mode", "start_frame", "start_clock", "start_host_ns", "after_action", "has_frame_count"}
    for params in (options.PLAY, options.RECORD, options.DETECT):
        fields = {field for field, _ in params.kind.item.fields}
        assert fields - start - set(params.fields) == {"struct_size", "reserved", "batch"} & fields
    shown = set(options.PlayOptions.__annotations__) | set(options.RingPlayOptions.__annotations__)
    assert shown == set(options.PLAY.fields)


def test_a_file_is_recorded_at_another_rate_and_played_from_elsewhere(virtual, tmp_path):
    stream = virtual(1, 1)
    x = (0.5 * np.sin(np.arange(48000) * 0.05)).astype(np.float32)[:, None]
    sonset.Buffer(x, RATE).save(tmp_path / "in.wav")
    frame = stream.earliest_frame + 9600
    sound = stream.play_file(tmp_path / "in.wav", at_frame=frame)
    sound.seek(30000, at_frame=frame + 5000, fade_frames=-1)
    heard = frame + stream.info.round_trip_frames
    stream.record_file(tmp_path / "out.wav", at_frame=heard, max_frames=12000, samplerate=16000).wait(5)
    out = sonset.Buffer.from_file(tmp_path / "out.wav")
    assert (out.samplerate, out.frames) == (16000, 4000)
    assert sound.wait(5).seek_frame == frame + 5000
    expected = np.concatenate([x[:5000], x[30000:37000]])[::3]
    away = np.abs(np.arange(4000) - 5000 / 3) > 200  # What is filtered rings beside the jump.
    assert np.max(np.abs(out.array - expected)[away][200:-200]) < 1e-3
    with pytest.raises(ValueError, match="sample_rate_hz 7"):
        stream.record_file(tmp_path / "other.wav", samplerate=7)
