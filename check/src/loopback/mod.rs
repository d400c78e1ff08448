//! `sonset-check loopback`: pulses through a cable, and how long they take.

mod analysis;
mod pulse;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::device::Direction;
use sonset::stream::{PlayParams, RecordParams, StartAt, State, Stream, Timing};

use self::analysis::{Arrivals, Search};
use crate::cli::{LoopbackArgs, LoopbackLimits};
use crate::report::{Checks, Panel, Picture, Refusal, Report, Series, Summary};
use crate::session::{self, Device};

/// Silence before the first pulse, in which the noise is measured, in seconds.
const LEAD_S: f64 = 0.6;
/// Distances between pulses, in seconds: random, so that no other pulse is taken for the one that is looked for.
const GAP_S: std::ops::Range<f64> = 0.1..0.25;
/// How long the clocks of two halves may take until they can be compared.
const CLOCKS: Duration = Duration::from_secs(5);

/// What was played and what came back.
struct Take {
    recording: Vec<f32>,
    /// Where each pulse would be in the recording if the way took no time, in frames.
    sent: Vec<f64>,
    /// Seconds from the first pulse to each.
    times: Vec<f64>,
}

/// What is said of a loop. Frames are of the stream; a round trip is counted from the frame that was handed over
/// to the frame that was given back.
#[derive(Debug, Serialize)]
struct Result {
    device: Device,
    arrivals: Arrivals,
    reported_round_trip_frames: Option<f64>,
    /// What the round trip is longer than reported.
    unreported_frames: Option<f64>,
    unreported_us: Option<f64>,
    /// Half of it for each direction: AN ASSUMPTION, as a cable gives the sum only.
    assumed_bias_ns: Option<[i64; 2]>,
    output_xruns: u64,
    input_xruns: u64,
}

/// Plays, records and says what came of it.
pub fn run(args: &LoopbackArgs) -> Report {
    let refused = |refusal: Refusal| Report::refused("loopback", session::is_virtual(&args.stream), refusal);
    let stream = match session::open(&args.stream, args.pulses + 16) {
        Ok(stream) => stream,
        Err(refusal) => return refused(refusal),
    };
    let is_virtual = stream.format().backend == Backend::Virtual;
    let outcome = measure(&stream, args);
    stream.close();
    match outcome {
        Err(refusal) => Report { is_virtual, ..refused(refusal) },
        Ok((result, times)) => Report {
            command: "loopback",
            is_virtual,
            interrupted: session::interrupted(),
            summary: summary(&result),
            checks: checks(&result, &args.limits),
            picture: Some(picture(&result, &times)),
            result: json!(result),
            refusal: None,
        },
    }
}

fn measure(stream: &Stream, args: &LoopbackArgs) -> std::result::Result<(Result, Vec<f64>), Refusal> {
    if args.stream.channels_out == 0 || args.stream.channels_in == 0 {
        let channels = (args.stream.channels_out, args.stream.channels_in);
        let (out, into) = channels;
        return Err(Refusal::new(
            "no channels",
            format!("a loop needs both directions: {out} out and {into} in"),
        ));
    }
    let rate_hz = stream.format().sample_rate_hz;
    let pulse = pulse::chirp(rate_hz, 10f64.powf(args.level_db / 20.0));
    wait_for_clocks(stream)?;
    let take = play_and_record(stream, &pulse, args)?;
    let search = Search { longest_s: args.longest_ms * 1e-3, least_snr_db: args.least_snr_db };
    let arrivals = analysis::find(&take.recording, &take.sent, &pulse, rate_hz, &search)
        .map_err(|refusal| with_xruns(refusal, stream))?;
    Ok((conclude(stream, arrivals), take.times))
}

/// Says what a refusal may have to do with.
fn with_xruns(refusal: Refusal, stream: &Stream) -> Refusal {
    let stats = stream.stats();
    match stats.output_xruns + stats.input_xruns {
        0 => refusal,
        xruns => {
            Refusal { sentence: format!("{} ({xruns} xruns while it ran)", refusal.sentence), ..refusal }
        }
    }
}

/// Where the halves have a callback each, their frames are compared by their clocks.
fn wait_for_clocks(stream: &Stream) -> std::result::Result<(), Refusal> {
    let is_ready = |direction| stream.last_block(direction).is_ok_and(|block| block.fit.is_usable());
    let end = std::time::Instant::now() + CLOCKS;
    while stream.format().separate && !(is_ready(Direction::Output) && is_ready(Direction::Input)) {
        if std::time::Instant::now() > end || session::interrupted() {
            return Err(Refusal::new(
                "no clock",
                "output and input have a callback each, and no clock fit tells how their frames belong together",
            ));
        }
        std::thread::sleep(session::LOOK);
    }
    Ok(())
}

