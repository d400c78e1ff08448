//! The loop that calls the engine when its blocks are due. Once it runs it does not allocate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::faults::Faults;
use super::wire::Wire;
use super::{BlockTime, Notices, Setup};
use crate::clock;

/// The least time between two wake-ups: blocks that are shorter are run several at a time.
const LEAST_SLEEP_NS: i64 = 1_000_000;

/// What is called for each block; samples are interleaved, and a side without channels is empty.
pub trait Sink: Send + 'static {
    /// Reads `input` and writes all of `output`.
    fn block(&mut self, input: &[f32], output: &mut [f32], time: BlockTime);
}

/// All that the thread works on. It outlives the thread, so that frame numbers and the wire go on at the
/// next start.
pub struct Loop<S> {
    sink: S,
    notices: Arc<Notices>,
    timeline: Timeline,
    faults: Faults,
    /// Handed to the notices when the time comes.
    loss_reason: String,
    jitter: Jitter,
    wire: Wire,
    input: Vec<f32>,
    output: Vec<f32>,
    block_frames: i64,
    input_latency_frames: i64,
    output_latency_frames: i64,
    next_frame: i64,
}

impl<S: Sink> Loop<S> {
    /// A loop at frame 0.
    pub fn new(setup: &Setup, faults: Faults, sink: S, notices: Arc<Notices>) -> Self {
        Self {
            sink,
            notices,
            timeline: Timeline::new(setup.rate_hz, &faults),
            loss_reason: format!("the virtual device was lost at frame {}", faults.lose_at.unwrap_or(0)),
            jitter: Jitter { largest_ns: faults.jitter_ns, state: 0 },
            faults,
            wire: Wire::new(setup.outputs, setup.inputs, setup.latency_frames),
            input: vec![0.0; setup.inputs * setup.block_frames],
            output: vec![0.0; setup.outputs * setup.block_frames],
            block_frames: setup.block_frames as i64,
            input_latency_frames: setup.input_latency_frames(),
            output_latency_frames: setup.output_latency_frames(),
            next_frame: 0,
        }
    }

    /// Runs blocks as they come due until `stopping` or the planned loss. A late thread catches up.
    pub fn run(&mut self, stopping: &AtomicBool) {
        self.timeline.start(self.next_frame, clock::monotonic_ns());
        // Acquire pairs with the Release of whoever stops the loop.
        while !stopping.load(Ordering::Acquire) {
            let now = clock::monotonic_ns();
            let due = self.timeline.time_ns(self.next_frame);
            if due > now {
                let wake = due.max(now + LEAST_SLEEP_NS);
                thread::park_timeout(Duration::from_nanos((wake - now) as u64));
            } else if !self.due(stopping) {
                return;
            }
        }
    }

    /// Runs every block that is due by now. False once the device is lost.
    fn due(&mut self, stopping: &AtomicBool) -> bool {
        let now = clock::monotonic_ns();
        while self.timeline.time_ns(self.next_frame) <= now && !stopping.load(Ordering::Acquire) {
            self.fail_before_block(stopping);
            self.block();
            if self.faults.lose_at.is_some_and(|frame| frame < self.next_frame) {
                self.notices.lose(std::mem::take(&mut self.loss_reason));
                return false;
            }
        }
        true
    }

    /// One block: the wire's end into the engine, the engine's output into the wire.
    fn block(&mut self) {
        let time = self.stamps();
        self.wire.read(&mut self.input);
        self.sink.block(&self.input, &mut self.output, time);
        self.wire.write(&self.output, self.block_frames as usize);
        self.next_frame += self.block_frames;
    }

    fn stamps(&mut self) -> BlockTime {
        let (frame, error_ns) = (self.next_frame, self.jitter.next());
        let at = |frame| self.timeline.time_ns(frame);
        BlockTime {
            // A callback is never early.
            callback_ns: at(frame) + error_ns.abs(),
            output_ns: at(frame) + self.timeline.span_ns(self.output_latency_frames) + error_ns,
            input_ns: at(frame) - self.timeline.span_ns(self.input_latency_frames) + error_ns,
            ..BlockTime::default()
        }
    }

    /// The faults that are planned before the block that begins with the next frame. Each happens once.
    fn fail_before_block(&mut self, stopping: &AtomicBool) {
        let end = self.next_frame + self.block_frames;
        if self.faults.xrun_at.take_if(|frame| *frame < end).is_some() {
            self.notices.xrun();
        }
        if let Some((_, ms)) = self.faults.stall_ms_at.take_if(|(frame, _)| *frame < end) {
            stall(ms, stopping);
        }
    }
}

