//! Host times on manual streams, with stamps whose true times the test knows.

use std::sync::Arc;

use sonset::action::{HostClock, HostTime, LatePolicy, When};
use sonset::backend::{Backend, BlockTime, Input, Output};
use sonset::buffer::Buffer;
use sonset::clock;
use sonset::device::Direction;
use sonset::error::Code;
use sonset::realtime::clock::Stamps;
use sonset::receipt::{LatencySource, Outcome, Receipt};
use sonset::stream::{Config, PlayParams, RecordParams, StartAt, Stream, Timing};

const RATE: i64 = 48_000;
const BLOCK: i64 = 256;
/// The device's clock is off by so much.
const PPM: f64 = 123.0;

/// A device that stamps each block with its true time and a noise.
struct Device {
    stream: Stream,
    frame: i64,
    /// Host time of frame 0.
    origin_ns: i64,
    ppm: f64,
    /// Half the width of a uniform noise.
    noise_ns: f64,
    /// How far the input's converter is behind the output's.
    round_trip_ns: i64,
    random: u64,
    heard: Vec<f32>,
}

impl Device {
    fn new(ppm: f64, noise_ns: f64) -> Self {
        let config = Config {
            backend: Some(Backend::Manual),
            sample_rate_hz: RATE as u32,
            output_channels: 1,
            input_channels: 1,
            ..Config::default()
        };
        let stream = Stream::open(&config).unwrap();
        stream.start().unwrap();
        let origin_ns = clock::monotonic_ns();
        Self { stream, frame: 0, origin_ns, ppm, noise_ns, round_trip_ns: 0, random: 7, heard: Vec::new() }
    }

    fn true_ns(&self, frame: i64) -> i64 {
        let nominal = frame as f64 * 1e9 / RATE as f64;
        self.origin_ns + (nominal / (1.0 + self.ppm * 1e-6)).round() as i64
    }

    /// The frame at a host time, not rounded.
    fn true_frame(&self, ns: i64) -> f64 {
        (ns - self.origin_ns) as f64 * 1e-9 * RATE as f64 * (1.0 + self.ppm * 1e-6)
    }

    fn noise(&mut self) -> i64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (((self.random >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0) * self.noise_ns) as i64
    }

    fn block(&mut self) {
        let output_ns = self.true_ns(self.frame) + self.noise();
        let input_ns = self.true_ns(self.frame) - self.round_trip_ns + self.noise();
        self.block_at(output_ns, input_ns);
    }

    fn block_at(&mut self, output_ns: i64, input_ns: i64) {
        let (input, mut output) = ([0.25; BLOCK as usize], [0.0; BLOCK as usize]);
        let time = BlockTime { output_ns, input_ns, ..BlockTime::default() };
        let output_door = Output::Interleaved(&mut output);
        self.stream.process(0, Input::Interleaved(&input), output_door, time).unwrap();
        self.heard.extend(output);
        self.frame += BLOCK;
    }

    fn run(&mut self, seconds: f64) {
        for _ in 0..(seconds * RATE as f64 / BLOCK as f64) as i64 {
            self.block();
        }
    }

    /// Plays a pulse at a host time.
    fn play(&self, buffer: &Arc<Buffer>, ns: i64) -> i64 {
        self.play_with(buffer, ns, LatePolicy::Play)
    }

    fn play_with(&self, buffer: &Arc<Buffer>, ns: i64, late: LatePolicy) -> i64 {
        let start = StartAt::HostTime(HostTime { clock: HostClock::Monotonic, ns });
        let timing = Timing { start, late, ..Timing::default() };
        let params = PlayParams { timing, ..PlayParams::default() };
        self.stream.play_buffer(buffer, None, None, &params).unwrap()
    }

    fn receipt(&self, action: i64) -> Receipt {
        self.stream.action(action).unwrap()
    }
}

fn at(ns: i64) -> When {
    When::Host(HostTime { clock: HostClock::Monotonic, ns })
}

fn pulse() -> Arc<Buffer> {
    Buffer::copy(&[0.5], 1, 1, 0).unwrap()
}

fn sound(frames: i64) -> Arc<Buffer> {
    Buffer::copy(&vec![0.5; frames as usize], frames, 1, 0).unwrap()
}

