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

/// Runs of stamps beyond each octave of ns, to either side of the line.
pub struct Steps {
    late: [u32; OCTAVES],
    early: [u32; OCTAVES],
    /// How long a late run must be.
    needed: [u32; OCTAVES],
    recent: [Point; FEWEST],
    next: usize,
}

impl Steps {
    pub fn new() -> Self {
        let (runs, recent) = ([0; OCTAVES], [Point::default(); FEWEST]);
        Self { late: runs, early: runs, needed: [FEWEST as u32; OCTAVES], recent, next: 0 }
    }

    pub fn forget(&mut self) {
        *self = Self::new();
    }

    /// Ends all runs: the line has changed.
    pub fn forget_runs(&mut self) {
        self.late.fill(0);
        self.early.fill(0);
    }

    pub fn observe(&mut self, point: Point, above: f64) {
        let octave = if above.abs() >= 1.0 { 64 - (above.abs() as u64).leading_zeros() } else { 0 };
        let (late, early) = if above > 0.0 { (octave as usize, 0) } else { (0, octave as usize) };
        for (n, (up, down)) in self.late.iter_mut().zip(&mut self.early).enumerate() {
            *up = if n < late { up.saturating_add(1) } else { 0 };
            *down = if n < early { down.saturating_add(1) } else { 0 };
        }
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
        beyond(&self.late, floor)
            .chain(beyond(&self.early, floor))
            .any(|(_, &run)| (fewest..AT_LAST).contains(&run))
    }

    /// The step against `line`, if the newest stamps make one of more than `floor` ns: they agree on its size to
    /// within `near`, half of them. `earliest`: it is that of the earliest of them, not of their mean.
    pub fn step(&self, line: &Line, floor: f64, near: f64, earliest: bool) -> Option<f64> {
        let long = |&(n, &run): &(usize, &u32)| self.needed.get(n).is_some_and(|&needed| run >= needed);
        let late = beyond(&self.late, floor).filter(long);
        let early = beyond(&self.early, floor).filter(|&(_, &run)| run >= FEWEST as u32);
        let run = late.chain(early).map(|(_, &run)| run).max()?;
        let above = self.recent().map(|point| line.above(point));
        let step =
            if earliest { above.fold(f64::INFINITY, f64::min) } else { above.sum::<f64>() / FEWEST as f64 };
        // A hiccup of the system is caught up with block by block.
        let agree = self.recent().filter(|&point| (line.above(point) - step).abs() <= near).count();
        (agree >= FEWEST / 2 || run >= AT_LAST).then_some(step)
    }
}

/// The runs at the octaves that begin at `floor` ns or beyond.
fn beyond(runs: &[u32; OCTAVES], floor: f64) -> impl Iterator<Item = (usize, &u32)> {
    runs.iter().enumerate().filter(move |&(n, _)| (1u64 << n) as f64 >= floor)
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
