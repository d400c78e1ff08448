#![cfg(target_os = "linux")]
mod aligned;
mod halves;
mod servers;
mod sounds;
use std::time::Duration;
use aligned::{run, settled};
use halves::{config, wait_for_both};
use servers::pulse::Pulse;
use sonset::backend::Backend;
use sonset::stream::Stream;
use sounds::RATE;

#[test]
fn explore() {
    let server = (std::env::var("PW").is_err()).then(|| {
        let server = Pulse::start("wire", RATE);
        for (name, value) in server.environment() { unsafe { std::env::set_var(name, value) }; }
        server
    });
    let stream = Stream::open(&config(Backend::PulseAudio)).unwrap();
    stream.start().unwrap();
    wait_for_both(&stream);
    println!("settled {}", settled(&stream, Duration::from_secs(8)));
    println!("{:?}", stream.info());
    let run = run(&stream, 60, |k| {
        if std::env::var("STALL").is_ok() && k % 20 == 9 { server.as_ref().unwrap().sigstop(); std::thread::sleep(Duration::from_millis(5)); server.as_ref().unwrap().sigcont(); }
    });
    println!("{:?}", stream.info());
    println!("{:?}\n{:?}", run.before, run.after);
    println!("changes {:?}", run.changes());
    println!("numbers {:?}\nlong {:?}", run.numbers, run.long);
            for (k, p) in run.pulses.iter().enumerate() {
                println!(
                    "{k:3} P {} C {:?} receipts {:.2?} ±{:.2} stamps {:.2?} | disc {} {}  late {} {} unc {:.1} {:.1}",
                    p.played.start_frame, p.frame, p.by_receipts(), p.stated(), p.by_stamps(),
                    p.played.discontinuities, p.recorded.discontinuities, p.played.late_frames, p.recorded.late_frames, p.played.host_uncertainty_ns as f64/1000., p.recorded.host_uncertainty_ns as f64/1000.,
                );
            }
}
