//! What each format says.

use std::collections::BTreeSet;

use pushbench_model::record::Record;
use pushbench_report::compare::{Compared, Direction, bencher, github, html, json, markdown, text};
use pushbench_report::table::Column;
use serde_json::Value;

use crate::change::{baseline, changed};
use crate::{held, page};

/// Three servers are enough to read.
fn few(mut record: Record) -> Record {
    let kept = |name: &str| ["sse/reference", "tcp/floor", "sse/express"].contains(&name);
    record.run.servers.retain(|s| kept(&s.to_string()));
    record.trials.retain(|t| kept(&t.trial.server.to_string()));
    record.run.planned = record.trials.len() as u32;
    record
}

fn with(check: impl FnOnce(&Compared<'_>)) {
    let base = few(crate::support::record());
    let mut change = few(changed(&baseline()));
    change.run.environment.kernel = "Linux 6.13.0 <x> | y".into();
    let thresholds = [
        "p50 > +10%",
        "bytes > +1%",
        "lost > +0",
        "instructions > +1%",
    ];
    check(&held(&base, &change, &thresholds).unwrap());
}

#[test]
fn text_says() {
    with(|compared| {
        let said = text(compared);
        let mut lines = said.headline;
        for section in said.sections {
            lines.push(format!("# {}", section.title));
            let Some(table) = section.table else { continue };
            let headings: Vec<String> = table.columns.iter().map(Column::heading).collect();
            lines.push(format!("{}: {}", table.head, headings.join("; ")));
            for row in table.rows {
                let cells = row.cells.iter().map(|c| {
                    let all = [std::slice::from_ref(&c.text), &c.small].concat();
                    all.join(" ~ ")
                });
                lines.push(format!(
                    "{}: {}",
                    row.name,
                    cells.collect::<Vec<_>>().join("; ")
                ));
            }
        }
        lines.extend(said.notices);
        insta::assert_snapshot!(lines.join("\n"));
    });
}

#[test]
fn markdown_says() {
    with(|compared| {
        let said = markdown(compared);
        // A comment may have 65,536 characters.
        assert!(said.chars().count() < 65_536);
        assert_eq!(
            said.matches("<details>").count(),
            said.matches("</details>").count()
        );
        insta::assert_snapshot!(said);
    });
}

#[test]
fn html_says() {
    with(|compared| {
        let said = html(compared);
        page::check(&said).unwrap();
        assert!(said.contains("prefers-color-scheme: dark"));
        for loader in ["src=", "href=", "@import", "url(", "<script"] {
            assert!(!said.contains(loader), "{loader}");
        }
        insta::assert_snapshot!(page::skeleton(&said));
    });
}

#[test]
fn json_says() {
    with(|compared| insta::assert_snapshot!(json(compared)));
}

/// Every field is in the documentation of the format.
#[test]
fn json_is_documented() {
    fn names(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    into.insert(name.clone());
                    names(value, into);
                }
            }
            Value::Array(list) => list.iter().for_each(|value| names(value, into)),
            _ => {}
        }
    }
    let source = include_str!("../../src/compare/json.rs");
    let document: String = source
        .lines()
        .take_while(|l| l.starts_with("//!"))
        .collect();
    let words: BTreeSet<&str> = document
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .collect();
    with(|compared| {
        let mut fields = BTreeSet::new();
        names(&serde_json::from_str(&json(compared)).unwrap(), &mut fields);
        assert!(fields.len() > 50, "{fields:?}");
        for field in fields {
            assert!(words.contains(field.as_str()), "{field} is not documented");
        }
    });
}

/// The schema that Bencher publishes: benchmark, measure, and three numbers of which the first is required.
#[test]
fn bencher_says() {
    with(|compared| {
        let said = bencher(compared, 1);
        let value: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(value.as_object().unwrap().len(), 6);
        for measures in value.as_object().unwrap().values() {
            for (name, metric) in measures.as_object().unwrap() {
                let slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                assert!(name.chars().all(slug), "{name}");
                let metric = metric.as_object().unwrap();
                assert!(metric["value"].is_f64(), "{metric:?}");
                for (end, value) in metric {
                    assert!(["value", "lower_value", "upper_value"].contains(&end.as_str()));
                    assert!(value.is_f64(), "{metric:?}");
                }
            }
        }
        insta::assert_snapshot!(said);
    });
}

/// What the action reads: `name`, `unit` and `value`, and texts for `range` and `extra`.
#[test]
fn github_says() {
    with(|compared| {
        let said = github(compared, 1, Direction::SmallerIsBetter);
        let rates = github(compared, 1, Direction::BiggerIsBetter);
        let mut names = BTreeSet::new();
        for text in [&said, &rates] {
            let value: Value = serde_json::from_str(text).unwrap();
            for entry in value.as_array().unwrap() {
                assert!(
                    entry["value"].is_f64() && entry["unit"].is_string(),
                    "{entry}"
                );
                assert!(
                    entry["range"].is_string() && entry["extra"].is_string(),
                    "{entry}"
                );
                let is_rate = entry["name"].as_str().unwrap().ends_with(" rate");
                assert_eq!(is_rate, *text == rates, "{entry}");
                assert!(
                    names.insert(entry["name"].to_string()),
                    "{entry} is there twice"
                );
            }
        }
        insta::assert_snapshot!(format!("{said}{rates}"));
    });
}

#[test]
fn twice_the_same_bytes() {
    with(|one| {
        with(|other| {
            assert!(html(one) == html(other) && markdown(one) == markdown(other));
            assert!(json(one) == json(other) && text(one) == text(other));
        });
    });
}
