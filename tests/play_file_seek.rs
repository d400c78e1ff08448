//! Files that go on with another of their frames while they play.

mod bustle;
mod media;
mod told;

use std::path::{Path, PathBuf};

use bustle::{CHANNELS, Random, process, running, samples};
use media::ffmpeg;
use sonset::action::LatePolicy;
use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::file::load::load;
use sonset::receipt::{Outcome, Receipt};
use sonset::stream::{PlayFileParams, PlayParams, StartAt, Stream, Timing};
use told::{at, file, frames, play, receipt, render, told};

#[test]
fn a_file_goes_on_from_the_frame_that_was_sought_at_the_frame_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.wav", 400_000, 1, 48_000);
    for (at_frame, to) in [(500, 0), (500, 399_000), (150_000, 3), (1, 300_000), (120_000, 120_000)] {
        let stream = running(4, "");
        let action = play(&stream, &path, &at(0));
        let after = Timing { start: StartAt::After { action, offset: 0 }, ..Timing::default() };
        let next = play(&stream, &path, &PlayParams { timing: after, ..PlayParams::default() });
        stream.seek(action, Some(at_frame), to, -1).unwrap();
        let end = at_frame + 400_000 - to;
        let heard = render(&stream, end + 100);
        for (frame, &sample) in (0..).zip(&heard) {
            let k = if frame < at_frame { frame } else { to + frame - at_frame };
            let expected = if frame < end { told(k, 0) } else { told(frame - end, 0) };
            assert_eq!(sample, expected, "frame {frame}, from {at_frame} to {to}");
        }
        let Receipt { outcome, measured, .. } = receipt(&stream, action);
        let seen = (outcome, measured.end_frame, measured.seek_frame);
        assert_eq!(seen, (Some(Outcome::Completed), end, at_frame));
        assert_eq!((measured.done_frames, measured.missing.frames), (end, 0));
        assert_eq!(receipt(&stream, next).measured.start_frame, end);
    }
}

/// A stream that plays one sound, from a file or from memory.
struct Player {
    stream: Stream,
    action: i64,
}

impl Player {
    fn asked(&self, random: &mut Random, now: i64, length: i64) {
        let when = (random.below(3) > 0).then(|| now + random.below(3_000) - 200);
        let fade = [-1, 0, 480][random.below(3) as usize];
        // An action that has ended, or not begun, refuses; both players do.
        let _ = match random.below(8) {
            0 => self.stream.pause(self.action, when, fade),
            1 | 2 => self.stream.resume(self.action, when, fade),
            3 => self.stream.cancel(self.action, Some(now + 5_000 + random.below(40_000)), fade),
            _ => self.stream.seek(self.action, when, random.below(length), fade),
        };
    }
}

fn block(stream: &Stream, frames: usize) -> Vec<f32> {
    let (input, mut output) = (vec![0.0; CHANNELS * frames], vec![0.0; CHANNELS * frames]);
    process(stream, &input, &mut output);
    output
}

/// A course through a sound of 9,000 frames.
fn course(random: &mut Random) -> PlayParams {
    let start = at(random.below(400));
    match random.below(4) {
        0 => start,
        1 => PlayParams { first_frame: 1_000, frame_count: Some(7_000), ..start },
        2 => PlayParams { loop_count: random.below(4), ..start },
        _ => PlayParams {
            first_frame: random.below(500),
            loop_first_frame: 500 + random.below(300),
            loop_frames: 1 + random.below(8_000),
            loop_count: [1, 7, -1][random.below(3) as usize],
            ..start
        },
    }
}

