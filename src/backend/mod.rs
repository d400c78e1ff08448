//! What drives the engine: one file for each way of being called with blocks of frames.
//!
//! A backend opens a device, and from then on calls [`Callback::process`] on its audio thread. It knows
//! nothing of actions, slots or receipts. What it learns outside the callback (the device is gone, an
//! xrun happened) it leaves in [`Notices`].

pub mod cpal;
pub mod device_thread;
pub mod jack;
pub mod virtual_device;

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::device::Device;
use crate::error::{Error, Result, fail};
use crate::options::Options;
pub use crate::realtime::block::{BlockTime, Input, Output};
use crate::realtime::clock::Errs;
use crate::realtime::gate::Gate;

/// The ways of reaching sound. The numbers are part of the C ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Backend {
    /// The host calls the engine itself.
    Manual = 1,
    /// A timer, with outputs wired to inputs; no hardware.
    Virtual = 2,
    /// A JACK server, both directions in one callback.
    Jack = 3,
    /// ALSA (Linux).
    Alsa = 4,
    /// A PulseAudio server (Linux).
    PulseAudio = 5,
    /// A PipeWire server (Linux; a build option).
    PipeWire = 6,
    /// A JACK server, each direction in a callback of its own.
    JackSeparate = 7,
    /// WASAPI (Windows).
    Wasapi = 8,
    /// ASIO (Windows; a build option).
    Asio = 9,
    /// CoreAudio (macOS).
    CoreAudio = 10,
}

impl Backend {
    /// Its name, as C gets it.
    pub fn c_name(self) -> &'static CStr {
        match self {
            Self::Manual => c"manual",
            Self::Virtual => c"virtual",
            Self::Jack => c"jack",
            Self::Alsa => c"alsa",
            Self::PulseAudio => c"pulseaudio",
            Self::PipeWire => c"pipewire",
            Self::JackSeparate => c"jack-separate",
            Self::Wasapi => c"wasapi",
            Self::Asio => c"asio",
            Self::CoreAudio => c"coreaudio",
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.c_name().to_str().unwrap_or_default()
    }

    /// Every backend there is.
    pub fn all() -> [Self; 10] {
        [
            Self::Manual,
            Self::Virtual,
            Self::Jack,
            Self::Alsa,
            Self::PulseAudio,
            Self::PipeWire,
            Self::JackSeparate,
            Self::Wasapi,
            Self::Asio,
            Self::CoreAudio,
        ]
    }
}

/// Whether the operating system granted what was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum Granted {
    /// The backend cannot tell.
    #[default]
    Unknown = 0,
    /// It was granted.
    Yes = 1,
    /// It was refused.
    No = 2,
}

/// Whether other programs can use the device at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum ShareMode {
    /// The backend cannot tell.
    #[default]
    Unknown = 0,
    /// A server or the system mixes several programs.
    Shared = 1,
    /// The device is this stream's alone.
    Exclusive = 2,
}

/// What a stream wants of a backend.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Rate in hertz; 0 takes the device's own.
    pub sample_rate_hz: u32,
    /// Output channels; 0 opens no output.
    pub output_channels: u32,
    /// Input channels; 0 opens no input.
    pub input_channels: u32,
    /// Frames in a block; 0 takes the device's own.
    pub block_frames: u32,
    /// Round trip of the virtual device in frames; 0 takes one block.
    pub virtual_latency_frames: u32,
    /// Id of the output device; `None` is the default one.
    pub output_device: Option<&'a str>,
    /// Id of the input device; `None` is the default one.
    pub input_device: Option<&'a str>,
    /// What only one backend knows. A backend takes its keys with [`Options::take`]; the rest is an error.
    pub options: &'a Options,
}

