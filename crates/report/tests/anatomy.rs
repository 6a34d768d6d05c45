//! What each format says about a synthetic anatomy: alone, beside trials, cut short, noisy, hostile.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

#[path = "anatomy/goals.rs"]
mod goals;
#[path = "support/html.rs"]
mod page;
mod support;

use pushbench_model::anatomy::{Anatomy, Counting, Quartiles, Side};
use pushbench_model::record::Record;
use pushbench_report::table::Column;
use pushbench_report::{anatomy_summary, csv, html, markdown, summary};

fn alone(anatomy: Anatomy) -> Record {
    let mut record = support::anatomy_alone();
    record.anatomy = Some(anatomy);
    record
}

/// The words of the page, which is well-formed, has no figure that is none, and whose links lead somewhere.
fn words(record: &Record) -> String {
    let page = html(record);
    page::check(&page).unwrap();
    let drawn = page.split("<script>").next().unwrap();
    assert!(!drawn.contains("NaN") && !drawn.contains("\"inf"));
    for target in page.split("href=\"#").skip(1) {
        let target = target.split('"').next().unwrap();
        assert_eq!(
            page.matches(&format!(" id=\"{target}\"")).count(),
            1,
            "{target}"
        );
    }
    assert!(!markdown(record).is_empty());
    page::skeleton(&page)
}

fn findings(anatomy: &Anatomy) -> String {
    anatomy_summary(anatomy).findings.join("\n")
}

#[test]
fn html_says() {
    // One of the folded stages stands for all.
    let mut anatomy = support::anatomy();
    anatomy
        .stages
        .retain(|stage| stage.subscribers == 100 || (stage.subscribers, stage.batch) == (1, 1));
    insta::assert_snapshot!(words(&alone(anatomy)));
}

#[test]
fn markdown_says() {
    insta::assert_snapshot!(markdown(&support::anatomy_alone()));
}

