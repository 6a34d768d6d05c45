//! Theory as measured, and what is off by a little.

use std::collections::BTreeMap;

use pushbench_model::control::Health;
use pushbench_model::measurement::{ConnectionCount, LoopModel, Publisher, WireCount};
use pushbench_model::message::TEXT_ENVELOPE;
use pushbench_model::sequence::SequenceCounts;

use super::*;
use crate::testing::{assert_fails, assert_passes};

fn case(transport: &'static str, payload: usize) -> Case {
    let (subscribers, published, warm_up) = (3, 10, 5);
    let body = (TEXT_ENVELOPE + payload) as u64;
    let one = |seq| {
        formula(&Message {
            transport,
            body,
            seq,
        })
        .unwrap_or(body + 100)
    };
    let bytes = subscribers * (warm_up + 1..=warm_up + published).map(one).sum::<u64>();
    let measured = Measurement {
        workload: "fan-out".into(),
        transport: transport.into(),
        loop_model: LoopModel::Open,
        publisher: Publisher::Server,
        concurrency: subscribers,
        operations: subscribers * published,
        published,
        body_bytes: body,
        payload_bytes: payload as u64,
        elapsed_ns: 1,
        sequence: SequenceCounts::default(),
        wire: WireCount {
            bytes_down: bytes,
            data_segments_down: subscribers * published,
            expected_down: Some(bytes),
            expected_up: Some(0),
            ..WireCount::default()
        },
        batches: None,
        polls: None,
        held_up_ns: 0,
        connections: ConnectionCount {
            opened: subscribers,
            nodelay: subscribers,
            ..ConnectionCount::default()
        },
        server: Some(Health {
            accepted: subscribers,
            nodelay: subscribers,
            ..Health::default()
        }),
        windows: Vec::new(),
        cuts: None,
        arrivals: None,
        heartbeats: None,
        slow: None,
        dead: None,
        late: None,
        upstream: None,
        tls: None,
        answers: None,
        client: None,
        histograms: BTreeMap::new(),
        errors: Vec::new(),
    };
    Case {
        transport,
        payload,
        warm_up,
        subscribers,
        measured: Ok(measured),
    }
}

fn cases() -> Vec<Case> {
    let all = TRANSPORTS
        .into_iter()
        .flat_map(|transport| FULL.iter().map(move |&p| (transport, p)));
    all.map(|(transport, payload)| case(transport, payload))
        .collect()
}

const SYNTHETIC: Wire = Wire {
    observe: |_| Ok(cases()),
    ..REAL
};

/// A trial of sse in which `change` is different.
fn finding(change: fn(&mut Measurement)) -> Finding {
    let mut cases = cases();
    cases[0].measured.as_mut().map(change).unwrap();
    REAL.judge(&cases)
}

#[test]
fn theory_passes() {
    assert_passes(&SYNTHETIC);
}

#[test]
fn a_formula_without_the_end_of_a_chunk_fails() {
    assert_fails(&Wire {
        formula: |message| {
            let off = if message.transport == "sse" { 2 } else { 0 };
            Some(formula(message)? - off)
        },
        ..SYNTHETIC
    });
}

#[test]
fn a_frame_header_that_never_grows_fails() {
    assert_fails(&Wire {
        formula: |message| match message.transport {
            "websocket" => Some(4 + message.body),
            _ => formula(message),
        },
        ..SYNTHETIC
    });
}

#[test]
fn what_is_not_as_it_should_be_is_named() {
    type Change = fn(&mut Measurement);
    let changes: [(Change, &str); 6] = [
        (|m| m.connections.nodelay -= 1, "2 of 3 sockets"),
        (
            |m| m.server.as_mut().unwrap().nodelay -= 1,
            "server's sockets",
        ),
        (|m| m.server = None, "server's sockets"),
        (|m| m.wire.bytes_down += 2, "bytes down"),
        (|m| m.wire.expected_up = None, "expected"),
        (|m| m.wire.data_segments_down += 1, "31 segments"),
    ];
    for (change, word) in changes {
        let finding = finding(change);
        assert!(!finding.holds && finding.read.contains(word), "{finding:?}");
    }
}
