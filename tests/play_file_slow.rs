//! 64 files at once that come slowly, in real time. By itself in its process, whose memory it measures.
#![cfg(target_os = "linux")]

mod bustle;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use bustle::{Random, write_wav};
use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::device::Direction;
use sonset::receipt::{ActionState, Outcome, Receipt};
use sonset::stream::{Config, PlayFileParams, PlayParams, RecordParams, StartAt, Stream, Timing};

const FILES: usize = 64;
const RATE: i64 = 48_000;
const FRAMES: i64 = 5 * RATE;
const READ_AHEAD_MS: i64 = 600;
/// How long the one that stalls for longer than it is read ahead does so.
const LONG_STALL_MS: i64 = 1_600;
/// Bytes of its file that come before a pipe stalls for long, or stops.
const BEFORE: usize = 4 * RATE as usize;

/// A sample that tells its frame and file.
fn told(frame: i64, file: usize) -> i16 {
    ((frame * 7 + file as i64 * 509) % 32_000 + 1) as i16
}

fn wav(folder: &Path, file: usize) -> PathBuf {
    let path = folder.join(format!("{file}.wav"));
    write_wav(&path, RATE as u32, 1, (0..FRAMES).map(|frame| told(frame, file)));
    File::open(&path).unwrap().sync_all().unwrap();
    path
}

/// Drops a file from the page cache.
fn make_cold(path: &Path) {
    let file = File::open(path).unwrap();
    // SAFETY: it only advises on a descriptor that is open.
    assert_eq!(unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) }, 0);
}

/// Pages of a file that are in the page cache.
fn warm_pages(path: &Path) -> usize {
    let file = File::open(path).unwrap();
    let bytes = file.metadata().unwrap().len() as usize;
    let mut pages = vec![0u8; bytes.div_ceil(4_096)];
    // SAFETY: a new mapping of an open file, which mincore looks at and nobody reads; `pages` has a byte for each
    // of its pages, which are of 4 KiB or more.
    unsafe {
        let map =
            libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0);
        assert_ne!(map, libc::MAP_FAILED);
        assert_eq!(libc::mincore(map, bytes, pages.as_mut_ptr()), 0);
        libc::munmap(map, bytes);
    }
    pages.iter().filter(|page| **page & 1 != 0).count()
}

/// What a pipe does after [`BEFORE`] bytes.
#[derive(Clone, Copy)]
enum Then {
    GoOn,
    StallForLong,
    StopForGood,
}

/// Writes a file into a pipe of one page, so that the reader meets each stall: 20 ms after every third piece.
fn write_slowly(pipe: &Path, source: &Path, then: Then, over: &AtomicBool, mut random: Random) {
    let (mut source, mut piece) = (File::open(source).unwrap(), [0; 7_500]);
    let bytes = source.metadata().unwrap().len() as usize;
    let mut pipe = File::create(pipe).unwrap();
    // SAFETY: it only sets the size of a pipe that is open.
    assert!(unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, 4_096) } >= 4_096);
    let mut at = 0;
    while at < bytes {
        let stop = if at < BEFORE { BEFORE } else { bytes };
        let piece = &mut piece[..(500 + random.below(7_000) as usize).min(stop - at)];
        source.read_exact(piece).unwrap();
        if pipe.write_all(piece).is_err() {
            return;
        }
        at += piece.len();
        match then {
            Then::StallForLong if at == BEFORE => sleep(Duration::from_millis(LONG_STALL_MS as u64)),
            Then::StopForGood if at == BEFORE => {
                while !over.load(Ordering::Relaxed) {
                    sleep(Duration::from_millis(20));
                }
                return;
            }
            _ if random.below(3) == 0 => sleep(Duration::from_millis(20)),
            _ => {}
        }
    }
}

/// What the readers meet.
struct Sources {
    paths: Vec<PathBuf>,
    writers: Vec<JoinHandle<()>>,
}

