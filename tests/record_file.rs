//! Recording to files.

mod bustle;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bustle::{CHANNELS, process, running, samples};
use sonset::backend::Backend;
use sonset::error::Code;
use sonset::file::growing::SampleFormat;
use sonset::receipt::{ActionState, Outcome, Receipt};
use sonset::stream::{Config, FileParams, RecordParams, StartAt, Stream, Timing};

fn at(frame: i64, frames: i64) -> RecordParams {
    let timing = Timing { start: StartAt::Frame(frame), ..Timing::default() };
    RecordParams { timing, max_frames: frames, ..RecordParams::default() }
}

/// A sample that tells its frame and channel, and is exact in 16 bits.
fn told(frame: i64, channel: usize) -> f32 {
    ((frame * 3 + channel as i64 * 7) % 30_000) as f32 / 32_768.0
}

/// Runs one block whose input tells its frames.
fn block(stream: &Stream, first: i64, frames: i64) {
    let input: Vec<f32> =
        (first..first + frames).flat_map(|n| (0..CHANNELS).map(move |channel| told(n, channel))).collect();
    let mut output = vec![0.0; input.len()];
    process(stream, &input, &mut output);
}

fn ended(stream: &Stream, action: i64) -> Receipt {
    stream.wait_action(action, ActionState::Ended, Duration::from_secs(20)).unwrap()
}

fn floats(path: &Path) -> Vec<f32> {
    hound::WavReader::open(path).unwrap().samples().map(Result::unwrap).collect()
}

/// The iXML text of a file.
fn ixml(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    let at = bytes.windows(4).position(|name| name == b"iXML").unwrap();
    String::from_utf8_lossy(&bytes[at + 8..at + 8 + 1_024]).into_owned()
}

#[test]
fn a_file_holds_what_came_in_bit_for_bit_and_says_when_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let stream = running(8, "");
    let path = folder.path().join("a.wav");
    let action = stream.record_file(&path, Some(&[2, 1]), &at(100, 20_000), &FileParams::default()).unwrap();
    let mut first = 0;
    for frames in [1, 99, 3, 8_192, 257, 8_192, 8_192] {
        block(&stream, first, frames);
        first += frames;
    }
    let receipt = ended(&stream, action);
    assert_eq!(receipt.outcome, Some(Outcome::Completed));
    assert_eq!((receipt.measured.start_frame, receipt.measured.done_frames), (100, 20_000));
    let expected: Vec<f32> = (100..20_100).flat_map(|n| [told(n, 1), told(n, 0)]).collect();
    assert!(floats(&path) == expected, "when the receipt is there, the file is complete");
    assert!(ixml(&path).contains("<START_FRAME>100<"), "{}", ixml(&path));
}

#[test]
fn integers_hold_the_same_and_two_files_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let stream = running(8, "");
    let formats = [SampleFormat::Int16, SampleFormat::Int24];
    let actions: Vec<i64> = formats
        .iter()
        .enumerate()
        .map(|(n, &format)| {
            let path = folder.path().join(format!("{n}.wav"));
            let file = FileParams { format, ..FileParams::default() };
            stream.record_file(&path, Some(&[1]), &at(n as i64 * 50, 3_000), &file).unwrap()
        })
        .collect();
    block(&stream, 0, 8_000);
    for (n, (&action, bits)) in actions.iter().zip([16, 24]).enumerate() {
        ended(&stream, action);
        let mut reader = hound::WavReader::open(folder.path().join(format!("{n}.wav"))).unwrap();
        assert_eq!(reader.spec().bits_per_sample, bits);
        let full = 2f32.powi(bits as i32 - 1);
        let read: Vec<f32> = reader.samples::<i32>().map(|sample| sample.unwrap() as f32 / full).collect();
        let first = n as i64 * 50;
        assert!(read == (first..first + 3_000).map(|n| told(n, 0)).collect::<Vec<f32>>());
    }
}

