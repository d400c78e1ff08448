//! The device library against a real PulseAudio server.
#![cfg(target_os = "linux")]

mod common;
#[path = "../../tests/servers/pulse.rs"]
mod pulse;

use common::{Host, is_default, list, longest_run, offsets, request};
use pulse::Pulse;
use sonset_devices_abi::{Lent, MAY_CONVERT_RATE, UNKNOWN_NS, granted, host, share, status};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Runs one test at a time, each in the environment of a server of its own.
fn alone(environment: [(&str, String); 2]) -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let guard = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for (key, value) in environment {
        // SAFETY: the guard lets no other thread of this test read or write the environment.
        unsafe { std::env::set_var(key, value) };
    }
    guard
}

#[test]
fn a_ramp_comes_back_from_the_monitor_without_a_gap_or_with_one_that_is_told_and_moves_nothing() {
    let server = Pulse::start("s", 48_000);
    let _alone = alone(server.environment());
    let mut stream = Host::open(&request(host::PULSEAUDIO, 2, 2)).unwrap();
    stream.start();
    stream.wait_for_input(72_000);
    stream.stop();

    let info = stream.info();
    assert_eq!((info.sample_rate_hz, info.device_rate_hz, info.converts_rate), (48_000, 48_000, 0));
    assert_eq!((info.output_id.as_str(), info.input_id.as_str()), ("s", "s.monitor"));
    assert_eq!(info.sample_format.as_str(), "f32");
    assert_eq!((info.share_mode, info.common_clock, info.block_frames), (share::SHARED, 1, 0));
    assert_ne!(info.realtime, granted::UNKNOWN);
    assert_ne!(info.output_delay_ns, UNKNOWN_NS);
    assert_ne!(info.input_delay_ns, UNKNOWN_NS);
    let recorded = stream.log.recorded.lock().unwrap();
    let offsets = offsets(&recorded);
    assert!(offsets.iter().all(|offset| *offset == offsets[0]), "frames have moved");
    assert!(offsets.len() > 36_000, "only {} frames of the ramp", offsets.len());
    let xruns = stream.log.output_xruns.load(Ordering::Relaxed);
    assert!(longest_run(&recorded) + 2 > offsets.len() || xruns > 0, "a gap, and no xrun");
}

#[test]
fn a_stopped_stream_is_not_called_and_starts_again() {
    let server = Pulse::start("s", 48_000);
    let _alone = alone(server.environment());
    let mut stream = Host::open(&request(host::PULSEAUDIO, 2, 1)).unwrap();
    for _ in 0..3 {
        stream.start();
        stream.wait_for_input(4_800);
        stream.stop();
        let blocks = || {
            let (output, input) = (&stream.log.output_blocks, &stream.log.input_blocks);
            (output.load(Ordering::Relaxed), input.load(Ordering::Relaxed))
        };
        let before = blocks();
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(blocks(), before);
    }
}

#[test]
fn devices_are_listed_with_what_they_have() {
    let server = Pulse::start("s", 44_100);
    let _alone = alone(server.environment());
    let devices = list(host::PULSEAUDIO).unwrap();
    let find = |id: &str| *devices.iter().find(|device| device.id.as_str() == id).unwrap();
    let (sink, monitor) = (find("s"), find("s.monitor"));
    assert_eq!((sink.output_channels, sink.input_channels, sink.default_rate_hz), (2, 0, 44_100));
    assert_eq!((monitor.output_channels, monitor.input_channels), (0, 2));
    assert_eq!((is_default(&sink), is_default(&monitor)), ((true, false), (false, true)));
}

#[test]
fn what_the_device_does_not_do_is_refused_with_the_numbers() {
    let server = Pulse::start("s", 48_000);
    let _alone = alone(server.environment());
    let expect = |request: &_, parts: [&str; 2]| {
        let (status, message) = Host::open(request).map(|_| ()).unwrap_err();
        assert_eq!(status, status::UNSUPPORTED_FORMAT, "{message}");
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    };
    let mut wanted = request(host::PULSEAUDIO, 2, 0);
    wanted.sample_rate_hz = 44_100;
    expect(&wanted, ["48000", "44100"]);
    expect(&request(host::PULSEAUDIO, 3, 0), ["2 channels", "3 were"]);
    expect(&request(host::PULSEAUDIO, 0, 3), ["2 channels", "3 were"]);

    wanted.flags = MAY_CONVERT_RATE;
    let info = Host::open(&wanted).unwrap().info();
    assert_eq!((info.sample_rate_hz, info.device_rate_hz, info.converts_rate), (44_100, 48_000, 1));
}

