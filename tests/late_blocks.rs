//! What a backend says of blocks beside their samples: frames that come too late, and stamps of other frames.

use sonset::backend::{Backend, BlockTime, Input, Output};
use sonset::buffer::Buffer;
use sonset::clock;
use sonset::device::Direction;
use sonset::receipt::Receipt;
use sonset::stream::{Config, PlayParams, StartAt, Stream, Timing};

const RATE: i64 = 48_000;
const BLOCK: i64 = 480;

fn stream() -> Stream {
    let config = Config {
        backend: Some(Backend::Manual),
        sample_rate_hz: RATE as u32,
        output_channels: 1,
        ..Config::default()
    };
    let stream = Stream::open(&config).unwrap();
    stream.start().unwrap();
    stream
}

fn block(stream: &Stream, time: BlockTime) {
    let mut samples = [0.0; BLOCK as usize];
    stream.process(0, Input::None, Output::Interleaved(&mut samples), time).unwrap();
}

fn late(frames: i64) -> BlockTime {
    BlockTime { late_frames: frames, ..BlockTime::default() }
}

/// Plays `frames` frames from `frame` on.
fn play(stream: &Stream, frame: i64, frames: i64) -> i64 {
    let sound = Buffer::copy(&vec![0.5; frames as usize], frames, 1, 0).unwrap();
    let timing = Timing { start: StartAt::Frame(frame), ..Timing::default() };
    stream.play_buffer(&sound, None, None, &PlayParams { timing, ..PlayParams::default() }).unwrap()
}

fn xruns(stream: &Stream, action: i64) -> u64 {
    let receipt: Receipt = stream.action(action).unwrap();
    assert!(receipt.outcome.is_some(), "{receipt:?}");
    receipt.measured.xruns
}

#[test]
fn what_plays_among_frames_that_come_too_late_has_their_xrun_and_nothing_else_has() {
    let stream = stream();
    let before = play(&stream, 100, 10);
    let into = play(&stream, BLOCK - 10, 20);
    let among = play(&stream, BLOCK + 50, 1);
    let last = play(&stream, BLOCK + 99, 1);
    let behind = play(&stream, BLOCK + 100, 1);
    let next = play(&stream, 2 * BLOCK + 5, 1);
    block(&stream, BlockTime::default());
    block(&stream, late(100));
    block(&stream, BlockTime::default());
    let counts = [before, into, among, last, behind, next].map(|action| xruns(&stream, action));
    assert_eq!(counts, [0, 1, 1, 1, 0, 0]);
    assert_eq!(stream.stats().output_xruns, 1);
}

#[test]
fn late_blocks_in_a_row_are_one_xrun_of_each_sound_among_them() {
    let stream = stream();
    let long = play(&stream, 10, 5 * BLOCK);
    let short: Vec<i64> = (1..5).map(|number| play(&stream, number * BLOCK + 7, 1)).collect();
    let later = play(&stream, 6 * BLOCK + 7, 1);
    block(&stream, BlockTime::default());
    for _ in 0..4 {
        block(&stream, late(BLOCK));
    }
    block(&stream, BlockTime::default());
    block(&stream, late(8));
    assert_eq!(xruns(&stream, long), 1);
    assert_eq!(short.iter().map(|&action| xruns(&stream, action)).collect::<Vec<_>>(), [1; 4]);
    assert_eq!(xruns(&stream, later), 1);
    assert_eq!(stream.stats().output_xruns, 2);
}

/// Stamps of the frame that is `apart` from the first one of each block, in one block of `one_in`.
fn uncertainty_ns(apart: i64, one_in: i64, error_ns: i64) -> i64 {
    let stream = stream();
    let origin = clock::monotonic_ns();
    // The device runs 400 ppm fast, so that a stamp taken for another frame's would show.
    let true_ns = |frame: i64| origin + (frame as f64 * 1e9 / (RATE as f64 * 1.000_4)).round() as i64;
    for number in 0..400 {
        let stamp = true_ns(number * BLOCK + apart);
        let output_ns = if number % one_in == 0 { stamp } else { 0 };
        let time =
            BlockTime { output_ns, stamp_frames: apart, stamp_error_ns: error_ns, ..BlockTime::default() };
        block(&stream, time);
    }
    let time = stream.time(Direction::Output).unwrap();
    let frame = 400 * BLOCK;
    let told = stream.host_time_at(Direction::Output, sonset::action::HostClock::Monotonic, frame).unwrap();
    let off = told - true_ns(frame);
    assert!(off.abs() <= time.uncertainty_ns.min(2_000), "{off} ns off, {} stated", time.uncertainty_ns);
    assert_eq!(stream.stats().output_discontinuities, 0);
    time.uncertainty_ns
}

#[test]
fn a_stamp_may_be_of_a_frame_outside_its_block_and_need_not_come_with_each() {
    for apart in [0, -2_400, -481, 479, 960] {
        for one_in in [1, 3] {
            assert!(uncertainty_ns(apart, one_in, 0) < 20_000, "{apart} {one_in}");
        }
    }
}

#[test]
fn what_stamps_may_be_off_by_is_in_the_uncertainty() {
    let without = uncertainty_ns(0, 1, 0);
    let with = uncertainty_ns(0, 1, 35_000);
    assert!((with - without - 35_000).abs() <= 100, "{without} {with}");
}
