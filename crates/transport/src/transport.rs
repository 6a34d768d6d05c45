//! What every transport offers, and the list of them.
//!
//! Behind the trait object there is one call per worker ([`Transport::serve`], [`Transport::subscribers`]) and per message
//! ([`Transport::encode`]), never one per delivery: inside those calls everything is monomorphic.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use pushbench_model::control::Keeps;
use pushbench_model::injection::Injection;
use pushbench_model::scenario::Compression;
use pushbench_model::theory::Heartbeat;
use pushbench_model::tuning::Tuning;
use pushbench_sys::poller::Bell;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::bare;
use crate::dialogue::Dialogue;
use crate::http2;
use crate::hub::{self, Hub, Message, STRIP};
use crate::listener::Worker;
use crate::stack::{Overflow, Runtime, Stack};
use crate::subscriber::{Request, Subscribers};
use crate::tls::{Identity, Trust};
use crate::tokens::Talk;

/// A future that stays on its thread.
pub type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// A way to push messages: codec, server half and subscriber half.
pub trait Transport: Send + Sync {
    /// Its name on the command line, in files and in reports.
    fn name(&self) -> &'static str;

    /// One line about how it works.
    fn about(&self) -> &'static str;

    /// Scheme and path of its endpoint, for example `http` and `/sse`.
    fn endpoint(&self) -> (&'static str, &'static str);

    /// Whether it carries binary bodies as they are; otherwise they travel as base64 in JSON.
    fn carries_binary(&self) -> bool;

    /// Whether its subscribers ask for what follows the number they have, so that one message missing from the sequence
    /// changes what is asked for next.
    fn is_asked_by_number(&self) -> bool {
        false
    }

    /// Whether its subscribers ask every so often ([`crate::subscriber::Request::poll_period_ms`]), and not as soon as they
    /// have an answer.
    fn is_asked_by_the_clock(&self) -> bool {
        false
    }

    /// The software that can speak it.
    fn stacks(&self) -> &'static [Stack] {
        &[Stack::Bare, Stack::Reference]
    }

    /// How its server half on the stack `reference` can be set; the first is what is taken when nothing is said. The
    /// other stacks have no choice.
    fn tunings(&self) -> &'static [Tuning] {
        &Tuning::BOTH
    }

    /// How its messages can be compressed, and on which stack; the client's half can read either.
    fn packs(&self) -> &'static [(Stack, Compression)] {
        &[]
    }

    /// The stacks on which many subscriptions can share a connection of HTTP/2; the client's half can do the same.
    fn shares(&self) -> &'static [Stack] {
        &[]
    }

    /// Appends the bytes shared by all subscribers of a message. What differs between connections or stacks (chunk
    /// sizes, WebSocket headers) is added by the server half; with the tuning `defaults` that is all but the body.
    fn encode(&self, message: Message<'_>, options: &ServeOptions, out: &mut Vec<u8>);

    /// What a sign of life takes that our servers send on a stream; `None` where there are no streams, or no such thing.
    fn heartbeat(&self) -> Option<Heartbeat> {
        Heartbeat::of(self.name())
    }

    /// Accepts and serves connections on this thread until the worker is told to stop.
    fn serve(&self, hub: Arc<Hub>, worker: Worker, options: Arc<ServeOptions>) -> LocalFuture<()>;

    /// The same on the stack `bare`, which has no runtime.
    fn serve_bare(&self, hub: Arc<Hub>, worker: bare::Worker, options: Arc<ServeOptions>);

    /// The subscribers of one thread, none yet; secured where `trust` says whom they take. Another thread ends their waiting by
    /// ringing `bell`.
    ///
    /// # Errors
    ///
    /// When there are no file descriptors left.
    fn subscribers(
        &self,
        request: Request,
        trust: Option<Trust>,
        bell: Option<Arc<Bell>>,
    ) -> io::Result<Box<dyn Subscribers>>;

    /// The client half of a conversation with the server at `host`, where answers are made for one client; `None` where
    /// there is no such thing.
    fn talk(&self, _host: &str) -> Option<Talk> {
        None
    }

    /// How a subscriber says a message on its own connection; `None` where it has to be posted on another.
    fn speech(&self) -> Option<Speech> {
        None
    }

    /// What a subscriber makes of a server that sends `pieces`, each in one read, and then ends the connection.
    fn dialogue(&self, pieces: &[&[u8]]) -> Dialogue;
}

