//! The engine: takes commands, starts what is due, mixes, records and listens, and reports what has ended.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::block::{BlockTime, Input, Output};
use super::clock::Fit;
use super::detect::Found;
use super::fpu::DefaultMode;
use super::half::{HalfParts, HalfTime};
use super::history::History;
use super::master::{self, Line, MasterGain};
use super::mix::{CHUNK_FRAMES, Mixer};
use super::record;
use super::schedule::{Due, Schedule};
use super::timed::Timed;
use super::track::{Ended, NO_SLOT, Phase, Snapshot, Track};
use crate::action::{
    Action, ActionId, AfterPolicy, Cancel, Cancels, Command, HostClock, HostTime, SetGain, Start, Sweep,
    When, Work,
};
use crate::queue::{COMMANDS_PER_CALLBACK, CallbackEnds};
use crate::receipt::{LatencySource, Measured, NONE, Outcome, Report};
use crate::shared::{HalfClock, Position, Shared, ThreadShared};

/// Makes the next block allocate, so that a test can see RealtimeSanitizer catch it.
#[cfg(sonset_rtsan)]
pub static PLANT_VIOLATION: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// No fade is decided on further ahead than this.
const MAX_FADE_FRAMES: i64 = 1 << 40;

/// Which callback thread an engine serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The only thread of its stream, with one or both halves.
    Only,
    /// The playback half, beside a capture half with a thread of its own.
    Playback,
    /// The capture half, beside a playback half with a thread of its own.
    Capture,
}

/// What an engine is made of.
pub struct Parts {
    /// What host and callback share.
    pub shared: Arc<Shared>,
    /// Its ends of the queues.
    pub queue: CallbackEnds,
    /// Which thread it serves.
    pub role: Role,
    /// Its output channels; empty without a playback half.
    pub lines: Box<[Line]>,
    /// Its input channels; 0 without a capture half.
    pub input_channels: usize,
    /// Rate in hertz.
    pub sample_rate_hz: u32,
    /// Input frames to keep for recordings that start in the past.
    pub history_frames: usize,
    /// What the playback half knows of its time, and what the capture half does; those it serves are used.
    pub halves: [HalfParts; 2],
}

/// Requests for a host time are decided on 1/100 s before the block in which they are due: a fit that wavers
/// from block to block then makes nothing late, and errs by nanoseconds in that time.
const DECISIONS_PER_S: i64 = 100;

/// All that one callback thread works with.
pub struct Engine {
    shared: Arc<Shared>,
    queue: CallbackEnds,
    role: Role,
    lines: Box<[Line]>,
    input_channels: usize,
    sample_rate_hz: u32,
    schedule: Schedule,
    /// Starts that wait for a host time.
    timed: Timed,
    /// Cancels that wait for a host time.
    timed_cancels: Timed,
    /// A change of the master gain that waits for a host time.
    timed_gain: Option<(HostTime, SetGain)>,
    playback: HalfTime,
    capture: HalfTime,
    history: History,
    tracks: Box<[Track]>,
    /// Slots above this were never used.
    slots_used: u32,
    /// Sounding slots, by start frame and sequence: the order in which they are added.
    playing: Vec<u32>,
    recording: Vec<u32>,
    /// Slots about to end, with how and where.
    ending: Vec<(u32, Outcome, i64)>,
    /// Reports of the chunk at hand, to be sent in the order in which the actions ended.
    reports: Vec<Report>,
    live: u64,
    /// How many of the live actions are detectors.
    detectors: u64,
    mixer: Option<Mixer>,
    gain: MasterGain,
    /// First frame of the block at hand.
    block: i64,
    /// The frame that is made next.
    frame: i64,
    /// The frame from which a start that becomes known now can be kept.
    now: i64,
    /// Whether the frame counter agrees with the other half's.
    anchored: bool,
    /// The first block of the playback half that a frame number may be taken from.
    anchor_from: i64,
    /// Actions with smaller issue numbers are not to start any more, and end like this.
    swept: [(u64, Outcome); 2],
}

impl Engine {
    /// Makes an engine; all memory it will ever use is allocated here.
    pub fn new(parts: Parts) -> Box<Self> {
        let slots = parts.shared.slots.len();
        Box::new(Self {
            schedule: Schedule::new(slots),
            timed: Timed::new(slots),
            timed_cancels: Timed::new(slots),
            timed_gain: None,
            playback: HalfTime::new(parts.halves[0]),
            capture: HalfTime::new(parts.halves[1]),
            history: History::new(parts.input_channels, parts.history_frames),
            tracks: (0..slots).map(|_| Track::default()).collect(),
            slots_used: 0,
            playing: Vec::with_capacity(slots),
            recording: Vec::with_capacity(slots),
            ending: Vec::with_capacity(slots),
            reports: Vec::with_capacity(slots),
            live: 0,
            detectors: 0,
            mixer: (!parts.lines.is_empty()).then(|| Mixer::new(parts.lines.len())),
            gain: MasterGain::default(),
            block: 0,
            frame: 0,
            now: 0,
            anchored: parts.role != Role::Capture,
            anchor_from: 0,
            swept: [(0, Outcome::Cancelled), (0, Outcome::StreamStopped)],
            shared: parts.shared,
            queue: parts.queue,
            role: parts.role,
            lines: parts.lines,
            input_channels: parts.input_channels,
            sample_rate_hz: parts.sample_rate_hz,
        })
    }

