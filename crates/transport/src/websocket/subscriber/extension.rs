//! Whether messages are compressed, which is known when a loop is compiled: one without compression pays nothing for it.

use pushbench_model::scenario::Compression;

use crate::deflate::{FLUSHED, InflateError, Inflater};
use crate::http1::head::ResponseHead;
use crate::limits::MAX_MESSAGE;
use crate::subscriber::{Nonce, Request, SubscribeError};
use crate::websocket::frame::{FrameDecoder, whole_text};
use crate::websocket::handshake::{self, HandshakeError};

/// What a subscription offers besides frames.
pub(crate) trait Extension: std::fmt::Debug + Sized {
    /// What the subscriptions of a thread share.
    type Room: Default;

    /// Whether there may be messages that are compressed.
    const DEFLATES: bool;

    /// Of a connection that begins.
    fn of(request: &Request) -> Self;

    /// What the handshake says of it, with its line end.
    fn offer(&self) -> &'static str;

    fn check(&self, head: &ResponseHead<'_>, nonce: Nonce) -> Result<(), HandshakeError>;

    fn decoder(max_message: usize) -> FrameDecoder;

    /// What a compressed message says.
    fn inflate<'a>(
        &mut self,
        room: &'a mut Self::Room,
        text: bool,
        payload: &[u8],
    ) -> Result<&'a [u8], SubscribeError>;
}

/// Nothing.
impl Extension for () {
    type Room = ();

    const DEFLATES: bool = false;

    fn of(_: &Request) -> Self {}

    fn offer(&self) -> &'static str {
        ""
    }

    fn check(&self, head: &ResponseHead<'_>, nonce: Nonce) -> Result<(), HandshakeError> {
        handshake::check(head, nonce)
    }

    fn decoder(max_message: usize) -> FrameDecoder {
        FrameDecoder::new(max_message)
    }

    fn inflate<'a>(
        &mut self,
        (): &'a mut (),
        _text: bool,
        _payload: &[u8],
    ) -> Result<&'a [u8], SubscribeError> {
        Err(InflateError::Broken.into())
    }
}

/// permessage-deflate (RFC 7692).
#[derive(Debug)]
pub(crate) struct Deflate {
    compression: Compression,
    /// What was read before, where messages may refer to it. Where they may not, one for all connections of a thread will do.
    history: Option<Box<Inflater>>,
}

/// What connections inflate with and into.
#[derive(Debug, Default)]
pub(crate) struct Room {
    inflater: Inflater,
    body: Vec<u8>,
}

impl Extension for Deflate {
    type Room = Room;

    const DEFLATES: bool = true;

    fn of(request: &Request) -> Self {
        let compression = request.compression.unwrap_or(Compression::Message);
        Self {
            compression,
            history: (compression == Compression::Stream).then(Box::default),
        }
    }

    fn offer(&self) -> &'static str {
        match self.compression {
            Compression::Message => {
                "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n"
            }
            Compression::Stream => "Sec-WebSocket-Extensions: permessage-deflate\r\n",
        }
    }

    fn check(&self, head: &ResponseHead<'_>, nonce: Nonce) -> Result<(), HandshakeError> {
        handshake::check_compressed(head, nonce, self.compression)
    }

    fn decoder(max_message: usize) -> FrameDecoder {
        FrameDecoder::deflating(max_message)
    }

    fn inflate<'a>(
        &mut self,
        room: &'a mut Room,
        text: bool,
        payload: &[u8],
    ) -> Result<&'a [u8], SubscribeError> {
        let Room { inflater, body } = room;
        let inflater = match &mut self.history {
            Some(history) => history,
            None => {
                inflater.reset();
                inflater
            }
        };
        body.clear();
        inflater.append(payload, MAX_MESSAGE, body)?;
        inflater.append(&FLUSHED, MAX_MESSAGE, body)?;
        if text {
            whole_text(body)?;
        }
        Ok(body)
    }
}
