//! Streams that share a connection of HTTP/2, as a client sees them that is none of ours.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "contract/common.rs"]
#[allow(dead_code, reason = "not every test program needs all of it")]
mod common;

use std::time::Duration;

use bytes::Bytes;
use h2::client::{self, SendRequest};
use h2::{Reason, RecvStream};
use http::{HeaderName, Method, Request, Response, StatusCode};
use pushbench_server::Server;
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::{ServeOptions, TRANSPORTS};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use common::{Client, server_with};

const PATIENCE: Duration = Duration::from_secs(30);

fn options(stack: Stack) -> ServeOptions {
    ServeOptions {
        stack,
        http2: true,
        ..ServeOptions::default()
    }
}

/// Runs `test` for every transport and stack on which connections are shared; it is told the path of the stream too.
fn everywhere<F: Future<Output = ()>>(test: impl Fn(Server, String, &'static str) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for transport in TRANSPORTS {
        for &stack in transport.shares() {
            let server = server_with(transport.name(), options(stack));
            let name = format!("{} {stack}", transport.name());
            let (_, path) = transport.endpoint();
            let tested = runtime
                .block_on(async { timeout(PATIENCE, test(server, name.clone(), path)).await });
            tested.unwrap_or_else(|_| panic!("{name}: it takes too long"));
        }
    }
}

/// A connection of which each stream may be sent `window` bytes ahead.
async fn connect(
    server: &Server,
    window: u32,
) -> (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let socket = TcpStream::connect(server.data_addr()).await.unwrap();
    let (send, connection) = client::Builder::new()
        .initial_window_size(window)
        .initial_connection_window_size(256 << 20)
        .handshake(socket)
        .await
        .unwrap();
    (send, tokio::spawn(connection))
}

async fn ask(
    send: &SendRequest<Bytes>,
    method: Method,
    path: &str,
    after: Option<u64>,
) -> Response<RecvStream> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://x{path}"));
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    let mut send = send.clone().ready().await.unwrap();
    let (response, _) = send.send_request(request.body(()).unwrap(), true).unwrap();
    response.await.unwrap()
}

async fn subscribe(send: &SendRequest<Bytes>, path: &str, after: Option<u64>) -> RecvStream {
    let response = ask(send, Method::GET, path, after).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body()
}

/// Message `seq` as it is in the stream of `name`.
fn message(name: &str, seq: u64, body: &str) -> String {
    if name.starts_with("sse") {
        format!("id: {seq}\ndata: {body}\n\n")
    } else {
        format!("{body}\n")
    }
}

/// Reads what is as long as `expected`, and lets as much be sent again.
async fn expect(stream: &mut RecvStream, expected: &str, name: &str) {
    let mut got = Vec::new();
    while got.len() < expected.len() {
        let data = stream.data().await.expect(name).expect(name);
        stream.flow_control().release_capacity(data.len()).unwrap();
        got.extend_from_slice(&data);
    }
    assert!(
        got == expected.as_bytes(),
        "{name}: {}",
        String::from_utf8_lossy(&got)
    );
}

#[test]
fn a_hundred_streams_get_every_message_in_order() {
    everywhere(async |server, name, path| {
        let (send, _connection) = connect(&server, 1 << 20).await;
        let mut streams = Vec::new();
        for _ in 0..100 {
            streams.push(subscribe(&send, path, None).await);
        }
        let mut expected = String::new();
        for seq in 1..=50 {
            // Some of them in more than one frame.
            let body = "x".repeat(if seq % 10 == 0 { 40_000 } else { seq as usize });
            server.hub().publish(body.as_bytes(), false);
            expected += &message(&name, seq, &body);
        }
        for stream in &mut streams {
            expect(stream, &expected, &name).await;
        }
    });
}

