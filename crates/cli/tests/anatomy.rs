//! `pushbench anatomy` leaves a record whose report can be drawn again.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::thread;

use common::{Ended, Stage, finish, skipped, wait};
use pushbench_model::anatomy::{Rung, Side};
use pushbench_model::record::Record;
use rustix::process::{Pid, Signal, kill_process};

#[test]
fn an_anatomy_is_a_record_and_is_drawn_again() {
    let stage = Stage::new();
    let out = stage.path("out");
    let mut command = stage.pushbench(["anatomy", "--quick", "--subscribers", "100"]);
    let ended = finish(command.args(["--transport", "sse", "--out"]).arg(&out)).with(0);
    assert!(ended.stdout.contains("report: "), "{}", ended.stdout);
    // Without a terminal, a line for where it is kept and one for every stage.
    let told: Vec<&str> = ended.stderr.lines().collect();
    assert!(told[0].starts_with("recording to "), "{told:#?}");
    assert!(told[1].starts_with("stage 1 of 8 (server side, 100 subscribers, 1 per wake) took "));
    assert_eq!(told.len(), 9, "{told:#?}");
    let directories: Vec<_> = fs::read_dir(&out).unwrap().collect();
    assert_eq!(directories.len(), 1);
    let directory = directories[0].as_ref().unwrap().path();
    let anatomy = Record::read(&directory).unwrap().anatomy.unwrap();
    assert_eq!(anatomy.stages.len(), 4);
    assert!(!anatomy.interrupted && !anatomy.batching.is_empty());
    assert_eq!(anatomy.instrument.len(), 2);
    for batch in [1, 10] {
        let rows = &anatomy.stage(Side::Server, 100, batch).unwrap().rows;
        assert!(rows.iter().any(|row| row.name == "sse/reference"));
        assert!(rows[1..].iter().all(|row| row.transport == "sse"));
    }
    let page = directory.join("report.html");
    let drawn = fs::read(&page).unwrap();
    fs::remove_file(&page).unwrap();
    finish(stage.pushbench(["report"]).arg(&directory)).with(0);
    assert!(fs::read(&page).unwrap() == drawn, "drawn otherwise");
}

/// Starts an anatomy and sends `signal` once its first stage is measured.
fn ended_after_a_stage(stage: &Stage, signal: Signal) -> Ended {
    let mut command = stage.pushbench(["anatomy", "--quick", "--subscribers", "2,3,4"]);
    let mut child = command
        .args(["--transport", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("stage 1 of ") {
        line.clear();
        assert!(told.read_line(&mut line).unwrap() > 0, "it ended too early");
    }
    kill_process(Pid::from_child(&child), signal).unwrap();
    // Whatever it says from now on, the pipe must not be full.
    let rest = thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
    let ended = wait(child);
    rest.join().unwrap().unwrap();
    ended
}

#[test]
fn an_interrupted_anatomy_keeps_and_reports_its_stages() {
    let stage = Stage::new();
    let ended = ended_after_a_stage(&stage, Signal::INT).with(130);
    assert!(ended.stdout.contains("report: "), "{}", ended.stdout);
    let anatomy = Record::read(&stage.record()).unwrap().anatomy.unwrap();
    assert!(anatomy.interrupted);
    assert!((1..12).contains(&anatomy.stages.len()));
    assert!(
        fs::read_to_string(stage.record().join("report.html"))
            .unwrap()
            .contains("stopped before its end")
    );
}

#[test]
fn a_killed_anatomy_leaves_a_record_that_can_be_drawn() {
    let stage = Stage::new();
    let ended = ended_after_a_stage(&stage, Signal::KILL);
    assert_eq!(ended.status.code(), None);
    let anatomy = Record::read(&stage.record()).unwrap().anatomy.unwrap();
    assert!(anatomy.interrupted && !anatomy.stages.is_empty());
    finish(stage.pushbench(["report"]).arg(stage.record())).with(0);
}

#[test]
fn an_unknown_transport_is_a_wrong_argument() {
    let stage = Stage::new();
    let ended = finish(&mut stage.pushbench(["anatomy", "--transport", "carrier-pigeon"])).with(2);
    assert!(ended.stderr.contains("carrier-pigeon"), "{}", ended.stderr);
}

/// A short anatomy on an emulated machine with `kernel`; `None` where there is no emulator, or no kernel.
fn emulated(stage: &Stage, kernel: &Path) -> Option<Ended> {
    let mut command = stage.pushbench(["anatomy", "--quick", "--subscribers", "1"]);
    let command = command.args(["--transport", "tcp", "--kernel"]).arg(kernel);
    let ended = finish(command);
    if ended.status.code() != Some(2) {
        return Some(ended);
    }
    // Nothing else is wrong with these arguments.
    let missing = ended
        .stderr
        .lines()
        .find(|line| line.contains("--kernel: "));
    skipped(missing.unwrap_or_else(|| panic!("{}", ended.stderr)));
    None
}

#[test]
fn an_emulated_machine_counts_what_program_and_kernel_execute() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let stage = Stage::new();
    let Some(ended) = emulated(&stage, &root.join(pushbench_anatomy::emulator::KERNEL)) else {
        return;
    };
    let ended = ended.with(0);
    let page = fs::read_to_string(stage.record().join("report.html")).unwrap();
    assert!(page.contains("on an emulated machine"), "{}", ended.stdout);
    let anatomy = Record::read(&stage.record()).unwrap().anatomy.unwrap();
    let emulation = anatomy.emulation.as_ref().unwrap();
    let is_one = |ns: &f64| (ns - 1.0).abs() <= 0.02;
    assert!(emulation.ns_per_instruction.iter().all(is_one));
    let counted = |side, batch: u32| -> Vec<f64> {
        let rows = &anatomy.stage(side, 1, batch).unwrap().rows;
        // Each is held against the floor, and the floor against nobody.
        let held = rows
            .iter()
            .map(|row| row.instructions_times_floor.is_some());
        assert!(held.eq(rows.iter().map(|row| row.rung != Rung::Floor)));
        rows.iter().map(|row| row.instructions.unwrap()).collect()
    };
    for side in Side::ALL {
        let (alone, together) = (counted(side, 1), counted(side, 10));
        assert!(alone.len() > 1);
        // A kernel executes thousands for a delivery, and ten together share most of them.
        assert!(alone.iter().all(|&count| count > 2000.0), "{alone:?}");
        let shared = alone.iter().zip(&together);
        assert!(shared.clone().all(|(alone, together)| together < alone));
    }
    // Whoever connects is told apart from the floor, which does less.
    let servers = anatomy.setups.iter().filter(|one| one.side == Side::Server);
    let setups: Vec<f64> = servers.map(|one| one.instructions.unwrap()).collect();
    assert!(
        setups[1..].iter().all(|&count| count > setups[0]),
        "{setups:?}"
    );
}

#[test]
fn a_machine_that_does_not_start_is_told_of_and_everything_else_is_kept() {
    let stage = Stage::new();
    let kernel = stage.path("no-kernel");
    fs::write(&kernel, "nothing to start").unwrap();
    let Some(ended) = emulated(&stage, &kernel) else {
        return;
    };
    let ended = ended.with(3);
    assert!(
        ended.stderr.contains("left out: emulated machine"),
        "{}",
        ended.stderr
    );
    let anatomy = Record::read(&stage.record()).unwrap().anatomy.unwrap();
    assert!(anatomy.emulation.is_none() && !anatomy.setups.is_empty());
    assert!(anatomy.left_out[0].reason.contains("it ended early"));
}
