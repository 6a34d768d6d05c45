//! What a report says where the same was measured with compression and without.

mod support;

use pushbench_model::payload::PayloadKind;
use pushbench_model::record::Record;
use pushbench_model::scenario::{Compression, Workload};
use pushbench_report::{html, markdown};

const TITLE: &str = "Compression, apart from the protocol";

/// The synthetic record with quotes, and each of its fan-outs three times: as it is, and compressed both ways, for a fifth more
/// processor time of the server and half the bytes.
fn compressed() -> Record {
    let mut record = support::record();
    for scenario in &mut record.run.scenarios {
        scenario.payload.kind = PayloadKind::Quotes;
    }
    let (scenarios, trials) = (record.run.scenarios.clone(), record.trials.clone());
    let fan_outs: Vec<_> = scenarios
        .into_iter()
        .filter(|scenario| matches!(scenario.workload, Workload::FanOut(_)))
        .collect();
    for compression in Compression::ALL {
        for mut scenario in fan_outs.clone() {
            scenario.name += &format!("-{compression}");
            scenario.server.compression = Some(compression);
            record.run.scenarios.push(scenario);
        }
        for mut trial in trials.clone() {
            if !fan_outs.iter().any(|one| one.name == trial.trial.scenario) {
                continue;
            }
            trial.trial.scenario += &format!("-{compression}");
            if let Some(usage) = &mut trial.trial.server_usage {
                usage.cost.cpu_ns += usage.cost.delivery_cpu_ns() / 5;
            }
            if let Some(measured) = &mut trial.trial.measurement {
                let wire = &mut measured.wire;
                wire.bytes_down /= 2;
                wire.bytes_up /= 2;
                wire.expected_down = wire.expected_down.map(|_| wire.bytes_down);
                wire.expected_up = wire.expected_up.map(|_| wire.bytes_up);
            }
            record.trials.push(trial);
        }
    }
    record
}

#[test]
fn what_was_measured_both_ways_stands_side_by_side() {
    let record = compressed();
    let page = markdown(&record);
    let section = support::section(&page, &format!("## {TITLE}"));
    let plain: Vec<_> = record
        .run
        .scenarios
        .iter()
        .filter(|one| one.server.compression.is_none())
        .filter(|one| matches!(one.workload, Workload::FanOut(_)))
        .collect();
    assert!(!plain.is_empty());
    for scenario in plain {
        let names = format!("{0} and {0}-message, {0}-stream", scenario.name);
        assert!(section.contains(&names), "{names} in {section}");
    }
    assert!(
        section
            .contains("What was compressed: messages of 128 bytes of payload, quotes of a ticker"),
        "{section}"
    );
    let rows = |what: &str| -> Vec<&str> {
        let rows = section
            .lines()
            .filter(|line| line.contains(&format!("| {what} |")));
        rows.collect()
    };
    let [plain, message, stream] = [
        "as they are",
        "compressed, each by itself",
        "compressed, with a history",
    ]
    .map(rows);
    assert!(!plain.is_empty());
    assert_eq!((plain.len(), message.len()), (stream.len(), plain.len()));
    for row in message.iter().chain(&stream) {
        assert!(row.contains("× 0.5") && row.contains("× 1.2"), "{row}");
    }
    assert!(plain.iter().all(|row| !row.contains('×')), "{plain:?}");
    assert!(html(&record).contains("<a href=\"#compression\">"));
}

/// The length of what was compressed follows from no formula, and the framing around it does.
#[test]
fn bytes_are_held_against_framing_around_what_was_compressed() {
    let page = markdown(&compressed());
    for formula in ["chunk(deflated)", "deflated + 2, 4 or 10"] {
        assert!(page.contains(formula), "{formula}");
    }
    let page = markdown(&support::record());
    assert!(!page.contains("deflated") && !page.contains(TITLE));
}

/// Another payload is another question, since what is saved depends on what is said.
#[test]
fn only_the_same_is_compared() {
    let mut record = compressed();
    for scenario in &mut record.run.scenarios {
        if scenario.server.compression.is_some() {
            scenario.payload.kind = PayloadKind::Text;
        }
    }
    assert!(!markdown(&record).contains(TITLE));
}
