//! What can be asked for on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sonset::backend::Backend;

#[derive(Debug, Parser)]
#[command(
    name = "sonset-check",
    version,
    about = "Shows what sonset, this machine and its sound devices do to the time of a sound"
)]
#[command(
    after_help = "Exit status: 0 passed, 1 a limit was not kept, 2 wrong usage, nothing could be measured, or ended \
                  before its time with all limits kept so far."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists the backends of this build and their devices
    List(ListArgs),
    /// Runs a silent stream and shows its blocks, wake-ups, xruns and clocks
    Timing(TimingArgs),
    /// Plays pulses through a cable from output to input and measures the round trip and its jitter
    Loopback(LoopbackArgs),
    /// Compares a receipt log with onsets that an independent recorder measured
    External(ExternalArgs),
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Write JSON to FILE instead of text; to standard output without FILE
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub json: Option<PathBuf>,
}

/// Where results go.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// Write the results as JSON to FILE too ('-': to standard output, instead of the text)
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    pub json: Option<PathBuf>,
    /// Draw a picture of the results
    #[arg(long, value_name = "FILE.svg", value_parser = picture, help_heading = "Results")]
    pub plot: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short, help_heading = "Results")]
    pub quiet: bool,
}

/// The stream to be opened.
#[derive(Clone, Debug, Args)]
pub struct StreamArgs {
    /// Backend by name, such as alsa, pulseaudio, jack or virtual; the system's default if not given
    #[arg(long, value_parser = backend, help_heading = "Stream")]
    pub backend: Option<Backend>,
    /// Id of the output device, as `sonset-check list` shows it
    #[arg(long, value_name = "ID", help_heading = "Stream")]
    pub output: Option<String>,
    /// Id of the input device
    #[arg(long, value_name = "ID", help_heading = "Stream")]
    pub input: Option<String>,
    /// Sample rate in hertz; the device's if not given
    #[arg(long, value_name = "HZ", default_value_t = 0, hide_default_value = true, help_heading = "Stream")]
    pub rate: u32,
    /// Frames a block; the device's if not given
    #[arg(
        long,
        value_name = "FRAMES",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Stream"
    )]
    pub block: u32,
    /// Output channels to open
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Stream")]
    pub channels_out: u32,
    /// Input channels to open
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Stream")]
    pub channels_in: u32,
    /// What only one backend knows, such as 'server=NAME; output_ports=PORT' for jack
    #[arg(
        long,
        value_name = "KEY=VALUE;...",
        default_value = "",
        hide_default_value = true,
        help_heading = "Stream"
    )]
    pub options: String,
    /// Round trip of the virtual device
    #[arg(
        long,
        value_name = "FRAMES",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Stream"
    )]
    pub virtual_latency: u32,
}

#[derive(Debug, Args)]
pub struct TimingArgs {
    #[command(flatten)]
    pub stream: StreamArgs,
    /// How long to run
    #[arg(long, value_name = "S", default_value_t = 10.0, value_parser = seconds)]
    pub seconds: f64,
    #[command(flatten)]
    pub limits: TimingLimits,
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What a machine must keep to pass.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits (exit status 1 if one is not kept)")]
pub struct TimingLimits {
    /// Output and input xruns together
    #[arg(long, value_name = "N")]
    pub max_xruns: Option<u64>,
    /// Steps in the stamps of both halves together
    #[arg(long, value_name = "N")]
    pub max_discontinuities: Option<u64>,
    /// Uncertainty of the clock fit at the end, of the worse half
    #[arg(long, value_name = "US", value_parser = amount)]
    pub max_uncertainty_us: Option<f64>,
    /// Latest wake-up against the clock fit, of the worse half
    #[arg(long, value_name = "US", value_parser = amount)]
    pub max_lateness_us: Option<f64>,
    /// Device rate against the host's clock, either way, of the worse half
    #[arg(long, value_name = "PPM", value_parser = amount)]
    pub max_drift_ppm: Option<f64>,
}

#[derive(Debug, Args)]
pub struct LoopbackArgs {
    #[command(flatten)]
    pub stream: StreamArgs,
    /// Output channel that the cable is in (from 1)
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub channel_out: u32,
    /// Input channel that the cable is in (from 1)
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub channel_in: u32,
    /// Pulses to play
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(5..=10_000))]
    pub pulses: u32,
    /// Largest magnitude of a pulse, in decibels of full scale
    #[arg(long, value_name = "DB", default_value_t = -12.0, value_parser = level, allow_negative_numbers = true)]
    pub level_db: f64,
    /// Longest round trip to look for
    #[arg(long, value_name = "MS", default_value_t = 1_000.0, value_parser = amount)]
    pub longest_ms: f64,
    /// Least ratio of pulse to noise that is trusted
    #[arg(long, value_name = "DB", default_value_t = 12.0, value_parser = amount)]
    pub least_snr_db: f64,
    /// Seed of the random distances between pulses
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    #[command(flatten)]
    pub limits: LoopbackLimits,
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What a loop must keep to pass.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits (exit status 1 if one is not kept)")]
pub struct LoopbackLimits {
    /// Range (largest minus smallest) of the round trip
    #[arg(long, value_name = "N", value_parser = amount)]
    pub max_jitter_samples: Option<f64>,
    /// Difference between the round trip and what the backend reports, either way
    #[arg(long, value_name = "US", value_parser = amount)]
    pub max_unreported_us: Option<f64>,
    /// Output and input xruns together
    #[arg(long, value_name = "N")]
    pub max_xruns: Option<u64>,
}

