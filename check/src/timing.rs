//! How regularly the device calls, and how well its clock is known.

use std::time::Duration;

use serde_json::json;
use sonset::device::Direction;
use sonset::realtime::clock::{Fit, Stamps};
use sonset::receipt::LatencySource;
use sonset::shared::Position;
use sonset::stream::{Info, State, Stats, Stream};

use crate::cli::Timing;
use crate::picture::Chart;
use crate::report::{Limit, Report};
use crate::stats::{Line, Summary, quantile};
use crate::watch::{self, Progress};
use crate::{Failure, Measured, open};

/// How often the stream is looked at; blocks that are shorter are seen in part.
const LOOK: Duration = Duration::from_micros(500);

/// What was seen of one block.
#[derive(Clone, Copy, Debug)]
struct Block {
    frame: i64,
    frames: i64,
    callback_ns: i64,
    fit: Fit,
}

/// What was seen of one half.
struct Half {
    direction: Direction,
    blocks: Vec<Block>,
    latency_source: LatencySource,
}

/// Measures it.
pub fn run(args: &Timing) -> Result<Measured, Failure> {
    if !(args.seconds >= 1.0 && args.seconds <= 86_400.0) {
        return Err(Failure(format!("--seconds {}: 1 to 86400", args.seconds)));
    }
    let stream = open::open(&args.device, args.output_channels, args.input_channels)?;
    stream.start()?;
    let halves = watch_blocks(&stream, args);
    let (info, stats) = (stream.info(), stream.stats());
    stream.close();
    let rate = info.opened.sample_rate_hz as f64;
    let mut report = Report::new(format!("Timing of {}", open::describe(&info)), open::is_virtual(&info));
    if info.state == State::Lost {
        report.notes.push(format!("the device went away: {}", info.loss));
    }
    about_stream(&mut report, &info, &stats);
    let xruns = stats.output_xruns + stats.input_xruns;
    report.limits.push(Limit::new("--max-xruns", args.max_xruns as f64, Some(xruns as f64)));
    let steps = stats.output_discontinuities + stats.input_discontinuities;
    report.limits.push(Limit::new(
        "--max-discontinuities",
        args.max_discontinuities as f64,
        Some(steps as f64),
    ));
    let mut charts = Vec::new();
    let mut results = Vec::new();
    for half in &halves {
        if half.blocks.len() < 10 {
            return Err(Failure(format!("only {} blocks of {:?} came", half.blocks.len(), half.direction)));
        }
        results.push(about_half(&mut report, half, rate, args));
        charts.push(lateness_chart(half, rate));
        charts.push(residual_chart(half, rate));
    }
    report.data = json!({
        "seconds": args.seconds,
        "sample_rate_hz": info.opened.sample_rate_hz,
        "callbacks": stats.callbacks,
        "output_xruns": stats.output_xruns,
        "input_xruns": stats.input_xruns,
        "output_discontinuities": stats.output_discontinuities,
        "input_discontinuities": stats.input_discontinuities,
        "halves": results,
    });
    Ok(Measured { report, charts })
}

fn watch_blocks(stream: &Stream, args: &Timing) -> Vec<Half> {
    let mut halves: Vec<Half> = Vec::new();
    for (direction, channels) in
        [(Direction::Output, args.output_channels), (Direction::Input, args.input_channels)]
    {
        if channels > 0 {
            halves.push(Half { direction, blocks: Vec::new(), latency_source: LatencySource::Unknown });
        }
    }
    let progress = Progress::new("running silence", args.seconds, args.results.quiet);
    while progress.seconds() < args.seconds && !watch::is_stopped() && stream.state() == State::Running {
        for half in &mut halves {
            if let Ok((position, fit)) = stream.position(half.direction) {
                half.see(position, fit);
            }
        }
        progress.wait(LOOK);
    }
    halves
}

impl Half {
    fn see(&mut self, position: Position, fit: Fit) {
        let is_new = self.blocks.last().is_none_or(|last| last.frame != position.block_frame);
        if is_new && position.block_frames > 0 {
            self.latency_source = position.latency_source;
            self.blocks.push(Block {
                frame: position.block_frame,
                frames: position.block_frames,
                callback_ns: position.callback_ns,
                fit,
            });
        }
    }

    /// How late each callback came, in ms: against the line with the fitted rate that no callback is before.
    fn lateness_ms(&self, rate: f64) -> Vec<(f64, f64)> {
        let Some(first) = self.blocks.first() else { return Vec::new() };
        let ns_per_frame = self
            .blocks
            .last()
            .filter(|last| last.fit.is_usable())
            .map_or(1e9 / rate, |last| last.fit.ns_per_frame);
        let ahead = |block: &Block| {
            (block.callback_ns - first.callback_ns) as f64 - (block.frame - first.frame) as f64 * ns_per_frame
        };
        let earliest = self.blocks.iter().map(ahead).fold(f64::INFINITY, f64::min);
        let seconds = |block: &Block| (block.frame - first.frame) as f64 / rate;
        self.blocks.iter().map(|block| (seconds(block), (ahead(block) - earliest) * 1e-6)).collect()
    }

