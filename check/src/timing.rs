//! `sonset-check timing`: what blocks, wake-ups and clocks of a silent stream are like.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;
use sonset::backend::Backend;
use sonset::device::Direction;
use sonset::realtime::clock::{Fit, Stamps};
use sonset::receipt::LatencySource;
use sonset::stream::{State, Stats, Stream};

use crate::cli::{TimingArgs, TimingLimits};
use crate::report::{Checks, Panel, Picture, Refusal, Report, Series, Summary};
use crate::session::{self, Device};
use crate::stats::{Distribution, percentile, thin};

/// Above this, and where it is unknown, a latency is pointed out.
const LONG_LATENCY_MS: f64 = 40.0;
/// Blocks within which a fit has recognised a step in the stamps.
const STEP_BLOCKS: usize = 16;
/// Points of a series in the JSON.
const MOST_POINTS: usize = 2_000;

/// A block as it was seen.
#[derive(Clone, Copy, Debug)]
struct Seen {
    frame: i64,
    frames: i64,
    /// MONOTONIC time at which its callback was entered; 0 if unknown.
    entered_ns: i64,
    fit: Fit,
}

/// What was seen of one half.
#[derive(Debug)]
struct Half {
    direction: Direction,
    seen: Vec<Seen>,
}

impl Half {
    /// Looks at the newest block, and keeps it if it was not seen before.
    fn look(&mut self, stream: &Stream) {
        let Ok((position, fit)) = stream.position(self.direction) else { return };
        let is_new = self.seen.last().is_none_or(|last| last.frame != position.block_frame);
        if position.block_frames > 0 && is_new {
            self.seen.push(Seen {
                frame: position.block_frame,
                frames: position.block_frames,
                entered_ns: position.callback_ns,
                fit,
            });
        }
    }

    /// The blocks whose fit can be gone by: without those that came before the fit had settled, and those after a
    /// step that it had not recognised yet, which would all seem late.
    fn settled(&self) -> Vec<&Seen> {
        let steps = |n: usize| self.seen[n.min(self.seen.len() - 1)].fit.discontinuities;
        let is_settled = |(n, seen): &(usize, &Seen)| {
            let stamps = seen.fit.stamps;
            let can_be_used = seen.fit.is_usable() && !matches!(stamps, Stamps::None | Stamps::Settling);
            can_be_used && steps(n + STEP_BLOCKS) == seen.fit.discontinuities
        };
        self.seen.iter().enumerate().filter(is_settled).map(|(_, seen)| seen).collect()
    }
}

/// What is said of one half.
#[derive(Debug, Serialize)]
struct HalfResult {
    half: &'static str,
    blocks_seen: usize,
    /// How often blocks of a number of frames were seen.
    block_frames: BTreeMap<i64, usize>,
    smallest_block: i64,
    median_block: f64,
    largest_block: i64,
    /// How much later than the earliest one a callback was entered, against the fit, in µs.
    lateness_us: Option<Distribution>,
    stamps: &'static str,
    drift_ppm: Option<f64>,
    /// Lowest and highest once the fit had settled.
    drift_range_ppm: Option<(f64, f64)>,
    uncertainty_us: Option<f64>,
    latency_ms: Option<f64>,
    latency_source: &'static str,
    /// All of it, for the picture.
    #[serde(skip)]
    lateness: Vec<f64>,
    /// Seconds since the start, and µs.
    lateness_over_time: Vec<(f64, f64)>,
    /// Seconds since the start, and µs.
    uncertainty_over_time: Vec<(f64, f64)>,
    /// Seconds since the start, and ppm.
    drift_over_time: Vec<(f64, f64)>,
}

/// What is said of a run.
#[derive(Debug, Serialize)]
struct Result {
    device: Device,
    seconds: f64,
    callbacks: u64,
    output_xruns: u64,
    input_xruns: u64,
    output_discontinuities: u64,
    input_discontinuities: u64,
    halves: Vec<HalfResult>,
}

