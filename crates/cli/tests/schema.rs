//! The published schemas of a record are those of the types, and what is written keeps them.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod common;

use std::fs;
use std::path::Path;

use common::{Stage, finish, root};
use jsonschema::Validator;
use serde_json::Value;

const DOCUMENTS: [&str; 9] = [
    "run", "trial", "slices", "selftest", "search", "peers", "anatomy", "survey", "load",
];

fn published(document: &str) -> String {
    let path = root().join(format!("docs/schema/{document}.schema.json"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_published_schemas_are_those_of_the_types() {
    for document in DOCUMENTS {
        let ended = finish(&mut Stage::new().pushbench(["schema", document])).with(0);
        assert!(
            ended.stdout == published(document),
            "docs/schema/{document}.schema.json is out of date: pushbench schema {document} writes it anew"
        );
    }
}

fn validator(document: &str) -> Validator {
    jsonschema::validator_for(&serde_json::from_str(&published(document)).unwrap()).unwrap()
}

fn check(validator: &Validator, value: &Value, of: &str) {
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{of}: {errors:#?}");
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The kept run was written by the program, so its files are real output.
#[test]
fn a_real_record_keeps_the_schemas() {
    let record = root().join("reports/reference");
    let run = serde_json::from_str(&fs::read_to_string(record.join("run.json")).unwrap()).unwrap();
    check(&validator("run"), &run, "run.json");
    let mut checked = 0;
    for (document, file) in [("trial", "trials.jsonl"), ("slices", "slices.jsonl")] {
        let validator = validator(document);
        for (index, line) in lines(&record.join(file)).iter().enumerate() {
            check(&validator, line, &format!("{file}, line {}", index + 1));
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked} lines");
    let selftest = fs::read_to_string(record.join("selftest.json")).unwrap();
    check(
        &validator("selftest"),
        &serde_json::from_str(&selftest).unwrap(),
        "selftest.json",
    );
}

/// A schema that lets everything pass would be no schema.
#[test]
fn the_schemas_refuse_what_is_wrong() {
    let record = root().join("reports/reference");
    let validator = validator("trial");
    let good = lines(&record.join("trials.jsonl")).remove(0);
    type Damage = fn(&mut Value);
    let damages: [Damage; 4] = [
        |line| line["trial"] = "one".into(),
        |line| drop(line.as_object_mut().unwrap().remove("server")),
        |line| line["status"] = "splendid".into(),
        |line| line["measurement"]["sequence"]["lost"] = (-1).into(),
    ];
    for damage in damages {
        let mut line = good.clone();
        damage(&mut line);
        assert!(!validator.is_valid(&line), "{line}");
    }
}
