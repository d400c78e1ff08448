//! What a lab has measured and decided of its output channels: roles, ceilings, levels, and the file of them.

use std::path::Path;

use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::stream::{Channel, Config, PlayParams, Stream};

fn open(backend: Backend, ceiling: f32) -> Stream {
    let config = Config {
        backend: Some(backend),
        sample_rate_hz: 48_000,
        output_channels: 4,
        ceiling,
        ..Config::default()
    };
    Stream::open(&config).unwrap()
}

fn sine(frames: i64, amplitude: f64) -> std::sync::Arc<Buffer> {
    let samples: Vec<f32> =
        (0..frames).map(|n| (amplitude * (std::f64::consts::TAU * n as f64 / 48.0).sin()) as f32).collect();
    Buffer::copy(&samples, frames, 1, 0).unwrap()
}

fn first_frame(stream: &Stream) -> [f32; 4] {
    let mut block = [0.0; 4];
    stream.process(0, Input::None, Output::Interleaved(&mut block), BlockTime::default()).unwrap();
    block
}

#[test]
fn nothing_leaves_a_channel_above_its_own_ceiling_and_a_trigger_line_keeps_its_level() {
    let stream = open(Backend::Manual, 0.5);
    stream.set_channel(2, Channel { ceiling: Some(0.125), ..Channel::default() }).unwrap();
    stream.set_channel(4, Channel { trigger: true, ..Channel::default() }).unwrap();
    stream.start().unwrap();
    let sound = Buffer::copy(&[0.75], 1, 1, 0).unwrap();
    let refused = stream.play_buffer(&sound, Some(&[2]), None, &PlayParams::default()).unwrap_err();
    assert_eq!(refused.code, Code::WouldClip);
    assert!(refused.message.contains("0.125"), "{}", refused.message);
    let params = PlayParams { allow_clip: true, ..PlayParams::default() };
    stream.play_buffer(&sound, Some(&[1, 2, 4]), None, &params).unwrap();
    assert_eq!(first_frame(&stream), [0.5, 0.125, 0.0, 0.75]);
    let ceilings: Vec<f64> = (1..=4).map(|number| stream.channel(number).unwrap().ceiling.unwrap()).collect();
    assert_eq!(ceilings, [0.5, 0.125, 0.5, 1.0]);
}

#[test]
fn a_calibrated_channel_tells_the_level_of_a_sound_and_the_gain_to_the_ceiling() {
    let stream = open(Backend::Manual, 0.5);
    let tone = sine(48_000, 0.25);
    let level = stream.level(1, &tone, 1).unwrap();
    assert_eq!(level.db_spl, None, "not calibrated");
    assert!((level.rms - 0.25 / 2f64.sqrt()).abs() < 1e-6, "{}", level.rms);
    assert!((level.headroom_db - 20.0 * 2f64.log10()).abs() < 1e-4, "{}", level.headroom_db);

    // A meter shows 74.3 dB SPL for a tone of amplitude 0.25.
    let unit = 74.3 - 20.0 * (0.25 / 2f64.sqrt()).log10();
    stream.set_channel(1, Channel { calibration_db_spl: Some(unit), ..Channel::default() }).unwrap();
    assert!((stream.level(1, &tone, 1).unwrap().db_spl.unwrap() - 74.3).abs() < 1e-4);
    let half = sine(48_000, 0.125);
    assert!((stream.level(1, &half, 1).unwrap().db_spl.unwrap() - (74.3 - 6.0206)).abs() < 1e-3);

    let silence = stream.level(1, &Buffer::zeros(10, 1, 0).unwrap(), 1).unwrap();
    assert_eq!((silence.rms, silence.db_spl), (0.0, Some(f64::NEG_INFINITY)));
    assert_eq!(silence.headroom_db, f64::INFINITY);
    assert!(stream.level(1, &tone, 2).unwrap_err().message.contains("channels 1 to 1"));
    assert!(stream.level(5, &tone, 1).unwrap_err().message.contains("channels 1 to 4"));
}

