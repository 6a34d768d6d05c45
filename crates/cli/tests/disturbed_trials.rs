//! Proofs of the self-test that disturb real trials: what they count, not what they time, because tests share the
//! machine.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use common::{Stage, finish, wait};
use pushbench_model::selftest::{ProofRow, ProofStatus, SelfTest};
use rustix::process::{Pid, Signal, kill_process};

/// The row of one proof.
fn row(id: &str) -> ProofRow {
    let stage = Stage::new();
    let mut command =
        stage.pushbench(["selftest", "--quick", "--json", "--seed", "7", "--only", id]);
    let ended = finish(&mut command);
    let selftest: SelfTest = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(selftest.rows.len(), 1);
    assert!(!stage.path("reports").exists(), "one proof is not all");
    selftest.rows.into_iter().next().unwrap()
}

#[test]
fn every_fault_is_counted_once() {
    let row = row("sequence");
    assert_eq!(row.status, ProofStatus::Passed, "{row:#?}");
}

#[test]
fn a_pause_skips_nothing_and_every_message_in_it_is_late() {
    let row = row("intended-time");
    assert!(
        row.read.contains("400 of 400 published, 400 delivered"),
        "{row:#?}"
    );
    let late: u32 = row.read.split(' ').next().unwrap().parse().unwrap();
    assert!(late >= 95, "{row:#?}");
}

#[test]
fn the_side_that_is_throttled_is_blamed() {
    let row = row("saturated-generator");
    let cases: Vec<_> = row.read.split("; ").collect();
    assert!(
        cases.len() == 3 && cases[1].contains("publisher") && cases[2].contains("client"),
        "{row:#?}"
    );
}

/// Processes that carry the mark, each by its state: `T` stands still.
fn marked(mark: &str) -> Vec<char> {
    let wanted = format!("PUSHBENCH_TEST={mark}");
    let state = |process: PathBuf| {
        // One that has ended meanwhile has no environment.
        let environment = fs::read(process.join("environ")).ok()?;
        let carries = environment
            .split(|&b| b == 0)
            .any(|variable| variable == wanted.as_bytes());
        let stat = carries.then(|| fs::read_to_string(process.join("stat")).ok())??;
        stat.rsplit_once(") ")?.1.chars().next()
    };
    let processes = fs::read_dir("/proc").unwrap();
    processes
        .filter_map(|entry| state(entry.ok()?.path()))
        .collect()
}

/// Interrupts a proof once its processes are as `reached` wants them.
fn interrupted(id: &str, reached: impl Fn(&[char]) -> bool) {
    let stage = Stage::new();
    let mark = format!("{id}-{}", std::process::id());
    let mut child = stage
        .pushbench(["selftest", "--only", id])
        .env("PUSHBENCH_TEST", &mark)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::from_child(&child);
    while !reached(&marked(&mark)) {
        // Not that nobody carries the mark: a process that has just been started shows no environment yet.
        if let Some(status) = child.try_wait().unwrap() {
            panic!("ended too soon, {status}: {:?}", child.wait_with_output());
        }
        thread::sleep(Duration::from_millis(2));
    }
    kill_process(pid, Signal::INT).unwrap();
    wait(child).with(130);
    assert_eq!(marked(&mark), [], "these are left");
}

#[test]
fn an_interruption_leaves_nobody_standing_still() {
    interrupted("saturated-generator", |states| states.contains(&'T'));
}

#[test]
fn an_interruption_leaves_nobody_busy() {
    // Itself, a server and its load process, with or without neighbours.
    interrupted("interference", |states| states.len() >= 3);
}
