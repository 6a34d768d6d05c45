use proptest::collection::vec;
use proptest::prelude::*;
use pushbench_transport::http1::body::{BodyDecoder, BodyError};
use pushbench_transport::http1::head::HeadReader;
use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::sse::decode::Decoder;
use pushbench_transport::websocket::frame::{FrameDecoder, Item};

use super::*;

mod left;

/// What comes of a stream that is read in these pieces, after checking that every byte is in exactly one piece.
fn inspect<'a>(
    kind: Kind,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Entry>, Vec<String>) {
    let mut inspector = Inspector::new(kind);
    let (mut entries, mut stream) = (Vec::new(), Vec::new());
    for piece in pieces {
        stream.extend_from_slice(piece);
        entries.extend(inspector.feed(piece));
    }
    entries.extend(inspector.finish());
    let mut at = 0;
    for Entry { piece, .. } in &entries {
        assert!(
            !piece.bytes.is_empty() && !piece.meaning.is_empty(),
            "{piece:?}"
        );
        assert_eq!(piece.at, at, "{piece:?}");
        let end = at as usize + piece.bytes.len();
        assert_eq!(
            stream.get(at as usize..end),
            Some(&piece.bytes[..]),
            "{piece:?}"
        );
        at = end as u64;
    }
    assert_eq!(at, stream.len() as u64, "bytes at the end");
    (entries, inspector.conclusion())
}

fn found(entries: &[Entry]) -> Vec<Found> {
    entries
        .iter()
        .flat_map(|entry| entry.found.clone())
        .collect()
}

/// The pieces, as places, bytes and meanings.
fn shown(entries: &[Entry]) -> Vec<String> {
    let show = |entry: &Entry| {
        let piece = &entry.piece;
        format!(
            "{} {} | {}",
            piece.at,
            crate::escape::text(&piece.bytes),
            piece.meaning
        )
    };
    entries.iter().map(show).collect()
}

#[test]
fn an_event_stream() {
    let (entries, said) = inspect(
        Kind::Sse,
        [&b": hi\nid:7\ndata:  x\r\n\r\nretry: 9\n\ndata: y\nfoo"[..]],
    );
    assert_eq!(
        shown(&entries),
        [
            "0 : hi | comment",
            "4 \\n | ends the line",
            "5 id | name of the field",
            "7 : | ends the name",
            "8 7 | last event id, once the event ends",
            "9 \\n | ends the line",
            "10 data | name of the field",
            "14 : | ends the name",
            "15   | one space: dropped",
            "16  x | data",
            "18 \\r | ends the line",
            "19 \\n | belongs to the CR before it",
            "20 \\r | empty line: the event is dispatched",
            "21 \\n | belongs to the CR before it",
            "22 retry | name of the field",
            "27 : | ends the name",
            "28   | one space: dropped",
            "29 9 | reconnection time, milliseconds",
            "30 \\n | ends the line",
            "31 \\n | empty line: no data, so no event",
            "32 data | name of the field",
            "36 : | ends the name",
            "37   | one space: dropped",
            "38 y | data",
            "39 \\n | ends the line",
            "40 foo | a line without its end: discarded",
        ]
    );
    let event = Found::Event {
        event: "message".into(),
        data: " x".into(),
        id: "7".into(),
    };
    assert_eq!(entries[12].found, [event]);
    assert_eq!(
        said,
        [
            "The stream ends inside an event, which is discarded.",
            "Last-Event-ID when connecting again: 7",
            "Reconnection time: 9 ms",
        ]
    );
}

#[test]
fn an_event_that_chunks_cut() {
    let stream =
        b"HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream\r\nTransfer-Encoding: chunked\r\n\r\n\
                   4\r\ndata\r\n5\r\n: x\n\n\r\n0\r\n\r\n";
    let (entries, _) = inspect(Kind::Http, [&stream[..]]);
    let all = shown(&entries);
    assert_eq!(all[0], "0 HTTP/1.1 | version of HTTP");
    assert_eq!(all[2], "9 200 | status: success");
    let body: Vec<_> = all
        .iter()
        .skip_while(|line| !line.contains("chunk size"))
        .collect();
    assert_eq!(
        body,
        [
            "80 4\\r\\n | chunk size: 4 bytes of body",
            "83 data | name of the field",
            "87 \\r\\n | ends the chunk",
            "89 5\\r\\n | chunk size: 5 bytes of body",
            "92 : | ends the name",
            "93   | one space: dropped",
            "94 x | data",
            "95 \\n | ends the line",
            "96 \\n | empty line: the event is dispatched",
            "97 \\r\\n | ends the chunk",
            "99 0\\r\\n | chunk size 0: the last chunk",
            "102 \\r\\n | ends the body",
        ]
    );
    let event = Found::Event {
        event: "message".into(),
        data: "x".into(),
        id: String::new(),
    };
    assert_eq!(found(&entries), [event, Found::AnswerEnds]);
}

