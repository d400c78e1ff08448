//! Receipts of a real stream against recorders whose clock, lag and mistakes are known.

mod tool;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::device::Direction;
use sonset::receipt::ActionState;
use sonset::stream::{Config, PlayParams, StartAt, Stream, Timing};
use tool::{Ran, STAMP};

const SOUNDS: usize = 60;
const TAG: i64 = 5;

/// A folder with a log that the library wrote, and when its sounds were at the converter, in ns.
struct Log {
    folder: PathBuf,
    due_ns: Vec<i64>,
    realtime_offset_ns: i64,
}

/// One log for all tests, as it takes its time.
fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(Log::write)
}

impl Log {
    fn write() -> Self {
        // Not a temporary one: what a static holds is never dropped, so each run clears what the last one left.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorder");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let config = Config { backend: Some(Backend::Virtual), output_channels: 1, ..Config::default() };
        let stream = Stream::open(&config).unwrap();
        stream.log_receipts(&folder.join("log.csv")).unwrap();
        stream.start().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let sound = Buffer::copy(&[0.1; 48], 48, 1, 0).unwrap();
        let mut random = fastrand::Rng::with_seed(5);
        let mut frame = stream.time(Direction::Output).unwrap().earliest_frame;
        let mut play = |tag| {
            frame += random.i64(1_200..3_600);
            let timing = Timing { start: StartAt::Frame(frame), tag, ..Timing::default() };
            stream.play_buffer(&sound, None, None, &PlayParams { timing, ..PlayParams::default() }).unwrap()
        };
        let actions: Vec<i64> = (0..SOUNDS).map(|_| play(TAG)).collect();
        let other = play(TAG + 1);
        let ended =
            |action: &i64| stream.wait_action(*action, ActionState::Ended, Duration::from_secs(20)).unwrap();
        let due_ns = actions.iter().map(|action| ended(action).measured.start_host_ns).collect();
        let realtime_offset_ns = ended(&other).realtime_offset_ns;
        stream.close();
        Self { folder, due_ns, realtime_offset_ns }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs the tool on the log and a file of a recorder.
    fn compare(&self, recorded: &Path, more: &str) -> Ran {
        let (log, recorded) = (self.path("log.csv"), recorded.display());
        Ran::with(&format!(
            "external --receipts {} --onsets {recorded} --tag {TAG} --tolerance-ms 5 {more}",
            log.display()
        ))
    }

    /// Seconds since the first sound.
    fn due_s(&self) -> Vec<f64> {
        self.due_ns.iter().map(|ns| (ns - self.due_ns[0]) as f64 * 1e-9).collect()
    }

    fn write_csv(&self, name: &str, lines: impl Iterator<Item = String>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, lines.collect::<String>()).unwrap();
        path
    }
}

/// Lags of a known spread: +j and −j by turns in an irregular order, in seconds.
fn lag_s(n: usize, mean: f64, j: f64) -> f64 {
    mean + if n * n / 3 % 4 < 2 { j } else { -j }
}

fn sd_us(lags: &[f64]) -> f64 {
    let mean = lags.iter().sum::<f64>() / lags.len() as f64;
    (lags.iter().map(|lag| (lag - mean).powi(2)).sum::<f64>() / (lags.len() - 1) as f64).sqrt() * 1e6
}