#[test]
fn an_unknown_device_is_no_device() {
    let server = Pulse::start("s", 48_000);
    let _alone = alone(server.environment());
    let mut wanted = request(host::PULSEAUDIO, 2, 0);
    wanted.output_device = Lent::new(Some("s.monitor"));
    let (status, message) = Host::open(&wanted).map(|_| ()).unwrap_err();
    assert_eq!(status, status::NO_DEVICE);
    assert!(message.contains("output device 's.monitor'"), "{message}");
}

#[test]
fn the_sink_that_a_server_puts_up_for_want_of_a_sound_card_is_no_default_device() {
    let server = Pulse::start("auto_null", 48_000);
    let _alone = alone(server.environment());
    for (outputs, inputs) in [(2, 0), (0, 2)] {
        let (status, message) =
            Host::open(&request(host::PULSEAUDIO, outputs, inputs)).map(|_| ()).unwrap_err();
        assert_eq!(status, status::NO_DEVICE, "{message}");
        assert!(message.contains("no default"), "{message}");
    }
    let devices = list(host::PULSEAUDIO).unwrap();
    assert!(devices.iter().all(|device| is_default(device) == (false, false)));
}

#[test]
fn an_unplugged_sink_is_a_loss() {
    let server = Pulse::start("s", 48_000);
    let _alone = alone(server.environment());
    let mut stream = Host::open(&request(host::PULSEAUDIO, 2, 2)).unwrap();
    stream.start();
    stream.wait_for_input(4_800);
    server.unload_sink();
    let (_, text) = stream.wait_for_loss();
    assert!(text.is_some_and(|text| !text.is_empty()));
    drop(stream);
}

#[test]
fn a_killed_server_is_a_loss_and_the_stream_still_closes() {
    let mut server = Pulse::start("s", 48_000);
    let _alone = alone(server.environment());
    let mut stream = Host::open(&request(host::PULSEAUDIO, 2, 2)).unwrap();
    stream.start();
    stream.wait_for_input(4_800);
    server.kill();
    assert!(stream.wait_for_loss().1.is_some());
    let begin = Instant::now();
    stream.stop();
    drop(stream);
    assert!(begin.elapsed() < Duration::from_secs(3));
}

/// A stream whose server goes away writes to a socket that nobody reads; most programs do not ignore the signal for that.
#[test]
fn a_killed_server_ends_no_program_that_has_not_asked_for_it() {
    // SAFETY: no other thread changes what the signal does.
    let before = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    for _ in 0..5 {
        let mut server = Pulse::start("s", 48_000);
        let _alone = alone(server.environment());
        let mut stream = Host::open(&request(host::PULSEAUDIO, 2, 2)).unwrap();
        stream.start();
        stream.wait_for_input(960);
        server.kill();
        stream.stop();
        drop(stream);
    }
    // SAFETY: as above.
    unsafe { libc::signal(libc::SIGPIPE, before) };
}

#[test]
fn without_a_server_there_is_an_error_and_no_wait() {
    let _alone = alone([
        ("PULSE_SERVER", "unix:/nonexistent/socket".into()),
        ("PULSE_COOKIE", "/nonexistent/cookie".into()),
    ]);
    let begin = Instant::now();
    let (status, message) = Host::open(&request(host::PULSEAUDIO, 2, 0)).map(|_| ()).unwrap_err();
    assert_eq!(status, status::UNAVAILABLE, "{message}");
    assert!(message.contains("PulseAudio"), "{message}");
    assert_eq!(list(host::PULSEAUDIO).map(|_| ()).unwrap_err().0, status::UNAVAILABLE);
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_frozen_server_is_unavailable_within_seconds() {
    let server = Pulse::start("s", 48_000);
    let _alone = alone(server.environment());
    server.sigstop();
    let begin = Instant::now();
    let status = Host::open(&request(host::PULSEAUDIO, 2, 0)).map(|_| ()).unwrap_err().0;
    server.sigcont();
    assert_eq!(status, status::UNAVAILABLE);
    assert!(begin.elapsed() < Duration::from_secs(4));
}