/// What a backend gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opened {
    /// Rate in hertz.
    pub sample_rate_hz: u32,
    /// Rate the device itself runs at; 0 if unknown.
    pub device_rate_hz: u32,
    /// Whether the operating system or server resamples between the two.
    pub os_resamples: bool,
    /// Output channels.
    pub output_channels: u32,
    /// Input channels.
    pub input_channels: u32,
    /// Frames in a block; 0 where blocks vary.
    pub block_frames: u32,
    /// Whether one callback serves both directions. If not, the output is called through
    /// [`Callbacks::playback`] and the input through [`Callbacks::capture`].
    pub duplex: bool,
    /// Whether output and input run from one clock, so that the offset between the halves cannot drift.
    pub common_clock: bool,
    /// From a frame handed over in the callback to the converter, as reported; `None` if unknown.
    pub output_latency_frames: Option<i64>,
    /// From the converter to the callback's start of the block, as reported; `None` if unknown.
    pub input_latency_frames: Option<i64>,
    /// From output frame n to input frame n of the same callback number at the converters; `None` if unknown.
    pub round_trip_frames: Option<i64>,
    /// Id of the output device, as resolved; empty if there is none.
    pub output_device_id: String,
    /// Name of the output device.
    pub output_device_name: String,
    /// Id of the input device, as resolved; empty if there is none.
    pub input_device_id: String,
    /// Name of the input device.
    pub input_device_name: String,
    /// Sample format of the device, such as `f32` or `i16`.
    pub sample_format: String,
    /// Whether the device is shared.
    pub share_mode: ShareMode,
    /// Whether the callback thread got realtime priority.
    pub realtime: Granted,
    /// Which way the stamps of blocks err.
    pub errs: Errs,
}

/// The engine's two doors. A duplex backend uses `playback` for both directions.
pub struct Callbacks {
    /// Called with output frames, and with input frames too where the backend is duplex.
    pub playback: Callback,
    /// Called with input frames where input has a callback of its own.
    pub capture: Callback,
}

/// One door to the engine, owned by the thread that calls it.
pub struct Callback {
    gate: Arc<Gate>,
    notices: Arc<Notices>,
    xruns: (u64, u64),
}

impl Callback {
    /// The door through `gate` of the stream with these `notices`.
    pub(crate) fn new(gate: Arc<Gate>, notices: Arc<Notices>) -> Self {
        Self { gate, notices, xruns: (0, 0) }
    }

    /// Runs one block: reads all of `input`, writes all of `output`. Realtime-safe; writes silence while
    /// the stream is stopped or lost.
    pub fn process(&mut self, input: Input<'_>, output: Output<'_, '_>, mut time: BlockTime) {
        let (output_xruns, input_xruns) = self.notices.xruns();
        if !matches!(output, Output::None) {
            time.output_xruns += (output_xruns - self.xruns.0) as u32;
        }
        if !matches!(input, Input::None) {
            time.input_xruns += (input_xruns - self.xruns.1) as u32;
        }
        self.xruns = (output_xruns, input_xruns);
        self.gate.process(input, output, time);
    }
}

/// What a backend learns outside the order of blocks.
#[derive(Debug, Default)]
pub struct Notices {
    lost: AtomicBool,
    reason: Mutex<String>,
    output_xruns: AtomicU64,
    input_xruns: AtomicU64,
}

impl Notices {
    /// Says that the device is gone for good, and why. Not realtime-safe. The first reason stays.
    pub fn lose(&self, reason: impl Into<String>) {
        let mut kept = self.reason.lock().unwrap_or_else(|e| e.into_inner());
        if kept.is_empty() {
            *kept = reason.into();
        }
        // Release: whoever sees the flag sees the reason.
        self.lost.store(true, Ordering::Release);
    }

    /// Says that the device is gone, from a thread that must not lock. Realtime-safe.
    pub fn lose_without_reason(&self) {
        // Release pairs with the Acquire in `loss`.
        self.lost.store(true, Ordering::Release);
    }

    /// Counts one xrun in each direction. Realtime-safe.
    pub fn xrun(&self) {
        self.output_xrun();
        self.input_xrun();
    }

