//! Whole measurements over real sockets, server and load generator in one process: counts, bytes and states.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod dying;
mod large;
mod late;
mod set;
#[path = "../stage/mod.rs"]
mod stage;
mod troubled;

use pushbench_load::barrier::{Barrier, Free};
use pushbench_load::{LoadError, run, run_slices};
use pushbench_model::measurement::{Measurement, Publisher};
use pushbench_server::Server;
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::{ServeOptions, TRANSPORTS, by_name};

use stage::{config, server};

fn fan_out(bytes: usize, kind: &str) -> String {
    format!(
        r#"
name = "test"
models = "a test"
expected = "everything arrives"
profiles = ["quick"]
[payload]
bytes = {bytes}
kind = "{kind}"
[fan-out]
subscribers = 20
rate = 500.0
arrivals = "poisson"
warm-up-s = {{ quick = 0.02, standard = 1.0, thorough = 1.0 }}
measure-s = {{ quick = 0.1, standard = 1.0, thorough = 1.0 }}
"#
    )
}

const CONNECT: &str = r#"
name = "test"
models = "a test"
expected = "everything arrives"
profiles = ["quick"]
[payload]
bytes = 64
[connect]
connections = { quick = 40, standard = 1, thorough = 1 }
warm-up = { quick = 5, standard = 5, thorough = 5 }
in-flight = 4
"#;

/// Payloads around the steps of the framing formulas.
const SIZES: [usize; 8] = [0, 1, 64, 125, 126, 1024, 65_535, 65_536];

fn assert_clean(name: &str, measurement: &Measurement) {
    assert!(
        measurement.sequence.is_clean(),
        "{name}: {:?} {:?}",
        measurement.sequence,
        measurement.errors
    );
    assert_eq!(measurement.errors, Vec::<String>::new(), "{name}");
    assert_eq!(
        measurement.connections.nodelay, measurement.connections.opened,
        "{name}"
    );
    assert_eq!(
        measurement.wire.agrees(),
        Some(true),
        "{name}: {:?}",
        measurement.wire
    );
    let server = measurement.server.as_ref().unwrap();
    assert_eq!(server.nodelay, server.accepted, "{name}: the server's side");
    assert!(server.accepted >= measurement.connections.opened, "{name}");
}

/// Windows hold every delivery, before and within the measured phase, and the worker was watched.
fn assert_watched(name: &str, measurement: &Measurement) {
    let windows = &measurement.windows;
    let all: u64 = windows.iter().map(|window| window.n).sum();
    assert_eq!(all, measurement.sequence.delivered, "{name}");
    assert!(windows[0].start_ns < 0, "{name}: {windows:?}");
    assert!(windows.is_sorted_by_key(|window| window.start_ns));
    let longest = windows.iter().map(|window| window.max_ns).max().unwrap();
    let response = measurement.histograms["response"].decode().unwrap();
    assert!(longest >= response.max() - response.max() / 500, "{name}");
    let busiest = measurement.client.unwrap().busiest;
    assert!(busiest > 0.0 && busiest <= 1.0, "{name}: {busiest}");
    assert!(measurement.histograms.contains_key("loop-lag"), "{name}");
}

#[test]
fn fan_out_delivers_everything_and_bytes_equal_the_formulas() {
    for &transport in TRANSPORTS {
        for (bytes, kind) in SIZES
            .map(|bytes| (bytes, "text"))
            .into_iter()
            .chain([(128, "binary")])
        {
            let name = format!("{} {bytes} {kind}", transport.name());
            let server = server(transport, ServeOptions::default());
            let config = config(transport, &server, &fan_out(bytes, kind), Publisher::Server);
            let measurement = run(config, &mut Free).unwrap();
            assert_clean(&name, &measurement);
            assert_eq!(
                (measurement.published, measurement.operations),
                (50, 1000),
                "{name}"
            );
            assert_eq!(
                measurement.sequence.delivered,
                60 * 20,
                "{name}: warm-up is verified too"
            );
            for histogram in ["response", "service"] {
                let histogram = measurement.histograms[histogram].decode().unwrap();
                assert_eq!(histogram.len(), 1000, "{name}");
            }
            for stage in ["lateness", "publish"] {
                assert_eq!(
                    measurement.histograms[stage].decode().unwrap().len(),
                    50,
                    "{name} {stage}"
                );
            }
            assert_watched(&name, &measurement);
        }
    }
}

/// Wants this many slices.
struct Wants(u32);

impl Barrier for Wants {
    fn reached(&mut self, phase: &'static str) -> Result<(), LoadError> {
        panic!("slices come to no {phase}")
    }

    fn once_more(&mut self, phase: &'static str) -> Result<bool, LoadError> {
        assert_eq!(phase, "slice");
        self.0 = self.0.wrapping_sub(1);
        Ok(self.0 != u32::MAX)
    }
}