    /// The memory that callbacks walk through, to be locked into RAM.
    pub fn working_memory(&self) -> (&[Track], &[u32]) {
        (&self.tracks, &self.playing)
    }

    /// Replaces the properties of the output channels. Host, while the engine is out of its gate.
    pub fn set_lines(&mut self, lines: Box<[Line]>) {
        self.lines = lines;
    }

    /// Runs one block: the whole path of a sound, step by step.
    #[cfg_attr(sonset_rtsan, sanitize(realtime = "nonblocking"))]
    pub fn process(&mut self, input: Input<'_>, mut output: Output<'_, '_>, time: BlockTime) {
        #[cfg(sonset_rtsan)]
        if PLANT_VIOLATION.load(Relaxed) {
            std::hint::black_box(Box::new(0));
        }
        let _mode = DefaultMode::set();
        let frames = self.block_frames(&input, &output);
        if !self.anchored && !self.anchor(time) {
            return output.silence();
        }
        self.begin_block(frames, time);
        self.take_commands();
        self.take_stream_requests();
        self.decide_due(frames as i64);
        self.retire(self.frame);
        self.send_reports();
        let end = self.block + frames as i64;
        while self.frame < end {
            let chunk_end = self.begin_chunk(end);
            self.capture_chunk(&input, chunk_end);
            self.play_chunk(&mut output, chunk_end);
            self.retire(chunk_end);
            self.send_reports();
            self.frame = chunk_end;
        }
        self.now = end;
        self.thread().live.store(self.live, Relaxed);
    }

    /// Ends everything that is left, in the queue too, after what was asked for before. Host, with the engine
    /// out of its gate.
    pub fn finish(&mut self, outcome: Outcome) {
        self.now = self.frame;
        while let Some(command) = self.queue.take() {
            match command {
                Command::Start(action) => self.begin(action),
                Command::Control(id) => self.control(id),
                Command::Batch { .. } => {}
            }
        }
        self.take_stream_requests();
        self.retire(self.frame);
        for slot in 0..self.slots_used {
            let track = &self.tracks[slot as usize];
            if track.phase != Phase::Idle {
                let end = if track.started { track.last_frame().min(self.frame) } else { self.frame };
                self.condemn(slot, outcome, end);
            }
        }
        self.end_all();
        self.send_reports();
        self.playing.clear();
        self.recording.clear();
        self.thread().live.store(self.live, Relaxed);
    }

    fn thread(&self) -> &ThreadShared {
        if self.role == Role::Capture { &self.shared.second } else { &self.shared.first }
    }

    fn block_frames(&self, input: &Input<'_>, output: &Output<'_, '_>) -> usize {
        match (output, input) {
            (Output::Interleaved(samples), _) => samples.len() / self.lines.len().max(1),
            (Output::Planar(planes), _) => planes.first().map_or(0, |plane| plane.len()),
            (Output::None, Input::Interleaved(samples)) => samples.len() / self.input_channels.max(1),
            (Output::None, Input::Planar(planes)) => planes.first().map_or(0, |plane| plane.len()),
            (Output::None, Input::None) => 0,
        }
    }

    /// Readies the engine for a start: stamps begin anew, and a capture half of its own takes its frame number
    /// from the playback half's next block. Host, while the engine is out of its gate.
    pub fn resume(&mut self) {
        self.playback.restart();
        self.capture.restart();
        self.history.clear();
        let no_time = |clock: &HalfClock| {
            clock.publish(Position { callback_ns: 0, fit: Fit::default(), ..clock.read() });
        };
        if self.mixer.is_some() {
            no_time(&self.shared.playback);
        }
        if self.input_channels > 0 {
            no_time(&self.shared.capture);
        }
        if self.role == Role::Capture {
            self.anchored = false;
            self.anchor_from = self.shared.playback.read().next_frame();
        }
    }

    /// Gives the capture half the frame number that the playback half has at the same moment, once a start.
    /// False while the playback half has not begun, or lies behind what was counted already.
    fn anchor(&mut self, time: BlockTime) -> bool {
        let begun =
            |playback: &Position| playback.block_frames > 0 && playback.block_frame >= self.anchor_from;
        let Some(playback) = self.shared.playback.try_read().filter(begun) else {
            return false;
        };
        let apart = if playback.callback_ns > 0 && time.callback_ns > 0 {
            (time.callback_ns - playback.callback_ns) as f64 * self.sample_rate_hz as f64 * 1e-9
        } else {
            0.0
        };
        let frame = playback.block_frame + (apart + 0.5).floor() as i64;
        if frame < self.frame {
            return false;
        }
        self.frame = frame;
        self.now = frame;
        self.anchored = true;
        self.replace_passed();
        true
    }

