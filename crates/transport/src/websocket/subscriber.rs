//! The subscriber half: handshake and frames decoded incrementally; pings are answered, closes are reported.

use pushbench_model::theory;

use crate::http1::head::HeadReader;
use crate::limits::MAX_MESSAGE;
use crate::subscriber::{Progress, Protocol, Request, SubscribeError};

use super::frame::{FrameDecoder, Item, Opcode, client_frame_header_len, encode_client};
use super::handshake;

/// A WebSocket subscription.
#[derive(Debug)]
pub(super) struct WebSocketProtocol {
    request: Request,
    state: State,
    progress: Progress,
}

#[derive(Debug)]
enum State {
    Handshake(HeadReader),
    Open(FrameDecoder),
}

/// Code of a close frame without one (RFC 6455 §7.1.5).
const NO_STATUS: u16 = 1005;

impl WebSocketProtocol {
    pub(super) fn new(request: Request) -> Self {
        Self {
            request,
            state: State::Handshake(HeadReader::default()),
            progress: Progress::default(),
        }
    }

    fn handshake(&mut self, bytes: &[u8]) -> Result<Option<usize>, SubscribeError> {
        let State::Handshake(reader) = &mut self.state else {
            return Ok(Some(0));
        };
        let Some((head, taken)) = reader.feed(bytes)? else {
            return Ok(None);
        };
        handshake::check(&head, self.request.nonce)?;
        self.progress.expected_down += head.len as u64;
        self.progress.subscribed = true;
        self.state = State::Open(FrameDecoder::new(MAX_MESSAGE));
        Ok(Some(taken))
    }

    /// RFC 6455 §5.3 wants masks that a peer cannot predict, against poisoned proxies. This client sends only control
    /// frames whose content the server chose itself, so the random bytes of its request serve.
    fn mask(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.request.nonce;
        [a, b, c, d]
    }
}

impl Protocol for WebSocketProtocol {
    fn open(&mut self, out: &mut Vec<u8>) {
        let Request {
            host,
            path,
            after,
            nonce,
            ..
        } = &self.request;
        let target = match after {
            Some(after) if path.contains('?') => format!("{path}&after={after}"),
            Some(after) => format!("{path}?after={after}"),
            None => path.clone(),
        };
        let start = out.len();
        handshake::request(&target, host, *nonce, out);
        self.progress.expected_up += (out.len() - start) as u64;
    }

    #[inline]
    fn receive(
        &mut self,
        mut bytes: &[u8],
        out: &mut Vec<u8>,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        if matches!(self.state, State::Handshake(_)) {
            let Some(taken) = self.handshake(bytes)? else {
                return Ok(());
            };
            bytes = &bytes[taken..];
        }
        let mask = self.mask();
        let State::Open(frames) = &mut self.state else {
            return Ok(());
        };
        let progress = &mut self.progress;
        let mut closed = None;
        frames.feed(bytes, &mut |item| match item {
            Item::Text(text) => {
                progress.expected_down += theory::websocket_server_frame(text.len() as u64);
                deliver(text.as_bytes());
            }
            Item::Binary(body) => {
                progress.expected_down += theory::websocket_server_frame(body.len() as u64);
                deliver(body);
            }
            Item::Ping(body) => {
                progress.expected_down += theory::websocket_server_frame(body.len() as u64);
                progress.expected_up += (client_frame_header_len(body.len()) + body.len()) as u64;
                encode_client(Opcode::Pong, body, mask, out);
            }
            Item::Pong(body) => {
                progress.expected_down += theory::websocket_server_frame(body.len() as u64);
            }
            Item::Close(reason) => {
                let (code, text) = reason.unwrap_or((NO_STATUS, ""));
                let reason = if text.is_empty() {
                    String::new()
                } else {
                    format!(" {text:?}")
                };
                closed = Some(SubscribeError::Closed { code, reason });
            }
        })?;
        closed.map_or(Ok(()), Err)
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn end(&mut self) -> Result<(), SubscribeError> {
        Err(SubscribeError::Ended(match self.state {
            State::Handshake(_) => "before it had answered the handshake",
            State::Open(_) => "without a close frame",
        }))
    }
}
