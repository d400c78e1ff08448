//! The clock fit: from one stamp per block to the line between frames and the host's time.
//!
//! ```text
//! stamp ─▶ grain        multiples of something?
//!       ─▶ steps        one after another off the line: begin again there, with the rate that is known
//!       ─▶ strays       one or two far off it, and then no more: left out
//!       ─▶ history      the last 40 s in buckets, or what came since a change
//!            ├▶ hull    wake-ups are never early: the supporting line below
//!            ├▶ squares the rest err about a mean: least squares
//!            ├▶ bend    a rate that changes: the older half is forgotten, and what is not sure yet is stated
//!            └▶ shape   which of the two, or clusters; the scatter; the share of the error that no data can show
//! ```
//!
//! Realtime-safe: all memory is made by [`ClockFit::new`], and the work of a block is bounded by the number of
//! buckets.

mod bend;
mod change;
mod clusters;
mod correlation;
mod fit;
mod grain;
mod history;
mod hull;
mod line;
mod lows;
mod shape;
mod spread;
mod squares;
mod steps;
mod strays;

pub use fit::{Fit, Stamps};

use crate::memory::Ranges;
use bend::Bend;
use grain::Grain;
use history::{History, Point};
use hull::Hull;
use line::{Line, Prior};
use shape::Shape;
use steps::Steps;
use strays::Strays;

/// Which way the stamps err.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Errs {
    /// Times of wake-ups: never early.
    Late,
    /// Stamps of a server or a driver, about a mean.
    #[default]
    BothWays,
    /// To be found out, for example those of a host program. The uncertainty allows for either.
    Unknown,
}

/// Standard deviation of device clocks about their nominal rate, ppm.
const NOMINAL_PPM: f64 = 200.0;
/// Rates further off are no clock of this device, ppm.
const WORST_PPM: f64 = 2_000.0;
/// How far a clock may wander in a second, ppm: one a minute.
const WANDER_PPM: f64 = 1.0 / 60.0;
/// A rate that changes by more than this in a second is none, ppm; nor does a window show it that is shorter than this.
const BEND_PPM: f64 = 40.0;
const SHORTEST_BEND_S: f64 = 1.0;
/// A window that shows no bend and is longer than this, s, is that of a steady rate.
const STEADY_S: f64 = 38.0;
/// More scatter than this makes stamps useless, ns.
const WORST_SCATTER: f64 = 20e6;
/// Least uncertainty, ns.
const FLOOR: f64 = 100.0;
/// Steps that make stamps useless, when each is forgiven after [`FORGIVEN_S`].
const WORST_STEPS: f64 = 4.0;
const FORGIVEN_S: f64 = 4.0;
/// Stamps are of use again when so much of that is left, two seconds after the last, and a line has lasted so long, s.
const AGAIN: f64 = 0.875;
const AGAIN_S: f64 = 0.5;
/// How much a step counts among them that is the time that a few blocks take, or of whole blocks: they were lost, and
/// the stamps are good. Steps by chance pass for the latter, within this part of a block, one time in ten.
const LOST: f64 = 0.1;
const A_FEW_BLOCKS: f64 = 8.0;
const NEAR_WHOLE: f64 = 0.05;
/// So many stamps out of place are hardly chance, but too few to tell a step.
const SEVERAL: u32 = steps::FEWEST as u32 / 2;
/// Where stamps err both ways so many are no strays.
const FEW: u32 = 3;
/// A fit has settled after this time, s, and this many stamps.
const SETTLED_S: f64 = 1.0;
const SETTLED: f64 = 12.0;
/// Fewest stamps, and the shortest time, s, by which the shape of their errors, and a step, are told.
const KNOWN: f64 = 32.0;
const KNOWN_S: f64 = 0.1;
/// So long a window, s, shows the scatter of errors that go together with their neighbours.
const KNOWN_SCATTER_S: f64 = 4.0;
/// Behind a step that leaves a line so many times less sure than what was known would, stamps err in another way.
const ANOTHER_KIND: f64 = 16.0;
/// Stamps agree on a step if they are this near, ns, while nobody knows their scatter.
const UNKNOWN_NEAR: f64 = 250e3;
/// Steps of stamps without any scatter must be larger than this, ns.
const SMALLEST_STEP: f64 = 5e3;
/// Stamps are strays if they are further off than so many widths of the scatter; more for lateness, which thins out.
const STRAY: f64 = 4.0;
const STRAY_LATE: f64 = 8.0;
/// The first stamp of all may be as far out as this, ns, or a block.
const UNSETTLED: f64 = 5e6;
/// The line is fitted again when the history has grown by about this part of itself, in buckets and in time (a
/// line as old as that errs by as much as it did then); the shape is learnt again after so many fits.
const STRIDE: usize = 16;
const STRIDE_SPAN: f64 = 1.0 / 64.0;
const RESHAPE: usize = 2;

