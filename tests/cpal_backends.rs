//! Sound through PulseAudio, and what becomes of a stream that names no backend.

#![cfg(target_os = "linux")]

mod servers;
mod sounds;

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use servers::pulse::Pulse;
use sonset::backend::{self, Backend};
use sonset::buffer::Buffer;
use sonset::device::Direction;
use sonset::error::Code;
use sonset::receipt::{ActionState, Outcome};
use sonset::stream::{Config, State, Stream};
use sounds::{
    RATE, distances, ended, onsets, play_at, pulse, random_frames, read, record_at, wait_for_state,
};

/// Runs one test at a time, each in the environment of a server of its own.
fn alone(environment: [(&str, String); 2]) -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let guard = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for (key, value) in environment {
        // SAFETY: the guard lets no other thread of this test read or write the environment.
        unsafe { std::env::set_var(key, value) };
    }
    guard
}

fn stereo() -> Config {
    Config { sample_rate_hz: RATE, output_channels: 2, input_channels: 2, ..Config::default() }
}

/// Waits until both halves count frames, and gives the first that a call can reach in both.
fn first_frame(stream: &Stream) -> i64 {
    let time = |direction| stream.time(direction).unwrap();
    for _ in 0..1_000 {
        let (output, input) = (time(Direction::Output), time(Direction::Input));
        if output.frame > 0 && input.frame > 0 {
            return output.earliest_frame.max(input.earliest_frame);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("one half does not count: {:?}", stream.stats());
}

#[test]
fn a_stream_that_names_no_backend_plays_and_records_on_pulseaudio() {
    let server = Pulse::start("s", RATE);
    let _alone = alone(server.environment());
    let stream = Stream::open(&stereo()).unwrap();
    assert_eq!(stream.format().backend, Backend::PulseAudio);
    stream.start().unwrap();
    let begin = first_frame(&stream) + i64::from(RATE) / 2;
    let frames = random_frames(begin, 100);
    let length = frames[99] - begin + i64::from(RATE) * 2;
    let recording = Buffer::zeros(length, 1, RATE as i32).unwrap();
    let recorder = record_at(&stream, &recording, begin);
    for &frame in &frames {
        play_at(&stream, &pulse(), frame);
    }
    let receipt = ended(&stream, recorder, Duration::from_secs(60));
    assert_eq!(receipt.outcome, Some(Outcome::Completed));
    let heard = onsets(&read(&recording, length));
    assert_eq!(distances(&heard), distances(&frames), "one constant offset within a run");
}

#[test]
fn an_unplugged_sink_ends_every_action_with_a_receipt() {
    let server = Pulse::start("s", RATE);
    let _alone = alone(server.environment());
    let config = Config { backend: Some(Backend::PulseAudio), ..stereo() };
    let stream = Stream::open(&config).unwrap();
    stream.start().unwrap();
    let begin = first_frame(&stream);
    let long = Buffer::zeros(i64::from(RATE) * 20, 1, 0).unwrap();
    let actions = [play_at(&stream, &long, begin), play_at(&stream, &pulse(), begin + i64::from(RATE) * 500)];
    stream.wait_action(actions[0], ActionState::Started, Duration::from_secs(5)).unwrap();
    server.unload_sink();
    wait_for_state(&stream, State::Lost, Duration::from_secs(8));
    for action in actions {
        let receipt = ended(&stream, action, Duration::from_secs(1));
        assert_eq!(receipt.outcome, Some(Outcome::DeviceLost), "{receipt:?}");
    }
    stream.close();
}

#[test]
fn a_rate_that_the_server_would_convert_is_taken_only_when_asked_for() {
    let server = Pulse::start("s", RATE);
    let _alone = alone(server.environment());
    let config = Config { backend: Some(Backend::PulseAudio), sample_rate_hz: 44_100, ..stereo() };
    let error = Stream::open(&config).err().unwrap();
    assert_eq!(error.code, Code::UnsupportedFormat, "{error}");
    assert!(error.message.contains("48000") && error.message.contains("44100"), "{error}");
    let stream = Stream::open(&Config { options: "os_resample=on".into(), ..config }).unwrap();
    assert_eq!(stream.format().sample_rate_hz, 44_100);
}

#[test]
fn without_a_server_and_a_sound_card_there_is_no_device() {
    let nowhere = [("PULSE_SERVER", "unix:/nonexistent/s"), ("PULSE_COOKIE", "/nonexistent/c")];
    let _alone = alone(nowhere.map(|(key, value)| (key, value.into())));
    if std::path::Path::new("/dev/snd/controlC0").exists() {
        return;
    }
    for backend in [None, Some(Backend::Alsa)] {
        let error = Stream::open(&Config { backend, ..stereo() }).err().unwrap();
        assert_eq!(error.code, Code::NoDevice, "{error}");
        assert!(error.message.contains("'virtual'"), "{error}");
    }
    let error = backend::devices(Backend::PulseAudio).unwrap_err();
    assert_eq!(error.code, Code::BackendUnavailable, "{error}");
}
