//! Pulses through a cable: the round trip, and how constant it is.

mod pulses;

use std::time::Duration;

use serde_json::json;
use sonset::action::HostClock;
use sonset::buffer::Buffer;
use sonset::device::Direction;
use sonset::receipt::{ActionState, NONE, Outcome, Receipt};
use sonset::stream::{Info, PlayParams, RecordParams, StartAt, State, Stream, Timing};

use self::pulses::{Arrival, Search, pulse};
use crate::cli::Loopback;
use crate::picture::Chart;
use crate::report::{Limit, Report};
use crate::stats::Summary;
use crate::watch::{self, Progress};
use crate::{Failure, Measured, open};

/// The noise is listened to for so long before the first pulse, in seconds.
const SILENCE_S: f64 = 0.5;
/// Deviations below this, in samples, are rounding: the way is exact.
const EXACT: f64 = 0.01;

/// A session that is over.
struct Session {
    info: Info,
    /// Frames of silence, and where each pulse was played, from the first frame recorded.
    plan: Plan,
    recording: Vec<f32>,
    plays: Vec<Receipt>,
    record: Receipt,
    xruns: u64,
    /// What lies beyond the latencies that are reported, by pulse, in µs; empty where no clock is known.
    unreported_us: Vec<f64>,
    arrivals: Vec<Arrival>,
}

struct Plan {
    silence: usize,
    played: Vec<usize>,
    frames: i64,
}

/// Measures it.
pub fn run(args: &Loopback) -> Result<Measured, Failure> {
    check(args)?;
    let stream = open::open(&args.device, args.output_channel.max(2), args.input_channel)?;
    stream.start()?;
    let session = play(&stream, args);
    stream.close();
    Ok(describe(&session?, args))
}

fn check(args: &Loopback) -> Result<(), Failure> {
    let wrong = |what: String| Err(Failure(what));
    if !(1..=1_000).contains(&args.pulses) {
        return wrong(format!("--pulses {}: 1 to 1000", args.pulses));
    }
    if !(args.level > 0.0 && args.level <= 1.0) {
        return wrong(format!("--level {}: above 0, up to 1", args.level));
    }
    if !(args.max_round_trip_ms >= 1.0 && args.max_round_trip_ms <= 5_000.0) {
        return wrong(format!("--max-round-trip-ms {}: 1 to 5000", args.max_round_trip_ms));
    }
    if args.output_channel == 0 || args.input_channel == 0 {
        return wrong("channels are counted from 1".into());
    }
    Ok(())
}

/// Pulses at irregular distances, so that nothing periodic can pass for a constant round trip.
fn plan(args: &Loopback, rate: f64, pulse_frames: usize) -> Plan {
    let longest = (args.max_round_trip_ms * 1e-3 * rate).ceil() as usize;
    let silence = (SILENCE_S * rate) as usize;
    let mut at = silence;
    let played = (0..args.pulses as u64)
        .map(|n| {
            let played = at;
            // Multiples of the golden ratio, modulo 1, are spread evenly and never repeat.
            let extra = (n as f64 * 0.618_033_988_75).fract() * 0.1 * rate;
            at += longest + 2 * pulse_frames + extra as usize;
            played
        })
        .collect();
    Plan { silence, played, frames: at as i64 }
}

