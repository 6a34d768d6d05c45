//! What a report says of connections that come by a schedule: their rate is asked, and no capacity.

mod support;

use pushbench_model::measurement::{ArrivalCount, LoopModel, histogram_name};
use pushbench_model::record::{Flag, Record};
use pushbench_model::scenario::{Arriving, Pace, Workload};
use pushbench_model::schedule::Arrivals;
use pushbench_report::{csv, html, markdown, summary};

/// The synthetic record, whose connections came two hundred a second and stayed for `stay_s`.
fn arriving(stay_s: f64) -> Record {
    let mut record = support::record();
    for scenario in &mut record.run.scenarios {
        if let Workload::Connect(connect) = &mut scenario.workload {
            connect.pace = Pace::Arriving(Arriving {
                rate: 200.0,
                arrivals: Arrivals::Poisson,
                stay_s,
            });
        }
    }
    for recorded in &mut record.trials {
        let lateness = recorded.histograms.get("first-message").cloned();
        let Some(measured) = &mut recorded.trial.measurement else {
            continue;
        };
        if measured.workload == "connect" {
            measured.loop_model = LoopModel::Open;
            measured.elapsed_ns = measured.operations * 5_000_000;
            measured.arrivals = Some(ArrivalCount {
                due: measured.operations,
                most_open: 7,
            });
            let late = lateness.map(|late| (histogram_name::LATENESS.to_owned(), late));
            recorded.histograms.extend(late);
        }
    }
    record
}

#[test]
fn the_rate_is_said_to_be_asked() {
    let page = markdown(&arriving(0.0));
    let section = support::section(&page, "\n## connect\n");
    for words in [
        "opened and closed, 200 a second by a schedule (Poisson arrivals), each at its first message",
        "open loop: connections are due by a schedule, whatever happens to those before; their rate is asked, and is no capacity",
        "says nothing of how many a server could take",
        "Times run from when a connection was due",
        "each connection is closed at its first message",
        "open at most",
    ] {
        assert!(section.contains(words), "{words}: {section}");
    }
    assert!(!section.contains("in flight"), "{section}");
    let page = html(&arriving(0.0));
    for words in [
        "Connections per second, achieved and asked",
        "not how many it could serve",
        "the moment a connection was due",
        "Lateness of the load process is inside the time to the first message",
        "first message, of connections by a schedule",
        "scenario-connect-open",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("a rate at a fixed number in flight"));
}

#[test]
fn who_stays_is_said_to() {
    let page = markdown(&arriving(1.5));
    let section = support::section(&page, "\n## connect\n");
    assert!(section.contains("s after its first message"), "{section}");
    assert!(
        section.contains("300 connections stay at the same time on average"),
        "{section}"
    );
}

#[test]
fn a_table_and_a_file_have_how_many_were_open() {
    let record = arriving(0.0);
    let open = summary(&record);
    let connect = open.scenarios.iter().find(|one| one.name == "connect");
    let table = &connect.expect("it was measured").table;
    let column = table
        .columns
        .iter()
        .position(|column| column.name == "open at most");
    let column = column.expect("a column");
    assert!(table.rows.iter().any(|row| row.cells[column].text == "7"));
    let text = csv(&record);
    let names: Vec<&str> = text.lines().next().unwrap_or_default().split(',').collect();
    let at = |name| names.iter().position(|one| *one == name).expect("a column");
    let (due, most) = (at("connections_due"), at("connections_most_open"));
    let row = text.lines().find(|line| line.contains(",connect,"));
    let fields: Vec<&str> = row.expect("a trial").split(',').collect();
    assert_eq!((fields[due], fields[most]), ("400", "7"));
}

/// Who reads a record without such connections sees nothing of it.
#[test]
fn others_are_told_nothing_of_it() {
    let record = support::record();
    assert!(!csv(&record).contains("most_open"));
    for page in [markdown(&record), html(&record)] {
        assert!(
            !page.contains("open at most") && !page.contains("connections are due by a schedule")
        );
    }
}

/// It is the load process that is late, and not a publisher.
#[test]
fn flags_name_who_was_late() {
    let mut record = arriving(0.0);
    for recorded in &mut record.trials {
        if recorded.trial.scenario == "connect" {
            recorded.trial.flags = vec![Flag::LatePublisher { share: 0.2 }];
        }
    }
    let page = html(&record);
    assert!(
        page.contains("load process late by 20"),
        "in the table of flags"
    );
    assert!(!page.contains("publisher late by 20"));
}
