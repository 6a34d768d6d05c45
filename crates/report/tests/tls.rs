//! What a report says where the same was measured with TLS and without.

mod support;

use pushbench_model::record::Record;
use pushbench_model::scenario::{Pace, Tls, Workload};
use pushbench_report::{html, markdown};

const TITLE: &str = "TLS, apart from the protocol";

/// The synthetic record, with each of its trials three times: in clear text, and twice secured, for a fifth more processor time of
/// the server and of bytes.
fn secured() -> Record {
    let mut record = support::record();
    let (scenarios, trials) = (record.run.scenarios.clone(), record.trials.clone());
    for (tls, name) in [(Tls::Full, "tls"), (Tls::Resumed, "tls-resumed")] {
        for mut scenario in scenarios.clone() {
            scenario.name += &format!("-{name}");
            scenario.server.tls = Some(tls);
            record.run.scenarios.push(scenario);
        }
        for mut trial in trials.clone() {
            trial.trial.scenario += &format!("-{name}");
            if let Some(usage) = &mut trial.trial.server_usage {
                usage.cost.cpu_ns += usage.cost.delivery_cpu_ns() / 5;
            }
            if let Some(measured) = &mut trial.trial.measurement {
                measured.wire.bytes_down += measured.wire.bytes_down / 5;
                measured.wire.bytes_up += measured.wire.bytes_up / 5;
            }
            record.trials.push(trial);
        }
    }
    record
}

#[test]
fn what_was_measured_both_ways_stands_side_by_side() {
    let record = secured();
    let page = markdown(&record);
    let section = support::section(&page, &format!("## {TITLE}"));
    let clear = record
        .run
        .scenarios
        .iter()
        .filter(|one| one.server.tls.is_none());
    for scenario in clear {
        let names = format!("{0} and {0}-tls, {0}-tls-resumed", scenario.name);
        assert!(section.contains(&names), "{names} in {section}");
    }
    let rows = |what: &str| -> Vec<&str> {
        let rows = section
            .lines()
            .filter(|line| line.contains(&format!("| {what} |")));
        rows.collect()
    };
    let [clear, full, resumed] = ["clear text", "TLS, full", "TLS, resumed"].map(rows);
    assert!(!clear.is_empty());
    assert_eq!((clear.len(), full.len()), (resumed.len(), clear.len()));
    for row in full.iter().chain(&resumed) {
        // Processor time of the server and bytes.
        assert!(row.matches("× 1.2").count() >= 2, "{row}");
    }
    assert!(clear.iter().all(|row| !row.contains('×')), "{clear:?}");
    assert!(html(&record).contains("<a href=\"#tls\">"));
}

/// Another rate, another payload or another setting is another question.
#[test]
fn only_the_same_is_compared() {
    let changes: [fn(&mut Record); 3] = [
        |record| {
            for scenario in &mut record.run.scenarios {
                scenario.payload.bytes += usize::from(scenario.server.tls.is_some());
            }
        },
        |record| {
            for scenario in &mut record.run.scenarios {
                match &mut scenario.workload {
                    _ if scenario.server.tls.is_none() => {}
                    Workload::FanOut(fan_out) => fan_out.rate += 1.0,
                    Workload::Connect(connect) => connect.pace = Pace::InFlight(9),
                    Workload::Tokens(_) => {}
                }
            }
        },
        |record| {
            for scenario in &mut record.run.scenarios {
                scenario.server.flush_window_ms = u32::from(scenario.server.tls.is_some());
            }
        },
    ];
    for change in changes {
        let mut record = secured();
        change(&mut record);
        assert!(!markdown(&record).contains(TITLE));
    }
    let clear = support::record();
    assert!(!markdown(&clear).contains(TITLE) && !html(&clear).contains("#tls"));
}
