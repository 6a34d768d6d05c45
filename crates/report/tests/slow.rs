//! Subscribers that were slow on purpose: what stands in the answer, and what is no shortfall.

mod support;

use pushbench_model::measurement::{PollCount, SlowCount};
use pushbench_model::record::Record;
use pushbench_model::scenario::{Slow, Workload};
use pushbench_report::{markdown, summary};

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
