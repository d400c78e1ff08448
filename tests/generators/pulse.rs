use sonset::error::Code;
use sonset::receipt::{ActionState, Outcome, Receipt};
use sonset::stream::{PlayParams, PulseCode, PulseParams, StartAt, Timing};

use crate::rig::{Random, Rig, refused};

fn ended(rig: &Rig, action: i64) -> Receipt {
    rig.stream.wait_action(action, ActionState::Ended, Default::default()).unwrap()
}

/// First frames and lengths of what is not 0.
fn pulses(samples: &[f32]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut on = None;
    for (frame, &sample) in samples.iter().chain(&[0.0]).enumerate() {
        match (on, sample != 0.0) {
            (None, true) => on = Some(frame),
            (Some(first), false) => {
                found.push((first, frame - first));
                on = None;
            }
            _ => {}
        }
    }
    found
}

fn at(frame: i64) -> PlayParams {
    let timing = Timing { start: StartAt::Frame(frame), ..Timing::default() };
    PlayParams { timing, ..PlayParams::default() }
}

#[test]
fn a_pulse_has_exactly_its_width_whatever_touches_sound() {
    for block in [1, 64, 257, 2_000] {
        let rig = Rig::new(48_000, 2);
        let params = PlayParams {
            onset_ramp_frames: 50,
            offset_ramp_frames: 50,
            am_depth: 1.0,
            am_frequency_hz: 99.0,
            ..at(100)
        };
        let default = rig.stream.play_pulse(&PulseParams::default(), Some(&[2]), None, &params).unwrap();
        let one = PulseParams { width_frames: 1, level: -0.25, ..PulseParams::default() };
        let one = rig.stream.play_pulse(&one, Some(&[2]), Some(&[2.0]), &at(900)).unwrap();
        rig.stream.set_master_gain(None, -20.0, 5).unwrap();
        let heard = rig.render(1_200, block);
        assert_eq!(pulses(&heard[1]), [(100, 240), (900, 1)], "5 ms, and 1 frame");
        assert!(heard[1][100..340].iter().all(|&level| level == 1.0) && heard[1][900] == -0.5);
        assert!(heard[0].iter().all(|&sample| sample == 0.0));
        for (action, first, frames) in [(default, 100, 240), (one, 900, 1)] {
            let receipt = ended(&rig, action);
            let measured = receipt.measured;
            assert_eq!(receipt.outcome, Some(Outcome::Completed));
            assert_eq!(
                (measured.start_frame, measured.end_frame, measured.done_frames),
                (first, first + frames, frames)
            );
        }
    }
}

#[test]
fn a_cancel_with_a_fade_ends_a_pulse_on_a_trigger_line_without_one() {
    let rig = Rig::new(48_000, 2);
    let action = rig.stream.play_pulse(&PulseParams::default(), Some(&[2]), None, &at(0)).unwrap();
    rig.block(1);
    rig.stream.cancel(action, Some(50), 30).unwrap();
    let heard = rig.render(300, 300);
    assert_eq!(pulses(&heard[1]), [(0, 49)]);
    assert!(heard[1][..49].iter().all(|&level| level == 1.0));
}

#[test]
fn a_train_has_its_pulses_at_its_intervals() {
    let rig = Rig::new(48_000, 2);
    let train = PulseParams { width_frames: 3, count: 5, interval_frames: 300, ..PulseParams::default() };
    let action = rig.stream.play_pulse(&train, Some(&[2]), None, &at(10)).unwrap();
    let heard = rig.render(3_000, 128);
    assert_eq!(pulses(&heard[1]), [(10, 3), (310, 3), (610, 3), (910, 3), (1_210, 3)]);
    assert_eq!(ended(&rig, action).measured.end_frame, 1_213);

    let endless = PulseParams { count: -1, ..train };
    let params = PlayParams { timing: rig.late_by(300 * 1_000_000_000 - 20), ..PlayParams::default() };
    let action = rig.stream.play_pulse(&endless, Some(&[1]), None, &params).unwrap();
    let heard = rig.render(100_000, 8_192);
    let wanted: Vec<_> = (20..100_000).step_by(300).map(|frame| (frame, 3)).collect();
    assert_eq!(pulses(&heard[0]), wanted);
    assert_eq!(rig.stream.action(action).unwrap().outcome, None);
}

#[test]
fn a_parallel_code_lights_the_channels_of_its_bits_at_once() {
    let rig = Rig::new(48_000, 9);
    // Bit 0 is the first channel named, here the fifth.
    let channels = [5, 6, 7, 8, 9, 1, 2, 3];
    for code_value in 1..=255i64 {
        let code =
            PulseParams { code: PulseCode::Parallel, code_value, width_frames: 2, ..PulseParams::default() };
        rig.stream.play_pulse(&code, Some(&channels), None, &PlayParams::default()).unwrap();
        let heard = rig.render(5, 5);
        let read = |frame: usize| -> i64 {
            let lit = |&channel: &i32| heard[channel as usize - 1][frame] == 1.0;
            channels.iter().enumerate().map(|(bit, channel)| (lit(channel) as i64) << bit).sum()
        };
        let all: Vec<i64> = (0..5).map(read).collect();
        assert_eq!(all, [code_value, code_value, 0, 0, 0]);
        assert!(heard[3].iter().all(|&sample| sample == 0.0));
    }
}

