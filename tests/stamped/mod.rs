//! Devices whose true clock is known, and the stamps that a host would see of them.
#![allow(dead_code)]

pub mod strange;

use sonset::realtime::clock::{ClockFit, Errs, Fit, Stamps};

/// SplitMix64 (Steele, Lea and Flood 2014).
pub struct Random(pub u64);

impl Random {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 < u < 1.
    pub fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }

    pub fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.unit().ln()
    }

    pub fn gaussian(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// Errors of stamps, µs. The state carries what one block leaves to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    Exact,
    /// Exponential, mean 200, one in a hundred 5000 more.
    Late,
    /// Uniform, ±50.
    Uniform,
    /// Both.
    Both,
    Lognormal {
        median: f64,
        sigma: f64,
    },
    /// Sum of two exponentials.
    Gamma {
        mean: f64,
    },
    /// One of two wake-up times.
    Ticks {
        apart: f64,
        share: f64,
    },
    /// Exponential, and now and then hiccups of a few ms that are caught up with block by block.
    Bursts {
        mean: f64,
    },
    Triangular {
        half: f64,
    },
    Gaussian {
        sd: f64,
    },
    /// Autocorrelated as from a filter of first order: the errors of this many blocks go together.
    Filtered {
        sd: f64,
        blocks: f64,
    },
    /// The same, and as much white error again.
    Jittered {
        sd: f64,
        blocks: f64,
    },
    /// As from a delay-locked loop of second order with this time constant, fed with white errors of `sd`.
    Loop {
        sd: f64,
        blocks: f64,
    },
    /// White ±`half` with one in a hundred far out to either side.
    Outliers {
        half: f64,
        far: f64,
    },
    /// Two clusters, this far apart; the later one has this share. The true time is `at` of the way from the earlier
    /// to the later.
    Clusters {
        apart: f64,
        share: f64,
        sd: f64,
        at: f64,
    },
    /// Three clusters at 0, 1 and 2.3 times `apart`, with shares of 0.4, 0.3 and 0.3.
    Three {
        apart: f64,
        sd: f64,
        at: f64,
    },
    /// Two clusters that stay for so many blocks in the mean.
    Markov {
        apart: f64,
        stay: f64,
        sd: f64,
        at: f64,
    },
    /// A poll of this period that meets a block at a phase which goes round once in `beat` blocks.
    Sawtooth {
        period: f64,
        beat: f64,
        sd: f64,
        at: f64,
    },
    /// Lateness with a tail like a power: Lomax.
    HeavyTail {
        scale: f64,
        alpha: f64,
    },
    /// Exponential lateness on a machine that is idle and busy for so many blocks in the mean.
    Load {
        idle: f64,
        busy: f64,
        blocks: f64,
    },
    /// Gaussian errors on such a machine.
    LoadBoth {
        idle: f64,
        busy: f64,
        blocks: f64,
    },
}

impl Noise {
    pub fn draw(self, random: &mut Random, state: &mut [f64; 2], block_us: f64) -> f64 {
        match self {
            Self::Exact => 0.0,
            Self::Late => random.exponential(200.0) + if random.chance(0.01) { 5_000.0 } else { 0.0 },
            Self::Uniform => random.between(-50.0, 50.0),
            Self::Both => Self::Late.draw(random, state, block_us) + random.between(-50.0, 50.0),
            Self::Lognormal { median, sigma } => median * (sigma * random.gaussian()).exp(),
            Self::Gamma { mean } => random.exponential(mean / 2.0) + random.exponential(mean / 2.0),
            Self::Ticks { apart, share } => {
                random.exponential(20.0) + if random.chance(share) { apart } else { 0.0 }
            }
            Self::Bursts { mean } => {
                state[0] = (state[0] - block_us).max(0.0);
                if random.chance(0.003) {
                    state[0] = random.between(1_000.0, 20_000.0);
                }
                state[0] + random.exponential(mean)
            }
            Self::Triangular { half } => half * (random.unit() - random.unit()),
            Self::Gaussian { sd } => sd * random.gaussian(),
            Self::Filtered { sd, blocks } => {
                let keep = (-1.0 / blocks).exp();
                state[0] = keep * state[0] + (1.0 - keep * keep).sqrt() * random.gaussian();
                sd * state[0]
            }
            Self::Jittered { sd, blocks } => {
                let filtered = Self::Filtered { sd, blocks }.draw(random, state, block_us);
                filtered + sd * random.gaussian()
            }
            // Adriaensen 2005, Using a DLL to filter time.
            Self::Loop { sd, blocks } => {
                let (omega, [told, period]) = (1.0 / blocks, *state);
                let error = sd * random.gaussian() - told;
                *state = [
                    told + period + std::f64::consts::SQRT_2 * omega * error,
                    period + omega * omega * error,
                ];
                told
            }
            Self::Outliers { half, far } => {
                let side = if random.chance(0.5) { far } else { -far };
                random.between(-half, half) + if random.chance(0.01) { side } else { 0.0 }
            }
            Self::Clusters { apart, share, sd, at } => {
                jitter(random, sd, at) + (f64::from(u8::from(random.chance(share))) - at) * apart
            }
            Self::Three { apart, sd, at } => {
                let place = [0.0, 1.0, 2.3][(random.unit() / 0.3 - 1.0 / 3.0).clamp(0.0, 2.5) as usize];
                jitter(random, sd, at) + (place - 2.3 * at) * apart
            }
            Self::Markov { apart, stay, sd, at } => {
                let place = switch(random, &mut state[0], stay);
                jitter(random, sd, at) + (place - at) * apart
            }
            Self::Sawtooth { period, beat, sd, at } => {
                // Where it begins is chance.
                let start = if state[0] == 0.0 { 1.0 + random.unit() } else { state[0] };
                state[0] = 1.0 + (start - 1.0 + 1.0 / beat).fract();
                jitter(random, sd, at) + (state[0] - 1.0 - at) * period
            }
            Self::HeavyTail { scale, alpha } => scale * (random.unit().powf(-1.0 / alpha) - 1.0),
            Self::Load { idle, busy, blocks } => {
                let is_busy = switch(random, &mut state[0], blocks) > 0.0;
                random.exponential(if is_busy { busy } else { idle })
            }
            Self::LoadBoth { idle, busy, blocks } => {
                let is_busy = switch(random, &mut state[0], blocks) > 0.0;
                random.gaussian() * if is_busy { busy } else { idle }
            }
        }
    }
}

