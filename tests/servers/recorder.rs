//! A JACK client that knows nothing of sonset: it hears what the server hears.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jack::jack_sys;
use jack::{AudioIn, Client, ClientOptions, Frames, Port, ProcessScope};
use ringbuf::traits::{Consumer, Observer, Producer, Split};
use ringbuf::{HeapProd, HeapRb};

use super::live::{LiveClient, Notify, Process};

/// Opens a client on the server `server`, whatever the environment says.
pub fn open_client(server: &str, name: &str) -> Client {
    type Open = unsafe extern "C" fn(
        *const std::ffi::c_char,
        jack_sys::jack_options_t,
        *mut jack_sys::jack_status_t,
        ...
    ) -> *mut jack_sys::jack_client_t;
    let library = jack_sys::library().expect("libjack is not installed: run `make setup`");
    jack::set_logger(jack::LoggerType::None);
    let (name, server) = (CString::new(name).unwrap(), CString::new(server).unwrap());
    let options = (ClientOptions::NO_START_SERVER | ClientOptions::SERVER_NAME).bits();
    let mut status = 0;
    // SAFETY: the type is that of jack.h, and the strings outlive the call.
    let client = unsafe {
        let open = library.get::<Open>(b"jack_client_open\0").expect("every libjack has it");
        open(name.as_ptr(), options, &mut status, server.as_ptr())
    };
    assert!(!client.is_null(), "the JACK server {server:?} refused the client {name:?}: status {status:#x}");
    // SAFETY: the pointer is a client of which nobody else knows.
    unsafe { Client::from_raw(client) }
}

/// Connects output port `source` to input port `destination` (full names).
pub fn wire(client: &Client, source: &str, destination: &str) {
    client
        .connect_ports_by_name(source, destination)
        .unwrap_or_else(|error| panic!("{source} to {destination}: {error}"));
}

/// Ends that connection.
pub fn unwire(client: &Client, source: &str, destination: &str) {
    client
        .disconnect_ports_by_name(source, destination)
        .unwrap_or_else(|error| panic!("{source} from {destination}: {error}"));
}

/// Wires output k of the client called `name` to its input k, as far as both go, and returns how many wires
/// that made. `through` is any client of the server.
pub fn wire_to_itself(through: &Client, name: &str) -> usize {
    let pattern = format!("^{name}:");
    let audio = Some(jack_sys::FLOAT_MONO_AUDIO);
    let outputs = through.ports(Some(&pattern), audio, jack::PortFlags::IS_OUTPUT);
    let inputs = through.ports(Some(&pattern), audio, jack::PortFlags::IS_INPUT);
    outputs.iter().zip(&inputs).for_each(|(output, input)| wire(through, output, input));
    outputs.len().min(inputs.len())
}

/// Most ports that a recorder listens to.
const MOST_SOURCES: usize = 64;

/// What a [`Recorder`] heard.
pub struct Recording {
    /// Frames one after another, a sample for each source; NaN in cycles that the recorder was left
    /// out of, or did not read in time.
    pub samples: Vec<f32>,
    /// The server's frame number of the first frame.
    pub first_frame: Frames,
    /// Xruns the server reported while the recorder was there.
    pub xruns: u64,
    /// Frames the recorder could not keep, and cycles it was left out of. Anything but 0 voids a comparison.
    pub lost_frames: u64,
}

impl Recording {
    /// The samples of one source, counted from 0.
    pub fn channel(&self, index: usize, channels: usize) -> Vec<f32> {
        self.samples.iter().skip(index).step_by(channels).copied().collect()
    }
}

/// Counters that the recorder's threads share. Relaxed throughout: the ring orders the samples, and
/// the counters are read at the end.
#[derive(Default)]
struct Counters {
    xruns: AtomicU64,
    lost_frames: AtomicU64,
    frames: AtomicU64,
    first_frame: AtomicU64,
    /// The server's frame number to begin at, once the wires are made.
    begin_at: AtomicU64,
}

/// A frame number that no server reaches.
const NEVER: u64 = u64::MAX;

/// Records from the ports it was given until it is finished.
pub struct Recorder {
    client: LiveClient<Listener, Ear>,
    drain: thread::JoinHandle<Vec<f32>>,
    finishing: Arc<AtomicBool>,
    counters: Arc<Counters>,
}

impl Recorder {
    /// Records `sources` (full port names) from now on.
    pub fn start(server: &str, sources: &[&str]) -> Self {
        Self::start_at(server, sources, None)
    }

