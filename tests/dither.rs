//! The noise that keeps outputs awake which go to sleep on digital silence.

use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::receipt::Outcome;
use sonset::stream::{Channel, Config, PlayParams, RecordParams, StartAt, Stream, Timing};

const RATE: u32 = 48_000;
const CHANNELS: usize = 3;
/// The trigger line among them, from 0.
const TRIGGER: usize = 1;
/// Zeros before the noise begins.
const AFTER: usize = RATE as usize / 10;
const PEAK_DB: f64 = -100.0;

fn open(dither_db: f64) -> sonset::error::Result<Stream> {
    Stream::open(&Config {
        backend: Some(Backend::Manual),
        sample_rate_hz: RATE,
        output_channels: CHANNELS as u32,
        dither_db,
        ..Config::default()
    })
}

fn running(dither_db: f64) -> Stream {
    let stream = open(dither_db).unwrap();
    stream.set_channel_role(TRIGGER as i32 + 1, true).unwrap();
    stream.start().unwrap();
    stream
}

/// What is sent over `frames` frames in blocks of `sizes` in turn: a list for each channel.
fn sent(stream: &Stream, frames: usize, sizes: &[usize], planar: bool) -> Vec<Vec<f32>> {
    let mut channels = vec![Vec::new(); CHANNELS];
    for &size in sizes.iter().cycle() {
        let count = size.min(frames - channels[0].len());
        if count == 0 {
            return channels;
        }
        let mut samples = vec![9.0; CHANNELS * count];
        if planar {
            let mut planes: Vec<&mut [f32]> = samples.chunks_mut(count).collect();
            stream.process(0, Input::None, Output::Planar(&mut planes), BlockTime::default()).unwrap();
            channels.iter_mut().zip(planes).for_each(|(channel, plane)| channel.extend_from_slice(plane));
        } else {
            stream.process(0, Input::None, Output::Interleaved(&mut samples), BlockTime::default()).unwrap();
            for (n, channel) in channels.iter_mut().enumerate() {
                channel.extend(samples.iter().skip(n).step_by(CHANNELS));
            }
        }
    }
    unreachable!("there is a size")
}

/// Plays a constant on all channels but the last.
fn play(stream: &Stream, start: i64, frames: i64) -> i64 {
    let sound = Buffer::copy(&vec![0.25; frames as usize], frames, 1, 0).unwrap();
    let timing = Timing { start: StartAt::Frame(start), ..Timing::default() };
    let params = PlayParams { timing, ..PlayParams::default() };
    stream.play_buffer(&sound, Some(&[1, 2]), Some(&[1.0, 1.0]), &params).unwrap()
}

#[test]
fn without_it_silence_is_zeros() {
    let heard = sent(&running(0.0), 20_000, &[512], false);
    assert!(heard.iter().flatten().all(|sample| sample.to_bits() == 0));
    assert_eq!(running(0.0).format().dither_db, 0.0);
}

#[test]
fn it_is_white_triangular_noise_of_the_stated_peak_independent_in_each_channel_and_never_on_trigger_lines() {
    let frames = 1 << 18;
    let stream = running(PEAK_DB);
    assert_eq!(stream.format().dither_db, PEAK_DB);
    let heard = sent(&stream, frames, &[512], false);
    assert!(heard[TRIGGER].iter().all(|sample| *sample == 0.0));
    let peak = 10f64.powf(PEAK_DB / 20.0);
    let units = |channel: usize| heard[channel].iter().map(move |&sample| sample as f64 / peak);
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / frames as f64;
    let (left, right): (Vec<f64>, Vec<f64>) = (units(0).collect(), units(2).collect());
    for noise in [&left, &right] {
        let most = noise.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        assert!((0.99..=1.0 + 1e-6).contains(&most), "{most}");
        // Bounds are 5 standard errors.
        let error = 5.0 / (frames as f64).sqrt();
        assert!((noise.iter().sum::<f64>() / frames as f64).abs() < error / 6f64.sqrt());
        assert!((product(noise, noise) * 6.0 - 1.0).abs() < error * 1.2f64.sqrt());
        for lag in 1..20 {
            let correlation = 6.0 * product(&noise[lag..], noise);
            assert!(correlation.abs() < error, "{correlation} at lag {lag}");
        }
        // A triangle has a quarter of its area beyond half its reach.
        let beyond = noise.iter().filter(|value| value.abs() > 0.5).count() as f64 / frames as f64;
        assert!((beyond - 0.25).abs() < error * 0.44, "{beyond}");
    }
    assert!((6.0 * product(&left, &right)).abs() < 5.0 / (frames as f64).sqrt());
}

