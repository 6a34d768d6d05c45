//! The floor on the wire.

use pushbench_model::theory;

use super::server;
use crate::common::{Client, SIZES, binary, text};

const LIVE: u64 = u64::MAX;

fn subscribe(server: &pushbench_server::Server, after: u64) -> Client {
    let mut client = Client::connect(server.data_addr());
    client.send(after.to_le_bytes());
    let newest = u64::from_le_bytes(client.read(8).try_into().unwrap());
    if after == LIVE {
        assert_eq!(newest, server.hub().published());
    } else {
        // A worker that holds what is asked for does not look for more first.
        assert!(newest <= server.hub().published());
    }
    client
}

fn frame(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes()[..], body].concat()
}

#[test]
fn every_size_is_framed_to_the_byte() {
    let server = server("tcp");
    let mut live = subscribe(&server, LIVE);
    let mut all = Vec::new();
    for size in SIZES {
        for (body, is_binary) in [(text(size), false), (binary(size), true)] {
            server.hub().publish(&body, is_binary);
            let framed = frame(&body);
            assert_eq!(framed.len() as u64, theory::tcp_frame(size as u64));
            live.expect(&framed);
            all.extend(framed);
        }
    }
    subscribe(&server, 0).expect(&all);
}

#[test]
fn a_subscriber_resumes_where_it_says() {
    let server = server("tcp");
    for seq in 1..=3 {
        server.hub().publish(format!("m{seq}").as_bytes(), false);
    }
    let cases = [(0, 1), (2, 3), (3, 4), (99, 4), (LIVE - 1, 4), (LIVE, 4)];
    let mut clients: Vec<_> = cases
        .iter()
        .map(|(after, _)| subscribe(&server, *after))
        .collect();
    server.hub().publish(b"m4", false);
    for ((_, first), client) in cases.iter().zip(&mut clients) {
        for seq in *first..=4 {
            client.expect(frame(format!("m{seq}").as_bytes()));
        }
    }
}

#[test]
fn a_greeting_may_come_byte_by_byte() {
    let server = server("tcp");
    server.hub().publish(b"one", false);
    let mut client = Client::connect(server.data_addr());
    for byte in 0_u64.to_le_bytes() {
        client.send([byte]);
    }
    client.read(8);
    client.expect(frame(b"one"));
}

#[test]
fn a_client_that_goes_is_let_go() {
    let server = server("tcp");
    // Before its greeting, in the middle of it, after it, and after a message.
    let mut client = Client::connect(server.data_addr());
    client.finish();
    client.expect_end();
    let mut client = Client::connect(server.data_addr());
    client.send([0; 5]);
    client.finish();
    client.expect_end();
    let mut client = subscribe(&server, LIVE);
    client.finish();
    client.expect_end();
    let mut client = subscribe(&server, LIVE);
    server.hub().publish(b"x", false);
    client.expect(frame(b"x"));
    client.finish();
    client.expect_end();
}

#[test]
fn a_client_that_talks_on_is_disconnected() {
    let server = server("tcp");
    let mut client = subscribe(&server, LIVE);
    client.send("what is this?");
    client.expect_end();
    let mut client = Client::connect(server.data_addr());
    client.send([0xff; 9]);
    client.expect(0_u64.to_le_bytes());
    client.expect_end();
}
