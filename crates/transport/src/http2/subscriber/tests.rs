use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::dialogue::Dialogue;
use crate::http2::dialogue;
use crate::pieces::cuts;
use crate::sse::encode::{Fields, event};

/// A server's side of a connection, as it is written down.
#[derive(Default)]
struct Said {
    bytes: Vec<u8>,
}

impl Said {
    fn greeting() -> Self {
        let mut said = Self::default();
        frame::settings(&[(setting::MAX_CONCURRENT_STREAMS, 100)], &mut said.bytes);
        frame::frame(kind::SETTINGS, flag::ACK, 0, &[], &mut said.bytes);
        said
    }

    fn frame(mut self, kind: u8, flags: u8, stream: u32, content: &[u8]) -> Self {
        frame::frame(kind, flags, stream, content, &mut self.bytes);
        self
    }

    fn head(self, stream: u32) -> Self {
        self.frame(kind::HEADERS, flag::END_HEADERS, stream, &ok())
    }

    /// Heads for the first `streams`.
    fn heads(self, streams: usize) -> Self {
        (0..streams).fold(self, |said, index| said.head(number(index)))
    }

    fn event(self, stream: u32, text: &str) -> Self {
        let mut block = Vec::new();
        event(&Fields::default(), text, &mut block);
        self.frame(kind::DATA, 0, stream, &block)
    }
}

fn ok() -> Vec<u8> {
    let mut block = vec![field::OK];
    head::literal(
        name::CONTENT_TYPE,
        b"text/event-stream; charset=utf-8",
        &mut block,
    );
    block
}

fn heard(streams: u32, said: &Said) -> Dialogue {
    dialogue(streams, &[&said.bytes])
}

fn texts(dialogue: &Dialogue) -> Vec<String> {
    let text = |body: &Vec<u8>| String::from_utf8_lossy(body).into_owned();
    dialogue.messages.iter().map(text).collect()
}

/// The frames that `bytes` are.
fn frames(mut bytes: &[u8]) -> Vec<(u8, u8, u32, Vec<u8>)> {
    let mut all = Vec::new();
    while let Some((frame, rest)) = Frame::split(bytes).unwrap() {
        all.push((
            frame.kind,
            frame.flags,
            frame.stream,
            frame.content.to_vec(),
        ));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "{bytes:?}");
    all
}

#[test]
fn each_asks_on_a_stream_of_its_own() {
    let dialogue = heard(3, &Said::default());
    let sent = dialogue.sent.strip_prefix(PREFACE.as_slice()).unwrap();
    let frames = frames(sent);
    let kinds: Vec<_> = frames
        .iter()
        .map(|(kind, flags, stream, _)| (*kind, *flags, *stream))
        .collect();
    let ask = flag::END_STREAM | flag::END_HEADERS;
    assert_eq!(
        kinds,
        [
            (kind::SETTINGS, 0, 0),
            (kind::WINDOW_UPDATE, 0, 0),
            (kind::HEADERS, ask, 1),
            (kind::HEADERS, ask, 3),
            (kind::HEADERS, ask, 5),
        ]
    );
    let mut fields = Vec::new();
    let mut heads = Heads::default();
    for (_, _, _, block) in &frames[2..] {
        heads
            .read(block, &mut |name, value| {
                let field = [name, b"=", value].concat();
                fields.push(String::from_utf8(field).unwrap());
            })
            .unwrap();
    }
    let one = [
        ":method=GET",
        ":scheme=http",
        ":authority=localhost:1",
        ":path=/sse",
        "accept=text/event-stream",
        "last-event-id=0",
    ];
    assert_eq!(fields, [one, one, one].concat());
    assert_eq!(dialogue.progress.expected_up, dialogue.sent.len() as u64);
}

#[test]
fn messages_are_told_by_stream_and_cost_what_the_formula_says() {
    let said = Said::greeting()
        .heads(3)
        .event(5, "c")
        .event(1, "a")
        .event(3, "b")
        .event(1, "aa");
    let dialogue = heard(3, &said);
    assert_eq!(texts(&dialogue), ["2 c", "0 a", "1 b", "0 aa"]);
    assert!(dialogue.progress.subscribed);
    assert_eq!(dialogue.progress.expected_down, said.bytes.len() as u64);
    assert_eq!(dialogue.progress.expected_up, dialogue.sent.len() as u64);
    assert_eq!(
        dialogue.ended,
        "the server ended the connection of the event stream"
    );
}

