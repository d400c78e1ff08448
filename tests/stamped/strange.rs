//! Errors and clocks that the clock fit was not made for. The list was written before it was tried on any of them. What
//! is in [`Part::Seen`] was looked at while the fit was changed; [`Part::HeldOut`] only judges.

use super::{Blocks, Noise, World};
use sonset::realtime::clock::Errs;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Seen,
    HeldOut,
}

/// Two clusters. No data tell whether the true time is that of the earlier, of the later, or between; the share of
/// what is wrong is at most a half, but 0.9 for late wake-ups.
fn two(part: Part) -> Vec<(Noise, Errs)> {
    let sizes: &[(f64, f64, f64)] = match part {
        // Distance, share of the later, scatter.
        Part::Seen => &[(300.0, 0.5, 20.0), (2_000.0, 0.3, 50.0), (50.0, 0.5, 5.0), (300.0, 0.1, 20.0)],
        Part::HeldOut => &[
            (120.0, 0.5, 10.0),
            (800.0, 0.5, 20.0),
            (2_000.0, 0.5, 200.0),
            (50.0, 0.3, 5.0),
            (500.0, 0.3, 5.0),
            (1_200.0, 0.7, 100.0),
            (2_000.0, 0.1, 20.0),
            (50.0, 0.1, 3.0),
            (300.0, 0.9, 20.0),
        ],
    };
    let mut all = Vec::new();
    for &(apart, share, sd) in sizes {
        let mut at = vec![0.0, share];
        if share >= 0.5 {
            at.push(1.0);
        }
        for at in at {
            let noise = Noise::Clusters { apart, share, sd, at };
            all.extend([Errs::BothWays, Errs::Unknown].map(|errs| (noise, errs)));
            if at == 0.0 {
                all.push((noise, Errs::Late));
            }
        }
    }
    all
}

/// Errors of other shapes.
fn others(part: Part) -> Vec<(Noise, Errs)> {
    use Errs::{BothWays, Late, Unknown};
    let markov = |apart, stay, sd, at| Noise::Markov { apart, stay, sd, at };
    let saw = |period, beat, sd, at| Noise::Sawtooth { period, beat, sd, at };
    match part {
        Part::Seen => vec![
            (markov(200.0, 20.0, 10.0, 0.5), BothWays),
            (markov(200.0, 20.0, 10.0, 0.0), Unknown),
            (saw(1_000.0, 37.3, 10.0, 0.5), BothWays),
            (saw(1_000.0, 37.3, 10.0, 0.0), Late),
            (Noise::HeavyTail { scale: 50.0, alpha: 1.5 }, Late),
            (Noise::LoadBoth { idle: 5.0, busy: 60.0, blocks: 500.0 }, BothWays),
        ],
        Part::HeldOut => vec![
            (Noise::Three { apart: 200.0, sd: 15.0, at: 0.0 }, BothWays),
            (Noise::Three { apart: 200.0, sd: 15.0, at: 0.0 }, Unknown),
            (Noise::Three { apart: 200.0, sd: 15.0, at: 0.0 }, Late),
            (Noise::Three { apart: 200.0, sd: 15.0, at: 0.43 }, BothWays),
            (Noise::Three { apart: 600.0, sd: 15.0, at: 1.0 }, BothWays),
            (Noise::Three { apart: 60.0, sd: 5.0, at: 0.43 }, Unknown),
            (markov(300.0, 50.0, 20.0, 0.5), BothWays),
            (markov(300.0, 50.0, 20.0, 0.0), Unknown),
            (markov(300.0, 50.0, 20.0, 0.0), Late),
            (markov(1_000.0, 10.0, 20.0, 1.0), BothWays),
            (markov(100.0, 300.0, 10.0, 0.5), BothWays),
            (markov(100.0, 300.0, 10.0, 0.0), Late),
            (saw(125.0, 7.3, 3.0, 0.5), BothWays),
            (saw(125.0, 7.3, 3.0, 0.0), Unknown),
            (saw(1_000.0, 210.7, 30.0, 0.5), BothWays),
            (saw(1_000.0, 210.7, 30.0, 0.0), Late),
            (saw(1_000.0, 210.7, 30.0, 0.0), Unknown),
            (Noise::HeavyTail { scale: 30.0, alpha: 1.1 }, Late),
            (Noise::HeavyTail { scale: 100.0, alpha: 2.5 }, Unknown),
            (Noise::Load { idle: 20.0, busy: 400.0, blocks: 400.0 }, Late),
            (Noise::Load { idle: 20.0, busy: 400.0, blocks: 1_500.0 }, Unknown),
            (Noise::LoadBoth { idle: 10.0, busy: 100.0, blocks: 1_500.0 }, BothWays),
            (Noise::LoadBoth { idle: 2.0, busy: 30.0, blocks: 60.0 }, Unknown),
        ],
    }
}