    /// Decides anew on what was scheduled for frames that have been left out.
    fn replace_passed(&mut self) {
        while let Some((due, slot)) = self.schedule.first()
            && due.frame < self.now
        {
            self.schedule.remove(slot);
            match self.tracks[slot as usize].phase {
                Phase::Waiting => self.condemn(slot, Outcome::Cancelled, due.frame),
                _ => self.place(slot, self.tracks[slot as usize].requested),
            }
            self.end_all();
        }
    }

    /// Publishes where the halves are and counts what the backend reports.
    fn begin_block(&mut self, frames: usize, time: BlockTime) {
        self.block = self.frame;
        self.now = self.frame;
        let frame = self.frame;
        let position = |(fit, latency_source): (Fit, LatencySource)| Position {
            block_frame: frame,
            block_frames: frames as i64,
            callback_ns: time.callback_ns,
            fit,
            latency_source,
        };
        let counters = &self.shared.counters;
        // Relaxed: counters that order nothing. Only one thread adds to each half's.
        if frames == 0 {
            return;
        }
        counters.callbacks.fetch_add(1, Relaxed);
        counters.largest_block.fetch_max(frames as u64, Relaxed);
        if self.mixer.is_some() {
            let fit = self.playback.observe(frame, frames as i64, &time, &self.shared.biases);
            self.shared.playback.publish(position(fit));
            counters.output_xruns.fetch_add(time.output_xruns as u64, Relaxed);
            counters.output_discontinuities.store(self.playback.discontinuities(), Relaxed);
        }
        if self.input_channels > 0 {
            let fit = self.capture.observe(frame, frames as i64, &time, &self.shared.biases);
            self.shared.capture.publish(position(fit));
            counters.input_xruns.fetch_add(time.input_xruns as u64, Relaxed);
            counters.input_discontinuities.store(self.capture.discontinuities(), Relaxed);
        }
    }

    fn take_commands(&mut self) {
        let mut left = COMMANDS_PER_CALLBACK;
        while let Some(command) = self.queue.peek() {
            let needed = match command {
                Command::Batch { count } => *count as usize,
                _ => 1,
            };
            if needed > left {
                break;
            }
            match self.queue.take() {
                Some(Command::Start(action)) => self.begin(action),
                Some(Command::Control(id)) => self.control(id),
                Some(Command::Batch { .. }) | None => continue,
            }
            left -= 1;
        }
    }

    /// Takes what concerns the stream as a whole, after the commands: what was issued before a sweep is here.
    fn take_stream_requests(&mut self) {
        if let Some(words) = self.thread().gain.take() {
            self.set_gain(SetGain::from_words(words));
        }
        if let Some(words) = self.thread().cancel_all.take() {
            self.sweep(0, Sweep::from_words(words));
        }
        if let Some(words) = self.thread().stop_all.take() {
            self.sweep(1, Sweep::from_words(words));
            // Release: whoever sees the count sees what the sweep did.
            self.thread().stops_taken.fetch_add(1, std::sync::atomic::Ordering::Release);
        }
    }

    fn set_gain(&mut self, request: SetGain) {
        let SetGain { when, gain, ramp_frames } = request;
        self.timed_gain = None;
        match when {
            When::Now => self.gain.set(self.now, gain, ramp_frames),
            When::Frame(frame) => self.gain.set(frame.max(self.now), gain, ramp_frames),
            When::Host(time) => self.timed_gain = Some((time, request)),
        }
    }

    /// Turns host times into frames for all that is due in this block of `frames`, or soon after. While no
    /// stamps tell the time, it waits.
    fn decide_due(&mut self, frames: i64) {
        let end = self.block + frames + self.sample_rate_hz as i64 / DECISIONS_PER_S;
        let horizon = match (self.mixer.is_some(), self.input_channels > 0) {
            (true, true) => self.playback.host_ns(end).max(self.capture.host_ns(end)),
            (true, false) => self.playback.host_ns(end),
            _ => self.capture.host_ns(end),
        };
        if horizon != NONE {
            // Relaxed: a reading of a clock, which orders nothing.
            let offset = self.shared.realtime_offset_ns.load(Relaxed);
            self.decide_starts(horizon, offset);
            self.decide_cancels(horizon, offset);
            self.decide_gain(horizon, offset);
        }
        let waiting = self.timed.waiting(HostClock::Realtime)
            + self.timed_cancels.waiting(HostClock::Realtime)
            + self.timed_gain.is_some() as usize;
        self.thread().realtime_waiting.store(waiting as u64, Relaxed);
    }