#[test]
fn a_stream_that_is_not_read_waits_alone() {
    everywhere(async |server, name, path| {
        let (send, _connection) = connect(&server, 10_000).await;
        let mut waits = subscribe(&send, path, None).await;
        let mut others = Vec::new();
        for _ in 0..5 {
            others.push(subscribe(&send, path, None).await);
        }
        let body = "x".repeat(1000);
        let mut all = String::new();
        for seq in 1..=100 {
            server.hub().publish(body.as_bytes(), false);
            let message = message(&name, seq, &body);
            for stream in &mut others {
                expect(stream, &message, &name).await;
            }
            all += &message;
        }
        // When it is read it has missed nothing.
        expect(&mut waits, &all, &name).await;
    });
}

#[test]
fn a_cursor_is_where_a_stream_begins() {
    everywhere(async |server, name, path| {
        for seq in 1..=5 {
            server.hub().publish(format!("{seq}").as_bytes(), false);
        }
        let (send, _connection) = connect(&server, 1 << 20).await;
        let from = |first: u64| -> String {
            (first..=6)
                .map(|seq| message(&name, seq, &seq.to_string()))
                .collect()
        };
        let mut by_field = subscribe(&send, path, Some(2)).await;
        let mut by_query = subscribe(&send, &format!("{path}?after=4"), None).await;
        let mut none = subscribe(&send, path, None).await;
        server.hub().publish(b"6", false);
        expect(&mut by_field, &from(3), &name).await;
        expect(&mut by_query, &from(5), &name).await;
        expect(&mut none, &from(6), &name).await;
    });
}

#[test]
fn what_cannot_be_had_is_answered_and_the_connection_goes_on() {
    everywhere(async |server, name, path| {
        let (send, _connection) = connect(&server, 1 << 20).await;
        let mut stream = subscribe(&send, path, None).await;
        let bad = format!("{path}?after=x");
        for (method, path, status) in [
            (Method::GET, "/nothing", StatusCode::NOT_FOUND),
            (Method::GET, &bad, StatusCode::BAD_REQUEST),
            (Method::POST, path, StatusCode::METHOD_NOT_ALLOWED),
            (Method::HEAD, path, StatusCode::METHOD_NOT_ALLOWED),
        ] {
            let mut response = ask(&send, method.clone(), path, None).await;
            assert_eq!(response.status(), status, "{name} {method} {path}");
            let allow = response
                .headers()
                .get("allow")
                .map(|allow| allow.to_str().unwrap());
            let expected = (status == StatusCode::METHOD_NOT_ALLOWED).then_some("GET");
            assert_eq!(allow, expected, "{name} {method} {path}");
            assert!(response.headers().contains_key("date"), "{name}");
            assert!(response.body_mut().data().await.is_none(), "{name}");
        }
        server.hub().publish(b"{}", false);
        expect(&mut stream, &message(&name, 1, "{}"), &name).await;
    });
}

#[test]
fn a_head_says_what_follows() {
    everywhere(async |server, name, path| {
        let (send, _connection) = connect(&server, 1 << 20).await;
        let response = ask(&send, Method::GET, path, None).await;
        let mut fields: Vec<_> = response.headers().keys().map(HeaderName::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["cache-control", "content-type", "date"], "{name}");
        assert_eq!(response.headers()["cache-control"], "no-cache", "{name}");
    });
}

#[test]
fn a_stream_that_is_reset_ends_alone() {
    everywhere(async |server, name, path| {
        let (send, connection) = connect(&server, 1 << 20).await;
        let mut stays = subscribe(&send, path, None).await;
        for seq in 1..=20 {
            let leaves = subscribe(&send, path, None).await;
            server.hub().publish(b"{}", false);
            expect(&mut stays, &message(&name, seq, "{}"), &name).await;
            // With CANCEL.
            drop(leaves);
        }
        let mut again = subscribe(&send, path, None).await;
        server.hub().publish(b"{}", false);
        expect(&mut stays, &message(&name, 21, "{}"), &name).await;
        expect(&mut again, &message(&name, 21, "{}"), &name).await;
        assert!(!connection.is_finished(), "{name}");
    });
}

