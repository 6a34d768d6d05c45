//! What clients should not send.

use super::*;

/// What a connection with a stream, the first, says to `bytes`, and whether that ends it.
fn told(bytes: &[u8]) -> (Vec<Said>, bool) {
    let mut bench = Bench::begun();
    bench.answers(&ask(1, "/sse"));
    (bench.answers(bytes), bench.machine.is_over())
}

#[test]
fn what_has_no_place_ends_the_connection() {
    use error::{
        COMPRESSION_ERROR, ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, PROTOCOL_ERROR,
        STREAM_CLOSED,
    };
    let setting = |name: u16, value: u32| written(|out| frame::settings(&[(name, value)], out));
    let both = flag::END_HEADERS | flag::END_STREAM;
    let mut flood = frame_of(kind::HEADERS, 0, 3, b"");
    for _ in 0..8000 {
        flood.extend(frame_of(kind::CONTINUATION, 0, 3, b""));
    }
    let done = [ask(3, "/x"), frame_of(kind::DATA, 0, 3, b"x")].concat();
    let done_too = [ask(3, "/x"), ask(3, "/x")].concat();
    let wrong: &[(&str, Vec<u8>, u32)] = &[
        (
            "data on the connection",
            frame_of(kind::DATA, 0, 0, b"x"),
            PROTOCOL_ERROR,
        ),
        (
            "data on an idle stream",
            frame_of(kind::DATA, 0, 3, b"x"),
            PROTOCOL_ERROR,
        ),
        (
            "padding without room",
            frame_of(kind::DATA, flag::PADDED, 1, b"\x03ab"),
            PROTOCOL_ERROR,
        ),
        (
            "padding without a length",
            frame_of(kind::DATA, flag::PADDED, 1, b""),
            FRAME_SIZE_ERROR,
        ),
        ("data behind the end", done, STREAM_CLOSED),
        ("a head behind the end", done_too, STREAM_CLOSED),
        (
            "a head on the connection",
            frame_of(kind::HEADERS, both, 0, b""),
            PROTOCOL_ERROR,
        ),
        (
            "a head on an even stream",
            frame_of(kind::HEADERS, both, 4, b""),
            PROTOCOL_ERROR,
        ),
        (
            "a head that cannot be read",
            frame_of(kind::HEADERS, both, 3, b"\xff\xff"),
            COMPRESSION_ERROR,
        ),
        (
            "a head that refers to nothing",
            frame_of(kind::HEADERS, both, 3, &[0x80 | 70]),
            COMPRESSION_ERROR,
        ),
        (
            "a table above what is kept",
            frame_of(kind::HEADERS, both, 3, b"\x3f\xff\x7f\x82"),
            COMPRESSION_ERROR,
        ),
        (
            "a short priority",
            frame_of(kind::HEADERS, both | flag::PRIORITY, 3, b"1234"),
            FRAME_SIZE_ERROR,
        ),
        (
            "more of no head",
            frame_of(kind::CONTINUATION, 4, 1, b""),
            PROTOCOL_ERROR,
        ),
        ("a head that never ends", flood, ENHANCE_YOUR_CALM),
        (
            "a frame within a head",
            [
                frame_of(kind::HEADERS, 0, 3, b""),
                frame_of(kind::PING, 0, 0, &[0; 8]),
            ]
            .concat(),
            PROTOCOL_ERROR,
        ),
        (
            "more of another head",
            [
                frame_of(kind::HEADERS, 0, 3, b""),
                frame_of(kind::CONTINUATION, 4, 5, b""),
            ]
            .concat(),
            PROTOCOL_ERROR,
        ),
        (
            "a stream before the last",
            [ask(9, "/x"), ask(7, "/x")].concat(),
            PROTOCOL_ERROR,
        ),
        (
            "a priority of nothing",
            frame_of(kind::PRIORITY, 0, 0, &[0; 5]),
            PROTOCOL_ERROR,
        ),
        (
            "a reset of nothing",
            frame_of(kind::RST_STREAM, 0, 0, &[0; 4]),
            PROTOCOL_ERROR,
        ),
        (
            "a reset of an idle stream",
            frame_of(kind::RST_STREAM, 0, 3, &[0; 4]),
            PROTOCOL_ERROR,
        ),
        (
            "a long reset",
            frame_of(kind::RST_STREAM, 0, 1, &[0; 5]),
            FRAME_SIZE_ERROR,
        ),
        (
            "settings of a stream",
            frame_of(kind::SETTINGS, 0, 1, b""),
            PROTOCOL_ERROR,
        ),
        (
            "settings with a rest",
            frame_of(kind::SETTINGS, 0, 0, &[0; 7]),
            FRAME_SIZE_ERROR,
        ),
        (
            "an answer to settings with settings",
            frame_of(kind::SETTINGS, flag::ACK, 0, &[0; 6]),
            FRAME_SIZE_ERROR,
        ),
        (
            "a push that is neither",
            setting(setting::ENABLE_PUSH, 2),
            PROTOCOL_ERROR,
        ),
        (
            "a window too wide",
            setting(setting::INITIAL_WINDOW_SIZE, 1 << 31),
            FLOW_CONTROL_ERROR,
        ),
        (
            "frames too short",
            setting(setting::MAX_FRAME_SIZE, 16_383),
            PROTOCOL_ERROR,
        ),
        (
            "frames too long",
            setting(setting::MAX_FRAME_SIZE, 1 << 24),
            PROTOCOL_ERROR,
        ),
        (
            "a push",
            frame_of(kind::PUSH_PROMISE, 4, 1, &[0; 4]),
            PROTOCOL_ERROR,
        ),
        (
            "a ping of a stream",
            frame_of(kind::PING, 0, 1, &[0; 8]),
            PROTOCOL_ERROR,
        ),
        (
            "a short ping",
            frame_of(kind::PING, 0, 0, &[0; 7]),
            FRAME_SIZE_ERROR,
        ),
        (
            "a leave of a stream",
            frame_of(kind::GOAWAY, 0, 1, &[0; 8]),
            PROTOCOL_ERROR,
        ),
        (
            "a short leave",
            frame_of(kind::GOAWAY, 0, 0, &[0; 7]),
            FRAME_SIZE_ERROR,
        ),
        (
            "a window of an idle stream",
            frame_of(kind::WINDOW_UPDATE, 0, 3, &[0, 0, 0, 1]),
            PROTOCOL_ERROR,
        ),
        (
            "no more on the connection",
            frame_of(kind::WINDOW_UPDATE, 0, 0, &[0; 4]),
            PROTOCOL_ERROR,
        ),
        (
            "a short window",
            frame_of(kind::WINDOW_UPDATE, 0, 1, &[0; 3]),
            FRAME_SIZE_ERROR,
        ),
        (
            "a frame too long",
            frame_of(kind::DATA, 0, 1, &[0; LARGEST + 1]),
            FRAME_SIZE_ERROR,
        ),
    ];
    for (what, bytes, code) in wrong {
        let (said, over) = told(bytes);
        let last = said.last().unwrap();
        assert_eq!((last.0, over), (kind::GOAWAY, true), "{what}");
        assert_eq!(last.3[4..], code.to_be_bytes(), "{what}");
    }
}

