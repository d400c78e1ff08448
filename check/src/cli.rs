//! What can be asked on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Lists sound devices, and measures what their timing is worth.
///
/// Exit code: 0 if every limit is kept, 1 if one is not, 2 if nothing could be measured.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The tool's subjects.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists the devices of every backend that is there.
    List(List),
    /// Runs silence and shows blocks, wake-ups, xruns, and the fit of the device's clock.
    Timing(Timing),
    /// Plays pulses through a cable from output to input and measures the round trip and its jitter.
    Loopback(Loopback),
    /// Compares a receipt log with onsets that an independent recorder measured.
    External(External),
}

/// Where the results go.
#[derive(Args, Debug)]
pub struct Results {
    /// Writes the results as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draws the results as SVG.
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
    /// Shows no progress.
    #[arg(long)]
    pub quiet: bool,
}

/// Options of `list`.
#[derive(Args, Debug)]
pub struct List {
    /// Only this backend (jack, alsa, pulseaudio, virtual, ...).
    #[arg(long)]
    pub backend: Option<String>,
    /// Writes the list as JSON; '-' to the standard output.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// The stream to measure.
#[derive(Args, Debug)]
pub struct Device {
    /// Backend (see `sonset-check list`); the system's default if not given.
    #[arg(long)]
    pub backend: Option<String>,
    /// Id of the output device.
    #[arg(long, value_name = "ID")]
    pub output: Option<String>,
    /// Id of the input device.
    #[arg(long, value_name = "ID")]
    pub input: Option<String>,
    /// Sample rate in hertz; the device's own if not given.
    #[arg(long, default_value_t = 0, value_name = "HZ")]
    pub rate: u32,
    /// Frames of a block; the device's own if not given.
    #[arg(long, default_value_t = 0, value_name = "FRAMES")]
    pub block: u32,
    /// Backend options, as for sonset_stream_open() ("key=value;...").
    #[arg(long, default_value = "")]
    pub options: String,
}

/// Options of `timing`.
#[derive(Args, Debug)]
pub struct Timing {
    #[command(flatten)]
    pub device: Device,
    /// Output channels to open.
    #[arg(long, default_value_t = 2)]
    pub output_channels: u32,
    /// Input channels to open.
    #[arg(long, default_value_t = 0)]
    pub input_channels: u32,
    /// How long to run.
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Most xruns, both directions together.
    #[arg(long, default_value_t = 0)]
    pub max_xruns: u64,
    /// Most steps found in the time stamps.
    #[arg(long, default_value_t = 0)]
    pub max_discontinuities: u64,
    /// Largest uncertainty of the clock fit at the end, in microseconds.
    #[arg(long, default_value_t = 500.0)]
    pub max_uncertainty_us: f64,
    /// Latest wake-up, in milliseconds after the earliest ones.
    #[arg(long)]
    pub max_lateness_ms: Option<f64>,
    /// Largest rate error of the device, in ppm of the host's clock.
    #[arg(long)]
    pub max_drift_ppm: Option<f64>,
    #[command(flatten)]
    pub results: Results,
}

/// Options of `loopback`.
#[derive(Args, Debug)]
pub struct Loopback {
    #[command(flatten)]
    pub device: Device,
    /// Output channel that the cable begins at.
    #[arg(long, default_value_t = 1)]
    pub output_channel: u32,
    /// Input channel that the cable ends at.
    #[arg(long, default_value_t = 1)]
    pub input_channel: u32,
    /// Pulses to play.
    #[arg(long, default_value_t = 20)]
    pub pulses: u32,
    /// Peak of a pulse, up to 1.
    #[arg(long, default_value_t = 0.25)]
    pub level: f64,
    /// Longest round trip to look for, in milliseconds.
    #[arg(long, default_value_t = 400.0)]
    pub max_round_trip_ms: f64,
    /// Largest standard deviation of the round trip, in samples.
    #[arg(long, default_value_t = 0.5)]
    pub max_jitter_samples: f64,
    /// Most xruns, both directions together.
    #[arg(long, default_value_t = 0)]
    pub max_xruns: u64,
    #[command(flatten)]
    pub results: Results,
}

/// Which clock the recorder's times are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RecorderClock {
    /// Its own, with an unknown zero and rate.
    Own,
    /// The MONOTONIC clock of the host that played.
    Monotonic,
    /// Unix time of the host that played.
    Realtime,
}

/// Options of `external`.
#[derive(Args, Debug)]
pub struct External {
    /// Receipt log, as sonset_stream_log_receipts() writes it.
    #[arg(long, value_name = "CSV")]
    pub receipts: PathBuf,
    /// Onsets that a recorder measured: a CSV file with times, or a WAV file with the sound itself.
    #[arg(long, value_name = "CSV|WAV")]
    pub onsets: PathBuf,
    /// Column of the CSV (a name, or a number from 1) with the onsets.
    #[arg(long, default_value = "1")]
    pub column: String,
    /// Channel of the WAV (from 1) with the sound.
    #[arg(long, default_value_t = 1)]
    pub channel: usize,
    /// Column of the CSV or channel of the WAV with triggers (a TTL line that marks each start): gives the lag.
    #[arg(long)]
    pub reference: Option<String>,
    /// Times of the CSV in seconds are these many units, for example 1000 for ms, or a rate for samples.
    #[arg(long, default_value_t = 1.0, value_name = "PER_S")]
    pub units_per_s: f64,
    /// Clock that the recorder's times are of.
    #[arg(long, value_enum, default_value_t = RecorderClock::Own)]
    pub clock: RecorderClock,
    /// An onset in a WAV is where the magnitude passes this share of the channel's peak.
    #[arg(long, default_value_t = 0.5)]
    pub threshold: f64,
    /// After an onset in a WAV, no other one for so long, in milliseconds.
    #[arg(long, default_value_t = 100.0)]
    pub dead_time_ms: f64,
    /// Largest rate difference of the two clocks to look for, in ppm.
    #[arg(long, default_value_t = 500.0)]
    pub max_ppm: f64,
    /// Furthest that an onset may be from where it is expected, or after its trigger, in milliseconds.
    #[arg(long, default_value_t = 100.0)]
    pub max_lag_ms: f64,
    /// Largest standard deviation of the onset errors, in microseconds.
    #[arg(long, default_value_t = 1_000.0)]
    pub max_sd_us: f64,
    /// Most starts without an onset.
    #[arg(long, default_value_t = 0)]
    pub max_missing: usize,
    #[command(flatten)]
    pub results: Results,
}
