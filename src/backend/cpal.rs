//! Devices of the operating system, by the device library: through cpal, and PulseAudio by its own protocol.
//!
//! On Linux the device library is a file of its own that is opened when the first device is asked for, so
//! that sonset loads where libasound is missing. Elsewhere it is linked in. Output and input come in
//! callbacks of their own.
//!
//! Options: `os_resample=on` takes a rate that the system has to convert to that of the device.
#![allow(unsafe_code)]

mod library;

use sonset_devices_abi as abi;
use sonset_devices_abi::{Api, Block, Lent, StreamInfo, Text, loss, status};
use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::ops::Deref;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Backend, BlockTime, Callback, Callbacks, Driver, Granted, Input, Notices, Opened, Output};
use super::{Request, ShareMode};
use crate::clock::monotonic_ns;
use crate::device::Device;
use crate::error::{Code, Error, Result, fail};
use crate::realtime::clock::Errs;

const _: () = assert!(Backend::Alsa as u32 == abi::host::ALSA);
const _: () = assert!(Backend::PulseAudio as u32 == abi::host::PULSEAUDIO);
const _: () = assert!(Backend::PipeWire as u32 == abi::host::PIPEWIRE);
const _: () = assert!(Backend::JackSeparate as u32 == abi::host::JACK);
const _: () = assert!(Backend::Wasapi as u32 == abi::host::WASAPI);
const _: () = assert!(Backend::Asio as u32 == abi::host::ASIO);
const _: () = assert!(Backend::CoreAudio as u32 == abi::host::COREAUDIO);

/// What to do without a sound card.
pub const WITHOUT_HARDWARE: &str = "for a run without audio hardware, name the backend 'virtual'";

/// Opens a device of `backend`.
pub fn open(
    backend: Backend,
    request: &Request<'_>,
    callbacks: Callbacks,
    notices: &Arc<Notices>,
) -> Result<Box<dyn Driver>> {
    let may_convert = request.options.take_switch("os_resample")?.unwrap_or(false);
    let api = library::api()?;
    let doors = Lasting::new(Doors::new(callbacks, notices.clone()));
    let wanted = abi::Request {
        host: backend as u32,
        sample_rate_hz: request.sample_rate_hz,
        output_channels: request.output_channels,
        input_channels: request.input_channels,
        block_frames: request.block_frames,
        flags: if may_convert { abi::MAY_CONVERT_RATE } else { 0 },
        output_device: Lent::new(request.output_device),
        input_device: Lent::new(request.input_device),
    };
    let functions = doors.functions();
    let (mut stream, mut text) = (null_mut(), Text::default());
    // SAFETY: all pointers live for the call, and `doors` lives until the stream is closed.
    let status = unsafe { (api.open)(&wanted, &functions, &mut stream, &mut text) };
    check(status, &text).map_err(|error| advise(error, request))?;
    let driver = OpenDevice { api, stream, doors, backend };
    // Relaxed: the thread that reads it is started later.
    driver.doors.rate.store(driver.info().sample_rate_hz, Ordering::Relaxed);
    Ok(Box::new(driver))
}

/// Adds to the lack of a default device what can be done about it.
fn advise(error: Error, request: &Request<'_>) -> Error {
    let asks_default = (request.output_channels > 0 && request.output_device.is_none())
        || (request.input_channels > 0 && request.input_device.is_none());
    if error.code != Code::NoDevice || !asks_default {
        return error;
    }
    no_device(&error.message)
}

/// The lack of any device, for a reason that says what was tried.
pub fn no_device(why: &str) -> Error {
    Error::new(Code::NoDevice, format!("there is no audio device: {why}; {WITHOUT_HARDWARE}"))
}

/// Why no backend of the device library can be used: the library itself is missing.
pub fn missing() -> Option<Error> {
    library::api().err()
}

/// The devices of `backend` as they are now.
pub fn devices(backend: Backend) -> Result<Vec<Device>> {
    let api = library::api()?;
    let (mut devices, mut text) = (Vec::<Device>::new(), Text::default());
    // SAFETY: `keep` takes a vector of devices as `user`, and both pointers live for the call.
    let status = unsafe { (api.list)(backend as u32, keep, (&raw mut devices).cast(), &mut text) };
    check(status, &text)?;
    Ok(devices)
}

