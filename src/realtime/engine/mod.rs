//! The engine: takes commands, starts what is due, mixes, records and listens, and reports what has ended.

mod anchor;
mod capture;
mod control;
mod due;
mod end;
mod follow;
mod monitor;
mod play;
mod requests;
mod rings;
mod start;
mod sweep;
mod turn;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use self::sweep::Sweeps;
use crate::action::{Command, HostTime};
use crate::memory::Ranges;
use crate::queue::CallbackEnds;
use crate::realtime::block::{BlockTime, Input, Output, Overlap};
use crate::realtime::clock::Fit;
use crate::realtime::dither::Dither;
use crate::realtime::fpu::DefaultMode;
use crate::realtime::gain::Gain;
use crate::realtime::half::{HalfParts, HalfTime};
use crate::realtime::history::History;
use crate::realtime::master::Line;
use crate::realtime::mix::{CHUNK_FRAMES, Mixer};
use crate::realtime::schedule::Schedule;
use crate::realtime::timed::Timed;
use crate::realtime::track::{Over, Phase, Track};
use crate::realtime::work::{STEPS, Work};
use crate::receipt::{LatencySource, Outcome, Report};
use crate::request::{CONTROLS, SetGain};
use crate::shared::{HalfClock, Position, Shared, ThreadShared};

/// Makes the next block allocate, so that a test can see RealtimeSanitizer catch it.
#[cfg(sonset_rtsan)]
pub static PLANT_VIOLATION: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

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

/// Where the input of a block is.
enum Heard<'a> {
    Apart(Input<'a>),
    InPlace(Overlap<'a>),
}

impl Heard<'_> {
    /// The input of the block as far as it is not overwritten by the output.
    fn apart(&self) -> Input<'_> {
        match self {
            Self::Apart(input) => *input,
            Self::InPlace(_) => Input::None,
        }
    }
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
    /// Largest magnitude of the noise in digital silence; 0 for none.
    pub dither_peak: f64,
    /// Input frames to keep for recordings that start in the past.
    pub history_frames: usize,
    /// What the playback half knows of its time, and what the capture half does; those it serves are used.
    pub halves: [HalfParts; 2],
}

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
    /// Other requests to actions that wait for a host time, by [`Control::place`].
    timed_controls: Timed,
    /// Turns that actions are to take, by [`Control::place`].
    turns: Schedule,
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
    /// Slots that record what is played.
    copying: Vec<u32>,
    /// Slots of monitors, from when they are taken: they hear the input before they sound.
    monitors: Vec<u32>,
    /// What is over and has not been reported.
    ending: VecDeque<Over>,
    /// Slots whose followers are to be told where they start.
    leaders: VecDeque<u32>,
    /// Whether a monitor was reported, which is still among the monitors.
    monitors_ended: bool,
    /// Reports of the chunk at hand, to be sent in the order in which the actions ended.
    reports: Vec<Report>,
    /// How many of the actions that are not reported are detectors.
    detectors: u64,
    /// How many of them use rings.
    rings: u64,
    mixer: Option<Mixer>,
    gain: Gain,
    dither: Option<Dither>,
    /// First frame of the block at hand.
    block: i64,
    /// First frame of the input at hand: of the block, or of the chunk where that was copied out of the output.
    heard: i64,
    /// Room for the input of a chunk that is copied out of the output.
    copied: Box<[f32]>,
    /// The frame that is made next.
    frame: i64,
    /// The frame from which a start that becomes known now can be kept.
    now: i64,
    /// Output frames before this come too late for the device.
    late_until: i64,
    /// Whether the frame counter agrees with the other half's.
    anchored: bool,
    /// The frame number that the first block got which agreed.
    anchored_at: i64,
    /// The first block of the playback half that a frame number may be taken from.
    anchor_from: i64,
    /// What has ended all that was issued before it.
    sweeps: Sweeps,
    /// What may still be done in the chunk at hand.
    work: Work,
    /// Steps in the stamps of the capture and of the playback half, once they were looked for in this block.
    discontinuities: [Option<u64>; 2],
}

