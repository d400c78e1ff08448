//! A callback does a bounded number of steps, whatever was asked for. What has ended or was cancelled is silent from
//! its frame on all the same; receipts, and starts beyond the bound, come in the chunks that follow.

use std::collections::HashMap;
use std::sync::Arc;

use sonset::action::{AfterPolicy, LatePolicy};
use sonset::backend::Backend;
use sonset::buffer::Buffer;
use sonset::realtime::block::{BlockTime, Input, Output};
use sonset::realtime::work::{BOUNDS, ENDS_PER_CHUNK, STARTS_PER_CHUNK};
use sonset::receipt::{Asked, Outcome, Receipt};
use sonset::stream::{Config, PlayParams, StartAt, Stream, Timing};

/// As many as a pool is sensibly made for.
const MANY: usize = 100_000;
/// A chunk of the grid.
const CHUNK: i64 = 256;
const STARTS: usize = STARTS_PER_CHUNK as usize;
const LEVEL: f32 = 1.0 / (1 << 20) as f32;

/// A mono stream with blocks of one chunk, each held to the bounds.
struct Rig {
    stream: Stream,
    frame: i64,
}

impl Rig {
    fn new(max_actions: usize) -> Self {
        let stream = Stream::open(&Config {
            backend: Some(Backend::Manual),
            sample_rate_hz: 48_000,
            output_channels: 1,
            max_actions: max_actions as u32,
            ..Config::default()
        });
        let stream = stream.unwrap();
        stream.start().unwrap();
        Self { stream, frame: 0 }
    }

    fn block_at(&mut self, time: BlockTime) -> Vec<f32> {
        let mut out = vec![9.0; CHUNK as usize];
        self.stream.process(0, Input::None, Output::Interleaved(&mut out), time).unwrap();
        self.frame += CHUNK;
        let steps = self.stream.most_steps(0);
        let within = steps.iter().zip(BOUNDS).all(|(&steps, bound)| steps <= bound as u64);
        assert!(within, "{steps:?} steps in one callback");
        out
    }

    fn block(&mut self) -> Vec<f32> {
        self.block_at(BlockTime::default())
    }

    /// Blocks until all commands are taken that `actions` make.
    fn take(&mut self, actions: usize) {
        (0..actions.div_ceil(1024)).for_each(|_| _ = self.block());
    }

    fn play(&self, sound: &Arc<Buffer>, start: StartAt, late: LatePolicy) -> i64 {
        let after = AfterPolicy::AnyEnd;
        let timing = Timing { start, late, after, ..Timing::default() };
        let params = PlayParams { timing, ..PlayParams::default() };
        self.stream.play_buffer(sound, Some(&[1]), None, &params).unwrap()
    }

    /// So many plays with starts at the same frame.
    fn play_many(&self, count: usize, sound: &Arc<Buffer>, start: StartAt) -> Vec<i64> {
        (0..count).map(|_| self.play(sound, start, LatePolicy::Play)).collect()
    }

    /// The receipts that have come since the last call.
    fn receipts(&self) -> HashMap<i64, Receipt> {
        let receipts = std::iter::from_fn(|| self.stream.poll_receipt().ok());
        receipts.map(|receipt| (receipt.asked.action, receipt)).collect()
    }

    /// Blocks until all of `count` receipts are there, at least as many in each as the bound allows.
    fn work_off(&mut self, count: usize) -> HashMap<i64, Receipt> {
        let mut all = self.receipts();
        let blocks = (count - all.len()).div_ceil(ENDS_PER_CHUNK as usize) + 30;
        for _ in 0..blocks {
            let out = self.block();
            assert!(out.iter().all(|&sample| sample == 0.0), "sounds before frame {}: {out:?}", self.frame);
            all.extend(self.receipts());
        }
        assert_eq!(all.len(), count, "receipts after {blocks} blocks");
        all
    }
}

fn sound(frames: i64) -> Arc<Buffer> {
    Buffer::copy(&vec![LEVEL; frames as usize], frames, 1, 0).unwrap()
}

fn all_ended(receipts: &HashMap<i64, Receipt>, actions: &[i64], outcome: Outcome, frame: i64) {
    for action in actions {
        let receipt = &receipts[action];
        assert_eq!((receipt.outcome, receipt.measured.end_frame), (Some(outcome), frame));
    }
}

