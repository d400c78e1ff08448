//! Finds known pulses in a recording, to a fraction of a sample, or says why it does not.

use std::f64::consts::PI;

use serde::Serialize;

use crate::report::Refusal;
use crate::stats::{Distribution, median_of};

/// How far from the common delay each pulse is looked for, in seconds: less than half a gap.
const STRAY_S: f64 = 0.02;
/// Closer than this, in seconds, two arrivals are one: the width of the pulse's own correlation.
const WIDTH_S: f64 = 0.001;
/// What a common delay must stand out by over the median of all delays to be a pulse at all.
const STANDS_OUT: f64 = 6.0;
/// A pulse that has less than this part of the common strength has not come back.
const FAINT: f64 = 0.5;
/// A second arrival with at least this part of the strength of the first (−12 dB) is an echo.
const ECHO: f64 = 0.25;
/// Least correlation coefficient of what came back with the pulse, in the median.
const LIKENESS: f64 = 0.5;
/// From this magnitude on a converter is at its end.
const FULL_SCALE: f32 = 0.999;
/// Equal samples in a row at the largest magnitude of a pulse: its top was cut.
const FLAT: usize = 3;
/// Fewest pulses that make a measurement.
const FEWEST: usize = 5;
/// Half the length of the interpolation, in samples.
const TAPS: i64 = 24;

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// How far before its own time a pulse is looked for.
    pub ahead_s: f64,
    /// Longest delay.
    pub longest_s: f64,
    /// Least ratio of pulse to noise that is trusted.
    pub least_snr_db: f64,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Arrivals {
    /// Pulses that were played and had time to come back, which all did.
    pub pulses: usize,
    /// Input frame of the arrival minus output frame. Where each direction has a callback of its own, their frames
    /// are counted from different zeros, and only the spread means anything.
    pub delay_frames: Distribution,
    pub each_delay_frames: Vec<f64>,
    /// Every pulse came back bit for bit, so that the delays are whole samples and no estimates.
    pub exact: bool,
    /// `None` where there was no noise.
    pub snr_db: Option<f64>,
    pub noise_dbfs: Option<f64>,
    pub gain_db: f64,
    pub inverted: bool,
}

/// Finds `pulse` in `recording` after each frame in `sent`, counted from its start. The recording must begin with silence.
pub fn find(
    recording: &[f32],
    sent: &[i64],
    pulse: &[f32],
    rate_hz: u32,
    search: &Search,
) -> Result<Arrivals, Refusal> {
    if sent.len() < FEWEST {
        return refuse(
            "too few",
            format!("{} pulses had time to come back: at least {FEWEST} are needed", sent.len()),
        );
    }
    if recording.iter().all(|sample| *sample == 0.0) {
        return refuse(
            "silent",
            "the recording holds nothing but zeros: check the cable, the input channel and whether the input is muted",
        );
    }
    let correlation = correlate(recording, pulse);
    let loops = Loop { recording, sent, pulse, correlation, rate: rate_hz as f64, search };
    let common = loops.common_delay()?;
    let noise = loops.noise_rms();
    let peaks: Vec<Peak> = (0..sent.len()).map(|n| loops.peak_near(n, common.delay)).collect();
    loops.check_clipping(&peaks)?;
    let snr_db = loops.check_strength(common.strength, noise)?;
    loops.check_all_came_back(&peaks, common.strength)?;
    loops.check_likeness(&peaks)?;
    loops.check_echoes(&peaks, &common)?;
    Ok(loops.arrivals(&peaks, snr_db, noise))
}

fn refuse<T>(reason: &'static str, sentence: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(reason, sentence))
}

fn db(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}

fn rms(samples: &[f32]) -> f64 {
    let squares: f64 = samples.iter().map(|sample| (*sample as f64).powi(2)).sum();
    (squares / samples.len().max(1) as f64).sqrt()
}

/// The correlation with the pulse from each frame on, 1 where the pulse itself is. By parts that stay in the cache.
pub fn correlate(recording: &[f32], pulse: &[f32]) -> Vec<f32> {
    const PART: usize = 4_096;
    let energy: f64 = pulse.iter().map(|sample| (*sample as f64).powi(2)).sum();
    let scaled: Vec<f32> = pulse.iter().map(|sample| (*sample as f64 / energy) as f32).collect();
    let length = (recording.len() + 1).saturating_sub(pulse.len());
    let mut sums = vec![0.0f32; length];
    for (part, sums) in sums.chunks_mut(PART).enumerate() {
        for (tap, weight) in scaled.iter().enumerate() {
            let heard = &recording[part * PART + tap..];
            sums.iter_mut().zip(heard).for_each(|(sum, sample)| *sum += weight * sample);
        }
    }
    sums
}

/// The delay that all pulses have in common, before each is looked at.
struct Common {
    delay: i64,
    strength: f64,
    /// For each delay from `first` on, the median strength over all pulses.
    profile: Vec<f64>,
    first: i64,
}

