//! Hours of a file in constant memory. By itself in its process, whose memory it measures.
#![cfg(target_os = "linux")]

mod bustle;

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use bustle::{CHANNELS, process, running};
use sonset::receipt::Outcome;
use sonset::stream::{PlayFileParams, PlayParams, StartAt, Timing};

const RATE: i64 = 48_000;
/// Frames from click to click; no divisor of a piece that is read, or of a block.
const APART: i64 = 47_911;
/// Frames of a block.
const BLOCK: i64 = 4_096;
/// Blocks between two looks at the reader.
const CHECK: i64 = 64;

/// The sample of click `n`.
fn click(n: i64) -> i16 {
    (n % 32_000) as i16 + 1
}

/// The header of a WAV file of 16 bits with one channel; beyond 4 GiB of EBU Tech 3306.
fn header(bytes: u64) -> Vec<u8> {
    let large = bytes > 4_000_000_000;
    let short = |size: u64| if large { u32::MAX } else { size as u32 }.to_le_bytes();
    let mut header = Vec::new();
    header.extend(if large { b"RF64" } else { b"RIFF" });
    header.extend(short(72 + bytes));
    header.extend(b"WAVE");
    header.extend(if large { b"ds64" } else { b"JUNK" });
    header.extend(28u32.to_le_bytes());
    for size in [72 + bytes, bytes, bytes / 2] {
        header.extend(size.to_le_bytes());
    }
    header.extend(0u32.to_le_bytes());
    header.extend(b"fmt \x10\0\0\0\x01\0\x01\0");
    header.extend((RATE as u32).to_le_bytes());
    header.extend((2 * RATE as u32).to_le_bytes());
    header.extend(b"\x02\0\x10\0data");
    header.extend(short(bytes));
    header
}

/// A WAV file of silence that takes no room on the disk, with clicks that tell their number.
fn clicks(path: &Path, frames: i64) {
    let header = header(2 * frames as u64);
    let mut file = std::fs::File::create(path).unwrap();
    file.write_all(&header).unwrap();
    file.set_len(header.len() as u64 + 2 * frames as u64).unwrap();
    for n in 0..(frames + APART - 1) / APART {
        file.seek(SeekFrom::Start(header.len() as u64 + 2 * (n * APART) as u64)).unwrap();
        file.write_all(&click(n).to_le_bytes()).unwrap();
    }
}

/// Memory of this process in RAM, in bytes.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<i64>().unwrap() * 1_024
}

/// How far this process has read `path`, in bytes.
fn read_to(path: &Path) -> i64 {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap());
    let is_it = |entry: &std::fs::DirEntry| std::fs::read_link(entry.path()).is_ok_and(|to| to == path);
    let Some(file) = open.into_iter().find(is_it) else { return i64::MAX };
    let about = std::fs::read_to_string(Path::new("/proc/self/fdinfo").join(file.file_name())).unwrap();
    about.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Waits until all is read ahead that the next `CHECK` blocks need, and that the decoder may still hold.
fn wait_for_reader(path: &Path, frame: i64, frames: i64) {
    let needed = 2 * (frame + CHECK * BLOCK + 100_000).min(frames);
    while read_to(path) < needed {
        std::thread::sleep(Duration::from_millis(1));
    }
    if frame + CHECK * BLOCK + 100_000 > frames {
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Plays `seconds` of clicks as fast as they are read: each is in its place, none is missing, and memory is flat.
fn play(seconds: i64) {
    let folder = tempfile::tempdir().unwrap();
    let (path, frames) = (folder.path().join("clicks.wav"), seconds * RATE);
    clicks(&path, frames);
    let before = resident();
    let stream = running(4, "");
    let file = PlayFileParams { read_ahead_ms: 60_000, ..PlayFileParams::default() };
    let timing = Timing { start: StartAt::Frame(0), ..Timing::default() };
    let params = PlayParams { timing, ..PlayParams::default() };
    let action = stream.play_file(&path, &file, Some(&[1]), None, &params).unwrap();
    let (mut frame, mut heard, mut most) = (0, 0, 0);
    let mut output = vec![0.0; CHANNELS * BLOCK as usize];
    let input = output.clone();
    while frame < frames + BLOCK {
        if frame / BLOCK % CHECK == 0 {
            wait_for_reader(&path, frame, frames);
            most = most.max(resident() - before);
        }
        process(&stream, &input, &mut output);
        for (n, sample) in output.iter().step_by(CHANNELS).enumerate().filter(|(_, sample)| **sample != 0.0) {
            let at = frame + n as i64;
            assert_eq!((at % APART, *sample), (0, click(at / APART) as f32 / 32_768.0), "at frame {at}");
            heard += 1;
        }
        frame += BLOCK;
    }
    let receipt = stream.action(action).unwrap();
    let (missing, done) = (receipt.measured.missing.frames, receipt.measured.done_frames);
    println!("{seconds} s, {heard} clicks, {missing} frames missing, {most} bytes more in RAM");
    assert_eq!((receipt.outcome, missing, done), (Some(Outcome::Completed), 0, frames));
    assert_eq!(heard, (frames + APART - 1) / APART);
    assert!(most < 8 << 20, "{most} bytes");
}

#[test]
fn ten_minutes_of_a_file_stay_in_time_and_in_8_mb() {
    play(600);
}

/// `cargo test --test play_file_long -- --ignored --nocapture`
#[test]
#[ignore = "some minutes, and 400 MB on the disk"]
fn a_day_of_a_file_stays_in_time_and_in_8_mb() {
    play(86_400);
}