#[test]
fn a_hundred_thousand_that_have_not_started_are_cancelled_at_one_frame() {
    let mut rig = Rig::new(MANY + 2);
    let first = CHUNK * (MANY as i64 / 1024 + 2);
    let sound = sound(1_000);
    // Due from soon after the cancel on, in the order opposite to that in which they are looked for.
    let start = |n: usize| StartAt::Frame(first + (MANY - n) as i64 / 8);
    let actions: Vec<i64> = (0..MANY).map(|n| rig.play(&sound, start(n), LatePolicy::Play)).collect();
    rig.take(MANY);
    assert!(rig.frame < first);
    let cancelled = rig.frame;
    rig.stream.cancel_all(-1).unwrap();
    // What is issued afterwards is not touched.
    let later = rig.play(&sound, StartAt::Now, LatePolicy::Drop);
    let heard: Vec<f32> = (0..4).flat_map(|_| rig.block()).collect();
    let (sounds, silent) = heard.split_at(1_000);
    assert!(sounds.iter().all(|&sample| sample == LEVEL) && silent.iter().all(|&sample| sample == 0.0));
    let receipts = rig.work_off(MANY + 1);
    all_ended(&receipts, &actions, Outcome::Cancelled, cancelled);
    let later = &receipts[&later];
    assert_eq!((later.outcome, later.measured.start_frame), (Some(Outcome::Completed), cancelled));
}

#[test]
fn a_hundred_thousand_that_sound_fade_out_together() {
    let mut rig = Rig::new(MANY);
    let sound = sound(1 << 20);
    let mut actions = Vec::new();
    while actions.len() < MANY {
        let count = STARTS.min(MANY - actions.len());
        actions.extend(rig.play_many(count, &sound, StartAt::Now));
        rig.block();
    }
    let sounding = rig.block()[0];
    assert!((sounding - MANY as f32 * LEVEL).abs() < 0.01 * sounding);
    let cancelled = rig.frame;
    rig.stream.cancel_all(128).unwrap();
    let faded = rig.block();
    assert!(faded.windows(2).all(|pair| pair[0] >= pair[1]), "it rises");
    assert!(faded[127] > 0.0 && faded[128..].iter().all(|&sample| sample == 0.0));
    let receipts = rig.work_off(MANY);
    all_ended(&receipts, &actions, Outcome::Stopped, cancelled + 128);
}

#[test]
fn of_those_due_at_one_frame_as_many_start_as_the_bound_says_and_the_rest_is_late_by_a_chunk_each() {
    let mut rig = Rig::new(MANY);
    let due = CHUNK * (MANY as i64 / 1024 + 2) + 10;
    let sound = sound(1);
    let actions = rig.play_many(MANY, &sound, StartAt::Frame(due));
    rig.take(MANY);
    while rig.frame + CHUNK <= due {
        rig.block();
    }
    let mut receipts = HashMap::new();
    while receipts.len() < MANY {
        rig.block();
        receipts.extend(rig.receipts());
        assert!(rig.frame < due + 300 * CHUNK);
    }
    for (n, action) in actions.iter().enumerate() {
        let measured = receipts[action].measured;
        let start = if n < STARTS { due } else { (due / CHUNK + (n / STARTS) as i64) * CHUNK };
        assert_eq!((measured.start_frame, measured.late_frames), (start, start - due), "action {n}");
    }
}

#[test]
fn what_is_late_because_of_the_bound_follows_its_late_policy() {
    let mut rig = Rig::new(4_000);
    let due = 2 * CHUNK + 10;
    rig.play_many(STARTS, &sound(1), StartAt::Frame(due));
    let sound = sound(1_000);
    let policies = [LatePolicy::Play, LatePolicy::Skip, LatePolicy::Drop];
    let late = policies.map(|late| rig.play(&sound, StartAt::Frame(due), late));
    (0..10).for_each(|_| _ = rig.block());
    let receipts = rig.receipts();
    let [play, skip, drop] = late.map(|action| receipts[&action]);
    let by = 3 * CHUNK - due;
    let told =
        |receipt: &Receipt| (receipt.outcome, receipt.measured.late_frames, receipt.measured.done_frames);
    assert_eq!(told(&play), (Some(Outcome::Completed), by, 1_000));
    assert_eq!(told(&skip), (Some(Outcome::Completed), by, 1_000 - by));
    assert_eq!(told(&drop), (Some(Outcome::DroppedLate), by, 0));
}