/// Each message travels alone: the answer to a poll has one, and the bytes are those of single messages.
#[test]
fn slices_deliver_every_message_alone() {
    for &transport in TRANSPORTS {
        for kind in ["text", "binary"] {
            let name = format!("{} {kind}", transport.name());
            let server = server(transport, ServeOptions::default());
            let config = config(transport, &server, &fan_out(128, kind), Publisher::Server);
            let measurement = run_slices(config, 7, &mut Wants(3)).unwrap();
            assert_clean(&name, &measurement);
            assert_eq!(
                (measurement.published, measurement.operations),
                (3 * 7, 3 * 7 * 20),
                "{name}"
            );
            assert_eq!(
                measurement.sequence.delivered,
                (10 + 3) * 7 * 20,
                "{name}: warm-up is verified too"
            );
            let alone = transport.is_asked_by_number().then_some(3 * 7 * 20);
            assert_eq!(measurement.batches, alone, "{name}");
        }
    }
}

#[test]
fn only_a_fan_out_has_slices() {
    let transport = TRANSPORTS[0];
    let server = server(transport, ServeOptions::default());
    let config = config(transport, &server, CONNECT, Publisher::Server);
    let error = run_slices(config, 7, &mut Wants(1)).unwrap_err();
    assert!(matches!(error, LoadError::NoSlices("connect")), "{error}");
}

/// Batches of the warm-up do not count: an answer carries at least one of the measured messages.
#[test]
fn batches_are_those_of_the_measured_phase() {
    let transport = by_name("long-poll").unwrap();
    let server = server(transport, ServeOptions::default());
    let config = config(transport, &server, &fan_out(10, "text"), Publisher::Server);
    let measurement = run(config, &mut Free).unwrap();
    let batches = measurement.batches.unwrap();
    assert!(
        (20..=measurement.operations).contains(&batches),
        "{batches}"
    );
    let polls = measurement.polls.unwrap();
    assert_eq!(
        (polls.answered, polls.period_ns),
        (batches, None),
        "who is held is not answered with nothing"
    );
}

/// As many messages come as periods pass: every third poll is in vain.
#[test]
fn polls_by_the_clock_are_counted_with_those_in_vain() {
    let transport = by_name("short-poll").unwrap();
    let server = server(transport, ServeOptions::default());
    let mut config = config(transport, &server, &fan_out(10, "text"), Publisher::Server);
    config.target.path = "/poll?period=2".into();
    let measurement = run(config, &mut Free).unwrap();
    let (polls, batches) = (measurement.polls.unwrap(), measurement.batches.unwrap());
    assert_eq!(polls.period_ns, Some(2_000_000));
    assert!(
        polls.answered > batches && batches >= 20,
        "{polls:?}, {batches}"
    );
}

#[test]
fn a_relay_gets_its_messages_from_the_load_process() {
    for &transport in TRANSPORTS {
        let server = server(transport, ServeOptions::default());
        let config = config(transport, &server, &fan_out(100, "binary"), Publisher::Load);
        let measurement = run(config, &mut Free).unwrap();
        assert_clean(transport.name(), &measurement);
        assert_eq!(measurement.operations, 1000, "{}", transport.name());
        let publish = measurement.histograms["publish"].decode().unwrap();
        assert_eq!(publish.len(), 50, "{}", transport.name());
        assert_eq!(server.hub().published(), 60);
    }
}

#[test]
fn event_and_retry_lines_reach_the_formula() {
    let sse = by_name("sse").unwrap();
    for sse_ids in [false, true] {
        let options = ServeOptions {
            sse_ids,
            sse_event: Some("tick".into()),
            ..ServeOptions::default()
        };
        let server = server(sse, options);
        let measurement = run(
            config(sse, &server, &fan_out(10, "text"), Publisher::Server),
            &mut Free,
        );
        assert_clean("sse", &measurement.unwrap());
    }
}

#[test]
fn connect_counts_connections_and_bytes() {
    for &transport in TRANSPORTS {
        let server = server(transport, ServeOptions::default());
        let measurement = run(
            config(transport, &server, CONNECT, Publisher::Server),
            &mut Free,
        )
        .unwrap();
        assert_clean(transport.name(), &measurement);
        assert_eq!(measurement.operations, 40, "{}", transport.name());
        assert_eq!(measurement.connections.opened, 40);
        // One request and one answer with the message in it: the floor pays for nothing more, nor does a poll.
        let wire = &measurement.wire;
        assert_eq!(wire.data_segments_up, 40, "{}", transport.name());
        if transport.name() == "tcp" || transport.is_asked_by_number() {
            assert_eq!(wire.data_segments_down, 40, "{}", transport.name());
        }
        for histogram in ["tcp-connect", "first-message"] {
            assert_eq!(
                measurement.histograms[histogram].decode().unwrap().len(),
                40
            );
        }
    }
}

/// Barriers come in order, and nothing is in flight at any of them.
#[test]
fn barriers_stand_where_nothing_is_in_flight() {
    struct Watch<'a>(&'a Server, Vec<(&'static str, u64)>);
    impl Barrier for Watch<'_> {
        fn reached(&mut self, phase: &'static str) -> Result<(), LoadError> {
            self.1.push((phase, self.0.hub().published()));
            Ok(())
        }
    }
    let transport = TRANSPORTS[0];
    let server = server(transport, ServeOptions::default());
    let mut watch = Watch(&server, Vec::new());
    run(
        config(transport, &server, &fan_out(10, "text"), Publisher::Server),
        &mut watch,
    )
    .unwrap();
    assert_eq!(
        watch.1,
        [
            ("ready", 0),
            ("connected", 0),
            ("measure", 10),
            ("done", 60)
        ]
    );
}
