//! JACK: both directions in one process callback, at the server's rate and period.
//!
//! The server is reached through libjack, which is opened when it is first needed. It is the one that
//! `JACK_DEFAULT_SERVER` names, or the stream option `server`. libjack keeps its view of the server in
//! process-wide state: one process can use one server at a time, whatever the options say.
//!
//! Options: `client_name` (`sonset`), `server`, `autoconnect=on|off` (on: channel k to the k-th physical
//! port, which must be there), `output_ports` and `input_ports` (comma-separated ports to connect channels 1,
//! 2, … to instead; an empty place leaves its channel alone, and a name without a colon is a port of the
//! stream itself, so `output_ports=input_1` wires output 1 to input 1).

mod cycles;
mod latency;
mod library;
mod live;
mod notify;
mod ports;
mod process;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::jack::{Client, PortFlags};

use self::live::LiveClient;
use self::notify::{Shared, Watcher};
use self::ports::{Plan, Ports};
use self::process::Rows;
use super::{Callbacks, Driver, Granted, Notices, Opened, Request, ShareMode};
use crate::device::Device;
use crate::error::{Result, fail};
use crate::realtime::block::MAX_CHANNELS;

/// The id of the one device there is.
const DEVICE_ID: &str = "jack";

/// How long a start waits for the first callback, to see whether its thread got realtime priority.
const FIRST_CALLBACK: Duration = Duration::from_millis(200);

/// Opens a client on a running server.
pub fn open(request: &Request<'_>, callbacks: Callbacks, notices: &Arc<Notices>) -> Result<Box<dyn Driver>> {
    Ok(Box::new(open_jack(request, callbacks, notices)?))
}

fn open_jack(request: &Request<'_>, callbacks: Callbacks, notices: &Arc<Notices>) -> Result<JackDriver> {
    check_devices(request)?;
    check_channels(request)?;
    let name = request.options.take("client_name").unwrap_or_else(|| "sonset".into());
    let server = request.options.take("server");
    let plan = Plan::take(request.options)?;
    let client = library::open_client(&name, server.as_deref())?;
    check_format(request, &client)?;

    let ports = Ports::register(&client, request)?;
    let wires = plan.resolve(&client, &ports)?;
    let shared = Arc::new(Shared::new(&client, &ports, notices));
    shared.foresee(&client, &wires);
    let opened = describe(request, &client, server.as_deref());
    let watcher = Watcher::new(&shared);
    let rows = Rows::new(ports, callbacks.playback, &shared);
    let live = Some(LiveClient::new(client, watcher, rows));
    Ok(JackDriver { live, shared, wires, opened })
}

/// The server as a device, with as many channels as it has physical ports.
pub fn devices() -> Result<Vec<Device>> {
    list(None)
}

fn list(server: Option<&str>) -> Result<Vec<Device>> {
    let client = library::open_client("sonset-list", server)?;
    let rate_hz = client.sample_rate();
    // A port that is physical and takes input is one that plays, and the other way round.
    let output_channels = ports::physical(&client, PortFlags::IS_INPUT).len() as u32;
    let input_channels = ports::physical(&client, PortFlags::IS_OUTPUT).len() as u32;
    Ok(vec![Device {
        id: DEVICE_ID.into(),
        name: library::server_label(server),
        output_channels,
        input_channels,
        default_rate_hz: rate_hz,
        min_rate_hz: rate_hz,
        max_rate_hz: rate_hz,
        // A server without a card is none that sounds by itself.
        is_default_output: output_channels > 0,
        is_default_input: input_channels > 0,
    }])
}

/// Refuses channels that the card of the default server has no ports for: their sounds would complete unheard.
pub fn check_ports(request: &Request<'_>) -> Result<()> {
    for device in devices()? {
        let (outputs, inputs) = (request.output_channels, request.input_channels);
        let directions =
            [("output", outputs, device.output_channels), ("input", inputs, device.input_channels)];
        for (kind, channels, ports) in directions {
            if channels > ports {
                fail!(
                    UnsupportedFormat,
                    "{channels} {kind} channels, and the card of the JACK server has {ports} ports for them"
                );
            }
        }
    }
    Ok(())
}

fn check_devices(request: &Request<'_>) -> Result<()> {
    for id in [request.output_device, request.input_device].into_iter().flatten() {
        if id != DEVICE_ID {
            fail!(NoDevice, "the JACK backend has one device, '{DEVICE_ID}', and no '{id}'");
        }
    }
    Ok(())
}

