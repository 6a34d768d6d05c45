//! Any WebSocket.

use std::rc::Rc;

use pushbench_model::drive::FaultKind;
use pushbench_transport::http1::head::HeadReader;
use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::websocket::frame::{FrameDecoder, Item, Opcode, encode_client};
use pushbench_transport::websocket::handshake::{self, HandshakeError};

use super::http::{broken, ended, headers, refused, request};
use super::{Ask, Resume, Sink, Stop};
use crate::drive::place::Place;

/// Code of a close frame without one (RFC 6455, section 7.1.5).
const NO_STATUS: u16 = 1005;

pub(in crate::drive) struct WebSocket {
    state: State,
    nonce: [u8; 16],
    ask: Rc<Ask>,
}

enum State {
    Handshake(HeadReader),
    Open(FrameDecoder),
}

impl WebSocket {
    pub(super) fn open(
        ask: &Rc<Ask>,
        place: &Place,
        resume: &Resume,
        nonce: [u8; 16],
        out: &mut Vec<u8>,
    ) -> Self {
        let path = match resume.after.filter(|_| ask.contract) {
            Some(after) if place.path.contains('?') => format!("{}&after={after}", place.path),
            Some(after) => format!("{}?after={after}", place.path),
            None => place.path.clone(),
        };
        let (key, offered) = (handshake::key(nonce), ask.asking.subprotocols.join(", "));
        let ours = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", key.as_str()),
            ("Sec-WebSocket-Protocol", offered.as_str()),
        ];
        request(
            "GET",
            &path,
            &headers(&ask.asking.headers, place, &ours),
            &[],
            out,
        );
        Self {
            state: State::Handshake(HeadReader::default()),
            nonce,
            ask: Rc::clone(ask),
        }
    }

    pub(super) fn receive(
        &mut self,
        mut bytes: &[u8],
        out: &mut Vec<u8>,
        sink: &mut impl Sink,
    ) -> Result<(), Stop> {
        while let State::Handshake(reader) = &mut self.state {
            let Some((head, taken)) = reader.feed(bytes).map_err(|error| broken(&error))? else {
                return Ok(());
            };
            bytes = &bytes[taken..];
            if head.is_interim() {
                continue;
            }
            if head.status != 101 {
                return Err(refused(&head));
            }
            handshake::check(&head, self.nonce).map_err(|error| match error {
                // The values differ from key to key; the fault is one.
                HandshakeError::Accept { .. } => broken(
                    &"websocket handshake: Sec-WebSocket-Accept does not follow from the key that was sent",
                ),
                error => broken(&error),
            })?;
            // Some servers answer an unknown subprotocol with an empty one: that is none.
            let chosen = head
                .sec_websocket_protocol
                .filter(|chosen| !chosen.is_empty());
            if let Some(chosen) = chosen
                && !self
                    .ask
                    .asking
                    .subprotocols
                    .iter()
                    .any(|offered| offered == chosen)
            {
                return Err(Stop::Fault(
                    FaultKind::Protocol,
                    format!("the server chose the subprotocol {chosen:?}, which was not offered"),
                ));
            }
            sink.subscribed();
            self.state = State::Open(FrameDecoder::new(MAX_MESSAGE));
        }
        let [a, b, c, d, ..] = self.nonce;
        let State::Open(frames) = &mut self.state else {
            return Ok(());
        };
        let mut closed = None;
        let mut echo = None;
        frames
            .feed(bytes, &mut |item| match item {
                Item::Text(body) | Item::Binary(body) => {
                    sink.message(body);
                }
                Item::Ping(body) => {
                    sink.nothing(1);
                    encode_client(Opcode::Pong, body, [a, b, c, d], out);
                }
                Item::Pong(_) => sink.nothing(1),
                Item::Close(reason) => {
                    let (code, text) = reason.unwrap_or((NO_STATUS, ""));
                    let text = if text.is_empty() {
                        String::new()
                    } else {
                        format!(" {text:?}")
                    };
                    closed = Some(format!(
                        "the server closed the WebSocket with code {code}{text}"
                    ));
                    echo =
                        Some(reason.map_or_else(Vec::new, |(code, _)| code.to_be_bytes().to_vec()));
                }
            })
            .map_err(|error| broken(&error))?;
        if let Some(body) = echo {
            encode_client(Opcode::Close, &body, [a, b, c, d], out);
        }
        closed.map_or(Ok(()), |how| Err(Stop::Fault(FaultKind::Ended, how)))
    }

    pub(super) fn end(&mut self) -> Stop {
        match self.state {
            State::Handshake(_) => ended("before it had answered the handshake"),
            State::Open(_) => ended("without a close frame"),
        }
    }
}
