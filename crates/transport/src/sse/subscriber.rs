//! The subscriber half: events taken out of the stream.

use pushbench_model::theory;

use crate::http2::subscriber::Shared;
use crate::limits::MAX_MESSAGE;
use crate::stream::subscriber::{Gzip, Reader, StreamProtocol};
use crate::subscriber::SubscribeError;

use super::decode::Decoder;

/// An SSE subscription.
pub(super) type SseProtocol = StreamProtocol<Events>;

/// One that is compressed.
pub(crate) type PackedSse = StreamProtocol<Events, Gzip>;

/// Some that share a connection.
pub(crate) type SharedSse = Shared<Events>;

/// Reads events.
#[derive(Debug)]
pub(crate) struct Events(Decoder);

impl Default for Events {
    fn default() -> Self {
        Self(Decoder::new(MAX_MESSAGE))
    }
}

impl Reader for Events {
    const CONTENT_TYPE: &'static str = "text/event-stream";
    const END: &'static str = "of the event stream";

    #[inline]
    fn whole<'a>(&mut self, chunk: &'a [u8]) -> Option<&'a [u8]> {
        self.0.whole_event(chunk)
    }

    fn feed(
        &mut self,
        bytes: &[u8],
        each: &mut impl FnMut(&[u8], u64),
    ) -> Result<(), SubscribeError> {
        self.0.feed(bytes, &mut |event| {
            // An id that is no number of ours is a session-wide one and costs nothing per event.
            let id = event.last_event_id.parse().ok();
            let name = (event.event != "message").then_some(event.event.len() as u64);
            each(
                event.data,
                theory::sse_event(event.data.len() as u64, 1, id, name),
            );
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::pieces::{Received, cuts, receive, soup};
    use crate::sse::encode::{Fields, comment, event};

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n";

    fn whole(stream: &[u8]) -> Received {
        receive::<SseProtocol>("/sse", [stream])
    }

    /// What a server sends: perhaps an interim head, a head, messages and comments, chunked or not.
    fn stream(messages: &[String], id: Option<u64>, chunked: bool, interim: bool) -> Vec<u8> {
        let mut out = Vec::new();
        if interim {
            out.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
        }
        out.extend_from_slice(OK.as_bytes());
        if chunked {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        out.extend_from_slice(b"\r\n");
        for (seq, message) in (1..).zip(messages) {
            let mut block = Vec::new();
            let id = id.map(|first| first + seq);
            event(
                &Fields {
                    id,
                    ..Fields::default()
                },
                message,
                &mut block,
            );
            if chunked {
                out.extend_from_slice(format!("{:x}\r\n", block.len()).as_bytes());
            }
            out.extend_from_slice(&block);
            if chunked {
                out.extend_from_slice(b"\r\n");
            }
        }
        if !chunked {
            comment("bye", &mut out);
        }
        out
    }

    #[test]
    fn a_stream_costs_what_the_formula_says() {
        for (id, chunked, interim) in [
            (None, false, false),
            (Some(0), true, false),
            (Some(98), true, true),
        ] {
            let messages = ["{}".to_owned(), String::new(), "x".repeat(300)];
            let stream = stream(&messages, id, chunked, interim);
            let got = whole(&stream);
            assert_eq!(got.messages, messages.each_ref().map(String::as_bytes));
            assert!(got.progress.subscribed);
            // A comment costs what no formula knows.
            let comment = if chunked { 0 } else { b": bye\n\n".len() };
            assert_eq!(got.progress.expected_down, (stream.len() - comment) as u64);
            assert_eq!(got.progress.expected_up, got.sent.len() as u64);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (stream, expected) in [
            ("", "the server ended the connection before it had answered"),
            (
                "HTTP/1.1 2",
                "the server ended the connection before it had answered",
            ),
            (
                "SSH-2.0",
                "http: the response starts with \"S\", expected \"HTTP/1.\"",
            ),
            (
                "HTTP/1.1 500 Oops\r\n\r\n",
                "the server answered 500, expected 200",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n",
                "the server answered with Content-Type \"text/html\", expected \"text/event-stream\"",
            ),
            (
                &format!("{OK}\r\ndata: x"),
                "the server ended the connection of the event stream",
            ),
            (
                &format!("{OK}Transfer-Encoding: chunked\r\n\r\n5\r\nda"),
                "http body: the connection ended inside a chunked body",
            ),
            (
                &format!("{OK}Content-Length: 0\r\n\r\nHTTP"),
                "the server ended the connection after a complete response",
            ),
        ] {
            assert_eq!(whole(stream.as_bytes()).ended, expected);
        }
    }

    const TOKENS: &[&[u8]] = &[
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"\r\n",
        b"9\r\ndata: x\n\n\r\n",
        b"6\r\ndata: \r\n",
        b"f\r\nid: 7\ndata: x\n\n\r\n",
        b"0F\r\nid: 7\ndata: x\n\n\r\n",
        b"10\r\nid: 07\ndata: x\n\n\r\n",
        b"F;x=y\r\nid: 8\ndata: x\n\n\r\n",
        b"12\r\ndata: x\n\ndata: y\n\n\r\n",
        b"a\r\ndata: \xC3\xA9\n\n\r\n",
        b"7\r\n: ping\n\r\n",
        b"2\r\n\n\n\r\n",
        b"0\r\n\r\n",
        b"x",
    ];

    proptest! {
        #[test]
        fn any_cut_is_received_the_same(
            messages in vec("([a-z{}\"]|\n){0,40}", 0..6),
            id in proptest::option::of(0..1000_u64),
            chunked: bool,
            interim: bool,
            cuts in cuts(),
        ) {
            let stream = stream(&messages, id, chunked, interim);
            let cut = receive::<SseProtocol>("/sse", cuts.of(&stream));
            prop_assert_eq!(whole(&stream), cut);
        }

        #[test]
        fn any_cut_of_garbage_is_received_the_same(
            start in 0..2_usize, tail in soup(TOKENS), cuts in cuts(),
        ) {
            let stream = [TOKENS[start], &tail].concat();
            let cut = receive::<SseProtocol>("/sse", cuts.of(&stream));
            prop_assert_eq!(whole(&stream), cut);
        }
    }
}
