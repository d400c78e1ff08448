//! What JACK tells outside the process callback, and what its threads share.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use ::jack::{Client, Frames, Port, Unowned};

use super::latency::{self, Latencies};
use super::live::Notify;
use super::ports::{Ports, Wires};
use crate::backend::Notices;

/// Shared by the driver, the notification thread and the process callback.
pub struct Shared {
    /// Where losses go.
    pub notices: Arc<Notices>,
    /// The latencies of the present connections.
    pub latencies: Latencies,
    rate_hz: u32,
    block_frames: AtomicU32,
    freewheeling: AtomicBool,
    called: AtomicBool,
    xruns: AtomicU64,
    /// Whether the connections are the stream's to measure: not while it starts or stops.
    settled: AtomicBool,
    outputs: Vec<Port<Unowned>>,
    inputs: Vec<Port<Unowned>>,
    own_names: Vec<String>,
}

// Relaxed throughout: each of these values stands alone and orders nothing.
impl Shared {
    /// The state of a client that was just opened and owns `ports`.
    pub fn new(client: &Client, ports: &Ports, notices: &Arc<Notices>) -> Self {
        Self {
            notices: notices.clone(),
            latencies: Latencies::default(),
            rate_hz: client.sample_rate(),
            block_frames: AtomicU32::new(client.buffer_size()),
            freewheeling: AtomicBool::new(false),
            called: AtomicBool::new(false),
            xruns: AtomicU64::new(0),
            settled: AtomicBool::new(false),
            outputs: ports.outputs.iter().map(Port::clone_unowned).collect(),
            inputs: ports.inputs.iter().map(Port::clone_unowned).collect(),
            own_names: [&ports.output_names[..], &ports.input_names[..]].concat(),
        }
    }

    /// Publishes the latencies that the connections will have once `wires` are made, and keeps them until
    /// [`Shared::settle`]: the way to full connections and back is no change of latency.
    pub fn foresee(&self, client: &Client, wires: &Wires) {
        self.unsettle();
        self.publish(client, &wires.output_targets(), &wires.input_sources());
    }

    /// Keeps the latencies as they are, because the client is about to be disconnected.
    pub fn unsettle(&self) {
        self.settled.store(false, Ordering::Relaxed);
    }

    /// From now on latencies follow the connections. `client` is connected.
    pub fn settle(&self, client: &Client) {
        self.settled.store(true, Ordering::Relaxed);
        self.measure(client);
    }

    /// Publishes the latencies of the connections as they are. Not for the process callback.
    fn measure(&self, client: &Client) {
        if !self.settled.load(Ordering::Relaxed) {
            return;
        }
        let connected = |ports: &[Port<Unowned>]| -> Vec<String> {
            ports.iter().flat_map(Port::get_connections).collect()
        };
        self.publish(client, &connected(&self.outputs), &connected(&self.inputs));
    }

    fn publish(&self, client: &Client, targets: &[String], sources: &[String]) {
        let period = i64::from(self.block_frames());
        self.latencies.write(latency::values(client, targets, sources, &self.own_names, period));
    }

    /// The rate the stream was opened at.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// The server's period.
    pub fn block_frames(&self) -> u32 {
        self.block_frames.load(Ordering::Relaxed)
    }

    /// Takes over a new period, and the latencies that come with it. Not for the process callback.
    pub fn set_block_frames(&self, client: &Client, frames: u32) {
        self.block_frames.store(frames, Ordering::Relaxed);
        self.measure(client);
    }

    /// Whether cycles run as fast as they can.
    pub fn is_freewheeling(&self) -> bool {
        self.freewheeling.load(Ordering::Relaxed)
    }

    /// Notes that the process callback runs, and says whether it does for the first time since
    /// [`Shared::forget_calls`].
    pub fn is_first_call(&self) -> bool {
        !self.called.swap(true, Ordering::Relaxed)
    }

    /// Xruns that the server has told of.
    pub fn xruns(&self) -> u64 {
        self.xruns.load(Ordering::Relaxed)
    }

    /// Whether the process callback has run since [`Shared::forget_calls`].
    pub fn has_been_called(&self) -> bool {
        self.called.load(Ordering::Relaxed)
    }

    /// Waits anew for the first callback.
    pub fn forget_calls(&self) {
        self.called.store(false, Ordering::Relaxed);
    }
}

/// Takes JACK's notifications.
pub struct Watcher {
    shared: Arc<Shared>,
}

impl Watcher {
    /// Writes what it hears into `shared`.
    pub fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: shared.clone() }
    }
}

impl Notify for Watcher {
    /// `jack.h` wants signal-handler manners here, for the sake of JACK 1. Today's servers call this on a
    /// thread of the client that does nothing else any more, so taking the notices' lock is safe.
    fn shutdown(&self, reason: &str) {
        self.shared.notices.lose(format!("the JACK server ended: {reason}"));
    }

    fn freewheel(&self, is_on: bool) {
        self.shared.freewheeling.store(is_on, Ordering::Relaxed);
    }

    fn period(&self, client: &Client, frames: Frames) {
        self.shared.set_block_frames(client, frames);
    }

    /// No JACK server of today does this. If one did, every frame number would mean another time.
    fn sample_rate(&self, rate_hz: Frames) {
        let opened = self.shared.rate_hz;
        if rate_hz != opened {
            self.shared.notices.lose(format!("the JACK server went from {opened} Hz to {rate_hz} Hz"));
        }
    }

    /// Also comes when connections change; JACK has computed the latencies anew by then.
    fn graph_order(&self, client: &Client) {
        self.shared.measure(client);
    }

    fn xrun(&self) {
        self.shared.xruns.fetch_add(1, Ordering::Relaxed);
    }
}
