//! Whether playback and capture on PulseAudio and PipeWire stay aligned, by frames and by what their stamps are worth.

#![cfg(target_os = "linux")]

mod aligned;
mod halves;
mod servers;
mod sounds;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use aligned::{Pulse, Run, median, run, say, settled};
use halves::{config, wait_for_both};
use servers::pipewire::{self, PipeWire};
use servers::pulse::Pulse as PulseAudio;
use sonset::backend::Backend;
use sonset::realtime::clock::Stamps;
use sonset::receipt::LatencySource;
use sonset::stream::Stream;
use sounds::RATE;

/// Runs in which the server or this machine stumbled show nothing of the library, and are repeated.
const RUNS: usize = 3;
const PULSES: usize = 50;
/// A step is recognised within ten blocks, none of which is longer than this.
const RECOGNITION: i64 = 10 * 1_024;

/// Takes turns with the other tests: each has a server of its own, and the environment says which.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|e| e.into_inner())
}

/// Lets streams of this process reach a server.
fn enter<const N: usize>(environment: [(&'static str, String); N]) {
    for (name, value) in environment {
        // SAFETY: whoever reads or writes the environment in this binary holds the turn.
        unsafe { std::env::set_var(name, value) };
    }
}

/// A run on the server that the environment names; `None` if the stamps did not settle, in which case nothing may
/// have claimed that they had.
fn try_run(backend: Backend) -> Option<Run> {
    let stream = Stream::open(&config(backend)).unwrap();
    stream.start().unwrap();
    wait_for_both(&stream);
    if settled(&stream, Duration::from_secs(8)) {
        let run = run(&stream, PULSES, |_| {})?;
        let worth = stream.info().stamps;
        say(&format!("stamps {worth:?}, round trip {:?}", stream.info().round_trip_frames));
        return Some(run);
    }
    let worth = stream.info().stamps;
    assert!(worth.iter().any(|worth| !matches!(worth, Stamps::Usable | Stamps::Quantised)), "{worth:?}");
    say(&format!("stamps {worth:?}: once more"));
    None
}

/// Whether nothing but the library is to blame for what a run shows.
fn is_undisturbed(run: &Run) -> bool {
    let xruns = |run: &sonset::stream::Stats| (run.output_xruns, run.input_xruns);
    xruns(&run.before) == xruns(&run.after) && run.pulses.iter().all(|pulse| pulse.frame.is_some())
}

/// Whether the offset is one throughout. PipeWire leaves out whole cycles now and then without a word: such a run
/// tells nothing.
fn is_exact(run: &Run) -> bool {
    let slips = run.slips(RECOGNITION);
    let apart = |pulse: &Pulse| pulse.frame.unwrap() - pulse.played.start_frame;
    let first = apart(&run.pulses[0]);
    let is_one = run.pulses.iter().all(|pulse| apart(pulse) == first);
    assert!(is_one || !run.changes().is_empty(), "the offset changed, and no sample is missing");
    let counted = [&run.numbers, &run.long].map(|receipt| receipt.discontinuities);
    say(&format!("{first} frames apart at first; slips {slips:?}, counted {counted:?}"));
    run.changes().is_empty()
}

/// By stamps, pulses wander no further than what is stated. Each figure is of both halves together.
fn stay_within(run: &Run) -> bool {
    let known = |pulse: &&Pulse| pulse.played.host_uncertainty_ns >= 0;
    assert!(run.pulses.iter().all(|pulse| known(&pulse) && pulse.recorded.host_uncertainty_ns >= 0));
    let is_reported = |pulse: &Pulse| pulse.recorded.latency_source == LatencySource::Reported;
    assert!(run.pulses.iter().all(is_reported), "what the latency is worth is said");
    let by_receipts = run.pulses.iter().map(|pulse| (pulse.by_receipts().unwrap(), pulse.stated()));
    let by_stamps = run.pulses.iter().filter_map(|pulse| pulse.by_stamps());
    let both: Vec<(f64, f64)> = by_receipts.chain(by_stamps).collect();
    let middle = median(both.iter().map(|(apart, _)| *apart).collect());
    let off = both.iter().map(|(apart, stated)| ((apart - middle).abs(), *stated));
    let outside = off.clone().filter(|(off, stated)| off > stated).count() as f64 / both.len() as f64;
    let largest = off.clone().fold(0.0, |largest: f64, (off, _)| largest.max(off));
    let stated = median(both.iter().map(|(_, stated)| *stated).collect());
    say(&format!(
        "by stamps {middle:.1} frames apart, at most {largest:.1} from that; ±{stated:.1} stated, {:.1} % beyond",
        outside * 100.0
    ));
    // Errors of stamps that a server works out over seconds do not show in full.
    let is_near = off.clone().all(|(off, stated)| off <= 2.0 * stated);
    is_near && outside <= 0.25
}

/// `start` starts a server and enters it.
fn check<S>(name: &str, backend: Backend, start: impl Fn() -> S) {
    let _turn = turn();
    let mut judged = 0;
    for _ in 0..RUNS {
        let _server = start();
        if let Some(run) = try_run(backend)
            && is_undisturbed(&run)
            && is_exact(&run)
        {
            judged += 1;
            if stay_within(&run) {
                return;
            }
        }
    }
    assert!(judged < RUNS, "further off than stated in each of {RUNS} undisturbed runs");
    say(&format!("SKIPPED: {name} stumbled in each of {RUNS} runs"));
}

/// A PipeWire server that was entered.
fn pipewire() -> PipeWire {
    let server = PipeWire::start("wire", RATE);
    enter(server.environment());
    server
}

#[test]
fn play_and_record_on_pulseaudio_stay_together_as_far_as_is_stated() {
    check("PulseAudio", Backend::PulseAudio, || {
        let server = PulseAudio::start("wire", RATE);
        enter(server.environment());
        server
    });
}

#[test]
fn play_and_record_on_pipewire_by_its_pulseaudio_face_stay_together_as_far_as_is_stated() {
    match pipewire::missing() {
        Some(program) => say(&format!("SKIPPED: {program} is not installed (scripts/setup test)")),
        None => check("PipeWire", Backend::PulseAudio, pipewire),
    }
}

/// Needs a device library with the same feature.
#[cfg(feature = "pipewire")]
#[test]
fn play_and_record_on_pipewire_itself_stay_together_as_far_as_is_stated() {
    match pipewire::missing() {
        Some(program) => say(&format!("SKIPPED: {program} is not installed (scripts/setup test)")),
        None => check("PipeWire", Backend::PipeWire, pipewire),
    }
}

/// How long a server stands still, ms, again and again: less than its queue lasts, and more.
const STALLS: [u64; 5] = [5, 15, 40, 120, 300];
/// So near, frames, most pulses that are heard on PulseAudio are to where they should be by the stamps.
const NEAR: f64 = 5.0;

/// Nothing slips, and what is not heard is in the receipts of what it was part of, or else what is wrong; and whether
/// pulses stay where they were as far as is stated, most of them near.
fn tells_every_loss(run: &Run) -> Result<bool, String> {
    let holes = run.holes();
    // Of pulses that were asked for too late several begin at once.
    let in_time = run.pulses.iter().filter(|pulse| pulse.played.late_frames == 0);
    let lost: Vec<&Pulse> = in_time.filter(|pulse| pulse.frame.is_none()).collect();
    let heard: Vec<(f64, f64)> =
        run.pulses.iter().filter_map(|pulse| Some((pulse.by_receipts()?, pulse.stated()))).collect();
    let middle = median(heard.iter().map(|(apart, _)| *apart).collect());
    let mut off: Vec<f64> = heard.iter().map(|(apart, _)| (apart - middle).abs()).collect();
    off.sort_by(f64::total_cmp);
    let beyond = heard.iter().filter(|(apart, stated)| (apart - middle).abs() > *stated).count();
    let stated = median(heard.iter().map(|(_, stated)| *stated).collect());
    let xruns = run.numbers.xruns;
    say(&format!(
        "{} holes, {xruns} xruns in the receipt, {} pulses lost; by stamps {middle:.1} frames apart, {:.1} \
         from that at the median, {:.1} at most, {stated:.1} stated, {beyond} of {} further",
        holes.len(),
        lost.len(),
        off[off.len() / 2],
        off[off.len() - 1],
        heard.len()
    ));
    let wrong = |what: String| Err(what);
    let silent = lost.iter().filter(|pulse| pulse.played.xruns == 0);
    let silent: Vec<i64> = silent.map(|pulse| pulse.played.start_frame).collect();
    match () {
        _ if !run.slips(RECOGNITION).is_empty() => wrong(format!("{:?} slipped", run.slips(RECOGNITION))),
        _ if xruns < separate(&holes) => wrong(format!("{xruns} xruns of {holes:?}")),
        _ if !silent.is_empty() => wrong(format!("{silent:?} of {holes:?} were lost without a word")),
        _ => Ok(off[off.len() / 2] <= NEAR && 10 * beyond <= heard.len()),
    }
}

/// How many of `holes` are further apart than those that one stall leaves.
fn separate(holes: &[Range<i64>]) -> u64 {
    let near = RATE as i64 / 10;
    let apart = holes.windows(2).filter(|pair| pair[1].start - pair[0].end > near).count();
    apart as u64 + !holes.is_empty() as u64
}

/// Runs on PulseAudio with what `disturb` does between two pulses, each of which must tell every loss, until pulses stay
/// near in one. `check` is of each run.
fn check_disturbed(disturb: impl Fn(&PulseAudio, usize), check: impl Fn(&Run)) {
    let attempt = || {
        let server = PulseAudio::start("wire", RATE);
        enter(server.environment());
        let stream = Stream::open(&config(Backend::PulseAudio)).unwrap();
        stream.start().unwrap();
        wait_for_both(&stream);
        settled(&stream, Duration::from_secs(8)).then(|| run(&stream, PULSES, |k| disturb(&server, k)))?
    };
    let mut far = 0;
    for run in (0..RUNS).filter_map(|_| attempt()) {
        check(&run);
        if tells_every_loss(&run).unwrap() {
            return;
        }
        far += 1;
    }
    assert!(far < RUNS, "pulses are far from where they were in each of {RUNS} runs");
    say(&format!("SKIPPED: the stamps became useless in some of {RUNS} runs, and bad in the others"));
}

#[test]
fn what_is_lost_on_a_pulseaudio_that_stands_still_is_in_the_receipts_and_nothing_slips() {
    let _turn = turn();
    let stall = |server: &PulseAudio, k: usize| {
        if k % 6 == 5 {
            server.sigstop();
            std::thread::sleep(Duration::from_millis(STALLS[k / 6 % STALLS.len()]));
            server.sigcont();
        }
    };
    check_disturbed(stall, |run| {
        assert!(separate(&run.holes()) >= 3, "the stalls lose nothing: {:?}", run.holes());
    });
}

#[test]
fn what_is_lost_on_a_busy_machine_is_in_the_receipts_of_pulseaudio_and_nothing_slips() {
    let _turn = turn();
    let end = AtomicBool::new(false);
    let busy = 3 * std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..busy {
            scope.spawn(|| {
                while !end.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        // The others end though this may panic.
        let checked = std::panic::catch_unwind(|| check_disturbed(|_, _| {}, |_| {}));
        end.store(true, Ordering::Relaxed);
        checked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}
