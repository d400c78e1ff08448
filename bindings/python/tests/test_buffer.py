"""Arrays become sounds as NumPy's users expect, or are refused with a reason."""

from __future__ import annotations

import gc
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

import sonset
from sonset.buffer import as_samples


def test_a_contiguous_float32_array_is_not_copied(noise):
    x = noise(1000, 2)
    assert np.shares_memory(sonset.Buffer(x).array, x)


def test_other_floats_and_orders_are_converted(noise):
    x = noise(100, 2)
    for other in (x.astype(np.float64), np.asfortranarray(x), x.tolist(), x[::2].repeat(2, 0)[:100] * 0 + x):
        assert np.array_equal(sonset.Buffer(other).array, x)
    assert np.array_equal(sonset.Buffer(x[::2]).array, x[::2])
    assert sonset.Buffer(x[:, 0]).array.shape == (100, 1)


@pytest.mark.parametrize(
    "kind, lowest, middle, highest",
    [
        (np.int8, -128, 0, 127),
        (np.uint8, 0, 128, 255),
        (np.int16, -(2**15), 0, 2**15 - 1),
        (np.uint16, 0, 2**15, 2**16 - 1),
        (np.int32, -(2**31), 0, 2**31 - 1),
        (np.int64, -(2**63), 0, 2**63 - 1),
    ],
)
def test_integers_are_scaled_by_the_range_of_their_type(kind, lowest, middle, highest):
    half = -float(np.iinfo(kind).min) or 2.0 ** (np.iinfo(kind).bits - 1)
    got = as_samples(np.array([lowest, middle, highest], kind))[:, 0]
    expected = [-1.0, 0.0, np.float32((highest - middle) / half)]
    assert got.tolist() == expected


def test_small_64_bit_integers_are_refused_instead_of_becoming_silence():
    with pytest.raises(ValueError, match="astype"):
        sonset.Buffer(np.array([0, 1000, -1000]))
    assert not sonset.Buffer(np.zeros(3, np.int64)).peak


@pytest.mark.parametrize(
    "data, words",
    [
        (np.zeros((65, 2)).T, "did you mean x.T"),
        (np.zeros((2, 48000)), "did you mean x.T"),
        (np.zeros((2, 2, 2)), "shape"),
        (0.5, "shape"),
        (np.array([1 + 1j]), "complex128"),
        (np.array([True]), "bool"),
        (["a"], "not <U1"),
        ([0.1, 1.25, 0.1], "1.25 in frame 1"),
        ([0.1, np.nan], "NaN|nan|finite"),
        (np.zeros((0, 1)), "0 frames|frames"),
    ],
)
def test_what_is_no_sound_is_refused_with_the_reason(data, words):
    with pytest.raises(sonset.SonsetError, match=words) as caught:
        sonset.Buffer(data)
    assert isinstance(caught.value, ValueError)
    assert caught.value.code < 0 and caught.value.name.startswith("SONSET_ERROR_")


def test_sounds_beyond_1_are_taken_when_asked_for():
    assert sonset.Buffer([0.5, -2.0], allow_over=True).peak == 2.0


def test_a_rate_is_a_whole_number_of_hertz():
    for rate in (44100.5, -1, 0, 10):
        with pytest.raises(ValueError):
            sonset.Buffer([0.1], samplerate=rate)


def test_files_keep_every_bit(tmp_path: Path, noise):
    x = noise(4801, 3)
    sonset.Buffer(x, 44100).save(tmp_path / "x.wav")
    back = sonset.Buffer.from_file(tmp_path / "x.wav")
    assert np.array_equal(back.array, x) and back.samplerate == 44100 and back.resampled_from is None
    assert back.file_rate == 44100 and sonset.Buffer(x, 44100).file_rate is None
    assert not (back.length_from_end_of_file or back.onset_uncertain or back.length_uncertain)