#[test]
fn summary_says() {
    let summary = anatomy_summary(&support::anatomy());
    let mut lines = summary.notices;
    for stage in summary.stages {
        lines.push(stage.name);
        lines.push(
            stage
                .table
                .columns
                .iter()
                .map(Column::heading)
                .collect::<Vec<_>>()
                .join("; "),
        );
        for row in stage.table.rows {
            let cells: Vec<&str> = row.cells.iter().map(|c| c.text.as_str()).collect();
            lines.push(format!("{}: {}", row.name, cells.join("; ")));
        }
    }
    lines.extend(summary.findings);
    lines.extend(summary.goals);
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn twice_the_same_bytes() {
    let (one, other) = (support::anatomy_alone(), support::anatomy_alone());
    assert!(html(&one) == html(&other));
    assert!(markdown(&one) == markdown(&other));
    assert!(csv(&one) == csv(&other));
    assert!(anatomy_summary(&support::anatomy()) == anatomy_summary(&support::anatomy()));
}

/// A page about an anatomy says nothing of trials that nobody asked for.
#[test]
fn alone_it_is_the_whole_page() {
    let said = words(&support::anatomy_alone());
    for absent in [
        "There is nothing to answer",
        "No trial was made",
        "could not take part",
        "Self-test",
        "repetition",
        "scenario",
        "profile",
        "n/a",
    ] {
        assert!(!said.contains(absent), "{absent}");
    }
    for there in [
        "What a delivery is made of",
        "Anatomy of a delivery: 12 stages, 120 slices",
        "How to read these figures",
        "pushbench anatomy --subscribers 1,100,1000",
        "Example CPU @ 2.00GHz",
        "One subscriber pays for all of the publishing",
        "callgrind",
    ] {
        assert!(said.contains(there), "{there}");
    }
    assert!(summary(&support::anatomy_alone()).scenarios.is_empty());
}

/// One line per stage and contender, all with as many fields.
#[test]
fn alone_its_rows_are_the_csv() {
    let record = support::anatomy_alone();
    let text = csv(&record);
    let rows: usize = support::anatomy()
        .stages
        .iter()
        .map(|stage| stage.rows.len())
        .sum();
    assert_eq!(text.lines().count(), rows + 1);
    assert!(
        text.lines()
            .nth(1)
            .unwrap()
            .starts_with("server,1,1,floor,tcp,floor,")
    );
    let line = text
        .lines()
        .find(|line| line.starts_with("server,100,1,websocket/reference@defaults,"))
        .unwrap();
    assert!(
        line.starts_with("server,100,1,websocket/reference@defaults,websocket,defaults,6796.8,7080,7434,5.76,6,6.3,3010,,,,,,,261.5,0,1,1,0.01,0,1,,"),
        "{line}"
    );
}

#[test]
fn beside_trials_it_adds_a_section_and_changes_no_other() {
    let without = support::record();
    let mut with = support::record();
    with.anatomy = Some(support::anatomy());
    let (said, before) = (words(&with), words(&without));
    let kept: Vec<&str> = before.lines().collect();
    let mut rest = kept.iter().peekable();
    for line in said.lines() {
        rest.next_if(|next| **next == line);
    }
    assert_eq!(
        rest.next(),
        None,
        "every line of the page without it is there, in order"
    );
    assert!(said.contains("Anatomy of a delivery"));
    assert_eq!(csv(&with), csv(&without), "one line per trial");
    assert_eq!(summary(&with).scenarios, summary(&without).scenarios);
}

#[test]
fn findings_need_their_rows() {
    let mut anatomy = support::anatomy();
    // As records of before, in which these did not take turns.
    anatomy.batching.clear();
    let all = findings(&anatomy);
    for there in [
        "A read buffer full of zeros, server side: 4.09×",
        "A read buffer full of zeros, client side: 3.43×",
        "SSE and WebSocket at equal engineering: no difference shown",
        "Several threads or one: sse 1.49×, websocket no difference shown",
        "10 messages at a time: 0.11×",
    ] {
        assert!(all.contains(there), "{there} in {all}");
    }
    for stage in &mut anatomy.stages {
        stage.rows.retain(|row| {
            ![
                "websocket/reference@defaults-4k",
                "websocket/tungstenite",
                "sse/bare",
                "sse/axum",
                "websocket/axum",
            ]
            .contains(&row.name.as_str())
        });
    }
    let fewer = findings(&anatomy);
    assert_eq!(fewer, "10 messages at a time: 0.11×");
    anatomy.stages.retain(|stage| stage.batch == 1);
    assert_eq!(findings(&anatomy), "");
    assert!(!words(&alone(anatomy)).contains("What was found"));
}

/// Figures whose middle halves overlap show no difference; apart by a hair, they do.
#[test]
fn quartiles_decide_whether_a_difference_is_shown() {
    let with = |low: f64, median: f64, high: f64| {
        let mut anatomy = support::anatomy();
        for row in anatomy.stages.iter_mut().flat_map(|stage| &mut stage.rows) {
            let quartiles = match row.name.as_str() {
                "websocket/reference@defaults" => Quartiles { low, median, high },
                "websocket/reference@defaults-4k" => Quartiles {
                    low: 1.4,
                    median: 1.5,
                    high: 1.6,
                },
                _ => continue,
            };
            row.times_floor = Some(quartiles);
        }
        findings(&anatomy)
    };
    let title = "A read buffer full of zeros, server side";
    assert!(with(1.6, 3.0, 3.2).contains(&format!("{title}: no difference shown")));
    assert!(with(1.61, 3.0, 3.2).contains(&format!("{title}: 2.00×")));
    assert!(with(0.7, 0.75, 0.8).contains(&format!("{title}: 0.500×")));
}

/// A rung that costs less than the one below it has no part of the bar, and the bar still ends at what it costs.
#[test]
fn noise_draws_no_nonsense() {
    let said = words(&alone(support::not_dearer(support::anatomy())));
    assert!(
        said.contains("Not dearer than the rung below, so without a part of its own: tcp/reference (0.516\u{202f}µs; tcp/bare: 1.20\u{202f}µs)"),
        "{said}"
    );
}

#[test]
fn stages_without_rows_and_transports_with_only_the_floor() {
    let floor = support::only_floor(support::anatomy());
    let said = words(&alone(floor.clone()));
    assert!(
        said.contains("stopped before its end, after 11 stages"),
        "{said}"
    );
    assert_eq!(findings(&floor), "");
    assert_eq!(anatomy_summary(&floor).stages.len(), 2);

    let mut empty = floor;
    for stage in &mut empty.stages {
        stage.rows.clear();
    }
    let said = words(&alone(empty.clone()));
    assert!(said.contains("No stage was measured to its end"));
    assert_eq!(csv(&alone(empty.clone())).lines().count(), 1);
    empty.stages.clear();
    assert!(words(&alone(empty)).contains("No stage was measured to its end"));
}

#[test]
fn one_side_and_one_stage_need_no_overview() {
    let mut anatomy = support::anatomy();
    anatomy
        .stages
        .retain(|stage| (stage.side, stage.subscribers, stage.batch) == (Side::Client, 1000, 10));
    anatomy.setups.clear();
    let said = words(&alone(anatomy.clone()));
    assert!(said.contains("they count floor and framing at most"));
    let chart = "User instructions of ";
    let names = said
        .split(chart)
        .nth(1)
        .and_then(|rest| rest.split(" were not counted here.").next());
    assert!(
        names.is_some_and(
            |names| names.contains("websocket/tungstenite-4k") && !names.contains("pushbench")
        ),
        "{said}"
    );
    anatomy.counting = Counting::Nobody {
        because: "valgrind is not installed".into(),
    };
    for row in &mut anatomy.stages[0].rows {
        (row.user_instructions, row.calls) = (None, None);
    }
    let said = words(&alone(anatomy));
    assert!(!said.contains("at most, and these"), "{said}");
    assert!(!said.contains("not counted here"), "nor is there a chart");
    assert!(
        said.contains("With 1\u{202f}000 subscribers, 10 messages per wake."),
        "{said}"
    );
    assert!(said.contains("Instructions were not counted: valgrind is not installed."));
    assert!(!said.contains("All stages of the") && !said.contains("Server side"));
}

/// Where connections were counted and not timed, nothing is said of times.
#[test]
fn connections_that_nobody_timed_have_no_times() {
    let mut anatomy = support::anatomy();
    for one in &mut anatomy.setups {
        (one.cpu_ns, one.times_floor) = (None, None);
    }
    let parts = |anatomy: Anatomy| {
        let said = markdown(&alone(anatomy));
        let at = said.find("### What a connection costs").unwrap();
        said[at..said.find("### Left out").unwrap()].to_owned()
    };
    let (timed, untimed) = (parts(support::anatomy()), parts(anatomy));
    for of_times in ["times the floor", "CPU", "Processor time"] {
        assert!(timed.contains(of_times) && !untimed.contains(of_times));
    }
    assert!(untimed.contains("| floor | 900 | 6.00 | 0.900 |"));
}

#[test]
fn what_an_anatomy_says_cannot_leave_its_place() {
    let mut anatomy = support::anatomy();
    let hostile = "</script><script>alert('x')</script>\"|\n<b>&";
    for row in &mut anatomy.stages[2].rows {
        row.about = hostile.into();
        row.name += hostile;
        row.transport += hostile;
    }
    anatomy.left_out[0].reason = hostile.into();
    anatomy.left_out[0].name = hostile.into();
    anatomy.command = vec![hostile.into()];
    anatomy.machine = hostile.into();
    anatomy.counting = Counting::Callgrind {
        because: hostile.into(),
    };
    let page = html(&alone(anatomy));
    page::check(&page).unwrap();
    assert_eq!(page.matches("<script>").count(), 1);
}
