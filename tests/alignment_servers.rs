//! Whether playback and capture on PulseAudio and PipeWire stay aligned, by frames and by what their stamps are worth.

#![cfg(target_os = "linux")]

mod aligned;
mod halves;
mod servers;
mod sounds;

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
        let run = run(&stream, PULSES, |_| {});
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

/// Whether the offset is one throughout. A busy PulseAudio loses a few samples without a word, and stamps that are
/// worth milliseconds do not show it: such a run tells nothing.
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
