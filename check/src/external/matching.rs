//! Which onset belongs to which event, though the two clocks differ in zero and rate, and some onsets are missing
//! or have no event.
//!
//! Every onset is tried as the partner of a few events spread over the run. From there on the partners of the
//! other events are followed in both directions, and the one course of which most fits in is taken, if no other
//! fits about as well.

use std::collections::HashSet;

use crate::report::Refusal;
use crate::stats::{Line, median_of};

/// Events that are tried as a beginning.
const ANCHORS: usize = 12;
/// Partners over whose offsets the next one is expected.
const MEMORY: usize = 8;
/// After so many events a course with few partners is given up.
const PATIENCE: usize = 20;
/// The least part of events with partners while following.
const FOLLOWED: f64 = 0.3;
/// The least part of the shorter list with partners in the end.
const MATCHED: f64 = 0.5;
/// Fewest pairs of a result.
const FEWEST: usize = 5;
/// Another course is as good with this part of the pairs.
const RIVAL_PAIRS: f64 = 0.8;
/// And with this many times the scatter.
const RIVAL_SCATTER: f64 = 3.0;
/// Onsets that a course leaves over are its echo if they make another one of this part of its pairs.
const REPEATED: f64 = 0.3;
/// And most of them lie this part of the tolerance from that one.
const REPEATED_WITHIN: f64 = 0.1;

/// What may belong together.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How far an onset may lie from where the others put it.
    pub tolerance_s: f64,
    /// Largest difference of the two rates.
    pub largest_ppm: f64,
    /// Least and largest onset minus event; `None` if the clocks have no common zero.
    pub offsets_s: Option<(f64, f64)>,
}

/// Pairs of event and onset, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Matches {
    pub pairs: Vec<(usize, usize)>,
    /// Another course fits as well, and the order alone decided.
    pub in_order: bool,
}

/// A course through both lists.
#[derive(Clone, Debug)]
struct Course {
    pairs: Vec<(usize, usize)>,
    line: Line,
    scatter_s: f64,
}

/// Pairs events with onsets; both in seconds and in order. `names` are theirs in a refusal.
pub fn align(names: (&str, &str), events: &[f64], onsets: &[f64], rules: &Rules) -> Result<Matches, Refusal> {
    let lists = Lists { events, onsets, rules };
    let mut courses = lists.courses();
    courses.sort_by(|a, b| b.pairs.len().cmp(&a.pairs.len()).then(a.scatter_s.total_cmp(&b.scatter_s)));
    let counts = format!("{} {} and {} {}", events.len(), names.0, onsets.len(), names.1);
    let fewer = events.len().min(onsets.len());
    let best = courses.first();
    let found = best.map_or(0, |best| best.pairs.len());
    let Some(best) = best.filter(|_| found >= FEWEST && found as f64 >= MATCHED * fewer as f64) else {
        return Err(Refusal::new(
            "no match",
            format!(
                "{counts} do not belong together: at most {found} of them lie within {:.1} ms of one course with a \
             rate within {:.0} ppm{}",
                rules.tolerance_s * 1e3,
                rules.largest_ppm,
                within(rules)
            ),
        ));
    };
    if let Some((echo, repeated)) = lists.echo(best, &courses) {
        return Err(Refusal::new(
            "repeated",
            format!(
                "{counts}: {found} pairs, and {repeated} of the onsets without a partner come {:+.1} ms from these. The \
                 sound is heard twice, and which one is meant is not known. Use a cable instead of a microphone, let \
                 --refractory-ms be longer than a sound with its echo, take the receipts of one sound with --tag{}",
                lists.apart_s(best, echo) * 1e3,
                if rules.offsets_s.is_some() { ", or give a smaller --longest-lag-ms" } else { "" }
            ),
        ));
    }
    let rival = courses.iter().find(|other| lists.is_rival(best, other));
    let complete = found == events.len() && found == onsets.len();
    match rival {
        Some(rival) if !complete => Err(Refusal::new(
            "ambiguous",
            format!(
                "{counts} fit together in more than one way: {found} pairs, or {} pairs {:.1} ms apart from these. \
             Intervals between sounds that differ more would tell them apart{}",
                rival.pairs.len(),
                lists.apart_s(best, rival).abs() * 1e3,
                if rules.offsets_s.is_some() {
                    ", or a smaller --longest-lag-ms"
                } else {
                    ", or --reference or --same-clock"
                }
            ),
        )),
        rival => Ok(Matches { pairs: best.pairs.clone(), in_order: rival.is_some() }),
    }
}

