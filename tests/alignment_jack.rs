//! Whether playback and capture on an asynchronous JACK server, where stalls make them slip against each other, stay
//! aligned by their stamps, and whether every slip is told.

#![cfg(target_os = "linux")]

mod aligned;
mod halves;
mod servers;
mod sounds;

use std::time::Duration;

use aligned::{FRAME_NS, Pulse, Run, decode, median, run, say, settled};
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
/// A stall comes after each so many pulses, and costs two or three xruns. A run is judged if there are no more than so
/// many for each: the others are the machine's.
const EVERY: usize = 10;
const XRUNS: u64 = 6;
/// From a pulse's playback to its recording by the stamps, periods: the wire takes no time, but the server says that
/// there are two to the converter of an output and one from that of an input.
const APART: f64 = -3.0;
/// A step is recognised within so many blocks.
const RECOGNITION: i64 = 10;
/// Where an action ends so many blocks after it, it counts already.
const SUSPICION: i64 = 3;
/// So many frames after a slip or a disturbance the clock fits, and the server's own clock, have settled.
const SETTLING: i64 = RATE as i64 / 5;
/// Further than this, frames, no settled pulse is from where it should be by the stamps, which are whole microseconds
/// of a clock that the server filters.
const FURTHEST: f64 = 4.0;
/// A server that filters its clock, as JACK does, errs for seconds after a disturbance by what no fit can tell; so
/// many frames beyond what is stated are let pass, and that in one pulse of four.
const FILTERED: f64 = 2.0;

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

/// What can be seen of a run from outside the library.
struct View {
    /// Frames of a block.
    period: i64,
    /// Input frames at which the output, or the input, lost blocks that the other did not.
    output_slips: Vec<i64>,
    input_slips: Vec<i64>,
    /// Frames of those, of blocks that were out of place for a while, and of a server's clock that is not steady.
    events: Vec<i64>,
}

impl View {
    fn of(run: &Run, passed: &[Passed], period: i64) -> Self {
        let slips = run.slips(RECOGNITION * period);
        let of = |sign: i64| slips.iter().filter(move |slip| slip.1.signum() == sign).map(|slip| slip.0);
        let mut events = unsteady(run, passed);
        events.extend(run.changes().iter().map(|(frame, _)| frame));
        Self { period, output_slips: of(1).collect(), input_slips: of(-1).collect(), events }
    }

    /// Whether nothing happened from `before` frames ahead of the recording to its end, or a few periods after it:
    /// the block before a slip may come so late that it has the stamp of the one after.
    fn is_quiet(&self, pulse: &Pulse, before: i64) -> bool {
        let frames = pulse.recorded.start_frame - before..pulse.recorded.end_frame + 4 * self.period;
        !self.events.iter().any(|event| frames.contains(event))
    }
}

/// Output frames at which these and the server's clock have come apart by more than two frames in eight cycles.
fn unsteady(run: &Run, passed: &[Passed]) -> Vec<i64> {
    let timed = passed.iter().filter_map(|note| {
        let frame = run.numbers.start_frame + decode(note.first)?.0;
        Some((frame, note.server_us as f64 * 1e3 / FRAME_NS - frame as f64))
    });
    let timed: Vec<(i64, f64)> = timed.filter(|(frame, _)| *frame < run.numbers.end_frame).collect();
    let apart = timed.windows(8).filter(|cycles| (cycles[7].1 - cycles[0].1).abs() > 2.0);
    apart.map(|cycles| cycles[7].0).collect()
}

/// Gives back what is wrong unless the condition holds.
macro_rules! hold {
    ($condition:expr, $($what:tt)+) => {
        let holds: bool = $condition;
        if !holds {
            return Err(format!($($what)+));
        }
    };
}

/// Each slip is in the receipts of what was alive, and where there was none there is none; or else what is wrong.
fn check_receipts(run: &Run, view: &View) -> Result<(), String> {
    for (receipt, slips) in [(&run.numbers, &view.output_slips), (&run.long, &view.input_slips)] {
        let counts = slips.len() as u64..=view.events.len() as u64;
        hold!(counts.contains(&receipt.discontinuities), "{counts:?} slips: {receipt:?}");
    }
    let counted = run.after.input_discontinuities - run.before.input_discontinuities;
    let of_long = run.long.discontinuities;
    hold!((of_long..=of_long + 1).contains(&counted), "{counted} counted, {of_long} in the receipt");
    for pulse in &run.pulses {
        let receipt = &pulse.recorded;
        let frames = receipt.start_frame + 1..receipt.end_frame - SUSPICION * view.period;
        if view.input_slips.iter().any(|slip| frames.contains(slip)) {
            hold!(receipt.discontinuities > 0, "a slip in it, none in its receipt: {receipt:?}");
        } else if view.is_quiet(pulse, RECOGNITION * view.period) {
            hold!(receipt.discontinuities == 0, "no slip in it, one in its receipt: {receipt:?}");
        }
    }
    Ok(())
}

