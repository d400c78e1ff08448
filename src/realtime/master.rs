//! The last steps before the converter: master gain, then the guard.

use super::block::Output;
use super::gain::Gain;

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
    gain: &mut Gain,
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
    fn nothing_leaves_above_the_ceiling_or_not_finite_and_both_are_counted() {
        let lines = [Line { ceiling: 0.5, trigger: false }, Line { ceiling: 1.0, trigger: true }];
        let mut gain = Gain::default();
        gain.set(0, 0, 0.5, 0);
        let mut out = [9.0; 8];
        let sums = [f32::NAN, 1.0, f32::INFINITY, -2.0, -3.0, 0.75, 0.5, 0.0];
        let mut output = Output::Interleaved(&mut out);
        let guarded = finish(&sums, &lines, &mut gain, 0, &mut output, 0);
        assert_eq!(out, [0.0, 1.0, 0.0, -1.0, -0.5, 0.75, 0.25, 0.0]);
        assert_eq!(guarded, Guarded { clipped: 2, nonfinite: 2 });
    }
}
