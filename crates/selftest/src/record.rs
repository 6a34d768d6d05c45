//! A synthetic record of one server, written by the writer of all records and read back. None of its figures was measured.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use pushbench_harness::{FinishedTrial, Plan, RecordWriter, Server};
use pushbench_model::environment::Environment;
use pushbench_model::histogram::{self, EncodedHistogram};
use pushbench_model::measurement::{
    ConnectionCount, LoopModel, Measurement, Publisher, WireCount, histogram_name,
};
use pushbench_model::profile::Profile;
use pushbench_model::record::{Blame, Cost, Outcome, Reason, Record, Run, SCHEMA, Usage};
use pushbench_model::scenario::Scenario;
use pushbench_model::sequence::SequenceCounts;
use pushbench_stats::noise::Noise;

use crate::Unproven;

/// Which record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Six trials with sound figures.
    Sound,
    /// A seventh, which is invalid and a thousand times as slow.
    OneAbsurdTrial,
}

const SOUND: u32 = 6;
const SAMPLES: u64 = 2000;
const SCENARIO: &str = r#"
name = "synthetic"
models = "Nothing: its figures are made up."
expected = "What was made up."
profiles = ["quick"]
payload = { bytes = 128 }
[fan-out]
subscribers = 10
rate = 100.0
arrivals = "constant"
warm-up-s = { quick = 1.0, standard = 1.0, thorough = 1.0 }
measure-s = { quick = 2.0, standard = 2.0, thorough = 2.0 }
"#;
const SERVERS: &str = r#"
[[server]]
stack = "reference"
transports = ["sse"]
command = ["{pushbench}"]
publishes = "schedule"
about = "Made up."
"#;

/// Writes a record into a directory of its own, reads it, and removes it again.
pub(crate) fn synthetic(seed: u64, kind: Kind) -> Result<Record, Unproven> {
    let directory = Temporary::new();
    write(&directory.0, seed, kind).map_err(Unproven::Impossible)
}

/// A directory that goes when it is no longer needed.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("pushbench-selftest-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What is left over is small, and there is nobody to tell.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn write(parent: &Path, seed: u64, kind: Kind) -> Result<Record, String> {
    let path = Path::new("synthetic.toml");
    let scenario = Scenario::parse(SCENARIO, path).map_err(|e| e.to_string())?;
    let servers = Server::parse(SERVERS, path).map_err(|e| e.to_string())?;
    let repetitions = SOUND + u32::from(kind == Kind::OneAbsurdTrial);
    let plan = Plan::new(
        std::slice::from_ref(&scenario),
        &servers,
        Profile::Quick,
        repetitions,
        seed,
    );
    let run = Run {
        schema: SCHEMA,
        started: "2026-01-01T12:00:00Z".into(),
        command: vec!["pushbench".into(), "selftest".into()],
        seed,
        profile: Profile::Quick,
        repetitions,
        planned: repetitions,
        scenarios: vec![scenario],
        servers: servers.iter().map(|server| server.label.clone()).collect(),
        one_tuning: Vec::new(),
        absent: Vec::new(),
        left_out: Vec::new(),
        left_out_scenarios: Vec::new(),
        server_cores: vec![0],
        load_cores: vec![1],
        link: None,
        environment: Environment {
            machine: "made up".into(),
            ..Environment::default()
        },
    };
    let mut writer = RecordWriter::create(parent, "synthetic", &run).map_err(|e| e.to_string())?;
    let mut noise = Noise::new(seed);
    for planned in &plan.trials {
        let trial = trial(planned.repetition > SOUND, &mut noise);
        writer.append(planned, trial).map_err(|e| e.to_string())?;
    }
    Record::read(writer.directory()).map_err(|e| e.to_string())
}

fn trial(is_absurd: bool, noise: &mut Noise) -> FinishedTrial {
    let scale = if is_absurd { 1000.0 } else { 1.0 } * (0.05 * noise.normal()).exp();
    let mut response = histogram::new();
    for _ in 0..SAMPLES {
        response.saturating_record((200e3 * scale * (0.2 * noise.normal()).exp()) as u64);
    }
    let usage = Usage {
        cost: Cost {
            cpu_ns: (4e3 * scale) as u64 * SAMPLES,
            ..Cost::default()
        },
        memory: None,
    };
    let outcome = if is_absurd {
        Outcome::Invalid {
            reasons: vec![Reason {
                side: Blame::Publisher,
                text: "late: made up".into(),
            }],
        }
    } else {
        Outcome::Valid
    };
    FinishedTrial {
        outcome,
        started: "2026-01-01T12:00:00Z".into(),
        wall_s: 3.0,
        measurement: Some(measurement(&EncodedHistogram::encode(&response))),
        server_usage: Some(usage),
        load_usage: Some(usage),
        steal: Some(0.0),
        others_cpu: Some(0.0),
        cpu_pressure: Some(0.0),
        steadiness: None,
        flags: Vec::new(),
        link: None,
    }
}

fn measurement(response: &EncodedHistogram) -> Measurement {
    Measurement {
        workload: "fan-out".into(),
        transport: "sse".into(),
        loop_model: LoopModel::Open,
        publisher: Publisher::Server,
        concurrency: 10,
        operations: SAMPLES,
        published: SAMPLES / 10,
        body_bytes: 256,
        payload_bytes: 128,
        elapsed_ns: 2_000_000_000,
        sequence: SequenceCounts {
            delivered: SAMPLES,
            ..SequenceCounts::default()
        },
        wire: WireCount::default(),
        batches: None,
        polls: None,
        held_up_ns: 0,
        connections: ConnectionCount {
            opened: 10,
            nodelay: 10,
            ..ConnectionCount::default()
        },
        server: None,
        windows: Vec::new(),
        cuts: None,
        arrivals: None,
        heartbeats: None,
        slow: None,
        dead: None,
        late: None,
        upstream: None,
        tls: None,
        answers: None,
        client: None,
        histograms: BTreeMap::from([(histogram_name::RESPONSE.to_owned(), response.clone())]),
        errors: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_what_was_asked_for_and_leaves_nothing_behind() {
        let directory = Temporary::new();
        let record = write(&directory.0, 1, Kind::OneAbsurdTrial).unwrap();
        assert_eq!(record.trials.len(), 7);
        let valid = record.trials.iter().filter(|t| t.trial.outcome.is_valid());
        assert_eq!(valid.count(), 6);
        let path = directory.0.clone();
        assert!(path.is_dir());
        drop(directory);
        assert!(!path.exists());
    }
}