unsafe extern "C" fn keep(devices: *mut c_void, device: *const abi::DeviceInfo) {
    // SAFETY: `devices` hands over its vector as `user`, and nothing else uses it during the call.
    let devices = unsafe { &mut *devices.cast::<Vec<Device>>() };
    // SAFETY: the device is lent for this call.
    let device = unsafe { &*device };
    devices.push(Device {
        id: device.id.as_str().into(),
        name: device.name.as_str().into(),
        output_channels: device.output_channels,
        input_channels: device.input_channels,
        default_rate_hz: device.default_rate_hz,
        min_rate_hz: device.min_rate_hz,
        max_rate_hz: device.max_rate_hz,
        is_default_output: device.flags & abi::DEFAULT_OUTPUT != 0,
        is_default_input: device.flags & abi::DEFAULT_INPUT != 0,
    });
}

/// An error for a call that did not end well.
fn check(status: abi::Status, text: &Text) -> Result<()> {
    let code = match status {
        status::OK => return Ok(()),
        status::NO_DEVICE => Code::NoDevice,
        status::UNAVAILABLE => Code::BackendUnavailable,
        status::UNSUPPORTED_FORMAT => Code::UnsupportedFormat,
        status::FAILED => Code::DeviceFailed,
        _ => Code::Internal,
    };
    Err(Error::new(code, text.as_str()))
}

/// A stream of the device library.
struct OpenDevice {
    api: &'static Api,
    stream: *mut abi::Stream,
    doors: Lasting,
    backend: Backend,
}

// SAFETY: a stream of the device library may be used from any thread, one at a time.
unsafe impl Send for OpenDevice {}

impl OpenDevice {
    fn info(&self) -> StreamInfo {
        let mut info = StreamInfo::default();
        // SAFETY: the stream is open until `self` drops, and `info` is there to write to.
        unsafe { (self.api.info)(self.stream, &mut info) };
        info
    }

    fn call(&self, function: unsafe extern "C" fn(*mut abi::Stream, *mut Text) -> abi::Status) -> Result<()> {
        let mut text = Text::default();
        // SAFETY: the stream is open until `self` drops, and `text` is there to write to.
        let status = unsafe { function(self.stream, &mut text) };
        self.doors.explain_loss();
        check(status, &text)
    }
}

impl Driver for OpenDevice {
    fn start(&mut self) -> Result<()> {
        if let Some(reason) = self.doors.notices.loss() {
            fail!(DeviceLost, "the device cannot be started again: {reason}");
        }
        self.call(self.api.start)
    }

    fn stop(&mut self) -> Result<()> {
        self.call(self.api.stop)
    }

    fn opened(&self) -> Opened {
        self.doors.explain_loss();
        opened(&self.info(), self.backend)
    }
}

impl Drop for OpenDevice {
    fn drop(&mut self) {
        // SAFETY: this is the last use of the stream; afterwards nothing calls through `doors`.
        unsafe { (self.api.close)(self.stream) };
        self.doors.explain_loss();
    }
}

fn opened(info: &StreamInfo, backend: Backend) -> Opened {
    let frames = |delay_ns: i64| {
        let exact = i128::from(delay_ns) * i128::from(info.sample_rate_hz);
        (delay_ns >= 0).then_some(((exact + 500_000_000) / 1_000_000_000) as i64)
    };
    let (output, input) = (frames(info.output_delay_ns), frames(info.input_delay_ns));
    // Only JACK calls both directions in one cycle, so that the latencies add up.
    let both = output.zip(input).filter(|_| backend == Backend::JackSeparate);
    Opened {
        // PulseAudio's clock of a sink may be late by what its threads wait for one another, or smoothed.
        errs: if backend == Backend::PulseAudio { Errs::Unknown } else { Errs::BothWays },
        sample_rate_hz: info.sample_rate_hz,
        device_rate_hz: info.device_rate_hz,
        os_resamples: info.converts_rate != 0,
        output_channels: info.output_channels,
        input_channels: info.input_channels,
        block_frames: info.block_frames,
        duplex: false,
        common_clock: info.common_clock != 0,
        output_latency_frames: output,
        input_latency_frames: input,
        round_trip_frames: both.map(|(output, input)| output + input),
        output_device_id: info.output_id.as_str().into(),
        output_device_name: info.output_name.as_str().into(),
        input_device_id: info.input_id.as_str().into(),
        input_device_name: info.input_name.as_str().into(),
        sample_format: info.sample_format.as_str().into(),
        share_mode: match info.share_mode {
            abi::share::SHARED => ShareMode::Shared,
            abi::share::EXCLUSIVE => ShareMode::Exclusive,
            _ => ShareMode::Unknown,
        },
        realtime: match info.realtime {
            abi::granted::YES => Granted::Yes,
            abi::granted::NO => Granted::No,
            _ => Granted::Unknown,
        },
    }
}

