//! `sonset-check external`: receipts against what an independent recorder measured.

mod fit;
mod log;
mod matching;
mod onsets;
#[cfg(test)]
mod tests;

use serde_json::json;

use self::fit::{Basis, Fitted};
use self::log::Receipts;
use self::matching::Rules;
use self::onsets::Recorded;
use crate::cli::{ExternalArgs, ExternalLimits, HostClock};
use crate::report::{Checks, Panel, Picture, Refusal, Report, Series, Summary};

/// Reads, matches, fits, and says what came of it.
pub fn run(args: &ExternalArgs) -> Report {
    let receipts = match receipts(args) {
        Ok(receipts) => receipts,
        Err(refusal) => return Report::refused("external", false, Summary::default(), refusal),
    };
    let is_virtual = receipts.is_virtual;
    match measure(&receipts, args) {
        Err(refusal) => {
            let mut summary = Summary::default();
            summary.row("receipts", receipts.line());
            Report::refused("external", is_virtual, summary, refusal)
        }
        Ok((recorded, fitted)) => Report {
            command: "external",
            is_virtual,
            interrupted: false,
            summary: summary(&receipts, &recorded, &fitted),
            checks: checks(&fitted, &args.limits),
            picture: Some(picture(&recorded, &fitted)),
            result: json!({ "receipts": receipts, "recorded": recorded, "fit": fitted }),
            refusal: None,
        },
    }
}

fn receipts(args: &ExternalArgs) -> Result<Receipts, Refusal> {
    if args.limits.max_lag_us.is_some() && args.reference.is_none() && args.same_clock.is_none() {
        return Err(Refusal::new(
            "no zero",
            "--max-lag-us is given, but without --reference or --same-clock the lag is not known",
        ));
    }
    Receipts::read(&args.receipts, args.tag)
}

fn measure(receipts: &Receipts, args: &ExternalArgs) -> Result<(Recorded, Fitted), Refusal> {
    let mut recorded = Recorded::read(&args.onsets, &args.recorder, args.reference.as_deref())?;
    if let Some(clock) = args.same_clock {
        recorded.shift(-receipts.origin_s(clock == HostClock::Realtime));
    }
    let fitted = fit_all(receipts, &recorded, args)?;
    Ok((recorded, fitted))
}

fn fit_all(receipts: &Receipts, recorded: &Recorded, args: &ExternalArgs) -> Result<Fitted, Refusal> {
    let tolerance_s = args.tolerance_ms * 1e-3;
    let free = Rules { tolerance_s, largest_ppm: args.largest_ppm, offsets_s: None };
    // A sound may seem to come before its trigger by as much as both err.
    let near = Rules { offsets_s: Some((-tolerance_s, args.longest_lag_ms * 1e-3)), ..free };
    let (due, heard) = (&receipts.onsets_s, &recorded.onsets_s);
    match (&recorded.reference_s, args.same_clock) {
        (Some(triggers), _) => {
            let marks = matching::align(("receipts", "triggers"), due, triggers, &free)?;
            let lags = matching::align(("triggers", "onsets"), triggers, heard, &near)?;
            Fitted::by_reference(due, triggers, heard, &marks, &lags)
        }
        (None, Some(_)) => Fitted::new(
            due,
            heard,
            &matching::align(("receipts", "onsets"), due, heard, &near)?,
            Basis::SameClock,
        ),
        (None, None) => Fitted::new(
            due,
            heard,
            &matching::align(("receipts", "onsets"), due, heard, &free)?,
            Basis::Unknown,
        ),
    }
}