    fn decide_starts(&mut self, horizon: i64, offset: i64) {
        while let Some((_, slot)) = self.timed.take_due(horizon, offset) {
            let Some(action) = &self.tracks[slot as usize].action else { continue };
            let Start::AtHostTime(time) = action.start else { continue };
            match self.frame_at(action.work.plays(), time, offset) {
                Some(frame) => self.place(slot, frame),
                // Only one half's stamps are lost: the other's say that it is due.
                None => self.condemn(slot, Outcome::DroppedLate, self.now),
            }
            self.end_all();
        }
    }

    fn decide_cancels(&mut self, horizon: i64, offset: i64) {
        while let Some((clock, slot)) = self.timed_cancels.take_due(horizon, offset) {
            let track = &self.tracks[slot as usize];
            let (Some(action), Some(cancels)) = (&track.action, track.cancels) else { continue };
            let Some((time, fade_frames)) = cancels.at_host_times().find(|(time, _)| time.clock == clock)
            else {
                continue;
            };
            // Without stamps of its own half the action ends as soon as that can be done.
            let frame = self.frame_at(action.work.plays(), time, offset);
            let cancel = Cancels::default().with(frame.map_or(When::Now, When::Frame), fade_frames);
            let fades = action.fades() && track.started;
            if let Some(cancel) = cancel.earliest(self.now, fades) {
                self.cancel(slot, cancel, Outcome::Stopped);
            }
            self.end_all();
        }
    }

    fn decide_gain(&mut self, horizon: i64, offset: i64) {
        let Some((time, SetGain { gain, ramp_frames, .. })) = self.timed_gain else { return };
        let ns = if time.clock == HostClock::Realtime { time.ns - offset } else { time.ns };
        if ns < horizon {
            let frame = self.playback.frame_at(ns).unwrap_or(self.now);
            self.gain.set(frame.max(self.now), gain, ramp_frames);
            self.timed_gain = None;
        }
    }

    /// The frame of a half that is at the converter at `time`, if that can be told.
    fn frame_at(&self, plays: bool, time: HostTime, offset: i64) -> Option<i64> {
        let ns = match time.clock {
            HostClock::Monotonic => time.ns,
            HostClock::Realtime => time.ns.saturating_sub(offset),
        };
        self.half(plays).frame_at(ns)
    }

    fn half(&self, plays: bool) -> &HalfTime {
        if plays { &self.playback } else { &self.capture }
    }

    fn begin(&mut self, action: Box<Action>) {
        let (id, start, delay, issue) = (action.id, action.start, action.delay, action.issue);
        let slot = id.slot();
        self.slots_used = self.slots_used.max(slot + 1);
        self.detectors += action.detects() as u64;
        self.tracks[slot as usize].begin(action);
        self.live += 1;
        if let Some(&(_, outcome)) = self.swept.iter().rev().find(|(before, _)| issue < *before) {
            return self.end(slot, outcome, self.now);
        }
        match start {
            Start::Now => self.place(slot, self.now + delay),
            Start::AtFrame(frame) => self.place(slot, frame.saturating_add(delay)),
            Start::AtHostTime(time) => self.timed.set(slot, time, 0, id.sequence()),
            Start::After { predecessor, .. } => self.wait_for(slot, predecessor),
        }
        self.end_all();
    }

    /// Makes the action in `slot` a follower of `predecessor`.
    fn wait_for(&mut self, slot: u32, predecessor: ActionId) {
        let before = &self.tracks[predecessor.slot() as usize];
        if before.action.as_ref().is_some_and(|action| action.id == predecessor) {
            let anchor = before.known_anchor().filter(|_| before.phase == Phase::Active);
            self.link(slot, predecessor.slot());
            if let Some((frame, completes)) = anchor {
                self.follow(slot, frame, completes);
            }
        } else {
            match before.ended.filter(|ended| ended.id == predecessor) {
                Some(ended) => self.follow(slot, ended.end_frame, ended.completed),
                None => self.condemn(slot, Outcome::Predecessor, self.now),
            }
        }
    }

    /// Lets the action in `slot` follow a predecessor whose anchor is `end`.
    fn follow(&mut self, slot: u32, end: i64, completes: bool) {
        let track = &self.tracks[slot as usize];
        let Some(action) = &track.action else { return };
        if !matches!(track.phase, Phase::Waiting | Phase::Scheduled) {
            return;
        }
        let Start::After { offset, .. } = action.start else { return };
        if completes || action.after == AfterPolicy::AnyEnd {
            let requested = end.saturating_add(offset).saturating_add(action.delay);
            self.place(slot, requested);
        } else {
            self.condemn(slot, Outcome::Predecessor, end);
        }
    }

