//! The clock fit against errors and clocks that it was not made for.

mod stamped;

use sonset::realtime::clock::Stamps;
use stamped::strange::{Part, worlds};
use stamped::{Reading, World, coverage, quantile, readings};

/// Moments of a run, s.
const MOMENTS: [f64; 5] = [0.3, 2.0, 8.0, 30.0, 50.0];

/// Part of the readings that keep their promise. Of errors that step by design, a step that has been told may be
/// what the line is off by.
fn kept(world: &World, readings: &[Reading]) -> f64 {
    let told = |reading: &Reading| world.steps() && reading.fit.discontinuities > 0;
    let readings: Vec<Reading> = readings.iter().copied().filter(|reading| !told(reading)).collect();
    if readings.is_empty() { 1.0 } else { coverage(&readings) }
}

/// `runs` runs of each world of a part.
fn cover(part: Part, runs: u64, share: f64) {
    let mut broken = Vec::new();
    for world in worlds(part) {
        let mut seen = MOMENTS.to_vec();
        seen.retain(|moment| world.shows_by(*moment));
        let moments = readings(world, runs, &seen);
        for (readings, moment) in moments.iter().zip(seen) {
            let covered = kept(&world, readings);
            let column = |of: fn(&Reading) -> f64, share| {
                quantile(readings.iter().map(|reading| of(reading) / 1e3).collect(), share)
            };
            let error = column(|reading| reading.error.abs(), 0.99);
            let stated = column(|reading| reading.fit.uncertainty_ns as f64, 0.5);
            let useless = readings.iter().filter(|reading| reading.fit.stamps == Stamps::Useless).count();
            let about =
                format!("{world:?} at {moment} s: covered {covered:.3}, error {error:.2} stated {stated:.2}");
            println!("{about}, {useless} useless");
            if covered < share || (useless > 0 && !world.steps()) {
                broken.push(about);
            }
        }
    }
    assert!(broken.is_empty(), "{} cases: {broken:#?}", broken.len());
}

#[test]
fn the_uncertainty_covers_errors_that_nobody_modelled() {
    cover(Part::Seen, 8, 0.85);
    cover(Part::HeldOut, 8, 0.85);
}

#[test]
#[ignore = "the long form: cargo test --release --test clock_strange -- --ignored --nocapture"]
fn the_uncertainty_covers_errors_that_nobody_modelled_of_every_shape_in_many_runs() {
    cover(Part::Seen, 300, 0.96);
    cover(Part::HeldOut, 300, 0.96);
}
