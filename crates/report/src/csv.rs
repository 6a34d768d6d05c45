//! CSV: one line per trial, in the units of the record.
//!
//! This is the data behind the tables, for other tools, except for trials in slices, which `slices.jsonl` of the record
//! holds. The columns `loop` and `tuning` tell open-loop from closed-loop trials and settings of libraries: do not
//! compare across them. `side`, `flags` and `steady` (`from`, `never`, `unknown`) hold what the record says, several
//! words with a semicolon between them. `publisher` tells servers that publish by themselves (`server`) from relayed ones (`load`).
//! Instructions are those of user space and kernel; where any trial lacks the kernel's, all columns hold those of user
//! space only and are named so.
//!
//! A record that holds nothing but an anatomy gives a line per stage and contender instead, per delivery.

use pushbench_model::measurement::{LoopModel, Measurement, Publisher};
use pushbench_model::record::{Outcome, Record, RecordedTrial, Steadiness};

use crate::anatomy;
use crate::metric::{LateFigure, Metric, P50, P90, P99, P999, Series, Side, Space};
use crate::saturation::probe_of;
use crate::trials::{kind, sides};

const FIXED: [&str; 13] = [
    "trial",
    "repetition",
    "scenario",
    "loop",
    "transport",
    "stack",
    "tuning",
    "publisher",
    "status",
    "side",
    "reason",
    "flags",
    "steady",
];

/// Columns of a search, behind all others.
const PROBE: [&str; 5] = [
    "asked_rate",
    "purpose",
    "probe",
    "probe_reason",
    "backlog_slope",
];

/// `record` as CSV (RFC 4180, with LF).
#[must_use]
pub fn csv(record: &Record) -> String {
    if let Some(anatomy) = anatomy::alone(record) {
        return anatomy::csv(anatomy);
    }
    let mut figures = figures(Space::of(record));
    let any = |has: fn(&Measurement) -> bool| {
        let mut trials = record.trials.iter();
        trials.any(|t| t.trial.measurement.as_ref().is_some_and(has))
    };
    // Where connections came by a schedule.
    if any(|m| m.arrivals.is_some()) {
        figures.extend(arrivals());
    }
    // Where it was looked at whom messages are late for.
    if any(|m| m.late.is_some()) {
        figures.extend(late());
    }
    let probe: &[&str] = if record.search.is_some() { &PROBE } else { &[] };
    let names = FIXED
        .into_iter()
        .chain(figures.iter().map(|(name, _)| name.as_str()))
        .chain(probe.iter().copied());
    let mut out = line(names.map(str::to_owned));
    for trial in &record.trials {
        let fields = fixed(trial).into_iter();
        let values = figures
            .iter()
            .map(|(_, of)| of(trial).map_or_else(String::new, number));
        let probe = record.search.iter().flat_map(|_| of_probe(record, trial));
        out += &line(fields.chain(values).chain(probe));
    }
    out
}

type Of = Box<dyn Fn(&RecordedTrial) -> Option<f64>>;

fn figures(space: Space) -> Vec<(String, Of)> {
    let mut figures: Vec<(String, Of)> = vec![
        measured("operations", |m| Some(m.operations)),
        measured("published", |m| Some(m.published)),
        measured("elapsed_ns", |m| Some(m.elapsed_ns)),
        measured("delivered", |m| Some(m.sequence.delivered)),
        measured("lost", |m| Some(m.sequence.lost)),
        measured("duplicated", |m| Some(m.sequence.duplicated)),
        measured("reordered", |m| Some(m.sequence.reordered)),
        measured("corrupted", |m| Some(m.sequence.corrupted)),
        measured("connections_failed", |m| Some(m.connections.failed)),
    ];
    for series in Series::ALL {
        let key = series.key().replace('-', "_");
        figures.push((
            format!("{key}_n"),
            Box::new(move |t| Some(t.histograms.get(series.key())?.len() as f64)),
        ));
        for rank in [P50, P90, P99, P999] {
            let metric = Metric::Percentile(series, rank);
            figures.push((
                format!("{key}_{}_ns", rank.label),
                Box::new(move |t| metric.of(t)),
            ));
        }
        figures.push((
            format!("{key}_max_ns"),
            Box::new(move |t| {
                let histogram = t.histograms.get(series.key())?;
                (!histogram.is_empty()).then(|| histogram.max() as f64)
            }),
        ));
    }
    let instructions = match space {
        Space::All => "instructions",
        Space::User => "user_space_instructions",
    };
    for side in [Side::Server, Side::Load] {
        let name = side.label();
        let each = [
            (format!("{name}_cpu_ns_per_operation"), Metric::Cpu(side)),
            (
                format!("{name}_{instructions}_per_operation"),
                Metric::Instructions(side, space),
            ),
            (
                format!("{name}_memory_bytes_per_connection"),
                Metric::Memory(side),
            ),
        ];
        figures
            .extend(each.map(|(name, metric)| (name, Box::new(move |t: &_| metric.of(t)) as Of)));
    }
    figures.extend([
        measured("bytes_down", |m| Some(m.wire.bytes_down)),
        measured("bytes_up", |m| Some(m.wire.bytes_up)),
        measured("expected_down", |m| m.wire.expected_down),
        measured("expected_up", |m| m.wire.expected_up),
        measured("segments_down", |m| Some(m.wire.segments_down)),
        measured("segments_up", |m| Some(m.wire.segments_up)),
        measured("retransmitted", |m| Some(m.wire.retransmitted)),
        measured("batches", |m| m.batches),
        measured("cuts", |m| Some(m.cuts?.cuts)),
        measured("failed_returns", |m| Some(m.cuts?.failed)),
    ]);
    for side in [Side::Server, Side::Load] {
        let name = format!("{}_context_switches", side.label());
        let of = move |t: &RecordedTrial| Some(side.of(t)?.cost.context_switches as f64);
        figures.push((name, Box::new(of)));
    }
    figures.push(("steal".into(), Box::new(|t| t.trial.steal)));
    figures.push(("others_cpu".into(), Box::new(|t| t.trial.others_cpu)));
    figures.push(("cpu_pressure".into(), Box::new(|t| t.trial.cpu_pressure)));
    figures.push((
        "steady_from_s".into(),
        Box::new(|t| match t.trial.steadiness {
            Some(Steadiness::From { seconds }) => Some(seconds),
            _ => None,
        }),
    ));
    figures
}

