//! Random programs against the oracle: every onset, every end, every sample, every recording.

mod oracle;

use std::sync::Arc;
use std::time::Duration;

use oracle::program::{Ask, BATCHES, Command, Issue, Program, Source, Start, Work};
use oracle::{CEILING, INPUTS, OUTPUTS, Receipt, buffer_frames, input};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::RngSeed;
use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::error::{Code, Error};
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::receipt::ActionState;
use sonset::stream::{Config, PlayParams, RecordParams, StartAt, Stream, Timing};

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
    output: Vec<f32>,
    frame: i64,
}

impl Run {
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
            Ask::Pause { frame, fade } => self.stream.pause(action, frame, fade_of(fade)),
            Ask::Resume { frame, fade } => self.stream.resume(action, frame, fade_of(fade)),
            Ask::Gain { frame, gain, ramp } => {
                self.stream.set_gain(action, frame, 20.0 * gain.log10(), fade_of(ramp), true)
            }
        };
        if let Err(error) = asked {
            assert!(
                [Code::ActionEnded, Code::Unsupported, Code::InvalidState].contains(&error.code),
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

    fn work(&self, timing: Timing, work: &Work) -> (Result<i64, Error>, Option<Arc<Buffer>>) {
        match work {
            Work::Play(play) => {
                let sound = &play.sound;
                let channels = sound.channels as i32;
                let buffer = Buffer::copy(&sound.samples(), sound.frames, channels, 48_000).unwrap();
                let params = PlayParams {
                    timing,
                    allow_clip: true,
                    gain_db: play.gain_db,
                    loop_count: play.loop_count,
                    loop_first_frame: play.loop_first,
                    loop_frames: play.loop_frames,
                    first_frame: play.first_frame,
                    frame_count: Some(play.frame_count),
                    stop_frame: play.stop,
                    onset_ramp_frames: play.onset,
                    offset_ramp_frames: play.offset,
                    ramp_shape: play.shape,
                };
                let channels = (!play.channels.is_empty()).then_some(&play.channels[..]);
                let gains = (!play.gains.is_empty()).then_some(&play.gains[..]);
                (self.stream.play_buffer(&buffer, channels, gains, &params), None)
            }
            Work::Record(record) => {
                let channels = record.channels.len() as i32;
                let buffer = Buffer::zeros(buffer_frames(record), channels, 0).unwrap();
                let params = RecordParams { timing, max_frames: record.frames, ..RecordParams::default() };
                (self.stream.record_buffer(&buffer, Some(&record.channels), &params), Some(buffer))
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
        Some(Receipt {
            outcome: receipt.outcome,
            requested: measured.requested_frame,
            start: measured.start_frame,
            end: measured.end_frame,
            done: measured.done_frames,
            late: measured.late_frames,
            pauses: (measured.pauses.frame, measured.pauses.resumed_frame, measured.pauses.frames),
            gain: (measured.gain.frame, (measured.gain.gain * 4.0).round() / 4.0),
            recorded,
        })
    }
}

fn run(program: &Program) -> Run {
    let mut run = Run {
        stream: open(program),
        separate: program.separate,
        actions: vec![],
        batches: [None; BATCHES],
        recordings: vec![],
        output: vec![],
        frame: 0,
    };
    for (commands, frames) in &program.blocks {
        // Any call lets the host learn what has ended.
        run.stream.stats();
        commands.iter().for_each(|command| run.command(command));
        run.stream.start().unwrap();
        run.block(*frames);
    }
    run.stream.close();
    run
}

fn compare(program: &Program) -> Result<(), TestCaseError> {
    let (expected, run) = (oracle::run(program), run(program));
    for (index, receipt) in expected.receipts.iter().enumerate() {
        prop_assert_eq!(&run.receipt(index), receipt, "action {}", index);
    }
    for (frame, samples) in run.output.chunks_exact(OUTPUTS).enumerate() {
        for (channel, &sample) in samples.iter().enumerate() {
            let (wanted, scale) = (expected.output[frame][channel], expected.scale[frame][channel]);
            let error = (sample as f64 - wanted).abs();
            let place = format!("frame {frame}, channel {}: {sample} and not {wanted}", channel + 1);
            prop_assert!(error <= 1e-6 * scale, "{}", place);
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
    let mut runner = proptest::test_runner::TestRunner::new(config());
    let strategy = sources();
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..3_000 {
        let source = strategy.new_tree(&mut runner).unwrap().current();
        for what in oracle::run(&oracle::program::read(&source)).seen {
            *counts.entry(what).or_insert(0) += 1;
        }
    }
    println!("{counts:#?}");
    let rare: Vec<_> = counts.iter().filter(|(_, count)| **count < 10).collect();
    assert!(
        rare.is_empty() && counts.len() == 46,
        "{} kinds, in less than 1 program of 300: {rare:?}",
        counts.len()
    );
}
