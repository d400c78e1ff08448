//! What comes too late for an asynchronous JACK server, which does not wait for its clients.

#![cfg(target_os = "linux")]

mod aligned;
mod servers;
mod sounds;

use std::time::Duration;

use aligned::say;
use servers::jackd::{Jackd, Mode};
use servers::passage::Passage;
use servers::recorder::{Recorder, wire};
use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::clock::monotonic_ns;
use sonset::device::Direction;
use sonset::receipt::Receipt;
use sonset::stream::{Config, Stream};
use sounds::{RATE, ended, play_at};

const PERIOD: u32 = 256;
/// A pulse every so many frames: two or three in each cycle.
const APART: i64 = 101;
const PULSES: usize = 2_000;
const STALLS: usize = 12;
/// How soon after a stall is asked for it shows, ns.
const SOON_NS: i64 = 60_000_000;
/// A run is repeated if the machine's own stalls leave fewer than this of them to judge, or right.
const JUDGED: usize = STALLS - 2;
const RUNS: usize = 4;
/// A power of two, so that the number of a pulse comes back exactly.
const UNIT: f32 = 1.0 / 4_096.0;

/// What became of one pulse.
struct Fate {
    receipt: Receipt,
    /// Where it was heard first, in the frames of an independent recorder.
    place: Option<usize>,
}

/// What became of all.
struct Run {
    fates: Vec<Fate>,
    /// When the client before the stream was told to stand still, MONOTONIC ns.
    stalls: Vec<i64>,
    /// Underflows that the stream has counted.
    xruns: u64,
}

impl Run {
    /// The first pulse after a stall that was heard later, after the one before it, than its frames say.
    fn late(&self, stall_ns: i64) -> Option<&Fate> {
        let heard = self.fates.iter().filter(|fate| fate.place.is_some()).collect::<Vec<_>>();
        let from = heard.partition_point(|fate| fate.receipt.measured.start_host_ns < stall_ns);
        let pairs = heard[from.saturating_sub(1)..].windows(2);
        let near = pairs.take_while(|pair| pair[1].receipt.measured.start_host_ns < stall_ns + SOON_NS);
        let is_late = |pair: &&[&Fate]| {
            let [before, pulse] = [pair[0], pair[1]].map(|fate| fate.place.unwrap_or_default() as i64);
            pulse - before > pair[1].receipt.measured.start_frame - pair[0].receipt.measured.start_frame
        };
        near.filter(is_late).map(|pair| pair[1]).next()
    }
}

/// Plays pulses to the loop of an asynchronous server, while a client before the stream stands still now and then.
fn run() -> Run {
    let server = Jackd::start_as(Mode::Looped, RATE, PERIOD, 2);
    let config = Config {
        backend: Some(Backend::Jack),
        output_channels: 1,
        input_channels: 1,
        max_actions: 2 * PULSES as u32,
        options: format!("server={}; autoconnect=off; output_ports=loopback:playback_1", server.name()),
        ..Config::default()
    };
    let stream = Stream::open(&config).unwrap();
    stream.start().unwrap();
    // The stream's turn comes after this client's.
    let passage = Passage::open(server.name());
    wire(passage.client(), "passage:out", "sonset:input_1");
    let recorder = Recorder::start(server.name(), &["loopback:capture_1"]);
    let begin = stream.time(Direction::Output).unwrap().earliest_frame + i64::from(RATE) / 4;
    let play = |k: usize| {
        let pulse = Buffer::copy(&[(k + 1) as f32 * UNIT], 1, 1, RATE as i32).unwrap();
        play_at(&stream, &pulse, begin + k as i64 * APART)
    };
    let actions: Vec<i64> = (0..PULSES).map(play).collect();
    let all = Duration::from_secs_f64(PULSES as f64 * APART as f64 / f64::from(RATE));
    let stall = |_| {
        std::thread::sleep(all / STALLS as u32);
        passage.stall(Duration::from_millis(8));
        monotonic_ns()
    };
    let stalls: Vec<i64> = (0..STALLS).map(stall).collect();
    let receipts = actions.iter().map(|&action| ended(&stream, action, Duration::from_secs(20)));
    let mut fates: Vec<Fate> = receipts.map(|receipt| Fate { receipt, place: None }).collect();
    std::thread::sleep(Duration::from_millis(200));
    let heard = recorder.finish().samples;
    for (place, sample) in heard.iter().enumerate().filter(|(_, sample)| **sample >= UNIT) {
        fates[(sample / UNIT) as usize - 1].place.get_or_insert(place);
    }
    Run { fates, stalls, xruns: stream.stats().output_xruns }
}

#[test]
fn a_pulse_that_comes_too_late_for_an_asynchronous_server_has_an_xrun_in_its_receipt() {
    let (mut all_late, mut all_told) = (0, 0);
    for _ in 0..RUNS {
        let run = run();
        let late: Vec<&Fate> = run.stalls.iter().filter_map(|&stall| run.late(stall)).collect();
        let told = late.iter().filter(|fate| fate.receipt.measured.xruns > 0).count();
        let with = run.fates.iter().filter(|fate| fate.receipt.measured.xruns > 0).count();
        let xruns = run.xruns;
        say(&format!(
            "{STALLS} stalls, {} pulses late, {told} of them with an xrun, and {with} in all; {xruns} counted",
            late.len(),
        ));
        // One that is late brings with it those of its block.
        assert!(with <= 4 * xruns as usize, "{with} pulses with an xrun, {xruns} xruns");
        if told >= JUDGED {
            return;
        }
        all_late += late.len();
        all_told += told;
    }
    assert!(2 * all_told >= all_late, "{all_told} of {all_late} pulses that came too late have an xrun");
    say("SKIPPED: the machine's own stalls were too many");
}
