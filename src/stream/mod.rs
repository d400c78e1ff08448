//! The host half of a stream: it checks what is asked for, keeps the books, and ends what no callback ends.

mod channels;
mod control;
mod detect;
mod host;
mod ids;
mod input;
mod life;
mod log;
mod noise;
mod params;
mod play;
mod play_file;
mod pulse;
mod record;
mod record_file;
mod ring;
mod routes;
mod submit;
#[cfg(test)]
mod tests;
mod tone;
mod wait;

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use self::channels::Channels;
pub use self::channels::{Channel, Level};
use self::host::Host;
use self::life::Life;
use self::log::FileLog;
pub use self::log::LOG_RECEIPTS;
pub use self::params::{
    Align, DetectParams, FileParams, InputParams, NoiseParams, PlayFileParams, PlayParams, PulseCode,
    PulseParams, RecordParams, RingPolicy, StartAt, Timing, ToneParams,
};
pub use self::record::Recorded;
pub use self::routes::gain_of_db;
use self::submit::MAX_FRAME;
use crate::action::{HostClock, HostTime, Kind, When};
use crate::backend::{Backend, Notices, Opened};
use crate::clock;
use crate::device::Direction;
use crate::error::{Code, Error, Result, fail};
use crate::realtime::block::{BlockTime, Input, Output, Overlap};
use crate::realtime::clock::{Fit, Stamps};
use crate::realtime::gate::Gate;
use crate::realtime::half;
use crate::realtime::work::STEPS;
use crate::receipt::{LatencySource, NONE, Outcome, Receipt};
use crate::request::SetGain;
use crate::shared::{Position, Shared};

/// How often a waiting host looks: results come from a callback that must not wake anybody.
const LOOK: Duration = Duration::from_millis(1);
/// Added to `earliest_frame` for what a call costs and how late a callback thread may be, in seconds.
const EARLIEST_MARGIN_S: f64 = 0.005;

/// Farther times are not told: they come near the end of what 64 bits hold.
const MAX_HOST_NS: u64 = 1 << 62;
/// Largest bias of a latency.
const MAX_BIAS_NS: i64 = 10_000_000_000;

/// Where a stream is in its life. The numbers are part of the C ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum State {
    /// Open and not started yet.
    Open = 1,
    /// Callbacks come.
    Running = 2,
    /// Stopped; can be started again.
    Stopped = 3,
    /// The device is gone.
    Lost = 4,
    /// Closed for good.
    Closed = 5,
}

/// What to open.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The backend; `None` is the system's default.
    pub backend: Option<Backend>,
    /// Rate in hertz; 0 takes the device's.
    pub sample_rate_hz: u32,
    /// Output channels; 0 for no output.
    pub output_channels: u32,
    /// Input channels; 0 for no input.
    pub input_channels: u32,
    /// Frames a block; 0 takes the device's.
    pub block_frames: u32,
    /// Actions that can live at a time; 0 takes 1024.
    pub max_actions: u32,
    /// Frames of input kept for recordings that start in the past; 0 for none.
    pub history_frames: u32,
    /// Largest magnitude that leaves an audio channel; 0 takes 1.
    pub ceiling: f32,
    /// Round trip of the virtual device in frames; 0 takes one block.
    pub virtual_latency_frames: u32,
    /// Fade of stop, close and cancel in milliseconds; 0 takes 5, -1 none.
    pub fade_ms: f64,
    /// Largest magnitude of the noise in digital silence, in decibels re full scale; 0 for none.
    pub dither_db: f64,
    /// Output device; `None` is the default one.
    pub output_device: Option<String>,
    /// Input device; `None` is the default one.
    pub input_device: Option<String>,
    /// What only one backend knows.
    pub options: String,
}