#[test]
fn a_body_that_nobody_asked_for_holds_nothing_up() {
    everywhere(async |server, name, path| {
        let (send, _connection) = connect(&server, 1 << 20).await;
        let mut stream = subscribe(&send, path, None).await;
        let request = Request::builder()
            .method(Method::POST)
            .uri("http://x/nothing")
            .body(())
            .unwrap();
        let mut ready = send.clone().ready().await.unwrap();
        let (response, mut body) = ready.send_request(request, false).unwrap();
        body.send_data(vec![7; 200_000].into(), true).unwrap();
        assert_eq!(
            response.await.unwrap().status(),
            StatusCode::NOT_FOUND,
            "{name}"
        );
        for seq in 1..=3 {
            server.hub().publish(b"{}", false);
            expect(&mut stream, &message(&name, seq, "{}"), &name).await;
        }
    });
}

/// On `bare`; hyper answers such a client in its own way.
#[test]
fn who_speaks_something_else_is_told_and_let_go() {
    let server = server_with("sse", options(Stack::Bare));
    let mut client = Client::connect(server.data_addr());
    client.send("GET /sse HTTP/1.1\r\nHost: x\r\n\r\n");
    // Our settings, and GOAWAY with PROTOCOL_ERROR.
    client.expect(b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\x03\xe8");
    client.expect(b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01");
    client.expect_end();
    // One that says nothing is let go in time.
    let hasty = ServeOptions {
        header_timeout_ms: 300,
        ..options(Stack::Bare)
    };
    let server = server_with("sse", hasty);
    let mut silent = Client::connect(server.data_addr());
    silent.expect(b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\x03\xe8");
    silent.expect(b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0");
    silent.expect_end();
}

/// On `bare`: a stream that the ring has run past ends its connection, and others go on.
#[test]
fn who_falls_behind_is_let_go() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let server = server_with("sse", options(Stack::Bare));
    runtime.block_on(async {
        let (send, connection) = connect(&server, 100).await;
        let mut late = subscribe(&send, "/sse", None).await;
        let _goes_with_it = subscribe(&send, "/sse", None).await;
        let (other, _kept) = connect(&server, 1 << 20).await;
        let mut stream = subscribe(&other, "/sse", None).await;
        for seq in 1..=5000 {
            server.hub().publish(b"{}", false);
            if seq % 100 == 0 {
                let expected: String = (seq - 99..=seq)
                    .map(|seq| message("sse", seq, "{}"))
                    .collect();
                expect(&mut stream, &expected, "sse").await;
            }
        }
        assert_eq!(server.hub().lagged(), 2, "all who share the connection");
        // What was sent is not released, so that no more is.
        while timeout(PATIENCE, late.data())
            .await
            .unwrap()
            .unwrap()
            .is_ok()
        {}
        let ended = timeout(PATIENCE, connection).await.unwrap().unwrap();
        assert_eq!(ended.unwrap_err().reason(), Some(Reason::ENHANCE_YOUR_CALM));
    });
}

/// On `bare`: sockets that are full in the middle of a frame, and clients that read again.
#[test]
fn a_socket_that_is_full_goes_on_where_it_was() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let server = server_with("ndjson", options(Stack::Bare));
    runtime.block_on(async {
        let (send, _connection) = connect(&server, 16 << 20).await;
        let mut streams = Vec::new();
        for _ in 0..20 {
            streams.push(subscribe(&send, "/ndjson", None).await);
        }
        let mut expected = String::new();
        // Twenty times this is more than sockets take, and nobody reads meanwhile.
        for seq in 0..200 {
            let body = format!("{seq}").repeat(2000);
            server.hub().publish(body.as_bytes(), false);
            expected += &message("ndjson", seq, &body);
        }
        std::thread::sleep(Duration::from_millis(200));
        for stream in &mut streams {
            timeout(PATIENCE, expect(stream, &expected, "ndjson"))
                .await
                .unwrap();
        }
    });
}
