//! The stack `bare`: one write loop for all transports. Only handshake and framing differ.
//!
//! ```text
//! bell ──▶ Feed ──▶ Outlet ──one write──▶ Connection ◀──bytes── client
//!          ring     joins what is ready    slab, wheel   └──▶ Protocol: handshake, framing
//! ```
//!
//! # Layout
//!
//! - [`Protocol`]: what a transport adds, without sockets
//! - `serve`: the loop of a worker: one epoll instance, edge-triggered, registered once per connection, and once more when it is full for the first time
//! - `line`: a socket, or TLS ([`crate::tls`]) or a compressor ([`crate::deflate`]) above one
//! - `outlet`: writing: shared frames, joined once, and what becomes of who does not keep up
//! - `connection`: the state of a connection, and the slab that holds all of them
//! - `door`: accepting
//! - `known`: openings that are the same as the one before
//! - `interest`: what a connection is watched for
//! - `wheel`: timers; `alarm`: what wakes the loop for them
//! - `http`: request heads and answers, byte for byte as hyper writes them
//!
//! A frame is encoded once by the hub and shared by all subscribers. What is ready together is joined once and shared
//! by all who are at the same place in the sequence. Per delivery there is a comparison and a write.

mod alarm;
mod connection;
mod door;
pub(crate) mod http;
mod interest;
mod known;
mod line;
mod outlet;
mod serve;
mod wheel;

use std::net::TcpListener;
use std::sync::Arc;

use bytes::Bytes;
use pushbench_sys::poller::Bell;
use tokio::sync::watch;

use crate::hub::Lagged;
use crate::listener::Stats;
use crate::tokens::parlour::Manner;
use crate::transport::ServeOptions;

pub(crate) use connection::Slab;
pub(crate) use door::Door;
pub(crate) use interest::Interest;
pub(crate) use known::Known;
pub(crate) use line::{Got, Line, Room};
pub(crate) use serve::{IDLE_NS, LINGER_NS, MS, READS, serve};
pub(crate) use wheel::Wheel;

/// What one worker thread of the stack `bare` needs. Both files are shared, so that a thread with a file table of its
/// own is not the last to drop them.
#[derive(Debug)]
pub struct Worker {
    /// The bound socket, non-blocking; workers share it.
    pub listener: Arc<TcpListener>,
    /// Counters shared by all workers.
    pub stats: Arc<Stats>,
    /// Becomes true when the server is to end; `bell` is to be rung then.
    pub shutdown: watch::Receiver<bool>,
    /// Wakes this worker, and no other.
    pub bell: Arc<Bell>,
    /// Whether a worker whose file table is full leaves connections to others that have their own.
    pub shares_the_door: bool,
}

/// What the connections of a worker have in common.
pub(crate) struct Common {
    pub(crate) options: Arc<ServeOptions>,
    pub(crate) date: http::Date,
}

/// What the bytes at the start of a conversation ask for. `used` counts those that belong to it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked {
    /// It is not whole yet.
    More,
    /// Nothing more: it has been answered, and the next may follow.
    Answered {
        used: usize,
        /// Bytes behind it that mean nothing.
        skip: u64,
    },
    /// Nothing more: it has been answered, and the connection ends.
    End,
    /// Every message after number `after`, for ever.
    Stream {
        used: usize,
        after: Option<u64>,
        guise: Guise,
        /// It is compressed on its own, by a line that can.
        packing: Option<Packing>,
    },
    /// All messages after number `after` as one answer, when there are any.
    Batch {
        used: usize,
        skip: u64,
        after: Option<u64>,
        /// How long to wait for the first, milliseconds.
        hold_ms: u64,
        /// The connection ends with the answer.
        form: http::Form,
    },
}

/// How a subscriber is sent what stands in the ring; as it stands there, if nothing else is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Guise {
    /// Without what it does not understand of the framing.
    pub(crate) unframed: bool,
    /// As it was before it was compressed: it has not offered that.
    pub(crate) inflated: bool,
}

/// What a line that compresses is given, and makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Chunks: what is in them, in one chunk.
    Chunks,
    /// The content of a response without chunks.
    Content,
    /// WebSocket frames, each of which stays one.
    Frames,
}

/// A request that waits for the messages from number `next` on, for `hold_ns` nanoseconds: at most a quarter of what fits. One that
/// does not wait has a number that no message has, [`Self::DOES_NOT_WAIT`]: whoever looks for those that wait for the next finds
/// none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Poll {
    pub(crate) next: u64,
    pub(crate) hold_ns: u64,
}

impl Poll {
    pub(crate) const DOES_NOT_WAIT: u64 = u64::MAX;
}

/// What a subscriber sent.
pub(crate) enum Heard {
    /// So many bytes of it have been dealt with; the rest is not whole.
    Used(usize),
    /// The end: what is in the reply is said, and the connection closed.
    End,
}

/// Handshake and framing of a transport: bytes in, bytes out. `reply` takes what is to be sent to this client alone.
pub(crate) trait Protocol: 'static {
    /// What is kept of what a subscriber sends, beside the bytes that are not whole.
    type State: Default;

    /// Whether an opening is whole only with a line end, so that nothing else need be looked at.
    const LINES: bool;

    /// How answers are asked for that are made for one client each; `None` where there are none.
    const ANSWERS: Option<Manner> = None;

    /// Whether messages are asked for, and not pushed.
    const POLLED: bool = false;

    /// What is asked for by a request that differs from one read before in nothing but its number.
    fn known(&mut self, _bytes: &[u8]) -> Option<Poll> {
        None
    }

    /// Reads what a client asks for; `state` is what is kept if that makes it a subscriber.
    fn open(
        &mut self,
        state: &mut Self::State,
        bytes: &[u8],
        common: &mut Common,
        now: u64,
        reply: &mut Vec<u8>,
    ) -> Asked;

    /// Follows [`Self::open`] for a subscriber; `newest` is the number of the newest message.
    fn welcome(&mut self, _newest: u64, _reply: &mut Vec<u8>) {}

    /// Reads what a subscriber sends.
    fn hear(&mut self, state: &mut Self::State, bytes: &[u8], reply: &mut Vec<u8>) -> Heard;

    /// Keeps an idle connection alive.
    fn heartbeat(
        &mut self,
        _state: &mut Self::State,
        _guise: Guise,
        _now: u64,
        _reply: &mut Vec<u8>,
    ) {
    }

    /// How long a subscriber has said nothing after it was asked for a sign of life, nanoseconds; 0 if it owes none.
    fn silent_ns(_state: &Self::State, _now: u64) -> u64 {
        0
    }

    /// Says goodbye to a subscriber that fell behind.
    fn goodbye(&mut self, _lagged: Lagged, _reply: &mut Vec<u8>) {}

    /// A frame as a subscriber is sent it that wants it otherwise than it stands in the ring.
    fn dress(&mut self, frame: &Bytes, _guise: Guise) -> Bytes {
        frame.clone()
    }

    /// The head of an answer whose body has `len` bytes; nothing to say with `None`.
    fn head(
        &mut self,
        _len: Option<usize>,
        _form: http::Form,
        _common: &mut Common,
        _now: u64,
        _reply: &mut Vec<u8>,
    ) {
    }
}
