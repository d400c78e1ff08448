//! Which onset belongs to which start, though the two clocks share neither zero nor rate, some onsets are
//! missing and some belong to nothing.

/// Starts from which a match is tried.
const ANCHORS: usize = 12;
/// Neighbours of an anchor that are looked at before the rest is.
const NEIGHBOURS: usize = 12;
/// Share of all starts that must have an onset.
const LEAST_MATCHED: f64 = 0.5;
/// A match that leaves out so few more is as good as the best.
const AS_GOOD: f64 = 0.9;
/// Offsets of the last matches, of which the middle one says where the next onset is expected.
const REMEMBERED: usize = 9;

/// Pairs of indices, of a start and its onset, in the order of time.
pub type Pairs = Vec<(usize, usize)>;

/// Matches by the pattern of distances alone. `tolerance_s` is how far an onset may be from where it is
/// expected, `max_ppm` how much the clocks may differ. Both lists are in order.
pub fn by_pattern(starts: &[f64], onsets: &[f64], tolerance_s: f64, max_ppm: f64) -> Result<Pairs, String> {
    let needed = (starts.len() as f64 * LEAST_MATCHED).ceil().max(3.0) as usize;
    if starts.len() < 3 || onsets.len() < 3 {
        let (starts, onsets) = (starts.len(), onsets.len());
        return Err(format!("{starts} starts and {onsets} onsets: three of each are the least"));
    }
    let walk = Walk { starts, onsets, tolerance_s, max_ppm };
    let mut found: Vec<(Pairs, f64)> = Vec::new();
    let step = starts.len().div_ceil(ANCHORS).max(1);
    for start in (0..starts.len()).step_by(step) {
        for onset in 0..onsets.len() {
            if !walk.is_worth_it(start, onset) {
                continue;
            }
            let pairs = walk.from(start, onset, usize::MAX);
            let spread = walk.spread(&pairs);
            found.push((pairs, spread));
        }
    }
    found.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then(a.1.total_cmp(&b.1)));
    let Some((best, spread)) = found.first().cloned() else {
        return Err("no onset of the recorder fits the starts".into());
    };
    if best.len() < needed {
        let (matched, all) = (best.len(), starts.len());
        return Err(format!("only {matched} of {all} starts have an onset that fits: is it the right file?"));
    }
    let rival = |pairs: &Pairs, other: f64| {
        let differs = !pairs.iter().any(|pair| best.contains(pair));
        differs && pairs.len() as f64 >= AS_GOOD * best.len() as f64 && other <= 3.0 * spread + 1e-4
    };
    if found.iter().any(|(pairs, other)| rival(pairs, *other)) {
        return Err(
            "the starts are too regular to tell which onset is whose: play them at irregular distances, or \
                    record triggers (--reference)"
                .into(),
        );
    }
    Ok(best)
}

/// Matches each start with the nearest onset within `tolerance_s`, where both clocks are one. Each onset goes
/// to one start.
pub fn by_time(starts: &[f64], onsets: &[f64], tolerance_s: f64) -> Pairs {
    let mut pairs: Pairs = Vec::new();
    let mut from = 0;
    for (index, start) in starts.iter().enumerate() {
        if let Some(onset) = nearest(onsets, from, *start, tolerance_s) {
            pairs.push((index, onset));
            from = onset + 1;
        }
    }
    pairs
}

/// The onset from index `from` on that is nearest to `expected`, if it is within the tolerance.
fn nearest(onsets: &[f64], from: usize, expected: f64, tolerance_s: f64) -> Option<usize> {
    let after = onsets.partition_point(|&onset| onset < expected);
    let far = |index: &usize| (onsets[*index] - expected).abs();
    [after.checked_sub(1), Some(after)]
        .into_iter()
        .flatten()
        .filter(|&index| index >= from && index < onsets.len())
        .min_by(|a, b| far(a).total_cmp(&far(b)))
        .filter(|index| far(index) <= tolerance_s)
}

struct Walk<'a> {
    starts: &'a [f64],
    onsets: &'a [f64],
    tolerance_s: f64,
    max_ppm: f64,
}

