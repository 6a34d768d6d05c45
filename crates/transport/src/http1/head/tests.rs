use proptest::prelude::*;

use super::*;
use crate::pieces::{cuts, soup};

/// A head without the borrow, and how many bytes follow it in the input.
type Outcome = Result<Option<(String, usize)>, HeadError>;

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut reader = HeadReader::default();
    let mut found = None;
    for piece in pieces {
        match &mut found {
            None => {
                if let Some((head, taken)) = reader.feed(piece)? {
                    found = Some((format!("{head:?}"), piece.len() - taken));
                }
            }
            Some((_, rest)) => *rest += piece.len(),
        }
    }
    Ok(found)
}

/// Reads `text` in one piece, after checking that single bytes give the same.
#[track_caller]
fn with_head<R>(text: &str, look: impl FnOnce(ResponseHead<'_>) -> R) -> R {
    assert_eq!(read([text.as_bytes()]), read(text.as_bytes().chunks(1)));
    let mut reader = HeadReader::default();
    let (head, taken) = reader.feed(text.as_bytes()).unwrap().unwrap();
    assert_eq!((head.len, taken), (text.len(), text.len()));
    look(head)
}

#[track_caller]
fn error(bytes: impl AsRef<[u8]>) -> HeadError {
    let bytes = bytes.as_ref();
    let whole = read([bytes]);
    assert_eq!(whole, read(bytes.chunks(1)));
    whole.unwrap_err()
}

/// Framing and `close` of a response with these field lines.
#[track_caller]
fn framing(fields: &str) -> (Framing, bool) {
    with_head(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"), |head| {
        (head.framing(), head.close)
    })
}

#[test]
fn an_event_stream_head() {
    let text = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n";
    with_head(text, |head| {
        assert_eq!(head.status, 200);
        assert_eq!(head.content_type, Some("text/event-stream"));
        assert_eq!(head.content_encoding, Some("gzip"));
        assert_eq!((head.framing(), head.close), (Framing::Chunked, false));
    });
}

#[test]
fn bytes_after_the_head_are_left() {
    let mut reader = HeadReader::default();
    assert!(
        reader
            .feed(b"HTTP/1.1 200 OK\r\nContent-Le")
            .unwrap()
            .is_none()
    );
    let (head, taken) = reader.feed(b"ngth: 5\r\n\r\nhello").unwrap().unwrap();
    assert_eq!((head.content_length, head.len, taken), (Some(5), 38, 11));
    let (head, taken) = reader.feed(b"HTTP/1.1 204 x\r\n\r\nHTTP").unwrap().unwrap();
    assert_eq!(
        (head.status, head.framing(), taken),
        (204, Framing::Length(0), 18)
    );
    assert_eq!(
        reader.cut.capacity(),
        0,
        "what was held of the first head is freed"
    );
}

#[test]
fn names_and_values_in_any_case() {
    assert_eq!(
        framing("TRANSFER-ENCODING: CHUNKED\r\n"),
        (Framing::Chunked, false)
    );
    assert_eq!(
        framing("content-LENGTH:7\r\nCONNECTION: CLOSE\r\n"),
        (Framing::Length(7), true)
    );
}

#[test]
fn connection_is_a_list_in_any_number_of_fields() {
    let close = |fields: &str| framing(&format!("Content-Length: 0\r\n{fields}")).1;
    assert!(close("Connection: keep-alive,,Close ,x\r\n"));
    assert!(close("Connection: close\r\nConnection: upgrade\r\n"));
    assert!(!close("Connection: closed, keep-alive\r\n"));
    assert!(!close("Connection:\r\n"));
    with_head(
        "HTTP/1.1 101 x\r\nConnection: foo,UPGRADE\r\nUpgrade: WebSocket\r\n\r\n",
        |head| {
            assert!(head.connection_upgrade && !head.close);
            assert_eq!(head.upgrade, Some("WebSocket"));
        },
    );
}

#[test]
fn http_1_0_closes_unless_told_otherwise() {
    let close = |fields: &str| {
        with_head(
            &format!("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n{fields}\r\n"),
            |h| h.close,
        )
    };
    assert!(close(""));
    assert!(!close("Connection: Keep-Alive\r\n"));
}

