//! Clients of others as subscribers, through the binary and in small: real sockets, real programs.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use common::{Stage, finish, root, skipped, wait};
use pushbench_model::record::Record;
use pushbench_model::survey::{Cell, Part, Row, State, Survey};
use rustix::process::{Pid, Signal, kill_process};

const LOAD: &str = "[[phase]]\nmessages = 20\nrate = 200.0\n\n[[phase]]\nmessages = 40\nrate = 2000.0\n\n\
    [[client]]\nname = \"own\"\ntransport = \"sse\"\nabout = \"Ours.\"\n\n";

/// A client that is nothing but a shell, which reads what has gathered when it is asked; `each` may skip a message or tell it twice.
fn shell(name: &str, each: &str, more: &str) -> String {
    let script = format!(
        r#"p=${{0#http://}}; p=${{p%/*}}; exec 3<>/dev/tcp/${{p%:*}}/${{p#*:}}; printf 'GET /sse HTTP/1.1\r\nHost: x\r\n\r\n' >&3
read -r <&3; echo PHASE connected; read -r; n=0; k=0
while read -t 1 -r line <&3; do case $line in "data: "*)
  s=${{line#data: }}; s=${{s//\\/\\\\}}; s=${{s//\"/\\\"}}; k=$((k+1)); {each}
  echo "MESSAGE 1 - \"$s\""; n=$((n+1));; esac; done; echo RESULT $n"#
    );
    let command = serde_json::to_string(&["bash", "-c", &script, "{url}"]).unwrap();
    format!(
        "[[client]]\nname = \"{name}\"\ntransport = \"sse\"\ncommand = {command}\nabout = \"A shell.\"\n{more}\n\n"
    )
}

fn measured(stage: &Stage) -> Survey {
    let record = Record::read(&stage.record()).unwrap();
    assert_eq!(record.surveys.len(), 1);
    record.surveys[0].clone()
}

fn part<'a>(survey: &'a Survey, title: &str) -> &'a Part {
    let part = survey.parts.iter().find(|part| part.title == title);
    part.unwrap_or_else(|| panic!("no {title} in {survey:?}"))
}

fn row<'a>(part: &'a Part, name: &str) -> &'a Row {
    let row = part.rows.iter().find(|row| row.name == name);
    row.unwrap_or_else(|| panic!("no {name} in {part:?}"))
}

/// Published, delivered, lost, twice, out of order, damaged.
fn counts(survey: &Survey, name: &str) -> Vec<f64> {
    let cells = row(part(survey, "What arrives"), name).cells.iter();
    let numbers = cells.filter_map(|cell| match cell {
        Cell::Number { value, .. } => Some(*value),
        _ => None,
    });
    numbers.collect()
}

fn states(row: &Row) -> Vec<(State, &str)> {
    let cells = row.cells.iter().filter_map(|cell| match cell {
        Cell::State { state, text } => Some((*state, text.as_str())),
        _ => None,
    });
    cells.collect()
}

fn clients<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [
        &["clients", "--clients", "list/clients.toml", "--rounds", "1"],
        more,
    ]
    .concat()
}

