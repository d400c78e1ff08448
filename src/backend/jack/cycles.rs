//! Cycles that went by without the client.
//!
//! An asynchronous server does not wait for a client that is late. It goes on to its next cycle, plays once more what
//! the ports hold, and takes what the client brings a cycle later than by the times until then; or not at all, if the
//! client is run again in that cycle. Of that it tells on another thread, so that short sounds have their receipts by
//! then. But its count of frames at the beginning of a cycle is that of its newest cycle, whichever the callback was
//! called for, and so it tells at once.

use ::jack::Frames;

/// What the server tells within this time, ns, is what was seen already.
const TOLD_NS: i64 = 1_000_000_000;

/// The server's cycles as the process callback sees them.
#[derive(Debug, Default)]
pub struct Cycles {
    /// The server's frame at which the next cycle begins, if none is left out.
    next: Option<Frames>,
    /// Xruns that the server has told of.
    told: u64,
    /// Of those that were seen here, how many it has not told of, and when the last was seen, ns.
    untold: u64,
    seen_ns: i64,
    /// Whether the cycle before this one was late.
    was_late: bool,
}

/// One cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cycle {
    /// Whether the server has gone on without the client since the cycle before.
    pub is_late: bool,
    /// Whether that is new, or goes on from the cycle before.
    pub is_new: bool,
    /// Other xruns since the last cycle.
    pub xruns: u64,
}

impl Cycles {
    /// Takes a cycle of `frames` frames, entered at `now_ns` (MONOTONIC). `newest`: the server's frame at which its
    /// newest cycle began, where that is known. `told`: the xruns that the server has told of so far.
    pub fn enter(&mut self, newest: Option<Frames>, frames: Frames, told: u64, now_ns: i64) -> Cycle {
        let ahead = self.next.zip(newest).map_or(0, |(next, newest)| newest.wrapping_sub(next) as i32);
        self.next = newest.map(|newest| newest.wrapping_add(frames));
        let is_late = ahead > 0;
        let is_new = is_late && !self.was_late;
        self.was_late = is_late;
        Cycle { is_late, is_new, xruns: self.others(is_new, told, now_ns) }
    }

    /// Cycles come anew, after the callback was switched off.
    pub fn begin_anew(&mut self) {
        (self.next, self.was_late) = (None, false);
    }

    /// Xruns that the server tells of and that were not seen here.
    fn others(&mut self, is_new: bool, told: u64, now_ns: i64) -> u64 {
        if now_ns - self.seen_ns > TOLD_NS {
            self.untold = 0;
        }
        if is_new {
            self.untold += 1;
            self.seen_ns = now_ns;
        }
        let new = told - self.told;
        self.told = told;
        let seen = new.min(self.untold);
        self.untold -= seen;
        new - seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cycles of 128 frames that begin at these frames of the server, and what it has told of by then.
    fn enter<const N: usize>(cycles: [(Frames, u64); N]) -> [Cycle; N] {
        let mut seen = Cycles::default();
        let mut now_ns = 5_000_000_000;
        cycles.map(|(newest, told)| {
            now_ns += 2_666_667;
            seen.enter(Some(newest), 128, told, now_ns)
        })
    }

    const FINE: Cycle = Cycle { is_late: false, is_new: false, xruns: 0 };
    const LATE: Cycle = Cycle { is_late: true, is_new: true, xruns: 0 };

    #[test]
    fn a_cycle_in_which_the_server_has_gone_on_is_late_whether_it_is_run_again_or_not() {
        assert_eq!(enter([(0, 0), (128, 0), (384, 0), (512, 0)]), [FINE, FINE, LATE, FINE]);
        assert_eq!(enter([(0, 0), (128, 0), (384, 0), (384, 0), (512, 0)]), [FINE, FINE, LATE, FINE, FINE]);
    }

    #[test]
    fn frames_of_the_server_may_begin_again() {
        let wraps = [(u32::MAX - 127, 0), (0, 0), (128, 0), (384, 0)];
        assert_eq!(enter(wraps), [FINE, FINE, FINE, LATE]);
    }

    #[test]
    fn late_cycles_in_a_row_are_one_xrun() {
        let on = Cycle { is_new: false, ..LATE };
        assert_eq!(enter([(0, 0), (256, 0), (512, 0), (640, 0)]), [FINE, LATE, on, FINE]);
    }

    #[test]
    fn what_the_server_tells_of_a_late_cycle_does_not_count_again() {
        let other = |xruns| Cycle { xruns, ..FINE };
        // Before it is entered, after it, and one more than was seen.
        assert_eq!(enter([(0, 0), (256, 1), (384, 1)]), [FINE, LATE, FINE]);
        assert_eq!(enter([(0, 0), (256, 0), (384, 1), (512, 2)]), [FINE, LATE, FINE, other(1)]);
        assert_eq!(enter([(0, 3), (128, 5)]), [other(3), other(2)]);
    }

    #[test]
    fn what_the_server_tells_long_after_a_late_cycle_is_another_xrun() {
        let mut cycles = Cycles::default();
        let second = 1_000_000_000;
        cycles.enter(Some(0), 128, 0, second);
        assert_eq!(cycles.enter(Some(256), 128, 0, 2 * second), LATE);
        assert_eq!(cycles.enter(Some(384), 128, 1, 4 * second), Cycle { xruns: 1, ..FINE });
    }

    #[test]
    fn a_callback_that_was_switched_off_or_runs_without_a_clock_is_not_late() {
        let mut cycles = Cycles::default();
        cycles.enter(Some(0), 128, 0, 0);
        cycles.begin_anew();
        assert_eq!(cycles.enter(Some(48_000), 128, 0, 0), FINE);
        assert_eq!(cycles.enter(None, 128, 0, 0), FINE);
        assert_eq!(cycles.enter(Some(96_000), 128, 0, 0), FINE);
    }
}
