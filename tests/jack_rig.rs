//! The test rig tested: what the JACK tests measure with must itself be exact.

#![cfg(target_os = "linux")]

mod servers;

use std::time::{Duration, Instant};

use jack::{AsyncClient, AudioIn, AudioOut, Client, Control, Port, ProcessHandler, ProcessScope};
use servers::jackd::{Jackd, Mode};
use servers::recorder::{Recorder, open_client, wire_to_itself};

const PATIENCE: Duration = Duration::from_secs(10);

/// Plays the server's frame number, and keeps what comes back. Frame numbers stay exact in a float for
/// minutes.
struct Counter {
    output: Port<AudioOut>,
    input: Port<AudioIn>,
    /// Pairs of frame number and sample, as far as there is room.
    heard: Vec<(f32, f32)>,
}

impl ProcessHandler for Counter {
    fn process(&mut self, _: &Client, scope: &ProcessScope) -> Control {
        let start = scope.last_frame_time();
        let numbers = (0..scope.n_frames()).map(|frame| start.wrapping_add(frame) as f32);
        for (number, sample) in numbers.clone().zip(self.input.as_slice(scope)) {
            if self.heard.len() < self.heard.capacity() {
                self.heard.push((number, *sample));
            }
        }
        self.output.as_mut_slice(scope).iter_mut().zip(numbers).for_each(|(sample, number)| *sample = number);
        Control::Continue
    }
}

fn counter(server: &Jackd) -> AsyncClient<(), Counter> {
    let client = open_client(server.name(), "counter");
    let output = client.register_port("out", AudioOut::default()).unwrap();
    let input = client.register_port("in", AudioIn::default()).unwrap();
    client.activate_async((), Counter { output, input, heard: Vec::with_capacity(96_000) }).unwrap()
}

#[test]
fn a_recorder_hears_every_frame_under_its_number() {
    let server = Jackd::start(48_000, 128, 2);
    let counter = counter(&server);
    let first = counter.as_client().frame_time() + 24_001;
    let recorder = Recorder::start_at(server.name(), &["counter:out", "system:capture_1"], Some(first));
    recorder.wait_for_frames(24_000, PATIENCE);
    let recording = recorder.finish();
    assert_eq!((recording.first_frame, recording.lost_frames), (first, 0));
    let numbers = recording.channel(0, 2);
    assert!(numbers.iter().enumerate().all(|(index, number)| *number == (first + index as u32) as f32));
    counter.deactivate().unwrap();
}

#[test]
fn a_client_wired_to_itself_hears_itself_one_period_later() {
    for period in [64_u32, 512] {
        let server = Jackd::start(48_000, period, 2);
        let counter = counter(&server);
        assert_eq!(wire_to_itself(counter.as_client(), "counter"), 1);
        std::thread::sleep(Duration::from_millis(400));
        let (_, _, counter) = counter.deactivate().unwrap();
        // Zeros come before the wire was made and after it was taken away.
        let offsets = counter.heard.iter().filter(|(_, heard)| *heard != 0.0).map(|(now, heard)| now - heard);
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
