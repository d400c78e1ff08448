//! What sonset and its device library say to each other.
//!
//! On Linux the device library is a file of its own that is opened on first use, so that sonset itself
//! loads on machines without libasound. Everything here is therefore plain C: scalars, pointers with
//! lengths, and functions. Nothing is allocated on one side and freed on the other; text travels in
//! [`Text`], which is a value.

use std::ffi::c_void;

/// Changes with every change of this file. Both sides must agree exactly.
pub const VERSION: u32 = 2;

/// The one symbol that the device library exports; of type [`Entry`].
pub const SYMBOL: &[u8] = b"sonset_devices_api\0";

/// Type of the function behind [`SYMBOL`]. The table it returns lives as long as the process.
pub type Entry = unsafe extern "C" fn() -> *const Api;

/// How a call ended: one of the constants of [`status`].
pub type Status = i32;

/// The values of [`Status`].
pub mod status {
    /// It was done.
    pub const OK: i32 = 0;
    /// There is no such device, or no default one.
    pub const NO_DEVICE: i32 = 1;
    /// The audio system, its library or its server is not there.
    pub const UNAVAILABLE: i32 = 2;
    /// The device does not do the rate, the channels or the block size.
    pub const UNSUPPORTED_FORMAT: i32 = 3;
    /// The device or its server refused or failed.
    pub const FAILED: i32 = 4;
    /// A defect of the device library.
    pub const INTERNAL: i32 = 5;
}

/// The audio systems, with the numbers that sonset's backends have.
pub mod host {
    /// ALSA.
    pub const ALSA: u32 = 4;
    /// PulseAudio.
    pub const PULSEAUDIO: u32 = 5;
    /// PipeWire.
    pub const PIPEWIRE: u32 = 6;
    /// JACK, with a client for each direction.
    pub const JACK: u32 = 7;
    /// WASAPI.
    pub const WASAPI: u32 = 8;
    /// ASIO.
    pub const ASIO: u32 = 9;
    /// CoreAudio.
    pub const COREAUDIO: u32 = 10;
}

/// Why a stream is lost.
pub mod loss {
    /// The device is gone.
    pub const GONE: u32 = 1;
    /// The device changed its format, or the system put another in its place.
    pub const CHANGED: u32 = 2;
    /// The server is gone.
    pub const SERVER: u32 = 3;
    /// The device failed in some other way.
    pub const FAILED: u32 = 4;
}

/// Answers that may be unknown.
pub mod granted {
    /// Nothing is known yet, or ever.
    pub const UNKNOWN: u32 = 0;
    /// It is so.
    pub const YES: u32 = 1;
    /// It is not so.
    pub const NO: u32 = 2;
}

/// Whether a device is shared.
pub mod share {
    /// Nothing is known.
    pub const UNKNOWN: u32 = 0;
    /// Other programs can use the device at the same time.
    pub const SHARED: u32 = 1;
    /// The device is this stream's alone.
    pub const EXCLUSIVE: u32 = 2;
}

/// What the time of a block is told by: the values of [`Block::stamp`].
pub mod stamp {
    /// [`Block::delay_ns`](super::Block::delay_ns), from the moment at which the callback is entered.
    pub const DELAY: u32 = 0;
    /// Nothing new is known.
    pub const NONE: u32 = 1;
    /// [`Block::stamp_frames`](super::Block::stamp_frames) and [`Block::stamp_ns`](super::Block::stamp_ns).
    pub const TIME: u32 = 2;
}

/// Directions of a stream half.
pub mod direction {
    /// From the host to the device.
    pub const OUTPUT: u32 = 0;
    /// From the device to the host.
    pub const INPUT: u32 = 1;
}

/// Flag of [`DeviceInfo`]: the default output.
pub const DEFAULT_OUTPUT: u32 = 1;
/// Flag of [`DeviceInfo`]: the default input.
pub const DEFAULT_INPUT: u32 = 2;
/// Flag of [`Request`]: a rate is fine that the system must convert to the device's.
pub const MAY_CONVERT_RATE: u32 = 1;
/// A number of nanoseconds that is not known.
pub const UNKNOWN_NS: i64 = -1;

/// Bytes of the longest [`Text`].
pub const TEXT_BYTES: usize = 508;

/// UTF-8 of limited length, as a value.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Text {
    len: u32,
    bytes: [u8; TEXT_BYTES],
}

