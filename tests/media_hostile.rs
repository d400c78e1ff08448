//! Media files that are damaged or made to harm: an error, or sound, but never a panic, a hang, or memory out
//! of proportion.
#![allow(missing_docs, unsafe_code)]

mod media;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use media::*;
use sonset::error::{Code, Result};
use sonset::file::decode::Decoder;

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

/// Bytes that `work` needed at most beyond those that were there before.
fn peak_of<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = work();
    (PEAK.load(Relaxed) - before, result)
}

/// Numbers that are the same in every run (xorshift, Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Reads a file to its end and from its middle, and tells how many frames it had.
fn play(path: &Path) -> Result<usize> {
    let mut decoder = Decoder::open(path, 0)?;
    let mut part = vec![0.0; 4096 * decoder.info().channels];
    let mut frames = 0;
    // A minute: a damaged header may promise any length of sound, as long as it comes at once.
    while frames < 3_000_000 {
        match decoder.read(&mut part)? {
            0 => break,
            more => frames += more,
        }
    }
    decoder.seek(frames as u64 / 2)?;
    decoder.read(&mut part)?;
    Ok(frames)
}

fn damage(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    if numbers.below(4) == 0 {
        damaged.truncate(numbers.below(bytes.len()));
    }
    for _ in 0..numbers.below(8) {
        // Half of the damage goes to the header, where it does most.
        let end = if numbers.below(2) == 0 { damaged.len().min(600) } else { damaged.len() };
        if end > 0 {
            damaged[numbers.below(end)] = numbers.below(256) as u8;
        }
    }
    damaged
}

#[test]
fn damaged_files_neither_panic_nor_hang_nor_take_memory() {
    let folder = tempfile::tempdir().unwrap();
    std::panic::set_hook(Box::new(|info| println!("PANICKED {info}")));
    for (name, arguments) in FORMATS_TO_DAMAGE {
        let frames = 12_000;
        let path = encode(folder.path(), name, &noise(frames, 2), 2, 48_000, arguments);
        let bytes = std::fs::read(&path).unwrap();
        let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
        let (mut played, mut worst, mut slowest) = (0, 0, Duration::ZERO);
        for round in 0..300 {
            let damaged = damage(&bytes, &mut numbers);
            std::fs::write(&path, &damaged).unwrap();
            let begin = Instant::now();
            let (peak, result) = peak_of(|| play(&path));
            let took = begin.elapsed();
            worst = worst.max(peak);
            slowest = slowest.max(took);
            if peak > (32 << 20) || took > Duration::from_millis(500) {
                std::fs::write("/tmp/slow.bin", &damaged).unwrap();
                println!("  {name} round {round}: {} MB {took:?} {result:?}", peak >> 20);
            }
            match result {
                Ok(_) => played += 1,
                Err(error) => {
                    if !matches!(error.code, Code::FileFormat | Code::NonFinite) {
                        println!("{name} round {round}: {:?}: {error}", error.code)
                    }
                }
            }
        }
        println!(
            "{name:12} {} bytes: {played} of 300 played, worst {} KB {slowest:?}",
            bytes.len(),
            worst >> 10
        );
    }
}
