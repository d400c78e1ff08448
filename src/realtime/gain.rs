//! Gains that change along straight lines: closed forms of the frame, so that a block boundary cannot show.

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
        let passed = frame.saturating_sub(self.begin).saturating_add(1);
        if passed <= 0 {
            self.from
        } else if passed >= self.frames {
            self.to
        } else {
            self.from + (self.to - self.from) * (passed as f64 / self.frames as f64)
        }
    }
}

/// A gain, and the change of it that is to come.
#[derive(Clone, Copy, Debug)]
pub struct Gain {
    current: Glide,
    /// A change that has not begun: its first frame, the gain to reach, and the frames of the way.
    next: Option<(i64, f64, i64)>,
}

impl Default for Gain {
    fn default() -> Self {
        Self { current: Glide { from: 1.0, to: 1.0, begin: 0, frames: 0 }, next: None }
    }
}

impl Gain {
    /// Changes the gain to `gain` over `ramp_frames` from `begin` on. A change that has not begun before frame
    /// `now` is replaced.
    pub fn set(&mut self, now: i64, begin: i64, gain: f64, ramp_frames: i64) {
        self.begin_before(now);
        self.next = Some((begin, gain, ramp_frames));
    }

    /// Forgets a change that has not begun before frame `now`.
    pub fn forget_next(&mut self, now: i64) {
        self.begin_before(now);
        self.next = None;
    }

    fn begin_before(&mut self, now: i64) {
        if let Some((begin, gain, ramp_frames)) = self.next
            && begin < now
        {
            let from = self.current.at(begin - 1);
            self.current = Glide { from, to: gain, begin, frames: ramp_frames };
            self.next = None;
        }
    }

    /// The gain of `frame`. Frames must not go backwards.
    pub fn at(&mut self, frame: i64) -> f32 {
        self.begin_before(frame.saturating_add(1));
        self.current.at(frame) as f32
    }

    /// The gain of all `frames` frames from `first` on, if it does not change in them.
    pub fn steady(&self, first: i64, frames: usize) -> Option<f32> {
        let last = first + frames as i64 - 1;
        let waits = self.next.is_none_or(|(begin, ..)| begin > last);
        let done = first - self.current.begin + 1 >= self.current.frames;
        (waits && done).then_some(self.current.to as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_replaces_one_that_has_not_begun_and_goes_on_from_where_the_gain_is() {
        let mut gain = Gain::default();
        gain.set(0, 10, 0.0, 4);
        assert_eq!(gain.steady(0, 10), Some(1.0));
        assert_eq!(gain.steady(0, 11), None);
        let levels: Vec<f32> = (8..16).map(|frame| gain.at(frame)).collect();
        assert_eq!(levels, [1.0, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0, 0.0]);
        gain.set(16, 16, 1.0, 2);
        gain.set(16, 16, 0.5, 2);
        assert_eq!([gain.at(16), gain.at(17), gain.at(18)], [0.25, 0.5, 0.5]);
        gain.set(19, 30, 1.0, 0);
        gain.forget_next(30);
        assert_eq!(gain.at(30), 0.5);
    }

    #[test]
    fn a_change_that_began_while_nobody_looked_is_not_replaced() {
        let mut gain = Gain::default();
        gain.set(0, 10, 0.0, 100);
        gain.set(60, 70, 1.0, 0);
        assert_eq!([gain.at(60), gain.at(69), gain.at(70)], [0.49, 0.4, 1.0]);
    }
}
