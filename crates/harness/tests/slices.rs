//! Trials in slices with real processes: shell scripts in the roles of servers and load processes.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "the stage is shared, and helpers are not in test functions"
)]

mod stage;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pushbench_harness::slices::{self, SliceConfig, SliceResult};
use pushbench_model::profile::Profile;
use pushbench_model::record::{Blame, Outcome};
use pushbench_model::slices::SliceTrial;

use stage::{CONNECT, FAN_OUT, Stage};

const ROUNDS: u32 = 4;
const MESSAGES: u32 = 3;
const BURN: &str = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done";
/// A server that works a little for every slice; its load process finds its pipe by its number.
const SERVER: &str =
    "mkfifo go.$$; echo READY $PWD/load $$; while read -r _ <go.$$; do BURN; SLICE; done";
/// A load process that keeps the contract.
const LOAD: &str = "echo pb-load >/proc/$$/comm; slices=0; \
    while echo PHASE slice; read -r word || exit 9; [ \"$word\" != enough ]; do \
      BURN; echo >$directory/go.$control; slices=$((slices+1)); SLICE; \
    done; result";

/// Two servers that are the same. What server and load process do besides, in every slice.
fn stage(server: &str, load: &str) -> Stage {
    let script = |text: &str, slice: &str| text.replace("BURN", BURN).replace("SLICE", slice);
    let mut stage = Stage::new(FAN_OUT, &script(LOAD, load));
    stage.server(&script(SERVER, server));
    stage.measurement.operations = u64::from(ROUNDS * MESSAGES);
    stage.write_measurement();
    stage
}

fn config(stage: &Stage) -> SliceConfig {
    let config = stage.config();
    let scenario = Arc::new(config.scenarios[0].clone());
    let server = Arc::new(config.servers[0].clone());
    let servers = vec![Arc::clone(&server), server];
    SliceConfig {
        messages: MESSAGES,
        lasting: Duration::ZERO,
        fewest_rounds: ROUNDS,
        ..SliceConfig::new(&scenario, servers, Profile::Quick, 5).unwrap()
    }
}

fn run(stage: &Stage) -> SliceTrial {
    match slices::run(&stage.runner(), &config(stage)) {
        SliceResult::Finished(trial) => *trial,
        SliceResult::Interrupted => panic!("nobody asked to stop"),
    }
}

fn places(trial: &SliceTrial) -> Vec<[u32; 2]> {
    let [a, b] = &trial.arms[..] else {
        panic!("two servers are expected")
    };
    let rounds = a.slices.iter().zip(&b.slices);
    rounds.map(|(a, b)| [a.place, b.place]).collect()
}

#[test]
fn servers_take_turns() {
    let stage = stage(":", ":");
    let trial = run(&stage);
    assert_eq!(trial.outcome, Outcome::Valid);
    assert_eq!((trial.subscribers, trial.messages), (1, MESSAGES));
    for arm in &trial.arms {
        assert_eq!(arm.server.to_string(), "sse/fake");
        assert_eq!(arm.slices.len(), ROUNDS as usize);
        for slice in &arm.slices {
            assert_eq!(slice.deliveries, u64::from(MESSAGES));
            assert!(slice.server_cpu_ns > 0, "{slice:?}");
            assert!(slice.load_cpu_ns > 0, "{slice:?}");
            assert!(slice.wall_ns > 0, "{slice:?}");
        }
    }
    let places = places(&trial);
    assert!(places.contains(&[1, 2]) && places.contains(&[2, 1]));
    assert_eq!(places[0], [places[1][1], places[1][0]], "mirrored");
    stage.assert_nothing_remains();
}

/// Its end is found at its next turn; the rounds before it are kept.
#[test]
fn a_server_that_dies_in_the_middle() {
    let stage = stage(
        "n=$((n+1)); [ $n -lt 3 ] || { echo lost >&2; kill -9 $$; }",
        ":",
    );
    let trial = run(&stage);
    let Outcome::Failed { reason } = &trial.outcome else {
        panic!("{trial:?}")
    };
    for part in ["sse/fake: the server ended by itself (signal 9)", "lost"] {
        assert!(reason.contains(part), "{part:?} is not in {reason:?}");
    }
    assert!(places(&trial).len() < ROUNDS as usize);
    let counts: Vec<_> = trial.arms.iter().map(|arm| arm.slices.len()).collect();
    assert_eq!(counts[0], counts[1], "whole rounds only");
    stage.assert_nothing_remains();
}

/// The load process gives up with a result, which says why.
#[test]
fn a_message_that_is_lost_makes_it_invalid() {
    let mut stage = stage(":", "[ $slices -lt 3 ] || { result; exit 0; }");
    stage.measurement.sequence.lost = 1;
    stage.write_measurement();
    let trial = run(&stage);
    let Outcome::Invalid { reasons } = &trial.outcome else {
        panic!("{trial:?}")
    };
    assert_eq!(reasons.len(), 2, "both say so: {reasons:?}");
    for reason in reasons {
        assert_eq!(reason.side, Blame::Server);
        assert_eq!(reason.text, "sse/fake: 1 of 11 deliveries never arrived");
    }
    assert_eq!(places(&trial).len(), 2);
    stage.assert_nothing_remains();
}

#[test]
fn deliveries_are_counted_at_the_end() {
    let mut stage = stage(":", ":");
    stage.measurement.operations += 1;
    stage.write_measurement();
    let words = run(&stage).outcome.in_words();
    assert!(
        words.contains("13 deliveries were received in 4 slices, expected 12"),
        "{words}"
    );
}

/// Where the kernel counts no time of threads, every figure would be zero.
#[test]
fn servers_that_seem_to_cost_nothing_are_no_measurement() {
    let mut stage = stage(":", ":");
    stage.server("mkfifo go.$$; echo READY $PWD/load $$; exec 3<>go.$$; cat");
    let words = run(&stage).outcome.in_words();
    assert!(words.contains("no processor time"), "{words}");
}

#[test]
fn a_load_process_that_leaves_the_contract() {
    for (load, wanted) in [
        ("echo PHASE measure; read -r _", "`PHASE measure` where"),
        ("echo oh >&2; exit 2", "ended by itself (exit code 2)"),
        (
            "echo PHASE slice; read -r _",
            "one that delivers or receives",
        ),
    ] {
        let mut stage = Stage::new(FAN_OUT, load);
        stage.server("echo READY $PWD/load $$; cat");
        let words = run(&stage).outcome.in_words();
        assert!(words.contains(wanted), "{wanted:?} is not in {words:?}");
        stage.assert_nothing_remains();
    }
}

#[test]
fn a_stop_abandons_the_trial() {
    let stage = stage(
        ":",
        "[ $slices -lt 2 ] || { echo >$directory/reached; read -r _; }",
    );
    stage.pipe("reached");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            fs::read(stage.path("reached")).unwrap();
            stage.stop.store(true, Ordering::Relaxed);
        });
        let result = slices::run(&stage.runner(), &config(&stage));
        assert!(matches!(result, SliceResult::Interrupted), "{result:?}");
    });
    stage.assert_nothing_remains();
}

#[test]
fn cold_connections_are_not_sliced() {
    let stage = Stage::new(CONNECT, ":");
    let scenario = Arc::new(stage.config().scenarios[0].clone());
    assert!(SliceConfig::new(&scenario, Vec::new(), Profile::Quick, 5).is_none());
}
