//! Opening, starting, stopping, losing and closing a stream.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use super::channels::Channels;
use super::host::Host;
use super::{Channel, Config, Core, Format, Info, LOOK, State, Stream, lock};
use crate::action::{Action, MAX_SLOTS, Start};
use crate::backend::device_thread::DeviceThread;
use crate::backend::{self, Backend, Callback, Callbacks, Notices, Opened, Request};
use crate::clock;
use crate::error::{Result, fail};
use crate::memory::{Locked, Ranges};
use crate::options::Options;
use crate::queue::queues;
use crate::realtime::Line;
use crate::realtime::block::MAX_CHANNELS;
use crate::realtime::clock::Errs;
use crate::realtime::crossing::Crossing;
use crate::realtime::engine::{Engine, Parts, Role};
use crate::realtime::gate::Gate;
use crate::realtime::half::HalfParts;
use crate::realtime::work::STEPS;
use crate::receipt::Outcome;
use crate::shared::{Shared, ThreadShared};

const DEFAULT_ACTIONS: u32 = 1024;
const DEFAULT_FADE_MS: f64 = 5.0;
/// The `fade_ms` of a stream that cuts.
const NO_FADE: f64 = -1.0;
/// Levels of the noise in digital silence: of a quarter of the last of 24 bits, up to three times the last of 16.
const DITHER_DB: std::ops::RangeInclusive<f64> = -150.0..=-80.0;
/// Most samples of history: a recording that starts in the past copies its part in one callback.
const MAX_HISTORY_SAMPLES: usize = 1 << 20;
const MAX_FADE_MS: f64 = 10_000.0;
/// How long a callback may take to leave its block before it is given up.
const LEAVE_DEADLINE: Duration = Duration::from_millis(500);
/// A running device that does not call for so long is lost.
const SILENCE_DEADLINE: Duration = Duration::from_secs(5);
/// How long a stop waits beyond the fade for a callback to take it.
const STOP_DEADLINE: Duration = Duration::from_millis(500);
/// Most that a stop waits for the device to play out what it was given.
const MAX_PLAY_OUT: Duration = Duration::from_millis(500);
/// How long a close waits for recordings to be complete on disk.
const FILES_DEADLINE: Duration = Duration::from_secs(10);
/// Longest wait for news of a device that may be busy, of who asks for all that is known, and of who must not wait.
const INFO_DEADLINE: Duration = Duration::from_millis(200);
const NEWS_DEADLINE: Duration = Duration::from_millis(20);
/// What a block of unknown size is taken for before the first one came, in frames.
const UNKNOWN_BLOCK: u64 = 2048;
/// How often the service thread looks while actions live or something waits for REALTIME, and else.
const BUSY_LOOK: Duration = Duration::from_millis(2);
const IDLE_LOOK: Duration = Duration::from_millis(20);

/// What changes with starting and stopping.
pub struct Life {
    device: Option<DeviceThread>,
    /// Engines while they are out of their gates; after a callback did not come back there is none.
    engines: [Option<Box<Engine>>; 2],
    /// Unlocked when the engines are dropped with it.
    locked: Vec<Locked>,
}

/// The life of a stream, locked: for as long as a device takes to start or to stop.
pub(super) struct LifeGuard<'a> {
    core: &'a Core,
    /// There until it is dropped.
    life: Option<MutexGuard<'a, Life>>,
}

impl Deref for LifeGuard<'_> {
    type Target = Life;

    fn deref(&self) -> &Life {
        self.life.as_deref().expect("there until it is dropped")
    }
}

impl DerefMut for LifeGuard<'_> {
    fn deref_mut(&mut self) -> &mut Life {
        self.life.as_deref_mut().expect("there until it is dropped")
    }
}

impl Drop for LifeGuard<'_> {
    /// Frees what became free meanwhile, and does what others asked for and did not wait for.
    fn drop(&mut self) {
        drop(self.life.take());
        self.core.with_host(|_| ());
        // SeqCst, here and in `pump`: either it finds the lock free, or its wish is seen here.
        if self.core.pump_wanted.load(Ordering::SeqCst) {
            self.core.pump();
        }
    }
}

