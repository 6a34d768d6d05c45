//! The subscriber half: handshake and frames decoded incrementally; pings are answered, closes are reported.

mod extension;
#[cfg(test)]
mod packed_tests;

use std::rc::Rc;

use pushbench_model::theory;

use crate::http1::head::HeadReader;
use crate::limits::MAX_MESSAGE;
use crate::subscriber::{Nonce, Progress, Protocol, Request, SubscribeError};

use super::frame::{FrameDecoder, Item, Opcode, Sink, client_frame_header_len, encode_client};
use super::handshake;
use extension::{Deflate, Extension};

/// A WebSocket subscription on which nothing is compressed.
pub(super) type WebSocketProtocol = FrameProtocol<()>;

/// One on which messages are.
pub(super) type PackedWebSocket = FrameProtocol<Deflate>;

/// A WebSocket subscription.
#[derive(Debug)]
pub(super) struct FrameProtocol<E> {
    nonce: Nonce,
    state: State,
    extension: E,
    progress: Progress,
}

#[derive(Debug)]
enum State {
    Handshake(HeadReader),
    Open(FrameDecoder),
}

/// Code of a close frame without one (RFC 6455 §7.1.5).
const NO_STATUS: u16 = 1005;

impl<E: Extension> FrameProtocol<E> {
    fn handshake(&mut self, bytes: &[u8]) -> Result<Option<usize>, SubscribeError> {
        let State::Handshake(reader) = &mut self.state else {
            return Ok(Some(0));
        };
        let Some((head, taken)) = reader.feed(bytes)? else {
            return Ok(None);
        };
        self.progress.expected_down += head.len as u64;
        if head.is_interim() {
            return Ok(Some(taken));
        }
        self.extension.check(&head, self.nonce)?;
        self.progress.subscribed = true;
        self.state = State::Open(E::decoder(MAX_MESSAGE));
        Ok(Some(taken))
    }

    /// RFC 6455 §5.3 wants masks that a peer cannot predict, against poisoned proxies. This client sends only control
    /// frames whose content the server chose itself, so the random bytes of its request serve.
    fn mask(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.nonce;
        [a, b, c, d]
    }
}

impl<E: Extension> Protocol for FrameProtocol<E> {
    type Common = E::Room;

    fn open(request: &Rc<Request>, nonce: Nonce, out: &mut Vec<u8>) -> Self {
        let Request {
            host, path, after, ..
        } = &**request;
        let target = match after {
            Some(after) if path.contains('?') => format!("{path}&after={after}"),
            Some(after) => format!("{path}?after={after}"),
            None => path.clone(),
        };
        let start = out.len();
        let extension = E::of(request);
        handshake::request_with(&target, host, nonce, extension.offer(), out);
        Self {
            nonce,
            state: State::Handshake(HeadReader::default()),
            extension,
            progress: Progress {
                expected_up: (out.len() - start) as u64,
                ..Progress::default()
            },
        }
    }

    #[inline]
    fn receive(
        &mut self,
        room: &mut E::Room,
        mut bytes: &[u8],
        out: &mut Vec<u8>,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        while matches!(self.state, State::Handshake(_)) {
            let Some(taken) = self.handshake(bytes)? else {
                return Ok(());
            };
            bytes = &bytes[taken..];
        }
        let mask = self.mask();
        let State::Open(frames) = &mut self.state else {
            return Ok(());
        };
        let mut receiver = Receiver {
            progress: &mut self.progress,
            extension: &mut self.extension,
            room,
            mask,
            out,
            deliver,
            ended: None,
        };
        let fed = frames.feed_into(bytes, &mut receiver);
        // A message that cannot be inflated came before what is wrong with frames.
        match receiver.ended {
            Some(ended) => Err(ended),
            None => Ok(fed?),
        }
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn end(&mut self) -> SubscribeError {
        SubscribeError::Ended(match self.state {
            State::Handshake(_) => "before it had answered the handshake",
            State::Open(_) => "without a close frame",
        })
    }
}

/// What takes the frames of a read.
struct Receiver<'a, E: Extension, D> {
    progress: &'a mut Progress,
    extension: &'a mut E,
    room: &'a mut E::Room,
    mask: [u8; 4],
    out: &'a mut Vec<u8>,
    deliver: &'a mut D,
    ended: Option<SubscribeError>,
}