/// Where a pulse came back strongest: frame of the recording and correlation.
#[derive(Clone, Copy, Debug)]
struct Peak {
    frame: i64,
    value: f64,
}

/// What was played and what came back.
struct Loop<'a> {
    recording: &'a [f32],
    sent: &'a [i64],
    pulse: &'a [f32],
    correlation: Vec<f32>,
    rate: f64,
    search: &'a Search,
}

impl Loop<'_> {
    fn frames(&self, seconds: f64) -> i64 {
        (seconds * self.rate).round() as i64
    }

    fn correlation(&self, frame: i64) -> f64 {
        usize::try_from(frame).ok().and_then(|n| self.correlation.get(n)).map_or(0.0, |value| *value as f64)
    }

    /// The delay with the strongest median over the pulses. As their distances are random, anything else that is
    /// heard is at no delay for most of them.
    fn common_delay(&self) -> Result<Common, Refusal> {
        let (first, last) = (-self.frames(self.search.ahead_s), self.frames(self.search.longest_s));
        let mut strengths = vec![0.0; self.sent.len()];
        let profile: Vec<f64> = (first..=last)
            .map(|delay| {
                let each = strengths.iter_mut().enumerate();
                each.for_each(|(n, strength)| *strength = self.correlation(self.sent[n] + delay).abs());
                median_of(&mut strengths)
            })
            .collect();
        let (best, strength) = (0i64..)
            .zip(&profile)
            .fold((0, 0.0), |best, (n, strength)| if *strength > best.1 { (n, *strength) } else { best });
        let usual = median_of(&mut profile.clone());
        if strength == 0.0 || strength < STANDS_OUT * usual {
            let (ms, noise) = (self.search.longest_s * 1e3, db(self.noise_rms()));
            return refuse(
                "missing",
                format!(
                    "no pulse was found up to {ms:.0} ms after it was played (noise {noise:.1} dBFS): check the \
                     cable and the channels, turn output and input up, or look for longer with --longest-ms"
                ),
            );
        }
        Ok(Common { delay: first + best, strength, profile, first })
    }

    /// RMS of the recording before the first pulse can have come, without its very beginning.
    fn noise_rms(&self) -> f64 {
        let end =
            (self.sent[0] - self.frames(self.search.ahead_s)).clamp(0, self.recording.len() as i64) as usize;
        rms(&self.recording[end / 4..end])
    }

    /// The strongest arrival of pulse `n` near `delay`.
    fn peak_near(&self, n: usize, delay: i64) -> Peak {
        let (middle, stray) = (self.sent[n] + delay, self.frames(STRAY_S));
        let each =
            (middle - stray..=middle + stray).map(|frame| Peak { frame, value: self.correlation(frame) });
        each.fold(Peak { frame: middle, value: 0.0 }, |best, peak| {
            if peak.value.abs() > best.value.abs() { peak } else { best }
        })
    }

    /// What was recorded of a pulse.
    fn heard(&self, peak: &Peak) -> &[f32] {
        let length = self.recording.len();
        let begin = (peak.frame.max(0) as usize).min(length);
        &self.recording[begin..(begin + self.pulse.len()).min(length)]
    }

    fn check_clipping(&self, peaks: &[Peak]) -> Result<(), Refusal> {
        let clipped = peaks.iter().filter(|peak| is_clipped(self.heard(peak))).count();
        if clipped == 0 {
            return Ok(());
        }
        let loudest = peaks.iter().flat_map(|peak| self.heard(peak)).fold(0.0f32, |a, b| a.max(b.abs()));
        refuse(
            "clipped",
            format!(
                "{clipped} of {} pulses came back clipped (largest magnitude {loudest:.4}, {:.1} dBFS): turn the \
                 input or the output down, or play with a lower --level-db",
                peaks.len(),
                db(loudest as f64)
            ),
        )
    }

    /// The ratio of pulse to noise, if it is enough; `None` without noise.
    fn check_strength(&self, strength: f64, noise: f64) -> Result<Option<f64>, Refusal> {
        let level = strength * rms(self.pulse);
        if noise == 0.0 {
            return Ok(None);
        }
        let (snr, least) = (db(level / noise), self.search.least_snr_db);
        if snr >= least {
            return Ok(Some(snr));
        }
        let (level, noise) = (db(level), db(noise));
        refuse(
            "weak",
            format!(
                "the pulses come back at {level:.1} dBFS, {snr:.1} dB above the noise of {noise:.1} dBFS, and \
                 {least:.1} dB are wanted: turn output or input up, or play with a higher --level-db"
            ),
        )
    }

    fn check_all_came_back(&self, peaks: &[Peak], strength: f64) -> Result<(), Refusal> {
        let lost = peaks.iter().filter(|peak| peak.value.abs() < FAINT * strength).count();
        if lost == 0 {
            return Ok(());
        }
        refuse(
            "missing",
            format!(
                "{lost} of {} pulses did not come back within {:.0} ms of the common delay, or at less than half \
                 its strength: look for xruns, a loose plug, or something that gates or ducks the sound \
                 (searched up to {:.0} ms)",
                peaks.len(),
                STRAY_S * 1e3,
                self.search.longest_s * 1e3
            ),
        )
    }

    /// Fails if something else is heard where the pulses are.
    fn check_likeness(&self, peaks: &[Peak]) -> Result<(), Refusal> {
        let likeness = |peak: &Peak| {
            let heard = rms(self.heard(peak));
            if heard > 0.0 { peak.value.abs() * rms(self.pulse) / heard } else { 0.0 }
        };
        let median = median_of(&mut peaks.iter().map(likeness).collect::<Vec<f64>>());
        if median >= LIKENESS {
            return Ok(());
        }
        refuse(
            "unlike",
            format!(
                "what comes back has a correlation of {median:.2} with the pulse, and {LIKENESS} is wanted: \
                 something else sounds with it, or the way distorts"
            ),
        )
    }

    /// Fails if most pulses arrive twice at one and the same distance.
    fn check_echoes(&self, peaks: &[Peak], common: &Common) -> Result<(), Refusal> {
        let width = self.frames(WIDTH_S);
        let mut candidates: Vec<(i64, f64)> = (common.first..)
            .zip(common.profile.iter().copied())
            .filter(|(delay, strength)| {
                (delay - common.delay).abs() > width && *strength >= ECHO * common.strength
            })
            .collect();
        candidates.sort_by(|a, b| b.1.total_cmp(&a.1));
        let repeats = |delay: i64| {
            let twice = |(n, peak): &(usize, &Peak)| {
                let other = self.sent[*n] + delay;
                (other - peak.frame).abs() > width && self.correlation(other).abs() >= ECHO * peak.value.abs()
            };
            peaks.iter().enumerate().filter(twice).count()
        };
        let echo = candidates.into_iter().take(100).find(|(delay, _)| 2 * repeats(*delay) > peaks.len());
        let Some((delay, strength)) = echo else { return Ok(()) };
        let ms = |frames: i64| frames as f64 * 1e3 / self.rate;
        refuse(
            "repeated",
            format!(
                "the pulses come back more than once, {:.2} ms and {:.2} ms after they were played, the second \
                 {:.1} dB against the first: which one is the way to be measured is not known. Use a cable \
                 instead of loudspeaker and microphone, and switch monitoring off",
                ms(common.delay),
                ms(delay),
                db(strength / common.strength)
            ),
        )
    }

    fn arrivals(&self, peaks: &[Peak], snr_db: Option<f64>, noise: f64) -> Arrivals {
        let exact = peaks.iter().all(|peak| self.heard(peak) == self.pulse);
        let place = |peak: &Peak| match exact {
            true => peak.frame as f64,
            false => self.refine(peak),
        };
        let each: Vec<f64> =
            peaks.iter().zip(self.sent).map(|(peak, sent)| place(peak) - *sent as f64).collect();
        let strength = median_of(&mut peaks.iter().map(|peak| peak.value.abs()).collect::<Vec<f64>>());
        let inverted = peaks.iter().filter(|peak| peak.value < 0.0).count() * 2 > peaks.len();
        Arrivals {
            pulses: self.sent.len(),
            delay_frames: Distribution::of(&each).unwrap_or_default(),
            each_delay_frames: each,
            exact,
            snr_db,
            noise_dbfs: (noise > 0.0).then(|| db(noise)),
            gain_db: db(strength),
            inverted,
        }
    }

    /// Where the correlation between samples is largest: it has no more bandwidth than the pulse, so a windowed
    /// sinc gives it there.
    fn refine(&self, peak: &Peak) -> f64 {
        let sign = peak.value.signum();
        let (mut low, mut high) = (-1.0, 1.0);
        // Each step leaves two thirds: 45 of them less than a ten-millionth of a sample.
        for _ in 0..45 {
            let third = (high - low) / 3.0;
            let (left, right) = (low + third, high - third);
            match sign * self.between(peak.frame, left) < sign * self.between(peak.frame, right) {
                true => low = left,
                false => high = right,
            }
        }
        peak.frame as f64 + (low + high) / 2.0
    }

    /// The correlation `offset` samples after `frame`.
    fn between(&self, frame: i64, offset: f64) -> f64 {
        (-TAPS..=TAPS)
            .map(|tap| {
                let x = offset - tap as f64;
                let window = 0.5 + 0.5 * (PI * x / (TAPS as f64 + 1.0)).cos();
                let sinc = if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
                self.correlation(frame + tap) * sinc * window
            })
            .sum()
    }
}

/// Whether a pulse touched full scale, or has a flat top.
fn is_clipped(heard: &[f32]) -> bool {
    let top = heard.iter().fold(0.0f32, |top, sample| top.max(sample.abs()));
    let flat =
        heard.windows(FLAT).any(|row| row[0].abs() == top && row.iter().all(|sample| *sample == row[0]));
    top >= FULL_SCALE || (flat && top > 0.0)
}