/// File 0 stops for good and file 1 stalls for long; of the others every fourth lies on the disk and is kept out of
/// the page cache, and all the rest stall for 20 ms again and again.
fn sources(folder: &Path, over: &'static AtomicBool) -> Sources {
    let (mut paths, mut writers) = (Vec::new(), Vec::new());
    for n in 0..FILES {
        let source = wav(folder, n);
        if n > 1 && n % 4 == 0 {
            paths.push(source);
            continue;
        }
        let pipe = folder.join(format!("{n}.pipe"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        paths.push(pipe.clone());
        let then = [Then::StopForGood, Then::StallForLong, Then::GoOn][n.min(2)];
        let random = Random(n as u64 * 7_919 + 1);
        writers.push(spawn(move || write_slowly(&pipe, &source, then, over, random)));
    }
    let cold: Vec<PathBuf> = paths.iter().filter(|path| path.is_file()).cloned().collect();
    cold.iter().for_each(|path| make_cold(path));
    for path in &cold {
        assert_eq!(warm_pages(path), 0, "{path:?} is not cold");
    }
    writers.push(spawn(move || {
        while !over.load(Ordering::Relaxed) {
            cold.iter().for_each(|path| make_cold(path));
            sleep(Duration::from_millis(50));
        }
    }));
    Sources { paths, writers }
}

/// Threads and open files of this process.
fn in_use() -> (usize, usize) {
    let count = |of: &str| fs::read_dir(format!("/proc/self/{of}")).unwrap().count();
    (count("task"), count("fd"))
}

/// Memory of this process in RAM, in bytes.
fn resident() -> i64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<i64>().unwrap() * 1_024
}

fn running() -> Stream {
    let config = Config {
        backend: Some(Backend::Virtual),
        sample_rate_hz: RATE as u32,
        output_channels: FILES as u32,
        input_channels: FILES as u32,
        block_frames: 512,
        max_actions: 128,
        ..Config::default()
    };
    let stream = Stream::open(&config).unwrap();
    stream.start().unwrap();
    stream
}

/// Starts each file on a channel of its own, all of them at `start`, as many threads of a host do.
fn play(stream: &Stream, paths: &[PathBuf], start: i64) -> Vec<i64> {
    let params = PlayParams {
        timing: Timing { start: StartAt::Frame(start), ..Timing::default() },
        ..PlayParams::default()
    };
    let file = PlayFileParams { read_ahead_ms: READ_AHEAD_MS as i32, ..PlayFileParams::default() };
    std::thread::scope(|scope| {
        let play = |(n, path): (usize, &PathBuf)| {
            let path = path.clone();
            scope.spawn(move || stream.play_file(&path, &file, Some(&[n as i32 + 1]), None, &params).unwrap())
        };
        let started: Vec<_> = paths.iter().enumerate().map(play).collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn of_64_slow_files_each_plays_what_its_read_ahead_could_cover_in_flat_memory() {
    static OVER: AtomicBool = AtomicBool::new(false);
    let before = in_use();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let Sources { paths, writers } = sources(folder.path(), &OVER);
    let stream = running();
    let start = stream.time(Direction::Output).unwrap().earliest_frame + 3 * RATE;
    let heard = Buffer::zeros(FRAMES, FILES as i32, 0).unwrap();
    let timing = Timing { start: StartAt::Frame(start + 512), ..Timing::default() };
    let recorder = stream.record_buffer(&heard, None, &RecordParams { timing, ..RecordParams::default() });
    let actions = play(&stream, &paths, start);

    let sounding = |n: i64| {
        while stream.time(Direction::Output).unwrap().frame < start + n {
            sleep(Duration::from_millis(5));
        }
        resident()
    };
    let (early, late) = (sounding(RATE / 2), sounding(FRAMES - RATE / 4));
    let wait = |action| stream.wait_action(action, ActionState::Ended, Duration::from_secs(20)).unwrap();
    let receipts: Vec<Receipt> = actions.into_iter().map(wait).collect();
    assert_eq!(wait(recorder.unwrap()).outcome, Some(Outcome::Completed));
    let closing = Instant::now();
    stream.close();
    assert!(
        closing.elapsed() < Duration::from_secs(2),
        "a file that stands still does not hold up the close"
    );
    OVER.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|writer| writer.join().unwrap());

    println!("{early} bytes in RAM at first, {late} at last");
    let held = heard.hold().unwrap();
    for (n, receipt) in receipts.iter().enumerate() {
        let channel: Vec<f32> = held.samples().iter().skip(n).step_by(FILES).copied().collect();
        judge(n, receipt, &channel);
    }
    assert!(late - early < 4 << 20, "{early} bytes, then {late}");
    drop(stream);
    let patience = Instant::now();
    while in_use() != before {
        assert!(patience.elapsed() < Duration::from_secs(5), "{before:?}, then {:?}", in_use());
        sleep(Duration::from_millis(20));
    }
}

/// Each frame of file `n` that sounds is in its place, and those that do not are those that could not.
fn judge(n: usize, receipt: &Receipt, heard: &[f32]) {
    let Receipt { outcome, measured, .. } = receipt;
    let wrong = heard
        .iter()
        .enumerate()
        .find(|(frame, sample)| **sample != 0.0 && **sample != told(*frame as i64, n) as f32 / 32_768.0);
    assert_eq!(wrong, None, "file {n}");
    let silent = heard.iter().filter(|sample| **sample == 0.0).count() as i64;
    assert_eq!((*outcome, measured.late_frames), (Some(Outcome::Completed), 0), "file {n}");
    assert_eq!((measured.missing.frames, measured.done_frames), (silent, FRAMES - silent), "file {n}");
    let came = (BEFORE as i64 - 44) / 2;
    match n {
        // Of what came, all but a piece that is not whole.
        0 => assert!(
            (0..=4_096).contains(&(silent - (FRAMES - came))),
            "{silent} missing of the one that stopped"
        ),
        1 => {
            let least = (LONG_STALL_MS - READ_AHEAD_MS) * RATE / 1_000;
            assert!(
                (least - 4_096..least + RATE / 2).contains(&silent),
                "{silent} missing of the one that stalled"
            );
            assert!(
                heard[FRAMES as usize - RATE as usize..].iter().all(|sample| *sample != 0.0),
                "its end sounds"
            );
        }
        _ => assert_eq!(silent, 0, "file {n}"),
    }
}