/// What stays the same while a stream is open.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The backend.
    pub backend: Backend,
    /// Rate in hertz.
    pub sample_rate_hz: u32,
    /// Output channels.
    pub output_channels: u32,
    /// Input channels.
    pub input_channels: u32,
    /// Whether input has a callback of its own beside the output's.
    pub separate: bool,
    /// Frames of the fade of stop, close and cancel.
    pub fade_frames: i64,
    /// Largest magnitude of the noise in digital silence, in decibels re full scale; 0 for none.
    pub dither_db: f64,
}

/// Where a half is, as `get_time` tells it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StreamTime {
    /// First frame that was not handed over yet.
    pub frame: i64,
    /// First frame that a call made now can still reach.
    pub earliest_frame: i64,
    /// MONOTONIC time of `frame` at the converter, or [`NONE`].
    pub host_ns: i64,
    /// How much faster than nominal the device is, in parts per million of the host's clock.
    pub ppm: f64,
    /// Uncertainty of `host_ns`, or [`NONE`].
    pub uncertainty_ns: i64,
    /// Where the latency in `host_ns` comes from.
    pub latency_source: LatencySource,
    /// What the stamps are worth.
    pub stamps: Stamps,
}

/// Counts of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Blocks made.
    pub callbacks: u64,
    /// Output underflows.
    pub output_xruns: u64,
    /// Input overflows.
    pub input_xruns: u64,
    /// Steps found in the stamps of the output.
    pub output_discontinuities: u64,
    /// Steps found in the stamps of the input.
    pub input_discontinuities: u64,
    /// Output samples limited by the guard.
    pub clipped: u64,
    /// Samples that were not finite.
    pub nonfinite: u64,
    /// Largest block in frames.
    pub largest_block: u64,
    /// Actions that have not ended.
    pub live_actions: u64,
    /// Slots left.
    pub free_actions: u64,
    /// Receipts to be polled.
    pub receipts_waiting: u64,
    /// Receipts dropped before they were polled.
    pub receipts_dropped: u64,
    /// Whether the receipt file could not be written.
    pub log_failed: bool,
}

/// What is known of a stream.
#[derive(Clone, Debug)]
pub struct Info {
    /// Where it is in its life.
    pub state: State,
    /// What stays the same.
    pub format: Format,
    /// What the backend says.
    pub opened: Opened,
    /// From output frame n to the input frame in which it comes back; `None` if unknown.
    pub round_trip_frames: Option<i64>,
    /// Actions that can live at a time.
    pub max_actions: u32,
    /// Whether the callback's memory is locked into RAM.
    pub memory_locked: bool,
    /// What the user has measured of the latencies beyond what is reported, output and input.
    pub bias_ns: [Option<i64>; 2],
    /// What the stamps of output and input are worth.
    pub stamps: [Stamps; 2],
    /// Why the device is gone; empty while it is there.
    pub loss: String,
}

/// A stream. Dropping it closes it.
pub struct Stream {
    core: Arc<Core>,
    service: Mutex<Option<JoinHandle<()>>>,
}

/// What the service thread shares with the handle.
struct Core {
    format: Format,
    shared: Arc<Shared>,
    notices: Arc<Notices>,
    gates: [Arc<Gate>; 2],
    host: Mutex<Host>,
    /// Told when receipts came or the state changed.
    changed: Condvar,
    life: Mutex<Life>,
    /// Whether what was asked for waits for whoever has `life` to hand it to the engines.
    pump_wanted: AtomicBool,
    /// What the backend said last.
    opened: Mutex<Opened>,
    channels: Mutex<Channels>,
    memory_locked: AtomicBool,
    /// What a block is taken for before the first one came, in frames.
    first_block: u64,
    state: AtomicI32,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

impl Core {
    fn state(&self) -> State {
        // Acquire pairs with the Release in `set_state`.
        match self.state.load(Ordering::Acquire) {
            1 => State::Open,
            2 => State::Running,
            3 => State::Stopped,
            4 => State::Lost,
            _ => State::Closed,
        }
    }

    fn set_state(&self, state: State) {
        // Release: whoever sees the state sees what led to it.
        self.state.store(state as i32, Ordering::Release);
        self.changed.notify_all();
    }

