//! The functions of the C interface: each reads its arguments, calls, and keeps panics in.

use sonset_devices_abi as abi;
use sonset_devices_abi::{
    Api, Callbacks, Lent, MAY_CONVERT_RATE, Request, Status, StreamInfo, Text, VERSION, status,
};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::fault::Fault;
use crate::stream::{Stream, Wanted};
use crate::system;

static API: Api = Api { version: VERSION, reserved: 0, list, open, start, stop, info, close };

/// The functions of this library; of type [`abi::Entry`].
#[cfg_attr(target_os = "linux", unsafe(no_mangle))]
pub extern "C" fn sonset_devices_api() -> *const Api {
    &API
}

/// Runs `body`, keeps a panic in, and writes what failed to `error`.
///
/// # Safety
/// `error` must be valid to write to, or null.
unsafe fn guard(error: *mut Text, body: impl FnOnce() -> Result<(), Fault>) -> Status {
    let result = catch_unwind(AssertUnwindSafe(body));
    let fault = match result {
        Ok(Ok(())) => return status::OK,
        Ok(Err(fault)) => fault,
        Err(_) => Fault::new(status::INTERNAL, "the device library failed; this is a defect of it"),
    };
    if !error.is_null() {
        // SAFETY: by contract `error` is valid to write to.
        unsafe { error.write(Text::new(&fault.message)) };
    }
    fault.status
}

unsafe extern "C" fn list(host: u32, sink: abi::DeviceSink, user: *mut c_void, error: *mut Text) -> Status {
    let body = || {
        system::reach(host)?.list(&mut |device| {
            // SAFETY: the caller gave `sink` to be called with `user`; the device outlives the call.
            unsafe { sink(user, device) }
        })
    };
    // SAFETY: the caller promises an `error` to write to.
    unsafe { guard(error, body) }
}

/// The text of `lent`, where an empty one stands for none.
///
/// # Safety
/// The lender's text must live for `'a`.
unsafe fn device_id<'a>(lent: Lent) -> Option<&'a str> {
    // SAFETY: by contract.
    unsafe { lent.get() }.filter(|id| !id.is_empty())
}

unsafe extern "C" fn open(
    request: *const Request,
    callbacks: *const Callbacks,
    out_stream: *mut *mut abi::Stream,
    error: *mut Text,
) -> Status {
    let body = || {
        // SAFETY: the caller promises a request and callbacks to read, with text that lives for the call.
        let (request, callbacks) = unsafe { (*request, *callbacks) };
        // SAFETY: the text of the request lives for the call.
        let (output, input) = unsafe { (device_id(request.output_device), device_id(request.input_device)) };
        let wanted = Wanted {
            system: request.host,
            rate: request.sample_rate_hz,
            block_frames: request.block_frames,
            may_convert: request.flags & MAY_CONVERT_RATE != 0,
            output: (request.output_channels, output),
            input: (request.input_channels, input),
        };
        let stream = Box::new(Stream::open(&wanted, callbacks)?);
        // SAFETY: the caller promises a place to write the stream to.
        unsafe { out_stream.write(Box::into_raw(stream).cast()) };
        Ok(())
    };
    // SAFETY: the caller promises an `error` to write to.
    unsafe { guard(error, body) }
}

unsafe extern "C" fn start(stream: *mut abi::Stream, error: *mut Text) -> Status {
    // SAFETY: `stream` came from `open`, is not closed, and is used by one thread at a time.
    let stream = unsafe { &mut *stream.cast::<Stream>() };
    // SAFETY: the caller promises an `error` to write to.
    unsafe { guard(error, || stream.start()) }
}

unsafe extern "C" fn stop(stream: *mut abi::Stream, error: *mut Text) -> Status {
    // SAFETY: `stream` came from `open`, is not closed, and is used by one thread at a time.
    let stream = unsafe { &mut *stream.cast::<Stream>() };
    let body = || {
        stream.stop();
        Ok(())
    };
    // SAFETY: the caller promises an `error` to write to.
    unsafe { guard(error, body) }
}

unsafe extern "C" fn info(stream: *mut abi::Stream, out_info: *mut StreamInfo) {
    // SAFETY: `stream` came from `open`, is not closed, and is used by one thread at a time.
    let stream = unsafe { &*stream.cast::<Stream>() };
    let info = catch_unwind(AssertUnwindSafe(|| stream.info())).unwrap_or_default();
    // SAFETY: the caller promises a place to write the info to.
    unsafe { out_info.write(info) };
}

unsafe extern "C" fn close(stream: *mut abi::Stream) {
    // SAFETY: `stream` came from a box in `open`, and by contract this is its last use.
    let stream = unsafe { Box::from_raw(stream.cast::<Stream>()) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(stream)));
}
