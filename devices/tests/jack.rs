//! The device library against a real JACK server: a client for each direction.
#![cfg(target_os = "linux")]

mod common;
#[allow(dead_code)] // A test takes what it needs.
#[path = "../../tests/servers/jackd.rs"]
mod jackd;

use common::{Host, list, longest_run, request, wait};
use jackd::Jackd;
use sonset_devices_abi::{UNKNOWN_NS, granted, host, share, status};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Runs one test at a time: libjack reads the server's name from the environment.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Wires output 1 of this process to its input 1.
fn wire(server: &Jackd) {
    let client = format!("cpal_client_{}", std::process::id());
    let status = Command::new("jack_connect")
        .args(["-s", server.name(), &format!("{client}_out:out_0"), &format!("{client}_in:in_0")])
        .status()
        .expect("jack_connect is installed");
    assert!(status.success());
}

#[test]
fn a_ramp_comes_back_over_a_wire_without_a_gap() {
    let _alone = alone();
    let server = Jackd::start(48_000, 256, 2);
    server.make_default();
    let mut stream = Host::open(&request(host::JACK, 2, 2)).unwrap();
    wire(&server);
    for _ in 0..2 {
        stream.log.recorded.lock().unwrap().clear();
        stream.start();
        stream.wait_for_input(48_000);
        stream.stop();
        let run = longest_run(&stream.log.recorded.lock().unwrap());
        assert!(run > 47_000, "only {run} frames in a row");
        let blocks = stream.log.input_blocks.load(Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(stream.log.input_blocks.load(Ordering::Relaxed), blocks);
    }

    let info = stream.info();
    assert_eq!((info.sample_rate_hz, info.device_rate_hz, info.block_frames), (48_000, 48_000, 256));
    assert_eq!((info.share_mode, info.common_clock, info.converts_rate), (share::SHARED, 1, 0));
    assert_eq!(info.sample_format.as_str(), "f32");
    assert_eq!(info.realtime, if server.is_realtime() { granted::YES } else { granted::NO });
    assert_ne!(info.output_delay_ns, UNKNOWN_NS);
    assert_ne!(info.input_delay_ns, UNKNOWN_NS);
}

#[test]
fn a_rate_or_block_that_is_not_the_servers_is_refused() {
    let _alone = alone();
    let server = Jackd::start(44_100, 128, 2);
    server.make_default();
    let mut wanted = request(host::JACK, 2, 0);
    wanted.sample_rate_hz = 48_000;
    let (status, message) = Host::open(&wanted).map(|_| ()).unwrap_err();
    assert_eq!(status, status::UNSUPPORTED_FORMAT);
    assert!(message.contains("44100") && message.contains("48000"), "{message}");
    wanted.sample_rate_hz = 0;
    wanted.block_frames = 64;
    let (status, message) = Host::open(&wanted).map(|_| ()).unwrap_err();
    assert_eq!(status, status::UNSUPPORTED_FORMAT);
    assert!(message.contains("128") && message.contains("64"), "{message}");
    wanted.block_frames = 128;
    assert_eq!(Host::open(&wanted).unwrap().info().block_frames, 128);
    assert_eq!(list(host::JACK).unwrap().len(), 2);
}

#[test]
fn a_killed_server_is_a_loss_and_the_stream_still_closes() {
    let _alone = alone();
    let mut server = Jackd::start(48_000, 256, 2);
    server.make_default();
    let mut stream = Host::open(&request(host::JACK, 2, 2)).unwrap();
    stream.start();
    stream.wait_for_input(4_800);
    server.kill();
    let (_, text) = stream.wait_for_loss();
    assert!(text.is_some_and(|text| text.contains("JACK")));
    let begin = Instant::now();
    stream.stop();
    drop(stream);
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_stalled_client_is_an_xrun() {
    let _alone = alone();
    let server = Jackd::start_as(jackd::Mode::Asynchronous, 48_000, 256, 2);
    server.make_default();
    let mut stream = Host::open(&request(host::JACK, 2, 2)).unwrap();
    stream.start();
    stream.wait_for_input(4_800);
    {
        // The input callback takes this lock too.
        let _stall = stream.log.recorded.lock().unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    wait("an xrun", || stream.log.input_xruns.load(Ordering::Relaxed) > 0);
    stream.stop();
}

/// Runs in a process of its own for the test below, which reads what it prints.
#[test]
#[ignore = "a part of another test"]
fn without_a_server_in_a_process_of_its_own() {
    let (status, message) = Host::open(&request(host::JACK, 2, 2)).map(|_| ()).unwrap_err();
    assert_eq!(status, status::UNAVAILABLE, "{message}");
    assert!(message.contains("JACK"), "{message}");
}

#[test]
fn without_a_server_there_is_an_error_and_nothing_is_printed() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--nocapture", "--exact", "without_a_server_in_a_process_of_its_own"])
        .env("JACK_DEFAULT_SERVER", "sonset-no-such-server")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(!String::from_utf8_lossy(&output.stdout).to_lowercase().contains("jack server"));
}