#[test]
fn losses_show_the_absent_are_named_and_the_report_is_drawn_from_the_record() {
    let stage = Stage::new();
    let lists = [
        LOAD.to_owned(),
        shell(
            "honest",
            "",
            "versions = { bash = [\"bash\", \"-c\", \"echo v5\"] }\nendings = true",
        ),
        shell("deaf", "[ $k = 5 ] && continue", ""),
        shell(
            "stammerer",
            "[ $k = 7 ] && echo \"MESSAGE 1 - \\\"$s\\\"\" && n=$((n+1))",
            "loses = \"it stammers\"",
        ),
        shell(
            "gone",
            "",
            "needs = [\"no/such/file\"]\ninstall = \"get gone\"",
        ),
    ];
    stage.write("list/clients.toml", &lists.concat());
    let ended = finish(&mut stage.pushbench(clients(&["--seed", "5"]))).with(3);
    let absent = "absent: gone over sse: no/such/file is not installed; to install it: get gone";
    assert!(ended.stderr.contains(absent), "{}", ended.stderr);

    let survey = measured(&stage);
    assert_eq!(
        (survey.name.as_str(), survey.interrupted),
        ("clients", false)
    );
    assert_eq!(survey.absent[0].install, "get gone");
    assert_eq!(survey.versions["bash"], "5");
    assert_eq!(counts(&survey, "own"), [60.0, 60.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(counts(&survey, "honest"), [60.0, 60.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(counts(&survey, "deaf"), [60.0, 59.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(
        counts(&survey, "stammerer"),
        [60.0, 60.0, 0.0, 1.0, 0.0, 0.0]
    );
    let arrivals = part(&survey, "What arrives");
    assert_eq!(
        states(row(arrivals, "stammerer")),
        [(State::Fails, "it stammers")]
    );
    assert_eq!(states(row(arrivals, "honest"))[0].0, State::Works);
    let ends = row(
        part(&survey, "When a stream ends, or none begins"),
        "honest",
    );
    let works: Vec<&str> = states(ends)
        .iter()
        .filter(|(state, _)| *state == State::Works)
        .map(|(_, text)| *text)
        .collect();
    assert_eq!(works, ["gives up"], "a shell asks once: {ends:?}");

    let record = stage.record();
    let page = std::fs::read_to_string(record.join("report.html")).unwrap();
    std::fs::remove_file(record.join("report.html")).unwrap();
    finish(&mut stage.pushbench(["report".as_ref(), record.as_os_str()])).with(0);
    assert_eq!(
        std::fs::read_to_string(record.join("report.html")).unwrap(),
        page
    );
    assert!(page.contains("Clients of others as subscribers") && page.contains("it stammers"));
}

/// The list of the checkout, with shorter phases, without what takes seconds.
fn checkout(stage: &Stage, ends: bool) {
    let folder = root().join("benches/clients");
    let mut text = std::fs::read_to_string(folder.join("clients.toml")).unwrap();
    for name in ["node", "python"] {
        let here = format!("directory = \"{}\"", folder.join(name).display());
        text = text.replace(&format!("directory = \"{name}\""), &here);
    }
    text = text
        .replace("rate = 100.0", "rate = 200.0")
        .replace("messages = 2000\n", "messages = 200\n");
    if !ends {
        text = text.replace("endings = true", "");
        let handlers = text.find("\n[[handler]]").unwrap();
        text.truncate(handlers);
    }
    stage.write("list/clients.toml", &text);
}

#[test]
fn whatever_is_installed_delivers_all_or_is_known_not_to() {
    let stage = Stage::new();
    if !root().join("benches/clients/node/node_modules").exists() {
        return skipped("npm ci --prefix benches/clients/node was not run");
    }
    checkout(&stage, false);
    let ended = finish(&mut stage.pushbench(clients(&[]))).with(0);
    let survey = measured(&stage);
    for absent in &survey.absent {
        skipped(&format!("{}: {}", absent.name, absent.reason));
    }
    assert!(
        part(&survey, "What arrives").rows.len() >= 3,
        "{}",
        ended.stderr
    );
    for row in &part(&survey, "What arrives").rows {
        let mut expected = [400.0, 400.0, 0.0, 0.0, 0.0, 0.0];
        if row.name == "axios-progress-node" {
            (expected[1], expected[2]) = (0.0, 400.0);
        }
        // Ours is there over both transports.
        assert_eq!(counts(&survey, &row.name)[..6], expected, "{row:?}");
    }
    // The hand parser reads each piece about once; axios 0 with all text so far reads ever more.
    let reading = part(&survey, "Reading again what was read");
    let at = |name: &str, column: usize| match row(reading, name).cells[column] {
        Cell::Number { value, .. } => value,
        ref other => panic!("{other:?}"),
    };
    assert!(
        at("fetch-reader", 1) < at("fetch-reader", 0) * 1.2,
        "{reading:?}"
    );
    if reading
        .rows
        .iter()
        .any(|row| row.name == "axios-0-progress")
    {
        assert!(
            at("axios-0-progress", 0) > 3.0 * at("fetch-reader", 0),
            "{reading:?}"
        );
    }
}

#[test]
fn endings_of_libraries_and_the_abort_that_asks_for_ever() {
    let stage = Stage::new();
    let modules = root().join("benches/clients/node/node_modules");
    if !modules.join("eventsource").exists() {
        return skipped("npm ci --prefix benches/clients/node was not run");
    }
    checkout(&stage, true);
    let only = ["--only", "eventsource", "fetch-event-source"];
    finish(&mut stage.pushbench(clients(&only))).with(0);
    let survey = measured(&stage);
    let ends = part(&survey, "When a stream ends, or none begins");
    let eventsource = states(row(ends, "eventsource"));
    assert_eq!(eventsource.len(), 7);
    assert!(
        eventsource.iter().all(|(state, _)| *state == State::Works),
        "{eventsource:?}"
    );
    let clean = states(row(ends, "fetch-event-source"))[0];
    assert_eq!(clean, (State::Fails, "never asks again"));
    let abort = part(&survey, "The abort that asks again");
    let requests = |name: &str| match row(abort, name).cells[2] {
        Cell::Number { value, .. } => value,
        ref other => panic!("{other:?}"),
    };
    assert_eq!(requests("onerror: () => controller.abort()"), 5.0);
    assert_eq!(requests("onerror: (error) => { throw error }"), 1.0);
}

#[test]
fn an_interrupted_survey_keeps_what_it_has() {
    let stage = Stage::new();
    stage.write(
        "list/clients.toml",
        &(LOAD.to_owned() + &shell("honest", "", "")),
    );
    let mut child = stage
        .pushbench([
            "clients",
            "--clients",
            "list/clients.toml",
            "--rounds",
            "1000",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("2/2000 ")));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    wait(child).with(130);
    let survey = measured(&stage);
    assert!(
        survey.interrupted && counts(&survey, "honest")[0] >= 60.0,
        "{survey:?}"
    );
}

#[test]
fn unknown_names_are_answered_with_those_there_are() {
    let stage = Stage::new();
    stage.write(
        "list/clients.toml",
        &(LOAD.to_owned() + &shell("honest", "", "")),
    );
    finish(&mut stage.pushbench(clients(&["--only", "nobody"])))
        .with(1)
        .in_one_line(&["list/clients.toml", "no client \"nobody\"", "honest"]);
    stage.write("list/clients.toml", "client = 1");
    finish(&mut stage.pushbench(clients(&[])))
        .with(1)
        .in_one_line(&["list/clients.toml"]);
}
