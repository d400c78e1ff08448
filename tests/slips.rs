//! Halves with callbacks of their own on a device whose true time the test knows, one of which loses blocks.

use std::sync::Arc;

use sonset::action::{HostClock, HostTime};
use sonset::backend::{Backend, BlockTime, Input, Output};
use sonset::buffer::Buffer;
use sonset::clock::monotonic_ns;
use sonset::device::Direction;
use sonset::error::Code;
use sonset::realtime::clock::Stamps;
use sonset::receipt::{LatencySource, Measured, Outcome};
use sonset::stream::{Align, Config, PlayParams, RecordParams, StartAt, Stream, Timing};

const RATE: i64 = 48_000;
const BLOCK: i64 = 128;
/// From the converter of the output to that of the input there is nothing; from callback to callback there is.
const OUTPUT_LATENCY: i64 = 300;
const INPUT_LATENCY: i64 = 200;
const ROUND_TRIP: i64 = OUTPUT_LATENCY + INPUT_LATENCY;
/// How far a step is looked at before it is taken for one.
const RECOGNITION: i64 = 10;
/// After so many blocks it counts for actions that end, whatever its size.
const SUSPICION: i64 = 3;

/// A wire between two halves that are called in turn.
struct Device {
    stream: Stream,
    origin_ns: i64,
    played: Vec<f32>,
    /// Frames of the input handed over, and lost.
    fed: i64,
    lost: i64,
    random: u64,
}

impl Device {
    fn new() -> Self {
        let config = Config {
            backend: Some(Backend::Manual),
            sample_rate_hz: RATE as u32,
            output_channels: 1,
            input_channels: 1,
            options: "callbacks=separate".into(),
            ..Config::default()
        };
        let stream = Stream::open(&config).unwrap();
        stream.start().unwrap();
        Self { stream, origin_ns: monotonic_ns(), played: Vec::new(), fed: 0, lost: 0, random: 9 }
    }

    /// When a frame that was not lost passes the callbacks.
    fn ns(&self, frame: i64) -> i64 {
        self.origin_ns + (frame as f64 * 1e9 / RATE as f64).round() as i64
    }

    /// True time of an input frame from the newest loss on.
    fn input_ns(&self, frame: i64) -> i64 {
        self.ns(frame + self.lost - INPUT_LATENCY)
    }

    /// Up to 2 µs either way.
    fn noise(&mut self) -> i64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random % 4_001) as i64 - 2_000
    }

    /// A block of each half; the input's stamp errs by `error_ns` more.
    fn block_with(&mut self, error_ns: i64) {
        let frame = self.played.len() as i64;
        let output_ns = self.ns(frame + OUTPUT_LATENCY) + self.noise();
        let mut output = [0.0; BLOCK as usize];
        let time = BlockTime { output_ns, ..BlockTime::default() };
        self.stream.process(0, Input::None, Output::Interleaved(&mut output), time).unwrap();
        self.played.extend(output);
        let input_ns = self.input_ns(self.fed) + self.noise() + error_ns;
        let on_wire = self.fed + self.lost - ROUND_TRIP;
        let sample =
            |n: i64| usize::try_from(n).ok().and_then(|n| self.played.get(n)).copied().unwrap_or(0.0);
        let input: Vec<f32> = (on_wire..on_wire + BLOCK).map(sample).collect();
        let time = BlockTime { input_ns, ..BlockTime::default() };
        self.stream.process(1, Input::Interleaved(&input), Output::None, time).unwrap();
        self.fed += BLOCK;
    }

    fn run(&mut self, blocks: i64) {
        (0..blocks).for_each(|_| self.block_with(0));
    }

    fn record(&self, timing: Timing, align: Align, frames: i64) -> Recording {
        let buffer = Buffer::zeros(frames, 1, 0).unwrap();
        let params = RecordParams { timing, align, ..RecordParams::default() };
        Recording { action: self.stream.record_buffer(&buffer, None, &params).unwrap(), buffer }
    }

    fn receipt(&self, recording: &Recording) -> Measured {
        let receipt = self.stream.action(recording.action).unwrap();
        assert_eq!(receipt.outcome, Some(Outcome::Completed));
        receipt.measured
    }

    fn input_stamps(&self) -> Stamps {
        self.stream.time(Direction::Input).unwrap().stamps
    }
}

