//! What the independent recorder measured: times in a CSV file, or onsets in a WAV recording.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Serialize;

use crate::cli::{RecorderArgs, Unit};
use crate::report::Refusal;
use crate::stats::median_of;

/// A threshold below so many times the noise is crossed by the noise now and then, and early by the sound.
const LEAST_OVER_NOISE: f64 = 8.0;
/// From this magnitude on a recorder is at its end.
const FULL_SCALE: f64 = 0.999;
/// Part of a normal noise's samples that are nearer to its median than `NEAREST_SD` times its standard deviation.
const NEAREST: f64 = 0.1;
const NEAREST_SD: f64 = 0.125_66;

/// Onsets in seconds of the recorder's clock, in order.
#[derive(Debug, Serialize)]
pub struct Recorded {
    file: String,
    onsets: usize,
    /// The channels of a WAV file, the sound's first.
    channels: Vec<Channel>,
    #[serde(skip)]
    pub onsets_s: Vec<f64>,
    /// The recorder's own marks of when each was due.
    #[serde(skip)]
    pub reference_s: Option<Vec<f64>>,
}

/// How a channel of a WAV file was read, full scale being 1.
#[derive(Debug, Serialize)]
struct Channel {
    channel: u16,
    threshold: f64,
    /// Standard deviation of what is there between the sounds.
    noise: f64,
    reaches_full_scale: bool,
}

impl Recorded {
    /// Reads a file; `reference` names a column or a channel.
    pub fn read(path: &Path, args: &RecorderArgs, reference: Option<&str>) -> Result<Self, Refusal> {
        let is_wav = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"));
        let mut recorded = match is_wav {
            true => Self::of_wav(path, args, reference)?,
            false => Self::of_csv(path, args, reference)?,
        };
        recorded.onsets = recorded.onsets_s.len();
        recorded.onsets_s.sort_by(f64::total_cmp);
        recorded.reference_s.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
        Ok(recorded)
    }

    fn of_csv(path: &Path, args: &RecorderArgs, reference: Option<&str>) -> Result<Self, Refusal> {
        let scale = match (args.unit, args.rate) {
            (Unit::S, _) => 1.0,
            (Unit::Ms, _) => 1e-3,
            (Unit::Samples, Some(rate)) => 1.0 / rate,
            (Unit::Samples, None) => {
                return Err(Refusal::new("usage", "--unit samples needs the recorder's --rate in hertz"));
            }
        };
        let rows = rows(path)?;
        let times = |name: &str| -> Result<Vec<f64>, Refusal> {
            Ok(column(path, &rows, name)?.into_iter().map(|time| time * scale).collect())
        };
        Ok(Self::new(path, times(&args.column)?, reference.map(times).transpose()?, Vec::new()))
    }

    fn of_wav(path: &Path, args: &RecorderArgs, reference: Option<&str>) -> Result<Self, Refusal> {
        let (onsets, sound) = channel_onsets(path, args.channel, args.threshold, args.refractory_ms)?;
        let Some(reference) = reference else {
            return Ok(Self::new(path, onsets, None, vec![sound]));
        };
        let channel = reference.parse::<u16>().map_err(|_| {
            Refusal::new("usage", format!("--reference {reference}: for a WAV file, the number of a channel"))
        })?;
        let (marks, other) = channel_onsets(path, channel, args.reference_threshold, args.refractory_ms)?;
        Ok(Self::new(path, onsets, Some(marks), vec![sound, other]))
    }

    fn new(path: &Path, onsets_s: Vec<f64>, reference_s: Option<Vec<f64>>, channels: Vec<Channel>) -> Self {
        Self { file: path.display().to_string(), onsets: 0, channels, onsets_s, reference_s }
    }

    /// Adds a constant to every time.
    pub fn shift(&mut self, seconds: f64) {
        self.onsets_s.iter_mut().for_each(|time| *time += seconds);
    }

