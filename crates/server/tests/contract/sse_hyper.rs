//! Server-Sent Events on the wire, as far as it is ours and not a framework's: refusals, and the text of an event.

use pushbench_model::theory;
use pushbench_transport::transport::ServeOptions;

use super::sse::{HEAD, chunk, event, subscribe};
use super::{server, server_with};
use crate::common::Client;

/// One connection takes a refusal after another, and then a subscription: none of them ends it.
#[test]
fn other_paths_and_methods_are_refused() {
    let server = server("sse");
    let mut client = Client::connect(server.data_addr());
    for (line, answer) in [
        ("GET /other", "404 Not Found\r\n"),
        ("GET /sse/", "404 Not Found\r\n"),
        ("POST /other", "404 Not Found\r\n"),
        ("POST /sse", "405 Method Not Allowed\r\nallow: GET\r\n"),
        ("HEAD /sse", "405 Method Not Allowed\r\nallow: GET\r\n"),
        ("OPTIONS /sse", "405 Method Not Allowed\r\nallow: GET\r\n"),
    ] {
        let head = client.ask(&format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert!(
            head.starts_with(&format!("HTTP/1.1 {answer}")),
            "{line}: {head}"
        );
    }
    assert_eq!(client.ask("GET /sse HTTP/1.1\r\nHost: x\r\n\r\n"), HEAD);
    server.hub().publish(b"x", false);
    client.expect(event(1, "x"));
}

#[test]
fn greeting_event_name_and_lines() {
    let options = ServeOptions {
        sse_event: Some("tick".into()),
        sse_retry_ms: Some(1500),
        ..ServeOptions::default()
    };
    let server = server_with("sse", options);
    let mut client = subscribe(&server, "/sse", "");
    client.expect(chunk("retry: 1500\n\n"));
    for (seq, (body, lines, data)) in (1..).zip([
        ("one", 1, "data: one\n"),
        ("", 1, "data: \n"),
        ("a\nb", 2, "data: a\ndata: b\n"),
        ("a\rb\r\nc", 3, "data: a\ndata: b\ndata: c\n"),
        ("\n", 2, "data: \ndata: \n"),
        ("id: 9\nevent: x", 2, "data: id: 9\ndata: event: x\n"),
    ]) {
        server.hub().publish(body.as_bytes(), false);
        let framed = format!("event: tick\nid: {seq}\n{data}\n");
        // A CR LF is one line end of two bytes.
        let len = body.replace("\r\n", "\n").len() as u64;
        assert_eq!(
            framed.len() as u64,
            theory::sse_event(len, lines, Some(seq), Some(4))
        );
        client.expect(chunk(framed));
    }
}

#[test]
fn post_is_taken_as_get_where_a_server_is_told_so() {
    let options = ServeOptions {
        sse_post: true,
        ..ServeOptions::default()
    };
    let server = server_with("sse", options);
    server.hub().publish(b"one", false);
    let post = |target: &str| {
        format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}")
    };
    let mut client = Client::connect(server.data_addr());
    assert_eq!(client.ask(&post("/sse?after=0")), HEAD);
    client.expect(event(1, "one"));
    server.hub().publish(b"two", false);
    client.expect(event(2, "two"));
    let mut other = Client::connect(server.data_addr());
    assert!(other.ask(&post("/other")).starts_with("HTTP/1.1 404 "));
    let mut other = Client::connect(server.data_addr());
    let head = other.ask("PUT /sse HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 405 "), "{head}");
}
