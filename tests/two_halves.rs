//! Output and input in callbacks of their own, which slip against each other.

mod bustle;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use bustle::{Bustle, CHANNELS, Random, running};
use sonset::buffer::Buffer;
use sonset::device::Direction;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::receipt::Outcome;
use sonset::stream::{PlayParams, RecordParams, StartAt, Stream, Timing};

fn output(stream: &Stream, frames: usize) -> Vec<f32> {
    let mut samples = vec![0.0; CHANNELS * frames];
    let output = Output::Interleaved(&mut samples);
    stream.process(0, Input::None, output, BlockTime::default()).unwrap();
    samples
}

/// Input whose every sample is the number of its frame since the first call, over 2^20.
fn input(stream: &Stream, first: usize, frames: usize) {
    let samples: Vec<f32> =
        (first..first + frames).flat_map(|n| [n as f32 / 1_048_576.0; CHANNELS]).collect();
    stream.process(1, Input::Interleaved(&samples), Output::None, BlockTime::default()).unwrap();
}

fn frame(stream: &Stream, direction: Direction) -> i64 {
    stream.time(direction).unwrap().frame
}

fn at(frame: i64) -> Timing {
    Timing { start: StartAt::Frame(frame), ..Timing::default() }
}

fn play(stream: &Stream, timing: Timing) -> i64 {
    let sound = Buffer::copy(&[0.5; 10], 10, 1, 0).unwrap();
    stream.play_buffer(&sound, None, None, &PlayParams { timing, ..PlayParams::default() }).unwrap()
}

fn record(stream: &Stream, timing: Timing) -> (i64, std::sync::Arc<Buffer>) {
    let buffer = Buffer::zeros(20, CHANNELS as i32, 0).unwrap();
    let params = RecordParams { timing, ..RecordParams::default() };
    (stream.record_buffer(&buffer, None, &params).unwrap(), buffer)
}

#[test]
fn each_half_counts_its_own_frames_and_keeps_its_own_starts_whatever_the_other_misses() {
    for seed in 1..=200 {
        let stream = running(64, "callbacks=separate");
        let mut random = Random(seed);
        let (mut heard, mut fed) = (Vec::new(), 0usize);
        heard.extend(output(&stream, 64));
        input(&stream, 0, 64);
        fed += 64;
        let starts: Vec<i64> = (1..8).map(|n| n * 150 + random.below(100)).collect();
        let plays: Vec<i64> = starts.iter().map(|&start| play(&stream, at(start))).collect();
        let records: Vec<_> = starts.iter().map(|&start| record(&stream, at(start))).collect();
        while heard.len() < 3_000 * CHANNELS || fed < 3_000 {
            // Now and then one half gets nothing for a while.
            let frames = 1 + random.below(200) as usize;
            let before = (frame(&stream, Direction::Output), frame(&stream, Direction::Input));
            if random.below(3) > 0 {
                heard.extend(output(&stream, frames));
                assert_eq!(frame(&stream, Direction::Output), before.0 + frames as i64);
                assert_eq!(frame(&stream, Direction::Input), before.1);
            } else {
                input(&stream, fed, frames);
                fed += frames;
                assert_eq!(frame(&stream, Direction::Input), before.1 + frames as i64);
                assert_eq!(frame(&stream, Direction::Output), before.0);
            }
        }
        for ((&start, &action), (recorder, buffer)) in starts.iter().zip(&plays).zip(&records) {
            let played = stream.action(action).unwrap();
            assert_eq!((played.outcome, played.measured.start_frame), (Some(Outcome::Completed), start));
            assert_eq!(heard[start as usize * CHANNELS], 0.5);
            assert_eq!(heard[(start as usize - 1) * CHANNELS], 0.0);
            let recorded = stream.action(*recorder).unwrap();
            assert_eq!((recorded.outcome, recorded.measured.start_frame), (Some(Outcome::Completed), start));
            let mut samples = [0.0; CHANNELS];
            buffer.read(0, &mut samples).unwrap();
            assert_eq!(samples, [start as f32 / 1_048_576.0; CHANNELS]);
        }
    }
}