fn play_and_record(
    stream: &Stream,
    pulse: &[f32],
    args: &LoopbackArgs,
) -> std::result::Result<Take, Refusal> {
    let rate = stream.format().sample_rate_hz as f64;
    let frames_of = |seconds: f64| (seconds * rate).ceil() as i64;
    let at = |frame| Timing { start: StartAt::Frame(frame), ..Timing::default() };
    let mut random = fastrand::Rng::with_seed(args.seed);
    let gaps: Vec<i64> =
        (0..args.pulses).map(|_| random.i64(frames_of(GAP_S.start)..frames_of(GAP_S.end))).collect();
    let length = frames_of(2.0 * LEAD_S + args.longest_ms * 1e-3) + gaps.iter().sum::<i64>();

    let recording = Buffer::zeros(length, 1, 0)?;
    let record_from = stream.time(Direction::Input)?.earliest_frame;
    let params = RecordParams { timing: at(record_from), ..RecordParams::default() };
    let recorder = stream.record_buffer(&recording, Some(&[args.channel_in as i32]), &params)?;
    let sound = Buffer::copy(pulse, pulse.len() as i64, 1, 0)?;
    let mut frame = stream.time(Direction::Output)?.earliest_frame + frames_of(LEAD_S);
    let mut plays = Vec::new();
    for gap in gaps {
        let params = PlayParams { timing: at(frame), ..PlayParams::default() };
        plays.push(stream.play_buffer(&sound, Some(&[args.channel_out as i32]), None, &params)?);
        frame += gap;
    }
    wait(stream, &recording, args.report.quiet)?;

    let readable = recording.readable_frames();
    let mut samples = vec![0.0; readable as usize];
    recording.read(0, &mut samples)?;
    let started = stream.action(recorder)?.measured.start_frame;
    let record_from = if started >= 0 { started } else { record_from };
    let mut sent_frames = Vec::new();
    for play in plays {
        sent_frames.push(stream.action(play)?.measured.start_frame);
    }
    take(stream, samples, record_from, &sent_frames, frames_of(args.longest_ms * 1e-3 + LEAD_S / 2.0))
}

/// Until the recording is full, or the user or the device ends it.
fn wait(stream: &Stream, recording: &Arc<Buffer>, quiet: bool) -> std::result::Result<(), Refusal> {
    let bar = session::progress(recording.frames() as u64, "playing", quiet);
    while recording.readable_frames() < recording.frames() && !session::interrupted() {
        if stream.state() != State::Running {
            let why = stream.info().loss;
            return Err(Refusal::new("lost", format!("the device went away while it ran: {why}")));
        }
        bar.set_position(recording.readable_frames() as u64);
        std::thread::sleep(Duration::from_millis(20));
    }
    bar.finish_and_clear();
    Ok(())
}

/// The pulses that had time to come back, `patience` frames each, by the input's frames.
fn take(
    stream: &Stream,
    recording: Vec<f32>,
    record_from: i64,
    sent_frames: &[i64],
    patience: i64,
) -> std::result::Result<Take, Refusal> {
    let rate = stream.format().sample_rate_hz as f64;
    let crossing = match stream.format().separate {
        true => Some((stream.last_block(Direction::Output)?.fit, stream.last_block(Direction::Input)?.fit)),
        false => None,
    };
    let input_frame = |frame: i64| match &crossing {
        None => frame as f64,
        Some((output, input)) => {
            input.frame as f64 + (output.host_ns(frame) - input.host_ns) as f64 / input.ns_per_frame
        }
    };
    let first = sent_frames.first().copied().unwrap_or(0);
    let complete = |sent: &f64| *sent + patience as f64 <= recording.len() as f64;
    let begun = sent_frames.iter().take_while(|frame| **frame >= 0);
    let (sent, times): (Vec<f64>, Vec<f64>) = begun
        .map(|&frame| (input_frame(frame) - record_from as f64, (frame - first) as f64 / rate))
        .take_while(|(sent, _)| complete(sent))
        .unzip();
    Ok(Take { recording, sent, times })
}

fn conclude(stream: &Stream, mut arrivals: Arrivals) -> Result {
    let (info, stats) = (stream.info(), stream.stats());
    let device = Device::of(&info);
    let rate = device.sample_rate_hz as f64;
    let reported = device.round_trip_frames.map(|frames| frames as f64);
    let unreported = match info.format.separate {
        // Both fits are at the converters: what is left between them is what the latencies lack.
        true => {
            let left = arrivals.round_trip_frames.mean;
            arrivals.shift(reported.unwrap_or(0.0));
            Some(left)
        }
        false => reported.map(|reported| arrivals.round_trip_frames.mean - reported),
    };
    let half_ns = unreported.map(|frames| (frames * 0.5e9 / rate).round() as i64);
    Result {
        device,
        arrivals,
        reported_round_trip_frames: reported,
        unreported_frames: unreported,
        unreported_us: unreported.map(|frames| frames * 1e6 / rate),
        assumed_bias_ns: half_ns.map(|ns| [ns, ns]),
        output_xruns: stats.output_xruns,
        input_xruns: stats.input_xruns,
    }
}

