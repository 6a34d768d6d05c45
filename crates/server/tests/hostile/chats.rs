//! Clients that ask for answers of their own and do not mean it.

use std::io::{ErrorKind, Write as _};
use std::time::Duration;

use pushbench_model::tokens::{Ask, CANCEL, Gaps, Pace};
use pushbench_server::Server;
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::ServeOptions;

use crate::common::{Client, server_with};

/// Time that a head has, milliseconds.
const HEAD_MS: u64 = 400;

fn server(transport: &str, stack: Stack) -> Server {
    let options = ServeOptions {
        stack,
        header_timeout_ms: HEAD_MS,
        ..ServeOptions::default()
    };
    server_with(transport, options)
}

/// A request for an answer of one token, `first_ms` after it.
fn question(first_ms: f64) -> Vec<u8> {
    let ask = Ask {
        stream: true,
        tokens: 1,
        pace: Pace {
            answer: 1,
            asked: 1,
            seed: 1,
            first_ms,
            gaps: Gaps::RecordedMs(vec![1.0]),
        },
        session: None,
        prompt: "Well?".into(),
    };
    let mut body = Vec::new();
    ask.write(&mut body);
    body
}

/// Sends `body` and reads all of the answer.
fn ask(client: &mut Client, body: &[u8]) {
    let length = body.len();
    let head = client.ask(&format!(
        "POST /chat HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{}",
        String::from_utf8_lossy(body)
    ));
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let mut answer = Vec::new();
    while !answer.ends_with(b"0\r\n\r\n") {
        answer.extend(client.read(1));
    }
}

/// A question that stops in its head is ended by the clock of all heads, the first one of a connection and any other.
#[test]
fn the_head_of_a_question_is_not_waited_for() {
    for (transport, opening) in [
        ("sse", "POST /chat "),
        ("ndjson", "POST /chat HTTP/1.1\r\nHost: x\r\n"),
        ("websocket", "GET /chat "),
        ("long-poll", "POST /chat "),
        (
            "long-poll",
            "GET /chat/0000000000000000?after=0 HTTP/1.1\r\n",
        ),
        ("long-poll", "DELETE /chat/"),
    ] {
        let server = server(transport, Stack::Bare);
        let mut client = Client::connect(server.data_addr());
        client.send(opening);
        client.expect_end();
        if !matches!(transport, "sse" | "ndjson") {
            continue;
        }
        let mut client = Client::connect(server.data_addr());
        // What takes longer is the answer, and that has its time.
        ask(&mut client, &question(2.0 * HEAD_MS as f64));
        client.send(opening);
        client.expect_end();
    }
}

/// A question that drips in, byte by byte, is answered if it is whole in time.
#[test]
fn a_question_may_come_in_pieces() {
    let server = server("sse", Stack::Bare);
    let mut client = Client::connect(server.data_addr());
    let body = question(0.0);
    let head = format!(
        "POST /chat HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    for byte in head.as_bytes().iter().chain(&body) {
        client.send([*byte]);
    }
    assert!(client.head().starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(client.rest().ends_with(b"0\r\n\r\n"));
}

/// A frame of a client, with a mask of zeros.
fn frame(opcode: u8, body: &[u8]) -> Vec<u8> {
    let length = match body.len() {
        len @ 0..=125 => vec![0x80 | len as u8],
        len => [&[0x80 | 126][..], &(len as u16).to_be_bytes()].concat(),
    };
    [&[0x80 | opcode][..], &length, &[0; 4], body].concat()
}

/// Sends `piece` over and over, without reading, until the server ends the connection; the bytes that were sent.
fn flood(server: &Server, piece: &[u8], most: usize) -> usize {
    let mut client = Client::with_small_window(server.data_addr());
    let head = client.ask(
        "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let mut out = client.writer();
    let many = piece.repeat(64 * 1024 / piece.len());
    let mut sent = 0;
    while sent < most {
        if let Err(error) = out.write_all(&many) {
            let ended = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
            assert!(ended.contains(&error.kind()), "{error} after {sent} bytes");
            return sent;
        }
        sent += many.len();
        // Not so fast that more comes than a request is long before any of it is looked at.
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("{sent} bytes were taken");
}

/// What is asked for and never read is not kept without end.
#[test]
fn who_reads_nothing_of_what_it_asks_for_is_let_go() {
    let ping = frame(9, &[b'x'; 125]);
    let bare = server("websocket", Stack::Bare);
    flood(&bare, &ping, 64 << 20);
    // Stopped as soon as it is begun, an answer is its end alone.
    let stopped = [frame(1, &question(60_000.0)), frame(1, CANCEL.as_bytes())].concat();
    for server in [bare, server("websocket", Stack::Reference)] {
        flood(&server, &stopped, 256 << 20);
        let mut client = Client::connect(server.control_addr());
        client.send("GET /chats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        client.head();
        let report: serde_json::Value = serde_json::from_slice(&client.rest()).unwrap();
        assert_eq!(report["running"], 0);
    }
}
