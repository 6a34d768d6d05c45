//! The connect workload against servers that do not give every connection its message.

use std::net::SocketAddr;

use pushbench_load::Patience;
use pushbench_model::measurement::Publisher;

use crate::fake::{
    IMPATIENT, Orders, PATIENT, Talk, Trial, accepting, body, damaged, fake, framed,
};

const WARM_UP: usize = 4;
const CONNECTIONS: u64 = 8;

const CONNECT: &str = r#"
name = "test"
models = "a test"
expected = "trouble"
profiles = ["quick"]
[payload]
bytes = 10
[connect]
connections = { quick = 8, standard = 1, thorough = 1 }
warm-up = { quick = 4, standard = 4, thorough = 4 }
in-flight = 4
"#;

const TRANSPORTS: [&str; 4] = ["sse", "websocket", "long-poll", "tcp"];

fn trial(transport: &'static str, target: SocketAddr, patience: Patience) -> Trial {
    Trial {
        scenario: CONNECT,
        transport,
        target,
        control: accepting(&Orders::default()),
        publisher: Publisher::Server,
        patience,
    }
}

fn deliver(talk: &mut Talk, transport: &str, body: Vec<u8>) {
    talk.accept(transport);
    talk.send(framed(transport, &[body]));
    talk.hold();
}

#[test]
fn every_damaged_message_is_counted_and_timed_by_nobody() {
    for transport in TRANSPORTS {
        let target = fake(move |mut talk| {
            let body = if talk.index < WARM_UP {
                body(1)
            } else {
                damaged(1)
            };
            deliver(&mut talk, transport, body);
        });
        let measurement = trial(transport, target, PATIENT).run().unwrap();
        let sequence = measurement.sequence;
        assert_eq!(
            (sequence.delivered, sequence.lost, sequence.corrupted),
            (0, 0, CONNECTIONS),
            "{transport}"
        );
        assert!(
            measurement.histograms["first-message"]
                .decode()
                .unwrap()
                .is_empty(),
            "{transport}"
        );
        assert_eq!(
            measurement.histograms["tcp-connect"]
                .decode()
                .unwrap()
                .len(),
            CONNECTIONS
        );
        assert!(
            measurement.errors[0].starts_with("message 1 is corrupted"),
            "{transport}"
        );
    }
}

#[test]
fn refused_connections_are_counted() {
    let target = fake(|mut talk| {
        if talk.index < WARM_UP {
            deliver(&mut talk, "sse", body(1));
        }
        talk.request();
        talk.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
        talk.end();
    });
    let measurement = trial("sse", target, PATIENT).run().unwrap();
    assert_eq!(
        (measurement.operations, measurement.connections.failed),
        (0, CONNECTIONS)
    );
    assert_eq!(
        measurement.errors,
        ["the server answered 503, expected 200 (the server is overloaded or limits its clients)"]
    );
}

#[test]
fn a_server_that_fails_at_once_gets_no_measurement() {
    for transport in TRANSPORTS {
        let silent = fake(|mut talk| talk.hold());
        let patience = Patience {
            first_message: IMPATIENT,
            ..PATIENT
        };
        let none = "only 0 of 4 subscribers were accepted: ";
        let error = trial(transport, silent, patience).error();
        assert_eq!(
            error,
            format!("{none}no message within 300ms"),
            "{transport}"
        );
        let closing = fake(|mut talk| talk.end());
        let error = trial(transport, closing, PATIENT).error();
        let expected = format!("{none}the server ended the connection ");
        assert!(error.starts_with(&expected), "{transport}: {error}");
    }
}
