use proptest::prelude::*;

use super::reference::{self, Outcome};
use super::{DecodeError, Decoder};
use crate::limits::MAX_MESSAGE;
use crate::pieces::{cuts, soup};
use crate::sse::encode::{self, Fields};

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut decoder = Decoder::new(MAX_MESSAGE);
    let mut events = Vec::new();
    for piece in pieces {
        decoder
            .feed(piece, &mut |e| {
                events.push((e.event.into(), text(e.data), e.last_event_id.into()));
            })
            .unwrap();
    }
    assert_eq!(decoder.data.capacity() > 0, !decoder.data.is_empty());
    assert_eq!(decoder.line.capacity() > 0, !decoder.line.is_empty());
    Outcome {
        events,
        last_event_id: decoder.last_event_id().to_owned(),
        retry_ms: decoder.retry_ms(),
        without_data: decoder.without_data(),
    }
}

fn text(data: &[u8]) -> String {
    String::from_utf8(data.to_vec()).expect("data is UTF-8")
}

/// The data of every event, after checking that single bytes and the reference agree.
#[track_caller]
fn data(stream: impl AsRef<[u8]>) -> Vec<String> {
    let stream = stream.as_ref();
    let whole = decode([stream]);
    assert_eq!(whole, decode(stream.chunks(1)), "one byte at a time");
    assert_eq!(whole, reference::decode(stream), "reference");
    whole.events.into_iter().map(|(_, data, _)| data).collect()
}

/// Event types, checked likewise.
#[track_caller]
fn types(stream: &str) -> Vec<String> {
    data(stream);
    decode([stream.as_bytes()])
        .events
        .into_iter()
        .map(|(event, ..)| event)
        .collect()
}

/// Last event id of each event and of the stream, checked likewise.
#[track_caller]
fn ids(stream: &str) -> (Vec<String>, String) {
    data(stream);
    let outcome = decode([stream.as_bytes()]);
    (
        outcome.events.into_iter().map(|(.., id)| id).collect(),
        outcome.last_event_id,
    )
}

#[test]
fn line_ends_in_every_mix() {
    assert_eq!(
        data("data: a\n\ndata: b\r\n\r\ndata: c\r\r"),
        ["a", "b", "c"]
    );
    assert_eq!(
        data("data: a\n\r\ndata: b\r\n\rdata: c\r\n\n"),
        ["a", "b", "c"]
    );
    assert_eq!(
        data("data: a\rdata: b\ndata: c\r\ndata: d\n\n"),
        ["a\nb\nc\nd"]
    );
}

#[test]
fn a_bare_cr_delivers_at_once_and_swallows_one_lf() {
    let mut decoder = Decoder::new(MAX_MESSAGE);
    let mut count = 0;
    decoder.feed(b"data: x\r\r", &mut |_| count += 1).unwrap();
    decoder.feed(b"\ndata: y\n", &mut |_| count += 10).unwrap();
    decoder.feed(b"\n", &mut |_| count += 100).unwrap();
    assert_eq!(count, 101);
}

#[test]
fn one_byte_order_mark_is_skipped() {
    assert_eq!(data(b"\xEF\xBB\xBFdata: a\n\n"), ["a"]);
    assert!(data(b"\xEF\xBB\xBF\xEF\xBB\xBFdata: a\n\n").is_empty());
    assert!(data(b"\xEF\xBBdata: a\n\n").is_empty());
    assert_eq!(data(b"\xEF\xBB\ndata: \xEF\xBB\xBFa\n\n"), ["\u{FEFF}a"]);
    assert_eq!(data(b"\n\xEF\xBB\xBFdata: a\ndata: b\n\n"), ["b"]);
}

#[test]
fn data_lines() {
    assert_eq!(
        data("data:a\ndata: b\ndata:  c\ndata:\ndata\n\n"),
        ["a\nb\n c\n\n"]
    );
    assert_eq!(data("data\n\n"), [""]);
    assert_eq!(data("data:\n\n"), [""]);
    assert_eq!(data("data\ndata\n\n"), ["\n"]);
    assert_eq!(data("data: a: b\n\n"), ["a: b"]);
    assert_eq!(data("data:\ta\n\n"), ["\ta"]);
}

#[test]
fn comments_and_unknown_fields_are_ignored() {
    assert_eq!(
        data(":\n: data: x\ndata: a\nfoo: b\nData: c\n data: d\ndata : e\n\n"),
        ["a"]
    );
    assert!(data(": ping\n\nfoo\n\n\n\n").is_empty());
}

