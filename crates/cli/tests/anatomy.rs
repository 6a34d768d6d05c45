//! `pushbench anatomy` leaves a record whose report can be drawn again.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::fs;

use common::{Stage, finish};
use pushbench_model::anatomy::Side;
use pushbench_model::record::Record;

#[test]
fn an_anatomy_is_a_record_and_is_drawn_again() {
    let stage = Stage::new();
    let out = stage.path("out");
    let mut command = stage.pushbench(["anatomy", "--quick", "--subscribers", "2"]);
    let ended = finish(command.args(["--transport", "sse", "--out"]).arg(&out)).with(0);
    assert!(ended.stdout.contains("report: "), "{}", ended.stdout);
    let directories: Vec<_> = fs::read_dir(&out).unwrap().collect();
    assert_eq!(directories.len(), 1);
    let directory = directories[0].as_ref().unwrap().path();
    let anatomy = Record::read(&directory).unwrap().anatomy.unwrap();
    assert_eq!(anatomy.stages.len(), 4);
    for batch in [1, 10] {
        let rows = &anatomy.stage(Side::Server, 2, batch).unwrap().rows;
        assert!(rows.iter().any(|row| row.name == "sse/reference"));
        assert!(rows[1..].iter().all(|row| row.transport == "sse"));
    }
    let page = directory.join("report.html");
    let drawn = fs::read(&page).unwrap();
    fs::remove_file(&page).unwrap();
    finish(stage.pushbench(["report"]).arg(&directory)).with(0);
    assert!(fs::read(&page).unwrap() == drawn, "drawn otherwise");
}

#[test]
fn an_unknown_transport_is_a_wrong_argument() {
    let stage = Stage::new();
    let ended = finish(&mut stage.pushbench(["anatomy", "--transport", "carrier-pigeon"])).with(2);
    assert!(ended.stderr.contains("carrier-pigeon"), "{}", ended.stderr);
}
