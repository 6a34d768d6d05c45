//! Any cut of what a server sends, and what is asked for in answer.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::pieces::{Received, answer, body, cuts, receive, soup};

fn whole(stream: &[u8]) -> Received {
    receive::<PollProtocol<false>>("/poll", [stream])
}

fn asked(sent: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(sent).unwrap();
    text.split("\r\n\r\n")
        .filter_map(|request| Some(request.split(' ').nth(1)?.to_owned()))
        .collect()
}

#[test]
fn every_poll_continues_the_last() {
    let stream = [
        answer(&[]),
        answer(&[body(1)]),
        answer(&[body(2), body(3)]),
        b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
        answer(&[]),
    ]
    .concat();
    let got = whole(&stream);
    assert_eq!(got.messages, [body(1), body(2), body(3)]);
    assert_eq!(
        asked(&got.sent),
        [
            "/poll?after=0&timeout=0",
            "/poll?after=0&timeout=20000",
            "/poll?after=1&timeout=20000",
            "/poll?after=3&timeout=20000",
            "/poll?after=3&timeout=20000",
        ]
    );
    assert!(got.progress.subscribed);
    assert_eq!((got.progress.batches, got.progress.answers), (2, 4));
    assert_eq!(got.progress.expected_down, stream.len() as u64);
    assert_eq!(got.progress.expected_up, got.sent.len() as u64);
    assert_eq!(
        got.ended,
        "the server ended the connection while a poll was held"
    );
}

/// Messages of several publishers come in another order than that of their numbers: the cursor is how many there were.
#[test]
fn messages_are_counted_where_their_numbers_are_no_order() {
    let common = &mut Common::default();
    for counted in [true, false] {
        let request = Rc::new(Request {
            host: "x".into(),
            path: "/poll".into(),
            after: Some(0),
            counted,
            poll_timeout_ms: 20_000,
            poll_period_ms: 100,
            once: false,
            tells: false,
            compression: None,
            streams: 0,
        });
        let mut sent = Vec::new();
        let mut protocol = PollProtocol::<false>::open(&request, [0; 16], &mut sent);
        for batch in [[body(2), body(3)], [body(1), body(5)]] {
            protocol
                .receive(common, &answer(&batch), &mut sent, &mut |_| {})
                .unwrap();
        }
        let expected = if counted { [0, 2, 4] } else { [0, 3, 5] };
        let cursors: Vec<_> = asked(&sent)
            .iter()
            .map(|target| {
                target
                    .split(['=', '&'])
                    .nth(1)
                    .unwrap()
                    .parse::<i32>()
                    .unwrap()
            })
            .collect();
        assert_eq!(cursors, expected, "{counted}");
    }
}

/// Otherwise a message that the server keeps damaged would be fetched for ever.
#[test]
fn a_damaged_message_is_not_asked_for_again() {
    let mut damaged = body(2);
    let last = damaged.len() - 3;
    damaged[last] ^= 1;
    let stream = [
        answer(&[body(1), damaged.clone()]),
        answer(&[damaged]),
        answer(&[body(4)]),
    ];
    let got = whole(&stream.concat());
    let cursors = asked(&got.sent);
    let cursors: Vec<_> = cursors.iter().map(|url| &url[..13]).collect();
    assert_eq!(
        cursors,
        [
            "/poll?after=0",
            "/poll?after=2",
            "/poll?after=3",
            "/poll?after=4"
        ]
    );
}

#[test]
fn what_is_wrong_is_said() {
    for (stream, expected) in [
        (
            "HTTP/1.1 500 Oops\r\n\r\n",
            "the server answered 500, expected 200 or 204",
        ),
        (
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
            "the server ended the connection after a poll, instead of keeping it alive",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}\n",
            "http body: the connection ended 6 bytes before the end of the body",
        ),
    ] {
        assert_eq!(whole(stream.as_bytes()).ended, expected);
    }
}

const TOKENS: &[&[u8]] = &[
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"3\r\n{}\n\r\n0\r\n\r\n",
    b"{}\n",
    b"x",
];

proptest! {
    #[test]
    fn any_cut_is_received_the_same(batches in vec(0..4_u64, 0..5), cuts in cuts()) {
        let mut seq = 0;
        let mut stream = Vec::new();
        for size in batches {
            let lines: Vec<_> = (0..size).map(|at| body(seq + 1 + at)).collect();
            seq += size;
            stream.extend(answer(&lines));
        }
        prop_assert_eq!(whole(&stream), receive::<PollProtocol<false>>("/poll", cuts.of(&stream)));
    }

    #[test]
    fn any_cut_of_garbage_is_received_the_same(stream in soup(TOKENS), cuts in cuts()) {
        prop_assert_eq!(whole(&stream), receive::<PollProtocol<false>>("/poll", cuts.of(&stream)));
    }
}
