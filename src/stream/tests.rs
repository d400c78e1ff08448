//! What only the inside of a stream can show: a callback that never comes back.

use std::time::Instant;

use super::*;
use crate::action::{ActionId, LatePolicy};
use crate::buffer::Buffer;
use crate::receipt::ActionState;
use crate::ring::Ring;

fn manual() -> Stream {
    open("")
}

fn open(options: &str) -> Stream {
    let config = Config {
        options: options.into(),
        backend: Some(Backend::Manual),
        sample_rate_hz: 48_000,
        output_channels: 1,
        input_channels: 1,
        ..Config::default()
    };
    Stream::open(&config).unwrap()
}

fn block(stream: &Stream, frames: usize) {
    let (input, mut output) = (vec![0.5; frames], vec![0.0; frames]);
    let output = Output::Interleaved(&mut output);
    stream.process(0, Input::Interleaved(&input), output, BlockTime::default()).unwrap();
}

#[test]
fn the_host_writes_the_receipts_of_a_callback_that_never_comes_back() {
    let stream = manual();
    stream.start().unwrap();
    let recording = Buffer::zeros(1_000, 1, 0).unwrap();
    let sound = Buffer::zeros(1_000, 1, 0).unwrap();
    let recorder = stream.record_buffer(&recording, None, &RecordParams::default()).unwrap();
    let playing = stream.play_buffer(&sound, None, None, &PlayParams::default()).unwrap();
    block(&stream, 300);
    let queued = stream.play_buffer(&sound, None, None, &PlayParams::default()).unwrap();
    let batch = stream.begin_batch().unwrap();
    let timing = Timing { batch, ..Timing::default() };
    let params = PlayParams { timing, ..PlayParams::default() };
    let batched = stream.play_buffer(&sound, None, None, &params).unwrap();

    // As a callback does that is inside: it has the engine, and does not put it back.
    let held = stream.core.gates[0].close(Duration::ZERO).unwrap();
    let began = Instant::now();
    stream.close();
    assert!(began.elapsed() < Duration::from_secs(3), "close took {:?}", began.elapsed());
    assert_eq!(stream.state(), State::Closed);

    for (action, start, done) in
        [(recorder, 0, 300), (playing, 0, 300), (queued, NONE, 0), (batched, NONE, 0)]
    {
        let receipt = stream.action(action).unwrap();
        assert!(
            receipt
                .outcome
                .is_some_and(|outcome| { matches!(outcome, Outcome::DeviceLost | Outcome::StreamStopped) })
        );
        assert_eq!((receipt.measured.start_frame, receipt.measured.done_frames), (start, done));
    }
    assert_eq!(std::iter::from_fn(|| stream.poll_receipt().ok()).count(), 4);
    let mut heard = vec![0.0; 300];
    recording.read(0, &mut heard).unwrap();
    assert!(heard.iter().all(|&sample| sample == 0.5));
    assert_eq!(recording.readable_frames(), 300, "only what was recorded, while the recorder is not back");
    drop(stream);
    drop(held);
}

#[test]
fn a_stopped_stream_answers_process_with_silence_and_an_error() {
    let stream = manual();
    let mut output = [9.0; 4];
    let input = Input::Interleaved(&[0.0; 4]);
    let result = stream.process(0, input, Output::Interleaved(&mut output), BlockTime::default());
    assert_eq!((result, output), (Err(Code::InvalidState), [0.0; 4]));
}

/// One block of the output half, or of the input half, of a stream with a callback for each.
fn half_block(stream: &Stream, direction: Direction, frames: usize) {
    let mut samples = vec![0.5; frames];
    let time = BlockTime::default();
    match direction {
        Direction::Output => stream.process(0, Input::None, Output::Interleaved(&mut samples), time),
        Direction::Input => stream.process(1, Input::Interleaved(&samples), Output::None, time),
    }
    .unwrap();
}

