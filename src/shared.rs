//! What the host and the callback both see: atomics only, allocated when the stream is opened.

use std::sync::Arc;

use crate::action::{ActionId, When};
use crate::mailbox::Mailbox;
use crate::memory::Ranges;
use crate::realtime::clock::{Fit, Stamps};
use crate::realtime::crossing::Crossing;
use crate::realtime::work::STEPS;
use crate::receipt::{ActionState, GainChange, LatencySource, Missing, NONE, Pauses, Reason};
use crate::request::{Cancels, Control, SetGain, Sweep, TURNS, Turn};
use crate::seqlock::Seqlock;
use crate::sync::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, Ordering};

/// One action's place. The host gives it out and takes it back; while an action is in it, the callback
/// publishes the action's state here.
#[derive(Debug)]
pub struct Slot {
    state: AtomicI32,
    start_frame: AtomicI64,
    start_host_ns: AtomicI64,
    uncertainty_ns: AtomicI64,
    end_frame: AtomicI64,
    done_frames: AtomicI64,
    missing_frames: AtomicI64,
    first_missing_frame: AtomicI64,
    monitor_latency_ns: AtomicI64,
    detected_frame: AtomicI64,
    detected_host_ns: AtomicI64,
    detected_reason: AtomicI32,
    cancels: Mailbox<8>,
    gain: Mailbox<4>,
    turns: [Mailbox<5>; TURNS],
    /// A start that replaces the one it was issued with.
    start: Mailbox<2>,
    /// From the callback: the last of those that it has taken in time.
    new_start: Mailbox<2>,
    paused_frame: AtomicI64,
    resumed_frame: AtomicI64,
    paused_frames: AtomicI64,
    seek_frame: AtomicI64,
    gain_frame: AtomicI64,
    gain_reached: AtomicU64,
    control_queued: AtomicBool,
}

/// A slot's state as of one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Pending, started or ended.
    pub state: ActionState,
    /// First frame, or [`NONE`].
    pub start_frame: i64,
    /// Its host time, or [`NONE`].
    pub start_host_ns: i64,
    /// Uncertainty of that time, or [`NONE`].
    pub uncertainty_ns: i64,
    /// The frame after the last one as far as it is known, or [`NONE`].
    pub end_frame: i64,
    /// Frames played, recorded or listened to.
    pub done_frames: i64,
    /// Frames that were not there in time, or could not be kept.
    pub missing: Missing,
    /// From input to output of a monitor, or [`NONE`].
    pub monitor_latency_ns: i64,
    /// The onset that a detector found, or [`NONE`].
    pub detected_frame: i64,
    /// Its host time, or [`NONE`].
    pub detected_host_ns: i64,
    /// Why a detector has found that, or nothing, so far.
    pub detected_reason: Reason,
    /// The last change of its gain.
    pub gain: GainChange,
    /// Where it stood still.
    pub pauses: Pauses,
    /// Where it last went elsewhere in its sound, or [`NONE`].
    pub seek_frame: i64,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            state: AtomicI32::new(ActionState::Pending as i32),
            start_frame: AtomicI64::new(NONE),
            start_host_ns: AtomicI64::new(NONE),
            uncertainty_ns: AtomicI64::new(NONE),
            end_frame: AtomicI64::new(NONE),
            done_frames: AtomicI64::new(0),
            missing_frames: AtomicI64::new(0),
            first_missing_frame: AtomicI64::new(NONE),
            monitor_latency_ns: AtomicI64::new(NONE),
            detected_frame: AtomicI64::new(NONE),
            detected_host_ns: AtomicI64::new(NONE),
            detected_reason: AtomicI32::new(Reason::None as i32),
            cancels: Mailbox::default(),
            gain: Mailbox::default(),
            turns: Default::default(),
            start: Mailbox::default(),
            new_start: Mailbox::default(),
            paused_frame: AtomicI64::new(NONE),
            resumed_frame: AtomicI64::new(NONE),
            paused_frames: AtomicI64::new(0),
            seek_frame: AtomicI64::new(NONE),
            gain_frame: AtomicI64::new(NONE),
            gain_reached: AtomicU64::new(1f64.to_bits()),
            control_queued: AtomicBool::new(false),
        }
    }
}

