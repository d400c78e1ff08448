//! The device library against ALSA without a sound card: what it refuses, and what goes through plug-ins.
//!
//! libasound reads its configuration once, so each case runs in a process of its own.
#![cfg(target_os = "linux")]

mod common;

use common::{Host, STEP, is_default, list, request, wait};
use sonset_devices_abi::{host, status};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::Ordering;

/// Runs the ignored test `name` of this file with `configuration` as all of libasound's.
fn run(name: &str, configuration: &str) -> (Output, PathBuf) {
    let folder = std::env::temp_dir().join(format!("sonset-alsa-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let configuration = configuration.replace("FOLDER", folder.to_str().unwrap());
    fs::write(folder.join("asound.conf"), configuration).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--nocapture", "--exact", name])
        .env("ALSA_CONFIG_PATH", folder.join("asound.conf"))
        .env("SONSET_TEST_FOLDER", &folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (output, folder)
}

fn folder() -> PathBuf {
    std::env::var_os("SONSET_TEST_FOLDER").unwrap().into()
}

#[test]
#[ignore = "a part of another test"]
fn no_card() {
    for (outputs, inputs) in [(2, 0), (0, 1), (2, 2)] {
        let (status, message) = Host::open(&request(host::ALSA, outputs, inputs)).map(|_| ()).unwrap_err();
        assert_eq!(status, status::NO_DEVICE, "{message}");
        assert!(message.contains("ALSA"), "{message}");
    }
    let devices = list(host::ALSA).unwrap();
    assert!(devices.iter().all(|device| is_default(device) == (false, false)));
    assert!(devices.iter().all(|device| device.id.as_str() != "null"));
}

#[test]
fn a_default_that_does_not_open_is_no_device_and_prints_nothing() {
    let (output, folder) =
        run("no_card", "pcm.!default { type hw card 0 }\nctl.!default { type hw card 0 }\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    fs::remove_dir_all(folder).unwrap();
}

/// A device of 16-bit integers that writes what it plays to a file, as fast as it is fed.
const INTEGER_FILE: &str = "
pcm.!default {
    type linear
    slave { format S16_LE pcm { type file file FOLDER/played format raw slave.pcm { type null } } }
}
";

#[test]
#[ignore = "a part of another test"]
fn integers() {
    let mut wanted = request(host::ALSA, 2, 0);
    wanted.sample_rate_hz = 48_000;
    wanted.block_frames = 1_000;
    let mut stream = Host::open(&wanted).unwrap();
    assert_eq!(stream.info().block_frames, 1_000);
    stream.start();
    wait("output", || stream.log.played.load(Ordering::Relaxed) > 96_000);
    stream.stop();
    let (played, blocks) = (&stream.log.played, &stream.log.output_blocks);
    let (played, blocks) = (played.load(Ordering::Relaxed), blocks.load(Ordering::Relaxed));
    assert_eq!(played, blocks * 1_000);
    assert!(stream.log.largest_piece.load(Ordering::Relaxed) <= 256);
    drop(stream);
    fs::write(folder().join("count"), played.to_string()).unwrap();
}

#[test]
fn samples_are_converted_for_a_device_of_integers() {
    let (_, folder) = run("integers", INTEGER_FILE);
    let bytes = fs::read(folder.join("played")).unwrap();
    let frames: Vec<_> = bytes.chunks_exact(4).collect();
    let played: usize = fs::read_to_string(folder.join("count")).unwrap().parse().unwrap();
    assert!(frames.len() >= played && played > 90_000, "{} of {played} frames", frames.len());
    for (index, frame) in frames.iter().enumerate() {
        let value = i16::from_le_bytes([frame[0], frame[1]]);
        // A stopped stream is silent; and the plug-in cuts the lower bits off that we give it.
        let exact = if index < played { index as f32 * STEP * 32_768.0 } else { 0.0 };
        assert!((f32::from(value) - exact).abs() <= 1.0, "frame {index}: {value}, not {exact}");
        assert_eq!(frame[..2], frame[2..]);
    }
    fs::remove_dir_all(folder).unwrap();
}
