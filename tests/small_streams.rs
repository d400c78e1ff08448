//! Streams and threads in programs so small that Miri, which interprets them, gets through: see scripts/miri.

mod bustle;

use std::sync::atomic::{AtomicBool, Ordering};

use bustle::{Bustle, CHANNELS, process, running};
use sonset::buffer::Buffer;
use sonset::device::Direction;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::stream::{InputParams, PlayParams, RecordParams, Stream};

const FRAMES: usize = 32;

fn play_block(stream: &Stream) {
    let mut output = [0.0; FRAMES * CHANNELS];
    stream.process(0, Input::None, Output::Interleaved(&mut output), BlockTime::default()).unwrap();
}

fn record_block(stream: &Stream) {
    let input = [0.25; FRAMES * CHANNELS];
    stream.process(1, Input::Interleaved(&input), Output::None, BlockTime::default()).unwrap();
}

fn duplex_block(stream: &Stream) {
    process(stream, &[0.25; FRAMES * CHANNELS], &mut [0.0; FRAMES * CHANNELS]);
}

#[test]
fn commands_of_every_kind() {
    for (options, separate) in [("", false), ("callbacks=separate", true)] {
        let stream = running(32, options);
        let mut bustle = Bustle::new(7);
        for n in 0..60 {
            bustle.command(&stream, n * FRAMES as i64);
            if separate {
                play_block(&stream);
                record_block(&stream);
            } else {
                duplex_block(&stream);
            }
        }
        stream.stop().unwrap();
        stream.start().unwrap();
        stream.close();
        let receipts = std::iter::from_fn(|| stream.poll_receipt().ok()).count();
        assert_eq!(receipts, bustle.issued.len());
    }
}

#[test]
fn a_callback_in_a_thread_of_its_own() {
    let stream = running(8, "");
    let done = AtomicBool::new(false);
    let mut issued = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (0..30).for_each(|_| duplex_block(&stream));
            done.store(true, Ordering::Release);
        });
        let sound = Buffer::copy(&[0.1; 20], 20, 1, 0).unwrap();
        for n in 0..40 {
            if done.load(Ordering::Acquire) {
                break;
            }
            let into = Buffer::zeros(40, 1, 0).unwrap();
            let play = stream.play_buffer(&sound, None, None, &PlayParams::default());
            let record = stream.record_buffer(&into, None, &RecordParams::default());
            let _ = into.read(0, &mut [0.0; 4]);
            let _ = into.rms(0);
            stream.time(Direction::Output).unwrap();
            issued += usize::from(play.is_ok()) + usize::from(record.is_ok());
            for action in play.ok().filter(|_| n % 3 == 0).into_iter().chain(record.ok()) {
                let _ = stream.cancel(action, None, -1);
            }
            if n % 7 == 0 {
                stream.cancel_all(-1).unwrap();
            }
        }
    });
    stream.close();
    assert_eq!(std::iter::from_fn(|| stream.poll_receipt().ok()).count(), issued);
}

#[test]
fn two_callbacks_with_a_monitor_between_them() {
    let stream = running(8, "callbacks=separate");
    std::thread::scope(|scope| {
        scope.spawn(|| (0..20).for_each(|_| play_block(&stream)));
        scope.spawn(|| (0..20).for_each(|_| record_block(&stream)));
        for _ in 0..5 {
            let params = PlayParams { frame_count: Some(50), ..PlayParams::default() };
            let _ = stream.play_input(&InputParams::default(), Some(&[1]), None, &params);
            stream.stats();
        }
    });
    stream.close();
}
