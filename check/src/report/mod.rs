//! What came of a measurement, as a summary, a file and a picture.

mod json;
mod picture;
mod summary;

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::path::Path;

use serde::Serialize;

pub use self::json::write as write_json;
pub use self::picture::{Panel, Picture, Series};
pub use self::summary::Summary;
use crate::cli::ReportArgs;

/// Exit status: measured, and every limit kept.
pub const PASSED: u8 = 0;
/// Exit status: measured, and a limit not kept.
pub const FAILED: u8 = 1;
/// Exit status: wrong usage, or nothing could be measured.
pub const NOT_MEASURED: u8 = 2;

/// Stands on all results of the virtual device.
pub const VIRTUAL: &str = "VIRTUAL: THEY SAY NOTHING ABOUT THIS MACHINE.";

/// Why something was not measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refusal {
    /// One word for programs.
    pub reason: &'static str,
    /// What was found, with its values, and what to do.
    pub sentence: String,
}

impl Refusal {
    pub fn new(reason: &'static str, sentence: impl Into<String>) -> Self {
        Self { reason, sentence: sentence.into() }
    }
}

impl From<sonset::error::Error> for Refusal {
    fn from(error: sonset::error::Error) -> Self {
        Self::new("stream", error.message)
    }
}

/// A value against the limit that was given for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// The option.
    pub option: &'static str,
    pub limit: f64,
    /// `None` where it could not be known, which fails.
    pub value: Option<f64>,
    pub unit: &'static str,
    pub passed: bool,
}

/// The checks for which a limit was given.
#[derive(Debug, Default)]
pub struct Checks(pub Vec<Check>);

impl Checks {
    /// A value that must not exceed its limit, if there is one.
    pub fn at_most(
        mut self,
        option: &'static str,
        limit: Option<f64>,
        value: Option<f64>,
        unit: &'static str,
    ) -> Self {
        if let Some(limit) = limit {
            let passed = value.is_some_and(|value| value <= limit);
            self.0.push(Check { option, limit, value, unit, passed });
        }
        self
    }
}

/// What came of one command.
#[derive(Debug)]
pub struct Report {
    pub command: &'static str,
    /// Results of the virtual device.
    pub is_virtual: bool,
    /// The user ended it before its time.
    pub interrupted: bool,
    pub summary: Summary,
    /// The result for programs.
    pub result: serde_json::Value,
    pub checks: Checks,
    pub picture: Option<Picture>,
    /// Why there is no result, or not all of it.
    pub refusal: Option<Refusal>,
}

impl Report {
    /// Of a command that measured nothing; the summary says what it had found until then.
    pub fn refused(
        command: &'static str,
        is_virtual: bool,
        summary: Summary,
        refusal: impl Into<Refusal>,
    ) -> Self {
        Self {
            command,
            is_virtual,
            interrupted: crate::session::interrupted(),
            summary,
            result: serde_json::Value::Null,
            checks: Checks::default(),
            picture: None,
            refusal: Some(refusal.into()),
        }
    }

    /// The exit status. A limit that was kept until the user ended the run was not kept for all of it.
    pub fn status(&self) -> u8 {
        let all = self.checks.0.iter().all(|check| check.passed);
        match &self.refusal {
            Some(_) => NOT_MEASURED,
            None if !all => FAILED,
            None if self.interrupted && !self.checks.0.is_empty() => NOT_MEASURED,
            None => PASSED,
        }
    }

    fn stamp(&self) -> Option<&'static str> {
        self.is_virtual.then_some(VIRTUAL)
    }
}

/// Writes to standard output. A reader that has seen enough, such as `head`, is no failure.
pub fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Gives a report out in every form asked for, and its exit status.
pub fn emit(report: Report, args: &ReportArgs) -> u8 {
    let mut status = report.status();
    let has_text = args.json.as_deref() != Some(Path::new("-"));
    if has_text {
        say(&summary::text(&report));
    }
    // The text says it too, and one terminal shows both.
    let is_read = has_text && std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    if let Some(refusal) = report.refusal.as_ref().filter(|_| !is_read) {
        eprintln!("sonset-check: {}", refusal.sentence);
    }
    let mut failed = |what: &str, path: &Path, error: &dyn Display| {
        eprintln!("sonset-check: {what} '{}' could not be written: {error}", path.display());
        status = NOT_MEASURED;
    };
    if let Some((path, picture)) = args.plot.as_ref().zip(report.picture.as_ref())
        && let Err(error) = picture.write(path, report.stamp())
    {
        failed("the picture", path, &error);
    }
    if let Some(path) = &args.json
        && let Err(error) = json::write(path, &json::of(&report))
    {
        failed("the file", path, &error);
    }
    status
}
