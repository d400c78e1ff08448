//! Files that are played while they are read.

mod bustle;
mod media;
mod told;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bustle::running;
use media::ffmpeg;
use sonset::action::{AfterPolicy, LatePolicy};
use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::receipt::{Outcome, Receipt};
use sonset::stream::{PlayFileParams, PlayParams, StartAt, Timing};
use told::{at, file, frames, play, receipt, render, told};

#[test]
fn a_file_sounds_from_its_exact_frame_on_whole_and_is_followed_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.wav", 200_000, 1, 48_000);
    let stream = running(8, "");
    let first = play(&stream, &path, &at(100));
    let after = Timing { start: StartAt::After { action: first, offset: 0 }, ..Timing::default() };
    let sound = Buffer::copy(&[0.5, 0.25], 2, 1, 0).unwrap();
    let next =
        stream.play_buffer(&sound, Some(&[1]), None, &PlayParams { timing: after, ..PlayParams::default() });
    let heard = render(&stream, 210_000);
    let expected = |n: i64| match n {
        100..200_100 => told(n - 100, 0),
        200_100 => 0.5,
        200_101 => 0.25,
        _ => 0.0,
    };
    let wrong = heard.iter().enumerate().find(|(n, sample)| **sample != expected(*n as i64));
    assert_eq!(wrong, None);
    let Receipt { outcome, measured, .. } = receipt(&stream, first);
    assert_eq!(
        (outcome, measured.missing.frames, measured.done_frames),
        (Some(Outcome::Completed), 0, 200_000)
    );
    assert_eq!(receipt(&stream, next.unwrap()).measured.start_frame, 200_100);
}

#[test]
fn a_file_that_is_paused_goes_on_with_its_next_frame_and_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.wav", 200_000, 1, 48_000);
    for (pause, resume) in [(101, 102), (5_000, 40_000), (150_000, 150_001), (60_000, 190_000)] {
        let stream = running(8, "");
        let action = play(&stream, &path, &at(100));
        stream.pause(action, Some(pause), -1).unwrap();
        stream.resume(action, Some(resume), -1).unwrap();
        let stood = resume - pause;
        let heard = render(&stream, 201_000 + stood);
        for (frame, &sample) in (0..).zip(&heard) {
            let k = if frame < pause { frame - 100 } else { frame - 100 - stood };
            let sounds = !(pause..resume).contains(&frame) && (0..200_000).contains(&k);
            assert_eq!(
                sample,
                if sounds { told(k, 0) } else { 0.0 },
                "frame {frame}, pause {pause} to {resume}"
            );
        }
        let Receipt { outcome, measured, .. } = receipt(&stream, action);
        assert_eq!((outcome, measured.end_frame), (Some(Outcome::Completed), 200_100 + stood));
        assert_eq!((measured.done_frames, measured.missing.frames), (200_000, 0));
        assert_eq!((measured.pauses.frame, measured.pauses.frames), (pause, stood));
    }
}

#[test]
fn a_batch_takes_a_file_elsewhere_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.wav", 200_000, 1, 48_000);
    let stream = running(8, "");
    let action = play(&stream, &path, &at(0));
    render(&stream, 4_096);
    let batch = stream.begin_batch().unwrap();
    let timing = Timing { batch, ..at(20_000).timing };
    let elsewhere = PlayParams { timing, first_frame: 100_000, ..PlayParams::default() };
    play(&stream, &path, &elsewhere);
    stream.cancel(action, Some(20_000), -1).unwrap();
    stream.commit_batch(batch).unwrap();
    let heard = render(&stream, 40_000);
    for (frame, &sample) in (4_096..).zip(&heard) {
        let k = if frame < 20_000 { frame } else { frame + 80_000 };
        assert_eq!(sample, told(k, 0), "frame {frame}");
    }
}

#[test]
fn parts_and_loops_are_seamless_short_ones_and_long_ones() {
    let folder = tempfile::tempdir().unwrap();
    let short = file(folder.path(), "short.wav", 5_000, 1, 48_000);
    let long = file(folder.path(), "long.wav", 700_000, 1, 48_000);
    for (path, all, params) in [
        (&short, 5_000, PlayParams { first_frame: 1_234, ..at(50) }),
        (&short, 5_000, PlayParams { first_frame: 1_234, frame_count: Some(17), ..at(50) }),
        (&short, 5_000, PlayParams { loop_count: 7, ..at(50) }),
        (&short, 5_000, PlayParams { loop_count: 300, loop_first_frame: 10, loop_frames: 3, ..at(50) }),
        (&short, 5_000, PlayParams { loop_count: 2, first_frame: 100, loop_first_frame: 4_000, ..at(50) }),
        (
            &short,
            5_000,
            PlayParams {
                loop_count: 3,
                first_frame: 9,
                frame_count: Some(4_000),
                loop_first_frame: 500,
                loop_frames: 1,
                ..at(50)
            },
        ),
        (
            &long,
            700_000,
            PlayParams { loop_count: 1, loop_first_frame: 50_000, loop_frames: 600_000, ..at(50) },
        ),
    ] {
        let stream = running(4, "");
        let action = play(&stream, path, &params);
        let expected = frames(&params, all);
        let heard = render(&stream, expected.len() as i64 + 500);
        let wrong = expected.iter().zip(&heard[50..]).position(|(frame, sample)| told(*frame, 0) != *sample);
        assert_eq!(wrong, None, "{params:?}");
        let silent = heard[50 + expected.len()..].iter().all(|sample| *sample == 0.0);
        let measured = receipt(&stream, action).measured;
        assert!(silent && measured.done_frames == expected.len() as i64, "{params:?} {measured:?}");
    }
}

