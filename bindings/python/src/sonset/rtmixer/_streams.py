"""The streams of rtmixer's programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

import numpy as np

from .._library import refuse, shown
from ..action import Action as Issued
from ..buffer import Buffer
from ..ring import RingBuffer as Ring
from ._action import PLAY_BUFFER, PLAY_RINGBUFFER, RECORD_BUFFER, RECORD_RINGBUFFER, Action, Sound
from ._arguments import DUPLEX, INPUT, OUTPUT, seconds
from ._base import Base
from ._ring import SAMPLE_BYTES, RingBuffer

if TYPE_CHECKING:
    import numpy.typing as npt

    from ._base import Channels


def _onwards(done: int) -> Dict[str, Any]:
    """The option that leaves out what was played before a stop, which is nothing nearly always."""
    return {"first_frame": done} if done else {}


class Mixer(Base):
    """Plays sounds.

    All arguments are keywords.

    Parameters
    ----------
    samplerate : float, optional
        Sample rate in hertz; by default the device's.
    blocksize : int, optional
        Frames of a block; 0 lets the device choose.
    device : int or str, optional
        Its number in ``sounddevice.query_devices()``, its id or a part of its name; ``'virtual'`` is no hardware.
    channels : int, optional
        Output channels; by default as many as there are.
    latency : float or {'low', 'high'}, optional
        Without effect.
    extra_settings : dict, optional
        Options of the backend, as `sonset.Stream` takes them. PortAudio's have no effect.
    finished_callback : callable, optional
        Called without arguments, on a thread of its own, when the stream has become inactive.
    qsize : int, optional
        A power of 2: how many actions must fit. There is always room for 8192.
    clip_off, dither_off, never_drop_input, prime_output_buffers_using_stream_callback : bool, optional
        Without effect.

    Examples
    --------
    >>> from sonset import rtmixer
    >>> tone = 0.1 * np.sin(np.arange(480) / 8).astype(np.float32)
    >>> with rtmixer.Mixer(device="virtual", channels=2, samplerate=48000) as mixer:
    ...     action = mixer.play_buffer(tone, channels=[2], start=mixer.time + 0.1)
    ...     mixer.wait(action)
    >>> action.done_frames, abs(action.actual_time - action.requested_time) < 0.001
    (480, True)
    """

    _kind = OUTPUT

    def play_buffer(self, buffer: Any, channels: Channels, start: float = 0, allow_belated: bool = True) -> Action:
        """Plays a sound.

        Parameters
        ----------
        buffer : buffer
            Samples, float32, the channels interleaved: such as a C-contiguous array of the shape (frames, channels).
            It must not be written to before the action has ended.
        channels : int or sequence of int
            How many channels the sound has, which are the first of the stream, or which channels, from 1.
        start : float, optional
            The time of its first frame at the converter in seconds; 0 is now.
        allow_belated : bool, optional
            Whether it is played if it is too late.

        Returns
        -------
        Action
            To be waited for, cancelled, and asked for what became of it.
        """
        mapping = self._mapping(channels, OUTPUT)
        at = seconds("start", start)
        samples = _samples(buffer, len(mapping))
        frames = len(samples)
        if not frames:
            return self._command(PLAY_BUFFER, at, allow_belated, mapping=mapping, buffer=buffer)
        outputs, summed = _summed(mapping, samples)
        sound = Buffer(summed, allow_over=True)
        return self._issue(
            lambda done, when: self.stream.play(sound, outputs, allow_clip=True, **_onwards(done), **when),
            Sound(PLAY_BUFFER, at, allow_belated, mapping, buffer, None, frames, self),
        )

    def play_ringbuffer(
        self,
        ringbuffer: RingBuffer,
        channels: Optional[Channels] = None,
        start: float = 0,
        allow_belated: bool = True,
    ) -> Action:
        """Plays what is written to a ring, until there is nothing more in it.

        Parameters
        ----------
        ringbuffer : RingBuffer
            The ring, whose elements are frames.
        channels : int or sequence of int, optional
            As for `play_buffer`; by default as many as an element has room for.
        start, allow_belated : optional
            As for `play_buffer`.
        """
        mapping = self._ring_mapping(ringbuffer, channels, OUTPUT)
        at = seconds("start", start)

        def issue(ring: Ring, when: Any) -> Issued:
            return self.stream.play_ring(ring, mapping, ring_policy="end", **when)

        return self._issue_ring(ringbuffer.play_by, issue, PLAY_RINGBUFFER, at, allow_belated, mapping, ringbuffer)


class Recorder(Base):
    """Records sounds.

    It takes what `Mixer` takes; `device` and `channels` are those of the input.

    Examples
    --------
    >>> from sonset import rtmixer
    >>> recorder = rtmixer.Recorder(device="virtual", channels=2)
    >>> ring = rtmixer.RingBuffer(recorder.channels * recorder.samplesize, 4096)
    >>> with recorder:
    ...     action = recorder.record_ringbuffer(ring)
    ...     recorder.wait(recorder.cancel(action))
    >>> action.done_frames == action.total_frames == ring.read_available
    True
    """

    _kind = INPUT

    def record_buffer(self, buffer: Any, channels: Channels, start: float = 0, allow_belated: bool = True) -> Action:
        """Records into a buffer, until it is full.

        Parameters
        ----------
        buffer : buffer
            Room for float32 samples, the channels interleaved, such as a C-contiguous array of the shape (frames,
            channels).
        channels : int or sequence of int
            How many channels to record, which are the first of the stream, or which channels, from 1.
        start : float, optional
            The time of its first frame at the converter in seconds; 0 is now.
        allow_belated : bool, optional
            Whether to record if it is too late.

        Returns
        -------
        Action
            To be waited for, cancelled, and asked for what became of it.
        """
        mapping = self._mapping(channels, INPUT)
        at = seconds("start", start)
        samples = _samples(buffer, len(mapping), writable=True)
        frames = len(samples)
        if not frames:
            return self._command(RECORD_BUFFER, at, allow_belated, mapping=mapping, buffer=buffer)
        action = Sound(RECORD_BUFFER, at, allow_belated, mapping, buffer, None, frames, self)
        action._target = samples
        self._issue(
            lambda done, when: self.stream.record(Buffer.empty(frames - done, len(mapping)), mapping, **when), action
        )
        self._keeper.add(action._is_done)
        return action

    def record_ringbuffer(
        self,
        ringbuffer: RingBuffer,
        channels: Optional[Channels] = None,
        start: float = 0,
        allow_belated: bool = True,
    ) -> Action:
        """Records into a ring, until it is full.

        Parameters
        ----------
        ringbuffer : RingBuffer
            The ring, whose elements are frames.
        channels : int or sequence of int, optional
            As for `record_buffer`; by default as many as an element has room for.
        start, allow_belated : optional
            As for `record_buffer`.
        """
        mapping = self._ring_mapping(ringbuffer, channels, INPUT)
        at = seconds("start", start)

        def issue(ring: Ring, when: Any) -> Issued:
            return self.stream.record_ring(ring, mapping, ring_policy="end", **when)

        return self._issue_ring(ringbuffer.record_by, issue, RECORD_RINGBUFFER, at, allow_belated, mapping, ringbuffer)


class MixerAndRecorder(Mixer, Recorder):
    """Plays and records sounds.

    It takes what `Mixer` takes. `device`, `channels` and `latency` are one value for both directions or a pair
    (input, output).

    Examples
    --------
    >>> from sonset import rtmixer
    >>> with rtmixer.MixerAndRecorder(device="virtual", channels=(1, 2)) as stream:
    ...     stream.channels, stream.samplesize
    ((1, 2), (4, 4))
    """

    _kind = DUPLEX


def _samples(buffer: Any, channels: int, writable: bool = False) -> npt.NDArray[np.float32]:
    """The samples in the program's memory, of the shape (frames, channels), without a copy."""
    if type(buffer) is np.ndarray and buffer.dtype == np.float32 and buffer.ndim == 2 and buffer.shape[1] == channels:
        flags = buffer.flags
        if flags.c_contiguous and (flags.writeable or not writable):
            return buffer.view() if writable else buffer
    view = memoryview(buffer)
    if view.format.lstrip("@=<") not in ("f", "B", "b", "c"):
        refuse(f"samples are float32, not of the format {shown(view.format)}: convert them with astype('float32')")
    if not view.c_contiguous:
        refuse("the buffer is not C-contiguous: use numpy.ascontiguousarray")
    frames = view.nbytes // (SAMPLE_BYTES * channels)
    if not frames:
        return np.empty((0, channels), np.float32)
    if writable and view.readonly:
        refuse("the buffer is read-only, so nothing can be recorded into it")
    return np.frombuffer(view.cast("B"), np.float32, frames * channels).reshape(frames, channels)


def _summed(mapping: Tuple[int, ...], samples: Any) -> Tuple[Tuple[int, ...], Any]:
    """Channels that are given more than once get the sum of what goes there."""
    if len(set(mapping)) == len(mapping):
        return mapping, samples if samples.flags.aligned else samples.copy()
    outputs = tuple(dict.fromkeys(mapping))
    summed = np.zeros((len(samples), len(outputs)), np.float32)
    for column, channel in enumerate(mapping):
        summed[:, outputs.index(channel)] += samples[:, column]
    return outputs, summed
