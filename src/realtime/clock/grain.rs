//! Stamps that are multiples of something.

/// Stamps in a row that must keep to a grain.
const AGREED: u32 = 32;
/// Finer grains are taken for none, ns.
const FINEST: i64 = 1_000;
/// Stamps further apart tell nothing of a grain, ns.
const COARSEST: i64 = 100_000_000;
/// The grain is sought again after this many stamps.
const AGAIN: u32 = 4_096;

/// The greatest common divisor of the differences of stamps, one step of Euclid's algorithm a stamp. Grains that
/// are no whole ns, or were rounded on the way, are allowed 1/128 of themselves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Grain {
    last: i64,
    candidate: i64,
    agreed: u32,
    seen: u32,
    /// ns; 0: none.
    known: i64,
}

impl Grain {
    pub fn observe(&mut self, stamp_ns: i64) {
        let apart = stamp_ns.wrapping_sub(self.last).wrapping_abs();
        let first = self.last == 0;
        self.last = stamp_ns;
        self.seen += 1;
        if first || apart <= 0 || apart > COARSEST {
            return;
        }
        if self.candidate == 0 {
            self.candidate = apart;
        } else if self.candidate >= FINEST {
            let rest = apart % self.candidate;
            let rest = rest.min(self.candidate - rest);
            if rest <= self.candidate / 128 {
                self.agreed += 1;
            } else {
                (self.candidate, self.agreed) = (rest, 0);
            }
        }
        if self.candidate < FINEST {
            self.known = 0;
        } else if self.agreed >= AGREED {
            self.known = self.candidate;
        }
        if self.seen >= AGAIN {
            (self.candidate, self.agreed, self.seen) = (0, 0, 0);
        }
    }

    /// What the stamps are multiples of, ns; 0: nothing, or not known.
    pub fn ns(&self) -> i64 {
        self.known
    }
}
