//! What a clock fit says: a straight line from frames to host time, and how far to trust it.

/// What the stamps of a stream half turned out to be worth.
#[repr(i32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stamps {
    /// No stamp has come.
    #[default]
    None = 0,
    /// The fit has not had enough of them yet; its uncertainty is honest all the same.
    Settling = 1,
    /// The fit has settled.
    Usable = 2,
    /// The stamps are multiples of a grain that is coarser than their noise, for example whole milliseconds.
    /// Still usable: the uncertainty includes the grain.
    Quantised = 3,
    /// The stamps follow no clock near the nominal rate, jump all the time or scatter too widely.
    Useless = 4,
}

/// The line of one moment. The default is that of a half without any stamp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// The frame at which the line is anchored: the first of the newest block, stamped or not.
    pub frame: i64,
    /// Host time of `frame`, MONOTONIC ns.
    pub host_ns: i64,
    /// Duration of a frame in ns of the host's clock.
    pub ns_per_frame: f64,
    /// The host time of `frame` is within this many ns of `host_ns` (at least 99 readings in 100); −1: the fit
    /// must not be used. Of the fit only: latencies are not in it. Nor are errors that go together for longer than
    /// twice the time that stamps have been coming, 80 s at most: hardly anything tells them from a constant.
    pub uncertainty_ns: i64,
    /// What the stamps are worth.
    pub stamps: Stamps,
    /// Steps recognised so far: lost blocks, jumps of the latency, suspends.
    pub discontinuities: u64,
}

impl Default for Fit {
    fn default() -> Self {
        Self {
            frame: 0,
            host_ns: 0,
            ns_per_frame: 0.0,
            uncertainty_ns: -1,
            stamps: Stamps::None,
            discontinuities: 0,
        }
    }
}

impl Fit {
    /// Whether frames can be converted at all.
    pub fn is_usable(&self) -> bool {
        self.uncertainty_ns >= 0 && self.ns_per_frame > 0.0
    }

    /// Host time of `frame`, MONOTONIC ns, to the nearest; saturates at the ends of `i64`. Whole nanoseconds per
    /// frame are multiplied as integers, so the fraction alone is rounded: by less than 1 ns within a month.
    pub fn host_ns(&self, frame: i64) -> i64 {
        let frames = frame as i128 - self.frame as i128;
        let whole = self.ns_per_frame.floor();
        let fraction = (self.ns_per_frame - whole) * frames as f64;
        saturate(self.host_ns as i128 + frames * whole as i128 + (fraction + 0.5).floor() as i128)
    }

    /// The frame nearest to `host_ns`, ties up; saturates. The anchor's own frame if the fit is unusable.
    pub fn frame_at(&self, host_ns: i64) -> i64 {
        if self.ns_per_frame.is_nan() || self.ns_per_frame <= 0.0 {
            return self.frame;
        }
        let ns = host_ns as i128 - self.host_ns as i128;
        let guess = (ns as f64 / self.ns_per_frame).floor() as i128;
        let whole = self.ns_per_frame.floor();
        let rest = (ns - guess * whole as i128) as f64 - (self.ns_per_frame - whole) * guess as f64;
        let more = (rest / self.ns_per_frame + 0.5).floor() as i128;
        saturate(self.frame as i128 + guess + more)
    }

    /// How fast the device runs against its nominal rate by the host's clock, in parts per million: positive if
    /// the device is the faster, that is, if a frame lasts less than nominal. 0 if the fit is unusable.
    pub fn ppm(&self, sample_rate_hz: u32) -> f64 {
        if !self.is_usable() || sample_rate_hz == 0 {
            return 0.0;
        }
        (1e9 / (sample_rate_hz as f64 * self.ns_per_frame) - 1.0) * 1e6
    }
}

fn saturate(value: i128) -> i64 {
    value.clamp(i64::MIN as i128, i64::MAX as i128) as i64
}
