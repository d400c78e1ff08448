//! Rings: what a host writes while it plays, and reads while it is recorded.

use std::sync::Arc;

use sonset::action::{AfterPolicy, LatePolicy};
use sonset::backend::{Backend, BlockTime, Input, Output};
use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::receipt::{ActionState, Missing, NONE, Outcome, Receipt};
use sonset::ring::{Ring, Usage};
use sonset::stream::{Config, PlayParams, RecordParams, Recorded, RingPolicy, StartAt, Stream, Timing};

const OUTPUTS: usize = 2;

/// A manual stream and all that it has played, of two outputs and one input.
struct Rig {
    stream: Stream,
    sent: Vec<[f32; OUTPUTS]>,
    /// Frames of a call to process at most.
    block: usize,
}

/// The frame of sound `n`: no two alike, and none silent.
fn sample(n: i64) -> f32 {
    (n + 1) as f32 / (1 << 20) as f32
}

fn samples(from: i64, to: i64) -> Vec<f32> {
    (from..to).map(sample).collect()
}

fn at(frame: i64) -> Timing {
    Timing { start: StartAt::Frame(frame), ..Timing::default() }
}

fn after(action: i64, offset: i64) -> Timing {
    Timing { start: StartAt::After { action, offset }, after: AfterPolicy::AnyEnd, ..Timing::default() }
}

fn play_at(frame: i64) -> PlayParams {
    PlayParams { timing: at(frame), ..PlayParams::default() }
}

fn record_at(frame: i64) -> RecordParams {
    RecordParams { timing: at(frame), ..RecordParams::default() }
}

fn ring_of(frames: i64) -> Arc<Ring> {
    Ring::new(frames, 1, 0).unwrap()
}

/// A ring that holds the frames of the sound from `from` up to `to`.
fn filled(frames: i64, from: i64, to: i64) -> Arc<Ring> {
    let ring = ring_of(frames);
    assert_eq!(ring.write(&samples(from, to)).unwrap(), to - from);
    ring
}

fn config() -> Config {
    Config {
        backend: Some(Backend::Manual),
        sample_rate_hz: 48_000,
        output_channels: OUTPUTS as u32,
        input_channels: 1,
        history_frames: 1_000,
        ..Config::default()
    }
}

impl Rig {
    fn new(block: usize) -> Self {
        let stream = Stream::open(&config()).unwrap();
        stream.start().unwrap();
        Self { stream, sent: Vec::new(), block }
    }

    fn frame(&self) -> i64 {
        self.sent.len() as i64
    }

    /// The input at each frame is its own number, as a sample.
    fn run_to(&mut self, frame: i64) {
        while self.frame() < frame {
            let frames = self.block.min((frame - self.frame()) as usize);
            let input = samples(self.frame(), self.frame() + frames as i64);
            let mut output = vec![9.0; frames * OUTPUTS];
            let (input, out) = (Input::Interleaved(&input), Output::Interleaved(&mut output));
            self.stream.process(0, input, out, BlockTime::default()).unwrap();
            self.sent.extend(output.chunks(OUTPUTS).map(|pair| [pair[0], pair[1]]));
        }
    }

    fn play(&self, ring: &Arc<Ring>, params: &PlayParams) -> i64 {
        self.stream.play_ring(ring, Some(&[1]), None, params).unwrap()
    }

    fn record(&self, ring: &Arc<Ring>, params: &RecordParams) -> i64 {
        self.stream.record_ring(Recorded::Input, ring, None, params).unwrap()
    }

    fn now(&self, action: i64) -> Receipt {
        self.stream.action(action).unwrap()
    }

    fn ended(&self, action: i64) -> Receipt {
        let receipt = self.now(action);
        assert_eq!(receipt.state, ActionState::Ended);
        receipt
    }

    /// What channel 1 got from frame `from` up to `to`.
    fn heard(&self, from: i64, to: i64) -> Vec<f32> {
        self.sent[from as usize..to as usize].iter().map(|pair| pair[0]).collect()
    }
}

fn read(ring: &Ring) -> (i64, Vec<f32>) {
    let mut out = vec![9.0; ring.frames() as usize];
    let (first, frames) = ring.read(&mut out).unwrap();
    out.truncate(frames as usize);
    (first, out)
}

/// Blocks from one frame to many chunks.
const BLOCKS: [usize; 6] = [1, 7, 64, 256, 257, 5_000];

#[test]
fn a_ring_filled_before_and_between_blocks_sounds_frame_for_frame() {
    for block in BLOCKS {
        let mut rig = Rig::new(block);
        let ring = filled(500, 0, 500);
        let action = rig.play(&ring, &play_at(100));
        let mut written = 500;
        for frame in (300..3_000).step_by(150) {
            rig.run_to(frame);
            let more = ring.write(&samples(written, written + 200)).unwrap();
            written += more;
            assert_eq!(ring.info().needed_frame, 100 + written, "block {block}");
        }
        ring.finish().unwrap();
        rig.run_to(4_000);
        assert!(rig.heard(0, 100).iter().all(|sample| *sample == 0.0));
        assert_eq!(rig.heard(100, 100 + written), samples(0, written), "block {block}");
        assert!(rig.heard(100 + written, 4_000).iter().all(|sample| *sample == 0.0));
        let receipt = rig.ended(action);
        assert_eq!(receipt.outcome, Some(Outcome::Completed));
        assert_eq!((receipt.measured.start_frame, receipt.measured.end_frame), (100, 100 + written));
        assert_eq!(receipt.measured.done_frames, written);
        assert_eq!(receipt.measured.missing, Missing::default());
        assert_eq!((ring.info().usage, ring.info().needed_frame), (Usage::Idle, NONE));
    }
}

