//! Ctrl-C in the middle of a run: what was measured is kept and reported, and nothing goes on running.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use common::{DEADLINE, Stage, wait};
use pushbench_model::record::Record;
use rustix::process::{Pid, Signal, kill_process};

/// Starts a run of many trials, marked so that its children can be told from all other processes.
fn start(stage: &Stage, mark: &str, scenario: &str) -> Child {
    let mut command = stage.pushbench(["run", "--scenario", scenario, "--repetitions", "400"]);
    command
        .args([
            "--server",
            "sse@equalised",
            "--server",
            "tcp",
            "--no-slices",
        ])
        .env("PUSHBENCH_TEST", mark);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Processes that carry the mark.
fn marked(mark: &str) -> Vec<String> {
    let wanted = format!("PUSHBENCH_TEST={mark}");
    let carries = |environment: Vec<u8>| {
        environment
            .split(|&b| b == 0)
            .any(|v| v == wanted.as_bytes())
    };
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let path = entry.ok()?.path();
        // One that has ended meanwhile has no environment.
        carries(fs::read(path.join("environ")).ok()?).then(|| path.display().to_string())
    });
    processes.collect()
}

fn interrupted_at(line: &str, scenario: &str, signal: Signal) -> (Stage, Record) {
    let stage = Stage::new();
    stage.write(
        "scenarios/slow.toml",
        &common::FAN_OUT.replace("quick = 0.1,", "quick = 3600.0,"),
    );
    let mark = format!("{}-{line}-{}", std::process::id(), signal.as_raw());
    let mut child = start(&stage, &mark, scenario);
    let id = Pid::from_child(&child);
    // The end of its standard error, too, ends the waiting.
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.lines().any(|told| told.starts_with(line)) {
        assert!(stderr.read_line(&mut told).unwrap() > 0, "{told}");
    }
    assert!(marked(&mark).contains(&format!("/proc/{}", id.as_raw_pid())));
    kill_process(id, signal).unwrap();
    let rest = std::thread::spawn(move || std::io::read_to_string(stderr).unwrap());
    let ended = wait(child).with(130);
    assert!(!rest.join().unwrap().contains("panicked"), "{ended:#?}");
    assert_eq!(marked(&mark), Vec::<String>::new(), "these are left");

    let record = Record::read(&stage.record()).unwrap();
    let (made, planned) = (record.trials.len(), record.run.planned);
    assert!((made as u32) < planned);
    let notice = format!("Stopped after {made} of {planned} trials");
    for name in ["report.html", "report.md"] {
        let report = fs::read_to_string(stage.record().join(name)).unwrap();
        assert!(report.contains(&notice), "{name} has not {notice:?}");
    }
    assert!(ended.stdout.contains(&notice), "{ended:#?}");
    (stage, record)
}

#[test]
fn after_the_first_trial() {
    let (_stage, record) = interrupted_at("trial 1 of 800", "scenarios/tiny.toml", Signal::INT);
    assert!(!record.trials.is_empty());
    assert!(
        record
            .trials
            .iter()
            .all(|trial| trial.trial.outcome.is_valid())
    );
}

#[test]
fn sigterm_is_the_same() {
    let (_stage, record) = interrupted_at("trial 2 of 800", "scenarios/tiny.toml", Signal::TERM);
    assert!(record.trials.len() >= 2);
}

/// In the first trial, which would take an hour: it is abandoned, and the record is one without trials.
#[test]
fn before_any_trial_has_ended() {
    let (_stage, record) = interrupted_at("recording to", "scenarios/slow.toml", Signal::INT);
    assert!(record.trials.is_empty());
}

/// When the harness is killed it can end nobody; its children notice by themselves.
#[test]
fn children_of_a_killed_run_end_by_themselves() {
    let stage = Stage::new();
    stage.write(
        "scenarios/slow.toml",
        &common::FAN_OUT.replace("quick = 0.1,", "quick = 3600.0,"),
    );
    let mark = format!("{}-killed", std::process::id());
    let mut child = start(&stage, &mark, "scenarios/slow.toml");
    let deadline = std::time::Instant::now() + DEADLINE;
    let wait_for = |what: &str, reached: &dyn Fn(usize) -> bool| {
        while !reached(marked(&mark).len()) {
            assert!(
                std::time::Instant::now() < deadline,
                "{what}: {:?}",
                marked(&mark)
            );
            std::thread::yield_now();
        }
    };
    // Itself, a server and a load process.
    wait_for("start", &|count| count == 3);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for("end", &|count| count == 0);
}
