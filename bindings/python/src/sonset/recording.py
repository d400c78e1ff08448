"""The ways to record and to listen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Type, Union

from . import options as _options
from ._library import check, ffi, lib, numbers, path_bytes, struct
from .action import Action, Detection, Recording
from .arguments import channel_array, pick, ring_handle, set_field
from .buffer import Buffer
from .issuing import Issuer
from .ring import RingBuffer

if TYPE_CHECKING:
    from typing_extensions import Literal, Unpack

    from .arguments import Channels, Path
    from .options import DetectOptions, RecordOptions

_FORMATS = numbers("sonset_sample_format")


class Recorder(Issuer):
    """The half of `Stream` that records and listens."""

    @_options.takes(_options.RecordOptions)
    def record(
        self, frames: Union[int, Buffer], channels: Channels = None, **options: Unpack[RecordOptions]
    ) -> Recording:
        """Records, now or at a time: also in the past, as far as `history_frames` goes.

        Parameters
        ----------
        frames : int or Buffer
            How many frames to record at most, or a `Buffer.empty` to fill.
        channels : int or sequence of int, optional
            Input channels from 1; by default all.
        {options}

        Returns
        -------
        Recording
            Whose `data` is the recording.

        Examples
        --------
        >>> with sonset.Stream(48000, 1, 1, device="virtual") as stream:
        ...     tone = stream.play_tone(440, 0.1, frame_count=4800)
        ...     recording = stream.record(4800)
        ...     receipt = recording.wait()
        ...     recording.data.shape
        (4800, 1)
        """
        return self._record_into(lib.sonset_stream_record_buffer, frames, channels, self.input_channels, options)

    @_options.takes(_options.RecordOptions)
    def record_output(
        self, frames: Union[int, Buffer], channels: Channels = None, **options: Unpack[RecordOptions]
    ) -> Recording:
        """Records what is really sent to the device, sample by sample.

        Parameters
        ----------
        frames : int or Buffer
            As in `record`.
        channels : int or sequence of int, optional
            Output channels from 1; by default all.
        {options}
        """
        return self._record_into(lib.sonset_stream_record_output, frames, channels, self.output_channels, options)

    @_options.takes(_options.RecordOptions)
    def record_ring(
        self,
        ring: RingBuffer,
        channels: Channels = None,
        *,
        max_frames: int = 0,
        ring_policy: Literal["continue", "end"] = "continue",
        output: bool = False,
        **options: Unpack[RecordOptions],
    ) -> Action:
        """Records into a ring, which is read meanwhile.

        Parameters
        ----------
        ring : RingBuffer
            The ring, empty.
        channels : int or sequence of int, optional
            Input channels from 1; by default 1 to the channels of the ring.
        max_frames : int, optional
            Frames to record; 0 for no end.
        ring_policy : {'continue', 'end'}
            When the ring is full: lose frames, which are counted, or end.
        output : bool, optional
            Records what is sent to the device instead.
        {options}
        """
        function = lib.sonset_stream_record_output_ring if output else lib.sonset_stream_record_ring
        extra: Dict[str, Any] = {"max_frames": max_frames, "ring_policy": ring_policy}
        return self._record(function, ring_handle(ring), channels, {**options, **extra}, Action, ring)

    @_options.takes(_options.RecordOptions)
    def record_file(
        self,
        path: Path,
        channels: Channels = None,
        *,
        max_frames: int = 0,
        sample_format: Literal["float32", "int24", "int16"] = "float32",
        buffer_ms: int = 0,
        samplerate: int = 0,
        **options: Unpack[RecordOptions],
    ) -> Action:
        """Records into a new WAV file, which is readable at any time. It is complete when the receipt is there.

        Parameters
        ----------
        path : path-like
            The file, which must not exist.
        channels : int or sequence of int, optional
            Input channels from 1; by default all.
        max_frames : int, optional
            Frames to record; 0 for no end.
        sample_format : {'float32', 'int24', 'int16'}
            How it stores samples.
        buffer_ms : int, optional
            What is kept in memory for a disk that is slow, in ms; 0 for 2000.
        samplerate : int, optional
            Rate of the file in Hz, to which what comes in is converted; 0 for that of the stream. The counts of
            the receipt are frames of the stream.
        {options}
        """
        file = struct("sonset_file_params")
        file.format = pick("sample_format", sample_format, _FORMATS)
        set_field(file, "buffer_ms", buffer_ms)
        set_field(file, "sample_rate_hz", samplerate, "samplerate")
        name = path_bytes(path)

        def record_file(stream: Any, chosen: Any, count: int, params: Any, number: Any) -> Any:
            return lib.sonset_stream_record_file(stream, name, chosen, count, params, file, number)

        params = self._params(_options.RECORD, {**options, "max_frames": max_frames})
        return self._capture(record_file, channels, params, Action, None)

    @_options.takes(_options.DetectOptions)
    def detect_level(self, channels: Channels = None, **options: Unpack[DetectOptions]) -> Detection:
        """Listens for a sound: a voice key. Its onset is known as soon as the sound has lasted long enough.

        Without `threshold` the floor of the first 200 ms is measured, in which there must be no sound: start the key
        before the stimulus, or give a threshold. Why it found an onset or none is its `Detection.reason`.

        Parameters
        ----------
        channels : int or sequence of int, optional
            Input channels from 1; by default the first.
        {options}
        """
        params = self._params(_options.DETECT, options)
        action = self._capture(lib.sonset_stream_detect_level, channels, params, Detection, None)
        assert isinstance(action, Detection)
        return action

    # Within.

    def _record_into(
        self, function: Any, frames: Union[int, Buffer], channels: Channels, all_channels: int, options: Any
    ) -> Recording:
        if isinstance(frames, Buffer):
            buffer = frames
        else:
            count = channel_array(channels)[1] or all_channels
            buffer = Buffer.empty(_options.integer("frames", frames), max(1, count), self.samplerate)
        action = self._record(function, buffer._handle, channels, options, Recording, buffer)
        assert isinstance(action, Recording)
        return action

    def _record(
        self, function: Any, target: Any, channels: Channels, options: Any, kind: Type[Action], keep: Any
    ) -> Action:
        params = self._params(_options.RECORD, options)
        return self._capture(lambda stream, *how: function(stream, target, *how), channels, params, kind, keep)

    def _capture(self, function: Any, channels: Channels, params: Any, kind: Type[Action], keep: Any) -> Action:
        chosen, count = channel_array(channels)
        number = ffi.new("int64_t *")
        self._before()
        check(function(self._handle_now(), chosen, count, params, number))
        return self._issued(kind, number[0], keep)