#[test]
fn frames_of_either_side() {
    let (entries, _) = inspect(Kind::WebSocket, [&b"\x81\x05Hello\x88\x05\x03\xE8bye"[..]]);
    assert_eq!(
        shown(&entries),
        [
            "0 \\x81 | FIN: the message ends with this frame; text",
            "1 \\x05 | not masked; 5 bytes of payload",
            "2 Hello | payload (text)",
            "7 \\x88 | FIN: the message ends with this frame; close",
            "8 \\x05 | not masked; 5 bytes of payload",
            "9 \\x03\\xE8 | close code 1000: normal closure",
            "11 bye | reason: bye",
        ]
    );
    let hello = Found::Message {
        body: b"Hello".to_vec(),
        binary: false,
    };
    assert_eq!(
        found(&entries),
        [hello.clone(), Found::Close(Some((1000, "bye".into())))]
    );
    // The masked example of RFC 6455, section 5.7.
    let (entries, _) = inspect(
        Kind::WebSocket,
        [&b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"[..]],
    );
    assert_eq!(found(&entries), [hello]);
    assert_eq!(entries[3].piece.meaning, "payload (text), unmasked: Hello");
    let (entries, _) = inspect(Kind::WebSocket, [&b"\x81\x80abcd\x81\x00x"[..]]);
    assert!(matches!(found(&entries).last(), Some(Found::Fault(_))));
}

#[test]
fn long_polls() {
    let stream =
        b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}\n{}";
    let (entries, _) = inspect(Kind::Poll, [&stream[..]]);
    let message = || Found::Message {
        body: b"{}".to_vec(),
        binary: false,
    };
    assert_eq!(
        found(&entries),
        [Found::AnswerEnds, message(), message(), Found::AnswerEnds]
    );
}

#[test]
fn the_floor() {
    let stream = b"\x07\0\0\0\0\0\0\0\x02\0\0\0{}\0\0\0\0\x01\0\0\0\xB1\xFF\xFF\xFF\xFFxy";
    let (entries, _) = inspect(Kind::Tcp, [&stream[..]]);
    let message = |body: &[u8], binary| Found::Message {
        body: body.to_vec(),
        binary,
    };
    let found = found(&entries);
    assert_eq!(
        found[..3],
        [
            message(b"{}", false),
            message(b"", false),
            message(b"\xB1", true)
        ]
    );
    assert!(matches!(&found[3..], [Found::Fault(why)] if why.contains("4294967295")));
    let shown = shown(&entries);
    assert!(
        shown[0].ends_with("the newest message has the number 7"),
        "{shown:?}"
    );
    assert!(
        shown[1].ends_with("length: 2 bytes of message"),
        "{shown:?}"
    );
    assert!(
        shown
            .last()
            .is_some_and(|last| last.ends_with("xy | not read")),
        "{shown:?}"
    );
    let (entries, _) = inspect(Kind::Tcp, [&stream[..13]]);
    assert_eq!(
        entries.last().map(|last| last.piece.class),
        Some(Class::Fault)
    );
}

#[test]
fn lines_of_json_are_messages_whatever_was_asked_for() {
    let stream =
        b"HTTP/1.1 200 OK\r\nContent-Type: Application/X-NDJSON; charset=utf-8\r\n\r\n{}\n\n[]\n";
    let (entries, _) = inspect(Kind::Http, [&stream[..]]);
    assert_eq!(messages(&found(&entries)), [b"{}", b"[]"]);
}

const STREAM: &[&[u8]] = &[
    b"data: a\n\n",
    b"data:b\r\n\r\n",
    b"id: 1\n",
    b"id: \0\n",
    b"event: c\r",
    b"\r",
    b"\n",
    b"\r\n",
    b"retry: 5\n",
    b": x\n",
    b"data\n",
    b"\xEF\xBB\xBF",
    b"\xEF\xBB",
    b"\xFF",
    b"x",
    b" ",
    b":",
];
const FRAMES: &[&[u8]] = &[
    b"\x81\x01a",
    b"\x01\x01\xC3",
    b"\x80\x01\xA9",
    b"\x00\x00",
    b"\x89\x01p",
    b"\x8A\x00",
    b"\x88\x02\x03\xE8",
    b"\x88\x00",
    b"\x82\x7E\x00\x7E",
    b"\x81\x81abcdx",
    b"\x81\x01\xFF",
    b"\xC1",
    b"\x82\x03\x00\x01\x02",
];
const ANSWERS: &[&[u8]] = &[
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\n",
    b"HTTP/1.1 200\r\nX : y\r\n\r\n",
    b"HTTP/1.1 103 \n\n",
    b"HTTP/1.1 101 x\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nA:\tb \r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"data: a\n\n",
    b"9\r\ndata: a\n\n\r\n",
    b"4\r\ndata\r\n",
    b"5;x=y\r\n: b\n\n\r\n",
    b"0\r\n\r\n",
    b"0\r\nA: b\r\n\r\n",
    b"{}\n",
    b"\x81\x01a",
    b"\r\n",
    b"x",
];

