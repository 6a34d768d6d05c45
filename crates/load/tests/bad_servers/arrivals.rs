//! Connections that come by a schedule, to servers that do not keep up, refuse, or let go of who was to stay.

use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use pushbench_load::Patience;
use pushbench_model::measurement::Publisher;

use crate::fake::{IMPATIENT, Orders, PATIENT, Trial, accepting, body, fake, framed};

const REFUSED: &str = r#"
name = "test"
models = "a test"
expected = "trouble"
profiles = ["quick"]
[payload]
bytes = 10
[connect]
connections = { quick = 2000, standard = 1, thorough = 1 }
warm-up = { quick = 0, standard = 0, thorough = 0 }
rate = 200.0
arrivals = "constant"
"#;

const STAYING: &str = r#"
name = "test"
models = "a test"
expected = "trouble"
profiles = ["quick"]
[payload]
bytes = 10
[connect]
connections = { quick = 8, standard = 1, thorough = 1 }
warm-up = { quick = 0, standard = 0, thorough = 0 }
rate = 200.0
arrivals = "poisson"
stay-s = 20.0
"#;

fn trial(scenario: &'static str, target: SocketAddr, patience: Patience) -> Trial {
    Trial {
        scenario,
        transport: "sse",
        target,
        control: accepting(&Orders::default()),
        publisher: Publisher::Server,
        patience,
    }
}

/// Takes every connection and never says a word.
fn silent() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut all = Vec::new();
        for stream in listener.incoming() {
            // With no file left for one more, those that are there stay.
            all.extend(stream);
        }
    });
    address
}

/// The pile has an end, long before patience has: five seconds of arrivals.
#[test]
fn a_server_that_does_not_keep_up_ends_the_trial() {
    let begun = Instant::now();
    let measurement = trial(REFUSED, silent(), PATIENT).run().unwrap();
    assert!(begun.elapsed() < PATIENT.first_message);
    assert_eq!(
        (measurement.operations, measurement.connections.failed),
        (0, 2000)
    );
    assert_eq!(
        measurement.errors,
        [
            "the server does not keep up with 200 connections a second: 1261 were open at a time, 5 s of arrivals beside those that stay"
        ]
    );
    assert_eq!(measurement.arrivals.unwrap().most_open, 1261);
    assert_eq!(measurement.undelivered(), 2000);
}

#[test]
fn a_server_that_is_silent_for_too_long_ends_it_before() {
    let patience = Patience {
        first_message: IMPATIENT,
        ..PATIENT
    };
    let measurement = trial(REFUSED, silent(), patience).run().unwrap();
    assert_eq!(measurement.errors, ["no message within 300ms"]);
    assert_eq!(measurement.connections.failed, 2000);
    assert!(measurement.arrivals.unwrap().most_open < 1261);
}

#[test]
fn a_server_that_refuses_is_asked_a_few_times() {
    let refusing = fake(|mut talk| {
        talk.request();
        talk.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
        talk.end();
    });
    let measurement = trial(REFUSED, refusing, PATIENT).run().unwrap();
    assert_eq!(
        measurement.errors,
        ["the server answered 503, expected 200 (the server is overloaded or limits its clients)"]
    );
    // Some were under way when the fifth had failed.
    assert_eq!(measurement.connections.failed, 2000);
    assert!(
        measurement.elapsed_ns < 1_000_000_000,
        "no message, no end of the phase"
    );
}

#[test]
fn who_was_to_stay_and_was_let_go_is_counted() {
    let parting = fake(|mut talk| {
        talk.accept("sse");
        talk.send(framed("sse", &[body(1)]));
        thread::sleep(Duration::from_millis(20));
        talk.end();
    });
    let begun = Instant::now();
    let measurement = trial(STAYING, parting, PATIENT).run().unwrap();
    // Nobody waits for the end of a stay that is over.
    assert!(begun.elapsed() < Duration::from_secs(15));
    let connections = measurement.connections;
    assert_eq!(
        (
            connections.opened,
            connections.failed,
            connections.ended_early
        ),
        (8, 0, 8)
    );
    assert_eq!(measurement.sequence.delivered, 8);
    assert!(
        measurement.errors[0]
            .starts_with("a connection that was to stay: http body: the connection ended"),
        "{:?}",
        measurement.errors
    );
}
