//! A JACK client that passes sound on, notes at which time of the server each cycle's sound went through, and
//! stands still when asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jack::{AudioIn, AudioOut, Client, Port, ProcessScope};
use ringbuf::traits::{Consumer, Producer, Split};
use ringbuf::{HeapCons, HeapProd, HeapRb};

use super::live::{LiveClient, Notify, Process};
use super::recorder::open_client;

/// What went through in one cycle.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    /// Its first sample.
    pub first: f32,
    /// When the cycle began, in microseconds of the server's clock.
    pub server_us: u64,
}

/// A client with one input, `in`, and one output, `out`.
pub struct Passage {
    client: LiveClient<Deaf, Passer>,
    passed: HeapCons<Passed>,
    stall_us: Arc<AtomicU64>,
}

impl Passage {
    /// Opens it on the server `server`.
    pub fn open(server: &str) -> Self {
        let client = open_client(server, "passage");
        let input = client.register_port("in", AudioIn::default()).unwrap();
        let output = client.register_port("out", AudioOut::default()).unwrap();
        // Room for a minute of cycles.
        let (notes, passed) = HeapRb::new(1 << 16).split();
        let stall_us = Arc::new(AtomicU64::new(0));
        let passer = Passer { input, output, notes, stall_us: stall_us.clone() };
        let mut client = LiveClient::new(client, Deaf, passer);
        assert!(client.activate(), "the server takes a client");
        Self { client, passed, stall_us }
    }

    /// The client, to wire with.
    pub fn client(&self) -> &Client {
        self.client.client()
    }

    /// Lets the next cycle take this much longer.
    pub fn stall(&self, time: Duration) {
        // Relaxed: a single number that orders nothing.
        self.stall_us.store(time.as_micros() as u64, Ordering::Relaxed);
    }

    /// The cycles since the last call.
    pub fn passed(&mut self) -> Vec<Passed> {
        self.passed.pop_iter().collect()
    }
}

struct Deaf;

impl Notify for Deaf {}

struct Passer {
    input: Port<AudioIn>,
    output: Port<AudioOut>,
    notes: HeapProd<Passed>,
    stall_us: Arc<AtomicU64>,
}

impl Process for Passer {
    fn process(&mut self, _: &Client, scope: &ProcessScope) {
        let samples = self.input.as_slice(scope);
        self.output.as_mut_slice(scope).copy_from_slice(samples);
        if let (Some(&first), Ok(times)) = (samples.first(), scope.cycle_times()) {
            // A note too many is a cycle that nothing is known of.
            let _ = self.notes.try_push(Passed { first, server_us: times.current_usecs });
        }
        let stall = self.stall_us.swap(0, Ordering::Relaxed);
        if stall > 0 {
            std::thread::sleep(Duration::from_micros(stall));
        }
    }
}