#[test]
fn a_file_sounds_through_any_seeks_pauses_and_cancels_as_a_buffer_with_its_samples_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.wav", 9_000, 2, 48_000);
    let samples: Vec<f32> = (0..18_000).map(|n| told(n / 2, n as usize % 2)).collect();
    let buffer = Buffer::copy(&samples, 9_000, 2, 48_000).unwrap();
    let mut sought = 0;
    for seed in 1..=150 {
        let mut random = Random(seed * 0x9E37_79B9);
        let params = course(&mut random);
        let (one, other) = (running(2, ""), running(2, ""));
        let action = one.play_buffer(&buffer, None, None, &params).unwrap();
        let memory = Player { stream: one, action };
        let action = other.play_file(&path, &PlayFileParams::default(), None, None, &params).unwrap();
        let disk = Player { stream: other, action };
        let length = frames(&PlayParams { loop_count: params.loop_count.max(0), ..params }, 9_000).len();
        let mut now = 0;
        for _ in 0..40 {
            if random.below(3) == 0 {
                let mut same = Random(random.0);
                memory.asked(&mut same, now, length as i64);
                disk.asked(&mut random, now, length as i64);
            }
            let count = 1 + random.below(1_500) as usize;
            let (a, b) = (block(&memory.stream, count), block(&disk.stream, count));
            let wrong = a.iter().zip(&b).position(|(a, b)| a != b);
            assert_eq!(wrong, None, "seed {seed}, block from frame {now}, {params:?}");
            now += count as i64;
        }
        let told = |player: &Player| {
            let Receipt { outcome, measured: m, .. } = receipt(&player.stream, player.action);
            (outcome, m.start_frame, m.end_frame, m.done_frames, m.missing, m.pauses, m.seek_frame)
        };
        assert_eq!(told(&memory), told(&disk), "seed {seed}");
        sought += (told(&disk).6 >= 0) as i32;
    }
    assert!(sought > 100, "{sought} of 150 were sought");
}

/// The media file that ffmpeg makes of a WAV file.
fn encoded(path: &Path, name: &str) -> PathBuf {
    let made = path.with_file_name(name);
    ffmpeg(&format!("-i {} {}", path.display(), made.display()));
    made
}

#[test]
fn an_encoded_or_converted_file_goes_on_with_the_frame_that_loading_it_gives() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.wav", 200_000, 1, 44_100);
    for (media, to) in [(path.clone(), 100_001), (encoded(&path, "a.flac"), 77_777)] {
        let whole = load(&media, 48_000, 0).unwrap();
        let stream = running(4, "");
        let converted = PlayFileParams { resample: true, ..PlayFileParams::default() };
        let action = stream
            .play_file(&media, &converted, Some(&[1]), None, &PlayParams { gain_db: -20.0, ..at(0) })
            .unwrap();
        stream.seek(action, Some(10_000), to, -1).unwrap();
        let heard = render(&stream, 40_000);
        let samples = samples(&whole);
        for (n, sample) in heard.iter().enumerate() {
            let k = if n < 10_000 { n } else { n - 10_000 + to as usize };
            assert!((sample - samples[k] * 0.1).abs() < 1e-5, "{}: frame {n}", media.display());
        }
    }
}

#[test]
fn of_a_thousand_seeks_nothing_stays_but_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.wav", 300_000, 1, 48_000);
    let stream = running(2, "");
    let action = play(&stream, &path, &PlayParams { loop_count: -1, ..at(0) });
    let mut random = Random(9);
    for n in 0..1_000 {
        let to = random.below(300_000);
        stream.seek(action, Some(n * 64 + 32), to, -1).unwrap();
        let heard = block(&stream, 64);
        assert_eq!(heard[2 * 63], told((to + 31) % 300_000, 0), "seek {n}");
    }
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, |all| all.count());
    let threads = std::fs::read_dir("/proc/self/task").map_or(0, |all| all.count());
    assert!(open < 100 && threads < 100, "{open} descriptors, {threads} threads");
    assert_eq!(receipt(&stream, action).measured.seek_frame, 999 * 64 + 32);
}

#[test]
fn a_seek_that_cannot_be_done_says_why_and_the_sound_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.wav", 50_000, 1, 48_000);
    let stream = running(4, "");
    let action = play(&stream, &path, &at(0));
    let refused = |position, code, said: &str| {
        let error = stream.seek(action, Some(5_000), position, -1).unwrap_err();
        assert!(error.code == code && error.message.contains(said), "{error:?}");
    };
    refused(-1, Code::InvalidArgument, "position_frame -1");
    refused(50_000, Code::InvalidArgument, "50000 frames");
    for n in 0..64 {
        stream.seek(action, Some(20_000), n, -1).unwrap();
    }
    refused(7, Code::PoolFull, "64 seeks");
    assert_eq!(render(&stream, 4_000)[3_999], told(3_999, 0));
    std::fs::rename(&path, folder.path().join("b.wav")).unwrap();
    refused(7, Code::FileNotFound, "a.wav");
    file(folder.path(), "a.wav", 50_000, 2, 48_000);
    refused(7, Code::FileFormat, "2 channels now");
    let heard = render(&stream, 20_000);
    assert_eq!((heard[15_999], heard[16_000]), (told(19_999, 0), told(63, 0)), "the last one counts");
    render(&stream, 60_000);
    refused(7, Code::ActionEnded, "has ended");
    let ring = sonset::ring::Ring::new(100, 1, 0).unwrap();
    let live = stream.play_ring(&ring, None, None, &PlayParams::default()).unwrap();
    assert_eq!(stream.seek(live, Some(100_000), 0, -1).unwrap_err().code, Code::Unsupported);
}

