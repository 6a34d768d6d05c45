//! A search from nothing to its report, with real processes and probes that take no time.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use common::{Stage, finish, wait};
use pushbench_model::record::Record;
use pushbench_model::search::{End, Probe, ProbeVerdict, Purpose};
use rustix::process::{Pid, Signal, kill_process};

/// Lenient, so that a busy machine holds it as well.
const SLO: [&str; 4] = ["--slo", "p90<=20s", "--probe-seconds", "0.3"];

#[test]
fn a_search_up_to_a_low_rate() {
    let stage = Stage::new();
    let mut command = stage.pushbench(["saturate", "--scenario", "scenarios/tiny.toml"]);
    command.args(["--server", "sse/reference", "--from", "100", "--to", "200"]);
    let ended = finish(command.args(SLO).args(["--seed", "7"])).with(0);

    let directory = stage.record();
    let record = Record::read(&directory).unwrap();
    let search = record.search.as_ref().unwrap();
    assert_eq!(search.objective.to_string(), "p90 <= 20 s");
    let [found] = &search.servers[..] else {
        panic!("{search:?}")
    };
    assert_eq!(
        (found.sustained, found.failed_at, found.end),
        (Some(200.0), None, End::Range)
    );
    let (voids, told_of): (Vec<_>, Vec<_>) = found
        .probes
        .iter()
        .partition(|probe| probe.judgement.verdict == ProbeVerdict::Void);
    repeated(&found.probes);
    let asked = |wanted: Purpose| -> Vec<f64> {
        let probes = told_of.iter().filter(|p| p.purpose == wanted);
        probes.map(|p| p.rate).collect()
    };
    assert_eq!(asked(Purpose::Bracket), [100.0, 200.0]);
    assert_eq!(asked(Purpose::Confirm), [200.0; 3]);
    assert_eq!(
        asked(Purpose::Curve),
        [20.0, 60.0, 100.0, 140.0, 160.0, 180.0]
    );

    assert_eq!(record.trials.len(), found.probes.len());
    for (recorded, probe) in record.trials.iter().zip(&found.probes) {
        let trial = &recorded.trial;
        assert_eq!((trial.rate, trial.trial), (Some(probe.rate), probe.trial));
        if voids.contains(&probe) {
            continue;
        }
        assert_eq!(probe.judgement.verdict, ProbeVerdict::Held, "{probe:?}");
        let measured = trial.measurement.as_ref().unwrap();
        // Five subscribers; p90 takes 100 deliveries and 20 more for luck.
        let seconds = (120.0 / (probe.rate * 5.0)).max(0.3);
        assert_eq!(measured.published, (probe.rate * seconds).round() as u64);
        assert_eq!(
            recorded.histograms["response"].len(),
            measured.published * 5
        );
    }
    let lines = ended.stderr.lines().filter(|l| l.starts_with("probe "));
    assert_eq!(lines.count(), record.trials.len(), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("(sse/reference, 200 messages/s, bracket) held")
    );
    told(&stage, &ended.stdout);
}

/// What a busy machine voids says nothing of the server, says why, and is asked again, three times at most.
fn repeated(probes: &[Probe]) {
    let mut voids = 0;
    for (probe, next) in probes
        .iter()
        .zip(probes.iter().skip(1).map(Some).chain([None]))
    {
        if probe.judgement.verdict != ProbeVerdict::Void {
            voids = 0;
            continue;
        }
        voids += 1;
        assert!(
            voids <= 3 && !probe.judgement.reasons.is_empty(),
            "{probe:?}"
        );
        let again = next.map(|next| (next.rate, next.purpose));
        assert_eq!(again, Some((probe.rate, probe.purpose)), "{probes:?}");
    }
}