/// Of stamps that are never early, where the true time is the earliest, exponential; else Gaussian.
fn jitter(random: &mut Random, sd: f64, at: f64) -> f64 {
    if at == 0.0 { random.exponential(sd) } else { sd * random.gaussian() }
}

/// A state of 0 or 1 that lasts for `stay` blocks in the mean, and is either at first.
fn switch(random: &mut Random, state: &mut f64, stay: f64) -> f64 {
    // Kept as 1 and 2: 0 is what has not begun.
    if *state == 0.0 {
        *state = 1.0 + f64::from(u8::from(random.chance(0.5)));
    } else if random.chance(1.0 / stay) {
        *state = 3.0 - *state;
    }
    *state - 1.0
}

impl Noise {
    /// How many blocks' errors go together.
    pub fn memory(self) -> f64 {
        match self {
            Self::Filtered { blocks, .. } | Self::Jittered { blocks, .. } | Self::Loop { blocks, .. } => {
                blocks
            }
            _ => 0.0,
        }
    }

    /// What a server that has long been running leaves to the first block.
    fn warm_up(self, random: &mut Random) -> [f64; 2] {
        let mut state = [0.0; 2];
        for _ in 0..8 * self.memory() as usize {
            self.draw(random, &mut state, 0.0);
        }
        state
    }
}

/// How long blocks are.
#[derive(Clone, Copy, Debug)]
pub enum Blocks {
    Of(i64),
    /// Multiples of the first up to the second, as on PulseAudio.
    Varying(i64, i64),
}

impl Blocks {
    /// Frames in the mean.
    pub fn mean(self) -> f64 {
        match self {
            Self::Of(frames) => frames as f64,
            Self::Varying(unit, most) => 0.5 * (unit + most) as f64,
        }
    }
}

/// One device as its host sees it.
#[derive(Clone, Copy, Debug)]
pub struct World {
    pub rate: u32,
    pub blocks: Blocks,
    /// How much faster than nominal the device runs.
    pub ppm: f64,
    /// Change of `ppm` in a minute.
    pub wander: f64,
    /// Most of a sine about `ppm`, and its period, s.
    pub sway: [f64; 2],
    /// Standard deviation of a random walk of the true clock in a second, µs.
    pub walk: f64,
    pub noise: Noise,
    pub errs: Errs,
    /// Stamps are rounded down to multiples of this, ns.
    pub grain: i64,
}

impl World {
    pub fn new(noise: Noise, errs: Errs) -> Self {
        Self {
            rate: 48_000,
            blocks: Blocks::Of(256),
            ppm: 123.0,
            wander: 0.0,
            sway: [0.0, 1.0],
            walk: 0.0,
            noise,
            errs,
            grain: 1,
        }
    }

