//! Subscribers whose network goes away on a real link, before real servers: who notices, when, and who does not.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use common::{Stage, finish, link_is_possible};
use pushbench_model::record::{Outcome, Record};

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
fn record(scenario: &str, servers: &[&str]) -> Option<Record> {
    if !link_is_possible() {
        return None;
    }
    let stage = Stage::new();
    stage.write("dying.toml", scenario);
    let mut arguments = vec!["run", "--link", "rtt=1ms", "--scenario", "dying.toml"];
    arguments.extend(["--seed", "3", "--repetitions", "1", "--no-progress"]);
    for server in servers {
        arguments.extend(["--server", server]);
    }
    let ran = finish(&mut stage.pushbench(arguments));
    // 3: a busy machine may have been late.
    assert!(matches!(ran.status.code(), Some(0 | 3)), "{ran:#?}");
    Some(Record::read(&stage.record()).unwrap())
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
    let Some(record) = record(&scenario, &["bare", "reference@equalised", "axum"]) else {
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
    let Some(record) = record(&scenario(""), &["bare"]) else {
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