/// Terminal and reports say what was found, and what the short probes cannot see.
fn told(stage: &Stage, stdout: &str) {
    let read = |name: &str| fs::read_to_string(stage.record().join(name)).unwrap();
    let (html, markdown, csv) = (read("report.html"), read("report.md"), read("report.csv"));
    let flat = |text: &str| text.replace('\n', " ").replace("&lt;", "<");
    for (name, text) in [("terminal", stdout), ("html", &html), ("md", &markdown)] {
        let text = flat(text);
        for wanted in [
            "sustains at least 200 messages/s",
            "highest rate allowed",
            "are shorter than the",
        ] {
            assert!(text.contains(wanted), "{name} has not {wanted:?}: {text}");
        }
    }
    for wanted in [
        "Response time over load",
        "<svg",
        "deliveries per second",
        "sustained",
    ] {
        assert!(html.contains(wanted), "{wanted}");
    }
    assert!(stdout.contains("record: ") && stdout.contains("report: "));
    let mut lines = csv.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .ends_with("asked_rate,purpose,probe,probe_reason,backlog_slope")
    );
    let first = lines.find(|line| line.contains(",100,bracket,held,,"));
    assert!(first.is_some(), "{csv}");
}

/// What is drawn again from the record is the same to the byte.
#[test]
fn nothing_holds_and_is_said_so() {
    let stage = Stage::new();
    let mut command = stage.pushbench(["saturate", "--scenario", "scenarios/tiny.toml"]);
    command.args([
        "--server",
        "sse/reference",
        "--from",
        "4000",
        "--no-progress",
    ]);
    let impossible = ["--slo", "p50<=1us", "--probe-seconds", "0.1"];
    let ended = finish(command.args(impossible)).with(3);
    assert!(!ended.stderr.contains("probe "), "{ended:#?}");
    let record = Record::read(&stage.record()).unwrap();
    let found = &record.search.as_ref().unwrap().servers[0];
    assert_eq!(
        (found.sustained, found.end),
        (None, End::Nothing),
        "{found:?}"
    );
    assert!(ended.stdout.contains("no rate is confirmed"), "{ended:#?}");

    let record = stage.record();
    let again = stage.path("again");
    let mut command = stage.pushbench(["report", record.to_str().unwrap(), "--out"]);
    finish(command.arg(&again)).with(0);
    for name in ["report.html", "report.md", "report.csv"] {
        let first = fs::read(record.join(name)).unwrap();
        assert!(first == fs::read(again.join(name)).unwrap(), "{name}");
    }
}

#[test]
fn an_interrupted_search_keeps_its_record() {
    let stage = Stage::new();
    let mut command = stage.pushbench(["saturate", "--scenario", "scenarios/tiny.toml"]);
    command
        .args(["--server", "sse/reference", "--from", "50"])
        .args(SLO);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.lines().any(|line| line.starts_with("probe 1 ")) {
        assert!(stderr.read_line(&mut told).unwrap() > 0, "{told}");
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let rest = std::thread::spawn(move || std::io::read_to_string(stderr).unwrap());
    let ended = wait(child).with(130);
    assert!(!rest.join().unwrap().contains("panicked"));

    let record = Record::read(&stage.record()).unwrap();
    let found = &record.search.as_ref().unwrap().servers[0];
    assert_eq!(found.end, End::Unfinished);
    assert!(!found.probes.is_empty() && found.probes.len() == record.trials.len());
    let report = fs::read_to_string(stage.record().join("report.html")).unwrap();
    for text in [&ended.stdout, &report] {
        assert!(text.contains("It was stopped before its end."), "{text}");
    }
}

#[test]
fn mistakes_are_explained() {
    let stage = Stage::new();
    let saturate = |arguments: &[&str]| {
        let mut command = stage.pushbench(["saturate", "--server", "sse/reference"]);
        command.args(arguments);
        command
    };
    for (slo, wanted) in [("p99<10ms", "character 4"), ("p99<=10", "us, ms or s")] {
        let ended = finish(&mut saturate(&["--slo", slo])).with(2);
        assert!(ended.stderr.contains(wanted), "{ended:#?}");
    }
    let dial = ["--slo", "p99<=1ms", "--scenario", "scenarios/dial.toml"];
    let ended = finish(&mut saturate(&dial)).with(2);
    ended.in_one_line(&["\"dial\"", "fan-out"]);
    let range = ["--slo", "p99<=1ms", "--from", "9", "--to", "3"];
    let ended = finish(&mut saturate(&range)).with(2);
    ended.in_one_line(&["--from 9", "--to 3"]);
    assert!(!stage.path("reports").exists());
}
