//! The contract, on the framework axum, and where its words differ from those of the libraries.

use pushbench_model::tuning::Tuning;
use pushbench_server::{Config, Server};
use pushbench_transport::stack::{Runtime, Stack};
use pushbench_transport::transport::{ServeOptions, by_name};

use crate::common::{self, Client, health};

#[path = "slow.rs"]
mod slow;
#[path = "sse.rs"]
mod sse;
#[path = "websocket.rs"]
mod websocket;

const STACK: Stack = Stack::Axum;
const TUNING: Tuning = Tuning::Defaults;

fn server(transport: &str) -> Server {
    server_with(transport, ServeOptions::default())
}

fn server_with(transport: &str, options: ServeOptions) -> Server {
    let stack = STACK;
    common::server_with(transport, ServeOptions { stack, ..options })
}

/// Health says how the framework is set, whatever was asked for.
#[test]
fn its_tuning_is_the_defaults() {
    for transport in ["sse", "websocket"] {
        for asked in Tuning::ALL {
            let options = ServeOptions {
                tuning: asked,
                ..ServeOptions::default()
            };
            let server = server_with(transport, options);
            let _clients = [0; 3].map(|_| Client::connect(server.data_addr()));
            // Nothing tells a client that it was accepted: ask until it was.
            let health = loop {
                let health = health(&server);
                if health.accepted == 3 {
                    break health;
                }
            };
            assert_eq!((health.tuning, health.nodelay), (TUNING, 0), "{transport}");
        }
    }
}

/// The framework refuses in words of its own; what is refused is the same, but that its GET answers HEAD too.
#[test]
fn other_paths_and_methods_are_refused() {
    let server = server("sse");
    let mut client = Client::connect(server.data_addr());
    for (line, answer) in [
        ("GET /other", "404 Not Found\r\n"),
        ("GET /sse/", "404 Not Found\r\n"),
        ("POST /other", "404 Not Found\r\n"),
        ("POST /sse", "405 Method Not Allowed\r\nallow: GET,HEAD\r\n"),
        (
            "OPTIONS /sse",
            "405 Method Not Allowed\r\nallow: GET,HEAD\r\n",
        ),
        ("HEAD /sse", "200 OK\r\ncontent-type: text/event-stream\r\n"),
    ] {
        let head = client.ask(&format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert!(
            head.starts_with(&format!("HTTP/1.1 {answer}")),
            "{line}: {head}"
        );
    }
    let head = client.ask("GET /sse HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(head, sse::HEAD);
    server.hub().publish(b"x", false);
    client.expect(sse::event(1, "x"));
}

#[test]
fn greeting_event_name_and_lines() {
    let options = ServeOptions {
        sse_event: Some("tick\nid: 9".into()),
        sse_retry_ms: Some(1005),
        ..ServeOptions::default()
    };
    let server = server_with("sse", options);
    let mut client = sse::subscribe(&server, "/sse", "");
    client.expect(sse::chunk("retry: 1005\n\n"));
    for (seq, (body, data)) in (1..).zip([
        ("one", "data: one\n"),
        // As the framework has it: no data is no line, and of a CR LF each is an end.
        ("", ""),
        ("a\nb", "data: a\ndata: b\n"),
        ("a\rb", "data: a\rdata: b\n"),
        ("a\r\nb", "data: a\rdata: \ndata: b\n"),
        ("id: 9\nevent: x", "data: id: 9\ndata: event: x\n"),
    ]) {
        server.hub().publish(body.as_bytes(), false);
        client.expect(sse::chunk(format!("event: tick\nid: {seq}\n{data}\n")));
    }
}

#[test]
fn a_handshake_lacks_nothing_that_the_framework_asks_for() {
    let server = server("websocket");
    let [connection, upgrade, version, key] = websocket::UPGRADE;
    let all = websocket::UPGRADE.concat();
    let request = websocket::request;
    for (request, status) in [
        (request("/ws", ""), "1.1 400 "),
        (
            request("/ws", &[upgrade, version, key].concat()),
            "1.1 400 ",
        ),
        (
            request("/ws", &[connection, version, key].concat()),
            "1.1 400 ",
        ),
        (
            request("/ws", &[connection, upgrade, key].concat()),
            "1.1 400 ",
        ),
        (
            request("/ws", &[connection, upgrade, version].concat()),
            "1.1 400 ",
        ),
        (request("/ws?after=x", &all), "1.1 400 "),
        (request("/other", &all), "1.1 404 "),
        (request("/ws", &all).replace("GET", "POST"), "1.1 405 "),
        // HTTP/1.0 knows no upgrades (RFC 9110 §7.8).
        (
            request("/ws", &all).replace("HTTP/1.1", "HTTP/1.0"),
            "1.0 426 ",
        ),
    ] {
        let head = Client::connect(server.data_addr()).ask(&request);
        assert!(
            head.starts_with(&format!("HTTP/{status}")),
            "{request}: {head}"
        );
    }
    let mut client = Client::connect(server.data_addr());
    assert_eq!(client.ask(&request("/ws", &all)), websocket::HEAD);
}

/// A pool serves what a runtime per core does, to whichever thread a subscription falls.
#[test]
fn every_runtime_delivers_everything_in_order() {
    for runtime in Runtime::ALL {
        for cores in [vec![], vec![0], vec![0, 1]] {
            let options = ServeOptions {
                stack: STACK,
                runtime,
                ..ServeOptions::default()
            };
            let server = common::server_on("sse", options, cores);
            let publisher = std::sync::Arc::clone(server.hub());
            let publishing = std::thread::spawn(move || {
                for seq in 1..=500 {
                    publisher.publish(format!("m{seq}").as_bytes(), false);
                }
            });
            let mut clients: Vec<_> = (0..20)
                .map(|_| sse::subscribe(&server, "/sse?after=0", ""))
                .collect();
            for client in &mut clients {
                for seq in 1..=500 {
                    client.expect(sse::event(seq, &format!("m{seq}")));
                }
            }
            publishing.join().unwrap();
            assert_eq!(health(&server).accepted, 20);
        }
    }
}

#[test]
fn only_axum_has_a_choice_of_runtimes() {
    let any = "127.0.0.1:0".parse().unwrap();
    let started = Server::start(Config {
        transport: by_name("sse").unwrap(),
        listen: any,
        control: any,
        cores: vec![],
        shards: 1,
        options: ServeOptions {
            runtime: Runtime::MultiThread,
            ..ServeOptions::default()
        },
    });
    let error = started.err().unwrap().to_string();
    assert!(
        error.contains("reference") && error.contains("axum"),
        "{error}"
    );
}
