//! Servers and load processes of this binary that take turns.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use common::FAN_OUT;
use pushbench_harness::slices::{self, SliceConfig, SliceResult};
use pushbench_harness::{CoreSplit, Deadlines, ProcessRunner, Server};
use pushbench_model::profile::Profile;
use pushbench_model::record::Outcome;
use pushbench_model::scenario::Scenario;
use pushbench_model::slices::SliceTrial;

const ROUNDS: u32 = 6;
const MESSAGES: u32 = 4;

/// One short trial of all transports, with `extra` arguments to the first server.
fn run(extra: &[&str]) -> SliceTrial {
    let servers = r#"
[[server]]
stack = "own"
transports = ["sse", "websocket", "long-poll", "tcp"]
command = ["{pushbench}", "serve", "--transport", "{transport}", "--cores", "{cores}"]
publishes = "schedule"
about = "ours"
"#;
    let mut servers = Server::parse(servers, Path::new("servers.toml")).unwrap();
    let extra = extra.iter().map(ToString::to_string);
    servers[0].command.extend(extra);
    let scenario = Scenario::parse(FAN_OUT, Path::new("tiny.toml")).unwrap();
    let servers = servers.into_iter().map(Arc::new).collect();
    let config = SliceConfig {
        messages: MESSAGES,
        lasting: Duration::ZERO,
        fewest_rounds: ROUNDS,
        ..SliceConfig::new(&Arc::new(scenario), servers, Profile::Quick, 3).unwrap()
    };
    let stop = AtomicBool::new(false);
    let runner = ProcessRunner {
        pushbench: env!("CARGO_BIN_EXE_pushbench").into(),
        cores: CoreSplit::of_this_machine(),
        deadlines: Deadlines::default(),
        counters: false,
        links: None,
        stop: &stop,
    };
    match slices::run(&runner, &config) {
        SliceResult::Finished(trial) => *trial,
        SliceResult::Interrupted => panic!("nobody asked to stop"),
    }
}

#[test]
fn every_transport_takes_its_turns() {
    let trial = run(&[]);
    assert_eq!(trial.outcome, Outcome::Valid);
    assert_eq!((trial.subscribers, trial.messages), (5, MESSAGES));
    assert_eq!(trial.arms.len(), 4);
    for arm in &trial.arms {
        assert_eq!(arm.slices.len(), ROUNDS as usize, "{}", arm.server);
        for slice in &arm.slices {
            assert_eq!(slice.deliveries, u64::from(MESSAGES) * 5);
            assert!(
                slice.server_cpu_ns > 0 && slice.load_cpu_ns > 0,
                "{slice:?}"
            );
        }
    }
    let order = |round: usize| -> Vec<u32> {
        let places = trial.arms.iter().map(|arm| arm.slices[round].place);
        places.collect()
    };
    for round in 0..ROUNDS as usize {
        let mut places = order(round);
        places.sort_unstable();
        assert_eq!(places, [1, 2, 3, 4]);
    }
    assert_ne!(order(0), order(1));
}

#[test]
fn a_server_that_does_not_start_is_named() {
    let trial = run(&["--no-such-option"]);
    let Outcome::Failed { reason } = &trial.outcome else {
        panic!("{trial:?}")
    };
    assert!(
        reason.starts_with("sse/own: the server ended by itself") && reason.contains("no-such"),
        "{reason}"
    );
    assert!(trial.arms.iter().all(|arm| arm.slices.is_empty()));
}