impl Engine {
    /// Makes an engine; all memory it will ever use is allocated here.
    pub fn new(parts: Parts) -> Box<Self> {
        let slots = parts.shared.slots.len();
        Box::new(Self {
            schedule: Schedule::new(slots),
            timed: Timed::new(slots),
            timed_cancels: Timed::new(slots),
            timed_controls: Timed::new(slots * CONTROLS),
            turns: Schedule::new(slots * CONTROLS),
            timed_gain: None,
            playback: HalfTime::new(parts.halves[0]),
            capture: HalfTime::new(parts.halves[1]),
            history: History::new(parts.input_channels, parts.history_frames),
            tracks: (0..slots).map(|_| Track::default()).collect(),
            slots_used: 0,
            playing: Vec::with_capacity(slots),
            recording: Vec::with_capacity(slots),
            copying: Vec::with_capacity(slots),
            monitors: Vec::with_capacity(slots),
            ending: VecDeque::with_capacity(slots),
            leaders: VecDeque::with_capacity(slots),
            monitors_ended: false,
            reports: Vec::with_capacity(slots),
            detectors: 0,
            rings: 0,
            mixer: (!parts.lines.is_empty()).then(|| Mixer::new(parts.lines.len())),
            gain: Gain::default(),
            dither: (parts.dither_peak > 0.0)
                .then(|| Dither::new(parts.dither_peak, parts.lines.len(), parts.sample_rate_hz)),
            block: 0,
            heard: 0,
            copied: vec![0.0; if parts.lines.is_empty() { 0 } else { parts.input_channels * CHUNK_FRAMES }]
                .into(),
            frame: 0,
            now: 0,
            late_until: i64::MIN,
            anchored: parts.role != Role::Capture,
            anchored_at: 0,
            anchor_from: 0,
            sweeps: Sweeps::default(),
            work: Work::default(),
            discontinuities: [None; 2],
            shared: parts.shared,
            queue: parts.queue,
            role: parts.role,
            lines: parts.lines,
            input_channels: parts.input_channels,
            sample_rate_hz: parts.sample_rate_hz,
        })
    }

    /// Adds itself and what it holds, but for what it shares with the host, the queues and the
    /// output channels, which are replaced.
    pub fn add_memory(&self, ranges: &mut Ranges) {
        ranges.add(self);
        ranges.add(&self.tracks[..]);
        ranges.add(&self.copied[..]);
        [&self.schedule, &self.turns].into_iter().for_each(|heap| heap.add_memory(ranges));
        let timed = [&self.timed, &self.timed_cancels, &self.timed_controls];
        timed.into_iter().for_each(|heaps| heaps.add_memory(ranges));
        [&self.playback, &self.capture].into_iter().for_each(|half| half.add_memory(ranges));
        self.history.add_memory(ranges);
        let slots = [&self.playing, &self.recording, &self.copying, &self.monitors];
        slots.into_iter().for_each(|slots| ranges.add_room(slots));
        ranges.add_deque(&self.ending);
        ranges.add_deque(&self.leaders);
        ranges.add_room(&self.reports);
        self.mixer.iter().for_each(|mixer| mixer.add_memory(ranges));
        self.dither.iter().for_each(|dither| dither.add_memory(ranges));
    }

    /// Replaces the bounds of a chunk. Host, while the engine is out of its gate.
    pub fn set_bounds(&mut self, bounds: [u32; STEPS]) {
        self.work.set_bounds(bounds);
    }

    /// Replaces the properties of the output channels. Host, while the engine is out of its gate.
    pub fn set_lines(&mut self, lines: Box<[Line]>) {
        self.lines = lines;
    }

    /// Runs one block.
    #[cfg_attr(sonset_rtsan, sanitize(realtime = "nonblocking"))]
    pub fn process(&mut self, input: Input<'_>, output: Output<'_, '_>, time: BlockTime) {
        self.run(Heard::Apart(input), output, time);
    }

    /// Runs one block whose input lies in the memory of its output.
    #[cfg_attr(sonset_rtsan, sanitize(realtime = "nonblocking"))]
    pub fn process_in_place(&mut self, input: Overlap<'_>, output: Output<'_, '_>, time: BlockTime) {
        self.run(Heard::InPlace(input), output, time);
    }