fn within(rules: &Rules) -> String {
    let range = |(low, high): (f64, f64)| format!(" and {:.0} to {:.0} ms late", low * 1e3, high * 1e3);
    rules.offsets_s.map(range).unwrap_or_default()
}

struct Lists<'a> {
    events: &'a [f64],
    onsets: &'a [f64],
    rules: &'a Rules,
}

impl Lists<'_> {
    /// Every course that a beginning leads to.
    fn courses(&self) -> Vec<Course> {
        let mut courses: Vec<Course> = Vec::new();
        let step = self.events.len().div_ceil(ANCHORS).max(1);
        for event in (0..self.events.len()).step_by(step) {
            for onset in 0..self.onsets.len() {
                let is_known =
                    courses.iter().any(|course| course.pairs.binary_search(&(event, onset)).is_ok());
                if !is_known && self.may_begin(event, onset) {
                    courses.extend(self.follow(event, onset).and_then(|pairs| self.settle(pairs)));
                }
            }
        }
        courses
    }

    fn may_begin(&self, event: usize, onset: usize) -> bool {
        let offset = self.onsets[onset] - self.events[event];
        self.rules.offsets_s.is_none_or(|(low, high)| (low..=high).contains(&offset))
    }

    /// The partners that follow from a first pair, in both directions; `None` if they are few.
    fn follow(&self, event: usize, onset: usize) -> Option<Vec<(usize, usize)>> {
        let back = self.follow_one_way(event, onset, false)?;
        let on = self.follow_one_way(event, onset, true)?;
        Some(back.into_iter().rev().chain([(event, onset)]).chain(on).collect())
    }

    fn follow_one_way(&self, event: usize, onset: usize, onwards: bool) -> Option<Vec<(usize, usize)>> {
        let mut pairs = vec![(event, onset)];
        let others: Vec<usize> =
            if onwards { (event + 1..self.events.len()).collect() } else { (0..event).rev().collect() };
        for (tried, next) in others.into_iter().enumerate() {
            if tried >= PATIENCE && (pairs.len() as f64) < FOLLOWED * tried as f64 {
                return None;
            }
            let recent = &pairs[pairs.len().saturating_sub(MEMORY)..];
            let offset = recent.iter().map(|pair| self.onsets[pair.1] - self.events[pair.0]).sum::<f64>();
            let last_onset = pairs[pairs.len() - 1].1;
            let away = (self.events[next] - self.events[recent[0].0]).abs();
            let slack = self.rules.tolerance_s + away * self.rules.largest_ppm * 1e-6;
            let expected = self.events[next] + offset / recent.len() as f64;
            if !self.is_covered(expected, slack) {
                break;
            }
            let nearest = self.nearest(expected, slack);
            let is_beyond = |found: &usize| if onwards { *found > last_onset } else { *found < last_onset };
            pairs.extend(nearest.filter(is_beyond).map(|found| (next, found)));
        }
        pairs.remove(0);
        Some(pairs)
    }

    /// Whether the recorder was running at a time.
    fn is_covered(&self, time: f64, slack: f64) -> bool {
        let (first, last) = (self.onsets.first(), self.onsets.last());
        first.is_some_and(|first| time >= first - slack) && last.is_some_and(|last| time <= last + slack)
    }

    /// The onset nearest to a time, if it is within `slack`.
    fn nearest(&self, time: f64, slack: f64) -> Option<usize> {
        let after = self.onsets.partition_point(|onset| *onset < time);
        let away = |n: &usize| (self.onsets[*n] - time).abs();
        let neighbours = [after.checked_sub(1), (after < self.onsets.len()).then_some(after)];
        let nearest = neighbours.into_iter().flatten().min_by(|a, b| away(a).total_cmp(&away(b)))?;
        (away(&nearest) <= slack).then_some(nearest)
    }

    /// Fits a line to the pairs and pairs anew by that line, until it stays.
    fn settle(&self, mut pairs: Vec<(usize, usize)>) -> Option<Course> {
        let mut line = self.line(&pairs)?;
        for _ in 0..4 {
            pairs = self.pair_by(&line);
            line = self.line(&pairs)?;
        }
        let squares = pairs.iter().map(|pair| (self.onsets[pair.1] - line.at(self.events[pair.0])).powi(2));
        let scatter_s = (squares.sum::<f64>() / pairs.len() as f64).sqrt();
        // The scatter alone may tilt the line of a short run.
        let span = self.events.last()? - self.events.first()?;
        let tilt = 4.0 * scatter_s / span.max(f64::MIN_POSITIVE) / (pairs.len() as f64).sqrt();
        let fits = (line.slope - 1.0).abs() <= self.rules.largest_ppm * 1e-6 + tilt;
        fits.then_some(Course { pairs, line, scatter_s })
    }

    fn line(&self, pairs: &[(usize, usize)]) -> Option<Line> {
        let points: Vec<(f64, f64)> =
            pairs.iter().map(|pair| (self.events[pair.0], self.onsets[pair.1])).collect();
        (points.len() >= FEWEST).then(|| Line::through(&points)).flatten()
    }

    /// The nearest onset to each event by a line, each taken once, by the nearest event.
    fn pair_by(&self, line: &Line) -> Vec<(usize, usize)> {
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        let error = |pair: &(usize, usize)| (self.onsets[pair.1] - line.at(self.events[pair.0])).abs();
        for event in 0..self.events.len() {
            let nearest = self.nearest(line.at(self.events[event]), self.rules.tolerance_s);
            let Some(pair) = nearest.map(|onset| (event, onset)) else { continue };
            match pairs.last().copied() {
                Some(last) if last.1 == pair.1 && error(&last) <= error(&pair) => continue,
                Some(last) if last.1 == pair.1 => drop(pairs.pop()),
                _ => (),
            }
            pairs.push(pair);
        }
        pairs
    }

    /// How much later another course is than one in the middle of the run.
    fn apart_s(&self, one: &Course, other: &Course) -> f64 {
        let middle = self.events[self.events.len() / 2];
        other.line.at(middle) - one.line.at(middle)
    }

    /// A course of onsets that the best one leaves over, and how many they are: with part of the sounds missing, an
    /// echo may be more complete than what it is the echo of.
    fn echo<'c>(&self, best: &Course, courses: &'c [Course]) -> Option<(&'c Course, usize)> {
        let taken: HashSet<usize> = best.pairs.iter().map(|pair| pair.1).collect();
        let within = (REPEATED_WITHIN * self.rules.tolerance_s).max(RIVAL_SCATTER * best.scatter_s);
        courses.iter().find_map(|other| {
            let left_over = other.pairs.iter().filter(|pair| !taken.contains(&pair.1));
            let off =
                |pair: &(usize, usize)| (self.onsets[pair.1] - other.line.at(self.events[pair.0])).abs();
            let mut errors: Vec<f64> = left_over.map(off).collect();
            let count = errors.len();
            let many = count >= FEWEST && count as f64 >= REPEATED * best.pairs.len() as f64;
            let apart = self.apart_s(best, other).abs() > self.rules.tolerance_s;
            (many && apart && median_of(&mut errors) <= within).then_some((other, count))
        })
    }

    /// Whether another course fits about as well, and is another one.
    fn is_rival(&self, best: &Course, other: &Course) -> bool {
        self.apart_s(best, other).abs() > self.rules.tolerance_s
            && other.pairs.len() as f64 >= RIVAL_PAIRS * best.pairs.len() as f64
            && other.scatter_s <= RIVAL_SCATTER * best.scatter_s.max(1e-6)
    }
}
