//! Subscribers whose network goes away on a real link, before real servers: who notices, when, and who does not.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use pushbench_model::record::{Outcome, Record};

fn pushbench(arguments: &[&str], directory: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pushbench"))
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap()
}

fn scenario(server: &str) -> String {
    format!(
        r#"
name = "dying"
profiles = ["quick"]
models = "readers on phones"
expected = "they are missed"
transports = ["sse", "websocket", "long-poll"]

[payload]
bytes = 64
kind = "text"

{server}

[fan-out]
subscribers = 10
rate = 2.0
arrivals = "constant"
warm-up-s = {{ quick = 0.5, standard = 0.5, thorough = 0.5 }}
measure-s = {{ quick = 5.0, standard = 5.0, thorough = 5.0 }}

[fan-out.dead]
share = 0.3
within-s = 1.0
"#
    )
}

/// A record of one trial of each server; `None`, and said, where no link can be made.
fn record(scenario: &str, servers: &[&str]) -> Option<(tempfile::TempDir, Record)> {
    let place = tempfile::tempdir().unwrap();
    let tried = pushbench(&["link", "--link", "rtt=0ms"], place.path());
    if !tried.status.success() {
        eprintln!("skipped: {}", String::from_utf8_lossy(&tried.stderr));
        return None;
    }
    fs::write(place.path().join("dying.toml"), scenario).unwrap();
    let mut arguments = vec![
        "run",
        "--link",
        "rtt=1ms",
        "--scenario",
        "dying.toml",
        "--seed",
        "3",
    ];
    arguments.extend(["--repetitions", "1", "--no-progress"]);
    for server in servers {
        arguments.extend(["--server", server]);
    }
    let ran = pushbench(&arguments, place.path());
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    // 3: a busy machine may have been late.
    assert!(
        matches!(ran.status.code(), Some(0 | 3)),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let reports = fs::read_dir(place.path().join("reports")).unwrap();
    let directory = reports.map(|entry| entry.unwrap().path()).next().unwrap();
    let record = Record::read(&directory).unwrap();
    Some((place, record))
}

/// What is wrong with a trial that is not for a machine that was busy.
fn is_usable(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Valid => true,
        Outcome::Invalid { reasons } => {
            let busy = |text: &str| text.contains("was late") || text.contains("could not keep up");
            reasons.iter().all(|reason| busy(&reason.text))
        }
        Outcome::Failed { .. } => false,
    }
}

#[test]
fn servers_that_wait_for_answers_miss_the_dead() {
    let scenario = scenario("[server]\nheartbeat-s = 1\ndead-after-s = 1");
    let Some((_place, record)) = record(&scenario, &["bare", "reference@equalised", "axum"]) else {
        return;
    };
    let mut seen = Vec::new();
    for recorded in &record.trials {
        let (trial, name) = (&recorded.trial, recorded.trial.server.to_string());
        assert!(is_usable(&trial.outcome), "{name}: {:?}", trial.outcome);
        let measured = trial.measurement.as_ref().unwrap();
        let dead = measured.dead.unwrap();
        assert_eq!(
            (dead.dead, dead.unseen, dead.noticed),
            (3, 0, 3),
            "{name}: {dead:?}"
        );
        // Nobody is missed before the time that is waited for is over.
        let noticed = recorded.histograms["noticed"].min();
        assert!(noticed >= 990_000_000, "{name}: {noticed}");
        let listens = trial.server.transport != "long-poll";
        assert_eq!(
            dead.given_up,
            if listens { 3 } else { 0 },
            "{name}: {dead:?}"
        );
        assert_eq!(measured.operations, 10 * 7, "{name}");
        assert!(trial.link.unwrap().gone > 0, "{name}");
        seen.push(trial.server.transport.clone());
    }
    for transport in ["sse", "websocket", "long-poll"] {
        assert!(seen.iter().any(|one| one == transport), "{seen:?}");
    }
}

#[test]
fn servers_that_wait_for_nothing_miss_nobody() {
    let Some((_place, record)) = record(&scenario(""), &["bare"]) else {
        return;
    };
    assert_eq!(record.trials.len(), 3);
    for recorded in &record.trials {
        let trial = &recorded.trial;
        assert!(is_usable(&trial.outcome), "{:?}", trial.outcome);
        let dead = trial.measurement.as_ref().unwrap().dead.unwrap();
        let all = (dead.dead, dead.unseen, dead.noticed, dead.given_up);
        assert_eq!(all, (3, 0, 0, 0), "{}: {dead:?}", trial.server);
        assert!(dead.watched_s > 3.0 * 3.0, "{dead:?}");
    }
}
