//! Ramps and fades as closed forms of the frame index: nothing is accumulated, so a block boundary cannot
//! show, and the same frame has the same level however it was reached.

use super::sine;
use crate::action::RampShape;

/// The level of frame `index` of a ramp of `frames` frames from silence to 1; 1 beyond its end.
///
/// A frame stands for the middle of its sampling interval, x = (index + ½) / frames, so that an onset and
/// an offset ramp mirror each other and no frame is wasted on exact silence. Linear: x. Raised cosine:
/// sin²(πx/2) = (1 − cos πx) / 2.
pub fn ramp(shape: RampShape, index: i64, frames: i64) -> f32 {
    if index >= frames {
        return 1.0;
    }
    if index < 0 {
        return 0.0;
    }
    let x = (index as f64 + 0.5) / frames as f64;
    match shape {
        RampShape::Linear => x as f32,
        // −cos πx = sin(π(2x − 1)/2)
        RampShape::RaisedCosine => (0.5 + 0.5 * sine::of_quarters(2.0 * x - 1.0)) as f32,
    }
}

/// The end of a sound before its own end: from `begin` the level falls to silence at `end`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fade {
    /// First frame that is not at full level.
    pub begin: i64,
    /// First silent frame.
    pub end: i64,
    /// Level at the begin: below 1 where a fade takes over from one under way.
    pub level: f32,
}

impl Fade {
    /// The level of `frame`.
    pub fn at(&self, frame: i64) -> f32 {
        if frame < self.begin {
            return 1.0;
        }
        self.level * ramp(RampShape::RaisedCosine, self.end - 1 - frame, self.end - self.begin)
    }
}

/// The way back from silence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rise {
    /// First frame.
    pub begin: i64,
    /// Frames until full level.
    pub frames: i64,
}

impl Rise {
    /// The level of `frame`.
    pub fn at(&self, frame: i64) -> f32 {
        ramp(RampShape::RaisedCosine, frame - self.begin, self.frames)
    }

    /// First frame at full level.
    pub fn end(&self) -> i64 {
        self.begin.saturating_add(self.frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ramps_are_within_1e_6_of_the_formula() {
        for frames in [1i64, 2, 3, 7, 48, 1000, 480_000] {
            for index in (0..frames).step_by((frames as usize / 1000).max(1)) {
                let x = (index as f64 + 0.5) / frames as f64;
                let cosine = (std::f64::consts::FRAC_PI_2 * x).sin().powi(2);
                assert!((ramp(RampShape::RaisedCosine, index, frames) as f64 - cosine).abs() < 1e-6);
                assert!((ramp(RampShape::Linear, index, frames) as f64 - x).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn ramps_begin_above_silence_and_are_1_beyond_their_end() {
        for shape in [RampShape::Linear, RampShape::RaisedCosine] {
            assert!(ramp(shape, 0, 100) > 0.0 && ramp(shape, 99, 100) < 1.0);
            assert_eq!((ramp(shape, 100, 100), ramp(shape, 0, 0), ramp(shape, -1, 100)), (1.0, 1.0, 0.0));
        }
    }

    #[test]
    fn a_fade_falls_from_its_level_to_silence_at_its_end() {
        let fade = Fade { begin: 10, end: 20, level: 0.5 };
        assert_eq!(fade.at(9), 1.0);
        assert!((10..19).all(|frame| fade.at(frame) > fade.at(frame + 1)));
        assert!(fade.at(10) <= 0.5 && fade.at(19) > 0.0);
        assert_eq!(fade.at(20), 0.0);
    }
}
