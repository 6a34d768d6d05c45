//! The subscriber half that all transports share: one connection, read into a buffer of the worker, fed to the
//! transport's [`Protocol`].
//!
//! A connection owns no read buffer: all connections of a worker read into one, and a protocol keeps only what a read
//! cut in two. Time is stamped once per read, when it returned.

mod drive;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use pushbench_model::inbox::Inbox;
use pushbench_model::measurement::WireCount;
use pushbench_model::sequence::SequenceCheck;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::http1::body::BodyError;
use crate::http1::head::HeadError;
use crate::long_poll::batch::BatchError;
use crate::sse::decode::DecodeError;
use crate::tcp::frame::TooLong;
use crate::websocket::frame::FrameError;
use crate::websocket::handshake::HandshakeError;

pub use drive::drive;

/// What a subscription asks the server for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Value of the `Host` header.
    pub host: String,
    /// Path of the endpoint, with its query if it has one.
    pub path: String,
    /// Messages after this number; new ones only with `None`.
    pub after: Option<u64>,
    /// Long-poll: how long the server may hold a request, milliseconds.
    pub poll_timeout_ms: u64,
    /// The subscriber leaves after the first message: a long-poll asks no second time.
    pub once: bool,
    /// Random bytes that make this request unlike others (WebSocket key and masks).
    pub nonce: [u8; 16],
}

/// The incremental, socket-free half of a subscription.
pub trait Protocol {
    /// Appends what is sent when the connection is open.
    fn open(&mut self, out: &mut Vec<u8>);

    /// Takes bytes as they were read, hands every complete message to `deliver`, and appends what must be sent in
    /// answer (the next poll, a pong).
    ///
    /// # Errors
    ///
    /// When the server broke the protocol or refused.
    fn receive(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError>;

    /// How far the subscription is.
    fn progress(&self) -> Progress;

    /// The connection has ended: whether that is allowed here.
    ///
    /// # Errors
    ///
    /// [`SubscribeError::Ended`], or what was cut off.
    fn end(&mut self) -> Result<(), SubscribeError>;
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
    /// Responses that carried messages (long-poll).
    pub batches: u64,
}

/// Why a subscription ended.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The socket failed.
    #[error("connection failed: {0}")]
    Io(#[from] io::Error),
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
    /// Refused upgrade.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// Broken WebSocket frames.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Broken long-poll body.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// Broken TCP frames.
    #[error(transparent)]
    TcpFrame(#[from] TooLong),
}

fn hint(status: u16) -> &'static str {
    match status {
        404 => " (is the path right? docs/PROTOCOL.md names the endpoints)",
        401 | 403 => " (the server wants credentials)",
        429 | 503 => " (the server is overloaded or limits its clients)",
        _ => "",
    }
}

/// What all subscribers of one worker thread share.
#[derive(Debug)]
pub struct Inlet {
    /// Verifies, stamps and records messages.
    pub inbox: RefCell<Inbox>,
    buffer: RefCell<Box<[u8]>>,
    out: RefCell<Vec<u8>>,
    /// Wake [`Inlet::progressed`] when this many messages are settled.
    target: Cell<u64>,
    /// Signalled when the target is reached, and when a subscriber is subscribed or ends.
    pub progressed: Notify,
    /// Subscribers that the server has accepted.
    pub subscribed: Cell<u64>,
    /// Subscribers whose connection has ended.
    pub ended: Cell<u64>,
    /// Of these, subscribers that the server had not accepted before.
    pub refused: Cell<u64>,
}

/// Bytes read at once; a socket rarely holds more, and one buffer serves all connections of a worker.
const READ_BUFFER: usize = 64 * 1024;

impl Default for Inlet {
    fn default() -> Self {
        Self {
            inbox: RefCell::default(),
            buffer: RefCell::new(vec![0; READ_BUFFER].into_boxed_slice()),
            out: RefCell::default(),
            target: Cell::new(u64::MAX),
            progressed: Notify::new(),
            subscribed: Cell::new(0),
            ended: Cell::new(0),
            refused: Cell::new(0),
        }
    }
}

impl Inlet {
    /// Asks for a signal when `settled` messages in all are settled. Returns whether they are already.
    pub fn signal_at(&self, settled: u64) -> bool {
        self.target.set(settled);
        self.inbox.borrow().settled() >= settled
    }
}

/// One connection of the load generator.
#[derive(Debug)]
pub struct Subscriber {
    stream: RefCell<TcpStream>,
    inlet: Rc<Inlet>,
    /// What it has received.
    pub check: RefCell<SequenceCheck>,
    progress: Cell<Progress>,
    ended: Cell<bool>,
    /// Whether its TCP_NODELAY was set and read back as set.
    pub nodelay: bool,
}

impl Subscriber {
    /// A subscriber over an established connection that expects the messages from `first` on.
    #[must_use]
    pub fn new(stream: TcpStream, inlet: Rc<Inlet>, first: u64) -> Rc<Self> {
        let nodelay = pushbench_sys::tcp::set_nodelay_checked(&stream).unwrap_or(false);
        Rc::new(Self {
            stream: RefCell::new(stream),
            inlet,
            check: RefCell::new(SequenceCheck::starting_at(first)),
            progress: Cell::default(),
            ended: Cell::new(false),
            nodelay,
        })
    }

    /// State and expected bytes.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.get()
    }

    /// Whether its connection has ended; what it misses will not come.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// What the kernel counted on the connection so far, beside what formulas expect.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub fn wire(&self) -> io::Result<WireCount> {
        let info = pushbench_sys::tcp::tcp_info(&*self.stream.borrow())?;
        let progress = self.progress.get();
        Ok(WireCount {
            bytes_down: info.bytes_received,
            bytes_up: info.bytes_sent - info.bytes_retrans,
            segments_down: info.segs_in.into(),
            segments_up: info.segs_out.into(),
            data_segments_down: info.data_segs_in.into(),
            data_segments_up: info.data_segs_out.into(),
            retransmitted: info.total_retrans.into(),
            expected_down: Some(progress.expected_down),
            expected_up: Some(progress.expected_up),
        })
    }
}
