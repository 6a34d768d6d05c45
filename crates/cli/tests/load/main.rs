//! `pushbench load` by itself, against servers of our own and against servers that behave badly.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

#[path = "../common/mod.rs"]
mod common;
mod endpoint;
mod faults;
mod interrupted;
mod outputs;
mod resume;
mod secrets;
mod thresholds;
mod transports;
mod trust;

use std::process::Command;

use common::{Ended, Stage, finish};
use pushbench_model::drive::DriveReport;

/// `pushbench load` with these arguments, its outcome as JSON on standard output.
fn load(stage: &Stage, arguments: &[&str]) -> Command {
    let mut command = stage.pushbench(["load"]);
    command
        .args(arguments)
        .args(["--output", "json", "--quiet"]);
    // Tests also run in terminals.
    command.env("TERM", "dumb");
    command
}

/// What was seen, and that its exit code was `code`.
#[track_caller]
fn report(ended: Ended, code: i32) -> DriveReport {
    let ended = ended.with(code);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:#?}"))
}

/// Runs it to its end.
#[track_caller]
fn driven(stage: &Stage, arguments: &[&str], code: i32) -> DriveReport {
    report(finish(&mut load(stage, arguments)), code)
}
