//! The subscriber half: lines taken out of the stream.

use pushbench_model::theory;

use crate::http2::subscriber::Shared;
use crate::limits::MAX_MESSAGE;
use crate::long_poll::batch::BatchSplitter;
use crate::stream::subscriber::{Gzip, Reader, StreamProtocol};
use crate::subscriber::SubscribeError;

use super::server::CONTENT_TYPE;

/// A subscription to lines.
pub(super) type NdjsonProtocol = StreamProtocol<Lines>;

/// One that is compressed.
pub(crate) type PackedNdjson = StreamProtocol<Lines, Gzip>;

/// Some that share a connection.
pub(crate) type SharedNdjson = Shared<Lines>;

/// Reads lines.
#[derive(Debug)]
pub(crate) struct Lines(BatchSplitter);

impl Default for Lines {
    fn default() -> Self {
        Self(BatchSplitter::new(MAX_MESSAGE))
    }
}

impl Reader for Lines {
    const CONTENT_TYPE: &'static str = CONTENT_TYPE;
    const END: &'static str = "of the stream of lines";

    #[inline]
    fn whole<'a>(&mut self, chunk: &'a [u8]) -> Option<&'a [u8]> {
        self.0.whole_line(chunk)
    }

    fn feed(
        &mut self,
        bytes: &[u8],
        each: &mut impl FnMut(&[u8], u64),
    ) -> Result<(), SubscribeError> {
        self.0.feed(bytes, &mut |message| {
            each(message, theory::json_line(message.len() as u64));
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::ndjson::encode;
    use crate::pieces::{Received, cuts, receive, soup};

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n";
    const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

    fn whole(stream: &[u8]) -> Received {
        receive::<NdjsonProtocol>("/ndjson", [stream])
    }

    /// What a server sends: perhaps an interim head, a head, messages, and a heartbeat behind each, chunked or not.
    fn stream(messages: &[String], chunked: bool, interim: bool, heartbeats: bool) -> Vec<u8> {
        let mut out = Vec::new();
        if interim {
            out.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
        }
        let coding = if chunked { CHUNKED } else { "" };
        out.extend_from_slice(format!("{OK}{coding}\r\n").as_bytes());
        for message in messages {
            if chunked {
                encode::chunk(message.as_bytes(), &mut out);
            } else {
                encode::line(message.as_bytes(), &mut out);
            }
            if heartbeats {
                crate::stream::bare::chunk(encode::HEARTBEAT, !chunked, &mut out);
            }
        }
        out
    }

    #[test]
    fn a_stream_costs_what_the_formula_says() {
        for (chunked, interim) in [(false, false), (true, false), (true, true)] {
            let messages = ["{}".to_owned(), "x".repeat(300), "[1]".to_owned()];
            let stream = stream(&messages, chunked, interim, false);
            let got = whole(&stream);
            assert_eq!(got.messages, messages.each_ref().map(String::as_bytes));
            assert!(got.progress.subscribed);
            assert_eq!(got.progress.expected_down, stream.len() as u64);
            assert_eq!(got.progress.expected_up, got.sent.len() as u64);
            let asked = String::from_utf8(got.sent).unwrap();
            assert!(asked.contains("\r\nAccept: application/x-ndjson\r\nLast-Event-ID: 0\r\n"));
        }
    }

    #[test]
    fn a_heartbeat_is_no_message() {
        let messages = ["{}".to_owned(), "[]".to_owned()];
        for chunked in [true, false] {
            let got = whole(&stream(&messages, chunked, false, true));
            assert_eq!(got.messages, messages.each_ref().map(String::as_bytes));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (stream, expected) in [
            ("", "the server ended the connection before it had answered"),
            (
                "HTTP/1.1 500 Oops\r\n\r\n",
                "the server answered 500, expected 200",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
                "the server answered with Content-Type \"text/event-stream\", expected \"application/x-ndjson\"",
            ),
            (
                &format!("{OK}\r\n{{}}\n{{"),
                "the server ended the connection of the stream of lines",
            ),
            (
                &format!("{OK}{CHUNKED}\r\n5\r\n{{"),
                "http body: the connection ended inside a chunked body",
            ),
            (
                &format!("{OK}{CHUNKED}\r\n0\r\n\r\n"),
                "the server ended the connection after a complete response",
            ),
        ] {
            assert_eq!(whole(stream.as_bytes()).ended, expected);
        }
    }

    const TOKENS: &[&[u8]] = &[
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"\r\n",
        b"3\r\n{}\n\r\n",
        b"1\r\n\n\r\n",
        b"1\r\n{\r\n",
        b"2\r\n}\n\r\n",
        b"06;x=y\r\n[]\n{}\n\r\n",
        b"0\r\n\r\n",
        b"x",
    ];

    proptest! {
        #[test]
        fn any_cut_is_received_the_same(
            messages in vec("[a-z{}\"]{1,40}", 0..6),
            chunked: bool,
            interim: bool,
            heartbeats: bool,
            cuts in cuts(),
        ) {
            let stream = stream(&messages, chunked, interim, heartbeats);
            let cut = receive::<NdjsonProtocol>("/ndjson", cuts.of(&stream));
            let bodies: Vec<_> = messages.iter().map(String::as_bytes).collect();
            prop_assert_eq!(&cut.messages, &bodies);
            prop_assert_eq!(whole(&stream), cut);
        }

        #[test]
        fn any_cut_of_garbage_is_received_the_same(
            start in 0..2_usize, tail in soup(TOKENS), cuts in cuts(),
        ) {
            let stream = [TOKENS[start], &tail].concat();
            let cut = receive::<NdjsonProtocol>("/ndjson", cuts.of(&stream));
            prop_assert_eq!(whole(&stream), cut);
        }
    }
}