/// An event in several frames, and several events in one.
#[test]
fn frames_need_not_be_events() {
    let said = Said::greeting()
        .heads(2)
        .frame(kind::DATA, 0, 1, b"data: a")
        .frame(kind::DATA, 0, 3, b"data: x\n\ndata: y\n\n")
        .frame(kind::DATA, flag::PADDED, 1, b"\x03b\n\n\0\0\0");
    let dialogue = heard(2, &said);
    assert_eq!(texts(&dialogue), ["1 x", "1 y", "0 ab"]);
    // No formula knows of padding.
    let known = said.bytes.len() as u64 - 4;
    assert_eq!(dialogue.progress.expected_down, known);
}

#[test]
fn all_must_be_answered() {
    let dialogue = heard(2, &Said::greeting().head(3).event(3, "x"));
    assert!(!dialogue.progress.subscribed);
    assert_eq!(texts(&dialogue), ["1 x"]);
    assert_eq!(
        dialogue.ended,
        "the server ended the connection before it had answered"
    );
}

#[test]
fn heads_may_be_in_pieces_and_follow_others() {
    let block = ok();
    let (a, b) = block.split_at(3);
    let said = Said::greeting()
        .frame(kind::HEADERS, flag::END_HEADERS, 1, b"\x08\x03103")
        .frame(kind::HEADERS, 0, 1, a)
        .frame(kind::CONTINUATION, 0, 1, &b[..4])
        .frame(kind::CONTINUATION, flag::END_HEADERS, 1, &b[4..])
        .event(1, "x");
    let dialogue = heard(1, &said);
    assert_eq!(texts(&dialogue), ["0 x"], "{}", dialogue.ended);
    assert_eq!(dialogue.progress.expected_down, said.bytes.len() as u64);
}

#[test]
fn questions_are_answered() {
    let said = Said::greeting()
        .heads(1)
        .frame(kind::PING, 0, 0, b"12345678")
        .frame(kind::PING, flag::ACK, 0, b"12345678")
        .frame(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 0, 9])
        .frame(99, 0, 7, b"what nobody knows");
    let dialogue = heard(1, &said);
    let plain = heard(1, &Said::default());
    let answers = frames(&dialogue.sent[plain.sent.len()..]);
    assert_eq!(
        answers,
        [
            (kind::SETTINGS, flag::ACK, 0, vec![]),
            (kind::PING, flag::ACK, 0, b"12345678".to_vec()),
        ]
    );
    assert_eq!(dialogue.progress.expected_up, dialogue.sent.len() as u64);
}

/// A server that takes no more streams goes on with those that there are.
#[test]
fn who_takes_leave_may_still_speak() {
    let goaway = [[0x80, 0, 0, 3], [0; 4]].concat();
    let said = Said::greeting()
        .heads(2)
        .frame(kind::GOAWAY, 0, 0, &goaway)
        .event(3, "x");
    assert_eq!(texts(&heard(2, &said)), ["1 x"]);
}

/// Half of a window is read before it is opened again, that of a stream and that of the connection.
#[test]
fn windows_are_opened_again() {
    let mut said = Said::greeting().heads(2);
    let content = vec![b'\n'; LARGEST];
    let frames_of = |bytes: u32| bytes as usize / LARGEST;
    for index in 0..frames_of(OPENED_AFTER) {
        let stream = number(usize::from(index % 4 == 0));
        said = said.frame(kind::DATA, 0, stream, &content);
    }
    for _ in 0..frames_of(OPENED_AFTER) {
        said = said.frame(kind::DATA, 0, 1, &content);
    }
    let dialogue = heard(2, &said);
    let plain = heard(2, &Said::greeting());
    let opened = frames(&dialogue.sent[plain.sent.len()..]);
    let all = OPENED_AFTER.to_be_bytes().to_vec();
    let update = |stream| (kind::WINDOW_UPDATE, 0, stream, all.clone());
    assert_eq!(opened, [update(0), update(1), update(0)]);
    assert_eq!(dialogue.progress.expected_up, dialogue.sent.len() as u64);
}

