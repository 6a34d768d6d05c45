//! A server and a load process played by scripts, in a directory of their own.

#![allow(
    clippy::unwrap_used,
    reason = "part of tests, but not in a test function"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use pushbench_harness::{
    CoreSplit, Deadlines, FinishedTrial, ProcessRunner, RunConfig, Server, TrialResult,
    TrialRunner as _,
};
use pushbench_model::environment::Environment;
use pushbench_model::histogram::{self, EncodedHistogram};
use pushbench_model::measurement::{ConnectionCount, LoopModel, Measurement, Publisher, WireCount};
use pushbench_model::profile::Profile;
use pushbench_model::record::Outcome;
use pushbench_model::scenario::Scenario;
use pushbench_model::sequence::SequenceCounts;

/// One subscriber, ten messages in 10 ms.
pub(crate) const FAN_OUT: &str = r#"
name = "fan-out"
models = ""
expected = ""
profiles = ["quick"]
payload = { bytes = 8 }
[fan-out]
subscribers = 1
rate = 1000.0
arrivals = "constant"
warm-up-s = { quick = 0.0, standard = 0.0, thorough = 0.0 }
measure-s = { quick = 0.01, standard = 0.01, thorough = 0.01 }
"#;
/// Ten connections.
pub(crate) const CONNECT: &str = r#"
name = "connect"
models = ""
expected = ""
profiles = ["quick"]
payload = { bytes = 8 }
[connect]
connections = { quick = 10, standard = 10, thorough = 10 }
warm-up = { quick = 0, standard = 0, thorough = 0 }
in-flight = 1
"#;
/// A load process that keeps the contract.
pub(crate) const PHASES: &str = "phase ready; phase connected; phase measure; phase done; result";

pub(crate) struct Stage {
    directory: tempfile::TempDir,
    scenario: Scenario,
    /// What the load process prints as its result, once written.
    pub(crate) measurement: Measurement,
    /// The server's command.
    pub(crate) command: Vec<String>,
    pub(crate) deadlines: Deadlines,
    pub(crate) cores: CoreSplit,
    pub(crate) stop: AtomicBool,
}

impl Stage {
    pub(crate) fn new(scenario: &str, load: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let scenario = Scenario::parse(scenario, Path::new("scenario.toml")).unwrap();
        let all = CoreSplit::of_this_machine();
        let mut stage = Self {
            measurement: flawless(scenario.workload.label()),
            directory,
            scenario,
            command: Vec::new(),
            deadlines: Deadlines::default(),
            // One core each, so that a list of them is easy to compare.
            cores: CoreSplit {
                server: vec![all.server[0]],
                load: vec![all.load[0]],
            },
            stop: AtomicBool::new(false),
        };
        fs::write(stage.path("load"), load).unwrap();
        stage.write_measurement();
        stage.server("echo READY $PWD/load x; cat");
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Makes a named pipe: how the two sides and the test wait for each other.
    pub(crate) fn pipe(&self, name: &str) {
        assert!(
            Command::new("mkfifo")
                .arg(self.path(name))
                .status()
                .unwrap()
                .success()
        );
    }

    pub(crate) fn server(&mut self, script: &str) {
        let script = format!("echo $$ >>processes; {script}");
        self.command = vec!["sh".into(), "-c".into(), script];
    }

    pub(crate) fn write_measurement(&self) {
        let json = serde_json::to_string(&self.measurement).unwrap();
        fs::write(self.path("measurement.json"), json).unwrap();
    }

    pub(crate) fn config(&self) -> RunConfig {
        let command = serde_json::to_string(&self.command).unwrap();
        let directory = self.directory.path().display();
        let servers = format!(
            "[[server]]\nstack = \"fake\"\ntransports = [\"sse\"]\ndirectory = \"{directory}\"\n\
             command = {command}\npublishes = \"schedule\"\nabout = \"\"\n"
        );
        RunConfig {
            parent: self.path("reports"),
            command: vec!["pushbench".into()],
            seed: 1,
            profile: Profile::Quick,
            repetitions: 2,
            scenarios: vec![self.scenario.clone()],
            servers: Server::parse(&servers, Path::new("servers.toml")).unwrap(),
            absent: Vec::new(),
            left_out: Vec::new(),
            left_out_scenarios: Vec::new(),
            slices: true,
            cores: self.cores.clone(),
            environment: Environment::default(),
            selftest: None,
        }
    }

    pub(crate) fn runner(&self) -> ProcessRunner<'_> {
        ProcessRunner {
            pushbench: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake/pushbench"),
            cores: self.cores.clone(),
            deadlines: self.deadlines,
            counters: false,
            links: None,
            stop: &self.stop,
        }
    }

    /// Runs one trial; `None` when it was interrupted.
    pub(crate) fn trial(&self) -> Option<FinishedTrial> {
        match self.runner().run(&self.config().plan().trials[0]) {
            TrialResult::Finished(trial) => Some(*trial),
            TrialResult::Interrupted => None,
        }
    }

    /// Runs a trial that fails, leaves nothing behind and says all of `wanted`.
    pub(crate) fn fails_with(&self, wanted: &[&str]) -> String {
        let trial = self.trial().unwrap();
        let Outcome::Failed { reason } = trial.outcome else {
            panic!("{trial:?}")
        };
        for part in wanted {
            assert!(reason.contains(part), "{part:?} is not in {reason:?}");
        }
        assert!(trial.measurement.is_none());
        self.assert_nothing_remains();
        reason
    }

    pub(crate) fn assert_nothing_remains(&self) {
        for id in fs::read_to_string(self.path("processes"))
            .unwrap_or_default()
            .lines()
        {
            assert!(
                !Path::new("/proc").join(id).exists(),
                "process {id} was left behind"
            );
        }
    }
}

fn flawless(workload: &str) -> Measurement {
    let mut response = histogram::new();
    response.record_n(50_000, 200).unwrap();
    Measurement {
        workload: workload.into(),
        transport: "sse".into(),
        loop_model: LoopModel::Open,
        publisher: Publisher::Server,
        concurrency: 1,
        operations: 10,
        published: 10,
        body_bytes: 80,
        payload_bytes: 8,
        elapsed_ns: 10_000_000,
        sequence: SequenceCounts {
            delivered: 10,
            ..SequenceCounts::default()
        },
        wire: WireCount::default(),
        batches: None,
        polls: None,
        held_up_ns: 0,
        connections: ConnectionCount {
            opened: 1,
            nodelay: 1,
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
        histograms: BTreeMap::from([("response".into(), EncodedHistogram::encode(&response))]),
        errors: Vec::new(),
    }
}
