//! What only the inside of a stream can show: a callback that never comes back.

use super::*;
use crate::buffer::Buffer;

fn manual() -> Stream {
    let config = Config {
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