#[test]
fn the_halves_agree_on_frame_numbers_again_after_every_start() {
    use Direction::{Input, Output};
    let stream = open("callbacks=separate");
    let frame = |direction| stream.time(direction).unwrap().frame;
    stream.start().unwrap();
    half_block(&stream, Input, 50);
    assert_eq!(frame(Input), 0, "input before the first output is left out");
    half_block(&stream, Output, 100);
    half_block(&stream, Input, 100);
    assert_eq!((frame(Output), frame(Input)), (100, 100));
    (0..5).for_each(|_| half_block(&stream, Output, 100));
    stream.stop().unwrap();

    let recording = Buffer::zeros(50, 1, 0).unwrap();
    let timing = Timing { start: StartAt::Frame(300), ..Timing::default() };
    let params = RecordParams { timing, ..RecordParams::default() };
    let recorder = stream.record_buffer(&recording, None, &params).unwrap();
    let cancelled = stream.play_buffer(&Buffer::zeros(9, 1, 0).unwrap(), None, None, &PlayParams::default());
    stream.cancel(cancelled.unwrap(), None, 0).unwrap();
    stream.start().unwrap();
    half_block(&stream, Input, 100);
    assert_eq!(frame(Input), 100, "the last block before the stop tells nothing");
    half_block(&stream, Output, 100);
    half_block(&stream, Input, 100);
    assert_eq!((frame(Output), frame(Input)), (700, 700));
    let receipt = stream.action(recorder).unwrap();
    assert_eq!(receipt.outcome, Some(Outcome::Completed));
    assert_eq!((receipt.measured.start_frame, receipt.measured.late_frames), (600, 300));

    (0..3).for_each(|_| half_block(&stream, Input, 100));
    stream.stop().unwrap();
    stream.start().unwrap();
    half_block(&stream, Output, 100);
    half_block(&stream, Input, 100);
    assert_eq!(frame(Input), 1000, "no number is given twice");
    (0..3).for_each(|_| half_block(&stream, Output, 100));
    half_block(&stream, Input, 100);
    assert_eq!((frame(Output), frame(Input)), (1100, 1100));
}

#[test]
fn an_action_whose_report_is_on_its_way_has_started_only_if_it_did() {
    let stream = manual();
    stream.start().unwrap();
    let sound = Buffer::zeros(9, 1, 0).unwrap();
    let play = || stream.play_buffer(&sound, None, None, &PlayParams::default()).unwrap();
    let detect = || stream.detect_level(None, &DetectParams::default()).unwrap();
    let slot = |action| stream.core.shared.slot(ActionId::from_value(action).unwrap());
    let (dropped, played, heard_nothing, heard) = (play(), play(), detect(), detect());
    // As a callback does that is stopped between the state and the report.
    slot(played).publish_start(5, NONE, NONE, 14);
    slot(heard_nothing).publish_listening(5, NONE, NONE);
    slot(heard).publish_listening(5, NONE, NONE);
    slot(heard).publish_detected(7, NONE);
    for action in [dropped, played, heard_nothing, heard] {
        slot(action).publish_ended();
    }
    for (action, state) in [
        (dropped, ActionState::Pending),
        (played, ActionState::Started),
        (heard_nothing, ActionState::Pending),
        (heard, ActionState::Started),
    ] {
        let receipt = stream.action(action).unwrap();
        assert_eq!((receipt.state, receipt.outcome), (state, None), "action {action}");
        let waited = stream.wait_action(action, ActionState::Started, Duration::ZERO);
        assert_eq!(waited.is_ok(), state == ActionState::Started, "{waited:?}");
    }
}

/// Runs `call` on another thread, which comes as far as the books, `meanwhile` before they are unlocked, and then the
/// rest of `call`.
fn while_it_waits<T: Send>(stream: &Stream, call: impl FnOnce() -> T + Send, meanwhile: impl FnOnce()) -> T {
    std::thread::scope(|scope| {
        let books = lock(&stream.core.host);
        let called = scope.spawn(call);
        // Long enough to reach the lock; a thread that does not get there in time misses nothing but the test.
        std::thread::sleep(Duration::from_millis(100));
        meanwhile();
        drop(books);
        called.join().unwrap()
    })
}

#[test]
fn a_sound_is_admitted_by_the_ceiling_that_its_channel_has_when_it_is_taken_in() {
    let stream = manual();
    stream.set_channel(1, Channel { trigger: true, ..Channel::default() }).unwrap();
    let sound = Buffer::copy(&[0.5; 10], 10, 1, 0).unwrap();
    let play = || stream.play_buffer(&sound, Some(&[1]), None, &PlayParams::default());
    let played = while_it_waits(&stream, play, || {
        // As `set_channel` does, which has the books.
        let quiet = Channel { ceiling: Some(0.1), ..Channel::default() };
        *lock(&stream.core.channels) = Channels::of(&[quiet], 1.0);
    });
    assert_eq!(played.unwrap_err().code, Code::WouldClip);
}

#[test]
fn a_buffer_that_is_checked_to_be_played_is_not_recorded_into_before_it_plays() {
    let stream = manual();
    let sound = Buffer::zeros(10, 1, 0).unwrap();
    let play = || stream.play_buffer(&sound, Some(&[1]), None, &PlayParams::default());
    let (claims, claimed) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let played = while_it_waits(&stream, play, || {
            scope.spawn(|| {
                let recorder = sound.claim_for_recording().map(|mut recorder| {
                    recorder.begin();
                    recorder.raise_peak(0, 2.0);
                });
                claims.send(recorder.is_ok()).unwrap();
            });
            let early = claimed.recv_timeout(Duration::from_millis(100));
            assert!(early.is_err(), "a recording came between the check of the peak and the sound");
        });
        let recorded = claimed.recv().unwrap();
        assert!(played.is_ok() != recorded, "one of the two: {played:?}, recorded: {recorded}");
    });
}

