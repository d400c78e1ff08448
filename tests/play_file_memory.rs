//! What a playing file needs of memory, at any rate. By itself in its process, whose allocations it counts.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use sonset::backend::Backend;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::stream::{Config, PlayFileParams, PlayParams, Stream};

/// Counts the bytes that are allocated, and the most there ever were.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: passed on.
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn wav(folder: &Path, rate: u32, channels: u16, frames: u32) -> PathBuf {
    let path = folder.join("a.wav");
    let spec = hound::WavSpec {
        channels,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    (0..frames * channels as u32).for_each(|n| writer.write_sample((n % 20_000) as i16).unwrap());
    writer.finalize().unwrap();
    path
}

fn running(rate: u32) -> Stream {
    let config = Config {
        backend: Some(Backend::Manual),
        sample_rate_hz: rate,
        output_channels: CHANNELS as u32,
        input_channels: CHANNELS as u32,
        ..Config::default()
    };
    let stream = Stream::open(&config).unwrap();
    stream.start().unwrap();
    stream
}

/// Samples of a loop that is kept in memory.
const LOOP_SAMPLES: u64 = 1 << 18;
/// Channels of the stream.
const CHANNELS: usize = 8;

/// The most memory that a file takes while it is played and looped, and while it is opened, in bytes.
fn needed(folder: &Path, (from, to): (u32, u32), channels: u16, read_ahead_ms: i32) -> (usize, usize) {
    let stream = running(to);
    let frames = LOOP_SAMPLES / channels as u64;
    let path = wav(folder, from, channels, (frames * from as u64 / to as u64) as u32 + 2_000);
    let file = PlayFileParams { read_ahead_ms, resample: true, ..PlayFileParams::default() };
    let params = PlayParams { loop_count: -1, loop_frames: frames as i64, ..PlayParams::default() };
    let map: Vec<i32> = (1..=channels as i32).collect();
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    stream.play_file(&path, &file, Some(&map), None, &params).unwrap();
    let (input, mut output) = (vec![0.0; CHANNELS * 4_096], vec![0.0; CHANNELS * 4_096]);
    for _ in 0..20 {
        let (input, output) = (Input::Interleaved(&input), Output::Interleaved(&mut output));
        stream.process(0, input, output, BlockTime::default()).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    let (held, most) = (NOW.load(Relaxed) - before, PEAK.load(Relaxed) - before);
    println!(
        "{from} to {to} Hz, {channels} channels, {read_ahead_ms} ms ahead: {held} bytes, {most} at first"
    );
    stream.close();
    (held, most)
}

/// Waits until the workers of files that are over have left no more than `bytes` in use.
fn settle(bytes: usize) {
    let patience = Instant::now();
    while NOW.load(Relaxed) > bytes + 20_000 {
        assert!(
            patience.elapsed() < Duration::from_secs(10),
            "{} bytes left in use",
            NOW.load(Relaxed) - bytes
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_file_at_any_ratio_of_rates_is_played_and_looped_in_less_than_8_mb() {
    let folder = tempfile::tempdir().unwrap();
    let before = NOW.load(Relaxed);
    for rates in [
        (48_000, 48_000),
        (44_100, 48_000),
        (22_050, 48_000),
        (44_100, 192_000),
        (192_000, 44_100),
        (48_000, 44_101),
        (8_000, 384_000),
        (8_001, 384_000),
        (8_000, 383_999),
        (384_000, 11_025),
        (383_999, 48_000),
    ] {
        let (held, most) = needed(folder.path(), rates, 2, 60_000);
        assert!(most < 8_000_000, "{rates:?}: {held} bytes, {most} at first");
        settle(before);
    }
    for rates in [(44_101, 48_000), (8_001, 384_000), (96_000, 44_101), (383_999, 8_000)] {
        let (held, most) = needed(folder.path(), rates, 8, 0);
        assert!(most < 8_000_000, "{rates:?}: {held} bytes, {most} at first");
        settle(before);
    }
}
