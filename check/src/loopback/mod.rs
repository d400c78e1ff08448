//! `sonset-check loopback`: pulses through a cable, and how long they take.

mod analysis;
mod crossing;
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
use sonset::receipt::LatencySource;
use sonset::stream::{PlayParams, RecordParams, StartAt, State, Stream, Timing};

use self::analysis::{Arrivals, Search};
use self::crossing::Crossing;
use crate::cli::{LoopbackArgs, LoopbackLimits};
use crate::report::{Checks, Panel, Picture, Refusal, Report, Series, Summary};
use crate::session::{self, Device};

/// Silence in which the noise is measured, in seconds.
const SILENCE_S: f64 = 0.5;
/// How far before its own time a pulse is looked for, in seconds: where each direction has a callback, their
/// frames are counted from different zeros.
const AHEAD_S: [f64; 2] = [0.05, 1.5];
/// Distances between pulses, in seconds: random, so that no other pulse is taken for the one that is looked for.
const GAP_S: std::ops::Range<f64> = 0.1..0.25;

/// What was played and what came back. Frames of the recording are counted from its own start.
struct Take {
    recording: Vec<f32>,
    /// Frame of the stream with which the recording begins.
    record_from: i64,
    /// Where each pulse would be in the recording if input frame n were output frame n.
    sent: Vec<i64>,
    crossing: Crossing,
}

/// What is said of a loop. A round trip is from the frame that was handed over to the one that was given back.
#[derive(Debug, Serialize)]
struct Result {
    device: Device,
    arrivals: Arrivals,
    /// `None` where the frames of the two directions cannot be compared.
    round_trip_frames: Option<f64>,
    /// Of the comparison, where each direction has a callback of its own.
    clock_uncertainty_us: Option<f64>,
    reported_round_trip_frames: Option<f64>,
    /// What the round trip is longer than reported.
    unreported_frames: Option<f64>,
    unreported_us: Option<f64>,
    /// Half of it for each direction: AN ASSUMPTION, as a cable gives the sum only.
    assumed_bias_ns: Option<[i64; 2]>,
    output_xruns: u64,
    input_xruns: u64,
    /// Seconds from the first pulse to each.
    times_s: Vec<f64>,
}

/// Plays, records and says what came of it.
pub fn run(args: &LoopbackArgs) -> Report {
    let refused = |summary: Summary, refusal: Refusal| {
        Report::refused("loopback", session::is_virtual(&args.stream), summary, refusal)
    };
    let stream = match session::open(&args.stream, args.pulses + 16) {
        Ok(stream) => stream,
        Err(refusal) => return refused(Summary::default(), refusal),
    };
    let is_virtual = stream.format().backend == Backend::Virtual;
    let outcome = measure(&stream, args);
    let mut opened = Summary::default();
    Device::of(&stream.info()).describe(&mut opened);
    stream.close();
    match outcome {
        Err(refusal) => Report { is_virtual, ..refused(opened, refusal) },
        Ok(result) => Report {
            command: "loopback",
            is_virtual,
            interrupted: session::interrupted(),
            summary: summary(&result),
            checks: checks(&result, &args.limits),
            picture: Some(picture(&result)),
            result: json!(result),
            refusal: None,
        },
    }
}

fn measure(stream: &Stream, args: &LoopbackArgs) -> std::result::Result<Result, Refusal> {
    let (out, into) = (args.stream.channels_out, args.stream.channels_in);
    if out == 0 || into == 0 {
        let sentence = format!("a loop needs both directions: {out} out and {into} in");
        return Err(Refusal::new("no channels", sentence));
    }
    let rate_hz = stream.format().sample_rate_hz;
    let pulse = pulse::chirp(rate_hz, 10f64.powf(args.level_db / 20.0));
    let take = play_and_record(stream, &pulse, args)?;
    let search = Search {
        ahead_s: ahead_s(stream),
        longest_s: args.longest_ms * 1e-3,
        least_snr_db: args.least_snr_db,
    };
    let arrivals = analysis::find(&take.recording, &take.sent, &pulse, rate_hz, &search)
        .map_err(|refusal| with_xruns(refusal, stream))?;
    Ok(conclude(stream, arrivals, &take))
}

fn ahead_s(stream: &Stream) -> f64 {
    AHEAD_S[stream.format().separate as usize]
}

