//! Whether the parts of a record belong together: a figure from parts that do not would be a figure of nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Run, Trial};
use crate::anatomy::{Anatomy, Quartiles, Row};
use crate::histogram::Histogram;
use crate::margin::Margins;

/// A sentence that names the field.
type Inconsistency = String;

/// What a run asks for could have been asked for.
pub(super) fn run(run: &Run) -> Result<(), Inconsistency> {
    for scenario in &run.scenarios {
        let Some((name, value)) = out_of_range(&scenario.margins) else {
            continue;
        };
        return Err(format!(
            "scenario {:?}, field `margins.{name}` is {value}; a margin is a share of 0 to 1",
            scenario.name
        ));
    }
    Ok(())
}

fn out_of_range(margins: &Margins) -> Option<(&'static str, f64)> {
    let mut named = margins.named().into_iter();
    named.find(|(_, value)| !(0.0..=1.0).contains(value))
}

/// A trial is one of those that its run planned.
pub(super) fn trial(run: &Run, trial: &Trial) -> Result<(), Inconsistency> {
    if !run.scenarios.iter().any(|s| s.name == trial.scenario) {
        return Err(format!(
            "field `scenario` is {:?}, and the run has no such scenario",
            trial.scenario
        ));
    }
    if !run.servers.contains(&trial.server) {
        return Err(format!(
            "field `server` is {}, and the run has no such server",
            trial.server
        ));
    }
    Ok(())
}

/// A log belongs to its trial: the same histograms, with the same numbers of samples.
pub(super) fn histograms(
    trial: &Trial,
    histograms: &BTreeMap<String, Histogram>,
) -> Result<(), Inconsistency> {
    let names = trial.summaries.keys().chain(histograms.keys());
    for name in names.collect::<BTreeSet<_>>() {
        let said = trial.summaries.get(name).map(|summary| summary.n);
        let held = histograms.get(name).map(Histogram::len);
        if said != held {
            let count = |n: Option<u64>| n.map_or("none".into(), |n| n.to_string());
            return Err(format!(
                "histogram `{name}` has {} samples, and trial {} was recorded with {}: this log is damaged or another \
                 trial's; restore it from a copy",
                count(held),
                trial.trial,
                count(said)
            ));
        }
    }
    Ok(())
}

/// Every trial is there once.
pub(super) fn numbers(numbers: impl Iterator<Item = u32>) -> Result<(), Inconsistency> {
    let mut seen = BTreeSet::new();
    for number in numbers {
        if !seen.insert(number) {
            return Err(format!(
                "field `trial` is {number} in two lines: a trial counts once"
            ));
        }
    }
    Ok(())
}

/// Stages and their rows are there once, and quartiles are in order.
pub(super) fn anatomy(anatomy: &Anatomy) -> Result<(), Inconsistency> {
    let mut stages = BTreeSet::new();
    for stage in &anatomy.stages {
        let name = format!(
            "stage {}, {} subscribers, batch {}",
            stage.side.label(),
            stage.subscribers,
            stage.batch
        );
        if !stages.insert((stage.side, stage.subscribers, stage.batch)) {
            return Err(format!("{name}: it is there twice; a stage counts once"));
        }
        let mut rows = BTreeSet::new();
        for row in &stage.rows {
            if !rows.insert(&row.name) {
                return Err(format!("{name}: row {:?} is there twice", row.name));
            }
            disordered(row).map_or(Ok(()), |field| {
                Err(format!(
                    "{name}, row {:?}: the quartiles of `{field}` are not in order",
                    row.name
                ))
            })?;
        }
    }
    parts(anatomy)
}

/// What an anatomy holds besides its stages.
fn parts(anatomy: &Anatomy) -> Result<(), Inconsistency> {
    for one in &anatomy.batching {
        if ![one.alone_ns, one.together_ns, one.ratio]
            .iter()
            .all(ordered)
        {
            return Err(format!(
                "batching of {:?}: quartiles are not in order",
                one.name
            ));
        }
    }
    for one in &anatomy.instrument {
        let compared = [one.p50, one.p99];
        let quartiles = compared.iter().flat_map(|p| [p.ours_ns, p.raw_ns, p.ratio]);
        if !quartiles.into_iter().all(|q| ordered(&q)) {
            return Err(format!(
                "instrument, {}, {} subscribers: quartiles are not in order",
                one.transport, one.subscribers
            ));
        }
    }
    let mut setups = BTreeSet::new();
    for one in &anatomy.setups {
        let quartiles = [one.cpu_ns, one.times_floor, one.instructions_times_floor];
        if !quartiles.iter().flatten().all(ordered) {
            return Err(format!(
                "set-up of {} {:?}: quartiles are not in order",
                one.side.label(),
                one.name
            ));
        }
        if !setups.insert((one.side, &one.name)) {
            return Err(format!(
                "set-up of {} {:?}: it is there twice",
                one.side.label(),
                one.name
            ));
        }
    }
    Ok(())
}

fn ordered(q: &Quartiles) -> bool {
    0.0 <= q.low && q.low <= q.median && q.median <= q.high
}

fn disordered(row: &Row) -> Option<&'static str> {
    if !ordered(&row.cpu_ns) {
        return Some("cpu_ns");
    }
    let times = [
        ("times_floor", &row.times_floor),
        ("instructions_times_floor", &row.instructions_times_floor),
    ];
    let wrong = |times: &Option<Quartiles>| times.is_some_and(|q| !ordered(&q));
    let found = times.into_iter().find(|(_, times)| wrong(times));
    found.map(|(name, _)| name)
}
