//! `pushbench load`: any endpoint of a transport, as wrk, hey and oha drive others.

mod options;
mod outputs;
mod plan;
mod secrets;
mod words;

use anyhow::{Context as _, anyhow};
use pushbench_harness::environment;
use pushbench_load::LoadError;
use pushbench_model::drive::{DriveReport, Ended, Fault, FaultKind};
use pushbench_model::record::SCHEMA;
use pushbench_report::drive::{Driven, Judged, Judgement, judge};

use crate::drive;
use crate::exit::{Exit, Wrong};
use outputs::Outputs;
use secrets::Secrets;

pub(crate) use options::Options;

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let urls: Vec<&str> = std::iter::once(options.url.as_str())
        .chain(options.publish.as_deref())
        .collect();
    let secrets = Secrets::of(&options.headers, &options.publish_headers, &urls);
    drive(options, &secrets).map_err(|error| {
        let text = secrets.hide(&crate::sentence(&error));
        let wrong = error.is::<Wrong>()
            || matches!(
                error.downcast_ref(),
                Some(LoadError::Target { .. } | LoadError::Tls(_) | LoadError::Reading(_))
            );
        if wrong {
            Wrong(text).into()
        } else {
            anyhow!(text)
        }
    })
}

fn drive(options: &Options, secrets: &Secrets) -> anyhow::Result<Exit> {
    let plan = plan::plan(options)?;
    plan::check_thresholds(options, &plan)?;
    let outputs = Outputs::open(&options.outputs, options.hdr.as_deref())?;
    let started = environment::now();
    let watching = drive::Watching {
        tui: !options.no_tui,
        quiet: options.quiet,
        title: secrets.hide(&format!("{} {}", plan.transport.name(), plan.url)),
    };
    let mut report = drive::run(&plan, &watching)?;
    complete(&mut report, started, secrets);
    let driven = Driven::new(&report).context("the histograms of this drive are damaged")?;
    let judged: Vec<Judged> = options
        .fail_if
        .iter()
        .map(|threshold| judge(&driven, threshold))
        .collect();
    outputs.write(&driven, &judged)?;
    if report.connections.subscribed == 0 && report.ended != Ended::Interrupted {
        return Err(anyhow!(nothing(&report)));
    }
    Ok(exit(&report, &judged))
}

/// What only this side knows, and nothing that is a secret.
fn complete(report: &mut DriveReport, started: String, secrets: &Secrets) {
    report.schema = SCHEMA;
    report.pushbench_version = env!("CARGO_PKG_VERSION").into();
    let command = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    report.command = secrets.hide_in_command(command);
    report.started = started;
    report.url = secrets.hide(&report.url);
    for fault in &mut report.faults {
        fault.text = secrets.hide(&fault.text);
    }
}

/// Why nothing could be driven.
fn nothing(report: &DriveReport) -> String {
    let c = &report.connections;
    let faults: Vec<String> = report
        .faults
        .iter()
        .map(|fault| format!("{} × {}", fault.count, fault.text))
        .collect();
    let why = if faults.is_empty() {
        "it ended before any attempt had an answer".to_owned()
    } else {
        faults.join("; ")
    };
    format!("none of {} attempts could subscribe: {why}", c.attempts)
}

fn exit(report: &DriveReport, judged: &[Judged]) -> Exit {
    let some = |judgement| judged.iter().any(|one| one.judgement == judgement);
    let m = &report.messages;
    let published = report.published.unwrap_or_default();
    let broken = |fault: &Fault| fault.kind == FaultKind::Protocol;
    let flawed = report.connections.failed > 0
        || report.faults.iter().any(broken)
        || m.lost > 0
        || m.duplicated > 0
        || m.unreadable > 0
        || published.failed > 0
        || published.missing > 0;
    if report.ended == Ended::Interrupted {
        Exit::Interrupted
    } else if some(Judgement::Exceeded) {
        Exit::Regression
    } else if flawed {
        Exit::Unusable
    } else if some(Judgement::Undecided) {
        Exit::Undecided
    } else {
        Exit::Done
    }
}

#[cfg(test)]
mod tests;