impl Slot {
    /// Makes the slot ready for a new action. Host, before the action is queued.
    pub fn reset(&self) {
        // Relaxed throughout: the queue's release publishes these to the callback.
        self.state.store(ActionState::Pending as i32, Ordering::Relaxed);
        self.start_frame.store(NONE, Ordering::Relaxed);
        self.start_host_ns.store(NONE, Ordering::Relaxed);
        self.uncertainty_ns.store(NONE, Ordering::Relaxed);
        self.end_frame.store(NONE, Ordering::Relaxed);
        self.done_frames.store(0, Ordering::Relaxed);
        self.publish_missing(Missing::default());
        self.monitor_latency_ns.store(NONE, Ordering::Relaxed);
        self.detected_frame.store(NONE, Ordering::Relaxed);
        self.detected_host_ns.store(NONE, Ordering::Relaxed);
        self.detected_reason.store(Reason::None as i32, Ordering::Relaxed);
        self.gain_frame.store(NONE, Ordering::Relaxed);
        self.gain_reached.store(1f64.to_bits(), Ordering::Relaxed);
        self.cancels.take();
        self.gain.take();
        self.turns.iter().for_each(|turn| _ = turn.take());
        self.start.take();
        self.new_start.take();
        self.paused_frame.store(NONE, Ordering::Relaxed);
        self.resumed_frame.store(NONE, Ordering::Relaxed);
        self.paused_frames.store(0, Ordering::Relaxed);
        self.seek_frame.store(NONE, Ordering::Relaxed);
        self.control_queued.store(false, Ordering::Relaxed);
    }

    /// Publishes the start. Callback.
    pub fn publish_start(&self, frame: i64, host_ns: i64, uncertainty_ns: i64, end_frame: i64) {
        self.start_frame.store(frame, Ordering::Relaxed);
        self.start_host_ns.store(host_ns, Ordering::Relaxed);
        self.uncertainty_ns.store(uncertainty_ns, Ordering::Relaxed);
        self.end_frame.store(end_frame, Ordering::Relaxed);
        // Release: whoever sees the state sees the values above.
        self.state.store(ActionState::Started as i32, Ordering::Release);
    }

    /// Publishes that a detector listens; its state stays pending until it has found something. Callback.
    pub fn publish_listening(&self, frame: i64, host_ns: i64, uncertainty_ns: i64) {
        // Relaxed: single values.
        self.start_frame.store(frame, Ordering::Relaxed);
        self.start_host_ns.store(host_ns, Ordering::Relaxed);
        self.uncertainty_ns.store(uncertainty_ns, Ordering::Relaxed);
    }

    /// Publishes the onset that a detector found. Callback.
    pub fn publish_detected(&self, frame: i64, host_ns: i64) {
        self.detected_frame.store(frame, Ordering::Relaxed);
        self.detected_host_ns.store(host_ns, Ordering::Relaxed);
        // Release: whoever sees the state sees the values above.
        self.state.store(ActionState::Started as i32, Ordering::Release);
    }

    /// Publishes why a detector has found an onset, or none, so far. Callback.
    pub fn publish_reason(&self, reason: Reason) {
        // Relaxed: a single value.
        self.detected_reason.store(reason as i32, Ordering::Relaxed);
    }

    /// Publishes a changed end. Callback.
    pub fn publish_end(&self, end_frame: i64) {
        // Relaxed: a single value.
        self.end_frame.store(end_frame, Ordering::Relaxed);
    }

    /// Publishes the frames done and those that were missing. Callback.
    pub fn publish_done(&self, frames: i64, missing: Missing) {
        // Relaxed: a single value; recorded samples are published by their buffer or ring.
        self.done_frames.store(frames, Ordering::Relaxed);
        if missing != Missing::default() {
            self.publish_missing(missing);
        }
    }