struct Recording {
    action: i64,
    buffer: Arc<Buffer>,
}

fn at(frame: i64) -> Timing {
    Timing { start: StartAt::Frame(frame), ..Timing::default() }
}

/// Recordings that begin and end at many distances from a slip of `lost` frames, all that is alive then, with
/// the frame at which the input slipped.
fn recordings_around_a_slip(lost: i64) -> (Device, Vec<Recording>, i64) {
    let mut device = Device::new();
    device.run(3 * RATE / BLOCK);
    let slip = device.fed + 40 * BLOCK;
    let mut recordings = Vec::new();
    for start in (-30..=30).map(|blocks| slip + blocks * BLOCK + 5) {
        for frames in [1, 50, BLOCK, 3 * BLOCK + 7, 20 * BLOCK, 33 * BLOCK] {
            recordings.push(device.record(at(start), Align::Callback, frames));
        }
    }
    device.run(40);
    device.lost += lost;
    device.run(80);
    (device, recordings, slip)
}

#[test]
fn a_slip_is_in_the_receipt_of_every_action_alive_across_it_however_soon_that_ended() {
    for lost in [BLOCK, 3 * BLOCK, 1_000] {
        let (device, recordings, slip) = recordings_around_a_slip(lost);
        for recording in &recordings {
            let receipt = device.receipt(recording);
            let (start, end) = (receipt.start_frame, receipt.end_frame);
            let expected = match () {
                _ if end <= slip => 0..=0,
                // Unless whole blocks are lost, it may still be a stamp or two out of place.
                _ if lost % BLOCK != 0 && end < slip + SUSPICION * BLOCK => 0..=1,
                _ if start < slip => 1..=1,
                // It had begun before the step was recognised.
                _ if start < slip + RECOGNITION * BLOCK => 0..=1,
                _ => 0..=0,
            };
            let (found, away) = (receipt.discontinuities, (start - slip, end - slip));
            assert!(expected.contains(&found), "{lost} frames lost: {found} in a recording at {away:?}");
        }
        let stats = device.stream.stats();
        assert_eq!((stats.output_discontinuities, stats.input_discontinuities), (0, 1));
    }
}

#[test]
fn no_receipt_is_surer_of_its_times_than_a_slip_leaves_it() {
    for lost in [BLOCK, 3 * BLOCK, 1_000] {
        let (device, recordings, slip) = recordings_around_a_slip(lost);
        // What lies in one block has one time, whatever was lost before it.
        let true_ns = |frame: i64| device.input_ns(if frame < slip { frame - lost } else { frame });
        for receipt in recordings.iter().map(|recording| device.receipt(recording)) {
            let last = receipt.end_frame - 1;
            let end_ns = true_ns(last) + device.ns(1) - device.ns(0);
            let errors = [receipt.start_host_ns - true_ns(receipt.start_frame), receipt.end_host_ns - end_ns];
            for error in errors {
                assert!(error.abs() <= receipt.host_uncertainty_ns, "{error} ns off: {receipt:?}");
            }
        }
        let long_ago = |receipt: &Measured| receipt.start_frame > slip + RECOGNITION * BLOCK;
        let sure = recordings.iter().map(|recording| device.receipt(recording)).filter(long_ago);
        assert!(sure.clone().count() > 100);
        sure.for_each(|receipt| assert!(receipt.host_uncertainty_ns < 20_000, "{receipt:?}"));
    }
}

#[test]
fn one_stamp_out_of_place_counts_for_nothing_unless_whole_blocks_seem_lost_where_an_action_ends() {
    assert_eq!(counted_at_a_stamp_out_by(3_000_000), [0, 0, 0, 0]);
    assert_eq!(counted_at_a_stamp_out_by(2 * BLOCK * 1_000_000_000 / RATE), [1, 0, 0, 0]);
}

/// What recordings count that end in the block of a single late stamp, in the next, and later.
fn counted_at_a_stamp_out_by(ns: i64) -> [u64; 4] {
    let mut device = Device::new();
    device.run(3 * RATE / BLOCK);
    let out = device.fed + 20 * BLOCK;
    let ends = [out + 10, out + BLOCK + 10, out + 5 * BLOCK, out + 40 * BLOCK];
    let recordings = ends.map(|end| device.record(at(out - 500), Align::Callback, end - out + 500));
    device.run(20);
    device.block_with(ns);
    device.run(60);
    assert_eq!(device.stream.stats().input_discontinuities, 0);
    recordings.each_ref().map(|recording| device.receipt(recording).discontinuities)
}