/// Estimates the host's time of each frame of one half of a stream.
pub struct ClockFit {
    rate: i64,
    /// Nominal ns per frame.
    nominal: f64,
    errs: Errs,
    history: History,
    hull: Hull,
    shape: Shape,
    steps: Steps,
    strays: Strays,
    now: State,
    fit: Fit,
}

/// What is small of a fit's state.
#[derive(Clone, Copy, Default)]
struct State {
    /// Frame and stamp from which all are counted.
    origin: Option<(i64, i64)>,
    /// Frames of the newest stamp since the origin.
    newest: f64,
    /// Duration of the newest block, ns.
    block: f64,
    grain: Grain,
    line: Line,
    prior: Prior,
    /// Where the prior was true.
    prior_x: f64,
    /// Stamps since the line was last fitted, and fits since the shape was last learnt.
    waiting: usize,
    unshaped: usize,
    /// Whether stamps have been seen to step by their grain.
    coarse: bool,
    /// Steps not yet forgiven.
    unsteady: f64,
    /// How far off the line the newest stamp is, ns, if that may be the beginning of a step.
    suspected: f64,
    /// The scatter that long stretches have shown, ns: a step does not change it.
    scatter: f64,
    /// The error of the settled line that the last step ended, ns.
    before: Option<f64>,
    settled: bool,
    useless: bool,
    /// Whether the rate has been seen to change of late.
    wanders: bool,
    /// How far the line lags behind a rate that changes, ns.
    bend: f64,
    /// The line below all stamps by which the shape was learnt.
    below: Line,
    /// How far the farthest of a few first stamps is from the line, ns.
    farthest: f64,
}

impl ClockFit {
    /// Adds what it holds before its first stamp.
    pub fn add_memory(&self, ranges: &mut Ranges) {
        self.history.add_memory(ranges);
        self.hull.add_memory(ranges);
        self.shape.add_memory(ranges);
    }

    /// A fit without any stamp yet. Allocates about 40 KB.
    pub fn new(sample_rate_hz: u32, errs: Errs) -> Self {
        let rate = sample_rate_hz.max(1);
        Self {
            rate: rate as i64,
            nominal: 1e9 / rate as f64,
            errs,
            history: History::new(rate),
            hull: Hull::new(),
            shape: Shape::new(errs),
            steps: Steps::new(),
            strays: Strays::default(),
            now: State::default(),
            fit: Fit::default(),
        }
    }

    /// Forgets everything, the count of discontinuities too: for a stream that starts again.
    pub fn restart(&mut self) {
        self.history.clear();
        self.shape.forget();
        self.steps.forget();
        self.strays = Strays::default();
        self.now = State::default();
        self.fit = Fit::default();
    }

    /// The line as of the newest block, usable from the first stamp on.
    pub fn fit(&self) -> Fit {
        self.fit
    }

    /// Takes a block of `frames` frames, the first of which is `frame` and has the stamp `stamp_ns`: MONOTONIC
    /// ns, 0 if it has none. Blocks come in order of their frames; one that does not starts the fit anew.
    /// Gives the step in ns (positive: later) if a discontinuity has just been recognised: some blocks after
    /// it, when the fit has already begun again behind it.
    pub fn observe(&mut self, frame: i64, frames: i64, stamp_ns: i64) -> Option<i64> {
        if stamp_ns == 0 {
            self.publish(frame);
            return None;
        }
        let point =
            self.point(frame, stamp_ns).filter(|point| point.x > self.now.newest || self.history.len() == 0);
        let Some(point) = point else {
            self.begin(frame, frames, stamp_ns);
            return None;
        };
        let passed = (point.x - self.now.newest) / self.rate as f64;
        self.now.unsteady = (self.now.unsteady - passed / FORGIVEN_S).max(0.0);
        self.now.newest = point.x;
        self.now.block = frames as f64 * self.nominal;
        self.now.grain.observe(stamp_ns);
        let above = self.now.line.above(point);
        self.steps.observe(point, above);
        let step = self.step(above);
        let told = match step {
            Some((step, blocks)) => self.begin_again(step, blocks),
            None => {
                self.take(point, above);
                None
            }
        };
        self.now.suspected = if step.is_none() && self.suspicious() { above } else { 0.0 };
        self.publish(frame);
        told
    }

