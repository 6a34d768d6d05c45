//! `pushbench browser`: with and without a browser, and stopped in the middle.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use common::{Stage, finish, skipped, wait};
use pushbench_field::browser::chromium::find;
use pushbench_model::record::Record;
use rustix::process::{Pid, Signal, kill_process};

#[test]
fn without_a_browser_it_says_how_to_get_one() {
    let stage = Stage::new();
    let ended = finish(stage.pushbench(["browser"]).env("PATH", "/nowhere")).with(3);
    assert!(
        ended.stderr.contains("apt-get install -y chromium"),
        "{ended:#?}"
    );
    assert!(!stage.path("reports").exists());
}

#[test]
fn stopped_it_keeps_what_was_seen_and_leaves_nothing_behind() {
    if let Err(absent) = find() {
        return skipped(&absent.reason);
    }
    let stage = Stage::new();
    std::fs::create_dir(stage.path("temporary")).unwrap();
    let mut child = stage
        .pushbench(["browser", "--rounds", "100"])
        .env("TMPDIR", stage.path("temporary"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    // A second one begins: the first has been seen.
    while told.matches("round 1 of 100").count() < 2 {
        assert!(stderr.read_line(&mut told).unwrap() > 0, "{told}");
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let rest = std::thread::spawn(move || std::io::read_to_string(stderr).unwrap());
    let ended = wait(child).with(130);
    assert!(!rest.join().unwrap().contains("panicked"), "{ended:#?}");

    let record = Record::read(&stage.record()).unwrap();
    let [survey] = record.surveys.as_slice() else {
        panic!("{} surveys", record.surveys.len());
    };
    assert!(survey.interrupted && survey.name == "browser");
    let rows = &survey.parts[0].rows;
    let all = rows
        .iter()
        .filter(|row| format!("{:?}", row.cells[0]).contains("all 2200"));
    assert_eq!(all.count(), 1, "{rows:#?}");
    let left = std::fs::read_dir(stage.path("temporary")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}