impl<E: Extension, D: FnMut(&[u8])> Sink for Receiver<'_, E, D> {
    #[inline]
    fn item(&mut self, item: Item<'_>) {
        // Nothing follows a close, but a message that cannot be inflated.
        if E::DEFLATES && self.ended.is_some() {
            return;
        }
        match item {
            Item::Text(body) | Item::Binary(body) => {
                self.progress.expected_down += theory::websocket_server_frame(body.len() as u64);
                (self.deliver)(body);
            }
            Item::Ping(body) => {
                self.progress.expected_down += theory::websocket_server_frame(body.len() as u64);
                self.progress.expected_up +=
                    (client_frame_header_len(body.len()) + body.len()) as u64;
                encode_client(Opcode::Pong, body, self.mask, self.out);
            }
            Item::Pong(body) => {
                self.progress.expected_down += theory::websocket_server_frame(body.len() as u64);
            }
            Item::Close(reason) => {
                let (code, text) = reason.unwrap_or((NO_STATUS, ""));
                let reason = if text.is_empty() {
                    String::new()
                } else {
                    format!(" {text:?}")
                };
                self.ended = Some(SubscribeError::Closed { code, reason });
            }
        }
    }

    fn deflated(&mut self, text: bool, payload: &[u8]) {
        if self.ended.is_some() {
            return;
        }
        self.progress.expected_down += theory::websocket_server_frame(payload.len() as u64);
        match self.extension.inflate(self.room, text, payload) {
            Ok(body) => (self.deliver)(body),
            Err(error) => self.ended = Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::pieces::{Received, cuts, receive, soup};
    use crate::websocket::frame::{encode_server, encode_server_fragment};

    const OK: &[u8] =
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    fn whole(stream: &[u8]) -> Received {
        receive::<WebSocketProtocol>("/ws", [stream])
    }

    fn stream(frames: &[(Opcode, Vec<u8>)]) -> Vec<u8> {
        let mut out = OK.to_vec();
        for (opcode, body) in frames {
            encode_server(*opcode, body, &mut out);
        }
        out
    }

    #[test]
    fn a_stream_costs_what_the_formula_says() {
        let stream = stream(&[
            (Opcode::Text, b"{}".to_vec()),
            (Opcode::Ping, b"ping".to_vec()),
            (Opcode::Pong, vec![]),
            (Opcode::Binary, vec![7; 300]),
        ]);
        let got = whole(&stream);
        assert_eq!(got.messages, [b"{}".to_vec(), vec![7; 300]]);
        assert!(got.progress.subscribed);
        assert_eq!(got.progress.expected_down, stream.len() as u64);
        assert_eq!(got.progress.expected_up, got.sent.len() as u64);
        assert_eq!(
            got.sent[got.sent.len() - 10],
            0x80 | 10,
            "a pong of four bytes"
        );
    }

    #[test]
    fn interim_answers_are_passed_over() {
        let stream = [
            b"HTTP/1.1 103 Early Hints\r\n\r\n",
            &stream(&[(Opcode::Text, vec![b'x'])])[..],
        ];
        let got = whole(&stream.concat());
        assert_eq!(got.messages, [b"x"]);
        assert_eq!(got.progress.expected_down, stream.concat().len() as u64);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let status = |line: &str| format!("HTTP/1.1 {line}\r\n\r\n").into_bytes();
        let close = |code: u16| (Opcode::Close, code.to_be_bytes().to_vec());
        for (stream, expected) in [
            (
                vec![],
                "the server ended the connection before it had answered the handshake",
            ),
            (
                OK.to_vec(),
                "the server ended the connection without a close frame",
            ),
            (
                status("404 Not Found"),
                "websocket handshake: status 404, expected 101",
            ),
            (
                status("101 Maybe"),
                "websocket handshake: Upgrade is missing, expected \"websocket\"",
            ),
            (
                stream(&[close(1013)]),
                "the server closed the WebSocket with code 1013",
            ),
            (
                stream(&[(Opcode::Close, vec![])]),
                "the server closed the WebSocket with code 1005",
            ),
        ] {
            assert_eq!(whole(&stream).ended, expected);
        }
    }

    const TOKENS: &[&[u8]] = &[
        b"\x81\x01a",
        b"\x82\x02bc",
        b"\x01\x01d",
        b"\x80\x01e",
        b"\x89\x01f",
        b"\x8a\0",
        b"\x88\x02\x03\xe8",
        b"\x82\x7e\0\x80",
        b"\x81\x01\xff",
        b"\x81\x02\xC3\xA9",
        b"\x81\x7e\0\x01a",
        b"\x81\x7e\0\x7f0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456",
        b"\xc1",
    ];

    fn frame() -> impl Strategy<Value = (Opcode, Vec<u8>)> {
        let control = prop_oneof![Just(Opcode::Ping), Just(Opcode::Pong)];
        prop_oneof![
            3 => "[a-z]{0,200}".prop_map(|text| (Opcode::Text, text.into_bytes())),
            1 => (Just(Opcode::Binary), vec(any::<u8>(), 0..200)),
            1 => (control, vec(any::<u8>(), 0..126)),
        ]
    }

    proptest! {
        #[test]
        fn any_cut_is_received_the_same(
            frames in vec(frame(), 0..6), fragment in vec(any::<u8>(), 0..20), cuts in cuts(),
        ) {
            let mut stream = stream(&frames);
            encode_server_fragment(false, Opcode::Binary, &fragment, &mut stream);
            encode_server_fragment(true, Opcode::Continuation, &fragment, &mut stream);
            prop_assert_eq!(whole(&stream), receive::<WebSocketProtocol>("/ws", cuts.of(&stream)));
        }

        #[test]
        fn any_cut_of_garbage_is_received_the_same(tail in soup(TOKENS), cuts in cuts()) {
            let stream = [OK, &tail].concat();
            prop_assert_eq!(whole(&stream), receive::<WebSocketProtocol>("/ws", cuts.of(&stream)));
        }
    }
}
