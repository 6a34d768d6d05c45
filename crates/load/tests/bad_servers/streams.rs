//! Servers that accept and then break off, or deliver something else than they should.

use std::net::SocketAddr;
use std::time::Duration;

use pushbench_load::Patience;
use pushbench_model::measurement::{Measurement, Publisher};
use pushbench_model::sequence::SequenceCounts;

use crate::fake::{
    FAN_OUT, IMPATIENT, MESSAGES, Orders, PATIENT, SUBSCRIBERS, Signal, Talk, Trial, accepted,
    accepting, body, damaged, fake, framed,
};

fn measure(
    transport: &'static str,
    patience: Patience,
    script: impl Fn(&mut Talk) + Send + Sync + 'static,
) -> Measurement {
    let (target, control) = accepted(transport, script);
    trial(transport, target, control, patience).run().unwrap()
}

fn trial(
    transport: &'static str,
    target: SocketAddr,
    control: SocketAddr,
    patience: Patience,
) -> Trial {
    Trial {
        scenario: FAN_OUT,
        transport,
        target,
        control,
        publisher: Publisher::Server,
        patience,
    }
}

const TRANSPORTS: [&str; 4] = ["sse", "websocket", "long-poll", "tcp"];

fn all() -> Vec<Vec<u8>> {
    (1..=MESSAGES).map(body).collect()
}

fn times(counts: SequenceCounts, subscribers: u64) -> SequenceCounts {
    let mut sum = SequenceCounts::default();
    for _ in 0..subscribers {
        sum.add(&counts);
    }
    sum
}

const CLEAN: SequenceCounts = SequenceCounts {
    delivered: MESSAGES,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    corrupted: 0,
};

/// The fake itself is a good server when it is asked to be one.
#[test]
fn a_good_server_is_found_good() {
    for transport in TRANSPORTS {
        let measurement = measure(transport, PATIENT, move |talk| {
            talk.send(framed(transport, &all()));
            talk.hold();
        });
        assert_eq!(
            measurement.sequence,
            times(CLEAN, SUBSCRIBERS),
            "{transport}"
        );
        assert_eq!(measurement.errors, Vec::<String>::new(), "{transport}");
    }
}

#[test]
fn every_fault_of_a_sequence_is_counted_once() {
    // The one that is lost is waited for.
    let patience = Patience {
        drain: IMPATIENT * 3,
        ..PATIENT
    };
    for transport in TRANSPORTS {
        let measurement = measure(transport, patience, move |talk| {
            // 2 is lost, 4 comes before 3, 5 is damaged, 6 comes twice.
            let mut bodies: Vec<_> = [1, 4, 3].map(body).into();
            bodies.extend([damaged(5), body(6), body(6)]);
            bodies.extend([7, 8, 9, 10].map(body));
            talk.send(framed(transport, &bodies));
            talk.hold();
        });
        let each = SequenceCounts {
            delivered: 8,
            lost: 1,
            duplicated: 1,
            reordered: 1,
            corrupted: 1,
        };
        assert_eq!(
            measurement.sequence,
            times(each, SUBSCRIBERS),
            "{transport}"
        );
        assert_eq!(measurement.connections.ended_early, 0, "{transport}");
        assert_eq!(measurement.operations, 8 * SUBSCRIBERS, "{transport}");
        assert!(
            measurement.errors[0].starts_with("message 5 is corrupted: "),
            "{transport}"
        );
    }
}

/// A message that is no message, in the place of one.
#[test]
fn garbage_counts_as_corrupted() {
    for transport in TRANSPORTS {
        let measurement = measure(transport, PATIENT, move |talk| {
            let mut bodies = all();
            bodies[4] = b"<html>Bad Gateway</html>".to_vec();
            talk.send(framed(transport, &bodies));
            talk.hold();
        });
        let each = SequenceCounts {
            delivered: MESSAGES - 1,
            corrupted: 1,
            ..CLEAN
        };
        assert_eq!(
            measurement.sequence,
            times(each, SUBSCRIBERS),
            "{transport}"
        );
        let error = &measurement.errors[0];
        assert!(
            error.starts_with("not a message body: ") && error.contains("Bad Gateway"),
            "{error}"
        );
    }
}