    /// Books what came, runs `f` on the books, and frees what is over with the lock released. Not with the life of the
    /// stream locked: what is over may be a lender's, whose release function may call anything.
    fn with_host<R>(&self, f: impl FnOnce(&mut Host) -> R) -> R {
        self.book(f, |host| std::mem::take(&mut host.over))
    }

    /// The same, but leaves what is over to the next call of [`Self::with_host`].
    fn with_host_in_life<R>(&self, f: impl FnOnce(&mut Host) -> R) -> R {
        self.book(f, |_| ())
    }

    /// Books what came, runs `f` on the books, takes what `last` gives, and wakes who waits if anything is over. No more
    /// is booked at a time than can be with the lock held: others have their turn.
    fn book<R, O>(&self, f: impl FnOnce(&mut Host) -> R, last: impl Fn(&mut Host) -> O) -> R {
        let mut f = Some(f);
        let mut result = None;
        loop {
            let mut host = lock(&self.host);
            let any = host.drain();
            let mut more = host.is_behind();
            if !more {
                if let Some(f) = f.take() {
                    result = Some(f(&mut host));
                }
                more = host.settle();
            }
            let any = any || !host.over.is_empty();
            let over = last(&mut host);
            drop(host);
            if any {
                self.changed.notify_all();
            }
            drop(over);
            match result.take() {
                Some(result) if !more => return result,
                other => result = other,
            }
        }
    }
}

impl Stream {
    /// What stays the same.
    pub fn format(&self) -> &Format {
        &self.core.format
    }

    /// Where it is in its life.
    pub fn state(&self) -> State {
        self.core.state()
    }

    fn with_host<R>(&self, f: impl FnOnce(&mut Host) -> R) -> R {
        self.core.with_host(f)
    }

    /// Runs `f` on the books, and has what it asked for taken now if no callback will: a frame that has passed ends
    /// or turns an action on a stopped stream too.
    fn request(&self, f: impl FnOnce(&mut Host) -> Result<()>) -> Result<()> {
        self.with_host(|host| {
            self.core.refresh_realtime_offset(host);
            f(host)
        })?;
        self.core.pump();
        Ok(())
    }

    fn thread_of(&self, kind: Kind) -> usize {
        (self.core.format.separate && kind.captures()) as usize
    }

    /// Fails if no new action can be taken.
    fn check_open(&self) -> Result<()> {
        match self.state() {
            State::Closed => fail!(StreamClosed, "the stream is closed"),
            State::Lost => fail!(DeviceLost, "the device of the stream is gone: {}", self.core.loss()),
            _ => Ok(()),
        }
    }

    /// Ends an action: at a frame, or now; `fade_frames` −1 cuts, 0 takes the stream's fade.
    pub fn cancel(&self, action: i64, when: impl Into<When>, fade_frames: i64) -> Result<()> {
        let when = when.into();
        let fade_frames = self.fade_frames(fade_frames)?;
        self.check_when(when, None)?;
        self.request(|host| host.cancel(action, when, fade_frames))
    }

    /// Ends every action that was issued, now.
    pub fn cancel_all(&self, fade_frames: i64) -> Result<()> {
        let fade_frames = self.fade_frames(fade_frames)?;
        let both = self.core.threads();
        self.request(|host| {
            let sweep = host.sweep(fade_frames, Outcome::Cancelled);
            both.iter().for_each(|thread| thread.request_cancel_all(sweep));
            Ok(())
        })
    }

    /// Fails for a frame that never comes, or a host time where a half (any, if none is named) has none.
    fn check_when(&self, when: When, direction: Option<Direction>) -> Result<()> {
        match when {
            When::Frame(frame) if frame < 0 => {
                fail!(InvalidArgument, "frame {frame} is before the first one")
            }
            When::Frame(frame) if frame > MAX_FRAME => {
                fail!(InvalidArgument, "frame {frame}: at most {MAX_FRAME}")
            }
            When::Host(_) => match direction {
                Some(direction) => self.check_clock(direction),
                None => self
                    .check_clock(Direction::Output)
                    .or_else(|error| self.check_clock(Direction::Input).map_err(|_| error)),
            },
            _ => Ok(()),
        }
    }

