//! The starts that sonset claims, from a receipt log.

use std::path::Path;

use serde::Deserialize;

use crate::Failure;
use crate::cli::RecorderClock;

/// One sound that was started.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Start {
    /// When, in seconds after the first one, or of the clock asked for.
    pub seconds: f64,
    /// What the receipt says of the uncertainty of that, in µs.
    pub uncertainty_us: f64,
}

#[derive(Debug, Deserialize)]
struct Row {
    kind: String,
    start_frame: i64,
    start_host_ns: i64,
    realtime_offset_ns: i64,
    host_uncertainty_ns: i64,
}

/// The starts of sounds in a log, in the order of time. With the recorder's own clock they count from the
/// first one, else they are times of the clock.
pub fn starts(path: &Path, clock: RecorderClock) -> Result<Vec<Start>, Failure> {
    let wrong = |what: String| Failure(format!("'{}': {what}", path.display()));
    let mut reader = csv::Reader::from_path(path).map_err(|error| wrong(error.to_string()))?;
    let mut rows: Vec<Row> = Vec::new();
    for row in reader.deserialize() {
        let row: Row = row.map_err(|error| wrong(format!("no receipt log of sonset: {error}")))?;
        if row.kind.starts_with("play_") && row.start_frame >= 0 {
            rows.push(row);
        }
    }
    if let Some(unknown) = rows.iter().find(|row| row.start_host_ns < 0) {
        let frame = unknown.start_frame;
        return Err(wrong(format!("the sound at frame {frame} has no host time; the stream knew no clock")));
    }
    let time = |row: &Row| match clock {
        RecorderClock::Realtime => row.start_host_ns + row.realtime_offset_ns,
        RecorderClock::Own | RecorderClock::Monotonic => row.start_host_ns,
    };
    rows.sort_by_key(time);
    let zero = match (clock, rows.first()) {
        (RecorderClock::Own, Some(first)) => time(first),
        (RecorderClock::Own, None) => return Err(wrong("no sound was started".into())),
        _ => 0,
    };
    let start = |row: &Row| Start {
        seconds: (time(row) - zero) as f64 * 1e-9,
        uncertainty_us: row.host_uncertainty_ns as f64 * 1e-3,
    };
    Ok(rows.iter().map(start).collect())
}