    /// Whether the newest stamp is off the line by whole blocks, or the newest few by whatever it is, which will count
    /// if more of them are.
    pub fn suspects_step(&self) -> bool {
        let are_few = || !self.shape.late && self.steps.suspicious(self.floor(), FEW);
        self.counts_steps() && (self.lost_blocks(self.now.suspected) || are_few())
    }

    /// Whether a step counts: the line was known, by many stamps or by what a step before has left of it.
    fn counts_steps(&self) -> bool {
        let is_kept = self.now.before.is_some() && self.shape.known;
        !self.now.useless && (is_kept || self.history.total() >= KNOWN)
    }

    /// Of stamps that come late now and then, a few in a row tell nothing yet.
    fn suspicious(&self) -> bool {
        self.steps.suspicious(self.floor(), if self.shape.late { SEVERAL } else { 1 })
    }

    /// `ppm` as ns per frame.
    fn ppm(&self, ppm: f64) -> f64 {
        ppm * 1e-6 * self.nominal
    }

    /// Starts from nothing but one stamp.
    fn begin(&mut self, frame: i64, frames: i64, stamp_ns: i64) {
        self.restart();
        self.now.origin = Some((frame, stamp_ns));
        self.now.block = frames as f64 * self.nominal;
        self.now.prior = self.nominal_rate();
        self.now.grain.observe(stamp_ns);
        self.steps.observe(Point::default(), 0.0);
        self.history.push(Point::default(), 0.0);
        self.refit();
        self.publish(frame);
    }

    fn nominal_rate(&self) -> Prior {
        Prior { slope: 0.0, error: self.ppm(NOMINAL_PPM) }
    }

    /// `None` where the numbers are beyond all sense, or there is no origin.
    fn point(&self, frame: i64, stamp_ns: i64) -> Option<Point> {
        let (first, first_ns) = self.now.origin?;
        let frames = frame.checked_sub(first).filter(|frames| (0..1 << 52).contains(frames))?;
        let (ns, rest) = self.nominal_ns(frames)?;
        let y = stamp_ns.checked_sub(first_ns)?.checked_sub(ns)? as f64 - rest;
        Some(Point { x: frames as f64, y })
    }

    /// Nominal duration of `frames` ≥ 0: whole ns and the rest.
    fn nominal_ns(&self, frames: i64) -> Option<(i64, f64)> {
        let part = (frames % self.rate) * 1_000_000_000;
        let ns = (frames / self.rate).checked_mul(1_000_000_000)?.checked_add(part / self.rate)?;
        Some((ns, (part % self.rate) as f64 / self.rate as f64))
    }

    /// Beyond this, ns, a stamp is out of place.
    fn floor(&self) -> f64 {
        self.shape.far.max(4.0 * self.line_error() + SMALLEST_STEP)
    }

    /// Beyond this, ns, one or two stamps are strays.
    fn stray_beyond(&self) -> f64 {
        // What may be lateness tells all the more by a line below it, the further it is out.
        match self.errs == Errs::BothWays && self.shape.known {
            true => self.floor().max(self.shape.width * if self.shape.late { STRAY_LATE } else { STRAY }),
            false => f64::INFINITY,
        }
    }

