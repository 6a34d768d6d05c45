//! Synthetic records on disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pushbench_model::histogram::EncodedHistogram;
use pushbench_model::record::{
    HLOG_DIR, Outcome, RUN_FILE, Record, RecordedTrial, TRIALS_FILE, write_hlog,
};

use crate::support::{self, Noise};

/// Writes `record` as a run would leave it.
pub(crate) fn write(record: &Record, directory: &Path) {
    fs::create_dir_all(directory.join(HLOG_DIR)).unwrap();
    let run = serde_json::to_string_pretty(&record.run).unwrap();
    fs::write(directory.join(RUN_FILE), run + "\n").unwrap();
    let mut lines = String::new();
    for RecordedTrial { trial, histograms } in &record.trials {
        lines += &(serde_json::to_string(trial).unwrap() + "\n");
        let Some(name) = &trial.hlog else { continue };
        let encoded: BTreeMap<_, _> = histograms
            .iter()
            .map(|(name, histogram)| (name.clone(), EncodedHistogram::encode(histogram)))
            .collect();
        let maxima = histograms.iter().map(|(name, h)| (name.clone(), h.max()));
        let text = write_hlog(&encoded, &maxima.collect(), 2.0);
        fs::write(directory.join(name), text).unwrap();
    }
    fs::write(directory.join(TRIALS_FILE), lines).unwrap();
}

/// Two servers in one scenario, all trials valid.
pub(crate) fn baseline() -> Record {
    let mut record = support::record();
    record.run.scenarios.truncate(1);
    let kept = |name: &str| ["websocket/reference", "tcp/floor"].contains(&name);
    record.run.servers.retain(|s| kept(&s.to_string()));
    record.trials.retain(|t| {
        kept(&t.trial.server.to_string()) && t.trial.scenario == record.run.scenarios[0].name
    });
    record.run.planned = record.trials.len() as u32;
    assert!(
        record
            .trials
            .iter()
            .all(|t| t.trial.outcome == Outcome::Valid)
    );
    record
}

/// The same another day: with noise of 1 %, and `factor` times the processor time in one of the servers.
pub(crate) fn candidate(factor: f64) -> Record {
    let mut record = baseline();
    record.run.started = "2026-01-02T12:00:00Z".into();
    let mut noise = Noise::new(3);
    for recorded in &mut record.trials {
        let is_floor = recorded.trial.server.stack == "floor";
        let factor = if is_floor { 1.0 } else { factor } * (0.01 * noise.normal()).exp();
        let usage = recorded.trial.server_usage.as_mut().unwrap();
        usage.cost.cpu_ns = (usage.cost.cpu_ns as f64 * factor) as u64;
    }
    record
}
