//! Synthetic recordings, of which all is known.

use super::analysis::{Arrivals, Search, correlate, find};
use super::pulse::{chirp, chirp_at};
use crate::report::Refusal;

const RATE: u32 = 48_000;
const LEVEL: f64 = 0.25;
const SEARCH: Search = Search { ahead_s: 0.05, longest_s: 0.5, least_snr_db: 12.0 };

/// A recording of pulses, each with a delay and a gain of its own, in noise.
struct Synthetic {
    sent: Vec<i64>,
    samples: Vec<f64>,
    random: fastrand::Rng,
}

impl Synthetic {
    /// `pulses` at random places after 0.6 s of silence, none of them heard yet.
    fn new(pulses: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(7);
        let mut frame = 28_800;
        let mut next = || {
            frame += random.i64(4_800..12_000);
            frame
        };
        let sent: Vec<i64> = (0..pulses).map(|_| next()).collect();
        let length = sent[pulses - 1] as usize + RATE as usize;
        Self { sent, samples: vec![0.0; length], random }
    }

    /// Adds pulse `n`, `delay` frames late: the formula of the sweep at other times, not a shifted copy.
    fn hear(&mut self, n: usize, delay: f64, gain: f64) {
        let begin = self.sent[n] as f64 + delay;
        for frame in begin.floor() as usize..(begin as usize + 600).min(self.samples.len()) {
            let t = (frame as f64 - begin) / RATE as f64;
            self.samples[frame] += gain * chirp_at(t, RATE as f64, LEVEL);
        }
    }

    fn hear_all(&mut self, delay: f64, gain: f64) {
        (0..self.sent.len()).for_each(|n| self.hear(n, delay, gain));
    }

    /// White noise of an RMS.
    fn add_noise(&mut self, rms: f64) {
        let peak = rms * 3f64.sqrt();
        let random = &mut self.random;
        self.samples.iter_mut().for_each(|sample| *sample += (random.f64() * 2.0 - 1.0) * peak);
    }

    fn limit(&mut self, top: f64) {
        self.samples.iter_mut().for_each(|sample| *sample = sample.clamp(-top, top));
    }

    fn find(&self) -> Result<Arrivals, Refusal> {
        let recording: Vec<f32> = self.samples.iter().map(|sample| *sample as f32).collect();
        find(&recording, &self.sent, &chirp(RATE, LEVEL), RATE, &SEARCH)
    }

    /// The reason and the sentence of the refusal.
    fn refused(&self) -> (&'static str, String) {
        let refusal = self.find().unwrap_err();
        (refusal.reason, refusal.sentence)
    }
}

/// RMS of the pulse that is played.
fn pulse_rms() -> f64 {
    let pulse = chirp(RATE, LEVEL);
    (pulse.iter().map(|s| (*s as f64).powi(2)).sum::<f64>() / pulse.len() as f64).sqrt()
}

#[test]
fn the_correlation_is_that_of_its_definition() {
    let mut random = fastrand::Rng::with_seed(3);
    let recording: Vec<f32> = (0..9_000).map(|_| random.f32() - 0.5).collect();
    let pulse: Vec<f32> = (0..37).map(|_| random.f32() - 0.5).collect();
    let energy: f64 = pulse.iter().map(|p| (*p as f64).powi(2)).sum();
    let fast = correlate(&recording, &pulse);
    assert_eq!(fast.len(), recording.len() - pulse.len() + 1);
    for (n, value) in fast.iter().enumerate() {
        let naive: f64 = pulse.iter().zip(&recording[n..]).map(|(p, r)| *p as f64 * *r as f64).sum();
        assert!((naive / energy - *value as f64).abs() < 1e-5, "at {n}: {naive} and {value}");
    }
}

#[test]
fn delays_between_samples_are_found_to_a_hundredth_of_a_sample() {
    let mut synthetic = Synthetic::new(40);
    let delays: Vec<f64> = (0..40).map(|n| 321.0 + n as f64 * 0.0611).collect();
    delays.iter().enumerate().for_each(|(n, delay)| synthetic.hear(n, *delay, 0.5));
    let found = synthetic.find().unwrap();
    assert!(!found.exact && !found.inverted);
    for (found, delay) in found.each_delay_frames.iter().zip(&delays) {
        assert!((found - delay).abs() < 0.01, "{found} for {delay}");
    }
    let range = delays[39] - delays[0];
    assert!((found.delay_frames.range - range).abs() < 0.01);
    assert!((found.gain_db + 6.02).abs() < 0.2, "{}", found.gain_db);
}

#[test]
fn noise_20_db_below_the_pulse_costs_less_than_a_tenth_of_a_sample() {
    let mut synthetic = Synthetic::new(50);
    synthetic.hear_all(400.37, 1.0);
    synthetic.add_noise(pulse_rms() / 10.0);
    let found = synthetic.find().unwrap();
    assert!((found.delay_frames.mean - 400.37).abs() < 0.03, "{}", found.delay_frames.mean);
    assert!(found.delay_frames.range < 0.2, "{}", found.delay_frames.range);
    assert!((found.snr_db.unwrap() - 20.0).abs() < 0.5, "{:?}", found.snr_db);
}

#[test]
fn a_bit_exact_loop_is_reported_as_whole_samples_and_one_changed_bit_is_not() {
    let mut synthetic = Synthetic::new(10);
    synthetic.hear_all(256.0, 1.0);
    let found = synthetic.find().unwrap();
    assert!(found.exact);
    assert_eq!(found.each_delay_frames, vec![256.0; 10]);
    let middle = synthetic.sent[3] as usize + 256 + 240;
    synthetic.samples[middle] = f64::from(f32::from_bits((synthetic.samples[middle] as f32).to_bits() ^ 1));
    assert!(!synthetic.find().unwrap().exact);
}

