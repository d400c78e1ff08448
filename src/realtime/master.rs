//! The last steps before the converter: master gain, then the guard.

use super::block::Output;

/// A way from one gain to another. Before `begin` it is `from`, at the end and after it `to`.
#[derive(Clone, Copy, Debug)]
struct Glide {
    from: f64,
    to: f64,
    begin: i64,
    frames: i64,
}

impl Glide {
    fn at(&self, frame: i64) -> f64 {
        let passed = frame - self.begin + 1;
        if passed <= 0 {
            self.from
        } else if passed >= self.frames {
            self.to
        } else {
            self.from + (self.to - self.from) * (passed as f64 / self.frames as f64)
        }
    }
}

/// The gain of all audio channels, changed along straight lines.
#[derive(Debug)]
pub struct MasterGain {
    current: Glide,
    /// A change whose frame has not come: its first frame, the gain to reach, and the frames of the way.
    next: Option<(i64, f64, i64)>,
}

impl Default for MasterGain {
    fn default() -> Self {
        Self { current: Glide { from: 1.0, to: 1.0, begin: 0, frames: 0 }, next: None }
    }
}

impl MasterGain {
    /// Changes the gain to `gain` over `ramp_frames` from `begin` on; a change still to come is replaced.
    pub fn set(&mut self, begin: i64, gain: f64, ramp_frames: i64) {
        self.next = Some((begin, gain, ramp_frames));
    }

    /// The gain of `frame`. Frames must not go backwards.
    fn at(&mut self, frame: i64) -> f32 {
        if let Some((begin, gain, ramp_frames)) = self.next
            && frame >= begin
        {
            let from = self.current.at(begin - 1);
            self.current = Glide { from, to: gain, begin, frames: ramp_frames };
            self.next = None;
        }
        self.current.at(frame) as f32
    }

    /// The gain of all `frames` frames from `first` on, if it does not change in them.
    fn steady(&self, first: i64, frames: usize) -> Option<f32> {
        let last = first + frames as i64 - 1;
        let waits = self.next.is_none_or(|(begin, ..)| begin > last);
        let done = first - self.current.begin + 1 >= self.current.frames;
        (waits && done).then_some(self.current.to as f32)
    }
}

/// What may leave through a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Largest magnitude.
    pub ceiling: f32,
    /// A trigger line: no master gain.
    pub trigger: bool,
}

/// What the guard did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Guarded {
    /// Samples that were limited to the ceiling.
    pub clipped: u64,
    /// Samples that were not finite and became silence.
    pub nonfinite: u64,
}

impl Guarded {
    /// What may leave of `sample`.
    fn pass(&mut self, sample: f32, ceiling: f32) -> f32 {
        if !sample.is_finite() {
            self.nonfinite += 1;
            0.0
        } else if sample.abs() > ceiling {
            self.clipped += 1;
            ceiling.copysign(sample)
        } else {
            sample
        }
    }
}

/// Writes the sums of a chunk, which begins at frame `first` of the stream and at frame `at` of the block, to
/// the output.
pub fn finish(
    sums: &[f32],
    lines: &[Line],
    gain: &mut MasterGain,
    first: i64,
    output: &mut Output<'_, '_>,
    at: usize,
) -> Guarded {
    let channels = lines.len();
    let mut guarded = Guarded::default();
    let steady = gain.steady(first, sums.len() / channels);
    for (n, frame) in sums.chunks_exact(channels).enumerate() {
        let gain = steady.unwrap_or_else(|| gain.at(first + n as i64));
        let samples = frame.iter().zip(lines).map(|(&sum, line)| {
            let sample = if line.trigger { sum } else { sum * gain };
            guarded.pass(sample, line.ceiling)
        });
        match output {
            Output::None => {
                samples.for_each(drop);
            }
            Output::Interleaved(out) => {
                let places = out[(at + n) * channels..].iter_mut();
                places.zip(samples).for_each(|(place, sample)| *place = sample);
            }
            Output::Planar(planes) => {
                planes.iter_mut().zip(samples).for_each(|(plane, sample)| plane[at + n] = sample);
            }
        }
    }
    guarded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_replaces_one_that_has_not_begun_and_goes_on_from_where_the_gain_is() {
        let mut gain = MasterGain::default();
        gain.set(10, 0.0, 4);
        assert_eq!(gain.steady(0, 10), Some(1.0));
        assert_eq!(gain.steady(0, 11), None);
        let levels: Vec<f32> = (8..16).map(|frame| gain.at(frame)).collect();
        assert_eq!(levels, [1.0, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0, 0.0]);
        gain.set(16, 1.0, 2);
        gain.set(16, 0.5, 2);
        assert_eq!([gain.at(16), gain.at(17), gain.at(18)], [0.25, 0.5, 0.5]);
    }

    #[test]
    fn nothing_leaves_above_the_ceiling_or_not_finite_and_both_are_counted() {
        let lines = [Line { ceiling: 0.5, trigger: false }, Line { ceiling: 1.0, trigger: true }];
        let mut gain = MasterGain::default();
        gain.set(0, 0.5, 0);
        let mut out = [9.0; 8];
        let sums = [f32::NAN, 1.0, f32::INFINITY, -2.0, -3.0, 0.75, 0.5, 0.0];
        let mut output = Output::Interleaved(&mut out);
        let guarded = finish(&sums, &lines, &mut gain, 0, &mut output, 0);
        assert_eq!(out, [0.0, 1.0, 0.0, -1.0, -0.5, 0.75, 0.25, 0.0]);
        assert_eq!(guarded, Guarded { clipped: 2, nonfinite: 2 });
    }
}