    /// Records `sources` from the server's frame `first` on, or from the first cycle in which all wires are made.
    pub fn start_at(server: &str, sources: &[&str], first: Option<Frames>) -> Self {
        let client = open_client(server, "recorder");
        let channels = sources.len();
        assert!(channels <= MOST_SOURCES, "{channels} sources, at most {MOST_SOURCES}");
        let counters = Arc::new(Counters::default());
        counters.begin_at.store(NEVER, Ordering::Relaxed);
        // Room for seconds: the draining thread may be late on a busy machine.
        let (samples, mut kept) = HeapRb::<f32>::new(channels * client.sample_rate() as usize * 4).split();
        let ports: Vec<Port<AudioIn>> = (1..=channels)
            .map(|k| client.register_port(&format!("in_{k}"), AudioIn::default()).unwrap())
            .collect();
        let names: Vec<String> = ports.iter().map(|port| port.name().unwrap()).collect();
        let cycle = Vec::with_capacity(channels * client.buffer_size() as usize);
        let ear = Ear { ports, samples, cycle, counters: counters.clone(), next_frame: None };
        let mut client = LiveClient::new(client, Listener(counters.clone()), ear);
        assert!(client.activate(), "the server takes a client");
        sources.iter().zip(&names).for_each(|(source, own)| wire(client.client(), source, own));
        counters.begin_at.store(first.map_or(0, u64::from), Ordering::Relaxed);

        let finishing = Arc::new(AtomicBool::new(false));
        let seen = finishing.clone();
        let drain = thread::spawn(move || {
            let mut all = Vec::new();
            loop {
                // Acquire pairs with the Release in `finish`: what was pushed before is seen below.
                let is_last = seen.load(Ordering::Acquire);
                all.extend(kept.pop_iter());
                if is_last {
                    return all;
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        Self { client, drain, finishing, counters }
    }

    /// The recorder's client, to wire and to ask with.
    pub fn client(&self) -> &Client {
        self.client.client()
    }

    /// The server's frame number now, as the server estimates it.
    pub fn server_frame(&self) -> Frames {
        self.client().frame_time()
    }

    /// Waits until `frames` frames are there; panics after `patience`.
    pub fn wait_for_frames(&self, frames: u64, patience: Duration) {
        let end = Instant::now() + patience;
        while self.frames() < frames {
            assert!(Instant::now() < end, "{} of {frames} frames in {patience:?}", self.frames());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Frames recorded so far.
    pub fn frames(&self) -> u64 {
        self.counters.frames.load(Ordering::Relaxed)
    }

    /// Ends the recording.
    pub fn finish(mut self) -> Recording {
        // A server that is gone deactivates nobody; what was heard is there all the same.
        self.client.deactivate();
        self.finishing.store(true, Ordering::Release);
        let samples = self.drain.join().expect("the draining thread does not panic");
        Recording {
            samples,
            first_frame: self.counters.first_frame.load(Ordering::Relaxed) as Frames,
            xruns: self.counters.xruns.load(Ordering::Relaxed),
            lost_frames: self.counters.lost_frames.load(Ordering::Relaxed),
        }
    }
}

struct Listener(Arc<Counters>);

impl Notify for Listener {
    fn xrun(&self) {
        self.0.xruns.fetch_add(1, Ordering::Relaxed);
    }
}

/// The recorder's process callback; it follows the same law as the one it watches.
struct Ear {
    ports: Vec<Port<AudioIn>>,
    samples: HeapProd<f32>,
    /// Those of one cycle.
    cycle: Vec<f32>,
    counters: Arc<Counters>,
    /// The server's frame number that comes next, once the recording has begun.
    next_frame: Option<Frames>,
}

impl Process for Ear {
    fn process(&mut self, _: &Client, scope: &ProcessScope) {
        let (start, frames) = (scope.last_frame_time(), scope.n_frames());
        let Some(skip) = self.skip(start, frames) else { return };
        let mut rows: [&[f32]; MOST_SOURCES] = [&[]; MOST_SOURCES];
        let rows = &mut rows[..self.ports.len()];
        rows.iter_mut().zip(&self.ports).for_each(|(row, port)| *row = port.as_slice(scope));

        let frames = frames - skip;
        let range = skip as usize..(skip + frames) as usize;
        self.cycle.clear();
        self.cycle.extend(range.flat_map(|frame| rows.iter().map(move |row| row[frame])));
        if scope.last_frame_time() != start {
            // The ports may have held what belongs to the cycle that has begun.
            self.counters.lost_frames.fetch_add(u64::from(frames), Ordering::Relaxed);
            self.cycle.fill(f32::NAN);
        }
        if self.samples.vacant_len() < self.cycle.len() {
            self.counters.lost_frames.fetch_add(u64::from(frames), Ordering::Relaxed);
            return;
        }
        self.samples.push_slice(&self.cycle);
        self.counters.frames.fetch_add(u64::from(frames), Ordering::Relaxed);
    }
}

impl Ear {
    /// How many of the cycle's frames come before the recording; `None` if all of them do. Notes where the
    /// recording begins, and cycles that were missed.
    fn skip(&mut self, start: Frames, frames: Frames) -> Option<Frames> {
        let skip = match self.next_frame {
            Some(expected) => {
                let missed = start.wrapping_sub(expected) as i32;
                self.counters.lost_frames.fetch_add(u64::from(missed.unsigned_abs()), Ordering::Relaxed);
                if missed < 0 {
                    // A late cycle that was run again: it is recorded already.
                    return None;
                }
                let samples = (missed as usize * self.ports.len()).min(self.samples.vacant_len());
                self.samples.push_iter(std::iter::repeat_n(f32::NAN, samples));
                0
            }
            None => {
                let begin = self.counters.begin_at.load(Ordering::Relaxed);
                if begin >= u64::from(start) + u64::from(frames) {
                    return None;
                }
                let skip = begin.saturating_sub(u64::from(start)) as Frames;
                self.counters.first_frame.store(u64::from(start + skip), Ordering::Relaxed);
                skip
            }
        };
        self.next_frame = Some(start.wrapping_add(frames));
        Some(skip)
    }
}