impl Stream {
    /// Opens a stream.
    pub fn open(config: &Config) -> Result<Self> {
        check_config(config)?;
        let options = Options::parse(&config.options)?;
        let notices = Arc::new(Notices::default());
        let gates = [Arc::new(Gate::default()), Arc::new(Gate::default())];
        let backend = match config.backend {
            Some(backend) => backend,
            None => backend::system_default()?,
        };
        let (device, opened) = if backend == Backend::Manual {
            (None, open_manual(config, &options)?)
        } else {
            let (device, opened) = open_device(backend, config, options, &gates, &notices)?;
            (Some(device), opened)
        };
        let core = Arc::new(assemble(backend, config, device, opened, gates, notices));
        let service = (backend != Backend::Manual).then(|| {
            let core = core.clone();
            std::thread::Builder::new().name("sonset service".into()).spawn(move || core.serve())
        });
        let service = match service {
            Some(Err(error)) => fail!(OutOfMemory, "no thread for the stream: {error}"),
            Some(Ok(thread)) => Some(thread),
            None => None,
        };
        Ok(Self { core, service: Mutex::new(service) })
    }

    /// Starts the callbacks; nothing happens if they come already.
    pub fn start(&self) -> Result<()> {
        let core = &self.core;
        let mut life = core.lock_life();
        match core.state() {
            State::Running => return Ok(()),
            State::Open | State::Stopped => {}
            State::Closed | State::Lost => return self.check_open(),
        }
        let lines = lock(&core.channels).fix();
        if let Some(engine) = &mut life.engines[0] {
            engine.set_lines(lines);
        }
        for (gate, engine) in core.gates.iter().zip(&mut life.engines) {
            if let Some(mut engine) = engine.take() {
                engine.resume();
                gate.open(engine);
            }
        }
        let started = life.device.as_ref().map_or(Ok(()), DeviceThread::start);
        if started.is_err() {
            core.take_engines(&mut life);
            lock(&core.channels).release();
            return started;
        }
        core.set_state(State::Running);
        Ok(())
    }

    /// Fades out, ends all actions and stops the callbacks; nothing happens if none come.
    pub fn stop(&self) -> Result<()> {
        self.core.stop(&mut self.core.lock_life())
    }

    /// Stops and closes for good. Receipts stay readable.
    pub fn close(&self) {
        let core = &self.core;
        let mut life = core.lock_life();
        if core.state() == State::Closed {
            return;
        }
        // A device that fails to stop is closed all the same.
        let _ = core.stop(&mut life);
        core.set_state(State::Closed);
        lock(&core.channels).fix();
        if let Some(device) = life.device.take() {
            let _ = device.close();
        }
        core.end(&mut life, Outcome::StreamStopped);
        core.memory_locked.store(false, Ordering::Relaxed);
        life.locked.clear();
        life.engines = [None, None];
        drop(life);
        let service = lock(&self.service).take();
        // A release function that closes its stream may have been called on the service thread itself.
        if let Some(service) = service.filter(|service| service.thread().id() != std::thread::current().id())
        {
            let _ = service.join();
        }
        core.finish_files(FILES_DEADLINE);
        core.with_host(|host| host.file_log.take());
    }

    /// What is known of the stream.
    pub fn info(&self) -> Info {
        let core = &self.core;
        let opened = core.opened(INFO_DEADLINE);
        Info {
            state: core.state(),
            format: core.format,
            round_trip_frames: self.fitted_round_trip().or(opened.round_trip_frames),
            opened,
            max_actions: core.shared.slots.len() as u32,
            // Relaxed: a flag that orders nothing.
            memory_locked: core.memory_locked.load(Ordering::Relaxed),
            bias_ns: [true, false].map(|plays| core.shared.biases.get(plays)),
            stamps: [&core.shared.playback, &core.shared.capture].map(|half| half.read().fit.stamps),
            loss: core.loss(),
        }
    }

    /// Bounds the steps in a chunk otherwise, for tests. Only while the stream does not run.
    #[doc(hidden)]
    pub fn set_bounds(&self, bounds: [u32; STEPS]) {
        let mut life = self.core.lock_life();
        life.engines.iter_mut().flatten().for_each(|engine| engine.set_bounds(bounds));
    }

