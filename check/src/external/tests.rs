//! Synthetic recorders, of which clock, lag and mistakes are known.

use super::fit::{Basis, Fitted};
use super::matching::{Matches, Rules, align};
use super::onsets::crossings;

const RULES: Rules = Rules { tolerance_s: 0.02, largest_ppm: 500.0, offsets_s: None };

/// A run of sounds and what a recorder heard of them.
struct Run {
    events: Vec<f64>,
    onsets: Vec<f64>,
    /// The true pairs.
    pairs: Vec<(usize, usize)>,
    /// How late each sound was that was heard, in seconds.
    lags: Vec<f64>,
}

/// What a recorder does.
struct Recorder {
    offset_s: f64,
    ppm: f64,
    lag_s: f64,
    jitter_s: f64,
    missing: f64,
    spurious: f64,
}

const PERFECT: Recorder =
    Recorder { offset_s: 0.0, ppm: 0.0, lag_s: 0.0, jitter_s: 0.0, missing: 0.0, spurious: 0.0 };

/// A normal value, as the sum of twelve even ones.
fn normal(random: &mut fastrand::Rng) -> f64 {
    (0..12).map(|_| random.f64()).sum::<f64>() - 6.0
}

fn run(seed: u64, sounds: usize, recorder: &Recorder) -> Run {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut time = 0.0;
    let events: Vec<f64> = (0..sounds)
        .map(|_| {
            time += 0.4 + 0.6 * random.f64();
            time
        })
        .collect();
    let clock = |host: f64| recorder.offset_s + host * (1.0 + recorder.ppm * 1e-6);
    // Onset, and the sound it belongs to with its lag.
    let mut heard: Vec<(f64, Option<(usize, f64)>)> = Vec::new();
    for (n, event) in events.iter().enumerate() {
        let lag = recorder.lag_s + recorder.jitter_s * normal(&mut random);
        if random.f64() >= recorder.missing {
            heard.push((clock(event + lag), Some((n, lag))));
        }
        if random.f64() < recorder.spurious {
            heard.push((clock(event + 0.05 + 0.3 * random.f64()), None));
        }
    }
    heard.sort_by(|a, b| a.0.total_cmp(&b.0));
    let true_ones = || heard.iter().enumerate().filter_map(|(n, one)| Some((n, one.1?)));
    Run {
        onsets: heard.iter().map(|one| one.0).collect(),
        pairs: true_ones().map(|(n, (event, _))| (event, n)).collect(),
        lags: true_ones().map(|(_, (_, lag))| lag).collect(),
        events,
    }
}

fn sd(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
}

#[test]
fn offset_rate_and_spread_are_recovered_though_onsets_are_missing_and_spurious() {
    for (seed, ppm) in [(1, 100.0), (2, -100.0), (3, 0.0), (4, 480.0), (5, -37.5)] {
        let recorder = Recorder {
            offset_s: [12_345.678, -98.7, 0.5][seed as usize % 3],
            ppm,
            lag_s: 0.0031,
            jitter_s: 0.0004,
            missing: 0.1,
            spurious: 0.1,
        };
        let run = run(seed, 400, &recorder);
        let matches = align(("receipts", "onsets"), &run.events, &run.onsets, &RULES).unwrap();
        assert_eq!(matches.pairs, run.pairs);
        assert!(!matches.in_order);
        let fitted = Fitted::new(&run.events, &run.onsets, &matches, Basis::Unknown).unwrap();
        let off = (fitted.drift_ppm - ppm).abs();
        assert!(off < 4.0 * fitted.drift_standard_error_ppm, "{} for {ppm}", fitted.drift_ppm);
        // The textbook's, for points that are evenly spread over 280 s.
        let expected = 400.0 / (280.0 / 12f64.sqrt() * (run.pairs.len() as f64).sqrt());
        let error = fitted.drift_standard_error_ppm;
        assert!((error / expected - 1.0).abs() < 0.2, "{error} ppm, about {expected}");
        let truth_us = sd(&run.lags) * 1e6;
        assert!(
            (fitted.error_us.sd - truth_us).abs() < 0.01 * truth_us,
            "{} for {truth_us}",
            fitted.error_us.sd
        );
        assert_eq!(fitted.missing, 400 - run.pairs.len());
        assert_eq!(fitted.spurious, run.onsets.len() - run.pairs.len());
        assert_eq!(
            (fitted.lag_us, fitted.bias_ns),
            (None, None),
            "two clocks without a common zero tell no lag"
        );
    }
}

#[test]
fn the_lag_is_known_on_one_clock() {
    let recorder = Recorder { lag_s: 0.0123, jitter_s: 0.0002, missing: 0.05, spurious: 0.05, ..PERFECT };
    let run = run(9, 200, &recorder);
    let rules = Rules { offsets_s: Some((-0.02, 0.5)), ..RULES };
    let matches = align(("receipts", "onsets"), &run.events, &run.onsets, &rules).unwrap();
    assert_eq!(matches.pairs, run.pairs);
    let fitted = Fitted::new(&run.events, &run.onsets, &matches, Basis::SameClock).unwrap();
    let truth = run.lags.iter().sum::<f64>() / run.lags.len() as f64;
    assert!((fitted.lag_us.unwrap() - truth * 1e6).abs() < 0.01, "{:?} for {truth}", fitted.lag_us);
    assert!((fitted.bias_ns.unwrap() as f64 - truth * 1e9).abs() < 10.0);
}

