//! What a report says came of connections that were cut on purpose.

mod support;

use pushbench_model::measurement::CutCount;
use pushbench_model::record::{Outcome, Record};
use pushbench_model::scenario::{Cuts, Pattern, Workload};
use pushbench_report::{html, markdown};

const SECTION: &str = "## Cuts, and what came of them";

/// The synthetic record with cuts in its first scenario: each trial has `cuts` of them and a second of absence for ten, and its
/// subscribers have lost `lost` messages, had one `twice` and one out of order.
fn cut(resume: bool, cuts: u64, [lost, twice, late]: [u64; 3]) -> Record {
    let mut record = support::record();
    let scenario = &mut record.run.scenarios[0];
    let Workload::FanOut(fan_out) = &mut scenario.workload else {
        panic!("the first scenario is a fan-out");
    };
    fan_out.rate = 100.0;
    fan_out.cuts = Some(Cuts {
        pattern: Pattern::EachEveryS(1.0),
        delay_s: 0.1,
        jitter: 0.0,
        resume,
    });
    let name = scenario.name.clone();
    for recorded in &mut record.trials {
        if recorded.trial.scenario != name {
            continue;
        }
        if let Some(measured) = &mut recorded.trial.measurement {
            measured.cuts = Some(CutCount {
                cuts,
                away_s: cuts as f64 / 10.0,
                ..CutCount::default()
            });
            measured.sequence.lost = lost;
            measured.sequence.duplicated = twice;
            measured.sequence.reordered = late;
        }
    }
    record
}

/// The row of `server`, cell by cell.
fn row(record: &Record, server: &str) -> Vec<String> {
    let page = markdown(record);
    let section = support::section(&page, SECTION);
    let row = section
        .lines()
        .find(|line| line.starts_with(&format!("| {server} |")));
    let row = row.unwrap_or_else(|| panic!("no {server} in {section}"));
    let cells = row.trim_matches('|').split('|');
    cells
        .map(|cell| cell.trim().replace('\u{202f}', " "))
        .collect()
}

/// Six trials of 200 cuts are more than a thousand.
#[test]
fn who_says_where_it_was_loses_nothing_over_a_thousand_cuts() {
    let said = |cuts, faults| row(&cut(true, cuts, faults), "sse/reference")[1..].join(" | ");
    assert_eq!(said(200, [0; 3]), "said | met | 1 200 | 0 | none | 0 | 0");
    assert_eq!(
        said(100, [0; 3]),
        "said | undecided | 600 | 0 | none | 0 | 0"
    );
    let missed = "said | **missed** | 1 200 | ";
    assert_eq!(
        said(200, [1, 0, 0]),
        format!("{missed}**6** | none | 0 | 0")
    );
    assert_eq!(
        said(200, [0, 1, 0]),
        format!("{missed}0 | none | **6** | 0")
    );
    assert_eq!(
        said(200, [0, 0, 1]),
        format!("{missed}0 | none | 0 | **6**")
    );
}

/// What was lost makes a trial invalid, and that must not hide it.
#[test]
fn what_invalid_trials_lost_counts() {
    let mut record = cut(true, 200, [3, 0, 0]);
    for recorded in &mut record.trials {
        recorded.trial.outcome = Outcome::Invalid {
            reasons: Vec::new(),
        };
    }
    let row = row(&record, "websocket/reference");
    assert_eq!(row[2..5], ["**missed**", "1 200", "**18**"]);
}

/// A second away for ten cuts, at a hundred messages a second, is ten messages a cut.
#[test]
fn who_does_not_lose_what_was_published_meanwhile() {
    let record = cut(false, 200, [2100, 0, 0]);
    let cells = row(&record, "sse/reference");
    assert_eq!(cells[1..3], ["not said", "lost, as expected"]);
    assert_eq!(cells[4], "12 600");
    assert!(
        cells[5].starts_with("12 000") && cells[5].contains("+5"),
        "{cells:?}"
    );
    let cells = row(&record, "long-poll/reference");
    assert_eq!(cells[1..3], ["said with every poll", "**missed**"]);
    assert!(html(&record).contains("<a href=\"#cuts\">"));
    let without = support::record();
    assert!(!markdown(&without).contains(SECTION) && !html(&without).contains("#cuts"));
}