#[test]
fn what_is_wrong_is_said() {
    let refused = |status: u8| {
        let block = [field::GET - 2 + status];
        Said::greeting().frame(
            kind::HEADERS,
            flag::END_HEADERS | flag::END_STREAM,
            1,
            &block,
        )
    };
    let other = Said {
        bytes: b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
    };
    let mut few = Said::default();
    frame::settings(&[(setting::MAX_CONCURRENT_STREAMS, 1)], &mut few.bytes);
    let ready = || Said::greeting().heads(2);
    let goaway = [[0, 0, 0, 3], [0, 0, 0, 11]].concat();
    let one_less = [[0, 0, 0, 1], [0; 4]].concat();
    for (said, words) in [
        (
            other,
            "the server speaks HTTP/1.1, and not HTTP/2 by prior knowledge (ours does with serve --http2)",
        ),
        (
            few,
            "http/2: the server takes 1 streams on a connection, and there are to be 2",
        ),
        (
            refused(13),
            "the server answered 404, expected 200 (is the path right? docs/PROTOCOL.md names the endpoints)",
        ),
        (
            ready().frame(kind::RST_STREAM, 0, 3, &[0, 0, 0, 7]),
            "http/2: the server ended stream 3 with the error 7",
        ),
        (
            ready().frame(kind::GOAWAY, 0, 0, &goaway),
            "http/2: the server ended the connection with the error 11",
        ),
        (
            ready().frame(kind::GOAWAY, 0, 0, &one_less),
            "http/2: the server ended the connection with the error 0",
        ),
        (
            ready().frame(kind::DATA, flag::END_STREAM, 1, b""),
            "the server ended the connection after a complete response",
        ),
        (
            ready().event(5, "x"),
            "http/2: something on a stream that was not begun",
        ),
        (
            ready().event(2, "x"),
            "http/2: something on a stream that was not begun",
        ),
        (
            Said::greeting().event(1, "x"),
            "http/2: content without a head",
        ),
        (
            Said::greeting().frame(kind::CONTINUATION, 4, 1, &[]),
            "http/2: more of a head that was not begun",
        ),
        (
            Said::greeting()
                .frame(kind::HEADERS, 0, 1, &[])
                .frame(kind::PING, 0, 0, b"12345678"),
            "http/2: something in the middle of a head",
        ),
        (
            ready().frame(kind::PUSH_PROMISE, 4, 1, &[0; 5]),
            "http/2: a push, which was forbidden",
        ),
        (
            ready().frame(kind::PING, 0, 0, b"1"),
            "http/2: a frame of the type 6 whose content is not as it says",
        ),
        (
            ready().frame(kind::DATA, 0, 1, &vec![0; LARGEST + 1]),
            "http/2: a frame of 16385 bytes, where 16384 are allowed",
        ),
    ] {
        assert_eq!(heard(2, &said).ended, words);
    }
    let long = (0..5).fold(
        Said::greeting().frame(kind::HEADERS, 0, 1, &[]),
        |said, _| said.frame(kind::CONTINUATION, 0, 1, &vec![0; LARGEST]),
    );
    assert_eq!(
        heard(1, &long).ended,
        "http/2: a head of more than 65536 bytes"
    );
    let block = [&[field::OK][..], b"\x0f\x10\x09text/html"].concat();
    let html = Said::greeting().frame(kind::HEADERS, flag::END_HEADERS, 1, &block);
    assert_eq!(
        heard(1, &html).ended,
        "the server answered with Content-Type \"text/html\", expected \"text/event-stream\""
    );
}

/// Something that a server may say, or may not.
fn saying() -> impl Strategy<Value = (u8, u8, u32, Vec<u8>)> {
    let kinds = prop_oneof![Just(kind::DATA), 0..11_u8];
    let streams = prop_oneof![0..8_u32, Just(1)];
    let contents = prop_oneof![
        Just(b"data: x\n\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(ok()),
        vec(any::<u8>(), 0..20),
    ];
    (kinds, any::<u8>(), streams, contents)
}

proptest! {
    #[test]
    fn any_cut_is_received_the_same(
        events in vec((0..4_usize, "[a-z\n]{0,30}"), 0..12), cuts in cuts(),
    ) {
        let mut said = Said::greeting().heads(4);
        for (index, text) in &events {
            said = said.event(number(*index), text);
        }
        let whole = heard(4, &said);
        let expected: Vec<_> = events.iter().map(|(index, text)| format!("{index} {text}")).collect();
        prop_assert_eq!(texts(&whole), expected);
        prop_assert_eq!(dialogue(4, &cuts.of(&said.bytes)), whole);
    }

    #[test]
    fn any_cut_of_garbage_is_received_the_same(
        frames in vec(saying(), 0..12),
        tail in prop_oneof![vec(any::<u8>(), 0..30), Just(b"HTTP/1.1 400 Bad Request\r\n".to_vec())],
        cuts in cuts(),
    ) {
        let mut said = Said::greeting().heads(3);
        for (kind, flags, stream, content) in frames {
            said = said.frame(kind, flags, stream, &content);
        }
        said.bytes.extend(tail);
        let whole = heard(3, &said);
        prop_assert_eq!(dialogue(3, &cuts.of(&said.bytes)), whole);
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in vec(any::<u8>(), 0..200)) {
        let said = Said { bytes };
        heard(2, &said);
    }
}