fn number(value: &serde_json::Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_recorder_with_a_clock_of_its_own_tells_spread_and_drift_but_no_lag() {
    let log = log();
    for ppm in [100.0, -100.0] {
        let rate = 10_000.0;
        let clock = |s: f64| (1_234.5 + s * (1.0 + ppm * 1e-6)) * rate;
        let heard: Vec<usize> = (0..SOUNDS).filter(|n| n % 9 != 4).collect();
        let lags: Vec<f64> = heard.iter().map(|&n| lag_s(n, 0.003, 0.0002)).collect();
        let due = log.due_s();
        let onsets = heard.iter().zip(&lags).map(|(&n, lag)| clock(due[n] + lag));
        // Two that nobody played.
        let onsets = onsets.chain([clock(due[10] + 0.012), clock(due[30] + 0.011)]);
        let lines = ["trial,onset\n".to_string()].into_iter();
        let path = log.write_csv("o.csv", lines.chain(onsets.map(|onset| format!("1,{onset:.4}\n"))));
        let columns = "--column onset --unit samples --rate 10000";
        let ran = log.compare(&path, &format!("{columns} --max-sd-us 100 --max-missing 7")).expect_status(1);
        let json = ran.json();
        let fit = &json["result"]["fit"];
        assert_eq!((&fit["pairs"], &fit["missing"], &fit["spurious"]), (&53.into(), &7.into(), &2.into()));
        // Four standard errors of the slope over these 3 s.
        assert!((number(&fit["drift_ppm"]) - ppm).abs() < 160.0, "{}", fit["drift_ppm"]);
        let truth = sd_us(&lags);
        let sd = number(&fit["error_us"]["sd"]);
        assert!((sd - truth).abs() < 0.05 * truth, "{sd} for {truth}");
        assert!(fit["lag_us"].is_null() && fit["bias_ns"].is_null());
        assert!(ran.text.contains("NOT KNOWN") && !ran.text.contains("set_latency_bias"), "{}", ran.text);
        assert!(ran.text.contains("FAIL  --max-sd-us 100: "), "{}", ran.text);
        assert!(ran.text.contains("ok    --max-missing 7: 7"), "{}", ran.text);
        assert!(ran.drawn().iter().any(|text| text.contains("lag not known")));
    }
}

#[test]
fn onsets_on_the_hosts_clock_tell_the_lag_and_the_bias() {
    let log = log();
    for (clock, offset) in [("monotonic", 0), ("realtime", log.realtime_offset_ns)] {
        let late = |(n, ns): (usize, &i64)| (ns + offset) as f64 * 1e-9 + lag_s(n, 0.0042, 0.0001);
        let onsets = log.due_ns.iter().enumerate().map(late);
        let path = log.write_csv("h.csv", onsets.map(|onset| format!("{onset:.9}\n")));
        let limits = "--max-lag-us 4300 --max-range-us 210";
        let ran = log.compare(&path, &format!("--same-clock {clock} {limits}")).expect_status(0);
        let json = ran.json();
        let truth = (0..SOUNDS).map(|n| lag_s(n, 0.0042, 0.0001)).sum::<f64>() / SOUNDS as f64;
        let bias = number(&json["result"]["fit"]["bias_ns"]);
        assert!((bias - truth * 1e9).abs() < 2_000.0, "{bias} for {truth}");
        assert!(ran.text.contains(&format!("SONSET_DIRECTION_OUTPUT, {bias:.0})")), "{}", ran.text);
    }
}

#[test]
fn a_recording_with_a_trigger_channel_tells_the_lag_between_samples() {
    let log = log();
    let (rate, ppm, lag) = (24_000.0, 80.0, 0.00321);
    let path = log.path("r.wav");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: rate as u32,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let due = log.due_s();
    let recorder_s = |s: f64| (0.7 + s) * (1.0 + ppm * 1e-6);
    let frames = (recorder_s(due[SOUNDS - 1] + 0.5) * rate) as usize;
    // A pulse of 5 ms with straight flanks of a millisecond: half of its height is half a millisecond late.
    let shape = |t: f64| (t / 0.001).min((0.005 - t) / 0.001).clamp(0.0, 1.0);
    let mut samples = vec![[0.1f64, 0.0]; frames];
    for &s in &due {
        for (channel, begin) in [(0, recorder_s(s + lag)), (1, recorder_s(s))] {
            let first = (begin * rate) as usize;
            (first..first + 150).for_each(|n| samples[n][channel] += 0.6 * shape(n as f64 / rate - begin));
        }
    }
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    samples.iter().flatten().for_each(|s| writer.write_sample((s * 32_768.0) as i16).unwrap());
    writer.finalize().unwrap();

    let ran = log.compare(&path, "--channel 1 --reference 2 --refractory-ms 10").expect_status(0);
    let json = ran.json();
    let fit = &json["result"]["fit"];
    assert_eq!((&fit["pairs"], &fit["spurious"]), (&SOUNDS.into(), &0.into()));
    assert!((number(&fit["lag_us"]) - lag * 1e6).abs() < 1.0, "{}", fit["lag_us"]);
    assert!(number(&fit["error_us"]["range"]) < 5.0, "{}", fit["error_us"]);
    assert!((number(&fit["drift_ppm"]) - ppm).abs() < 2.0, "{}", fit["drift_ppm"]);
    assert!(ran.drawn().iter().any(|text| text.contains("lag of the sound (µs)")));
}

#[test]
fn what_the_virtual_device_played_is_stamped_and_what_another_played_is_not() {
    let log = log();
    let onsets = log.write_csv("v.csv", log.due_s().into_iter().map(|due| format!("{:.9}\n", due + 1.0)));
    let ran = log.compare(&onsets, "");
    assert!(ran.text.contains("THEY SAY NOTHING ABOUT THIS MACHINE"), "{}", ran.text);
    let other = std::fs::read_to_string(log.path("log.csv")).unwrap().replace(",virtual,", ",jack,");
    let path = log.path("jack.csv");
    std::fs::write(&path, other).unwrap();
    let ran = Ran::with(&format!(
        "external --receipts {} --onsets {} --tag {TAG} --tolerance-ms 5",
        path.display(),
        onsets.display()
    ));
    assert!(!ran.text.contains("VIRTUAL"), "{}", ran.text);
    let refused = log.compare(&log.path("none.csv"), "").expect_status(2);
    assert!(refused.text.starts_with(STAMP) && refused.text.contains("60 sounds"), "{}", refused.text);
}

#[test]
fn a_recording_that_is_weak_or_clipped_is_said_to_be_and_a_trigger_at_full_scale_is_not() {
    let log = log();
    for (gain, trigger, noise, said) in [
        (0.5, 2.0, 0.001, None),
        (0.02, 0.5, 0.002, Some("channel 1 is WEAK: its threshold of 0.01")),
        (0.5, 0.02, 0.002, Some("channel 2 is WEAK")),
        (2.0, 0.5, 0.001, Some("channel 1 is CLIPPED")),
    ] {
        let path = record(log, gain, trigger, noise);
        let ran = log.compare(&path, "--channel 1 --reference 2 --refractory-ms 10").expect_status(0);
        assert!((number(&ran.json()["result"]["fit"]["lag_us"]) - 4_000.0).abs() < 100.0, "{}", ran.text);
        match said {
            Some(said) => assert!(ran.text.contains(said), "{}", ran.text),
            None => assert!(!ran.text.contains("channel"), "{}", ran.text),
        }
    }
}

/// A recording of sounds that are 4 ms late, with triggers, in noise that is even up to its SD times √3.
fn record(log: &Log, gain: f64, trigger: f64, noise: f64) -> PathBuf {
    let path = log.path(&format!("{gain}-{trigger}-{noise}.wav"));
    let (rate, due) = (48_000, log.due_s());
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut random = fastrand::Rng::with_seed(2);
    let mut even = || (random.f64() * 2.0 - 1.0) * noise * 3f64.sqrt();
    let mut samples: Vec<[f64; 2]> =
        (0..((due[SOUNDS - 1] + 1.0) * rate as f64) as usize).map(|_| [even(), even()]).collect();
    for &s in &due {
        for (channel, late, height) in [(0, 0.004, gain), (1, 0.0, trigger)] {
            let first = ((0.5 + s + late) * rate as f64).round() as usize;
            samples[first..first + 240].iter_mut().for_each(|frame| frame[channel] += height);
        }
    }
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    let whole = |sample: &f64| (sample.clamp(-1.0, 1.0) * 32_767.0) as i16;
    samples.iter().flatten().for_each(|sample| writer.write_sample(whole(sample)).unwrap());
    writer.finalize().unwrap();
    path
}

#[test]
fn columns_of_a_table_can_be_sound_and_trigger() {
    let log = log();
    let rows = log.due_s().into_iter().enumerate().map(|(n, s)| match n {
        // The photodiode missed one trigger, the microphone one sound.
        7 => format!("{:.7};\n", s + 90.0 + 0.008),
        9 => format!(";{:.7}\n", s + 90.0),
        _ => format!("{:.7};{:.7}\n", s + 90.0 + 0.008, s + 90.0),
    });
    let path = log.write_csv("t.csv", ["sound;trigger\n".to_string()].into_iter().chain(rows));
    let ran = log.compare(&path, "--column sound --reference trigger").expect_status(0);
    let json = ran.json();
    assert_eq!(json["result"]["fit"]["pairs"], SOUNDS - 2);
    assert_eq!(json["result"]["fit"]["bias_ns"], 8_000_000);
}

#[test]
fn files_that_cannot_be_used_are_refused_with_what_is_wrong() {
    let log = log();
    let csv = log.write_csv("x.csv", ["onset\n1.0\nsoon\n".to_string()].into_iter());
    let empty = log.write_csv("e.csv", std::iter::empty());
    let header = log.write_csv("n.csv", ["onset;trigger\n".to_string()].into_iter());
    let comma = log.write_csv("k.csv", ["onset;trigger\n1,5;1,4\n".to_string()].into_iter());
    let other = log.write_csv("y.csv", (0..SOUNDS).map(|n| format!("{}\n", (n * n) as f64 * 0.37)));
    for (path, more, said) in [
        (&csv, "", "'soon' in row 3"),
        (&csv, "--column delay", "no column 'delay': it has onset"),
        (&csv, "--column 2", "no column '2'"),
        (&csv, "--unit samples", "--rate"),
        (&other, "", "61 receipts and 60 onsets do not belong together"),
        (&log.path("none.wav"), "", "none.wav"),
        (&empty, "", "it is empty"),
        (&header, "--column onset", "no times in column 'onset'"),
        (&comma, "", "'1,5' in row 2 is no time (decimals are written with a point)"),
    ] {
        let ran = Ran::with(&format!(
            "external --receipts {} --onsets {} {more}",
            log.path("log.csv").display(),
            path.display()
        ))
        .expect_status(2);
        assert!(ran.errors.contains(said), "{}", ran.errors);
    }
    let files = format!("external --receipts {} --onsets {}", csv.display(), other.display());
    let ran = Ran::with(&files).expect_status(2);
    assert!(ran.errors.contains("wanted is a file of sonset_stream_log_receipts"), "{}", ran.errors);
}