    /// Puts the start of the action in `slot` into the schedule, or drops it.
    fn place(&mut self, slot: u32, requested: i64) {
        let track = &mut self.tracks[slot as usize];
        track.requested = requested;
        let earliest = match (&track.action, self.history.oldest(self.frame)) {
            (Some(action), oldest) if oldest < self.frame && matches!(action.work, Work::Record(_)) => oldest,
            _ => self.now,
        };
        track.late = (earliest - requested).max(0);
        let Some(course) = track.course(requested, earliest) else {
            return self.condemn(slot, Outcome::DroppedLate, self.now);
        };
        if let Some(Cancel { frame: Some(frame), .. }) = track.cancel
            && frame <= course.start
        {
            return self.condemn(slot, Outcome::Cancelled, frame);
        }
        track.voice = course;
        track.phase = Phase::Scheduled;
        self.set_due(slot, course.start);
    }

    fn set_due(&mut self, slot: u32, frame: i64) {
        let sequence = self.tracks[slot as usize].action.as_ref().map_or(0, |action| action.id.sequence());
        self.schedule.set(slot, Due { frame, sequence });
    }

    fn control(&mut self, id: ActionId) {
        let Some(action) = self.tracks[id.slot() as usize].action.as_ref().filter(|action| action.id == id)
        else {
            return;
        };
        let fades = action.fades() && self.tracks[id.slot() as usize].started;
        let Some(cancels) = self.shared.slot(id).take_cancels() else { return };
        self.tracks[id.slot() as usize].cancels = Some(cancels);
        for (time, fade_frames) in cancels.at_host_times() {
            // A fade begins before the time, and is decided on before it begins.
            let fade_ns = later(0, fade_frames.min(MAX_FADE_FRAMES), self.sample_rate_hz);
            self.timed_cancels.set(id.slot(), time, fade_ns, id.sequence());
        }
        if let Some(cancel) = cancels.earliest(self.now, fades) {
            self.cancel(id.slot(), cancel, Outcome::Stopped);
            self.end_all();
        }
    }

    /// Ends the action in `slot` as `cancel` says; one that has not started will not.
    fn cancel(&mut self, slot: u32, cancel: Cancel, stopped_as: Outcome) {
        let now = self.now;
        let track = &mut self.tracks[slot as usize];
        let frame = cancel.frame.unwrap_or(now).max(now);
        match track.phase {
            Phase::Idle | Phase::Ending => {}
            Phase::Active => {
                if track.stop(cancel, now) {
                    track.stopped_as = stopped_as;
                    self.end_changed(slot);
                }
            }
            Phase::Scheduled if frame > track.voice.start && cancel.frame.is_some() => {
                track.keep_cancel(cancel);
            }
            Phase::Waiting if frame > now && cancel.frame.is_some() => {
                if track.keep_cancel(cancel) {
                    self.set_due(slot, frame);
                }
            }
            Phase::Scheduled | Phase::Waiting => {
                let outcome = if stopped_as == Outcome::Stopped { Outcome::Cancelled } else { stopped_as };
                self.condemn(slot, outcome, frame);
            }
        }
    }

    /// Cancels everything issued before a number, and remembers it for what is still in the queue.
    fn sweep(&mut self, which: usize, sweep: Sweep) {
        self.swept[which].0 = sweep.before_issue;
        let stopped_as = if which == 0 { Outcome::Stopped } else { Outcome::StreamStopped };
        let cancel = Cancel { frame: None, fade_frames: sweep.fade_frames };
        // First what has not started, so that it ends as swept and not as a follower of what was.
        for started in [false, true] {
            for slot in 0..self.slots_used {
                let track = &self.tracks[slot as usize];
                let issued_before = |action: &Action| action.issue < sweep.before_issue;
                if track.started == started && track.action.as_deref().is_some_and(issued_before) {
                    self.cancel(slot, cancel, stopped_as);
                }
            }
            self.end_all();
        }
    }

    /// Tells the followers of the active action in `slot` where it ends now.
    fn end_changed(&mut self, slot: u32) {
        let track = &self.tracks[slot as usize];
        let end = if track.detects() { NONE } else { track.last_frame() };
        if let Some(action) = &track.action {
            self.shared.slot(action.id).publish_end(if end == i64::MAX { NONE } else { end });
        }
        self.lead_followers(slot);
    }

    /// Lets the followers of the active action in `slot` follow, if it is known from where.
    fn lead_followers(&mut self, slot: u32) {
        let track = &self.tracks[slot as usize];
        let Some((frame, completes)) = track.known_anchor() else { return };
        let mut follower = track.first_follower;
        while follower != NO_SLOT {
            self.follow(follower, frame, completes);
            follower = self.tracks[follower as usize].next_follower;
        }
    }

    /// Starts what is due in the next chunk, and gives its end: on the absolute grid, at `end`, and, while
    /// there are detectors, where something else is due, so that what they find comes in its place among it.
    fn begin_chunk(&mut self, end: i64) -> i64 {
        self.start_due(self.frame + 1);
        let mut chunk_end = chunk_end(self.frame).min(end);
        if self.detectors > 0
            && let Some((due, _)) = self.schedule.first()
        {
            chunk_end = chunk_end.min(due.frame);
        }
        self.start_due(chunk_end);
        chunk_end
    }

