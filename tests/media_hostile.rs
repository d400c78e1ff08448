//! Media files that are damaged or made to harm: an error, or sound, but never a panic, a hang, or memory out
//! of proportion.
#![allow(missing_docs, unsafe_code)]

mod media;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use media::*;
use sonset::error::{Code, Error, Result};
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

/// Tests that count memory run one after the other.
static ALONE: Mutex<()> = Mutex::new(());

/// Bytes that `work` needed at most beyond those that were there before.
fn peak_of<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = work();
    (PEAK.load(Relaxed) - before, result)
}

/// A file of each kind to be damaged: its name and ffmpeg's arguments.
const FORMATS: &[(&str, &str)] = &[
    ("s16.wav", "-c:a pcm_s16le"),
    ("ms.wav", "-c:a adpcm_ms"),
    ("s24.aiff", "-c:a pcm_s24be"),
    ("a.flac", ""),
    ("a.mp3", "-b:a 128k"),
    ("a.aac", "-c:a aac -b:a 128k"),
    ("v.ogg", "-c:a libvorbis -q:a 4"),
    ("f.oga", "-c:a flac"),
    ("a.m4a", "-c:a aac -b:a 128k"),
    ("alac.m4a", "-c:a alac"),
    ("frag.mp4", "-c:a aac -b:a 128k -movflags frag_keyframe+delay_moov -frag_duration 100000"),
    ("aac.mkv", "-c:a aac -b:a 128k"),
    ("v.webm", "-c:a libvorbis -q:a 4"),
    ("flac.mkv", "-c:a flac"),
];

/// And of those that share their reader with one of the kinds above, for the long form.
const MORE_FORMATS: &[(&str, &str)] = &[
    ("u8.wav", "-c:a pcm_u8"),
    ("s24.wav", "-c:a pcm_s24le"),
    ("f64.wav", "-c:a pcm_f64le"),
    ("alaw.wav", "-c:a pcm_alaw"),
    ("mulaw.wav", "-c:a pcm_mulaw"),
    ("ima.wav", "-c:a adpcm_ima_wav"),
    ("s16.rf64.wav", "-c:a pcm_s16le -rf64 always"),
    ("sowt.aiff", "-c:a pcm_s16le -f aiff"),
    ("f32.aiff", "-c:a pcm_f32be -f aiff"),
    ("variable.mp3", "-q:a 5"),
    ("untagged.mp3", "-b:a 64k -write_xing 0 -id3v2_version 0"),
    ("a.mp2", "-b:a 128k"),
    ("in24.mov", "-c:a pcm_s24be"),
    ("fl32.mov", "-c:a pcm_f32le"),
    ("flac.mp4", "-c:a flac -strict -2"),
    ("mp3.mkv", "-c:a libmp3lame -b:a 64k"),
    ("s16.mkv", "-c:a pcm_s16le"),
];

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

/// Far more than any of these files needs, and far less than what hostile headers ask for.
const MEMORY_BYTES: usize = 8 << 20;
const TIME: Duration = Duration::from_secs(2);

/// Lets panics of the decoders, which are caught, print nothing: a backtrace takes more memory than a file may.
fn hush_decoders() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.location().is_some_and(|location| location.file().contains("symphonia")) {
            print(info);
        }
    }));
}

/// Plays files that `damage` made of each of `formats`, so many times each.
fn survive<'a>(
    formats: impl IntoIterator<Item = &'a (&'a str, &'a str)>,
    rounds: usize,
    damage: impl Fn(&[u8], &mut Numbers) -> Vec<u8>,
) {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    hush_decoders();
    let folder = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    for (name, arguments) in formats {
        let path = encode(folder.path(), name, &noise(12_000, 2), 2, 48_000, arguments);
        let bytes = std::fs::read(&path).unwrap();
        let whole = play(&path);
        assert!(whole.is_ok(), "{name}: {whole:?}");
        for round in 0..rounds {
            std::fs::write(&path, damage(&bytes, &mut numbers)).unwrap();
            let begin = Instant::now();
            let (peak, result) = peak_of(|| play(&path));
            let took = begin.elapsed();
            let about = format!("{name}, round {round}: {result:?}");
            assert!(peak < MEMORY_BYTES, "{peak} bytes; {about}");
            assert!(took < TIME, "{took:?}; {about}");
            let refused = |error: Error| matches!(error.code, Code::FileFormat | Code::NonFinite);
            assert!(result.err().is_none_or(refused), "{about}");
        }
    }
}

#[test]
fn damaged_files_neither_panic_nor_hang_nor_take_memory() {
    survive(FORMATS, 300, damage);
}

/// Beside single bytes: numbers at which something overflows, parts that are doubled, moved or left out.
fn damage_more(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut damaged = damage(bytes, numbers);
    for _ in 0..numbers.below(4) {
        if damaged.len() < 16 {
            break;
        }
        let end = if numbers.below(2) == 0 { damaged.len().min(600) } else { damaged.len() };
        let at = numbers.below(end - 8);
        let count = (1 << numbers.below(8)).min(damaged.len() - at - 8);
        match numbers.below(5) {
            0 => {
                let end = [0u32, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0xFFFF_FFFE][numbers.below(6)];
                let end = if numbers.below(2) == 0 { end.to_le_bytes() } else { end.to_be_bytes() };
                damaged[at..at + 4].copy_from_slice(&end);
            }
            1 => drop(damaged.drain(at..at + count)),
            2 => {
                let part = damaged[at..at + count].to_vec();
                damaged.splice(at..at, part);
            }
            3 => damaged[at..at + count].fill(if numbers.below(2) == 0 { 0 } else { 0xFF }),
            _ => {
                let to = numbers.below(damaged.len() - count);
                damaged.copy_within(at..at + count, to);
            }
        }
    }
    damaged
}

#[test]
#[ignore = "minutes: cargo test --test media_hostile -- --ignored"]
fn files_that_are_damaged_in_many_ways_neither_panic_nor_hang_nor_take_memory() {
    survive(FORMATS.iter().chain(MORE_FORMATS), 600, damage_more);
}

#[test]
fn minutes_of_sound_are_read_in_the_memory_of_a_second() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in [("long.m4a", "-c:a aac"), ("long.mkv", "-c:a aac"), ("long.flac", "")] {
        let path = folder.path().join(name);
        ffmpeg(&format!("-f lavfi -i sine=frequency=440:duration=180 {arguments} {}", path.display()));
        let (peak, result) = peak_of(|| {
            let mut decoder = Decoder::open(&path, 0)?;
            let mut part = vec![0.0; 4096];
            while decoder.read(&mut part)? > 0 {}
            Ok::<_, Error>(decoder.position())
        });
        assert!(result.unwrap() >= 180 * 44_100, "{name}");
        assert!(peak < MEMORY_BYTES, "{name}: {peak} bytes");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_source_without_an_end_is_given_up() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let error = Decoder::open(Path::new("/dev/zero"), 0).err().unwrap();
    assert_eq!(error.code, Code::FileFormat, "{error}");
}
