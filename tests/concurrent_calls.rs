//! What the calls of one thread may not do to those of another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sonset::action::LatePolicy;
use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::device::Direction;
use sonset::error::Code;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::receipt::{ActionState, Outcome};
use sonset::stream::{Align, Channel, Config, PlayParams, RecordParams, StartAt, State, Stream, Timing};

/// How long each of the races is run.
const RACE: Duration = Duration::from_millis(500);

fn open(backend: Backend, fade_ms: f64) -> Stream {
    let config = Config {
        backend: Some(backend),
        sample_rate_hz: 48_000,
        output_channels: 1,
        input_channels: 1,
        fade_ms,
        ..Config::default()
    };
    Stream::open(&config).unwrap()
}

/// Says that it is over, also where a test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn what_was_dropped_is_never_told_as_started() {
    let stream = open(Backend::Manual, 0.0);
    stream.start().unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (input, mut output) = ([0.0f32; 64], [0.0f32; 64]);
            while !stop.load(Ordering::Relaxed) {
                let (input, output) = (Input::Interleaved(&input), Output::Interleaved(&mut output));
                stream.process(0, input, output, BlockTime::default()).unwrap();
            }
        });
        let _stop = Stop(&stop);
        let sound = Buffer::copy(&[0.1], 1, 1, 0).unwrap();
        let timing = Timing { start: StartAt::Frame(0), late: LatePolicy::Drop, ..Timing::default() };
        let params = PlayParams { timing, ..PlayParams::default() };
        while stream.time(Direction::Output).unwrap().frame < 1_000 {
            std::thread::yield_now();
        }
        let end = Instant::now() + RACE;
        while Instant::now() < end {
            let action = stream.play_buffer(&sound, None, None, &params).unwrap();
            let waited = stream.wait_action(action, ActionState::Started, Duration::from_secs(5)).unwrap();
            assert_eq!(waited.outcome, Some(Outcome::DroppedLate), "{waited:?}");
            let action = stream.play_buffer(&sound, None, None, &params).unwrap();
            let mut looked = stream.action(action).unwrap();
            while looked.state == ActionState::Pending {
                looked = stream.action(action).unwrap();
            }
            assert_eq!(looked.outcome, Some(Outcome::DroppedLate), "{looked:?}");
        }
    });
}

#[test]
fn no_sound_is_admitted_by_a_role_or_a_ceiling_that_its_channel_has_no_more() {
    let stream = open(Backend::Manual, 0.0);
    // As the other thread leaves it: at first its ceiling is 1, which a peak of 0.5 fits too.
    stream.set_channel(1, Channel { ceiling: Some(0.1), ..Channel::default() }).unwrap();
    let stop = AtomicBool::new(false);
    let mut played = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                _ = stream.set_channel(1, Channel { trigger: true, ..Channel::default() });
                _ = stream.set_channel(1, Channel { ceiling: Some(0.1), ..Channel::default() });
            }
        });
        let _stop = Stop(&stop);
        let sound = Buffer::copy(&[0.5; 10], 10, 1, 0).unwrap();
        let end = Instant::now() + RACE;
        while Instant::now() < end || played == 0 {
            let params = PlayParams::default();
            let Ok(action) = stream.play_buffer(&sound, Some(&[1]), None, &params) else { continue };
            played += 1;
            // From here on role and ceiling are fixed. A peak of 0.5 fits a trigger line only.
            assert!(stream.channel(1).unwrap().trigger, "after {played} sounds");
            let gain = stream.set_gain(action, None, 0.0, -1, false);
            assert_eq!(gain.unwrap_err().code, Code::Unsupported, "trigger lines have no gain");
            stream.cancel(action, None, -1).unwrap();
        }
    });
}

#[test]
fn calls_that_are_not_said_to_block_do_not_wait_for_a_stop() {
    let stream = open(Backend::Virtual, 4_000.0);
    stream.start().unwrap();
    let sound = Buffer::copy(&vec![0.1; 48_000 * 60], 48_000 * 60, 1, 0).unwrap();
    let action = stream.play_buffer(&sound, None, None, &PlayParams::default()).unwrap();
    stream.wait_action(action, ActionState::Started, Duration::from_secs(5)).unwrap();
    let into = Buffer::zeros(100, 1, 0).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| stream.stop().unwrap());
        // The stop has begun when it ends what sounds.
        while stream.action(action).unwrap().measured.end_frame > 48_000 * 60 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let aligned = RecordParams { align: Align::RoundTrip, ..RecordParams::default() };
        stream.record_buffer(&into, None, &aligned).unwrap();
        let calibrated = Channel { calibration_db_spl: Some(80.0), ..Channel::default() };
        stream.set_channel(1, calibrated).unwrap();
        stream.set_channel_role(1, false).unwrap();
        assert_eq!(stream.set_channel_role(1, true).unwrap_err().code, Code::InvalidState);
        stream.set_master_gain(None, 0.0, -1).unwrap();
        let batch = stream.begin_batch().unwrap();
        stream.commit_batch(batch).unwrap();
        _ = stream.stats();
        _ = stream.info();
        assert_eq!(stream.state(), State::Running, "they returned before the stop did");
    });
    assert_eq!(stream.state(), State::Stopped);
}