fn play(stream: &Stream, args: &Loopback) -> Result<Session, Failure> {
    let rate = stream.format().sample_rate_hz;
    let pulse = pulse(rate);
    let plan = plan(args, rate as f64, pulse.len());
    let scaled: Vec<f32> = pulse.iter().map(|sample| sample * args.level as f32).collect();
    let sound = Buffer::copy(&scaled, scaled.len() as i64, 1, 0)?;
    let recording = Buffer::zeros(plan.frames, 1, 0)?;
    // Half a second for the clock to settle and for the calls below.
    let first = stream.time(Direction::Output)?.earliest_frame + rate as i64 / 2;
    let at = |frame: i64| Timing { start: StartAt::Frame(frame), ..Timing::default() };
    let record = stream.record_buffer(
        &recording,
        Some(&[args.input_channel as i32]),
        &RecordParams { timing: at(first), ..RecordParams::default() },
    )?;
    let mut plays = Vec::new();
    for &played in &plan.played {
        let params = PlayParams { timing: at(first + played as i64), ..PlayParams::default() };
        plays.push(stream.play_buffer(&sound, Some(&[args.output_channel as i32]), None, &params)?);
    }
    wait(stream, record, plan.frames as f64 / rate as f64 + 0.5, args)?;
    let record = stream.wait_action(record, ActionState::Ended, Duration::from_secs(5))?;
    let plays: Vec<Receipt> = plays
        .iter()
        .map(|&play| stream.wait_action(play, ActionState::Ended, Duration::from_secs(5)))
        .collect::<Result<_, _>>()?;
    let stats = stream.stats();
    let mut samples = vec![0.0; record.measured.done_frames as usize];
    recording.read(0, &mut samples)?;
    let mut session = Session {
        info: stream.info(),
        plan,
        recording: samples,
        plays,
        record,
        xruns: stats.output_xruns + stats.input_xruns,
        unreported_us: Vec::new(),
        arrivals: Vec::new(),
    };
    session.arrivals = arrivals(&session, &pulse, args)?;
    session.unreported_us = unreported_us(stream, &session);
    Ok(session)
}

fn wait(stream: &Stream, record: i64, seconds: f64, args: &Loopback) -> Result<(), Failure> {
    let progress = Progress::new("playing pulses", seconds, args.results.quiet);
    // Twice the time it takes: a device that is so slow is none.
    while stream.action(record)?.state < ActionState::Ended && progress.seconds() < 2.0 * seconds + 5.0 {
        if watch::is_stopped() {
            return Err(Failure("stopped before the pulses were all played; nothing is measured".into()));
        }
        progress.wait(Duration::from_millis(50));
    }
    if stream.state() == State::Lost {
        return Err(Failure(format!("the device went away: {}", stream.info().loss)));
    }
    Ok(())
}

fn arrivals(session: &Session, pulse: &[f32], args: &Loopback) -> Result<Vec<Arrival>, Failure> {
    for receipt in session.plays.iter().chain([&session.record]) {
        if receipt.outcome != Some(Outcome::Completed) || receipt.measured.late_frames != 0 {
            return Err(Failure(format!(
                "the machine was too slow: an action ended as {:?}, {} frames late; nothing is measured",
                receipt.outcome, receipt.measured.late_frames
            )));
        }
    }
    let rate = session.info.opened.sample_rate_hz as f64;
    let search = Search {
        recording: &session.recording,
        silence: session.plan.silence,
        played: &session.plan.played,
        pulse,
        longest: (args.max_round_trip_ms * 1e-3 * rate).ceil() as usize,
        rate,
    };
    search.find().map_err(|reason| Failure(format!("refused to guess: {reason}")))
}

/// Input time minus output time of each pulse by the clocks of the two halves: zero if the latencies that are
/// reported are all there is.
fn unreported_us(stream: &Stream, session: &Session) -> Vec<f64> {
    let rate = session.info.opened.sample_rate_hz as f64;
    let start = session.record.measured.start_frame;
    let plays = session.plays.iter().zip(&session.plan.played).zip(&session.arrivals);
    plays
        .filter_map(|((play, &played), arrival)| {
            let out_ns = play.measured.start_host_ns;
            let whole = arrival.round_trip.floor();
            let frame = start + played as i64 + whole as i64;
            let in_ns = stream.host_time_at(Direction::Input, HostClock::Monotonic, frame).ok()?;
            let part_us = (arrival.round_trip - whole) * 1e6 / rate;
            (out_ns != NONE).then_some((in_ns - out_ns) as f64 * 1e-3 + part_us)
        })
        .collect()
}