/// Clocks that change.
fn changing(part: Part) -> Vec<World> {
    use Errs::{BothWays, Late, Unknown};
    let gaussian = |sd| Noise::Gaussian { sd };
    let late = Noise::Gamma { mean: 60.0 };
    let drift = |noise, errs, ppm_s: f64| World { wander: 60.0 * ppm_s, ..World::new(noise, errs) };
    let sway = |noise, errs, ppm, period| World { sway: [ppm, period], ..World::new(noise, errs) };
    let walk = |noise, errs, walk| World { walk, ..World::new(noise, errs) };
    match part {
        Part::Seen => vec![
            drift(gaussian(20.0), BothWays, 5.0),
            drift(gaussian(20.0), Unknown, 2.0),
            drift(late, Late, 5.0),
            drift(late, Late, -5.0),
            sway(gaussian(5.0), BothWays, 5.0, 30.0),
        ],
        Part::HeldOut => vec![
            drift(gaussian(5.0), BothWays, 1.0),
            drift(gaussian(5.0), BothWays, -10.0),
            drift(gaussian(60.0), BothWays, 3.0),
            drift(Noise::Filtered { sd: 5.0, blocks: 30.0 }, BothWays, 5.0),
            drift(Noise::Uniform, Unknown, 10.0),
            drift(Noise::Late, Late, 3.0),
            drift(Noise::Late, Late, -3.0),
            drift(Noise::Late, Unknown, 5.0),
            sway(gaussian(20.0), BothWays, 20.0, 20.0),
            sway(gaussian(10.0), BothWays, 3.0, 120.0),
            sway(gaussian(2.0), BothWays, 1.0, 60.0),
            sway(late, Late, 5.0, 60.0),
            sway(gaussian(10.0), Unknown, 10.0, 45.0),
            walk(gaussian(10.0), BothWays, 3.0),
            walk(gaussian(20.0), BothWays, 20.0),
            walk(gaussian(10.0), Unknown, 5.0),
            walk(late, Late, 5.0),
        ],
    }
}

/// All worlds of a part; the shapes of errors on devices in turn.
pub fn worlds(part: Part) -> Vec<World> {
    let devices = [
        (48_000, Blocks::Of(256)),
        (44_100, Blocks::Of(1_024)),
        (48_000, Blocks::Of(480)),
        (192_000, Blocks::Of(64)),
        (48_000, Blocks::Varying(24, 168)),
    ];
    let shapes = two(part).into_iter().chain(others(part)).zip(devices.into_iter().cycle());
    let shapes = shapes.map(|((noise, errs), (rate, blocks))| World {
        rate,
        blocks,
        ppm: -37.0,
        ..World::new(noise, errs)
    });
    shapes.chain(changing(part)).collect()
}

impl World {
    /// Whether `moment` seconds of stamps hold enough to see what errors are like: of clusters that stay, five stays;
    /// of a beat, two rounds. Before that nothing tells them from a step of the clock or a rate.
    pub fn shows_by(&self, moment: f64) -> bool {
        let blocks = match self.noise {
            Noise::Markov { stay, .. } => 5.0 * stay,
            Noise::Sawtooth { beat, .. } => 2.0 * beat,
            _ => 0.0,
        };
        blocks * self.blocks.mean() / self.rate as f64 <= moment
    }

    /// Whether errors may step by design, so that a step that is told is no fault.
    pub fn steps(&self) -> bool {
        matches!(self.noise, Noise::Markov { .. } | Noise::Sawtooth { .. })
    }
}