    /// Starts everything that is due before `end`, in order.
    fn start_due(&mut self, end: i64) {
        while let Some((due, slot)) = self.schedule.first()
            && due.frame < end
        {
            self.now = due.frame.max(self.frame);
            self.schedule.remove(slot);
            if self.tracks[slot as usize].phase == Phase::Waiting {
                self.end(slot, Outcome::Cancelled, due.frame);
            } else {
                self.activate(slot);
            }
            self.end_all();
        }
    }

    fn activate(&mut self, slot: u32) {
        let counters = self.shared.counters.clipped.load(Relaxed);
        let nonfinite = self.shared.counters.nonfinite.load(Relaxed);
        self.unlink(slot);
        let track = &mut self.tracks[slot as usize];
        let Some(action) = &track.action else { return };
        let (id, start) = (action.id, track.voice.start);
        let plays = matches!(action.work, Work::Play(_));
        track.phase = Phase::Active;
        track.started = true;
        if let Some(cancel) = track.cancel.take() {
            track.stop(cancel, start);
        }
        let half = if plays { &self.playback } else { &self.capture };
        track.snapshot = Snapshot {
            xruns: xruns(&self.shared, plays),
            discontinuities: half.discontinuities(),
            clipped: counters,
            nonfinite,
        };
        track.start_host_ns = half.host_ns(start);
        track.uncertainty_ns = half.uncertainty_ns();
        let slot_state = self.shared.slot(id);
        match track.detects() {
            true => slot_state.publish_listening(start, track.start_host_ns, track.uncertainty_ns),
            false => slot_state.publish_start(start, track.start_host_ns, track.uncertainty_ns, NONE),
        }
        self.insert(slot, plays);
        self.recall(slot);
        self.end_changed(slot);
    }

    /// Gives a recording that started in the past the input of that time, at once: as much work as copying
    /// the history.
    fn recall(&mut self, slot: u32) {
        let track = &mut self.tracks[slot as usize];
        let past = track.voice.start..track.last_frame().min(self.frame);
        let Some(action) = &mut track.action else { return };
        if let Work::Record(record) = &mut action.work
            && past.start < past.end
        {
            self.history.recall(past.clone(), |input, channels, range| {
                record::append(record, &mut track.seen, input, channels, range);
            });
            self.shared.counters.nonfinite.fetch_add(track.seen.nonfinite, Relaxed);
            track.done = past.end - past.start;
            self.shared.slot(action.id).publish_done(track.done);
        }
    }

    /// Adds `slot` to what sounds or records, by start frame and sequence. Nearly always at the end.
    fn insert(&mut self, slot: u32, plays: bool) {
        let key = |tracks: &[Track], slot: u32| {
            let track = &tracks[slot as usize];
            (track.voice.start, track.action.as_ref().map_or(0, |action| action.id.sequence()))
        };
        let list = if plays { &mut self.playing } else { &mut self.recording };
        let own = key(&self.tracks, slot);
        let after = list.iter().rposition(|&other| key(&self.tracks, other) < own);
        list.insert(after.map_or(0, |place| place + 1), slot);
    }

    /// Hands the input of the chunk to what records and listens. What follows a detector may begin in the same
    /// chunk, and then has its part of it.
    fn capture_chunk(&mut self, input: &Input<'_>, chunk_end: i64) {
        self.capture_actions(input, chunk_end);
        let range = (self.frame - self.block) as usize..(chunk_end - self.block) as usize;
        self.history.keep(input, range, self.frame);
    }

    fn capture_actions(&mut self, input: &Input<'_>, chunk_end: i64) {
        loop {
            let mut found = false;
            for index in 0..self.recording.len() {
                while self.capture(self.recording[index], input, chunk_end) {
                    found = true;
                }
            }
            if !found {
                return;
            }
            self.end_all();
            self.start_due(chunk_end);
        }
    }

    /// Hands what is left of the chunk to the action in `slot`. True if a detector found something or is over;
    /// there may be more for it then.
    fn capture(&mut self, slot: u32, input: &Input<'_>, chunk_end: i64) -> bool {
        let track = &mut self.tracks[slot as usize];
        let from = (track.voice.start + track.done).max(self.frame);
        let to = track.last_frame().min(chunk_end);
        let Some(action) = &mut track.action else { return false };
        if from >= to {
            return false;
        }
        let before = track.seen.nonfinite;
        let range = (from - self.block) as usize..(to - self.block) as usize;
        let (done, found) = match &mut action.work {
            Work::Record(record) => {
                record::append(record, &mut track.seen, input, self.input_channels, range);
                (to - from, None)
            }
            Work::Detect(detect) => {
                detect.detector.listen(&mut track.seen, input, self.input_channels, range, from)
            }
            Work::Play(_) => return false,
        };
        self.shared.counters.nonfinite.fetch_add(track.seen.nonfinite - before, Relaxed);
        track.done += done;
        self.shared.slot(action.id).publish_done(track.done);
        track.detects() && self.heard(slot, from + done, found)
    }

