//! Compressed streams and messages, server and load generator in one process: what comes, and every byte of it.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "stage/mod.rs"]
mod stage;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use pushbench_load::barrier::Free;
use pushbench_load::run;
use pushbench_model::measurement::{Measurement, Publisher};
use pushbench_model::scenario::Compression;
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::{ServeOptions, TRANSPORTS, Transport, by_name};

/// Quotes to twenty subscribers.
fn scenario(compression: Option<Compression>, payload: usize) -> String {
    let setting = compression.map_or_else(String::new, |compression| {
        format!("[server]\ncompression = \"{compression}\"\n")
    });
    format!(
        r#"
name = "test"
models = "a test"
expected = "everything arrives"
profiles = ["quick"]
[payload]
bytes = {payload}
kind = "quotes"
{setting}
[fan-out]
subscribers = 20
rate = 500.0
arrivals = "poisson"
warm-up-s = {{ quick = 0.02, standard = 1.0, thorough = 1.0 }}
measure-s = {{ quick = 0.1, standard = 1.0, thorough = 1.0 }}
"#
    )
}

fn options(stack: Stack, compression: Option<Compression>) -> ServeOptions {
    ServeOptions {
        stack,
        compression,
        ..ServeOptions::default()
    }
}

fn measured(
    transport: &'static dyn Transport,
    options: ServeOptions,
    scenario: &str,
) -> Measurement {
    let server = stage::server(transport, options);
    let config = stage::config(transport, &server, scenario, Publisher::Server);
    run(config, &mut Free).unwrap()
}

/// Everything came, and every byte is known.
fn assert_clean(name: &str, measurement: &Measurement) {
    assert!(measurement.sequence.is_clean(), "{name}: {measurement:?}");
    assert_eq!(measurement.errors, Vec::<String>::new(), "{name}");
    assert_eq!(
        measurement.wire.agrees(),
        Some(true),
        "{name}: {:?}",
        measurement.wire
    );
}

/// Every transport and stack, and every way that it has.
fn ways() -> impl Iterator<Item = (&'static dyn Transport, Stack, Compression)> {
    TRANSPORTS.iter().flat_map(|&transport| {
        let ways = transport.packs().iter();
        ways.map(move |&(stack, compression)| (transport, stack, compression))
    })
}

#[test]
fn a_fan_out_is_compressed_on_every_transport_that_can() {
    let mut found = Vec::new();
    for (transport, stack, compression) in ways() {
        let name = format!("{} {stack} {compression}", transport.name());
        let plain = measured(transport, options(stack, None), &scenario(None, 300));
        let some = Some(compression);
        let packed = measured(transport, options(stack, some), &scenario(some, 300));
        for measurement in [&plain, &packed] {
            assert_clean(&name, measurement);
            assert_eq!(measurement.operations, 1000, "{name}");
        }
        let ratio = packed.wire.bytes_down as f64 / plain.wire.bytes_down as f64;
        let most = match compression {
            Compression::Message => 0.75,
            Compression::Stream => 0.45,
        };
        assert!((0.1..most).contains(&ratio), "{name}: {ratio}");
        found.push(name);
    }
    assert_eq!(
        found,
        [
            "sse bare message",
            "sse bare stream",
            "sse reference message",
            "websocket bare message",
            "websocket bare stream",
            "ndjson bare message",
            "ndjson bare stream",
            "ndjson reference message",
        ]
    );
}

/// More than a socket takes at once, so that the rest is kept, and what is owed holds back what follows.
#[test]
fn large_messages_arrive_whole() {
    for (transport, stack, compression) in ways() {
        let some = Some(compression);
        // What cannot be made much shorter; each is compressed for each subscriber, which takes its time.
        let scenario = scenario(some, 200_000)
            .replace("quotes", "text")
            .replace("subscribers = 20", "subscribers = 5")
            .replace("rate = 500.0", "rate = 50.0");
        let measurement = measured(transport, options(stack, some), &scenario);
        let name = format!("{} {stack} {compression}", transport.name());
        assert_clean(&name, &measurement);
        assert_eq!(measurement.operations, 25, "{name}");
    }
}

/// Messages that were written together are one flush where there is a history, and cost no more.
#[test]
fn messages_that_wait_for_each_other_are_compressed_together() {
    for (transport, stack, compression) in ways() {
        let some = Some(compression);
        let options = ServeOptions {
            flush_window_ms: 20,
            ..options(stack, some)
        };
        let name = format!("{} {stack} {compression}", transport.name());
        assert_clean(&name, &measured(transport, options, &scenario(some, 300)));
    }
}

/// Whatever is in the way cuts bytes anywhere.
#[test]
fn bytes_may_be_cut_anywhere() {
    for (transport, stack, compression) in ways() {
        let some = Some(compression);
        let scenario = scenario(some, 64).replace("subscribers = 20", "subscribers = 2");
        let server = stage::server(transport, options(stack, some));
        let mut config = stage::config(transport, &server, &scenario, Publisher::Server);
        config.target.address = cutter(server.data_addr());
        let measurement = run(config, &mut Free).unwrap();
        let name = format!("{} {stack} {compression}", transport.name());
        assert_clean(&name, &measurement);
        assert_eq!(measurement.operations, 100, "{name}");
    }
}

/// Passes bytes on, a few at a time.
fn cutter(to: SocketAddr) -> SocketAddr {
    fn pass(mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 4096];
        let mut sizes = [1, 4, 5, 6, 17, 3, 1200].into_iter().cycle();
        'passing: while let Ok(read @ 1..) = from.read(&mut buffer) {
            let mut rest = &buffer[..read];
            while !rest.is_empty() {
                let (piece, left) = rest.split_at(sizes.next().unwrap_or(1).min(rest.len()));
                if to.write_all(piece).is_err() {
                    break 'passing;
                }
                rest = left;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(to).unwrap();
            for stream in [&client, &server] {
                stream.set_nodelay(true).unwrap();
            }
            let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || pass(client, server));
            thread::spawn(move || pass(back.0, back.1));
        }
    });
    address
}

#[test]
fn a_server_that_does_not_compress_is_told_apart() {
    for (name, expected) in [
        ("sse", "Content-Encoding"),
        ("ndjson", "Content-Encoding"),
        ("websocket", "permessage-deflate"),
    ] {
        let server = stage::server(by_name(name).unwrap(), options(Stack::Bare, None));
        for compression in Compression::ALL {
            let said = stage::refusal(name, &server, &scenario(Some(compression), 64));
            assert!(said.contains(expected), "{name}: {said}");
            assert!(said.contains("serve --compression"), "{name}: {said}");
        }
    }
    // One that answers as for the other way.
    let [message, stream] = Compression::ALL;
    let ws = by_name("websocket").unwrap();
    let server = stage::server(ws, options(Stack::Bare, Some(message)));
    let said = stage::refusal("websocket", &server, &scenario(Some(stream), 64));
    assert!(said.contains("keep no context"), "{said}");
}

#[test]
fn polls_are_not_compressed() {
    let server = stage::server(by_name("long-poll").unwrap(), options(Stack::Bare, None));
    let said = stage::refusal(
        "long-poll",
        &server,
        &scenario(Some(Compression::Message), 64),
    );
    assert!(said.contains("no compression over long-poll"), "{said}");
}