    /// Fails if blocks have come without any time: a host time would then be waited for in vain.
    pub(super) fn check_clock(&self, direction: Direction) -> Result<()> {
        let (position, fit) = self.position(direction)?;
        if position.block_frames > 0 && position.callback_ns == 0 && fit.stamps == Stamps::None {
            fail!(NoClock, "the blocks of the stream come without times, so no host time can be kept");
        }
        Ok(())
    }

    /// What a caller's fade means: −1 is none, 0 the stream's.
    pub fn fade_frames(&self, fade_frames: i64) -> Result<i64> {
        match fade_frames {
            -1 => Ok(0),
            0 => Ok(self.core.format.fade_frames),
            1..=MAX_FRAME => Ok(fade_frames),
            _ => fail!(
                InvalidArgument,
                "{fade_frames} frames of a fade or ramp: 1 to {MAX_FRAME}, -1 cuts, 0 takes the stream's fade"
            ),
        }
    }

    /// Changes the gain of all audio channels.
    pub fn set_master_gain(&self, when: impl Into<When>, gain_db: f64, ramp_frames: i64) -> Result<()> {
        let when = when.into();
        if self.core.format.output_channels == 0 {
            fail!(InvalidState, "the stream has no output (output_channels is 0)");
        }
        let gain = gain_of_db(gain_db)?;
        let ramp_frames = self.fade_frames(ramp_frames)?;
        self.check_when(when, Some(Direction::Output))?;
        // The lock makes the mailbox's writer single.
        self.with_host(|host| {
            self.check_open()?;
            self.core.refresh_realtime_offset(host);
            self.core.shared.first.request_gain(SetGain { when, gain, ramp_frames });
            Ok(())
        })
    }

    /// Begins a batch and gives its number.
    pub fn begin_batch(&self) -> Result<i64> {
        /// One sequence for the process, so that a number never means two batches.
        static NEXT: AtomicI64 = AtomicI64::new(1);
        self.with_host(|host| {
            self.check_open()?;
            // Relaxed: the numbers order nothing.
            let batch = NEXT.fetch_add(1, Ordering::Relaxed);
            host.begin_batch(batch);
            Ok(batch)
        })
    }

    /// Hands a batch to the callback, whole.
    pub fn commit_batch(&self, batch: i64) -> Result<()> {
        self.request(|host| {
            self.check_open()?;
            let mut actions = host.take_batch(batch)?;
            if self.core.format.separate {
                self.core.align_now(&mut actions);
            }
            host.commit(actions);
            Ok(())
        })
    }

    /// Gives a batch up; its actions end as cancelled.
    pub fn discard_batch(&self, batch: i64) -> Result<()> {
        self.with_host(|host| {
            let actions = host.take_batch(batch)?;
            host.discard(actions, Outcome::Cancelled);
            Ok(())
        })
    }

    /// Everything that is known of `action` now.
    pub fn action(&self, action: i64) -> Result<Receipt> {
        self.with_host(|host| host.receipt(action))
    }

    /// Why the file of `action` could not be read or written further; empty if it could, or there is none.
    pub fn action_error(&self, action: i64) -> Result<String> {
        self.with_host(|host| host.failure(action))
    }

    /// The oldest receipt that was not polled yet.
    pub fn poll_receipt(&self) -> Result<Receipt> {
        let receipt = self.with_host(|host| host.log.poll());
        receipt.ok_or_else(|| Error::new(Code::NoReceipt, "no receipt is waiting"))
    }

