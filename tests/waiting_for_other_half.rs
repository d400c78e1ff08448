//! What waits for an action on the other callback thread holds up nothing else, however much it is.

use std::time::Instant;

use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::receipt::Outcome;
use sonset::stream::{Config, PlayParams, RecordParams, StartAt, Stream, Timing};

fn running(max_actions: u32) -> Stream {
    let stream = Stream::open(&Config {
        backend: Some(Backend::Manual),
        sample_rate_hz: 48_000,
        output_channels: 1,
        input_channels: 1,
        max_actions,
        options: "callbacks=separate".into(),
        ..Config::default()
    });
    let stream = stream.unwrap();
    stream.start().unwrap();
    stream
}

fn output(stream: &Stream) {
    let mut out = [0.0; 64];
    stream.process(0, Input::None, Output::Interleaved(&mut out), BlockTime::default()).unwrap();
}

fn input(stream: &Stream) {
    let input = Input::Interleaved(&[0.5; 64]);
    stream.process(1, input, Output::None, BlockTime::default()).unwrap();
}

fn record(stream: &Stream) -> i64 {
    let into = Buffer::zeros(10, 1, 0).unwrap();
    stream.record_buffer(&into, None, &RecordParams::default()).unwrap()
}

fn play(stream: &Stream, start: StartAt) -> i64 {
    let sound = Buffer::copy(&[0.0001], 1, 1, 0).unwrap();
    let params = PlayParams { timing: Timing { start, ..Timing::default() }, ..PlayParams::default() };
    stream.play_buffer(&sound, Some(&[1]), None, &params).unwrap()
}

fn outcome(stream: &Stream, action: i64) -> Option<Outcome> {
    stream.action(action).unwrap().outcome
}

#[test]
fn a_half_takes_what_waited_for_the_other_however_much_it_is() {
    for waiting in [1_024, 1_025, 5_000] {
        let stream = running(6_000);
        output(&stream);
        input(&stream);
        let recorder = record(&stream);
        let after = StartAt::After { action: recorder, offset: 0 };
        let followers: Vec<i64> = (0..waiting).map(|_| play(&stream, after)).collect();
        input(&stream);
        assert_eq!(outcome(&stream, recorder), Some(Outcome::Completed));
        // What is asked for now is not behind all of them.
        let later = play(&stream, StartAt::Now);
        for _ in 0..16 {
            output(&stream);
            stream.stats();
        }
        assert_eq!(outcome(&stream, later), Some(Outcome::Completed), "with {waiting} that waited");
        for _ in 0..100 {
            output(&stream);
            stream.stats();
        }
        let ended = followers.iter().filter(|&&action| outcome(&stream, action) == Some(Outcome::Completed));
        assert_eq!(ended.count(), waiting);
    }
}

#[test]
fn a_cancel_of_everything_ends_what_waits_at_once() {
    let stream = running(6_000);
    let recorder = record(&stream);
    let after = StartAt::After { action: recorder, offset: 0 };
    let followers: Vec<i64> = (0..5_000).map(|_| play(&stream, after)).collect();
    stream.cancel_all(-1).unwrap();
    assert!(followers.iter().all(|&action| outcome(&stream, action) == Some(Outcome::Cancelled)));
}

/// Seconds that the calls take which issue a chain of plays, each after the one before, the first after a recording.
fn chain(stream: &Stream, length: usize) -> (Vec<i64>, f64) {
    let mut actions = vec![record(stream)];
    let begin = Instant::now();
    for _ in 0..length {
        let action = *actions.last().unwrap();
        actions.push(play(stream, StartAt::After { action, offset: 0 }));
    }
    (actions, begin.elapsed().as_secs_f64())
}

#[test]
fn a_chain_that_waits_costs_each_call_no_more_the_longer_it_is() {
    const LONG: usize = 20_000;
    let stream = running(2 * LONG as u32);
    let (_, short) = chain(&stream, LONG / 20);
    let (actions, long) = chain(&stream, LONG);
    // With a look at all that wait in each call it would be 400 times as long.
    assert!(long < 100.0 * short, "{short} s for a chain of {}, {long} s for one of {LONG}", LONG / 20);
    output(&stream);
    input(&stream);
    for _ in 0..200 {
        output(&stream);
        stream.stats();
    }
    let ended =
        actions.iter().filter(|&&action| outcome(&stream, action) == Some(Outcome::Completed)).count();
    assert!(ended > 100, "{ended} of the chain have played");
}
