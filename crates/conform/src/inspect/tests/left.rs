//! Streams that go on when enough of them was read.

use super::*;

/// That a reader has seen enough is no fault of the stream.
#[test]
fn what_is_read_no_further_is_not_cut() {
    let stream =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
                   e\r\nid\ndata: one\n\n\r\n";
    let (_, said) = inspect(Kind::Http, [&stream[..]]);
    assert!(
        said.iter().any(|said| said.starts_with("Cut: ")),
        "{said:?}"
    );
    let mut inspector = Inspector::new(Kind::Http);
    inspector.feed(stream);
    inspector.leave("Enough.".into());
    let said = inspector.conclusion();
    assert!(
        !said.iter().any(|said| said.starts_with("Cut: ")),
        "{said:?}"
    );
    assert_eq!(said.last().map(String::as_str), Some("Enough."));
}

/// A stream of each kind, and of each thing that can be inside of answers: what comes before a message, a message, and one more.
const TWO_MESSAGES: [(Kind, &[u8], &[u8]); 8] = [
    (Kind::Sse, b"", b"id: 1\ndata: {}\n\n"),
    (Kind::WebSocket, b"", b"\x81\x02{}"),
    (Kind::WebSocket, b"", b"\x81\x82abcd\x1a\x1f"),
    (Kind::WebSocket, b"HTTP/1.1 101 Go\r\n\r\n", b"\x81\x02{}"),
    (Kind::Poll, b"", b"{}\n"),
    (Kind::Tcp, b"\x07\0\0\0\0\0\0\0", b"\x02\0\0\0{}"),
    (
        Kind::Http,
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\n",
        b"\r\n2\r\n{}\r\n1;x=y\r\n\n",
    ),
    (
        Kind::Http,
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
        b"data: {}\r\n\n",
    ),
];

#[test]
fn a_message_that_is_read_no_further_is_neither_a_fault_nor_half_a_message() {
    for (kind, before, message) in TWO_MESSAGES {
        let once = [before, message].concat();
        let mut whole = Inspector::new(kind);
        let expected = found(&whole.feed(&once));
        assert_eq!(expected.len(), 1, "{kind:?}: {expected:?}");
        for more in 0..message.len() {
            let stream = [&once, &message[..more]].concat();
            let mut inspector = Inspector::new(kind);
            let mut entries = inspector.feed(&stream);
            let known: u64 = entries.iter().map(|e| e.piece.bytes.len() as u64).sum();
            entries.extend(inspector.leave("Enough.".into()));
            assert_eq!(found(&entries), expected, "{kind:?}, {more}");
            let bytes = entries.iter().flat_map(|entry| entry.piece.bytes.clone());
            assert_eq!(bytes.collect::<Vec<u8>>(), stream, "{kind:?}, {more}");
            for Entry { piece, .. } in &entries {
                assert_ne!(piece.class, Class::Fault, "{kind:?}, {more}: {piece:?}");
                let is_rest = piece.meaning.starts_with("read no further");
                let is_new = piece.at >= known;
                assert!(!is_rest || is_new, "{kind:?}, {more}: {piece:?}");
                // Framing may have waited for what stands before it.
                let is_framing = matches!(piece.class, Class::Framing | Class::Sign);
                assert!(
                    !is_new || is_framing || (is_rest && piece.class == Class::Value),
                    "{kind:?}, {more}: {piece:?}"
                );
            }
            let said = inspector.conclusion();
            assert!(
                !said.iter().any(|said| said.contains("discarded")),
                "{said:?}"
            );
            assert_eq!(said.last().map(String::as_str), Some("Enough."));
        }
    }
}
