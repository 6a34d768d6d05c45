//! The `pushbench` command: one file per subcommand under `command`.

mod command;
mod drive;
mod exit;
mod inputs;
mod link;
mod output;
mod progress;
mod survey;
mod table;

use std::sync::Arc;

use clap::{Parser, Subcommand};

use command::{
    anatomy, browser, clients, compare, completions, conform, decode, doctor, inspect, list, load,
    museum, peers, plan, proxies, report, run, saturate, schema, selftest, serve, trial, verify,
};
use exit::Exit;

/// Compare Server-Sent Events, WebSocket and HTTP long-polling by measurement.
///
/// Without a command, runs the quick profile (three to four minutes) and writes a report.
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
    /// Search the highest rate that each server sustains under an objective
    Saturate(saturate::Options),
    /// Measure what a delivery is made of: kernel, framing, library, framework
    Anatomy(anatomy::Options),
    /// Check servers against the contract, rule by rule, before anything is measured
    Verify(verify::Options),
    /// Load any SSE, WebSocket or long-polling endpoint, as wrk and hey load others
    Load(Box<load::Options>),
    /// Serve one transport, to be measured
    Serve(serve::Options),
    /// Play the load side of one trial against a server of the contract
    Trial(trial::Options),
    /// Draw the report of a record again, from the record alone
    Report(report::Options),
    /// Compare records with a baseline: what changed, and whether that is too much
    Compare(compare::Options),
    /// List transports, scenarios, profiles and servers
    List(list::Options),
    /// Look at this machine: limits, clock, counters, cores, and what to do about each
    Doctor(doctor::Options),
    /// Prove that the method holds here: inject something known, and read it back
    Selftest(selftest::Options),
    /// Compare with receivers and push servers of others, in turns
    Peers(peers::Options),
    /// Subscribe from pages in Chromium: latency, cost, limits of connections
    Browser(browser::Options),
    /// Watch clients of others as subscribers: what they lose, what they cost
    Clients(clients::Options),
    /// Say what `run` would do with the same options, and how long it would take
    Plan(run::Options),
    /// Put nginx and HAProxy in front of our servers: does it work, or work late?
    Proxies(proxies::Options),
    /// Show faulty samples of server push, as they are usually written and with their fix
    Museum(museum::Options),
    /// Hold decoders, state machines and servers against the specifications
    Conform(conform::Options),
    /// Show a stream byte by byte, with its meaning
    Inspect(inspect::Options),
    /// Turn a stream on standard input into JSON
    Decode(decode::Options),
    /// Print the JSON Schema of a file of a record
    Schema(schema::Options),
    /// Look at a link from inside, for self-tests
    #[command(hide = true)]
    Link(command::link::Options),
    /// Print a completion script for a shell
    Completions(completions::Options),
}

fn main() -> std::process::ExitCode {
    // A file that may not grow is an error to be told; unhandled, this signal would end the process without a word.
    // Where the handler cannot be installed, nothing is worse than before.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
    // An anatomy starts this program again as the processes that it measures.
    match pushbench_anatomy::role::play() {
        Ok(false) => {}
        Ok(true) => return Exit::Done.into(),
        Err(error) => {
            output::say(&format!("pushbench: a measured process: {error}"));
            return Exit::Failed.into();
        }
    }
    let result = match Cli::parse().command {
        None => run::run(&run::Options::default()),
        Some(Command::Run(options)) => run::run(&options),
        Some(Command::Saturate(options)) => saturate::run(&options),
        Some(Command::Anatomy(options)) => anatomy::run(&options),
        Some(Command::Verify(options)) => verify::run(&options),
        Some(Command::Load(options)) => load::run(&options),
        Some(Command::Serve(options)) => serve::run(&options),
        Some(Command::Trial(options)) => trial::run(&options),
        Some(Command::Report(options)) => report::run(&options),
        Some(Command::Compare(options)) => compare::run(&options),
        Some(Command::List(options)) => list::run(&options),
        Some(Command::Doctor(options)) => doctor::run(&options),
        Some(Command::Selftest(options)) => selftest::run(&options),
        Some(Command::Peers(options)) => peers::run(&options),
        Some(Command::Browser(options)) => browser::run(&options),
        Some(Command::Clients(options)) => clients::run(&options),
        Some(Command::Plan(options)) => plan::run(&options),
        Some(Command::Proxies(options)) => proxies::run(&options),
        Some(Command::Museum(options)) => museum::run(&options),
        Some(Command::Conform(options)) => conform::run(&options),
        Some(Command::Inspect(options)) => inspect::run(&options),
        Some(Command::Decode(options)) => decode::run(&options),
        Some(Command::Schema(options)) => schema::run(&options),
        Some(Command::Link(options)) => command::link::run(&options),
        Some(Command::Completions(options)) => completions::run(&options),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::say(&format!("pushbench: {}", sentence(&error)));
            let wrong = error.is::<exit::Wrong>();
            let exit = if wrong {
                Exit::WrongArguments
            } else {
                Exit::Failed
            };
            exit.into()
        }
    }
}

/// What failed, on which input, and why, on one line. Many errors quote their cause: nothing is said twice.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    #[test]
    fn causes_are_said_once() {
        let refused = || anyhow!("refused (os error 111)");
        let quoting = refused().context("cannot connect: refused (os error 111); is it running?");
        assert_eq!(
            super::sentence(&quoting),
            "cannot connect: refused (os error 111); is it running?"
        );
        let plain = refused().context("cannot connect");
        assert_eq!(
            super::sentence(&plain),
            "cannot connect: refused (os error 111)"
        );
    }
}
