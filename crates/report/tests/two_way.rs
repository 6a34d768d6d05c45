//! What a report says where subscribers say the messages.

mod support;

use pushbench_model::measurement::{Publisher, Upstream};
use pushbench_model::record::Record;
use pushbench_model::scenario::Workload;
use pushbench_report::{markdown, summary};

/// The synthetic record, whose subscribers speak in its first scenario: WebSocket in frames of 340 bytes, everybody else in requests
/// of 450, with answers of 75.
fn room() -> Record {
    let mut record = support::record();
    let scenario = &mut record.run.scenarios[0];
    let Workload::FanOut(fan_out) = &mut scenario.workload else {
        panic!("a fan-out")
    };
    fan_out.two_way = true;
    let name = scenario.name.clone();
    let trials = record.trials.iter_mut();
    for trial in trials.filter(|t| t.trial.scenario == name) {
        let Some(measured) = &mut trial.trial.measurement else {
            continue;
        };
        let messages = measured.published;
        let frames = measured.transport == "websocket";
        let bytes = messages * if frames { 340 } else { 450 };
        let answers = if frames { 0 } else { messages };
        measured.publisher = Publisher::Load;
        measured.upstream = Some(Upstream {
            messages,
            bytes,
            answers,
            answer_bytes: answers * 75,
        });
        let wire = &mut measured.wire;
        wire.bytes_up += bytes;
        wire.bytes_down += answers * 75;
        wire.expected_up = wire.expected_up.map(|up| up + bytes);
        wire.expected_down = wire.expected_down.map(|down| down + answers * 75);
    }
    record
}

#[test]
fn the_answer_has_what_it_takes_to_say_something() {
    let record = room();
    let summary = summary(&record);
    let table = &summary.scenarios[0].table;
    let column = |name: &str| {
        let at = table.columns.iter().position(|column| column.name == name);
        let at = at.unwrap_or_else(|| panic!("{name} in {:?}", table.columns));
        let cells = table.rows.iter().map(|row| {
            let text = row.cells[at].text.as_str();
            (row.name.as_str(), text)
        });
        cells.collect::<Vec<_>>()
    };
    for (server, up) in column("bytes up per message said") {
        let expected = if server.starts_with("websocket") {
            "340"
        } else {
            "450"
        };
        assert!(up.starts_with(expected), "{server}: {up}");
    }
    for (server, answer) in column("bytes of answers per message") {
        let expected = if server.starts_with("websocket") {
            "none"
        } else {
            "75"
        };
        assert!(answer.starts_with(expected), "{server}: {answer}");
    }
    for (server, published) in column("published by") {
        assert_eq!(published, "subscribers", "{server}");
    }
    assert!(
        table
            .notes
            .iter()
            .any(|note| note.contains("what it spends on receiving them")),
        "{:?}",
        table.notes
    );
    let text = markdown(&record);
    for said in [
        "each message is said by one of the subscribers",
        "says and all of them hear takes",
        "without an answer",
        "with an answer of 75",
    ] {
        assert!(text.contains(said), "{said}");
    }
}

/// Nothing of it shows where nobody speaks.
#[test]
fn other_scenarios_have_no_such_columns() {
    let text = markdown(&support::record());
    for absent in ["per message said", "published by subscribers", "is said by"] {
        assert!(!text.contains(absent), "{absent}");
    }
}