#[test]
fn what_is_there_is_never_overwritten_and_a_refused_recording_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let stream = running(1, "");
    let path = folder.path().join("a.wav");
    std::fs::write(&path, "data of a year").unwrap();
    let file = FileParams::default();
    let there = stream.record_file(&path, None, &at(0, 10), &file).unwrap_err();
    assert!(there.code == Code::FileIo && there.message.contains("not overwritten"), "{}", there.message);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "data of a year");

    let fresh = folder.path().join("b.wav");
    for (params, channels, file, code) in [
        (at(-1, 10), None, file, Code::InvalidArgument),
        (at(0, -1), None, file, Code::InvalidArgument),
        (at(0, 0), Some(&[9][..]), file, Code::InvalidArgument),
        (at(0, 0), None, FileParams { buffer_ms: 1, ..file }, Code::InvalidArgument),
    ] {
        assert_eq!(stream.record_file(&fresh, channels, &params, &file).unwrap_err().code, code);
        assert!(!fresh.exists());
    }
    let nowhere = stream.record_file(&folder.path().join("no/a.wav"), None, &at(0, 0), &file).unwrap_err();
    assert_eq!(nowhere.code, Code::FileIo);
    stream.record_file(&folder.path().join("c.wav"), None, &at(1 << 40, 0), &file).unwrap();
    assert_eq!(stream.record_file(&fresh, None, &at(0, 0), &file).unwrap_err().code, Code::PoolFull);
    assert!(!fresh.exists());
}

#[test]
fn a_recording_ends_whole_when_it_is_cancelled_and_when_the_stream_closes() {
    let folder = tempfile::tempdir().unwrap();
    let stream = running(8, "");
    let path = |n: i32| folder.path().join(format!("{n}.wav"));
    let open = |n: i32, start: i64| {
        stream.record_file(&path(n), Some(&[1]), &at(start, 0), &FileParams::default()).unwrap()
    };
    let (cancelled, closed, never) = (open(0, 0), open(1, 10), open(2, 1 << 40));
    block(&stream, 0, 1_000);
    stream.cancel(cancelled, Some(1_500), 0).unwrap();
    block(&stream, 1_000, 1_000);
    let receipt = ended(&stream, cancelled);
    assert_eq!((receipt.outcome, receipt.measured.done_frames), (Some(Outcome::Stopped), 1_500));
    assert_eq!(floats(&path(0)).len(), 1_500);
    stream.close();
    assert_eq!(ended(&stream, closed).outcome, Some(Outcome::StreamStopped));
    assert!(floats(&path(1)) == (10..2_000).map(|n| told(n, 0)).collect::<Vec<f32>>());
    assert_eq!(ended(&stream, never).measured.start_frame, -1);
    assert!(floats(&path(2)).is_empty());
}

/// Threads and open files of this process.
#[cfg(target_os = "linux")]
fn in_use() -> (usize, usize) {
    let count = |of: &str| std::fs::read_dir(format!("/proc/self/{of}")).unwrap().count();
    (count("task"), count("fd"))
}

#[cfg(target_os = "linux")]
#[test]
fn a_thousand_clips_in_one_stream_are_all_whole_and_leave_no_thread_or_descriptor() {
    let folder = tempfile::tempdir().unwrap();
    let stream = running(16, "");
    let mut frame = 0;
    block(&stream, 0, 64);
    frame += 64;
    let before = in_use();
    for clip in 0..1_000 {
        let path = folder.path().join("clip.wav");
        let start = frame + clip % 50;
        let action = stream.record_file(&path, Some(&[1]), &at(start, 0), &FileParams::default()).unwrap();
        block(&stream, frame, 300);
        frame += 300;
        stream.cancel(action, None, 0).unwrap();
        block(&stream, frame, 64);
        let receipt = ended(&stream, action);
        assert_eq!((receipt.outcome, receipt.measured.start_frame), (Some(Outcome::Stopped), start));
        assert!(floats(&path) == (start..frame).map(|n| told(n, 0)).collect::<Vec<f32>>(), "clip {clip}");
        std::fs::remove_file(path).unwrap();
        frame += 64;
    }
    // Other tests of this file come and go meanwhile.
    let after = in_use();
    assert!(after.0 < before.0 + 20 && after.1 < before.1 + 20, "{before:?} {after:?}");
}