#[test]
fn roles_and_ceilings_wait_for_silence_and_calibrations_do_not() {
    let stream = open(Backend::Manual, 0.0);
    stream.start().unwrap();
    let quiet = Channel { ceiling: Some(0.5), ..Channel::default() };
    assert_eq!(stream.set_channel(1, quiet).unwrap_err().code, Code::InvalidState);
    assert_eq!(stream.channel(1).unwrap().ceiling, Some(1.0), "nothing has changed");
    let calibrated = Channel { calibration_db_spl: Some(100.0), ..Channel::default() };
    stream.set_channel(1, calibrated).unwrap();
    stream.stop().unwrap();
    let params = PlayParams::default();
    stream.play_buffer(&sine(9, 0.5), None, None, &params).unwrap();
    let alive = stream.set_channel(1, quiet).unwrap_err();
    assert!(
        alive.code == Code::InvalidState && alive.message.contains("1 have not ended"),
        "{}",
        alive.message
    );
}

#[test]
fn values_that_no_channel_has_are_refused_by_name() {
    let stream = open(Backend::Manual, 0.0);
    let channel = Channel::default();
    for (bad, said) in [
        (Channel { ceiling: Some(f64::NAN), ..channel }, "NaN"),
        (Channel { ceiling: Some(1.5), ..channel }, "1.5"),
        (Channel { ceiling: Some(-0.5), ..channel }, "-0.5"),
        (Channel { ceiling: Some(0.5), trigger: true, ..channel }, "trigger line"),
        (Channel { calibration_db_spl: Some(90.0), trigger: true, ..channel }, "no sound pressure"),
        (Channel { calibration_db_spl: Some(f64::INFINITY), ..channel }, "inf"),
        (Channel { calibration_db_spl: Some(f64::NAN), ..channel }, "NaN"),
    ] {
        let error = stream.set_channel(3, bad).unwrap_err();
        assert_eq!(error.code, Code::InvalidArgument);
        assert!(error.message.contains(said) && error.message.contains("channel 3"), "{}", error.message);
    }
    assert_eq!(stream.channel(3).unwrap(), Channel { ceiling: Some(1.0), ..channel });
}

fn measured(stream: &Stream) {
    let left = Channel { ceiling: Some(0.25), calibration_db_spl: Some(103.75), ..Channel::default() };
    stream.set_channel(1, left).unwrap();
    stream.set_channel(4, Channel { trigger: true, ..Channel::default() }).unwrap();
}

fn replaced(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_file_brings_back_what_was_said_of_the_same_device() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("booth-1.json");
    let before = open(Backend::Virtual, 0.0);
    measured(&before);
    before.save_channels(&path).unwrap();
    let after = open(Backend::Virtual, 0.0);
    after.load_channels(&path).unwrap();
    for number in 1..=4 {
        assert_eq!(after.channel(number).unwrap(), before.channel(number).unwrap());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no half-written file stays");
}

#[test]
fn a_file_that_does_not_fit_changes_nothing_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("channels.json");
    let stream = open(Backend::Virtual, 0.0);
    measured(&stream);
    let before: Vec<Channel> = (1..=4).map(|number| stream.channel(number).unwrap()).collect();
    for (from, to, code, said) in [
        ("\"virtual\"", "\"alsa\"", Code::InvalidArgument, "of alsa"),
        ("\"device\": \"", "\"device\": \"other ", Code::InvalidArgument, "other "),
        ("\"channel\": 4", "\"channel\": 5", Code::InvalidArgument, "channels 1 to 4"),
        ("\"channel\": 4", "\"channel\": 1", Code::FileFormat, "channel 1 twice"),
        ("0.25", "2.5", Code::InvalidArgument, "2.5"),
        ("\"trigger\"", "\"speaker\"", Code::FileFormat, "speaker"),
        ("\"ceiling\"", "\"cieling\"", Code::FileFormat, "cieling"),
        ("channels 1\"", "channels 2\"", Code::FileFormat, "channels 2"),
        ("}\n}", "", Code::FileFormat, "EOF"),
    ] {
        stream.save_channels(&path).unwrap();
        if from == "}\n}" {
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, &text[..text.len() / 2]).unwrap();
        } else {
            replaced(&path, from, to);
        }
        let error = stream.load_channels(&path).unwrap_err();
        assert_eq!(error.code, code, "{}", error.message);
        assert!(error.message.contains(said), "{}", error.message);
        let now: Vec<Channel> = (1..=4).map(|number| stream.channel(number).unwrap()).collect();
        assert_eq!(now, before);
    }
    let missing = stream.load_channels(&folder.path().join("none.json")).unwrap_err();
    assert_eq!(missing.code, Code::FileNotFound);
    let unwritable = stream.save_channels(&folder.path().join("no/folder.json")).unwrap_err();
    assert_eq!(unwritable.code, Code::FileIo);
}