fn check_channels(request: &Request<'_>) -> Result<()> {
    let (outputs, inputs) = (request.output_channels, request.input_channels);
    if outputs == 0 && inputs == 0 {
        fail!(InvalidArgument, "a stream needs at least one output or input channel");
    }
    if outputs.max(inputs) as usize > MAX_CHANNELS {
        fail!(UnsupportedFormat, "{outputs} outputs and {inputs} inputs: at most {MAX_CHANNELS} each");
    }
    Ok(())
}

fn check_format(request: &Request<'_>, client: &Client) -> Result<()> {
    let (rate_hz, period) = (client.sample_rate(), client.buffer_size());
    if request.sample_rate_hz != 0 && request.sample_rate_hz != rate_hz {
        fail!(
            UnsupportedFormat,
            "{} Hz asked for, the JACK server runs at {rate_hz} Hz",
            request.sample_rate_hz
        );
    }
    if request.block_frames != 0 && request.block_frames != period {
        fail!(
            UnsupportedFormat,
            "blocks of {} frames asked for, the JACK server's period is {period} frames",
            request.block_frames
        );
    }
    Ok(())
}

/// What is known for good once the client is open; [`JackDriver::opened`] adds what changes.
fn describe(request: &Request<'_>, client: &Client, server: Option<&str>) -> Opened {
    let name = library::server_label(server);
    let (mut opened, rate_hz) = (Opened::default(), client.sample_rate());
    if request.output_channels > 0 {
        (opened.output_device_id, opened.output_device_name) = (DEVICE_ID.into(), name.clone());
    }
    if request.input_channels > 0 {
        (opened.input_device_id, opened.input_device_name) = (DEVICE_ID.into(), name);
    }
    Opened {
        sample_rate_hz: rate_hz,
        device_rate_hz: rate_hz,
        output_channels: request.output_channels,
        input_channels: request.input_channels,
        duplex: true,
        common_clock: true,
        sample_format: "f32".into(),
        share_mode: ShareMode::Shared,
        ..opened
    }
}

struct JackDriver {
    /// `None` once the server refused to go on.
    live: Option<LiveClient<Watcher, Rows>>,
    shared: Arc<Shared>,
    wires: ports::Wires,
    opened: Opened,
}

impl Driver for JackDriver {
    fn start(&mut self) -> Result<()> {
        if let Some(reason) = self.shared.notices.loss() {
            fail!(DeviceLost, "{reason}");
        }
        let Some(live) = &mut self.live else {
            fail!(DeviceFailed, "the JACK client was closed after an earlier failure");
        };
        if live.is_active() {
            return Ok(());
        }
        self.shared.forget_calls();
        self.shared.foresee(live.client(), &self.wires);
        if !live.activate() {
            fail!(DeviceFailed, "JACK did not start the client");
        }
        let connected = self.wires.connect(live.client());
        self.shared.settle(live.client());
        self.opened.realtime = granted(&self.shared, live.client());
        connected.or_else(|error| self.stop().and(Err(error)))
    }

    fn stop(&mut self) -> Result<()> {
        let Some(live) = self.live.as_mut().filter(|live| live.is_active()) else { return Ok(()) };
        self.shared.unsettle();
        if !live.deactivate() {
            self.live = None;
            // Of a server that is gone nothing else can be expected.
            if self.shared.notices.loss().is_none() {
                fail!(DeviceFailed, "JACK did not stop the client");
            }
        }
        Ok(())
    }

    fn opened(&self) -> Opened {
        let latencies = self.shared.latencies.read();
        Opened {
            block_frames: self.shared.block_frames(),
            output_latency_frames: latencies.output,
            input_latency_frames: latencies.input,
            round_trip_frames: latencies.round_trip,
            ..self.opened.clone()
        }
    }
}

/// Whether the callback's thread got realtime priority. JACK sets it before the first callback and may be
/// refused without a word, so the thread itself is asked, once it is known to run.
fn granted(shared: &Shared, client: &Client) -> Granted {
    let end = Instant::now() + FIRST_CALLBACK;
    while !shared.has_been_called() {
        if Instant::now() >= end {
            return Granted::Unknown;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    library::thread_is_realtime(client)
}

#[cfg(all(test, target_os = "linux"))]
#[path = "../../tests/servers/mod.rs"]
mod servers;

#[cfg(all(test, target_os = "linux"))]
mod tests;
