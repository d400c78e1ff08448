//! Sound through a real JACK server: where it arrives, as this library and an independent client hear it,
//! and what becomes of it when the server goes away.

#![cfg(target_os = "linux")]

mod servers;
mod sounds;

use std::sync::Arc;
use std::time::{Duration, Instant};

use servers::jackd::Jackd;
use servers::recorder::{Recorder, wire};
use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::device::Direction;
use sonset::receipt::{ActionState, Outcome};
use sonset::stream::{Config, PlayParams, RecordParams, State, Stream};
use sounds::{
    PULSES, RATE, at, check_detected_pulses, distances, ended, onsets, play_at, pulse, random_frames, read,
    record_at, wait_for_state,
};

fn open(server: &Jackd) -> Stream {
    Stream::open(&config(server)).unwrap()
}

fn config(server: &Jackd) -> Config {
    Config {
        backend: Some(Backend::Jack),
        output_channels: 1,
        input_channels: 1,
        options: format!("server={}; output_ports=input_1", server.name()),
        ..Config::default()
    }
}

/// Plays pulses at random frames while it records, with an independent client beside it.
fn pulses_through_the_server(period: u32) {
    let server = Jackd::start(RATE, period, 2);
    let stream = open(&server);
    stream.start().unwrap();
    let listener = Recorder::start(server.name(), &["sonset:output_1"]);

    let begin = stream.time(Direction::Output).unwrap().earliest_frame + RATE as i64 / 4;
    let frames = random_frames(begin, PULSES);
    let length = frames[PULSES - 1] - begin + RATE as i64 / 4;
    let recording = Buffer::zeros(length, 1, RATE as i32).unwrap();
    let recorder = record_at(&stream, &recording, begin);
    let pulse = pulse();
    let plays: Vec<i64> = frames.iter().map(|&frame| play_at(&stream, &pulse, frame)).collect();

    let recorded = ended(&stream, recorder, Duration::from_secs(30));
    assert_eq!((recorded.outcome, recorded.measured.start_frame), (Some(Outcome::Completed), begin));
    for (&action, &frame) in plays.iter().zip(&frames) {
        let receipt = ended(&stream, action, Duration::from_secs(1));
        assert_eq!(receipt.outcome, Some(Outcome::Completed));
        assert_eq!((receipt.measured.start_frame, receipt.measured.done_frames), (frame, 1));
    }
    let heard: Vec<i64> = onsets(&read(&recording, length)).iter().map(|frame| frame + begin).collect();
    let offsets: Vec<i64> = heard.iter().zip(&frames).map(|(heard, frame)| heard - frame).collect();
    assert_eq!(heard.len(), PULSES);
    assert_eq!(offsets, vec![period as i64; PULSES], "one constant offset: a period, as the wire has it");
    assert_eq!(stream.info().opened.round_trip_frames, Some(period as i64));

    let listened = listener.finish();
    assert_eq!(listened.lost_frames, 0, "the listener itself missed frames");
    let independent = onsets(&listened.channel(0, 1));
    assert_eq!(independent.len(), PULSES);
    assert_eq!(distances(&independent), distances(&frames));
}

#[test]
fn pulses_arrive_where_they_were_scheduled_with_64_frames_a_period() {
    pulses_through_the_server(64);
}

#[test]
fn pulses_arrive_where_they_were_scheduled_with_128_frames_a_period() {
    pulses_through_the_server(128);
}

#[test]
fn pulses_arrive_where_they_were_scheduled_with_1024_frames_a_period() {
    pulses_through_the_server(1024);
}

#[test]
fn a_voice_key_finds_pulses_at_the_exact_frame() {
    for period in [64, 256] {
        let server = Jackd::start(RATE, period, 2);
        let stream = open(&server);
        stream.start().unwrap();
        check_detected_pulses(&stream, period as i64);
    }
}

#[test]
fn a_recording_aligned_by_the_round_trip_begins_with_the_sound_it_began_with() {
    let server = Jackd::start(RATE, 256, 2);
    let stream = open(&server);
    stream.start().unwrap();
    let begin = stream.time(Direction::Output).unwrap().earliest_frame + 4_800;
    let recording = Buffer::zeros(100, 1, 0).unwrap();
    let params = RecordParams {
        timing: at(begin),
        align: sonset::stream::Align::RoundTrip,
        ..RecordParams::default()
    };
    let recorder = stream.record_buffer(&recording, None, &params).unwrap();
    play_at(&stream, &pulse(), begin);
    let receipt = ended(&stream, recorder, Duration::from_secs(5));
    assert_eq!(receipt.measured.start_frame, begin + 256);
    assert_eq!(onsets(&read(&recording, 100)), [0]);
}

/// A stream with a long sound, a recording that has begun, and 50 actions that have not.
struct Busy {
    stream: Stream,
    recording: Arc<Buffer>,
    recorder: i64,
    sound: i64,
    pending: Vec<i64>,
}

