//! Server-Sent Events on the wire.

use pushbench_model::theory;
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::ServeOptions;

use super::{STACK, server, server_with};
use crate::common::{Client, SIZES, text};

pub(super) const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
                    transfer-encoding: chunked\r\ndate: DATE\r\n\r\n";

/// axum writes no line for data that is empty.
fn sizes() -> impl Iterator<Item = usize> {
    let least = usize::from(STACK == Stack::Axum);
    SIZES.into_iter().filter(move |&size| size >= least)
}

pub(super) fn chunk(content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let size = format!("{:X}\r\n", content.len());
    [size.as_bytes(), content, b"\r\n"].concat()
}

pub(super) fn event(seq: u64, data: &str) -> Vec<u8> {
    chunk(format!("id: {seq}\ndata: {data}\n\n"))
}

pub(super) fn subscribe(server: &pushbench_server::Server, target: &str, headers: &str) -> Client {
    let mut client = Client::connect(server.data_addr());
    let head = client.ask(&format!(
        "GET {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"
    ));
    assert_eq!(head, HEAD);
    client
}

#[test]
fn every_size_is_framed_to_the_byte() {
    for ids in [true, false] {
        let options = ServeOptions {
            sse_ids: ids,
            ..ServeOptions::default()
        };
        let server = server_with("sse", options);
        let mut live = subscribe(&server, "/sse", "");
        let mut all = Vec::new();
        for (seq, size) in (1..).zip(sizes()) {
            let body = String::from_utf8(text(size)).unwrap();
            server.hub().publish(body.as_bytes(), false);
            let framed = if ids {
                event(seq, &body)
            } else {
                chunk(format!("data: {body}\n\n"))
            };
            let formula = theory::sse_event(size as u64, 1, ids.then_some(seq), None);
            assert_eq!(framed.len() as u64, theory::chunk(formula));
            live.expect(&framed);
            all.extend(framed);
        }
        // The same in one batch, for who comes late.
        subscribe(&server, "/sse?after=0", "").expect(&all);
    }
}

#[test]
fn a_subscriber_resumes_where_it_says() {
    let server = server("sse");
    for seq in 1..=3 {
        server.hub().publish(format!("m{seq}").as_bytes(), false);
    }
    let cases = [
        ("/sse?after=0", "", 1),
        ("/sse?after=2", "", 3),
        ("/sse?after=3", "", 4),
        ("/sse?after=99", "", 4),
        ("/sse?after=18446744073709551615", "", 4),
        ("/sse", "", 4),
        ("/sse", "Last-Event-ID: 0\r\n", 1),
        ("/sse", "Last-Event-ID: 1\r\n", 2),
        ("/sse", "Last-Event-ID: 99\r\n", 4),
        ("/sse", "Last-Event-ID:\r\n", 4),
        ("/sse?after=0", "Last-Event-ID: 2\r\n", 3),
    ];
    let mut clients: Vec<_> = cases
        .iter()
        .map(|(target, headers, _)| subscribe(&server, target, headers))
        .collect();
    server.hub().publish(b"m4", false);
    for ((_, _, first), client) in cases.iter().zip(&mut clients) {
        for seq in *first..=4 {
            client.expect(event(seq, &format!("m{seq}")));
        }
    }
}

#[test]
fn what_is_no_number_is_refused() {
    let server = server("sse");
    for (target, headers) in [
        ("/sse?after=x", ""),
        ("/sse?after=", ""),
        ("/sse?after", ""),
        ("/sse?after=-1", ""),
        ("/sse?after=+1", ""),
        ("/sse?after=18446744073709551616", ""),
        ("/sse", "Last-Event-ID: x\r\n"),
        ("/sse", "Last-Event-ID: \u{e9}\r\n"),
    ] {
        let mut client = Client::connect(server.data_addr());
        let head = client.ask(&format!(
            "GET {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"
        ));
        assert_eq!(
            head, "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: DATE\r\n\r\n",
            "{target} {headers}"
        );
    }
}

#[test]
fn what_is_not_http_is_refused() {
    let server = server("sse");
    let mut client = Client::connect(server.data_addr());
    client.send("NONSENSE\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 400 Bad Request\r\n"));
    client.expect_end();
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let server = server("sse");
    let mut client = subscribe(&server, "/sse", "");
    server.hub().publish(b"a\xff\xfeb\0\xc3", true);
    client.expect(event(1, "a\u{fffd}\u{fffd}b\0\u{fffd}"));
}

#[test]
fn heartbeats_come_between_messages() {
    let options = ServeOptions {
        heartbeat_s: Some(1),
        ..ServeOptions::default()
    };
    let server = server_with("sse", options);
    let mut client = subscribe(&server, "/sse", "");
    client.expect(chunk(": \n\n"));
    server.hub().publish(b"x", false);
    client.expect(event(1, "x"));
    client.expect(chunk(": \n\n"));
}

#[test]
fn a_heartbeat_of_zero_seconds_is_none() {
    let options = ServeOptions {
        heartbeat_s: Some(0),
        ..ServeOptions::default()
    };
    let server = server_with("sse", options);
    let mut client = subscribe(&server, "/sse", "");
    server.hub().publish(b"x", false);
    client.expect(event(1, "x"));
}

/// The server ends its side when the client has ended its own, without a message having to be published.
#[test]
fn a_client_that_goes_is_let_go() {
    let server = server("sse");
    for messages in [0, 3] {
        let mut client = subscribe(&server, "/sse?after=0", "");
        for _ in 0..messages {
            server.hub().publish(b"x", false);
        }
        for seq in 1..=messages {
            client.expect(event(seq, "x"));
        }
        client.finish();
        client.expect_end();
    }
}

/// Requests behind a stream that never ends wait for ever, and do no harm.
#[test]
fn pipelined_garbage_is_left_alone() {
    let server = server("sse");
    let mut client = Client::connect(server.data_addr());
    client.send(
        "GET /sse HTTP/1.1\r\nHost: x\r\n\r\n\0\u{1}garbage\r\n\r\nGET /sse HTTP/1.1\r\n\r\n",
    );
    assert_eq!(client.head(), HEAD);
    client.send(vec![b'x'; 64 * 1024]);
    for seq in 1..=3 {
        server.hub().publish(b"x", false);
        client.expect(event(seq, "x"));
    }
}

#[test]
fn an_http_1_0_client_gets_a_stream_without_chunks() {
    let server = server("sse");
    let mut client = Client::connect(server.data_addr());
    let head = client.ask("GET /sse HTTP/1.0\r\n\r\n");
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{head}");
    assert!(!head.contains("chunked"), "{head}");
    server.hub().publish(b"x", false);
    client.expect("id: 1\ndata: x\n\n");
}
