//! `POST /chat` on the wire.

use pushbench_model::message;
use pushbench_model::tokens::{Ask, Gaps, Pace, TEXT};
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::ServeOptions;

use super::server;
use crate::common::{Client, server_with};

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

fn paced(stream: bool) -> String {
    let ask = Ask {
        stream,
        tokens: 30,
        pace: Pace {
            answer: 1,
            asked: 1000,
            seed: 7,
            first_ms: 1.0,
            gaps: Gaps::RecordedMs(vec![0.1, 0.5]),
        },
        session: None,
        prompt: "Well?".into(),
    };
    let mut body = Vec::new();
    ask.write(&mut body);
    String::from_utf8(body).unwrap()
}

/// On both stacks, token by token and at once: the text that the seed gives, cut where it says.
#[test]
fn an_answer_with_a_pace_is_the_text_in_messages() {
    let tokens: Vec<_> = Ask::parse(paced(true).as_bytes())
        .unwrap()
        .pace
        .tokens()
        .take(30)
        .collect();
    let text: String = tokens.iter().map(|token| token.text).collect();
    assert!(TEXT.starts_with(&text));
    let end = format!("{{\"tokens\":30,\"context\":{}}}", 5 + text.len());
    for stack in [Stack::Reference, Stack::Bare] {
        for (transport, before, after) in [("sse", "data: ", "\n\n"), ("ndjson", "", "\n")] {
            let options = ServeOptions {
                stack,
                ..ServeOptions::default()
            };
            let server = server_with(transport, options);
            let (_, content) = chat(&server, &paced(true));
            let mut bodies: Vec<&str> = content
                .strip_suffix(after)
                .unwrap()
                .split(after)
                .map(|frame| frame.strip_prefix(before).unwrap())
                .collect();
            assert_eq!(bodies.pop(), Some(&end[..]), "{stack} {transport}");
            assert_eq!(bodies.len(), 30);
            for (body, (seq, token)) in bodies.iter().zip((1..).zip(&tokens)) {
                let stamp = message::parse(body.as_bytes()).unwrap();
                assert_eq!((stamp.seq, stamp.intended), (seq, 1000 + token.offset));
                assert!(body.ends_with(&format!("\"data\":\"{}\"}}", token.text)));
            }
            let (head, whole) = chat(&server, &paced(false));
            assert!(head.contains("content-type: application/json"), "{head}");
            let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
            assert_eq!(whole["text"], text, "{stack} {transport}");
        }
    }
}

#[test]
fn what_cannot_be_answered_at_its_pace_is_refused() {
    for stack in [Stack::Reference, Stack::Bare] {
        for transport in ["sse", "ndjson"] {
            let options = ServeOptions {
                stack,
                ..ServeOptions::default()
            };
            let server = server_with(transport, options);
            let wrong = paced(true).replace("\"tokens\":30", "\"tokens\":0");
            let (head, reason) = chat(&server, &wrong);
            assert!(
                head.starts_with("HTTP/1.1 400 "),
                "{stack} {transport}: {head}"
            );
            assert!(reason.contains("tokens must be"), "{reason}");
            if (stack, transport) != (Stack::Reference, "sse") {
                let (head, _) = chat(&server, "{\"tokens\":3}");
                assert!(
                    head.starts_with("HTTP/1.1 404 "),
                    "{stack} {transport}: {head}"
                );
            }
        }
    }
}
