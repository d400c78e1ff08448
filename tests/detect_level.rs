//! The voice key: what it finds, when it says so, and what follows it.

mod bustle;
mod offline;
mod sounds;

use std::process::Command;
use std::time::{Duration, Instant};

use bustle::Random;
use offline::{Definition, Sound};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sonset::action::{AfterPolicy, LatePolicy};
use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::device::Direction;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::receipt::{ActionState, NONE, Outcome, Reason, Receipt};
use sonset::stream::{Config, DetectParams, PlayParams, RecordParams, StartAt, Stream, Timing};
use sounds::{at, pulse, random_frames};

const RATE: u32 = 48_000;

/// A started manual stream of one output and some inputs.
fn manual(rate: u32, inputs: u32, options: &str) -> Stream {
    let config = Config {
        backend: Some(Backend::Manual),
        sample_rate_hz: rate,
        output_channels: 1,
        input_channels: inputs,
        options: options.into(),
        ..Config::default()
    };
    let stream = Stream::open(&config).unwrap();
    stream.start().unwrap();
    stream
}

/// One duplex block with `input`, interleaved; gives the output.
fn block(stream: &Stream, input: &[f32], inputs: usize) -> Vec<f32> {
    let mut output = vec![0.0; input.len() / inputs];
    let out = Output::Interleaved(&mut output);
    stream.process(0, Input::Interleaved(input), out, BlockTime::default()).unwrap();
    output
}

/// All of `input` of one channel in blocks of random sizes; gives the output.
fn run(stream: &Stream, input: &[f32], random: &mut Random) -> Vec<f32> {
    let mut output = Vec::new();
    while output.len() < input.len() {
        let frames = (1 + random.below(700) as usize).min(input.len() - output.len());
        output.extend(block(stream, &input[output.len()..output.len() + frames], 1));
    }
    output
}

/// A detector of pulses: every frame from `threshold` on is a sound.
fn pulses(timing: Timing, threshold: f64) -> DetectParams {
    DetectParams {
        timing,
        threshold,
        minimum_frames: 1,
        hold_off_frames: 1,
        gap_frames: 1,
        ..Default::default()
    }
}

fn after(action: i64, offset: i64) -> Timing {
    Timing { start: StartAt::After { action, offset }, ..Timing::default() }
}

fn receipt(stream: &Stream, action: i64) -> Receipt {
    stream.action(action).unwrap()
}

/// Outcome, onset and offset.
fn found(stream: &Stream, action: i64) -> (Option<Outcome>, i64, i64) {
    let receipt = receipt(stream, action);
    (receipt.outcome, receipt.measured.detection.frame, receipt.measured.detection.end_frame)
}

/// What a detector on a manual stream of `channels` makes of them, in blocks of the sizes that `next` gives.
fn hear(rate: u32, channels: &[&[f32]], params: &DetectParams, mut next: impl FnMut() -> usize) -> Receipt {
    let stream = manual(rate, channels.len() as u32, "");
    let map: Vec<i32> = (1..=channels.len() as i32).collect();
    let action = stream.detect_level(Some(&map), params).unwrap();
    let frames = channels[0].len();
    let mut heard = 0;
    while heard < frames {
        let to = (heard + next()).min(frames);
        let input: Vec<f32> =
            (heard..to).flat_map(|n| channels.iter().map(move |channel| channel[n])).collect();
        block(&stream, &input, channels.len());
        heard = to;
    }
    let receipt = receipt(&stream, action);
    Receipt { asked: sonset::receipt::Asked { action: 0, ..receipt.asked }, realtime_offset_ns: 0, ..receipt }
}

/// Fails unless `receipt` says what the offline detector says of the same input.
fn check_against(expected: Option<Sound>, receipt: &Receipt, hold_off: i64, what: &dyn std::fmt::Debug) {
    let detection = receipt.measured.detection;
    assert_eq!(detection.frame, expected.map_or(NONE, |sound| sound.onset), "{what:?}");
    assert_eq!(receipt.state > ActionState::Pending, expected.is_some(), "{what:?}");
    if detection.end_frame != NONE {
        assert_eq!(detection.end_frame, expected.unwrap().end, "{what:?}");
        assert_eq!(receipt.outcome, Some(Outcome::Completed), "{what:?}");
        assert!(receipt.measured.end_frame >= detection.end_frame + hold_off, "{what:?}");
    } else {
        assert_ne!(receipt.state, ActionState::Ended, "{what:?}");
    }
}

