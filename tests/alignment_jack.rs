//! Whether playback and capture halves that slip against each other stay aligned by their stamps, and whether every
//! slip is told.

#![cfg(target_os = "linux")]

mod aligned;
mod halves;
mod servers;
mod sounds;

use std::time::Duration;

use aligned::{FRAME_NS, Pulse, Run, decode, median, run, settled};
use halves::{config, wait_for_both};
use servers::jackd::{Jackd, Mode};
use servers::passage::{Passage, Passed};
use servers::recorder::wire;
use sonset::backend::Backend;
use sonset::stream::Stream;
use sounds::RATE;

/// Runs in which the machine leaves too little undisturbed are repeated.
const RUNS: usize = 3;
const PULSES: usize = 90;
const PERIOD: u32 = 128;
/// A step is recognised within so many blocks.
const RECOGNITION: i64 = 10 * PERIOD as i64;
/// From the pulse's playback to its recording by the stamps, frames: the wire takes no time, but the server says
/// that there are two periods to the converter of an output and one from that of an input.
const APART: f64 = -3.0 * PERIOD as f64;
/// Frames after a disturbance in which the server's own clock settles.
const SETTLING: i64 = RATE as i64 / 5;

/// A stream whose output comes back to its input by way of a client that can stand still.
fn wired(server: &Jackd) -> (Stream, Passage) {
    server.make_default();
    let stream = Stream::open(&config(Backend::JackSeparate)).unwrap();
    stream.start().unwrap();
    let passage = Passage::open(server.name());
    let name = format!("cpal_client_{}", std::process::id());
    wire(passage.client(), &format!("{name}_out:out_0"), "passage:in");
    wire(passage.client(), "passage:out", &format!("{name}_in:in_0"));
    wait_for_both(&stream);
    (stream, passage)
}

/// The output frames at which they and the server's clock came apart, be it for one cycle.
fn jumps(run: &Run, passed: &[Passed]) -> Vec<i64> {
    let timed = passed.iter().filter_map(|note| {
        let frame = run.numbers.start_frame + decode(note.first)?.0;
        Some((frame, note.server_us as f64 * 1e3 / FRAME_NS - frame as f64))
    });
    let timed: Vec<(i64, f64)> = timed.filter(|(frame, _)| *frame < run.numbers.end_frame).collect();
    let apart = timed.windows(8).filter(|pair| (pair[7].1 - pair[0].1).abs() > 1.0);
    if std::env::var("SHOW").is_ok() {
        let mut steps: Vec<f64> = timed.windows(8).map(|w| (w[7].1 - w[0].1).abs()).collect();
        steps.sort_by(f64::total_cmp);
        for q in [0.5, 0.9, 0.95, 0.99, 0.999] { println!("q {q} {:.3}", steps[(q * steps.len() as f64) as usize]); }
    }
    apart.map(|pair| pair[7].0).collect()
}

/// What an independent view of a run says of it.
struct View {
    /// Slips of each half, by input frame.
    output_slips: Vec<i64>,
    input_slips: Vec<i64>,
    /// Those, and all disturbances of the server's clock.
    events: Vec<i64>,
}

impl View {
    fn of(run: &Run, passed: &[Passed]) -> Self {
        let of = |lost: fn(i64) -> bool| {
            let slips = run.slips(RECOGNITION).into_iter().filter(move |(_, change)| lost(*change));
            slips.map(|(frame, _)| frame).collect::<Vec<_>>()
        };
        let (output_slips, input_slips) = (of(|change| change > 0), of(|change| change < 0));
        let mut events = jumps(run, passed);
        events.extend(run.changes().iter().map(|(frame, _)| frame));
        events.sort_unstable();
        Self { output_slips, input_slips, events }
    }

    /// Whether nothing happened from `before` frames ahead of the recording to its end.
    fn is_quiet(&self, pulse: &Pulse, before: i64) -> bool {
        let recorded = pulse.recorded.start_frame - before..pulse.recorded.end_frame + PERIOD as i64;
        !self.events.iter().any(|event| recorded.contains(event))
    }
}