    /// Sees to what a detector found by `frame`, the frame after the last one it has heard. True if it found
    /// something or is over.
    fn heard(&mut self, slot: u32, frame: i64, found: Option<Found>) -> bool {
        let over = self.tracks[slot as usize].last_frame() <= frame;
        if found.is_none() && !over {
            return false;
        }
        // What a frame tells can be followed from the next one on, however the blocks are divided.
        self.now = frame;
        match found {
            Some(Found::Onset(onset)) => self.found_onset(slot, onset),
            Some(Found::End(end)) => {
                let end_host_ns = self.input_host_ns(end);
                let track = &mut self.tracks[slot as usize];
                track.detection.end_frame = end;
                track.detection.end_host_ns = end_host_ns;
                track.voice.end = frame;
                track.voice.fade = None;
            }
            None => {}
        }
        let track = &self.tracks[slot as usize];
        if track.last_frame() <= frame {
            let outcome = if track.is_cut() { track.stopped_as } else { Outcome::Completed };
            self.end(slot, outcome, frame);
        }
        true
    }

    fn found_onset(&mut self, slot: u32, onset: i64) {
        let host_ns = self.input_host_ns(onset);
        let track = &mut self.tracks[slot as usize];
        track.detection.frame = onset;
        track.detection.host_ns = host_ns;
        if let Some(action) = &track.action {
            self.shared.slot(action.id).publish_detected(onset, host_ns);
        }
        self.lead_followers(slot);
        self.end_all();
    }

    /// The time of an input frame near the block at hand.
    fn input_host_ns(&self, frame: i64) -> i64 {
        self.capture.host_ns(frame)
    }

    fn play_chunk(&mut self, output: &mut Output<'_, '_>, chunk_end: i64) {
        let Some(mixer) = &mut self.mixer else { return };
        let frames = (chunk_end - self.frame) as usize;
        mixer.clear(frames);
        for &slot in &self.playing {
            let track = &mut self.tracks[slot as usize];
            let (from, to) = (track.voice.start.max(self.frame), track.last_frame().min(chunk_end));
            let Some(action) = &track.action else { continue };
            if let Work::Play(play) = &action.work
                && from < to
            {
                mixer.add(play, &track.voice, self.frame, from, to);
                track.done += to - from;
                self.shared.slot(action.id).publish_done(track.done);
            }
        }
        let at = (self.frame - self.block) as usize;
        let guarded = master::finish(mixer.sums(frames), &self.lines, &mut self.gain, self.frame, output, at);
        self.shared.counters.clipped.fetch_add(guarded.clipped, Relaxed);
        self.shared.counters.nonfinite.fetch_add(guarded.nonfinite, Relaxed);
    }

    /// Ends what is over at `frame`.
    fn retire(&mut self, frame: i64) {
        for list in [&mut self.playing, &mut self.recording] {
            list.retain(|&slot| {
                let track = &mut self.tracks[slot as usize];
                let end = track.last_frame();
                if track.phase == Phase::Idle {
                    return false;
                }
                if end <= frame {
                    let outcome = if track.is_cut() { track.stopped_as } else { Outcome::Completed };
                    track.phase = Phase::Ending;
                    self.ending.push((slot, outcome, end));
                }
                end > frame
            });
        }
        self.end_all();
    }

    /// Marks the action in `slot` as about to end; the first reason counts.
    fn condemn(&mut self, slot: u32, outcome: Outcome, frame: i64) {
        let track = &mut self.tracks[slot as usize];
        if !matches!(track.phase, Phase::Idle | Phase::Ending) {
            track.phase = Phase::Ending;
            self.ending.push((slot, outcome, frame));
        }
    }

    fn end(&mut self, slot: u32, outcome: Outcome, frame: i64) {
        self.condemn(slot, outcome, frame);
        self.end_all();
    }

    /// Ends all actions in `ending`, and those that cannot start because of them.
    fn end_all(&mut self) {
        while let Some((slot, outcome, frame)) = self.ending.pop() {
            self.schedule.remove(slot);
            self.timed.remove(slot);
            self.timed_cancels.remove(slot);
            self.unlink(slot);
            let (anchor, completed) = self.tracks[slot as usize].anchor(frame, outcome == Outcome::Completed);
            if let Some(id) = self.report(slot, outcome, frame) {
                self.tracks[slot as usize].ended = Some(Ended { id, end_frame: anchor, completed });
                self.release_followers(slot, anchor, completed);
            }
        }
    }

