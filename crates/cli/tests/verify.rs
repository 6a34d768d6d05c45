//! `pushbench verify`, and servers of others in the suite.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::fs;

use common::{Stage, finish, root, skipped};
use pushbench_harness::{Server, servers};
use serde_json::Value;

const SERVERS: &str = "benches/servers.toml";

/// Two hundred messages to five subscribers.
const TWO_HUNDRED: &str = r#"name = "two-hundred"
profiles = ["quick"]
models = "A test."
expected = "It works."

[payload]
bytes = 128
kind = "text"

[fan-out]
subscribers = 5
rate = 200.0
arrivals = "constant"
warm-up-s = { quick = 0.1, standard = 0.1, thorough = 0.1 }
measure-s = { quick = 1.0, standard = 1.0, thorough = 1.0 }
"#;

/// All `transports` of a stack of ours keep all of it.
fn keeps_every_rule(stack: &str, transports: usize) {
    let stage = Stage::new();
    let list = root().join(SERVERS);
    let mut command = stage.pushbench(["verify", "--servers"]);
    let ended = finish(command.arg(&list).arg(stack)).with(0);
    assert_eq!(
        ended.stdout.matches(" passed, 0 failed, ").count(),
        transports,
        "{ended:#?}"
    );
    assert!(!ended.stdout.contains("FAILED"), "{ended:#?}");
}

#[test]
fn the_floor_passes_every_rule_that_applies() {
    keeps_every_rule("floor", 1);
}

#[test]
fn bare_servers_pass_every_rule_that_applies() {
    keeps_every_rule("bare", 5);
}

#[test]
fn reference_servers_pass_every_rule_that_applies() {
    keeps_every_rule("reference", 10);
}

#[test]
fn axum_passes_every_rule_that_applies() {
    keeps_every_rule("axum", 2);
}

#[test]
fn axum_on_several_threads_passes_every_rule_that_applies() {
    keeps_every_rule("axum-mt", 2);
}

/// A server of others, if it is there: what it breaks of the contract, and what it loses of 200 messages.
fn measures(stack: &str) {
    let list = root().join(SERVERS);
    let mut all = Server::read(&list).unwrap();
    all.retain(|server| server.label.stack == stack);
    assert!(!all.is_empty(), "{stack} is in no list");
    let names: Vec<_> = all.iter().map(|server| server.label.to_string()).collect();
    let checked = servers::check(all);
    for absent in &checked.absent {
        skipped(&format!(
            "{}: {}; {}",
            absent.server, absent.reason, absent.install
        ));
    }
    if checked.available.is_empty() {
        return;
    }
    let stage = Stage::new();
    stage.write("two-hundred.toml", TWO_HUNDRED);
    let mut command = stage.pushbench(["verify", stack, "--servers"]);
    finish(command.arg(&list)).with(0);

    let words = [
        "run",
        "--no-slices",
        "--no-progress",
        "--repetitions",
        "1",
        "--server",
        stack,
    ];
    let mut command = stage.pushbench(words);
    let ended = finish(
        command
            .args(["--scenario", "two-hundred.toml", "--servers"])
            .arg(&list),
    );
    // 3: on a busy machine a publisher may be late. What was lost is looked at here.
    assert!(matches!(ended.status.code(), Some(0 | 3)), "{ended:#?}");
    let trials = fs::read_to_string(stage.record().join("trials.jsonl")).unwrap();
    let trials: Vec<Value> = trials
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(trials.len(), names.len(), "{names:?}");
    for trial in &trials {
        let measured = &trial["measurement"];
        assert_eq!(measured["published"], 200, "{trial}");
        assert_eq!(measured["operations"], 1000, "{trial}");
        for wrong in ["lost", "duplicated", "reordered", "corrupted"] {
            assert_eq!(measured["sequence"][wrong], 0, "{wrong}: {trial}");
        }
    }
}

#[test]
fn express_delivers_two_hundred_messages() {
    measures("express");
}

#[test]
fn ws_delivers_two_hundred_messages() {
    measures("ws");
}

#[test]
fn koa_delivers_two_hundred_messages() {
    measures("koa");
}

#[test]
fn aiohttp_delivers_two_hundred_messages() {
    measures("aiohttp");
}

#[test]
fn nchan_delivers_two_hundred_messages() {
    measures("nchan");
}

/// A server without a cursor is no fault of the run: it is told why it is left out.
#[test]
fn who_cannot_resume_is_left_out_where_connections_look_back() {
    let stage = Stage::new();
    stage.write(
        "servers.toml",
        "[[server]]\nstack = \"fake\"\ntransports = [\"sse\"]\ncommand = [\"true\"]\npublishes = \"relay\"\n\
         about = \"\"\nresumes = false\npaths = { sse = \"/sub\", publish = \"/pub\" }\n",
    );
    let words = ["run", "--no-progress", "--servers", "servers.toml"];
    let mut command = stage.pushbench(words);
    let ended = finish(command.args(["--scenario", "scenarios/dial.toml"])).with(1);
    assert!(ended.stderr.contains("resumes = false"), "{ended:#?}");
}

/// One that breaks what everything stands on is refused with that reason, and no trial is run.
#[test]
fn a_server_that_delivers_nothing_is_recorded_as_failed() {
    let stage = Stage::new();
    stage.fake_server("echo READY http://127.0.0.1:1; exec cat > /dev/null");
    let words = [
        "run",
        "--no-progress",
        "--repetitions",
        "2",
        "--servers",
        "servers.toml",
    ];
    let mut command = stage.pushbench(words);
    finish(command.args(["--scenario", "scenarios/tiny.toml"])).with(3);
    let trials = fs::read_to_string(stage.record().join("trials.jsonl")).unwrap();
    assert_eq!(trials.lines().count(), 2);
    for trial in trials.lines() {
        let trial: Value = serde_json::from_str(trial).unwrap();
        assert_eq!(trial["status"], "failed");
        let reason = trial["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("control: /healthz answers 200"), "{trial}");
    }
}

#[test]
fn what_is_broken_is_told_with_what_came() {
    let stage = Stage::new();
    stage.fake_server("echo READY http://127.0.0.1:1; exec cat > /dev/null");
    let words = ["verify", "--failed-only", "--servers", "servers.toml"];
    let ended = finish(&mut stage.pushbench(words)).with(3);
    for part in [
        "sse/fake",
        "FAILED  control: /healthz",
        "expected  200",
        "came      no connection",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {ended:#?}");
    }
    let nobody = finish(&mut stage.pushbench(["verify", "--url", "http://127.0.0.1:1"])).with(1);
    nobody.in_one_line(&["no connection to 127.0.0.1:1"]);
    let words = ["verify", "fake", "--url", "http://127.0.0.1:1"];
    finish(&mut stage.pushbench(words)).with(2);
}
