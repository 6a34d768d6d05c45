//! Polling by the clock on the wire: the answer of long-polling, and never later than at once.

use pushbench_model::theory;

use super::long_poll::{NOTHING, head, poll};
use super::server;
use crate::common::{Client, SIZES, text};

#[test]
fn every_size_is_framed_to_the_byte() {
    let server = server("short-poll");
    let mut client = Client::connect(server.data_addr());
    let mut all = Vec::new();
    for (after, size) in SIZES.into_iter().enumerate() {
        let body = text(size);
        let query = format!("?after={after}&timeout=0");
        assert_eq!(client.ask(&poll(&query)), NOTHING);
        server.hub().publish(&body, false);
        let line = [&body[..], b"\n"].concat();
        let answer = client.ask(&poll(&query));
        assert_eq!(answer, head(line.len()));
        client.expect(&line);
        let formula = theory::long_poll_response(answer.len() as u64, size as u64, 1);
        assert_eq!(formula, (answer.len() + line.len()) as u64);
        all.extend(line);
    }
    assert_eq!(client.ask(&poll("?after=0&timeout=0")), head(all.len()));
    client.expect(&all);
}

/// However long the client would wait, and many times: the connection lives on.
#[test]
fn nothing_to_say_is_said_at_once() {
    let server = server("short-poll");
    server.hub().publish(b"old", false);
    let mut client = Client::connect(server.data_addr());
    for _ in 0..50 {
        for query in [
            "?after=1&timeout=0",
            "?after=1&timeout=600000",
            "?after=1",
            "",
        ] {
            assert_eq!(client.ask(&poll(query)), NOTHING, "{query}");
        }
    }
    server.hub().publish(b"new", false);
    assert_eq!(client.ask(&poll("?after=1")), head(4));
    client.expect("new\n");
}

/// Polls that come behind each other are answered in their order, each from its own cursor.
#[test]
fn pipelined_polls_are_answered_one_by_one() {
    let server = server("short-poll");
    for seq in 1..=3 {
        server.hub().publish(format!("m{seq}").as_bytes(), false);
    }
    let mut client = Client::connect(server.data_addr());
    let polls = [3, 2, 3, 1].map(|after| poll(&format!("?after={after}&timeout=0")));
    client.send(polls.concat());
    for lines in ["", "m3\n", "", "m2\nm3\n"] {
        if lines.is_empty() {
            assert_eq!(client.head(), NOTHING);
        } else {
            assert_eq!(client.head(), head(lines.len()));
            client.expect(lines);
        }
    }
}

#[test]
fn garbage_is_refused_and_the_connection_lives_on() {
    let server = server("short-poll");
    let mut client = Client::connect(server.data_addr());
    for query in ["?after=x", "?after=-1", "?after=0&timeout=x"] {
        let answer = client.ask(&poll(query));
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{answer}"
        );
    }
    assert_eq!(client.ask(&poll("?after=0&timeout=0")), NOTHING);
}
