//! Rings: what a host writes while it plays, and reads while it is recorded. And what was sent to the device.

use std::sync::Arc;
use std::time::Duration;

use sonset::action::{AfterPolicy, LatePolicy};
use sonset::backend::{Backend, BlockTime, Input, Output};
use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::receipt::{ActionState, Missing, NONE, Outcome, Receipt};
use sonset::ring::{Ring, Usage};
use sonset::stream::{
    Align, Config, PlayParams, RecordParams, Recorded, RingPolicy, StartAt, Stream, Timing,
};

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

fn read_some(ring: &Ring) -> (i64, Vec<f32>) {
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
            assert_eq!(ring.info().needed_frame, Some(100 + written), "block {block}");
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
        assert_eq!((ring.info().usage, ring.info().needed_frame), (Usage::Idle, None));
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
        assert_eq!((ring.info().needed_frame, ring.info().missing_frames), (Some(200), 70));
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

#[test]
fn a_late_start_that_skips_throws_frames_away_now_or_as_they_come() {
    for block in BLOCKS {
        let mut rig = Rig::new(block);
        rig.run_to(100);
        let late = |params: PlayParams| PlayParams {
            timing: Timing { late: LatePolicy::Skip, ..params.timing },
            ..params
        };
        let there = filled(1_000, 0, 500);
        rig.play(&there, &late(play_at(40)));
        let to_come = filled(1_000, 0, 10);
        let params = late(play_at(40));
        rig.stream.play_ring(&to_come, Some(&[2]), None, &params).unwrap();
        rig.run_to(300);
        assert_eq!(rig.heard(100, 300), samples(60, 260), "in time with a start at 40, block {block}");
        assert_eq!(to_come.info().needed_frame, Some(250), "50 frames are still to be thrown away");
        to_come.write(&samples(10, 200)).unwrap();
        rig.run_to(400);
        let second: Vec<f32> = rig.sent[100..400].iter().map(|pair| pair[1]).collect();
        assert!(second[..200].iter().all(|sample| *sample == 0.0));
        assert_eq!(second[200..], samples(60, 160));
    }
}

#[test]
fn frame_count_and_stop_frame_count_silence_and_a_cancel_fades() {
    let mut rig = Rig::new(100);
    let [counted, stopped, cancelled] = [0, 1, 2].map(|_| filled(1_000, 0, 120));
    let counted_by = PlayParams { frame_count: Some(200), ..play_at(10) };
    let counted = rig.play(&counted, &counted_by);
    let stopped = rig.play(&stopped, &PlayParams { stop_frame: Some(150), ..play_at(10) });
    let cancelled = rig.play(&cancelled, &play_at(10));
    rig.stream.cancel(cancelled, Some(90), 20).unwrap();
    rig.run_to(400);
    let measured = |action| rig.ended(action).measured;
    assert_eq!((measured(counted).done_frames, measured(counted).end_frame), (120, 210));
    assert_eq!(measured(counted).missing, Missing { frames: 80, first_frame: 130 });
    assert_eq!((measured(stopped).done_frames, measured(stopped).end_frame), (120, 150));
    assert_eq!((measured(cancelled).done_frames, measured(cancelled).end_frame), (80, 90));
    assert_eq!(rig.ended(cancelled).outcome, Some(Outcome::Stopped));
}

#[test]
fn a_ring_serves_one_action_at_a_time_and_is_free_again_when_that_has_ended() {
    let mut rig = Rig::new(64);
    let ring = filled(1_000, 0, 100);
    let action = rig.play(&ring, &play_at(10));
    let refused = rig.stream.play_ring(&ring, None, None, &play_at(10)).unwrap_err();
    assert_eq!(refused.code, Code::RingBusy);
    let refused = rig.stream.record_ring(Recorded::Input, &ring, None, &record_at(10)).unwrap_err();
    assert_eq!(refused.code, Code::RingBusy);
    rig.stream.cancel(action, Some(60), -1).unwrap();
    rig.run_to(100);
    assert_eq!(rig.ended(action).outcome, Some(Outcome::Stopped));
    rig.play(&ring, &play_at(200));
    rig.run_to(300);
    assert_eq!(rig.heard(200, 250), samples(50, 100), "what the first action left");
}

#[test]
fn what_a_ring_cannot_do_is_refused_with_nothing_changed() {
    let rig = Rig::new(64);
    let ring = ring_of(10);
    let code = |params: PlayParams| rig.stream.play_ring(&ring, None, None, &params).unwrap_err().code;
    assert_eq!(code(PlayParams { loop_count: 1, ..PlayParams::default() }), Code::InvalidArgument);
    assert_eq!(code(PlayParams { first_frame: 1, ..PlayParams::default() }), Code::InvalidArgument);
    assert_eq!(code(PlayParams { frame_count: Some(0), ..PlayParams::default() }), Code::InvalidArgument);
    let record = |params: RecordParams, of| rig.stream.record_ring(of, &ring, None, &params).unwrap_err();
    let negative = RecordParams { max_frames: -1, ..RecordParams::default() };
    assert_eq!(record(negative, Recorded::Input).code, Code::InvalidArgument);
    let aligned = RecordParams { align: Align::RoundTrip, ..RecordParams::default() };
    assert_eq!(record(aligned, Recorded::Output).code, Code::InvalidArgument);
    let other_rate = Ring::new(10, 1, 44_100).unwrap();
    let refused = rig.stream.play_ring(&other_rate, None, None, &PlayParams::default()).unwrap_err();
    assert_eq!(refused.code, Code::RateMismatch);
    let buffer = Buffer::zeros(1, 1, 0).unwrap();
    let ends = PlayParams { ring: RingPolicy::End, ..PlayParams::default() };
    let refused = rig.stream.play_buffer(&buffer, None, None, &ends).unwrap_err();
    assert_eq!(refused.code, Code::InvalidArgument, "a buffer has no ring policy");
    assert_eq!(ring.info().usage, Usage::Idle);
    assert_eq!(rig.stream.stats().live_actions, 0);
}

#[test]
fn a_ring_outlives_the_stream_that_plays_it() {
    let mut rig = Rig::new(64);
    let ring = filled(1_000, 0, 500);
    let action = rig.play(&ring, &play_at(0));
    rig.run_to(64);
    rig.stream.close();
    let receipt = rig.ended(action);
    assert_eq!((receipt.outcome, receipt.measured.done_frames), (Some(Outcome::StreamStopped), 64));
    drop(rig);
    assert_eq!(read_some(&ring), (64, samples(64, 500)), "the host has the rest");
    assert_eq!(ring.info().usage, Usage::Idle);
}

#[test]
fn an_action_goes_on_with_a_ring_that_the_host_has_let_go_of() {
    let mut rig = Rig::new(64);
    let ring = filled(1_000, 0, 500);
    ring.finish().unwrap();
    let action = rig.play(&ring, &play_at(0));
    drop(ring);
    rig.run_to(600);
    assert_eq!(rig.heard(0, 500), samples(0, 500));
    assert_eq!(rig.ended(action).outcome, Some(Outcome::Completed));
}

#[test]
fn a_recording_is_read_meanwhile_and_a_gap_shows_in_the_index() {
    for block in BLOCKS {
        let mut rig = Rig::new(block);
        let ring = ring_of(100);
        let action = rig.record(&ring, &record_at(50));
        rig.run_to(120);
        assert_eq!(read_some(&ring), (0, samples(50, 120)), "block {block}");
        rig.run_to(250);
        let missing = Missing { frames: 30, first_frame: 220 };
        assert_eq!(rig.now(action).measured.missing, missing);
        assert_eq!(read_some(&ring), (70, samples(120, 220)));
        rig.run_to(300);
        assert_eq!(read_some(&ring), (200, samples(250, 300)), "30 frames on");
        rig.stream.cancel(action, None, -1).unwrap();
        rig.run_to(301);
        let measured = rig.ended(action).measured;
        assert_eq!((measured.done_frames, measured.end_frame), (220, 300));
        assert_eq!((measured.missing, measured.input_peak), (missing, sample(299)));
        assert_eq!((ring.info().missing_frames, ring.info().finished), (30, true));
    }
}

#[test]
fn a_recording_that_is_to_end_when_full_does_so_at_the_frame_and_a_follower_starts_there() {
    for block in BLOCKS {
        let mut rig = Rig::new(block);
        let ring = ring_of(100);
        let action = rig.record(&ring, &RecordParams { ring: RingPolicy::End, ..record_at(50) });
        let next = ring_of(1_000);
        let follower = RecordParams { timing: after(action, 0), max_frames: 30, ..RecordParams::default() };
        let follower = rig.record(&next, &follower);
        rig.run_to(5_000);
        let receipt = rig.ended(action);
        assert_eq!(receipt.outcome, Some(Outcome::Overflow), "block {block}");
        assert_eq!((receipt.measured.done_frames, receipt.measured.end_frame), (100, 150));
        assert_eq!(receipt.measured.missing, Missing { frames: 0, first_frame: 150 });
        assert_eq!(read_some(&ring), (0, samples(50, 150)));
        assert_eq!(read_some(&next), (0, samples(150, 180)));
        assert_eq!(rig.ended(follower).outcome, Some(Outcome::Completed));
    }
}

#[test]
fn a_ring_records_from_the_past_as_far_as_it_has_room() {
    for (policy, block) in [(RingPolicy::Continue, 64), (RingPolicy::End, 64), (RingPolicy::Continue, 257)] {
        let mut rig = Rig::new(block);
        rig.run_to(2_000);
        let [large, small] = [ring_of(5_000), ring_of(600)];
        rig.record(&large, &RecordParams { max_frames: 2_000, ..record_at(1_100) });
        let action =
            rig.record(&small, &RecordParams { max_frames: 2_000, ring: policy, ..record_at(1_100) });
        rig.run_to(4_000);
        assert_eq!(read_some(&large), (0, samples(1_100, 3_100)));
        assert_eq!(read_some(&small), (0, samples(1_100, 1_700)));
        let receipt = rig.ended(action);
        let (outcome, end, frames) = match policy {
            RingPolicy::Continue => (Outcome::Completed, 3_100, 1_400),
            RingPolicy::End => (Outcome::Overflow, 1_700, 0),
        };
        assert_eq!((receipt.outcome, receipt.measured.end_frame), (Some(outcome), end));
        assert_eq!(receipt.measured.missing, Missing { frames, first_frame: 1_700 });
        assert_eq!(receipt.measured.done_frames, 600);
    }
}

#[test]
fn a_ring_to_be_recorded_into_must_be_empty_and_begins_anew() {
    let mut rig = Rig::new(64);
    let ring = filled(100, 0, 10);
    let refused = rig.stream.record_ring(Recorded::Input, &ring, None, &record_at(0)).unwrap_err();
    assert_eq!(refused.code, Code::InvalidState);
    assert!(refused.message.contains("10 frames"), "{refused}");
    read_some(&ring);
    for round in 0..3 {
        let start = rig.frame();
        let params = RecordParams { max_frames: 20, ..record_at(start) };
        rig.record(&ring, &params);
        rig.run_to(start + 64);
        rig.stream.stats();
        assert_eq!(read_some(&ring), (0, samples(start, start + 20)), "round {round}");
    }
}

/// A stream of three outputs, of which the last is a trigger line, with a sound on each that exceeds the
/// ceiling now and then, and a change of the master gain; what was sent is given to `check`.
fn record_what_is_sent(options: &str, planar: bool, block: usize, check: impl Fn(&Stream, &[Vec<f32>])) {
    let config = Config { output_channels: 3, options: options.into(), ceiling: 0.75, ..config() };
    let stream = Stream::open(&config).unwrap();
    stream.set_channel_role(3, true).unwrap();
    stream.start().unwrap();
    let loud: Vec<f32> = (0..3_000).map(|n| ((n * 37) % 201) as f32 / 100.0 - 1.0).collect();
    let sound = Buffer::copy(&loud, 1_000, 3, 0).unwrap();
    for frame in [100, 700, 1_900] {
        let params = PlayParams { allow_clip: true, ..play_at(frame) };
        stream.play_buffer(&sound, Some(&[1, 2, 3]), None, &params).unwrap();
    }
    stream.set_master_gain(Some(1_000), -3.0, 200).unwrap();
    let mut sent = vec![Vec::new(); 3];
    check(&stream, &sent);
    while sent[0].len() < 4_000 {
        let mut out = vec![vec![9.0; block]; 3];
        let mut mixed = vec![9.0; 3 * block];
        if planar {
            let mut planes: Vec<&mut [f32]> = out.iter_mut().map(|plane| &mut plane[..]).collect();
            let output = Output::Planar(&mut planes);
            stream.process(0, Input::None, output, BlockTime::default()).unwrap();
        } else {
            let output = Output::Interleaved(&mut mixed);
            stream.process(0, Input::None, output, BlockTime::default()).unwrap();
            out = (0..3).map(|c| mixed.iter().skip(c).step_by(3).copied().collect()).collect();
        }
        sent.iter_mut().zip(out).for_each(|(all, plane)| all.extend(plane));
    }
    check(&stream, &sent);
}

#[test]
fn what_was_really_sent_is_recorded_bit_for_bit() {
    for (options, planar, block) in
        [("", false, 64), ("", true, 257), ("callbacks=separate", false, 5_000), ("", true, 1)]
    {
        let buffer = Buffer::zeros(3_000, 3, 0).unwrap();
        let ring = Ring::new(4_000, 2, 0).unwrap();
        let action = std::cell::Cell::new(0);
        record_what_is_sent(options, planar, block, |stream, sent| {
            if sent[0].is_empty() {
                action.set(stream.record_output(&buffer, None, &record_at(50)).unwrap());
                let params = record_at(200);
                stream.record_ring(Recorded::Output, &ring, Some(&[3, 1]), &params).unwrap();
                return;
            }
            let receipt = stream.action(action.get()).unwrap();
            assert_eq!((receipt.outcome, receipt.measured.start_frame), (Some(Outcome::Completed), 50));
            assert!(stream.stats().clipped > 100, "the guard had something to do");
            let mut kept = vec![0.0; 9_000];
            buffer.read(0, &mut kept).unwrap();
            let expected: Vec<f32> = (50..3_050).flat_map(|n| [sent[0][n], sent[1][n], sent[2][n]]).collect();
            assert!(kept == expected, "block {block}");
            assert_eq!(receipt.measured.input_peak, expected.iter().fold(0.0, |p, s| s.abs().max(p)));
            let mut kept = vec![0.0; 8_000];
            assert_eq!(ring.read(&mut kept).unwrap(), (0, sent[0].len().min(4_200) as i64 - 200));
            let expected: Vec<f32> = (200..4_000).flat_map(|n| [sent[2][n], sent[0][n]]).collect();
            assert!(kept[..expected.len()] == expected, "block {block}");
        });
    }
}

#[test]
fn a_recording_of_the_output_follows_what_plays_to_the_frame() {
    for block in BLOCKS {
        let mut rig = Rig::new(block);
        let sound = Buffer::copy(&samples(0, 300), 300, 1, 0).unwrap();
        let first = rig.stream.play_buffer(&sound, Some(&[1]), None, &play_at(10)).unwrap();
        let params = PlayParams { timing: after(first, 0), ..PlayParams::default() };
        rig.stream.play_buffer(&sound, Some(&[1]), None, &params).unwrap();
        let kept = Buffer::zeros(300, 1, 0).unwrap();
        let params = RecordParams { timing: after(first, 0), ..RecordParams::default() };
        let action = rig.stream.record_output(&kept, None, &params).unwrap();
        rig.run_to(5_000);
        let mut out = vec![0.0; 300];
        kept.read(0, &mut out).unwrap();
        assert_eq!(out, samples(0, 300), "block {block}");
        assert_eq!(rig.ended(action).measured.start_frame, 310);
    }
}

#[test]
fn a_million_frames_go_through_small_rings_over_the_virtual_wire_and_none_is_lost() {
    let virtual_config = Config {
        backend: Some(Backend::Virtual),
        sample_rate_hz: 192_000,
        output_channels: 1,
        input_channels: 1,
        block_frames: 64,
        ..Config::default()
    };
    let stream = Stream::open(&virtual_config).unwrap();
    stream.start().unwrap();
    let (out, back) = (ring_of(100_000), ring_of(100_000));
    out.write(&samples(0, 100_000)).unwrap();
    let start = stream.time(sonset::device::Direction::Output).unwrap().earliest_frame + 9_600;
    let round_trip = stream.info().opened.round_trip_frames.unwrap();
    let played = stream.play_ring(&out, None, None, &play_at(start)).unwrap();
    let frames = 1_000_000;
    let params = RecordParams { max_frames: frames, ..record_at(start + round_trip) };
    let recorded = stream.record_ring(Recorded::Input, &back, None, &params).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut next = 100_000;
            while next < frames {
                next += out.write(&samples(next, frames.min(next + 999))).unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
            out.finish().unwrap();
        });
        let mut next = 0;
        while next < frames {
            let (first, heard) = read_some(&back);
            assert_eq!(first, next);
            assert!(heard.iter().zip(next..).all(|(heard, n)| *heard == sample(n)), "around {next}");
            next += heard.len() as i64;
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    for action in [played, recorded] {
        let receipt = stream.wait_action(action, ActionState::Ended, Duration::from_secs(10)).unwrap();
        assert_eq!(receipt.outcome, Some(Outcome::Completed));
        assert_eq!(receipt.measured.missing, Missing::default());
        assert_eq!(receipt.measured.done_frames, frames);
    }
}

/// One pseudo-random number after another.
struct Random(u64);

impl Random {
    fn below(&mut self, most: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % most as u64) as i64
    }
}

