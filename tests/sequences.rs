//! Chains of sounds: gapless, appended to while they play, and without copies of what they share.

mod bustle;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use bustle::{CHANNELS, Random, process, running};
use sonset::action::{AfterPolicy, LatePolicy};
use sonset::buffer::Buffer;
use sonset::error::Code;
use sonset::receipt::{Outcome, Receipt};
use sonset::stream::{PlayParams, StartAt, Stream, Timing};

thread_local! {
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, which adds up what a thread asks for.
struct Adding;

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Adding {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.set(BYTES.get() + layout.size());
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Adding = Adding;

fn after(action: i64, offset: i64) -> Timing {
    Timing { start: StartAt::After { action, offset }, ..Timing::default() }
}

fn at(frame: i64) -> Timing {
    Timing { start: StartAt::Frame(frame), ..Timing::default() }
}

/// Plays a part of `sound`.
fn play(stream: &Stream, sound: &Arc<Buffer>, first_frame: i64, frames: i64, timing: Timing) -> i64 {
    let params = PlayParams { timing, first_frame, frame_count: Some(frames), ..PlayParams::default() };
    stream.play_buffer(sound, Some(&[1]), None, &params).unwrap()
}

/// A sound whose every sample tells which it is.
fn counting(frames: i64) -> Arc<Buffer> {
    let samples: Vec<f32> = (1..=frames).map(|n| n as f32 / 1_048_576.0).collect();
    Buffer::copy(&samples, frames, 1, 0).unwrap()
}

/// The next `frames` frames of channel 1.
fn render(stream: &Stream, frames: usize) -> Vec<f32> {
    let mut output = vec![0.0; CHANNELS * frames];
    process(stream, &vec![0.0; CHANNELS * frames], &mut output);
    output.into_iter().step_by(CHANNELS).collect()
}

fn receipt(stream: &Stream, action: i64) -> Receipt {
    stream.action(action).unwrap()
}

#[test]
fn a_chain_of_ten_thousand_links_has_no_gap() {
    const LINKS: i64 = 10_000;
    let stream = running(10_001, "");
    let mut random = Random(3);
    let sound = counting(LINKS * 9);
    let (mut total, mut last) = (0, None);
    for _ in 0..LINKS {
        let frames = 1 + random.below(9);
        let timing = last.map_or(at(5_000), |action| after(action, 0));
        last = Some(play(&stream, &sound, total, frames, timing));
        total += frames;
    }
    let mut heard = Vec::new();
    while (heard.len() as i64) < 5_000 + total + 100 {
        heard.extend(render(&stream, 1 + random.below(400) as usize));
    }
    for (frame, &sample) in (0..).zip(&heard) {
        let n = frame - 5_000;
        let wanted = if (0..total).contains(&n) { (n + 1) as f32 / 1_048_576.0 } else { 0.0 };
        assert_eq!(sample, wanted, "frame {frame}");
    }
}

#[test]
fn what_is_appended_while_the_queue_plays_follows_without_a_gap_or_as_its_late_policy_says() {
    let (mut gapless, mut late_ones) = (0, 0);
    for seed in 1..=300 {
        let stream = running(64, "");
        let mut random = Random(seed);
        let sound = counting(1_000);
        let mut frame = 0;
        let mut last = play(&stream, &sound, 0, 300, Timing::default());
        let (mut end, mut lates) = (300, vec![(last, 0)]);
        for _ in 0..20 {
            let frames = 1 + random.below(500);
            render(&stream, frames as usize);
            frame += frames;
            let late = [LatePolicy::Play, LatePolicy::Skip][random.below(2) as usize];
            let length = 100 + random.below(900);
            let next = play(&stream, &sound, 0, length, Timing { late, ..after(last, 0) });
            let by = (frame - end).max(0);
            let skip = if late == LatePolicy::Skip { by } else { 0 };
            let heard = render(&stream, 1);
            let Receipt { outcome, measured, .. } = receipt(&stream, next);
            if skip >= length {
                assert_eq!(outcome, Some(Outcome::DroppedLate));
                break;
            }
            if by > 0 {
                assert_eq!(measured.start_frame, frame);
                assert_eq!(heard[0], (skip + 1) as f32 / 1_048_576.0);
                late_ones += 1;
            } else {
                gapless += 1;
            }
            frame += 1;
            let start = end.max(frame - 1);
            end = start + length - skip;
            last = next;
            lates.push((next, by));
        }
        // The last one is at the end of a row in which each began where the one before had ended.
        render(&stream, 20_000);
        let measured = receipt(&stream, last).measured;
        assert_eq!(measured.end_frame, end, "seed {seed}");
        for (action, by) in lates {
            assert_eq!(receipt(&stream, action).measured.late_frames, by, "seed {seed}");
        }
    }
    assert!(gapless > 500 && late_ones > 100, "{gapless} without a gap, {late_ones} late");
}

#[test]
fn what_follows_an_action_that_did_not_complete_fails_or_starts_at_its_end() {
    type Spoil = fn(&Stream, &Arc<Buffer>) -> (i64, i64);
    let cancelled: Spoil = |stream, sound| {
        let action = play(stream, sound, 0, 100, at(900));
        stream.cancel(action, None, -1).unwrap();
        (action, 200)
    };
    let stopped: Spoil = |stream, sound| {
        let action = play(stream, sound, 0, 500, Timing::default());
        stream.cancel(action, Some(350), -1).unwrap();
        (action, 350)
    };
    let dropped: Spoil =
        |stream, sound| (play(stream, sound, 0, 100, Timing { late: LatePolicy::Drop, ..at(10) }), 200);
    let failed: Spoil = |stream, sound| {
        let action = play(stream, sound, 0, 100, at(900));
        let next = play(stream, sound, 0, 100, after(action, 0));
        stream.cancel(action, None, -1).unwrap();
        (next, 200)
    };
    for spoil in [cancelled, stopped, dropped, failed] {
        let stream = running(16, "");
        let sound = counting(1_000);
        render(&stream, 200);
        let (before, end) = spoil(&stream, &sound);
        let strict = play(&stream, &sound, 0, 10, after(before, 20));
        let any = Timing { after: AfterPolicy::AnyEnd, ..after(before, 20) };
        let any = play(&stream, &sound, 0, 10, any);
        render(&stream, 2_000);
        let first = receipt(&stream, before);
        assert!(first.outcome != Some(Outcome::Completed) && first.measured.end_frame == end, "{first:?}");
        assert_eq!(receipt(&stream, strict).outcome, Some(Outcome::Predecessor));
        let any = receipt(&stream, any);
        assert_eq!((any.outcome, any.measured.start_frame), (Some(Outcome::Completed), end + 20));
    }
}

#[test]
fn what_lies_in_an_open_batch_can_be_followed_in_that_batch_only_until_it_is_committed() {
    let stream = running(8, "");
    let sound = counting(100);
    let (own, other) = (stream.begin_batch().unwrap(), stream.begin_batch().unwrap());
    let first = play(&stream, &sound, 0, 100, Timing { batch: own, ..at(50) });
    for batch in [0, other] {
        let params = PlayParams { timing: Timing { batch, ..after(first, 0) }, ..PlayParams::default() };
        let error = stream.play_buffer(&sound, Some(&[1]), None, &params).unwrap_err();
        assert!(error.code == Code::InvalidState && error.message.contains(&own.to_string()), "{error:?}");
    }
    assert_eq!(stream.stats().live_actions, 1, "what is refused leaves nothing");
    let second = play(&stream, &sound, 0, 100, Timing { batch: own, ..after(first, 0) });
    stream.commit_batch(own).unwrap();
    let third = play(&stream, &sound, 0, 100, after(second, 0));
    stream.discard_batch(other).unwrap();
    render(&stream, 500);
    let starts = [first, second, third].map(|action| receipt(&stream, action).measured.start_frame);
    assert_eq!(starts, [50, 150, 250]);
}

#[test]
fn a_buffer_that_is_played_a_thousand_times_is_there_once() {
    let stream = running(1_024, "");
    let sound = counting(1 << 20);
    let before = BYTES.get();
    let mut last = play(&stream, &sound, 0, 1 << 20, Timing::default());
    for _ in 0..999 {
        last = play(&stream, &sound, 0, 1 << 20, after(last, 0));
    }
    let params = PlayParams { loop_count: 1_000, ..PlayParams::default() };
    stream.play_buffer(&sound, None, None, &params).unwrap();
    let bytes = BYTES.get() - before;
    assert!(bytes < 1 << 20, "{bytes} bytes for 1001 plays of a buffer of {} bytes", 4 << 20);
}

#[test]
fn a_sound_whose_start_comes_to_lie_behind_its_stop_is_told_apart_from_a_late_one() {
    let stream = running(8, "");
    let sound = counting(1_000);
    let stopping = |timing: Timing, stop: i64| {
        let params = PlayParams { timing, stop_frame: Some(stop), ..PlayParams::default() };
        stream.play_buffer(&sound, Some(&[1]), None, &params).unwrap()
    };
    let first = play(&stream, &sound, 0, 500, at(100));
    let (behind, just_behind) = (stopping(after(first, 0), 550), stopping(after(first, 0), 600));
    let just_before = stopping(after(first, 0), 601);
    let moved = stopping(at(200), 700);
    stream.reschedule(moved, Some(700)).unwrap();
    render(&stream, 1_000);
    for (action, requested) in [(behind, 600), (just_behind, 600), (moved, 700)] {
        let Receipt { outcome, measured, .. } = receipt(&stream, action);
        assert_eq!(outcome, Some(Outcome::StopBeforeStart));
        assert_eq!((measured.start_frame, measured.late_frames, measured.done_frames), (-1, 0, 0));
        assert_eq!(receipt(&stream, action).requested_frame(), Some(requested));
    }
    let Receipt { outcome, measured, .. } = receipt(&stream, just_before);
    assert_eq!((outcome, measured.done_frames), (Some(Outcome::Completed), 1));
    // What would have sounded in time is late, and not behind its stop.
    let late = stopping(at(900), 950);
    let both = stopping(after(first, 0), 550);
    render(&stream, 100);
    let Receipt { outcome, measured, .. } = receipt(&stream, late);
    assert_eq!((outcome, measured.late_frames), (Some(Outcome::DroppedLate), 100));
    let Receipt { outcome, measured, .. } = receipt(&stream, both);
    assert_eq!((outcome, measured.late_frames), (Some(Outcome::StopBeforeStart), 0), "it was so in time too");
    let follower = play(&stream, &sound, 0, 10, after(late, 0));
    render(&stream, 100);
    assert_eq!(receipt(&stream, follower).outcome, Some(Outcome::Predecessor));
}
