//! The callback meets no page of memory that is not there yet: what it works with is touched when it is made.

#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

mod bustle;

use bustle::{Bustle, CHANNELS, assert_every_kind_ran, process, running_with_dither};
use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::stream::{Config, InputParams, PlayParams, RecordParams, Stream};

const FRAMES: usize = 256;
/// The system takes a page of code or of a busy heap away now and then, whatever was done for it.
const BY_THE_SYSTEM: i64 = 4;

/// Page faults of this thread so far that needed no disk.
fn faults() -> i64 {
    // SAFETY: numbers, for which zeros are valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the place is valid for the call.
    unsafe { libc::getrusage(libc::RUSAGE_THREAD, &mut usage) };
    usage.ru_minflt
}

/// Page faults of the calls of `process` in so many blocks.
fn faults_of(stream: &Stream, blocks: usize, inputs: usize, outputs: usize) -> i64 {
    let input = vec![0.1f32; FRAMES * inputs];
    let mut out = vec![0.1f32; FRAMES * outputs];
    let block = |out: &mut [f32]| {
        let before = faults();
        let input = if inputs > 0 { Input::Interleaved(&input) } else { Input::None };
        let output = if outputs > 0 { Output::Interleaved(out) } else { Output::None };
        stream.process(0, input, output, BlockTime::default()).unwrap();
        faults() - before
    };
    (0..blocks).map(|_| block(&mut out)).sum()
}

fn open(inputs: u32, outputs: u32, history_frames: u32, max_actions: u32) -> Stream {
    let config = Config {
        backend: Some(Backend::Manual),
        sample_rate_hz: 48_000,
        output_channels: outputs,
        input_channels: inputs,
        history_frames,
        max_actions,
        ..Config::default()
    };
    Stream::open(&config).unwrap()
}

/// Runs all code once, whose pages come when it is run first.
fn warm_up() {
    let stream = open(2, 2, 1_000, 100);
    let sound = Buffer::copy(&[0.001; 600], 600, 1, 0).unwrap();
    let record = Buffer::zeros(600, 2, 0).unwrap();
    stream.play_buffer(&sound, Some(&[1]), None, &PlayParams::default()).unwrap();
    stream.record_buffer(&record, Some(&[1, 2]), &RecordParams::default()).unwrap();
    let params = InputParams { channel_count: 1, delay_frames: 100, ..InputParams::default() };
    stream.play_input(&params, Some(&[1]), None, &PlayParams::default()).unwrap();
    stream.start().unwrap();
    faults_of(&stream, 10, 2, 2);
}

fn assert_no_faults(name: &str, count: i64) {
    assert!(count <= BY_THE_SYSTEM, "{name}: {count} page faults in the callback");
}

#[test]
fn no_callback_meets_a_page_that_is_not_there_from_the_first_one_on() {
    warm_up();
    let stream = open(1, 0, 1 << 20, 0);
    stream.start().unwrap();
    assert_no_faults("a history of 2^20 samples", faults_of(&stream, 4_200, 1, 0));

    let stream = open(64, 64, 1 << 14, 0);
    stream.start().unwrap();
    assert_no_faults("64 channels each way, with a history", faults_of(&stream, 100, 64, 64));

    let stream = open(1, 1, 0, 10_000);
    let sound = Buffer::copy(&[0.00001; 100], 100, 1, 0).unwrap();
    for _ in 0..10_000 {
        stream.play_buffer(&sound, Some(&[1]), None, &PlayParams::default()).unwrap();
    }
    stream.start().unwrap();
    assert_no_faults("10,000 plays", faults_of(&stream, 40, 1, 1));

    let stream = open(64, 64, 0, 0);
    let params = InputParams { channel_count: 64, delay_frames: 16_384, ..InputParams::default() };
    let channels: Vec<i32> = (1..=64).collect();
    stream.play_input(&params, Some(&channels), None, &PlayParams::default()).unwrap();
    stream.start().unwrap();
    assert_no_faults("a monitor of 64 channels with a delay", faults_of(&stream, 100, 64, 64));

    let stream = open(2, 2, 0, 0);
    let buffers = [(); 2].map(|()| Buffer::zeros(1 << 20, 2, 0).unwrap());
    stream.record_buffer(&buffers[0], Some(&[1, 2]), &RecordParams::default()).unwrap();
    stream.record_output(&buffers[1], Some(&[1, 2]), &RecordParams::default()).unwrap();
    stream.start().unwrap();
    assert_no_faults("recordings of 2^20 frames", faults_of(&stream, 4_200, 2, 2));
}

#[test]
fn no_kind_of_action_meets_a_page_that_is_not_there() {
    // The code of every kind has run once after the first stream, and the second one's memory is new.
    let (mut counts, mut last) = (Vec::new(), None);
    for (seed, blocks) in [(0x5EED, 30_000), (0xFEED, 200_000)] {
        let stream = running_with_dither(64, "");
        let folder = tempfile::tempdir().unwrap();
        let mut bustle = Bustle::with_files(seed, folder.path());
        let input = vec![0.1; CHANNELS * 64];
        let mut output = vec![0.0; CHANNELS * 64];
        let (mut frame, mut count) = (0, 0);
        for block in 0..blocks {
            if block % 8 == 0 {
                bustle.command(&stream, frame);
            }
            let frames = 1 + bustle.random.below(64) as usize;
            let samples = CHANNELS * frames;
            let before = faults();
            process(&stream, &input[..samples], &mut output[..samples]);
            count += faults() - before;
            frame += frames as i64;
        }
        counts.push(count);
        last = Some(stream);
    }
    assert_every_kind_ran(&last.unwrap());
    assert_no_faults("every kind of action", counts[1]);
}
