//! Single promises about frames and bits.

mod bustle;

use bustle::{CHANNELS, process, running};
use sonset::action::AfterPolicy;
use sonset::buffer::Buffer;
use sonset::receipt::Outcome;
use sonset::stream::{PlayParams, RecordParams, StartAt, Stream, Timing};

const BLOCKS: [usize; 7] = [1, 7, 64, 256, 257, 1_024, 8_192];

fn timing(start: StartAt) -> Timing {
    Timing { start, ..Timing::default() }
}

fn play(stream: &Stream, samples: &[f32], timing: Timing) -> i64 {
    let buffer = Buffer::copy(samples, samples.len() as i64, 1, 0).unwrap();
    stream.play_buffer(&buffer, Some(&[1]), None, &PlayParams { timing, ..PlayParams::default() }).unwrap()
}

/// Renders `frames` frames in blocks of `block`, each output going back in as input, and gives channel 1.
fn render(stream: &Stream, frames: usize, block: usize) -> Vec<f32> {
    let mut heard = Vec::new();
    let (mut input, mut output) = (vec![0.0; CHANNELS * block], vec![0.0; CHANNELS * block]);
    while heard.len() < frames {
        process(stream, &input, &mut output);
        heard.extend(output.iter().step_by(CHANNELS));
        std::mem::swap(&mut input, &mut output);
    }
    heard
}

fn onsets(samples: &[f32]) -> Vec<usize> {
    (0..samples.len()).filter(|&frame| samples[frame] != 0.0).collect()
}

