//! What the program says about itself.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::{Stage, finish, root};

const SUBCOMMANDS: [&str; 23] = [
    "run",
    "anatomy",
    "saturate",
    "verify",
    "serve",
    "load",
    "trial",
    "report",
    "compare",
    "list",
    "doctor",
    "peers",
    "plan",
    "browser",
    "clients",
    "proxies",
    "museum",
    "selftest",
    "conform",
    "inspect",
    "decode",
    "schema",
    "completions",
];

fn help(arguments: &[&str]) -> String {
    let ended = finish(&mut Stage::new().pushbench(arguments)).with(0);
    assert_eq!(ended.stderr, "");
    let widest = ended.stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?} columns: {}", ended.stdout);
    ended.stdout
}

/// `cargo insta review`, or `INSTA_UPDATE=always` in front of the test, accepts a change of wording.
#[test]
fn the_help_of_every_command() {
    insta::assert_snapshot!("pushbench", help(&["--help"]));
    for subcommand in SUBCOMMANDS {
        insta::assert_snapshot!(subcommand, help(&[subcommand, "--help"]));
    }
}

#[test]
fn every_subcommand_has_a_snapshot() {
    let help = help(&["--help"]);
    let commands = help
        .split("Commands:\n")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let named: BTreeSet<_> = commands
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(named, SUBCOMMANDS.into_iter().chain(["help"]).collect());
}

#[test]
fn the_version() {
    assert_eq!(
        help(&["--version"]),
        format!("pushbench {}\n", env!("CARGO_PKG_VERSION"))
    );
}

/// Outside a checkout there are the scenarios and servers built in. They are data that grows, so they are compared with
/// the files and not with a snapshot.
#[test]
fn the_list_in_an_empty_directory() {
    let stage = Stage::new();
    let mut command = stage.pushbench(["list"]);
    let ended = finish(command.env("PATH", stage.path("nothing"))).with(0);
    let list = ended.stdout;
    let first_words: BTreeSet<&str> = list
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let scenarios = fs::read_dir(root().join("benches/scenarios")).unwrap();
    for scenario in scenarios {
        let name = scenario
            .unwrap()
            .path()
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        assert!(first_words.contains(name.as_str()), "{name}: {list}");
    }
    for own in [
        "sse/reference",
        "websocket/reference",
        "long-poll/reference",
        "tcp/floor",
    ] {
        let line = list
            .lines()
            .find(|line| line.trim_start().starts_with(own))
            .unwrap();
        assert!(!line.contains("absent"), "{line}");
    }
    // Every server once, with its tunings.
    let words = list.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words.matches("websocket/reference ").count(), 1, "{list}");
    for wanted in [
        "connections. (equalised, defaults)",
        "before any protocol. (fixed)",
    ] {
        assert!(words.contains(wanted), "{wanted}: {list}");
    }
    for (external, reason) in [
        ("sse/express", "node is not on the PATH"),
        ("websocket/ws", "node is not"),
    ] {
        let line = list
            .lines()
            .find(|line| line.trim_start().starts_with(external))
            .unwrap();
        assert!(line.contains("absent") && line.contains(reason), "{line}");
    }
    assert!(list.contains("to install it: npm ci"), "{list}");
    for profile in ["quick", "standard", "thorough"] {
        assert!(first_words.contains(profile), "{list}");
    }
}

/// The scenarios of a checkout are those one stands in, not those built in.
#[test]
fn the_list_of_a_directory() {
    let stage = Stage::new();
    let ended = finish(&mut stage.pushbench(["list", "--scenarios", "scenarios"])).with(0);
    assert!(
        ended.stdout.contains("\n  tiny ") && !ended.stdout.contains("fan-out-"),
        "{}",
        ended.stdout
    );
    fs::create_dir(stage.path("benches")).unwrap();
    fs::rename(stage.path("scenarios"), stage.path("benches/scenarios")).unwrap();
    assert_eq!(
        finish(&mut stage.pushbench(["list"])).with(0).stdout,
        ended.stdout
    );
}

#[test]
fn completions() {
    for shell in ["bash", "zsh", "fish"] {
        let script = finish(&mut Stage::new().pushbench(["completions", shell]))
            .with(0)
            .stdout;
        for subcommand in SUBCOMMANDS {
            assert!(script.contains(subcommand), "{shell} has no {subcommand}");
        }
        assert!(
            script.contains("--repetitions") || script.contains("-l repetitions"),
            "{shell}"
        );
    }
}

/// Every finding of the doctor that is not good says what to do.
#[test]
fn the_doctor() {
    let ended = finish(&mut Stage::new().pushbench(["doctor"])).with(0);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    for what in [
        "cores",
        "clock source",
        "waking on time",
        "hardware counters",
        "open files",
    ] {
        let at = lines
            .iter()
            .position(|line| line.get(6..).is_some_and(|rest| rest.starts_with(what)));
        let at = at.unwrap_or_else(|| panic!("no {what}: {}", ended.stdout));
        let advised = lines[at + 1..]
            .iter()
            .take_while(|line| line.starts_with("      "))
            .any(|l| l.contains("-> "));
        assert_eq!(
            advised,
            !lines[at].starts_with("ok"),
            "{what}: {}",
            ended.stdout
        );
    }
}

/// `pushbench list | head -1`
#[test]
fn a_reader_that_has_seen_enough() {
    let stage = Stage::new();
    for arguments in [
        &["list"][..],
        &["doctor"],
        &["--help"],
        &["completions", "bash"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = stage.pushbench(arguments);
        let child = command
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let ended = common::wait(child).with(0);
        assert_eq!(ended.stderr, "", "{arguments:?}");
    }
}
