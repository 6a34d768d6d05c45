//! What a report says where the same was measured with a connection for each subscriber and with one for many.

mod support;

use pushbench_model::measurement::LateCount;
use pushbench_model::record::Record;
use pushbench_model::scenario::{Scenario, Workload};
use pushbench_report::{csv, html, markdown};

const TITLE: &str = "Subscribers that share a connection";
const STREAMS: u32 = 50;

fn looks(scenario: &mut Scenario) -> bool {
    if let Workload::FanOut(fan_out) = &mut scenario.workload {
        fan_out.late_ms = Some(80.0);
        return true;
    }
    false
}

/// Of a thousand messages to a hundred subscribers, with a connection each: fifteen are late, for two of them each.
const APART: LateCount = LateCount {
    bound_ns: 80_000_000,
    subscribers: 100,
    messages: 1000,
    hit: 15,
    deliveries: 30,
    most: 2,
    stream_p99_ns: Some(42_000_000),
    worst_stream_p99_ns: Some(64_000_000),
};

/// One connection for fifty: twelve messages are late, for all who share it.
const TOGETHER: LateCount = LateCount {
    hit: 12,
    deliveries: 600,
    most: 50,
    stream_p99_ns: Some(84_000_000),
    worst_stream_p99_ns: Some(96_000_000),
    ..APART
};

/// The synthetic record with fan-outs in which it is looked at whom messages are late for, and each of them a second time on shared
/// connections.
fn shared(apart: LateCount, together: LateCount) -> Record {
    let mut record = support::record();
    let mut fan_outs = Vec::new();
    for scenario in &mut record.run.scenarios {
        if looks(scenario) {
            fan_outs.push(scenario.clone());
        }
    }
    let trials = record.trials.clone();
    for mut scenario in fan_outs {
        let name = scenario.name.clone();
        scenario.name += "-shared";
        scenario.server.streams = STREAMS;
        for mut trial in trials.clone() {
            if trial.trial.scenario != name {
                continue;
            }
            trial.trial.scenario.clone_from(&scenario.name);
            if let Some(measured) = &mut trial.trial.measurement {
                measured.late = Some(together);
            }
            record.trials.push(trial);
        }
        for trial in &mut record.trials {
            if trial.trial.scenario == name
                && let Some(measured) = &mut trial.trial.measurement
            {
                measured.late = Some(apart);
            }
        }
        record.run.scenarios.push(scenario);
    }
    record
}

/// Rows of the section that have `what` in a cell.
fn rows<'a>(section: &'a str, what: &str) -> Vec<&'a str> {
    let cell = format!("| {what} |");
    let rows = section.lines().filter(|line| line.contains(&cell));
    rows.collect()
}

#[test]
fn both_stand_side_by_side_with_whom_messages_are_late_for() {
    let record = shared(APART, TOGETHER);
    let page = markdown(&record);
    let section = support::section(&page, &format!("## {TITLE}"));
    for heading in [
        "fan-out-small and fan-out-small-shared",
        "late deliveries, %",
        "subscribers hit by a late message, %",
        "p99 of the median stream, ms",
        "p99 of the worst stream, ms",
        "server memory per subscriber",
        "Messages go over loopback, where nothing is lost; a message is late that comes 80 ms after it was due, or later.",
    ] {
        assert!(section.contains(heading), "{heading}: {section}");
    }
    let (apart, together) = (
        rows(section, "a connection each"),
        rows(section, "50 on each connection"),
    );
    assert!(
        !apart.is_empty() && apart.len() == together.len(),
        "{section}"
    );
    // 30 of 100 000 deliveries, 2 of 100 subscribers; 600 of them, and half of the subscribers.
    for row in apart {
        for figure in ["| 0.0300<", "| 2.00<", "| 42.0<", "| 64.0<"] {
            assert!(row.contains(figure), "{figure}: {row}");
        }
        assert!(!row.contains('×'), "{row}");
    }
    for row in together {
        for figure in ["| 0.600<", "| 50.0<", "| 84.0<", "| 96.0<"] {
            assert!(row.contains(figure), "{figure}: {row}");
        }
        for ratio in ["× 20.0", "× 25.0", "× 2.00", "× 1.50", "× 1.00"] {
            assert!(row.contains(ratio), "{ratio}: {row}");
        }
    }
    assert!(html(&record).contains("<a href=\"#shared\">"));
}

#[test]
fn the_answer_and_the_csv_have_the_same_figures() {
    let record = shared(APART, TOGETHER);
    let page = markdown(&record);
    let answer = page.split("## ").find(|part| part.contains("response p50"));
    let answer = answer.unwrap();
    assert!(
        answer.contains("subscribers hit by a late message"),
        "{answer}"
    );
    assert!(page.contains("; a message is late that comes 80 ms after it was due, or later"));
    let table = csv(&record);
    let mut lines = table.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at = |name: &str| names.iter().position(|one| *one == name).unwrap();
    let line = lines.find(|line| line.contains("fan-out-small-shared") && line.contains(",valid,"));
    let fields: Vec<&str> = line.unwrap().split(',').collect();
    for (name, value) in [
        ("late_bound_ns", "80000000"),
        ("late_messages", "1000"),
        ("late_hit", "12"),
        ("late_deliveries", "600"),
        ("late_most", "50"),
        ("late_share", "0.006"),
        ("late_reach", "0.5"),
        ("stream_p99_ns", "84000000"),
        ("worst_stream_p99_ns", "96000000"),
    ] {
        assert_eq!(fields[at(name)], value, "{name}");
    }
}

/// Where nothing was late there is nobody whom it hit, and no ratio to nothing.
#[test]
fn nothing_late_has_no_reach_and_no_ratio() {
    let none = LateCount {
        hit: 0,
        deliveries: 0,
        most: 0,
        ..APART
    };
    let page = markdown(&shared(none, TOGETHER));
    let section = support::section(&page, &format!("## {TITLE}"));
    let apart = rows(section, "a connection each");
    assert!(
        apart
            .iter()
            .all(|row| row.contains("| 0<") && row.contains("n/a")),
        "{apart:?}"
    );
    let together = rows(section, "50 on each connection");
    assert!(!together.is_empty());
    for row in together {
        assert!(!row.contains("× 20.0") && !row.contains("× 25.0"), "{row}");
        assert!(row.contains("× 2.00"), "{row}");
    }
}

#[test]
fn without_any_there_is_no_section() {
    let record = support::record();
    assert!(!markdown(&record).contains(TITLE));
    let table = csv(&record);
    assert!(!table.contains("late_bound_ns"));
}
