//! The process callback. Nothing in it allocates, frees, locks, waits or makes a system call.

use std::sync::Arc;

use ::jack::{AudioIn, AudioOut, Client, CycleTimes, Port, ProcessScope};

use super::cycles::Cycles;
use super::live::Process;
use super::notify::Shared;
use super::ports::Ports;
use crate::backend::{BlockTime, Callback, Input, Output};
use crate::clock;
use crate::realtime::block::MAX_CHANNELS;

/// The stream's ports and the door to the engine.
pub struct Rows {
    playback: Callback,
    outputs: Vec<Port<AudioOut>>,
    inputs: Vec<Port<AudioIn>>,
    shared: Arc<Shared>,
    cycles: Cycles,
}

impl Rows {
    /// What the process callback works with.
    pub fn new(ports: Ports, playback: Callback, shared: &Arc<Shared>) -> Self {
        let (outputs, inputs) = (ports.outputs, ports.inputs);
        Self { playback, outputs, inputs, shared: shared.clone(), cycles: Cycles::default() }
    }

    /// When the block of this cycle is converted, and what was lost before it or comes too late. JACK's clock is not
    /// MONOTONIC, so both are read here and now; in freewheel mode cycles are not paced, and their times mean nothing.
    fn block_time(&mut self, client: &Client, scope: &ProcessScope) -> BlockTime {
        let callback_ns = clock::monotonic_ns();
        if self.shared.is_first_call() {
            self.cycles.begin_anew();
        }
        let times = scope.cycle_times().ok().filter(|_| !self.shared.is_freewheeling());
        let newest = times.as_ref().map(|times| times.current_frames);
        let cycle = self.cycles.enter(newest, scope.n_frames(), self.shared.xruns(), callback_ns);
        let late_frames = if cycle.is_late { i64::from(scope.n_frames()) } else { 0 };
        let (output_xruns, input_xruns) = (cycle.xruns as u32, cycle.xruns as u32 + cycle.is_new as u32);
        let told = BlockTime { callback_ns, output_xruns, input_xruns, late_frames, ..BlockTime::default() };
        let Some(times) = times else { return told };
        let cycle_ns = cycle_start_ns(client, &times);
        let latencies = self.shared.latencies.read();
        let rate_hz = i64::from(self.shared.rate_hz());
        let after = |frames: i64| cycle_ns + frames * 1_000_000_000 / rate_hz;
        BlockTime {
            output_ns: after(latencies.output.unwrap_or(0)),
            input_ns: after(-latencies.input.unwrap_or(0)),
            ..told
        }
    }
}

impl Process for Rows {
    fn process(&mut self, client: &Client, scope: &ProcessScope) {
        let time = self.block_time(client, scope);

        // All inputs are fetched before the first output is written: that of a port which is wired to one
        // of our outputs is copied from the output's last block at this moment.
        let mut rows: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
        for (row, port) in rows.iter_mut().zip(&self.inputs) {
            *row = port.as_slice(scope);
        }
        let input = match self.inputs.len().min(MAX_CHANNELS) {
            0 => Input::None,
            channels => Input::Planar(&rows[..channels]),
        };

        let mut rows: [&mut [f32]; MAX_CHANNELS] = std::array::from_fn(|_| Default::default());
        let channels = self.outputs.len().min(MAX_CHANNELS);
        for (row, port) in rows.iter_mut().zip(&mut self.outputs) {
            *row = port.as_mut_slice(scope);
        }
        let output = match channels {
            0 => Output::None,
            _ => Output::Planar(&mut rows[..channels]),
        };

        self.playback.process(input, output, time);
    }
}

/// The start of the cycle in MONOTONIC. The two clocks are read as a bracket, and again if something came
/// in between, so that a preemption does not show in the stamp.
fn cycle_start_ns(client: &Client, cycle: &CycleTimes) -> i64 {
    const TRIES: usize = 3;
    const NARROW_NS: i64 = 2_000;
    let (mut narrowest, mut age_ns, mut read_at) = (i64::MAX, 0, 0);
    for _ in 0..TRIES {
        let before = clock::monotonic_ns();
        let now = client.time();
        let after = clock::monotonic_ns();
        if after - before < narrowest {
            narrowest = after - before;
            // The start may lie a little ahead: JACK filters it.
            age_ns = (now as i64 - cycle.current_usecs as i64) * 1_000;
            read_at = before + narrowest / 2;
        }
        if narrowest < NARROW_NS {
            break;
        }
    }
    read_at - age_ns
}
