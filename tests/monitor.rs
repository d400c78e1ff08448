//! The input, played.

use std::f64::consts::TAU;

use sonset::backend::Backend;
use sonset::error::Code;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::stream::{Config, InputParams, PlayParams, StartAt, Stream, Timing};

const RATE: f64 = 48_000.0;

fn open(options: &str, history_frames: u32) -> Stream {
    let config = Config {
        backend: Some(Backend::Manual),
        sample_rate_hz: RATE as u32,
        output_channels: 2,
        input_channels: 2,
        history_frames,
        options: options.into(),
        ..Config::default()
    };
    let stream = Stream::open(&config).unwrap();
    stream.start().unwrap();
    stream
}

/// A sample that tells its frame and channel.
fn told(frame: i64, channel: usize) -> f32 {
    (frame % 8_000) as f32 / 16_384.0 + channel as f32 / 4.0
}

/// Runs one block of a duplex stream whose input tells its frames; gives the output.
fn block(stream: &Stream, first: i64, frames: i64) -> Vec<f32> {
    let input: Vec<f32> = (first..first + frames).flat_map(|n| [told(n, 0), told(n, 1)]).collect();
    let mut output = vec![9.0; input.len()];
    let time = BlockTime::default();
    stream.process(0, Input::Interleaved(&input), Output::Interleaved(&mut output), time).unwrap();
    output
}

#[test]
fn within_one_callback_output_is_the_input_of_exactly_the_delay_before() {
    for delay in [0, 1, 255, 256, 257, 5_000] {
        let stream = open("", 0);
        block(&stream, 0, 10);
        let input = InputParams { channel_count: 2, delay_frames: delay, ..InputParams::default() };
        let timing = Timing { start: StartAt::Frame(100), ..Timing::default() };
        let params = PlayParams { timing, frame_count: Some(9_000), ..PlayParams::default() };
        let action = stream.play_input(&input, None, None, &params).unwrap();
        let mut output = vec![0.0; 20];
        for frames in [1, 88, 3, 700, 8_192, 31, 4_000] {
            output.extend(block(&stream, output.len() as i64 / 2, frames));
        }
        for (n, frame) in output.chunks(2).enumerate() {
            let (n, heard) = (n as i64, n as i64 - delay);
            // It hears from the block on that takes it.
            let sounds = (100..9_100).contains(&n) && heard >= 10;
            let expected = if sounds { [told(heard, 0), told(heard, 1)] } else { [0.0, 0.0] };
            assert_eq!(frame, expected, "delay {delay}, frame {n}");
        }
        let receipt = stream.action(action).unwrap().measured;
        assert_eq!((receipt.start_frame, receipt.end_frame, receipt.done_frames), (100, 9_100, 9_000));
    }
}

#[test]
fn a_delay_reaches_into_the_history_where_that_is_kept() {
    let stream = open("", 2_000);
    block(&stream, 0, 1_500);
    let input = InputParams { first_channel: 2, delay_frames: 1_200, ..InputParams::default() };
    stream.play_input(&input, Some(&[2]), Some(&[0.5]), &PlayParams::default()).unwrap();
    let output = block(&stream, 1_500, 400);
    for (n, frame) in output.chunks(2).enumerate() {
        assert_eq!(frame, [0.0, told(300 + n as i64, 1) * 0.5], "frame {n}");
    }
}

#[test]
fn what_cannot_be_monitored_is_refused_with_the_values() {
    let stream = open("", 0);
    let play = |input: InputParams, params: PlayParams| stream.play_input(&input, None, None, &params);
    let input = InputParams::default();
    for (input, params, said) in [
        (InputParams { first_channel: 3, ..input }, PlayParams::default(), "channel 3"),
        (InputParams { first_channel: -1, ..input }, PlayParams::default(), "channel -1"),
        (InputParams { first_channel: 2, channel_count: 2, ..input }, PlayParams::default(), "1 to 2"),
        (InputParams { channel_count: i32::MAX, ..input }, PlayParams::default(), "1 to 2"),
        (InputParams { delay_frames: -1, ..input }, PlayParams::default(), "-1"),
        (InputParams { delay_frames: i64::MAX, ..input }, PlayParams::default(), "4194304"),
        (input, PlayParams { loop_count: -1, ..PlayParams::default() }, "loop_count is -1"),
        (input, PlayParams { first_frame: 7, ..PlayParams::default() }, "first_frame is 7"),
        (input, PlayParams { frame_count: Some(0), ..PlayParams::default() }, "frame_count 0"),
    ] {
        let error = play(input, params).unwrap_err();
        assert_eq!(error.code, Code::InvalidArgument);
        assert!(error.message.contains(said), "{}", error.message);
    }
    let blind = open("callbacks=separate", 0);
    let mut output = [0.0; 2];
    blind.process(0, Input::None, Output::Interleaved(&mut output), BlockTime::default()).unwrap();
    let error = blind.play_input(&input, None, None, &PlayParams::default()).unwrap_err();
    assert_eq!(error.code, Code::NoClock);
}