#[test]
fn an_unterminated_event_is_discarded() {
    assert!(data("data: a").is_empty());
    assert!(data("data: a\n").is_empty());
    assert_eq!(
        ids("id: 1\ndata: a\n\nid: 2\ndata: b\n"),
        (vec!["1".into()], "1".into())
    );
}

#[test]
fn the_event_type_lasts_for_one_block() {
    assert_eq!(types("event: a\ndata: 1\n\ndata: 2\n\n"), ["a", "message"]);
    assert_eq!(types("event: a\n\ndata: 2\n\n"), ["message"]);
    assert_eq!(
        types("event: a\nevent: b\ndata\n\nevent: a\nevent\ndata\n\n"),
        ["b", "message"]
    );
}

#[test]
fn the_id_is_sticky_and_counts_on_dispatch() {
    let (each, last) = ids("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\nid: 7\n\n");
    assert_eq!(
        (each, last),
        (vec!["1".into(), "1".into(), String::new()], "7".into())
    );
    let (each, last) = ids("id: 1\n\nid: 2\0\ndata: a\n\nid: 3\ndata: b\n");
    assert_eq!((each, last), (vec!["1".into()], "1".into()));
}

#[test]
fn retry_takes_digits_only_and_at_once() {
    let retry = |stream: &str| {
        data(stream);
        decode([stream.as_bytes()]).retry_ms
    };
    assert_eq!(retry("retry: 1500\n"), Some(1500));
    assert_eq!(retry("retry: 1500"), None);
    assert_eq!(
        retry("retry: 1\nretry: 2x\nretry: -3\nretry:\nretry\nretry:  4\n"),
        Some(1)
    );
    assert_eq!(retry("retry: 99999999999999999999999\n"), Some(u64::MAX));
}

#[test]
fn broken_utf8_is_replaced_as_a_decoder_would() {
    assert_eq!(data(b"data: a\xFFb\n\n"), ["a\u{FFFD}b"]);
    assert_eq!(
        data(b"data: \xE2\x82\ndata: \xF0\x9F\x98\n\n"),
        ["\u{FFFD}\n\u{FFFD}"]
    );
    assert_eq!(
        data(b"data: \xED\xA0\x80\n\n"),
        ["\u{FFFD}\u{FFFD}\u{FFFD}"]
    );
    assert_eq!(data("data: grüße 😀\n\n"), ["grüße 😀"]);
}

#[test]
fn the_limit_is_on_the_payload() {
    let run = |stream: &[u8]| {
        let whole = Decoder::new(4).feed(stream, &mut |_| {});
        let mut decoder = Decoder::new(4);
        let bytewise = stream
            .iter()
            .try_for_each(|&b| decoder.feed(&[b], &mut |_| {}));
        assert_eq!(whole, bytewise);
        whole
    };
    let error = DecodeError::TooLong { limit: 4 };
    let too_long = Err(error);
    assert_eq!(run(b"data: 1234\n\n"), Ok(()));
    assert_eq!(run(b"data: 12345\n\n"), too_long);
    assert_eq!(run(b"data:12345\n\n"), too_long);
    assert_eq!(run(b"data: 12\ndata: 3\n\n"), Ok(()));
    assert_eq!(run(b"data: 12\ndata: 34\n\n"), too_long);
    assert_eq!(run(b": a comment of no use"), too_long);
    assert_eq!(
        error.to_string(),
        "event stream: a message is longer than the limit of 4 bytes"
    );
}

#[test]
fn an_idle_connection_costs_little() {
    assert!(size_of::<Decoder>() <= 144, "{}", size_of::<Decoder>());
}

const TOKENS: &[&[u8]] = &[
    b"\r",
    b"\n",
    b"\r\n",
    b":",
    b" ",
    b"data",
    b"data:",
    b"data: ",
    b"id",
    b"id: ",
    b"event",
    b"event: ",
    b"retry",
    b"retry: ",
    b"0",
    b"7",
    b"x",
    b"\xEF\xBB\xBF",
    b"\xEF",
    b"\xBB",
    b"\xBF",
    b"\0",
    b"\xFF",
    b"\xC3",
    b"\xA9",
    b"\xE2\x82",
    b"\xF0\x9F\x98\x80",
    b"\xED\xA0\x80",
    b"data: a\n\n",
    b"id: 1\n",
];

