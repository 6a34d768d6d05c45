//! What each format says about a synthetic record, and that it says it the same way every time.

#[path = "support/html.rs"]
mod page;
mod support;

use pushbench_model::record::Record;
use pushbench_report::table::Column;
use pushbench_report::{csv, html, markdown, summary};

/// A record small enough to read its CSV.
fn two_servers() -> Record {
    let mut record = support::record();
    record.trials.retain(|t| {
        let server = t.trial.server.to_string();
        ["sse/express", "websocket/ws"].contains(&server.as_str())
            && (3..=5).contains(&t.trial.repetition)
    });
    record
}

#[test]
fn markdown_says() {
    insta::assert_snapshot!(markdown(&support::record()));
}

#[test]
fn csv_says() {
    insta::assert_snapshot!(csv(&two_servers()));
}

#[test]
fn html_says() {
    insta::assert_snapshot!(page::skeleton(&html(&support::record())));
}

#[test]
fn summary_says() {
    let summary = summary(&support::record());
    let mut lines = summary.notices;
    for scenario in summary.scenarios {
        lines.push(format!("# {}", scenario.name));
        lines.push(scenario.answer);
        lines.extend(scenario.further);
        for table in [Some(scenario.table), scenario.same_stack]
            .into_iter()
            .flatten()
        {
            let headings: Vec<String> = table.columns.iter().map(Column::heading).collect();
            lines.push(format!("{}: {}", table.head, headings.join("; ")));
            for row in table.rows {
                let cells = row.cells.iter().map(|c| {
                    [std::slice::from_ref(&c.text), &c.small]
                        .concat()
                        .join(" ~ ")
                });
                lines.push(format!(
                    "{}: {}",
                    row.name,
                    cells.collect::<Vec<_>>().join("; ")
                ));
            }
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn twice_the_same_bytes() {
    let (one, other) = (support::record(), support::record());
    assert!(html(&one) == html(&other));
    assert!(markdown(&one) == markdown(&other));
    assert!(csv(&one) == csv(&other));
    assert_eq!(summary(&one), summary(&other));
}

#[test]
fn page_is_well_formed_and_stands_alone() {
    for record in [support::record(), support::with_counters(support::record())] {
        let page = html(&record);
        page::check(&page).unwrap();
        assert!(page.len() < 700_000, "{} bytes", page.len());
        // Nothing is fetched.
        for loader in ["src=", "href=\"http", "@import", "url(", "fetch(", "<link"] {
            assert!(!page.contains(loader), "{loader}");
        }
        let mut ids: Vec<&str> = page
            .split(" id=\"")
            .skip(1)
            .filter_map(|s| s.split('"').next())
            .collect();
        for target in page
            .split("href=\"#")
            .skip(1)
            .filter_map(|s| s.split('"').next())
        {
            assert!(ids.contains(&target), "no target for #{target}");
        }
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "ids are unique");
    }
}

#[test]
fn csv_has_a_line_per_trial_with_as_many_fields() {
    let record = support::record();
    let text = csv(&record);
    let fields = |line: &str| {
        let mut quoted = false;
        line.chars()
            .filter(|&c| {
                quoted ^= c == '"';
                c == ',' && !quoted
            })
            .count()
    };
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), record.trials.len() + 1);
    assert!(lines.iter().all(|line| fields(line) == fields(lines[0])));
}

#[test]
fn instructions_appear_where_there_are_counters() {
    let with = summary(&support::with_counters(support::record()));
    let columns = |s: &pushbench_report::Summary| {
        let columns = s.scenarios[0].table.columns.iter();
        columns
            .map(|c| c.name.clone())
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert!(columns(&with).contains("server instructions per delivery"));
    let without = summary(&support::record());
    assert!(!columns(&without).contains("instructions"));
    let notes = without.scenarios[0].table.notes.join(" ");
    assert!(
        notes.contains("No counters on this machine: the processor's counters"),
        "{notes}"
    );
}