    /// Writes every receipt from now on to a new CSV file.
    pub fn log_receipts(&self, path: &std::path::Path) -> Result<()> {
        self.check_open()?;
        let taken = || fail!(InvalidState, "the stream writes a receipt log already");
        if self.with_host(|host| host.file_log.is_some()) {
            return taken();
        }
        let mut file_log = Some(FileLog::create(path, &self.core.format)?);
        self.with_host(|host| {
            if host.file_log.is_none() {
                host.file_log = file_log.take();
            }
        });
        if file_log.is_some() {
            // Another thread was first, and this file holds nothing but its header.
            drop(file_log);
            let _ = std::fs::remove_file(path);
            return taken();
        }
        Ok(())
    }

    /// Where a half is.
    pub fn time(&self, direction: Direction) -> Result<StreamTime> {
        let format = &self.core.format;
        let (position, fit) = self.position(direction)?;
        let frame = position.next_frame();
        let rate = format.sample_rate_hz as f64;
        let mut earliest_frame = frame;
        if self.state() == State::Running && format.backend != Backend::Manual {
            // A virtual or stalled device makes up for lost time, so frames go by the clock.
            let passed = match position.callback_ns {
                0 => 0.0,
                entered => (clock::monotonic_ns() - entered).max(0) as f64 * 1e-9 * rate,
            };
            let block = match self.core.shared.counters.largest_block.load(Ordering::Relaxed) {
                0 => self.core.first_block,
                largest => largest,
            } as f64;
            let margin = (2.0 * block + EARLIEST_MARGIN_S * rate).ceil() as i64;
            earliest_frame = frame.max(position.block_frame + passed.ceil() as i64) + margin;
        }
        Ok(StreamTime {
            frame,
            earliest_frame,
            host_ns: if fit.is_usable() { fit.host_ns(frame) } else { NONE },
            ppm: fit.ppm(format.sample_rate_hz),
            uncertainty_ns: fit.uncertainty_ns,
            latency_source: position.latency_source,
            stamps: fit.stamps,
        })
    }

    /// Where a half is: its last block, and its fit with the user's bias in it.
    pub fn position(&self, direction: Direction) -> Result<(Position, Fit)> {
        let (format, shared) = (&self.core.format, &self.core.shared);
        let plays = direction == Direction::Output;
        let (half, channels) = match plays {
            true => (&shared.playback, format.output_channels),
            false => (&shared.capture, format.input_channels),
        };
        if channels == 0 {
            fail!(InvalidState, "the stream has no {direction:?} half");
        }
        let mut position = half.read();
        position.latency_source = match position.fit.is_usable() {
            true => half::calibrated(position.latency_source, &shared.biases, plays),
            false => LatencySource::Unknown,
        };
        Ok((position, half::biased(position.fit, &shared.biases, plays)))
    }

    /// From an output frame to the input frame that is at the converter at the same time, as of now, by the clock
    /// fits of halves with callbacks of their own; `None` until both have settled with a known latency.
    fn frames_apart(&self) -> Option<i64> {
        let settled = |direction| {
            let (position, fit) = self.position(direction).ok()?;
            let is_known = position.latency_source != LatencySource::Unknown;
            (is_known && matches!(fit.stamps, Stamps::Usable | Stamps::Quantised)).then_some(fit)
        };
        let (output, input) = (settled(Direction::Output)?, settled(Direction::Input)?);
        Some(input.frame_at(output.host_ns(output.frame)).saturating_sub(output.frame))
    }

    /// A half's fit, or an error that says why there is none.
    fn fit(&self, direction: Direction) -> Result<Fit> {
        let (position, fit) = self.position(direction)?;
        if fit.is_usable() {
            return Ok(fit);
        }
        let half = format!("{direction:?}").to_lowercase();
        match position.fit.stamps {
            Stamps::Useless => fail!(NoClock, "the time stamps of the {half} are useless"),
            _ => fail!(NoClock, "no time stamps of the {half} have come since the stream was started"),
        }
    }

    /// The frame of a half that is at the converter at a host time.
    pub fn frame_at(&self, direction: Direction, time: HostTime) -> Result<i64> {
        let offset = match time.clock {
            HostClock::Monotonic => 0,
            HostClock::Realtime => clock::realtime_offset_ns(),
        };
        Ok(self.fit(direction)?.frame_at(time.ns.saturating_sub(offset)))
    }

