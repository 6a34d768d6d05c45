//! Requests that are like the one before, or nearly: each is answered as if it were the first.

use super::server;
use super::websocket::{HEAD, TEXT, UPGRADE, frame, request};
use crate::common::Client;

/// The key of RFC 6455 §1.3, and another with what follows from it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const OTHER_KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEA==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const OTHER_ACCEPT: &str = "C/0nmHhBztSRGR1CwL6Tf4ZjwpY=";

#[test]
fn upgrades_that_differ_in_the_key_or_in_more_are_each_answered_on_their_own() {
    let server = server("websocket");
    server.hub().publish(b"one", false);
    let usual = request("/ws", &UPGRADE.concat());
    let other = usual.replace(KEY, OTHER_KEY);
    let from_start = request("/ws?after=0", &UPGRADE.concat());
    let other_head = HEAD.replace(ACCEPT, OTHER_ACCEPT);
    let mut clients = Vec::new();
    for (asked, answer, first) in [
        (&usual, HEAD, "two"),
        (&other, other_head.as_str(), "two"),
        (&from_start, HEAD, "one"),
        (&usual, HEAD, "two"),
        (&other, other_head.as_str(), "two"),
        (&other, other_head.as_str(), "two"),
    ] {
        let mut client = Client::connect(server.data_addr());
        assert_eq!(client.ask(asked), answer);
        clients.push((client, first));
    }
    // Keys that are none, where a key stood before.
    for key in [
        "too short",
        "a b c d e f g h i j k l ",
        "dGhlIHNhbXBsZSBub25jZQ===",
    ] {
        let mut client = Client::connect(server.data_addr());
        let answer = client.ask(&usual.replace(KEY, key));
        assert!(answer.starts_with("HTTP/1.1 400 "), "{key}: {answer}");
    }
    // Another header where the key ends: not the same head, of the same length.
    let injected = usual.replace(KEY, "dGhlIHNhbXBsZQ==\r\nX: 123");
    let answer = Client::connect(server.data_addr()).ask(&injected);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    server.hub().publish(b"two", false);
    for (client, first) in &mut clients {
        client.expect(frame(TEXT, first.as_bytes()));
    }
}

#[test]
fn streams_that_are_asked_for_alike_or_not_each_have_their_own_place() {
    for (transport, path) in [("sse", "/sse"), ("ndjson", "/ndjson")] {
        let server = server(transport);
        server.hub().publish(b"one", false);
        let ask = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
        let (now, start) = (ask(path), ask(&format!("{path}?after=0")));
        let mut clients = Vec::new();
        for (asked, sees_one) in [
            (&now, false),
            (&now, false),
            (&start, true),
            (&start, true),
            (&now, false),
        ] {
            let mut client = Client::connect(server.data_addr());
            let head = client.ask(asked);
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
            assert!(head.ends_with("\r\n\r\n"), "{head}");
            clients.push((client, head, sees_one));
        }
        assert!(clients.iter().all(|(_, head, _)| *head == clients[0].1));
        // The same place, but nothing of the kind.
        for wrong in [ask("/none"), now.replace("GET", "PUT")] {
            let answer = Client::connect(server.data_addr()).ask(&wrong);
            assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
        server.hub().publish(b"two", false);
        for (client, _, sees_one) in &mut clients {
            let mut seen = String::new();
            while !seen.contains("two") {
                seen += &String::from_utf8(client.some()).unwrap();
            }
            assert_eq!(seen.contains("one"), *sees_one, "{transport}: {seen}");
        }
    }
}
