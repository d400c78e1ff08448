//! Tones of four shapes, as closed forms of the frame index.

use super::corner::{Corners, REACH};
use crate::realtime::sine::{self, Phase};

/// The course of a cycle. At phase 0 each rises through 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum Waveform {
    /// sin(2πp)
    #[default]
    Sine = 0,
    /// 1 up to p = ½, then −1.
    Square = 1,
    /// 2p, from −1 to 1, with its jump at p = ½.
    Sawtooth = 2,
    /// 4p up to p = ¼, 1 there, −1 at ¾.
    Triangle = 3,
}

impl Waveform {
    /// Bound of the magnitude of a tone of amplitude 1: without its upper harmonics a shape swings beyond its
    /// own peak, a square most where only the first is left, whose amplitude is 4/π.
    pub fn peak(self) -> f64 {
        match self {
            Self::Sine | Self::Triangle => 1.0,
            Self::Square => 1.274,
            Self::Sawtooth => 1.18,
        }
    }
}

/// A tone: the ideal shape, and around each of its corners what takes away the harmonics that would alias.
#[derive(Clone, Copy, Debug)]
pub struct Tone {
    waveform: Waveform,
    phase: Phase,
    amplitude: f64,
    length: Option<i64>,
    corners: &'static Corners,
    /// Frames in 2^-64 cycles.
    frames_per_phase: f64,
    /// Cycles in a frame.
    cycles_per_frame: f64,
}

impl Tone {
    /// A tone of so many frames, or for ever. The step of `phase` is not 0.
    pub fn new(waveform: Waveform, phase: Phase, amplitude: f64, length: Option<i64>) -> Self {
        Self {
            waveform,
            phase,
            amplitude,
            length,
            corners: Corners::get(),
            frames_per_phase: 1.0 / phase.step as f64,
            cycles_per_frame: phase.step as f64 / CYCLE,
        }
    }

    /// Its frames, or `None` if it never ends.
    pub fn length(&self) -> Option<i64> {
        self.length
    }

    /// Fills `frames` with the tone from frame `k` on.
    pub fn read(&self, k: i64, frames: &mut [f32]) {
        match self.waveform {
            Waveform::Sine => self.fill(k, frames, sine::of_phase),
            Waveform::Square => self.fill(k, frames, |phase| self.square(phase)),
            Waveform::Sawtooth => self.fill(k, frames, |phase| self.sawtooth(phase)),
            Waveform::Triangle => self.fill(k, frames, |phase| self.triangle(phase)),
        }
    }

    fn fill(&self, k: i64, frames: &mut [f32], shape: impl Fn(u64) -> f64) {
        for (frame, k) in frames.iter_mut().zip(k..) {
            *frame = (self.amplitude * shape(self.phase.at(k))) as f32;
        }
    }

    fn square(&self, phase: u64) -> f64 {
        let ideal = if phase < HALF { 1.0 } else { -1.0 };
        ideal + 2.0 * (self.steps(phase) - self.steps(phase.wrapping_sub(HALF)))
    }

    fn sawtooth(&self, phase: u64) -> f64 {
        phase as i64 as f64 * (2.0 / CYCLE) - 2.0 * self.steps(phase.wrapping_sub(HALF))
    }

    fn triangle(&self, phase: u64) -> f64 {
        let x = phase as i64 as f64 * (4.0 / CYCLE);
        let ideal = if x > 1.0 {
            2.0 - x
        } else if x < -1.0 {
            -2.0 - x
        } else {
            x
        };
        let bends = self.bends(phase.wrapping_add(QUARTER)) - self.bends(phase.wrapping_sub(QUARTER));
        ideal + 8.0 * self.cycles_per_frame * bends
    }

    /// What unit steps up add near a frame that lies `since` after one of them, in 2^-64 cycles, with one in
    /// each cycle.
    fn steps(&self, since: u64) -> f64 {
        let (before, after) = self.nearby(since, |distance| self.corners.step(distance));
        before - after
    }

    /// The same of bends by 1 a frame upwards.
    fn bends(&self, since: u64) -> f64 {
        let (before, after) = self.nearby(since, |distance| self.corners.bend(distance));
        before + after
    }

    /// The sums of `kernel` over the distances in frames to the corners before and after a frame.
    #[inline]
    fn nearby(&self, since: u64, kernel: impl Fn(f64) -> f64) -> (f64, f64) {
        let period = CYCLE * self.frames_per_phase;
        let sum = |mut distance: f64| {
            let mut sum = 0.0;
            while distance < REACH {
                sum += kernel(distance);
                distance += period;
            }
            sum
        };
        let distance = since as f64 * self.frames_per_phase;
        (sum(distance), sum(period - distance))
    }
}

/// Phases of a whole cycle and of its parts.
const CYCLE: f64 = 18_446_744_073_709_551_616.0;
const HALF: u64 = 1 << 63;
const QUARTER: u64 = 1 << 62;
