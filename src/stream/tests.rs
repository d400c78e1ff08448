//! What only the inside of a stream can show: a callback that never comes back.

use super::*;
use crate::buffer::Buffer;

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
