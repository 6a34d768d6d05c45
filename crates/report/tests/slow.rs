//! Subscribers that were slow on purpose: what stands in the answer, and what is no shortfall.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

mod support;

use pushbench_model::control::Keeps;
use pushbench_model::histogram;
use pushbench_model::measurement::{PollCount, SlowCount};
use pushbench_model::record::Record;
use pushbench_model::scenario::{Scenario, Slow, Workload};
use pushbench_report::{html, markdown, summary};

/// The synthetic record, twenty of the hundred subscribers of its first scenario made slow, and let go by all servers but
/// those of SSE. Each server has grown by 8 MB.
fn slow() -> Record {
    let mut record = support::record();
    let scenario = &mut record.run.scenarios[0];
    let Workload::FanOut(fan_out) = &mut scenario.workload else {
        panic!("the first scenario is a fan-out");
    };
    fan_out.slow = Some(Slow {
        share: 0.2,
        bytes_per_s: 0,
    });
    let name = scenario.name.clone();
    for recorded in &mut record.trials {
        let trial = &mut recorded.trial;
        let Some(measured) = &mut trial.measurement else {
            continue;
        };
        if trial.scenario != name {
            continue;
        }
        let let_go = if trial.server.transport == "sse" {
            0
        } else {
            20
        };
        measured.slow = Some(SlowCount {
            slow: 20,
            let_go,
            let_go_after_s: 0.75 * let_go as f64,
            read_bytes: 0,
        });
        if let Some(memory) = trial.server_usage.as_mut().and_then(|u| u.memory.as_mut()) {
            memory.anonymous_after = memory.anonymous_connected.map(|bytes| bytes + 8_000_000);
        }
    }
    record
}

#[test]
fn who_was_let_go_and_what_a_server_has_grown_by() {
    let summary = summary(&slow());
    let table = &summary.scenarios[0].table;
    let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    let place = |name: &str| names.iter().position(|n| *n == name).unwrap();
    let (let_go, grown) = (place("slow ones let go"), place("server grown by"));
    for row in &table.rows {
        let cells = &row.cells;
        // Six repetitions, twenty slow ones in each.
        let expected = if row.name.starts_with("sse") {
            "0 of"
        } else {
            "120 of 120"
        };
        if row.name.starts_with("sse/reference") || row.name.starts_with("websocket/reference") {
            assert!(cells[let_go].text.starts_with(expected), "{row:?}");
            assert_eq!(cells[grown].text, "8.00", "the whole of it: {row:?}");
        }
    }
}

/// What slow ones miss is asked of nobody: neither by the line of the rate chart nor by a formula.
#[test]
fn what_slow_ones_miss_is_no_shortfall() {
    let mut record = slow();
    for recorded in &mut record.trials {
        let Some(measured) = &mut recorded.trial.measurement else {
            continue;
        };
        if measured.slow.is_none() || measured.transport != "long-poll" {
            continue;
        }
        // Eighty clients that poll ten times a second.
        measured.elapsed_ns = measured.published * 20_000_000;
        let seconds = measured.elapsed_ns as f64 / 1e9;
        measured.batches = Some((80.0 * 10.0 * seconds * (1.0 - (-5.0f64).exp())) as u64);
        measured.polls = Some(PollCount {
            answered: (80.0 * 10.0 * seconds) as u64,
            period_ns: Some(100_000_000),
        });
    }
    let page = markdown(&record);
    let row = page
        .lines()
        .find(|line| {
            line.contains("long-poll/reference |") && line.contains("polls per second and client")
        })
        .unwrap_or_else(|| panic!("{page}"));
    assert!(
        row.contains("agrees") && !row.contains("disagrees"),
        "{row}"
    );
}