#[test]
fn a_start_at_the_host_time_of_a_frame_is_at_that_frame() {
    for ppm in [0.0, PPM, -500.0] {
        let mut device = Device::new(ppm, 0.0);
        device.run(2.0);
        let pulse = pulse();
        let frames: Vec<i64> = (0..400).map(|n| device.frame + 700 + n * 377).collect();
        let actions: Vec<i64> =
            frames.iter().map(|&frame| device.play(&pulse, device.true_ns(frame))).collect();
        device.run(5.0);
        for (action, frame) in actions.iter().zip(&frames) {
            let receipt = device.receipt(*action);
            assert_eq!(receipt.measured.start_frame, *frame, "{ppm} ppm");
            assert_eq!(receipt.measured.requested_frame, Some(*frame));
            assert_eq!(receipt.measured.late_frames, 0);
            let error = receipt.measured.start_host_ns - device.true_ns(*frame);
            assert!(error.abs() <= 200, "{error} ns off at {ppm} ppm");
            assert!((0..=1_000).contains(&receipt.measured.host_uncertainty_ns), "{receipt:?}");
        }
        let onsets = (0i64..).zip(&device.heard).filter(|(_, sample)| **sample != 0.0);
        assert_eq!(onsets.map(|(frame, _)| frame).collect::<Vec<_>>(), frames);
    }
}

#[test]
fn pairs_in_host_time_are_a_sample_apart_at_most_from_what_was_asked_under_50_us_of_noise() {
    let mut device = Device::new(PPM, 50_000.0);
    device.run(30.0);
    let pulse = pulse();
    let apart_ns = 100_000_000;
    let mut pairs = Vec::new();
    for n in 0..1_000 {
        let first = device.true_ns(device.frame + 2_000) + n * 7_919 % 20_833;
        pairs.push((device.play(&pulse, first), device.play(&pulse, first + apart_ns)));
        device.run(0.2);
    }
    device.run(1.0);
    let wanted = apart_ns as f64 * 1e-9 * RATE as f64 * (1.0 + PPM * 1e-6);
    let start = |action: i64| device.receipt(action).measured.start_frame;
    let off = |pair: &&(i64, i64)| ((start(pair.1) - start(pair.0)) as f64 - wanted).abs() > 1.0;
    let wrong = pairs.iter().filter(off).count();
    assert!(wrong <= pairs.len() / 100, "{wrong} of {} pairs are off", pairs.len());
}

#[test]
fn a_million_pairs_in_frames_are_exact_under_any_noise_of_the_stamps() {
    for noise_ns in [50_000.0, 5e6, 1e9] {
        let mut device = Device::new(PPM, noise_ns);
        let pulse = pulse();
        for round in 0..8_600 {
            let first = device.frame + 13 + round % 97;
            let frames: Vec<i64> = (0..40).map(|n| first + n * 20).collect();
            let play = |&frame: &i64| {
                let timing = Timing { start: StartAt::Frame(frame), ..Timing::default() };
                let params = PlayParams { timing, ..PlayParams::default() };
                device.stream.play_buffer(&pulse, None, None, &params).unwrap()
            };
            let actions: Vec<i64> = frames.iter().map(play).collect();
            device.run(0.03);
            let starts = actions.iter().map(|&action| device.receipt(action).measured.start_frame);
            assert_eq!(starts.collect::<Vec<_>>(), frames);
        }
    }
}

#[test]
fn a_start_ten_minutes_ahead_is_as_exact_as_one_10_ms_ahead() {
    let mut device = Device::new(PPM, 50_000.0);
    device.run(5.0);
    let pulse = pulse();
    let far_ns = device.true_ns(device.frame) + 600_000_000_000;
    let far = device.play(&pulse, far_ns);
    device.run(599.9);
    let near_ns = device.true_ns(device.frame) + 20_000_000;
    let near = device.play(&pulse, near_ns);
    device.run(0.5);
    for (action, ns) in [(far, far_ns), (near, near_ns)] {
        let off = device.receipt(action).measured.start_frame as f64 - device.true_frame(ns);
        assert!(off.abs() <= 1.0, "{off} frames off");
    }
}

#[test]
fn late_policies_hold_for_host_times() {
    let mut device = Device::new(0.0, 0.0);
    device.run(2.0);
    let (now, sound) = (device.frame, sound(1_000));
    let ns = device.true_ns(now - 300);
    let actions = [LatePolicy::Play, LatePolicy::Skip, LatePolicy::Drop].map(|late| {
        let action = device.play_with(&sound, ns, late);
        (late, action)
    });
    device.run(0.1);
    for (late, action) in actions {
        let Receipt { outcome, measured, .. } = device.receipt(action);
        assert_eq!((measured.requested_frame, measured.late_frames), (Some(now - 300), 300), "{late:?}");
        let (wanted, done) = match late {
            LatePolicy::Play => (Outcome::Completed, 1_000),
            LatePolicy::Skip => (Outcome::Completed, 700),
            LatePolicy::Drop => (Outcome::DroppedLate, 0),
        };
        assert_eq!((outcome, measured.done_frames), (Some(wanted), done), "{late:?}");
    }
}