/// Stands still for `ms` milliseconds, or until `stopping`.
fn stall(ms: u64, stopping: &AtomicBool) {
    let end = clock::monotonic_ns() + ms as i64 * 1_000_000;
    while !stopping.load(Ordering::Acquire) {
        let left = end - clock::monotonic_ns();
        if left <= 0 {
            return;
        }
        thread::park_timeout(Duration::from_nanos(left as u64));
    }
}

/// When frames are due. Integers throughout, so that a frame hours away is as exact as the first.
#[derive(Debug)]
struct Timeline {
    rate_hz: i128,
    /// Billionths of the nominal rate at which the clock really runs.
    speed_ppb: i128,
    /// The frame of a slip, which may never come, and by how much.
    slip_at: (i64, i64),
    origin_frame: i64,
    origin_ns: i64,
}

const BILLION: i128 = 1_000_000_000;

impl Timeline {
    fn new(rate_hz: u32, faults: &Faults) -> Self {
        Self {
            rate_hz: i128::from(rate_hz),
            speed_ppb: BILLION + i128::from(faults.rate_error_ppb),
            slip_at: faults.slip_at.unwrap_or((i64::MAX, 0)),
            origin_frame: 0,
            origin_ns: 0,
        }
    }

    /// Lets `frame` be now.
    fn start(&mut self, frame: i64, now_ns: i64) {
        (self.origin_frame, self.origin_ns) = (self.slipped(frame), now_ns);
    }

    /// When `frame` is due in MONOTONIC.
    fn time_ns(&self, frame: i64) -> i64 {
        self.origin_ns + self.span_ns(self.slipped(frame) - self.origin_frame)
    }

    /// How long `frames` frames last, to the nearest nanosecond.
    fn span_ns(&self, frames: i64) -> i64 {
        let divisor = self.rate_hz * self.speed_ppb;
        (i128::from(frames) * BILLION * BILLION + divisor / 2).div_euclid(divisor) as i64
    }

    fn slipped(&self, frame: i64) -> i64 {
        let (at, frames) = self.slip_at;
        if frame >= at { frame + frames } else { frame }
    }
}

/// Deterministic noise, the same in every run.
#[derive(Debug)]
struct Jitter {
    largest_ns: i64,
    state: u64,
}

impl Jitter {
    /// The next error, evenly spread over −largest..=largest.
    fn next(&mut self) -> i64 {
        // A Weyl sequence, mixed so that neighbours do not resemble each other.
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let spread = (mixed >> 32) as i64 * (2 * self.largest_ns + 1);
        (spread >> 32) - self.largest_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_exact_after_hours() {
        let mut timeline = Timeline::new(44_100, &Faults::default());
        timeline.start(0, 5);
        let ten_hours = 44_100 * 36_000;
        assert_eq!(timeline.time_ns(ten_hours), 36_000_000_000_000 + 5);
        assert_eq!(timeline.time_ns(1), 22_676 + 5);
        assert_eq!(timeline.time_ns(-1), -22_676 + 5);
    }

    #[test]
    fn a_fast_clock_reaches_frames_earlier() {
        let faults = Faults { rate_error_ppb: 1_000_000, ..Faults::default() };
        let timeline = Timeline::new(1_000, &faults);
        assert_eq!(timeline.time_ns(1_001_000), 1_000_000_000_000);
    }

    #[test]
    fn a_slip_steps_the_time_once() {
        let faults = Faults { slip_at: Some((100, 7)), ..Faults::default() };
        let mut timeline = Timeline::new(1_000, &faults);
        assert_eq!(timeline.time_ns(99), 99_000_000);
        assert_eq!(timeline.time_ns(100), 107_000_000);
        timeline.start(200, 0);
        assert_eq!(timeline.time_ns(201), 1_000_000);
    }

    #[test]
    fn jitter_stays_within_its_bounds_and_uses_them() {
        let mut jitter = Jitter { largest_ns: 1_000, state: 0 };
        let errors: Vec<i64> = (0..10_000).map(|_| jitter.next()).collect();
        assert!(errors.iter().all(|error| error.abs() <= 1_000));
        assert!(errors.iter().max() > Some(&990) && errors.iter().min() < Some(&-990));
        assert!(errors.iter().sum::<i64>().abs() < 10_000 * 30);
    }
}
