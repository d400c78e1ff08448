//! Results for a person, at a glance.

use std::fmt::Write;

use super::{Check, Report};

/// Rows of a name and what is said of it, and sentences below them.
#[derive(Debug, Default)]
pub struct Summary {
    rows: Vec<(String, String)>,
    notes: Vec<String>,
}

impl Summary {
    pub fn row(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.rows.push((name.into(), text.into()));
    }

    pub fn note(&mut self, sentence: impl Into<String>) {
        self.notes.push(sentence.into());
    }
}

/// The whole of a report.
pub fn text(report: &Report) -> String {
    let stamp = report.stamp().map(|stamp| format!("{stamp}\n")).unwrap_or_default();
    let mut text = format!("{stamp}sonset-check {}\n", report.command);
    let width = report.summary.rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, said) in &report.summary.rows {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:width$}  {said}");
    }
    for note in &report.summary.notes {
        let _ = writeln!(text, "  Note: {note}");
    }
    if report.interrupted {
        text.push_str("  Interrupted: this is what was measured until then.\n");
    }
    report.checks.0.iter().for_each(|check| text.push_str(&verdict(check)));
    text.push_str(match report.status() {
        super::PASSED if report.checks.0.is_empty() => "measured; no limits were given\n",
        super::PASSED => "PASSED\n",
        super::FAILED => "FAILED\n",
        _ => "NOT MEASURED",
    });
    if report.status() == super::NOT_MEASURED {
        let why =
            report.refusal.as_ref().map_or("the limits were kept, but not to the end", |why| &why.sentence);
        // Writing to a string cannot fail.
        let _ = writeln!(text, ": {why}");
    }
    text + &stamp
}

fn verdict(check: &Check) -> String {
    let word = if check.passed { "ok" } else { "FAIL" };
    let value = check.value.map_or("unknown".into(), short);
    let Check { option, unit, .. } = check;
    format!("  {word:4}  {option} {}: {value} {unit}", short(check.limit)).trim_end().to_string() + "\n"
}

/// At most three digits after the point.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}