impl Default for Text {
    fn default() -> Self {
        Self { len: 0, bytes: [0; TEXT_BYTES] }
    }
}

impl Text {
    /// As much of `text` as fits, cut between characters.
    pub fn new(text: &str) -> Self {
        let mut len = text.len().min(TEXT_BYTES);
        while !text.is_char_boundary(len) {
            len -= 1;
        }
        let mut this = Self { len: len as u32, ..Self::default() };
        this.bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
        this
    }

    /// Whether all of `text` fits.
    pub fn holds(text: &str) -> bool {
        text.len() <= TEXT_BYTES
    }

    /// The text; empty if the bytes are not UTF-8.
    pub fn as_str(&self) -> &str {
        let len = (self.len as usize).min(TEXT_BYTES);
        std::str::from_utf8(&self.bytes[..len]).unwrap_or("")
    }
}

/// Text lent for the length of a call. A null pointer is "none".
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Lent {
    /// First byte.
    pub bytes: *const u8,
    /// Number of bytes.
    pub len: usize,
}

impl Lent {
    /// Lends `text`.
    pub fn new(text: Option<&str>) -> Self {
        match text {
            Some(text) => Self { bytes: text.as_ptr(), len: text.len() },
            None => Self { bytes: std::ptr::null(), len: 0 },
        }
    }

    /// The text that was lent, or `None`. Bytes that are not UTF-8 are `None` too.
    ///
    /// # Safety
    /// The lender's text must live for `'a`.
    pub unsafe fn get<'a>(self) -> Option<&'a str> {
        if self.bytes.is_null() {
            return None;
        }
        // SAFETY: by contract pointer and length describe the lender's text, which lives for 'a.
        let bytes = unsafe { std::slice::from_raw_parts(self.bytes, self.len) };
        std::str::from_utf8(bytes).ok()
    }
}

/// One device of a list.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct DeviceInfo {
    /// Names the device to [`Api::open`].
    pub id: Text,
    /// The name a person knows it by.
    pub name: Text,
    /// Most output channels.
    pub output_channels: u32,
    /// Most input channels.
    pub input_channels: u32,
    /// The rate it runs at unless asked otherwise; 0 if unknown.
    pub default_rate_hz: u32,
    /// The lowest rate; 0 if unknown.
    pub min_rate_hz: u32,
    /// The highest rate; 0 if unknown.
    pub max_rate_hz: u32,
    /// [`DEFAULT_OUTPUT`] and [`DEFAULT_INPUT`].
    pub flags: u32,
}

/// Takes one device of a list; called with the `user` that came with it. The device is lent for the call.
pub type DeviceSink = unsafe extern "C" fn(user: *mut c_void, device: *const DeviceInfo);

/// What a stream is to be.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Request {
    /// One of [`host`].
    pub host: u32,
    /// Rate in hertz; 0 takes the device's own.
    pub sample_rate_hz: u32,
    /// Output channels; 0 opens no output.
    pub output_channels: u32,
    /// Input channels; 0 opens no input.
    pub input_channels: u32,
    /// Frames in a block; 0 takes the device's own.
    pub block_frames: u32,
    /// [`MAY_CONVERT_RATE`] or 0.
    pub flags: u32,
    /// Id of the output device; none is the default one.
    pub output_device: Lent,
    /// Id of the input device; none is the default one.
    pub input_device: Lent,
}

/// Where a piece of samples stands in the block that the device asked for or brought.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Block {
    /// Frames of the block before this piece. 0 in the first piece, which comes as soon as the block does.
    pub offset_frames: u32,
    /// Frames in this piece.
    pub frames: u32,
    /// Samples in a frame.
    pub channels: u32,
    /// One of [`stamp`].
    pub stamp: u32,
    /// From the start of the callback to the sound of the block's first frame at the converter (output), or
    /// from that sound to the start of the callback (input); [`UNKNOWN_NS`] if the device does not say.
    pub delay_ns: i64,
    /// The frame that is at the converter at `stamp_ns`, from the block's first frame on.
    pub stamp_frames: i64,
    /// A time of the system's monotonic clock.
    pub stamp_ns: i64,
    /// By how much it may be off, always in the same direction; 0 where there is no `stamp_ns`.
    pub stamp_error_ns: i64,
    /// So many of the first frames of an output block are known to come too late to be heard.
    pub late_frames: i64,
}

