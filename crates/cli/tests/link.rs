//! Trials through a link, and what is said where there can be none.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use pushbench_model::link::Link;
use pushbench_model::record::{Outcome, Record};

fn pushbench(arguments: &[&str], directory: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pushbench"))
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap()
}

/// Whether a link can be made here; says so if not, for a test that is skipped must not look like one that passed.
fn possible() -> bool {
    let tried = pushbench(&["link", "--link", "rtt=0ms"], Path::new("."));
    if !tried.status.success() {
        let said = String::from_utf8_lossy(&tried.stderr).into_owned();
        assert!(said.contains("no link can be made here"), "{said}");
        assert_eq!(tried.status.code(), Some(2));
        eprintln!("skipped: {said}");
    }
    tried.status.success()
}

const SCENARIO: &str = r#"
name = "far"
profiles = ["quick"]
models = "a subscriber across a country"
expected = "two round trips to the first message"

[payload]
bytes = 64
kind = "text"

[connect]
connections = { quick = 12, standard = 12, thorough = 12 }
warm-up = { quick = 2, standard = 2, thorough = 2 }
in-flight = 4
"#;

#[test]
fn first_messages_take_round_trips() {
    if !possible() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("far.toml"), SCENARIO).unwrap();
    let link = "rtt=50ms,loss=0.1%,rate=100mbit";
    let ran = pushbench(
        &[
            "run",
            "--link",
            link,
            "--scenario",
            "far.toml",
            "--server",
            "reference",
            "--tuning",
            "equalised",
            "--repetitions",
            "1",
            "--seed",
            "3",
            "--no-progress",
        ],
        place.path(),
    );
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        ran.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(said.contains("through a link of 50 ms"), "{said}");
    let reports = fs::read_dir(place.path().join("reports")).unwrap();
    let directory = reports.map(|entry| entry.unwrap().path()).next().unwrap();
    let record = Record::read(&directory).unwrap();
    assert_eq!(record.run.link, Some(link.parse::<Link>().unwrap()));
    assert_eq!(
        record.trials.len(),
        5,
        "all transports but the floor's, and no slices"
    );
    for recorded in &record.trials {
        let trial = &recorded.trial;
        assert_eq!(trial.outcome, Outcome::Valid);
        let counts = trial.link.unwrap();
        // Fourteen connections, each opened, asked for its message, answered and closed.
        assert!(
            counts.up.packets > 14 * 3 && counts.down.packets > 14 * 2,
            "{counts:?}"
        );
        let first = trial.summaries.values().next().unwrap();
        assert!(
            first.mean >= 100e6,
            "a round trip each for connection and request: {first:?}"
        );
    }
    let page = fs::read_to_string(directory.join("report.html")).unwrap();
    assert!(page.contains("through a link of 50 ms"));
}

#[test]
fn wrong_links_are_explained() {
    for (link, wanted) in [
        ("rtt=80", "80ms"),
        ("moon", "satellite"),
        ("rtt=1ms,loss=60%", "50%"),
    ] {
        for command in ["run", "saturate"] {
            let output = pushbench(&[command, "--link", link], Path::new("."));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(said.contains(wanted), "{said}");
        }
    }
}