#[test]
fn pulses_are_found_at_their_exact_frame_in_the_block_that_holds_them_whatever_the_blocks() {
    for seed in 1..=30 {
        let mut random = Random(seed);
        let frames: Vec<i64> = random_frames(0, 60).iter().map(|frame| frame * 4 + 10).collect();
        let length = frames[59] as usize + 100;
        let mut input = vec![0.0f32; length];
        frames.iter().for_each(|&frame| input[frame as usize] = [0.5, -0.5][random.below(2) as usize]);
        let stream = manual(RATE, 1, "");
        let starts = frames.iter().map(|frame| frame - 7);
        let detectors: Vec<i64> =
            starts.map(|start| stream.detect_level(None, &pulses(at(start), 0.25)).unwrap()).collect();
        let mut done = 0;
        while done < length {
            let size = (1 + random.below(700) as usize).min(length - done);
            block(&stream, &input[done..done + size], 1);
            done += size;
            for (&action, &frame) in detectors.iter().zip(&frames) {
                let receipt = receipt(&stream, action);
                let heard = frame < done as i64;
                let expected = if heard { frame } else { NONE };
                assert_eq!(receipt.measured.detection.frame, expected);
                assert_eq!(receipt.state >= ActionState::Started, heard);
                let begun = frame - 7 < done as i64;
                assert_eq!(receipt.measured.start_frame, if begun { frame - 7 } else { NONE });
            }
        }
        for (&action, &frame) in detectors.iter().zip(&frames) {
            assert_eq!(found(&stream, action), (Some(Outcome::Completed), frame, frame + 1));
        }
    }
}

#[test]
fn an_onset_is_readable_in_the_first_block_after_the_minimum_duration_and_is_the_first_crossing() {
    let tone = |n: i64| 0.5 * (n as f32 * 0.13).sin();
    let (begin, end) = (5_000i64, 9_000i64);
    let input: Vec<f32> =
        (0..30_000).map(|n| if (begin..end).contains(&n) { tone(n - begin) } else { 0.0 }).collect();
    let params =
        DetectParams { threshold: 0.2, minimum_frames: 480, high_pass_hz: -1.0, ..Default::default() };
    let loud = |n: &i64| tone(n - begin).abs() >= 0.2;
    let onset = (begin..end).find(loud).unwrap();
    let lasted = (onset + 479..end).find(loud).unwrap();
    let last = (begin..end).rev().find(loud).unwrap();
    for size in [1, 64, 333] {
        let stream = manual(RATE, 1, "");
        let action = stream.detect_level(None, &params).unwrap();
        for (index, part) in input.chunks(size).enumerate() {
            block(&stream, part, 1);
            let receipt = receipt(&stream, action);
            let known = (index * size + part.len()) as i64 > lasted;
            assert_eq!(receipt.state >= ActionState::Started, known, "blocks of {size}");
            assert_eq!(receipt.measured.detection.frame, if known { onset } else { NONE });
        }
        assert_eq!(found(&stream, action), (Some(Outcome::Completed), onset, last + 1));
        assert_eq!(receipt(&stream, action).measured.end_frame, last + 1 + RATE as i64 / 5);
    }
}

/// Bursts and clicks of random levels and lengths, over noise, hum and an offset.
fn scene(seed: u64, frames: usize) -> Vec<f32> {
    let mut random = Random(seed);
    let mut uniform = move || random.below(1 << 24) as f32 / (1 << 23) as f32 - 1.0;
    let (noise, offset, hum) = (uniform().abs() * 0.03, uniform() * 0.1, uniform() * 0.05);
    let mut samples: Vec<f32> =
        (0..frames).map(|n| noise * uniform() + offset + hum * (n as f32 * 0.006_545).sin()).collect();
    for _ in 0..3 {
        let first = ((uniform() + 1.0) / 2.0 * frames as f32) as usize;
        let length = ((uniform() + 1.0).powi(3) * frames as f32 / 30.0) as usize + 1;
        let (level, step) = (uniform() * 0.8, 0.02 + (uniform() + 1.0) / 4.0);
        let part = samples.iter_mut().skip(first).take(length).enumerate();
        part.for_each(|(n, sample)| *sample += level * (n as f32 * step + 1.0).sin());
    }
    samples
}

fn any_params() -> impl Strategy<Value = DetectParams> {
    let threshold = prop_oneof![Just(0.0), 0.01..0.6f64];
    let high_pass = prop_oneof![Just(-1.0), Just(0.0), 20.0..5_000.0f64];
    (threshold, 1.0..10.0f64, 1..1_000i64, high_pass, 0..700i64, 0..700i64, 0..4_000i64).prop_map(
        |(threshold, multiple, floor, high_pass_hz, minimum_frames, gap_frames, hold_off_frames)| {
            DetectParams {
                threshold,
                floor_multiple: if threshold == 0.0 { multiple } else { 0.0 },
                floor_frames: if threshold == 0.0 { floor } else { 0 },
                high_pass_hz,
                minimum_frames,
                gap_frames,
                hold_off_frames,
                ..Default::default()
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        ..ProptestConfig::with_cases(400)
    })]

    #[test]
    fn blocks_change_nothing_and_an_offline_detector_of_the_same_definition_agrees(
        params in any_params(), seed in 1..u64::MAX, two in any::<bool>()
    ) {
        let channels = [scene(seed, 24_000), scene(!seed, 24_000)];
        let channels: Vec<&[f32]> = channels[..1 + two as usize].iter().map(Vec::as_slice).collect();
        let whole = hear(RATE, &channels, &params, || 24_000);
        let mut random = Random(seed);
        let cut = hear(RATE, &channels, &params, || 1 + random.below(600) as usize);
        prop_assert_eq!(whole, cut);
        let definition = Definition::of(&params, RATE);
        check_against(definition.first_sound(&channels), &whole, definition.hold_off, &params);
        prop_assert_eq!(whole.measured.detection.reason, definition.reason(&channels));
    }
}

