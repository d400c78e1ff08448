//! Streams whose output and input have callbacks of their own, wired to themselves.

// Each test file uses the part it needs.
#![allow(dead_code)]

use std::time::Duration;

use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::device::Direction;
use sonset::receipt::{ActionState, Outcome};
use sonset::stream::{Config, State, Stream};

use crate::sounds::{
    PULSES, RATE, ended, onsets, play_at, pulse, pulse_of, random_frames, read, record_at, wait_for_state,
};

/// One channel each way.
pub fn config(backend: Backend) -> Config {
    Config {
        backend: Some(backend),
        sample_rate_hz: RATE,
        output_channels: 1,
        input_channels: 1,
        ..Config::default()
    }
}

/// Waits until both halves count frames.
pub fn wait_for_both(stream: &Stream) {
    for _ in 0..1_000 {
        let counts = |direction| stream.time(direction).unwrap().frame > 0;
        if counts(Direction::Output) && counts(Direction::Input) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("one half does not count: {:?}", stream.stats());
}

/// Plays pulses at random frames while it records, and gives the offset at which each was heard.
pub fn offsets_of_pulses(stream: &Stream) -> Vec<i64> {
    let offsets = offsets_of_heard(stream);
    assert_eq!(offsets.len(), PULSES, "each pulse is heard once");
    offsets
}

/// The same of those that were heard: an xrun may cost some.
pub fn offsets_of_heard(stream: &Stream) -> Vec<i64> {
    wait_for_both(stream);
    let earliest = |direction| stream.time(direction).unwrap().earliest_frame;
    let begin = earliest(Direction::Output).max(earliest(Direction::Input)) + RATE as i64 / 4;
    let frames = random_frames(begin, PULSES);
    let length = frames[PULSES - 1] - begin + RATE as i64 * 2;
    let recording = Buffer::zeros(length, 1, RATE as i32).unwrap();
    let recorder = record_at(stream, &recording, begin);
    let play = |(k, &frame): (usize, &i64)| play_at(stream, &pulse_of(level(k)), frame);
    let plays: Vec<i64> = frames.iter().enumerate().map(play).collect();
    let recorded = ended(stream, recorder, Duration::from_secs(60));
    assert_eq!((recorded.outcome, recorded.measured.start_frame), (Some(Outcome::Completed), begin));
    for (&action, &frame) in plays.iter().zip(&frames) {
        let receipt = ended(stream, action, Duration::from_secs(1));
        assert_eq!((receipt.outcome, receipt.measured.start_frame), (Some(Outcome::Completed), frame));
    }
    let samples = read(&recording, length);
    let heard: Vec<(i64, usize)> =
        onsets(&samples).iter().map(|&at| (at, number(samples[at as usize]))).collect();
    assert!(heard.windows(2).all(|pair| pair[0].1 < pair[1].1), "each pulse is heard once, and in its turn");
    let stats = stream.stats();
    assert!(heard.len() == PULSES || stats.output_xruns + stats.input_xruns > 0, "what is lost is told");
    heard.iter().map(|&(at, k)| at + begin - frames[k]).collect()
}

/// The level of pulse `k`, exact in a float; and back.
fn level(k: usize) -> f32 {
    (k + 1) as f32 / 256.0
}

fn number(level: f32) -> usize {
    (level * 256.0) as usize - 1
}

/// Takes the device away with `lose` while a sound, a recording and a pending action are under way, and
/// checks that each has its receipt within `patience` and the recording what was recorded.
pub fn check_loss(stream: &Stream, patience: Duration, lose: impl FnOnce()) {
    wait_for_both(stream);
    let recording = Buffer::zeros(RATE as i64 * 20, 1, 0).unwrap();
    let begin = stream.time(Direction::Input).unwrap().earliest_frame;
    let recorder = record_at(stream, &recording, begin);
    let long = Buffer::copy(&vec![0.5; RATE as usize * 20], RATE as i64 * 20, 1, 0).unwrap();
    let playing = play_at(stream, &long, begin);
    let pending = play_at(stream, &pulse(), begin + RATE as i64 * 500);
    stream.wait_action(recorder, ActionState::Started, Duration::from_secs(5)).unwrap();
    std::thread::sleep(Duration::from_millis(1_000));
    lose();
    wait_for_state(stream, State::Lost, patience);
    for action in [recorder, playing, pending] {
        let receipt = ended(stream, action, Duration::from_secs(1));
        assert_eq!(receipt.outcome, Some(Outcome::DeviceLost), "{receipt:?}");
    }
    let done = stream.action(recorder).unwrap().measured.done_frames;
    assert!(done > 0);
    assert!(read(&recording, done).contains(&0.5), "the recording holds what was heard");
    stream.close();
}