/// How subscribers say something on the connection on which they listen.
#[derive(Clone, Copy, Debug)]
pub struct Speech {
    /// What the query of the endpoint has then.
    pub query: &'static str,
    /// Appends what is sent.
    pub encode: Utter,
}

/// Appends what is sent for a body, binary or not, to the last argument; the mask is as random as that of a client.
pub type Utter = fn(&[u8], bool, [u8; 4], &mut Vec<u8>);

impl Speech {
    /// The endpoint at `path`, for somebody who speaks.
    #[must_use]
    pub fn path(&self, path: &str) -> String {
        let join = if path.contains('?') { '&' } else { '?' };
        format!("{path}{join}{}", self.query)
    }
}

/// All transports; a new one is a module and a line here.
pub static TRANSPORTS: &[&dyn Transport] = &[
    &crate::sse::Sse,
    &crate::websocket::WebSocket,
    &crate::long_poll::LongPoll,
    &crate::tcp::Tcp,
    &crate::ndjson::Ndjson,
    &crate::short_poll::ShortPoll,
];

/// No transport has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no transport {name:?}; there are {}", known())]
pub struct UnknownTransport {
    /// The name asked for.
    pub name: String,
}

fn known() -> String {
    TRANSPORTS
        .iter()
        .map(|transport| transport.name())
        .collect::<Vec<_>>()
        .join(", ")
}

/// The transport called `name`.
///
/// # Errors
///
/// [`UnknownTransport`], which lists the names there are.
pub fn by_name(name: &str) -> Result<&'static dyn Transport, UnknownTransport> {
    let found = TRANSPORTS
        .iter()
        .copied()
        .find(|transport| transport.name() == name);
    found.ok_or_else(|| UnknownTransport {
        name: name.to_owned(),
    })
}

/// What hyper collects for a socket that takes no more (8 KiB and 100 pages; tungstenite: 128 KiB), twice: memory that grows is copied.
const LIBRARY: u64 = 2 * (8192 + 4096 * 100);
/// Records of TLS that wait for a socket, 64 KiB on both stacks, and twice for the same reason.
const RECORDS: u64 = 2 * (64 << 10);

/// What is compressed for one connection and waits for its socket: of 64 KiB that cannot be made shorter, twice.
const PACKED: u64 = 2 * (80 << 10);

/// Settings of a server that its connections share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeOptions {
    /// The software that speaks the transport.
    pub stack: Stack,
    /// The runtime under the stack `axum`.
    pub runtime: Runtime,
    /// Stack `bare`: messages that may wait for a subscriber; the hub's ring bounds it as well.
    pub queue: usize,
    /// Stack `bare`: what becomes of a subscriber for which more would wait.
    pub overflow: Overflow,
    /// How the libraries are set; without effect on a transport that has no choice ([`Transport::tunings`]).
    pub tuning: Tuning,
    /// WebSocket on the stack `reference`: bytes of tungstenite's read buffer, in place of what the tuning says. It is
    /// filled with zeros at every attempt to read.
    pub ws_read_buffer: Option<usize>,
    /// SSE: send an `id:` line with every event, so that a browser resumes by itself.
    pub sse_ids: bool,
    /// SSE: send an `event:` line with this name.
    pub sse_event: Option<String>,
    /// SSE on the stacks `bare` and `reference`: answer POST as GET, whatever its body.
    pub sse_post: bool,
    /// SSE: tell the client how long to wait before it reconnects, in milliseconds.
    pub sse_retry_ms: Option<u64>,
    /// WebSocket: send every message of a client back to it, as it came. What is published is sent as well.
    pub echo: bool,
    /// How long a message waits for others, to be written together, milliseconds; 0 writes each when it comes.
    pub flush_window_ms: u32,
    /// Connections are secured, and this is who answers; clear text with `None`.
    pub tls: Option<Identity>,
    /// Messages are compressed, for clients that offer it.
    pub compression: Option<Compression>,
    /// Connections are HTTP/2, by prior knowledge, and carry many streams.
    pub http2: bool,
    /// Keep idle connections alive: SSE comments, WebSocket pings. Seconds between them.
    pub heartbeat_s: Option<u32>,
    /// Let go of a peer that owes an answer for so long, seconds: acknowledgements of what was sent to it (TCP_USER_TIMEOUT), and
    /// on a WebSocket anything that follows a ping.
    pub dead_after_s: Option<u32>,
    /// Long-poll: longest hold of a request whose `timeout` asks for more, milliseconds.
    pub poll_timeout_ms: u64,
    /// Stack `bare`: how long a client may take to say what it wants, milliseconds.
    pub header_timeout_ms: u64,
    /// What the server is to do wrong; nothing, unless a self-test wants it.
    pub injection: Injection,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            stack: Stack::Reference,
            runtime: Runtime::CurrentThread,
            queue: usize::MAX,
            overflow: Overflow::Disconnect,
            tuning: Tuning::Equalised,
            ws_read_buffer: None,
            sse_ids: true,
            sse_event: None,
            sse_post: false,
            sse_retry_ms: None,
            echo: false,
            flush_window_ms: 0,
            tls: None,
            compression: None,
            http2: false,
            heartbeat_s: None,
            dead_after_s: None,
            poll_timeout_ms: 25_000,
            header_timeout_ms: 10_000,
            injection: Injection::default(),
        }
    }
}