/// What a ring with `frames` frames is to sound like from `start` on, with these pauses: frame for frame.
fn paused(start: i64, frames: i64, pauses: &[(i64, i64)], to: i64) -> Vec<f32> {
    let mut next = 0;
    let stands = |frame: i64| pauses.iter().any(|&(from, until)| (from..until).contains(&frame));
    (0..to)
        .map(|frame| {
            if frame < start || stands(frame) || next == frames {
                return 0.0;
            }
            next += 1;
            sample(next - 1)
        })
        .collect()
}

#[test]
fn a_ring_that_is_paused_goes_on_with_its_next_frame_however_blocks_are_divided() {
    let mut random = Random(7);
    for case in 0..40 {
        let mut pauses = Vec::new();
        let mut frame = 100;
        for _ in 0..1 + random.below(4) {
            let from = frame + 1 + random.below(500);
            frame = from + random.below(700);
            pauses.push((from, frame));
        }
        let finished_at = random.below(frame);
        for block in BLOCKS {
            let mut rig = Rig::new(block);
            let ring = filled(3_000, 0, 2_500);
            let action = rig.play(&ring, &play_at(100));
            let follower = filled(10, 0, 10);
            follower.finish().unwrap();
            let params = PlayParams { timing: after(action, 0), ..PlayParams::default() };
            let next = rig.stream.play_ring(&follower, Some(&[2]), None, &params).unwrap();
            for &(from, until) in &pauses {
                // Requests of one kind replace one another: each is made when the one before it is done.
                rig.run_to((from - 1).max(rig.frame()));
                if finished_at < rig.frame() && !ring.info().finished {
                    ring.finish().unwrap();
                }
                rig.stream.pause(action, Some(from), -1).unwrap();
                rig.stream.resume(action, Some(until), -1).unwrap();
                rig.run_to(until);
            }
            if !ring.info().finished {
                ring.finish().unwrap();
            }
            rig.run_to(8_000);
            let expected = paused(100, 2_500, &pauses, 8_000);
            let heard = rig.heard(0, 8_000);
            let differs = (0..8_000).find(|&n| heard[n] != expected[n]);
            assert_eq!(differs, None, "case {case}, block {block}, {pauses:?}");
            let stood: i64 = pauses.iter().map(|(from, until)| until - from).sum();
            let Receipt { outcome, measured, .. } = rig.ended(action);
            assert_eq!((outcome, measured.missing), (Some(Outcome::Completed), Missing::default()));
            assert_eq!((measured.done_frames, measured.pauses.frames), (2_500, stood), "{pauses:?}");
            assert_eq!(measured.end_frame, 2_600 + stood);
            assert_eq!(rig.ended(next).measured.start_frame, 2_600 + stood);
        }
    }
}

