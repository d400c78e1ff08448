//! A voice key for whole signals in double precision, written from the words of the header: first all that is
//! loud, then the runs, then the sounds. It shares no code with the library.

// Each test file uses the part it needs.
#![allow(dead_code)]

use sonset::receipt::Reason;
use sonset::stream::DetectParams;

/// What a sound is, in numbers that a detector was given.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    pub rate: f64,
    pub high_pass_hz: Option<f64>,
    /// Absolute, or else a multiple of the floor of so many frames.
    pub threshold: Result<f64, (f64, usize)>,
    /// RMS above which a floor is no silence.
    pub floor_limit: f64,
    pub minimum: i64,
    pub gap: i64,
    pub hold_off: i64,
}

/// First frame of a sound, and the frame after its last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sound {
    pub onset: i64,
    pub end: i64,
}

/// Loud frames that belong together.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub sound: Sound,
    /// Frames that may be quiet behind it.
    pub credit: i64,
}

impl Run {
    /// Whether a loud frame would still belong to it.
    pub fn lives(&self, frame: i64) -> bool {
        frame - self.sound.end <= self.credit
    }
}

impl Definition {
    /// What the parameters stand for at `rate`, by the defaults that the header states.
    pub fn of(params: &DetectParams, rate: u32) -> Self {
        let or = |value: i64, ms: i64| if value == 0 { ms * rate as i64 / 1_000 } else { value };
        let multiple = if params.floor_multiple == 0.0 { 10.0 } else { params.floor_multiple };
        Self {
            rate: rate as f64,
            high_pass_hz: match params.high_pass_hz {
                -1.0 => None,
                0.0 => Some(100.0),
                hz => Some(hz),
            },
            threshold: match params.threshold {
                0.0 => Err((multiple, or(params.floor_frames, 200) as usize)),
                threshold => Ok(threshold),
            },
            floor_limit: if params.floor_limit == 0.0 { 0.01 } else { params.floor_limit },
            minimum: or(params.minimum_frames, 10),
            gap: or(params.gap_frames, 10),
            hold_off: or(params.hold_off_frames, 200),
        }
    }

    /// The first sound in the channels, which are as long as each other.
    pub fn first_sound(&self, channels: &[&[f32]]) -> Option<Sound> {
        self.sounds(channels).first().copied()
    }

    /// Why that is one, or none.
    pub fn reason(&self, channels: &[&[f32]]) -> Reason {
        if let Err((multiple, frames)) = self.threshold {
            if channels[0].len() < frames {
                return Reason::NoFloor;
            }
            let rms = |y: &[f64]| (y.iter().map(|y| y * y).sum::<f64>() / y.len() as f64).sqrt();
            let floors: Vec<f64> = channels.iter().map(|x| rms(&self.filtered(x)[..frames])).collect();
            if floors.iter().any(|&floor| floor > self.floor_limit || floor * multiple > 1.0) {
                return Reason::LoudFloor;
            }
        }
        match (self.first_sound(channels), self.loud_frames(channels).is_empty()) {
            (Some(_), _) => Reason::Found,
            (None, true) => Reason::BelowThreshold,
            (None, false) => Reason::TooShort,
        }
    }

    /// All sounds: runs that last long enough, joined where less than the hold-off lies between them.
    pub fn sounds(&self, channels: &[&[f32]]) -> Vec<Sound> {
        let mut sounds: Vec<Sound> = Vec::new();
        let mut runs = Vec::new();
        self.loud_frames(channels).into_iter().for_each(|frame| self.extend(&mut runs, frame));
        for run in runs.into_iter().map(|run| run.sound).filter(|sound| self.is_long(sound)) {
            match sounds.last_mut() {
                Some(sound) if run.onset < sound.end + self.hold_off => sound.end = run.end,
                _ => sounds.push(run),
            }
        }
        sounds
    }

    /// Frames at which some channel reaches its threshold.
    pub fn loud_frames(&self, channels: &[&[f32]]) -> Vec<i64> {
        let mut loud = vec![false; channels[0].len()];
        for samples in channels {
            let heard = self.filtered(samples);
            let (threshold, from) = match self.threshold {
                Ok(threshold) => (threshold, 0),
                Err((_, frames)) if heard.len() < frames => (f64::INFINITY, 0),
                Err((multiple, frames)) => {
                    let power: f64 = heard[..frames].iter().map(|y| y * y).sum();
                    ((multiple * (power / frames as f64).sqrt()).max(2f64.powi(-15)), frames)
                }
            };
            loud.iter_mut().zip(&heard).skip(from).for_each(|(loud, y)| *loud |= y.abs() >= threshold);
        }
        (0..).zip(loud).filter(|(_, loud)| *loud).map(|(frame, _)| frame).collect()
    }

    /// By the bilinear transform of H(s) = s² / (s² + √2 s + 1), in transposed form II.
    pub fn filtered(&self, samples: &[f32]) -> Vec<f64> {
        let clean = samples.iter().map(|x| if x.is_finite() { *x as f64 } else { 0.0 });
        let Some(hz) = self.high_pass_hz else { return clean.collect() };
        let k = (std::f64::consts::PI * hz / self.rate).tan();
        let scale = 1.0 / (1.0 + 2f64.sqrt() * k + k * k);
        let a1 = 2.0 * (k * k - 1.0) * scale;
        let a2 = (1.0 - 2f64.sqrt() * k + k * k) * scale;
        let first = samples.first().map_or(0.0, |x| if x.is_finite() { *x as f64 } else { 0.0 });
        // The state after the first sample has been there for ever, where the output is 0.
        let (mut s1, mut s2) = (-scale * first, scale * first);
        clean
            .map(|x| {
                let y = scale * x + s1;
                s1 = -2.0 * scale * x - a1 * y + s2;
                s2 = scale * x - a2 * y;
                y
            })
            .collect()
    }

    /// Whether a run lasts long enough for a sound.
    pub fn is_long(&self, run: &Sound) -> bool {
        run.end - run.onset >= self.minimum
    }

    /// Adds a loud frame to runs of them: a gap may be as long as the credit before it.
    pub fn extend(&self, runs: &mut Vec<Run>, frame: i64) {
        match runs.last_mut() {
            Some(run) if run.lives(frame) => {
                run.credit = (run.credit - (frame - run.sound.end) + 16).min(self.gap);
                run.sound.end = frame + 1;
            }
            _ => {
                let sound = Sound { onset: frame, end: frame + 1 };
                runs.push(Run { sound, credit: 16.min(self.gap) });
            }
        }
    }
}
