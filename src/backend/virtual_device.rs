//! A device without hardware: a thread that keeps time, and a wire from each output to the input of the
//! same number.
//!
//! Input frame n + L equals output frame n, where L is the stated round trip, at least one block. Times are
//! nominal: a block that begins with frame n is called for at the start's instant plus n over the rate. Its
//! input left the converter one block before that, and its output reaches the converter L minus one block
//! after it, so both sides give a frame on the wire the same time, and no input is older than it can be.
//!
//! A device id may carry a fault plan, `virtual:key=value,key=value`:
//!
//! | key | value | what happens |
//! |---|---|---|
//! | `ppm` | `±x` | the device's clock runs fast by x millionths |
//! | `jitter_ns` | `x` | the converter stamps of a block err by up to x either way, the callback's by up to x late |
//! | `slip_at` | `frame:frames` | from that frame on the device's time is that many frames further |
//! | `stall_ms_at` | `frame:ms` | before the block with that frame the thread stands still |
//! | `xrun_at` | `frame` | before the block with that frame an xrun is reported |
//! | `lose_at` | `frame` | the block with that frame is the last one |

mod faults;
mod pace;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use self::pace::{Loop, Sink};
use super::{
    BlockTime, Callback, Callbacks, Driver, Granted, Input, Notices, Opened, Output, Request, ShareMode,
};
use crate::device::Device;
use crate::error::{Code, Error, Result, fail};
use crate::realtime::clock::Errs;

const DEVICE_ID: &str = "virtual";
const DEVICE_NAME: &str = "Virtual device (no hardware: outputs wired to inputs)";
const MAX_CHANNELS: u32 = 64;
const MAX_RATE_HZ: u32 = 768_000;
const DEFAULT_RATE_HZ: u32 = 48_000;
const MAX_BLOCK_FRAMES: u32 = 8_192;
const DEFAULT_BLOCK_FRAMES: u32 = 256;
const MAX_LATENCY_FRAMES: u32 = 1 << 20;

/// Opens the device.
pub fn open(request: &Request<'_>, callbacks: Callbacks, notices: &Arc<Notices>) -> Result<Box<dyn Driver>> {
    let setup = Setup::from_request(request)?;
    let faults = faults::of_devices(request.output_device, request.input_device)?;
    let opened = describe(&setup);
    let idle = Loop::new(&setup, faults, callbacks.playback, notices.clone());
    Ok(Box::new(VirtualDriver { state: State::Idle(Box::new(idle)), notices: notices.clone(), opened }))
}

/// The device; it is never a default one, because an experiment without its sound card must not run in silence.
pub fn devices() -> Vec<Device> {
    vec![Device {
        id: DEVICE_ID.into(),
        name: DEVICE_NAME.into(),
        output_channels: MAX_CHANNELS,
        input_channels: MAX_CHANNELS,
        default_rate_hz: DEFAULT_RATE_HZ,
        min_rate_hz: 1,
        max_rate_hz: MAX_RATE_HZ,
        is_default_output: false,
        is_default_input: false,
    }]
}

/// A request with its defaults filled in, within the limits.
#[derive(Clone, Copy, Debug)]
struct Setup {
    rate_hz: u32,
    outputs: usize,
    inputs: usize,
    block_frames: usize,
    latency_frames: usize,
}

impl Setup {
    fn from_request(request: &Request<'_>) -> Result<Self> {
        let or = |value: u32, default: u32| if value == 0 { default } else { value };
        let rate_hz = or(request.sample_rate_hz, DEFAULT_RATE_HZ);
        let block_frames = or(request.block_frames, DEFAULT_BLOCK_FRAMES);
        let latency_frames = or(request.virtual_latency_frames, block_frames);
        let (outputs, inputs) = (request.output_channels, request.input_channels);

        if rate_hz > MAX_RATE_HZ {
            fail!(UnsupportedFormat, "{rate_hz} Hz: the virtual device does at most {MAX_RATE_HZ} Hz");
        }
        if block_frames > MAX_BLOCK_FRAMES {
            fail!(UnsupportedFormat, "a block of {block_frames} frames: at most {MAX_BLOCK_FRAMES}");
        }
        if outputs.max(inputs) > MAX_CHANNELS {
            fail!(UnsupportedFormat, "{outputs} outputs and {inputs} inputs: at most {MAX_CHANNELS} each");
        }
        if outputs == 0 && inputs == 0 {
            fail!(InvalidArgument, "a stream needs at least one output or input channel");
        }
        if !(block_frames..=MAX_LATENCY_FRAMES).contains(&latency_frames) {
            fail!(
                InvalidArgument,
                "a virtual latency of {latency_frames} frames: from one block ({block_frames} frames) to {MAX_LATENCY_FRAMES}"
            );
        }
        Ok(Self {
            rate_hz,
            outputs: outputs as usize,
            inputs: inputs as usize,
            block_frames: block_frames as usize,
            latency_frames: latency_frames as usize,
        })
    }

