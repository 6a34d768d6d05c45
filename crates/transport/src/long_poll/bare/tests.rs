use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::bare::http::Date;
use crate::transport::ServeOptions;

fn common() -> Common {
    Common {
        options: Arc::new(ServeOptions::default()),
        date: Date::new(),
    }
}

/// What is made of a request, and what is said to it at once.
fn opened(protocol: &mut LongPoll, common: &mut Common, bytes: &[u8]) -> (String, Vec<u8>) {
    let mut reply = Vec::new();
    let asked = protocol.open(&mut (), bytes, common, 1, &mut reply);
    (format!("{asked:?}"), reply)
}

const STARTS: &[&str] = &[
    "GET /poll?after=",
    "GET /poll?after=0",
    "GET /poll?x=1&after=",
    "GET /poll?after=1&after=",
    "POST /poll?after=",
    "GET /else?after=",
];

const ENDS: &[&str] = &[
    " HTTP/1.1\r\nHost: a\r\n\r\n",
    "&timeout=5 HTTP/1.1\r\nHost: a\r\n\r\n",
    "&timeout=0 HTTP/1.1\r\nHost: a\r\n\r\n",
    "&timeout=5&after=9 HTTP/1.1\r\nHost: a\r\n\r\n",
    "&timeout=x HTTP/1.1\r\nHost: a\r\n\r\n",
    "x HTTP/1.1\r\nHost: a\r\n\r\n",
    " HTTP/1.0\r\n\r\n",
    " HTTP/1.1\r\n\r\n",
    " HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 7\r\n\r\n",
    " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    " HTTP/1.1\r\nHost: a\r\n\r\nGET /poll?after=4 HTTP/1.1\r\n",
    " HTTP/1.1\r\nHost: a\r\n",
];

/// Requests that are usual, unusual and wrong.
fn requests() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![
        (0..12_u64).prop_map(|number| number.to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
        select(&["", "-1", "99999999999999999999", "007"][..]).prop_map(str::to_owned),
    ];
    // Most are polls that follow one another.
    let start = prop_oneof![3 => Just(STARTS[0]), 1 => select(STARTS)];
    let end = prop_oneof![3 => select(&ENDS[..3]), 2 => select(ENDS)];
    (start, number, end)
        .prop_map(|(start, number, end)| format!("{start}{number}{end}").into_bytes())
}

proptest! {
    /// Whatever was asked before, a request is understood as by one that has never been asked anything.
    #[test]
    fn what_is_remembered_changes_no_answer(
        requests in vec((requests(), any::<Index>(), any::<u8>(), 0..6_u8), 1..20),
    ) {
        let (mut protocol, mut common) = (LongPoll::default(), common());
        for (mut bytes, place, byte, change) in requests {
            match change {
                0 => { let place = place.index(bytes.len()); bytes[place] = byte; }
                1 => bytes.truncate(place.index(bytes.len())),
                _ => {}
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let fresh = opened(&mut LongPoll::default(), &mut common, &bytes);
            if let Some(poll) = protocol.known(&bytes) {
                let waits = poll.next != Poll::DOES_NOT_WAIT;
                prop_assert_eq!(waits, poll.hold_ns > 0, "{}", text);
                if waits {
                    prop_assert_eq!(poll.next, protocol.after + 1, "{}", text);
                }
                let known = Asked::Batch {
                    used: bytes.len(),
                    skip: 0,
                    after: Some(protocol.after),
                    hold_ms: poll.hold_ns / 1_000_000,
                    form: Form::default(),
                };
                prop_assert_eq!(&format!("{known:?}"), &fresh.0, "{}", text);
            }
            prop_assert_eq!(opened(&mut protocol, &mut common, &bytes), fresh, "{}", text);
        }
    }
}

#[test]
fn a_poll_that_differs_in_its_number_is_known() {
    let (mut protocol, mut common) = (LongPoll::default(), common());
    let poll = |after: u64| format!("GET /poll?after={after}{}", ENDS[1]);
    assert_eq!(protocol.known(poll(8).as_bytes()), None);
    assert_eq!(protocol.known(b""), None);
    opened(&mut protocol, &mut common, poll(8).as_bytes());
    for after in [8, 9, 10, 9, 1_000_000, u64::MAX / 10] {
        let known = Poll {
            next: after + 1,
            hold_ns: 5_000_000,
        };
        assert_eq!(protocol.known(poll(after).as_bytes()), Some(known));
    }
    let other = format!("GET /poll?after=8{}", ENDS[0]);
    assert_eq!(protocol.known(other.as_bytes()), None);
}

/// What is known at first is what it says, and nothing that is no poll.
#[test]
fn before_the_first_poll_none_is_mistaken() {
    let (mut fresh, mut common) = (LongPoll::default(), common());
    for nothing in [&b""[..], b"\0", &FIRST[..FIRST.len() - 1]] {
        assert_eq!(fresh.known(nothing), None);
    }
    assert!(fresh.known(FIRST).is_some());
    let known = opened(&mut fresh, &mut common, FIRST);
    let mut other = LongPoll::default();
    let poll = format!("GET /poll?after=8{}", ENDS[1]);
    opened(&mut other, &mut common, poll.as_bytes());
    assert_eq!(other.known(FIRST), None);
    assert_eq!(opened(&mut other, &mut common, FIRST), known);
}

#[test]
fn a_usual_head_is_that_of_any_answer() {
    let (mut protocol, mut common) = (LongPoll::default(), common());
    for len in [0, 9, 10, 65_536, usize::MAX] {
        let (mut usual, mut general) = (Vec::new(), Vec::new());
        let form = Form::default();
        protocol.head(Some(len), form, &mut common, 1, &mut usual);
        let framing = Some(Framing::Length(len as u64));
        answer(
            StatusCode::OK,
            &FIELDS,
            framing,
            form,
            &mut common.date,
            1,
            &mut general,
        );
        assert_eq!(usual, general);
        assert!(usual.ends_with(b" GMT\r\n\r\n"), "{usual:?}");
    }
}