fn busy(server: &Jackd) -> Busy {
    let stream = open(server);
    stream.start().unwrap();
    let tone: Vec<f32> = (0..RATE * 30).map(|n| (n % 100) as f32 / 200.0).collect();
    let tone = Buffer::copy(&tone, RATE as i64 * 30, 1, 0).unwrap();
    let recording = Buffer::zeros(RATE as i64 * 30, 1, 0).unwrap();
    let begin = stream.time(Direction::Output).unwrap().earliest_frame;
    let recorder = record_at(&stream, &recording, begin);
    let sound = play_at(&stream, &tone, begin);
    let pulse = pulse();
    let pending = (0..50).map(|n| play_at(&stream, &pulse, begin + RATE as i64 * (100 + n))).collect();
    stream.wait_action(sound, ActionState::Started, Duration::from_secs(5)).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    Busy { stream, recording, recorder, sound, pending }
}

impl Busy {
    /// Every action has its receipt by now, each with its own outcome, and what was recorded is there.
    fn check_all_lost(&self) {
        for &action in self.pending.iter().chain([&self.sound, &self.recorder]) {
            let receipt = ended(&self.stream, action, Duration::from_millis(100));
            assert_eq!(receipt.outcome, Some(Outcome::DeviceLost), "{receipt:?}");
        }
        let mut polled = std::collections::HashSet::new();
        while let Ok(receipt) = self.stream.poll_receipt() {
            assert!(polled.insert(receipt.asked.action), "a second receipt");
        }
        assert_eq!(polled.len(), 52);

        let receipt = self.stream.action(self.recorder).unwrap();
        let done = receipt.measured.done_frames;
        assert!(done > RATE as i64 / 10, "{done} frames recorded");
        assert_eq!(receipt.measured.end_frame, receipt.measured.start_frame + done);
        let samples = read(&self.recording, done);
        assert!(samples.iter().any(|&sample| sample > 0.4), "the recording holds what was heard");
        let pulse = pulse();
        let refused = self.stream.play_buffer(&pulse, None, None, &PlayParams::default()).unwrap_err();
        assert_eq!(refused.code, sonset::error::Code::DeviceLost, "{refused}");
    }
}

fn plays_again() {
    let server = Jackd::start(RATE, 256, 2);
    let stream = open(&server);
    stream.start().unwrap();
    let action = stream.play_buffer(&pulse(), None, None, &PlayParams::default()).unwrap();
    assert_eq!(ended(&stream, action, Duration::from_secs(5)).outcome, Some(Outcome::Completed));
}

#[test]
fn a_killed_server_gives_every_action_its_receipt_and_keeps_what_was_recorded() {
    let mut server = Jackd::start(RATE, 256, 2);
    let busy = busy(&server);
    server.kill();
    wait_for_state(&busy.stream, State::Lost, Duration::from_secs(3));
    busy.check_all_lost();
    assert!(busy.stream.start().is_err(), "a lost stream does not reopen by itself");
    busy.stream.close();
    assert_eq!(busy.stream.state(), State::Closed);
    drop((busy, server));
    plays_again();
}

#[test]
fn a_frozen_server_gives_every_action_its_receipt_and_hangs_nothing() {
    let mut server = Jackd::start(RATE, 256, 2);
    let busy = busy(&server);
    server.sigstop();
    wait_for_state(&busy.stream, State::Lost, Duration::from_secs(8));
    busy.check_all_lost();
    let began = Instant::now();
    busy.stream.close();
    assert!(began.elapsed() < Duration::from_secs(5), "close took {:?}", began.elapsed());
    server.sigcont();
    drop((busy, server));
    plays_again();
}

#[test]
fn closing_while_the_server_is_frozen_gives_every_action_its_receipt_in_bounded_time() {
    let mut server = Jackd::start(RATE, 256, 2);
    let busy = busy(&server);
    server.sigstop();
    let began = Instant::now();
    busy.stream.close();
    assert!(began.elapsed() < Duration::from_secs(10), "close took {:?}", began.elapsed());
    busy.stream.close();
    for &action in busy.pending.iter().chain([&busy.sound, &busy.recorder]) {
        let receipt = busy.stream.action(action).unwrap();
        assert!(matches!(receipt.outcome, Some(Outcome::DeviceLost | Outcome::StreamStopped)), "{receipt:?}");
    }
    server.sigcont();
}