/// A tone of the frames from `first` to `end` of `length`, over silence.
fn tone(length: i64, first: i64, end: i64, amplitude: f64) -> Vec<f32> {
    let tone = |n: i64| (amplitude * (n as f64 * 0.13).sin()) as f32;
    (0..length).map(|n| if (first..end).contains(&n) { tone(n) } else { 0.0 }).collect()
}

/// The receipt of a detector that ends, and what it found.
fn reason_of(input: &[f32], params: DetectParams) -> (Option<Outcome>, i64, Reason) {
    let params = DetectParams { max_frames: input.len() as i64, ..params };
    let receipt = hear(RATE, &[input], &params, || 333);
    let detection = receipt.measured.detection;
    assert_eq!(detection.reason, Definition::of(&params, RATE).reason(&[input]));
    (receipt.outcome, detection.frame, detection.reason)
}

#[test]
fn a_key_started_at_the_tone_says_that_its_floor_was_loud() {
    let completed = Some(Outcome::Completed);
    let answer = tone(40_000, 0, 30_000, 0.5);
    let nothing = (completed, NONE, Reason::LoudFloor);
    assert_eq!(reason_of(&answer, DetectParams::default()), nothing);
    // A tone that is up for a part of the floor only: on its last quarter, on its first frames.
    assert_eq!(reason_of(&tone(40_000, 7_200, 30_000, 0.5), DetectParams::default()), nothing);
    assert_eq!(reason_of(&tone(40_000, 0, 600, 0.5), DetectParams::default()), nothing);
    // What it finds after such a floor is told, and so is the floor.
    let rising: Vec<f32> = [tone(20_000, 0, 20_000, 0.02), tone(20_000, 0, 20_000, 0.9)].concat();
    let (outcome, onset, reason) = reason_of(&rising, DetectParams::default());
    assert_eq!((outcome, reason), (completed, Reason::LoudFloor));
    assert!((20_000..20_010).contains(&onset), "{onset}");
    // Before it has ended, as one without max_frames never does.
    let receipt = hear(RATE, &[&answer], &DetectParams::default(), || 333);
    assert_eq!((receipt.state, receipt.measured.detection.reason), (ActionState::Pending, Reason::LoudFloor));
}

#[test]
fn the_limit_of_a_floor_is_40_db_below_full_scale_or_what_is_given_and_its_threshold_full_scale() {
    let hum = |rms: f64| tone(20_000, 0, 20_000, rms * std::f64::consts::SQRT_2);
    let reason = |rms, floor_limit, floor_multiple| {
        let params = DetectParams { floor_limit, floor_multiple, ..Default::default() };
        reason_of(&hum(rms), params).2
    };
    assert_eq!(
        [0.0098, 0.0102].map(|rms| reason(rms, 0.0, 2.0)),
        [Reason::BelowThreshold, Reason::LoudFloor]
    );
    assert_eq!([0.095, 0.105].map(|rms| reason(rms, 0.1, 2.0)), [Reason::BelowThreshold, Reason::LoudFloor]);
    assert_eq!(
        [0.0045, 0.0055].map(|rms| reason(rms, 0.0, 200.0)),
        [Reason::BelowThreshold, Reason::LoudFloor]
    );
}

#[test]
fn a_key_says_why_it_found_an_onset_or_none() {
    let completed = Some(Outcome::Completed);
    let over_floor = DetectParams { high_pass_hz: -1.0, ..Default::default() };
    let absolute = DetectParams { threshold: 0.1, ..over_floor };
    for params in [over_floor, absolute] {
        let (outcome, onset, reason) = reason_of(&tone(40_000, 15_000, 30_000, 0.5), params);
        assert_eq!((outcome, reason), (completed, Reason::Found));
        assert!((15_000..15_010).contains(&onset), "{onset}");
        // 200 frames, of 480.
        let short = (completed, NONE, Reason::TooShort);
        assert_eq!(reason_of(&tone(40_000, 15_000, 15_200, 0.5), params), short);
        let soft: Vec<f32> = (0..40_000).map(|n| ((n * n % 101) as f32 - 50.0) / 50.0 * 0.004).collect();
        assert_eq!(reason_of(&soft, params), (completed, NONE, Reason::BelowThreshold));
        assert_eq!(reason_of(&[0.0; 40_000], params), (completed, NONE, Reason::BelowThreshold));
    }
    // With a threshold there is no floor that could be loud.
    assert_eq!(reason_of(&tone(40_000, 0, 30_000, 0.5), absolute).2, Reason::Found);
}