    /// Publishes the frames that were missing. Callback.
    pub fn publish_missing(&self, missing: Missing) {
        // Relaxed: whoever sees one without the other is a chunk early.
        self.missing_frames.store(missing.frames, Ordering::Relaxed);
        self.first_missing_frame.store(missing.first_frame, Ordering::Relaxed);
    }

    /// Publishes how much later than the input a monitor is. Callback.
    pub fn publish_monitor_latency(&self, latency_ns: i64) {
        // Relaxed: a single value.
        self.monitor_latency_ns.store(latency_ns, Ordering::Relaxed);
    }

    /// Publishes that the action has ended; its report follows. Callback.
    pub fn publish_ended(&self) {
        // Release: whoever sees the state sees the last values.
        self.state.store(ActionState::Ended as i32, Ordering::Release);
    }

    /// What is known now. Any thread.
    pub fn progress(&self) -> Progress {
        // Acquire pairs with the Release stores of the state.
        let state = match self.state.load(Ordering::Acquire) {
            1 => ActionState::Pending,
            2 => ActionState::Started,
            3 => ActionState::Paused,
            _ => ActionState::Ended,
        };
        // Both or none: while the state is pending they may be just being written.
        let found = |value: &AtomicI64| match state {
            ActionState::Pending => NONE,
            _ => value.load(Ordering::Relaxed),
        };
        let reason = match Reason::from_number(self.detected_reason.load(Ordering::Relaxed)) {
            // Written a moment before the state: the onset is not to be told yet.
            Reason::Found if state == ActionState::Pending => Reason::TooShort,
            reason => reason,
        };
        Progress {
            state,
            start_frame: self.start_frame.load(Ordering::Relaxed),
            start_host_ns: self.start_host_ns.load(Ordering::Relaxed),
            uncertainty_ns: self.uncertainty_ns.load(Ordering::Relaxed),
            end_frame: self.end_frame.load(Ordering::Relaxed),
            done_frames: self.done_frames.load(Ordering::Relaxed),
            missing: Missing {
                frames: self.missing_frames.load(Ordering::Relaxed),
                first_frame: self.first_missing_frame.load(Ordering::Relaxed),
            },
            monitor_latency_ns: self.monitor_latency_ns.load(Ordering::Relaxed),
            detected_frame: found(&self.detected_frame),
            detected_host_ns: found(&self.detected_host_ns),
            detected_reason: reason,
            gain: GainChange {
                frame: self.gain_frame.load(Ordering::Relaxed),
                gain: f64::from_bits(self.gain_reached.load(Ordering::Relaxed)),
            },
            pauses: Pauses {
                frame: self.paused_frame.load(Ordering::Relaxed),
                resumed_frame: self.resumed_frame.load(Ordering::Relaxed),
                frames: self.paused_frames.load(Ordering::Relaxed),
            },
            seek_frame: self.seek_frame.load(Ordering::Relaxed),
        }
    }

    /// Publishes a change of the gain. Callback.
    pub fn publish_gain(&self, change: GainChange) {
        // Relaxed: whoever sees one without the other is a moment early.
        self.gain_frame.store(change.frame, Ordering::Relaxed);
        self.gain_reached.store(change.gain.to_bits(), Ordering::Relaxed);
    }

    /// Publishes that it stands still from a frame on, or goes on from one. Callback.
    pub fn publish_pauses(&self, pauses: Pauses, paused: bool) {
        self.paused_frame.store(pauses.frame, Ordering::Relaxed);
        self.resumed_frame.store(pauses.resumed_frame, Ordering::Relaxed);
        self.paused_frames.store(pauses.frames, Ordering::Relaxed);
        let state = if paused { ActionState::Paused } else { ActionState::Started };
        // Release: whoever sees the state sees the values above.
        self.state.store(state as i32, Ordering::Release);
    }

    /// Publishes that it went elsewhere in its sound. Callback.
    pub fn publish_seek(&self, frame: i64) {
        // Relaxed: a single value.
        self.seek_frame.store(frame, Ordering::Relaxed);
    }