/// The record of [`slow`] beside the same scenario in which all read; who reads has response times of `times` as long in it. A server's
/// memory has grown by `grown` bytes at its greatest, of 80 MB that it says it keeps at most; `published` messages of 100 kB
/// came.
fn twins(times: f64, grown: u64, published: u64) -> Record {
    let mut record = slow();
    let mut none = record.run.scenarios[0].clone();
    let name = none.name.clone();
    none.name += "-none";
    let Workload::FanOut(fan_out) = &mut none.workload else {
        panic!("the first scenario is a fan-out");
    };
    fan_out.slow = None;
    let mut without = Vec::new();
    for recorded in &mut record.trials {
        if recorded.trial.scenario != name {
            continue;
        }
        let mut twin = recorded.clone();
        twin.trial.scenario.clone_from(&none.name);
        if let Some(measured) = &mut twin.trial.measurement {
            measured.slow = None;
        }
        without.push(twin);
        if let Some(response) = recorded.histograms.get_mut("response") {
            let mut longer = histogram::new();
            for value in response.iter_recorded() {
                let ns = (value.value_iterated_to() as f64 * times) as u64;
                longer.record_n(ns, value.count_at_value()).unwrap();
            }
            *response = longer;
        }
        let Some(measured) = &mut recorded.trial.measurement else {
            continue;
        };
        measured.body_bytes = 100_000;
        let server = measured.server.get_or_insert_default();
        server.published = published;
        // Beside these a message of each of 100 subscribers, and one that is being made.
        server.keeps = Some(Keeps {
            shared_bytes: 69_900_000,
            least_messages: 10,
            own_bytes: 0,
        });
        let memory = recorded
            .trial
            .server_usage
            .as_mut()
            .unwrap()
            .memory
            .as_mut();
        let memory = memory.unwrap();
        let of_files = 4 << 20;
        memory.rss_after = Some(memory.anonymous_after.unwrap() + of_files);
        memory.rss_peak = Some(memory.anonymous_connected.unwrap() + grown + of_files);
    }
    record.trials.extend(without);
    record.run.scenarios.push(none);
    record
}

const SECTION: &str = "## Slow subscribers, and those beside them";

/// Rows of the goal, each with its verdict.
fn verdicts(record: &Record, goal: &str) -> Vec<String> {
    let page = markdown(record);
    let section = support::section(&page, SECTION);
    let rows = section
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains(goal));
    let verdict = |row: &str| row.split('|').nth(2).unwrap().trim().replace('*', "");
    let found: Vec<String> = rows.map(verdict).collect();
    assert!(!found.is_empty(), "{section}");
    found
}

fn all_are(record: &Record, goal: &str, wanted: &str) {
    let found = verdicts(record, goal);
    assert!(
        found.iter().all(|verdict| verdict == wanted),
        "{goal}: {found:?}"
    );
}

const P99: &str = "p99 of subscribers that read";
const MEMORY: &str = "within what the server keeps";

#[test]
fn neighbours_are_held_against_twice_their_p99() {
    for (times, verdict) in [(1.2, "met"), (3.0, "missed")] {
        all_are(&twins(times, 8_000_000, 1000), P99, verdict);
    }
    // One repetition has no interval.
    let mut record = twins(1.2, 8_000_000, 1000);
    record
        .trials
        .retain(|recorded| recorded.trial.repetition == 1);
    all_are(&record, P99, "undecided");
}

#[test]
fn memory_is_held_against_what_the_server_says_it_keeps() {
    // 80 MB, and an eighth of it for bookkeeping.
    for (grown, published, verdict) in [
        (80_000_000, 1000, "met"),
        (89_000_000, 1000, "met"),
        (91_000_000, 1000, "missed"),
        // Who keeps all that was published would keep less than the bound.
        (80_000_000, 800, "undecided"),
        (91_000_000, 800, "missed"),
    ] {
        all_are(&twins(1.0, grown, published), MEMORY, verdict);
    }
    let page = html(&twins(1.0, 91_000_000, 1000));
    assert!(page.contains(" bad\">missed"), "red");
    assert!(page.contains("<a href=\"#slow\">"));
}

/// A server that tells no bound is named, with what it took.
#[test]
fn who_tells_no_bound_is_held_against_none() {
    let mut record = twins(1.0, 91_000_000, 1000);
    for recorded in &mut record.trials {
        if let Some(measured) = &mut recorded.trial.measurement {
            measured.server = None;
        }
    }
    let page = markdown(&record);
    assert!(!page.contains(MEMORY), "{page}");
    assert!(
        page.contains("they tell none: ") && page.contains("(grown by 91.0"),
        "{page}"
    );
}

#[test]
fn other_scenarios_are_no_twins() {
    let changes: [fn(&mut Scenario); 3] = [
        |none| none.payload.bytes += 1,
        |none| none.server.flush_window_ms = 5,
        |none| none.link = Some("rtt=20ms".parse().unwrap()),
    ];
    for change in changes {
        let mut record = twins(1.0, 8_000_000, 1000);
        change(record.run.scenarios.last_mut().unwrap());
        assert!(!markdown(&record).contains(SECTION));
    }
    assert!(!markdown(&slow()).contains(SECTION), "alone");
}
