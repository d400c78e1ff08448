//! Files started and cancelled by the thousand. By itself in its process, whose memory and descriptors it counts.
#![cfg(target_os = "linux")]

mod bustle;

use std::time::{Duration, Instant};

use bustle::{CHANNELS, process, running, write_wav};
use sonset::receipt::{Outcome, Receipt};
use sonset::stream::{PlayFileParams, PlayParams, Stream};

const FILES: usize = 10_000;

/// Threads and open files of this process.
fn in_use() -> (usize, usize) {
    let count = |of: &str| std::fs::read_dir(format!("/proc/self/{of}")).unwrap().count();
    (count("task"), count("fd"))
}

/// Memory of this process in RAM, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1_024
}

/// Memory in RAM once all threads and files but those of `before` are gone.
fn settled(before: (usize, usize)) -> usize {
    let patience = Instant::now();
    while in_use() != before {
        assert!(patience.elapsed() < Duration::from_secs(10), "{before:?} {:?}", in_use());
        std::thread::sleep(Duration::from_millis(20));
    }
    resident()
}

fn render(stream: &Stream, frames: usize) {
    let (input, mut output) = (vec![0.0; CHANNELS * frames], vec![0.0; CHANNELS * frames]);
    process(stream, &input, &mut output);
}

#[test]
fn ten_thousand_files_started_and_cancelled_leave_no_thread_descriptor_or_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    write_wav(&path, 48_000, 2, (0..600_000).map(|n| (n % 20_000) as i16));

    let stream = running(16, "");
    let ahead = PlayFileParams { read_ahead_ms: 100, ..PlayFileParams::default() };
    let before = in_use();
    let (mut early, mut most) = (0, 0);
    for n in 0..FILES {
        let action = stream.play_file(&path, &ahead, None, None, &PlayParams::default()).unwrap();
        render(&stream, 1 + n % 300);
        stream.cancel(action, None, -1).unwrap();
        render(&stream, 1);
        assert_eq!(stream.action(action).unwrap().outcome, Some(Outcome::Stopped));
        most = most.max(in_use().1);
        if n == FILES / 5 {
            early = settled(before);
        }
    }
    let grown = settled(before).saturating_sub(early);
    // The last 100,000 receipts are kept.
    let kept = 2 * FILES * size_of::<Receipt>();
    println!("{} files before, {most} at most; {grown} bytes more, {kept} for receipts", before.1);
    assert!(grown < kept + (2 << 20), "{grown} bytes more after {FILES} files");
    // A worker is gone within 10 ms, in which many files begin.
    assert!(most < before.1 + 1_000, "{} files open, then {most}", before.1);
}
