//! Ctrl-C: what was measured is reported.

use std::process::{Child, Stdio};

use pushbench_model::drive::Ended;
use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Stage, wait};
use crate::endpoint::{Endpoint, Then, events};
use crate::{load, report};

/// A drive of an hour that has just been begun.
fn begun(stage: &Stage, endpoint: &Endpoint) -> Child {
    let mut command = load(stage, &["sse", &endpoint.url, "-c", "2", "-z", "1h"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    for _ in 0..2 {
        endpoint.requests.recv().unwrap();
    }
    child
}

#[test]
fn what_was_seen_is_reported() {
    for signal in [Signal::INT, Signal::TERM] {
        let stage = Stage::new();
        let endpoint = Endpoint::start(events(3), Then::Holds);
        let child = begun(&stage, &endpoint);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let report = report(wait(child), 130);
        assert_eq!(report.ended, Ended::Interrupted);
        assert_eq!(report.connections.asked, 2);
        assert!(report.elapsed_ns < 3_600_000_000_000);
    }
}

/// An end that nobody subscribed by is still one by a person.
#[test]
fn before_anybody_answered() {
    let stage = Stage::new();
    let endpoint = Endpoint::start("", Then::Holds);
    let child = begun(&stage, &endpoint);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let report = report(wait(child), 130);
    assert_eq!(
        (report.ended, report.connections.subscribed),
        (Ended::Interrupted, 0)
    );
}
