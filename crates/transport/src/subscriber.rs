//! The subscriber half that all transports share: many connections of one thread, read into one buffer, fed to the
//! transport's [`Protocol`].
//!
//! A connection owns no read buffer: all connections of a thread read into one, and a protocol keeps only what a read
//! cut in two. Time is stamped once per read, when it returned.
//!
//! # Layout
//!
//! - [`Protocol`]: the socket-free half of a subscription, one per transport
//! - [`Subscribers`]: all connections of a thread, behind one epoll instance
//! - [`Subscriber`]: one of them, without its protocol
//! - `cover`: TLS between a socket and a protocol, or nothing
//! - [`Inlet`]: what they share: the inbox, counts, and notes of what happened

mod connection;
mod cover;
mod epoll_loop;
mod inlet;
mod pace;
mod subscribers;

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use pushbench_model::scenario::Compression;
use pushbench_sys::poller::Bell;

use crate::deflate::InflateError;
use crate::http1::body::BodyError;
use crate::http1::head::HeadError;
use crate::http2::subscriber::Http2Error;
use crate::long_poll::batch::BatchError;
use crate::sse::decode::DecodeError;
use crate::tcp::frame::TooLong;
use crate::tls::Trust;
use crate::tls::session::Session;
use crate::websocket::frame::FrameError;
use crate::websocket::handshake::HandshakeError;

pub use connection::{Subscriber, wire};
pub(crate) use cover::{Clear, Cover};
use epoll_loop::EpollLoop;
pub use inlet::{Happened, Inlet, Note};
pub use subscribers::Subscribers;

/// Random bytes that make a subscription unlike others (WebSocket key and masks).
pub type Nonce = [u8; 16];

/// What every subscription of a thread asks the server for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Value of the `Host` header.
    pub host: String,
    /// Path of the endpoint, with its query if it has one.
    pub path: String,
    /// Messages after this number; new ones only with `None`.
    pub after: Option<u64>,
    /// Polls: the cursor is how many messages the subscriber has had. That is the server's number of the last one, whatever
    /// the order in which those of several publishers came in, which are then not in the order of their own numbers.
    pub counted: bool,
    /// Long-poll: how long the server may hold a request, milliseconds.
    pub poll_timeout_ms: u64,
    /// Short-poll: milliseconds from one request to the next.
    pub poll_period_ms: u64,
    /// The subscriber leaves after the first message: a poll asks no second time.
    pub once: bool,
    /// Of its first message there is a note ([`Happened::Served`]).
    pub tells: bool,
    /// Messages are to be compressed; a server that does not is an error. Of transports that can ([`Transport::packs`]).
    ///
    /// [`Transport::packs`]: crate::transport::Transport::packs
    pub compression: Option<Compression>,
    /// Subscriptions that share a connection, each on a stream of its own (HTTP/2); with 0 each has a connection (HTTP/1.1). Of
    /// transports that can share one ([`Transport::shares`]).
    ///
    /// [`Transport::shares`]: crate::transport::Transport::shares
    pub streams: u32,
}

/// [`Request::poll_period_ms`] where nothing else is asked for: often enough for a page that should look alive.
pub const POLL_PERIOD_MS: u64 = 100;

/// The incremental, socket-free half of a subscription.
pub trait Protocol: Sized {
    /// What the subscriptions of a thread share.
    type Common: Default;

    /// Whether it asks by the clock: [`Self::tick`] is called every [`Request::poll_period_ms`].
    const BY_CLOCK: bool = false;

    /// A subscription that begins; appends what is sent when the connection is open.
    fn open(request: &Rc<Request>, nonce: Nonce, out: &mut Vec<u8>) -> Self;

