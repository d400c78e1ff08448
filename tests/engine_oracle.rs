//! Random programs against the oracle: every onset, every end, every sample, every recording.

mod oracle;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use oracle::program::{Ask, BATCHES, Command, Feed, Issue, Made, Play, Program, Record, Source, Start, Work};
use oracle::{CEILING, INPUTS, Moment, OUTPUTS, Receipt, buffer_frames, input};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::RngSeed;
use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::error::{Code, Error};
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::realtime::source::Spectrum;
use sonset::receipt::ActionState;
use sonset::ring::Ring;
use sonset::stream::{
    Config, DetectParams, FileParams, InputParams, NoiseParams, PlayFileParams, PlayParams, PulseParams,
    RecordParams, Recorded, RingPolicy, StartAt, Stream, Timing, ToneParams,
};
use tempfile::TempDir;

fn open(program: &Program) -> Stream {
    let config = Config {
        backend: Some(Backend::Manual),
        sample_rate_hz: 48_000,
        output_channels: OUTPUTS as u32,
        input_channels: INPUTS as u32,
        ceiling: CEILING as f32,
        max_actions: program.pool as u32,
        options: if program.separate { "callbacks=separate" } else { "" }.into(),
        ..Config::default()
    };
    let stream = Stream::open(&config).unwrap();
    stream.set_channel_role(OUTPUTS as i32, true).unwrap();
    stream.start().unwrap();
    stream
}

/// The library under test, with what it was asked for.
struct Run {
    stream: Stream,
    separate: bool,
    /// `None` where the call failed.
    actions: Vec<Option<i64>>,
    batches: [Option<i64>; BATCHES],
    recordings: Vec<Option<Arc<Buffer>>>,
    rings: Vec<Tended>,
    /// Where files are.
    folder: TempDir,
    output: Vec<f32>,
    frame: i64,
}

/// A ring, with what the host does at its other end.
struct Tended {
    ring: Arc<Ring>,
    work: Work,
    /// Its action, by index.
    action: usize,
    blocks: i64,
    written: i64,
    /// What was read, each frame after its index.
    read: Vec<f32>,
}

impl Tended {
    /// What the host does before a block.
    fn tend(&mut self) {
        match &self.work {
            Work::Play(Play { feed: Some(feed), .. }) => self.write(&feed.clone()),
            Work::Record(Record { drain: Some(drain), .. }) if self.blocks % drain.period == 0 => {
                self.read();
            }
            _ => {}
        }
        self.blocks += 1;
    }

    fn write(&mut self, feed: &Feed) {
        let Work::Play(play) = &self.work else { return };
        let (written, finished) = feed.written(self.blocks);
        let frames = self.written..written;
        let sound = &play.sound;
        let samples = frames.flat_map(|frame| (0..sound.channels).map(move |c| sound.at(frame, c)));
        let samples: Vec<f32> = samples.collect();
        if !samples.is_empty() {
            assert_eq!(self.ring.write(&samples).unwrap(), written - self.written);
            self.written = written;
        }
        if finished {
            self.ring.finish().unwrap();
        }
    }

    fn read(&mut self) {
        let channels = self.ring.channels();
        let mut samples = vec![0.0; self.ring.frames() as usize * channels];
        loop {
            let (first, frames) = self.ring.read(&mut samples).unwrap();
            if frames == 0 {
                return;
            }
            for (n, frame) in (first..first + frames).zip(samples.chunks(channels)) {
                self.read.push(n as f32);
                self.read.extend(frame);
            }
        }
    }
}

impl Run {
    /// Takes a new ring in, with what is written to it before anything else.
    fn take_ring(&mut self, frames: i64, channels: usize, work: &Work) -> Arc<Ring> {
        let ring = Ring::new(frames, channels as i32, 48_000).unwrap();
        let action = self.actions.len();
        let (taken, work) = (ring.clone(), work.clone());
        let mut tended = Tended { ring: taken, work, action, blocks: 0, written: 0, read: vec![] };
        tended.tend();
        self.rings.push(tended);
        ring
    }

