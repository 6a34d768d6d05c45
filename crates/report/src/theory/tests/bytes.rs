//! What servers add to payloads of each size.

use pushbench_model::message::TEXT_ENVELOPE;
use pushbench_model::theory::{chunk, sse_event};

use super::*;

const LARGE: u64 = 16_384;

/// The sample with its fan-out a second time, with payloads of [`LARGE`] bytes, framed as these are.
fn two_sizes() -> Record {
    let mut record = sample::record();
    let mut scenario = record.run.scenarios[0].clone();
    scenario.name = "fan-out-large".into();
    scenario.payload.bytes = LARGE as usize;
    record.run.scenarios.push(scenario);
    let again = record.trials.iter();
    let again = again.filter(|t| t.trial.scenario == "fan-out-small");
    let mut again: Vec<_> = again.cloned().collect();
    for recorded in &mut again {
        recorded.trial.scenario = "fan-out-large".into();
        let Some(measured) = &mut recorded.trial.measurement else {
            continue;
        };
        let more = (LARGE - measured.payload_bytes) * measured.operations;
        measured.payload_bytes = LARGE;
        measured.body_bytes = LARGE + TEXT_ENVELOPE as u64;
        // Two more digits of a chunk's length.
        let digits = if measured.transport == "sse" { 2 } else { 0 };
        let more = more + digits * measured.operations;
        measured.wire.bytes_down += more;
        measured.wire.expected_down = measured.wire.expected_down.map(|bytes| bytes + more);
    }
    record.trials.append(&mut again);
    record
}

fn of(record: &Record) -> Vec<Overhead> {
    overheads(&Results::new(record))
}

fn added(all: &[Overhead], server: &str) -> Vec<(u64, f64)> {
    let mine = all.iter().filter(|one| one.server.name() == server);
    mine.map(|one| (one.payload, one.counted)).collect()
}

#[test]
fn a_server_has_a_dot_for_each_size_of_its_payloads() {
    let record = two_sizes();
    let all = of(&record);
    let sse = |payload| {
        let body = payload + TEXT_ENVELOPE as u64;
        (
            payload,
            (chunk(sse_event(body, 1, None, None)) - body) as f64,
        )
    };
    assert_eq!(added(&all, "sse/reference"), [sse(128), sse(LARGE)]);
    assert_eq!(added(&all, "tcp/floor"), [(128, 4.0), (LARGE, 4.0)]);
    // Three bytes more than the formula, at both sizes.
    assert_eq!(added(&all, "websocket/ws"), [(128, 7.0), (LARGE, 7.0)]);
    assert!(
        all.iter()
            .all(|one| one.agrees == (one.server.stack != "ws"))
    );
    // No formula is known of Express here, and both tunings frame alike.
    assert!(added(&all, "sse/express").is_empty());
    assert_eq!(all.len(), 2 * 5, "{all:?}");
    let page = crate::html(&record);
    assert!(page.contains("Bytes that a message adds to its payload, counted and by formula"));
}

#[test]
fn payloads_of_the_same_size_share_a_dot() {
    let mut record = two_sizes();
    for recorded in &mut record.trials {
        if let Some(measured) = &mut recorded.trial.measurement {
            measured.payload_bytes = 128;
        }
    }
    let all = of(&record);
    assert_eq!(all.len(), 5);
    assert_eq!(all[0].scenarios, ["fan-out-small", "fan-out-large"]);
    assert!(!crate::html(&record).contains("Bytes that a message adds to its payload"));
}

/// Whatever else is on the wire would stand above its curve.
#[test]
fn only_what_is_nothing_but_pushed_has_dots() {
    let without = |change: fn(&mut Scenario)| {
        let mut record = two_sizes();
        record.run.scenarios.iter_mut().for_each(change);
        of(&record).len()
    };
    assert_eq!(without(|_| {}), 10);
    assert_eq!(without(|s| s.link = "rtt=20ms".parse().ok()), 0);
    assert_eq!(without(|s| s.server.heartbeat_s = 1), 0);
    assert_eq!(without(|s| s.server.tls = Some(Tls::Full)), 0);
    let mut record = two_sizes();
    fan_out(&mut record, |fan_out| fan_out.two_way = true);
    assert_eq!(of(&record).len(), 0);
}