fn describe(session: &Session, args: &Loopback) -> Measured {
    let info = &session.info;
    let rate = info.opened.sample_rate_hz as f64;
    let trips: Vec<f64> = session.arrivals.iter().map(|arrival| arrival.round_trip).collect();
    let title = format!("Loopback of {}", open::describe(info));
    let mut report = Report::new(title, open::is_virtual(info));
    let summary = Summary::of(&trips);
    if let Some(trips) = summary {
        let exact = trips.range() < EXACT;
        let ms = |samples: f64| samples * 1e3 / rate;
        report.line("pulses found", format!("{} of {}", trips.n, session.plays.len()));
        report.line("round trip", format!("{:.3} samples, {:.4} ms", trips.mean, ms(trips.mean)));
        report.line(
            "jitter",
            if exact {
                "none: every pulse after the same number of samples".into()
            } else {
                format!("SD {:.3} samples ({:.4} ms), range {:.3}", trips.sd, ms(trips.sd), trips.range())
            },
        );
    }
    let snr = session.arrivals.iter().map(|arrival| arrival.snr).fold(f64::INFINITY, f64::min);
    let gain = session.arrivals.iter().map(|arrival| arrival.gain).sum::<f64>() / trips.len().max(1) as f64;
    let gain = gain / args.level;
    report.line("gain of the way", format!("{:.2} dB{}", 20.0 * gain.abs().log10(), inverted(gain)));
    report.line(
        "weakest pulse",
        if snr.is_finite() {
            format!("{:.1} dB above the noise", 20.0 * snr.log10())
        } else {
            "no noise".into()
        },
    );
    report.line("xruns", session.xruns.to_string());
    let reported = info.opened.round_trip_frames;
    report
        .line("round trip reported", reported.map_or("unknown".into(), |frames| format!("{frames} frames")));
    let unreported = Summary::of(&session.unreported_us);
    about_bias(&mut report, unreported);
    report.limits.push(Limit::new(
        "--max-jitter-samples",
        args.max_jitter_samples,
        summary.map(|summary| summary.sd),
    ));
    report.limits.push(Limit::new("--max-xruns", args.max_xruns as f64, Some(session.xruns as f64)));
    report.data = json!({
        "sample_rate_hz": info.opened.sample_rate_hz,
        "round_trip_frames": summary,
        "round_trips_frames": trips,
        "gain": gain,
        "weakest_snr_db": snr.is_finite().then(|| 20.0 * snr.log10()),
        "reported_round_trip_frames": reported,
        "unreported_us": unreported,
        "xruns": session.xruns,
    });
    let seconds = |&played: &usize| played as f64 / rate;
    let times: Vec<f64> = session.plan.played.iter().map(seconds).collect();
    let mean = summary.map_or(0.0, |summary| summary.mean);
    let chart = |what: &str, values: &[f64]| Chart {
        what: what.into(),
        values: times.iter().copied().zip(values.iter().copied()).collect(),
    };
    let errors: Vec<f64> = trips.iter().map(|trip| trip - mean).collect();
    let charts = vec![
        chart("round trip - mean / samples", &errors),
        chart("beyond the reported latencies / us", &session.unreported_us),
    ];
    Measured { report, charts }
}

fn inverted(gain: f64) -> &'static str {
    if gain < 0.0 { ", inverted" } else { "" }
}

fn about_bias(report: &mut Report, unreported: Option<Summary>) {
    let Some(unreported) = unreported else {
        report.notes.push("no clock of both directions is known, so no bias can be derived".into());
        return;
    };
    let Summary { mean, sd, .. } = unreported;
    report.line("beyond the reported latencies", format!("{mean:.1} us, SD {sd:.1} us"));
    report.notes.push(format!(
        "the biases of output and input together are {:.0} ns (sonset_stream_set_latency_bias). How that is split \
         between the two is an assumption: a cable gives their sum only. An independent recorder tells \
         (sonset-check external).",
        mean * 1e3
    ));
}
