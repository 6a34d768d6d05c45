//! Records that are damaged.

use std::fs;
use std::path::PathBuf;

use pushbench_model::record::Record;

use crate::common::{Stage, finish};
use crate::contains;

/// A good record of two trials.
fn record(stage: &Stage) -> PathBuf {
    let mut command = stage.pushbench([
        "run",
        "--scenario",
        "scenarios/tiny.toml",
        "--server",
        "tcp",
    ]);
    finish(command.args(["--repetitions", "2"])).with(0);
    stage.record()
}

#[test]
fn damaged_records() {
    let stage = Stage::new();
    let directory = record(&stage);
    let first_hlog = Record::read(&directory).unwrap().trials[0]
        .trial
        .hlog
        .clone()
        .unwrap();
    type Damage = fn(String) -> Option<String>;
    let cases: [(&str, Damage, &[&str]); 15] = [
        (
            "run.json",
            |_| None,
            &[
                "run.json: No such file",
                "a record is a directory with run.json",
            ],
        ),
        ("trials.jsonl", |_| None, &["trials.jsonl: No such file"]),
        (
            "run.json",
            |text| Some(text[..text.len() / 2].into()),
            &["run.json, line ", "EOF"],
        ),
        (
            "run.json",
            |text| Some(text.replace("\"schema\": 2", "\"schema\": 77")),
            &["`schema` is 77", "reads 2"],
        ),
        (
            "trials.jsonl",
            |text| Some(text.replace("\"schema\":2", "\"schema\":78")),
            &["`schema` is 78"],
        ),
        (
            "trials.jsonl",
            |text| Some(text[..9].to_owned() + &text[text.find('\n')?..]),
            &["trials.jsonl, line 1: "],
        ),
        (
            "trials.jsonl",
            |text| Some(text + "{}\n"),
            &["trials.jsonl, line 3: ", "not a record of pushbench"],
        ),
        (
            &first_hlog,
            |text| Some(text.replace(",HISTF", ",HISTX")),
            &[".hlog, line 4: "],
        ),
        (&first_hlog, |_| None, &[".hlog: No such file"]),
        // Parts that do not belong together.
        (
            &first_hlog,
            |text| Some(text[..text.trim_end().rfind('\n')? + 1].to_owned()),
            &[
                "histogram `",
                "has none samples",
                "damaged or another trial's",
            ],
        ),
        (
            &first_hlog,
            |text| {
                let last = text.lines().last()?.to_owned();
                Some(text + &last + "\n")
            },
            &["histogram `service` has"],
        ),
        (
            "trials.jsonl",
            |text| Some(text.clone() + text.lines().next()? + "\n"),
            &["trials.jsonl", "field `trial` is 1 in two lines"],
        ),
        (
            "trials.jsonl",
            |text| Some(text.replace("\"stack\":\"floor\"", "\"stack\":\"flour\"")),
            &["trials.jsonl, line 1", "field `server` is tcp/flour"],
        ),
        (
            "run.json",
            |text| Some(text.replace("\"name\": \"tiny\"", "\"name\": \"tinier\"")),
            &["field `scenario` is \"tiny\""],
        ),
        (
            "run.json",
            |text| Some(text.replace("\"p50\": 0.05", "\"p50\": -1")),
            &["field `margins.p50` is -1", "0 to 1"],
        ),
    ];
    for (name, damage, wanted) in cases {
        let path = directory.join(name);
        let good = fs::read_to_string(&path).unwrap();
        match damage(good.clone()) {
            Some(text) => {
                assert_ne!(text, good, "{name} is not damaged");
                fs::write(&path, text).unwrap();
            }
            None => fs::remove_file(&path).unwrap(),
        }
        let ended = finish(
            stage
                .pushbench(["report"])
                .arg(&directory)
                .args(["--out", "other"]),
        )
        .with(1);
        ended.in_one_line(wanted);
        assert!(
            !stage.path("other").exists(),
            "a report of a damaged record: {name}"
        );
        fs::write(&path, good).unwrap();
    }
    for other in ["none", "scenarios", "scenarios/tiny.toml"] {
        finish(&mut stage.pushbench(["report", other]))
            .with(1)
            .in_one_line(&["cannot read", "a record is"]);
    }
}

/// What a power cut leaves behind: half a line at the end. It does not count, and that is said.
#[test]
fn a_record_with_half_a_line() {
    let stage = Stage::new();
    let directory = record(&stage);
    let path = directory.join("trials.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() - 100]).unwrap();
    let ended = finish(stage.pushbench(["report"]).arg(&directory)).with(0);
    contains(&ended.stdout, &["Stopped after 1 of 2 trials"]);
}