#[test]
fn what_has_ended_is_silent_at_once_and_its_receipt_tells_of_nothing_that_came_later() {
    let mut rig = Rig::new(5_000);
    let sound = sound(3 * CHUNK);
    let mut actions = Vec::new();
    for start in [3, 4, 5, 6].map(|chunk| chunk * CHUNK) {
        let stop_frame = Some(8 * CHUNK - 6);
        let timing = Timing { start: StartAt::Frame(start), ..Timing::default() };
        let params = PlayParams { timing, stop_frame, ..PlayParams::default() };
        let play = |_| rig.stream.play_buffer(&sound, Some(&[1]), None, &params).unwrap();
        // All end at the stop frame, or a little before.
        actions.extend((0..STARTS).map(play));
    }
    while rig.frame < 7 * CHUNK {
        rig.block();
    }
    let out = rig.block();
    assert!(out[..CHUNK as usize - 6].iter().all(|&sample| sample > 0.0));
    assert!(out[CHUNK as usize - 6..].iter().all(|&sample| sample == 0.0));
    let mut receipts = rig.receipts();
    assert!(receipts.len() < actions.len(), "nothing waits for its receipt");
    while receipts.len() < actions.len() {
        let out = rig.block_at(BlockTime { output_xruns: 1, ..BlockTime::default() });
        assert!(out.iter().all(|&sample| sample == 0.0));
        receipts.extend(rig.receipts());
        assert!(rig.frame < 30 * CHUNK);
    }
    assert!(receipts.values().all(|receipt| receipt.measured.xruns == 0), "an xrun after the end");
}

#[test]
fn followers_within_the_bound_start_without_a_gap_and_the_rest_after_them() {
    for count in [STARTS, MANY] {
        let mut rig = Rig::new(MANY + 1);
        let begin = CHUNK * (count as i64 / 1024 + 2);
        // Long enough for all to be told where it ends.
        let (long, short) = (sound(200 * CHUNK + 7), sound(1));
        let first = rig.play(&long, StartAt::Frame(begin), LatePolicy::Play);
        let followers = rig.play_many(count, &short, StartAt::After { action: first, offset: 0 });
        rig.take(count + 1);
        let end = begin + 200 * CHUNK + 7;
        let mut receipts = HashMap::new();
        while receipts.len() <= count {
            rig.block();
            receipts.extend(rig.receipts());
            assert!(rig.frame < end + 300 * CHUNK);
        }
        let gapless = |action: &&i64| receipts[*action].measured.start_frame == end;
        assert_eq!(followers.iter().filter(gapless).count(), STARTS.min(count));
        for action in &followers {
            let measured = receipts[action].measured;
            assert_eq!(measured.requested_frame, Some(end));
            assert_eq!(measured.late_frames, measured.start_frame - end);
        }
    }
}

#[test]
fn no_follower_starts_where_its_predecessor_was_to_end_before_it_was_paused() {
    const FOLLOWERS: usize = 5_000;
    let mut rig = Rig::new(FOLLOWERS + 1);
    let (long, short) = (sound(20 * CHUNK), sound(1));
    let first = rig.play(&long, StartAt::Now, LatePolicy::Play);
    rig.play_many(FOLLOWERS, &short, StartAt::After { action: first, offset: 0 });
    while rig.frame < 19 * CHUNK {
        rig.block();
    }
    rig.stream.pause(first, None, -1).unwrap();
    for _ in 0..10 {
        let out = rig.block();
        assert!(out.iter().all(|&sample| sample == 0.0), "frame {}", rig.frame);
    }
    rig.stream.resume(first, None, -1).unwrap();
    let resumed = rig.frame;
    let out = rig.block();
    assert!(out.iter().all(|&sample| sample == LEVEL), "the rest of the predecessor");
    assert!(rig.block()[0] >= STARTS as f32 * LEVEL * 0.99, "as many followers as may start at once");
    (0..20).for_each(|_| _ = rig.block());
    let receipts = rig.receipts();
    let ended = receipts[&first].measured.end_frame;
    assert_eq!(ended, resumed + CHUNK);
    assert_eq!(receipts.len(), FOLLOWERS + 1);
    assert!(
        receipts
            .values()
            .all(|receipt| receipt.measured.requested_frame == Some(ended) || receipt.asked.action == first)
    );
}

