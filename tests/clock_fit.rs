//! The clock fit against devices whose true time is known.

mod stamped;

use sonset::realtime::clock::{ClockFit, Errs, Fit, Stamps};
use stamped::{Blocks, Noise, Random, Reading, Running, World, coverage, quantile, readings};

/// One row of the promised table: limits at 2 s and 30 s, µs, and of the drift at 30 s, ppm.
struct Row {
    world: World,
    limits: [f64; 2],
    drift: f64,
    /// Whether the mean error is let off: the constant part that no data can show.
    about_mean: bool,
}

fn table() -> Vec<Row> {
    let row = |noise, errs, limits, drift, about_mean| Row {
        world: World::new(noise, errs),
        limits,
        drift,
        about_mean,
    };
    vec![
        row(Noise::Late, Errs::Late, [10.0, 1.0], 0.05, false),
        row(Noise::Uniform, Errs::BothWays, [13.0, 4.0], 0.2, false),
        row(Noise::Both, Errs::Late, [40.0, 10.0], 0.6, true),
        row(Noise::Both, Errs::BothWays, [40.0, 10.0], 0.6, true),
        row(Noise::Both, Errs::Unknown, [40.0, 10.0], 0.6, true),
        row(Noise::Late, Errs::Unknown, [10.0, 1.0], 0.05, false),
    ]
}

fn column(readings: &[Reading], of: impl Fn(&Reading) -> f64) -> Vec<f64> {
    readings.iter().map(of).collect()
}