#[test]
fn a_key_that_is_stopped_gives_its_reason_too() {
    let stream = manual(RATE, 1, "");
    let start =
        |start, params| stream.detect_level(None, &DetectParams { timing: at(start), ..params }).unwrap();
    let absolute = DetectParams { threshold: 0.1, ..Default::default() };
    let (never, in_floor, waiting, in_run, sounding) = (
        start(9_000, absolute),
        start(0, DetectParams::default()),
        start(0, absolute),
        start(0, absolute),
        start(0, absolute),
    );
    let actions = [(never, 5_000), (in_floor, 5_000), (waiting, 5_000), (in_run, 5_250), (sounding, 6_000)];
    actions.iter().for_each(|&(action, frame)| stream.cancel(action, Some(frame), 0).unwrap());
    let sound = stream.play_buffer(&pulse(), None, None, &PlayParams { timing: at(0), ..Default::default() });
    run(&stream, &tone(10_000, 5_000, 9_000, 0.5), &mut Random(5));
    let reason = |action| receipt(&stream, action).measured.detection.reason;
    assert_eq!(
        actions.map(|(action, _)| reason(action)),
        [Reason::None, Reason::NoFloor, Reason::BelowThreshold, Reason::TooShort, Reason::Found]
    );
    assert_eq!(reason(sound.unwrap()), Reason::None);
}

/// Listens to `speech` from many frames on, with many settings; gives how many onsets and ends were found.
fn check_speech(rate: u32, speech: &[f32]) -> (usize, usize) {
    let mut counts = (0, 0);
    let mut random = Random(0x5EEC4);
    for threshold in [0.0, 0.01, 0.03, 0.1, 0.3] {
        for high_pass_hz in [-1.0, 0.0, 300.0] {
            for (minimum_frames, hold_off_frames) in [(0, 0), (1, 50), (rate as i64 / 20, 0)] {
                let params = DetectParams {
                    threshold,
                    high_pass_hz,
                    minimum_frames,
                    hold_off_frames,
                    ..Default::default()
                };
                let definition = Definition::of(&params, rate);
                for _ in 0..6 {
                    let part = &speech[random.below(speech.len() as i64 * 3 / 4) as usize..];
                    let receipt = hear(rate, &[part], &params, || 1 + random.below(1_000) as usize);
                    check_against(definition.first_sound(&[part]), &receipt, definition.hold_off, &params);
                    counts.0 += (receipt.measured.detection.frame != NONE) as usize;
                    counts.1 += (receipt.measured.detection.end_frame != NONE) as usize;
                }
            }
        }
    }
    counts
}

fn read_wav(path: &std::path::Path) -> (u32, Vec<f32>) {
    let mut wav = hound::WavReader::open(path).unwrap();
    let rate = wav.spec().sample_rate;
    (rate, wav.samples::<i16>().map(|sample| sample.unwrap() as f32 / 32_768.0).collect())
}

#[test]
fn an_offline_detector_of_the_same_definition_agrees_to_the_frame_on_recorded_speech() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/speech.wav");
    let (rate, speech) = read_wav(&path);
    let counts = check_speech(rate, &speech);
    assert!(counts.0 > 150 && counts.1 > 100, "only {counts:?} of 270 had an onset and an end");
}

#[test]
fn an_offline_detector_of_the_same_definition_agrees_to_the_frame_on_synthetic_speech() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("speech.wav");
    let text = "Peter picked a big cat. Some zebras shook. Nine yellow lions were very hungry.";
    let said = Command::new("espeak-ng").arg("-w").arg(&path).args(["-v", "en-gb", text]).status();
    if !said.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: espeak-ng is not installed (scripts/setup test)");
        return;
    }
    let (rate, speech) = read_wav(&path);
    let counts = check_speech(rate, &speech);
    assert!(counts.0 > 150 && counts.1 > 100, "only {counts:?} of 270 had an onset and an end");
}

/// Gaussian noise after Box and Muller (1958).
struct Gauss(Random, Option<f64>);

impl Gauss {
    fn next(&mut self) -> f64 {
        if let Some(kept) = self.1.take() {
            return kept;
        }
        let uniform = |random: &mut Random| (random.below(1 << 52) as f64 + 1.0) / (1u64 << 52) as f64;
        let radius = (-2.0 * uniform(&mut self.0).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * uniform(&mut self.0)).sin_cos();
        self.1 = Some(radius * sin);
        radius * cos
    }
}

/// Ten minutes of `noise` and then a tone of 100 ms well above the threshold, which must be all that is found.
fn check_noise(threshold: f64, mut noise: impl FnMut() -> f64) {
    const FRAMES: i64 = 600 * RATE as i64;
    const BLOCK: i64 = 4_800;
    let stream = manual(RATE, 1, "");
    let absolute = DetectParams { threshold, ..Default::default() };
    let detectors =
        [absolute, DetectParams::default()].map(|params| stream.detect_level(None, &params).unwrap());
    let mut input = vec![0.0f32; BLOCK as usize];
    for first in (0..FRAMES).step_by(BLOCK as usize) {
        input.iter_mut().for_each(|sample| *sample = noise() as f32);
        block(&stream, &input, 1);
        let what = receipt(&stream, detectors[0]);
        assert_eq!(what.state, ActionState::Pending, "{:?} by frame {first}", what.measured.detection);
    }
    let tone = |n: usize| 3.0 * threshold * (n as f64 * 0.1).sin();
    input.iter_mut().enumerate().for_each(|(n, sample)| *sample = (noise() + tone(n) * 3.0) as f32);
    block(&stream, &input, 1);
    for detector in detectors {
        let onset = receipt(&stream, detector).measured.detection.frame;
        assert!((FRAMES - 20..FRAMES + 100).contains(&onset), "{onset}");
    }
}

