//! The test rig tested: what the JACK tests measure with must itself be exact.

#![cfg(target_os = "linux")]

mod servers;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jack::{AudioIn, AudioOut, Client, Port, ProcessScope};
use servers::jackd::{Jackd, Mode};
use servers::live::{LiveClient, Notify, Process};
use servers::recorder::{Recorder, open_client, wire_to_itself};

const PATIENCE: Duration = Duration::from_secs(10);

/// Plays the server's frame number, and keeps what comes back. Frame numbers stay exact in a float for
/// minutes.
struct Counter {
    output: Port<AudioOut>,
    input: Port<AudioIn>,
    heard: Heard,
}

/// Pairs of frame number and sample, as far as there is room.
type Heard = Arc<Mutex<Vec<(f32, f32)>>>;

struct Deaf;

impl Notify for Deaf {}

impl Process for Counter {
    fn process(&mut self, _: &Client, scope: &ProcessScope) {
        let start = scope.last_frame_time();
        let numbers = (0..scope.n_frames()).map(|frame| start.wrapping_add(frame) as f32);
        let mut heard = self.heard.lock().unwrap();
        for (number, sample) in numbers.clone().zip(self.input.as_slice(scope)) {
            if heard.len() < heard.capacity() {
                heard.push((number, *sample));
            }
        }
        self.output.as_mut_slice(scope).iter_mut().zip(numbers).for_each(|(sample, number)| *sample = number);
    }
}

fn counter(server: &Jackd) -> (LiveClient<Deaf, Counter>, Heard) {
    let client = open_client(server.name(), "counter");
    let output = client.register_port("out", AudioOut::default()).unwrap();
    let input = client.register_port("in", AudioIn::default()).unwrap();
    let heard = Heard::new(Mutex::new(Vec::with_capacity(96_000)));
    let mut client = LiveClient::new(client, Deaf, Counter { output, input, heard: heard.clone() });
    assert!(client.activate());
    (client, heard)
}

#[test]
fn a_recorder_hears_every_frame_under_its_number() {
    let server = Jackd::start(48_000, 128, 2);
    let (mut counter, _) = counter(&server);
    let first = counter.client().frame_time() + 24_001;
    let recorder = Recorder::start_at(server.name(), &["counter:out", "system:capture_1"], Some(first));
    recorder.wait_for_frames(24_000, PATIENCE);
    let recording = recorder.finish();
    assert_eq!((recording.first_frame, recording.lost_frames), (first, 0));
    let numbers = recording.channel(0, 2);
    assert!(numbers.iter().enumerate().all(|(index, number)| *number == (first + index as u32) as f32));
    assert!(counter.deactivate());
}

#[test]
fn a_client_wired_to_itself_hears_itself_one_period_later() {
    for period in [64_u32, 512] {
        let server = Jackd::start(48_000, period, 2);
        let (mut counter, heard) = counter(&server);
        assert_eq!(wire_to_itself(counter.client(), "counter"), 1);
        std::thread::sleep(Duration::from_millis(400));
        assert!(counter.deactivate());
        let heard = heard.lock().unwrap();
        // Zeros come before the wire was made and after it was taken away.
        let offsets = heard.iter().filter(|(_, heard)| *heard != 0.0).map(|(now, heard)| now - heard);
        let offsets: Vec<f32> = offsets.collect();
        assert!(offsets.len() > 4_800, "{} frames came back", offsets.len());
        assert!(offsets.iter().all(|offset| *offset == period as f32), "{:?}", &offsets[..8]);
    }
}

#[test]
fn servers_start_in_both_modes_freeze_go_on_and_die() {
    for mode in [Mode::Synchronous, Mode::Asynchronous] {
        let mut server = Jackd::start_as(mode, 48_000, 128, 1);
        let recorder = Recorder::start(server.name(), &["system:capture_1"]);
        recorder.wait_for_frames(1_280, PATIENCE);
        server.sigstop();
        std::thread::sleep(Duration::from_millis(50));
        let frozen = recorder.frames();
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(recorder.frames(), frozen);
        server.sigcont();
        recorder.wait_for_frames(frozen + 1_280, PATIENCE);
        server.kill();
        assert!(!server.is_alive());
        let began = Instant::now();
        recorder.finish();
        assert!(began.elapsed() < PATIENCE);
    }
}