#[test]
fn a_ring_stands_through_a_drought_and_its_place_is_not_known_meanwhile() {
    for block in BLOCKS {
        for ring_policy in [RingPolicy::Continue, RingPolicy::End] {
            let mut rig = Rig::new(block);
            let ring = filled(1_000, 0, 200);
            let action = rig.play(&ring, &PlayParams { ring: ring_policy, ..play_at(0) });
            rig.stream.pause(action, Some(200), -1).unwrap();
            rig.run_to(5_300);
            assert_eq!((rig.now(action).state, ring.info().needed_frame), (ActionState::Paused, None));
            ring.write(&samples(200, 400)).unwrap();
            rig.stream.resume(action, Some(6_000), -1).unwrap();
            rig.run_to(6_100);
            assert_eq!(ring.info().needed_frame, Some(6_200), "block {block}");
            ring.finish().unwrap();
            rig.run_to(7_000);
            assert_eq!(rig.heard(0, 200), samples(0, 200));
            assert_eq!(rig.heard(200, 6_000), [0.0; 5_800]);
            assert_eq!(rig.heard(6_000, 6_200), samples(200, 400));
            let Receipt { outcome, measured, .. } = rig.ended(action);
            assert_eq!((outcome, measured.missing.frames), (Some(Outcome::Completed), 0));
            assert_eq!((measured.end_frame, measured.done_frames), (6_200, 400));
        }
    }
}

