//! The receipt log: when sounds were at the converter, as the receipts say.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::report::Refusal;
use crate::stats::median_of;

/// The fields of a receipt that matter here, by the names that the log gives them.
#[derive(Debug, Deserialize)]
struct Row {
    tag: i64,
    kind: String,
    start_frame: i64,
    start_host_ns: i64,
    realtime_offset_ns: i64,
    host_uncertainty_ns: i64,
    latency_source: i32,
    /// Empty in logs that do not say.
    #[serde(default)]
    backend: String,
}

impl Row {
    /// Whether it is of a sound. The input played on is none: it starts with whatever comes in.
    fn is_of(&self, tag: Option<i64>) -> bool {
        self.kind.starts_with("play_") && self.kind != "play_input" && tag.is_none_or(|tag| tag == self.tag)
    }
}

/// Sounds that were played.
#[derive(Debug, Serialize)]
pub struct Receipts {
    file: String,
    /// Seconds since the first, by the host's MONOTONIC clock, in order.
    #[serde(skip)]
    pub onsets_s: Vec<f64>,
    sounds: usize,
    /// MONOTONIC time of the first.
    first_host_ns: i64,
    realtime_offset_ns: i64,
    /// Sounds that never started.
    pub not_started: usize,
    median_uncertainty_us: f64,
    /// Receipts whose latency holds a bias of the user's.
    pub calibrated: usize,
    /// Receipts without any latency.
    pub latency_unknown: usize,
    /// Whether any is of the virtual device.
    #[serde(skip)]
    pub is_virtual: bool,
}

impl Receipts {
    /// The sounds with `tag`, or all.
    pub fn read(path: &Path, tag: Option<i64>) -> Result<Self, Refusal> {
        let bad = |error: csv::Error| {
            let wanted = "wanted is a file of sonset_stream_log_receipts";
            Refusal::new(
                "receipts",
                format!("'{}' cannot be read as receipts: {error} ({wanted})", path.display()),
            )
        };
        let mut reader = csv::Reader::from_path(path).map_err(bad)?;
        let mut rows = Vec::new();
        for row in reader.deserialize::<Row>() {
            rows.push(row.map_err(bad)?);
        }
        let all = rows.len();
        rows.retain(|row| row.is_of(tag));
        let played = rows.len();
        rows.retain(|row| row.start_frame >= 0);
        let started = rows.len();
        if let Some(row) = rows.iter().find(|row| row.start_host_ns < 0) {
            return Err(Refusal::new(
                "no clock",
                format!(
                    "the sound that started at frame {} has no host time in '{}': the stream had no clock fit then",
                    row.start_frame,
                    path.display()
                ),
            ));
        }
        rows.sort_by_key(|row| row.start_host_ns);
        let Some(first) = rows.first() else {
            return Err(Refusal::new(
                "receipts",
                format!(
                    "'{}' has no sound that was played ({all} receipts, {played} of sounds{}, {started} started)",
                    path.display(),
                    tag.map(|tag| format!(" with tag {tag}")).unwrap_or_default()
                ),
            ));
        };
        let count = |source: i32| rows.iter().filter(|row| row.latency_source == source).count();
        let mut uncertainties: Vec<f64> =
            rows.iter().map(|row| row.host_uncertainty_ns as f64 * 1e-3).collect();
        Ok(Self {
            file: path.display().to_string(),
            sounds: rows.len(),
            onsets_s: rows
                .iter()
                .map(|row| (row.start_host_ns - first.start_host_ns) as f64 * 1e-9)
                .collect(),
            first_host_ns: first.start_host_ns,
            realtime_offset_ns: first.realtime_offset_ns,
            not_started: played - started,
            median_uncertainty_us: median_of(&mut uncertainties),
            calibrated: count(2),
            latency_unknown: count(0),
            is_virtual: rows.iter().any(|row| row.backend == "virtual"),
        })
    }

    /// Host time of the first onset in seconds, by MONOTONIC or REALTIME.
    pub fn origin_s(&self, realtime: bool) -> f64 {
        let offset_ns = if realtime { self.realtime_offset_ns } else { 0 };
        (self.first_host_ns + offset_ns) as f64 * 1e-9
    }

    /// In one line.
    pub fn line(&self) -> String {
        let span = self.onsets_s.last().copied().unwrap_or(0.0);
        let (sounds, uncertainty) = (self.sounds, self.median_uncertainty_us);
        let idle = match self.not_started {
            0 => String::new(),
            n => format!(", {n} never started"),
        };
        format!("{}: {sounds} sounds in {span:.1} s{idle}, clock fit ± {uncertainty:.1} µs", self.file)
    }
}