fn summary(receipts: &Receipts, recorded: &Recorded, fitted: &Fitted) -> Summary {
    let mut summary = Summary::default();
    summary.row("receipts", receipts.line());
    summary.row("recorder", recorded.line());
    summary.row(
        "matched",
        format!("{} pairs, {} missing, {} spurious", fitted.pairs, fitted.missing, fitted.spurious),
    );
    let error = &fitted.error_us;
    let about = if fitted.lag_us.is_some() { "the mean lag" } else { "a straight line" };
    let (sd, range, low, high) = (error.sd, error.range, error.min, error.max);
    summary.row(
        "onset error",
        format!("SD {sd:.1}, range {range:.1} ({low:+.1} to {high:+.1}) µs about {about}"),
    );
    let (ppm, unsure) = (fitted.drift_ppm, fitted.drift_standard_error_ppm);
    summary.row("drift", format!("recorder {ppm:+.2} ± {unsure:.2} ppm against the host's clock"));
    match (&fitted.lag_us, fitted.bias_ns) {
        (Some(lag), Some(bias)) => {
            let off = fitted.lag_standard_error_us.unwrap_or(0.0);
            summary.row("lag", format!("{lag:+.1} µs ± {off:.1} (standard error)"));
            summary.row(
                "bias to set",
                format!("sonset_stream_set_latency_bias(stream, SONSET_DIRECTION_OUTPUT, {bias})"),
            );
        }
        _ => {
            summary.row("lag", "NOT KNOWN");
            summary.note(
                "the recorder's clock has no common zero with the host's, so only the spread, the range and the \
                 drift are known. Give --reference (a TTL of the same program) or --same-clock to know the lag",
            );
        }
    }
    notes(&mut summary, receipts, recorded, fitted);
    summary
}

fn notes(summary: &mut Summary, receipts: &Receipts, recorded: &Recorded, fitted: &Fitted) {
    recorded.doubts().into_iter().for_each(|doubt| summary.note(doubt));
    if recorded.reference_s.is_some() {
        summary.note("the reference is taken to mark the start_host_ns of each receipt");
    }
    if receipts.calibrated > 0 && fitted.bias_ns.is_some() {
        summary.note("a bias was set when the receipts were made: add this one to it");
    }
    if receipts.latency_unknown > 0 {
        let (unknown, all) = (receipts.latency_unknown, receipts.onsets_s.len());
        summary.note(format!("{unknown} of {all} receipts hold no output latency: it is part of the lag"));
    }
    if fitted.in_order {
        summary.note(
            "all intervals are alike: pairs were taken in order, as there are as many onsets as receipts",
        );
    }
}

fn checks(fitted: &Fitted, limits: &ExternalLimits) -> Checks {
    let missing = limits.max_missing.map(|limit| limit as f64);
    Checks::default()
        .at_most("--max-sd-us", limits.max_sd_us, Some(fitted.error_us.sd), "µs")
        .at_most("--max-range-us", limits.max_range_us, Some(fitted.error_us.range), "µs")
        .at_most("--max-lag-us", limits.max_lag_us, fitted.lag_us.map(f64::abs), "µs")
        .at_most("--max-drift-ppm", limits.max_drift_ppm, Some(fitted.drift_ppm.abs()), "ppm")
        .at_most("--max-missing", missing, Some(fitted.missing as f64), "")
}

fn picture(recorded: &Recorded, fitted: &Fitted) -> Picture {
    let error = &fitted.error_us;
    let lag = match fitted.lag_us {
        Some(lag) => format!("mean lag {lag:+.1} µs"),
        None => "lag not known".into(),
    };
    let (kind, label) = match fitted.lag_us {
        Some(_) => (fitted.lags_us(), "lag of the sound (µs)"),
        None => (fitted.errors_us.clone(), "onset error (µs)"),
    };
    Picture {
        title: "Onsets measured by an independent recorder against receipts".into(),
        subtitles: vec![
            recorded.line(),
            format!(
                "n = {}, {lag}, SD {:.1} µs, range {:.1} µs, drift {:+.2} ppm, {} missing, {} spurious",
                error.n, error.sd, error.range, fitted.drift_ppm, fitted.missing, fitted.spurious
            ),
        ],
        panels: vec![
            Panel::Histogram { values: kind.clone(), x: label.into(), y: "onsets".into() },
            Panel::Points {
                series: vec![Series {
                    name: String::new(),
                    points: fitted.times_s.iter().copied().zip(kind).collect(),
                }],
                x: "time (s)".into(),
                y: label.into(),
                least: 1.0,
            },
        ],
    }
}
