//! The onsets that a recorder measured, in seconds of its clock.

use std::path::Path;

use hound::{SampleFormat, WavReader};

use crate::Failure;
use crate::cli::External;

/// Onsets of the sound, and of the triggers if there are any.
pub struct Recorded {
    /// Of the sound.
    pub onsets: Vec<f64>,
    /// Of the trigger line.
    pub triggers: Option<Vec<f64>>,
}

/// Reads the recorder's file.
pub fn read(args: &External) -> Result<Recorded, Failure> {
    let path = &args.onsets;
    let is_wav = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"));
    let read = |what: &str| {
        if is_wav { from_wav(path, what, args) } else { from_csv(path, what, args.units_per_s) }
    };
    let sound = if is_wav { args.channel.to_string() } else { args.column.clone() };
    let onsets = read(&sound)?;
    if onsets.is_empty() {
        return Err(Failure(format!("'{}' holds no onset", path.display())));
    }
    Ok(Recorded { onsets, triggers: args.reference.as_deref().map(read).transpose()? })
}

/// A column of times, by name or by number from 1. Empty cells are passed over.
fn from_csv(path: &Path, column: &str, units_per_s: f64) -> Result<Vec<f64>, Failure> {
    let wrong = |what: String| Failure(format!("'{}': {what}", path.display()));
    if !(units_per_s > 0.0 && units_per_s.is_finite()) {
        return Err(Failure(format!("--units-per-s {units_per_s}: above 0")));
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|error| wrong(error.to_string()))?;
    let rows: Vec<csv::StringRecord> =
        reader.records().collect::<Result<_, _>>().map_err(|error| wrong(error.to_string()))?;
    let named = rows.first().and_then(|head| head.iter().position(|name| name == column));
    let index = match (named, column.parse::<usize>()) {
        (Some(index), _) => index,
        (None, Ok(number @ 1..)) => number - 1,
        _ => return Err(wrong(format!("there is no column '{column}'"))),
    };
    let mut times = Vec::new();
    for (line, row) in rows.iter().enumerate() {
        match row.get(index) {
            None | Some("") => {}
            Some(text) => match text.parse::<f64>() {
                Ok(time) if time.is_finite() => times.push(time / units_per_s),
                // The first line may hold names.
                _ if line == 0 => {}
                _ => return Err(wrong(format!("line {}: '{text}' is no time", line + 1))),
            },
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

fn from_wav(path: &Path, channel: &str, args: &External) -> Result<Vec<f64>, Failure> {
    let wrong = |what: String| Failure(format!("'{}': {what}", path.display()));
    let mut reader = WavReader::open(path).map_err(|error| wrong(error.to_string()))?;
    let spec = reader.spec();
    let channels = spec.channels as usize;
    let number = channel.parse::<usize>().ok().filter(|number| (1..=channels).contains(number));
    let Some(number) = number else {
        return Err(wrong(format!("there is no channel {channel}, only 1 to {channels}")));
    };
    let samples: Vec<f64> = match spec.sample_format {
        SampleFormat::Float => {
            reader.samples::<f32>().map(|sample| sample.map(f64::from)).collect::<Result<_, _>>()
        }
        SampleFormat::Int => {
            reader.samples::<i32>().map(|sample| sample.map(f64::from)).collect::<Result<_, _>>()
        }
    }
    .map_err(|error| wrong(error.to_string()))?;
    let samples: Vec<f64> = samples.into_iter().skip(number - 1).step_by(channels).collect();
    if !(args.threshold > 0.0 && args.threshold < 1.0) {
        return Err(Failure(format!("--threshold {}: between 0 and 1", args.threshold)));
    }
    Ok(crossings(&samples, spec.sample_rate as f64, args.threshold, args.dead_time_ms * 1e-3))
}

/// Where the magnitude passes a share of the peak, between samples by a straight line; after each one none for
/// the dead time, counted from when it was last that loud.
fn crossings(samples: &[f64], rate: f64, share: f64, dead_s: f64) -> Vec<f64> {
    let peak = samples.iter().fold(0.0f64, |peak, sample| peak.max(sample.abs()));
    let threshold = share * peak;
    let mut onsets = Vec::new();
    let mut quiet_since = f64::NEG_INFINITY;
    let mut before = 0.0;
    for (n, sample) in samples.iter().enumerate() {
        let (now, level) = (n as f64 / rate, sample.abs());
        if level >= threshold && threshold > 0.0 {
            if now - quiet_since > dead_s {
                let part =
                    if level > before { ((threshold - before) / (level - before)).max(0.0) } else { 0.0 };
                onsets.push((n as f64 - 1.0 + part).max(0.0) / rate);
            }
            quiet_since = now;
        }
        before = level;
    }
    onsets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_is_found_between_samples_and_once_a_sound() {
        let mut samples = vec![0.0; 1_000];
        for (n, sample) in samples.iter_mut().enumerate().skip(100).take(200) {
            *sample = if n == 100 { 0.25 } else { (n as f64).cos().signum() };
        }
        samples[700] = -1.0;
        // From 0.25 at frame 100 to 1 at 101 the line passes 0.5 a third of the way.
        let onsets = crossings(&samples, 1_000.0, 0.5, 0.1);
        assert_eq!(onsets.len(), 2);
        assert!((onsets[0] - 0.100_333_3).abs() < 1e-6 && (onsets[1] - 0.699_5).abs() < 1e-6, "{onsets:?}");
        assert!(crossings(&[0.0; 10], 1_000.0, 0.5, 0.1).is_empty());
    }
}
