//! What is printed, and the exit codes.

use std::fs;

use serde_json::Value;

use crate::common::{Ended, Stage, finish};
use crate::disk::{baseline, candidate, write};

fn stage() -> Stage {
    let stage = Stage::new();
    write(&baseline(), &stage.path("base"));
    write(&candidate(1.5), &stage.path("change"));
    stage
}

fn compare(stage: &Stage, arguments: &[&str]) -> Ended {
    let mut command = stage.pushbench(["compare", "base", "change"]);
    finish(command.args(arguments))
}

#[test]
fn in_a_terminal() {
    let ended = compare(&stage(), &[]).with(0);
    assert_eq!(ended.stderr, "");
    // Words of headings and verdicts stand in several lines.
    let words: Vec<&str> = ended.stdout.split_whitespace().collect();
    let text = words.join(" ");
    for wanted in [
        "change against base.",
        "fan-out-small: times",
        "fan-out-small: costs",
        "websocket/reference",
        "+50.1\u{202f}%",
        "(indicative)",
        "no difference",
        "not interleaved",
        "Trust tier T0",
        "How much the floor moved",
    ] {
        let wanted = wanted.replace('\u{202f}', " ");
        assert!(text.contains(&wanted), "{wanted}: {text}");
    }
    let widest = ended.stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(120), "{widest:?}: {}", ended.stdout);
}

#[test]
fn the_exit_code_is_the_worst_of_all_thresholds() {
    let stage = stage();
    let cases: [(&[&str], i32, &str); 6] = [
        (&["--fail-if", "cpu > +60%"], 0, ""),
        (&["--fail-if", "cpu > +50%"], 5, "undecided: cpu > +50%"),
        (&["--fail-if", "cpu > +10%"], 4, "regression: cpu > +10%"),
        (
            &["--fail-if", "instructions > 1%"],
            3,
            "figures missing for instructions > 1%",
        ),
        (
            &["--fail-if", "instructions > 1%", "--fail-if", "cpu > +50%"],
            3,
            "figures missing",
        ),
        (
            &[
                "--fail-if",
                "instructions > 1%",
                "--fail-if",
                "cpu > +10%",
                "--fail-if",
                "bytes > +1%",
            ],
            4,
            "regression: cpu > +10%",
        ),
    ];
    for (arguments, code, said) in cases {
        let ended = compare(&stage, arguments).with(code);
        if code == 0 {
            assert_eq!(ended.stderr, "");
        } else {
            ended.in_one_line(&[said]);
        }
        assert!(ended.stdout.contains(arguments[1]), "{}", ended.stdout);
    }
    // Another server: nothing has changed there.
    compare(&stage, &["--fail-if", "cpu > +10%", "--server", "tcp"]).with(0);
}

#[test]
fn trials_that_are_not_valid_have_their_code() {
    let stage = stage();
    let mut interrupted = candidate(1.0);
    interrupted.trials.pop();
    write(&interrupted, &stage.path("change"));
    let ended = compare(&stage, &[]).with(3);
    ended.in_one_line(&["invalid, failed or missing"]);
    assert!(ended.stdout.contains("1 missing"), "{}", ended.stdout);
}

#[test]
fn every_format_into_a_file() {
    let stage = stage();
    let cases = [
        ("text", "change against base."),
        ("markdown", "### Pushbench: change against base"),
        ("html", "<!DOCTYPE html>"),
        ("json", "{"),
        ("bmf", "{"),
        ("github", "["),
        ("github-bigger", "["),
    ];
    for (format, begins) in cases {
        let printed = compare(&stage, &["--format", format]).with(0);
        let ended = compare(&stage, &["--format", format, "--out", "file"]).with(0);
        assert_eq!(ended.stdout, "");
        let text = fs::read_to_string(stage.path("file")).unwrap();
        assert!(text.starts_with(begins), "{format}: {text}");
        if format != "text" {
            assert_eq!(text, printed.stdout, "{format}");
        }
        if begins.len() == 1 {
            let value: Value = serde_json::from_str(&text).unwrap();
            assert!(value.is_object() || value.is_array());
        }
    }
    let value: Value =
        serde_json::from_str(&compare(&stage, &["--format", "json"]).stdout).unwrap();
    assert_eq!(
        (&value["format"], &value["version"]),
        (&"pushbench-compare".into(), &1.into())
    );
    assert_eq!(value["baseline"]["name"], "base");
}

#[test]
fn records_of_the_same_name_go_by_their_paths() {
    let stage = Stage::new();
    write(&baseline(), &stage.path("monday/record"));
    write(&candidate(1.0), &stage.path("friday/record"));
    let mut command = stage.pushbench(["compare", "monday/record", "friday/record"]);
    let ended = finish(&mut command).with(0);
    assert!(
        ended
            .stdout
            .starts_with("friday/record against monday/record."),
        "{}",
        ended.stdout
    );
}
