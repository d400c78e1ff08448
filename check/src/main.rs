//! Lists sound devices and measures their timing with sonset.

mod cli;
mod external;
mod list;
mod loopback;
mod open;
mod picture;
mod report;
mod stats;
mod timing;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command, Results};
use crate::picture::Chart;
use crate::report::Report;

/// Why nothing could be measured.
#[derive(Debug)]
pub struct Failure(pub String);

impl From<sonset::error::Error> for Failure {
    fn from(error: sonset::error::Error) -> Self {
        Self(error.message)
    }
}

/// Whether every limit is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every one.
    Pass,
    /// At least one is not.
    Fail,
}

/// What a command measured.
pub struct Measured {
    /// For people and programs.
    pub report: Report,
    /// To be drawn.
    pub charts: Vec<Chart>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    watch::listen_for_ctrl_c();
    match run(&cli.command) {
        Ok(Verdict::Pass) => ExitCode::SUCCESS,
        Ok(Verdict::Fail) => ExitCode::from(1),
        Err(Failure(message)) => {
            eprintln!("sonset-check: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(command: &Command) -> Result<Verdict, Failure> {
    match command {
        Command::List(args) => list::run(args),
        Command::Timing(args) => finish("timing", timing::run(args)?, &args.results),
        Command::Loopback(args) => finish("loopback", loopback::run(args)?, &args.results),
        Command::External(args) => finish("external", external::run(args)?, &args.results),
    }
}

fn finish(command: &str, measured: Measured, results: &Results) -> Result<Verdict, Failure> {
    let Measured { report, charts } = measured;
    // The summary first: a file that cannot be written must not take it away.
    print!("{}", report.text());
    if let Some(path) = &results.json {
        report.save_json(command, path)?;
    }
    if let Some(path) = &results.plot {
        picture::draw(&report, &charts, path)?;
    }
    Ok(if report.passes() { Verdict::Pass } else { Verdict::Fail })
}
