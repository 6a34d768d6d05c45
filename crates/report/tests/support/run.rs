//! The part of a synthetic record that `run.json` would hold.

use std::collections::BTreeMap;

use pushbench_model::environment::Environment;
use pushbench_model::profile::Profile;
use pushbench_model::record::{AbsentServer, Run, SCHEMA, ServerLabel};
use pushbench_model::scenario::Scenario;
use pushbench_model::tuning::Tuning;

use super::MODELS;

/// The run without trials, as `run.json` would have it.
pub fn run(scenarios: Vec<Scenario>, planned: u32) -> Run {
    let text = |pairs: &[(&str, &str)]| {
        let owned = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        owned.collect::<BTreeMap<_, _>>()
    };
    Run {
        schema: SCHEMA,
        started: "2026-01-01T12:00:00Z".into(),
        command: [
            "pushbench",
            "run",
            "--profile",
            "quick",
            "--seed",
            "1",
            "--note",
            "a sample, not measured",
        ]
        .map(String::from)
        .into(),
        seed: 1,
        profile: Profile::Quick,
        repetitions: 6,
        planned,
        scenarios,
        servers: MODELS.iter().map(super::Model::label).collect(),
        one_tuning: Vec::new(),
        absent: vec![AbsentServer {
            server: ServerLabel {
                transport: "sse".into(),
                stack: "nchan".into(),
                tuning: Tuning::Fixed,
            },
            reason: "nginx is not installed".into(),
            install: "apt-get install -y nginx libnginx-mod-nchan".into(),
        }],

        left_out: Vec::new(),
        left_out_scenarios: Vec::new(),
        server_cores: vec![0],
        load_cores: vec![1],
        link: None,
        environment: Environment {
            machine: "Example CPU, 2 processors, virtual".into(),
            cpu_model: "Example CPU @ 2.00GHz".into(),
            cores: vec![0, 1],
            memory_bytes: 8 << 30,
            kernel: "Linux 6.12.0".into(),
            hypervisor: Some("KVM".into()),
            clock_source: "kvm-clock".into(),
            pushbench_version: "0.1.0".into(),
            commit: Some("0123456789ab".into()),
            rustc: "rustc 1.88.0".into(),
            build: "release".into(),
            no_counters: Some(
                "the processor's counters are not passed to this virtual machine".into(),
            ),
            runtimes: text(&[("node", "v22.0.0")]),
            settings: text(&[("net.core.somaxconn", "4096"), ("RLIMIT_NOFILE", "1048576")]),
            link_by: None,
        },
    }
}