    /// The host time at which a frame of a half is at the converter.
    pub fn host_time_at(&self, direction: Direction, host_clock: HostClock, frame: i64) -> Result<i64> {
        let offset = match host_clock {
            HostClock::Monotonic => 0,
            HostClock::Realtime => clock::realtime_offset_ns(),
        };
        if frame.unsigned_abs() > MAX_FRAME as u64 {
            fail!(InvalidArgument, "frame {frame}: at most {MAX_FRAME} either way");
        }
        let ns = self.fit(direction)?.host_ns(frame).saturating_add(offset);
        if ns.unsigned_abs() > MAX_HOST_NS {
            fail!(
                InvalidArgument,
                "frame {frame} lies more than {MAX_HOST_NS} ns (146 years) from the zero of the clock"
            );
        }
        Ok(ns)
    }

    /// States how much longer than reported the way between the callback and the converter is.
    pub fn set_latency_bias(&self, direction: Direction, bias_ns: i64) -> Result<()> {
        if bias_ns.unsigned_abs() > MAX_BIAS_NS as u64 {
            fail!(InvalidArgument, "bias_ns {bias_ns}: at most {MAX_BIAS_NS} (10 s) either way");
        }
        self.position(direction)?;
        self.core.shared.biases.set(direction == Direction::Output, bias_ns);
        Ok(())
    }

    /// Most steps of each kind that one callback of a thread took, for tests of what bounds them.
    #[doc(hidden)]
    pub fn most_steps(&self, thread: usize) -> [u64; STEPS] {
        let shared = self.core.threads()[thread];
        // Relaxed: counts that order nothing.
        shared.most_steps.each_ref().map(|most| most.swap(0, Ordering::Relaxed))
    }

    /// Counts so far.
    pub fn stats(&self) -> Stats {
        let counters = &self.core.shared.counters;
        // Relaxed: counters that order nothing.
        let load = |counter: &crate::sync::AtomicU64| counter.load(Ordering::Relaxed);
        self.with_host(|host| {
            let (free, live) = host.slots();
            Stats {
                callbacks: load(&counters.callbacks),
                output_xruns: load(&counters.output_xruns),
                input_xruns: load(&counters.input_xruns),
                output_discontinuities: load(&counters.output_discontinuities),
                input_discontinuities: load(&counters.input_discontinuities),
                clipped: load(&counters.clipped),
                nonfinite: load(&counters.nonfinite),
                largest_block: load(&counters.largest_block),
                live_actions: live as u64,
                free_actions: free as u64,
                receipts_waiting: host.log.waiting(),
                receipts_dropped: host.log.dropped(),
                log_failed: host.file_log.as_ref().is_some_and(FileLog::failed),
            }
        })
    }

    /// Runs one block of a manual stream by the door of callback thread `thread`. Realtime-safe, so a failure
    /// is a bare code: the stream is not running, or another thread is inside.
    pub fn process(
        &self,
        thread: usize,
        input: Input<'_>,
        output: Output<'_, '_>,
        time: BlockTime,
    ) -> std::result::Result<(), Code> {
        self.refresh_realtime_offset_for_block();
        self.core.gates[thread].process(input, output, time).then_some(()).ok_or(Code::InvalidState)
    }

    /// The same by the first door, with input that lies in the memory of the output.
    pub fn process_in_place(
        &self,
        input: Overlap<'_>,
        output: Output<'_, '_>,
        time: BlockTime,
    ) -> std::result::Result<(), Code> {
        self.refresh_realtime_offset_for_block();
        self.core.gates[0].process_in_place(input, output, time).then_some(()).ok_or(Code::InvalidState)
    }

    fn refresh_realtime_offset_for_block(&self) {
        if self.core.threads_waiting_for_realtime() {
            self.core.store_realtime_offset();
        }
    }
}