/// Runs the stream and says what came of it.
pub fn run(args: &TimingArgs) -> Report {
    let stream = match session::open(&args.stream, 0) {
        Ok(stream) => stream,
        Err(refusal) => {
            let is_virtual = session::is_virtual(&args.stream);
            return Report::refused("timing", is_virtual, Summary::default(), refusal);
        }
    };
    let mut halves: Vec<Half> =
        session::halves(&stream).into_iter().map(|direction| Half { direction, seen: Vec::new() }).collect();
    let seconds = watch(&stream, &mut halves, args);
    let result = evaluate(&stream, &halves, seconds);
    let refusal = refusal(&stream, &halves);
    let is_virtual = stream.format().backend == Backend::Virtual;
    stream.close();
    Report {
        command: "timing",
        is_virtual,
        interrupted: session::interrupted(),
        summary: summary(&result),
        checks: checks(&result, &args.limits),
        picture: Some(picture(&result)),
        result: json!(result),
        refusal,
    }
}

/// Looks at every block that it can until the time is over, and gives the seconds that passed.
fn watch(stream: &Stream, halves: &mut [Half], args: &TimingArgs) -> f64 {
    let began = Instant::now();
    let bar = session::progress((args.seconds * 10.0).ceil() as u64, "running", args.report.quiet);
    let end = Duration::from_secs_f64(args.seconds);
    while began.elapsed() < end && !session::interrupted() && stream.state() == State::Running {
        halves.iter_mut().for_each(|half| half.look(stream));
        bar.set_position((began.elapsed().as_secs_f64() * 10.0) as u64);
        std::thread::sleep(session::LOOK);
    }
    bar.finish_and_clear();
    began.elapsed().as_secs_f64()
}

fn refusal(stream: &Stream, halves: &[Half]) -> Option<Refusal> {
    let info = stream.info();
    if info.state == State::Lost {
        return Some(Refusal::new("lost", format!("the device went away while it ran: {}", info.loss)));
    }
    let silent = halves.iter().find(|half| half.seen.is_empty())?;
    let half = session::name(silent.direction);
    Some(Refusal::new(
        "no blocks",
        format!("no block of the {half} came; is the device in use or suspended?"),
    ))
}

fn evaluate(stream: &Stream, halves: &[Half], seconds: f64) -> Result {
    let (info, stats) = (stream.info(), stream.stats());
    let device = Device::of(&info);
    let Stats { callbacks, output_xruns, input_xruns, .. } = stats;
    Result {
        seconds,
        callbacks,
        output_xruns,
        input_xruns,
        output_discontinuities: stats.output_discontinuities,
        input_discontinuities: stats.input_discontinuities,
        halves: halves.iter().map(|half| evaluate_half(stream, half, &device)).collect(),
        device,
    }
}

fn evaluate_half(stream: &Stream, half: &Half, device: &Device) -> HalfResult {
    let rate_hz = device.sample_rate_hz;
    let mut sizes: Vec<f64> = half.seen.iter().map(|seen| seen.frames as f64).collect();
    sizes.sort_by(f64::total_cmp);
    let mut block_frames = BTreeMap::new();
    half.seen.iter().for_each(|seen| *block_frames.entry(seen.frames).or_insert(0) += 1);
    let settled = half.settled();
    let start_ns = half.seen.first().map_or(0, |seen| seen.entered_ns);
    let over_time = |value: &dyn Fn(&Seen) -> f64| -> Vec<(f64, f64)> {
        settled.iter().map(|seen| ((seen.entered_ns - start_ns) as f64 * 1e-9, value(seen))).collect()
    };
    let lateness = lateness(&settled, over_time(&|_| 0.0));
    let drift = over_time(&|seen| seen.fit.ppm(rate_hz));
    let values: Vec<f64> = lateness.iter().map(|point| point.1).collect();
    let fold = |least: fn(f64, f64) -> f64| drift.iter().map(|point| point.1).reduce(least);
    let last = half.seen.last().map(|seen| seen.fit).filter(Fit::is_usable);
    let time = stream.time(half.direction).ok();
    let latency_frames = match half.direction {
        Direction::Output => device.output_latency_frames,
        Direction::Input => device.input_latency_frames,
    };
    HalfResult {
        half: session::name(half.direction),
        blocks_seen: half.seen.len(),
        smallest_block: sizes.first().map_or(0, |size| *size as i64),
        median_block: if sizes.is_empty() { 0.0 } else { percentile(&sizes, 50.0) },
        largest_block: sizes.last().map_or(0, |size| *size as i64),
        block_frames,
        lateness_us: Distribution::of(&values),
        stamps: stamps(half.seen.last().map_or(Stamps::None, |seen| seen.fit.stamps)),
        drift_ppm: last.map(|fit| fit.ppm(rate_hz)),
        drift_range_ppm: fold(f64::min).zip(fold(f64::max)),
        uncertainty_us: last.map(|fit| fit.uncertainty_ns as f64 * 1e-3),
        latency_ms: latency_frames.map(|frames| device.ms(frames as f64)),
        latency_source: source(time.map_or(LatencySource::Unknown, |time| time.latency_source)),
        lateness: values,
        lateness_over_time: thin(&lateness, MOST_POINTS),
        uncertainty_over_time: thin(&over_time(&|seen| seen.fit.uncertainty_ns as f64 * 1e-3), MOST_POINTS),
        drift_over_time: thin(&drift, MOST_POINTS),
    }
}