    /// Writes the report of the action in `slot` with all that was measured.
    fn report(&mut self, slot: u32, outcome: Outcome, frame: i64) -> Option<ActionId> {
        let counters = &self.shared.counters;
        let track = &mut self.tracks[slot as usize];
        let action = track.action.take()?;
        let plays = matches!(action.work, Work::Play(_));
        let started = track.started;
        track.phase = Phase::Idle;
        let snapshot = track.snapshot;
        let since = |now: u64, then: u64| if started { now - then } else { 0 };
        let start_host_ns = track.start_host_ns;
        let half = if plays { &self.playback } else { &self.capture };
        let end_host_ns = if started && start_host_ns != NONE { half.host_ns(frame) } else { NONE };
        let uncertainty_ns = match end_host_ns {
            NONE => track.uncertainty_ns,
            _ => track.uncertainty_ns.max(half.uncertainty_ns()),
        };
        let measured = Measured {
            requested_frame: track.requested,
            start_frame: if started { track.voice.start } else { NONE },
            end_frame: frame,
            done_frames: track.done,
            late_frames: track.late,
            start_host_ns,
            end_host_ns,
            host_uncertainty_ns: if start_host_ns == NONE { NONE } else { uncertainty_ns },
            latency_source: if start_host_ns == NONE {
                LatencySource::Unknown
            } else {
                half.latency_source()
            },
            xruns: since(xruns(&self.shared, plays), snapshot.xruns),
            discontinuities: since(half.discontinuities(), snapshot.discontinuities),
            clipped: since(counters.clipped.load(Relaxed), snapshot.clipped),
            nonfinite: since(counters.nonfinite.load(Relaxed), snapshot.nonfinite),
            input_peak: track.seen.peak,
            input_clipped: track.seen.clipped,
            all_zero: !plays && track.done > 0 && !track.seen.sound,
            detection: track.detection,
        };
        let id = action.id;
        self.live -= 1;
        self.detectors -= action.detects() as u64;
        self.reports.push(Report { action, outcome, measured });
        Some(id)
    }

    /// Sends what has ended, the first to end first, however the block was cut.
    fn send_reports(&mut self) {
        let order = |report: &Report| (report.measured.end_frame, report.action.id.sequence());
        self.reports.sort_unstable_by_key(order);
        for report in self.reports.drain(..) {
            self.shared.slot(report.action.id).publish_ended();
            self.queue.report(report);
        }
    }

    /// Lets go of the followers of `slot`, which has ended at `end`.
    fn release_followers(&mut self, slot: u32, end: i64, completed: bool) {
        let mut follower = std::mem::replace(&mut self.tracks[slot as usize].first_follower, NO_SLOT);
        while follower != NO_SLOT {
            let track = &mut self.tracks[follower as usize];
            let next = std::mem::replace(&mut track.next_follower, NO_SLOT);
            track.previous_follower = NO_SLOT;
            track.predecessor = NO_SLOT;
            if track.phase == Phase::Waiting {
                self.follow(follower, end, completed);
            }
            follower = next;
        }
    }

    fn link(&mut self, slot: u32, predecessor: u32) {
        let next = std::mem::replace(&mut self.tracks[predecessor as usize].first_follower, slot);
        if next != NO_SLOT {
            self.tracks[next as usize].previous_follower = slot;
        }
        let track = &mut self.tracks[slot as usize];
        track.next_follower = next;
        track.previous_follower = NO_SLOT;
        track.predecessor = predecessor;
    }

    /// Takes `slot` out of the followers of its predecessor, if it has one.
    fn unlink(&mut self, slot: u32) {
        let track = &mut self.tracks[slot as usize];
        let predecessor = std::mem::replace(&mut track.predecessor, NO_SLOT);
        if predecessor == NO_SLOT {
            return;
        }
        let next = std::mem::replace(&mut track.next_follower, NO_SLOT);
        let previous = std::mem::replace(&mut track.previous_follower, NO_SLOT);
        if next != NO_SLOT {
            self.tracks[next as usize].previous_follower = previous;
        }
        if previous == NO_SLOT {
            self.tracks[predecessor as usize].first_follower = next;
        } else {
            self.tracks[previous as usize].next_follower = next;
        }
    }
}

/// The end of the chunk that holds `frame`, on the absolute grid.
fn chunk_end(frame: i64) -> i64 {
    let chunk = CHUNK_FRAMES as i64;
    (frame.div_euclid(chunk) + 1) * chunk
}

/// Xruns so far of the half that plays or records.
fn xruns(shared: &Shared, plays: bool) -> u64 {
    let counters = &shared.counters;
    // Relaxed: counters that order nothing.
    if plays { counters.output_xruns.load(Relaxed) } else { counters.input_xruns.load(Relaxed) }
}

/// `ns` and `frames` at the nominal rate later.
fn later(ns: i64, frames: i64, sample_rate_hz: u32) -> i64 {
    ns + (frames as i128 * 1_000_000_000 / sample_rate_hz as i128) as i64
}