    /// True time of `frame`, ns since the start.
    pub fn truth(&self, frame: i64) -> f64 {
        let s = frame as f64 / self.rate as f64;
        let (rate, wander) = (1.0 / (1.0 + self.ppm * 1e-6) - 1.0, -self.wander * 1e-6 / 60.0);
        // The seconds themselves are exact in whole blocks.
        let [sway, period] = self.sway;
        let turn = std::f64::consts::TAU / period;
        (s + s * (rate + 0.5 * wander * s) - sway * 1e-6 / turn * (1.0 - (turn * s).cos())) * 1e9
    }
}

/// What a fit says at the newest block of a moment, beside the truth.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    pub fit: Fit,
    /// ns, positive: the fit is late.
    pub error: f64,
    /// Error of the drift.
    pub ppm_error: f64,
}

impl Reading {
    pub fn covered(&self) -> bool {
        self.error.abs() <= self.fit.uncertainty_ns as f64
    }
}

/// A stream that runs.
pub struct Running {
    pub world: World,
    pub random: Random,
    pub clock: ClockFit,
    pub frame: i64,
    pub newest: i64,
    state: [f64; 2],
    start: i64,
    /// ns by which stamps have stepped.
    pub shift: f64,
}

impl Running {
    pub fn new(world: World, seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5a17);
        let start = 1_000_000_000_000 + (random.bits() >> 24) as i64;
        let clock = ClockFit::new(world.rate, world.errs);
        let state = world.noise.warm_up(&mut random);
        Self { world, random, clock, frame: 0, newest: 0, state, start, shift: 0.0 }
    }

    pub fn next_frames(&mut self) -> i64 {
        match self.world.blocks {
            Blocks::Of(frames) => frames,
            Blocks::Varying(unit, most) => unit * (1 + (self.random.bits() % (most / unit) as u64) as i64),
        }
    }

    /// True host time of `frame`.
    pub fn true_ns(&self, frame: i64) -> i64 {
        self.start + (self.world.truth(frame) + self.shift).round() as i64
    }

    /// The stamp that the next block would have.
    pub fn stamp(&mut self) -> i64 {
        let block_us = 1e6 * (self.frame - self.newest) as f64 / self.world.rate as f64;
        if self.world.walk > 0.0 {
            self.shift += self.world.walk * 1e3 * (block_us * 1e-6).sqrt() * self.random.gaussian();
        }
        let late = self.world.noise.draw(&mut self.random, &mut self.state, block_us);
        let stamp = self.true_ns(self.frame) + (late * 1e3).round() as i64;
        stamp / self.world.grain * self.world.grain
    }

    /// Observes a block with `stamp`.
    pub fn observe(&mut self, stamp: i64) -> Option<i64> {
        let frames = self.next_frames();
        let step = self.clock.observe(self.frame, frames, stamp);
        self.newest = self.frame;
        self.frame += frames;
        step
    }

    pub fn block(&mut self) -> Option<i64> {
        let stamp = self.stamp();
        self.observe(stamp)
    }

    /// Runs until `s` seconds since the start; gives the steps told.
    pub fn run_to(&mut self, s: f64) -> Vec<i64> {
        let mut steps = Vec::new();
        while (self.frame as f64) < s * self.world.rate as f64 {
            steps.extend(self.block());
        }
        steps
    }

    pub fn read(&self) -> Reading {
        let fit = self.clock.fit();
        let error = (fit.host_ns(self.newest) - self.true_ns(self.newest)) as f64;
        let s = self.newest as f64 / self.world.rate as f64;
        let [sway, period] = self.world.sway;
        let sway = sway * (std::f64::consts::TAU / period * s).sin();
        let true_ppm = self.world.ppm + self.world.wander * s / 60.0 + sway;
        Reading { fit, error, ppm_error: fit.ppm(self.world.rate) - true_ppm }
    }
}

/// Readings of `runs` streams at each of `moments`, s: moment by moment.
pub fn readings(world: World, runs: u64, moments: &[f64]) -> Vec<Vec<Reading>> {
    let mut all = vec![Vec::new(); moments.len()];
    for run in 0..runs {
        let mut running = Running::new(world, run + 1);
        for (moment, readings) in moments.iter().zip(&mut all) {
            running.run_to(*moment);
            readings.push(running.read());
        }
    }
    all
}

/// The value below which the part `share` of `values` lies.
pub fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() as f64 * share).ceil() as usize).clamp(1, values.len()) - 1]
}

/// Part of the readings whose uncertainty covers the error; a fit that says it is useless promises nothing.
pub fn coverage(readings: &[Reading]) -> f64 {
    let promised = readings.iter().filter(|reading| reading.fit.stamps != Stamps::Useless);
    let covered = promised.clone().filter(|reading| reading.covered()).count();
    covered as f64 / promised.count().max(1) as f64
}
