//! Subscribers that share connections of HTTP/2, server and load generator in one process: what comes, and every byte of it.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "stage/mod.rs"]
mod stage;

use pushbench_load::barrier::Free;
use pushbench_load::run;
use pushbench_model::measurement::{Measurement, Publisher};
use pushbench_model::theory::{self, http2::FRAME};
use pushbench_server::Server;
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::{ServeOptions, TRANSPORTS, Transport, by_name};

/// Thirty subscribers, `streams` of whom share a connection.
fn scenario(streams: u32, payload: usize) -> String {
    let setting = match streams {
        0 => String::new(),
        _ => format!("[server]\nstreams = {streams}\n"),
    };
    format!(
        r#"
name = "test"
models = "a test"
expected = "everything arrives"
profiles = ["quick"]
[payload]
bytes = {payload}
{setting}
[fan-out]
subscribers = 30
rate = 500.0
arrivals = "poisson"
warm-up-s = {{ quick = 0.02, standard = 1.0, thorough = 1.0 }}
measure-s = {{ quick = 0.1, standard = 1.0, thorough = 1.0 }}
"#
    )
}

fn options(stack: Stack, http2: bool) -> ServeOptions {
    ServeOptions {
        stack,
        http2,
        ..ServeOptions::default()
    }
}

fn measured(server: &Server, transport: &'static dyn Transport, scenario: &str) -> Measurement {
    let config = stage::config(transport, server, scenario, Publisher::Server);
    run(config, &mut Free).unwrap()
}

/// Every transport and stack on which connections can be shared.
fn ways() -> impl Iterator<Item = (&'static dyn Transport, Stack)> {
    TRANSPORTS.iter().flat_map(|&transport| {
        let stacks = transport.shares().iter();
        stacks.map(move |&stack| (transport, stack))
    })
}

#[test]
fn subscribers_share_as_many_connections_as_are_wanted() {
    for (transport, stack) in ways() {
        for (streams, connections) in [(30, 1), (10, 3), (1, 30)] {
            let name = format!("{} {stack} {streams}", transport.name());
            let server = stage::server(transport, options(stack, true));
            let measurement = measured(&server, transport, &scenario(streams, 64));
            assert!(measurement.sequence.is_clean(), "{name}: {measurement:?}");
            assert_eq!(measurement.errors, Vec::<String>::new(), "{name}");
            assert_eq!(measurement.operations, 30 * 50, "{name}");
            assert_eq!(measurement.concurrency, 30, "{name}");
            let health = measurement.server.as_ref().unwrap();
            assert_eq!(health.accepted, connections, "{name}");
            let opened = &measurement.connections;
            assert_eq!(
                (opened.opened, opened.nodelay),
                (connections, connections),
                "{name}"
            );
            assert_eq!(
                measurement.wire.agrees(),
                Some(true),
                "{name}: {:?}",
                measurement.wire
            );
        }
    }
    let found: Vec<_> = ways()
        .map(|(transport, stack)| format!("{} {stack}", transport.name()))
        .collect();
    assert!(found.contains(&"sse reference".to_owned()), "{found:?}");
    assert!(found.contains(&"ndjson reference".to_owned()), "{found:?}");
}

/// A frame has nine bytes where a chunk of some hundred has six.
#[test]
fn a_message_costs_what_a_frame_costs_more_than_a_chunk() {
    for (transport, stack) in ways() {
        let name = format!("{} {stack}", transport.name());
        let own = stage::server(transport, options(stack, false));
        let apart = measured(&own, transport, &scenario(0, 100));
        let shared = stage::server(transport, options(stack, true));
        let shared = measured(&shared, transport, &scenario(30, 100));
        let chunk = theory::chunk(200) - 200;
        let more = shared.wire.bytes_down - apart.wire.bytes_down;
        assert_eq!(more, (FRAME - chunk) * shared.operations, "{name}");
    }
}

/// Larger than a frame may be, and than what a connection may be sent ahead of time; every byte of it is told by its content.
#[test]
fn large_messages_arrive_whole() {
    for (transport, stack) in ways() {
        let name = format!("{} {stack}", transport.name());
        let scenario = scenario(5, 300_000)
            .replace("subscribers = 30", "subscribers = 10")
            .replace("rate = 500.0", "rate = 100.0");
        let server = stage::server(transport, options(stack, true));
        let measurement = measured(&server, transport, &scenario);
        assert!(measurement.sequence.is_clean(), "{name}: {measurement:?}");
        assert_eq!(measurement.operations, 100, "{name}");
        assert_eq!(
            measurement.wire.agrees(),
            Some(true),
            "{name}: {:?}",
            measurement.wire
        );
    }
}

#[test]
fn a_server_of_another_protocol_is_told_apart() {
    for name in ["sse", "ndjson"] {
        let transport = by_name(name).unwrap();
        for stack in [Stack::Bare, Stack::Reference] {
            let server = stage::server(transport, options(stack, false));
            let said = stage::refusal(name, &server, &scenario(10, 64));
            assert!(said.contains("0 of 30"), "{name} {stack}: {said}");
        }
        for &stack in transport.shares() {
            let server = stage::server(transport, options(stack, true));
            let said = stage::refusal(name, &server, &scenario(0, 64));
            assert!(said.contains("0 of 30"), "{name} {stack}: {said}");
        }
    }
}

#[test]
fn subscribers_of_other_transports_share_nothing() {
    let server = stage::server(
        by_name("websocket").unwrap(),
        options(Stack::Reference, false),
    );
    let said = stage::refusal("websocket", &server, &scenario(10, 64));
    assert!(said.contains("no subscribers of websocket share"), "{said}");
}