/// A sound card whose directions run from clocks of their own, and whose input is a tone.
struct Card {
    stream: Stream,
    /// Frames a second of true time, output and input.
    rates: [f64; 2],
    /// Frames of a block.
    blocks: [i64; 2],
    /// Frames so far.
    frames: [i64; 2],
    /// How far stamps err.
    jitter_s: f64,
    random: u64,
    /// The input stands still from the first time to the second.
    stall: (f64, f64),
    output: Vec<f32>,
}

const LATENCY_S: [f64; 2] = [0.003, 0.002];
const TONE_HZ: f64 = 997.0;
const EPOCH_S: f64 = 1_000.0;

impl Card {
    fn new(ppm: [f64; 2], blocks: [i64; 2], jitter_s: f64) -> Self {
        Self {
            stream: open("callbacks=separate", 0),
            rates: ppm.map(|ppm| RATE * (1.0 + ppm * 1e-6)),
            blocks,
            frames: [0, 0],
            jitter_s,
            random: 1,
            stall: (f64::INFINITY, f64::INFINITY),
            output: Vec::new(),
        }
    }

    fn error_s(&mut self) -> f64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.random >> 33) as f64 / (1u64 << 30) as f64 - 1.0) * self.jitter_s
    }

    /// True time at which the converter has a frame of the output.
    fn output_s(&self, frame: f64) -> f64 {
        frame / self.rates[0] + LATENCY_S[0]
    }

    /// Runs up to a true time.
    fn run_to(&mut self, seconds: f64) {
        loop {
            let output = self.frames[0] as f64 / self.rates[0];
            // A block of input is whole when its last frame is there.
            let whole = (self.frames[1] + self.blocks[1]) as f64 / self.rates[1] + LATENCY_S[1];
            let input = if (self.stall.0..self.stall.1).contains(&whole) { self.stall.1 } else { whole };
            if output.min(input) >= seconds {
                return;
            }
            if output <= input { self.play() } else { self.capture() }
        }
    }

    fn ns(seconds: f64) -> i64 {
        ((EPOCH_S + seconds) * 1e9) as i64
    }

    fn play(&mut self) {
        let output_ns = Self::ns(self.output_s(self.frames[0] as f64) + self.error_s());
        let mut samples = vec![0.0; 2 * self.blocks[0] as usize];
        let time = BlockTime { output_ns, ..BlockTime::default() };
        self.stream.process(0, Input::None, Output::Interleaved(&mut samples), time).unwrap();
        self.output.extend(samples.iter().step_by(2));
        self.frames[0] += self.blocks[0];
    }

    fn capture(&mut self) {
        let at = |frame: i64| frame as f64 / self.rates[1];
        let tone = |frame: i64| (0.5 * (TAU * TONE_HZ * at(frame)).sin()) as f32;
        let first = self.frames[1];
        let samples: Vec<f32> = (first..first + self.blocks[1]).flat_map(|n| [tone(n); 2]).collect();
        let input_ns = Self::ns(at(first));
        let input_ns = input_ns + (self.error_s() * 1e9) as i64;
        let time = BlockTime { input_ns, ..BlockTime::default() };
        self.stream.process(1, Input::Interleaved(&samples), Output::None, time).unwrap();
        self.frames[1] += self.blocks[1];
    }

    /// Latency in s of the tone that was heard in a stretch of the output, up to whole periods, and what is left
    /// when a tone of that phase is taken away, at its largest.
    fn heard(&self, first: usize, count: usize) -> (f64, f64) {
        let angle = |n: usize| TAU * TONE_HZ * self.output_s(n as f64);
        let stretch = || (first..first + count).map(|n| (angle(n), self.output[n] as f64));
        let sum = |of: fn(f64) -> f64| {
            stretch().map(|(angle, sample)| of(angle) * sample).sum::<f64>() * 2.0 / count as f64
        };
        let (sine, cosine) = (sum(f64::sin), sum(f64::cos));
        let left =
            stretch().map(|(angle, sample)| (sample - sine * angle.sin() - cosine * angle.cos()).abs());
        let latency = (-cosine).atan2(sine) / (TAU * TONE_HZ);
        (latency.rem_euclid(1.0 / TONE_HZ), left.fold(0.0, f64::max))
    }
}