/// The unit of the times in a CSV file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Unit {
    S,
    Ms,
    Samples,
}

/// A clock of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HostClock {
    Monotonic,
    Realtime,
}

#[derive(Debug, Args)]
pub struct ExternalArgs {
    /// The log that sonset_stream_log_receipts wrote
    #[arg(long, value_name = "LOG.csv")]
    pub receipts: PathBuf,
    /// Onsets that an independent recorder measured: times in a CSV file, or a WAV recording
    #[arg(long, value_name = "FILE.csv|FILE.wav")]
    pub onsets: PathBuf,
    /// Take only the receipts with this tag
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub tag: Option<i64>,
    /// The recorder's own record of when the sound was due, such as a TTL pulse at the host time in each
    /// receipt: a column of the CSV file or a channel of the WAV file. The lag is then known, and not its spread
    /// alone
    #[arg(long, value_name = "COLUMN|CHANNEL")]
    pub reference: Option<String>,
    /// The onsets are times of this clock of the host that ran the experiment: the lag is then known
    #[arg(long, value_name = "CLOCK", conflicts_with = "reference")]
    pub same_clock: Option<HostClock>,
    /// How far an onset may lie from where its receipt puts it
    #[arg(long, value_name = "MS", default_value_t = 20.0, value_parser = positive)]
    pub tolerance_ms: f64,
    /// Largest lag to look for where the lag can be known
    #[arg(long, value_name = "MS", default_value_t = 500.0, value_parser = positive)]
    pub longest_lag_ms: f64,
    /// Largest difference in rate between the recorder's and the host's clock
    #[arg(long, value_name = "PPM", default_value_t = 500.0, value_parser = positive)]
    pub largest_ppm: f64,
    #[command(flatten)]
    pub recorder: RecorderArgs,
    #[command(flatten)]
    pub limits: ExternalLimits,
    #[command(flatten)]
    pub report: ReportArgs,
}

/// How the recorder's file is to be read.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "The recorder's file")]
pub struct RecorderArgs {
    /// CSV: name or number (from 1) of the column with the onsets
    #[arg(long, value_name = "COLUMN", default_value = "1")]
    pub column: String,
    /// CSV: unit of the times
    #[arg(long, value_enum, default_value = "s")]
    pub unit: Unit,
    /// CSV with times in samples: the recorder's rate
    #[arg(long, value_name = "HZ", value_parser = positive)]
    pub rate: Option<f64>,
    /// WAV: channel with the sound (from 1)
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub channel: u16,
    /// WAV: distance from the median of the channel that is an onset, full scale being 1; half of the largest
    /// if not given
    #[arg(long, value_name = "X", value_parser = positive)]
    pub threshold: Option<f64>,
    /// WAV: the same for the channel of the reference
    #[arg(long, value_name = "X", value_parser = positive)]
    pub reference_threshold: Option<f64>,
    /// WAV: how long a channel must be quiet before the next onset
    #[arg(long, value_name = "MS", default_value_t = 50.0, value_parser = positive)]
    pub refractory_ms: f64,
}

/// What a set-up must keep to pass.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits (exit status 1 if one is not kept)")]
pub struct ExternalLimits {
    /// Standard deviation of the onset errors
    #[arg(long, value_name = "US", value_parser = amount)]
    pub max_sd_us: Option<f64>,
    /// Range of the onset errors
    #[arg(long, value_name = "US", value_parser = amount)]
    pub max_range_us: Option<f64>,
    /// Mean lag, either way; needs --reference or --same-clock
    #[arg(long, value_name = "US", value_parser = amount)]
    pub max_lag_us: Option<f64>,
    /// Rate of the recorder's clock against the host's, either way
    #[arg(long, value_name = "PPM", value_parser = amount)]
    pub max_drift_ppm: Option<f64>,
    /// Receipts without an onset
    #[arg(long, value_name = "N")]
    pub max_missing: Option<u64>,
}

fn backend(name: &str) -> Result<Backend, String> {
    let known = || sonset::backend::built_in().filter(|backend| *backend != Backend::Manual);
    known().find(|backend| backend.name() == name).ok_or_else(|| {
        let names: Vec<&str> = known().map(Backend::name).collect();
        format!("this build has {}", names.join(", "))
    })
}

fn picture(name: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(name);
    match path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg")) {
        true => Ok(path),
        false => Err("pictures are SVG: a name that ends in .svg is wanted".into()),
    }
}

fn number(text: &str, fits: impl Fn(f64) -> bool, wanted: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && fits(value) => Ok(value),
        _ => Err(format!("{wanted} is wanted")),
    }
}

fn amount(text: &str) -> Result<f64, String> {
    number(text, |value| value >= 0.0, "a number of 0 or more")
}

fn positive(text: &str) -> Result<f64, String> {
    number(text, |value| value > 0.0, "a number above 0")
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, |value| (0.5..=86_400.0).contains(&value), "a number of seconds from 0.5 to 86400")
}

fn level(text: &str) -> Result<f64, String> {
    number(text, |value| (-80.0..=-1.0).contains(&value), "a level from -80 to -1 dB")
}