#[test]
fn a_turned_polarity_is_found_and_said() {
    let mut synthetic = Synthetic::new(10);
    synthetic.hear_all(100.5, -0.8);
    let found = synthetic.find().unwrap();
    assert!(found.inverted);
    assert!((found.delay_frames.mean - 100.5).abs() < 0.01);
}

#[test]
fn zeros_and_noise_without_pulses_are_refused() {
    let mut synthetic = Synthetic::new(20);
    assert_eq!(synthetic.refused().0, "silent");
    synthetic.add_noise(0.01);
    let (reason, sentence) = synthetic.refused();
    assert_eq!(reason, "missing");
    assert!(sentence.contains("500 ms") && sentence.contains("-40.0 dBFS"), "{sentence}");
}

#[test]
fn a_way_longer_than_what_is_looked_for_is_refused() {
    let mut synthetic = Synthetic::new(20);
    synthetic.hear_all(30_000.0, 1.0);
    assert_eq!(synthetic.refused().0, "missing");
}

#[test]
fn pulses_too_close_to_the_noise_are_refused_with_both_levels() {
    for (snr_db, wanted) in
        [(6.0, Some("weak")), (11.0, Some("weak")), (13.0, None), (-30.0, Some("missing"))]
    {
        let mut synthetic = Synthetic::new(30);
        synthetic.hear_all(500.25, 1.0);
        synthetic.add_noise(pulse_rms() * 10f64.powf(-snr_db / 20.0));
        let reason = synthetic.find().err();
        assert_eq!(reason.as_ref().map(|refusal| refusal.reason), wanted, "at {snr_db} dB: {reason:?}");
        if wanted == Some("weak") {
            let sentence = reason.unwrap().sentence;
            let said: f64 =
                sentence.split(" dBFS, ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
            assert!((said - snr_db).abs() < 1.0 && sentence.contains("12.0 dB are wanted"), "{sentence}");
        }
    }
}

#[test]
fn clipped_pulses_are_refused_at_full_scale_and_below() {
    for (gain, top) in [(8.0, 1.0), (1.0, 0.2)] {
        let mut synthetic = Synthetic::new(10);
        synthetic.hear_all(256.3, gain);
        synthetic.limit(top);
        let (reason, sentence) = synthetic.refused();
        assert_eq!(reason, "clipped");
        assert!(sentence.contains(&format!("{top:.4}")) && sentence.contains("10 of 10"), "{sentence}");
    }
}

#[test]
fn pulses_that_do_not_come_back_are_counted_and_refused() {
    let mut synthetic = Synthetic::new(20);
    (0..20).filter(|n| n % 7 != 3).for_each(|n| synthetic.hear(n, 300.0, 1.0));
    synthetic.add_noise(1e-4);
    let (reason, sentence) = synthetic.refused();
    assert_eq!(reason, "missing");
    assert!(sentence.starts_with("3 of 20"), "{sentence}");
}

#[test]
fn an_echo_is_refused_with_both_delays_unless_it_is_faint() {
    for (echo_at, gain_db, wanted) in
        [(900.0, -3.0, true), (12_000.0, -6.0, true), (20_000.0, 0.0, true), (900.0, -18.0, false)]
    {
        let mut synthetic = Synthetic::new(30);
        synthetic.hear_all(300.0, 0.5);
        synthetic.hear_all(echo_at, 0.5 * 10f64.powf(gain_db / 20.0));
        synthetic.add_noise(1e-4);
        match wanted {
            true => {
                let (reason, sentence) = synthetic.refused();
                assert_eq!(reason, "repeated", "{sentence}");
                let ms = format!("{:.2} ms", echo_at / 48.0);
                assert!(sentence.contains("6.25 ms") && sentence.contains(&ms), "{sentence}");
            }
            false => assert!((synthetic.find().unwrap().delay_frames.mean - 300.0).abs() < 0.05),
        }
    }
}

#[test]
fn a_step_in_the_delay_is_jitter_and_no_echo() {
    let mut synthetic = Synthetic::new(30);
    (0..30).for_each(|n| synthetic.hear(n, if n < 14 { 300.0 } else { 428.0 }, 0.5));
    synthetic.add_noise(1e-4);
    let found = synthetic.find().unwrap();
    assert!((found.delay_frames.range - 128.0).abs() < 0.1, "{:?}", found.delay_frames);
}

#[test]
fn a_sound_that_comes_with_the_pulses_or_instead_of_them_is_not_taken_for_them() {
    let tone = |frame: usize| 0.3 * (frame as f64 * 0.13).sin();
    let mut with = Synthetic::new(20);
    with.hear_all(300.0, 0.3);
    for begin in with.sent.clone() {
        (begin as usize + 300..begin as usize + 780).for_each(|frame| with.samples[frame] += tone(frame));
    }
    let (reason, sentence) = with.refused();
    assert_eq!(reason, "unlike", "{sentence}");
    let mut instead = Synthetic::new(20);
    (30_000..instead.samples.len()).for_each(|frame| instead.samples[frame] = tone(frame));
    assert_eq!(instead.refused().0, "missing");
}

#[test]
fn four_pulses_are_too_few() {
    let mut synthetic = Synthetic::new(4);
    synthetic.hear_all(300.0, 0.5);
    let (reason, sentence) = synthetic.refused();
    assert_eq!(reason, "too few");
    assert!(sentence.contains('4') && sentence.contains('5'), "{sentence}");
}
