//! Records that differ in a known way.

use pushbench_model::histogram::{self, Histogram, Summary};
use pushbench_model::record::{Outcome, Record, RecordedTrial};

use crate::support::{self, Noise};

/// The synthetic record without its two spoilt trials.
pub(crate) fn baseline() -> Record {
    let mut record = support::record();
    for recorded in &mut record.trials {
        if let Outcome::Invalid { .. } = recorded.trial.outcome {
            recorded.trial.outcome = Outcome::Valid;
            let measured = recorded.trial.measurement.as_mut().unwrap();
            measured.sequence.lost = 0;
        }
    }
    let spare = record.trials.iter().find(|t| {
        let t = &t.trial;
        t.scenario == "connect" && t.server.stack == "ws" && t.repetition == 4
    });
    let spare = spare.unwrap().clone();
    for recorded in &mut record.trials {
        if let Outcome::Failed { .. } = recorded.trial.outcome {
            let (trial, repetition) = (recorded.trial.trial, recorded.trial.repetition);
            *recorded = spare.clone();
            (recorded.trial.trial, recorded.trial.repetition) = (trial, repetition);
        }
    }
    record
}

/// The same, run again another day: every trial has noise of its own, 1 % on times and costs.
pub(crate) fn again(record: &Record, seed: u64) -> Record {
    let mut record = record.clone();
    record.run.started = "2026-01-02T12:00:00Z".into();
    record.run.seed = seed;
    record.run.environment.commit = Some("ba9876543210".into());
    let mut noise = Noise::new(seed);
    for recorded in &mut record.trials {
        let mut draw = || (0.01 * noise.normal()).exp();
        slow(recorded, draw());
        cost(recorded, draw());
        let measured = recorded.trial.measurement.as_mut().unwrap();
        measured.elapsed_ns = (measured.elapsed_ns as f64 * draw()) as u64;
    }
    record
}

/// Every trial of `server` (in both scenarios).
pub(crate) fn of<'a>(
    record: &'a mut Record,
    server: &'a str,
) -> impl Iterator<Item = &'a mut RecordedTrial> {
    let trials = record.trials.iter_mut();
    trials.filter(move |t| t.trial.server.to_string() == server)
}

/// Multiplies every delay by `factor`.
pub(crate) fn slow(recorded: &mut RecordedTrial, factor: f64) {
    for histogram in recorded.histograms.values_mut() {
        let mut scaled: Histogram = histogram::new();
        for value in histogram.iter_recorded() {
            let to = (value.value_iterated_to() as f64 * factor) as u64;
            scaled.record_n(to.max(1), value.count_at_value()).unwrap();
        }
        *histogram = scaled;
    }
    let summaries = recorded.histograms.iter();
    recorded.trial.summaries = summaries
        .map(|(name, histogram)| (name.clone(), Summary::of(histogram, 0)))
        .collect();
}

/// Multiplies the processor time of the server by `factor`.
pub(crate) fn cost(recorded: &mut RecordedTrial, factor: f64) {
    let usage = recorded.trial.server_usage.as_mut().unwrap();
    usage.cost.cpu_ns = (usage.cost.cpu_ns as f64 * factor) as u64;
}

/// A change as a developer would make it: one server slower, one cheaper, one a byte longer per message.
pub(crate) fn changed(baseline: &Record) -> Record {
    let mut record = again(baseline, 7);
    of(&mut record, "sse/reference").for_each(|t| slow(t, 1.3));
    of(&mut record, "websocket/reference").for_each(|t| cost(t, 0.8));
    for recorded in of(&mut record, "sse/express") {
        let measured = recorded.trial.measurement.as_mut().unwrap();
        measured.wire.bytes_down += measured.operations;
    }
    record
}