    /// The whole path of a sound, step by step.
    fn run(&mut self, input: Heard<'_>, mut output: Output<'_, '_>, time: BlockTime) {
        #[cfg(sonset_rtsan)]
        if PLANT_VIOLATION.load(Relaxed) {
            std::hint::black_box(Box::new(0));
        }
        let _mode = DefaultMode::set();
        let frames = self.block_frames(&input.apart(), &output);
        if frames > 0 && !self.anchored && !self.anchor(time) {
            return output.silence();
        }
        self.begin_block(frames, time);
        self.cross(&input.apart(), frames);
        self.take_commands();
        self.take_stream_requests();
        self.decide_due(frames as i64);
        self.retire(self.frame);
        self.work_off();
        self.send_reports();
        let end = self.block + frames as i64;
        while self.frame < end {
            let chunk_end = self.begin_chunk(end);
            self.hear_chunk(&input, &output, chunk_end);
            self.play_chunk(&mut output, chunk_end);
            self.retire(chunk_end);
            self.send_reports();
            self.frame = chunk_end;
        }
        self.now = end;
        self.publish_work();
    }

    /// Ends everything that is left, in the queue too, after what was asked for before. Host, with the engine
    /// out of its gate.
    pub fn finish(&mut self, outcome: Outcome) {
        self.now = self.frame;
        self.work.lift(true);
        while let Some(command) = self.queue.take() {
            match command {
                Command::Start(action) => self.begin(action),
                Command::Control(id) => self.control(id),
                Command::Seek(seek) => self.take_file_seek(seek),
                Command::Batch { .. } => {}
            }
        }
        self.take_stream_requests();
        self.retire(self.frame);
        self.look_for_swept();
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
        self.copying.clear();
        self.monitors.clear();
        // What comes after the next start does not follow on what was heard before.
        self.history.clear();
        self.work.lift(false);
        self.publish_work();
    }

    /// Takes all that was asked for while no callback comes. Host, with the engine out of its gate.
    pub fn catch_up(&mut self) {
        self.work.lift(true);
        self.run(Heard::Apart(Input::None), Output::None, BlockTime::default());
        while self.queue.peek().is_some() {
            self.run(Heard::Apart(Input::None), Output::None, BlockTime::default());
        }
        self.work.lift(false);
    }

    /// Publishes how much still sounds, and what the block took.
    fn publish_work(&self) {
        let sounding = self.playing.len() + self.recording.len() + self.copying.len();
        // Relaxed: counts that order nothing.
        self.thread().sounding.store(sounding as u64, Relaxed);
        for (most, steps) in self.thread().most_steps.iter().zip(self.work.done()) {
            most.fetch_max(steps, Relaxed);
        }
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

    /// Publishes where the halves are and counts what the backend reports.
    fn begin_block(&mut self, frames: usize, time: BlockTime) {
        self.block = self.frame;
        self.heard = self.frame;
        self.work.begin(self.frame, frames);
        self.discontinuities = [None; 2];
        self.now = self.frame;
        let frame = self.frame;
        let position = |(fit, latency_source): (Fit, LatencySource)| Position {
            block_frame: frame,
            block_frames: frames as i64,
            callback_ns: time.callback_ns,
            fit,
            latency_source,
        };
        if frames == 0 {
            return;
        }
        let comes_late = self.comes_late(frame, time.late_frames);
        // Relaxed: counters that order nothing. Only one thread adds to each half's.
        let counters = &self.shared.counters;
        counters.callbacks.fetch_add(1, Relaxed);
        counters.largest_block.fetch_max(frames as u64, Relaxed);
        if self.mixer.is_some() {
            let fit = self.playback.observe(frame, frames as i64, &time, &self.shared.biases);
            self.shared.playback.publish(position(fit));
            counters.output_xruns.fetch_add(time.output_xruns as u64 + comes_late as u64, Relaxed);
            counters.output_discontinuities.store(self.playback.discontinuities(), Relaxed);
        }
        if self.input_channels > 0 {
            let fit = self.capture.observe(frame, frames as i64, &time, &self.shared.biases);
            self.shared.capture.publish(position(fit));
            counters.input_xruns.fetch_add(time.input_xruns as u64, Relaxed);
            counters.input_discontinuities.store(self.capture.discontinuities(), Relaxed);
        }
    }

    /// Notes that `count` frames from `frame` on come too late, and says whether that is a new underflow.
    fn comes_late(&mut self, frame: i64, count: i64) -> bool {
        if count <= 0 {
            return false;
        }
        let is_new = self.late_until < frame;
        self.late_until = frame.saturating_add(count);
        is_new
    }

    fn half(&self, plays: bool) -> &HalfTime {
        if plays { &self.playback } else { &self.capture }
    }
}