#[test]
fn a_stop_fades_out_and_a_start_goes_on_with_the_frame_numbers() {
    let server = Jackd::start(RATE, 128, 2);
    let busy = busy(&server);
    busy.stream.stop().unwrap();
    let receipt = busy.stream.action(busy.sound).unwrap();
    assert_eq!(receipt.outcome, Some(Outcome::StreamStopped));
    let stopped_at = busy.stream.time(Direction::Output).unwrap().frame;
    assert!(receipt.measured.end_frame <= stopped_at);
    assert_eq!(receipt.measured.done_frames, receipt.measured.end_frame - receipt.measured.start_frame);
    busy.stream.start().unwrap();
    let listener = Recorder::start(server.name(), &["sonset:output_1"]);
    let frame = busy.stream.time(Direction::Output).unwrap().earliest_frame + 4_800;
    assert!(frame > stopped_at);
    let action = play_at(&busy.stream, &pulse(), frame);
    let receipt = ended(&busy.stream, action, Duration::from_secs(5));
    assert_eq!((receipt.outcome, receipt.measured.start_frame), (Some(Outcome::Completed), frame));
    listener.wait_for_frames(48_000 / 2, Duration::from_secs(5));
    assert_eq!(onsets(&listener.finish().channel(0, 1)).len(), 1);
}

#[test]
fn rewiring_by_another_client_while_it_plays_moves_no_onset() {
    let server = Jackd::start(RATE, 128, 2);
    let stream = open(&server);
    stream.start().unwrap();
    let listener = Recorder::start(server.name(), &["sonset:output_1"]);
    let begin = stream.time(Direction::Output).unwrap().earliest_frame + 4_800;
    let frames = random_frames(begin, 50);
    let pulse = pulse();
    let plays: Vec<i64> = frames.iter().map(|&frame| play_at(&stream, &pulse, frame)).collect();
    wire(listener.client(), "sonset:output_1", "system:playback_1");
    ended(&stream, plays[49], Duration::from_secs(10));
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(distances(&onsets(&listener.finish().channel(0, 1))), distances(&frames));
}

/// How far each value is from the straight line through all of them.
fn residuals(points: &[(f64, f64)]) -> Vec<f64> {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0 / count, sum.1 + p.1 / count));
    let (xx, xy) = points
        .iter()
        .fold((0.0, 0.0), |sum, p| (sum.0 + (p.0 - x) * (p.0 - x), sum.1 + (p.0 - x) * (p.1 - y)));
    points.iter().map(|p| p.1 - y - (p.0 - x) * xy / xx).collect()
}

#[test]
fn two_hundred_onsets_by_host_time_are_within_a_sample_where_an_independent_client_hears_them() {
    const RUNS: usize = 3;
    // A server that missed a cycle has lost wall time: such a run says nothing. Nor does a single one in which a busy
    // machine held the server up without an xrun.
    let mut off = 0;
    for _ in 0..RUNS {
        let server = Jackd::start(RATE, 256, 2);
        let stream = open(&server);
        stream.start().unwrap();
        let listener = Recorder::start(server.name(), &["sonset:output_1"]);
        std::thread::sleep(Duration::from_secs(10));

        let begin = sonset::clock::monotonic_ns() + 300_000_000;
        let times: Vec<i64> =
            (0..PULSES as i64).map(|n| begin + n * 50_000_000 + n * n * 12_347 % 20_000).collect();
        let pulse = pulse();
        let play = |&ns: &i64| {
            let time = sonset::action::HostTime { clock: sonset::action::HostClock::Monotonic, ns };
            let timing = sonset::stream::Timing {
                start: sonset::stream::StartAt::HostTime(time),
                ..Default::default()
            };
            let params = sonset::stream::PlayParams { timing, ..Default::default() };
            stream.play_buffer(&pulse, None, None, &params).unwrap()
        };
        let actions: Vec<i64> = times.iter().map(play).collect();
        let receipts: Vec<_> =
            actions.iter().map(|&action| ended(&stream, action, Duration::from_secs(30))).collect();
        std::thread::sleep(Duration::from_millis(200));
        let listened = listener.finish();
        if listened.xruns > 0 || listened.lost_frames > 0 || stream.stats().output_xruns > 0 {
            eprintln!("{} xruns: once more", listened.xruns);
            continue;
        }
        let heard = onsets(&listened.channel(0, 1));
        assert_eq!(heard.len(), PULSES);
        let points: Vec<_> =
            times.iter().zip(&heard).map(|(ns, frame)| ((ns - begin) as f64 * 1e-9, *frame as f64)).collect();
        let worst = residuals(&points).into_iter().fold(0.0, |worst: f64, off| worst.max(off.abs()));
        let uncertainty = receipts.iter().map(|receipt| receipt.measured.host_uncertainty_ns).max();
        eprintln!("largest residual {worst:.2} samples, largest uncertainty {uncertainty:?} ns");
        if worst > 1.0 {
            off += 1;
            assert!(off < RUNS, "{worst} samples, and more than one in each run");
            continue;
        }
        for (receipt, ns) in receipts.iter().zip(&times) {
            let off = receipt.measured.start_host_ns - ns;
            // Half a sample, and what the fit has moved since the start was decided on.
            let most = 10_417 + receipt.measured.host_uncertainty_ns;
            assert!(off.abs() <= most, "the receipt says {off} ns, at most {most}");
        }
        return;
    }
    eprintln!("SKIPPED: the server was held up in each of {RUNS} runs; this machine is too busy to tell");
}