#[test]
fn ten_minutes_of_white_noise_with_an_rms_10_db_below_the_threshold_trigger_nothing() {
    let mut gauss = Gauss(Random(11), None);
    check_noise(0.05, || gauss.next() * 0.05 * 0.316);
}

/// 1/f noise: the sum of rows that change half as often each (Voss and McCartney; Gardner 1978).
struct Pink {
    gauss: Gauss,
    rows: [f64; 16],
    n: u64,
}

impl Pink {
    fn new(seed: u64) -> Self {
        let mut gauss = Gauss(Random(seed), None);
        let rows = std::array::from_fn(|_| gauss.next());
        Self { gauss, rows, n: 0 }
    }

    fn next(&mut self) -> f64 {
        self.n += 1;
        self.rows[self.n.trailing_zeros().min(15) as usize] = self.gauss.next();
        self.rows.iter().sum::<f64>() + self.gauss.next()
    }
}

#[test]
fn ten_minutes_of_pink_noise_10_db_below_the_threshold_over_hum_and_an_offset_trigger_nothing() {
    // What counts is the RMS of what passes the high-pass.
    let mut pink = Pink::new(12);
    let sample: Vec<f32> = (0..20 * RATE).map(|_| pink.next() as f32).collect();
    let passed = Definition::of(&DetectParams::default(), RATE).filtered(&sample);
    let rms = (passed.iter().map(|y| y * y).sum::<f64>() / passed.len() as f64).sqrt();
    let scale = 0.05 * 0.316 / rms;
    let mut n = 0u64;
    check_noise(0.05, || {
        n += 1;
        let hum = (n as f64 * std::f64::consts::TAU * 50.0 / RATE as f64).sin();
        pink.next() * scale + hum * 0.01 + 0.1
    });
}

#[test]
fn a_recording_of_the_same_frames_holds_what_was_heard_bit_for_bit() {
    let input = scene(4, 24_000);
    let stream = manual(RATE, 1, "");
    let recording = Buffer::zeros(20_000, 1, 0).unwrap();
    let record = RecordParams { timing: at(1_000), ..Default::default() };
    let recorder = stream.record_buffer(&recording, None, &record).unwrap();
    let params = DetectParams { timing: at(1_000), threshold: 0.1, ..Default::default() };
    let detector = stream.detect_level(None, &params).unwrap();
    run(&stream, &input, &mut Random(5));
    assert_eq!(receipt(&stream, recorder).outcome, Some(Outcome::Completed));
    let mut recorded = vec![0.0; 20_000];
    recording.read(0, &mut recorded).unwrap();
    assert_eq!(recorded, input[1_000..21_000]);
    let sound = Definition::of(&params, RATE).first_sound(&[&recorded]).unwrap();
    assert_eq!(receipt(&stream, detector).measured.detection.frame, 1_000 + sound.onset);
    let peak = input[1_000..].iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    assert!(receipt(&stream, detector).measured.input_peak <= peak);
}

/// Silence with a rectangle of `level` over the frames from `from` to `to`.
fn rectangle(length: usize, from: usize, to: usize, level: f32) -> Vec<f32> {
    (0..length).map(|n| if (from..to).contains(&n) { level } else { 0.0 }).collect()
}

fn rectangles(timing: Timing, minimum_frames: i64) -> DetectParams {
    DetectParams {
        timing,
        threshold: 0.25,
        minimum_frames,
        high_pass_hz: -1.0,
        gap_frames: 50,
        hold_off_frames: 100,
        ..Default::default()
    }
}

