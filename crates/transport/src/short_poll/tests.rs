//! What a subscriber asks for, and when; any cut of what a server sends.

use std::rc::Rc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::Protocol as Poll;
use crate::pieces::{Received, answer, body, cuts, receive, soup};
use crate::subscriber::{POLL_PERIOD_MS, Protocol as _, Request};

const NOTHING: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
const FIRST: &str = "GET /poll?after=0&timeout=0 HTTP/1.1\r\nHost: localhost:1\r\n\r\n";

fn whole(stream: &[u8]) -> Received {
    receive::<Poll>("/poll", [stream])
}

/// A subscription that is driven by hand.
struct Driven {
    protocol: Poll,
    common: <Poll as crate::subscriber::Protocol>::Common,
    sent: Vec<u8>,
    messages: usize,
}

impl Driven {
    fn new(once: bool) -> Self {
        let request = Rc::new(Request {
            host: "localhost:1".into(),
            path: "/poll".into(),
            after: Some(0),
            counted: false,
            poll_timeout_ms: 20_000,
            poll_period_ms: POLL_PERIOD_MS,
            once,
            tells: once,
            compression: None,
            streams: 0,
        });
        let mut sent = Vec::new();
        Self {
            protocol: Poll::open(&request, [0; 16], &mut sent),
            common: Default::default(),
            sent,
            messages: 0,
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        let (sent, messages) = (&mut self.sent, &mut self.messages);
        let common = &mut self.common;
        let deliver = &mut |_: &[u8]| *messages += 1;
        let received = self.protocol.receive(common, bytes, sent, deliver);
        received.unwrap();
    }

    /// What it sends when it is time, in one word.
    fn tick(&mut self) -> String {
        self.sent.clear();
        self.protocol.tick(&mut self.common, &mut self.sent);
        let text = String::from_utf8(self.sent.clone()).unwrap();
        text.split(' ').nth(1).unwrap_or_default().to_owned()
    }
}

#[test]
fn it_asks_when_it_is_time_and_has_an_answer() {
    let mut driven = Driven::new(false);
    assert_eq!(driven.sent, FIRST.as_bytes());
    assert!(driven.protocol.awaits());
    assert_eq!(driven.tick(), "", "one at a time");
    driven.receive(NOTHING);
    assert!(!driven.protocol.awaits());
    assert!(driven.sent.is_empty(), "an answer is no reason to ask");
    assert_eq!(driven.tick(), "/poll?after=0&timeout=0");
    driven.receive(&answer(&[body(1), body(2)]));
    assert_eq!(driven.tick(), "/poll?after=2&timeout=0");
    assert_eq!(driven.tick(), "");
    let progress = driven.protocol.progress();
    assert_eq!(
        (driven.messages, progress.batches, progress.answers),
        (2, 1, 2)
    );
    assert_eq!(progress.expected_up, 3 * FIRST.len() as u64);
    let down = NOTHING.len() + answer(&[body(1), body(2)]).len();
    assert_eq!(progress.expected_down, down as u64);
}

#[test]
fn one_that_stays_for_a_message_asks_until_it_has_one() {
    let mut driven = Driven::new(true);
    driven.receive(NOTHING);
    assert_eq!(driven.tick(), "/poll?after=0&timeout=0");
    driven.receive(&answer(&[body(1)]));
    assert_eq!(driven.tick(), "");
}

#[test]
fn what_is_wrong_is_said() {
    for (stream, expected) in [
        (
            "HTTP/1.1 500 Oops\r\n\r\n",
            "the server answered 500, expected 200 or 204",
        ),
        (
            "",
            "the server ended the connection instead of answering a poll",
        ),
        (
            "HTTP/1.1 204 No Content\r\n\r\n",
            "the server ended the connection between two polls",
        ),
        (
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
            "the server ended the connection after a poll, instead of keeping it alive",
        ),
    ] {
        assert_eq!(whole(stream.as_bytes()).ended, expected);
    }
}

const TOKENS: &[&[u8]] = &[
    NOTHING,
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"3\r\n{}\n\r\n0\r\n\r\n",
    b"{}\n",
    b"x",
];

proptest! {
    #[test]
    fn any_cut_is_received_the_same(batches in vec(0..4_u64, 0..5), cuts in cuts()) {
        let (mut seq, mut stream) = (0, Vec::new());
        for size in batches {
            let lines: Vec<_> = (0..size).map(|at| body(seq + 1 + at)).collect();
            seq += size;
            stream.extend(if size == 0 { NOTHING.to_vec() } else { answer(&lines) });
        }
        let cut = receive::<Poll>("/poll", cuts.of(&stream));
        prop_assert_eq!(cut.messages.len() as u64, seq);
        prop_assert_eq!(&cut.sent, FIRST.as_bytes());
        prop_assert_eq!(whole(&stream), cut);
    }

    #[test]
    fn any_cut_of_garbage_is_received_the_same(stream in soup(TOKENS), cuts in cuts()) {
        prop_assert_eq!(whole(&stream), receive::<Poll>("/poll", cuts.of(&stream)));
    }
}
