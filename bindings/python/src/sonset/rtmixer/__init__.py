"""Runs programs that were written for python-rtmixer: ``import sonset.rtmixer as rtmixer``.

>>> from sonset import rtmixer
>>> with rtmixer.MixerAndRecorder(device="virtual", channels=1, samplerate=48000) as stream:
...     start = stream.time + 0.1
...     click, recorded = np.full(1, 0.5, np.float32), np.zeros(4800, np.float32)
...     playing = stream.play_buffer(click, channels=1, start=start)
...     recording = stream.record_buffer(recorded, channels=1, start=start)
...     stream.wait()
>>> recorded.argmax(), playing.done_frames, recording.done_frames
(np.int64(0), 1, 4800)

`Mixer`, `Recorder`, `MixerAndRecorder` and `RingBuffer` have the names, arguments, methods and attributes that
rtmixer 0.1.7 documents, and those of sounddevice's streams that rtmixer passes on. What the program has set of
``sounddevice.default`` applies. `Action.receipt` of a sound tells what rtmixer does not know, and the attribute
``stream`` of each stream is the `sonset.Stream` that does the work, for whatever rtmixer cannot do.

Differences
-----------
Device numbers are those of ``sounddevice.query_devices()``, as in rtmixer: the device of sonset is opened that has the
same name or sound card. Where there is none, or sounddevice is not imported, a number is refused. Names and ids are
those of ``sonset.query_devices()``, or else of sounddevice. The default device is that of `sonset.Stream`, unless the
program has set ``sounddevice.default.device``.

``'virtual'`` is a device without hardware, which only this name means. sounddevice knows nothing of it: where an
example asks ``sounddevice.query_devices(device, 'output')`` for its channels, say how many.

Times (``stream.time``, ``start``, ``time``, ``actual_time``) are seconds by the clock of `time.perf_counter`. A start
is converted to a frame by a fit of the device's clock, not by the time stamp of one block, so the noise of time
stamps does not reach the onset. ``start=0`` is now; with ``allow_belated=False`` it is too late, as in rtmixer.
Infinite times and NaN are refused. More than a day ahead is refused too.

Samples that are not float32 are refused instead of being taken for it, and so are NaN and infinite ones. What exceeds
1 in the end is limited to 1, also where rtmixer hands it to the device as it is; a `ClippingWarning` tells of that.

There is room for 8192 actions at a time, or ``qsize`` if that is more. One more raises the ``RuntimeError`` of a full
queue. The end of an action is never lost, and nothing is printed from the callback.

A ring that runs dry, or is full, ends its action, as programs expect. Samples that were written and did not sound
stay in it. `Action.receipt` tells which frame was missing first. `sonset.Stream.play_ring` goes on instead. Writing
to a ring that is recorded into, reading one that is played, and advancing further than there are elements are
refused.

A cancelled sound is cut at its frame, as in rtmixer. Stopping a stream fades out over 5 ms; `Mixer.abort` cuts. What
has not ended goes on at the next start, as in rtmixer: with the frame after the last one that was done, or at its own
time if it had not begun. `Action.receipt` is then that of the last part.

A block size that the device does not have gives a warning, and blocks of the device's own size.

An action that never started, for another reason than being late, has an ``actual_time`` of -1.0. NaN says that it
started, but that the device has no clock. ``total_frames`` of a cancelled action is ``done_frames``.

Errors of devices are `sonset.DeviceError`, not ``sounddevice.PortAudioError``. Late starts, xruns, clipping and the
like are told in warnings, as by `sonset.Stream`.

Memory that is recorded into by `Recorder.record_buffer` is filled by a thread of Python, every 2 ms, and is complete
when the action has ended as ``actions``, ``wait`` or the action itself tell. The same thread hands over what is
recorded into a ring that is played at the same time: let its delay be 50 ms or more.

Not there
---------
``cpu_load`` is 0.0. ``latency``, ``clip_off``, ``dither_off``, ``never_drop_input``,
``prime_output_buffers_using_stream_callback`` and PortAudio's ``extra_settings`` have no effect. ``input_underflows``
and ``output_overflows`` are 0; the ``stats`` of an action have the xruns of its own direction only. Where the blocks
of a device vary, ``min_blocksize`` and ``max_blocksize`` are the size that it was opened with, or the largest one
since, and ``blocks`` of an action is estimated from that. A `CANCEL` that has a time cannot be cancelled itself.
Channels of a ring cannot be given twice. ``action.next`` is None.
"""

from __future__ import annotations

from ._action import (
    CANCEL,
    FETCH_AND_RESET_STATS,
    PLAY_BUFFER,
    PLAY_RINGBUFFER,
    RECORD_BUFFER,
    RECORD_RINGBUFFER,
    ULONG_MAX,
    Action,
    Stats,
)
from ._ring import RingBuffer
from ._streams import Mixer, MixerAndRecorder, Recorder

__version__ = "0.1.7"
"""The version of rtmixer whose programs it runs."""

__all__ = [
    "CANCEL",
    "FETCH_AND_RESET_STATS",
    "PLAY_BUFFER",
    "PLAY_RINGBUFFER",
    "RECORD_BUFFER",
    "RECORD_RINGBUFFER",
    "ULONG_MAX",
    "Action",
    "Mixer",
    "MixerAndRecorder",
    "Recorder",
    "RingBuffer",
    "Stats",
]