#[test]
fn framing_follows_rfc_9112() {
    assert_eq!(framing(""), (Framing::UntilClose, true));
    assert_eq!(
        framing("Content-Length: 5, 5\r\nContent-Length: 5\r\n").0,
        Framing::Length(5)
    );
    assert_eq!(
        framing("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n").0,
        Framing::Chunked
    );
    assert_eq!(
        framing("Transfer-Encoding: gzip, chunked\r\n").0,
        Framing::Chunked
    );
    let not_last = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n";
    assert_eq!(framing(not_last), (Framing::UntilClose, true));
    with_head("HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", |head| {
        assert_eq!(head.framing(), Framing::Length(0));
    });
}

#[test]
fn interim_responses_are_told_apart() {
    let interim =
        |status: u16| with_head(&format!("HTTP/1.1 {status} x\r\n\r\n"), |h| h.is_interim());
    assert_eq!(
        [100, 101, 103, 200].map(interim),
        [true, false, true, false]
    );
}

#[test]
fn bare_line_feeds_and_missing_reasons() {
    with_head("HTTP/1.1 200\nContent-Length: 3\n\n", |head| {
        assert_eq!((head.status, head.content_length), (200, Some(3)));
    });
}

#[test]
fn faults_are_named() {
    assert_eq!(
        error("SSH-2.0-OpenSSH").to_string(),
        "http: the response starts with \"S\", expected \"HTTP/1.\""
    );
    assert_eq!(
        error("HTTP/2 200"),
        HeadError::NotHttp1 {
            got: "HTTP/2".into()
        }
    );
    assert_eq!(
        error("\r\nHTTP/1.1 200"),
        HeadError::NotHttp1 { got: "\r".into() }
    );
    assert_eq!(
        error("HTTP/1.1 2x0 OK\r\n\r\n"),
        HeadError::Malformed(httparse::Error::Status)
    );
    assert_eq!(
        error("HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n").to_string(),
        "http: Content-Length is \"5, 6\", expected one decimal number below 2^64"
    );
    for length in ["", "+1", "-1", "0x10", "1 2", "5,", "18446744073709551616"] {
        let got = error(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
        ));
        assert_eq!(got, HeadError::ContentLength { got: length.into() });
    }
}

#[test]
fn the_length_is_bounded() {
    let head = |padding: usize| format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(padding));
    let fits = head(MAX_HEAD - head(0).len());
    assert_eq!(fits.len(), MAX_HEAD);
    with_head(&fits, |head| assert_eq!(head.len, MAX_HEAD));
    assert_eq!(
        error(head(MAX_HEAD - head(0).len() + 1)),
        HeadError::TooLong
    );
    let many = "X: y\r\n".repeat(MAX_FIELDS + 1);
    let many = error(format!("HTTP/1.1 200 OK\r\n{many}\r\n"));
    assert_eq!(many, HeadError::Malformed(httparse::Error::TooManyHeaders));
}

const TOKENS: &[&[u8]] = &[
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 404 x\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b": ",
    b" ",
    b"Content-Length: 3\r\n",
    b"Content-Length: 4\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Content-Type: a/b\r\n",
    b"x",
    b"\xFF",
    b"\0",
    b",",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn any_cut_reads_the_same(tail in soup(TOKENS), cuts in cuts()) {
        let bytes = [b"HTTP/1.1 200 OK\r\n".as_slice(), &tail].concat();
        prop_assert_eq!(read([&bytes[..]]), read(cuts.of(&bytes)));
    }

    #[test]
    fn any_cut_of_garbage_reads_the_same(bytes: Vec<u8>, cuts in cuts()) {
        prop_assert_eq!(read([&bytes[..]]), read(cuts.of(&bytes)));
    }

    #[test]
    fn what_was_written_is_read(
        status in 200..600_u16, length: u64, kind in "[a-z]{1,9}/[a-z-]{1,9}", cuts in cuts(),
    ) {
        let text = format!(
            "HTTP/1.1 {status} Reason\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut reader = HeadReader::default();
        let mut taken_all = 0;
        for piece in cuts.of(text.as_bytes()) {
            if let Some((head, taken)) = reader.feed(piece).unwrap() {
                prop_assert_eq!(head.status, status);
                prop_assert_eq!(head.content_length, Some(length));
                prop_assert_eq!(head.content_type, Some(kind.as_str()));
                prop_assert_eq!(taken_all + taken, text.len());
                return Ok(());
            }
            taken_all += piece.len();
        }
        prop_assert!(false, "no head");
    }
}