#[test]
fn a_sound_follows_a_detector_at_its_onset_plus_the_offset_whatever_the_blocks() {
    for seed in 1..=100 {
        let mut random = Random(seed);
        let (onset, minimum) = (1_000 + random.below(500), 1 + random.below(300));
        let offset = minimum + random.below(900);
        let stream = manual(RATE, 1, "");
        let detector = stream.detect_level(None, &rectangles(at(10), minimum)).unwrap();
        let play = PlayParams { timing: after(detector, offset), ..Default::default() };
        let sound = Buffer::copy(&[0.5; 50], 50, 1, 0).unwrap();
        let first = stream.play_buffer(&sound, None, None, &play).unwrap();
        let record = RecordParams { timing: after(detector, offset), ..Default::default() };
        let recording = Buffer::zeros(50, 1, 0).unwrap();
        let recorder = stream.record_buffer(&recording, None, &record).unwrap();
        let play = PlayParams { timing: after(first, 20), ..Default::default() };
        let second = stream.play_buffer(&sound, None, None, &play).unwrap();
        let input: Vec<f32> = rectangle(4_000, onset as usize, onset as usize + 800, 0.5)
            .iter()
            .enumerate()
            .map(|(n, x)| x + n as f32 / 100_000.0)
            .collect();
        let heard = run(&stream, &input, &mut random);
        let start = onset + offset;
        for (action, frame) in [(first, start), (recorder, start), (second, start + 70)] {
            let receipt = receipt(&stream, action);
            assert_eq!(receipt.outcome, Some(Outcome::Completed));
            assert_eq!((receipt.requested_frame(), receipt.measured.start_frame), (Some(frame), frame));
        }
        let expected: Vec<f32> = (0..4_000)
            .map(|n| {
                if (start..start + 50).contains(&n) || (start + 70..start + 120).contains(&n) {
                    0.5
                } else {
                    0.0
                }
            })
            .collect();
        assert_eq!(heard, expected);
        let mut samples = [0.0; 50];
        recording.read(0, &mut samples).unwrap();
        assert_eq!(samples, input[start as usize..start as usize + 50]);
    }
}

#[test]
fn a_follower_whose_frame_has_passed_when_the_onset_is_known_obeys_its_late_policy() {
    // The onset at 1000 is known by frame 1199, so that frame 1200 is the first that can still be kept.
    for size in [1, 7, 256, 4_000] {
        let stream = manual(RATE, 1, "");
        let detector = stream.detect_level(None, &rectangles(at(0), 200)).unwrap();
        let sound: Vec<f32> = (0..300).map(|n| (n + 1) as f32 / 512.0).collect();
        let sound = Buffer::copy(&sound, 300, 1, 0).unwrap();
        let follow = |late, max_late_frames| {
            let timing = Timing { late, max_late_frames, ..after(detector, 50) };
            let gain_db = -20.0;
            stream
                .play_buffer(&sound, None, None, &PlayParams { timing, gain_db, ..Default::default() })
                .unwrap()
        };
        let whole = follow(LatePolicy::Play, 0);
        let rest = follow(LatePolicy::Skip, 0);
        let dropped =
            [follow(LatePolicy::Drop, 0), follow(LatePolicy::Play, 149), follow(LatePolicy::Skip, 149)];
        let just = follow(LatePolicy::Play, 150);
        for part in rectangle(4_000, 1_000, 1_800, 0.5).chunks(size) {
            block(&stream, part, 1);
        }
        for (action, done) in [(whole, 300), (rest, 150), (just, 300)] {
            let receipt = receipt(&stream, action);
            let measured = receipt.measured;
            assert_eq!(receipt.outcome, Some(Outcome::Completed), "blocks of {size}");
            assert_eq!((measured.requested_frame, measured.start_frame), (Some(1_050), 1_200));
            assert_eq!((measured.late_frames, measured.done_frames), (150, done));
        }
        for action in dropped {
            let receipt = receipt(&stream, action);
            assert_eq!(receipt.outcome, Some(Outcome::DroppedLate));
            assert_eq!(receipt.measured.late_frames, 150);
        }
    }
}

#[test]
fn a_follower_taken_after_the_onset_or_after_the_end_counts_from_the_onset_too() {
    let stream = manual(RATE, 1, "");
    let detector = stream.detect_level(None, &rectangles(at(0), 10)).unwrap();
    let input = rectangle(4_000, 500, 1_000, 0.5);
    let play = |offset| {
        let play = PlayParams { timing: after(detector, offset), ..Default::default() };
        stream.play_buffer(&pulse(), None, None, &play).unwrap()
    };
    block(&stream, &input[..600], 1);
    let during = play(200);
    block(&stream, &input[600..2_000], 1);
    assert_eq!(found(&stream, detector), (Some(Outcome::Completed), 500, 1_000));
    let ended = play(2_000);
    block(&stream, &input[2_000..], 1);
    assert_eq!(receipt(&stream, during).measured.start_frame, 700);
    assert_eq!(receipt(&stream, ended).measured.start_frame, 2_500);
}

