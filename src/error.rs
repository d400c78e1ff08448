//! What can go wrong, as a code for programs and a sentence for people.

use std::fmt;

/// Builds the code enumeration, its names and its conversions from one table.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $value:literal, $text:literal;)+) => {
        /// The kind of a failure; the number is part of the C ABI and never reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(i32)]
        pub enum Code { $($(#[doc = $doc])+ $name = $value,)+ }

        impl Code {
            /// The name of a code as the C header spells it, or `None` for a number that is no code.
            pub fn name_of(value: i32) -> Option<&'static std::ffi::CStr> {
                match value {
                    0 => Some(c"SONSET_OK"),
                    $($value => Some($text),)+
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// An argument has a value the function does not take.
    InvalidArgument = -1, c"SONSET_ERROR_INVALID_ARGUMENT";
    /// A pointer that must not be null is null.
    NullPointer = -2, c"SONSET_ERROR_NULL_POINTER";
    /// A handle that was never given out, or was destroyed or released.
    InvalidHandle = -3, c"SONSET_ERROR_INVALID_HANDLE";
    /// The object is in a state in which the call has no meaning.
    InvalidState = -4, c"SONSET_ERROR_INVALID_STATE";
    /// This version or this backend cannot do it.
    Unsupported = -5, c"SONSET_ERROR_UNSUPPORTED";
    /// Memory could not be had.
    OutOfMemory = -6, c"SONSET_ERROR_OUT_OF_MEMORY";
    /// A defect of the library itself.
    Internal = -7, c"SONSET_ERROR_INTERNAL";
    /// The stream is closed.
    StreamClosed = -8, c"SONSET_ERROR_STREAM_CLOSED";
    /// The device of the stream is gone.
    DeviceLost = -9, c"SONSET_ERROR_DEVICE_LOST";
    /// There is no such device, or no default one.
    NoDevice = -10, c"SONSET_ERROR_NO_DEVICE";
    /// The backend, its library or its server is not there.
    BackendUnavailable = -11, c"SONSET_ERROR_BACKEND_UNAVAILABLE";
    /// The device does not do the rate, channels or block size asked for.
    UnsupportedFormat = -12, c"SONSET_ERROR_UNSUPPORTED_FORMAT";
    /// The device or its server refused or failed.
    DeviceFailed = -13, c"SONSET_ERROR_DEVICE_FAILED";
    /// Every action slot of the stream is in use.
    PoolFull = -14, c"SONSET_ERROR_POOL_FULL";
    /// A number that is no action id of this process.
    UnknownAction = -15, c"SONSET_ERROR_UNKNOWN_ACTION";
    /// The action belongs to another stream.
    OtherStream = -16, c"SONSET_ERROR_OTHER_STREAM";
    /// The action has ended already.
    ActionEnded = -17, c"SONSET_ERROR_ACTION_ENDED";
    /// The number names no open batch of this stream.
    UnknownBatch = -18, c"SONSET_ERROR_UNKNOWN_BATCH";
    /// The batch holds as many actions as one callback takes.
    BatchFull = -19, c"SONSET_ERROR_BATCH_FULL";
    /// The sound would exceed the ceiling of an output channel.
    WouldClip = -20, c"SONSET_ERROR_WOULD_CLIP";
    /// A sample is NaN or infinite.
    NonFinite = -21, c"SONSET_ERROR_NON_FINITE";
    /// The buffer's sample rate is not the stream's.
    RateMismatch = -22, c"SONSET_ERROR_RATE_MISMATCH";
    /// The buffer is being recorded into, saved, or was played and is fixed.
    BufferBusy = -23, c"SONSET_ERROR_BUFFER_BUSY";
    /// A host time is too far away to be meant in that clock.
    TimeRange = -24, c"SONSET_ERROR_TIME_RANGE";
    /// The time-out ran out first.
    Timeout = -25, c"SONSET_ERROR_TIMEOUT";
    /// No receipt is waiting.
    NoReceipt = -26, c"SONSET_ERROR_NO_RECEIPT";
    /// The file is not there.
    FileNotFound = -27, c"SONSET_ERROR_FILE_NOT_FOUND";
    /// The file is damaged or of a kind that is not read.
    FileFormat = -28, c"SONSET_ERROR_FILE_FORMAT";
    /// Reading or writing the file failed.
    FileIo = -29, c"SONSET_ERROR_FILE_IO";
    /// No time stamps tell the time of a frame.
    NoClock = -30, c"SONSET_ERROR_NO_CLOCK";
    /// Another action or the host uses the ring.
    RingBusy = -31, c"SONSET_ERROR_RING_BUSY";
    /// The level of a file is not that of a sound.
    Implausible = -32, c"SONSET_ERROR_IMPLAUSIBLE";
}

/// A failure: its kind, and a sentence with the values that caused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What kind of failure.
    pub code: Code,
    /// What was wrong, with the values.
    pub message: String,
}

/// The result of everything that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A failure of kind `code`, described by `message`.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Returns from the enclosing function with an [`Error`] of the named [`Code`] and a formatted message.
macro_rules! fail {
    ($code:ident, $($message:tt)+) => {
        return Err($crate::error::Error::new($crate::error::Code::$code, format!($($message)+)))
    };
}
pub(crate) use fail;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_name_that_the_header_gives_it() {
        assert_eq!(Code::name_of(Code::PoolFull as i32), Some(c"SONSET_ERROR_POOL_FULL"));
        assert_eq!(Code::name_of(0), Some(c"SONSET_OK"));
        assert_eq!(Code::name_of(1), None);
        assert_eq!(Code::name_of(i32::MIN), None);
    }
}