/// Says what a refusal may have to do with.
fn with_xruns(refusal: Refusal, stream: &Stream) -> Refusal {
    let stats = stream.stats();
    let xruns = stats.output_xruns + stats.input_xruns;
    let steps = stats.output_discontinuities + stats.input_discontinuities;
    match xruns + steps {
        0 => refusal,
        _ => {
            let sentence = format!("{} ({xruns} xruns and {steps} steps while it ran)", refusal.sentence);
            Refusal { sentence, ..refusal }
        }
    }
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
    let lead_s = ahead_s(stream) + SILENCE_S;
    let patience = frames_of(ahead_s(stream) + args.longest_ms * 1e-3 + 0.1);

    let recording = Buffer::zeros(frames_of(lead_s) + gaps.iter().sum::<i64>() + patience, 1, 0)?;
    let record_from = stream.time(Direction::Input)?.earliest_frame;
    let params = RecordParams { timing: at(record_from), ..RecordParams::default() };
    let recorder = stream.record_buffer(&recording, Some(&[args.channel_in as i32]), &params)?;
    let sound = Buffer::copy(pulse, pulse.len() as i64, 1, 0)?;
    let mut frame = stream.time(Direction::Output)?.earliest_frame + frames_of(lead_s);
    let mut plays = Vec::new();
    for gap in gaps {
        let params = PlayParams { timing: at(frame), ..PlayParams::default() };
        plays.push(stream.play_buffer(&sound, Some(&[args.channel_out as i32]), None, &params)?);
        frame += gap;
    }
    let crossing = wait(stream, &recording, args.report.quiet)?;

    let mut samples = vec![0.0; recording.readable_frames() as usize];
    recording.read(0, &mut samples)?;
    let record_from = stream.action(recorder)?.measured.start_frame.max(record_from);
    let mut sent = Vec::new();
    for play in plays {
        let frame = stream.action(play)?.measured.start_frame;
        // After Ctrl-C: the first that was not played, or had no time to come back.
        if frame < 0 || frame - record_from + patience > samples.len() as i64 {
            break;
        }
        sent.push(frame - record_from);
    }
    Ok(Take { recording: samples, record_from, sent, crossing })
}

/// Until the recording is full, or the user or the device ends it. Keeps what the clocks were meanwhile.
fn wait(stream: &Stream, recording: &Arc<Buffer>, quiet: bool) -> std::result::Result<Crossing, Refusal> {
    let bar = session::progress(recording.frames() as u64, "playing", quiet);
    let mut crossing = Crossing::default();
    while recording.readable_frames() < recording.frames() && !session::interrupted() {
        if stream.state() != State::Running {
            let why = stream.info().loss;
            return Err(Refusal::new("lost", format!("the device went away while it ran: {why}")));
        }
        if stream.format().separate {
            crossing.look(stream);
        }
        bar.set_position(recording.readable_frames() as u64);
        std::thread::sleep(Duration::from_millis(20));
    }
    bar.finish_and_clear();
    Ok(crossing)
}

fn conclude(stream: &Stream, arrivals: Arrivals, take: &Take) -> Result {
    let (info, stats) = (stream.info(), stream.stats());
    let device = Device::of(&info);
    let rate = device.sample_rate_hz as f64;
    let delay = arrivals.delay_frames.mean;
    let crossed = take.crossing.unreported(&take.sent, &arrivals.each_delay_frames, take.record_from);
    let (reported, unreported, round_trip) = match info.format.separate {
        true => {
            let (reported, unreported) =
                (reported_apart(stream, &device), crossed.map(|by| by.ns * 1e-9 * rate));
            (reported, unreported, unreported.map(|frames| frames + reported.unwrap_or(0.0)))
        }
        false => {
            let reported = device.round_trip_frames.map(|frames| frames as f64);
            (reported, reported.map(|reported| delay - reported), Some(delay))
        }
    };
    let unreported_ns = unreported.map(|frames| frames * 1e9 / rate);
    let is_sure = |ns: &f64| crossed.is_none_or(|by| ns.abs() > by.uncertainty_ns);
    let first = take.sent.first().copied().unwrap_or(0);
    Result {
        device,
        arrivals,
        round_trip_frames: round_trip,
        clock_uncertainty_us: crossed.map(|by| by.uncertainty_ns * 1e-3),
        reported_round_trip_frames: reported,
        unreported_frames: unreported,
        unreported_us: unreported_ns.map(|ns| ns * 1e-3),
        assumed_bias_ns: unreported_ns.filter(is_sure).map(|ns| [(ns / 2.0).round() as i64; 2]),
        output_xruns: stats.output_xruns,
        input_xruns: stats.input_xruns,
        times_s: take.sent.iter().map(|sent| (sent - first) as f64 / rate).collect(),
    }
}

/// The latencies that are in the host times of two directions with a callback each; `None` if none is.
fn reported_apart(stream: &Stream, device: &Device) -> Option<f64> {
    let is_in =
        |direction| stream.time(direction).is_ok_and(|time| time.latency_source != LatencySource::Unknown);
    let output = device.output_latency_frames.filter(|_| is_in(Direction::Output));
    let input = device.input_latency_frames.filter(|_| is_in(Direction::Input));
    (output.is_some() || input.is_some()).then(|| (output.unwrap_or(0) + input.unwrap_or(0)) as f64)
}

