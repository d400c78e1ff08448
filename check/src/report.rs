//! What every command ends with: a summary for people, JSON for programs, and a verdict.

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::Failure;

/// Said of every result without hardware.
pub const VIRTUAL_STAMP: &str = "VIRTUAL: THEY SAY NOTHING ABOUT THIS MACHINE.";

/// One limit and what was measured against it.
#[derive(Clone, Debug, Serialize)]
pub struct Limit {
    /// The option that sets it.
    pub option: String,
    /// Largest value that passes.
    pub limit: f64,
    /// What was measured; `None` if it could not be.
    pub measured: Option<f64>,
    /// Whether it passes.
    pub kept: bool,
}

impl Limit {
    /// Holds `measured` to the limit that `option` sets.
    pub fn new(option: &str, limit: f64, measured: Option<f64>) -> Self {
        let kept = measured.is_some_and(|measured| measured <= limit);
        Self { option: option.into(), limit, measured, kept }
    }

    fn line(&self) -> String {
        let measured = self.measured.map_or("not measured".into(), |value| format!("{value:.4}"));
        let verdict = if self.kept { "pass" } else { "FAIL" };
        format!("  {verdict}  {} {}: {measured}", self.option, self.limit)
    }
}

/// The results of one command.
#[derive(Debug)]
pub struct Report {
    /// What it is about.
    pub title: String,
    /// Whether there was no hardware.
    pub is_virtual: bool,
    /// Lines of name and value.
    pub lines: Vec<(String, String)>,
    /// What the reader must know beside the numbers.
    pub notes: Vec<String>,
    /// What decides on pass or fail.
    pub limits: Vec<Limit>,
    /// All of it for programs.
    pub data: Value,
}

impl Report {
    /// A report without results yet.
    pub fn new(title: impl Into<String>, is_virtual: bool) -> Self {
        let title = title.into();
        Self {
            title,
            is_virtual,
            lines: Vec::new(),
            notes: Vec::new(),
            limits: Vec::new(),
            data: Value::Null,
        }
    }

    /// Adds a line.
    pub fn line(&mut self, name: &str, value: impl Into<String>) {
        self.lines.push((name.into(), value.into()));
    }

    /// Whether every limit is kept.
    pub fn passes(&self) -> bool {
        self.limits.iter().all(|limit| limit.kept)
    }

    /// The summary for people.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        if self.is_virtual {
            text += &format!("{VIRTUAL_STAMP}\n");
        }
        let width = self.lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in &self.lines {
            text += &format!("  {name:<width$}  {value}\n");
        }
        for note in &self.notes {
            text += &format!("  Note: {note}\n");
        }
        for limit in &self.limits {
            text += &format!("{}\n", limit.line());
        }
        text + if self.passes() { "PASS\n" } else { "FAIL\n" }
    }

    /// Writes the results for programs.
    pub fn save_json(&self, command: &str, path: &Path) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Json<'a> {
            tool: &'a str,
            version: &'a str,
            command: &'a str,
            title: &'a str,
            stamp: Option<&'a str>,
            pass: bool,
            limits: &'a [Limit],
            notes: &'a [String],
            results: &'a Value,
        }
        let json = Json {
            tool: "sonset-check",
            version: env!("CARGO_PKG_VERSION"),
            command,
            title: &self.title,
            stamp: self.is_virtual.then_some(VIRTUAL_STAMP),
            pass: self.passes(),
            limits: &self.limits,
            notes: &self.notes,
            results: &self.data,
        };
        write_json(path, &json)
    }
}

/// Writes `value` to `path`, or to the standard output for '-'.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure(format!("JSON: {error}")))? + "\n";
    if path == Path::new("-") {
        print!("{text}");
        return Ok(());
    }
    fs::write(path, text).map_err(|error| Failure(format!("'{}' cannot be written: {error}", path.display())))
}