#[test]
fn what_is_wrong_with_a_stream_ends_it_alone() {
    let mut bench = Bench::begun();
    let open = |stream, more: &[_], flags| {
        frame_of(kind::HEADERS, flags, stream, &block("GET", "/sse", more))
    };
    let closed = |stream| vec![reset(stream, error::STREAM_CLOSED)];
    let wrong = |stream| vec![reset(stream, error::PROTOCOL_ERROR)];
    let data = |stream, flags, content: &[u8]| frame_of(kind::DATA, flags, stream, content);
    // More than it had ended with, twice: the second was under way.
    bench.answers(&ask(1, "/sse"));
    assert_eq!(bench.answers(&data(1, 0, b"x")), closed(1));
    assert_eq!(bench.answers(&data(1, 0, b"x")), []);
    bench.answers(&ask(3, "/sse"));
    assert_eq!(bench.answers(&ask(3, "/sse")), closed(3));
    // Bodies that are not as long as they say.
    let length = [("content-length", "3")];
    bench.answers(&open(5, &length, flag::END_HEADERS));
    assert_eq!(bench.answers(&data(5, 0, b"1234")), wrong(5));
    bench.answers(&open(7, &length, flag::END_HEADERS));
    assert_eq!(bench.answers(&data(7, flag::END_STREAM, b"12")), wrong(7));
    let both = flag::END_HEADERS | flag::END_STREAM;
    assert_eq!(bench.answers(&open(9, &length, both)), wrong(9));
    // Fields behind the body.
    bench.answers(&open(11, &length, flag::END_HEADERS));
    bench.answers(&data(11, 0, b"123"));
    let trailers = |flags| frame_of(kind::HEADERS, flags, 11, b"\0\x01x\x01y");
    assert_eq!(bench.answers(&trailers(both)), []);
    assert_eq!(bench.machine.subscriptions(), 1);
    bench.answers(&open(13, &[], flag::END_HEADERS));
    let again = frame_of(kind::HEADERS, flag::END_HEADERS, 13, b"\0\x01x\x01y");
    assert_eq!(bench.answers(&again), wrong(13));
    assert_eq!(
        bench.answers(&open(15, &[("connection", "close")], both)),
        wrong(15)
    );
    assert_eq!(
        bench.answers(&frame_of(kind::WINDOW_UPDATE, 0, 11, &[0; 4])),
        wrong(11)
    );
    bench.answers(&ask(17, "/sse"));
    let size = vec![reset(17, error::FRAME_SIZE_ERROR)];
    assert_eq!(
        bench.answers(&frame_of(kind::PRIORITY, 0, 17, &[0; 4])),
        size
    );
    // What a client has ended is over, and it may not go on.
    bench.answers(&open(19, &[], flag::END_HEADERS));
    assert_eq!(
        bench.answers(&frame_of(kind::RST_STREAM, 0, 19, &[0; 4])),
        []
    );
    assert_eq!(bench.answers(&data(19, 0, b"x")), closed(19));
    assert_eq!(
        (bench.machine.subscriptions(), bench.machine.is_over()),
        (0, false)
    );
}

