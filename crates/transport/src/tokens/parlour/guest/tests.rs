use std::sync::Arc;

use pushbench_model::tokens::{Gaps, Pace};

use super::*;
use crate::bare::http::Date;
use crate::tokens::http::Framing;
use crate::transport::ServeOptions;

const HEAD_NS: u64 = 1_000;
const MOST: usize = 64 * 1024;
const MANNER: Manner = Manner::Http(Framing {
    content_type: "text/plain",
    frame: |body, out| out.extend_from_slice(body),
    plain: false,
});

/// What a guest has to do with, and a request for an answer of one token after a second.
fn stage() -> (Shelf, Common, String, Vec<u8>) {
    let options = Arc::new(ServeOptions::default());
    let date = Date::new();
    let ask = Ask {
        stream: true,
        tokens: 1,
        pace: Pace {
            answer: 1,
            asked: 1,
            seed: 1,
            first_ms: 1e3,
            gaps: Gaps::RecordedMs(vec![0.0]),
        },
        session: None,
        prompt: "Well?".into(),
    };
    let mut body = Vec::new();
    ask.write(&mut body);
    let length = body.len();
    let head = format!("POST /chat HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
    (Shelf::default(), Common { options, date }, head, body)
}

#[test]
fn a_head_a_body_and_the_next_request_are_waited_for_as_long_as_each_may_take() {
    let (shelf, mut common, head, body) = stage();
    let mut guest = Guest::new(MANNER, &head.as_bytes()[..20], 5);
    guest.hear(&shelf, &mut common, 6);
    assert_eq!(guest.deadline(HEAD_NS), Some(6 + HEAD_NS));
    // More of it puts nothing off.
    guest.take(&head.as_bytes()[20..30]);
    guest.hear(&shelf, &mut common, 900);
    assert_eq!(guest.deadline(HEAD_NS), Some(6 + HEAD_NS));
    guest.take(&head.as_bytes()[30..]);
    guest.hear(&shelf, &mut common, 950);
    assert_eq!(guest.deadline(HEAD_NS), Some(6 + IDLE_NS), "the body");
    guest.take(&body);
    guest.hear(&shelf, &mut common, 2_000);
    assert_eq!(guest.deadline(HEAD_NS), None, "the answer");
    // Half of the next request comes before its end.
    guest.take(&head.as_bytes()[..20]);
    guest.hear(&shelf, &mut common, 3_000);
    let due = guest.due().unwrap();
    assert_eq!(due, 2_000 + 1_000_000_000);
    guest.speak(&shelf, &mut common, due, MOST);
    assert!(guest.owed.ends_with(LAST_CHUNK));
    guest.hear(&shelf, &mut common, due + 1);
    assert_eq!(guest.deadline(HEAD_NS), Some(due + 1 + HEAD_NS));
    // And nothing behind the next.
    guest.take(&head.as_bytes()[20..]);
    guest.take(&body);
    guest.hear(&shelf, &mut common, due + 2);
    let next = guest.due().unwrap();
    guest.speak(&shelf, &mut common, next, MOST);
    assert_eq!(guest.deadline(HEAD_NS), Some(next + IDLE_NS));
}

#[test]
fn a_websocket_is_waited_for_and_one_that_is_closed_is_not() {
    let (shelf, mut common, ..) = stage();
    let request = "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut guest = Guest::new(Manner::WebSocket, request.as_bytes(), 1);
    guest.hear(&shelf, &mut common, 2);
    assert_eq!(guest.deadline(HEAD_NS), None);
    // A close frame, cut once.
    guest.take(&[0x88, 0x80, 0]);
    guest.hear(&shelf, &mut common, 3);
    assert_eq!(guest.deadline(HEAD_NS), None);
    guest.take(&[0, 0, 0]);
    guest.hear(&shelf, &mut common, 70);
    assert!(guest.is_done());
    assert_eq!(guest.deadline(HEAD_NS), Some(70 + IDLE_NS));
}

#[test]
fn who_reads_nothing_holds_too_much() {
    let (shelf, mut common, ..) = stage();
    let mut guest = Guest::new(Manner::WebSocket, b"", 1);
    guest.reader = Some(Reader::default());
    let ping = [&[0x89, 0x80 | 125, 0, 0, 0, 0][..], &[b'x'; 125]].concat();
    let pings = MAX_ASK / 127;
    for _ in 0..pings {
        guest.take(&ping);
        guest.hear(&shelf, &mut common, 2);
    }
    assert!(!guest.holds_too_much());
    guest.take(&ping);
    guest.hear(&shelf, &mut common, 2);
    assert!(guest.holds_too_much());
}