    /// From output frame n to the input frame in which it comes back, by the clock fits of separate halves.
    fn fitted_round_trip(&self) -> Option<i64> {
        let tells = self.core.format.separate && self.state() == State::Running;
        tells.then(|| self.frames_apart()).flatten()
    }

    /// From output frame n to the input frame in which it comes back.
    pub(super) fn round_trip_frames(&self) -> Result<i64> {
        match self.fitted_round_trip().or_else(|| self.core.opened(NEWS_DEADLINE).round_trip_frames) {
            Some(frames) => Ok(frames),
            None => fail!(
                Unsupported,
                "no round trip is known to align a recording with: the backend reports none, and the time stamps \
                 of the halves do not tell it (yet)"
            ),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.close();
    }
}

impl Core {
    /// Reads the clocks for callbacks, which must not. With the books locked, so that a thread that the system holds
    /// up does not put what it read before the clock was set in the place of what another read after it.
    pub(super) fn refresh_realtime_offset(&self, _locked: &Host) {
        self.store_realtime_offset();
    }

    /// The same from a callback of the host's, which must not lock, for its own block.
    pub(super) fn store_realtime_offset(&self) {
        // Relaxed: a reading of a clock, which orders nothing.
        self.shared.realtime_offset_ns.store(clock::realtime_offset_ns(), Ordering::Relaxed);
    }

    /// Whether a callback needs the offset to be fresh.
    pub(super) fn threads_waiting_for_realtime(&self) -> bool {
        // Relaxed: an offset that is a block old does no harm.
        [&self.shared.first, &self.shared.second]
            .iter()
            .any(|thread| thread.realtime_waiting.load(Ordering::Relaxed) > 0)
    }

    /// One for each callback thread.
    pub(super) fn threads(&self) -> Vec<&ThreadShared> {
        if self.format.separate {
            vec![&self.shared.first, &self.shared.second]
        } else {
            vec![&self.shared.first]
        }
    }

    /// Why the device is gone; empty while it is there.
    pub(super) fn loss(&self) -> String {
        self.notices.loss().unwrap_or_default()
    }

    /// Lets "now" mean one frame for both halves: the first that both can still reach.
    pub(super) fn align_now(&self, actions: &mut [Box<Action>]) {
        let largest = self.shared.counters.largest_block.load(Ordering::Relaxed) as i64;
        let next = self.shared.playback.read().next_frame().max(self.shared.capture.read().next_frame());
        let manual = self.format.backend == Backend::Manual;
        let margin = if manual { 0 } else { 2 * largest + self.format.sample_rate_hz as i64 / 200 };
        for action in actions.iter_mut().filter(|action| action.start == Start::Now) {
            action.start = Start::AtFrame(next + margin);
        }
    }

    /// Lets engines that no callback runs take their commands, so that a cancel has its receipt.
    pub(super) fn pump(&self) {
        while self.state() != State::Running {
            // SeqCst: see `LifeGuard`. Whoever has the lock, and has it for long, does it in our place.
            self.pump_wanted.store(true, Ordering::SeqCst);
            let Some(mut life) = try_lock(&self.life) else { return };
            self.pump_wanted.store(false, Ordering::SeqCst);
            for engine in life.engines.iter_mut().flatten() {
                engine.catch_up();
            }
            drop(life);
            self.with_host(|_| ());
            if !self.pump_wanted.load(Ordering::SeqCst) {
                return;
            }
        }
    }

    /// Locks the life of the stream, which may take as long as a device takes to start or to stop.
    pub(super) fn lock_life(&self) -> LifeGuard<'_> {
        LifeGuard { core: self, life: Some(lock(&self.life)) }
    }

    /// What the backend says, if it answers within `deadline` and nobody starts or stops it; else what it said last.
    fn opened(&self, deadline: Duration) -> Opened {
        if let Some(life) = try_lock(&self.life) {
            let life = LifeGuard { core: self, life: Some(life) };
            if let Some(opened) = life.device.as_ref().and_then(|device| device.opened(deadline)) {
                *lock(&self.opened) = opened;
            }
        }
        lock(&self.opened).clone()
    }

    /// Takes the engines out of their gates. False if a callback did not come back with its one.
    fn take_engines(&self, life: &mut Life) -> bool {
        let mut all = true;
        for (index, (gate, engine)) in self.gates.iter().zip(&mut life.engines).enumerate() {
            if engine.is_none() && (index == 0 || self.format.separate) {
                *engine = gate.close(LEAVE_DEADLINE);
                all &= engine.is_some();
            }
        }
        all
    }

