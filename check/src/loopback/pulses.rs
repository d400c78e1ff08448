//! The pulse, and finding it in a recording. What cannot be told for certain is refused.

use std::f64::consts::{PI, TAU};

/// Length of a pulse in seconds.
const PULSE_S: f64 = 0.010;
/// A pulse must stand out of the noise by so much, as the output of the matched filter: 26 dB.
const LEAST_SNR: f64 = 20.0;
/// What came back must have at least this correlation with the pulse.
const LEAST_LIKENESS: f64 = 0.5;
/// A second arrival this strong, against the first, leaves open which of them is meant.
const STRONGEST_ECHO: f64 = 0.5;
/// Nearer than this, in seconds, two arrivals are one.
const ONE_ARRIVAL_S: f64 = 0.0005;
/// At this magnitude a converter is at its end.
const FULL_SCALE: f32 = 0.999;

/// A sweep from 300 Hz up to 16 kHz, or 0.4 of the rate, under a Hann window: its matched filter has one
/// narrow peak, and it passes a cable that blocks direct current.
pub fn pulse(rate: u32) -> Vec<f32> {
    let length = (PULSE_S * rate as f64).round();
    let (low, high) = (300.0, (0.4 * rate as f64).min(16_000.0));
    (0..length as usize)
        .map(|n| {
            let t = n as f64 / rate as f64;
            let phase = TAU * (low * t + (high - low) * t * t / (2.0 * PULSE_S));
            let window = (PI * (n as f64 + 0.5) / length).sin().powi(2);
            (window * phase.sin()) as f32
        })
        .collect()
}

/// Where to look.
pub struct Search<'a> {
    /// The input, from the frame at which the first one is counted as 0.
    pub recording: &'a [f32],
    /// Frames of it before the first pulse was played, all silence and noise.
    pub silence: usize,
    /// Where each pulse was played, counted likewise.
    pub played: &'a [usize],
    /// What was played.
    pub pulse: &'a [f32],
    /// Longest round trip in frames.
    pub longest: usize,
    /// Rate in hertz.
    pub rate: f64,
}

/// One pulse that came back.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Frames from its start in the output to its start in the input.
    pub round_trip: f64,
    /// Gain of the way, negative if it inverts.
    pub gain: f64,
    /// Height over the noise of the matched filter; infinite without noise.
    pub snr: f64,
}

