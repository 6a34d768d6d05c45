//! From nothing to a report, through the binary: every server that this machine can start, every workload.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use common::{Stage, finish, root, skipped};
use pushbench_model::measurement::Publisher;
use pushbench_model::record::{Outcome, Record, parse_hlog};

/// Labels of our own servers, which need nothing but this binary.
const OWN: [&str; 12] = [
    "long-poll/bare",
    "long-poll/reference",
    "long-poll/reference@defaults",
    "sse/axum@defaults",
    "sse/bare",
    "sse/reference",
    "sse/reference@defaults",
    "tcp/floor",
    "websocket/axum@defaults",
    "websocket/bare",
    "websocket/reference",
    "websocket/reference@defaults",
];
/// And of those that need Node.
const NODE: [&str; 4] = [
    "sse/express",
    "sse/express@defaults",
    "websocket/ws",
    "websocket/ws@defaults",
];
const INSTALL: &str = "npm ci --prefix benches/servers/node";

#[test]
fn a_whole_run() {
    let stage = Stage::new();
    let servers = root().join("benches/servers.toml");
    let servers = servers.to_str().unwrap();
    let arguments = [
        "run",
        "--scenarios",
        "scenarios",
        "--servers",
        servers,
        "--repetitions",
        "1",
        "--seed",
        "20260729",
    ];
    let ended = finish(&mut stage.pushbench(arguments)).with(0);

    let directory = stage.record();
    let record = Record::read(&directory).unwrap();
    let taking_part: BTreeSet<String> =
        record.run.servers.iter().map(ToString::to_string).collect();
    let absent: BTreeSet<String> = record
        .run
        .absent
        .iter()
        .map(|a| a.server.to_string())
        .collect();
    assert_eq!(
        &taking_part | &absent,
        OWN.iter().chain(&NODE).map(ToString::to_string).collect()
    );
    assert!(OWN.iter().all(|own| taking_part.contains(*own)));
    if absent.is_empty() {
        assert!(!ended.stderr.contains("absent"), "{ended:#?}");
    } else {
        skipped(&format!(
            "{absent:?}, which are absent; to install them: {INSTALL}"
        ));
        tells_what_is_absent(&absent, &ended.stderr, &directory);
    }

    assert_eq!(record.trials.len(), 2 * taking_part.len());
    own_servers_took_turns(&record);
    every_trial_is_good(&record, &directory);
    the_run_is_told(&record, &ended.stderr, &ended.stdout);

    let html = fs::read_to_string(directory.join("report.html")).unwrap();
    let markdown = fs::read_to_string(directory.join("report.md")).unwrap();
    let command = format!("pushbench {}", arguments.join(" "));
    // A checkout may lie in somebody's home.
    let command = match std::env::var("HOME") {
        Ok(home) if servers.starts_with(&format!("{home}/")) => command.replace(&home, "~"),
        _ => command,
    };
    for (name, report) in [("html", &html), ("md", &markdown)] {
        assert!(report.contains(&command), "{name} has not {command}");
        assert!(report.contains("seed 20260729"), "{name}");
    }
    the_report_is_a_function_of_the_record(&stage, &directory);
}

/// Without Node on the PATH its servers are named, with the command that installs what they need.
#[test]
fn servers_that_cannot_take_part() {
    let stage = Stage::new();
    let servers = root().join("benches/servers.toml");
    let mut command = stage.pushbench(["run", "--scenario", "scenarios/tiny.toml"]);
    for server in ["sse/bare", "sse/express", "sse/koa", "sse/nchan"] {
        command.args(["--server", server]);
    }
    command
        .arg("--servers")
        .arg(servers)
        .args(["--repetitions", "1"]);
    let ended = finish(command.env("PATH", stage.path("nothing"))).with(0);
    let absent = [
        "sse/express",
        "sse/express@defaults",
        "sse/koa",
        "sse/nchan",
    ];
    let absent = BTreeSet::from(absent.map(str::to_owned));
    tells_what_is_absent(&absent, &ended.stderr, &stage.record());
    assert!(
        ended.stderr.contains("node is not on the PATH"),
        "{ended:#?}"
    );
}

