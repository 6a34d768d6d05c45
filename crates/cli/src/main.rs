//! The `pushbench` command: one file per subcommand under `command`.

mod command;
mod exit;
mod inputs;
mod progress;
mod table;

use clap::{Parser, Subcommand};

use command::{completions, doctor, list, load, report, run, serve};
use exit::Exit;

/// Compare Server-Sent Events, WebSocket and HTTP long-polling by measurement.
///
/// Without a command, runs the quick profile (under three minutes) and writes a report.
#[derive(Debug, Parser)]
#[command(name = "pushbench", version, max_term_width = 100, after_help = exit::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios against servers and write a record with its report
    Run(run::Options),
    /// Serve one transport, to be measured
    Serve(serve::Options),
    /// Generate load against one server and print what was measured
    Load(load::Options),
    /// Draw the report of a record again, from the record alone
    Report(report::Options),
    /// List transports, scenarios, profiles and servers
    List(list::Options),
    /// Look at this machine: limits, clock, counters, cores, and what to do about each
    Doctor(doctor::Options),
    /// Print a completion script for a shell
    Completions(completions::Options),
}

fn main() -> std::process::ExitCode {
    let result = match Cli::parse().command {
        None => run::run(&run::Options::default()),
        Some(Command::Run(options)) => run::run(&options),
        Some(Command::Serve(options)) => serve::run(&options),
        Some(Command::Load(options)) => load::run(&options),
        Some(Command::Report(options)) => report::run(&options),
        Some(Command::List(options)) => list::run(&options),
        Some(Command::Doctor(options)) => doctor::run(&options),
        Some(Command::Completions(options)) => completions::run(&options),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            // The chain of causes on one line: what failed, on which input, and why.
            eprintln!("pushbench: {error:#}");
            Exit::Failed.into()
        }
    }
}