#[test]
fn a_cancel_of_everything_in_each_block_keeps_no_receipt_back() {
    let mut rig = Rig::new(20_000);
    let actions = rig.play_many(20_000, &sound(1), StartAt::Frame(1 << 40));
    rig.take(20_000);
    let mut receipts = HashMap::new();
    for _ in 0..40 {
        rig.stream.cancel_all(-1).unwrap();
        rig.block();
        receipts.extend(rig.receipts());
        // A new one each time, so that each sweep is of more than the one before it.
        if rig.stream.stats().free_actions > 0 {
            rig.play(&sound(1), StartAt::Frame(1 << 40), LatePolicy::Play);
        }
    }
    let ended = actions.iter().filter(|action| receipts.contains_key(action)).count();
    assert_eq!(ended, actions.len());
}

#[test]
fn a_stopped_stream_takes_all_that_it_was_asked_for_at_once() {
    let rig = Rig::new(5_000);
    rig.stream.stop().unwrap();
    rig.play_many(5_000, &sound(1), StartAt::Now);
    rig.stream.cancel_all(-1).unwrap();
    assert_eq!((rig.stream.stats().live_actions, rig.receipts().len()), (0, 5_000));
}

/// The output of random plays, and of a cancel of everything, with small bounds, and their receipts by number.
fn divided(seed: u64, mut cut: impl FnMut(i64) -> i64) -> (Vec<u32>, Vec<Receipt>) {
    let config = Config {
        backend: Some(Backend::Manual),
        sample_rate_hz: 48_000,
        output_channels: 1,
        max_actions: 200,
        ..Config::default()
    };
    let stream = Stream::open(&config).unwrap();
    let bound = 1 + seed as u32 % 4;
    stream.set_bounds([bound, bound, 2, 1, 3]);
    stream.start().unwrap();
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut below = |most: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % most) as i64
    };
    let mut frame = 0;
    let mut actions = Vec::new();
    let mut output = Vec::new();
    for round in 0..6 {
        for _ in 0..30 {
            let samples: Vec<f32> = (0..1 + below(700)).map(|n| (n % 17) as f32 * LEVEL).collect();
            let sound = Buffer::copy(&samples, samples.len() as i64, 1, 0).unwrap();
            let late = [LatePolicy::Play, LatePolicy::Skip, LatePolicy::Drop][below(3) as usize];
            let start = StartAt::Frame(frame + below(4) * below(500));
            let timing = Timing { start, late, ..Timing::default() };
            let params = PlayParams { timing, ..PlayParams::default() };
            actions.extend(stream.play_buffer(&sound, Some(&[1]), None, &params));
        }
        if round % 3 == 2 {
            stream.cancel_all(below(300)).unwrap();
        }
        let mut left = 1 + below(3_000);
        while left > 0 {
            let part = cut(left).clamp(1, left);
            let mut out = vec![9.0; part as usize];
            stream.process(0, Input::None, Output::Interleaved(&mut out), BlockTime::default()).unwrap();
            output.extend(out.into_iter().map(f32::to_bits));
            (left, frame) = (left - part, frame + part);
        }
    }
    stream.close();
    let first = actions[0];
    let receipt = |action: &i64| {
        let receipt = stream.action(*action).unwrap();
        let asked = Asked { action: receipt.asked.action - first, ..receipt.asked };
        Receipt { asked, realtime_offset_ns: 0, ..receipt }
    };
    (output, actions.iter().map(receipt).collect())
}

#[test]
fn how_blocks_are_divided_does_not_show_where_starts_and_ends_are_put_off() {
    let mut late = 0;
    for seed in 1..=200 {
        let whole = divided(seed, |left| left);
        let mut n = seed as i64;
        let cut = divided(seed, |_| {
            n = (n * 37 + 11) % 401;
            n
        });
        assert!(
            whole.0 == cut.0,
            "program {seed}: first sample {:?}",
            whole.0.iter().zip(&cut.0).position(|(a, b)| a != b)
        );
        for (one, other) in whole.1.iter().zip(&cut.1) {
            assert_eq!((one.outcome, one.measured), (other.outcome, other.measured), "program {seed}");
        }
        late += whole.1.iter().filter(|receipt| receipt.measured.late_frames > 0).count();
    }
    assert!(late > 1_000, "only {late} were late");
}