    fn stop(&self, life: &mut Life) -> Result<()> {
        if self.state() != State::Running {
            return Ok(());
        }
        if life.device.is_some() {
            self.fade_out();
        }
        // The gate first: a server may end its thread at any point of our callback.
        let whole = self.take_engines(life);
        let stopped = life.device.as_ref().map_or(Ok(()), DeviceThread::stop);
        let lost = !whole || stopped.is_err() || self.notices.loss().is_some();
        let outcome = if lost { Outcome::DeviceLost } else { Outcome::StreamStopped };
        self.set_state(if lost { State::Lost } else { State::Stopped });
        if !lost {
            lock(&self.channels).release();
        }
        for engine in life.engines.iter_mut().flatten() {
            engine.finish(outcome);
        }
        self.with_host_in_life(|host| host.sweep(0, outcome));
        if lost {
            if !whole {
                self.notices.lose("the device's callback did not return");
            }
            self.end(life, outcome);
            life.device = None;
        }
        stopped
    }

    /// Asks the callbacks to fade out, and waits until they have and the device has played it.
    fn fade_out(&self) {
        let threads = self.threads();
        let taken = |thread: &ThreadShared| thread.stops_taken.load(Ordering::Acquire);
        let before: Vec<u64> = threads.iter().map(|thread| taken(thread)).collect();
        let fade = self.format.fade_frames;
        self.with_host_in_life(|host| {
            let sweep = host.sweep(fade, Outcome::StreamStopped);
            threads.iter().for_each(|thread| thread.request_stop_all(sweep));
        });
        let rate = self.format.sample_rate_hz as f64;
        let deadline = Instant::now() + STOP_DEADLINE + Duration::from_secs_f64(fade as f64 / rate);
        let sounded = threads[0].sounding.load(Ordering::Relaxed) > 0;
        let done = |thread: &ThreadShared, before: u64| {
            // Acquire pairs with the Release of the callback, so that `sounding` is from after the sweep.
            taken(thread) > before && thread.sounding.load(Ordering::Relaxed) == 0
        };
        while !threads.iter().zip(&before).all(|(thread, &before)| done(thread, before)) {
            if Instant::now() >= deadline || self.notices.loss().is_some() {
                return;
            }
            std::thread::sleep(LOOK);
        }
        if sounded {
            let latency = lock(&self.opened).output_latency_frames.unwrap_or(0).max(0) as f64 / rate;
            std::thread::sleep(Duration::from_secs_f64(latency).min(MAX_PLAY_OUT));
        }
    }

    /// Ends everything that is left, whoever holds it.
    fn end(&self, life: &mut Life, outcome: Outcome) {
        self.take_engines(life);
        for engine in life.engines.iter_mut().flatten() {
            engine.finish(outcome);
        }
        self.with_host_in_life(|host| {
            host.drain();
            host.end_all(outcome);
        });
    }

    /// The service thread: books receipts, and sees when the device is gone.
    fn serve(&self) {
        let callbacks = || self.shared.counters.callbacks.load(Ordering::Relaxed);
        let mut heard = (callbacks(), Instant::now());
        loop {
            self.with_host(|host| self.refresh_realtime_offset(host));
            match self.state() {
                State::Closed => return,
                State::Running => {
                    if callbacks() != heard.0 {
                        heard = (callbacks(), Instant::now());
                    }
                    if heard.1.elapsed() > SILENCE_DEADLINE {
                        let seconds = SILENCE_DEADLINE.as_secs();
                        self.notices.lose(format!("the device has not called for {seconds} s"));
                    }
                    if self.notices.loss().is_some() {
                        self.lose();
                    }
                }
                _ => heard.1 = Instant::now(),
            }
            let host = lock(&self.host);
            if self.state() != State::Closed {
                let busy = host.slots().1 > 0 || self.threads_waiting_for_realtime();
                drop(self.changed.wait_timeout(host, if busy { BUSY_LOOK } else { IDLE_LOOK }));
            }
        }
    }