impl Search<'_> {
    /// Finds every pulse, or says why nothing is certain.
    pub fn find(&self) -> Result<Vec<Arrival>, String> {
        self.refuse_clipping()?;
        let noise = self.noise();
        let arrivals: Vec<Result<Arrival, String>> =
            self.played.iter().map(|&played| self.arrival(played, noise)).collect();
        let lost: Vec<&String> = arrivals.iter().filter_map(|arrival| arrival.as_ref().err()).collect();
        match lost[..] {
            [] => Ok(arrivals.into_iter().flatten().collect()),
            [reason, ..] => {
                Err(format!("{} of {} pulses cannot be told: {reason}", lost.len(), arrivals.len()))
            }
        }
    }

    fn refuse_clipping(&self) -> Result<(), String> {
        let clipped = self.recording.iter().filter(|sample| sample.abs() >= FULL_SCALE).count();
        match clipped {
            0 => Ok(()),
            _ => Err(format!(
                "the input clips: {clipped} samples are at full scale; turn the input's gain down, or --level"
            )),
        }
    }

    /// The spread of the matched filter's output where there is only noise.
    fn noise(&self) -> f64 {
        let end = self.silence.saturating_sub(self.pulse.len());
        let squares: f64 = (0..end).map(|at| self.filtered(at).powi(2)).sum();
        (squares / end.max(1) as f64).sqrt()
    }

    /// The matched filter's output for a pulse that begins at frame `at` of the recording.
    fn filtered(&self, at: usize) -> f64 {
        let pairs = self.recording.get(at..).unwrap_or_default().iter().zip(self.pulse);
        pairs.map(|(&sample, &pulse)| sample as f64 * pulse as f64).sum()
    }

    fn arrival(&self, played: usize, noise: f64) -> Result<Arrival, String> {
        let heights: Vec<f64> = (0..=self.longest).map(|lag| self.filtered(played + lag)).collect();
        let best =
            (0..heights.len()).max_by(|&a, &b| heights[a].abs().total_cmp(&heights[b].abs())).unwrap_or(0);
        let height = heights[best];
        if height == 0.0 {
            return Err("nothing came back, not even noise: is the cable in, and the channel right?".into());
        }
        let snr = height.abs() / noise;
        if snr < LEAST_SNR {
            return Err(format!(
                "it is only {:.1} dB above the noise, and {:.0} dB are needed; is the cable in, the channel right, \
                 the gain up? --level plays louder pulses",
                20.0 * snr.log10(),
                20.0 * LEAST_SNR.log10()
            ));
        }
        let likeness = self.likeness(played + best, height);
        if likeness < LEAST_LIKENESS {
            return Err(format!(
                "what came back has a correlation of only {likeness:.2} with the pulse, and {LEAST_LIKENESS} is \
                 needed: something else sounds, or the way distorts"
            ));
        }
        self.refuse_echo(&heights, best)?;
        let energy: f64 = self.pulse.iter().map(|&sample| (sample as f64).powi(2)).sum();
        let (between, top) = vertex(&heights, best);
        Ok(Arrival { round_trip: best as f64 + between, gain: top.copysign(height) / energy, snr })
    }

    /// Correlation of the pulse with the recording at frame `at`.
    fn likeness(&self, at: usize, height: f64) -> f64 {
        let squares = |samples: &[f32]| samples.iter().map(|&sample| (sample as f64).powi(2)).sum::<f64>();
        let end = (at + self.pulse.len()).min(self.recording.len());
        height.abs() / (squares(&self.recording[at..end]) * squares(self.pulse)).sqrt()
    }

    fn refuse_echo(&self, heights: &[f64], best: usize) -> Result<(), String> {
        let apart = (ONE_ARRIVAL_S * self.rate).ceil() as usize;
        let other = (0..heights.len())
            .filter(|lag| lag.abs_diff(best) > apart)
            .max_by(|&a, &b| heights[a].abs().total_cmp(&heights[b].abs()));
        let Some(other) = other else { return Ok(()) };
        let ratio = (heights[other] / heights[best]).abs();
        if ratio < STRONGEST_ECHO {
            return Ok(());
        }
        let ms = |lag: usize| lag as f64 * 1e3 / self.rate;
        Err(format!(
            "it came back twice, after {:.2} ms and after {:.2} ms ({:.1} dB): switch off direct monitoring, or \
             use a cable in place of a loudspeaker",
            ms(best.min(other)),
            ms(best.max(other)),
            20.0 * ratio.log10()
        ))
    }
}

