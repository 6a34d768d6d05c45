//! What a reader must know about a run as a whole before trusting a figure of it.

use pushbench_model::record::{Outcome, RecordedTrial};

use crate::number::counted;
use crate::results::{Results, indicative_because};

/// Share of stolen processor time above which it is mentioned (method rule 35).
const STEAL: f64 = 0.02;

/// Every notice, the gravest first.
pub(crate) fn all(results: &Results<'_>) -> Vec<String> {
    [
        debug_build(results),
        interrupted(results),
        unused(results),
        absent(results),
        indicative(results),
        shared_cores(results),
        stolen(results),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn debug_build(results: &Results<'_>) -> Option<String> {
    let build = &results.record.run.environment.build;
    (build == "debug").then(|| "Made with a debug build: no time in it means anything.".into())
}

/// "Stopped after X of Y trials."
pub(crate) fn interrupted(results: &Results<'_>) -> Option<String> {
    let run = &results.record.run;
    let (made, planned) = (results.record.trials.len(), run.planned as usize);
    (made < planned).then(|| {
        format!(
            "Stopped after {made} of {}: what follows rests on these.",
            counted(planned, "trial")
        )
    })
}

fn unused(results: &Results<'_>) -> Option<String> {
    let (valid, invalid, failed) = results.counts();
    match (invalid, failed) {
        (0, 0) => None,
        _ => Some(format!(
            "{} entered the figures; {invalid} invalid and {failed} failed did not, and are listed with their reasons.",
            counted(valid, "valid trial"),
        )),
    }
}

fn absent(results: &Results<'_>) -> Option<String> {
    let absent = &results.record.run.absent;
    let names: Vec<String> = absent.iter().map(|a| a.server.to_string()).collect();
    (!names.is_empty()).then(|| format!("Could not take part: {}.", names.join(", ")))
}

fn indicative(results: &Results<'_>) -> Option<String> {
    indicative_because(results.record).map(|why| {
        format!("Times are indicative only: {why}. Counts (bytes, instructions) are not affected.")
    })
}

fn shared_cores(results: &Results<'_>) -> Option<String> {
    let run = &results.record.run;
    let shared = run
        .server_cores
        .iter()
        .any(|core| run.load_cores.contains(core));
    shared
        .then(|| "Server and load process ran on the same processor and delayed each other.".into())
}

fn stolen(results: &Results<'_>) -> Option<String> {
    let steal = |t: &&RecordedTrial| t.trial.steal.is_some_and(|share| share > STEAL);
    let many = results
        .record
        .trials
        .iter()
        .filter(|t| t.trial.outcome == Outcome::Valid)
        .filter(steal)
        .count();
    (many > 0).then(|| {
        format!(
            "In {} the hypervisor took more than 2\u{202f}% of the processor time away.",
            counted(many, "valid trial")
        )
    })
}