    fn lose(&self) {
        let mut life = self.lock_life();
        if self.state() == State::Running {
            self.set_state(State::Lost);
            self.end(&mut life, Outcome::DeviceLost);
            // Dropped, not closed: closing may hang with its server.
            life.device = None;
        }
    }
}

fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

fn check_config(config: &Config) -> Result<()> {
    let (outputs, inputs) = (config.output_channels as usize, config.input_channels as usize);
    if outputs == 0 && inputs == 0 {
        fail!(InvalidArgument, "output_channels and input_channels are both 0");
    }
    if outputs > MAX_CHANNELS || inputs > MAX_CHANNELS {
        fail!(UnsupportedFormat, "{outputs} output and {inputs} input channels: at most {MAX_CHANNELS} each");
    }
    for (name, id) in [("output_device", &config.output_device), ("input_device", &config.input_device)] {
        if id.as_ref().is_some_and(|id| id.trim().is_empty()) {
            fail!(InvalidArgument, "{name} is empty: name a device by its id, or none for the default one");
        }
    }
    if config.max_actions as usize > MAX_SLOTS {
        fail!(InvalidArgument, "max_actions {}: at most {MAX_SLOTS}", config.max_actions);
    }
    let history = config.history_frames as usize * inputs;
    if config.history_frames > 0 && inputs == 0 {
        fail!(InvalidArgument, "history_frames {}, but the stream has no input", config.history_frames);
    }
    if history > MAX_HISTORY_SAMPLES {
        fail!(
            InvalidArgument,
            "history_frames {} of {inputs} channels are {history} samples: at most {MAX_HISTORY_SAMPLES}",
            config.history_frames
        );
    }
    if !(0.0..=1.0).contains(&config.ceiling) {
        fail!(InvalidArgument, "ceiling {}: above 0 and at most 1, or 0 for 1", config.ceiling);
    }
    if config.fade_ms != NO_FADE && !(0.0..=MAX_FADE_MS).contains(&config.fade_ms) {
        fail!(
            InvalidArgument,
            "fade_ms {}: up to {MAX_FADE_MS}, 0 for {DEFAULT_FADE_MS}, {NO_FADE} for none",
            config.fade_ms
        );
    }
    if config.dither_db != 0.0 && !DITHER_DB.contains(&config.dither_db) {
        let (least, most) = (DITHER_DB.start(), DITHER_DB.end());
        fail!(InvalidArgument, "dither_db {}: {least} to {most}, or 0 for none", config.dither_db);
    }
    Ok(())
}

/// A manual stream is what its configuration says; there is nobody to ask.
fn open_manual(config: &Config, options: &Options) -> Result<Opened> {
    let separate = match options.take("callbacks").as_deref() {
        None | Some("duplex") => false,
        Some("separate") => true,
        Some(other) => fail!(InvalidArgument, "option callbacks={other}: 'duplex' or 'separate'"),
    };
    options.expect_empty()?;
    if config.sample_rate_hz == 0 {
        fail!(InvalidArgument, "a manual stream has no device to take its rate from: set sample_rate_hz");
    }
    if config.output_device.is_some() || config.input_device.is_some() {
        fail!(InvalidArgument, "a manual stream has no device to name");
    }
    Ok(Opened {
        sample_rate_hz: config.sample_rate_hz,
        output_channels: config.output_channels,
        input_channels: config.input_channels,
        block_frames: config.block_frames,
        duplex: !separate,
        common_clock: !separate,
        errs: Errs::Unknown,
        sample_format: "f32".into(),
        ..Opened::default()
    })
}

fn open_device(
    backend: Backend,
    config: &Config,
    options: Options,
    gates: &[Arc<Gate>; 2],
    notices: &Arc<Notices>,
) -> Result<(DeviceThread, Opened)> {
    let (config, notices) = (config.clone(), notices.clone());
    let callback = |gate: &Arc<Gate>| Callback::new(gate.clone(), notices.clone());
    // A half that is alone has the first engine, whichever callback it comes by.
    let capture = if config.output_channels == 0 { &gates[0] } else { &gates[1] };
    let callbacks = Callbacks { playback: callback(&gates[0]), capture: callback(capture) };
    DeviceThread::open(move || {
        let request = Request {
            sample_rate_hz: config.sample_rate_hz,
            output_channels: config.output_channels,
            input_channels: config.input_channels,
            block_frames: config.block_frames,
            virtual_latency_frames: config.virtual_latency_frames,
            output_device: config.output_device.as_deref(),
            input_device: config.input_device.as_deref(),
            options: &options,
        };
        let driver = backend::open(backend, &request, callbacks, &notices)?;
        options.expect_empty()?;
        Ok(driver)
    })
}