/// Holds `runs` runs of each row to its limits at the percentile `share`; prints the table.
fn hold(runs: u64, share: f64) {
    println!("{runs} runs, error at the {} percentile", share * 100.0);
    let mut broken = Vec::new();
    for row in table() {
        let moments = readings(row.world, runs, &[2.0, 30.0]);
        for (moment, (readings, limit)) in moments.iter().zip(row.limits).enumerate() {
            let mean = column(readings, |reading| reading.error).iter().sum::<f64>() / runs as f64;
            let mean = if row.about_mean { mean } else { 0.0 };
            let error = quantile(column(readings, |reading| (reading.error - mean).abs() / 1e3), share);
            let whole = quantile(column(readings, |reading| reading.error.abs() / 1e3), 0.99);
            let stated = quantile(column(readings, |reading| reading.fit.uncertainty_ns as f64 / 1e3), 0.5);
            let drift = quantile(column(readings, |reading| reading.ppm_error.abs()), share);
            let covered = coverage(readings);
            let about = format!(
                "{:?} {:?} after {} s: error {error:.2} of {limit} us (mean let off {:.1}), covered {covered:.4}, \
                 stated {stated:.2} against {whole:.2} at 99 %, drift {drift:.4} ppm",
                row.world.noise,
                row.world.errs,
                [2, 30][moment],
                mean / 1e3
            );
            println!("{about}");
            let drifts = moment == 1 && drift > row.drift;
            if error > limit || covered < 0.99 || stated > 3.0 * whole || drifts {
                broken.push(about);
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_table_holds_in_a_few_hundred_runs() {
    hold(300, 0.995);
}

#[test]
#[ignore = "the long form: cargo test --release --test clock_fit -- --ignored --nocapture"]
fn the_table_holds_in_ten_thousand_runs() {
    hold(10_000, 0.999);
}

/// Worlds of shapes, sizes and rates that the estimator was not tuned to.
fn strangers() -> Vec<World> {
    let late = [
        Noise::Lognormal { median: 150.0, sigma: 1.0 },
        Noise::Lognormal { median: 60.0, sigma: 0.8 },
        Noise::Gamma { mean: 200.0 },
        Noise::Gamma { mean: 30.0 },
        Noise::Ticks { apart: 1_000.0, share: 0.3 },
        Noise::Ticks { apart: 4_000.0, share: 0.2 },
        Noise::Bursts { mean: 60.0 },
        Noise::Late,
    ];
    let both = [
        Noise::Triangular { half: 80.0 },
        Noise::Gaussian { sd: 30.0 },
        Noise::Gaussian { sd: 2.0 },
        Noise::Filtered { sd: 3.0, blocks: 20.0 },
        Noise::Filtered { sd: 10.0, blocks: 80.0 },
        Noise::Outliers { half: 20.0, far: 3_000.0 },
        Noise::Uniform,
    ];
    let late = late.into_iter().flat_map(|noise| [(noise, Errs::Late), (noise, Errs::Unknown)]);
    let both = both.into_iter().flat_map(|noise| [(noise, Errs::BothWays), (noise, Errs::Unknown)]);
    on_every_device(late.chain(both))
}

/// Servers that filter their clock otherwise than those among the strangers.
fn filters() -> Vec<World> {
    let noises = [
        Noise::Filtered { sd: 6.0, blocks: 5.0 },
        Noise::Filtered { sd: 5.0, blocks: 40.0 },
        Noise::Filtered { sd: 10.0, blocks: 150.0 },
        Noise::Jittered { sd: 5.0, blocks: 20.0 },
        Noise::Loop { sd: 50.0, blocks: 10.0 },
        Noise::Loop { sd: 50.0, blocks: 40.0 },
        Noise::Loop { sd: 50.0, blocks: 100.0 },
    ];
    on_every_device(noises.into_iter().flat_map(|noise| [(noise, Errs::BothWays), (noise, Errs::Unknown)]))
}

fn on_every_device(noises: impl Iterator<Item = (Noise, Errs)>) -> Vec<World> {
    let frames = [
        (48_000, Blocks::Of(256)),
        (192_000, Blocks::Of(64)),
        (16_000, Blocks::Of(2_048)),
        (44_100, Blocks::Of(1_024)),
        (48_000, Blocks::Varying(24, 168)),
        (48_000, Blocks::Of(480)),
    ];
    let ppms = [-500.0, -37.0, 500.0];
    let worlds = noises.enumerate().flat_map(|(n, (noise, errs))| {
        frames.iter().enumerate().map(move |(m, &(rate, blocks))| World {
            rate,
            blocks,
            ppm: ppms[(n + m) % 3],
            ..World::new(noise, errs)
        })
    });
    worlds.collect()
}

/// `runs` runs of each world, at the moments by which a filter's time constant is at most so many times the time seen.
fn cover(worlds: Vec<World>, windows: f64, runs: u64, share: f64) {
    let mut broken = Vec::new();
    for world in worlds {
        let memory_s = world.noise.memory() * world.blocks.mean() / world.rate as f64;
        let mut seen = vec![0.3, 2.0, 8.0, 30.0];
        seen.retain(|moment| memory_s <= windows * moment);
        let moments = readings(world, runs, &seen);
        for (readings, moment) in moments.iter().zip(seen) {
            let covered = coverage(readings);
            let error = quantile(column(readings, |reading| reading.error.abs() / 1e3), 0.99);
            let stated = quantile(column(readings, |reading| reading.fit.uncertainty_ns as f64 / 1e3), 0.5);
            let useless = readings.iter().filter(|reading| !reading.fit.is_usable()).count();
            let stepped = readings.iter().filter(|reading| reading.fit.discontinuities > 0).count();
            let about = format!(
                "{:?} {:?} {} {:?} at {moment} s: covered {covered:.3}, error {error:.2} stated {stated:.2}, \
                 {useless} useless, {stepped} stepped",
                world.noise, world.errs, world.rate, world.blocks
            );
            println!("{about}");
            if covered < share || useless > 0 || stepped * 5 > readings.len() {
                broken.push(about);
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
#[ignore = "the long form: cargo test --release --test clock_fit -- --ignored --nocapture"]
fn the_uncertainty_covers_errors_of_every_shape_in_many_runs() {
    cover(strangers(), f64::INFINITY, 300, 0.99);
}

#[test]
fn the_uncertainty_covers_errors_of_every_shape() {
    cover(strangers(), f64::INFINITY, 12, 0.91);
}

#[test]
#[ignore = "the long form: cargo test --release --test clock_fit -- --ignored --nocapture"]
fn the_uncertainty_covers_errors_of_every_filter_in_many_runs() {
    cover(filters(), 2.0, 300, 0.99);
}

/// Seconds of stamps whose errors go together for long hold a few independent errors only.
#[test]
fn the_uncertainty_covers_what_few_independent_errors_hide() {
    let [quick, slow] = [(3.0, 20.0), (10.0, 80.0)].map(|(sd, blocks)| Noise::Filtered { sd, blocks });
    let [quick_jittered, slow_jittered] =
        [(5.0, 20.0), (10.0, 80.0)].map(|(sd, blocks)| Noise::Jittered { sd, blocks });
    let second_order = Noise::Loop { sd: 50.0, blocks: 40.0 };
    for (noise, errs, rate, blocks, s) in [
        (slow, Errs::Unknown, 16_000, Blocks::Of(2_048), 30.0),
        (slow, Errs::Unknown, 44_100, Blocks::Of(1_024), 8.0),
        (slow, Errs::Unknown, 48_000, Blocks::Of(256), 2.0),
        (slow, Errs::BothWays, 16_000, Blocks::Of(2_048), 8.0),
        (slow, Errs::BothWays, 48_000, Blocks::Varying(24, 168), 2.0),
        (quick, Errs::Unknown, 16_000, Blocks::Of(2_048), 30.0),
        (quick, Errs::Unknown, 44_100, Blocks::Of(1_024), 8.0),
        (quick_jittered, Errs::BothWays, 44_100, Blocks::Of(1_024), 8.0),
        (slow_jittered, Errs::BothWays, 16_000, Blocks::Of(2_048), 30.0),
        (second_order, Errs::BothWays, 44_100, Blocks::Of(1_024), 2.0),
        (second_order, Errs::Unknown, 16_000, Blocks::Of(2_048), 30.0),
    ] {
        let world = World { rate, blocks, ..World::new(noise, errs) };
        let covered = coverage(&readings(world, 2_000, &[s])[0]);
        assert!(covered >= 0.99, "{world:?} at {s} s: {covered}");
    }
}

/// Wake-ups whose lateness thins out towards none: a few hundred of them often look as if they began sharply.
#[test]
fn the_uncertainty_covers_what_the_soft_edge_of_few_late_wake_ups_hides() {
    let soft = [(150.0, 1.0), (60.0, 0.8)].map(|(median, sigma)| Noise::Lognormal { median, sigma });
    for (noise, rate, frames) in [(soft[0], 48_000, 256), (soft[0], 48_000, 480), (soft[1], 44_100, 1_024)] {
        let world = World { rate, blocks: Blocks::Of(frames), ..World::new(noise, Errs::Late) };
        let covered = coverage(&readings(world, 3_000, &[2.0])[0]);
        assert!(covered >= 0.99, "{noise:?} {rate} {frames}: {covered}");
    }
}

/// The three kinds of stamps of the table.
const KINDS: [(Noise, Errs); 5] = [
    (Noise::Late, Errs::Late),
    (Noise::Uniform, Errs::BothWays),
    (Noise::Both, Errs::Unknown),
    (Noise::Gaussian { sd: 20.0 }, Errs::BothWays),
    (Noise::Filtered { sd: 3.0, blocks: 30.0 }, Errs::BothWays),
];

/// Lets stamps step by `step` ns and gives the blocks until that is told, and what is told.
fn blocks_until_told(running: &mut Running, step: f64) -> Option<(usize, i64)> {
    running.shift += step;
    (1..=20).find_map(|block| running.block().map(|told| (block, told)))
}

#[test]
fn a_step_is_told_within_ten_blocks_with_its_size_and_the_line_is_right_again_behind_it() {
    tell_steps([KINDS[0], KINDS[1], KINDS[3]].into_iter());
}

#[test]
fn a_step_is_told_within_ten_blocks_where_errors_are_of_both_kinds() {
    tell_steps([KINDS[2], KINDS[4]].into_iter());
}

fn tell_steps(kinds: impl Iterator<Item = (Noise, Errs)>) {
    let block = 256e9 / 48e3;
    for (noise, errs) in kinds {
        for (seed, step) in [1.333e6, -1.333e6, block, -block, 10e9].into_iter().cycle().take(60).enumerate()
        {
            let mut running = Running::new(World::new(noise, errs), seed as u64);
            assert_eq!(running.run_to(5.0 + seed as f64 * 0.37), [0i64; 0], "{noise:?}");
            let known = running.clock.fit();
            let (blocks, told) =
                blocks_until_told(&mut running, step).unwrap_or_else(|| panic!("{noise:?} {step}"));
            assert!(blocks <= 10, "{noise:?}: {step} ns after {blocks} blocks");
            // A single early wake-up tells, and is late itself.
            let close = if errs == Errs::Late && step < 0.0 { 1.2e6 } else { 400e3 };
            assert!((told as f64 - step).abs() < close, "{noise:?}: {step} ns told as {told}");
            if errs == Errs::Late && step < 0.0 {
                assert!(blocks <= 3, "a wake-up is never early, yet it took {blocks} blocks");
            }
            let after = running.read();
            assert_eq!(after.fit.discontinuities, 1);
            assert!((after.fit.ppm(48_000) - known.ppm(48_000)).abs() < 20.0, "the rate is kept: {after:?}");
            let from = running.frame as f64 / 48e3;
            for later in [0.5, 1.0, 2.0, 8.0, 30.0] {
                assert_eq!(running.run_to(from + later), [0i64; 0], "{noise:?} {step}");
                let reading = running.read();
                assert!(
                    reading.covered() && reading.fit.is_usable(),
                    "{noise:?} {step} {later} s: {reading:?}"
                );
            }
            assert!(running.read().error.abs() < 60e3);
        }
    }
}

/// Stamps as JACK has them: near the line, but for single ones that are `out` ns off, once in a second of so many, and
/// slips by a block. `behind`: the first stamp behind a slip is a block too late, as that of a callback which came too
/// late is the next one's.
fn tell_slips(out: f64, one_in: usize, behind: bool) {
    let block = 256e9 / 48e3;
    for seed in 0..8 {
        let mut running = Running::new(World::new(Noise::Gaussian { sd: 20.0 }, Errs::BothWays), seed);
        assert_eq!(running.run_to(5.0), [0i64; 0]);
        for second in 1..60 {
            let moment = 5.0 + second as f64 + running.random.between(0.0, 0.3);
            if second % one_in == 0 {
                assert_eq!(running.run_to(moment - 0.4), [0i64; 0]);
                let stamp = running.stamp() + out as i64;
                assert_eq!(running.observe(stamp), None, "{out} ns, a single stamp");
            }
            assert_eq!(running.run_to(moment), [0i64; 0], "second {second}");
            let reading = running.read();
            assert!(reading.covered(), "second {second}: {reading:?}");
            let doubt = reading.fit.uncertainty_ns;
            assert!(doubt <= 250_000, "{out} ns, one in {one_in}: {doubt} ns in doubt, second {second}");
            running.shift += block;
            let mut told = None;
            if behind {
                let stamp = running.stamp() + block as i64;
                told = running.observe(stamp);
            }
            let blocks = (1..10).find(|_| {
                told.is_some() || {
                    told = running.block();
                    told.is_some()
                }
            });
            assert!(blocks.is_some(), "{out} ns, one in {one_in}: the slip of second {second} is not told");
            assert!((told.unwrap_or(0) as f64 - block).abs() < 100e3, "told as {told:?}");
        }
        assert_eq!(running.read().fit.discontinuities, 59);
    }
}

#[test]
fn slips_are_told_one_after_another_though_the_first_stamp_behind_each_is_the_next_ones() {
    tell_slips(0.0, usize::MAX, true);
}

#[test]
fn single_stamps_out_of_place_hide_no_slip_and_leave_the_line_as_sure_as_it_was() {
    for out in [256e9 / 48e3, -256e9 / 48e3, 2.5e6, -1e6, 20e6] {
        for one_in in [1, 3, 10] {
            tell_slips(out, one_in, false);
        }
    }
}

#[test]
fn a_slip_soon_after_another_is_told_too() {
    let block = 256e9 / 48e3;
    for seed in 0..100 {
        let mut running = Running::new(World::new(Noise::Gaussian { sd: 20.0 }, Errs::BothWays), seed);
        assert_eq!(running.run_to(4.0), [0i64; 0]);
        for gap in [200, 10 + seed as usize % 25, 40] {
            assert!((0..gap).all(|_| running.block().is_none()));
            let told = blocks_until_told(&mut running, block);
            assert!(told.is_some_and(|(blocks, _)| blocks <= 10), "{gap} blocks after another: {told:?}");
            assert!(running.read().covered());
        }
        assert_eq!(running.run_to(30.0), [0i64; 0]);
        assert!(running.read().fit.uncertainty_ns < 50_000, "{:?}", running.read());
    }
}

#[test]
fn first_stamps_out_of_place_are_not_in_the_line() {
    for (seed, out) in [256e9 / 48e3, -256e9 / 48e3, 50e6, -1e6].into_iter().cycle().take(40).enumerate() {
        let mut running = Running::new(World::new(Noise::Gaussian { sd: 20.0 }, Errs::BothWays), seed as u64);
        for _ in 0..1 + seed % 5 {
            let stamp = running.stamp() + out as i64;
            running.observe(stamp);
        }
        for second in 1..10 {
            running.run_to(second as f64 * 0.5);
            let reading = running.read();
            assert!(reading.covered(), "{out} ns at first, {second}: {reading:?}");
            assert!(reading.fit.uncertainty_ns < 500_000, "{out} ns at first, {second}: {reading:?}");
        }
        let told = blocks_until_told(&mut running, 256e9 / 48e3);
        assert!(told.is_some_and(|(blocks, _)| blocks <= 10), "{out} ns at first: {told:?}");
    }
}

#[test]
fn a_server_whose_clock_settles_first_is_followed_soon_after_that() {
    for (seed, time_s) in [0.05, 0.1, 0.2, 0.3].into_iter().cycle().take(40).enumerate() {
        let out = [10e6, -10e6, 3e6][seed % 3];
        let mut running = Running::new(World::new(Noise::Gaussian { sd: 20.0 }, Errs::BothWays), seed as u64);
        while running.frame < 48_000 * 3 {
            let settling = out * (-(running.frame as f64) / 48e3 / time_s).exp();
            let stamp = running.stamp() + settling as i64;
            running.observe(stamp);
        }
        running.run_to(8.0);
        let reading = running.read();
        let about = format!("{out} ns at first, settling in {time_s} s: {reading:?}");
        assert!(reading.fit.stamps == Stamps::Usable && reading.covered(), "{about}");
        let block = 256e9 / 48e3;
        assert!(reading.fit.uncertainty_ns < block as i64 / 4, "{about}");
        let told = blocks_until_told(&mut running, block);
        assert!(told.is_some_and(|(blocks, _)| blocks <= 10), "{about} {told:?}");
    }
}

/// Blocks from which on the median of the next ten stamps is further than half a block from that of the last ten: slips
/// as they are seen afterwards. `errors`: of stamps from nominal, µs.
fn slips_in_hindsight(errors: &[f64], block_us: f64) -> Vec<usize> {
    const NEAR: usize = 10;
    let median = |of: &[f64]| quantile(of.to_vec(), 0.5);
    let step = |at: usize| (median(&errors[at..at + NEAR]) - median(&errors[at - NEAR..at])).abs();
    let mut slips: Vec<usize> = Vec::new();
    for at in NEAR..errors.len() - NEAR {
        // Half of the ten make it a step. One may take a few blocks, in which the server is late itself.
        let slip = at + NEAR / 2 - 1;
        if step(at) > block_us / 2.0 && slips.last().is_none_or(|last| slip - last > 3 * NEAR / 2) {
            slips.push(slip);
        }
    }
    slips
}

/// Input stamps of JACK streams with callbacks of their own, on a busy machine whose server also was made to stand
/// still for 10 ms each second: µs from nominal, of blocks of 256 frames at 48 kHz.
const TRACES: [&str; 3] = [
    include_str!("traces/jack_stalls_a.txt"),
    include_str!("traces/jack_stalls_b.txt"),
    include_str!("traces/jack_stalls_c.txt"),
];

#[test]
fn every_slip_in_the_stamps_of_a_real_server_is_told_and_nothing_else() {
    let block_us = 256e6 / 48e3;
    for (which, trace) in TRACES.into_iter().enumerate() {
        let errors: Vec<f64> = trace.lines().map(|line| line.parse().unwrap()).collect();
        let slips = slips_in_hindsight(&errors, block_us);
        let mut clock = ClockFit::new(48_000, Errs::BothWays);
        let mut told = Vec::new();
        for (block, error) in errors.iter().enumerate() {
            let stamp = 1_000_000_000_000 + ((block as f64 * block_us + error) * 1e3) as i64;
            if clock.observe(block as i64 * 256, 256, stamp).is_some() {
                told.push(block);
            }
        }
        assert_eq!(told.len(), slips.len(), "trace {which}: slips at {slips:?}, told at {told:?}");
        let apart = told.iter().zip(&slips).map(|(told, slip)| *told as i64 - *slip as i64);
        assert!(apart.clone().all(|apart| (0..=15).contains(&apart)), "trace {which}: {slips:?} {told:?}");
    }
}

#[test]
fn no_step_is_told_in_an_hour_without_one() {
    let hour = [KINDS[0], KINDS[1], KINDS[2], (Noise::Bursts { mean: 60.0 }, Errs::Late)];
    for (noise, errs) in hour.into_iter().chain([KINDS[4]]) {
        let mut running = Running::new(World::new(noise, errs), 77);
        assert_eq!(running.run_to(3_600.0), [0i64; 0], "{noise:?} {errs:?}");
        assert_eq!(running.read().fit.discontinuities, 0);
    }
}

#[test]
#[ignore = "the long form: cargo test --release --test clock_fit -- --ignored --nocapture"]
fn steps_told_in_many_hours_without_one() {
    let mut told = Vec::new();
    for (noise, errs) in KINDS.into_iter().chain(strangers().iter().map(|world| (world.noise, world.errs))) {
        for seed in 0..5 {
            let mut running = Running::new(World::new(noise, errs), seed);
            let steps = running.run_to(3_600.0).len();
            let stamps = running.read().fit.stamps;
            if steps > 0 || stamps != Stamps::Usable {
                told.push(format!("{noise:?} {errs:?} {seed}: {steps} steps, {stamps:?}"));
            }
        }
    }
    assert!(told.is_empty(), "{told:#?}");
}

#[test]
fn a_few_late_wake_ups_in_a_row_are_no_step() {
    for (noise, errs) in KINDS {
        let mut running = Running::new(World::new(noise, errs), 5);
        for hiccup in 0..40 {
            running.run_to(3.0 + hiccup as f64);
            for late in 0..5 {
                let stamp = running.stamp() + 20_000_000 - 4_000_000 * late;
                assert_eq!(running.observe(stamp), None, "{noise:?}");
            }
        }
        assert_eq!(running.run_to(60.0), [0i64; 0], "{noise:?}");
        assert!(running.read().covered(), "{noise:?} {:?}", running.read());
    }
}

#[test]
fn a_clock_that_wanders_by_a_ppm_a_minute_is_followed_within_ten_us() {
    for (noise, errs) in
        [(Noise::Late, Errs::Late), (Noise::Uniform, Errs::BothWays), (Noise::Exact, Errs::BothWays)]
    {
        for wander in [1.0, -1.0] {
            let world = World { wander, ..World::new(noise, errs) };
            let mut running = Running::new(world, 3);
            for moment in (10..600).step_by(5) {
                assert_eq!(running.run_to(moment as f64), [0i64; 0], "{world:?} {moment}");
                let reading = running.read();
                assert!(
                    reading.error.abs() <= 10e3 && reading.covered(),
                    "{world:?} at {moment} s: {reading:?}"
                );
            }
        }
    }
}

#[test]
fn exact_stamps_give_each_frame_its_time_and_each_time_its_frame() {
    for errs in [Errs::Late, Errs::BothWays, Errs::Unknown] {
        for (rate, blocks, ppm) in [
            (48_000, Blocks::Of(256), 0.0),
            (44_100, Blocks::Of(480), 123.0),
            (192_000, Blocks::Of(64), -500.0),
            (48_000, Blocks::Varying(24, 168), 37.5),
            (8_000, Blocks::Of(8_192), 0.0),
        ] {
            let world = World { rate, blocks, ppm, ..World::new(Noise::Exact, errs) };
            let mut running = Running::new(world, 9);
            while running.clock.fit().uncertainty_ns < 0 || running.frame < 48 * 8_192 {
                assert_eq!(running.block(), None, "{world:?}");
            }
            let fit = running.clock.fit();
            assert!((0..=300).contains(&fit.uncertainty_ns), "{world:?} {fit:?}");
            assert!(matches!(fit.stamps, Stamps::Usable), "{world:?} {fit:?}");
            for ahead in [0, 1, 63, rate as i64, 60 * rate as i64] {
                let frame = fit.frame + ahead;
                let off = fit.host_ns(frame) - running.true_ns(frame);
                assert!(off.abs() <= 100, "{world:?}: {off} ns off {ahead} frames ahead");
                assert_eq!(fit.frame_at(running.true_ns(frame)), frame, "{world:?}");
            }
        }
    }
}

#[test]
fn exact_stamps_are_trusted_after_a_tenth_of_a_second() {
    for errs in [Errs::Late, Errs::BothWays] {
        let mut running = Running::new(World::new(Noise::Exact, errs), 1);
        running.run_to(0.2);
        let reading = running.read();
        assert!(reading.fit.uncertainty_ns <= 1_000 && reading.covered(), "{errs:?} {reading:?}");
    }
}

#[test]
fn the_first_stamp_gives_a_line_at_the_nominal_rate_and_an_uncertainty_that_says_so() {
    for (noise, errs) in KINDS {
        let mut covered = 0;
        for seed in 0..400 {
            let mut running = Running::new(World::new(noise, errs), seed);
            let mut before = i64::MAX;
            for block in 1..=100 {
                running.block();
                let reading = running.read();
                assert_eq!(reading.fit.stamps, Stamps::Settling);
                assert!(reading.fit.is_usable());
                covered += u32::from(reading.covered());
                if block == 1 {
                    assert_eq!(reading.fit.ns_per_frame, 1e9 / 48e3);
                    before = reading.fit.uncertainty_ns;
                }
            }
            assert!(before >= 5_000_000, "{before}");
            assert!(running.clock.fit().uncertainty_ns < before, "{noise:?} {:?}", running.clock.fit());
        }
        // Errors that go together for long cannot show it so soon.
        let least = if matches!(noise, Noise::Filtered { .. }) { 37_000 } else { 39_200 };
        assert!(covered >= least, "{noise:?}: {covered} of 40000 readings of the first half second covered");
    }
}

#[test]
fn whole_milliseconds_and_other_grains_are_recognised_and_the_uncertainty_covers_them() {
    for grain in [1_000_000, 976_563, 15_625_000, 500_000] {
        for (noise, errs) in
            [(Noise::Exact, Errs::BothWays), (Noise::Late, Errs::Late), (Noise::Exact, Errs::Unknown)]
        {
            if noise == Noise::Late && grain > 1_000_000 {
                continue;
            }
            for seed in 1..6 {
                let world = World { grain, ..World::new(noise, errs) };
                let mut running = Running::new(world, seed);
                for moment in 2..60 {
                    assert_eq!(running.run_to(moment as f64), [0i64; 0], "{world:?} {moment}");
                    let reading = running.read();
                    assert_eq!(reading.fit.stamps, Stamps::Quantised, "{world:?} {reading:?}");
                    assert!(reading.covered(), "{world:?} {reading:?}");
                    assert!(reading.fit.uncertainty_ns < 3 * grain, "{world:?} {reading:?}");
                }
            }
        }
    }
}

/// Stamps that are none, ns, against the true ones.
fn spoil(kind: usize, random: &mut Random, s: f64, true_ns: i64) -> i64 {
    match kind {
        0 => 123_456_789_012,
        1 => true_ns + (300e6 * (s / 3.0).sin()) as i64,
        2 => true_ns - (2.5 * s * 1e9) as i64,
        3 => true_ns + random.between(-200e6, 200e6) as i64,
        4 => 1 + (random.bits() >> 2) as i64,
        // Another jump each second.
        5 => true_ns + (Random(s as u64 + 9).between(0.0, 1.0) * 300e6) as i64,
        _ => true_ns + (0.05 * s * 1e9) as i64,
    }
}

#[test]
fn useless_stamps_are_recognised_and_good_ones_used_again() {
    // Each source's own kind: of stamps that may be early and are said not to be, nothing is promised.
    let worlds = [
        (Noise::Late, Errs::Late),
        (Noise::Uniform, Errs::BothWays),
        (Noise::Uniform, Errs::Unknown),
        (Noise::Late, Errs::Unknown),
    ];
    for (noise, errs) in worlds {
        for kind in 0..7 {
            let mut running = Running::new(World::new(noise, errs), kind as u64);
            running.run_to(3.0);
            let mut believed = 0;
            while running.frame < 48_000 * 60 {
                let (s, true_ns) = (running.frame as f64 / 48e3, running.true_ns(running.frame));
                let stamp = spoil(kind, &mut running.random, s, true_ns);
                running.observe(stamp);
                let fit = running.clock.fit();
                believed += u32::from(s > 20.0 && fit.stamps != Stamps::Useless);
                assert_eq!(fit.is_usable(), fit.stamps != Stamps::Useless, "{fit:?}");
            }
            assert!(believed <= 40 * 187 / 50, "{errs:?}: kind {kind} believed in {believed} blocks");
            running.run_to(80.0);
            let reading = running.read();
            assert_eq!(reading.fit.stamps, Stamps::Usable, "{errs:?} kind {kind}");
            assert!(reading.covered() && reading.fit.uncertainty_ns < 200_000, "{errs:?} {kind} {reading:?}");
        }
    }
}

#[test]
fn without_a_stamp_there_is_no_fit_and_missing_ones_do_no_harm() {
    for (noise, errs) in KINDS {
        let mut running = Running::new(World::new(noise, errs), 4);
        for _ in 0..1_000 {
            assert_eq!(running.observe(0), None);
            assert_eq!(
                running.clock.fit(),
                Fit { uncertainty_ns: -1, stamps: Stamps::None, ..running.clock.fit() }
            );
            assert!(!running.clock.fit().is_usable());
        }
        let from = running.frame as f64 / 48e3;
        while (running.frame as f64) < (from + 30.0) * 48e3 {
            let stamp = if running.random.chance(0.3) { 0 } else { running.stamp() };
            assert_eq!(running.observe(stamp), None);
        }
        let known = running.read();
        assert!(known.covered() && known.fit.stamps == Stamps::Usable, "{known:?}");
        for _ in 0..10_000 {
            assert_eq!(running.observe(0), None);
        }
        let blind = running.read();
        assert!(blind.covered() && blind.fit.is_usable(), "{blind:?}");
        assert!(blind.fit.uncertainty_ns > known.fit.uncertainty_ns, "{blind:?}");
    }
}

#[test]
fn a_fit_that_starts_again_remembers_nothing() {
    for (noise, errs) in KINDS {
        let mut used = Running::new(World::new(noise, errs), 1);
        used.run_to(4.0);
        blocks_until_told(&mut used, 50e6);
        used.run_to(7.0);
        used.clock.restart();
        assert_eq!(used.clock.fit(), ClockFit::new(48_000, errs).fit());
        let (mut again, mut new) =
            (Running::new(World::new(noise, errs), 2), Running::new(World::new(noise, errs), 2));
        again.clock = used.clock;
        for _ in 0..3_000 {
            assert_eq!(again.block(), new.block());
            assert_eq!(again.clock.fit(), new.clock.fit());
        }
    }
}

#[test]
fn no_numbers_make_the_fit_fail() {
    let ends = [i64::MIN, i64::MIN + 1, -1, 0, 1, 1 << 40, i64::MAX - 1, i64::MAX];
    let mut random = Random(8);
    for rate in [0, 1, 48_000, u32::MAX] {
        for errs in [Errs::Late, Errs::BothWays, Errs::Unknown] {
            let mut clock = ClockFit::new(rate, errs);
            for _ in 0..20_000 {
                let mut any = || match random.chance(0.5) {
                    true => ends[(random.bits() % 8) as usize],
                    false => (random.bits() >> (random.bits() % 64)) as i64,
                };
                clock.observe(any(), any(), any());
                let fit = clock.fit();
                fit.host_ns(any());
                fit.frame_at(any());
                assert!(fit.ppm(rate).is_finite() && fit.ns_per_frame.is_finite(), "{fit:?}");
                assert!(fit.uncertainty_ns >= -1, "{fit:?}");
            }
        }
    }
}

#[test]
fn host_time_and_frame_are_exact_days_from_the_anchor() {
    let fit = Fit {
        frame: 1_000,
        host_ns: 1_700_000_000_000_000_000,
        // A binary fraction: the products below are exact.
        ns_per_frame: 20_833.5 + 1.0 / 1024.0,
        uncertainty_ns: 0,
        stamps: Stamps::Usable,
        discontinuities: 0,
    };
    for frames in [0, 1, 1_024, 28_800_000, 1 << 32, -(1 << 32), 1 << 40, -(1 << 40)] {
        // In 1024ths of a ns.
        let exact = frames as i128 * (20_833 * 1_024 + 513);
        let ns = fit.host_ns + ((exact + 512).div_euclid(1_024)) as i64;
        assert_eq!(fit.host_ns(1_000 + frames), ns, "{frames}");
        assert_eq!(fit.frame_at(ns), 1_000 + frames);
        assert_eq!(fit.frame_at(ns + 10_000), 1_000 + frames);
        assert_eq!(fit.frame_at(ns - 10_000), 1_000 + frames);
        assert_eq!(fit.frame_at(ns + 11_000), 1_001 + frames);
    }
    let even = Fit { ns_per_frame: 20_000.0, ..fit };
    assert_eq!(even.frame_at(even.host_ns + 10_000), 1_001, "ties go up");
    assert_eq!(even.frame_at(even.host_ns - 10_000), 1_000, "ties go up");
    assert_eq!(even.host_ns(i64::MAX), i64::MAX);
    assert_eq!(even.host_ns(i64::MIN), i64::MIN);
}

#[test]
fn ppm_is_positive_for_a_device_that_runs_fast() {
    let fast =
        Fit { uncertainty_ns: 0, ns_per_frame: 1e9 / 48_004.8, ..ClockFit::new(48_000, Errs::Late).fit() };
    assert!((fast.ppm(48_000) - 100.0).abs() < 1e-6, "{}", fast.ppm(48_000));
    assert_eq!(ClockFit::new(48_000, Errs::Late).fit().ppm(48_000), 0.0);
}

#[test]
#[ignore = "figures of this machine: cargo test --release --test clock_fit cost -- --ignored --nocapture"]
fn cost_of_a_block() {
    for (rate, frames) in [(48_000, 256), (192_000, 64), (16_000, 2_048)] {
        for (noise, errs) in KINDS {
            let world = World { rate, blocks: Blocks::Of(frames), ..World::new(noise, errs) };
            let mut running = Running::new(world, 1);
            let mut stamps = Vec::new();
            for _ in 0..60 * rate as i64 / frames {
                stamps.push((running.frame, running.stamp()));
                running.newest = running.frame;
                running.frame += frames;
            }
            let mut each = Vec::new();
            let began = std::time::Instant::now();
            for &(frame, stamp) in &stamps {
                running.clock.observe(frame, frames, stamp);
            }
            let mean = began.elapsed().as_nanos() as f64 / stamps.len() as f64;
            running.clock.restart();
            for &(frame, stamp) in &stamps {
                let before = std::time::Instant::now();
                running.clock.observe(frame, frames, stamp);
                each.push(before.elapsed().as_nanos() as f64);
            }
            let [most, worst] = [0.999, 1.0].map(|share| quantile(each.clone(), share));
            println!(
                "{rate} {frames} {noise:?} {errs:?}: {mean:.0} ns mean, {most:.0} at 99.9 %, {worst:.0} worst"
            );
        }
    }
}