    /// The step that has just shown, and how many blocks lie behind it.
    fn step(&mut self, above: f64) -> Option<(f64, usize)> {
        let grain = self.now.grain.ns() as f64;
        let early = self.shape.early.max(4.0 * self.line_error() + SMALLEST_STEP).max(2.0 * grain);
        if self.errs == Errs::Late && self.shape.known && self.judgeable() && above < -early {
            return Some((above, 1));
        }
        // Below a hull hardly a stamp comes by chance; three in eight do not.
        let early = 2.0 * early;
        if self.shape.late && self.judgeable() && above < -early {
            let above = || self.steps.recent().map(|point| self.now.line.above(point));
            let (count, least) = above()
                .filter(|&above| above < -early)
                .fold((0, 0.0f64), |(count, least), above| (count + 1, above.min(least)));
            // What came before the first of them lies on the old line.
            let before = above().take_while(|&above| above >= -early).count();
            if count >= 3 {
                return Some((least, steps::FEWEST - before));
            }
        }
        let near = if self.shape.known { self.floor() } else { UNKNOWN_NEAR };
        let step = self.steps.step(&self.now.line, self.floor(), near, self.shape.late)?;
        if step.abs() <= 1.5 * grain && !(0.75..1.25).contains(&(grain / self.now.block)) {
            self.now.coarse = true;
            self.steps.forget_runs();
            return None;
        }
        Some((step, steps::FEWEST))
    }

    /// Begins again with the newest `blocks` stamps and the rate that is known. Gives the step if it counts.
    fn begin_again(&mut self, step: f64, blocks: usize) -> Option<i64> {
        let counts = self.counts_steps();
        let is_loss = self.lost_blocks(step) || (step > 0.0 && step < A_FEW_BLOCKS * self.now.block);
        let counted = if is_loss { LOST } else { 1.0 };
        // No more than can be forgiven soon after the last of them.
        self.now.unsteady = (self.now.unsteady + counted).min(WORST_STEPS);
        self.now.useless |= self.now.unsteady >= WORST_STEPS;
        // Useless stamps know no rate.
        self.now.prior = match self.now.useless {
            true => self.nominal_rate(),
            false => Prior { slope: self.now.line.slope, error: self.now.line.slope_error },
        };
        self.now.prior_x = self.now.newest;
        if self.now.settled && self.span_s() >= SETTLED_S {
            self.now.before = Some(self.now.line.error);
        }
        self.history.clear();
        self.strays.forget();
        self.steps.forget_runs();
        let beyond = self.stray_beyond();
        let line = self.now.line;
        let agrees = |point: &Point| (line.above(*point) - step).abs() <= beyond;
        let recent = || self.steps.recent().skip(steps::FEWEST - blocks);
        let agree = 2 * recent().filter(agrees).count() >= blocks;
        for point in recent().filter(|point| !agree || agrees(point)) {
            self.history.push(point, line.slope);
        }
        self.refit();
        if !counts {
            return None;
        }
        self.fit.discontinuities += 1;
        Some(step as i64)
    }

    /// Whether a step of `step` ns is that of blocks left out.
    fn lost_blocks(&self, step: f64) -> bool {
        let blocks = step / self.now.block.max(1.0);
        blocks > 0.5 && (blocks - (blocks + 0.5).floor()).abs() <= NEAR_WHOLE
    }

    /// Takes a stamp that is no step.
    fn take(&mut self, point: Point, above: f64) {
        if self.strays.hold(point, above.abs() > self.stray_beyond()) {
            return;
        }
        for stray in self.strays.release() {
            self.history.push(stray, self.now.line.slope);
        }
        self.history.push(point, self.now.line.slope);
        if self.shape.late && !self.shape.blunt && above < 0.0 && above > -self.floor() {
            self.now.line.y += above;
        }
        self.now.waiting += 1;
        if self.due() && !self.steps.doubtful(self.floor()) {
            self.refit();
            self.sort_out();
        }
    }

    /// Whether the line has become too old.
    fn due(&self) -> bool {
        let (line, x) = (&self.now.line, self.now.newest);
        self.now.waiting > self.history.len() / STRIDE && x - line.x >= STRIDE_SPAN * self.history.span_to(x)
    }

    /// Fits the line to the history and, when that is due, learns the shape of the errors.
    fn refit(&mut self) {
        self.now.waiting = 0;
        if !self.shape.known && self.judgeable() && self.errs == Errs::BothWays {
            strays::leave_out(&mut self.history, SMALLEST_STEP);
        }
        self.now.line = self.fitted();
        self.now.farthest = if self.shape.known || self.errs == Errs::Late { 0.0 } else { self.farthest() };
        self.now.unshaped += 1;
        if self.judgeable() && (self.now.unshaped >= RESHAPE || !self.shape.known) {
            self.look_for_changes();
            let late = self.shape.late;
            self.reshape();
            self.now.farthest = 0.0;
            if self.shape.late != late {
                // What the shape hides is meant for a line of its own kind.
                self.now.line = self.fitted();
            }
        }
    }