/// What the device library calls: the engine's doors, and where notices go.
struct Doors {
    playback: UnsafeCell<Entrance>,
    capture: UnsafeCell<Entrance>,
    notices: Arc<Notices>,
    rate: AtomicU32,
    /// Why the device was lost, said by a thread that must not lock; 0 while there is nothing to explain.
    loss: AtomicU32,
}

/// Doors at one place in memory, whoever owns them: a box that moves would claim them for itself, while the device
/// library uses its pointer to them.
struct Lasting(NonNull<Doors>);

// SAFETY: it is the one owner of the doors, which are shared as the device library's threads share them.
unsafe impl Send for Lasting {}

impl Lasting {
    fn new(doors: Doors) -> Self {
        Self(NonNull::from(Box::leak(Box::new(doors))))
    }

    fn functions(&self) -> abi::Callbacks {
        abi::Callbacks { user: self.0.as_ptr().cast(), output, input, lost, xrun }
    }
}

impl Deref for Lasting {
    type Target = Doors;

    fn deref(&self) -> &Doors {
        // SAFETY: the doors are there until `self` drops.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Lasting {
    fn drop(&mut self) {
        // SAFETY: they came from a box, and this is their last use.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// One door, and when the block that is going through it began.
struct Entrance {
    callback: Callback,
    entered_ns: i64,
}

impl Entrance {
    /// When the callback of this piece was entered, and which frame from its first on is at the converter when;
    /// 0 ns if that is not told. The pieces of one block lie one after another as if each had been called for in
    /// its turn.
    fn stamp(&mut self, block: &Block, rate: u32, plays: bool) -> BlockTime {
        if block.offset_frames == 0 {
            self.entered_ns = monotonic_ns();
        }
        let before = i64::from(block.offset_frames) * 1_000_000_000 / i64::from(rate.max(1));
        let callback_ns = self.entered_ns + before;
        let (stamp_frames, stamp_ns) = match block.stamp {
            abi::stamp::TIME if block.offset_frames == 0 => (block.stamp_frames, block.stamp_ns),
            abi::stamp::DELAY if block.delay_ns >= 0 && plays => (0, callback_ns + block.delay_ns),
            abi::stamp::DELAY if block.delay_ns >= 0 => (0, callback_ns - block.delay_ns),
            _ => (0, 0),
        };
        let (output_ns, input_ns) = if plays { (stamp_ns, 0) } else { (0, stamp_ns) };
        let late_frames = (block.late_frames - i64::from(block.offset_frames)).max(0);
        BlockTime {
            callback_ns,
            output_ns,
            input_ns,
            stamp_frames,
            stamp_error_ns: block.stamp_error_ns,
            late_frames,
            ..BlockTime::default()
        }
    }
}

impl Doors {
    fn new(callbacks: Callbacks, notices: Arc<Notices>) -> Self {
        let entrance = |callback| UnsafeCell::new(Entrance { callback, entered_ns: 0 });
        Self {
            playback: entrance(callbacks.playback),
            capture: entrance(callbacks.capture),
            notices,
            rate: AtomicU32::new(0),
            loss: AtomicU32::new(0),
        }
    }

    /// Gives a loss that was noted on the audio thread its reason.
    fn explain_loss(&self) {
        // Relaxed: the number carries nothing with it.
        let reason = match self.loss.load(Ordering::Relaxed) {
            0 => return,
            loss::GONE => "the device is gone; it may have been unplugged",
            loss::CHANGED => "the device has changed, or the system has put another in its place",
            loss::SERVER => "the audio server is gone",
            _ => "the device failed",
        };
        self.notices.lose(reason);
    }
}

unsafe extern "C" fn output(user: *mut c_void, samples: *mut f32, block: *const Block) {
    // SAFETY: `user` is the `Doors` that outlives the stream, and `block` is lent for the call.
    let (doors, block) = unsafe { (&*user.cast::<Doors>(), &*block) };
    // SAFETY: the device library calls `output` on one thread at a time, and nothing else uses the cell.
    let entrance = unsafe { &mut *doors.playback.get() };
    // SAFETY: the device library hands over as many samples as the block says, to write to.
    let samples =
        unsafe { std::slice::from_raw_parts_mut(samples, (block.frames * block.channels) as usize) };
    // Relaxed: set once, before the stream starts.
    let time = entrance.stamp(block, doors.rate.load(Ordering::Relaxed), true);
    entrance.callback.process(Input::None, Output::Interleaved(samples), time);
}

unsafe extern "C" fn input(user: *mut c_void, samples: *const f32, block: *const Block) {
    // SAFETY: `user` is the `Doors` that outlives the stream, and `block` is lent for the call.
    let (doors, block) = unsafe { (&*user.cast::<Doors>(), &*block) };
    // SAFETY: the device library calls `input` on one thread at a time, and nothing else uses the cell.
    let entrance = unsafe { &mut *doors.capture.get() };
    // SAFETY: the device library hands over as many samples as the block says.
    let samples = unsafe { std::slice::from_raw_parts(samples, (block.frames * block.channels) as usize) };
    // Relaxed: set once, before the stream starts.
    let time = entrance.stamp(block, doors.rate.load(Ordering::Relaxed), false);
    entrance.callback.process(Input::Interleaved(samples), Output::None, time);
}

unsafe extern "C" fn lost(user: *mut c_void, reason: u32, text: Lent) {
    // SAFETY: `user` is the `Doors` that outlives the stream.
    let doors = unsafe { &*user.cast::<Doors>() };
    // SAFETY: the text is lent for the call.
    match unsafe { text.get() } {
        Some(text) => doors.notices.lose(text),
        None => {
            // The first reason stays. Relaxed: the number carries nothing with it.
            let _ = doors.loss.compare_exchange(0, reason, Ordering::Relaxed, Ordering::Relaxed);
            doors.notices.lose_without_reason();
        }
    }
}

unsafe extern "C" fn xrun(user: *mut c_void, direction: u32) {
    // SAFETY: `user` is the `Doors` that outlives the stream.
    let doors = unsafe { &*user.cast::<Doors>() };
    if direction == abi::direction::OUTPUT {
        doors.notices.output_xrun();
    } else {
        doors.notices.input_xrun();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::gate::Gate;

    #[test]
    fn the_device_library_calls_through_doors_whose_owner_has_moved() {
        let (gate, notices) = (Arc::new(Gate::default()), Arc::new(Notices::default()));
        let callback = || Callback::new(gate.clone(), notices.clone());
        let callbacks = Callbacks { playback: callback(), capture: callback() };
        let doors = Lasting::new(Doors::new(callbacks, notices.clone()));
        let functions = doors.functions();
        // As into a driver, and with that into a box.
        let owner = std::hint::black_box(Box::new(doors));
        let mut samples = [9.0; 2];
        let block = Block {
            offset_frames: 0,
            frames: 2,
            channels: 1,
            stamp: abi::stamp::NONE,
            delay_ns: abi::UNKNOWN_NS,
            stamp_frames: 0,
            stamp_ns: 0,
            stamp_error_ns: 0,
            late_frames: 0,
        };
        // SAFETY: the doors are there, and the block is of the size that it states.
        unsafe { (functions.output)(functions.user, samples.as_mut_ptr(), &block) };
        assert_eq!(samples, [0.0; 2]);
        owner.explain_loss();
        // SAFETY: the doors are there.
        unsafe { (functions.xrun)(functions.user, abi::direction::OUTPUT) };
        assert_eq!(owner.notices.xruns(), (1, 0));
    }
}