#[test]
fn cancels_and_gains_take_effect_at_the_frame_of_their_host_time() {
    let mut device = Device::new(PPM, 0.0);
    device.run(2.0);
    let (begin, long) = (device.frame + 2_000, sound(100_000));
    let playing = device.play(&long, device.true_ns(begin));
    let pending = device.play(&long, device.true_ns(begin + 50_000));
    device.stream.cancel(playing, at(device.true_ns(begin + 20_000)), 4_800).unwrap();
    device.stream.cancel(pending, at(device.true_ns(begin + 30_000)), -1).unwrap();
    device.stream.set_master_gain(at(device.true_ns(begin + 5_000)), -20.0, -1).unwrap();
    device.run(3.0);
    let Receipt { outcome, measured, .. } = device.receipt(playing);
    assert_eq!(
        (outcome, measured.start_frame, measured.end_frame),
        (Some(Outcome::Stopped), begin, begin + 20_000)
    );
    let Receipt { outcome, measured, .. } = device.receipt(pending);
    assert_eq!((outcome, measured.end_frame), (Some(Outcome::Cancelled), begin + 30_000));
    let heard = |frame: i64| device.heard[frame as usize];
    assert_eq!([heard(begin - 1), heard(begin), heard(begin + 4_999)], [0.0, 0.5, 0.5]);
    assert!((heard(begin + 5_000) - 0.05).abs() < 1e-6, "{}", heard(begin + 5_000));
    let faded = heard(begin + 17_600) / heard(begin + 15_000);
    assert!((faded - 0.5).abs() < 0.01, "half way through the fade: {faded}");
    assert!(heard(begin + 19_999) > 0.0 && heard(begin + 20_000) == 0.0);
}

#[test]
fn what_is_asked_of_one_action_is_done_at_the_frame_of_its_host_time() {
    for ppm in [0.0, PPM, -500.0] {
        let mut device = Device::new(ppm, 0.0);
        device.run(2.0);
        let start = device.frame + 3_000;
        let action = device.play(&sound(60_000), device.true_ns(start));
        let pending = device.play(&sound(100), device.true_ns(start + 90_000));
        let (gain, pause, resume, new_start) =
            (start + 9_001, start + 20_003, start + 33_333, start + 40_007);
        device.stream.set_gain(action, at(device.true_ns(gain)), -6.0, 100, false).unwrap();
        // Replaced by the next one.
        device.stream.pause(action, at(device.true_ns(start + 100)), -1).unwrap();
        device.stream.pause(action, at(device.true_ns(pause)), 480).unwrap();
        device.stream.resume(action, at(device.true_ns(resume)), 480).unwrap();
        device.stream.reschedule(pending, at(device.true_ns(new_start))).unwrap();
        let seek = start + 35_011;
        device.stream.seek(action, at(device.true_ns(seek)), 50_000, -1).unwrap();
        device.run(3.0);
        let measured = device.receipt(action).measured;
        assert_eq!((measured.start_frame, measured.gain.frame), (start, gain), "{ppm} ppm");
        assert_eq!((measured.pauses.frame, measured.pauses.resumed_frame), (pause, resume), "{ppm} ppm");
        assert_eq!((measured.seek_frame, measured.end_frame), (seek, seek + 10_000));
        let heard = |frame: i64| device.heard[frame as usize];
        assert_eq!((heard(gain - 1), heard(gain) < 0.5), (0.5, true));
        assert_eq!((heard(pause - 1) > 0.0, heard(pause)), (true, 0.0));
        assert_eq!((heard(resume - 1), heard(resume) > 0.0), (0.0, true));
        let Receipt { measured, asked, .. } = device.receipt(pending);
        assert_eq!((measured.start_frame, asked.requested_host_ns), (new_start, device.true_ns(new_start)));
    }
}

