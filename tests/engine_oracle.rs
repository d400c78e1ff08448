//! Random programs against the oracle: every onset, every end, every sample, every recording.

mod oracle;

use std::time::Duration;

use oracle::program::{Command, Issue, Program, Start, Work};
use oracle::{CEILING, INPUTS, OUTPUTS, Receipt, buffer_frames, input};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::stream::{Config, PlayParams, RecordParams, StartAt, Stream, Timing};

fn open() -> Stream {
    let config = Config {
        backend: Some(Backend::Manual),
        sample_rate_hz: 48_000,
        output_channels: OUTPUTS as u32,
        input_channels: INPUTS as u32,
        ceiling: CEILING as f32,
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
    actions: Vec<i64>,
    recordings: Vec<Option<std::sync::Arc<Buffer>>>,
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
                if let Err(error) = self.stream.cancel(self.actions[*action], *frame, fade_of(*fade)) {
                    assert_eq!(error.code, Code::ActionEnded);
                }
            }
            Command::CancelAll { fade } => self.stream.cancel_all(fade_of(*fade)).unwrap(),
            Command::Gain { frame, gain, ramp } => {
                self.stream.set_master_gain(*frame, 20.0 * gain.log10(), fade_of(*ramp)).unwrap();
            }
        }
    }

    fn issue(&mut self, issue: &Issue) {
        let timing = Timing {
            start: match issue.start {
                Start::Now => StartAt::Now,
                Start::Frame(frame) => StartAt::Frame(frame),
                Start::After { action, offset } => StartAt::After { action: self.actions[action], offset },
            },
            late: issue.late,
            max_late_frames: issue.max_late,
            after: issue.after,
            ..Timing::default()
        };
        let (action, recording) = match &issue.work {
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
                (self.stream.play_buffer(&buffer, channels, gains, &params).unwrap(), None)
            }
            Work::Record(record) => {
                let channels = record.channels.len() as i32;
                let buffer = Buffer::zeros(buffer_frames(record), channels, 0).unwrap();
                let params = RecordParams { timing, max_frames: record.frames, ..RecordParams::default() };
                let action = self.stream.record_buffer(&buffer, Some(&record.channels), &params).unwrap();
                (action, Some(buffer))
            }
        };
        self.actions.push(action);
        self.recordings.push(recording);
    }

    fn block(&mut self, frames: usize) {
        let samples = (self.frame..self.frame + frames as i64)
            .flat_map(|frame| (0..INPUTS).map(move |channel| input(frame, channel)));
        let samples: Vec<f32> = samples.collect();
        let first = self.output.len();
        self.output.resize(first + frames * OUTPUTS, 9.0);
        let output = Output::Interleaved(&mut self.output[first..]);
        self.stream.process(0, Input::Interleaved(&samples), output, BlockTime::default()).unwrap();
        self.frame += frames as i64;
    }

    fn receipt(&self, index: usize) -> Receipt {
        let receipt =
            self.stream.wait_action(self.actions[index], sonset::receipt::ActionState::Ended, Duration::ZERO);
        let receipt = receipt.unwrap();
        let measured = receipt.measured;
        let recorded = self.recordings[index].as_ref().map_or(Vec::new(), |buffer| {
            let mut samples = vec![0.0; measured.done_frames as usize * buffer.channels()];
            buffer.read(0, &mut samples).unwrap();
            samples
        });
        Receipt {
            outcome: receipt.outcome,
            requested: measured.requested_frame,
            start: measured.start_frame,
            end: measured.end_frame,
            done: measured.done_frames,
            late: measured.late_frames,
            recorded,
        }
    }
}

fn run(program: &Program) -> Run {
    let stream = open();
    let mut run = Run { stream, actions: vec![], recordings: vec![], output: vec![], frame: 0 };
    for (commands, frames) in &program.blocks {
        commands.iter().for_each(|command| run.command(command));
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
    prop_assert_eq!(polled, run.actions, "one receipt for each action");
    Ok(())
}

fn blocks() -> impl Strategy<Value = Vec<(Vec<[u16; 24]>, usize)>> {
    let size = prop_oneof![1usize..8, 200usize..600, Just(255), Just(256), Just(257), Just(8_192)];
    prop::collection::vec((prop::collection::vec(any::<[u16; 24]>(), 0..8), size), 1..8)
}

/// The same programs each time; PROPTEST_CASES and PROPTEST_RNG_SEED ask for more and for others.
fn config() -> ProptestConfig {
    let given = |name| std::env::var_os(name).is_some();
    let mut config = ProptestConfig { max_shrink_iters: 20_000, ..ProptestConfig::default() };
    if !given("PROPTEST_CASES") {
        config.cases = 1_500;
    }
    if !given("PROPTEST_RNG_SEED") {
        config.rng_seed = RngSeed::Fixed(1);
    }
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn random_programs_sound_and_end_as_the_oracle_says(numbers in blocks()) {
        let program = oracle::program::read(&numbers);
        if let Err(error) = compare(&program) {
            return Err(TestCaseError::fail(format!("{error}\n{program:#?}")));
        }
    }
}