#[cfg(unix)]
#[test]
fn a_pipe_cannot_be_sought_in() {
    let folder = tempfile::tempdir().unwrap();
    let source = file(folder.path(), "a.wav", 50_000, 1, 48_000);
    let pipe = folder.path().join("pipe.wav");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (bytes, to) = (std::fs::read(&source).unwrap(), pipe.clone());
    let writer = std::thread::spawn(move || std::fs::write(to, bytes));
    let stream = running(4, "");
    let action = play(&stream, &pipe, &at(0));
    let error = stream.seek(action, Some(5_000), 1, -1).unwrap_err();
    assert!(error.code == Code::Unsupported && error.message.contains("pipe.wav"), "{error:?}");
    assert!((0..50_000).zip(render(&stream, 50_000)).all(|(n, sample)| sample == told(n, 0)));
    writer.join().unwrap().unwrap();
}

#[test]
fn a_seek_in_a_batch_or_before_the_start_is_done_when_its_frame_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.wav", 50_000, 1, 48_000);
    let stream = running(4, "");
    let batch = stream.begin_batch().unwrap();
    let action = play(&stream, &path, &PlayParams { timing: Timing { batch, ..at(100).timing }, ..at(100) });
    stream.seek(action, Some(400), 7, -1).unwrap();
    stream.seek(action, Some(300), 40_000, -1).unwrap();
    let given_up =
        play(&stream, &path, &PlayParams { timing: Timing { batch, ..at(100).timing }, ..at(100) });
    stream.seek(given_up, Some(300), 40_000, -1).unwrap();
    stream.cancel(given_up, None, -1).unwrap();
    stream.commit_batch(batch).unwrap();
    let heard = render(&stream, 1_000);
    assert_eq!((heard[299], heard[300], heard[999]), (told(199, 0), told(40_000, 0), told(40_699, 0)));
    assert_eq!(receipt(&stream, given_up).outcome, Some(Outcome::Cancelled));
}

#[test]
fn a_file_that_is_left_before_its_break_plays_on_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.wav", 400_000, 1, 48_000);
    let flac = encoded(&path, "a.flac");
    let mut bytes = std::fs::read(&flac).unwrap();
    let from = bytes.len() * 5 / 16;
    bytes[from..from + 20_000].fill(0x55);
    std::fs::write(&flac, bytes).unwrap();
    let stream = running(4, "");
    let action = play(&stream, &flac, &at(0));
    stream.cancel(action, Some(180_000), -1).unwrap();
    assert_eq!(render(&stream, 98_304)[98_303], told(98_303, 0));
    let why = stream.action_error(action).unwrap();
    assert!(why.contains("breaks at"), "the break is in what was read ahead: {why}");
    stream.seek(action, Some(99_000), 200_000, -1).unwrap();
    let heard = render(&stream, 100_000);
    assert_eq!((heard[695], heard[696]), (told(98_999, 0), told(200_000, 0)));
    assert_eq!((heard[81_695], heard[81_696]), (told(280_999, 0), 0.0));
    let Receipt { outcome, measured, .. } = receipt(&stream, action);
    assert_eq!((outcome, measured.end_frame), (Some(Outcome::Stopped), 180_000));
    assert_eq!(stream.action_error(action).unwrap(), "", "what broke was not heard");
}

#[test]
fn a_seek_ends_the_search_for_the_place_of_a_late_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.wav", 400_000, 1, 48_000);
    let stream = running(4, "");
    render(&stream, 300_000);
    let timing = Timing { late: LatePolicy::Skip, ..at(0).timing };
    let action = play(&stream, &path, &PlayParams { timing, ..at(0) });
    stream.seek(action, Some(300_010), 50_000, -1).unwrap();
    let heard = block(&stream, 64);
    assert!((10..64).all(|n| heard[2 * n] == told(49_990 + n as i64, 0)), "{heard:?}");
}
