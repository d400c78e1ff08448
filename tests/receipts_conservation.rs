//! As many receipts as actions: none lost, none doubled, whatever happens to them.

mod bustle;

use std::collections::HashSet;

use bustle::{Bustle, CHANNELS, process, running};
use sonset::action::ActionId;
use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::receipt::Outcome;
use sonset::stream::{PlayParams, RecordParams, StartAt, Stream, Timing};

const ACTIONS: usize = 1_000_000;
const POOL: u32 = 64;

/// Polls all receipts that wait into `seen`.
fn poll(stream: &Stream, seen: &mut HashSet<i64>) {
    while let Ok(receipt) = stream.poll_receipt() {
        assert!(receipt.outcome.is_some());
        assert!(seen.insert(receipt.asked.action), "a second receipt of {}", receipt.asked.action);
    }
}

#[test]
fn a_million_random_actions_through_a_pool_of_64_give_a_million_receipts() {
    let stream = running(POOL, "");
    let mut bustle = Bustle::new(0xACE);
    let input = vec![0.1; CHANNELS * 32];
    let mut output = vec![0.0; CHANNELS * 32];
    let (mut frame, mut full) = (0i64, 0u64);
    let mut seen = HashSet::new();
    while bustle.issued.len() < ACTIONS {
        for _ in 0..20 {
            full += (stream.stats().free_actions == 0) as u64;
            bustle.command(&stream, frame);
        }
        let frames = 1 + bustle.random.below(32) as usize;
        process(&stream, &input[..CHANNELS * frames], &mut output[..CHANNELS * frames]);
        frame += frames as i64;
        poll(&stream, &mut seen);
    }
    stream.close();
    poll(&stream, &mut seen);
    let issued: HashSet<i64> = bustle.issued.iter().copied().collect();
    assert_eq!(issued.len(), bustle.issued.len(), "an id was given out twice");
    assert_eq!(seen.len(), issued.len());
    assert_eq!(seen, issued);
    assert!(full > 1_000, "the pool was full only {full} times");
    let slots: HashSet<u32> =
        issued.iter().filter_map(|&id| ActionId::from_value(id)).map(ActionId::slot).collect();
    assert_eq!(slots.len(), POOL as usize, "every slot was used, none beyond the pool");
    assert_eq!(stream.stats().receipts_dropped, 0);
}

fn far_ahead() -> Timing {
    Timing { start: StartAt::Frame(1 << 40), ..Timing::default() }
}

/// A stream whose pool and command queue are full: nothing has been processed.
fn full() -> (Stream, Vec<i64>) {
    let stream = running(POOL, "");
    let sound = Buffer::zeros(10, 2, 0).unwrap();
    let params = PlayParams { timing: far_ahead(), ..PlayParams::default() };
    let play = |_| stream.play_buffer(&sound, None, None, &params).unwrap();
    let actions = (0..POOL).map(play).collect();
    (stream, actions)
}

#[test]
fn a_full_pool_is_an_error_that_changes_nothing() {
    let (stream, actions) = full();
    let before = stream.stats();
    assert_eq!((before.free_actions, before.live_actions), (0, POOL as u64));
    let fresh = Buffer::zeros(10, 2, 0).unwrap();
    let play = stream.play_buffer(&fresh, None, None, &PlayParams::default()).unwrap_err();
    let record = stream.record_buffer(&fresh, None, &RecordParams::default()).unwrap_err();
    assert_eq!((play.code, record.code), (Code::PoolFull, Code::PoolFull));
    assert!(play.message.contains("64"), "{play}");
    assert_eq!(stream.stats(), before);
    fresh.claim_for_recording().expect("neither fixed nor being recorded into");
    stream.cancel(actions[0], None, 0).unwrap();
    process(&stream, &[], &mut []);
    stream.play_buffer(&fresh, None, None, &PlayParams::default()).expect("one place is free again");
}

#[test]
fn cancel_and_cancel_all_work_when_pool_and_queue_are_full() {
    let (stream, actions) = full();
    for round in 0..100 {
        for &action in &actions {
            stream.cancel(action, Some((1 << 39) - round), 0).unwrap();
        }
        stream.cancel_all(0).unwrap();
    }
    process(&stream, &[], &mut []);
    for action in actions {
        assert_eq!(stream.action(action).unwrap().outcome, Some(Outcome::Cancelled));
    }
    assert_eq!(stream.stats().free_actions, POOL as u64);
}

#[test]
fn a_cancel_of_each_action_in_a_full_pool_ends_each_in_one_callback() {
    let (stream, actions) = full();
    for &action in actions.iter().rev() {
        stream.cancel(action, None, 0).unwrap();
    }
    process(&stream, &[], &mut []);
    let mut seen = HashSet::new();
    poll(&stream, &mut seen);
    assert_eq!(seen, actions.into_iter().collect());
}