fn soup(tokens: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    vec(proptest::sample::select(tokens), 0..24).prop_map(|parts| parts.concat())
}

/// `stream` in reads of these sizes, and the rest.
fn cut<'a>(stream: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = stream;
    for size in sizes {
        let (piece, after) = rest.split_at((*size).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// The events are those of the decoder that reads the whole, and they follow from the pieces alone.
    #[test]
    fn event_streams(stream in soup(STREAM), sizes in vec(0..12_usize, 0..12)) {
        let (entries, _) = inspect(Kind::Sse, cut(&stream, &sizes));
        let mut expected = Vec::new();
        Decoder::new(MAX_MESSAGE).feed(&stream, &mut |event| expected.push(Found::Event {
            event: event.event.to_owned(),
            data: String::from_utf8_lossy(event.data).into_owned(),
            id: event.last_event_id.to_owned(),
        })).unwrap();
        prop_assert_eq!(&found(&entries), &expected);
        prop_assert_eq!(data_of_pieces(&entries), data_of(&expected));
        prop_assert_eq!(entries, inspect(Kind::Sse, [&stream[..]]).0);
    }

    #[test]
    fn frames(stream in soup(FRAMES), sizes in vec(0..12_usize, 0..12)) {
        let (entries, _) = inspect(Kind::WebSocket, cut(&stream, &sizes));
        let got = messages(&found(&entries));
        let mut expected = Vec::new();
        let fed = FrameDecoder::new(MAX_MESSAGE).feed(&stream, &mut |item| match item {
            Item::Text(body) | Item::Binary(body) => expected.push(body.to_vec()),
            _ => {}
        });
        // Frames of a client are no frames of a server.
        if stream.get(1).is_none_or(|second| second & 0x80 == 0) {
            prop_assert_eq!(got, expected);
            let fault = found(&entries).iter().any(|found| matches!(found, Found::Fault(_)));
            prop_assert!(fault || fed.is_ok() || entries.iter().any(|e| e.piece.class == Class::Fault));
        }
    }

    #[test]
    fn answers(first in 0..2_usize, rest in soup(ANSWERS), sizes in vec(0..40_usize, 0..12)) {
        let stream = [ANSWERS[first], &rest].concat();
        let (entries, _) = inspect(Kind::Http, cut(&stream, &sizes));
        // The first answer, read with the subscribers' own decoders.
        let mut reader = HeadReader::default();
        let (head, taken) = reader.feed(&stream).unwrap().unwrap();
        let mut body = BodyDecoder::new(head.framing());
        let (mut events, mut decoder) = (Vec::new(), Decoder::new(MAX_MESSAGE));
        let _ = body.feed::<BodyError>(&stream[taken..], &mut |data| {
            decoder.feed(data, &mut |event| events.push(String::from_utf8_lossy(event.data).into_owned())).unwrap();
            Ok(())
        });
        let got = found(&entries).into_iter().take_while(|found| *found != Found::AnswerEnds).collect::<Vec<_>>();
        let got: Vec<_> = data_of(&got);
        prop_assert_eq!(got, events);
    }

    #[test]
    fn anything(stream: Vec<u8>, tail in soup(ANSWERS), sizes in vec(0..12_usize, 0..12)) {
        for stream in [stream.clone(), [&b"HTTP/1.1 200 OK\r\n"[..], &tail, &stream].concat()] {
            for kind in [Kind::Sse, Kind::WebSocket, Kind::Poll, Kind::Tcp, Kind::Http] {
                let (whole, said) = inspect(kind, [&stream[..]]);
                let (entries, said_of_cut) = inspect(kind, cut(&stream, &sizes));
                prop_assert_eq!(found(&entries), found(&whole));
                prop_assert_eq!(said_of_cut, said);
            }
        }
    }
}

fn messages(found: &[Found]) -> Vec<Vec<u8>> {
    let body = |found: &Found| match found {
        Found::Message { body, .. } => Some(body.clone()),
        _ => None,
    };
    found.iter().filter_map(body).collect()
}

fn data_of(found: &[Found]) -> Vec<String> {
    let data = |found: &Found| match found {
        Found::Event { data, .. } => Some(data.clone()),
        _ => None,
    };
    found.iter().filter_map(data).collect()
}

/// The data of the events, put together from what the pieces are said to mean.
fn data_of_pieces(entries: &[Entry]) -> Vec<String> {
    let (mut events, mut lines, mut is_data) = (Vec::new(), Vec::<Vec<u8>>::new(), false);
    for Entry { piece, .. } in entries {
        match (piece.class, &*piece.meaning) {
            (Class::Name, _) => {
                is_data = piece.bytes == b"data";
                if is_data {
                    lines.push(Vec::new());
                }
            }
            (Class::Value, _) if is_data => lines.last_mut().unwrap().extend(&piece.bytes),
            (Class::Sign, "empty line: the event is dispatched") => {
                let data = lines.join(&b'\n');
                events.push(String::from_utf8_lossy(&data).into_owned());
                lines.clear();
            }
            _ => {}
        }
    }
    events
}
