//! Recordings that start in the past.

use std::sync::Arc;

use sonset::action::LatePolicy;
use sonset::backend::{Backend, BlockTime, Input, Output};
use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::receipt::{Outcome, Receipt};
use sonset::stream::{Config, RecordParams, StartAt, Stream, Timing};

const CHANNELS: usize = 2;

struct Rig {
    stream: Stream,
    frame: i64,
    planar: bool,
}

fn config(history_frames: u32) -> Config {
    Config {
        backend: Some(Backend::Manual),
        sample_rate_hz: 48_000,
        input_channels: CHANNELS as u32,
        history_frames,
        ..Config::default()
    }
}

/// What channel `channel` hears at `frame`: no two samples alike.
fn sample(frame: i64, channel: usize) -> f32 {
    (frame as f32 + channel as f32 * 0.5) / (1 << 20) as f32
}

impl Rig {
    fn new(history_frames: u32, planar: bool) -> Self {
        let stream = Stream::open(&config(history_frames)).unwrap();
        stream.start().unwrap();
        Self { stream, frame: 0, planar }
    }

    fn block(&mut self, frames: i64) {
        let row = |channel| (0..frames).map(|n| sample(self.frame + n, channel)).collect::<Vec<_>>();
        let (left, right) = (row(0), row(1));
        let mixed: Vec<f32> = left.iter().zip(&right).flat_map(|(l, r)| [*l, *r]).collect();
        let planes = [&left[..], &right[..]];
        let input = if self.planar { Input::Planar(&planes) } else { Input::Interleaved(&mixed) };
        self.stream.process(0, input, Output::None, BlockTime::default()).unwrap();
        self.frame += frames;
    }

    fn run_to(&mut self, frame: i64, block: i64) {
        while self.frame < frame {
            self.block(block.min(frame - self.frame));
        }
    }

    fn record(&self, start: i64, frames: i64, late: LatePolicy) -> (i64, Arc<Buffer>) {
        let buffer = Buffer::zeros(frames, CHANNELS as i32, 0).unwrap();
        let timing = Timing { start: StartAt::Frame(start), late, ..Timing::default() };
        let params = RecordParams { timing, ..RecordParams::default() };
        (self.stream.record_buffer(&buffer, None, &params).unwrap(), buffer)
    }
}

/// Checks that the first `frames` frames of `buffer` are the input from frame `start` on.
fn is_input(buffer: &Buffer, start: i64, frames: i64) {
    let mut samples = vec![0.0; frames as usize * CHANNELS];
    buffer.read(0, &mut samples).unwrap();
    for (n, pair) in (0i64..).zip(samples.chunks(CHANNELS)) {
        assert_eq!(pair, [sample(start + n, 0), sample(start + n, 1)], "frame {}", start + n);
    }
}

#[test]
fn a_recording_starts_in_the_past_and_goes_on_without_a_gap_in_blocks_of_any_size() {
    for (block, planar) in [(1, false), (64, true), (257, false), (1_000, true), (8_192, false)] {
        for back in [1, 100, 999, 1_000] {
            let mut rig = Rig::new(1_000, planar);
            rig.run_to(12_345, block);
            let start = rig.frame - back;
            let (action, buffer) = rig.record(start, 3_000, LatePolicy::Drop);
            rig.run_to(start + 3_000, block);
            let Receipt { outcome, measured, .. } = rig.stream.action(action).unwrap();
            assert_eq!(outcome, Some(Outcome::Completed));
            assert_eq!((measured.start_frame, measured.end_frame), (start, start + 3_000));
            assert_eq!((measured.done_frames, measured.late_frames), (3_000, 0));
            assert_eq!(measured.input_peak, sample(start + 2_999, 1));
            is_input(&buffer, start, 3_000);
        }
    }
}

#[test]
fn a_recording_that_lies_wholly_in_the_past_is_there_after_the_next_block() {
    let mut rig = Rig::new(5_000, false);
    rig.run_to(20_000, 480);
    let (action, buffer) = rig.record(16_000, 500, LatePolicy::Play);
    rig.block(16);
    let Receipt { outcome, measured, .. } = rig.stream.action(action).unwrap();
    assert_eq!(
        (outcome, measured.start_frame, measured.end_frame),
        (Some(Outcome::Completed), 16_000, 16_500)
    );
    is_input(&buffer, 16_000, 500);
}

#[test]
fn what_is_older_than_the_history_is_late_by_so_much() {
    for (late, start, done) in [(LatePolicy::Play, 9_000, 400), (LatePolicy::Skip, 9_000, 300)] {
        let mut rig = Rig::new(1_000, false);
        rig.run_to(10_000, 100);
        let (action, buffer) = rig.record(8_900, 400, late);
        rig.run_to(10_100, 100);
        let measured = rig.stream.action(action).unwrap().measured;
        assert_eq!((measured.start_frame, measured.late_frames, measured.done_frames), (start, 100, done));
        is_input(&buffer, start, done);
    }
    let mut rig = Rig::new(1_000, false);
    rig.run_to(10_000, 100);
    let (action, _) = rig.record(8_999, 400, LatePolicy::Drop);
    rig.block(100);
    assert_eq!(rig.stream.action(action).unwrap().outcome, Some(Outcome::DroppedLate));
}

#[test]
fn frames_before_a_stop_are_no_history_of_those_after_it() {
    let mut rig = Rig::new(1_000, false);
    rig.run_to(5_000, 100);
    rig.stream.stop().unwrap();
    rig.stream.start().unwrap();
    rig.run_to(5_200, 100);
    let (action, buffer) = rig.record(4_900, 500, LatePolicy::Play);
    rig.run_to(5_600, 100);
    let measured = rig.stream.action(action).unwrap().measured;
    assert_eq!((measured.start_frame, measured.late_frames), (5_000, 100));
    is_input(&buffer, 5_000, 500);
}

#[test]
fn a_recording_placed_on_a_stopped_stream_has_no_past_to_start_in() {
    // Late by what lies between: all of it later, its rest, or nothing.
    let cases = [
        (LatePolicy::Play, Outcome::Completed, 5_000, 300),
        (LatePolicy::Skip, Outcome::Completed, 5_000, 100),
        (LatePolicy::Drop, Outcome::DroppedLate, -1, 0),
    ];
    for (late, outcome, start, done) in cases {
        let mut rig = Rig::new(1_000, false);
        rig.run_to(5_000, 100);
        rig.stream.stop().unwrap();
        let (action, buffer) = rig.record(4_800, 300, late);
        // Has what was issued taken, since no callback comes.
        let batch = rig.stream.begin_batch().unwrap();
        rig.stream.commit_batch(batch).unwrap();
        rig.stream.start().unwrap();
        rig.run_to(6_000, 100);
        let Receipt { outcome: ended, measured, .. } = rig.stream.action(action).unwrap();
        assert_eq!(
            (ended, measured.start_frame, measured.late_frames),
            (Some(outcome), start, 200),
            "{late:?}"
        );
        assert_eq!((measured.done_frames, measured.missing.frames), (done, 0));
        is_input(&buffer, start, done);
    }
}

#[test]
fn a_history_without_an_input_or_too_large_is_refused_with_its_values() {
    for config in [
        Config { input_channels: 0, output_channels: 1, ..config(1) },
        Config { history_frames: 600_000, ..config(0) },
    ] {
        let error = Stream::open(&config).err().unwrap();
        assert_eq!(error.code, Code::InvalidArgument);
        assert!(error.message.contains(&config.history_frames.to_string()), "{error}");
    }
}
