//! JSON for programs. Fields may be added within a version; the version grows when a reader could misread what it knew.
//!
//! ```text
//! format, version          "pushbench-compare", 1
//! ending                   "pass", "undecided", "unusable" or "regression": the worst of everything
//! profile                  of all records
//! baseline, candidates[]   name, started, commit, trust ("T0", "T1"), trials {valid, invalid, failed, missing}
//! indicative[]             why verdicts on times are indicative only; empty where they stand
//! notices[]                sentences that belong beside any figure
//! differences[]            fact, values (baseline first), bears_on_times
//! comparisons[]            one per candidate, scenario, server and figure:
//!   candidate, scenario, server {transport, stack, tuning}
//!   metric, unit           as in thresholds; "ns", "B", "operations/s", "instructions", "segments"
//!   baseline_figure, candidate_figure
//!                          value, low, high (95 % interval), trials; null where there is none
//!   ratio                  candidate over baseline: value, low, high, pairs; null without two pairs
//!   margin                 0.05 for 5 %
//!   verdict                "faster", "slower", "less", "more", "no difference shown", "undecided", "too few"
//!   indicative             whether the verdict is indicative only
//!   further                further repetitions that would probably decide; null where none is needed or would do
//! floor[]                  candidate, scenario, metric, ratio, margin: how much the floor moved
//! thresholds[]             expression, ending, checks[]: candidate, scenario, server, outcome ("pass", "regression",
//!                          "undecided", "missing"), why, change {of, value, low, high}
//! unused[]                 record, trial, repetition, scenario, server, status, reason: trials that enter no figure
//! ```

use pushbench_model::record::Outcome;
use pushbench_stats::{Estimate, Verdict};
use serde_json::{Value, json as object};

use crate::tier::Tier;

use super::{Change, Check, Compared, Figure, Pairing, Subject, Tally, words};

/// Value of the field `format`.
pub const JSON_FORMAT: &str = "pushbench-compare";
/// Value of the field `version`.
pub const JSON_VERSION: u32 = 1;

/// `compared` as JSON, ending with a newline.
#[must_use]
pub fn json(compared: &Compared<'_>) -> String {
    let name = |at: usize| compared.subjects[at].name;
    let comparisons: Vec<Value> = compared
        .pairings
        .iter()
        .flat_map(|pairing| {
            let figures = pairing.figures.iter();
            figures.map(move |figure| comparison(compared, pairing, figure))
        })
        .collect();
    let floor: Vec<Value> = compared
        .floor
        .iter()
        .map(|floor| {
            object!({
                "candidate": name(floor.candidate_at),
                "scenario": floor.scenario,
                "metric": floor.kind.label(),
                "ratio": estimate(Some(floor.ratio), "pairs"),
                "margin": floor.margin,
            })
        })
        .collect();
    let thresholds: Vec<Value> = compared
        .gates
        .iter()
        .map(|gate| {
            let checks = gate.checks.iter();
            object!({
                "expression": gate.threshold.text,
                "ending": gate.ending().label(),
                "checks": checks.map(|c| check(name(c.candidate_at), c)).collect::<Vec<_>>(),
            })
        })
        .collect();
    let differences: Vec<Value> = compared
        .facts
        .iter()
        .map(|fact| {
            object!({
                "fact": fact.name,
                "values": fact.values,
                "bears_on_times": fact.bears_on_times,
            })
        })
        .collect();
    let value = object!({
        "format": JSON_FORMAT,
        "version": JSON_VERSION,
        "ending": compared.ending().label(),
        "profile": compared.baseline().record.run.profile.label(),
        "baseline": subject(compared.baseline()),
        "candidates": compared.candidates().iter().map(|s| subject(*s)).collect::<Vec<_>>(),
        "indicative": compared.indicative,
        "notices": words::notices(compared),
        "differences": differences,
        "comparisons": comparisons,
        "floor": floor,
        "thresholds": thresholds,
        "unused": compared.subjects.iter().flat_map(|s| unused(*s)).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

fn subject(subject: Subject<'_>) -> Value {
    let run = &subject.record.run;
    let Tally {
        valid,
        invalid,
        failed,
        missing,
    } = super::tally(subject.record);
    object!({
        "name": subject.name,
        "started": run.started,
        "commit": run.environment.commit,
        "trust": Tier::of(&subject.record.run).code(),
        "trials": { "valid": valid, "invalid": invalid, "failed": failed, "missing": missing },
    })
}

fn comparison(compared: &Compared<'_>, pairing: &Pairing, figure: &Figure) -> Value {
    let verdict = figure.judgement.verdict;
    let further = match verdict {
        Verdict::Undecided { further } => further,
        _ => None,
    };
    object!({
        "candidate": compared.subjects[pairing.candidate_at].name,
        "scenario": pairing.scenario,
        "server": pairing.server,
        "metric": figure.kind.label(),
        "unit": figure.kind.unit(),
        "baseline_figure": estimate(figure.baseline, "trials"),
        "candidate_figure": estimate(figure.candidate, "trials"),
        "ratio": estimate(figure.judgement.comparison.map(|c| c.ratio), "pairs"),
        "margin": figure.margin,
        "verdict": words::word(figure.kind, verdict),
        "indicative": words::is_indicative(compared, figure.kind),
        "further": further,
    })
}

fn estimate(estimate: Option<Estimate>, count: &str) -> Value {
    let Some(estimate) = estimate else {
        return Value::Null;
    };
    object!({
        "value": estimate.value,
        "low": estimate.interval.map(|interval| interval.low),
        "high": estimate.interval.map(|interval| interval.high),
        count: estimate.n,
    })
}

fn check(candidate: &str, check: &Check) -> Value {
    let change = check.change.map(|change| {
        let (of, estimate) = match change {
            Change::Relative(ratio) => ("ratio", ratio),
            Change::Absolute(by) => ("difference", by),
        };
        object!({
            "of": of,
            "value": estimate.value,
            "low": estimate.interval.map(|interval| interval.low),
            "high": estimate.interval.map(|interval| interval.high),
        })
    });
    object!({
        "candidate": candidate,
        "scenario": check.scenario,
        "server": check.server,
        "outcome": check.outcome.label(),
        "why": check.outcome.why(),
        "change": change,
    })
}

fn unused(subject: Subject<'_>) -> Vec<Value> {
    let trials = subject.record.trials.iter().map(|t| &t.trial);
    trials
        .filter_map(|trial| {
            let status = match trial.outcome {
                Outcome::Valid => return None,
                Outcome::Invalid { .. } => "invalid",
                Outcome::Failed { .. } => "failed",
            };
            Some(object!({
                "record": subject.name,
                "trial": trial.trial,
                "repetition": trial.repetition,
                "scenario": trial.scenario,
                "server": trial.server,
                "status": status,
                "reason": trial.outcome.in_words(),
            }))
        })
        .collect()
}
