//! A receipt log against an independent recorder: the only way to know when sound really came.

mod matching;
mod onsets;
mod receipts;

use serde_json::json;

use self::matching::{Pairs, by_pattern, by_time};
use self::onsets::Recorded;
use self::receipts::Start;
use crate::cli::{External, RecorderClock};
use crate::picture::Chart;
use crate::report::{Limit, Report};
use crate::stats::{Line, Summary, quantile};
use crate::{Failure, Measured};

/// One onset against its receipt.
#[derive(Clone, Copy, Debug)]
struct Compared {
    /// Of the start, in seconds after the first one.
    seconds: f64,
    /// Recorder minus receipt, in µs, without what a clock of its own adds.
    error_us: f64,
    /// Onset minus trigger, or minus the time in the receipt where the clock is one.
    lag_us: Option<f64>,
}

/// Where the absolute lag comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LagFrom {
    Nothing,
    Triggers,
    Clock,
}

/// Measures it.
pub fn run(args: &External) -> Result<Measured, Failure> {
    for (option, value) in [("--max-lag-ms", args.max_lag_ms), ("--max-ppm", args.max_ppm)] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(Failure(format!("{option} {value}: above 0")));
        }
    }
    let starts = receipts::starts(&args.receipts, args.clock)?;
    let recorded = onsets::read(args)?;
    let pairs = pairs(&starts, &recorded, args)?;
    let compared = compare(&starts, &recorded, &pairs, args);
    describe(&starts, &recorded, &pairs, &compared, args)
}

fn lag_from(recorded: &Recorded, args: &External) -> LagFrom {
    match (&recorded.triggers, args.clock) {
        (Some(_), _) => LagFrom::Triggers,
        (None, RecorderClock::Own) => LagFrom::Nothing,
        (None, _) => LagFrom::Clock,
    }
}

/// Starts and onsets that belong together.
fn pairs(starts: &[Start], recorded: &Recorded, args: &External) -> Result<Pairs, Failure> {
    let seconds: Vec<f64> = starts.iter().map(|start| start.seconds).collect();
    let lag_s = args.max_lag_ms * 1e-3;
    let pairs = match args.clock {
        RecorderClock::Own => by_pattern(&seconds, &recorded.onsets, lag_s / 2.0, args.max_ppm)
            .map_err(|reason| Failure(format!("refused to guess: {reason}")))?,
        _ => by_time(&seconds, &recorded.onsets, lag_s),
    };
    if pairs.len() < 3 {
        return Err(Failure(format!(
            "only {} starts have an onset within {} ms",
            pairs.len(),
            args.max_lag_ms
        )));
    }
    Ok(pairs)
}

fn compare(starts: &[Start], recorded: &Recorded, pairs: &Pairs, args: &External) -> Vec<Compared> {
    let first = starts.first().map_or(0.0, |start| start.seconds);
    let points: Vec<(f64, f64)> = pairs
        .iter()
        .map(|&(start, onset)| (starts[start].seconds - first, recorded.onsets[onset] - first))
        .collect();
    let line = Line::through(&points).unwrap_or(Line { at_zero: 0.0, slope: 1.0 });
    let lag_s = args.max_lag_ms * 1e-3;
    let lag = |onset: f64, start: f64| match (&recorded.triggers, args.clock) {
        (Some(triggers), _) => {
            let nearest =
                triggers.iter().copied().min_by(|a, b| (a - onset).abs().total_cmp(&(b - onset).abs()));
            nearest.map(|trigger| onset - trigger).filter(|lag| lag.abs() <= lag_s)
        }
        (None, RecorderClock::Own) => None,
        (None, _) => Some(onset - start),
    };
    points
        .iter()
        .map(|&(start, onset)| Compared {
            seconds: start,
            error_us: (onset - line.at(start)) * 1e6,
            lag_us: lag(onset + first, start + first).map(|lag| lag * 1e6),
        })
        .collect()
}

