//! Files for two public trackers of benchmarks over time. Each holds the figures of one candidate; the comparison itself
//! is in the remarks, as far as the format has room for any.
//!
//! - Bencher Metric Format, for `bencher run --adapter json` (<https://bencher.dev/docs/reference/bencher-metric-format>):
//!   benchmark, measure, value, lower and upper end.
//! - github-action-benchmark (<https://github.com/benchmark-action/github-action-benchmark>): a list of name, unit, value,
//!   range and extra. A file is for the tool `customSmallerIsBetter` or for `customBiggerIsBetter`; there is one for each.

use pushbench_stats::Estimate;
use serde_json::{Map, Value, json as object};

use super::{Compared, Figure, Kind, Pairing, words};
use crate::number::{THIN, significant};

/// Which way the figures of a file count as good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Everything but rates.
    SmallerIsBetter,
    /// Rates.
    BiggerIsBetter,
}

/// The figures of the candidate at `candidate_at` in Bencher Metric Format, in the units of the record (nanoseconds, bytes,
/// operations per second). An end of an interval is left out where the value, which is read from all samples together,
/// lies beyond it.
#[must_use]
pub fn bencher(compared: &Compared<'_>, candidate_at: usize) -> String {
    let mut benchmarks: Map<String, Value> = Map::new();
    for pairing in mine(compared, candidate_at) {
        let mut measures = Map::new();
        for figure in &pairing.figures {
            let Some(estimate) = figure.candidate else {
                continue;
            };
            measures.insert(measure(figure.kind), metric(&estimate));
        }
        if !measures.is_empty() {
            benchmarks.insert(benchmark(pairing), Value::Object(measures));
        }
    }
    format!("{:#}\n", Value::Object(benchmarks))
}

fn mine<'a>(compared: &'a Compared<'_>, candidate_at: usize) -> impl Iterator<Item = &'a Pairing> {
    let pairings = compared.pairings.iter();
    pairings.filter(move |pairing| pairing.candidate_at == candidate_at)
}

/// `fan-out-small sse/reference`.
fn benchmark(pairing: &Pairing) -> String {
    format!("{} {}", pairing.scenario, pairing.server)
}

/// A slug: letters, digits and dashes.
fn measure(kind: Kind) -> String {
    kind.label().replace('.', "-")
}

fn metric(estimate: &Estimate) -> Value {
    let mut metric = Map::new();
    metric.insert("value".into(), object!(estimate.value));
    let interval = estimate.interval;
    if let Some(low) = interval.map(|i| i.low).filter(|&low| low <= estimate.value) {
        metric.insert("lower_value".into(), object!(low));
    }
    if let Some(high) = interval
        .map(|i| i.high)
        .filter(|&high| high >= estimate.value)
    {
        metric.insert("upper_value".into(), object!(high));
    }
    Value::Object(metric)
}

/// The figures of the candidate at `candidate_at` for github-action-benchmark.
#[must_use]
pub fn github(compared: &Compared<'_>, candidate_at: usize, direction: Direction) -> String {
    let wanted =
        |figure: &&Figure| figure.kind.more_is_better() == (direction == Direction::BiggerIsBetter);
    let mut entries = Vec::new();
    for pairing in mine(compared, candidate_at) {
        for figure in pairing.figures.iter().filter(wanted) {
            let Some(estimate) = figure.candidate else {
                continue;
            };
            entries.push(entry(compared, pairing, figure, &estimate));
        }
    }
    format!("{:#}\n", Value::Array(entries))
}

fn entry(
    compared: &Compared<'_>,
    pairing: &Pairing,
    figure: &Figure,
    estimate: &Estimate,
) -> Value {
    let mut entry = Map::new();
    let name = format!("{} {}", benchmark(pairing), figure.kind.label());
    entry.insert("name".into(), object!(name));
    entry.insert("unit".into(), object!(figure.kind.unit()));
    entry.insert("value".into(), object!(estimate.value));
    if let Some(interval) = estimate.interval {
        let plain = |end: f64| significant(end, 4).replace(THIN, "");
        let range = format!("{} to {}", plain(interval.low), plain(interval.high));
        entry.insert("range".into(), object!(range));
    }
    let mut extra = vec![format!("trials: {}", estimate.n)];
    if let Some(comparison) = figure.judgement.comparison {
        let interval = words::percent_interval(&comparison.ratio);
        extra.push(format!(
            "against {}: {}{}, {}",
            compared.baseline().name,
            words::percent(comparison.ratio.value),
            interval.map_or_else(String::new, |interval| format!(" ({interval})")),
            words::verdict(compared, figure),
        ));
    }
    entry.insert("extra".into(), object!(extra.join("\n")));
    Value::Object(entry)
}
