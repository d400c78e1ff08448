//! What passes between the host and the callback, in every order that the memory model allows with two or three preemptions.
//!
//! Both sides of a model run in threads that it spawns: with one of them in loom's main thread a fault in the crossing
//! was not found.

use std::sync::Arc;
use std::time::Duration;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use loom::thread::{spawn, yield_now};
use sonset::action::{ActionId, Command, When};
use sonset::mailbox::Mailbox;
use sonset::queue::queues;
use sonset::realtime::block::Input;
use sonset::realtime::crossing::Crossing;
use sonset::realtime::gate::Gate;
use sonset::receipt::ActionState;
use sonset::request::Cancels;
use sonset::ring::Ring;
use sonset::seqlock::Seqlock;
use sonset::shared::Slot;

fn model(preemptions: usize, run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(run);
}

/// Plain memory, of which loom says who may touch it when.
struct Plain(UnsafeCell<i64>);

// Loom fails where two threads use it at a time.
unsafe impl Sync for Plain {}
unsafe impl Send for Plain {}

impl Plain {
    fn new() -> Arc<Self> {
        Arc::new(Self(UnsafeCell::new(0)))
    }

    fn set(&self, value: i64) {
        self.0.with_mut(|place| unsafe { *place = value });
    }

    fn get(&self) -> i64 {
        self.0.with(|place| unsafe { *place })
    }
}

#[test]
fn mailbox_gives_whole_values_in_order_and_the_last_one() {
    model(3, || {
        let mailbox = Arc::new(Mailbox::<2>::default());
        let writer = spawn({
            let mailbox = mailbox.clone();
            move || (1..=3).filter(|&n| mailbox.put([n; 2]).is_some()).count()
        });
        let reader = spawn({
            let mailbox = mailbox.clone();
            move || {
                let (mut last, mut taken) = (0, 0);
                for _ in 0..2 {
                    if let Some([a, b]) = mailbox.take() {
                        assert_eq!(a, b, "torn");
                        assert!(a > last, "{a} after {last}");
                        (last, taken) = (a, taken + 1);
                    }
                }
                (last, taken)
            }
        });
        let replaced = writer.join().unwrap();
        let (last, taken) = reader.join().unwrap();
        let rest = mailbox.take();
        assert_eq!(rest.map_or(last, |value| value[0]), 3, "the last one is lost");
        assert_eq!(replaced + taken + usize::from(rest.is_some()), 3);
    });
}