fn describe(
    starts: &[Start],
    recorded: &Recorded,
    pairs: &Pairs,
    compared: &[Compared],
    args: &External,
) -> Result<Measured, Failure> {
    let errors: Vec<f64> = compared.iter().map(|one| one.error_us).collect();
    let lags: Vec<f64> = compared.iter().filter_map(|one| one.lag_us).collect();
    let (ppm, ppm_error) = drift(starts, recorded, pairs, &errors);
    let missing = starts.len() - pairs.len();
    let spurious = recorded.onsets.len() - pairs.len();
    let errors_summary = Summary::of(&errors).ok_or_else(|| Failure("nothing could be compared".into()))?;
    let magnitudes: Vec<f64> = errors.iter().map(|error| error.abs()).collect();
    let worst = quantile(&magnitudes, 0.999);
    let uncertainties: Vec<f64> = starts.iter().map(|start| start.uncertainty_us).collect();

    let mut report = Report::new(format!("Onsets of {} against its receipts", args.onsets.display()), false);
    report.line("starts with an onset", format!("{} of {}", pairs.len(), starts.len()));
    report.line("onsets of nothing", spurious.to_string());
    report.line(
        "onset error",
        format!("SD {:.1} us, range {:.1} us", errors_summary.sd, errors_summary.range()),
    );
    if let Some(worst) = worst {
        report.line("99.9 % within", format!("{worst:.1} us"));
    }
    if let Some(stated) = quantile(&uncertainties, 0.5) {
        report.line("uncertainty in receipts", format!("{stated:.1} us (of the clock fit only)"));
    }
    report.line("rate of the recorder's clock", format!("{ppm:+.2} ppm ± {ppm_error:.2} of the host's"));
    let from = lag_from(recorded, args);
    let lag = Summary::of(&lags);
    about_lag(&mut report, from, lag);
    report.limits.push(Limit::new("--max-sd-us", args.max_sd_us, Some(errors_summary.sd)));
    report.limits.push(Limit::new("--max-missing", args.max_missing as f64, Some(missing as f64)));
    report.data = json!({
        "starts": starts.len(),
        "matched": pairs.len(),
        "missing": missing,
        "spurious": spurious,
        "onset_error_us": errors_summary,
        "onset_error_999_us": worst,
        "recorder_ppm": ppm,
        "recorder_ppm_standard_error": ppm_error,
        "lag_us": lag,
        "lag_from": format!("{from:?}").to_lowercase(),
        "bias_to_set_ns": lag.map(|lag| (lag.mean * 1e3).round() as i64),
    });
    let seconds: Vec<f64> = compared.iter().map(|one| one.seconds).collect();
    let chart = |what: &str, values: Vec<(f64, f64)>| Chart { what: what.into(), values };
    let mut charts = vec![chart("onset error / us", seconds.iter().copied().zip(errors).collect())];
    let lags: Vec<(f64, f64)> =
        compared.iter().filter_map(|one| one.lag_us.map(|lag| (one.seconds, lag))).collect();
    charts.push(chart("lag / us", lags));
    Ok(Measured { report, charts })
}

/// How much faster the recorder's clock is, in ppm, and the standard error of that (the textbook's, of the
/// slope of a least squares line).
fn drift(starts: &[Start], recorded: &Recorded, pairs: &Pairs, errors_us: &[f64]) -> (f64, f64) {
    let first = starts.first().map_or(0.0, |start| start.seconds);
    let points: Vec<(f64, f64)> = pairs
        .iter()
        .map(|&(start, onset)| (starts[start].seconds - first, recorded.onsets[onset] - first))
        .collect();
    let slope = Line::through(&points).map_or(1.0, |line| line.slope);
    let mean = points.iter().map(|(x, _)| x).sum::<f64>() / points.len() as f64;
    let sxx: f64 = points.iter().map(|(x, _)| (x - mean).powi(2)).sum();
    let squares: f64 = errors_us.iter().map(|error| error.powi(2)).sum();
    let spread = (squares / (points.len() as f64 - 2.0).max(1.0)).sqrt();
    ((slope - 1.0) * 1e6, spread / sxx.sqrt())
}

fn about_lag(report: &mut Report, from: LagFrom, lag: Option<Summary>) {
    let Some(lag) = lag else {
        report.notes.push(
            "the recorder's clock has a zero of its own, so the lag is not known, only its spread; record triggers \
             beside the sound (--reference), or use one clock (--clock)"
                .into(),
        );
        return;
    };
    report.line("lag", format!("mean {:.1} us, SD {:.1} us, range {:.1} us", lag.mean, lag.sd, lag.range()));
    let bias = (lag.mean * 1e3).round();
    report.notes.push(match from {
        LagFrom::Triggers => format!(
            "if the triggers mark the times that were asked for, add {bias:.0} ns to the output's latency bias \
             (sonset_stream_set_latency_bias). If they come from a channel of the same sound card, the lag is what \
             lies between the converter and the recorder, and no bias is needed"
        ),
        _ => format!("add {bias:.0} ns to the output's latency bias (sonset_stream_set_latency_bias)"),
    });
}