    /// Takes bytes as they were read, hands every complete message to `deliver`, and appends what must be sent in
    /// answer (the next poll, a pong).
    ///
    /// # Errors
    ///
    /// When the server broke the protocol or refused.
    fn receive(
        &mut self,
        common: &mut Self::Common,
        bytes: &[u8],
        out: &mut Vec<u8>,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError>;

    /// The same where subscriptions share a connection: `deliver` is told which of them a message is of, from 0 on.
    ///
    /// # Errors
    ///
    /// As [`Self::receive`]; what ends one of them ends all.
    #[inline]
    fn receive_shared(
        &mut self,
        common: &mut Self::Common,
        bytes: &[u8],
        out: &mut Vec<u8>,
        deliver: &mut impl FnMut(usize, &[u8]),
    ) -> Result<(), SubscribeError> {
        self.receive(common, bytes, out, &mut |body| deliver(0, body))
    }

    /// It is time to ask: appends a request, unless one is under way.
    fn tick(&mut self, _common: &mut Self::Common, _out: &mut Vec<u8>) {}

    /// Whether a request is under way, of one that asks by the clock.
    fn awaits(&self) -> bool {
        false
    }

    /// How far the subscription is.
    fn progress(&self) -> Progress;

    /// The connection has ended: [`SubscribeError::Ended`], or what was cut off.
    fn end(&mut self) -> SubscribeError;
}

/// State of a subscription, and the bytes that formulas say it must have cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The server has accepted the subscription.
    pub subscribed: bool,
    /// Bytes server to client: heads as they were received, framing and messages by formula.
    pub expected_down: u64,
    /// Bytes client to server.
    pub expected_up: u64,
    /// Responses that carried messages (long-poll, short-poll).
    pub batches: u64,
    /// All responses, those with nothing too (long-poll, short-poll).
    pub answers: u64,
}

/// Why a subscription ended.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The socket failed.
    #[error("connection failed: {0}")]
    Io(#[from] io::Error),
    /// It was cut off here, as somebody wished.
    #[error("the connection was cut off on purpose")]
    Cut,
    /// The server ended a connection that was not read, as somebody wished.
    #[error("the server ended a connection that was slow on purpose")]
    LetGo,
    /// TLS failed.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The server refused.
    #[error("the server answered {status}, expected {expected}{}", hint(*.status))]
    Status {
        /// Status of the answer.
        status: u16,
        /// What a subscription needs.
        expected: &'static str,
    },
    /// The answer is of another kind.
    #[error("the server answered with Content-Type {found:?}, expected {expected:?}")]
    ContentType {
        /// The header found, empty if missing.
        found: String,
        /// What a subscription needs.
        expected: &'static str,
    },
    /// The answer is not compressed, though that is what is to be measured.
    #[error(
        "the server answered with Content-Encoding {found:?}, expected \"gzip\" as it was offered (does it compress? ours do with \
         serve --compression)"
    )]
    NotCompressed {
        /// The header found, empty if missing.
        found: String,
    },
    /// What was compressed cannot be read.
    #[error(transparent)]
    Inflate(#[from] InflateError),
    /// The server closed a WebSocket.
    #[error("the server closed the WebSocket with code {code}{reason}")]
    Closed {
        /// Close code; 1005 when the frame had none.
        code: u16,
        /// Its reason, with a leading space, or empty.
        reason: String,
    },
    /// The server ended the connection.
    #[error("the server ended the connection {0}")]
    Ended(&'static str),
    /// Not HTTP.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// Broken body framing.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// Broken event stream.
    #[error(transparent)]
    EventStream(#[from] DecodeError),
    /// Broken HTTP/2.
    #[error(transparent)]
    Http2(#[from] Http2Error),
    /// Refused upgrade.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// Broken WebSocket frames.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Broken lines.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// Broken TCP frames.
    #[error(transparent)]
    TcpFrame(#[from] TooLong),
}

/// The subscribers of one thread that speak `P`, secured where there is somebody to trust.
pub(crate) fn start<P: Protocol + 'static>(
    request: Request,
    trust: Option<Trust>,
    bell: Option<Arc<Bell>>,
) -> io::Result<Box<dyn Subscribers>> {
    Ok(match trust {
        None => Box::new(EpollLoop::<P, Clear>::new(request, (), bell)?),
        Some(trust) => Box::new(EpollLoop::<P, Session>::new(request, trust, bell)?),
    })
}

fn hint(status: u16) -> &'static str {
    match status {
        404 => " (is the path right? docs/PROTOCOL.md names the endpoints)",
        401 | 403 => " (the server wants credentials)",
        429 | 503 => " (the server is overloaded or limits its clients)",
        _ => "",
    }
}