impl ServeOptions {
    /// What `transport` keeps for subscribers that do not read; `None` where there is no bound in bytes: with the policy
    /// [`Overflow::Keep`], and of axum, whose examples build on something that counts messages.
    #[must_use]
    pub fn keeps(&self, transport: &dyn Transport) -> Option<Keeps> {
        let records = if self.tls.is_some() { RECORDS } else { 0 };
        let packed = match self.compression {
            Some(Compression::Stream) => PACKED,
            Some(Compression::Message) | None => 0,
        };
        let own = match self.stack {
            Stack::Bare if self.overflow == Overflow::Keep => return None,
            Stack::Bare if self.http2 => http2::bare::OWN,
            // A part of a shared message, or of the strip that it is in.
            Stack::Bare => STRIP as u64,
            // An answer is made of all that is kept.
            Stack::Reference if transport.is_asked_by_number() => {
                hub::keeps(0).shared_bytes + LIBRARY
            }
            Stack::Reference => LIBRARY,
            Stack::Axum => return None,
        };
        Some(hub::keeps(own + records + packed))
    }

    /// How the stack is set, on a transport that has these tunings: only `reference` has a choice.
    #[must_use]
    pub fn tuning_among(&self, tunings: &[Tuning]) -> Tuning {
        match self.stack {
            Stack::Bare => Tuning::Fixed,
            Stack::Axum => Tuning::Defaults,
            // A transport without a choice is as it is, whatever was asked for.
            Stack::Reference if tunings.contains(&self.tuning) => self.tuning,
            Stack::Reference => Tuning::Fixed,
        }
    }

    /// [`Self::dead_after_s`]; `None` when it is not said, as with 0 seconds.
    pub(crate) fn dead_after(&self) -> Option<Duration> {
        let seconds = self.dead_after_s.filter(|&seconds| seconds > 0)?;
        Some(Duration::from_secs(seconds.into()))
    }

    /// Ticks every [`Self::heartbeat_s`] seconds from now on; `None` when there are no heartbeats, as with 0 seconds.
    pub(crate) fn heartbeat(&self) -> Option<Interval> {
        let seconds = self.heartbeat_s.filter(|&seconds| seconds > 0)?;
        let mut interval = interval(Duration::from_secs(seconds.into()));
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval.reset();
        Some(interval)
    }
}

/// A hub that encodes for `transport`.
#[must_use]
pub fn hub_for(transport: &'static dyn Transport, options: &Arc<ServeOptions>) -> Arc<Hub> {
    let work = options.injection.work;
    let options = Arc::clone(options);
    let encode = Box::new(move |message: Message<'_>, out: &mut Vec<u8>| {
        transport.encode(message, &options, out);
    });
    Hub::with_work(encode, work)
}

#[cfg(test)]
mod tests {
    use pushbench_model::scenario::{SPOKEN_ON, TRANSPORT_NAMES};

    use super::*;

    /// Scenarios are read where no transport is known.
    #[test]
    fn scenarios_may_ask_about_those_there_are() {
        let mut there: Vec<_> = TRANSPORTS.iter().map(|one| one.name()).collect();
        let mut known = TRANSPORT_NAMES;
        there.sort_unstable();
        known.sort_unstable();
        assert_eq!(there, known);
        let speak = TRANSPORTS.iter().filter(|one| one.speech().is_some());
        let speak: Vec<_> = speak.map(|one| one.name()).collect();
        assert_eq!(speak, [SPOKEN_ON]);
    }
}