    fn command(&mut self, command: &Command) {
        // As the header says it: 0 would be the stream's fade.
        let fade_of = |fade: i64| if fade == 0 { -1 } else { fade };
        match command {
            Command::Issue(issue) => self.issue(issue),
            Command::Cancel { action, frame, fade } => {
                let Some(action) = self.actions[*action] else { return };
                if let Err(error) = self.stream.cancel(action, *frame, fade_of(*fade)) {
                    assert_eq!(error.code, Code::ActionEnded);
                }
            }
            Command::CancelAll { fade } => self.stream.cancel_all(fade_of(*fade)).unwrap(),
            Command::Gain { frame, gain, ramp } => {
                self.stream.set_master_gain(*frame, 20.0 * gain.log10(), fade_of(*ramp)).unwrap();
            }
            Command::Control { action, ask, .. } => self.ask(*action, *ask),
            Command::Commit { batch } => {
                self.batches[*batch].take().into_iter().for_each(|b| self.stream.commit_batch(b).unwrap());
            }
            Command::Discard { batch } => {
                self.batches[*batch].take().into_iter().for_each(|b| self.stream.discard_batch(b).unwrap());
            }
            Command::Stop => {
                self.stream.stop().unwrap();
                if self.separate {
                    self.stream.start().unwrap();
                }
            }
        }
    }

    fn ask(&self, action: usize, ask: Ask) {
        let Some(action) = self.actions[action] else { return };
        let fade_of = |fade: i64| if fade == 0 { -1 } else { fade };
        let asked = match ask {
            Ask::Start { frame } => self.stream.reschedule(action, frame),
            Ask::Seek { frame, fade, to } => self.stream.seek(action, frame, to, fade_of(fade)),
            Ask::Pause { frame, fade } => self.stream.pause(action, frame, fade_of(fade)),
            Ask::Resume { frame, fade } => self.stream.resume(action, frame, fade_of(fade)),
            Ask::Gain { frame, gain, ramp } => {
                self.stream.set_gain(action, frame, 20.0 * gain.log10(), fade_of(ramp), true)
            }
        };
        if let Err(error) = asked {
            assert!(
                [Code::ActionEnded, Code::Unsupported, Code::InvalidState, Code::InvalidArgument]
                    .contains(&error.code),
                "{error}"
            );
        }
    }

    fn issue(&mut self, issue: &Issue) {
        let batch = issue.batch.map_or(0, |batch| {
            *self.batches[batch].get_or_insert_with(|| self.stream.begin_batch().unwrap())
        });
        let timing = Timing {
            start: match issue.start {
                Start::Now => StartAt::Now,
                Start::Frame(frame) => StartAt::Frame(frame),
                Start::After { action, offset } => match self.actions[action] {
                    Some(action) => StartAt::After { action, offset },
                    None => StartAt::Now,
                },
            },
            batch,
            late: issue.late,
            max_late_frames: issue.max_late,
            after: issue.after,
            ..Timing::default()
        };
        let (action, recording) = self.work(timing, &issue.work);
        if let Err(error) = &action {
            assert!([Code::PoolFull, Code::InvalidState].contains(&error.code), "{error}");
        }
        self.actions.push(action.ok());
        self.recordings.push(recording);
    }