fn arrivals() -> [(String, Of); 2] {
    [
        measured("connections_due", |m| Some(m.arrivals?.due)),
        measured("connections_most_open", |m| Some(m.arrivals?.most_open)),
    ]
}

fn late() -> impl Iterator<Item = (String, Of)> {
    let counts = [
        measured("late_bound_ns", |m| Some(m.late?.bound_ns)),
        measured("late_messages", |m| Some(m.late?.messages)),
        measured("late_hit", |m| Some(m.late?.hit)),
        measured("late_deliveries", |m| Some(m.late?.deliveries)),
        measured("late_most", |m| Some(m.late?.most)),
    ];
    let figures = LateFigure::ALL.map(|figure| {
        let name = match figure {
            LateFigure::Share => "late_share",
            LateFigure::Reach => "late_reach",
            LateFigure::MedianStream => "stream_p99_ns",
            LateFigure::WorstStream => "worst_stream_p99_ns",
        };
        let of = move |t: &RecordedTrial| Metric::Late(figure).of(t);
        (name.to_owned(), Box::new(of) as Of)
    });
    counts.into_iter().chain(figures)
}

fn measured(name: &str, of: fn(&Measurement) -> Option<u64>) -> (String, Of) {
    let value = move |t: &RecordedTrial| of(t.trial.measurement.as_ref()?).map(|v| v as f64);
    (name.to_owned(), Box::new(value))
}

fn fixed(trial: &RecordedTrial) -> [String; FIXED.len()] {
    let trial = &trial.trial;
    let loop_model = trial
        .measurement
        .as_ref()
        .map_or("", |m| match m.loop_model {
            LoopModel::Open => "open",
            LoopModel::Closed => "closed",
        });
    let publisher = trial
        .measurement
        .as_ref()
        .map_or("", |m| match m.publisher {
            Publisher::Server => "server",
            Publisher::Load => "load",
        });
    let (status, reason) = match &trial.outcome {
        Outcome::Valid => ("valid", String::new()),
        Outcome::Invalid { .. } => ("invalid", trial.outcome.in_words()),
        Outcome::Failed { reason } => ("failed", reason.clone()),
    };
    let flags: Vec<&str> = trial.flags.iter().map(kind).collect();
    let steady = match trial.steadiness {
        Some(Steadiness::From { .. }) => "from",
        Some(Steadiness::Never) => "never",
        Some(Steadiness::Unknown) => "unknown",
        None => "",
    };
    [
        trial.trial.to_string(),
        trial.repetition.to_string(),
        trial.scenario.clone(),
        loop_model.to_owned(),
        trial.server.transport.clone(),
        trial.server.stack.clone(),
        trial.server.tuning.to_string(),
        publisher.to_owned(),
        status.to_owned(),
        sides(&trial.outcome).replace(", ", ";"),
        reason,
        flags.join(";"),
        steady.to_owned(),
    ]
}

fn of_probe(record: &Record, trial: &RecordedTrial) -> [String; PROBE.len()] {
    let Some(probe) = probe_of(record, trial.trial.trial) else {
        return Default::default();
    };
    let slope = probe.judgement.backlog_slope;
    [
        number(probe.rate),
        probe.purpose.label().to_owned(),
        probe.judgement.verdict.label().to_owned(),
        probe.judgement.reasons.join("; "),
        slope.map_or_else(String::new, |slope| format!("{slope:e}")),
    ]
}

/// Whole numbers whole, others with four decimals: finer than any measurement here.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(crate) fn line(fields: impl Iterator<Item = String>) -> String {
    let quoted: Vec<String> = fields.map(|field| quote(&field)).collect();
    quoted.join(",") + "\n"
}

fn quote(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting() {
        assert_eq!(quote("plain"), "plain");
        assert_eq!(quote("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(
            (number(3.0), number(0.25), number(1e-9)),
            ("3".into(), "0.25".into(), "0".into())
        );
    }
}