impl Walk<'_> {
    /// Whether most neighbours of the start have an onset too if this one is its.
    fn is_worth_it(&self, start: usize, onset: usize) -> bool {
        let pairs = self.from(start, onset, NEIGHBOURS);
        let around = start.min(NEIGHBOURS) + (self.starts.len() - 1 - start).min(NEIGHBOURS) + 1;
        pairs.len() as f64 >= LEAST_MATCHED * around as f64
    }

    /// The pairs that follow from one, at most `most` starts to either side.
    fn from(&self, start: usize, onset: usize, most: usize) -> Pairs {
        let offset = self.onsets[onset] - self.starts[start];
        let later = start + 1..self.starts.len().min((start + 1).saturating_add(most));
        let earlier = start.saturating_sub(most)..start;
        let mut pairs = self.along(earlier.rev(), start, offset);
        pairs.push((start, onset));
        pairs.extend(self.along(later, start, offset));
        pairs.sort_unstable();
        pairs.dedup_by_key(|pair| pair.1);
        pairs
    }

    fn along(&self, indices: impl Iterator<Item = usize>, start: usize, offset: f64) -> Pairs {
        let mut offsets = vec![offset];
        let mut last = self.starts[start];
        let mut pairs = Pairs::new();
        for index in indices {
            let expected = self.starts[index] + middle(&offsets);
            let drifted = (self.starts[index] - last).abs() * self.max_ppm * 1e-6;
            if let Some(onset) = nearest(self.onsets, 0, expected, self.tolerance_s + drifted) {
                pairs.push((index, onset));
                offsets.push(self.onsets[onset] - self.starts[index]);
                if offsets.len() > REMEMBERED {
                    offsets.remove(0);
                }
                last = self.starts[index];
            }
        }
        pairs
    }

    /// How far the onsets of consecutive pairs are from the distance of their starts, at the median.
    fn spread(&self, pairs: &Pairs) -> f64 {
        let offset = |&(start, onset): &(usize, usize)| self.onsets[onset] - self.starts[start];
        let steps: Vec<f64> = pairs.windows(2).map(|two| (offset(&two[1]) - offset(&two[0])).abs()).collect();
        crate::stats::quantile(&steps, 0.5).unwrap_or(0.0)
    }
}

fn middle(values: &[f64]) -> f64 {
    crate::stats::quantile(values, 0.5).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts at irregular distances, by the golden ratio.
    fn irregular(count: usize) -> Vec<f64> {
        let mut at = 0.0;
        (0..count)
            .map(|n| {
                let start = at;
                at += 0.4 + (n as f64 * 0.618_033_988_75).fract() * 0.5;
                start
            })
            .collect()
    }

    /// What a recorder shows: its clock is off by `ppm` and `zero`, some onsets are lost, others are not ours.
    fn recorded(starts: &[f64], ppm: f64, zero: f64) -> (Vec<f64>, Pairs) {
        let mut onsets: Vec<(f64, Option<usize>)> = starts
            .iter()
            .enumerate()
            .filter(|(n, _)| n % 7 != 3)
            .map(|(n, start)| {
                let jitter = ((n * 7_919) % 1_000) as f64 * 2e-6;
                (zero + start * (1.0 + ppm * 1e-6) + jitter, Some(n))
            })
            .collect();
        onsets.extend((0..starts.len() / 9).map(|n| (zero + n as f64 * 5.123 + 0.017, None)));
        onsets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let pairs = onsets.iter().enumerate().filter_map(|(at, (_, of))| of.map(|of| (of, at))).collect();
        (onsets.into_iter().map(|(time, _)| time).collect(), pairs)
    }

    #[test]
    fn a_recorder_with_a_clock_of_its_own_is_matched_though_onsets_are_missing_and_spurious() {
        for (count, ppm, zero) in [(30, 100.0, 17.3), (400, -100.0, -3.0), (1_500, 300.0, 1e4)] {
            let starts = irregular(count);
            let (onsets, truth) = recorded(&starts, ppm, zero);
            let pairs = by_pattern(&starts, &onsets, 0.05, 500.0).unwrap();
            let right = pairs.iter().filter(|pair| truth.contains(pair)).count();
            assert!(right as f64 >= 0.99 * truth.len() as f64, "{right} of {}", truth.len());
            // An onset of something else may lie where a lost one was expected, but no right one is lost to it.
            assert!(pairs.len() - right <= starts.len() / 20, "{} of {}", pairs.len() - right, pairs.len());
        }
    }

    #[test]
    fn regular_starts_and_strange_onsets_are_refused() {
        let regular: Vec<f64> = (0..40).map(|n| n as f64 * 0.5).collect();
        let shifted: Vec<f64> = regular.iter().map(|start| start + 100.0).collect();
        assert!(by_pattern(&regular, &shifted, 0.05, 500.0).unwrap_err().contains("too regular"));
        let strange: Vec<f64> =
            irregular(40).iter().map(|start| start * 1.37 + (start * 9.0).sin()).collect();
        let mut strange = strange;
        strange.sort_by(f64::total_cmp);
        let refused = by_pattern(&irregular(60), &strange, 0.02, 500.0).unwrap_err();
        assert!(refused.contains("right file") || refused.contains("fits the starts"), "{refused}");
        assert!(by_pattern(&[1.0], &[2.0], 0.05, 500.0).unwrap_err().contains("three"));
    }

    #[test]
    fn with_one_clock_each_onset_belongs_to_one_start() {
        let pairs = by_time(&[1.0, 2.0, 2.01, 5.0], &[1.004, 2.005, 9.0], 0.05);
        assert_eq!(pairs, [(0, 0), (1, 1)]);
    }
}