    fn work(&mut self, timing: Timing, work: &Work) -> (Result<i64, Error>, Option<Arc<Buffer>>) {
        let of = |output: bool| if output { Recorded::Output } else { Recorded::Input };
        let policy = |ends: bool| if ends { RingPolicy::End } else { RingPolicy::Continue };
        match work {
            Work::Play(play) => {
                let sound = &play.sound;
                let feed = play.feed.as_ref();
                let params = PlayParams {
                    timing,
                    allow_clip: true,
                    allow_implausible: false,
                    gain_db: play.gain_db,
                    loop_count: play.loop_count,
                    loop_first_frame: play.loop_first,
                    loop_frames: play.loop_frames,
                    first_frame: play.first_frame,
                    frame_count: match (&play.made, feed) {
                        (Some(Made::Pulse { .. }), _) => None,
                        (Some(made), _) => made.length(),
                        (None, feed) => feed.is_none_or(|feed| feed.limited).then_some(play.frame_count),
                    },
                    stop_frame: play.stop,
                    onset_ramp_frames: play.onset,
                    offset_ramp_frames: play.offset,
                    ramp_shape: play.shape,
                    ring: policy(feed.is_some_and(|feed| feed.ends_when_dry)),
                    am_depth: play.am.map_or(0.0, |am| am.depth),
                    am_frequency_hz: play.am.map_or(0.0, |am| am.frequency),
                    am_phase_cycles: play.am.map_or(0.0, |am| am.phase),
                };
                let channels = (!play.channels.is_empty()).then_some(&play.channels[..]);
                let gains = (!play.gains.is_empty()).then_some(&play.gains[..]);
                if let Some(live) = play.live {
                    let input = InputParams {
                        first_channel: live.first as i32 + 1,
                        channel_count: sound.channels as i32,
                        delay_frames: live.delay,
                    };
                    return (self.stream.play_input(&input, channels, gains, &params), None);
                }
                if let Some(made) = &play.made {
                    return (self.make(made, channels, gains, &params), None);
                }
                if feed.is_some() {
                    let ring = self.take_ring(8_000, sound.channels, work);
                    return (self.stream.play_ring(&ring, channels, gains, &params), None);
                }
                let buffer =
                    Buffer::copy(&sound.samples(), sound.frames, sound.channels as i32, 48_000).unwrap();
                if play.file {
                    let path = self.folder.path().join(format!("{}.wav", self.actions.len()));
                    sonset::file::wav::save(&buffer, &path, 0).unwrap();
                    let file = PlayFileParams::default();
                    return (self.stream.play_file(&path, &file, channels, gains, &params), None);
                }
                (self.stream.play_buffer(&buffer, channels, gains, &params), None)
            }
            Work::Record(Record { channels, frames, drain: Some(drain), output, .. }) => {
                let ring = self.take_ring(drain.frames, channels.len(), work);
                let ends = policy(drain.ends_when_full);
                let params =
                    RecordParams { timing, max_frames: *frames, ring: ends, ..RecordParams::default() };
                (self.stream.record_ring(of(*output), &ring, Some(channels), &params), None)
            }
            Work::Record(record) if record.file => {
                let params = RecordParams { timing, max_frames: record.frames, ..RecordParams::default() };
                let path = self.recorded_file(self.actions.len());
                let channels = Some(&record.channels[..]);
                (self.stream.record_file(&path, channels, &params, &FileParams::default()), None)
            }
            Work::Record(record) => {
                let channels = record.channels.len() as i32;
                let buffer = Buffer::zeros(buffer_frames(record), channels, 0).unwrap();
                let params = RecordParams { timing, max_frames: record.frames, ..RecordParams::default() };
                let channels = Some(&record.channels[..]);
                let action = match record.output {
                    true => self.stream.record_output(&buffer, channels, &params),
                    false => self.stream.record_buffer(&buffer, channels, &params),
                };
                (action, Some(buffer))
            }
            Work::Detect(detect) => {
                let params = DetectParams { timing, ..detect.params() };
                (self.stream.detect_level(Some(&detect.channels), &params), None)
            }
        }
    }

    fn recorded_file(&self, index: usize) -> PathBuf {
        self.folder.path().join(format!("recorded {index}.wav"))
    }

    /// A file is complete when its worker is through, which is soon: waits for those that are to be over by now.
    fn await_files(&self, files: &[(Moment, usize)], moment: Moment) {
        for (_, index) in files.iter().filter(|(over, _)| *over == moment) {
            if let Some(action) = self.actions[*index] {
                self.stream.wait_action(action, ActionState::Ended, Duration::from_secs(20)).unwrap();
            }
        }
    }