    /// How far the farthest stamp is from the line.
    fn farthest(&self) -> f64 {
        let far = self.history.buckets().map(|bucket| self.now.line.above(bucket.one).abs());
        far.fold(0.0, f64::max)
    }

    /// Forgets what came before a change, of the stamps' kind or of the rate.
    fn look_for_changes(&mut self) {
        let (span, s) = (self.history.span_to(self.now.newest), self.span_s());
        self.now.wanders &= s < STEADY_S;
        let bend = match s >= SHORTEST_BEND_S {
            true => {
                let highest = self.ppm(BEND_PPM) * span * s / 8.0;
                bend::of(&self.history, &self.now.line, self.shape.late, self.now.wanders, highest)
            }
            false => Bend::default(),
        };
        let is_another = self.errs == Errs::BothWays && change::is_in_the_way(&self.history, SMALLEST_STEP);
        self.now.line.error += bend.lag - self.now.bend;
        self.now.bend = bend.lag;
        if !bend.is_certain && !is_another {
            return;
        }
        self.history.forget_older();
        (self.now.scatter, self.now.before) = (0.0, None);
        if bend.is_certain {
            // The end of a parabola is steeper by four times its height over its length.
            let error = self.now.line.slope_error + 4.0 * bend.height.abs() / span;
            self.now.prior = Prior { slope: self.now.line.slope, error };
            self.now.prior_x = self.now.newest;
            // Half of it is a quarter as high.
            self.now.bend *= 0.25;
            self.now.wanders = true;
        }
        self.now.line = self.fitted();
    }

    /// The line that the history gives.
    fn fitted(&mut self) -> Line {
        let wander = self.ppm(WANDER_PPM) * (self.now.newest - self.now.prior_x) / self.rate as f64;
        let prior = Prior {
            error: (self.now.prior.error * self.now.prior.error + wander * wander).sqrt(),
            ..self.now.prior
        };
        let unsettled = if self.shape.known { self.shape.width } else { UNSETTLED };
        let (history, x) = (&self.history, self.now.newest);
        let mut line = match self.shape.late {
            true => self.hull.fit(history, prior, x, unsettled, self.shape.blunt),
            false => squares::fit(history, prior, x, unsettled),
        };
        let span = self.history.span_to(x);
        let s = span / self.rate as f64;
        if self.errs == Errs::BothWays && !self.shape.late {
            // A window of a second or less does not show how far the errors of neighbours go together; nor does one
            // of two after a step, which a server that filters its clock takes time to follow.
            let s = s * if self.fit.discontinuities == 0 { 2.0 } else { 1.0 };
            line.error += self.shape.width.max(self.now.scatter) / (1.0 + s * s);
        }
        if self.now.wanders || (self.errs == Errs::BothWays && !self.shape.late) {
            // Least squares lag behind a rate that changes by a 12th of its change in the window, times the window, and
            // a line below the stamps by an 8th; against less noise than that the residuals show it.
            let lag = self.ppm(WANDER_PPM) * span * s / if self.shape.late { 8.0 } else { 12.0 };
            line.error += lag.min(8.0 * line.error);
        }
        line.error += self.now.bend;
        line
    }

    /// Seconds of stamps in the history.
    fn span_s(&self) -> f64 {
        self.history.span_to(self.now.newest) / self.rate as f64
    }

    /// Whether the history is long enough to tell the shape of the errors.
    fn judgeable(&self) -> bool {
        self.history.total() >= KNOWN && self.span_s() >= KNOWN_S
    }

    fn reshape(&mut self) {
        self.now.unshaped = 0;
        let level = Prior { slope: self.now.line.slope, error: 0.0 };
        let below = match self.shape.late && !self.shape.blunt {
            true => self.now.line,
            false => self.hull.fit(&self.history, level, self.now.newest, 0.0, false),
        };
        self.shape.learn(&self.history, &self.hull, &below);
        self.now.below = below;
        let long = self.history.span_to(self.now.newest) >= KNOWN_SCATTER_S * self.rate as f64;
        self.now.scatter = if long { self.shape.width } else { self.now.scatter.max(self.shape.width) };
        if self.shape.late && self.shape.blunt {
            // A line through lows lies higher than the hull, and nearer to what it hides.
            let (raised, hidden) = ((self.now.line.y - below.y).max(0.0), self.shape.hidden);
            self.shape.hidden = (raised + 0.25 * hidden).max(hidden - raised);
        }
        match self.shape.late {
            true => self.steps.learn(self.shape.spread()),
            false => self.steps.learn_nothing(),
        }
    }