/// A poll does not fetch a damaged message again and again, though the server keeps it.
#[test]
fn a_message_that_stays_damaged_is_counted_once() {
    let measurement = measure("long-poll", PATIENT, |talk| {
        // The script has taken the request for what comes after 0; one message for each poll.
        for seq in 1..=MESSAGES {
            let body = if seq == 5 { damaged(5) } else { body(seq) };
            talk.send(framed("long-poll", &[body]));
            let next = talk.request();
            assert!(
                next.starts_with(&format!("GET /poll?after={seq}&")) || next.is_empty(),
                "{next}"
            );
        }
        talk.hold();
    });
    let each = SequenceCounts {
        delivered: MESSAGES - 1,
        corrupted: 1,
        ..CLEAN
    };
    assert_eq!(measurement.sequence, times(each, SUBSCRIBERS));
}

/// Numbers that no publisher counts to overflow nothing.
#[test]
fn a_message_from_nowhere_is_harmless() {
    let stray = |seq: u64| {
        let json: serde_json::Value = {
            use pushbench_model::message::{Stamp, encode_binary, parse};
            let stamp = Stamp {
                seq,
                intended: u64::MAX,
                published: u64::MAX,
            };
            let mut binary = Vec::new();
            encode_binary(stamp, b"", &mut binary);
            parse(&binary).unwrap();
            let crc = u32::from_le_bytes(binary[25..29].try_into().unwrap());
            serde_json::json!({"seq": seq, "intended": u64::MAX, "published": u64::MAX, "crc": crc, "data": ""})
        };
        serde_json::to_vec(&json).unwrap()
    };
    for seq in [0, u64::MAX, u64::MAX - 1, u64::MAX / 2] {
        let measurement = measure("tcp", PATIENT, move |talk| {
            let mut bodies = vec![body(1), stray(seq), stray(seq)];
            bodies.extend((2..=MESSAGES).map(body));
            talk.send(framed("tcp", &bodies));
            talk.hold();
        });
        assert_eq!(
            (measurement.sequence.lost, measurement.sequence.corrupted),
            (0, 0),
            "{seq}"
        );
    }
}

/// How a server may break off after the first message, and what is said of it.
#[test]
fn a_stream_that_breaks_off_is_part_of_the_measurement() {
    for (transport, rest, expected) in [
        (
            "sse",
            &b""[..],
            "http body: the connection ended inside a chunked body",
        ),
        (
            "sse",
            b"ff\r\ndata: ",
            "http body: the connection ended inside a chunked body",
        ),
        (
            "sse",
            b"0\r\n\r\n",
            "the server ended the connection after a complete response",
        ),
        (
            "sse",
            b"garbage",
            "http body: byte 0x67 where a chunk size starts, expected a hexadecimal digit",
        ),
        (
            "sse",
            b"fffffffffffffffff\r\n",
            "http body: a chunk size of more than 64 bits",
        ),
        (
            "websocket",
            b"",
            "the server ended the connection without a close frame",
        ),
        (
            "websocket",
            b"\x81\x7e\x01",
            "the server ended the connection without a close frame",
        ),
        (
            "websocket",
            b"\x88\x06\x03\xf3oops",
            "the server closed the WebSocket with code 1011 \"oops\"",
        ),
        ("websocket", b"\xff", "websocket: "),
        ("websocket", b"\x83\0", "websocket: "),
        ("websocket", b"\x81\x81\0\0\0\0x", "websocket: "),
        ("websocket", b"\x82\x7f\0\0\0\0\xff\0\0\0", "websocket: "),
        (
            "long-poll",
            b"",
            "the server ended the connection while a poll was held",
        ),
        (
            "long-poll",
            b"HTTP/1.1 500 No\r\n\r\n",
            "the server answered 500, expected 200 or 204",
        ),
        (
            "long-poll",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}",
            "http body: the connection ended 3 bytes before the end of the body",
        ),
        (
            "long-poll",
            b"garbage",
            "http: the response starts with \"g\", expected \"HTTP/1.\"",
        ),
        (
            "tcp",
            b"",
            "the server ended the connection between two frames",
        ),
        (
            "tcp",
            b"\x05\0\0\0ab",
            "the server ended the connection inside a frame",
        ),
        (
            "tcp",
            b"\xff\xff\xff\xff",
            "tcp frame: a body of 4294967295 bytes, the limit is 16777216",
        ),
    ] {
        let name = format!("{transport} {}", rest.escape_ascii());
        let measurement = measure(transport, PATIENT, move |talk| {
            talk.send(framed(transport, &[body(1)]));
            talk.send(rest);
            talk.end();
        });
        let each = SequenceCounts {
            delivered: 1,
            lost: MESSAGES - 1,
            ..CLEAN
        };
        assert_eq!(measurement.sequence, times(each, SUBSCRIBERS), "{name}");
        assert_eq!(measurement.connections.ended_early, SUBSCRIBERS, "{name}");
        assert_eq!(
            measurement.wire.agrees(),
            None,
            "{name}: no formula for what broke"
        );
        let [error] = &measurement.errors[..] else {
            panic!("{name}: one error expected, got {:?}", measurement.errors);
        };
        assert!(error.starts_with(expected), "{name}: {error}");
    }
}

