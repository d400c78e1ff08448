//! How a host cuts its blocks changes no bit.

mod bustle;

use std::collections::HashMap;
use std::path::Path;

use bustle::{Bustle, CHANNELS, Random, process, running, samples};
use sonset::action::Kind;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::receipt::{Measured, Outcome};
use sonset::stream::Stream;

/// Random programs; each is run with its blocks whole and cut.
const PROGRAMS: u64 = 4_000;
/// Blocks of a program, with commands before each.
const BLOCKS: usize = 12;

/// Everything that a program leaves behind, in a form that can be compared bit for bit.
#[derive(PartialEq)]
struct Traces {
    output: Vec<u32>,
    recordings: Vec<(usize, Vec<u32>)>,
    files: Vec<(usize, Vec<u32>)>,
    read: Vec<(i64, Vec<u32>)>,
    receipts: HashMap<usize, (Option<Outcome>, Measured)>,
    totals: (u64, u64),
}

/// A block size: often an edge of the chunk grid, sometimes one frame, sometimes the longest.
fn block_frames(random: &mut Random) -> usize {
    match random.below(8) {
        0 => 1,
        1 => 255 + random.below(3) as usize,
        2 => 511 + random.below(3) as usize,
        3 => 8_192,
        _ => 1 + random.below(700) as usize,
    }
}

/// Sizes that add up to `frames`.
fn cuts(random: &mut Random, frames: usize) -> Vec<usize> {
    let mut left = frames;
    let mut parts = Vec::new();
    while left > 0 {
        let most = match random.below(4) {
            0 => 3,
            1 => 257,
            _ => left as i64,
        };
        let part = (1 + random.below(most.min(left as i64))) as usize;
        parts.push(part.min(left));
        left -= part.min(left);
    }
    parts
}

fn input(first: usize, frames: usize) -> Vec<f32> {
    (first * CHANNELS..(first + frames) * CHANNELS).map(|n| (n % 1_999) as f32 / 2_000.0).collect()
}

/// How programs are run.
#[derive(Clone, Copy)]
struct Setting<'a> {
    /// Whether output and input have callbacks of their own.
    separate: bool,
    /// Where files are, if there are any.
    folder: Option<&'a Path>,
}

/// One callback for both directions, and no files.
const PLAIN: Setting<'static> = Setting { separate: false, folder: None };

impl Setting<'_> {
    fn stream(self) -> Stream {
        running(200, if self.separate { "callbacks=separate" } else { "" })
    }

    fn bustle(self, seed: u64) -> Bustle {
        let Some(folder) = self.folder else { return Bustle::new(seed) };
        // Read ahead for longer than a program lasts, so that how fast files are read decides nothing.
        let mut bustle = Bustle::with_files(seed, folder);
        (bustle.file_in, bustle.read_ahead_ms) = (4, 3_000);
        bustle
    }

    fn process(self, stream: &Stream, samples: &[f32], out: &mut [f32]) {
        if !self.separate {
            return process(stream, samples, out);
        }
        let time = BlockTime::default();
        stream.process(0, Input::None, Output::Interleaved(out), time).unwrap();
        stream.process(1, Input::Interleaved(samples), Output::None, time).unwrap();
    }
}

/// Runs program `seed`; `cut` says how a block is divided.
fn run(seed: u64, setting: Setting<'_>, mut cut: impl FnMut(usize) -> Vec<usize>) -> Traces {
    let stream = setting.stream();
    let mut bustle = setting.bustle(seed);
    bustle.recordings = Some(Vec::new());
    let mut sizes = Random(seed ^ 0xB10C);
    let mut output = Vec::new();
    let mut frame = 0;
    for _ in 0..BLOCKS {
        for _ in 0..bustle.random.below(8) {
            bustle.command(&stream, frame as i64);
        }
        for part in cut(block_frames(&mut sizes)) {
            let mut out = vec![9.0; part * CHANNELS];
            setting.process(&stream, &input(frame, part), &mut out);
            output.extend(out.iter().map(|sample| sample.to_bits()));
            frame += part;
        }
    }
    traces(&stream, bustle, output)
}