fn summary(result: &Result) -> Summary {
    let mut summary = Summary::default();
    let (device, arrivals) = (&result.device, &result.arrivals);
    device.describe(&mut summary);
    let snr = arrivals.snr_db.map_or("no noise at all".into(), |snr| format!("{snr:.1} dB above the noise"));
    let turned = if arrivals.inverted { ", polarity inverted" } else { "" };
    // Without the sign of a zero.
    let (pulses, gain) = (arrivals.pulses, (arrivals.gain_db * 10.0).round() / 10.0 + 0.0);
    summary.row("pulses", format!("all {pulses} came back, {snr}, gain {gain:+.1} dB{turned}"));
    summary.row("xruns", format!("{} output, {} input", result.output_xruns, result.input_xruns));
    summary.row("round trip", round_trip(result));
    let delay = &arrivals.delay_frames;
    let us = device.ms(delay.range) * 1e3;
    summary
        .row("jitter", format!("range {:.3} samples = {us:.2} µs, SD {:.3} samples", delay.range, delay.sd));
    let reported = result.reported_round_trip_frames;
    let reported = reported.map(|n| format!("{n:.0} frames = {:.3} ms", device.ms(n)));
    summary.row("reported", reported.unwrap_or_else(|| "unknown".into()));
    if let Some((frames, us)) = result.unreported_frames.zip(result.unreported_us) {
        summary.row("not reported", format!("{frames:+.3} frames = {us:+.1} µs"));
    }
    if let Some([output, input]) = result.assumed_bias_ns {
        let bias = format!("output {output} ns, input {input} ns with sonset_stream_set_latency_bias");
        summary.row("bias to set", bias);
        summary.note(
            "the split between output and input is an ASSUMPTION (half each): a cable gives only the sum. \
             `sonset-check external` measures the output's part",
        );
    } else if result.unreported_frames.is_some() {
        summary.note("what is not reported is less than the uncertainty of the clocks: no bias is suggested");
    } else {
        summary.note("what is not reported is not known, so no bias can be suggested");
    }
    if !device.one_callback {
        summary.note(
            "output and input have a callback each: the round trip may be another one after the next start, and \
             the jitter is that of this run",
        );
    }
    summary
}

fn round_trip(result: &Result) -> String {
    let Some(frames) = result.round_trip_frames else {
        return "NOT KNOWN: output and input have a callback each, and no settled time stamps tell how they belong together".into();
    };
    let ms = result.device.ms(frames);
    match (result.arrivals.exact, result.clock_uncertainty_us) {
        (_, Some(us)) => {
            format!("{frames:.3} frames = {ms:.3} ms ± {us:.1} µs, by the clocks of both directions")
        }
        (true, _) => {
            format!("{frames} frames = {ms:.3} ms, whole samples: every pulse came back bit for bit")
        }
        (false, _) => format!("{frames:.3} frames = {ms:.3} ms, interpolated between samples"),
    }
}

fn checks(result: &Result, limits: &LoopbackLimits) -> Checks {
    let xruns = (result.output_xruns + result.input_xruns) as f64;
    let jitter = result.arrivals.delay_frames.range;
    let unreported = result.unreported_us.map(f64::abs);
    Checks::default()
        .at_most("--max-jitter-samples", limits.max_jitter_samples, Some(jitter), "samples")
        .at_most("--max-unreported-us", limits.max_unreported_us, unreported, "µs")
        .at_most("--max-xruns", limits.max_xruns.map(|limit| limit as f64), Some(xruns), "")
}

fn picture(result: &Result) -> Picture {
    let delay = &result.arrivals.delay_frames;
    let each = &result.arrivals.each_delay_frames;
    let errors: Vec<f64> = each.iter().map(|frames| frames - delay.mean).collect();
    let exact = if result.arrivals.exact { ", every pulse bit for bit" } else { "" };
    let (n, sd, range) = (delay.n, delay.sd, delay.range);
    let mean = result.round_trip_frames.map_or("not known".into(), |frames| {
        let unsure =
            result.clock_uncertainty_us.map(|us| format!(" ± {:.3} ms", us * 1e-3)).unwrap_or_default();
        format!("{frames:.3} frames = {:.3} ms{unsure}", result.device.ms(frames))
    });
    let points = result.times_s.iter().copied().zip(errors.clone()).collect();
    Picture {
        title: format!("Round trip through the loop: {mean}"),
        subtitles: vec![
            result.device.line(),
            format!("n = {n}, mean {mean}, SD {sd:.3} samples, range {range:.3} samples{exact}"),
        ],
        panels: vec![
            Panel::Histogram {
                values: errors,
                x: "round trip minus its mean (samples)".into(),
                y: "pulses".into(),
            },
            Panel::Points {
                series: vec![Series { name: String::new(), points }],
                x: "time (s)".into(),
                y: "error (samples)".into(),
                least: 0.1,
            },
        ],
    }
}