/// Blocks that are one plain event, and their likenesses that are not.
const BLOCKS: &[&[u8]] = &[
    b"data: a\n\n",
    b"data: \n\n",
    b"data:a\n\n",
    b"data: a\ndata: b\n\n",
    b"data: a\r\ndata: b\n\n",
    b"data: a\r\n\n",
    b"data: \xC3\xA9\n\n",
    b"data: \xC3\n\n",
    b"data: a\0b\tc\n\n",
    b"data: a\n\ndata: b\n\n",
    b"data: a\n",
    b"\n",
    b"\r",
    b"id: 1\ndata: a\n\n",
    b"id: 01\ndata: a\n\n",
    b"id: 0\ndata: a\n\n",
    b"id: 1x\ndata: a\n\n",
    b"id: \ndata: a\n\n",
    b"id: 18446744073709551616\ndata: a\n\n",
    b"id: 9999999999999999999\ndata: a\n\n",
    b"id: 1\nevent: b\ndata: a\n\n",
    b"id: 1\n",
    b"event: b\n",
    b": comment\n",
    b": comment\n\n",
    b"retry: 7\n",
    b"data: this is longer than a vector register is, and has printable characters alone\n\n",
    b"\xEF\xBB\xBFdata: a\n\n",
];

/// An event whose block is one read takes a path of its own, wherever the reads before it have left the stream.
#[test]
fn a_block_per_read_agrees_with_the_reference() {
    for first in BLOCKS {
        for second in BLOCKS {
            for third in BLOCKS {
                let pieces = [*first, second, third];
                let expected = reference::decode(&pieces.concat());
                assert_eq!(decode(pieces), expected, "{pieces:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn any_cut_agrees_with_the_reference(stream in soup(TOKENS), cuts in cuts()) {
        let expected = reference::decode(&stream);
        prop_assert_eq!(&decode([stream.as_slice()]), &expected);
        prop_assert_eq!(&decode(cuts.of(&stream)), &expected);
    }

    #[test]
    fn any_blocks_agree_with_the_reference(
        blocks in proptest::collection::vec(proptest::sample::select(BLOCKS), 0..12), cuts in cuts(),
    ) {
        let stream = blocks.concat();
        let expected = reference::decode(&stream);
        prop_assert_eq!(&decode(blocks), &expected);
        prop_assert_eq!(&decode(cuts.of(&stream)), &expected);
    }

    #[test]
    fn garbage_agrees_with_the_reference(stream: Vec<u8>, cuts in cuts()) {
        prop_assert_eq!(decode(cuts.of(&stream)), reference::decode(&stream));
    }

    #[test]
    fn what_encode_writes_comes_back(
        messages in proptest::collection::vec(("[^\r]*", proptest::option::of(0..2000_u64)), 0..6),
        cuts in cuts(),
    ) {
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        let mut last = String::new();
        for (message, id) in &messages {
            let fields = Fields { event: Some("tick"), id: *id, retry_ms: None };
            encode::event(&fields, message, &mut stream);
            encode::comment("keep-alive", &mut stream);
            if let Some(id) = id {
                last = id.to_string();
            }
            expected.push(("tick".to_owned(), message.clone(), last.clone()));
        }
        prop_assert_eq!(decode(cuts.of(&stream)).events, expected);
    }

    #[test]
    fn a_limit_gives_the_same_error_for_any_cut(
        stream in soup(TOKENS), limit in 0..24_usize, cuts in cuts(),
    ) {
        let run = |pieces: Vec<&[u8]>| {
            let mut decoder = Decoder::new(limit);
            let mut seen = Vec::new();
            let result = pieces.into_iter().try_for_each(|piece| {
                decoder.feed(piece, &mut |e| seen.push(text(e.data)))
            });
            (seen, result)
        };
        prop_assert_eq!(run(vec![&stream]), run(cuts.of(&stream)));
    }

    #[test]
    fn a_limit_is_the_same_for_a_block_per_read(
        blocks in proptest::collection::vec(proptest::sample::select(BLOCKS), 0..6), limit in 0..90_usize,
    ) {
        let run = |pieces: &[&[u8]]| {
            let mut decoder = Decoder::new(limit);
            let mut seen = Vec::new();
            let result = pieces.iter().try_for_each(|piece| {
                decoder.feed(piece, &mut |e| seen.push(text(e.data)))
            });
            (seen, result)
        };
        prop_assert_eq!(run(&blocks), run(&[&blocks.concat()]));
    }
}