#[test]
fn a_ring_that_is_finished_while_it_fades_towards_a_pause_ends_there_without_a_click() {
    for block in BLOCKS {
        let mut rig = Rig::new(block);
        let ring = ring_of(3_000);
        ring.write(&[0.5; 1_400]).unwrap();
        let action = rig.play(&ring, &play_at(0));
        rig.run_to(1);
        rig.stream.pause(action, Some(1_500), 500).unwrap();
        rig.run_to(1_100);
        ring.finish().unwrap();
        rig.run_to(2_000);
        let heard = rig.heard(0, 2_000);
        assert!(
            heard.windows(2).skip(1_000).take(390).all(|pair| pair[1] < pair[0]),
            "it falls, block {block}"
        );
        assert!(heard[1_399] > 0.0 && heard[1_400..].iter().all(|&sample| sample == 0.0));
        let Receipt { outcome, measured, .. } = rig.ended(action);
        let done = (measured.done_frames, measured.missing.frames, measured.end_frame);
        assert_eq!((outcome, done), (Some(Outcome::Completed), (1_400, 0, 1_400)), "block {block}");
        assert_eq!((measured.pauses.frame, measured.pauses.frames), (NONE, 0));
    }
}

#[test]
fn a_ring_that_stands_can_be_cancelled_and_cannot_seek() {
    let mut rig = Rig::new(64);
    let ring = filled(1_000, 0, 1_000);
    let action = rig.play(&ring, &play_at(0));
    rig.stream.pause(action, Some(100), -1).unwrap();
    rig.run_to(300);
    assert_eq!(rig.stream.seek(action, Some(500), 0, -1).unwrap_err().code, Code::Unsupported);
    rig.stream.cancel(action, None, -1).unwrap();
    rig.run_to(400);
    let Receipt { outcome, measured, .. } = rig.ended(action);
    assert_eq!((outcome, measured.done_frames), (Some(Outcome::Stopped), 100));
    assert_eq!(ring.info().readable_frames, 900, "what did not sound is still there");
}