#[test]
fn a_sound_is_sent_bit_for_bit_and_the_noise_comes_back_a_tenth_of_a_second_after_it() {
    let stream = running(PEAK_DB);
    play(&stream, 10_000, 1_000);
    let heard = sent(&stream, 30_000, &[700], false);
    let audio = &heard[0];
    assert!(audio[..10_000].iter().all(|sample| *sample != 0.0), "from the first frame of the stream on");
    assert!(audio[10_000..11_000].iter().all(|sample| *sample == 0.25));
    assert!(audio[11_000..11_000 + AFTER].iter().all(|sample| *sample == 0.0));
    assert!(audio[11_000 + AFTER..].iter().filter(|sample| **sample == 0.0).count() < 3);
    let trigger = &heard[TRIGGER];
    assert!(
        trigger.iter().enumerate().all(|(n, sample)| *sample == if n / 1_000 == 10 { 0.25 } else { 0.0 })
    );
    assert!(heard[2].iter().all(|sample| *sample != 0.0), "a channel that is not played on");
}

#[test]
fn it_is_the_same_in_every_run_for_any_blocks_interleaved_or_planar() {
    let run = |sizes: &[usize], planar| {
        let stream = running(PEAK_DB);
        play(&stream, 3_000, 100);
        play(&stream, 9_000, 1);
        let heard = sent(&stream, 40_000, sizes, planar);
        heard.into_iter().flatten().map(f32::to_bits).collect::<Vec<u32>>()
    };
    let whole = run(&[8_192], false);
    for (sizes, planar) in [(&[8_192][..], true), (&[1, 255, 257, 3, 4_000], false), (&[97, 513], true)] {
        assert!(run(sizes, planar) == whole, "{sizes:?}");
    }
}

#[test]
fn what_is_recorded_of_the_output_contains_it() {
    let stream = running(PEAK_DB);
    let kept = Buffer::zeros(1_000, 1, 0).unwrap();
    let timing = Timing { start: StartAt::Frame(100), ..Timing::default() };
    let params = RecordParams { timing, ..RecordParams::default() };
    let action = stream.record_output(&kept, Some(&[1]), &params).unwrap();
    let heard = sent(&stream, 2_000, &[300], false);
    assert_eq!(stream.action(action).unwrap().outcome, Some(Outcome::Completed));
    assert_eq!(kept.hold().unwrap().samples(), &heard[0][100..1_100]);
}

#[test]
fn it_stays_below_a_ceiling_that_is_lower() {
    let stream = open(-80.0).unwrap();
    stream.set_channel(1, Channel { ceiling: Some(1e-6), ..Channel::default() }).unwrap();
    stream.start().unwrap();
    let heard = sent(&stream, 10_000, &[512], false);
    assert_eq!(heard[0].iter().fold(0f32, |most, sample| most.max(sample.abs())), 1e-6);
}

#[test]
fn a_level_out_of_range_is_refused() {
    for level in [-151.0, -79.0, 6.0, f64::NAN, f64::NEG_INFINITY] {
        let error = open(level).err().expect("refused");
        assert!(error.code == Code::InvalidArgument && error.message.contains("dither_db"), "{error}");
    }
}
