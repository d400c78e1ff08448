"""Problems tell of themselves: once per kind, in sum at the end, or as exceptions."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest

import sonset
from sonset import devices, errors
from sonset._library import ffi, numbers

RATE = 48000


def late(stream) -> sonset.Action:
    return stream.play(np.full(10, 0.1), at_frame=0)


def test_each_kind_is_told_once_at_the_line_that_asked_and_summed_up_at_close(manual):
    stream = manual(1)
    stream.render(1000)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            action = late(stream)
            stream.process(64)
            action.wait(1)
        stream.close()
    assert [warning.category for warning in caught] == [sonset.LateWarning, sonset.SummaryWarning]
    assert {warning.filename for warning in caught} == {__file__}
    assert "1000 frames (20.8 ms) later than asked" in str(caught[0].message)
    assert "late 3 (at most 1128)" in str(caught[1].message)


def test_nothing_is_said_where_nothing_went_wrong(manual):
    stream = manual(1, 1)
    stream.play(np.full(10, 0.1), at_frame=100)
    recording = stream.record(100, at_frame=100)
    stream.process(256, np.full((256, 1), 0.1))
    recording.wait(1)
    assert stream.problems == {}
    stream.close()


@pytest.mark.parametrize("strict_wait", [True, False])
def test_a_strict_stream_raises_with_kind_and_receipt(manual, strict_wait):
    stream = manual(1, strict=True)
    stream.render(1000)
    action = late(stream)
    stream.process(64)
    with pytest.raises(sonset.ProblemError, match="later than asked") as caught:
        if strict_wait:
            action.wait(1)
        else:
            for _ in range(200):
                stream.play(np.full(1, 0.1), at_frame=5000)
    assert caught.value.kind == "late" and caught.value.receipt.late_frames == 1000
    with pytest.warns(sonset.SummaryWarning):
        stream.close()


def test_a_strict_stream_raises_at_the_end_of_its_block():
    with (
        pytest.warns(sonset.SummaryWarning),
        pytest.raises(sonset.ProblemError),
        sonset.Stream(RATE, device="virtual", strict=True) as stream,
    ):
        stream.play(np.full(10, 0.1), at_frame=stream.time().frame + 24000).wait(5)
        late(stream)


def test_a_silent_microphone_full_scale_and_xruns_are_told(manual):
    stream = manual(1, 1)
    with pytest.warns(sonset.SilentInputWarning, match="nothing but zeros"):
        recording = stream.record(64)
        stream.process(64)
        recording.wait(1)
    with pytest.warns(sonset.ClippingWarning, match="full scale"):
        recording = stream.record(64)
        stream.process(64, np.ones((64, 1)))
        recording.wait(1)
    with pytest.warns(sonset.XrunWarning):
        action = stream.play(np.full(128, 0.1))
        stream.process(64, np.full((64, 1), 0.1))
        stream.process(64, np.full((64, 1), 0.1), flags=3)
        action.wait(1)
    with pytest.warns(sonset.SummaryWarning, match="xruns of the stream 2"):
        stream.close()


def test_a_voice_key_that_begins_in_the_tone_says_what_to_do(manual):
    tone = 0.5 * np.sin(0.13 * np.arange(12000)).reshape(-1, 1)
    stream = manual(1, 1)
    key = stream.detect_level(max_frames=12000)
    stream.process(11000, tone[:11000])
    assert key.reason == "loud_floor"
    with pytest.raises(sonset.TimeoutError, match="before the stimulus, or give threshold="):
        key.wait_onset(0)
    stream.process(1000, tone[:1000])
    with pytest.warns(sonset.LoudFloorWarning, match="before the stimulus, or give threshold="):
        assert key.wait_onset(1) is None
    assert (key.reason, key.receipt.outcome, stream.problems) == ("loud_floor", "completed", {"loud_floor": 1})
    assert "loud floor" in repr(key.receipt) and key.receipt.as_dict()["detection"] == "loud_floor"
    with pytest.warns(sonset.SummaryWarning, match="loud floor 1"):
        stream.close()
    strict = manual(1, 1, strict=True)
    key = strict.detect_level(max_frames=12000)
    strict.process(12000, tone)
    with pytest.raises(sonset.ProblemError, match="while there was sound") as caught:
        key.wait(1)
    assert caught.value.kind == "loud_floor"
    with pytest.warns(sonset.SummaryWarning):
        strict.close()


def test_a_voice_key_that_hears_nothing_says_why_and_is_no_problem(manual):
    stream = manual(1, 1, strict=True)
    quiet = np.full((12000, 1), 1e-4)
    click = quiet.copy()
    click[11000:11100] += 0.5 * np.sin(0.13 * np.arange(100)).reshape(-1, 1)
    for sound, floor_limit, reason in ((quiet, None, "below_threshold"), (click, 0.1, "too_short")):
        key = stream.detect_level(max_frames=12000, floor_limit=floor_limit, high_pass_hz=-1)
        stream.process(12000, sound)
        assert (key.wait_onset(1), key.reason) == (None, reason)
    assert stream.play(np.full(10, 0.1)).receipt.detection == "none"
    stream.close()


def test_a_lost_device_is_told_and_every_action_has_its_receipt():
    stream = sonset.Stream(RATE, device="virtual:lose_at=4800")
    with pytest.warns(sonset.SonsetWarning):
        stream.start()
        action = stream.play(np.full(RATE, 0.1))
        assert action.wait(10).outcome == "device_lost"
        with pytest.raises(sonset.DeviceLostError):
            stream.play([0.1])
        stream.close()


def test_bluetooth_is_recognised_by_name_or_id():
    def device(name: str, identifier: str) -> devices.DeviceInfo:
        return devices.DeviceInfo(0, "pulseaudio", identifier, name, 2, 0, 48000, 0, 0, True, False)

    for name in ("Sony WH-1000XM4 (Bluetooth)", "AirPods Pro", "Headset Hands-Free"):
        assert device(name, "x").is_bluetooth
    assert device("WH-1000XM4", "bluez_output.AC_80").is_bluetooth
    assert not device("USB Audio", "alsa_output.usb").is_bluetooth


def test_a_latency_above_40_ms_and_a_bluetooth_device_are_told_at_the_start():
    stream = sonset.Stream(RATE, device="virtual")
    stream.set_latency_bias("output", 0.05)
    with pytest.warns(sonset.LatencyWarning, match="above 40 ms: output 50.0 ms"):
        stream.start()
    with pytest.warns(sonset.BluetoothWarning, match="Buds"):
        stream._tell_of_device(dataclasses.replace(stream.info, output_name="Pixel Buds (bluez)"))
    with pytest.warns(sonset.SummaryWarning, match="latency 1, bluetooth 1"):
        stream.close()


def test_every_error_of_the_header_has_its_exception():
    codes = {name[6:].upper() for name in numbers("sonset_result") if name.startswith("error_")}
    codes |= {name.upper() for name in numbers("sonset_result") if not name.startswith(("error_", "ok"))}
    assert codes == set(errors.BY_NAME)
    for name, kind in errors.BY_NAME.items():
        assert issubclass(kind, sonset.SonsetError), name
        assert str(kind("words", -1, name)) == "words"
    assert issubclass(sonset.TimeoutError, TimeoutError) and issubclass(sonset.FileMissingError, FileNotFoundError)
    assert ffi.typeof("sonset_result").kind == "enum"


def test_errors_carry_code_name_and_message(manual):
    stream = manual()
    with pytest.raises(sonset.RateMismatchError) as caught:
        stream.play(sonset.Buffer([0.1], 44100))
    assert (caught.value.code, caught.value.name) == (-22, "SONSET_ERROR_RATE_MISMATCH")
    assert "44100" in caught.value.message and str(caught.value) == caught.value.message
    for wrong in (
        {"late_policy": "never"},
        {"frame_count": 1.5},
        {"gain_db": float("nan")},
        {"at_frame": 2**70},
        {"onset_ramp_frames": -1},
        {"at_perf_counter": float("inf")},
        {"at_unix": "noon"},
        {"ring_policy": "idle"},
    ):
        with pytest.raises(ValueError, match="late_policy|frame_count|gain_db|at_|onset|ring"):
            stream.play([0.1], **wrong)
    assert stream.stats.live_actions == 0


def test_devices_are_named_in_any_way_that_fits_one_only():
    known = sonset.query_devices("virtual")
    for device in (known[0], "virtual", "virtual:ppm=1", known[0].name):
        assert sonset.Stream(device=device).info.is_virtual
    for device in ("no such device", 1000, -1):
        with pytest.raises((sonset.NoDeviceError, ValueError), match="Virtual device"):
            sonset.Stream(device=device)
    for wrong in ("portaudio", "", 2, b"virtual"):
        with pytest.raises(ValueError, match="is none of"):
            sonset.Stream(backend=wrong)
    with pytest.raises(sonset.NoDeviceError, match="no default output"):
        sonset.query_devices("virtual", kind="output")
    assert "virtual" in repr(known) and sonset.query_devices("manual") == []


def test_the_virtual_device_is_last_and_has_no_number():
    devices = sonset.query_devices()
    assert [device.backend == "virtual" for device in devices] == [False] * (len(devices) - 1) + [True]
    assert sonset.backends()[-1] == "virtual"
    last = len(devices) - 1
    numbers = (last, np.int32(last), -1, True, np.bool_(True), 1.0, "0", str(last))
    for device in (*numbers, "", " ", "device", "Virtual", "VIRTUAL", "virtual ", "virtual\0", "wired", b"virtual", []):
        for more in ({"device": device}, {"output_device": device}, {"input_device": device, "input_channels": 1}):
            try:
                assert not sonset.Stream(48000, **more).info.is_virtual
            except (ValueError, sonset.NoDeviceError) as error:
                assert "device=" in str(error)
    with pytest.raises(ValueError, match="device='virtual'"):
        sonset.Stream(device=last)
    with pytest.raises(ValueError, match="device='virtual'"):
        sonset.Stream(device=0, backend="virtual")


def test_a_device_of_another_backend_than_the_one_that_is_named_is_refused():
    known = sonset.query_devices("virtual")[0]
    for device in ("virtual", "virtual:ppm=1", known):
        with pytest.raises(ValueError, match="'virtual', not of backend='jack'"):
            sonset.Stream(device=device, backend="jack")
        with pytest.raises(ValueError, match="a stream runs on one"):
            sonset.Stream(48000, 1, 1, output_device=device, input_device="manual")
    with pytest.raises(ValueError, match="'manual', not of backend='virtual'"):
        sonset.Stream(48000, device="manual", backend="virtual")
    assert sonset.Stream(48000, 1, 1, output_device="virtual", backend="virtual").info.input_device == "virtual"


def test_a_sound_whose_start_comes_to_lie_behind_its_stop_is_told_of(manual):
    for strict in (False, True):
        stream = manual(1, strict=strict)
        first = stream.play(np.full(100, 0.1), at_frame=0)
        action = stream.play([0.1], after=first, stop_frame=50)
        stream.process(256)
        with pytest.raises(sonset.ProblemError) if strict else pytest.warns(sonset.OutcomeWarning) as caught:
            action.wait(1)
        told = str(caught.value) if strict else str(caught[0].message)
        assert "ended as stop_before_start" in told
        assert (action.receipt.outcome, action.receipt.late_frames) == ("stop_before_start", 0)
        assert action.receipt.requested_frame == 100
        with pytest.warns(sonset.SummaryWarning, match="outcome 1"):
            stream.close()