    fn make(
        &self,
        made: &Made,
        channels: Option<&[i32]>,
        gains: Option<&[f32]>,
        params: &PlayParams,
    ) -> Result<i64, Error> {
        match *made {
            Made::Sine { frequency, phase, amplitude, .. } => {
                let tone = ToneParams {
                    frequency_hz: frequency,
                    phase_cycles: phase,
                    amplitude,
                    ..ToneParams::default()
                };
                self.stream.play_tone(&tone, channels, gains, params)
            }
            Made::Noise { pink, channels: source_channels, seed, rms, .. } => {
                let spectrum = if pink { Spectrum::Pink } else { Spectrum::White };
                let source_channels = source_channels as i32;
                let noise = NoiseParams { spectrum, source_channels, seed, rms, ..NoiseParams::default() };
                self.stream.play_noise(&noise, channels, gains, params)
            }
            Made::Pulse { code, value, width, count, interval, level } => {
                let pulse = PulseParams {
                    code,
                    code_value: value,
                    width_frames: width,
                    count,
                    interval_frames: interval,
                    level,
                    ..PulseParams::default()
                };
                self.stream.play_pulse(&pulse, channels, gains, params)
            }
        }
    }

    fn block(&mut self, frames: usize) {
        let samples = (self.frame..self.frame + frames as i64)
            .flat_map(|frame| (0..INPUTS).map(move |channel| input(frame, channel)));
        let samples: Vec<f32> = samples.collect();
        let first = self.output.len();
        self.output.resize(first + frames * OUTPUTS, 9.0);
        let (input, output) = (Input::Interleaved(&samples), Output::Interleaved(&mut self.output[first..]));
        let time = BlockTime::default();
        if self.separate {
            self.stream.process(0, Input::None, output, time).unwrap();
            self.stream.process(1, input, Output::None, time).unwrap();
        } else {
            self.stream.process(0, input, output, time).unwrap();
        }
        self.frame += frames as i64;
    }

    fn receipt(&self, index: usize) -> Option<Receipt> {
        let action = self.actions[index]?;
        let receipt = self.stream.wait_action(action, ActionState::Ended, Duration::ZERO).unwrap();
        let measured = receipt.measured;
        let recorded = self.recordings[index].as_ref().map_or(Vec::new(), |buffer| {
            let mut samples = vec![0.0; measured.done_frames as usize * buffer.channels()];
            buffer.read(0, &mut samples).unwrap();
            samples
        });
        let path = self.recorded_file(index);
        let recorded = match hound::WavReader::open(&path) {
            Ok(mut file) => file.samples().map(Result::unwrap).collect(),
            Err(_) => recorded,
        };
        let ring = self.rings.iter().find(|ring| ring.action == index);
        let recorded = ring.map_or(recorded, |ring| ring.read.clone());
        Some(Receipt {
            outcome: receipt.outcome,
            requested: measured.requested_frame.unwrap_or(-1),
            start: measured.start_frame,
            end: measured.end_frame,
            done: measured.done_frames,
            late: measured.late_frames,
            pauses: (measured.pauses.frame, measured.pauses.resumed_frame, measured.pauses.frames),
            seek: measured.seek_frame,
            gain: (measured.gain.frame, (measured.gain.gain * 4.0).round() / 4.0),
            missing: (measured.missing.frames, measured.missing.first_frame),
            recorded,
            heard: (measured.detection.frame, measured.detection.end_frame),
        })
    }
}

fn run(program: &Program, files: &[(Moment, usize)]) -> Run {
    let mut run = Run {
        stream: open(program),
        separate: program.separate,
        actions: vec![],
        batches: [None; BATCHES],
        recordings: vec![],
        rings: vec![],
        folder: tempfile::tempdir().unwrap(),
        output: vec![],
        frame: 0,
    };
    for (block, (commands, frames)) in program.blocks.iter().enumerate() {
        // Any call lets the host learn what has ended.
        run.stream.stats();
        run.rings.iter_mut().for_each(Tended::tend);
        run.await_files(files, (block, 0));
        for (n, command) in commands.iter().enumerate() {
            run.command(command);
            run.await_files(files, (block, n + 1));
        }
        run.stream.start().unwrap();
        run.block(*frames);
    }
    run.stream.close();
    for ring in &mut run.rings {
        if matches!(ring.work, Work::Record(_)) {
            ring.read();
        }
    }
    run
}