#[test]
fn a_detector_that_hears_nothing_completes_without_an_onset_and_its_followers_fail() {
    for size in [1, 100, 4_000] {
        let stream = manual(RATE, 1, "");
        let params = DetectParams { max_frames: 1_000, ..rectangles(at(100), 50) };
        let detector = stream.detect_level(None, &params).unwrap();
        let follow = |after_policy, offset| {
            let timing = Timing { after: after_policy, ..after(detector, offset) };
            stream.play_buffer(&pulse(), None, None, &PlayParams { timing, ..Default::default() }).unwrap()
        };
        let failed = follow(AfterPolicy::Completed, 30);
        let any_end = [follow(AfterPolicy::AnyEnd, 30), follow(AfterPolicy::AnyEnd, 0)];
        // Too short for the minimum of 50.
        for part in rectangle(4_000, 500, 549, 0.5).chunks(size) {
            block(&stream, part, 1);
        }
        let receipt = receipt(&stream, detector);
        assert_eq!(found(&stream, detector), (Some(Outcome::Completed), NONE, NONE));
        let measured = receipt.measured;
        assert_eq!((measured.start_frame, measured.end_frame, measured.done_frames), (100, 1_100, 1_000));
        assert_eq!((measured.input_peak, measured.all_zero), (0.5, false));
        let receipt = |action| stream.action(action).unwrap();
        assert_eq!(receipt(failed).outcome, Some(Outcome::Predecessor));
        assert_eq!(receipt(any_end[0]).measured.start_frame, 1_130);
        assert_eq!(receipt(any_end[1]).measured.start_frame, 1_100, "blocks of {size}");
        let too_late = follow(AfterPolicy::Completed, 5_000);
        assert_eq!(receipt(too_late).outcome, Some(Outcome::Predecessor));
    }
}

#[test]
fn a_cancel_ends_a_detector_at_its_frame_before_and_after_the_onset() {
    let input = rectangle(4_000, 1_000, 3_000, 0.5);
    let stream = manual(RATE, 1, "");
    let issue = |start| stream.detect_level(None, &rectangles(at(start), 100)).unwrap();
    let (before, silent, short, sounding, beyond) = (issue(3_900), issue(0), issue(0), issue(0), issue(0));
    let play = PlayParams { timing: after(sounding, 1_000), ..Default::default() };
    let follower = stream.play_buffer(&pulse(), None, None, &play).unwrap();
    stream.cancel(before, None, 0).unwrap();
    stream.cancel(silent, Some(700), 0).unwrap();
    stream.cancel(short, Some(1_099), 0).unwrap();
    stream.cancel(sounding, Some(1_100), 0).unwrap();
    stream.cancel(beyond, Some(3_101), 0).unwrap();
    run(&stream, &input, &mut Random(3));
    assert_eq!(receipt(&stream, before).outcome, Some(Outcome::Cancelled));
    let stopped = Some(Outcome::Stopped);
    assert_eq!(found(&stream, silent), (stopped, NONE, NONE));
    assert_eq!(receipt(&stream, silent).measured.end_frame, 700);
    assert_eq!(found(&stream, short), (stopped, NONE, NONE));
    assert_eq!(found(&stream, sounding), (stopped, 1_000, NONE));
    assert_eq!(receipt(&stream, sounding).measured.done_frames, 1_100);
    assert_eq!(found(&stream, beyond), (Some(Outcome::Completed), 1_000, 3_000));
    let follower = receipt(&stream, follower);
    assert_eq!((follower.outcome, follower.measured.start_frame), (Some(Outcome::Completed), 2_000));
}

#[test]
fn detectors_of_single_channels_and_of_several_hear_their_own() {
    let (left, right) = (rectangle(4_000, 1_000, 1_200, 0.5), rectangle(4_000, 900, 1_100, 0.3));
    let input: Vec<f32> = left.iter().zip(&right).flat_map(|(left, right)| [*left, *right]).collect();
    let stream = manual(RATE, 2, "");
    let detect = |channels: &[i32], threshold| {
        let params = DetectParams { threshold, ..rectangles(at(0), 20) };
        stream.detect_level(Some(channels), &params).unwrap()
    };
    let actions = [
        detect(&[1], 0.25),
        detect(&[2], 0.25),
        detect(&[2, 1], 0.25),
        detect(&[1, 2], 0.4),
        detect(&[2], 0.4),
    ];
    input.chunks(200).for_each(|part| drop(block(&stream, part, 2)));
    let onsets = actions.map(|action| found(&stream, action).1);
    assert_eq!(onsets, [1_000, 900, 900, 1_000, NONE]);
    let ends = actions.map(|action| found(&stream, action).2);
    assert_eq!(ends, [1_200, 1_100, 1_200, 1_200, NONE]);
}

#[test]
fn samples_that_are_not_finite_are_heard_as_zeros_and_counted() {
    let mut input = rectangle(3_000, 1_000, 1_500, 0.5);
    (300..310).for_each(|n| input[n] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][n % 3]);
    for high_pass_hz in [-1.0, 0.0] {
        let params = DetectParams { high_pass_hz, ..rectangles(at(0), 10) };
        let receipt = hear(RATE, &[&input], &params, || 100);
        assert_eq!(receipt.measured.detection.frame, 1_000);
        assert_eq!((receipt.measured.nonfinite, receipt.measured.input_peak), (10, 0.5));
    }
}