/// Reads serial codes as a receiver does: at a rise it waits for the middle of each bit that follows.
fn receive(line: &[f32], bit_frames: usize, bits: usize) -> Vec<i64> {
    let high = |frame: usize| line.get(frame).is_some_and(|&level| level > 0.5);
    let (mut codes, mut frame) = (Vec::new(), 0);
    while frame < line.len() {
        if !high(frame) {
            frame += 1;
            continue;
        }
        let middle = frame + bit_frames / 2;
        codes.push((1..=bits).map(|bit| (high(middle + bit * bit_frames) as i64) << (bit - 1)).sum());
        assert!(!high(middle + (bits + 1) * bit_frames), "no stop bit");
        frame = middle + (bits + 1) * bit_frames;
    }
    codes
}

#[test]
fn serial_codes_are_read_by_a_receiver() {
    let mut random = Random(3);
    for data_bits in [1, 5, 8, 16, 32] {
        for width_frames in [1, 2, 48, 100] {
            let rig = Rig::new(48_000, 2);
            let code_value = random.below(1 << data_bits) as i64;
            let word = (data_bits as i64 + 2) * width_frames;
            let code = PulseParams {
                code: PulseCode::Serial,
                code_value,
                data_bits,
                width_frames,
                count: 3,
                interval_frames: word,
                ..PulseParams::default()
            };
            let action = rig.stream.play_pulse(&code, Some(&[2]), None, &at(17)).unwrap();
            let heard = rig.render(20 + 3 * word as usize, 256);
            assert_eq!(receive(&heard[1], width_frames as usize, data_bits as usize), [code_value; 3]);
            assert_eq!(ended(&rig, action).measured.end_frame, 17 + 3 * word);
        }
    }
}

#[test]
fn bad_values_of_a_pulse_are_refused_by_name_and_value() {
    let rig = Rig::new(48_000, 4);
    let fine = PulseParams::default();
    let play = |pulse: PulseParams, channels: Option<&[i32]>, params| {
        rig.stream.play_pulse(&pulse, channels, None, &params)
    };
    let unused = PlayParams::default();
    let bad = |pulse, channels: &[i32], words: &[&str]| {
        refused(play(pulse, Some(channels), unused), Code::InvalidArgument, words);
    };
    refused(play(fine, None, unused), Code::InvalidArgument, &["channels named"]);
    for (width_frames, word) in
        [(-1, "-1"), (i64::MAX, "9223372036854775807"), (i64::MIN, "-9223372036854775808")]
    {
        bad(PulseParams { width_frames, ..fine }, &[4], &["width_frames", word]);
    }
    let train = PulseParams { width_frames: 10, count: 2, interval_frames: 11, ..fine };
    play(train, Some(&[4]), unused).unwrap();
    for (interval_frames, word) in [(10, "10:"), (0, "0:"), (-5, "-5"), (i64::MAX, "9223372036854775807")] {
        bad(PulseParams { interval_frames, ..train }, &[4], &["interval_frames", word]);
    }
    bad(PulseParams { count: -2, ..train }, &[4], &["count", "-2"]);
    bad(PulseParams { count: i64::MAX, ..train }, &[4], &["count 9223372036854775807"]);
    bad(PulseParams { count: 0, ..train }, &[4], &["interval_frames is 11", "count is 1"]);
    for (level, word) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (1e300, "10000")] {
        bad(PulseParams { level, ..fine }, &[4], &["level", word]);
    }
    refused(
        play(PulseParams { level: -1.5, ..fine }, Some(&[4]), unused),
        Code::WouldClip,
        &["channel 4", "1.5"],
    );

    bad(PulseParams { code_value: 3, ..fine }, &[4], &["code_value is 3"]);
    bad(PulseParams { data_bits: 8, ..fine }, &[4], &["data_bits is 8"]);
    let parallel = PulseParams { code: PulseCode::Parallel, ..fine };
    for (code_value, word) in [(0, "0:"), (-1, "-1"), (8, "8:"), (i64::MAX, "9223372036854775807")] {
        bad(PulseParams { code_value, ..parallel }, &[1, 2, 3], &["code_value", word, "3 channels"]);
    }
    let serial = PulseParams { code: PulseCode::Serial, ..fine };
    for (data_bits, code_value, words) in
        [(0, 256, ["256", "8 data bits"]), (3, 8, ["8", "3 data bits"]), (0, -1, ["-1", "8 data bits"])]
    {
        bad(PulseParams { data_bits, code_value, ..serial }, &[4], &words);
    }
    bad(PulseParams { data_bits: 33, ..serial }, &[4], &["data_bits 33"]);
    bad(PulseParams { data_bits: -1, ..serial }, &[4], &["data_bits -1"]);
    bad(serial, &[1, 2], &["2 channels", "serial"]);
    for (params, words) in [
        (PlayParams { frame_count: Some(5), ..unused }, ["frame_count", "5"]),
        (PlayParams { loop_count: 1, ..unused }, ["loop_count", "1"]),
        (PlayParams { first_frame: 1, ..unused }, ["first_frame", "1"]),
        (PlayParams { onset_ramp_frames: 241, ..unused }, ["ramps", "241"]),
    ] {
        refused(play(fine, Some(&[4]), params), Code::InvalidArgument, &words);
    }
    let gains = rig.stream.play_pulse(
        &PulseParams { code_value: 1, ..parallel },
        Some(&[1, 2]),
        Some(&[1.0]),
        &unused,
    );
    refused(gains, Code::InvalidArgument, &["1 gains for 2 channels"]);
}
