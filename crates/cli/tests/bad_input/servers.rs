//! Servers that do not do their part.

use std::fs;
use std::net::TcpListener;

use pushbench_model::record::{Outcome, Record};

use crate::common::{Stage, finish};
use crate::contains;
use crate::fake_http::{Manner, fake_http, ready};

/// Runs one trial against a server that is this script. It fails or is invalid; its reason is returned after it was
/// found on standard error, in the record and in the report.
#[track_caller]
fn trial(script: &str) -> String {
    let stage = Stage::new();
    stage.fake_server(script);
    let mut command = stage.pushbench([
        "run",
        "--scenario",
        "scenarios/tiny.toml",
        "--servers",
        "servers.toml",
    ]);
    let ended = finish(command.args(["--repetitions", "1"])).with(3);
    let record = Record::read(&stage.record()).unwrap();
    assert_eq!(record.trials.len(), 1);
    let (how, reason) = match &record.trials[0].trial.outcome {
        Outcome::Failed { reason } => ("failed", reason.clone()),
        outcome @ Outcome::Invalid { .. } => ("invalid", outcome.in_words()),
        Outcome::Valid => panic!("valid: {ended:#?}"),
    };
    let told = format!("trial 1 of 1 (tiny, sse/fake) {how}: {reason}\n");
    assert!(
        ended.stderr.starts_with("recording to ") && ended.stderr.ends_with(&told),
        "{ended:#?}"
    );
    assert_eq!(
        ended.stderr.lines().count(),
        1 + told.lines().count(),
        "{ended:#?}"
    );
    assert!(
        ended.stdout.contains(if how == "failed" {
            "1 failed"
        } else {
            "1 invalid"
        }),
        "{ended:#?}"
    );
    let report = fs::read_to_string(stage.record().join("report.md")).unwrap();
    assert!(report.contains("Trials that enter no figure"), "{report}");
    format!("{how}: {reason}")
}

/// Takes as long as servers are waited for, 10 s.
#[test]
fn a_server_that_is_never_ready() {
    let reason = trial("echo 'waiting for a database' >&2; exec cat");
    contains(
        &reason,
        &[
            "failed: timed out waiting for the ready line",
            "10 s",
            "waiting for a database",
        ],
    );
}

#[test]
fn a_server_that_dies_at_once() {
    let reason = trial("echo 'no such module' >&2; exit 9");
    contains(
        &reason,
        &[
            "failed: the server ended by itself (exit code 9) before its ready line",
            "no such module",
        ],
    );
}

#[test]
fn a_server_that_cannot_be_started() {
    let stage = Stage::new();
    stage.fake_server("");
    let servers = fs::read_to_string(stage.path("servers.toml"))
        .unwrap()
        .replace("\"sh\"", "\"./none\"");
    stage.write("servers.toml", &servers);
    let mut command = stage.pushbench([
        "run",
        "--scenario",
        "scenarios/tiny.toml",
        "--servers",
        "servers.toml",
    ]);
    let ended = finish(command.args(["--repetitions", "1"])).with(3);
    contains(
        &ended.stderr,
        &["failed: the server cannot be started: ./none: No such file"],
    );
}

#[test]
fn a_server_that_is_not_where_it_says() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    contains(
        &trial(&ready(port)),
        &[
            "failed: it does not keep the contract",
            &format!("no connection to 127.0.0.1:{port}"),
        ],
    );
}

#[test]
fn a_server_that_answers_500() {
    let reason = trial(&ready(fake_http(Manner::Refuses)));
    contains(
        &reason,
        &[
            "failed: it does not keep the contract",
            "control: /healthz answers 200",
            "came HTTP/1.1 500",
        ],
    );
}

#[test]
fn a_server_that_refuses_what_is_published() {
    let reason = trial(&ready(fake_http(Manner::RefusesToPublish)));
    contains(
        &reason,
        &[
            "failed: it does not keep the contract",
            "expected 2xx",
            "came HTTP/1.1 500",
        ],
    );
}

#[test]
fn a_server_that_sends_garbage() {
    contains(
        &trial(&ready(fake_http(Manner::Garbage))),
        &[
            "failed: it does not keep the contract",
            "no head of HTTP/1.1",
        ],
    );
}

#[test]
fn a_server_that_hangs_up() {
    contains(
        &trial(&ready(fake_http(Manner::HangsUp))),
        &[
            "failed: it does not keep the contract",
            "the end of the connection",
        ],
    );
}

#[test]
fn a_server_that_closes_in_the_middle_of_an_event() {
    let reason = trial(&ready(fake_http(Manner::ClosesMidEvent)));
    contains(
        &reason,
        &[
            "invalid: ",
            "never arrived",
            "5 connections were ended early by the server",
        ],
    );
}

#[test]
fn a_server_that_loses_messages() {
    let reason = trial(&ready(fake_http(Manner::LosesAll)));
    contains(
        &reason,
        &["invalid: server: 75 of 75 deliveries never arrived"],
    );
}

/// Without a harness it is the same sentence.
#[test]
fn a_trial_against_a_server_that_refuses() {
    let stage = Stage::new();
    for (manner, wanted) in [
        (Manner::Refuses, "answered 500"),
        (Manner::Garbage, "only 0 of 5"),
    ] {
        let url = format!("http://127.0.0.1:{}", fake_http(manner));
        let arguments = [
            "trial",
            "--transport",
            "sse",
            "--scenario",
            "scenarios/tiny.toml",
            "--url",
            &url,
        ];
        finish(&mut stage.pushbench(arguments))
            .with(1)
            .in_one_line(&[wanted]);
    }
    let url = format!("http://127.0.0.1:{}", fake_http(Manner::ClosesMidEvent));
    let arguments = [
        "trial",
        "--transport",
        "sse",
        "--scenario",
        "scenarios/tiny.toml",
        "--url",
        &url,
    ];
    let ended = finish(&mut stage.pushbench(arguments)).with(3);
    contains(
        &ended.stdout,
        &["5 opened, 0 failed, 5 ended early", " lost,"],
    );
}
