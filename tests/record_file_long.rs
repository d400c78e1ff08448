//! A day in one file. By itself in its process, whose memory it measures.
#![cfg(target_os = "linux")]

mod bustle;

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bustle::{CHANNELS, process, running};
use sonset::file::growing::SampleFormat;
use sonset::receipt::{ActionState, Outcome};
use sonset::stream::{FileParams, RecordParams, StartAt, Stream, Timing};

const RATE: i64 = 48_000;
const BLOCK: i64 = 8_192;

/// A sample that tells its frame.
fn told(frame: i64) -> i16 {
    (frame * 3 % 30_011) as i16 - 15_000
}

/// Memory of this process in RAM, in bytes.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<i64>().unwrap() * 1_024
}

/// Hands `frames` frames of input over as fast as they are written to `path`; gives the most memory that took.
fn hand_over(stream: &Stream, path: &Path, frames: i64) -> i64 {
    let (mut input, mut output) =
        (vec![0.0; CHANNELS * BLOCK as usize], vec![0.0; CHANNELS * BLOCK as usize]);
    let (before, mut most) = (resident(), 0);
    for first in (0..frames).step_by(BLOCK as usize) {
        for (n, frame) in input.chunks_exact_mut(CHANNELS).enumerate() {
            frame[0] = told(first + n as i64) as f32 / 32_768.0;
        }
        process(stream, &input, &mut output);
        if first / BLOCK % 64 == 0 {
            // Half of the 60 s that are kept for the disk.
            while std::fs::metadata(path).unwrap().len() < 2 * (first - 30 * RATE).max(0) as u64 {
                std::thread::sleep(Duration::from_millis(1));
            }
            most = most.max(resident() - before);
        }
    }
    most
}

/// How many frames ffmpeg reads from `path`, all of which must tell their number.
fn read_back(path: &Path) -> i64 {
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-f", "s16le", "-"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg is there");
    let mut out = ffmpeg.stdout.take().unwrap();
    let (mut bytes, mut held, mut frame) = (vec![0; 1 << 20], 0, 0);
    while let count @ 1.. = out.read(&mut bytes[held..]).unwrap() {
        held += count;
        for sample in bytes[..held].chunks_exact(2) {
            assert_eq!(i16::from_le_bytes([sample[0], sample[1]]), told(frame), "frame {frame}");
            frame += 1;
        }
        bytes.copy_within(held / 2 * 2..held, 0);
        held %= 2;
    }
    assert!(ffmpeg.wait().unwrap().success());
    frame
}

/// Records `seconds` into a file, which another program reads back to the last sample.
fn record(seconds: i64) -> [u8; 4] {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (path, frames) = (folder.path().join("day.wav"), seconds * RATE);
    let stream = running(4, "");
    let timing = Timing { start: StartAt::Frame(0), ..Timing::default() };
    let params = RecordParams { timing, max_frames: frames, ..RecordParams::default() };
    let file = FileParams { format: SampleFormat::Int16, buffer_ms: 60_000, ..FileParams::default() };
    let action = stream.record_file(&path, Some(&[1]), &params, &file).unwrap();
    let most = hand_over(&stream, &path, frames + BLOCK);
    let receipt = stream.wait_action(action, ActionState::Ended, Duration::from_secs(60)).unwrap();
    let (missing, done) = (receipt.measured.missing.frames, receipt.measured.done_frames);
    assert_eq!((receipt.outcome, missing, done), (Some(Outcome::Completed), 0, frames));
    assert_eq!(read_back(&path), frames);
    println!("{seconds} s, {} bytes, {most} bytes more in RAM", std::fs::metadata(&path).unwrap().len());
    // Nothing but the ring: 60 s of it.
    assert!(most < 4 * 60 * RATE + (4 << 20), "{most} bytes");
    let mut magic = [0; 4];
    std::fs::File::open(&path).unwrap().read_exact(&mut magic).unwrap();
    magic
}

#[test]
fn ten_minutes_are_recorded_in_flat_memory_and_read_back_by_another_program() {
    assert_eq!(&record(600), b"RIFF");
}

/// `cargo test --test record_file_long -- --ignored --nocapture`
#[test]
#[ignore = "some minutes, and 8.3 GB on the disk"]
fn a_day_is_recorded_beyond_4_gb_in_flat_memory_and_read_back_by_another_program() {
    assert_eq!(&record(86_400), b"RF64");
}