/// Where between its neighbours the peak at `best` lies and how high it is, by the parabola through the three.
fn vertex(heights: &[f64], best: usize) -> (f64, f64) {
    let at = |index: Option<usize>| index.and_then(|index| heights.get(index)).map(|height| height.abs());
    let (before, peak, after) = (at(best.checked_sub(1)), at(Some(best)).unwrap_or(0.0), at(Some(best + 1)));
    let (Some(before), Some(after)) = (before, after) else { return (0.0, peak) };
    let bend = before - 2.0 * peak + after;
    let between = if bend < 0.0 { 0.5 * (before - after) / bend } else { 0.0 };
    (between, peak - 0.25 * (before - after) * between)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;
    const SILENCE: usize = 9_600;
    const LONGEST: usize = 4_800;

    /// A way of `delay` frames with a gain, noise and an echo, computed without the search.
    struct Way {
        delay: f64,
        gain: f64,
        noise: f64,
        echo: Option<(usize, f64)>,
        clips: bool,
    }

    const WIRE: Way = Way { delay: 100.0, gain: 1.0, noise: 0.0, echo: None, clips: false };

    fn played() -> Vec<usize> {
        (0..5).map(|n| SILENCE + n * 7_013).collect()
    }

    /// The pulse between its samples, by the formula it is made from.
    fn pulse_at(t: f64) -> f64 {
        let (low, high) = (300.0, 16_000.0);
        if !(0.0..PULSE_S).contains(&t) {
            return 0.0;
        }
        let phase = TAU * (low * t + (high - low) * t * t / (2.0 * PULSE_S));
        (PI * (t + 0.5 / RATE as f64) / PULSE_S).sin().powi(2) * phase.sin()
    }

    fn recorded(way: &Way) -> Vec<f32> {
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / (1u64 << 31) as f64 * 2.0 - 1.0
        };
        let mut recording: Vec<f64> = (0..60_000).map(|_| way.noise * random()).collect();
        for at in played() {
            for (n, sample) in recording.iter_mut().enumerate().skip(at) {
                let t = |delay: f64| ((n - at) as f64 - delay) / RATE as f64;
                *sample += way.gain * pulse_at(t(way.delay));
                if let Some((later, gain)) = way.echo {
                    *sample += way.gain * gain * pulse_at(t(way.delay + later as f64));
                }
            }
        }
        let limit = |sample: f64| if way.clips { (4.0 * sample).clamp(-1.0, 1.0) } else { sample };
        recording.into_iter().map(|sample| limit(sample) as f32).collect()
    }

    fn find(way: &Way) -> Result<Vec<Arrival>, String> {
        let (recording, pulse) = (recorded(way), pulse(RATE));
        let search = Search {
            recording: &recording,
            silence: SILENCE,
            played: &played(),
            pulse: &pulse,
            longest: LONGEST,
            rate: RATE as f64,
        };
        search.find()
    }

    #[test]
    fn a_round_trip_is_found_to_the_sample_and_between_samples() {
        for delay in [0.0, 1.0, 100.0, 4_799.0] {
            for arrival in find(&Way { delay, ..WIRE }).unwrap() {
                assert!((arrival.round_trip - delay).abs() < 1e-3, "{delay}: {arrival:?}");
            }
        }
        for delay in [100.25, 733.5, 2_000.9] {
            for arrival in find(&Way { delay, gain: -0.1, noise: 0.001, ..WIRE }).unwrap() {
                assert!((arrival.round_trip - delay).abs() < 0.05, "{delay}: {arrival:?}");
                assert!((arrival.gain + 0.1).abs() < 0.005, "{arrival:?}");
            }
        }
    }

    #[test]
    fn what_is_weak_missing_clipped_or_repeated_is_refused_with_the_reason() {
        for (way, said) in [
            (Way { gain: 0.0, ..WIRE }, "nothing came back"),
            (Way { gain: 0.0, noise: 0.01, ..WIRE }, "above the noise"),
            (Way { gain: 0.01, noise: 0.1, ..WIRE }, "above the noise"),
            (Way { delay: 5_000.0, noise: 0.001, ..WIRE }, "dB"),
            (Way { clips: true, ..WIRE }, "the input clips"),
            (
                Way { gain: 0.4, echo: Some((480, 0.8)), ..WIRE },
                "came back twice, after 2.08 ms and after 12.08 ms",
            ),
            (Way { gain: 0.4, echo: Some((48, -0.9)), ..WIRE }, "came back twice"),
        ] {
            let refused = find(&way).unwrap_err();
            assert!(refused.contains(said), "{refused}");
        }
        assert!(
            find(&Way { gain: 0.4, echo: Some((480, 0.3)), ..WIRE }).is_ok(),
            "a weak echo leaves no doubt"
        );
    }

    #[test]
    fn another_sound_is_not_taken_for_the_pulse() {
        let pulse = pulse(RATE);
        let tone = |n: usize| (n as f32 * TAU as f32 * 1_000.0 / RATE as f32).sin() * 0.5;
        let recording: Vec<f32> = (0..60_000).map(|n| if n < SILENCE { 0.0 } else { tone(n) }).collect();
        let played = played();
        let (silence, longest, rate) = (SILENCE, LONGEST, RATE as f64);
        let search = Search { recording: &recording, silence, played: &played, pulse: &pulse, longest, rate };
        let refused = search.find().unwrap_err();
        assert!(refused.contains("correlation of only"), "{refused}");
    }
}