def test_an_onset_that_a_file_does_not_tell_is_warned_of(tmp_path: Path):
    path = tmp_path / "silent.mp3"
    # Frames of silence of 128 kbit/s, and no tag.
    path.write_bytes((b"\xff\xfb\x90\x64" + bytes(413)) * 20)
    info = sonset.file_info(path)
    assert (info.samplerate, info.file_rate, info.channels, info.frames) == (44100, 44100.0, 2, 20 * 1152)
    assert (info.track, info.track_count) == (1, 1)
    assert info.onset_uncertain and info.length_uncertain and not info.length_from_end_of_file
    with pytest.warns(sonset.UncertainOnsetWarning, match="silent.mp3"):
        assert sonset.Buffer.from_file(path).onset_uncertain
    with sonset.Stream(44100, device="virtual") as stream:
        with pytest.warns(sonset.UncertainOnsetWarning, match="silent.mp3"):
            stream.play_file(path)


def test_missing_and_damaged_files_are_pythons_own_errors(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="nowhere.wav"):
        sonset.Buffer.from_file(tmp_path / "nowhere.wav")
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(sonset.FileFormatError):
        sonset.Buffer.from_file(tmp_path / "text.wav")


def test_resampling_keeps_the_onset_and_says_so():
    x = np.zeros(44100, np.float32)
    x[22050:] = 0.5 * np.sin(2 * np.pi * 441 * np.arange(22050) / 44100)
    y = sonset.Buffer(x, 44100).resample(48000)
    assert (y.frames, y.samplerate, y.resampled_from) == (48000, 48000, 44100)
    expected = 0.5 * np.sin(2 * np.pi * 441 * np.arange(24000) / 48000)
    assert np.abs(y.array[24000 + 500 :, 0] - expected[500:])[:-500].max() < 1e-4


def test_progress_is_told_while_a_file_is_read_and_resampled(tmp_path: Path, noise):
    told = []
    sonset.Buffer(noise(48000), 48000).save(tmp_path / "x.wav")
    buffer = sonset.Buffer.from_file(tmp_path / "x.wav", show_progress=lambda done, total: told.append((done, total)))
    assert told and told[-1][0] == told[-1][1]
    told.clear()
    buffer.resample(44100, show_progress=lambda done, total: told.append((done, total)))
    assert told and told[-1][0] == told[-1][1]


def test_mixing_is_the_product_with_the_matrix(noise):
    x = noise(100, 6)
    matrix = np.arange(12).reshape(2, 6) / 20
    assert np.allclose(sonset.Buffer(x).mix(matrix).array, x @ matrix.T, atol=1e-6)
    itu = np.array([[1, 0, 0.5**0.5, 0, 0.5**0.5, 0], [0, 1, 0.5**0.5, 0, 0, 0.5**0.5]])
    assert np.allclose(sonset.Buffer(x).mix("itu_stereo").array, x @ itu.T, atol=1e-6)
    with pytest.raises(ValueError, match=r"\(1, 2\)"):
        sonset.Buffer(x).mix([[1, 2]])


def test_buffers_are_arrays_to_numpy(noise):
    x = noise(10, 2)
    buffer = sonset.Buffer(x)
    assert np.array_equal(np.asarray(buffer), x) and np.asarray(buffer, np.float64).dtype == np.float64
    assert len(buffer) == 10
    with pytest.raises(ValueError):
        buffer.array[0] = 0


def test_buffers_travel_to_other_processes(noise):
    buffer = sonset.Buffer(noise(10, 2), 48000)
    back = pickle.loads(pickle.dumps(buffer))
    assert np.array_equal(back.array, buffer.array) and back.samplerate == 48000


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_with_100_000_buffers():
    def resident() -> int:
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    x = np.zeros((4800, 2), np.float32)

    def make(count: int) -> None:
        for _ in range(count):
            sonset.Buffer(x)
            sonset.Buffer.empty(100)

    make(5_000)
    before = resident()
    make(50_000)
    assert resident() - before < 2 << 20