/// The functions that a stream calls. Each must be realtime-safe but where it says otherwise, and none may
/// unwind.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Callbacks {
    /// Handed to each function.
    pub user: *mut c_void,
    /// Fills `frames × channels` samples. One thread at a time.
    pub output: unsafe extern "C" fn(user: *mut c_void, samples: *mut f32, block: *const Block),
    /// Takes `frames × channels` samples. One thread at a time.
    pub input: unsafe extern "C" fn(user: *mut c_void, samples: *const f32, block: *const Block),
    /// The stream is lost, for a reason of [`loss`]. With text this is not the audio thread and may block;
    /// without it must be realtime-safe. Called at most once for each direction.
    pub lost: unsafe extern "C" fn(user: *mut c_void, reason: u32, text: Lent),
    /// An output underflow or input overflow, by [`direction`].
    pub xrun: unsafe extern "C" fn(user: *mut c_void, direction: u32),
}

/// What a stream is.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct StreamInfo {
    /// Rate in hertz.
    pub sample_rate_hz: u32,
    /// Rate of the device itself; 0 if unknown.
    pub device_rate_hz: u32,
    /// 1 if the system is known to convert between the two.
    pub converts_rate: u32,
    /// Output channels.
    pub output_channels: u32,
    /// Input channels.
    pub input_channels: u32,
    /// Frames in a block; 0 where blocks vary.
    pub block_frames: u32,
    /// 1 if both directions are known to run from one clock.
    pub common_clock: u32,
    /// One of [`share`].
    pub share_mode: u32,
    /// One of [`granted`]; known after the first callback.
    pub realtime: u32,
    /// Zero.
    pub reserved: u32,
    /// Latest [`Block::delay_ns`] of the output.
    pub output_delay_ns: i64,
    /// Latest [`Block::delay_ns`] of the input.
    pub input_delay_ns: i64,
    /// Id of the output device; empty if there is none.
    pub output_id: Text,
    /// Name of the output device.
    pub output_name: Text,
    /// Id of the input device; empty if there is none.
    pub input_id: Text,
    /// Name of the input device.
    pub input_name: Text,
    /// Sample format of the device, such as `f32` or `i16`; both if they differ.
    pub sample_format: Text,
}

/// An open stream, known to the device library only.
#[repr(C)]
pub struct Stream {
    _private: [u8; 0],
}

/// The functions of the device library. Each may block, may be called from any thread, and writes `error`
/// when it fails. One stream is used by one thread at a time.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Api {
    /// [`VERSION`] of the library.
    pub version: u32,
    /// Zero.
    pub reserved: u32,
    /// Hands the devices of `host` to `sink`, one after another, before it returns.
    pub list:
        unsafe extern "C" fn(host: u32, sink: DeviceSink, user: *mut c_void, error: *mut Text) -> Status,
    /// Opens a stream, not yet started.
    pub open: unsafe extern "C" fn(
        request: *const Request,
        callbacks: *const Callbacks,
        out_stream: *mut *mut Stream,
        error: *mut Text,
    ) -> Status,
    /// Starts the callbacks.
    pub start: unsafe extern "C" fn(stream: *mut Stream, error: *mut Text) -> Status,
    /// Stops `output` and `input`; none runs any more on return.
    pub stop: unsafe extern "C" fn(stream: *mut Stream, error: *mut Text) -> Status,
    /// Tells what the stream is.
    pub info: unsafe extern "C" fn(stream: *mut Stream, out_info: *mut StreamInfo),
    /// Closes the stream; none of its callbacks runs any more on return.
    pub close: unsafe extern "C" fn(stream: *mut Stream),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(Text::new("ALSA").as_str(), "ALSA");
        let long = format!("{}é", "x".repeat(TEXT_BYTES - 1));
        assert_eq!(Text::new(&long).as_str(), &long[..TEXT_BYTES - 1]);
        assert!(!Text::holds(&long));
    }

    #[test]
    fn lent_text_comes_back_as_it_was() {
        // SAFETY: the literals live for ever.
        unsafe {
            assert_eq!(Lent::new(Some("hw:0")).get(), Some("hw:0"));
            assert_eq!(Lent::new(Some("")).get(), Some(""));
            assert_eq!(Lent::new(None).get(), None);
        }
    }
}