#[test]
fn blocks_lost_again_and_again_leave_good_stamps_usable() {
    let mut device = Device::new();
    device.run(3 * RATE / BLOCK);
    for slips in 1..=25 {
        device.lost += BLOCK * (1 + slips % 3);
        device.run(RATE * 2 / 5 / BLOCK);
        assert_eq!(device.input_stamps(), Stamps::Usable, "after {slips} slips, one each 0.4 s");
        assert_eq!(device.stream.stats().input_discontinuities as i64, slips);
        let host_ns = device.stream.host_time_at(Direction::Input, HostClock::Monotonic, device.fed).unwrap();
        assert!((host_ns - device.input_ns(device.fed)).abs() < 5_000);
    }
}

#[test]
fn the_round_trip_of_halves_with_stamps_is_known_once_they_have_settled_and_follows_slips_and_biases() {
    let mut device = Device::new();
    device.run(10);
    assert_eq!(device.stream.info().round_trip_frames, None);
    let params = RecordParams { align: Align::RoundTrip, ..RecordParams::default() };
    let error = device.stream.record_buffer(&Buffer::zeros(5, 1, 0).unwrap(), None, &params).unwrap_err();
    assert_eq!(error.code, Code::Unsupported, "{error}");
    device.run(3 * RATE / BLOCK);
    assert_eq!(device.stream.info().round_trip_frames, Some(ROUND_TRIP));
    assert_eq!(device.stream.time(Direction::Output).unwrap().latency_source, LatencySource::Reported);
    device.lost += 2 * BLOCK;
    device.run(100);
    assert_eq!(device.stream.info().round_trip_frames, Some(ROUND_TRIP - 2 * BLOCK));
    // 480 frames more from the callback to the converter.
    device.stream.set_latency_bias(Direction::Output, 10_000_000).unwrap();
    assert_eq!(device.stream.info().round_trip_frames, Some(ROUND_TRIP - 2 * BLOCK + 480));
    device.stream.stop().unwrap();
    assert_eq!(device.stream.info().round_trip_frames, None);
}

#[test]
fn a_recording_aligned_by_the_round_trip_begins_with_the_sound_before_and_after_slips() {
    let mut device = Device::new();
    device.run(3 * RATE / BLOCK);
    for slips in 0..5 {
        let frame = device.played.len() as i64 + 1_000 + 77 * slips;
        let sound = Buffer::copy(&[0.5, 0.25, 0.125], 3, 1, 0).unwrap();
        let params = PlayParams { timing: at(frame), ..PlayParams::default() };
        device.stream.play_buffer(&sound, None, None, &params).unwrap();
        let recording = device.record(at(frame), Align::RoundTrip, 5);
        device.run(30);
        let mut heard = [0.0; 5];
        recording.buffer.read(0, &mut heard).unwrap();
        assert_eq!(heard, [0.5, 0.25, 0.125, 0.0, 0.0], "after {slips} slips");
        device.lost += BLOCK;
        device.run(100);
    }
}

#[test]
fn play_and_record_at_one_host_time_stay_together_across_slips() {
    let mut device = Device::new();
    device.run(3 * RATE / BLOCK);
    for slips in 0..5 {
        let ns = device.ns(device.played.len() as i64 + 2_000 + 77 * slips);
        let start = StartAt::HostTime(HostTime { ns, clock: HostClock::Monotonic });
        let timing = Timing { start, ..Timing::default() };
        let sound = Buffer::copy(&[0.5, 0.25, 0.125], 3, 1, 0).unwrap();
        let params = PlayParams { timing, ..PlayParams::default() };
        device.stream.play_buffer(&sound, None, None, &params).unwrap();
        let recording = device.record(timing, Align::Callback, 5);
        device.run(40);
        let mut heard = [0.0; 5];
        recording.buffer.read(0, &mut heard).unwrap();
        assert_eq!(heard, [0.5, 0.25, 0.125, 0.0, 0.0], "after {slips} slips");
        device.lost += BLOCK;
        device.run(100);
    }
}