#[test]
fn a_batch_for_both_halves_starts_on_one_frame_number() {
    let stream = running(64, "callbacks=separate");
    (0..3).for_each(|_| drop(output(&stream, 100)));
    input(&stream, 0, 50);
    let batch = stream.begin_batch().unwrap();
    let timing = Timing { batch, ..Timing::default() };
    let (played, recorded) = (play(&stream, timing), record(&stream, timing).0);
    output(&stream, 70);
    stream.commit_batch(batch).unwrap();
    for n in 1..20 {
        output(&stream, 40);
        input(&stream, n * 50, 50);
    }
    let start = |action| stream.action(action).unwrap().measured.start_frame;
    assert_eq!(start(played), 370);
    assert_eq!(start(recorded), 370);
}

#[test]
fn an_action_follows_one_of_the_other_half_by_way_of_the_host() {
    let stream = running(64, "callbacks=separate");
    output(&stream, 100);
    input(&stream, 0, 100);
    let recorded = record(&stream, at(150)).0;
    let start = StartAt::After { action: recorded, offset: 300 };
    let played = play(&stream, Timing { start, ..Timing::default() });
    let start = StartAt::After { action: played, offset: 5 };
    let next = play(&stream, Timing { start, ..Timing::default() });
    for n in 1..10 {
        input(&stream, n * 100, 100);
        // Any call of the host looks at what has ended.
        stream.stats();
        output(&stream, 100);
    }
    let receipt = |action| stream.action(action).unwrap();
    assert_eq!(receipt(recorded).measured.end_frame, 170);
    assert_eq!(
        (receipt(played).outcome, receipt(played).measured.start_frame),
        (Some(Outcome::Completed), 470)
    );
    assert_eq!(receipt(next).measured.start_frame, 485);
}

#[test]
fn an_action_that_waits_for_the_other_half_can_be_given_another_start() {
    let stream = running(64, "callbacks=separate");
    output(&stream, 100);
    input(&stream, 0, 100);
    let recorded = record(&stream, at(5_000)).0;
    let start = StartAt::After { action: recorded, offset: 300 };
    let played = play(&stream, Timing { start, ..Timing::default() });
    stream.set_gain(played, None, -20.0, -1, false).unwrap();
    stream.pause(played, Some(203), -1).unwrap();
    stream.reschedule(played, Some(200)).unwrap();
    stream.resume(played, Some(220), -1).unwrap();
    let heard = output(&stream, 400);
    let measured = stream.action(played).unwrap().measured;
    assert_eq!((measured.start_frame, measured.end_frame, measured.pauses.frames), (200, 227, 17));
    assert_eq!(heard[100 * CHANNELS], 0.05);
    stream.reschedule(recorded, Some(300)).unwrap();
    input(&stream, 100, 400);
    assert_eq!(stream.action(recorded).unwrap().measured.start_frame, 300);
}

#[test]
fn commands_before_between_and_during_the_blocks_of_two_threads_give_each_action_one_receipt() {
    let stream = running(128, "callbacks=separate");
    let done = AtomicBool::new(false);
    let issued: Vec<i64> = std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            let (stream, done) = (&stream, &done);
            scope.spawn(move || {
                let mut random = Random(77 + half);
                let mut fed = 0;
                while !done.load(Ordering::SeqCst) {
                    let frames = 1 + random.below(300) as usize;
                    match half {
                        0 => drop(output(stream, frames)),
                        _ => input(stream, fed, frames),
                    }
                    fed += frames;
                    if random.below(10) == 0 {
                        std::thread::sleep(std::time::Duration::from_micros(300));
                    }
                }
            })
        });
        let hosts: Vec<_> = [11, 12]
            .map(|seed| {
                let stream = &stream;
                scope.spawn(move || {
                    let mut bustle = Bustle::new(seed);
                    while bustle.issued.len() < 20_000 {
                        let frame = frame(stream, Direction::Output);
                        bustle.command(stream, frame);
                    }
                    bustle.issued
                })
            })
            .into_iter()
            .collect();
        let issued = hosts.into_iter().flat_map(|host| host.join().unwrap()).collect();
        done.store(true, Ordering::SeqCst);
        halves.into_iter().for_each(|half| half.join().unwrap());
        issued
    });
    stream.close();
    let mut seen = HashSet::new();
    while let Ok(receipt) = stream.poll_receipt() {
        assert!(seen.insert(receipt.asked.action), "a second receipt");
    }
    assert_eq!(stream.stats().receipts_dropped, 0);
    assert_eq!(seen, issued.into_iter().collect());
}