/// Later heads may refer to those of streams that were refused, reset or behind a body.
#[test]
fn every_head_is_read_whatever_becomes_of_it() {
    let both = flag::END_HEADERS | flag::END_STREAM;
    // Kept, and the newest is number 62: the path of a request, and something else.
    let path = [&[0x44, 4][..], b"/sse"].concat();
    let kept = |name: &[u8]| [&[0x40, 1][..], name, &[1, b'y']].concat();
    let request = |path: &[u8], rest: &[u8]| [&[field::GET, field::HTTP][..], path, rest].concat();
    let mut bench = Bench::begun();
    let first = frame_of(kind::HEADERS, flag::END_HEADERS, 1, &request(&path, &[]));
    assert_eq!(bench.answers(&first)[0].0, kind::HEADERS);
    let trailers = frame_of(kind::HEADERS, both, 1, &kept(b"a"));
    assert_eq!(bench.answers(&trailers), []);
    let twice = frame_of(kind::HEADERS, both, 1, &kept(b"b"));
    assert_eq!(bench.answers(&twice), [reset(1, error::STREAM_CLOSED)]);
    assert_eq!(
        bench.answers(&frame_of(kind::HEADERS, both, 1, &kept(b"c"))),
        []
    );
    let malformed = request(&[0x80 | 65], &[0, 1, b'X', 0]);
    let malformed = frame_of(
        kind::HEADERS,
        both,
        3,
        &[&malformed[..], &kept(b"d")].concat(),
    );
    assert_eq!(bench.answers(&malformed), [reset(3, error::PROTOCOL_ERROR)]);
    let last = frame_of(kind::HEADERS, both, 5, &request(&[0x80 | 66], &[]));
    assert_eq!(head(&bench.answers(&last)[0]).0, 200);
}