    /// Counts one output underflow. Realtime-safe.
    pub fn output_xrun(&self) {
        // Relaxed: a counter that orders nothing.
        self.output_xruns.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one input overflow. Realtime-safe.
    pub fn input_xrun(&self) {
        // Relaxed: a counter that orders nothing.
        self.input_xruns.fetch_add(1, Ordering::Relaxed);
    }

    /// Output underflows and input overflows so far. Realtime-safe.
    pub fn xruns(&self) -> (u64, u64) {
        // Relaxed: counters that order nothing.
        (self.output_xruns.load(Ordering::Relaxed), self.input_xruns.load(Ordering::Relaxed))
    }

    /// Why the device is gone, or `None` while it is there.
    pub fn loss(&self) -> Option<String> {
        // Acquire pairs with the Release in `lose`.
        if !self.lost.load(Ordering::Acquire) {
            return None;
        }
        let reason = self.reason.lock().unwrap_or_else(|e| e.into_inner());
        Some(if reason.is_empty() { "the device stopped calling".into() } else { reason.clone() })
    }
}

/// An open device. Dropping it closes the device; like `start` and `stop` that may block, and is done on a
/// thread that can be abandoned.
pub trait Driver: Send {
    /// Starts the callbacks.
    fn start(&mut self) -> Result<()>;
    /// Stops the callbacks; none runs any more on return.
    fn stop(&mut self) -> Result<()>;
    /// What is open. Latencies may change while it runs.
    fn opened(&self) -> Opened;
}

/// Opens a device of `backend`; `callbacks` go to its audio thread.
pub fn open(
    backend: Backend,
    request: &Request<'_>,
    callbacks: Callbacks,
    notices: &Arc<Notices>,
) -> Result<Box<dyn Driver>> {
    match backend {
        Backend::Manual => fail!(Internal, "the manual backend has no device to open"),
        Backend::Virtual => virtual_device::open(request, callbacks, notices),
        Backend::Jack => jack::open(request, callbacks, notices),
        Backend::JackSeparate => {
            let driver = cpal::open(backend, request, callbacks, notices)?;
            // The device library wires as many channels as there are ports, and does not tell.
            jack::check_ports(request)?;
            Ok(driver)
        }
        _ => cpal::open(backend, request, callbacks, notices),
    }
}

/// The devices of `backend` as they are now.
pub fn devices(backend: Backend) -> Result<Vec<Device>> {
    match backend {
        Backend::Manual => Ok(Vec::new()),
        Backend::Virtual => Ok(virtual_device::devices()),
        Backend::Jack => jack::devices(),
        _ => cpal::devices(backend),
    }
}

/// The backends of this system that are tried in turn where none is named. Where JACK runs it has the sound card,
/// so that it comes before ALSA.
#[cfg(target_os = "linux")]
const CANDIDATES: &[Backend] = &[Backend::PulseAudio, Backend::Jack, Backend::Alsa];
#[cfg(windows)]
const CANDIDATES: &[Backend] = &[Backend::Wasapi];
#[cfg(not(any(target_os = "linux", windows)))]
const CANDIDATES: &[Backend] = &[Backend::CoreAudio];

/// The backend of a stream that names none: the first that has a default device. Never the virtual one, since an
/// experiment without its sound card must not run in silence.
pub fn system_default() -> Result<Backend> {
    let mut why: Vec<String> = Vec::new();
    for &backend in CANDIDATES {
        match devices(backend) {
            Ok(list) if list.iter().any(|device| device.is_default_output || device.is_default_input) => {
                return Ok(backend);
            }
            Ok(_) => why.push(format!("{} has no default device", spelled(backend))),
            // Several backends may lack the same thing.
            Err(error) if why.contains(&error.message) => {}
            Err(error) => why.push(error.message),
        }
    }
    let why = why.join("; ");
    match cpal::missing() {
        // That has another cure than the lack of a device.
        Some(error) => Err(Error::new(error.code, format!("{why}; {}", cpal::WITHOUT_HARDWARE))),
        None => Err(cpal::no_device(&why)),
    }
}

fn spelled(backend: Backend) -> String {
    match backend {
        Backend::Alsa => "ALSA".into(),
        Backend::Jack => "JACK".into(),
        Backend::Wasapi => "WASAPI".into(),
        other => format!("{other:?}"),
    }
}

/// The backends of this build, those without hardware last.
pub fn built_in() -> impl Iterator<Item = Backend> {
    let all = Backend::all().into_iter();
    let (hardware, none): (Vec<_>, Vec<_>) =
        all.partition(|backend| !matches!(backend, Backend::Manual | Backend::Virtual));
    hardware.into_iter().chain(none).filter(|backend| match backend {
        Backend::Manual | Backend::Virtual | Backend::Jack => true,
        Backend::Alsa | Backend::PulseAudio | Backend::JackSeparate => cfg!(target_os = "linux"),
        Backend::PipeWire => cfg!(all(target_os = "linux", feature = "pipewire")),
        Backend::Wasapi => cfg!(windows),
        Backend::Asio => cfg!(all(windows, feature = "asio")),
        Backend::CoreAudio => cfg!(target_os = "macos"),
    })
}
