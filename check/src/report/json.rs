//! Results for programs.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::Report;

/// All of a report.
pub fn of(report: &Report) -> Value {
    json!({
        "tool": "sonset-check",
        "version": env!("CARGO_PKG_VERSION"),
        "command": report.command,
        "stamp": report.stamp(),
        "interrupted": report.interrupted,
        "exit_status": report.status(),
        "refusal": report.refusal,
        "limits": report.checks.0,
        "result": report.result,
    })
}

/// Writes to a file, or to standard output for '-'.
pub fn write(path: &Path, value: &Value) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    match path == Path::new("-") {
        true => io::stdout().write_all(text.as_bytes()),
        false => std::fs::write(path, text),
    }
}