#[test]
fn a_buffer_or_ring_that_is_read_keeps_nobody_from_the_stream() {
    let stream = manual();
    let (sound, into) = (Buffer::zeros(10, 1, 0).unwrap(), Buffer::zeros(10, 1, 0).unwrap());
    let (played, recorded) = (Ring::new(10, 1, 0).unwrap(), Ring::new(10, 1, 0).unwrap());
    // As a call does that reads or writes as much as there can be.
    let passing = (sound.pass(), into.pass(), played.lend_writer().unwrap(), recorded.lend_reader().unwrap());
    stream.play_buffer(&sound, None, None, &PlayParams::default()).unwrap();
    stream.play_ring(&played, None, None, &PlayParams::default()).unwrap();
    std::thread::scope(|scope| {
        let buffer = scope.spawn(|| stream.record_buffer(&into, None, &RecordParams::default()).unwrap());
        let ring = scope.spawn(|| {
            stream.record_ring(Recorded::Input, &recorded, None, &RecordParams::default()).unwrap()
        });
        std::thread::sleep(Duration::from_millis(100));
        assert!(
            !buffer.is_finished() && !ring.is_finished(),
            "a recording waits for who reads what it needs"
        );
        assert_eq!(stream.stats().live_actions, 2, "and nobody waits for the recording");
        drop(passing);
        buffer.join().unwrap();
        ring.join().unwrap();
    });
    assert_eq!(stream.stats().live_actions, 4);
}

#[test]
fn requests_that_find_the_stream_being_started_or_stopped_do_not_wait_and_are_done_then() {
    for options in ["", "callbacks=separate"] {
        let stream = open(options);
        let sound = Buffer::zeros(9, 1, 0).unwrap();
        let action = stream.play_buffer(&sound, None, None, &PlayParams::default()).unwrap();
        let quiet = Channel { ceiling: Some(0.1), ..Channel::default() };
        let life = stream.core.lock_life();
        std::thread::scope(|scope| {
            let (done, all_done) = std::sync::mpsc::channel();
            let stream = &stream;
            scope.spawn(move || {
                stream.cancel(action, None, -1).unwrap();
                stream.cancel_all(-1).unwrap();
                assert_eq!(stream.set_channel(1, quiet).unwrap_err().code, Code::InvalidState);
                _ = stream.info();
                done.send(()).unwrap();
            });
            let waited = all_done.recv_timeout(Duration::from_secs(5));
            drop(life);
            waited.expect("none of them waits for who starts or stops the stream");
        });
        let receipt = stream.action(action).unwrap();
        assert_eq!(receipt.outcome, Some(Outcome::Cancelled), "it is done when the stream is free again");
        stream.set_channel(1, quiet).unwrap();
    }
}

#[test]
fn what_is_cancelled_before_the_first_start_has_its_receipt_at_once() {
    for options in ["", "callbacks=separate"] {
        let stream = open(options);
        let into = Buffer::zeros(10, 1, 0).unwrap();
        let sound = Buffer::zeros(10, 1, 0).unwrap();
        let timing = Timing { late: LatePolicy::Drop, ..Timing::default() };
        let params = RecordParams { timing, ..RecordParams::default() };
        let recorder = stream.record_buffer(&into, None, &params).unwrap();
        let play = stream.play_buffer(&sound, None, None, &PlayParams::default()).unwrap();
        let detector = stream.detect_level(None, &DetectParams::default()).unwrap();
        for action in [recorder, play, detector] {
            stream.cancel(action, None, -1).unwrap();
            assert_eq!(stream.action(action).unwrap().outcome, Some(Outcome::Cancelled), "'{options}'");
        }
        assert!(!into.is_recording());

        // What is left starts with the first block, and is not late for having been looked at before.
        let kept = stream.record_buffer(&into, None, &params).unwrap();
        let swept = stream.record_buffer(&Buffer::zeros(10, 1, 0).unwrap(), None, &params).unwrap();
        stream.cancel(swept, None, -1).unwrap();
        stream.start().unwrap();
        if options.is_empty() {
            block(&stream, 100);
        } else {
            half_block(&stream, Direction::Output, 100);
            half_block(&stream, Direction::Output, 100);
            half_block(&stream, Direction::Input, 100);
        }
        let receipt = stream.action(kept).unwrap();
        assert_eq!((receipt.outcome, receipt.measured.late_frames), (Some(Outcome::Completed), 0));
    }
}