#[test]
fn crossing_tells_of_every_sample_that_was_overwritten() {
    model(3, || {
        // A ring of two frames.
        let crossing = Arc::new(Crossing::new(1, 2));
        crossing.listen();
        let writer = spawn({
            let crossing = crossing.clone();
            move || (0..4i64).for_each(|n| _ = crossing.write(&Input::Interleaved(&[n as f32 + 1.0]), 1, n))
        });
        let reader = spawn(move || {
            for _ in 0..2 {
                for frame in crossing.readable() {
                    let sample = crossing.sample(frame, 0);
                    if crossing.is_kept(frame) {
                        assert_eq!(sample, frame as f32 + 1.0);
                    }
                }
            }
        });
        writer.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn clock_position_is_never_read_half_written() {
    model(3, || {
        let clock = Arc::new(Seqlock::<2>::default());
        let writer = spawn({
            let clock = clock.clone();
            move || (1..=2).for_each(|n| clock.publish([n; 2]))
        });
        let reader = spawn(move || {
            let mut last = 0;
            for _ in 0..2 {
                if let Some([a, b]) = clock.try_read() {
                    assert_eq!(a, b, "torn");
                    assert!(a >= last, "{a} after {last}");
                    last = a;
                }
            }
        });
        writer.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn no_request_is_left_where_nobody_was_told() {
    model(3, || {
        let slot = Arc::new(Slot::default());
        // Commands under way; what carries them orders nothing here, so that only the flag does.
        let told = Arc::new(AtomicU64::new(0));
        let cancel = |frame| Cancels::default().with(When::Frame(frame), 0);
        let host = spawn({
            let (slot, told) = (slot.clone(), told.clone());
            move || {
                for frame in 1..=2 {
                    slot.request_cancel(cancel(frame));
                    if slot.announce() {
                        told.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
        let callback = spawn({
            let (slot, told) = (slot.clone(), told.clone());
            move || {
                let (mut heard, mut last) = (0, None);
                for _ in 0..2 {
                    if told.load(Ordering::Relaxed) > heard {
                        heard += 1;
                        slot.hear();
                        last = slot.take_cancels().or(last);
                    }
                }
                (heard, last)
            }
        });
        host.join().unwrap();
        let (heard, last) = callback.join().unwrap();
        let mut last = last;
        for _ in heard..told.load(Ordering::Relaxed) {
            slot.hear();
            last = slot.take_cancels().or(last);
        }
        assert_eq!(last, Some(cancel(2)), "the last request was left in its place");
    });
}

/// Frames of the ring below.
const ROOM: usize = 2;

#[test]
fn ring_gives_each_side_its_part_of_the_memory_and_ends_with_all_of_it() {
    const FRAMES: i64 = 3;
    model(3, || {
        let ring = Ring::new(ROOM as i64, 1, 0).unwrap();
        let mut reader = ring.claim_for_play().unwrap();
        // Stands for the samples, which loom does not see.
        let memory: [Arc<Plain>; ROOM] = std::array::from_fn(|_| Plain::new());
        let host = spawn({
            let memory = memory.clone();
            move || {
                let mut written = 0;
                while written < FRAMES {
                    if ring.info().writable_frames > 0 {
                        memory[written as usize % ROOM].set(written);
                        written += ring.write(&[written as f32]).unwrap();
                    } else {
                        yield_now();
                    }
                }
                ring.finish().unwrap();
            }
        });
        let callback = spawn(move || {
            let mut read = 0;
            loop {
                let (frames, finished) = reader.available();
                if frames == 0 && finished {
                    break;
                }
                if frames == 0 {
                    yield_now();
                    continue;
                }
                let mut sample = [0.0];
                assert_eq!(memory[read as usize % ROOM].get(), read);
                assert_eq!(reader.pop(&mut sample), 1);
                assert_eq!(sample[0], read as f32);
                read += 1;
            }
            assert_eq!(read, FRAMES, "finished with frames that were not seen");
            drop(reader);
        });
        host.join().unwrap();
        callback.join().unwrap();
    });
}

fn wait<T>(mut take: impl FnMut() -> Option<T>) -> T {
    loop {
        match take() {
            Some(value) => return value,
            None => yield_now(),
        }
    }
}

#[test]
fn a_slot_shows_the_values_of_its_state_and_is_the_hosts_again_after_the_report() {
    model(2, || {
        let slot = Arc::new(Slot::default());
        let (mut host, mut callback) = queues(1);
        // A second pair stands for the reports: what carries them is the same.
        let (mut reports, mut ended) = queues(1);
        let memory = Plain::new();
        let action = |n| ActionId::new(n, 0);
        let host_side = spawn({
            let (slot, memory) = (slot.clone(), memory.clone());
            move || {
                for n in 1..=2i64 {
                    slot.reset();
                    memory.set(n);
                    host.send(Command::Control(action(n as u64)));
                    let seen = slot.progress();
                    if seen.state != ActionState::Pending {
                        assert_eq!(
                            (seen.start_frame, seen.start_host_ns, seen.end_frame),
                            (n, n, 2 * n),
                            "{seen:?}"
                        );
                    }
                    if seen.state == ActionState::Ended {
                        assert_eq!(seen.done_frames, n, "{seen:?}");
                    }
                    wait(|| ended.take());
                    let seen = slot.progress();
                    assert_eq!((seen.state, seen.end_frame), (ActionState::Ended, 2 * n));
                }
            }
        });
        let callback_side = spawn(move || {
            for n in 1..=2i64 {
                let Command::Control(id) = wait(|| callback.take()) else { panic!() };
                assert_eq!(id, action(n as u64));
                assert_eq!(memory.get(), n);
                slot.publish_start(n, n, 0, 2 * n);
                slot.publish_done(n, Default::default());
                slot.publish_ended();
                memory.set(-n);
                reports.send(Command::Control(id));
            }
        });
        host_side.join().unwrap();
        callback_side.join().unwrap();
    });
}

#[test]
fn gate_lets_one_have_the_engine_at_a_time_and_gives_it_back_as_it_was_left() {
    model(3, || {
        let gate = Arc::new(Gate::<Arc<Plain>>::default());
        gate.open(Box::new(Plain::new()));
        // Two threads of the host, or one callback that moves from thread to thread.
        let callbacks: [_; 2] = std::array::from_fn(|_| {
            let gate = gate.clone();
            spawn(move || i64::from(gate.enter((), |engine, ()| engine.set(engine.get() + 1)).is_ok()))
        });
        let host = spawn({
            let gate = gate.clone();
            move || {
                // Without waiting: loom knows no time. Where a callback is inside, the model below has the rest.
                let engine = gate.close(Duration::ZERO)?;
                let blocks = engine.get();
                engine.set(-1);
                assert!(gate.enter((), |_, ()| ()).is_err(), "in after it was closed");
                Some(blocks)
            }
        });
        let ran: i64 = callbacks.into_iter().map(|callback| callback.join().unwrap()).sum();
        if let Some(blocks) = host.join().unwrap() {
            assert_eq!(blocks, ran, "blocks of the engine that the host was given");
        }
    });
}

#[test]
fn gate_gives_up_a_callback_that_does_not_leave() {
    model(3, || {
        let gate = Arc::new(Gate::<Arc<Plain>>::default());
        let memory = Plain::new();
        gate.open(Box::new(memory.clone()));
        let callback = spawn({
            let gate = gate.clone();
            move || gate.enter((), |engine, ()| engine.set(1)).is_ok()
        });
        let host = spawn({
            let gate = gate.clone();
            move || gate.close(Duration::ZERO).is_some()
        });
        let (ran, closed) = (callback.join().unwrap(), host.join().unwrap());
        drop(gate);
        assert!(ran || closed);
        // The host's copy, and that of an engine that was left behind.
        assert_eq!(Arc::strong_count(&memory), if closed { 1 } else { 2 });
    });
}

#[test]
fn a_batch_is_taken_whole() {
    model(3, || {
        let (mut host, mut callback) = queues(2);
        let taken = Arc::new(AtomicI64::new(0));
        let host_side = spawn(move || {
            let commands = [1, 2].map(|n| Command::Control(ActionId::new(n, 0)));
            host.send_all(commands.into_iter());
        });
        let callback_side = spawn({
            let taken = taken.clone();
            move || {
                // One callback.
                if callback.take().is_some() {
                    assert!(callback.take().is_some(), "half a batch");
                    taken.store(2, Ordering::Relaxed);
                }
                callback
            }
        });
        host_side.join().unwrap();
        let mut callback = callback_side.join().unwrap();
        let rest = std::iter::from_fn(|| callback.take()).count() as i64;
        assert_eq!(rest + taken.load(Ordering::Relaxed), 2);
    });
}
