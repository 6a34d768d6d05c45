//! What is not compared: one clear line, the code, and nothing that looks like a result.

use std::fs;

use pushbench_model::profile::Profile;
use pushbench_model::record::Record;
use pushbench_model::scenario::Workload;
use pushbench_model::schedule::Arrivals;

use crate::common::{Ended, Stage, finish};
use crate::disk::{baseline, candidate, write};

fn stage() -> Stage {
    let stage = Stage::new();
    write(&baseline(), &stage.path("base"));
    write(&candidate(1.0), &stage.path("change"));
    stage
}

/// Asserts a refusal in every format, and that no file is written.
#[track_caller]
fn refused(stage: &Stage, arguments: &[&str], code: i32) -> Ended {
    let mut last = None;
    for format in ["text", "json", "bmf"] {
        let mut command = stage.pushbench(["compare", "--format", format]);
        let ended = finish(command.args(arguments)).with(code);
        assert_eq!(ended.stdout, "", "{ended:?}");
        last = Some(ended);
    }
    let mut command = stage.pushbench(["compare", "--out", "file"]);
    let ended = finish(command.args(arguments)).with(code);
    assert!(ended.stdout.is_empty() && !stage.path("file").exists());
    last.unwrap()
}

#[test]
fn records_that_measured_something_else() {
    type Spoil = fn(&mut Record);
    let cases: [(Spoil, &[&str]); 7] = [
        (
            |r| r.run.scenarios[0].payload.bytes = 256,
            &["field `payload.bytes` is 128 in base and 256 in change"],
        ),
        (
            |r| {
                if let Workload::FanOut(w) = &mut r.run.scenarios[0].workload {
                    w.rate = 60.0;
                }
            },
            &["scenario \"fan-out-small\", field `rate` is 50 in base and 60 in change"],
        ),
        (
            |r| {
                if let Workload::FanOut(w) = &mut r.run.scenarios[0].workload {
                    w.subscribers = 10;
                }
            },
            &["field `subscribers` is 100 in base and 10 in change"],
        ),
        (
            |r| {
                if let Workload::FanOut(w) = &mut r.run.scenarios[0].workload {
                    w.arrivals = Arrivals::Constant;
                }
            },
            &["field `arrivals` is poisson in base and constant in change"],
        ),
        (
            |r| r.run.scenarios[0].margins.p99 = 0.3,
            &["field `margin.p99` is 0.1 in base and 0.3 in change"],
        ),
        (
            |r| r.run.profile = Profile::Thorough,
            &["field `profile` is quick in base and thorough in change"],
        ),
        (
            |r| {
                r.run.scenarios[0].name = "other".into();
                for t in &mut r.trials {
                    t.trial.scenario = "other".into();
                }
            },
            &[
                "no scenario is in the baseline and in another record",
                "base has fan-out-small, and change has other",
            ],
        ),
    ];
    let stage = stage();
    for (spoil, wanted) in cases {
        let mut change = candidate(1.0);
        spoil(&mut change);
        write(&change, &stage.path("change"));
        refused(&stage, &["base", "change"], 1).in_one_line(wanted);
    }
}

#[test]
fn records_that_cannot_be_read() {
    type Damage = fn(&str) -> String;
    let hlog = baseline().trials[0].trial.hlog.clone().unwrap();
    let cases: [(&str, Damage, &[&str]); 6] = [
        (
            "run.json",
            |text| text.replace("\"schema\": 2", "\"schema\": 77"),
            &["change/run.json: field `schema` is 77", "reads 2"],
        ),
        (
            "trials.jsonl",
            |text| text.replacen("\"schema\":2", "\"schema\":1", 1),
            &["change/trials.jsonl: field `schema` is 1", "reads 2"],
        ),
        (
            "run.json",
            |text| text[..text.len() / 2].into(),
            &["change/run.json, line ", "EOF"],
        ),
        (
            "trials.jsonl",
            |text| text[..99].to_owned() + &text[text.find('\n').unwrap()..],
            &["change/trials.jsonl, line 1: "],
        ),
        (
            &hlog,
            |text| text.replacen(",HISTF", ",HISTX", 1),
            &[".hlog, line 4: "],
        ),
        (
            &hlog,
            |text| text.replacen("Tag=", "Gat=", 1),
            &[".hlog, line 4: no Tag="],
        ),
    ];
    let stage = stage();
    for (name, damage, wanted) in cases {
        let path = stage.path("change").join(name);
        let good = fs::read_to_string(&path).unwrap();
        let bad = damage(&good);
        assert_ne!(bad, good, "{name} is not damaged");
        fs::write(&path, bad).unwrap();
        for order in [["base", "change"], ["change", "base"]] {
            refused(&stage, &order, 1).in_one_line(wanted);
        }
        fs::write(&path, good).unwrap();
    }
    finish(&mut stage.pushbench(["compare", "base", "change"])).with(0);
}

#[test]
fn too_few_and_unknown() {
    let stage = stage();
    refused(&stage, &[], 1).in_one_line(&["0 given", "a baseline and at least one other record"]);
    refused(&stage, &["base"], 1)
        .in_one_line(&["1 given", "a baseline and at least one other record"]);
    refused(&stage, &["base", "nowhere"], 1)
        .in_one_line(&["\"nowhere\" is neither a baseline", "no baselines"]);
    refused(&stage, &["base", "./nowhere"], 1).in_one_line(&["./nowhere/run.json: No such file"]);
    refused(&stage, &["base", "change", "--scenario", "none"], 1)
        .in_one_line(&["no scenario \"none\"", "there are fan-out-small"]);
    refused(&stage, &["base", "change", "--server", "sse"], 1)
        .in_one_line(&["no server \"sse\"", "websocket/reference, tcp/floor"]);
    let mut command = stage.pushbench(["compare", "base", "change", "change", "--format", "bmf"]);
    let ended = finish(&mut command).with(2);
    ended.in_one_line(&["holds the figures of one candidate, 2 given"]);
    assert_eq!(ended.stdout, "");
    let mut command = stage.pushbench(["compare", "base", "change", "--out", "none/file"]);
    let ended = finish(&mut command).with(1);
    ended.in_one_line(&["cannot write none/file"]);
}

/// A mistake in an expression is a wrong argument: it is found before anything is read, and located.
#[test]
fn thresholds_that_are_none() {
    let stage = stage();
    let cases = [
        (
            "p95 > +10%",
            "column 1: no metric \"p95\"; there are p50, p99",
        ),
        ("p99 = +10%", "column 5: `>` or `<` expected"),
        ("p99 > 10ms", "column 7: a sign expected"),
        (
            "p99 > +10 kB",
            "column 11: \"kB\" is no unit: p99 takes %, ns, us",
        ),
    ];
    for (threshold, wanted) in cases {
        let ended = refused(&stage, &["base", "change", "--fail-if", threshold], 2);
        assert!(ended.stderr.contains(wanted), "{}", ended.stderr);
    }
}