/// Distances of a pulse from where it should be by the stamps, with what is stated of them: as the receipts have it,
/// unless something slipped between start and pulse, and as the stamps had it soon after.
fn distances(pulse: &Pulse, view: &View) -> Vec<(f64, f64)> {
    let frames = pulse.recorded.start_frame + 1..=pulse.frame.unwrap_or(i64::MAX);
    let is_whole = !view.events.iter().any(|event| frames.contains(event));
    let by_receipts = pulse.by_receipts().filter(|_| is_whole).map(|apart| (apart, pulse.stated()));
    let both = by_receipts.into_iter().chain(pulse.by_stamps());
    both.map(|(apart, stated)| ((apart - APART * view.period as f64).abs(), stated)).collect()
}

/// By stamps, pulses stay where they were, and where they do not the uncertainty says so; or else what is wrong.
fn check_alignment(run: &Run, view: &View) -> Result<(), String> {
    let (mut all, mut quiet) = (Vec::new(), Vec::new());
    for pulse in &run.pulses {
        let is_quiet = view.is_quiet(pulse, SETTLING);
        hold!(!is_quiet || pulse.frame.is_some(), "a pulse is missing: {pulse:?}");
        let distances = distances(pulse, view);
        quiet.extend(distances.iter().filter(|_| is_quiet).map(|(off, _)| *off));
        all.extend(distances);
    }
    let beyond = all.iter().filter(|(off, stated)| off > stated).count() as f64 / all.len() as f64;
    let largest = quiet.iter().fold(0.0, |largest: f64, off| largest.max(*off));
    let middle = median(quiet);
    say(&format!(
        "pulses {middle:.2} frames from the constant, at most {largest:.2}; {:.1} % beyond what is stated",
        beyond * 100.0
    ));
    hold!(largest <= FURTHEST, "{largest} frames from the constant");
    hold!(middle <= 0.5 * FURTHEST, "{middle} frames from the constant at the median");
    for (off, stated) in all {
        hold!(off <= stated + FILTERED, "{off} frames off, {stated} stated");
    }
    hold!(beyond <= 0.25, "{beyond} of all are further off than stated");
    Ok(())
}

/// Whether a run is further off than any disturbance makes it: the stamps, or the counts of slips, are of no use.
fn is_lost(run: &Run, view: &View) -> bool {
    let quiet = run.pulses.iter().filter(|pulse| view.is_quiet(pulse, SETTLING));
    let off: Vec<f64> = quiet.flat_map(|pulse| distances(pulse, view)).map(|(off, _)| off).collect();
    2 * run.long.discontinuities < view.input_slips.len() as u64 || median(off) > 2.0 * FURTHEST
}

/// Whether the machine left enough undisturbed, and the stalls did what they are for.
fn is_telling(run: &Run, view: &View) -> bool {
    let quiet = run.pulses.iter().filter(|pulse| view.is_quiet(pulse, SETTLING)).count();
    let change: i64 = run.slips(RECOGNITION * view.period).iter().map(|(_, change)| change).sum();
    say(&format!(
        "{} slips of the output, {} of the input, {change} frames in all, {} xruns, {quiet} of {PULSES} pulses \
         undisturbed",
        view.output_slips.len(),
        view.input_slips.len(),
        run.long.xruns,
    ));
    let own_xruns = XRUNS * (PULSES / EVERY) as u64;
    quiet >= PULSES / 3 && view.input_slips.len() >= 3 && run.long.xruns <= own_xruns
}

/// On a server with periods of so many frames, while a client between output and input stands still now and then.
fn check(period: i64, stall: Duration) {
    let mut lost = 0;
    for _ in 0..RUNS {
        let server = Jackd::start_as(Mode::Asynchronous, RATE, period as u32, 2);
        let (stream, mut passage) = wired(&server);
        if !settled(&stream, Duration::from_secs(5)) {
            continue;
        }
        passage.passed();
        let run = run(&stream, PULSES, |k| {
            if k % EVERY == EVERY - 1 {
                passage.stall(stall);
            }
        });
        let Some(run) = run else {
            lost = 0;
            continue;
        };
        let view = View::of(&run, &passage.passed(), period);
        if is_telling(&run, &view) {
            match check_receipts(&run, &view).and_then(|()| check_alignment(&run, &view)) {
                Ok(()) => return,
                // Other programs delay the server's clock in a way that cannot be seen here.
                Err(what) => say(&format!("disturbed: {what}")),
            }
            lost += is_lost(&run, &view) as usize;
        } else {
            lost = 0;
        }
    }
    assert!(lost < RUNS, "in every run pulses are not where they were, or slips are not told");
    say(&format!("SKIPPED: this machine was too busy to tell in each of {RUNS} runs"));
}

#[test]
fn play_and_record_stay_aligned_by_stamps_through_stalls_of_5_ms_and_every_slip_is_told() {
    check(128, Duration::from_millis(5));
}

#[test]
fn longer_stalls_of_a_server_with_longer_periods_are_told_and_followed_as_well() {
    check(256, Duration::from_millis(10));
}