/// Records and reports are shared: neither says where on the machine they were made.
#[test]
fn nothing_names_a_home_directory() {
    let stage = Stage::new();
    let home = stage.path("").canonicalize().unwrap();
    let home = home.to_str().unwrap();
    let block = |stack: &str, program: &str, more: &str| {
        format!(
            "[[server]]\nstack = \"{stack}\"\ntransports = [\"sse\"]\npublishes = \"schedule\"\nabout = \"\"\n\
             command = [\"{program}\", \"serve\", \"--transport\", \"sse\", \"--stack\", \"bare\"]\n{more}\n"
        )
    };
    let gone = "directory = \"gone\"\ninstall = \"get it\"";
    let servers = block("bare", "{pushbench}", "")
        + &block("absent", "x", gone)
        + &block("broken", &format!("{home}/no-such-program"), "");
    stage.write("servers.toml", &servers);
    let mut command = stage.pushbench(["run", "--scenario", "scenarios/tiny.toml"]);
    command
        .args(["--repetitions", "1", "--servers"])
        .arg(format!("{home}/servers.toml"))
        .env("HOME", home);
    // One of the servers fails.
    finish(&mut command).with(3);
    let directory = stage.record();
    let mut files = 0;
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains(home), "{}: {text}", path.display());
            files += 1;
        }
    }
    assert!(files >= 5, "run, trials and three reports: {files}");
    let record = Record::read(&directory).unwrap();
    assert_eq!(record.run.absent[0].reason, "gone does not exist");
    let command = record.run.command.join(" ");
    assert!(command.ends_with(" --servers ~/servers.toml"), "{command}");
    let markdown = fs::read_to_string(directory.join("report.md")).unwrap();
    for named in [
        "--servers ~/servers.toml\n",
        r"\~/no-such-program",
        "gone does not exist",
    ] {
        assert!(markdown.contains(named), "{named}: {markdown}");
    }
}

/// Nothing can be run where everything is absent, and that is no success.
#[test]
fn all_servers_absent() {
    let stage = Stage::new();
    let servers = root().join("benches/servers.toml");
    let mut command =
        stage.pushbench(["run", "--scenario", "scenarios/tiny.toml", "--server", "ws"]);
    command
        .arg("--servers")
        .arg(servers)
        .env("PATH", stage.path("nothing"));
    let ended = finish(&mut command).with(1);
    assert!(
        ended
            .stderr
            .contains("pushbench: nothing to run: no server was chosen"),
        "{ended:#?}"
    );
    assert!(!stage.path("reports").exists());
}

fn tells_what_is_absent(absent: &BTreeSet<String>, stderr: &str, directory: &Path) {
    let read = |name| fs::read_to_string(directory.join(name)).unwrap();
    for (name, text) in [
        ("stderr", stderr),
        ("md", &read("report.md")),
        ("html", &read("report.html")),
    ] {
        assert!(text.contains(INSTALL), "{name}: {text}");
        assert!(
            absent.iter().all(|label| text.contains(label)),
            "{name}: {text}"
        );
    }
}

fn every_trial_is_good(record: &Record, directory: &Path) {
    let mut logs = BTreeSet::new();
    for recorded in &record.trials {
        let trial = &recorded.trial;
        let name = format!("{} against {}", trial.scenario, trial.server);
        assert_eq!(trial.outcome, Outcome::Valid, "{name}");
        let measurement = trial.measurement.as_ref().unwrap();
        let (operations, main) = match trial.scenario.as_str() {
            "tiny" => (50, "response"),
            _ => (20, "first-message"),
        };
        assert_eq!(measurement.operations, operations, "{name}");
        assert_eq!(recorded.histograms[main].len(), operations, "{name}");
        assert_eq!(trial.summaries[main].n, operations, "{name}");
        match measurement.publisher {
            Publisher::Server => assert_eq!(measurement.wire.agrees(), Some(true), "{name}"),
            Publisher::Load => assert!(measurement.wire.bytes_down > 128 * operations, "{name}"),
        }
        assert!(
            trial.server_usage.is_some() && trial.load_usage.is_some(),
            "{name}"
        );
        // The log by itself, as another tool would read it.
        let log = trial.hlog.clone().unwrap();
        let parsed = parse_hlog(&fs::read_to_string(directory.join(&log)).unwrap()).unwrap();
        assert_eq!(parsed, recorded.histograms, "{name}");
        assert!(logs.insert(log), "{name}");
    }
    // All servers of a scenario meet the same schedule.
    let mut seeds: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for recorded in &record.trials {
        seeds
            .entry(&recorded.trial.scenario)
            .or_default()
            .insert(recorded.trial.seed);
    }
    assert!(seeds.values().all(|seeds| seeds.len() == 1), "{seeds:?}");
    assert_eq!(
        fs::read_dir(directory.join("hlog")).unwrap().count(),
        logs.len()
    );
}

