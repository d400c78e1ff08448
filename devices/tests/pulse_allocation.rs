//! The threads of a PulseAudio stream allocate nothing once it runs, counted by the allocator itself.
#![cfg(target_os = "linux")]

#[path = "../../tests/counting/mod.rs"]
mod counting;
#[path = "../../tests/servers/pulse.rs"]
#[allow(dead_code)] // One thing of it is needed.
mod pulse;

use counting::Counting;
use pulse::Pulse;
use sonset_devices_abi::{Block, Callbacks, Lent, Request, Text, host, stamp, status};
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Blocks after which a thread has all the room it needs.
const WARM: u64 = 100;

thread_local! {
    static BLOCKS: Cell<u64> = const { Cell::new(0) };
}

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static COUNTED_BLOCKS: AtomicU64 = AtomicU64::new(0);
static STAMPS: AtomicU64 = AtomicU64::new(0);

/// Counts the calls of threads that have had their first blocks.
fn count_allocation() {
    // A thread that is ending has no counter any more.
    if BLOCKS.try_with(Cell::get).is_ok_and(|blocks| blocks > WARM) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting(count_allocation);

fn count(block: &Block) {
    BLOCKS.set(BLOCKS.get() + 1);
    COUNTED_BLOCKS.fetch_add((BLOCKS.get() > WARM) as u64, Ordering::Relaxed);
    STAMPS.fetch_add((block.stamp == stamp::TIME) as u64, Ordering::Relaxed);
}

unsafe extern "C" fn output(_: *mut c_void, samples: *mut f32, block: *const Block) {
    // SAFETY: the block is lent for the call, with as many samples as it says.
    let (samples, block) = unsafe {
        let count = ((*block).frames * (*block).channels) as usize;
        (std::slice::from_raw_parts_mut(samples, count), &*block)
    };
    samples.fill(0.25);
    count(block);
}

unsafe extern "C" fn input(_: *mut c_void, _: *const f32, block: *const Block) {
    // SAFETY: the block is lent for the call.
    count(unsafe { &*block });
}

unsafe extern "C" fn lost(_: *mut c_void, _: u32, _: Lent) {}

unsafe extern "C" fn xrun(_: *mut c_void, _: u32) {}

#[test]
fn the_threads_of_a_stream_allocate_nothing_once_it_runs() {
    let server = Pulse::start("s", 48_000);
    for (key, value) in server.environment() {
        // SAFETY: this is the only test of its program, and no other thread reads the environment yet.
        unsafe { std::env::set_var(key, value) };
    }
    // SAFETY: the table is a static of the crate that is linked in.
    let api = unsafe { &*sonset_devices::sonset_devices_api() };
    let request = Request {
        host: host::PULSEAUDIO,
        sample_rate_hz: 0,
        output_channels: 2,
        input_channels: 2,
        block_frames: 0,
        flags: 0,
        output_device: Lent::new(None),
        input_device: Lent::new(None),
    };
    let callbacks = Callbacks { user: null_mut(), output, input, lost, xrun };
    let (mut stream, mut error) = (null_mut(), Text::default());
    // SAFETY: all pointers live for the call, and the callbacks need nothing that could end.
    assert_eq!(unsafe { (api.open)(&request, &callbacks, &mut stream, &mut error) }, status::OK);
    // SAFETY: the stream is open.
    assert_eq!(unsafe { (api.start)(stream, &mut error) }, status::OK);
    std::thread::sleep(Duration::from_secs(5));
    let (allocations, blocks) = (ALLOCATIONS.load(Ordering::Relaxed), COUNTED_BLOCKS.load(Ordering::Relaxed));
    // SAFETY: this is the last use of the stream.
    unsafe { (api.close)(stream) };
    assert!(blocks > 200, "only {blocks} blocks");
    assert!(STAMPS.load(Ordering::Relaxed) > 200, "the threads ask for the time too");
    assert_eq!(allocations, 0, "in {blocks} blocks");
}