/// A file system of so many bytes.
#[cfg(target_os = "linux")]
struct SmallDisk(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(folder.path());
        let mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then_some(Self(folder))
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_recording_says_so_and_keeps_what_is_there() {
    let Some(disk) = SmallDisk::mount("256k") else {
        println!("SKIPPED: no small file system can be mounted here");
        return;
    };
    let stream = running(8, "");
    let path = disk.0.path().join("a.wav");
    let action = stream.record_file(&path, Some(&[1]), &at(0, 0), &FileParams::default()).unwrap();
    let mut frame = 0;
    while stream.action(action).unwrap().outcome.is_none() {
        block(&stream, frame, 4_096);
        frame += 4_096;
        assert!(frame < 1 << 24, "the disk is full, and the recording goes on");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(stream.action(action).unwrap().outcome, Some(Outcome::FileError));
    let why = stream.action_error(action).unwrap();
    assert!(why.contains("a.wav") && why.contains("No space left"), "{why}");
    let kept = floats(&path);
    assert!(kept.len() > 50_000, "{}", kept.len());
    assert!(kept == (0..kept.len() as i64).map(|n| told(n, 0)).collect::<Vec<f32>>());
}

#[test]
fn frames_that_a_stalled_disk_lost_are_zeros_in_their_place_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let stream = running(8, "");
    let path = folder.path().join("a.wav");
    let file = FileParams { buffer_ms: 100, ..FileParams::default() };
    let action = stream.record_file(&path, Some(&[1]), &at(0, 400_000), &file).unwrap();
    // Faster than any disk, with a pause now and then, after which there is room again.
    for n in 0..100 {
        block(&stream, n * 4_096, 4_096);
        if n % 20 == 19 {
            std::thread::sleep(Duration::from_millis(60));
        }
    }
    let measured = ended(&stream, action).measured;
    assert_eq!(measured.done_frames + measured.missing.frames, 400_000);
    assert!(measured.missing.frames > 0, "this disk is as fast as the memory");
    let kept = floats(&path);
    let wrong = kept.iter().enumerate().filter(|(n, sample)| **sample != told(*n as i64, 0)).count();
    let zeros =
        kept.iter().enumerate().filter(|(n, sample)| **sample == 0.0 && told(*n as i64, 0) != 0.0).count();
    assert_eq!(wrong, zeros, "what is not lost is in its place");
    assert!(kept.len() as i64 <= 400_000 && zeros as i64 <= measured.missing.frames);
}

/// Names the file that the child process records into.
const CHILD: &str = "SONSET_TEST_RECORDS_INTO";

#[test]
fn a_killed_program_leaves_all_but_the_last_second() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("killed.wav");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_child_records_until_it_is_killed", "--ignored"])
        .env(CHILD, &path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(3_500));
    child.kill().unwrap();
    child.wait().unwrap();
    let reader = hound::WavReader::open(&path).unwrap();
    let seconds = reader.duration() as f64 / reader.spec().sample_rate as f64;
    assert!((1.0..4.0).contains(&seconds), "{seconds} s of about 3");
    assert!(!ixml(&path).contains("<START_MONOTONIC_NS>-1<"), "{}", ixml(&path));
}

#[test]
#[ignore = "run by the test above, and killed by it"]
fn the_child_records_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let config = Config {
        backend: Some(Backend::Virtual),
        sample_rate_hz: 48_000,
        output_channels: 1,
        input_channels: 1,
        ..Config::default()
    };
    let stream = Stream::open(&config).unwrap();
    stream.start().unwrap();
    stream.record_file(Path::new(&path), None, &RecordParams::default(), &FileParams::default()).unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_file_at_another_rate_holds_the_same_sound_from_the_same_time_on() {
    for rate in [16_000, 44_100, 96_000] {
        let folder = tempfile::tempdir().unwrap();
        let (path, own) = (folder.path().join("a.wav"), folder.path().join("own.wav"));
        let stream = running(8, "");
        let file = FileParams { sample_rate_hz: rate, ..FileParams::default() };
        let action = stream.record_file(&path, Some(&[2, 1]), &at(100, 50_000), &file).unwrap();
        stream.record_file(&own, Some(&[2, 1]), &at(100, 50_000), &FileParams::default()).unwrap();
        for n in 0..400 {
            block(&stream, n * 131, 131);
        }
        let measured = ended(&stream, action).measured;
        assert_eq!((measured.start_frame, measured.done_frames), (100, 50_000));
        let whole = sonset::file::load::load(&own, 0, 0).unwrap();
        let expected = samples(&sonset::resample::resample(&whole, rate).unwrap());
        assert_eq!(expected.len(), 2 * (50_000 * rate as usize * 2 / 48_000).div_ceil(2));
        assert!(floats(&path) == expected, "{rate}");
        let text = ixml(&path);
        assert!(text.contains(&format!("<FILE_SAMPLE_RATE>{rate}<")), "{text}");
        assert!(text.contains("<START_FRAME>100<") && text.contains("<STREAM_SAMPLE_RATE>48000<"), "{text}");
    }
}

