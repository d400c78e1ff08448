//! Sample rates that need not be whole numbers of hertz.

/// Fractions are searched for within this part of the value: a thousand million frames are off by one.
const TOLERANCE: f64 = 1e-9;

/// A sample rate as a fraction of whole numbers without a common factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    numerator: u64,
    denominator: u64,
}

impl Rate {
    /// The fraction with the smallest denominator within 1e-9 of `hz`. AIFF files state the rate of an old Macintosh
    /// as 22254.54545454545, and mean 244800/11. `None` for what is no rate.
    pub fn nearest(hz: f64) -> Option<Self> {
        if !(1e-3..=1e9).contains(&hz) {
            return None;
        }
        // Convergents of the continued fraction.
        let (mut before, mut now) = ((0u64, 1u64), (1u64, 0u64));
        let mut rest = hz;
        loop {
            let whole = rest.floor();
            let next = (
                (whole as u64).checked_mul(now.0)?.checked_add(before.0)?,
                (whole as u64).checked_mul(now.1)?.checked_add(before.1)?,
            );
            (before, now) = (now, next);
            if (now.0 as f64 / now.1 as f64 - hz).abs() <= hz * TOLERANCE {
                return Some(Self { numerator: now.0, denominator: now.1 });
            }
            rest = 1.0 / (rest - whole);
        }
    }

    /// The number of hertz.
    pub fn hz(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }

    /// The nearest whole number of hertz.
    pub fn whole_hz(self) -> u32 {
        self.hz().round() as u32
    }

    /// Numerator and denominator.
    pub fn fraction(self) -> (u64, u64) {
        (self.numerator, self.denominator)
    }
}

impl From<u32> for Rate {
    fn from(hz: u32) -> Self {
        Self { numerator: hz as u64, denominator: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_the_simplest_fraction_that_is_meant() {
        for (hz, fraction) in [
            (44_100.0, (44_100, 1)),
            (22_254.545_454_545_454, (244_800, 11)),
            (11_127.272_727_272_727, (122_400, 11)),
            (44_055.944_055_944_05, (6_300_000, 143)),
            (22_050.5, (44_101, 2)),
            (1_000.0 + 1e-7, (1_000, 1)),
        ] {
            assert_eq!(Rate::nearest(hz).unwrap().fraction(), fraction, "{hz}");
        }
        assert_eq!(Rate::nearest(22_254.545_454).unwrap().whole_hz(), 22_255);
        for hz in [f64::NAN, f64::INFINITY, 0.0, -44_100.0, 1e12] {
            assert_eq!(Rate::nearest(hz), None);
        }
        let mut hz = 8_000.123_456_789;
        for _ in 0..1_000 {
            let rate = Rate::nearest(hz).unwrap();
            assert!((rate.hz() - hz).abs() <= hz * TOLERANCE && rate.denominator < 100_000, "{rate:?}");
            hz *= 1.003_141_592_65;
        }
    }
}
