//! Drives that tests draw.

use std::collections::BTreeMap;

use pushbench_model::drive::{
    DriveConnections, DriveMessages, DriveReport, Ended, Fault, FaultKind, Published, Second,
    StampClock, histogram,
};
use pushbench_model::histogram::{EncodedHistogram, new};
use pushbench_model::record::SCHEMA;

/// `n` samples evenly from `first` to `last` nanoseconds.
pub(crate) fn samples(n: u64, first: u64, last: u64) -> EncodedHistogram {
    let mut samples = new();
    for i in 0..n {
        samples
            .record(first + (last - first) * i / (n - 1).max(1))
            .unwrap();
    }
    EncodedHistogram::encode(&samples)
}

/// Fifty connections over ten seconds, 40 000 messages, response times up to 2 ms.
pub(crate) fn with_latency() -> DriveReport {
    let second = Second {
        messages: 4000,
        bytes: 640_000,
        open: 50,
        faults: 0,
    };
    DriveReport {
        schema: SCHEMA,
        pushbench_version: "0.1.0".into(),
        command: ["pushbench", "load", "sse", "http://127.0.0.1:8080/sse"]
            .map(Into::into)
            .into(),
        started: "2026-11-26T02:00:00Z".into(),
        transport: "sse".into(),
        url: "http://127.0.0.1:8080/sse".into(),
        elapsed_ns: 10_000_000_000,
        ended: Ended::Time,
        connections: DriveConnections {
            asked: 50,
            attempts: 50,
            subscribed: 50,
            most: 50,
            at_end: 50,
            ..DriveConnections::default()
        },
        messages: DriveMessages {
            received: 40_000,
            body_bytes: 5_120_000,
            without_data: 3,
            numbered: 40_000,
            ..DriveMessages::default()
        },
        wire_down: 6_400_000,
        wire_up: 9_000,
        clock: Some(StampClock::Monotonic),
        histograms: BTreeMap::from([
            (
                histogram::RESPONSE.to_owned(),
                samples(40_000, 200_000, 2_000_000),
            ),
            (
                histogram::SERVICE.to_owned(),
                samples(40_000, 180_000, 1_900_000),
            ),
            (
                histogram::GAP.to_owned(),
                samples(39_950, 9_000_000, 15_000_000),
            ),
            (
                histogram::FIRST_BYTE.to_owned(),
                samples(50, 300_000, 900_000),
            ),
        ]),
        seconds: vec![second; 10],
        faults: Vec::new(),
        published: Some(Published {
            rate: 80.0,
            posted: 800,
            failed: 0,
            expected: 40_000,
            missing: 0,
        }),
        cpu_ns: 120_000_000,
    }
}

/// A server that says nothing of time, ends streams and refuses.
pub(crate) fn without_latency() -> DriveReport {
    let mut report = with_latency();
    report.histograms.remove(histogram::RESPONSE);
    report.histograms.remove(histogram::SERVICE);
    report.clock = None;
    report.published = None;
    report.messages.numbered = 0;
    report.ended = Ended::Connections;
    report.connections.attempts = 62;
    report.connections.failed = 12;
    report.connections.ended_by_server = 50;
    report.connections.at_end = 0;
    report.seconds[3].messages = 900;
    report.seconds[3].faults = 12;
    report.faults = vec![
        Fault {
            kind: FaultKind::Ended,
            text: "the stream ended".into(),
            count: 50,
        },
        Fault {
            kind: FaultKind::Status,
            text: "503 Service Unavailable".into(),
            count: 12,
        },
    ];
    report
}

/// Nobody answered.
pub(crate) fn nothing() -> DriveReport {
    let mut report = without_latency();
    report.connections = DriveConnections {
        asked: 50,
        attempts: 50,
        failed: 50,
        ..DriveConnections::default()
    };
    report.messages = DriveMessages::default();
    report.histograms.clear();
    report.seconds.clear();
    report.wire_down = 0;
    report.elapsed_ns = 4_000_000;
    report.faults = vec![Fault {
        kind: FaultKind::Connect,
        text: "127.0.0.1:8080 refuses connections: is the server running and the port right?"
            .into(),
        count: 50,
    }];
    report
}