#[test]
fn a_pulse_lies_at_its_time_in_a_file_of_a_third_of_the_rate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let stream = running(8, "");
    let file = FileParams { sample_rate_hz: 16_000, ..FileParams::default() };
    let action = stream.record_file(&path, Some(&[1]), &at(99, 48_000), &file).unwrap();
    let mut input = vec![0.0; 48_200 * CHANNELS];
    // Frame 30,000 of the recording: sample 10,000 of the file.
    input[30_099 * CHANNELS] = 0.9;
    for block in input.chunks(241 * CHANNELS) {
        process(&stream, block, &mut vec![0.0; block.len()]);
    }
    ended(&stream, action);
    let heard = floats(&path);
    let loudest = (0..heard.len()).max_by(|&a, &b| heard[a].abs().total_cmp(&heard[b].abs())).unwrap();
    assert_eq!((heard.len(), loudest), (16_000, 10_000));
    let uneven = (1..50).map(|n| (heard[10_000 + n] - heard[10_000 - n]).abs()).fold(0.0, f32::max);
    assert!(uneven < 1e-6, "it lies on the sample: {uneven}");
}

#[test]
fn frames_that_a_slow_disk_lost_keep_their_place_at_another_rate_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let stream = running(8, "");
    let file = FileParams { sample_rate_hz: 24_000, buffer_ms: 100, ..FileParams::default() };
    let action = stream.record_file(&path, Some(&[1]), &at(0, 300_000), &file).unwrap();
    let tone = |n: i64| 0.5 * (n as f32 * 0.01).sin();
    // All at once: far more than the worker can take away.
    for first in (0..200_000).step_by(20_000) {
        let input: Vec<f32> = (first..first + 20_000).flat_map(|n| [tone(n), 0.0]).collect();
        process(&stream, &input, &mut vec![0.0; input.len()]);
    }
    for first in (200_000..300_000).step_by(2_000) {
        let input: Vec<f32> = (first..first + 2_000).flat_map(|n| [tone(n), 0.0]).collect();
        process(&stream, &input, &mut vec![0.0; input.len()]);
        std::thread::sleep(Duration::from_millis(15));
    }
    let measured = ended(&stream, action).measured;
    assert!(measured.missing.frames > 100_000 && measured.done_frames > 50_000, "{measured:?}");
    let heard = floats(&path);
    assert_eq!(heard.len(), 150_000);
    let wrong = (125_000..149_500).find(|&n| (heard[n] - tone(2 * n as i64)).abs() > 1e-3);
    assert_eq!(wrong, None, "the end is in its place");
}

#[test]
fn a_recording_that_ended_before_the_close_has_its_own_outcome_however_soon_its_file_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..2_000 {
        let stream = running(2, "");
        let path = folder.path().join(format!("{n}.wav"));
        let action = stream.record_file(&path, Some(&[1]), &at(10, 20), &FileParams::default()).unwrap();
        block(&stream, 0, 30 + n % 700);
        stream.close();
        let Receipt { outcome, measured, .. } = stream.action(action).unwrap();
        let known = (outcome, measured.requested_frame, measured.end_frame);
        assert_eq!(known, (Some(Outcome::Completed), Some(10), 30), "stream {n}");
        assert_eq!(std::iter::from_fn(|| stream.poll_receipt().ok()).count(), 1);
        std::fs::remove_file(path).unwrap();
    }
}
