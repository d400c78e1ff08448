//! Sound through cpal on a JACK server, where its output and input come in callbacks of their own.

#![cfg(target_os = "linux")]

mod halves;
mod servers;
mod sounds;

use std::time::Duration;

use halves::{check_loss, config, offsets_of_pulses, wait_for_both};
use servers::jackd::Jackd;
use servers::recorder::{open_client, wire};
use sonset::action::LatePolicy;
use sonset::backend::{self, Backend};
use sonset::buffer::Buffer;
use sonset::receipt::{ActionState, Outcome};
use sonset::stream::{Config, DetectParams, PlayParams, StartAt, Stream, Timing};
use sounds::{PULSES, RATE, at, ended, pulse};

/// A running stream on the server, its output wired to its input.
fn wired(server: &Jackd) -> Stream {
    server.make_default();
    let stream = Stream::open(&config(Backend::JackSeparate)).unwrap();
    stream.start().unwrap();
    let client = open_client(server.name(), "wirer");
    let name = format!("cpal_client_{}", std::process::id());
    wire(&client, &format!("{name}_out:out_0"), &format!("{name}_in:in_0"));
    stream
}

fn separate_callbacks_on_jack(period: u32) {
    let server = Jackd::start(RATE, period, 2);
    let stream = wired(&server);
    assert!(stream.format().separate);
    let offsets = offsets_of_pulses(&stream);
    assert_eq!(offsets, vec![offsets[0]; PULSES], "one constant offset within a run");
}

#[test]
fn separate_callbacks_keep_one_offset_within_a_run_with_64_frames_a_period() {
    separate_callbacks_on_jack(64);
}

#[test]
fn separate_callbacks_keep_one_offset_within_a_run_with_128_frames_a_period() {
    separate_callbacks_on_jack(128);
}

#[test]
fn separate_callbacks_keep_one_offset_within_a_run_with_1024_frames_a_period() {
    separate_callbacks_on_jack(1024);
}

#[test]
fn a_batch_starts_both_halves_on_one_frame_number() {
    let server = Jackd::start(RATE, 128, 2);
    let stream = wired(&server);
    wait_for_both(&stream);
    for _ in 0..20 {
        let batch = stream.begin_batch().unwrap();
        let timing = sonset::stream::Timing { batch, ..Default::default() };
        let params = PlayParams { timing, ..PlayParams::default() };
        let playing = stream.play_buffer(&pulse(), None, None, &params).unwrap();
        let recording = Buffer::zeros(100, 1, 0).unwrap();
        let params = sonset::stream::RecordParams { timing, ..Default::default() };
        let recorder = stream.record_buffer(&recording, None, &params).unwrap();
        stream.commit_batch(batch).unwrap();
        let starts = [playing, recorder].map(|action| {
            let receipt = ended(&stream, action, Duration::from_secs(5));
            assert_eq!(receipt.outcome, Some(Outcome::Completed));
            receipt.measured.start_frame
        });
        assert_eq!(starts[0], starts[1]);
    }
}

#[test]
fn a_sound_follows_a_detector_of_the_other_callback_while_that_still_listens() {
    let server = Jackd::start(RATE, 128, 2);
    let stream = wired(&server);
    wait_for_both(&stream);
    let tone: Vec<f32> = (0..RATE / 10).map(|n| 0.5 * (n as f32 * 0.1).sin()).collect();
    let tone = Buffer::copy(&tone, RATE as i64 / 10, 1, 0).unwrap();
    for _ in 0..5 {
        let params = DetectParams { threshold: 0.2, hold_off_frames: RATE as i64 * 60, ..Default::default() };
        let detector = stream.detect_level(None, &params).unwrap();
        // Twenty times what the service thread takes to see the onset.
        let offset = RATE as i64 / 10;
        let start = StartAt::After { action: detector, offset };
        let timing = Timing { start, late: LatePolicy::Drop, ..Default::default() };
        let params = PlayParams { timing, ..Default::default() };
        let follower = stream.play_buffer(&pulse(), None, None, &params).unwrap();
        stream.wait_action(detector, ActionState::Started, Duration::from_millis(300)).unwrap_err();
        stream.play_buffer(&tone, None, None, &PlayParams::default()).unwrap();
        let receipt = ended(&stream, follower, Duration::from_secs(5));
        let onset = stream.action(detector).unwrap();
        assert_eq!(onset.state, ActionState::Started);
        assert_eq!(receipt.outcome, Some(Outcome::Completed));
        assert_eq!(receipt.measured.start_frame, onset.measured.detection.frame + offset);
        stream.cancel(detector, None, 0).unwrap();
        ended(&stream, detector, Duration::from_secs(5));
    }
}

#[test]
fn a_killed_server_under_cpal_gives_every_action_its_receipt() {
    let mut server = Jackd::start(RATE, 256, 2);
    let stream = wired(&server);
    check_loss(&stream, Duration::from_secs(8), || server.kill());
    drop((stream, server));
    let server = Jackd::start(RATE, 256, 2);
    let stream = wired(&server);
    let params = PlayParams { timing: at(0), ..PlayParams::default() };
    let action = stream.play_buffer(&pulse(), None, None, &params).unwrap();
    assert_eq!(ended(&stream, action, Duration::from_secs(5)).outcome, Some(Outcome::Completed));
}

#[test]
fn a_rate_or_a_device_that_is_not_there_is_refused_with_its_name() {
    let server = Jackd::start(RATE, 256, 2);
    server.make_default();
    let wrong_rate = Config { sample_rate_hz: 44_100, ..config(Backend::JackSeparate) };
    let error = Stream::open(&wrong_rate).err().unwrap();
    assert_eq!(error.code, sonset::error::Code::UnsupportedFormat, "{error}");
    assert!(error.message.contains("44100"), "{error}");
    let unknown = Config { output_device: Some("no such device".into()), ..config(Backend::JackSeparate) };
    let error = Stream::open(&unknown).err().unwrap();
    assert_eq!(error.code, sonset::error::Code::NoDevice, "{error}");
    assert!(error.message.contains("no such device"), "{error}");
    let wide = Config { output_channels: 3, ..config(Backend::JackSeparate) };
    let error = Stream::open(&wide).err().expect("the card has two ports");
    assert_eq!(error.code, sonset::error::Code::UnsupportedFormat, "{error}");
    assert!(error.message.contains("3 output channels") && error.message.contains("2 ports"), "{error}");
    assert!(backend::devices(Backend::JackSeparate).unwrap().len() >= 2);
}