fn traces(stream: &Stream, mut bustle: Bustle, output: Vec<u32>) -> Traces {
    stream.close();
    let receipts = bustle.issued.iter().enumerate().map(|(index, &action)| {
        let receipt = stream.action(action).unwrap();
        // These two count what happened to the stream in the chunks in which the action ran.
        let measured = Measured { clipped: 0, nonfinite: 0, ..receipt.measured };
        (index, (receipt.outcome, measured))
    });
    let recordings = bustle
        .recordings
        .take()
        .unwrap_or_default()
        .into_iter()
        .map(|(index, buffer)| (index, samples(&buffer).into_iter().map(f32::to_bits).collect()));
    let of_file = |index: &usize| {
        let receipt = stream.action(bustle.issued[*index]).unwrap();
        receipt.asked.kind == Kind::RecordFile
    };
    let files = (0..bustle.issued.len()).filter(of_file).filter_map(|index| {
        let mut file = hound::WavReader::open(bustle.recorded_file(index)?).ok()?;
        Some((index, file.samples::<f32>().map(|sample| sample.unwrap().to_bits()).collect()))
    });
    let files = files.collect();
    let stats = stream.stats();
    Traces {
        output,
        recordings: recordings.collect(),
        files,
        read: bustle.read,
        receipts: receipts.collect(),
        totals: (stats.clipped, stats.nonfinite),
    }
}

fn differences(seed: u64, whole: &Traces, cut: &Traces) -> String {
    let frame = whole.output.iter().zip(&cut.output).position(|(a, b)| a != b).map(|n| n / CHANNELS);
    let receipts = whole.receipts.iter().filter(|(index, receipt)| cut.receipts[index] != **receipt);
    let receipts: Vec<_> = receipts.map(|(index, receipt)| (index, receipt, &cut.receipts[index])).collect();
    format!("program {seed}: first frame that differs {frame:?}; receipts that differ {receipts:#?}")
}

/// What program `seed` leaves behind, which must be the same when its blocks are cut.
fn divided(seed: u64, setting: Setting<'_>) -> Traces {
    let whole = run(seed, setting, |frames| vec![frames]);
    let mut random = Random(seed ^ 0xC07);
    let cut = run(seed, setting, |frames| cuts(&mut random, frames));
    assert!(whole == cut, "{}", differences(seed, &whole, &cut));
    whole
}

#[test]
fn dividing_a_process_call_into_several_changes_no_bit() {
    let mut sounding = 0;
    for seed in 1..=PROGRAMS {
        let whole = divided(seed, PLAIN);
        sounding += whole.output.iter().any(|&bits| bits != 0) as u64;
    }
    assert!(sounding > PROGRAMS * 9 / 10, "only {sounding} programs made a sound");
}

#[test]
fn single_frames_give_the_same_bits_as_the_longest_block() {
    for seed in 1..=100 {
        let whole = run(seed, PLAIN, |frames| vec![frames]);
        let cut = run(seed, PLAIN, |frames| vec![1; frames]);
        assert!(whole == cut, "{}", differences(seed, &whole, &cut));
    }
}

#[test]
fn nor_does_it_where_output_and_input_have_callbacks_of_their_own() {
    for seed in 1..=1_000 {
        divided(seed, Setting { separate: true, ..PLAIN });
    }
}

#[test]
fn nor_does_it_where_files_are_played_sought_in_and_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorded = 0;
    for seed in 1..=60 {
        let whole = divided(seed, Setting { separate: seed % 3 == 0, folder: Some(folder.path()) });
        recorded += whole.files.iter().filter(|(_, samples)| !samples.is_empty()).count();
    }
    assert!(recorded > 60, "{recorded} files hold something");
}