#[test]
fn an_end_that_a_ring_did_not_come_to_counts_again_after_a_pause() {
    for block in BLOCKS {
        let mut rig = Rig::new(block);
        let ring = filled(100, 0, 50);
        let action = rig.play(&ring, &play_at(0));
        rig.run_to(1);
        rig.stream.cancel(action, Some(500), -1).unwrap();
        rig.stream.pause(action, Some(20), -1).unwrap();
        rig.stream.resume(action, Some(480), -1).unwrap();
        rig.run_to(2);
        ring.finish().unwrap();
        rig.run_to(600);
        assert_eq!(rig.heard(480, 500), samples(20, 40), "block {block}");
        assert!(rig.heard(500, 600).iter().all(|&sample| sample == 0.0), "block {block}");
        let Receipt { outcome, measured, .. } = rig.ended(action);
        assert_eq!((outcome, measured.end_frame, measured.done_frames), (Some(Outcome::Stopped), 500, 40));
    }
}

#[test]
fn a_ring_that_was_read_up_to_one_frame_more_than_its_start_tells_by_when_to_write() {
    for already_read in 9..=12 {
        let mut rig = Rig::new(64);
        let ring = filled(1_000, 0, 500);
        ring.read(&mut vec![0.0; already_read as usize]).unwrap();
        rig.play(&ring, &play_at(10));
        rig.run_to(64);
        assert_eq!(
            ring.info().needed_frame,
            Some(10 - already_read + 500),
            "{already_read} frames read before"
        );
    }
}