/// What one subscriber will never get does not end the wait for what the others will.
#[test]
fn one_broken_connection_costs_the_others_nothing() {
    for transport in TRANSPORTS {
        let orders = Orders::default();
        let control = accepting(&orders);
        let asked_early = Signal::default();
        let gave_up = asked_early.clone();
        let target = fake(move |mut talk| {
            talk.accept(transport);
            orders.given.wait();
            if talk.index == 0 {
                talk.send(framed(transport, &[body(1)]));
                talk.end();
            } else {
                // A client that takes the broken connection for the end of the delivery asks for the report.
                if orders.asked_for_report.wait_at_most(IMPATIENT) {
                    gave_up.set();
                }
                talk.send(framed(transport, &all()));
                talk.hold();
            }
        });
        let measurement = trial(transport, target, control, PATIENT).run().unwrap();
        assert!(!asked_early.wait_at_most(Duration::ZERO), "{transport}");
        let mut expected = times(CLEAN, SUBSCRIBERS - 1);
        expected.delivered += 1;
        expected.lost += MESSAGES - 1;
        assert_eq!(measurement.sequence, expected, "{transport}");
        assert_eq!(measurement.connections.ended_early, 1, "{transport}");
        assert_eq!(
            measurement.errors.len(),
            1,
            "{transport}: {:?}",
            measurement.errors
        );
    }
}

/// A server that says nothing at all after accepting.
#[test]
fn silence_is_loss() {
    let patience = Patience {
        drain: IMPATIENT,
        ..PATIENT
    };
    for transport in TRANSPORTS {
        let measurement = measure(transport, patience, Talk::hold);
        let each = SequenceCounts {
            delivered: 0,
            lost: MESSAGES,
            ..CLEAN
        };
        assert_eq!(
            measurement.sequence,
            times(each, SUBSCRIBERS),
            "{transport}"
        );
        assert_eq!(
            (measurement.operations, measurement.published),
            (0, MESSAGES)
        );
        assert!(
            measurement.histograms["response"]
                .decode()
                .unwrap()
                .is_empty()
        );
    }
}

/// Answers that never fit the socket, because the server does not read them, do not stop the measurement.
#[test]
fn a_server_that_pings_and_does_not_read_is_survived() {
    let patience = Patience {
        drain: IMPATIENT,
        ..PATIENT
    };
    let measurement = measure("websocket", patience, |talk| {
        let ping = [&[0x89, 125][..], &[7; 125]].concat().repeat(1000);
        while talk.send(&ping) {}
    });
    assert_eq!(measurement.sequence.lost, MESSAGES * SUBSCRIBERS);
}