#[test]
fn the_lag_against_a_reference_does_not_depend_on_the_recorders_clock() {
    for ppm in [100.0, -100.0] {
        let marks = run(11, 200, &Recorder { offset_s: 777.0, ppm, missing: 0.05, ..PERFECT });
        let sounds = run(
            11,
            200,
            &Recorder { offset_s: 777.0, ppm, lag_s: 0.0047, jitter_s: 0.0003, spurious: 0.1, ..PERFECT },
        );
        let marked = align(("receipts", "triggers"), &marks.events, &marks.onsets, &RULES).unwrap();
        let rules = Rules { offsets_s: Some((-0.02, 0.3)), ..RULES };
        let lags = align(("triggers", "onsets"), &marks.onsets, &sounds.onsets, &rules).unwrap();
        let fitted =
            Fitted::by_reference(&marks.events, &marks.onsets, &sounds.onsets, &marked, &lags).unwrap();
        let heard: Vec<f64> = marks.pairs.iter().map(|pair| sounds.lags[pair.0]).collect();
        let truth = heard.iter().sum::<f64>() / heard.len() as f64;
        assert!((fitted.lag_us.unwrap() - truth * 1e6).abs() < 0.1, "{:?} for {truth}", fitted.lag_us);
        assert!((fitted.error_us.sd - sd(&heard) * 1e6).abs() < 0.1);
        assert_eq!((fitted.pairs, fitted.missing), (heard.len(), 200 - heard.len()));
        assert!((fitted.drift_ppm - ppm).abs() < 0.01, "triggers without jitter: {}", fitted.drift_ppm);
    }
}

#[test]
fn a_recorder_that_was_on_for_a_part_of_the_run_is_matched_there() {
    let mut run = run(21, 300, &Recorder { offset_s: -4_000.0, ppm: 60.0, jitter_s: 0.0005, ..PERFECT });
    run.onsets.drain(..120);
    run.onsets.truncate(90);
    let matches = align(("receipts", "onsets"), &run.events, &run.onsets, &RULES).unwrap();
    assert_eq!(matches.pairs, (0..90).map(|n| (n + 120, n)).collect::<Vec<_>>());
}

#[test]
fn onsets_of_another_run_are_refused_with_the_counts() {
    for seed in 30..40 {
        let (events, onsets) = (run(seed, 150, &PERFECT).events, run(seed + 100, 130, &PERFECT).onsets);
        let refusal = align(("receipts", "onsets"), &events, &onsets, &RULES).unwrap_err();
        assert!(refusal.sentence.contains("150") && refusal.sentence.contains("130"), "{}", refusal.sentence);
    }
}

#[test]
fn equal_intervals_are_ambiguous_unless_both_lists_are_complete() {
    let events: Vec<f64> = (0..60).map(|n| n as f64).collect();
    let onsets: Vec<f64> = events.iter().map(|event| 50.0 + event).collect();
    let refusal = align(("receipts", "onsets"), &events, &onsets[1..], &RULES).unwrap_err();
    assert_eq!(refusal.reason, "ambiguous");
    assert!(refusal.sentence.contains("1000.0 ms"), "{}", refusal.sentence);
    let whole = align(("receipts", "onsets"), &events, &onsets, &RULES).unwrap();
    assert_eq!(whole, Matches { pairs: (0..60).map(|n| (n, n)).collect(), in_order: true });
    let near = Rules { offsets_s: Some((49.9, 50.5)), ..RULES };
    let known = align(("receipts", "onsets"), &events, &onsets[1..], &near).unwrap();
    assert_eq!(known, Matches { pairs: (1..60).map(|n| (n, n - 1)).collect(), in_order: false });
}

/// The sounds of a run, of which some are too close to an echo to be told apart from it, and all echoes.
#[test]
fn an_echo_that_is_more_complete_than_its_sound_is_refused() {
    let recorder = Recorder { lag_s: 0.0123, jitter_s: 0.00002, ..PERFECT };
    let run = run(61, 80, &recorder);
    for lost in [3, 2] {
        let echoes = run.onsets.iter().map(|onset| onset + 0.12);
        let kept = run.onsets.iter().enumerate().filter(|(n, _)| n % lost != 0).map(|(_, onset)| *onset);
        let mut onsets: Vec<f64> = echoes.chain(kept).collect();
        onsets.sort_by(f64::total_cmp);
        for offsets_s in [Some((-0.02, 0.5)), None] {
            let rules = Rules { offsets_s, ..RULES };
            let refusal = align(("receipts", "onsets"), &run.events, &onsets, &rules).unwrap_err();
            assert_eq!(refusal.reason, "repeated");
            assert!(refusal.sentence.contains("-120.0 ms"), "{}", refusal.sentence);
        }
        let near = Rules { offsets_s: Some((-0.02, 0.1)), ..RULES };
        align(("receipts", "onsets"), &run.events, &onsets, &near).unwrap();
    }
}

#[test]
fn nothing_and_next_to_nothing_are_refused() {
    let run = run(50, 10, &PERFECT);
    assert!(align(("receipts", "onsets"), &run.events, &[], &RULES).is_err());
    assert!(align(("receipts", "onsets"), &[], &run.onsets, &RULES).is_err());
    assert!(align(("receipts", "onsets"), &run.events[..4], &run.onsets[..4], &RULES).is_err());
}

#[test]
fn crossings_are_interpolated_and_kept_apart() {
    let mut magnitudes = vec![0.0; 1_000];
    // 0.5 lies a quarter of the way from 0.4 to 0.8.
    magnitudes[100] = 0.4;
    magnitudes[101..130].fill(0.8);
    magnitudes[135] = 0.9;
    magnitudes[500..505].fill(1.0);
    assert_eq!(crossings(&magnitudes, 0.5, 50), [100.25, 499.5]);
    assert_eq!(crossings(&magnitudes, 0.5, 4), [100.25, 134.0 + 0.5 / 0.9, 499.5]);
    magnitudes[..20].fill(1.0);
    assert_eq!(crossings(&magnitudes, 0.5, 50), [100.25, 499.5], "what the file begins with is no onset");
}