    /// Tells useless stamps from others.
    fn sort_out(&mut self) {
        let (line, span) = (self.now.line, self.span_s());
        let runs_away = self.history.total() >= KNOWN
            && span >= 0.25
            && line.slope.abs() - 4.0 * line.slope_error > self.ppm(WORST_PPM);
        // Time that stands still or runs backwards needs no such proof.
        let stands = self.nominal + line.slope <= 0.0;
        if runs_away || stands || (self.shape.known && self.shape.width > WORST_SCATTER) {
            self.now.useless = true;
            self.now.unsteady = self.now.unsteady.max(WORST_STEPS);
            self.begin_anew();
        } else if self.now.useless && self.now.unsteady < AGAIN * WORST_STEPS && span >= AGAIN_S {
            self.now.useless = false;
        }
        let settled = span >= SETTLED_S && self.history.total() >= SETTLED;
        self.now.settled = !self.now.useless && (self.now.settled || settled);
    }

    /// Keeps nothing but the newest stamp and the nominal rate.
    fn begin_anew(&mut self) {
        self.history.clear();
        self.shape.forget();
        (self.now.scatter, self.now.before) = (0.0, None);
        self.strays.forget();
        self.steps.forget_runs();
        self.steps.learn_nothing();
        self.now.prior = self.nominal_rate();
        self.now.prior_x = self.now.newest;
        if let Some(point) = self.steps.recent().last() {
            self.history.push(point, 0.0);
        }
        self.refit();
    }

    /// The grain if it is what stamps err by, else 0.
    fn grain(&self) -> f64 {
        let grain = self.now.grain.ns() as f64;
        if self.now.coarse || (self.shape.known && self.shape.width >= 0.25 * grain) { grain } else { 0.0 }
    }

    /// The error of the line as far as a step that has just been has not hidden what was known of it.
    fn line_error(&self) -> f64 {
        let line = &self.now.line;
        let Some(before) = self.now.before.filter(|_| !self.shape.late && self.span_s() < KNOWN_SCATTER_S)
        else {
            return line.error;
        };
        // Stamps err as before the step: by their scatter about a line, and by what that erred.
        let known = before + self.now.scatter + 3.0 * line.slope_error * self.history.span_to(line.x);
        if line.error < ANOTHER_KIND * known { line.error.min(known) } else { line.error }
    }

    /// How far the true line may be from this one because nothing tells what stamps err about, ns.
    fn undecided(&self) -> f64 {
        let (line, below) = (&self.now.line, &self.now.below);
        match self.shape.clusters {
            Some(clusters) => clusters.undecided(line.y - below.at(line.x)),
            None => self.now.farthest,
        }
    }

    /// Anchors the line at `frame`.
    fn publish(&mut self, frame: i64) {
        let Some((first, first_ns)) = self.now.origin else { return };
        let Some(frames) = frame.checked_sub(first).filter(|&frames| frames >= 0) else { return };
        let Some((ns, rest)) = self.nominal_ns(frames) else { return };
        let (line, x) = (self.now.line, frames as f64);
        self.fit.frame = frame;
        let off = (line.at(x) + rest + 0.5).floor() as i64;
        self.fit.host_ns = first_ns.saturating_add(ns).saturating_add(off);
        self.fit.ns_per_frame = self.nominal + line.slope;
        let (ahead, grain) = ((x - line.x).abs(), self.grain());
        let wander = 0.5 * self.ppm(WANDER_PPM) * ahead * (ahead / self.rate as f64);
        let doubt = self.line_error() + 3.0 * line.slope_error * ahead + wander + self.now.suspected.abs();
        let error = doubt + self.shape.hidden.max(self.undecided()) + grain + FLOOR;
        self.fit.uncertainty_ns = if self.now.useless { -1 } else { error.max(0.0) as i64 };
        self.fit.stamps = match () {
            _ if self.now.useless => Stamps::Useless,
            _ if !self.now.settled => Stamps::Settling,
            _ if grain > 0.25 * self.shape.width && grain > 0.0 => Stamps::Quantised,
            _ => Stamps::Usable,
        };
    }
}
