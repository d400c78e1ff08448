//! An open stream, what is shown while it runs, and Ctrl-C.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use sonset::backend::{Backend, Granted};
use sonset::device::Direction;
use sonset::stream::{Config, Info, Stream};

use crate::cli::StreamArgs;
use crate::report::{NOT_MEASURED, Refusal, Summary};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Ctrl-C ends a measurement from now on, and only if it is pressed again the program.
pub fn catch_interrupts() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        // Relaxed, here and below: a flag that orders nothing.
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(NOT_MEASURED.into());
        }
    })
}

/// Whether the user wants to end.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// A bar on standard error; none if that is no terminal or `quiet`.
pub fn progress(length: u64, what: &'static str, quiet: bool) -> ProgressBar {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:40}] {percent:>3} %, {eta} left") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.with_message(what)
}

/// Whether the results will be of the virtual device.
pub fn is_virtual(args: &StreamArgs) -> bool {
    args.backend == Some(Backend::Virtual)
}

/// Opens and starts a stream for `actions` actions.
pub fn open(args: &StreamArgs, actions: u32) -> Result<Stream, Refusal> {
    let config = Config {
        backend: args.backend,
        sample_rate_hz: args.rate,
        output_channels: args.channels_out,
        input_channels: args.channels_in,
        block_frames: args.block,
        max_actions: actions,
        virtual_latency_frames: args.virtual_latency,
        output_device: args.output.clone(),
        input_device: args.input.clone(),
        options: args.options.clone(),
        ..Config::default()
    };
    let stream = Stream::open(&config)?;
    stream.start()?;
    Ok(stream)
}

/// What was opened.
#[derive(Clone, Debug, Serialize)]
pub struct Device {
    pub backend: &'static str,
    pub output: String,
    pub output_id: String,
    pub input: String,
    pub input_id: String,
    pub sample_rate_hz: u32,
    pub device_rate_hz: u32,
    pub system_resamples: bool,
    pub block_frames: u32,
    pub output_channels: u32,
    pub input_channels: u32,
    pub one_callback: bool,
    /// `None` where the backend cannot tell.
    pub realtime: Option<bool>,
    pub memory_locked: bool,
    pub output_latency_frames: Option<i64>,
    pub input_latency_frames: Option<i64>,
    pub round_trip_frames: Option<i64>,
}

impl Device {
    pub fn of(info: &Info) -> Self {
        let opened = &info.opened;
        Self {
            backend: info.format.backend.name(),
            output: opened.output_device_name.clone(),
            output_id: opened.output_device_id.clone(),
            input: opened.input_device_name.clone(),
            input_id: opened.input_device_id.clone(),
            sample_rate_hz: opened.sample_rate_hz,
            device_rate_hz: opened.device_rate_hz,
            system_resamples: opened.os_resamples,
            block_frames: opened.block_frames,
            output_channels: opened.output_channels,
            input_channels: opened.input_channels,
            one_callback: opened.duplex,
            realtime: granted(opened.realtime),
            memory_locked: info.memory_locked,
            output_latency_frames: opened.output_latency_frames,
            input_latency_frames: opened.input_latency_frames,
            round_trip_frames: opened.round_trip_frames,
        }
    }

    /// In one line.
    pub fn line(&self) -> String {
        let device = match (self.output.as_str(), self.input.as_str()) {
            ("", one) | (one, "") => one.to_string(),
            (output, input) if output == input => output.to_string(),
            (output, input) => format!("{output} → {input}"),
        };
        let blocks = match self.block_frames {
            0 => "blocks that vary".into(),
            frames => format!("blocks of {frames} frames"),
        };
        format!("{}: {device}, {} Hz, {blocks}", self.backend, self.sample_rate_hz)
    }

    /// Rows that say what was opened.
    pub fn describe(&self, summary: &mut Summary) {
        summary.row("device", self.line());
        let callbacks = if self.one_callback { "one callback" } else { "a callback for each direction" };
        summary.row(
            "channels",
            format!("{} out, {} in, {callbacks}", self.output_channels, self.input_channels),
        );
        if self.system_resamples {
            let (own, device) = (self.sample_rate_hz, self.device_rate_hz);
            summary.note(format!("the system resamples between {own} Hz and the device's {device} Hz"));
        }
    }

    pub fn ms(&self, frames: f64) -> f64 {
        frames * 1_000.0 / self.sample_rate_hz as f64
    }
}

fn granted(granted: Granted) -> Option<bool> {
    match granted {
        Granted::Unknown => None,
        Granted::Yes => Some(true),
        Granted::No => Some(false),
    }
}

/// The halves of a stream that were opened.
pub fn halves(stream: &Stream) -> Vec<Direction> {
    let format = stream.format();
    let open = [(Direction::Output, format.output_channels), (Direction::Input, format.input_channels)];
    open.into_iter().filter(|half| half.1 > 0).map(|half| half.0).collect()
}

/// The name of a half.
pub fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::Output => "output",
        Direction::Input => "input",
    }
}

/// How long a loop that looks at a stream sleeps.
pub const LOOK: Duration = Duration::from_millis(1);