    /// Publishes that it starts otherwise than it was issued. Callback.
    pub fn publish_new_start(&self, when: When) {
        self.new_start.put(when.to_words());
    }

    /// The start that it has now, if that is news. Host.
    pub fn new_start(&self) -> Option<When> {
        self.new_start.take().map(When::from_words)
    }

    /// Leaves the requests to end the action. Host, as all that leave a request.
    pub fn request_cancel(&self, cancels: Cancels) {
        self.cancels.put(cancels.to_words());
    }

    /// Leaves a request to change the gain.
    pub fn request_gain(&self, gain: SetGain) {
        self.gain.put(gain.to_words());
    }

    /// Leaves a request to go another way. Only for kinds that are a turn.
    pub fn request_turn(&self, control: Control, turn: Turn) {
        if let Some(mailbox) = self.turns.get(control.turn()) {
            mailbox.put(turn.to_words());
        }
    }

    /// Leaves a request to start at another time.
    pub fn request_start(&self, when: When) {
        self.start.put(when.to_words());
    }

    /// After requests were left: true if the callback must be told by a command. At most one is under way for a
    /// slot, so the queue has room for it by design. Host.
    pub fn announce(&self) -> bool {
        // AcqRel: orders the requests before the flag, against `hear` doing it the other way round.
        !self.control_queued.swap(true, Ordering::AcqRel)
    }

    /// Before requests are taken: one that comes from now on is announced anew. Callback.
    pub fn hear(&self) {
        // AcqRel: cleared before the mailboxes are read.
        self.control_queued.swap(false, Ordering::AcqRel);
    }

    /// Takes the requests to end the action. Callback, as all that take one.
    pub fn take_cancels(&self) -> Option<Cancels> {
        self.cancels.take().map(Cancels::from_words)
    }

    /// Takes the request for a turn.
    pub fn take_turn(&self, control: Control) -> Option<Turn> {
        self.turns.get(control.turn())?.take().map(Turn::from_words)
    }

    /// Takes the request to start at another time.
    pub fn take_start(&self) -> Option<When> {
        self.start.take().map(When::from_words)
    }

    /// Takes the request to change the gain.
    pub fn take_gain(&self) -> Option<SetGain> {
        self.gain.take().map(SetGain::from_words)
    }
}

/// Where a half of the stream is: published by the callback at each block, read by any thread.
#[derive(Debug, Default)]
pub struct HalfClock {
    words: Seqlock<10>,
}

/// A reading of a [`HalfClock`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Position {
    /// First frame of the last block.
    pub block_frame: i64,
    /// Frames of that block; 0 before the first one.
    pub block_frames: i64,
    /// MONOTONIC time at which its callback was entered; 0 if unknown.
    pub callback_ns: i64,
    /// From frames to MONOTONIC time at the converter, without the user's bias.
    pub fit: Fit,
    /// Where the latency in the fit comes from.
    pub latency_source: LatencySource,
}

impl Position {
    /// First frame of the block that comes next.
    pub fn next_frame(&self) -> i64 {
        self.block_frame + self.block_frames
    }
}

impl Position {
    fn from_words(words: [i64; 10]) -> Self {
        let [block_frame, block_frames, callback_ns, fit @ .., source] = words;
        let [frame, host_ns, ns_per_frame, uncertainty_ns, stamps, discontinuities] = fit;
        Self {
            block_frame,
            block_frames,
            callback_ns,
            fit: Fit {
                frame,
                host_ns,
                ns_per_frame: f64::from_bits(ns_per_frame as u64),
                uncertainty_ns,
                stamps: match stamps {
                    0 => Stamps::None,
                    1 => Stamps::Settling,
                    2 => Stamps::Usable,
                    3 => Stamps::Quantised,
                    _ => Stamps::Useless,
                },
                discontinuities: discontinuities as u64,
            },
            latency_source: LatencySource::from_number(source),
        }
    }
}

