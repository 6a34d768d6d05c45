//! What comes in one piece with a poll that is answered, where hyper ends the connection or has another clock.

use pushbench_transport::transport::ServeOptions;

use super::long_poll::{NOTHING, head, poll, polled, read_so_far};
use super::{server, server_with};
use crate::common::Client;

/// The body of a refused request may look like a poll.
#[test]
fn a_body_is_no_poll() {
    let server = server("long-poll");
    polled(&server, "one");
    let mut client = Client::connect(server.data_addr());
    let body = poll("?after=1");
    let refused = format!(
        "GET /other HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client.send(poll("?after=0") + &refused);
    assert_eq!(client.head(), head(4));
    client.expect("one\n");
    let refusal = client.head();
    assert!(refusal.starts_with("HTTP/1.1 404"), "{refusal}");
    client.send(body);
    read_so_far(&server);
    server.hub().publish(b"two", false);
    // What it did not ask for it does not get.
    assert_eq!(client.ask(&poll("?after=2&timeout=0")), NOTHING);
}

/// The clock of a head runs, too, if its first byte came with the request before it.
#[test]
fn a_head_that_begins_behind_a_request_has_its_time() {
    let server = server_with(
        "long-poll",
        ServeOptions {
            header_timeout_ms: 50,
            ..ServeOptions::default()
        },
    );
    server.hub().publish(b"one", false);
    let mut client = Client::connect(server.data_addr());
    client.send(poll("?after=0") + "G");
    assert_eq!(client.head(), head(4));
    client.expect("one\n");
    client.expect_end();
}