#[test]
fn a_lone_sound_at_unity_gain_comes_out_with_every_bit() {
    // Every exponent of both signs up to the ceiling, subnormals among them, with a mantissa that fills it.
    let bits = (0u32..127).flat_map(|exponent| [exponent << 23 | 0x2A_AAAB, exponent << 23 | 1]);
    let mut samples: Vec<f32> = bits.flat_map(|bits| [bits, bits | 1 << 31]).map(f32::from_bits).collect();
    samples.extend([f32::MIN_POSITIVE, 1.0, -1.0, f32::from_bits(1)]);
    for block in BLOCKS {
        let stream = running(4, "");
        play(&stream, &samples, timing(StartAt::Frame(3)));
        let heard = render(&stream, samples.len() + 3, block);
        let same = heard[3..].iter().zip(&samples).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "blocks of {block}");
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_host_that_flushes_subnormals_changes_no_bit_and_keeps_its_mode() {
    let control = |word: Option<u32>| {
        let mut now = 0u32;
        // SAFETY: both instructions touch the four bytes of a local, and the word is a valid MXCSR.
        unsafe {
            std::arch::asm!("stmxcsr [{}]", in(reg) &mut now);
            if let Some(word) = word {
                std::arch::asm!("ldmxcsr [{}]", in(reg) &word);
            }
        }
        now
    };
    let stream = running(4, "");
    let subnormal = f32::from_bits(0x1234);
    play(&stream, &[subnormal; 5], timing(StartAt::Now));
    let (input, mut output) = ([0.0; CHANNELS * 5], [0.0; CHANNELS * 5]);
    const FLUSH: u32 = 0x8040;
    let before = control(None);
    control(Some(before | FLUSH));
    process(&stream, &input, &mut output);
    let after = control(Some(before));
    assert_eq!(after & FLUSH, FLUSH, "the host's mode is back");
    assert!(output.iter().step_by(CHANNELS).all(|sample| sample.to_bits() == 0x1234));
}

#[test]
fn two_sounds_n_frames_apart_are_n_frames_apart_for_every_n_and_block_size() {
    for block in BLOCKS {
        for distance in 1..=1_500i64 {
            let stream = running(4, "");
            let first = 5 + distance % 300;
            play(&stream, &[0.5], timing(StartAt::Frame(first + distance)));
            play(&stream, &[0.5], timing(StartAt::Frame(first)));
            let heard = onsets(&render(&stream, (first + distance) as usize + 2, block));
            assert_eq!(heard, [first as usize, (first + distance) as usize], "blocks of {block}");
        }
    }
}

#[test]
fn a_recording_n_frames_after_a_sound_begins_n_frames_after_it() {
    for block in [1usize, 64, 257, 1_024] {
        for distance in -300..=300i64 {
            let stream = running(4, "");
            let first = 400;
            play(&stream, &[0.5], timing(StartAt::Frame(first)));
            let recording = Buffer::zeros(2_000, 1, 0).unwrap();
            let timing = timing(StartAt::Frame(first + distance));
            let params = RecordParams { timing, ..RecordParams::default() };
            stream.record_buffer(&recording, Some(&[1]), &params).unwrap();
            render(&stream, 4_000, block);
            let mut heard = vec![0.0; 2_000];
            recording.read(0, &mut heard).unwrap();
            // The output of a block is the input of the next one.
            let expected: Vec<usize> = usize::try_from(block as i64 - distance).into_iter().collect();
            assert_eq!(onsets(&heard), expected, "blocks of {block}, {distance} apart");
        }
    }
}

#[test]
fn a_batch_of_64_now_actions_starts_on_one_frame_in_any_order_of_commands() {
    let stream = running(200, "");
    render(&stream, 777, 111);
    let batch = stream.begin_batch().unwrap();
    let timing = Timing { batch, ..Timing::default() };
    let batched: Vec<i64> = (0..64).map(|_| play(&stream, &[0.001; 9], timing)).collect();
    let alone = play(&stream, &[0.001], Timing::default());
    render(&stream, 111, 111);
    stream.commit_batch(batch).unwrap();
    render(&stream, 111, 111);
    let start = |action| stream.action(action).unwrap().measured.start_frame;
    assert_eq!(start(alone), 777);
    assert!(batched.iter().all(|&action| start(action) == 888));
}

#[test]
fn a_chain_of_a_thousand_sounds_is_gapless_to_the_sample() {
    let stream = running(1_100, "");
    let mut last = play(&stream, &[0.25, 0.5, 0.75], timing(StartAt::Frame(100)));
    for _ in 0..999 {
        last = play(&stream, &[0.25, 0.5, 0.75], timing(StartAt::After { action: last, offset: 0 }));
    }
    let heard = render(&stream, 3_200, 64);
    let expected: Vec<f32> = (0..3_000).map(|n| [0.25, 0.5, 0.75][n % 3]).collect();
    assert_eq!(heard[100..3_100], expected);
    assert!(heard[..100].iter().chain(&heard[3_100..]).all(|&sample| sample == 0.0));
}

#[test]
fn a_stopped_predecessor_fails_its_follower_or_starts_it_at_the_stopped_end() {
    for (after, outcome) in
        [(AfterPolicy::Completed, Outcome::Predecessor), (AfterPolicy::AnyEnd, Outcome::Completed)]
    {
        let stream = running(4, "");
        let first = play(&stream, &[0.5; 500], timing(StartAt::Frame(0)));
        let start = StartAt::After { action: first, offset: 10 };
        let next = play(&stream, &[0.5; 20], Timing { start, after, ..Timing::default() });
        render(&stream, 100, 50);
        stream.cancel(first, Some(220), -1).unwrap();
        render(&stream, 300, 50);
        let (first, next) = (stream.action(first).unwrap(), stream.action(next).unwrap());
        assert_eq!((first.outcome, first.measured.end_frame), (Some(Outcome::Stopped), 220));
        assert_eq!(next.outcome, Some(outcome));
        let started = if outcome == Outcome::Completed { 230 } else { -1 };
        assert_eq!(next.measured.start_frame, started);
    }
}

#[test]
fn input_that_is_not_finite_is_recorded_as_silence_and_counted() {
    let stream = running(4, "");
    let recording = Buffer::zeros(3, 2, 0).unwrap();
    let action = stream.record_buffer(&recording, None, &RecordParams::default()).unwrap();
    let input = [0.5, f32::NAN, f32::INFINITY, 1.5, -0.25, f32::NEG_INFINITY];
    process(&stream, &input, &mut [0.0; 6]);
    let mut heard = [9.0; 6];
    recording.read(0, &mut heard).unwrap();
    assert_eq!(heard, [0.5, 0.0, 0.0, 1.5, -0.25, 0.0]);
    let receipt = stream.action(action).unwrap().measured;
    assert_eq!((receipt.nonfinite, receipt.input_clipped, receipt.input_peak), (3, 1, 1.5));
    assert!(!receipt.all_zero);
    assert_eq!(stream.stats().nonfinite, 3);
}