#[test]
fn an_endless_loop_goes_on_and_a_cancel_ends_it_with_its_worker() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.wav", 1_000, 1, 48_000);
    let stream = running(4, "");
    let action = play(&stream, &path, &PlayParams { loop_count: -1, ..at(0) });
    let heard = render(&stream, 150_000);
    assert!(heard.iter().enumerate().all(|(n, sample)| *sample == told(n as i64 % 1_000, 0)));
    stream.cancel(action, Some(151_000), -1).unwrap();
    render(&stream, 2_000);
    assert_eq!(receipt(&stream, action).outcome, Some(Outcome::Stopped));
}

#[test]
fn a_late_file_that_skips_is_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.wav", 50_000, 1, 48_000);
    let stream = running(4, "");
    render(&stream, 5_000);
    let timing = Timing { late: LatePolicy::Skip, ..at(1_000).timing };
    let action = play(&stream, &path, &PlayParams { timing, ..PlayParams::default() });
    let heard = render(&stream, 50_000);
    assert!((0..46_000).all(|n| heard[n] == told(n as i64 + 4_000, 0)));
    assert_eq!(receipt(&stream, action).measured.late_frames, 4_000);
}

/// A file that comes through a pipe, as fast as the test writes it.
#[cfg(unix)]
struct Pipe {
    path: PathBuf,
    bytes: Vec<u8>,
}

#[cfg(unix)]
impl Pipe {
    fn new(folder: &Path, name: &str, source: &Path) -> Self {
        let path = folder.join(name);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        Self { path, bytes: std::fs::read(source).unwrap() }
    }

    /// Writes up to byte `stop`, then waits for `pause`, then writes the rest.
    fn write(self, stop: usize, pause: Duration) -> std::thread::JoinHandle<()> {
        use std::io::Write;
        std::thread::spawn(move || {
            let mut pipe = std::fs::OpenOptions::new().write(true).open(&self.path).unwrap();
            // The reader may go away before it has read everything.
            let _ = pipe.write_all(&self.bytes[..stop]);
            std::thread::sleep(pause);
            let _ = pipe.write_all(&self.bytes[stop..]);
        })
    }
}

#[cfg(unix)]
#[test]
fn what_comes_too_late_is_left_out_and_counted_and_the_rest_is_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let source = file(folder.path(), "a.wav", 600_000, 1, 48_000);
    let pipe = Pipe::new(folder.path(), "pipe.wav", &source);
    let path = pipe.path.clone();
    let writer = pipe.write(2 * 200_000, Duration::from_millis(500));
    let stream = running(4, "");
    let action = play(&stream, &path, &at(0));
    let mut heard = Vec::new();
    let began = Instant::now();
    while heard.len() < 600_000 {
        heard.extend(render(&stream, 4_096));
        // Ten times as fast as sound, so that the pause lasts for many frames.
        let due = Duration::from_secs_f64(heard.len() as f64 / 480_000.0);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
    }
    writer.join().unwrap();
    let measured = receipt(&stream, action).measured;
    let silent = (0..600_000).filter(|&n| heard[n] == 0.0).count() as i64;
    let wrong = (0..600_000).filter(|&n| heard[n] != 0.0 && heard[n] != told(n as i64, 0)).count();
    assert_eq!(wrong, 0, "every frame that sounds is in its place");
    assert!(silent > 10_000, "the pause was too short to tell: {silent}");
    assert!(heard[550_000..600_000].iter().all(|sample| *sample != 0.0), "the end sounds");
    assert_eq!(measured.missing.frames + measured.done_frames, 600_000 - (silent - measured.missing.frames));
}