/// How much later than the earliest callback each one was entered, in µs: what lies between a callback and its
/// frame at the converter is a constant that the fit cannot tell.
fn lateness(settled: &[&Seen], times: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let ahead = |seen: &&Seen| seen.entered_ns - seen.fit.host_ns(seen.frame);
    let entered = || settled.iter().filter(|seen| seen.entered_ns > 0);
    let earliest = entered().map(ahead).min().unwrap_or(0);
    let late = settled.iter().map(|seen| (ahead(seen) - earliest) as f64 * 1e-3);
    let known = settled.iter().map(|seen| seen.entered_ns > 0);
    let points = times.into_iter().zip(late).zip(known);
    points.filter(|(_, known)| *known).map(|(((time, _), late), _)| (time, late)).collect()
}

fn stamps(stamps: Stamps) -> &'static str {
    match stamps {
        Stamps::None => "none",
        Stamps::Settling => "settling",
        Stamps::Usable => "usable",
        Stamps::Quantised => "quantised",
        Stamps::Useless => "useless",
    }
}

fn source(source: LatencySource) -> &'static str {
    match source {
        LatencySource::Unknown => "unknown",
        LatencySource::Reported => "reported",
        LatencySource::Calibrated => "calibrated",
    }
}

fn summary(result: &Result) -> Summary {
    let mut summary = Summary::default();
    let device = &result.device;
    device.describe(&mut summary);
    summary.row("ran", format!("{:.1} s, {} callbacks", result.seconds, result.callbacks));
    let granted = |granted: Option<bool>| match granted {
        Some(true) => "granted",
        Some(false) => "NOT granted",
        None => "unknown",
    };
    let (realtime, locked) = (granted(device.realtime), granted(Some(device.memory_locked)));
    summary.row("realtime", format!("priority {realtime}, memory lock {locked}"));
    summary.row("xruns", format!("{} output, {} input", result.output_xruns, result.input_xruns));
    let (output, input) = (result.output_discontinuities, result.input_discontinuities);
    summary.row("steps in stamps", format!("{output} output, {input} input"));
    result.halves.iter().for_each(|half| summarise_half(&mut summary, half));
    summary
}

fn summarise_half(summary: &mut Summary, half: &HalfResult) {
    let row = |name: &str| format!("{} {name}", half.half);
    let (least, middle, most) = (half.smallest_block, half.median_block, half.largest_block);
    let mut blocks =
        format!("{} seen: {least} / {middle} / {most} frames (min / median / max)", half.blocks_seen);
    if (2..=4).contains(&half.block_frames.len()) {
        let sizes: Vec<String> = half.block_frames.iter().map(|(size, n)| format!("{size} × {n}")).collect();
        blocks += &format!("; {}", sizes.join(", "));
    }
    summary.row(row("blocks"), blocks);
    match &half.lateness_us {
        Some(late) => summary.row(
            row("wake-up"),
            format!(
                "median {:.1}, 99 % {:.1}, latest {:.1} µs after the earliest, against the fit, of {} blocks",
                late.median, late.p99, late.max, late.n
            ),
        ),
        None => summary.row(row("wake-up"), "not known: the fit has not settled"),
    }
    let clock = match half.drift_ppm.zip(half.uncertainty_us) {
        Some((ppm, uncertainty)) => {
            let range =
                half.drift_range_ppm.map(|(low, high)| format!(" ({} to {})", signed(low), signed(high)));
            let range = range.unwrap_or_default();
            // Then it is the wake-ups that are fitted.
            let stamps = if half.stamps == "useless" { "useless: by wake-ups" } else { half.stamps };
            format!("{} ppm{range}, uncertainty {uncertainty:.1} µs, stamps {stamps}", signed(ppm))
        }
        None => format!("no fit at the end, stamps {}", half.stamps),
    };
    summary.row(row("clock"), clock);
    match half.latency_ms {
        Some(ms) => {
            summary.row(
                row("latency"),
                format!("{ms:.2} ms as reported; in host times: {}", half.latency_source),
            );
            if ms > LONG_LATENCY_MS {
                summary
                    .note(format!("the {} latency of {ms:.1} ms is above {LONG_LATENCY_MS} ms", half.half));
            }
        }
        None => {
            summary.row(row("latency"), "unknown");
            summary.note(format!("the {} latency is unknown, and so not in any host time", half.half));
        }
    }
}

