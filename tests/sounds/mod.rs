//! Pulses at known frames, for tests that listen to what came of them.

// Each test file uses the part it needs.
#![allow(dead_code)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use sonset::buffer::Buffer;
use sonset::device::Direction;
use sonset::receipt::{ActionState, Outcome, Receipt};
use sonset::stream::{DetectParams, PlayParams, RecordParams, StartAt, State, Stream, Timing};

/// Rate of all tests with a server.
pub const RATE: u32 = 48_000;
/// Pulses of a run.
pub const PULSES: usize = 200;

pub fn at(frame: i64) -> Timing {
    Timing { start: StartAt::Frame(frame), ..Timing::default() }
}

pub fn play_at(stream: &Stream, buffer: &Arc<Buffer>, frame: i64) -> i64 {
    let params = PlayParams { timing: at(frame), ..PlayParams::default() };
    stream.play_buffer(buffer, None, None, &params).unwrap()
}

pub fn record_at(stream: &Stream, buffer: &Arc<Buffer>, frame: i64) -> i64 {
    let params = RecordParams { timing: at(frame), ..RecordParams::default() };
    stream.record_buffer(buffer, None, &params).unwrap()
}

pub fn ended(stream: &Stream, action: i64, patience: Duration) -> Receipt {
    stream.wait_action(action, ActionState::Ended, patience).unwrap()
}

pub fn pulse() -> Arc<Buffer> {
    pulse_of(0.5)
}

pub fn pulse_of(level: f32) -> Arc<Buffer> {
    Buffer::copy(&[level], 1, 1, RATE as i32).unwrap()
}

pub fn read(buffer: &Buffer, frames: i64) -> Vec<f32> {
    let mut samples = vec![0.0; frames as usize];
    buffer.read(0, &mut samples).unwrap();
    samples
}

/// Frames, `count` of them, at random distances of 2 to 999 frames; the same ones each time.
pub fn random_frames(first: i64, count: usize) -> Vec<i64> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut frame = first;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            frame += 2 + (state % 998) as i64;
            frame
        })
        .collect()
}

pub fn onsets(samples: &[f32]) -> Vec<i64> {
    (0i64..).zip(samples).filter(|(_, sample)| **sample != 0.0).map(|(frame, _)| frame).collect()
}

pub fn distances(frames: &[i64]) -> Vec<i64> {
    frames.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Plays pulses at random frames through a wire of `round_trip` frames, with a detector from half-way to each
/// on; each must find its pulse at the exact frame.
pub fn check_detected_pulses(stream: &Stream, round_trip: i64) {
    let begin = stream.time(Direction::Output).unwrap().earliest_frame + RATE as i64 / 4;
    let frames = random_frames(begin, PULSES);
    let pulse = pulse();
    let mut before = begin;
    let mut detectors = Vec::new();
    for &frame in &frames {
        let start = round_trip + (before + frame + 1) / 2;
        let params = DetectParams {
            timing: at(start),
            threshold: 0.25,
            minimum_frames: 1,
            gap_frames: 1,
            hold_off_frames: 1,
            ..DetectParams::default()
        };
        detectors.push(stream.detect_level(None, &params).unwrap());
        play_at(stream, &pulse, frame);
        before = frame;
    }
    for (&detector, &frame) in detectors.iter().zip(&frames) {
        let receipt = ended(stream, detector, Duration::from_secs(30));
        assert_eq!(receipt.outcome, Some(Outcome::Completed));
        let detection = receipt.measured.detection;
        let heard = frame + round_trip;
        assert_eq!((detection.frame, detection.end_frame), (heard, heard + 1));
    }
}

pub fn wait_for_state(stream: &Stream, state: State, patience: Duration) {
    let end = Instant::now() + patience;
    while stream.state() != state {
        assert!(Instant::now() < end, "still {:?}", stream.state());
        std::thread::sleep(Duration::from_millis(5));
    }
}
