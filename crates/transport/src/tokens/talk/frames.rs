//! Requests and answers as messages of one WebSocket.

use pushbench_model::theory;
use pushbench_model::tokens::{CANCEL, Done};

use super::Turn;
use crate::http1::head::HeadReader;
use crate::limits::MAX_MESSAGE;
use crate::subscriber::{Nonce, Progress, SubscribeError};
use crate::tokens::PATH;
use crate::websocket::frame::{FrameDecoder, Item, Opcode, client_frame_header_len, encode_client};
use crate::websocket::handshake;

/// Code of a close frame without one (RFC 6455 §7.1.5).
const NO_STATUS: u16 = 1005;

#[derive(Debug)]
pub(super) struct Frames {
    host: String,
    nonce: Nonce,
    state: State,
    answering: bool,
    progress: Progress,
}

#[derive(Debug)]
enum State {
    Handshake(HeadReader),
    Open(FrameDecoder),
}

impl Frames {
    pub(super) fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            nonce: Nonce::default(),
            state: State::Handshake(HeadReader::default()),
            answering: false,
            progress: Progress::default(),
        }
    }

    pub(super) fn open(&mut self, nonce: Nonce, out: &mut Vec<u8>) {
        let start = out.len();
        self.nonce = nonce;
        handshake::request(PATH, &self.host, nonce, out);
        self.progress.expected_up += (out.len() - start) as u64;
    }

    pub(super) fn reset(&mut self) {
        self.state = State::Handshake(HeadReader::default());
        self.answering = false;
    }

    pub(super) fn ask(&mut self, ask: &[u8], out: &mut Vec<u8>) {
        self.say(ask, out);
        self.answering = true;
    }

    pub(super) fn cancel(&mut self, out: &mut Vec<u8>) {
        self.say(CANCEL.as_bytes(), out);
    }

    /// The mask is to be one that a peer cannot predict, against poisoned proxies (RFC 6455 §5.3); the bytes of the key are
    /// known to the server only.
    fn say(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let [a, b, c, d, ..] = self.nonce;
        encode_client(Opcode::Text, text, [a, b, c, d], out);
        self.progress.expected_up += theory::websocket_client_frame(text.len() as u64);
    }

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
        handshake::check(&head, self.nonce)?;
        self.progress.subscribed = true;
        self.state = State::Open(FrameDecoder::new(MAX_MESSAGE));
        Ok(Some(taken))
    }

    pub(super) fn receive(
        &mut self,
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
        let [a, b, c, d, ..] = self.nonce;
        let State::Open(frames) = &mut self.state else {
            return Ok(());
        };
        let (progress, answering) = (&mut self.progress, &mut self.answering);
        let mut closed = None;
        frames.feed(bytes, &mut |item| match item {
            Item::Text(body) | Item::Binary(body) => {
                progress.expected_down += theory::websocket_server_frame(body.len() as u64);
                // An answer that comes at once is its own end.
                if Done::parse(body).is_some() || body.starts_with(b"{\"text\":") {
                    *answering = false;
                }
                deliver(body);
            }
            Item::Ping(body) => {
                progress.expected_down += theory::websocket_server_frame(body.len() as u64);
                progress.expected_up += (client_frame_header_len(body.len()) + body.len()) as u64;
                encode_client(Opcode::Pong, body, [a, b, c, d], out);
            }
            Item::Pong(body) => {
                progress.expected_down += theory::websocket_server_frame(body.len() as u64);
            }
            Item::Close(reason) => {
                let (code, text) = reason.unwrap_or((NO_STATUS, ""));
                let reason = match text {
                    "" => String::new(),
                    text => format!(" {text:?}"),
                };
                closed = Some(SubscribeError::Closed { code, reason });
            }
        })?;
        closed.map_or(Ok(()), Err)
    }

    pub(super) fn turn(&self) -> Turn {
        match self.state {
            State::Handshake(_) => Turn::Opening,
            State::Open(_) if self.answering => Turn::Answering,
            State::Open(_) => Turn::Idle,
        }
    }

    pub(super) const fn progress(&self) -> Progress {
        self.progress
    }
}