/// In the fan-out and nowhere else: cold connections have no slices.
fn own_servers_took_turns(record: &Record) {
    assert_eq!(
        record.run.planned as usize,
        record.trials.len() + record.slices.len()
    );
    assert!(!record.slices.is_empty());
    for trial in &record.slices {
        assert_eq!(
            (trial.scenario.as_str(), &trial.outcome),
            ("tiny", &Outcome::Valid)
        );
        for arm in &trial.arms {
            let own = OWN.contains(&arm.server.to_string().as_str());
            assert!(own, "{}", arm.server);
            assert!(arm.slices.len() >= 20, "{}", arm.server);
        }
    }
}

/// Progress goes to standard error, a line per trial where there is no terminal; the answer to standard output.
fn the_run_is_told(record: &Record, stderr: &str, stdout: &str) {
    let planned = record.run.planned;
    for recorded in &record.trials {
        let trial = &recorded.trial;
        let line = format!(
            "trial {} of {planned} ({}, {}) valid",
            trial.trial, trial.scenario, trial.server
        );
        assert!(stderr.lines().any(|told| told == line), "{line}: {stderr}");
    }
    for trial in &record.slices {
        let (number, servers) = (trial.trial, trial.arms.len());
        let line = format!("trial {number} of {planned} (tiny, {servers} servers in slices) valid");
        assert!(stderr.lines().any(|told| told == line), "{line}: {stderr}");
    }
    assert!(
        ["profile quick, ", "absent: ", "left out of "]
            .iter()
            .any(|first| stderr.starts_with(first)),
        "{stderr}"
    );
    for wanted in [
        "\ntiny, equalised: ",
        "\ntiny, defaults: ",
        "\ndial, equalised: ",
        "sse/reference",
        "tcp/floor",
        "report: reports/",
    ] {
        assert!(stdout.contains(wanted), "{wanted:?}: {stdout}");
    }
    let widest = stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(120), "{widest:?} columns: {stdout}");
}

fn the_report_is_a_function_of_the_record(stage: &Stage, directory: &Path) {
    let mut again = stage.pushbench(["report"]);
    let ended = finish(again.arg(directory).args(["--out", "again"])).with(0);
    assert!(
        ended.stdout.ends_with("report: again/report.html\n"),
        "{ended:#?}"
    );
    for name in ["report.html", "report.md", "report.csv"] {
        let first = fs::read(directory.join(name)).unwrap();
        assert!(!first.is_empty());
        assert!(
            first == fs::read(stage.path("again").join(name)).unwrap(),
            "{name} differs"
        );
    }
    let csv = fs::read_to_string(directory.join("report.csv")).unwrap();
    assert_eq!(
        csv.lines().count(),
        1 + Record::read(directory).unwrap().trials.len()
    );
}

/// Two runs with one seed run the same trials in the same order.
#[test]
fn the_seed_decides_the_order() {
    let order = |seed: &str| {
        let stage = Stage::new();
        let mut command = stage.pushbench([
            "run",
            "--scenario",
            "scenarios/dial.toml",
            "--server",
            "reference",
        ]);
        let ended =
            finish(command.args(["--repetitions", "2", "--seed", seed, "--no-progress"])).with(0);
        assert_eq!(
            ended.stderr.lines().count(),
            1,
            "more than the place of the record: {ended:#?}"
        );
        let record = Record::read(&stage.record()).unwrap();
        let trials = record
            .trials
            .iter()
            .map(|t| (t.trial.server.to_string(), t.trial.seed));
        trials.collect::<Vec<_>>()
    };
    assert_eq!(order("3"), order("3"));
}
