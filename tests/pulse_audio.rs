//! Sound through cpal on a real PulseAudio server, whose sink is wired to its source.

#![cfg(target_os = "linux")]

mod halves;
mod servers;
mod sounds;

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use halves::{check_loss, config, offsets_of_heard, wait_for_both};
use servers::pulse::Pulse;
use sonset::backend::{self, Backend};
use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::stream::{Config, PlayParams, RecordParams, State, Stream};
use sounds::{PULSES, RATE, ended, pulse};

/// Takes turns with the other tests: each has a server of its own, and the environment says which.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|e| e.into_inner())
}

fn server() -> Pulse {
    let server = Pulse::start("wire", RATE);
    for (name, value) in server.environment() {
        // SAFETY: whoever reads or writes the environment in this binary holds the turn.
        unsafe { std::env::set_var(name, value) };
    }
    server
}

fn running(config: &Config) -> Stream {
    let stream = Stream::open(config).unwrap();
    stream.start().unwrap();
    stream
}

#[test]
fn pulses_keep_one_offset_within_a_run() {
    let _turn = turn();
    let _server = server();
    let stream = running(&config(Backend::PulseAudio));
    // An xrun costs what comes too late and moves nothing.
    let offsets = offsets_of_heard(&stream);
    assert!(offsets.len() >= PULSES / 2, "only {} of {PULSES} pulses are heard", offsets.len());
    assert_eq!(offsets, vec![offsets[0]; offsets.len()]);
}

#[test]
fn the_default_device_is_the_servers_and_stays_the_one_it_was() {
    let _turn = turn();
    let server = server();
    let stream = running(&Config { backend: None, output_channels: 2, ..Config::default() });
    let info = stream.info();
    assert_eq!(info.format.backend, Backend::PulseAudio);
    assert_eq!(info.opened.output_device_id, "wire");
    let module = "module-null-sink";
    assert!(server.pactl(&["load-module", module, "sink_name=other", "format=float32le"]).status.success());
    assert!(server.pactl(&["set-default-sink", "other"]).status.success());
    let action = stream.play_buffer(&pulse(), None, None, &PlayParams::default()).unwrap();
    ended(&stream, action, Duration::from_secs(5));
    assert_eq!(stream.info().opened.output_device_id, "wire");
}

/// Plays a sound on output `channel` of `outputs`, and gives the largest sample of each of `inputs` channels.
fn heard(outputs: u32, channel: i32, inputs: u32) -> Vec<f32> {
    let format = Config { output_channels: outputs, input_channels: inputs, ..config(Backend::PulseAudio) };
    let stream = running(&format);
    wait_for_both(&stream);
    let sound = Buffer::copy(&[0.25; 4_800], 4_800, 1, 0).unwrap();
    let recording = Buffer::zeros(RATE as i64, inputs as i32, 0).unwrap();
    let recorder = stream.record_buffer(&recording, None, &RecordParams::default()).unwrap();
    stream.play_buffer(&sound, Some(&[channel]), None, &PlayParams::default()).unwrap();
    ended(&stream, recorder, Duration::from_secs(5));
    let mut samples = vec![0.0; RATE as usize * inputs as usize];
    recording.read(0, &mut samples).unwrap();
    let of = |input: usize| samples.iter().skip(input).step_by(inputs as usize);
    (0..inputs as usize).map(|input| of(input).fold(0.0, |largest: f32, x| largest.max(x.abs()))).collect()
}

#[test]
fn a_channel_of_the_stream_is_the_channel_of_the_device_with_its_number_and_no_other() {
    let _turn = turn();
    let _server = server();
    assert_eq!(heard(1, 1, 2), [0.25, 0.0], "a stream of one channel does not play on the second");
    assert_eq!(heard(2, 2, 2), [0.0, 0.25]);
    assert_eq!(heard(2, 1, 1), [0.25], "nor is the first channel weakened by the second");
    assert_eq!(heard(2, 2, 1), [0.0], "or mixed with it");
}

#[test]
fn a_sink_that_is_unplugged_gives_every_action_its_receipt() {
    let _turn = turn();
    let server = server();
    let stream = running(&config(Backend::PulseAudio));
    check_loss(&stream, Duration::from_secs(10), || server.unload_sink());
}

#[test]
fn a_killed_server_gives_every_action_its_receipt_and_a_new_one_is_used() {
    let _turn = turn();
    let mut first = server();
    let stream = running(&config(Backend::PulseAudio));
    check_loss(&stream, Duration::from_secs(10), || first.kill());
    drop((stream, first));
    let _second = server();
    let stream = running(&config(Backend::PulseAudio));
    let action = stream.play_buffer(&pulse(), None, None, &PlayParams::default()).unwrap();
    assert!(ended(&stream, action, Duration::from_secs(10)).outcome.is_some());
}

#[test]
fn a_frozen_server_hangs_nothing() {
    let _turn = turn();
    let server = server();
    let stream = running(&config(Backend::PulseAudio));
    check_loss(&stream, Duration::from_secs(10), || server.sigstop());
    let began = Instant::now();
    let error = Stream::open(&config(Backend::PulseAudio)).err();
    assert!(error.is_some(), "a frozen server opens nothing");
    assert!(began.elapsed() < Duration::from_secs(12), "open took {:?}", began.elapsed());
    server.sigcont();
    assert_eq!(stream.state(), State::Closed);
}

#[test]
fn a_rate_that_the_sink_does_not_run_at_is_refused_unless_the_server_may_convert() {
    let _turn = turn();
    let _server = server();
    let other_rate = Config { sample_rate_hz: 44_100, ..config(Backend::PulseAudio) };
    let error = Stream::open(&other_rate).err().unwrap();
    assert_eq!(error.code, Code::UnsupportedFormat, "{error}");
    assert!(error.message.contains("44100") && error.message.contains("48000"), "{error}");
    let stream = running(&Config { options: "os_resample=on".into(), ..other_rate });
    let opened = stream.info().opened;
    assert_eq!((opened.sample_rate_hz, opened.device_rate_hz, opened.os_resamples), (44_100, 48_000, true));
}

#[test]
fn without_a_server_the_backend_is_unavailable_and_says_so_at_once() {
    let _turn = turn();
    drop(server());
    let began = Instant::now();
    let error = Stream::open(&config(Backend::PulseAudio)).err().unwrap();
    assert_eq!(error.code, Code::BackendUnavailable, "{error}");
    assert_eq!(backend::devices(Backend::PulseAudio).unwrap_err().code, Code::BackendUnavailable);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