    /// In one line.
    pub fn line(&self) -> String {
        let reference = match &self.reference_s {
            Some(times) => format!(", {} reference marks", times.len()),
            None => String::new(),
        };
        let thresholds: Vec<String> = self.channels.iter().map(|c| format!("{:.4}", c.threshold)).collect();
        let at = match thresholds.is_empty() {
            true => String::new(),
            false => format!(" (threshold {} of full scale)", thresholds.join(", ")),
        };
        format!("{}: {} onsets{reference}{at}", self.file, self.onsets)
    }

    /// What makes the onsets of a WAV file doubtful.
    pub fn doubts(&self) -> Vec<String> {
        let weak = self.channels.iter().filter(|one| one.threshold < LEAST_OVER_NOISE * one.noise).map(|one| {
            let Channel { channel, threshold, noise, .. } = one;
            format!(
                "channel {channel} is WEAK: its threshold of {threshold:.4} is {:.1} times the noise between the sounds, \
                 {LEAST_OVER_NOISE} are wanted: onsets may be noise or early. Record it louder",
                threshold / noise
            )
        });
        // A trigger that is cut off is as steep as before.
        let clipped = self.channels.first().filter(|sound| sound.reaches_full_scale).map(|sound| {
            format!(
                "channel {} is CLIPPED: how large its sounds are is not known, nor what part of that the threshold is. \
                 Turn the recorder down",
                sound.channel
            )
        });
        weak.chain(clipped).collect()
    }
}

fn unreadable(path: &Path, error: impl std::fmt::Display) -> Refusal {
    Refusal::new("onsets", format!("'{}' cannot be read: {error}", path.display()))
}

/// All rows, the header too. Fields are separated by what the first line has: a semicolon, a tab or a comma.
fn rows(path: &Path) -> Result<Vec<csv::StringRecord>, Refusal> {
    let mut first = String::new();
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    BufReader::new(file).read_line(&mut first).map_err(|error| unreadable(path, error))?;
    let delimiter = [b';', b'\t'].into_iter().find(|byte| first.as_bytes().contains(byte)).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|error| unreadable(path, error))?;
    let rows: Result<Vec<_>, _> = reader.records().collect();
    rows.map_err(|error| unreadable(path, error))
}

/// The numbers of a column that is given by its name or its number. Empty fields are left out.
fn column(path: &Path, rows: &[csv::StringRecord], name: &str) -> Result<Vec<f64>, Refusal> {
    if rows.is_empty() {
        return Err(unreadable(path, "it is empty"));
    }
    let header =
        rows.first().filter(|row| row.iter().any(|field| field.parse::<f64>().is_err() && !field.is_empty()));
    let by_name = header.and_then(|row| row.iter().position(|field| field == name));
    let by_number = || name.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let width = rows.iter().map(csv::StringRecord::len).max().unwrap_or(0);
    let Some(index) = by_name.or_else(by_number).filter(|index| *index < width) else {
        let names = header.map(|row| row.iter().collect::<Vec<_>>().join(", "));
        let names = names.unwrap_or_else(|| format!("{width} columns without names"));
        return Err(Refusal::new(
            "usage",
            format!("'{}' has no column '{name}': it has {names}", path.display()),
        ));
    };
    let fields = rows.iter().enumerate().skip(header.iter().count());
    let fields = fields.map(|(row, fields)| (row, fields.get(index).unwrap_or("")));
    let times: Result<Vec<f64>, Refusal> = fields
        .filter(|(_, field)| !field.is_empty())
        .map(|(row, field)| time(path, row + 1, field))
        .collect();
    match times {
        Ok(times) if times.is_empty() => {
            Err(Refusal::new("onsets", format!("'{}' has no times in column '{name}'", path.display())))
        }
        times => times,
    }
}