    /// How far the fit of each moment puts its block from the straight line through all of them, in µs.
    fn residuals_us(&self, rate: f64) -> Vec<(f64, f64)> {
        let usable: Vec<&Block> = self.blocks.iter().filter(|block| block.fit.is_usable()).collect();
        let Some(first) = usable.first() else { return Vec::new() };
        let place = |block: &Block| {
            let x = (block.frame - first.frame) as f64 / rate;
            (x, (block.fit.host_ns(block.frame) - first.fit.host_ns(first.frame)) as f64 * 1e-3 - x * 1e6)
        };
        let points: Vec<(f64, f64)> = usable.iter().map(|block| place(block)).collect();
        let Some(line) = Line::through(&points) else { return Vec::new() };
        points.iter().map(|&(x, y)| (x, y - line.at(x))).collect()
    }
}

fn about_stream(report: &mut Report, info: &Info, stats: &Stats) {
    let opened = &info.opened;
    let latency = |frames: Option<i64>| {
        frames.map_or("unknown".into(), |frames| {
            format!("{frames} frames, {:.2} ms", frames as f64 * 1e3 / opened.sample_rate_hz as f64)
        })
    };
    report.line("latency reported, output", latency(opened.output_latency_frames));
    report.line("latency reported, input", latency(opened.input_latency_frames));
    report.line("realtime priority", format!("{:?}", opened.realtime).to_lowercase());
    report.line("memory locked", if info.memory_locked { "yes" } else { "no" });
    report.line("xruns", format!("{} output, {} input", stats.output_xruns, stats.input_xruns));
    report.line(
        "steps in the stamps",
        format!("{} output, {} input", stats.output_discontinuities, stats.input_discontinuities),
    );
}

fn about_half(report: &mut Report, half: &Half, rate: f64, args: &Timing) -> serde_json::Value {
    let name = format!("{:?}", half.direction).to_lowercase();
    let sizes: Vec<f64> = half.blocks.iter().map(|block| block.frames as f64).collect();
    let late: Vec<f64> = half.lateness_ms(rate).iter().map(|(_, late)| *late).collect();
    let (sizes, late99) = (Summary::of(&sizes), quantile(&late, 0.99));
    let late = Summary::of(&late);
    if let (Some(sizes), Some(late), Some(late99)) = (sizes, late, late99) {
        report.line(
            &format!("{name} blocks"),
            format!("{} seen, {} to {} frames, median {}", sizes.n, sizes.min, sizes.max, sizes.median),
        );
        report.line(
            &format!("{name} wake-ups late"),
            format!("median {:.3} ms, 99 % within {late99:.3} ms, latest {:.3} ms", late.median, late.max),
        );
    }
    let fit = half.blocks.last().map(|last| last.fit).unwrap_or_default();
    let usable = fit.is_usable();
    let uncertainty_us = usable.then_some(fit.uncertainty_ns as f64 * 1e-3);
    let ppm = usable.then(|| fit.ppm(rate as u32));
    report.line(&format!("{name} stamps"), stamps(fit.stamps));
    if let (Some(uncertainty), Some(ppm)) = (uncertainty_us, ppm) {
        report.line(&format!("{name} clock"), format!("{ppm:+.2} ppm, known to ±{uncertainty:.1} µs"));
    }
    let source = format!("{:?}", half.latency_source).to_lowercase();
    report.line(&format!("{name} latency source"), source.clone());
    hold(report, &name, uncertainty_us, late.map(|late| late.max), ppm, args);
    json!({
        "direction": name,
        "blocks": sizes,
        "lateness_ms": late,
        "lateness_99_ms": late99,
        "stamps": format!("{:?}", fit.stamps).to_lowercase(),
        "uncertainty_us": uncertainty_us,
        "ppm": ppm,
        "latency_source": source,
    })
}

fn hold(
    report: &mut Report,
    name: &str,
    uncertainty_us: Option<f64>,
    latest_ms: Option<f64>,
    ppm: Option<f64>,
    args: &Timing,
) {
    let mut limit = |option: &str, limit: f64, measured: Option<f64>| {
        report.limits.push(Limit::new(&format!("{option} ({name})"), limit, measured));
    };
    limit("--max-uncertainty-us", args.max_uncertainty_us, uncertainty_us);
    if let Some(most) = args.max_lateness_ms {
        limit("--max-lateness-ms", most, latest_ms);
    }
    if let Some(most) = args.max_drift_ppm {
        limit("--max-drift-ppm", most, ppm.map(f64::abs));
    }
}

fn stamps(stamps: Stamps) -> &'static str {
    match stamps {
        Stamps::None => "none",
        Stamps::Settling => "settling",
        Stamps::Usable => "usable",
        Stamps::Quantised => "quantised",
        Stamps::Useless => "useless; the times of wake-ups stand in",
    }
}

fn lateness_chart(half: &Half, rate: f64) -> Chart {
    Chart { what: format!("{:?} wake-up late / ms", half.direction), values: half.lateness_ms(rate) }
}

fn residual_chart(half: &Half, rate: f64) -> Chart {
    Chart { what: format!("{:?} clock residual / us", half.direction), values: half.residuals_us(rate) }
}
