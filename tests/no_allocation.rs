//! The callback allocates and frees nothing, counted by the allocator itself.

mod bustle;
mod counting;

use std::cell::Cell;

use bustle::separate::Halves;
use bustle::{Bustle, CHANNELS, assert_every_kind_ran, process, running, running_with_dither, write_wav};
use counting::Counting;
use sonset::action::Kind;
use sonset::receipt::{Outcome, Receipt};
use sonset::stream::{PlayFileParams, PlayParams};

/// Blocks that are rendered under count.
const BLOCKS: usize = 1_000_000;

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// Counts the calls of a thread while it is armed.
fn count() {
    if ARMED.get() {
        COUNT.set(COUNT.get() + 1);
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting(count);

/// How many calls of the allocator `body` makes.
fn allocations(body: impl FnOnce()) -> u64 {
    COUNT.set(0);
    ARMED.set(true);
    body();
    ARMED.set(false);
    COUNT.get()
}

#[test]
fn a_million_callbacks_with_every_kind_of_action_allocate_and_free_nothing() {
    let stream = running_with_dither(64, "");
    let folder = tempfile::tempdir().unwrap();
    let mut bustle = Bustle::with_files(0x5EED, folder.path());
    let input = vec![0.1; CHANNELS * 64];
    let mut output = vec![0.0; CHANNELS * 64];
    let mut frame = 0;
    for block in 0..BLOCKS {
        if block % 8 == 0 {
            bustle.command(&stream, frame);
        }
        let frames = 1 + bustle.random.below(64) as usize;
        let samples = CHANNELS * frames;
        let count = allocations(|| process(&stream, &input[..samples], &mut output[..samples]));
        assert_eq!(count, 0, "in block {block}");
        frame += frames as i64;
    }
    let receipts = assert_every_kind_ran(&stream);
    let outcomes: std::collections::HashSet<_> =
        receipts.iter().filter_map(|receipt| receipt.outcome).collect();
    assert!(outcomes.len() >= 5, "only {outcomes:?} happened");
}

#[test]
fn callbacks_of_two_halves_with_clocks_of_their_own_allocate_and_free_nothing() {
    let stream = running_with_dither(64, "callbacks=separate");
    let folder = tempfile::tempdir().unwrap();
    let mut bustle = Bustle::with_files(0xACE, folder.path());
    let mut halves = Halves::new(0xD1CE);
    for block in 0..BLOCKS / 5 {
        if block % 8 == 0 {
            bustle.command(&stream, halves.frames[0]);
        }
        let mut count = 0;
        halves.step(&stream, |run| count = allocations(run));
        assert_eq!(count, 0, "in block {block}");
    }
    let receipts = assert_every_kind_ran(&stream).into_iter();
    let crossed =
        |receipt: &Receipt| receipt.asked.kind == Kind::PlayInput && receipt.measured.done_frames > 0;
    let crossed: Vec<Receipt> = receipts.filter(crossed).collect();
    assert!(crossed.len() > 200, "only {} monitors crossed from clock to clock", crossed.len());
    assert!(crossed.iter().any(|receipt| receipt.measured.monitor_latency_ns > 0));
}

#[test]
fn files_that_start_loop_end_and_are_cancelled_allocate_and_free_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    write_wav(&path, 44_100, 1, 0..3_000);
    let stream = running(64, "");
    let file = PlayFileParams { resample: true, read_ahead_ms: 100, ..PlayFileParams::default() };
    let input = vec![0.1; CHANNELS * 64];
    let mut output = vec![0.0; CHANNELS * 64];
    for n in 0..200 {
        let params = PlayParams { loop_count: n % 3, ..PlayParams::default() };
        let action = stream.play_file(&path, &file, Some(&[1]), None, &params).unwrap();
        for block in 0..120 {
            if block == 50 && n % 2 == 0 {
                stream.cancel(action, None, -1).unwrap();
            }
            let count = allocations(|| process(&stream, &input, &mut output));
            assert_eq!(count, 0, "in block {block} of file {n}");
        }
    }
    let receipts = std::iter::from_fn(|| stream.poll_receipt().ok());
    let outcomes: std::collections::HashSet<_> = receipts.filter_map(|receipt| receipt.outcome).collect();
    assert!(outcomes.contains(&Outcome::Completed) && outcomes.contains(&Outcome::Stopped), "{outcomes:?}");
}

#[test]
fn the_count_notices_one_allocation() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 2);
    assert_eq!(allocations(|| ()), 0);
}