fn monitor(stream: &Stream, delay_frames: i64) -> i64 {
    let input = InputParams { delay_frames, ..InputParams::default() };
    stream.play_input(&input, Some(&[1]), None, &PlayParams::default()).unwrap()
}

fn missing(stream: &Stream, action: i64) -> i64 {
    stream.action(action).unwrap().measured.missing.frames
}

/// A stretch that is a whole number of periods, nearly.
const STRETCH: usize = 4_814;

#[test]
fn across_two_clocks_a_tone_stays_a_tone_for_minutes_at_a_constant_latency() {
    for (ppm, blocks, jitter_s) in [
        ([0.0, 0.0], [256, 256], 0.0),
        ([100.0, -100.0], [256, 256], 0.0),
        ([-150.0, 50.0], [480, 168], 20e-6),
        ([500.0, -400.0], [64, 1_024], 5e-6),
    ] {
        let mut card = Card::new(ppm, blocks, jitter_s);
        card.run_to(3.0);
        let action = monitor(&card.stream, 480);
        card.run_to(3.1);
        // Until a delay's worth of input has crossed there is nothing to hear.
        let missing = missing(&card.stream, action);
        assert!(missing < 480 + 4 * blocks[0].max(blocks[1]) + 480, "{missing}");
        card.run_to(180.0);
        let state = card.stream.action(action).unwrap();
        let begin = state.measured.start_frame as usize + 4_800;
        let stated = state.measured.monitor_latency_ns as f64 * 1e-9;
        assert!((0.01..0.1).contains(&stated), "{stated}");
        let expected = stated.rem_euclid(1.0 / TONE_HZ);
        let mut first = begin;
        while first + STRETCH < card.output.len() {
            let (latency, left) = card.heard(first, STRETCH);
            let apart = (latency - expected + 0.5 / TONE_HZ).rem_euclid(1.0 / TONE_HZ) - 0.5 / TONE_HZ;
            let at = first as f64 / RATE;
            assert!(apart.abs() < 20e-6, "{ppm:?} after {at:.1} s: {:.1} us off", apart * 1e6);
            assert!(left < 0.5 * 3e-3, "{ppm:?} after {at:.1} s: {left} left");
            first += STRETCH * 7;
        }
        assert_eq!(self::missing(&card.stream, action), missing, "{ppm:?}: none since");
    }
}

#[test]
fn a_stalled_input_is_faded_out_of_and_into_again_and_what_was_missing_is_counted() {
    let mut card = Card::new([30.0, -30.0], [256, 256], 2e-6);
    card.run_to(3.0);
    let action = monitor(&card.stream, 0);
    card.run_to(3.1);
    let before = missing(&card.stream, action);
    card.stall = (5.0, 5.3);
    card.run_to(10.0);
    let begin = card.stream.action(action).unwrap().measured.start_frame as usize + 4_800;
    let heard = &card.output[begin..];
    // A tone of this height moves by at most 0.066 from frame to frame; a fade adds its slope.
    let step = heard.windows(2).map(|two| (two[1] - two[0]).abs()).fold(0.0, f32::max);
    assert!(step < 0.08, "a step of {step}");
    let silent = heard.iter().filter(|&&sample| sample == 0.0).count() as i64;
    let missing = missing(&card.stream, action) - before;
    assert!((13_000..15_000).contains(&missing), "{missing}");
    assert!((silent - missing).abs() < 50, "{silent} silent, {missing} missing");
    let (_, left) = card.heard(begin + 48_000 * 5, STRETCH);
    assert!(left < 1e-3, "the tone is back: {left}");
}
