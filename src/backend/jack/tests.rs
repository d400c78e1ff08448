//! The driver against real servers. The gate is closed: the engine is not what is tested here.

use std::process::Command;
use std::sync::mpsc;
use std::thread;

use super::servers::jackd::{Jackd, Mode};
use super::servers::recorder::{self, Recorder};
use super::*;
use crate::backend::Callback;
use crate::error::{Code, Error};
use crate::options::Options;
use crate::realtime::gate::Gate;

fn options(server: &Jackd, more: &str) -> Options {
    Options::parse(&format!("server={};{more}", server.name())).unwrap()
}

fn request(options: &Options) -> Request<'_> {
    Request {
        sample_rate_hz: 0,
        output_channels: 2,
        input_channels: 2,
        block_frames: 0,
        virtual_latency_frames: 0,
        output_device: None,
        input_device: Some("jack"),
        options,
    }
}

fn callbacks() -> Callbacks {
    let gate = Arc::new(Gate::default());
    let callback = || Callback::new(gate.clone(), Arc::new(Notices::default()));
    Callbacks { playback: callback(), capture: callback() }
}

/// Opens the driver itself, so that a test can look behind the trait.
fn open_driver(request: &Request<'_>) -> Result<JackDriver> {
    open_jack(request, callbacks(), &Arc::new(Notices::default()))
}

fn refusal(request: &Request<'_>) -> Error {
    open_driver(request).err().expect("it is refused")
}

/// Whether a callback comes within `patience` from now.
fn is_called(driver: &JackDriver, patience: Duration) -> bool {
    driver.shared.forget_calls();
    within(patience, || driver.shared.has_been_called())
}