/// Each slip is in the receipts of what was alive, and nothing else is.
fn check_receipts(run: &Run, view: &View) {
    let counted = [run.numbers.discontinuities, run.long.discontinuities];
    for (found, slips) in counted.iter().zip([&view.output_slips, &view.input_slips]) {
        let (least, most) = (slips.len() as u64, view.events.len() as u64);
        assert!((least..=most).contains(found), "{found} discontinuities, {least} to {most} slips");
    }
    let stats = run.after.input_discontinuities - run.before.input_discontinuities;
    assert!(stats >= run.long.discontinuities && run.long.discontinuities + 1 >= stats);
    for pulse in &run.pulses {
        let (receipt, frames) = (&pulse.recorded, pulse.recorded.start_frame + 1..pulse.recorded.end_frame);
        if view.input_slips.iter().any(|slip| frames.contains(slip)) {
            assert!(receipt.discontinuities > 0, "a slip in it, none in its receipt: {receipt:?}");
        } else if view.is_quiet(pulse, RECOGNITION) {
            assert_eq!(receipt.discontinuities, 0, "no slip in it, one in its receipt: {receipt:?}");
        }
    }
}

/// By stamps, pulses stay where they were, and where they do not the uncertainty says so. The figures are the
/// largest distance of a quiet pulse, frames, and the shares of those and of all that are within what is stated.
fn check_alignment(run: &Run, view: &View) -> (f64, f64) {
    let (mut largest, mut all, mut outside) = (0.0f64, 0, 0);
    for pulse in &run.pulses {
        let slipped_before = |frame| {
            view.events.iter().any(|slip| (pulse.recorded.start_frame + 1..=frame).contains(slip))
        };
        let Some(frame) = pulse.frame else {
            assert!(!view.is_quiet(pulse, SETTLING), "a pulse is missing: {pulse:?}");
            continue;
        };
        let by_stamps = pulse.by_stamps();
        let by_receipts = (!slipped_before(frame)).then(|| (pulse.by_receipts().unwrap(), pulse.stated()));
        for (apart, stated) in by_stamps.into_iter().chain(by_receipts) {
            let off = (apart - APART).abs();
            if view.is_quiet(pulse, SETTLING) {
                largest = largest.max(off);
            }
            all += 1;
            outside += usize::from(off > stated);
            assert!(off <= 2.0 * stated + 0.5, "{off} frames off, {stated} stated: {pulse:?}");
        }
    }
    assert!(largest <= 3.0, "{largest} frames from the constant");
    (largest, outside as f64 / all as f64)
}

#[test]
fn play_and_record_on_an_asynchronous_jack_server_stay_aligned_by_stamps_through_stalls() {
    for _ in 0..RUNS {
        let server = Jackd::start_as(Mode::Asynchronous, RATE, PERIOD, 2);
        let (stream, mut passage) = wired(&server);
        let has_settled = settled(&stream, Duration::from_secs(5));
        passage.passed();
        let run = run(&stream, PULSES, |k| {
            if k % 10 == 9 {
                passage.stall(Duration::from_millis(5));
            }
        });
        let view = View::of(&run, &passage.passed());
        let quiet = run.pulses.iter().filter(|pulse| view.is_quiet(pulse, SETTLING)).count();
        eprintln!(
            "{} + {} slips by {:?} frames, {} events, {quiet} of {PULSES} pulses quiet",
            view.output_slips.len(),
            view.input_slips.len(),
            run.slips(RECOGNITION).iter().map(|(_, change)| change).sum::<i64>(),
            view.events.len()
        );
        if std::env::var("SHOW").is_ok() {
            println!("slips {:?} ", run.slips(RECOGNITION));
            println!("numbers {:?}\nlong {:?}", run.numbers, run.long);
            for (k, p) in run.pulses.iter().enumerate() {
                println!(
                    "{k:3} P {} C {:?} receipts {:.2?} ±{:.2} stamps {:.2?} | disc {} {}  late {} {} quiet {}",
                    p.played.start_frame, p.frame, p.by_receipts(), p.stated(), p.by_stamps(),
                    p.played.discontinuities, p.recorded.discontinuities, p.played.late_frames, p.recorded.late_frames, view.is_quiet(p, SETTLING)
                );
            }
        }
        if !has_settled || quiet < PULSES / 2 || view.input_slips.len() < 3 {
            eprintln!("once more");
            continue;
        }
        check_receipts(&run, &view);
        let (largest, outside) = check_alignment(&run, &view);
        eprintln!("at most {largest:.2} frames from the constant; {:.1} % beyond what is stated", outside * 100.0);
        return;
    }
    eprintln!("SKIPPED: this machine is too busy to tell slips from other disturbances, in each of {RUNS} runs");
}