impl HalfClock {
    /// Publishes a block. Callback; wait-free.
    pub fn publish(&self, position: Position) {
        let fit = position.fit;
        self.words.publish([
            position.block_frame,
            position.block_frames,
            position.callback_ns,
            fit.frame,
            fit.host_ns,
            fit.ns_per_frame.to_bits() as i64,
            fit.uncertainty_ns,
            fit.stamps as i64,
            fit.discontinuities as i64,
            position.latency_source as i64,
        ]);
    }

    /// Reads the last block, once; `None` if it is just being written. Realtime-safe.
    pub fn try_read(&self) -> Option<Position> {
        self.words.try_read().map(Position::from_words)
    }

    /// Reads the last block, trying until it is whole. Host.
    pub fn read(&self) -> Position {
        if !self.words.is_written() {
            return Position::default();
        }
        loop {
            if let Some(position) = self.try_read() {
                return position;
            }
            std::thread::yield_now();
        }
    }
}

/// Latencies that the user has measured beyond what the backend reports, one for each direction.
#[derive(Debug, Default)]
pub struct Biases {
    output: Bias,
    input: Bias,
}

#[derive(Debug, Default)]
struct Bias {
    ns: AtomicI64,
    is_set: AtomicBool,
}

impl Biases {
    fn of(&self, plays: bool) -> &Bias {
        if plays { &self.output } else { &self.input }
    }

    /// States how much longer than reported the way of a direction is. Host.
    pub fn set(&self, plays: bool, ns: i64) {
        let bias = self.of(plays);
        // Relaxed, here and below: whoever sees one without the other is a block early or late.
        bias.ns.store(ns, Ordering::Relaxed);
        bias.is_set.store(true, Ordering::Relaxed);
    }

    /// How much longer the way is, or `None` where the user has not said.
    pub fn get(&self, plays: bool) -> Option<i64> {
        let bias = self.of(plays);
        bias.is_set.load(Ordering::Relaxed).then(|| bias.ns.load(Ordering::Relaxed))
    }

    /// What is added to a reported time at the converter: sound leaves later, and came in earlier.
    pub fn correction_ns(&self, plays: bool) -> i64 {
        let ns = self.get(plays).unwrap_or(0);
        if plays { ns } else { -ns }
    }
}

/// Counts that only grow.
#[derive(Debug, Default)]
pub struct Counters {
    /// Callbacks so far.
    pub callbacks: AtomicU64,
    /// Largest block so far.
    pub largest_block: AtomicU64,
    /// Output underflows.
    pub output_xruns: AtomicU64,
    /// Input overflows.
    pub input_xruns: AtomicU64,
    /// Steps found in the stamps of the output.
    pub output_discontinuities: AtomicU64,
    /// Steps found in the stamps of the input.
    pub input_discontinuities: AtomicU64,
    /// Output samples limited by the guard.
    pub clipped: AtomicU64,
    /// Samples that were not finite, on either side.
    pub nonfinite: AtomicU64,
}

/// One callback thread's side of what is shared.
#[derive(Debug, Default)]
pub struct ThreadShared {
    /// Everything issued so far is to be cancelled.
    pub cancel_all: Mailbox<2>,
    /// Everything issued so far is to be ended because the stream stops.
    pub stop_all: Mailbox<2>,
    /// Master gain.
    pub gain: Mailbox<4>,
    /// Actions that play, record or listen.
    pub sounding: AtomicU64,
    /// Most steps of each kind that one callback took.
    pub most_steps: [AtomicU64; STEPS],
    /// Stop requests that were carried out.
    pub stops_taken: AtomicU64,
    /// Requests that wait for a host time that may be of REALTIME: the host then keeps the offset fresh.
    pub realtime_waiting: AtomicU64,
}