fn compare(program: &Program) -> Result<(), TestCaseError> {
    let mut expected = oracle::run(program);
    let run = run(program, &expected.files);
    for copied in &expected.copies {
        // What was sent itself is held against the oracle below.
        let sent = run.output[copied.frame as usize * OUTPUTS + copied.channel];
        if let Some(receipt) = &mut expected.receipts[copied.at.0] {
            receipt.recorded[copied.at.1] = sent;
        }
    }
    for (index, receipt) in expected.receipts.iter().enumerate() {
        prop_assert_eq!(&run.receipt(index), receipt, "action {}", index);
    }
    for (frame, samples) in run.output.chunks_exact(OUTPUTS).enumerate() {
        for (channel, &sample) in samples.iter().enumerate() {
            let (wanted, scale) = (expected.output[frame][channel], expected.scale[frame][channel]);
            let error = (sample as f64 - wanted).abs();
            let place = format!("frame {frame}, channel {}: {sample} and not {wanted}", channel + 1);
            prop_assert!(error <= 1e-6 * scale + 1e-12, "{}", place);
        }
    }
    let polled = std::iter::from_fn(|| run.stream.poll_receipt().ok());
    let mut polled: Vec<i64> = polled.map(|receipt| receipt.asked.action).collect();
    polled.sort_unstable();
    let issued: Vec<i64> = run.actions.iter().copied().flatten().collect();
    prop_assert_eq!(polled, issued, "one receipt for each action");
    Ok(())
}

fn sources() -> impl Strategy<Value = Source> {
    let size = prop_oneof![1usize..8, 20..400usize, 200..600usize, 255..258usize, 0..2_000usize, Just(0)];
    let commands = prop::collection::vec(any::<[u16; 32]>(), 0..6);
    (any::<u16>(), prop::collection::vec((commands, size), 1..16))
}

/// The same programs each time; PROPTEST_CASES and PROPTEST_RNG_SEED ask for more and for others.
fn config() -> ProptestConfig {
    let given = |name| std::env::var_os(name).is_some();
    let mut config = ProptestConfig { max_shrink_iters: 20_000, ..ProptestConfig::default() };
    if !given("PROPTEST_CASES") {
        config.cases = 4_000;
    }
    if !given("PROPTEST_RNG_SEED") {
        config.rng_seed = RngSeed::Fixed(1);
    }
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn random_programs_sound_and_end_as_the_oracle_says(source in sources()) {
        let program = oracle::program::read(&source);
        if let Err(error) = compare(&program) {
            return Err(TestCaseError::fail(format!("{error}\n{program:#?}")));
        }
    }
}

#[test]
fn random_programs_come_to_everything_that_is_held_against_the_oracle() {
    // Whatever seed is asked for: this is about what programs are made, and not about the stream.
    let fixed = ProptestConfig { rng_seed: RngSeed::Fixed(1), ..config() };
    let mut runner = proptest::test_runner::TestRunner::new(fixed);
    let strategy = sources();
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..12_000 {
        let source = strategy.new_tree(&mut runner).unwrap().current();
        for what in oracle::run(&oracle::program::read(&source)).seen {
            *counts.entry(what).or_insert(0) += 1;
        }
    }
    println!("{counts:#?}");
    let rare: Vec<_> = counts.iter().filter(|(_, count)| **count < 12).collect();
    assert!(
        rare.is_empty() && counts.len() == 70,
        "{} kinds, in less than 1 program of 1000: {rare:?}",
        counts.len()
    );
}