#[test]
fn what_is_not_known_is_read_over_and_pings_are_answered() {
    let ping = frame_of(kind::PING, 0, 0, b"12345678");
    let answer = (kind::PING, flag::ACK, 0, b"12345678".to_vec());
    for bytes in [
        frame_of(77, 255, 1, b"what"),
        frame_of(kind::PRIORITY, 0, 9, &[0; 5]),
        frame_of(kind::GOAWAY, 0, 0, &[0; 8]),
        frame_of(kind::PING, flag::ACK, 0, &[0; 8]),
        frame_of(kind::SETTINGS, flag::ACK, 0, b""),
    ] {
        assert_eq!(
            told(&[bytes, ping.clone()].concat()),
            (vec![answer.clone()], false)
        );
    }
}

/// Bodies are taken for as long as their sender keeps to its windows, and these are opened again.
#[test]
fn windows_of_bodies_are_given_back() {
    let mut bench = Bench::begun();
    let head = block("GET", "/sse", &[]);
    bench.answers(&frame_of(kind::HEADERS, flag::END_HEADERS, 1, &head));
    let (mut stream, mut connection) = (i64::from(FIRST_WINDOW), i64::from(FIRST_WINDOW));
    for _ in 0..100 {
        let said = bench.answers(&frame_of(kind::DATA, flag::PADDED, 1, &[7; 10_000]));
        (stream, connection) = (stream - 10_000, connection - 10_000);
        for (kind, _, number, more) in said {
            assert_eq!(kind, kind::WINDOW_UPDATE);
            let more = u32::from_be_bytes(more.try_into().unwrap());
            *(if number == 0 {
                &mut connection
            } else {
                &mut stream
            }) += i64::from(more);
        }
        assert!(stream > 16_384 && connection > 16_384);
    }
    assert_eq!(bench.machine.subscriptions(), 1);
}

#[test]
fn no_more_streams_are_taken_than_was_said() {
    let mut bench = Bench::begun();
    for number in 0..MOST_STREAMS {
        assert_eq!(
            bench.answers(&ask(2 * number + 1, "/sse"))[0].0,
            kind::HEADERS
        );
    }
    let next = 2 * MOST_STREAMS + 1;
    let refused = vec![reset(next, error::REFUSED_STREAM)];
    assert_eq!(bench.answers(&ask(next, "/sse")), refused);
    bench.answers(&frame_of(kind::RST_STREAM, 0, 1, &[0; 4]));
    assert_eq!(bench.answers(&ask(next + 2, "/sse"))[0].0, kind::HEADERS);
}

/// A client that reads nothing is not read from for long.
#[test]
fn what_a_flood_is_answered_with_is_bounded() {
    let head = block("GET", "/x", &[]);
    for flood in [
        frame_of(kind::PING, 0, 0, &[0; 8]),
        frame_of(kind::SETTINGS, 0, 0, b""),
        frame_of(
            kind::HEADERS,
            flag::END_HEADERS | flag::END_STREAM,
            1,
            &head,
        ),
    ] {
        let mut bench = Bench::begun();
        let mut number = 1_u32;
        let mut reads = 0;
        while !bench.machine.is_full() {
            let mut read = Vec::new();
            while read.len() < READ {
                let at = read.len();
                read.extend_from_slice(&flood);
                if flood[3] == kind::HEADERS {
                    read[at + 5..at + 9].copy_from_slice(&number.to_be_bytes());
                    number += 2;
                }
            }
            bench.hear(&read);
            bench.machine.fill(&bench.site, &mut bench.parcel, READ);
            bench.machine.sent(&bench.parcel, 0);
            reads += 1;
        }
        bench.machine.fill(&bench.site, &mut bench.parcel, READ);
        assert!(reads <= 2, "{reads}");
        assert!((bench.parcel.bytes.len() as u64) < OWN / 2);
    }
}

#[test]
fn what_is_no_http2_is_told_so() {
    let mut bench = Bench::new();
    bench.said();
    let said = bench.answers(b"GET /sse HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(said, [goaway(0, error::PROTOCOL_ERROR)]);
    assert_eq!(bench.answers(&preface(&[])), []);
    let mut bench = Bench::new();
    bench.said();
    let said = bench.answers(&[PREFACE, &frame_of(kind::PING, 0, 0, &[0; 8])[..]].concat());
    assert_eq!(said, [goaway(0, error::PROTOCOL_ERROR)]);
}