fn assemble(
    backend: Backend,
    config: &Config,
    device: Option<DeviceThread>,
    opened: Opened,
    gates: [Arc<Gate>; 2],
    notices: Arc<Notices>,
) -> Core {
    let both = opened.output_channels > 0 && opened.input_channels > 0;
    let fade_ms = match config.fade_ms {
        0.0 => DEFAULT_FADE_MS,
        NO_FADE => 0.0,
        given => given,
    };
    let format = Format {
        backend,
        sample_rate_hz: opened.sample_rate_hz,
        output_channels: opened.output_channels,
        input_channels: opened.input_channels,
        separate: both && !opened.duplex,
        fade_frames: (fade_ms * 1e-3 * opened.sample_rate_hz as f64).round() as i64,
        dither_db: config.dither_db,
    };
    let slots = if config.max_actions == 0 { DEFAULT_ACTIONS } else { config.max_actions } as usize;
    let ceiling = if config.ceiling == 0.0 { 1.0 } else { config.ceiling };
    let channels = Channels::of(&vec![Channel::default(); format.output_channels as usize], ceiling);
    let crossing = format
        .separate
        .then(|| Arc::new(Crossing::new(format.input_channels as usize, format.sample_rate_hz)));
    let shared = Arc::new(Shared::new(slots, crossing));
    let mut ranges = Ranges::default();
    shared.add_memory(&mut ranges);
    let (ends, engines) =
        make_engines(&format, &shared, &channels.lines, &opened, config.history_frames as usize, &mut ranges);
    engines.iter().flatten().for_each(|engine| engine.add_memory(&mut ranges));
    let locked = ranges.ready();
    Core {
        format,
        host: Mutex::new(Host::new(shared.clone(), ends)),
        shared,
        notices,
        gates,
        changed: std::sync::Condvar::new(),
        channels: Mutex::new(channels),
        memory_locked: locked.is_some().into(),
        first_block: if opened.block_frames == 0 { UNKNOWN_BLOCK } else { opened.block_frames as u64 },
        state: (State::Open as i32).into(),
        life: Mutex::new(Life { device, engines, locked: locked.unwrap_or_default() }),
        pump_wanted: false.into(),
        opened: Mutex::new(opened),
    }
}

/// One engine for each callback thread. Where input alone has a callback of its own, it comes through the
/// second gate.
fn make_engines(
    format: &Format,
    shared: &Arc<Shared>,
    lines: &[Line],
    opened: &Opened,
    history_frames: usize,
    ranges: &mut Ranges,
) -> (Vec<crate::queue::HostEnds>, [Option<Box<Engine>>; 2]) {
    let half = |plays, latency_frames| HalfParts {
        plays,
        sample_rate_hz: format.sample_rate_hz,
        errs: opened.errs,
        latency_frames,
    };
    let halves = [half(true, opened.output_latency_frames), half(false, opened.input_latency_frames)];
    let mut make = |role: Role, lines: Box<[Line]>, input_channels: u32| {
        let (host, queue) = queues(shared.slots.len());
        host.add_memory(&queue, ranges);
        let parts = Parts {
            shared: shared.clone(),
            queue,
            role,
            lines,
            input_channels: input_channels as usize,
            sample_rate_hz: format.sample_rate_hz,
            dither_peak: if format.dither_db == 0.0 { 0.0 } else { 10f64.powf(format.dither_db / 20.0) },
            history_frames,
            halves,
        };
        (host, Some(Engine::new(parts)))
    };
    if format.separate {
        let (first, playback) = make(Role::Playback, lines.into(), 0);
        let (second, capture) = make(Role::Capture, Box::new([]), format.input_channels);
        (vec![first, second], [playback, capture])
    } else {
        let (only, engine) = make(Role::Only, lines.into(), format.input_channels);
        (vec![only], [engine, None])
    }
}