#[test]
fn the_earliest_of_cancels_by_frame_and_by_host_time_counts() {
    for (frame, host) in [(8_000, 9_000), (9_000, 8_000), (-1_500, 5_000), (5_000, -1_500)] {
        let mut device = Device::new(0.0, 0.0);
        device.run(2.0);
        let begin = device.frame + 2_000;
        let action = device.play(&sound(48_000), device.true_ns(begin));
        device.stream.cancel(action, Some(begin + frame), -1).unwrap();
        device.stream.cancel(action, at(device.true_ns(begin + host)), -1).unwrap();
        device.run(1.5);
        let Receipt { outcome, measured, .. } = device.receipt(action);
        let (end, started) = (begin + frame.min(host), frame.min(host) > 0);
        assert_eq!(measured.end_frame, end, "frame {frame}, host {host}");
        assert_eq!(outcome, Some(if started { Outcome::Stopped } else { Outcome::Cancelled }));
    }
}

#[test]
fn realtime_is_converted_by_what_it_is_set_to() {
    let mut device = Device::new(0.0, 0.0);
    device.run(2.0);
    let offset = clock::realtime_offset_ns();
    let frame = device.frame + 10_000;
    let time = HostTime { clock: HostClock::Realtime, ns: device.true_ns(frame) + offset };
    let timing = Timing { start: StartAt::HostTime(time), ..Timing::default() };
    let params = PlayParams { timing, ..PlayParams::default() };
    let action = device.stream.play_buffer(&pulse(), None, None, &params).unwrap();
    assert!((device.stream.frame_at(Direction::Output, time).unwrap() - frame).abs() <= 1);
    let back = device.stream.host_time_at(Direction::Output, HostClock::Realtime, frame).unwrap();
    assert!((back - time.ns).abs() < 20_000, "{} ns", back - time.ns);
    device.run(1.0);
    let receipt = device.receipt(action);
    assert!((receipt.measured.start_frame - frame).abs() <= 1, "{receipt:?}");
    assert_eq!((receipt.asked.requested_host_ns, receipt.asked.start_clock), (time.ns, 2));
}

#[test]
fn a_frame_whose_time_no_clock_can_tell_is_refused() {
    let mut device = Device::new(0.0, 0.0);
    device.run(2.0);
    let time_of = |frame| device.stream.host_time_at(Direction::Output, HostClock::Monotonic, frame);
    assert!(time_of(1 << 40).is_ok() && time_of(-(1 << 40)).is_ok());
    for frame in [i64::MAX, i64::MIN, (1 << 53) + 1, -(1 << 53) - 1, 1 << 53, -(1 << 53)] {
        let error = time_of(frame).unwrap_err();
        assert_eq!(error.code, Code::InvalidArgument);
        assert!(error.message.contains(&frame.to_string()), "{}", error.message);
    }
}

#[test]
fn a_bias_moves_every_conversion_and_is_said_in_receipts() {
    let mut device = Device::new(0.0, 0.0);
    device.round_trip_ns = 10_000_000;
    device.run(2.0);
    let convert = |device: &Device, direction| {
        let ns = device.stream.host_time_at(direction, HostClock::Monotonic, 96_000).unwrap();
        ns - device.true_ns(96_000)
    };
    assert!(convert(&device, Direction::Output).abs() <= 100);
    assert!((convert(&device, Direction::Input) + 10_000_000).abs() <= 100);
    device.stream.set_latency_bias(Direction::Output, 3_000_000).unwrap();
    device.stream.set_latency_bias(Direction::Input, 2_000_000).unwrap();
    assert!((convert(&device, Direction::Output) - 3_000_000).abs() <= 100, "sound leaves later");
    assert!((convert(&device, Direction::Input) + 12_000_000).abs() <= 100, "and came in earlier");

    let frame = device.frame + 4_800;
    let ns = device.true_ns(frame) + 3_000_000;
    let action = device.play(&pulse(), ns);
    device.run(0.5);
    let measured = device.receipt(action).measured;
    assert_eq!((measured.start_frame, measured.latency_source), (frame, LatencySource::Calibrated));
    assert!((measured.start_host_ns - ns).abs() <= 200);
    assert_eq!(
        device.stream.set_latency_bias(Direction::Output, i64::MIN).unwrap_err().code,
        Code::InvalidArgument
    );
}

#[test]
fn a_recording_at_a_host_time_begins_with_the_frame_that_was_at_its_converter_then() {
    let mut device = Device::new(PPM, 0.0);
    device.round_trip_ns = 12_345_678;
    device.run(2.0);
    let ns = device.true_ns(device.frame + 3_000);
    let buffer = Buffer::zeros(100, 1, 0).unwrap();
    let timing = Timing {
        start: StartAt::HostTime(HostTime { clock: HostClock::Monotonic, ns }),
        ..Timing::default()
    };
    let action = device
        .stream
        .record_buffer(&buffer, None, &RecordParams { timing, ..RecordParams::default() })
        .unwrap();
    device.run(1.0);
    let start = device.receipt(action).measured.start_frame;
    let wanted = device.true_frame(ns + device.round_trip_ns);
    assert!((start as f64 - wanted).abs() <= 0.51, "{start} for {wanted}");
}

