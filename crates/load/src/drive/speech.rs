//! The incremental, socket-free half of a subscription at any endpoint of a transport.

mod http;
mod poll;
mod sse;
mod tcp;
mod usual;
mod websocket;

use std::cell::RefCell;
use std::rc::Rc;

use pushbench_model::drive::FaultKind;
use pushbench_transport::sse::source::{CHROMIUM_RETRY_MS, Source};

use super::place::Place;
use super::plan::Asking;

pub(super) use http::request;
pub(super) use usual::Usual;

/// What all subscriptions of a worker ask for.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) asking: Asking,
    /// Messages are those of docs/PROTOCOL.md, so that their numbers are cursors.
    pub(super) contract: bool,
    /// How long a server may hold a poll, milliseconds.
    pub(super) hold_ms: u64,
    /// Long-polling: the last poll and its answer.
    pub(super) usual: RefCell<Usual>,
}

/// What an attempt begins with, from the one before it in the same place.
#[derive(Clone, Debug)]
pub(super) struct Resume {
    /// SSE: last event id and reconnection time. Of other transports it knows the endings alone.
    pub(super) source: Source,
    /// Number of the last message.
    pub(super) after: Option<u64>,
    /// Long-polling: `Last-Modified` and `ETag`.
    pub(super) validators: (Option<String>, Option<String>),
}

impl Resume {
    /// What a first attempt begins with.
    pub(super) fn new(asking: &Asking) -> Self {
        let id = asking.last_event_id.as_deref().unwrap_or_default();
        Self {
            source: Source::resuming(CHROMIUM_RETRY_MS, id),
            after: None,
            validators: (None, None),
        }
    }
}

/// What is done with what arrives.
pub(super) trait Sink {
    /// A message; its number, if it has one.
    fn message(&mut self, body: &[u8]) -> Option<u64>;
    /// So many things that carry no data.
    fn nothing(&mut self, count: u64);
    /// The other side has accepted the subscription.
    fn subscribed(&mut self);
}

/// Why a subscription goes no further on its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It asks elsewhere: the status that says so, and where.
    Redirect(u16, String),
    /// The next poll needs another connection.
    Again,
    /// It failed, or was ended.
    Fault(FaultKind, String),
}

/// A transport's way to speak.
pub(super) enum Speech {
    Sse(sse::Sse),
    WebSocket(websocket::WebSocket),
    Poll(poll::Poll),
    Tcp(tcp::Tcp),
}

impl Speech {
    /// A subscription that begins; appends what is sent first.
    pub(super) fn open(
        transport: &str,
        ask: &Rc<Ask>,
        place: &Rc<Place>,
        resume: &Resume,
        nonce: [u8; 16],
        out: &mut Vec<u8>,
    ) -> Self {
        match transport {
            "websocket" => {
                Self::WebSocket(websocket::WebSocket::open(ask, place, resume, nonce, out))
            }
            "long-poll" => Self::Poll(poll::Poll::open(ask, place, resume, out)),
            "tcp" => Self::Tcp(tcp::Tcp::open(resume, out)),
            _ => Self::Sse(sse::Sse::open(ask, place, resume, out)),
        }
    }

    /// Takes bytes as they were read; appends what must be sent in answer.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        sink: &mut impl Sink,
    ) -> Result<(), Stop> {
        match self {
            Self::Sse(sse) => sse.receive(bytes, sink),
            Self::WebSocket(websocket) => websocket.receive(bytes, out, sink),
            Self::Poll(poll) => poll.receive(bytes, out, sink),
            Self::Tcp(tcp) => tcp.receive(bytes, sink),
        }
    }

    /// The connection has ended.
    pub(super) fn end(&mut self, sink: &mut impl Sink) -> Stop {
        match self {
            Self::Sse(sse) => sse.end(),
            Self::WebSocket(websocket) => websocket.end(),
            Self::Poll(poll) => poll.end(sink),
            Self::Tcp(tcp) => tcp.end(),
        }
    }

    /// What the next attempt begins with.
    pub(super) fn resume(&self, resume: &mut Resume) {
        match self {
            Self::Sse(sse) => sse.resume(resume),
            Self::Poll(poll) => poll.resume(resume),
            Self::WebSocket(_) | Self::Tcp(_) => {}
        }
    }
}