#[test]
fn the_host_times_of_onset_and_offset_are_those_of_their_frames() {
    let stream = manual(RATE, 1, "");
    let action = stream.detect_level(None, &rectangles(at(0), 300)).unwrap();
    let ns = |frame: i64| 7_000_000_000 + frame * 1_000_000_000 / RATE as i64;
    let mut frame = 0;
    for part in rectangle(4_000, 1_000, 1_800, 0.5).chunks(64) {
        let mut output = vec![0.0; part.len()];
        let stamps = BlockTime {
            callback_ns: ns(frame),
            input_ns: ns(frame),
            output_ns: ns(frame),
            ..Default::default()
        };
        stream.process(0, Input::Interleaved(part), Output::Interleaved(&mut output), stamps).unwrap();
        frame += part.len() as i64;
        if frame == 1_344 {
            let interim = receipt(&stream, action);
            assert_eq!(interim.state, ActionState::Started);
            assert!((interim.measured.detection.host_ns - ns(1_000)).abs() <= 1_000);
        }
    }
    let detection = receipt(&stream, action).measured.detection;
    assert_eq!((detection.frame, detection.end_frame), (1_000, 1_800));
    assert!((detection.host_ns - ns(1_000)).abs() <= 1_000, "{detection:?}");
    assert!((detection.end_host_ns - ns(1_800)).abs() <= 1_000, "{detection:?}");
}

#[test]
fn across_two_callbacks_a_sound_follows_by_way_of_the_host_while_the_detector_still_listens() {
    let stream = manual(RATE, 1, "callbacks=separate");
    let mut output = vec![0.0; 100];
    let mut play = |stream: &Stream| {
        stream.process(0, Input::None, Output::Interleaved(&mut output), BlockTime::default()).unwrap();
        output.clone()
    };
    play(&stream);
    let params = DetectParams { hold_off_frames: 40_000, ..rectangles(at(100), 20) };
    let detector = stream.detect_level(None, &params).unwrap();
    let timing = Timing { late: LatePolicy::Drop, ..after(detector, 1_000) };
    let params = PlayParams { timing, ..Default::default() };
    let in_time = stream.play_buffer(&pulse(), None, None, &params).unwrap();
    let params =
        PlayParams { timing: Timing { late: LatePolicy::Drop, ..after(detector, 30) }, ..Default::default() };
    let too_late = stream.play_buffer(&pulse(), None, None, &params).unwrap();
    let input = rectangle(3_000, 500, 900, 0.5);
    let mut heard = vec![0.0; 100];
    for part in input.chunks(100) {
        stream.process(1, Input::Interleaved(part), Output::None, BlockTime::default()).unwrap();
        // Any call of the host looks at what has been found.
        stream.stats();
        heard.extend(play(&stream));
    }
    assert_eq!(receipt(&stream, detector).state, ActionState::Started);
    assert_eq!(receipt(&stream, detector).measured.detection.frame, 500);
    assert_eq!(receipt(&stream, in_time).measured.start_frame, 1_500);
    assert_eq!(sounds::onsets(&heard), [1_500]);
    assert_eq!(receipt(&stream, too_late).outcome, Some(Outcome::DroppedLate));
    let params = PlayParams { timing: after(detector, 3_000), ..Default::default() };
    let afterwards = stream.play_buffer(&pulse(), None, None, &params).unwrap();
    (0..10).for_each(|_| drop(play(&stream)));
    assert_eq!(receipt(&stream, afterwards).measured.start_frame, 3_500);
}

fn wired(options: &str) -> Stream {
    let config = Config {
        backend: Some(Backend::Virtual),
        sample_rate_hz: RATE,
        output_channels: 1,
        input_channels: 1,
        block_frames: 64,
        options: options.into(),
        ..Config::default()
    };
    let stream = Stream::open(&config).unwrap();
    stream.start().unwrap();
    stream
}

#[test]
fn pulses_through_the_virtual_wire_are_found_at_their_exact_frame() {
    let stream = wired("");
    sounds::check_detected_pulses(&stream, 64);
}

#[test]
fn a_wait_for_the_start_ends_with_the_onset_long_before_the_end() {
    let stream = wired("");
    let params = DetectParams { threshold: 0.2, hold_off_frames: RATE as i64 * 60, ..Default::default() };
    let detector = stream.detect_level(None, &params).unwrap();
    let tone: Vec<f32> = (0..RATE / 2).map(|n| 0.5 * (n as f32 * 0.1).sin()).collect();
    let tone = Buffer::copy(&tone, RATE as i64 / 2, 1, 0).unwrap();
    let frame = stream.time(Direction::Output).unwrap().earliest_frame + 4_800;
    sounds::play_at(&stream, &tone, frame);
    let began = Instant::now();
    let receipt = stream.wait_action(detector, ActionState::Started, Duration::from_secs(10)).unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(receipt.state, ActionState::Started);
    let detection = receipt.measured.detection;
    assert!((frame + 64..frame + 74).contains(&detection.frame), "{detection:?} of a tone at {frame}");
    let apart = detection.host_ns - receipt.measured.start_host_ns;
    let frames = detection.frame - receipt.measured.start_frame;
    assert!(
        (apart - frames * 1_000_000_000 / RATE as i64).abs() < 5_000_000,
        "{apart} ns for {frames} frames"
    );
    stream.close();
    assert_eq!(stream.action(detector).unwrap().measured.detection.frame, detection.frame);
}