fn within(patience: Duration, holds: impl Fn() -> bool) -> bool {
    let end = Instant::now() + patience;
    while !holds() {
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
    true
}

const SOON: Duration = Duration::from_secs(2);

#[test]
fn it_starts_stops_and_starts_again() {
    let server = Jackd::start(48_000, 128, 2);
    let options = options(&server, "");
    let mut driver = open_driver(&request(&options)).unwrap();
    options.expect_empty().unwrap();
    for _ in 0..3 {
        driver.start().unwrap();
        assert!(is_called(&driver, SOON));
        driver.start().unwrap();
        driver.stop().unwrap();
        assert!(!is_called(&driver, Duration::from_millis(30)));
        driver.stop().unwrap();
    }
}

/// A port looks whether the memory of its client is still there, so it knows of a client that was closed but left some.
#[test]
fn a_client_that_is_closed_leaves_no_memory_behind() {
    let server = Jackd::start(48_000, 128, 2);
    let options = options(&server, "client_name=short_lived");
    let mut driver = open_driver(&request(&options)).unwrap();
    driver.start().unwrap();
    let port =
        driver.live.as_ref().and_then(|live| live.client().port_by_name("short_lived:output_1")).unwrap();
    assert!(port.name().is_ok());
    drop(driver);
    assert!(matches!(port.name(), Err(::jack::Error::ClientIsNoLongerAlive)));
}

#[test]
fn the_info_says_what_the_server_is() {
    let server = Jackd::start(44_100, 256, 2);
    let options = options(&server, "");
    let mut driver = open_driver(&request(&options)).unwrap();
    let foreseen = driver.opened();
    driver.start().unwrap();
    let opened = driver.opened();
    assert_eq!((opened.sample_rate_hz, opened.block_frames), (44_100, 256));
    assert_eq!((opened.output_latency_frames, opened.input_latency_frames), (Some(256), Some(256)));
    assert_eq!(opened.round_trip_frames, Some(512));
    assert_eq!(opened.output_device_id, "jack");
    assert!(opened.output_device_name.contains(server.name()));
    let granted = if server.is_realtime() { Granted::Yes } else { Granted::No };
    assert_eq!(opened.realtime, granted);
    assert_eq!(Opened { realtime: granted, ..foreseen }, opened);
}

#[test]
fn what_the_server_does_not_do_is_refused_with_both_values() {
    let server = Jackd::start(48_000, 128, 2);
    let long_name = format!("client_name={}", "n".repeat(64));
    let cases = [
        (44_100, 0, "", Code::UnsupportedFormat, ["44100", "48000"]),
        (0, 64, "", Code::UnsupportedFormat, ["64", "128"]),
        (0, 0, "output_ports=nobody:in", Code::NoDevice, ["nobody:in", "output_ports"]),
        (0, 0, "output_ports=system:capture_1", Code::InvalidArgument, ["system:capture_1", "output_ports"]),
        (0, 0, "input_ports=a:b,c:d,e:f", Code::InvalidArgument, ["3", "2"]),
        (0, 0, "client_name=", Code::InvalidArgument, ["client_name", "empty"]),
        (0, 0, "client_name=a:b", Code::InvalidArgument, ["client_name=a:b", "':'"]),
        (0, 0, &long_name, Code::InvalidArgument, ["64 bytes", "63"]),
    ];
    for (sample_rate_hz, block_frames, more, code, words) in cases {
        let options = options(&server, more);
        let error = refusal(&Request { sample_rate_hz, block_frames, ..request(&options) });
        assert_eq!(error.code, code, "{error}");
        assert!(words.iter().all(|word| error.message.contains(word)), "{error}");
    }
    let options = options(&server, "");
    let other = Request { output_device: Some("hw:0"), ..request(&options) };
    assert_eq!(refusal(&other).code, Code::NoDevice);
}

#[test]
fn a_missing_server_is_unavailable_and_is_not_started() {
    let options = Options::parse("server=sonset-nobody").unwrap();
    let error = refusal(&request(&options));
    assert_eq!(error.code, Code::BackendUnavailable);
    assert!(error.message.contains("sonset-nobody"), "{error}");
}

#[test]
fn a_client_name_may_be_as_long_as_jack_takes_it() {
    let server = Jackd::start(48_000, 128, 2);
    let name = "n".repeat(63);
    let options = options(&server, &format!("client_name={name}"));
    let driver = open_driver(&request(&options)).unwrap();
    assert_eq!(driver.live.as_ref().expect("it is open").client().name(), name);
}

#[test]
fn channels_that_the_card_lacks_are_refused_unless_the_wiring_is_the_users() {
    let server = Jackd::start(48_000, 128, 2);
    for (outputs, inputs, words) in [(3, 2, ["3 output", "2 ports"]), (2, 200, ["200 input", "2 ports"])] {
        let options = options(&server, "");
        let wide = Request { output_channels: outputs, input_channels: inputs, ..request(&options) };
        let error = refusal(&wide);
        assert_eq!(error.code, Code::UnsupportedFormat);
        assert!(words.iter().all(|word| error.message.contains(word)), "{error}");
    }
    for own in ["autoconnect=off", "output_ports=,,system:playback_1;autoconnect=off"] {
        let options = options(&server, &format!("client_name=wide;{own}"));
        let wide = Request { output_channels: 40, input_channels: 256, ..request(&options) };
        let mut driver = open_driver(&wide).unwrap();
        driver.start().unwrap();
        assert!(is_called(&driver, SOON));
        let client = driver.live.as_ref().expect("it was started").client();
        let connected = |port| client.port_by_name(port).unwrap().connected_count().unwrap();
        let third = usize::from(own.contains("output_ports"));
        assert_eq!(["wide:output_2", "wide:output_3", "wide:input_2"].map(connected), [0, third, 0]);
    }
}

#[test]
fn latencies_follow_the_wires() {
    let server = Jackd::start(48_000, 64, 2);
    let options = options(&server, "client_name=own;autoconnect=off");
    let mut driver = open_driver(&request(&options)).unwrap();
    driver.start().unwrap();
    assert_eq!(driver.opened().round_trip_frames, None);

    let other = recorder::open_client(server.name(), "other");
    let latencies = || {
        let opened = driver.opened();
        (opened.output_latency_frames, opened.input_latency_frames, opened.round_trip_frames)
    };
    assert_eq!(recorder::wire_to_itself(&other, "own"), 2);
    assert!(within(SOON, || latencies() == (Some(0), Some(64), Some(64))), "{:?}", latencies());

    recorder::wire(&other, "own:output_1", "system:playback_1");
    assert!(within(SOON, || latencies() == (Some(64), Some(64), Some(64))), "{:?}", latencies());

    recorder::unwire(&other, "own:output_1", "own:input_1");
    recorder::unwire(&other, "own:output_2", "own:input_2");
    recorder::wire(&other, "system:capture_1", "own:input_1");
    assert!(within(SOON, || latencies() == (Some(64), Some(64), Some(128))), "{:?}", latencies());

    other.set_buffer_size(256).unwrap();
    assert!(within(SOON, || latencies() == (Some(256), Some(256), Some(512))), "{:?}", latencies());
    assert_eq!(driver.opened().block_frames, 256);
}

#[test]
fn it_can_be_wired_to_itself_by_its_options() {
    let server = Jackd::start(48_000, 64, 2);
    let options = options(&server, "output_ports=input_1, input_2;input_ports=,system:capture_2");
    let mut driver = open_driver(&request(&options)).unwrap();
    for _ in 0..2 {
        driver.start().unwrap();
        assert!(within(SOON, || driver.opened().round_trip_frames == Some(64)));
        driver.stop().unwrap();
    }
}

#[test]
fn a_killed_server_is_a_lost_device() {
    let mut server = Jackd::start(48_000, 128, 2);
    let options = options(&server, "");
    let mut driver = open_driver(&request(&options)).unwrap();
    driver.start().unwrap();
    assert!(is_called(&driver, SOON));
    server.kill();
    let notices = driver.shared.notices.clone();
    assert!(within(Duration::from_secs(1), || notices.loss().is_some()));
    assert!(notices.loss().unwrap().contains("JACK server ended"), "{:?}", notices.loss());
    driver.stop().unwrap();
    assert_eq!(driver.start().unwrap_err().code, Code::DeviceLost);
}

#[test]
fn a_frozen_server_ends_callbacks_and_holds_up_stop_until_it_goes_on() {
    let mut server = Jackd::start(48_000, 128, 2);
    let options = options(&server, "");
    let mut driver = open_driver(&request(&options)).unwrap();
    driver.start().unwrap();
    server.sigstop();
    thread::sleep(Duration::from_millis(50));
    assert!(!is_called(&driver, Duration::from_millis(50)));

    let (done, stopped) = mpsc::channel();
    let stopper = thread::spawn(move || {
        done.send(driver.stop()).unwrap();
        driver
    });
    let early = stopped.recv_timeout(Duration::from_millis(300));
    server.sigcont();
    if early.is_err() {
        stopped.recv_timeout(SOON).expect("the server goes on").unwrap();
    }
    let mut driver = stopper.join().unwrap();
    driver.start().unwrap();
    assert!(is_called(&driver, SOON));
}

/// Callbacks that take long enough for JACK to end their threads inside them.
struct Slow;

impl live::Notify for Slow {
    fn graph_order(&self, _: &Client) {
        spin(Duration::from_millis(3));
    }
}

impl live::Process for Slow {
    fn process(&mut self, _: &Client, _: &::jack::ProcessScope) {
        spin(Duration::from_millis(1));
    }
}

fn spin(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

#[test]
fn a_client_closes_while_its_callbacks_run_and_the_process_lives_on() {
    let server = Jackd::start(48_000, 64, 2);
    for round in 0..20 {
        let client = recorder::open_client(server.name(), "slow");
        let mut slow = LiveClient::new(client, Slow, Slow);
        assert!(slow.activate());
        // A change of the graph under way, and its notification with it.
        let _ports =
            [1, 2].map(|k| slow.client().register_port(&format!("p{k}"), ::jack::AudioOut::default()));
        thread::sleep(Duration::from_micros(300 * round));
        if round % 2 == 0 {
            slow.deactivate();
        }
    }
}

#[test]
fn xruns_are_counted() {
    let mut server = Jackd::start_as(Mode::Asynchronous, 48_000, 64, 2);
    let options = options(&server, "");
    let mut driver = open_driver(&request(&options)).unwrap();
    driver.start().unwrap();
    let before = driver.shared.xruns();
    // A server that comes back late has missed cycles.
    server.sigstop();
    thread::sleep(Duration::from_millis(200));
    server.sigcont();
    assert!(within(SOON, || driver.shared.xruns() > before));
}

#[test]
fn callbacks_go_on_in_freewheel_mode_and_after_it() {
    let server = Jackd::start(48_000, 64, 2);
    let options = options(&server, "");
    let mut driver = open_driver(&request(&options)).unwrap();
    driver.start().unwrap();
    for (word, freewheels) in [("y", true), ("n", false)] {
        let mut command = Command::new("jack_freewheel");
        command.arg(word).env("JACK_DEFAULT_SERVER", server.name());
        assert!(command.status().unwrap().success());
        assert!(within(SOON, || driver.shared.is_freewheeling() == freewheels));
        assert!(is_called(&driver, SOON));
    }
}

#[test]
fn a_recorder_hears_the_silence_of_a_closed_gate() {
    let server = Jackd::start(48_000, 64, 2);
    let options = options(&server, "client_name=quiet");
    let mut driver = open_driver(&request(&options)).unwrap();
    driver.start().unwrap();
    let recorder = Recorder::start(server.name(), &["quiet:output_1", "quiet:output_2"]);
    recorder.wait_for_frames(4_800, Duration::from_secs(5));
    let recording = recorder.finish();
    assert!(recording.samples.len() >= 9_600);
    assert!(recording.samples.iter().all(|sample| *sample == 0.0));
}

#[test]
fn the_list_holds_one_device_with_the_physical_ports() {
    let server = Jackd::start(32_000, 128, 3);
    let listed = list(Some(server.name())).unwrap();
    let [device] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((device.id.as_str(), device.default_rate_hz), ("jack", 32_000));
    assert_eq!((device.output_channels, device.input_channels), (3, 3));
    drop(server);
    let error = list(Some("sonset-nobody")).unwrap_err();
    assert_eq!(error.code, Code::BackendUnavailable);
}