fn summary(result: &Result) -> Summary {
    let mut summary = Summary::default();
    let (device, arrivals) = (&result.device, &result.arrivals);
    device.describe(&mut summary);
    let snr = arrivals.snr_db.map_or("no noise at all".into(), |snr| format!("{snr:.1} dB above the noise"));
    let turned = if arrivals.inverted { ", polarity inverted" } else { "" };
    let (pulses, gain) = (arrivals.pulses, arrivals.gain_db);
    summary.row("pulses", format!("all {pulses} came back, {snr}, gain {gain:+.1} dB{turned}"));
    summary.row("xruns", format!("{} output, {} input", result.output_xruns, result.input_xruns));
    let trip = &arrivals.round_trip_frames;
    let ms = device.ms(trip.mean);
    let jitter = match arrivals.exact {
        true => "whole samples, every pulse came back bit for bit".into(),
        false => format!("SD {:.3}, range {:.3} samples, interpolated", trip.sd, trip.range),
    };
    let digits = if arrivals.exact && trip.range == 0.0 { 0 } else { 3 };
    summary.row("round trip", format!("{:.digits$} frames = {ms:.3} ms ({jitter})", trip.mean));
    summary.row(
        "jitter",
        format!(
            "range {:.3} samples = {:.2} µs, SD {:.3} samples",
            trip.range,
            device.ms(trip.range) * 1e3,
            trip.sd
        ),
    );
    let reported = result.reported_round_trip_frames;
    summary.row(
        "reported",
        reported.map_or("unknown".into(), |n| format!("{n:.0} frames = {:.3} ms", device.ms(n))),
    );
    if let Some((frames, us)) = result.unreported_frames.zip(result.unreported_us) {
        summary.row("not reported", format!("{frames:+.3} frames = {us:+.1} µs"));
    }
    if let Some([output, input]) = result.assumed_bias_ns {
        summary.row(
            "bias to set",
            format!("output {output} ns, input {input} ns with sonset_stream_set_latency_bias"),
        );
        summary.note(
            "the split between output and input is an ASSUMPTION (half each): a cable gives only the sum. \
             `sonset-check external` measures the output's part",
        );
    } else {
        summary.note("the backend reports no latencies, so the whole round trip is unreported");
    }
    if !device.one_callback {
        summary.note(
            "output and input have a callback each: the uncertainty of both clock fits is in the jitter",
        );
    }
    summary
}

fn checks(result: &Result, limits: &LoopbackLimits) -> Checks {
    let xruns = (result.output_xruns + result.input_xruns) as f64;
    let jitter = result.arrivals.round_trip_frames.range;
    let unreported = result.unreported_us.map(f64::abs);
    Checks::default()
        .at_most("--max-jitter-samples", limits.max_jitter_samples, Some(jitter), "samples")
        .at_most("--max-unreported-us", limits.max_unreported_us, unreported, "µs")
        .at_most("--max-xruns", limits.max_xruns.map(|limit| limit as f64), Some(xruns), "")
}

fn picture(result: &Result, times: &[f64]) -> Picture {
    let trip = &result.arrivals.round_trip_frames;
    let errors: Vec<f64> =
        result.arrivals.each_round_trip_frames.iter().map(|frames| frames - trip.mean).collect();
    Picture {
        title: format!(
            "Round trip through the loop: {:.3} frames = {:.3} ms",
            trip.mean,
            result.device.ms(trip.mean)
        ),
        subtitles: vec![
            result.device.line(),
            format!(
                "n = {}, mean {:.3}, SD {:.3}, range {:.3} samples{}",
                trip.n,
                trip.mean,
                trip.sd,
                trip.range,
                if result.arrivals.exact { ", every pulse bit for bit" } else { "" }
            ),
        ],
        panels: vec![
            Panel::Histogram {
                values: errors.clone(),
                x: "round trip minus its mean (samples)".into(),
                y: "pulses".into(),
            },
            Panel::Points {
                series: vec![Series {
                    name: String::new(),
                    points: times.iter().copied().zip(errors).collect(),
                }],
                x: "time (s)".into(),
                y: "error (samples)".into(),
            },
        ],
    }
}