fn time(path: &Path, row: usize, field: &str) -> Result<f64, Refusal> {
    let hint = if field.contains(',') { " (decimals are written with a point)" } else { "" };
    let time = field.parse::<f64>().ok().filter(|time| time.is_finite());
    time.ok_or_else(|| unreadable(path, format!("'{field}' in row {row} is no time{hint}")))
}

/// Onsets in a channel (from 1) in seconds, and how they were found.
fn channel_onsets(
    path: &Path,
    channel: u16,
    threshold: Option<f64>,
    refractory_ms: f64,
) -> Result<(Vec<f64>, Channel), Refusal> {
    let (mut samples, rate) = samples(path, channel)?;
    let reaches_full_scale = samples.iter().any(|sample| sample.abs() >= FULL_SCALE);
    let median = median_of(&mut samples.clone());
    samples.iter_mut().for_each(|sample| *sample = (*sample - median).abs());
    let largest = samples.iter().copied().fold(0.0, f64::max);
    let threshold = threshold.unwrap_or(largest / 2.0);
    if largest == 0.0 {
        return Err(Refusal::new(
            "onsets",
            format!("channel {channel} of '{}' is silent: all its samples are {median:.4}", path.display()),
        ));
    }
    if largest < threshold {
        return Err(Refusal::new(
            "onsets",
            format!(
                "channel {channel} of '{}' never gets {threshold} away from its median {median:.4}: at most {largest:.4}",
                path.display()
            ),
        ));
    }
    let refractory = (refractory_ms * 1e-3 * rate).ceil() as usize;
    let onsets = crossings(&samples, threshold, refractory);
    let noise = noise(&mut samples);
    let found = Channel { channel, threshold, noise, reaches_full_scale };
    Ok((onsets.into_iter().map(|frame| frame / rate).collect(), found))
}

/// Standard deviation of the noise between the sounds, by the smallest of all magnitudes: however large and long the
/// sounds are, those are of the noise. Reorders the magnitudes.
fn noise(magnitudes: &mut [f64]) -> f64 {
    let place = (magnitudes.len() as f64 * NEAREST) as usize;
    *magnitudes.select_nth_unstable_by(place, f64::total_cmp).1 / NEAREST_SD
}

/// One channel of a WAV file, full scale being 1, and the rate.
fn samples(path: &Path, channel: u16) -> Result<(Vec<f64>, f64), Refusal> {
    let mut reader = hound::WavReader::open(path).map_err(|error| unreadable(path, error))?;
    let spec = reader.spec();
    if !(1..=spec.channels).contains(&channel) {
        return Err(Refusal::new(
            "usage",
            format!("'{}' has {} channels and no channel {channel}", path.display(), spec.channels),
        ));
    }
    let (first, step) = (channel as usize - 1, spec.channels as usize);
    let full = (1i64 << (spec.bits_per_sample - 1)) as f64;
    let samples: Result<Vec<f64>, _> = match spec.sample_format {
        hound::SampleFormat::Float => {
            reader.samples::<f32>().skip(first).step_by(step).map(|s| s.map(f64::from)).collect()
        }
        hound::SampleFormat::Int => {
            reader.samples::<i32>().skip(first).step_by(step).map(|s| s.map(|s| s as f64 / full)).collect()
        }
    };
    Ok((samples.map_err(|error| unreadable(path, error))?, spec.sample_rate as f64))
}

/// Where magnitudes reach `threshold` after `refractory` samples below it, by a straight line between samples.
/// Before the file there was silence, but what it begins with is no onset.
pub fn crossings(magnitudes: &[f64], threshold: f64, refractory: usize) -> Vec<f64> {
    let mut onsets = Vec::new();
    let mut quiet = refractory;
    for (n, pair) in (0i64..).zip(magnitudes.windows(2)) {
        let (before, now) = (pair[0], pair[1]);
        quiet = if before < threshold { quiet.saturating_add(1) } else { 0 };
        if now >= threshold && quiet >= refractory.max(1) {
            onsets.push(n as f64 + (threshold - before) / (now - before));
        }
    }
    onsets
}