/// With two digits after the point and a sign, but for zero.
fn signed(ppm: f64) -> String {
    let text = format!("{ppm:+.2}");
    if text[1..] == *"0.00" { "0.00".into() } else { text }
}

fn checks(result: &Result, limits: &TimingLimits) -> Checks {
    /// The largest over the halves; unknown if it is for one.
    fn worst(result: &Result, value: impl Fn(&HalfResult) -> Option<f64>) -> Option<f64> {
        result.halves.iter().map(value).try_fold(0.0, |worst: f64, value| Some(worst.max(value?.abs())))
    }
    let count = |limit: Option<u64>| limit.map(|limit| limit as f64);
    let xruns = (result.output_xruns + result.input_xruns) as f64;
    let steps = (result.output_discontinuities + result.input_discontinuities) as f64;
    let uncertainty = worst(result, |half| half.uncertainty_us);
    let lateness = worst(result, |half| half.lateness_us.map(|late| late.max));
    let drift = worst(result, |half| half.drift_ppm);
    Checks::default()
        .at_most("--max-xruns", count(limits.max_xruns), Some(xruns), "")
        .at_most("--max-discontinuities", count(limits.max_discontinuities), Some(steps), "")
        .at_most("--max-uncertainty-us", limits.max_uncertainty_us, uncertainty, "µs")
        .at_most("--max-lateness-us", limits.max_lateness_us, lateness, "µs")
        .at_most("--max-drift-ppm", limits.max_drift_ppm, drift, "ppm")
}

fn picture(result: &Result) -> Picture {
    // With one callback, both halves wake up together and have one clock.
    let (shown, both) = match result.device.one_callback {
        true => (&result.halves[..1.min(result.halves.len())], result.halves.len() > 1),
        false => (&result.halves[..], false),
    };
    let name = |half: &HalfResult| if both { "output and input".into() } else { half.half.to_string() };
    let over_time = |y: &str, least: f64, points: fn(&HalfResult) -> &Vec<(f64, f64)>| {
        let one = |half: &HalfResult| Series { name: name(half), points: points(half).clone() };
        Panel::Points { series: shown.iter().map(one).collect(), x: "time (s)".into(), y: y.into(), least }
    };
    let late = |half: &HalfResult| {
        half.lateness_us.map(|late| {
            let Distribution { n, mean, sd, range, .. } = late;
            format!("{} wake-ups: n = {n}, mean {mean:.1}, SD {sd:.1}, range {range:.1} µs", name(half))
        })
    };
    let subtitles = [result.device.line()].into_iter().chain(shown.iter().filter_map(late));
    // Apart, as each half has a fit and an earliest wake-up of its own.
    let histogram = |half: &HalfResult| Panel::Histogram {
        values: half.lateness.clone(),
        x: format!("{} wake-up after the earliest, against the clock fit (µs)", name(half)),
        y: "callbacks".into(),
    };
    let courses = [
        over_time("wake-up lateness (µs)", 1.0, |half| &half.lateness_over_time),
        over_time("fit uncertainty (µs)", 1.0, |half| &half.uncertainty_over_time),
        over_time("device rate (ppm)", 0.1, |half| &half.drift_over_time),
    ];
    Picture {
        title: format!("Timing of a stream over {:.1} s", result.seconds),
        subtitles: subtitles.collect(),
        panels: shown.iter().map(histogram).chain(courses).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::signed;

    #[test]
    fn a_rate_of_zero_has_no_sign() {
        assert_eq!(
            [1.234, -0.5, -0.001, 0.0, 10.0].map(signed),
            ["+1.23", "-0.50", "0.00", "0.00", "+10.00"]
        );
    }
}
