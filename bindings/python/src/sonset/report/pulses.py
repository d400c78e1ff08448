"""Finds pulses in a recording, and refuses to guess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, List, Tuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_UPSAMPLED = 32
_LEAST_LIKENESS = 0.8
_REPEATED = 0.5


class Refused(Exception):
    """Why nothing can be said of a recording.

    Attributes
    ----------
    kind : {'missing', 'weak', 'clipped', 'repeated', 'unlike'}
        What is wrong with it.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def pulse(samplerate: int, level: float) -> npt.NDArray[np.float32]:
    """A sweep from 1 kHz to 0.35 of the rate within 4 ms, which looks like nothing but itself."""
    frames = round(0.004 * samplerate)
    t = np.arange(frames) / samplerate
    low, high = 1000.0, 0.35 * samplerate
    phase = 2 * np.pi * (low * t + (high - low) * t**2 / (2 * frames / samplerate))
    return (level * np.hanning(frames) * np.sin(phase)).astype(np.float32)


@dataclass(frozen=True)
class Found:
    """Where a pulse came back.

    Attributes
    ----------
    delay : float
        Frames after it was sent, with fractions.
    likeness : float
        Correlation with what was sent, at most 1.
    snr_db : float
        Its level above what is there before it, in dB.
    gain : float
        Its amplitude as a factor of what was sent.
    """

    delay: float
    likeness: float
    snr_db: float
    gain: float


def find(recording: Any, sent: Any, frames: Any, longest: int, least_snr_db: float = 12.0) -> List[Found]:
    """Finds every pulse that was sent.

    Parameters
    ----------
    recording : array_like
        One channel.
    sent : array_like
        The pulse.
    frames : sequence of int
        The index in the recording at which each was sent.
    longest : int
        Frames within which it must have come back.
    least_snr_db : float, optional
        Least level above the noise, in dB.

    Raises
    ------
    Refused
        If any is missing, weak, clipped, repeated or unlike what was sent.
    """
    whole, template = np.asarray(recording, float).ravel(), np.asarray(sent, float).ravel()
    if not whole.any():
        raise Refused("missing", "the recording holds nothing but zeros: is the cable in, and the input allowed?")
    noise = _noise(whole, frames)
    return [
        _find(whole, template, number, int(frame), longest, noise, least_snr_db) for number, frame in enumerate(frames)
    ]


def _noise(whole: Any, frames: Any) -> float:
    """RMS of what is there before the first pulse."""
    before = whole[: max(1, int(frames[0]))]
    return float(np.sqrt(np.mean(before**2))) if before.size else 0.0


def _find(whole: Any, template: Any, number: int, frame: int, longest: int, noise: float, least_snr_db: float) -> Found:
    window = whole[frame : frame + longest + template.size]
    if window.size < template.size:
        raise Refused("missing", f"the recording ends before pulse {number} can have come back")
    product, norms = _correlate(window, template)
    best = int(np.abs(product).argmax())
    what = f"pulse {number}, sent at frame {frame} of the recording,"
    energy = float(np.sum(template**2))
    delay, height = _between(product, best)
    gain = height / energy
    likeness = min(1.0, abs(height) / norms[best]) if norms[best] > 0 else 0.0
    part = window[best : best + template.size]
    rms = abs(gain) * np.sqrt(energy / template.size)
    snr_db = float("inf") if noise == 0 else float(20 * np.log10(rms / noise)) if rms > 0 else float("-inf")
    if snr_db < least_snr_db:
        kind = "missing" if snr_db < 0 else "weak"
        raise Refused(kind, f"{what} is {snr_db:.1f} dB above the noise, and {least_snr_db:g} dB are wanted")
    if np.count_nonzero(np.abs(part) >= 0.999) > 1:
        raise Refused("clipped", f"{what} is at full scale: turn the level down")
    if likeness < _LEAST_LIKENESS:
        raise Refused("unlike", f"{what} came back changed: its correlation with what was sent is {likeness:.2f}")
    apart = np.abs(product).copy()
    apart[max(0, best - template.size) : best + template.size] = 0
    if apart.max() > _REPEATED * abs(product[best]):
        again = int(apart.argmax())
        raise Refused(
            "repeated", f"{what} came back {best} and again {again} frames later: is there an echo, or a monitor?"
        )
    return Found(delay, likeness, snr_db, gain)


def _correlate(window: Any, template: Any) -> Any:
    """The product of the pulse with each stretch of the window, and the product of their norms."""
    size = 1 << int(np.ceil(np.log2(window.size + template.size)))
    spectrum = np.fft.rfft(window, size) * np.conj(np.fft.rfft(template, size))
    count = window.size - template.size + 1
    product = np.fft.irfft(spectrum, size)[:count]
    squares = np.concatenate([[0.0], np.cumsum(window**2)])
    norms = np.sqrt(np.maximum(0.0, squares[template.size :] - squares[: -template.size]) * np.sum(template**2))
    return product, norms


def _between(product: Any, best: int) -> Tuple[float, float]:
    """The peak between samples and its place: the product there is interpolated by a sum of sinc functions."""
    reach = min(best, product.size - 1 - best, 16)
    if reach < 2:
        return float(best), float(product[best])
    sign = 1.0 if product[best] > 0 else -1.0
    near = sign * product[best - reach : best + reach + 1]
    k = np.arange(-reach, reach + 1)
    window = np.cos(np.pi * k / (2 * reach + 2)) ** 2
    fine = np.linspace(-1, 1, 2 * _UPSAMPLED + 1)
    values = np.array([np.sum(near * window * np.sinc(x - k)) for x in fine])
    top = int(values.argmax())
    height = sign * float(values[top])
    if not 0 < top < fine.size - 1:
        return float(best), height
    left, middle, right = values[top - 1 : top + 2]
    bend = left - 2 * middle + right
    return best + float(fine[top] + (0.5 * (left - right) / bend if bend else 0.0) / _UPSAMPLED), height