#[test]
fn a_step_in_the_stamps_is_counted_in_the_receipts_of_what_it_hit_and_in_no_other() {
    let mut device = Device::new(PPM, 20_000.0);
    device.run(10.0);
    let now = device.frame;
    let play = |device: &Device, frame: i64, frames: i64| {
        let timing = Timing { start: StartAt::Frame(frame), ..Timing::default() };
        device
            .stream
            .play_buffer(&sound(frames), None, None, &PlayParams { timing, ..PlayParams::default() })
            .unwrap()
    };
    let before = play(&device, now, 4_800);
    let hit = play(&device, now, 48_000);
    device.run(0.2);
    device.origin_ns += 5_333_333;
    device.run(0.5);
    let after = play(&device, device.frame, 4_800);
    device.run(2.0);
    let steps = [before, hit, after].map(|action| device.receipt(action).measured.discontinuities);
    assert_eq!(steps, [0, 1, 0]);
    assert_eq!(device.stream.stats().output_discontinuities, 1);
    let time = device.stream.time(Direction::Output).unwrap();
    let error = (time.host_ns - device.true_ns(device.frame)).abs();
    assert!(error <= time.uncertainty_ns, "{error} ns off, {} ns stated", time.uncertainty_ns);
}

#[test]
fn without_times_a_host_time_is_refused_and_what_waited_ends_with_the_stream() {
    let mut device = Device::new(0.0, 0.0);
    let waiting = device.play(&pulse(), device.origin_ns + 1_000);
    device.block_at(0, 0);
    let start = StartAt::HostTime(HostTime { clock: HostClock::Monotonic, ns: device.origin_ns });
    let timing = Timing { start, ..Timing::default() };
    let params = PlayParams { timing, ..PlayParams::default() };
    assert_eq!(device.stream.play_buffer(&pulse(), None, None, &params).unwrap_err().code, Code::NoClock);
    assert_eq!(device.stream.cancel(waiting, at(0), 0).unwrap_err().code, Code::NoClock);
    assert_eq!(device.stream.set_master_gain(at(0), 0.0, 0).unwrap_err().code, Code::NoClock);
    let time = HostTime { clock: HostClock::Monotonic, ns: 0 };
    assert_eq!(device.stream.frame_at(Direction::Output, time).unwrap_err().code, Code::NoClock);
    let time = device.stream.time(Direction::Output).unwrap();
    assert_eq!((time.host_ns, time.uncertainty_ns, time.stamps), (-1, -1, Stamps::None));
    device.stream.stop().unwrap();
    assert_eq!(device.receipt(waiting).outcome, Some(Outcome::StreamStopped));
}

#[test]
fn ppm_is_positive_for_a_device_that_is_fast() {
    for ppm in [-300.0, 0.0, 123.0] {
        let mut device = Device::new(ppm, 0.0);
        device.run(10.0);
        let time = device.stream.time(Direction::Output).unwrap();
        assert!((time.ppm - ppm).abs() < 0.05, "{} ppm for {ppm}", time.ppm);
        assert_eq!(time.latency_source, LatencySource::Reported);
    }
}

#[test]
fn a_host_time_one_frame_before_the_first_is_a_frame_like_any_other() {
    let mut device = Device::new(0.0, 0.0);
    device.run(2.0);
    let sound = sound(10);
    // Whatever the fit rounds to, -1 is among them.
    let actions: Vec<i64> =
        (-3..=1).map(|frame| device.play_with(&sound, device.true_ns(frame), LatePolicy::Play)).collect();
    let pending = device.receipt(actions[0]);
    assert_eq!(pending.requested_frame(), None, "not known yet");
    device.run(0.1);
    let asked: Vec<i64> =
        actions.iter().map(|&action| device.receipt(action).requested_frame().unwrap()).collect();
    assert!(asked.contains(&-1) && asked.is_sorted(), "{asked:?}");
    for (&action, &frame) in actions.iter().zip(&asked) {
        let measured = device.receipt(action).measured;
        assert_eq!(measured.start_frame - measured.late_frames, frame);
    }
}