    /// From the converter to the callback's start of a block: the block must have been heard to its end.
    fn input_latency_frames(&self) -> i64 {
        self.block_frames as i64
    }

    fn output_latency_frames(&self) -> i64 {
        (self.latency_frames - self.block_frames) as i64
    }
}

fn describe(setup: &Setup) -> Opened {
    let (has_outputs, has_inputs) = (setup.outputs > 0, setup.inputs > 0);
    let named = |there: bool, text: &str| if there { text.into() } else { String::new() };
    Opened {
        errs: Errs::BothWays,
        sample_rate_hz: setup.rate_hz,
        device_rate_hz: setup.rate_hz,
        os_resamples: false,
        output_channels: setup.outputs as u32,
        input_channels: setup.inputs as u32,
        block_frames: setup.block_frames as u32,
        duplex: true,
        common_clock: true,
        output_latency_frames: has_outputs.then(|| setup.output_latency_frames()),
        input_latency_frames: has_inputs.then(|| setup.input_latency_frames()),
        round_trip_frames: (has_outputs && has_inputs).then_some(setup.latency_frames as i64),
        output_device_id: named(has_outputs, DEVICE_ID),
        output_device_name: named(has_outputs, DEVICE_NAME),
        input_device_id: named(has_inputs, DEVICE_ID),
        input_device_name: named(has_inputs, DEVICE_NAME),
        sample_format: "f32".into(),
        share_mode: ShareMode::Exclusive,
        realtime: Granted::No,
    }
}

/// The engine as the loop sees it.
impl Sink for Callback {
    fn block(&mut self, input: &[f32], output: &mut [f32], time: BlockTime) {
        let input = if input.is_empty() { Input::None } else { Input::Interleaved(input) };
        let output = if output.is_empty() { Output::None } else { Output::Interleaved(output) };
        self.process(input, output, time);
    }
}

/// Where the loop is: at rest, or on its thread, which gives it back.
enum State<S> {
    Idle(Box<Loop<S>>),
    Running(JoinHandle<Box<Loop<S>>>, Arc<AtomicBool>),
    /// The thread panicked, and the loop went with it.
    Gone,
}

struct VirtualDriver<S> {
    state: State<S>,
    notices: Arc<Notices>,
    opened: Opened,
}

impl<S: Sink> Driver for VirtualDriver<S> {
    fn start(&mut self) -> Result<()> {
        if let Some(reason) = self.notices.loss() {
            fail!(DeviceLost, "{reason}");
        }
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Idle(idle) => self.run(idle),
            State::Gone => fail!(DeviceFailed, "the virtual device's thread has died"),
            running => {
                self.state = running;
                Ok(())
            }
        }
    }

    fn stop(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Running(thread, stopping) => {
                // Release pairs with the loop's Acquire; the join below orders everything else.
                stopping.store(true, Ordering::Release);
                thread.thread().unpark();
                let idle = thread.join();
                let dead = |_| Error::new(Code::DeviceFailed, "the virtual device's thread has died");
                self.state = State::Idle(idle.map_err(dead)?);
            }
            other => self.state = other,
        }
        Ok(())
    }

    fn opened(&self) -> Opened {
        self.opened.clone()
    }
}

impl<S: Sink> VirtualDriver<S> {
    fn run(&mut self, mut idle: Box<Loop<S>>) -> Result<()> {
        let stopping = Arc::new(AtomicBool::new(false));
        let seen = stopping.clone();
        let body = move || {
            idle.run(&seen);
            idle
        };
        let thread = thread::Builder::new().name("sonset-virtual".into()).spawn(body);
        let thread = thread
            .map_err(|error| Error::new(Code::DeviceFailed, format!("no thread could be made: {error}")))?;
        self.state = State::Running(thread, stopping);
        Ok(())
    }
}

impl<S> Drop for VirtualDriver<S> {
    fn drop(&mut self) {
        if let State::Running(thread, stopping) = std::mem::replace(&mut self.state, State::Gone) {
            stopping.store(true, Ordering::Release);
            thread.thread().unpark();
            // A thread that panicked has nothing to give back, and a destructor nobody to tell.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
