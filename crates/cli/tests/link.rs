//! Trials through a link, and what is said where there can be none.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Stage, finish, link_is_possible};
use pushbench_model::link::Link;
use pushbench_model::record::{Outcome, Record};

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

/// A directory in which runs of scenario files are made.
struct Runs<'a> {
    stage: Stage,
    files: Vec<&'a str>,
}

impl<'a> Runs<'a> {
    fn of(scenarios: &[(&'a str, String)]) -> Self {
        let stage = Stage::new();
        for (file, text) in scenarios {
            stage.write(file, text);
        }
        let files = scenarios.iter().map(|(file, _)| *file).collect();
        Self { stage, files }
    }

    /// Runs one repetition of all scenarios, and returns the record's directory and what was said.
    fn run(&self, options: &[&str]) -> (PathBuf, String) {
        let mut arguments = vec!["run", "--tuning", "equalised", "--repetitions", "1"];
        arguments.extend(["--seed", "3", "--no-progress"]);
        for file in &self.files {
            arguments.extend(["--scenario", file]);
        }
        arguments.extend(options);
        let ran = finish(&mut self.stage.pushbench(arguments)).with(0);
        (self.stage.record(), ran.stdout)
    }
}

#[test]
fn first_messages_take_round_trips() {
    if !link_is_possible() {
        return;
    }
    let link = "rtt=50ms,loss=0.1%,rate=100mbit";
    let runs = Runs::of(&[("far.toml", SCENARIO.to_owned())]);
    let (directory, said) = runs.run(&["--link", link, "--server", "reference"]);
    assert!(said.contains("through a link of 50 ms"), "{said}");
    let record = Record::read(&directory).unwrap();
    assert_eq!(record.run.link, None, "a scenario has it");
    assert_eq!(
        record.run.scenarios[0].link,
        Some(link.parse::<Link>().unwrap())
    );
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

/// Two links and loopback in one record: one scenario over both that were asked for, one over its own, and each trial says what
/// crossed which.
#[test]
fn one_record_holds_several_links() {
    if !link_is_possible() {
        return;
    }
    // Enough of them for a median.
    let far = SCENARIO.replace("quick = 12", "quick = 40");
    let own = far.replace("\"far\"", "\"own\"");
    let own = format!("link = \"rtt=90ms\"\n{own}");
    let runs = Runs::of(&[("far.toml", far), ("own.toml", own)]);
    let links = ["--link", "rtt=20ms", "--link", "rtt=60ms"];
    let (directory, _) = runs.run(&[&links[..], &["--server", "sse/bare"]].concat());
    let record = Record::read(&directory).unwrap();
    let mut seen = Vec::new();
    for recorded in &record.trials {
        let trial = &recorded.trial;
        assert_eq!(trial.outcome, Outcome::Valid);
        let scenario = record.run.scenarios.iter();
        let scenario = scenario.filter(|scenario| scenario.name == trial.scenario);
        let link = scenario
            .map(|scenario| scenario.link.unwrap())
            .next()
            .unwrap();
        let counts = trial.link.unwrap();
        assert!(counts.up.packets > 14 * 3, "{counts:?}");
        let least = trial.summaries["first-message"].mean;
        assert!(
            least >= link.rtt_us as f64 * 2000.0,
            "two round trips of {link}: {least}"
        );
        seen.push((trial.scenario.clone(), link.to_string()));
    }
    seen.sort();
    let expected = [
        ("far@rtt=20ms", "rtt=20ms"),
        ("far@rtt=60ms", "rtt=60ms"),
        ("own", "rtt=90ms"),
    ];
    let expected = expected.map(|(name, link)| (name.to_owned(), link.to_owned()));
    assert_eq!(seen, expected);
    let page = fs::read_to_string(directory.join("report.html")).unwrap();
    assert!(page.contains("Round trips to the first message, measured and by formula"));
}

/// A scenario without a link beside one that has its own stays on loopback, in the same network.
#[test]
fn a_scenario_without_a_link_crosses_none() {
    if !link_is_possible() {
        return;
    }
    let near = SCENARIO.replace("\"far\"", "\"near\"");
    let far = format!("link = \"rtt=40ms\"\n{SCENARIO}");
    let runs = Runs::of(&[("far.toml", far), ("near.toml", near)]);
    let (directory, said) = runs.run(&["--server", "sse/bare"]);
    assert!(said.contains("through 2 networks"), "{said}");
    let record = Record::read(&directory).unwrap();
    assert_eq!(record.trials.len(), 2);
    for recorded in &record.trials {
        let trial = &recorded.trial;
        let crossed = trial.link.is_some_and(|counts| counts.up.packets > 0);
        assert_eq!(trial.outcome, Outcome::Valid);
        assert_eq!(crossed, trial.scenario == "far");
    }
}

#[test]
fn wrong_links_are_explained() {
    let stage = Stage::new();
    for (link, wanted) in [
        ("rtt=80", "80ms"),
        ("moon", "satellite"),
        ("rtt=1ms,loss=60%", "50%"),
    ] {
        for command in ["run", "saturate"] {
            let said = finish(&mut stage.pushbench([command, "--link", link])).with(2);
            assert!(said.stderr.contains(wanted), "{said:#?}");
        }
    }
    let twice = ["plan", "--link", "lan", "--link", "rtt=400us,rate=1gbit"];
    let said = finish(&mut stage.pushbench(twice)).with(2);
    assert!(said.stderr.contains("given twice"), "{said:#?}");
}

/// What a terminal shows on several.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether netem is there or not, who asks for it is told: by what it does otherwise, and by what is missing.
#[test]
fn netem_is_had_or_refused_with_a_remedy() {
    let stage = Stage::new();
    for (arguments, wanted) in [
        (&["plan", "--link-by", "netem"][..], "there is none"),
        (
            &["plan", "--link", "lan", "--link-by", "tc"],
            "userspace and netem",
        ),
        (
            &["plan", "--link", "rtt=1ms,reorder=1%", "--link-by", "netem"],
            "leave out reorder",
        ),
        (
            &["saturate", "--slo", "p99<=9ms", "--link-by", "userspace"],
            "there is none",
        ),
    ] {
        let said = finish(&mut stage.pushbench(arguments)).with(2);
        assert!(said.stderr.contains(wanted), "{said:#?}");
    }
    let planned = ["plan", "--link", "lan", "--link-by", "netem"];
    let said = finish(&mut stage.pushbench(planned)).with(0);
    let text = one_line(&said.stdout);
    assert!(text.contains(", by netem)"), "{text}");
    let tried = ["link", "--link", "rtt=1ms", "--link-by", "netem"];
    let said = finish(&mut stage.pushbench([&tried[..], &["--pings", "3"]].concat()));
    if said.status.success() {
        return;
    }
    if !link_is_possible() {
        return;
    }
    let said = said.with(2).stderr;
    for remedy in [
        "the kernel has no netem",
        "modprobe sch_netem",
        "leave out --link-by netem",
    ] {
        assert!(said.contains(remedy), "{said}");
    }
    let run = ["run", "--link", "rtt=1ms", "--link-by", "netem"];
    let refused = finish(&mut stage.pushbench(run)).with(2);
    assert!(
        refused.stderr.contains("modprobe sch_netem"),
        "{refused:#?}"
    );
    let doctor = one_line(&finish(&mut stage.pushbench(["doctor"])).stdout);
    assert!(
        doctor.contains("link by netem") && doctor.contains("the kernel has no netem"),
        "{doctor}"
    );
    let proofs = ["selftest", "--quick", "--only", "link-netem"];
    let proved = finish(&mut stage.pushbench(proofs)).stdout;
    assert!(proved.contains("link-netem"), "{proved}");
}