#[test]
fn a_ring_that_runs_dry_plays_silence_counts_it_and_then_goes_on_with_what_comes() {
    for block in BLOCKS {
        let mut rig = Rig::new(block);
        let ring = filled(1_000, 0, 120);
        let action = rig.play(&ring, &play_at(10));
        rig.run_to(200);
        let missing = Missing { frames: 70, first_frame: 130 };
        assert_eq!(
            (rig.now(action).measured.missing, rig.now(action).state),
            (missing, ActionState::Started)
        );
        assert_eq!((ring.info().needed_frame, ring.info().missing_frames), (200, 70));
        ring.write(&samples(120, 220)).unwrap();
        rig.run_to(350);
        ring.write(&samples(220, 230)).unwrap();
        ring.finish().unwrap();
        rig.run_to(1_000);
        let mut expected = samples(0, 120);
        expected.extend([0.0; 70]);
        expected.extend(samples(120, 220));
        expected.extend([0.0; 50]);
        expected.extend(samples(220, 230));
        expected.resize(990, 0.0);
        assert_eq!(rig.heard(10, 1_000), expected, "block {block}");
        let measured = rig.ended(action).measured;
        assert_eq!((measured.done_frames, measured.end_frame), (230, 360));
        assert_eq!(measured.missing, Missing { frames: 120, first_frame: 130 });
    }
}

#[test]
fn a_ring_that_is_to_end_when_dry_does_so_at_the_frame_and_a_follower_starts_there() {
    for block in BLOCKS {
        let mut rig = Rig::new(block);
        let ring = filled(1_000, 0, 300);
        let action = rig.play(&ring, &PlayParams { ring: RingPolicy::End, ..play_at(10) });
        let sound = Buffer::copy(&[0.5, 0.25], 2, 1, 0).unwrap();
        let params = PlayParams { timing: after(action, 3), ..PlayParams::default() };
        let follower = rig.stream.play_buffer(&sound, Some(&[1]), None, &params).unwrap();
        let refused = PlayParams {
            timing: Timing { after: AfterPolicy::Completed, ..after(action, 0) },
            ..PlayParams::default()
        };
        let refused = rig.stream.play_buffer(&sound, Some(&[1]), None, &refused).unwrap();
        rig.run_to(5_000);
        let receipt = rig.ended(action);
        assert_eq!(receipt.outcome, Some(Outcome::Underflow), "block {block}");
        assert_eq!((receipt.measured.done_frames, receipt.measured.end_frame), (300, 310));
        assert_eq!(receipt.measured.missing, Missing { frames: 0, first_frame: 310 });
        assert_eq!(rig.heard(10, 310), samples(0, 300));
        assert_eq!(rig.heard(310, 316), [0.0, 0.0, 0.0, 0.5, 0.25, 0.0]);
        assert_eq!(rig.ended(follower).measured.start_frame, 313);
        assert_eq!(rig.ended(follower).measured.late_frames, 0);
        assert_eq!(rig.ended(refused).outcome, Some(Outcome::Predecessor));
    }
}

#[test]
fn a_finished_ring_is_known_to_end_so_that_ramps_and_followers_fit() {
    for block in BLOCKS {
        let mut rig = Rig::new(block);
        let ring = ring_of(1_000);
        ring.write(&[0.5; 400]).unwrap();
        ring.finish().unwrap();
        let action = rig.play(&ring, &PlayParams { offset_ramp_frames: 100, ..play_at(10) });
        let sound = Buffer::copy(&[0.125], 1, 1, 0).unwrap();
        let params = PlayParams { timing: after(action, -300), ..PlayParams::default() };
        let follower = rig.stream.play_buffer(&sound, Some(&[2]), None, &params).unwrap();
        rig.run_to(5_000);
        let buffer = Buffer::copy(&[0.5; 400], 400, 1, 0).unwrap();
        let mut other = Rig::new(block);
        let params = PlayParams { offset_ramp_frames: 100, ..play_at(10) };
        other.stream.play_buffer(&buffer, Some(&[1]), None, &params).unwrap();
        other.run_to(5_000);
        assert_eq!(rig.heard(0, 5_000), other.heard(0, 5_000), "as a buffer of the same samples");
        let follower = rig.ended(follower).measured;
        assert_eq!((follower.start_frame, follower.late_frames), (110, 0), "block {block}");
        assert_eq!(rig.ended(action).outcome, Some(Outcome::Completed));
    }
}
