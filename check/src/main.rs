//! sonset-check: lists sound devices and measures what they and this machine do to the time of a sound.

mod cli;
mod external;
mod list;
mod loopback;
mod report;
mod session;
mod stats;
mod timing;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    // Ends itself with status 2 if the options cannot be understood.
    let command = Cli::parse().command;
    if let Err(error) = session::catch_interrupts() {
        eprintln!("sonset-check: {error}");
        return ExitCode::from(report::NOT_MEASURED);
    }
    let (report, args) = match command {
        Command::List(args) => return ExitCode::from(list::run(&args)),
        Command::Timing(args) => (timing::run(&args), args.report),
        Command::Loopback(args) => (loopback::run(&args), args.report),
        Command::External(args) => (external::run(&args), args.report),
    };
    ExitCode::from(report::emit(report, &args))
}