impl ThreadShared {
    /// Leaves a request to cancel everything. Of requests that one callback takes, the shortest fade counts:
    /// what was issued between them has not started and has nothing to fade. Host.
    pub fn request_cancel_all(&self, sweep: Sweep) {
        let waiting = self.cancel_all.put(sweep.to_words()).map(Sweep::from_words);
        if let Some(Sweep { fade_frames, .. }) = waiting.filter(|other| other.fade_frames < sweep.fade_frames)
        {
            self.cancel_all.put(Sweep { fade_frames, ..sweep }.to_words());
        }
    }

    /// Leaves a request to end everything because the stream stops. Host.
    pub fn request_stop_all(&self, sweep: Sweep) {
        self.stop_all.put(sweep.to_words());
    }

    /// Leaves a request to change the master gain. Host.
    pub fn request_gain(&self, gain: SetGain) {
        self.gain.put(gain.to_words());
    }
}

/// All that a stream's threads share.
#[derive(Debug)]
pub struct Shared {
    /// One for each action that can live at a time.
    pub slots: Box<[Slot]>,
    /// The playback half.
    pub playback: HalfClock,
    /// The capture half.
    pub capture: HalfClock,
    /// Counts of the stream.
    pub counters: Counters,
    /// What the user knows of the latencies beyond what is reported.
    pub biases: Biases,
    /// Where input crosses to the playback half, if each has a callback of its own.
    pub crossing: Option<Arc<Crossing>>,
    /// REALTIME minus MONOTONIC as last read by the host.
    pub realtime_offset_ns: AtomicI64,
    /// The callback thread of the playback half, or the only one.
    pub first: ThreadShared,
    /// The callback thread of a capture half of its own.
    pub second: ThreadShared,
}

impl Shared {
    /// For `slots` actions.
    pub fn new(slots: usize, crossing: Option<Arc<Crossing>>) -> Self {
        Self {
            slots: (0..slots).map(|_| Slot::default()).collect(),
            playback: HalfClock::default(),
            capture: HalfClock::default(),
            counters: Counters::default(),
            biases: Biases::default(),
            crossing,
            realtime_offset_ns: AtomicI64::new(0),
            first: ThreadShared::default(),
            second: ThreadShared::default(),
        }
    }

    /// Adds itself and what it holds.
    pub fn add_memory(&self, ranges: &mut Ranges) {
        ranges.add(self);
        ranges.add(&self.slots[..]);
        if let Some(crossing) = &self.crossing {
            crossing.add_memory(ranges);
        }
    }

    /// The slot of an action.
    pub fn slot(&self, id: ActionId) -> &Slot {
        &self.slots[id.slot() as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_never_read_half_written() {
        const TIMES: i64 = if cfg!(miri) { 100 } else { 300_000 };
        let clock = HalfClock::default();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 1..=TIMES {
                    clock.publish(Position {
                        block_frame: n,
                        block_frames: n,
                        callback_ns: n,
                        fit: Fit { frame: n, host_ns: n, uncertainty_ns: n, ..Fit::default() },
                        latency_source: LatencySource::Reported,
                    });
                }
            });
            let mut last = 0;
            while last < TIMES {
                let p = clock.read();
                assert!([p.block_frames, p.callback_ns, p.fit.host_ns] == [p.block_frame; 3], "{p:?}");
                assert!(p.block_frame >= last);
                last = p.block_frame;
            }
        });
    }

    #[test]
    fn one_announcement_is_under_way_for_a_slot_at_most() {
        let slot = Slot::default();
        let cancel = |frame| Cancels::default().with(When::Frame(frame), 0);
        let gain = SetGain { when: When::Now, gain: 0.5, ramp_frames: 3 };
        slot.request_cancel(cancel(1));
        assert!(slot.announce());
        slot.request_gain(SetGain { gain: 0.25, ..gain });
        assert!(!slot.announce());
        slot.request_cancel(cancel(2));
        slot.request_gain(gain);
        assert!(!slot.announce());
        slot.hear();
        assert_eq!((slot.take_cancels(), slot.take_gain()), (Some(cancel(2)), Some(gain)));
        assert_eq!((slot.take_cancels(), slot.take_gain()), (None, None));
        slot.request_gain(gain);
        assert!(slot.announce());
    }
}
