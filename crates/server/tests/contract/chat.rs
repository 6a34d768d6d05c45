//! `POST /chat` on the wire.

use super::server;
use crate::common::Client;

/// Sends `body` to `/chat`, which ends the connection; head and content, out of its chunks if it has any.
fn chat(server: &pushbench_server::Server, body: &str) -> (String, String) {
    let mut client = Client::connect(server.data_addr());
    let length = body.len();
    let head = client.ask(&format!(
        "POST /chat HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    let rest = String::from_utf8(client.rest()).unwrap();
    if !head.contains("chunked") {
        return (head, rest);
    }
    let (mut content, mut rest) = (String::new(), &rest[..]);
    loop {
        let (size, more) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        content += &more[..size];
        rest = more[size..].strip_prefix("\r\n").unwrap();
        if size == 0 {
            assert_eq!(rest, "", "nothing behind the last chunk");
            return (head, content);
        }
    }
}

#[test]
fn an_answer_is_the_same_whole_and_in_a_stream() {
    let server = server("sse");
    let (head, whole) = chat(&server, r#"{"prompt":"Well?","tokens":600}"#);
    assert!(
        head.contains("\r\ncontent-type: application/json\r\n"),
        "{head}"
    );
    let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
    let (head, stream) = chat(&server, r#"{"stream":true,"tokens":600,"gap_ms":0}"#);
    assert!(
        head.contains("\r\ncontent-type: text/event-stream\r\n"),
        "{head}"
    );
    let mut expected = String::new();
    for token in whole["text"].as_str().unwrap().chars() {
        let data = token.to_string().replace('\n', "\ndata: ");
        expected += &format!("event: token\ndata: {data}\n\n");
    }
    assert_eq!(whole["tokens"], 600);
    assert_eq!(
        stream,
        format!("{expected}event: done\ndata: {{\"tokens\":600}}\n\n")
    );
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let server = server("sse");
    for body in ["", "[]", r#"{"stream":"true"}"#, r#"{"tokens":0}"#] {
        let (head, reason) = chat(&server, body);
        assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
        assert!(!reason.is_empty());
    }
    let (head, _) = chat(
        &server,
        &format!("{{\"prompt\":\"{}\"}}", "x".repeat(70_000)),
    );
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
}
