//! Steps: stamps that lie off the line one after another, by more than chance or one hiccup of the system.

use super::history::Point;
use super::line::Line;
use super::spread::{OCTAVES, Spread};

/// Fewest blocks that make a step.
pub const FEWEST: usize = 8;
/// After so many a step is taken for one even if they do not agree on its size.
const AT_LAST: u32 = 256;
/// A run must be rarer than 2 to the power of minus this.
const BITS: u32 = 36;

/// Runs of stamps beyond each octave of ns, to either side of the line: the farther out, the shorter.
pub struct Steps {
    late: Runs,
    early: Runs,
    /// How long a late run must be.
    needed: [u32; OCTAVES],
    recent: [Point; FEWEST],
    next: usize,
}

/// Runs to one side.
struct Runs {
    /// The stamp with which each began.
    began: [u64; OCTAVES],
    stamps: u64,
    /// Octaves that have a run.
    reach: usize,
}

impl Runs {
    fn new() -> Self {
        Self { began: [0; OCTAVES], stamps: 0, reach: 0 }
    }

    /// Takes a stamp that goes beyond the first `octaves`.
    fn observe(&mut self, octaves: usize) {
        let octaves = octaves.min(OCTAVES);
        if let Some(new) = self.began.get_mut(self.reach..octaves) {
            new.fill(self.stamps);
        }
        self.stamps += 1;
        self.reach = octaves;
    }

    /// The runs of at least `fewest` stamps at the octaves that begin at `floor` ns or beyond.
    fn beyond(&self, floor: f64, fewest: u32) -> impl Iterator<Item = (usize, u32)> {
        let whole = floor as u64;
        let below = if (whole as f64) < floor { whole } else { whole.saturating_sub(1) };
        // The bits of what lies below a power of 2 tell which it is.
        let first = (u64::BITS - below.leading_zeros()) as usize;
        let runs = self.began.iter().take(self.reach).enumerate().skip(first);
        let lengths = runs.map(|(n, began)| (n, (self.stamps - began).min(u32::MAX as u64) as u32));
        lengths.take_while(move |&(_, run)| run >= fewest)
    }
}

impl Steps {
    pub fn new() -> Self {
        let recent = [Point::default(); FEWEST];
        Self { late: Runs::new(), early: Runs::new(), needed: [FEWEST as u32; OCTAVES], recent, next: 0 }
    }

    pub fn forget(&mut self) {
        *self = Self::new();
    }

    /// Ends all runs: the line has changed.
    pub fn forget_runs(&mut self) {
        self.late = Runs::new();
        self.early = Runs::new();
    }

    pub fn observe(&mut self, point: Point, above: f64) {
        let octave = if above.abs() >= 1.0 { 64 - (above.abs() as u64).leading_zeros() } else { 0 };
        let (late, early) = if above > 0.0 { (octave as usize, 0) } else { (0, octave as usize) };
        self.late.observe(late);
        self.early.observe(early);
        if let Some(slot) = self.recent.get_mut(self.next) {
            *slot = point;
        }
        self.next = (self.next + 1) % FEWEST;
    }

    /// The newest stamps, oldest first.
    pub fn recent(&self) -> impl Iterator<Item = Point> {
        let (newer, older) = self.recent.split_at_checked(self.next).unwrap_or_default();
        older.iter().chain(newer).copied()
    }

    /// Learns from the scatter of lateness above a hull how long late runs may get by chance.
    pub fn learn(&mut self, spread: &Spread) {
        for (needed, beyond) in self.needed.iter_mut().zip(spread.tail()) {
            let share = (beyond as f64 + 1.0) / (spread.count() + 1.0);
            *needed = blocks_for(share).max(FEWEST as u32);
        }
    }

    /// Any run needs but [`FEWEST`]: for stamps that err both ways, where `floor` is far out.
    pub fn learn_nothing(&mut self) {
        self.needed.fill(FEWEST as u32);
    }

    /// Whether the newest stamp lies beyond `floor` ns and so must not enter a line.
    pub fn doubtful(&self, floor: f64) -> bool {
        self.suspicious(floor, 1)
    }

    /// Whether the newest stamps, at least `fewest`, lie beyond `floor` ns to one side.
    pub fn suspicious(&self, floor: f64, fewest: u32) -> bool {
        let mut runs = self.late.beyond(floor, fewest).chain(self.early.beyond(floor, fewest));
        runs.any(|(_, run)| run < AT_LAST)
    }

    /// The step against `line`, if the newest stamps make one of more than `floor` ns: they agree on its size to
    /// within `near`, half of them. `earliest`: it is that of the earliest of them, not of their mean.
    pub fn step(&self, line: &Line, floor: f64, near: f64, earliest: bool) -> Option<f64> {
        let long = |&(n, run): &(usize, u32)| self.needed.get(n).is_some_and(|&needed| run >= needed);
        let late = self.late.beyond(floor, FEWEST as u32).filter(long);
        let early = self.early.beyond(floor, FEWEST as u32);
        let run = late.chain(early).map(|(_, run)| run).max()?;
        let above = self.recent().map(|point| line.above(point));
        let step =
            if earliest { above.fold(f64::INFINITY, f64::min) } else { above.sum::<f64>() / FEWEST as f64 };
        // A hiccup of the system is caught up with block by block.
        let agree = self.recent().filter(|&point| (line.above(point) - step).abs() <= near).count();
        (agree >= FEWEST / 2 || run >= AT_LAST).then_some(step)
    }
}

/// How many independent events of this probability are rarer together than 2^−[`BITS`].
fn blocks_for(share: f64) -> u32 {
    let (mut chance, mut blocks) = (share, 1);
    let rare = 1.0 / (1u64 << BITS) as f64;
    while chance > rare && blocks < AT_LAST {
        chance *= share;
        blocks += 1;
    }
    if chance > rare { u32::MAX } else { blocks }
}