#[cfg(unix)]
#[test]
fn of_64_files_a_slow_one_and_one_that_stands_still_harm_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.wav", 150_000, 1, 48_000);
    let stream = running(128, "");
    let stuck = Pipe::new(folder.path(), "stuck.wav", &path);
    let stuck_path = stuck.path.clone();
    let writer = stuck.write(2 * 120_000, Duration::from_secs(6));
    let gain = PlayParams { gain_db: -40.0, ..at(0) };
    let slow = play(&stream, &stuck_path, &gain);
    let others: Vec<i64> = (0..63).map(|_| play(&stream, &path, &gain)).collect();
    let mut rendered = 0;
    let began = Instant::now();
    while rendered < 150_100 {
        rendered += render(&stream, 2_048).len();
        let due = Duration::from_secs_f64(rendered as f64 / 96_000.0);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
    }
    for action in others {
        let Receipt { outcome, measured, .. } = receipt(&stream, action);
        assert_eq!((outcome, measured.missing.frames), (Some(Outcome::Completed), 0));
        assert_eq!(measured.done_frames, 150_000);
    }
    assert!(receipt(&stream, slow).measured.missing.frames > 10_000);
    let closing = Instant::now();
    stream.close();
    assert!(
        closing.elapsed() < Duration::from_secs(2),
        "a file that stands still does not hold up the close"
    );
    writer.join().unwrap();
}

#[test]
fn a_file_that_breaks_plays_to_the_break_and_its_receipt_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.wav", 400_000, 1, 48_000);
    let flac = folder.path().join("a.flac");
    ffmpeg(&format!("-i {} {}", path.display(), flac.display()));
    let mut bytes = std::fs::read(&flac).unwrap();
    let from = bytes.len() * 3 / 4;
    bytes[from..from + 20_000].fill(0x55);
    std::fs::write(&flac, bytes).unwrap();

    let stream = running(4, "");
    let broken = play(&stream, &flac, &at(0));
    let after =
        |after| Timing { start: StartAt::After { action: broken, offset: 0 }, after, ..Timing::default() };
    let sound = Buffer::copy(&[0.5], 1, 1, 0).unwrap();
    let follow = |policy| {
        let params = PlayParams { timing: after(policy), ..PlayParams::default() };
        stream.play_buffer(&sound, Some(&[1]), None, &params).unwrap()
    };
    let (never, anyway) = (follow(AfterPolicy::Completed), follow(AfterPolicy::AnyEnd));
    let heard = render(&stream, 401_000);
    let Receipt { outcome, measured, .. } = receipt(&stream, broken);
    assert_eq!(outcome, Some(Outcome::FileError), "{measured:?}");
    let why = stream.action_error(broken).unwrap();
    assert!(why.contains("a.flac") && why.contains("breaks at frame"), "{why}");
    assert_eq!(stream.action_error(anyway).unwrap(), "");
    let done = measured.done_frames;
    assert!((200_000..400_000).contains(&done), "{done}");
    assert!((0..done).all(|n| heard[n as usize] == told(n, 0)), "what comes before the break is right");
    assert_eq!(receipt(&stream, never).outcome, Some(Outcome::Predecessor));
    assert_eq!(receipt(&stream, anyway).measured.start_frame, done);
}

#[test]
fn what_cannot_be_played_is_refused_with_the_reason_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.wav", 1_000, 1, 48_000);
    let other = file(folder.path(), "b.wav", 1_000, 1, 44_100);
    let text = folder.path().join("c.wav");
    std::fs::write(&text, "no sound").unwrap();
    let stream = running(2, "");
    let default = PlayFileParams::default();
    for (path, file, params, code, said) in [
        (folder.path().join("none.wav"), default, at(0), Code::FileNotFound, "none.wav"),
        (text, default, at(0), Code::FileFormat, "c.wav"),
        (other, default, at(0), Code::RateMismatch, "44100"),
        (path.clone(), PlayFileParams { track: 2, ..default }, at(0), Code::InvalidArgument, "2"),
        (path.clone(), PlayFileParams { read_ahead_ms: 5, ..default }, at(0), Code::InvalidArgument, "5"),
        (
            path.clone(),
            default,
            PlayParams { first_frame: 1_000, ..at(0) },
            Code::InvalidArgument,
            "first_frame 1000",
        ),
        (
            path.clone(),
            default,
            PlayParams { frame_count: Some(1_001), ..at(0) },
            Code::InvalidArgument,
            "1001",
        ),
        (path.clone(), default, PlayParams { loop_count: -2, ..at(0) }, Code::InvalidArgument, "-2"),
        (
            path.clone(),
            default,
            PlayParams { loop_frames: 5, ..at(0) },
            Code::InvalidArgument,
            "loop_count is 0",
        ),
        (
            path.clone(),
            default,
            PlayParams { loop_count: 1, loop_frames: 1_001, ..at(0) },
            Code::InvalidArgument,
            "1001",
        ),
    ] {
        let error = stream.play_file(&path, &file, None, None, &params).unwrap_err();
        assert!(error.code == code && error.message.contains(said), "{error:?}");
    }
    assert_eq!(stream.stats().live_actions, 0);
}
