//! The subscriber half: a request by hand, then chunked coding and event stream decoded incrementally.

use std::rc::Rc;

use pushbench_model::theory;

use crate::ascii::push_decimal;
use crate::http1::body::BodyDecoder;
use crate::http1::head::HeadReader;
use crate::limits::MAX_MESSAGE;
use crate::subscriber::{Nonce, Progress, Protocol, Request, SubscribeError};

use super::decode::Decoder;

/// An SSE subscription.
#[derive(Debug)]
pub(super) struct SseProtocol {
    state: State,
    progress: Progress,
}

#[derive(Debug)]
enum State {
    Head(HeadReader),
    Stream {
        body: BodyDecoder,
        chunked: bool,
        events: Decoder,
    },
}

impl SseProtocol {
    /// Reads the head; returns how many of `bytes` belong to it once it is complete.
    fn head(&mut self, bytes: &[u8]) -> Result<Option<usize>, SubscribeError> {
        let State::Head(reader) = &mut self.state else {
            return Ok(Some(0));
        };
        let Some((head, taken)) = reader.feed(bytes)? else {
            return Ok(None);
        };
        if head.is_interim() {
            self.progress.expected_down += head.len as u64;
            return Ok(Some(taken));
        }
        if head.status != 200 {
            return Err(SubscribeError::Status {
                status: head.status,
                expected: "200",
            });
        }
        let content_type = head.content_type.unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("text/event-stream") {
            let found = content_type.to_owned();
            return Err(SubscribeError::ContentType {
                found,
                expected: "text/event-stream",
            });
        }
        self.progress.subscribed = true;
        self.progress.expected_down += head.len as u64;
        self.state = State::Stream {
            body: BodyDecoder::new(head.framing()),
            chunked: head.chunked,
            events: Decoder::new(MAX_MESSAGE),
        };
        Ok(Some(taken))
    }
}

impl Protocol for SseProtocol {
    type Common = ();

    fn open(request: &Rc<Request>, _nonce: Nonce, out: &mut Vec<u8>) -> Self {
        let Request {
            host, path, after, ..
        } = &**request;
        let start = out.len();
        for part in [
            "GET ",
            path,
            " HTTP/1.1\r\nHost: ",
            host,
            "\r\nAccept: text/event-stream\r\n",
        ] {
            out.extend_from_slice(part.as_bytes());
        }
        if let Some(after) = after {
            out.extend_from_slice(b"Last-Event-ID: ");
            push_decimal(*after, out);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        Self {
            state: State::Head(HeadReader::default()),
            progress: Progress {
                expected_up: (out.len() - start) as u64,
                ..Progress::default()
            },
        }
    }

    #[inline]
    fn receive(
        &mut self,
        (): &mut (),
        mut bytes: &[u8],
        _out: &mut Vec<u8>,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        while matches!(self.state, State::Head(_)) {
            let Some(taken) = self.head(bytes)? else {
                return Ok(());
            };
            bytes = &bytes[taken..];
            if bytes.is_empty() {
                return Ok(());
            }
        }
        let State::Stream {
            body,
            chunked,
            events,
        } = &mut self.state
        else {
            return Ok(());
        };
        let expected_down = &mut self.progress.expected_down;
        let chunked = *chunked;
        while let Some((block, taken)) = body.whole_chunk(bytes)
            && let Some(data) = events.whole_event(block)
        {
            *expected_down += theory::chunk(block.len() as u64);
            deliver(data);
            bytes = &bytes[taken..];
        }
        if bytes.is_empty() {
            return Ok(());
        }
        body.feed::<SubscribeError>(bytes, &mut |data| {
            events.feed(data, &mut |event| {
                // An id that is no number of ours is a session-wide one and costs nothing per event.
                let id = event.last_event_id.parse().ok();
                let name = (event.event != "message").then_some(event.event.len() as u64);
                let cost = theory::sse_event(event.data.len() as u64, 1, id, name);
                *expected_down += if chunked { theory::chunk(cost) } else { cost };
                deliver(event.data);
            })?;
            Ok(())
        })?;
        if body.is_done() {
            return Err(SubscribeError::Ended("after a complete response"));
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn end(&mut self) -> SubscribeError {
        match &mut self.state {
            State::Head(_) => SubscribeError::Ended("before it had answered"),
            State::Stream { body, .. } => match body.finish() {
                Ok(()) => SubscribeError::Ended("of the event stream"),
                Err(error) => error.into(),
            },
        }
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
