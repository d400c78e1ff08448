//! What a wait that took too long says of its action.

use std::time::Duration;

use sonset::action::{HostClock, HostTime};
use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::clock;
use sonset::error::Code;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::receipt::ActionState;
use sonset::stream::{Config, DetectParams, PlayParams, StartAt, Stream, Timing};

fn open(options: &str) -> Stream {
    let config = Config {
        backend: Some(Backend::Manual),
        sample_rate_hz: 48_000,
        output_channels: 1,
        input_channels: 1,
        options: options.into(),
        ..Config::default()
    };
    Stream::open(&config).unwrap()
}

fn play(stream: &Stream, timing: Timing) -> i64 {
    let sound = Buffer::zeros(1_000, 1, 0).unwrap();
    stream.play_buffer(&sound, None, None, &PlayParams { timing, ..PlayParams::default() }).unwrap()
}

fn at(start: StartAt) -> Timing {
    Timing { start, ..Timing::default() }
}

fn block(stream: &Stream, host_ns: i64) {
    let (input, mut output) = ([0.0; 64], [0.0; 64]);
    let time = BlockTime { output_ns: host_ns, input_ns: host_ns, ..BlockTime::default() };
    stream.process(0, Input::Interleaved(&input), Output::Interleaved(&mut output), time).unwrap();
}

/// What a wait for `state` says that does not wait.
fn says(stream: &Stream, action: i64, state: ActionState, cause: &str) {
    let error = stream.wait_action(action, state, Duration::ZERO).unwrap_err();
    assert_eq!(error.code, Code::Timeout);
    let reached = if state == ActionState::Started { "started" } else { "ended" };
    let begin = format!("action {action} has not {reached} within 0 ms: ");
    assert!(error.message.starts_with(&begin) && error.message.contains(cause), "{error}, not '{cause}'");
}

#[test]
fn a_wait_that_took_too_long_says_what_the_action_waits_for() {
    use ActionState::{Ended, Started};
    let stream = open("");
    let now = play(&stream, Timing::default());
    says(&stream, now, Started, "the stream has not been started");
    let batch = stream.begin_batch().unwrap();
    let batched = play(&stream, Timing { batch, ..Timing::default() });
    says(&stream, batched, Started, &format!("it is in batch {batch}, which is not committed"));
    stream.start().unwrap();
    let manual = "(the stream is manual: it goes on only where the program processes blocks)";
    says(&stream, now, Started, &format!("no block has taken it; the stream is at frame 0 {manual}"));
    let pending = play(&stream, at(StartAt::Frame(5_000)));
    block(&stream, 0);
    says(&stream, pending, Started, "it is pending until frame 5000; the stream is at frame 64");
    says(&stream, now, Ended, "it runs until frame 1000; the stream is at frame 64");
    let follows = play(&stream, at(StartAt::After { action: now, offset: 0 }));
    says(&stream, follows, Started, &format!("it follows action {now}, which has not ended"));
    let later = play(&stream, at(StartAt::After { action: pending, offset: 0 }));
    says(&stream, later, Started, &format!("it follows action {pending}, which has not started"));
    stream.pause(now, None, -1).unwrap();
    let detects = stream.detect_level(None, &DetectParams::default()).unwrap();
    block(&stream, 0);
    says(&stream, now, Ended, "it is paused from frame 64 on; the stream is at frame 128");
    says(&stream, follows, Started, &format!("it follows action {now}, which is paused"));
    says(&stream, detects, Started, "it has listened from frame 64 on and found no onset");
    stream.stop().unwrap();
    let kept = play(&stream, Timing::default());
    says(&stream, kept, Ended, "the stream is stopped");
}

#[test]
fn a_wait_for_a_host_time_says_how_far_off_that_is() {
    let stream = open("");
    stream.start().unwrap();
    let now = clock::monotonic_ns();
    (0..200).for_each(|n| block(&stream, now + n * 64 * 1_000_000_000 / 48_000));
    let time = HostTime { clock: HostClock::Monotonic, ns: now + 3_600_000_000_000 };
    let action = play(&stream, at(StartAt::HostTime(time)));
    block(&stream, now + 200 * 64 * 1_000_000_000 / 48_000);
    says(
        &stream,
        action,
        ActionState::Started,
        &format!("it is pending until {} ns of MONOTONIC, 3599.", time.ns),
    );
}

#[test]
fn a_wait_across_halves_names_the_action_of_the_other_one() {
    let stream = open("callbacks=separate");
    stream.start().unwrap();
    let before = play(&stream, at(StartAt::Frame(700)));
    let timing = at(StartAt::After { action: before, offset: 0 });
    let params = DetectParams { timing, ..DetectParams::default() };
    let follows = stream.detect_level(None, &params).unwrap();
    says(
        &stream,
        follows,
        ActionState::Started,
        &format!("it follows action {before}, which has not started"),
    );
    says(
        &stream,
        before,
        ActionState::Started,
        "until frame 700; the stream is at frame 0 (the output half is manual",
    );
}
