//! Whether playback and capture halves that slip against each other stay aligned by their stamps.

#![cfg(target_os = "linux")]

mod aligned;
mod halves;
mod servers;
mod sounds;

use std::time::Duration;

use aligned::{FRAME_NS, decode, run, settled};
use halves::{config, wait_for_both};
use servers::jackd::{Jackd, Mode};
use servers::passage::Passage;
use servers::recorder::wire;
use sonset::backend::Backend;
use sonset::stream::Stream;
use sounds::RATE;

#[test]
fn explore_jack() {
    let period = std::env::var("P").map_or(128, |p| p.parse().unwrap());
    let count = 120;
    let stall_ms: u64 = std::env::var("STALL").map_or(5, |p| p.parse().unwrap());
    let server = Jackd::start_as(Mode::Asynchronous, RATE, period, 2);
    server.make_default();
    let stream = Stream::open(&config(Backend::JackSeparate)).unwrap();
    stream.start().unwrap();
    let mut passage = Passage::open(server.name());
    let name = format!("cpal_client_{}", std::process::id());
    wire(passage.client(), &format!("{name}_out:out_0"), "passage:in");
    wire(passage.client(), "passage:out", &format!("{name}_in:in_0"));
    wait_for_both(&stream);
    println!("settled {}", settled(&stream, Duration::from_secs(5)));
    let run = run(&stream, count, |k| {
        if k % 20 == 15 && stall_ms > 0 {
            passage.stall(Duration::from_millis(stall_ms))
        }
    });
    println!("{:?}\n{:?}", run.before, run.after);
    println!("numbers {:?}\nlong {:?}\ninfo {:?}", run.numbers, run.long, stream.info());
    // relative slips
    let wire = run.wire();
    let mut last = None;
    for &(c, p) in &wire {
        if last != Some(c - p) {
            println!("at C {c} P {p}: C-P {}", c - p);
            last = Some(c - p)
        }
    }
    let mut last = None::<f64>;
    for note in passage.passed() {
        if let Some((number, _)) = decode(note.first) {
            let off = note.server_us as f64 * 1e3 / FRAME_NS - (number + run.numbers.start_frame) as f64;
            if last.is_none_or(|last| (last - off).abs() > 16.0) {
                println!("at P {} S-P {:?} {off:.2} step {:.2}", number + run.numbers.start_frame, note.server_us, off - last.unwrap_or(off));
            }
            last = Some(off)
        }
    }
    for (k, p) in run.pulses.iter().enumerate() {
        println!(
            "{k:3} P {} C {:?} receipts {:.2?} ±{:.2} stamps {:.2?} | disc {} {}  late {} {}",
            p.played.start_frame, p.frame, p.by_receipts(), p.stated(), p.by_stamps(),
            p.played.discontinuities, p.recorded.discontinuities, p.played.late_frames, p.recorded.late_frames,
        );
    }
}
