//! What to do, and on whom.

use std::path::PathBuf;
use std::time::Duration;

use pushbench_model::schedule::Arrivals;
use pushbench_transport::transport::Transport;

/// A drive.
#[derive(Clone)]
pub struct Plan {
    /// The transport that the endpoint speaks.
    pub transport: &'static dyn Transport,
    /// Where it is: `http`, `https`, `ws`, `wss` or `tcp`.
    pub url: String,
    /// What is asked of it.
    pub request: Asking,
    /// How TLS is done, where the URL wants it.
    pub tls: Tls,
    /// Redirects followed by an attempt.
    pub redirects: u32,
    /// Connections held at the same time.
    pub connections: u32,
    /// Time over which the first attempts are spread.
    pub ramp: Duration,
    /// When to end; absent means never by itself.
    pub duration: Option<Duration>,
    /// Messages after which to end, of all connections together.
    pub messages: Option<u64>,
    /// How long an attempt may take until it is a subscription.
    pub patience: Duration,
    /// Where sequence and time are in a message.
    pub reading: Reading,
    /// What happens after the end of a subscription or a failed attempt.
    pub reconnect: Reconnect,
    /// A publisher of our own.
    pub publish: Option<Publishing>,
    /// One worker per core listed, pinned to it; empty means one worker, pinned nowhere.
    pub cores: Vec<usize>,
    /// Seed of payloads, jitter and masks.
    pub seed: u64,
}

/// A request for a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asking {
    /// Method; empty means GET.
    pub method: String,
    /// Further headers. One of ours with the same name is left out.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// WebSocket: subprotocols that are offered.
    pub subprotocols: Vec<String>,
    /// SSE: the `Last-Event-ID` of the first attempt.
    pub last_event_id: Option<String>,
    /// Long-polling: how a poll says what it has.
    pub poll: PollStyle,
}

/// How a poll says what it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PollStyle {
    /// As docs/PROTOCOL.md says: `?after=SEQ&timeout=MS`, lines of JSON.
    #[default]
    Contract,
    /// `If-Modified-Since` and `If-None-Match`, from `Last-Modified` and `ETag` of the answer before (Nchan). The body is one
    /// message.
    Conditional,
    /// The same request again and again. The body is one message.
    Plain,
}

/// How TLS is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of authorities, or servers' own certificates, that are trusted instead of the system's: those that `SSL_CERT_FILE` or
    /// `SSL_CERT_DIR` name, or those of its store, or where it has none those that browsers trust.
    pub ca: Option<PathBuf>,
    /// No certificate is checked.
    pub insecure: bool,
    /// PEM file of a certificate of our own, and of its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Name that the certificate must be for, in place of the URL's host.
    pub server_name: Option<String>,
}

/// Where sequence and time are in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Messages of docs/PROTOCOL.md.
    Contract,
    /// JSON pointers (RFC 6901).
    Pointers {
        /// To a sequence number, whole and growing by one.
        sequence: Option<String>,
        /// To a time stamp.
        time: Option<TimeAt>,
    },
    /// Nowhere: messages are counted.
    Opaque,
}

/// A time stamp in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeAt {
    /// JSON pointer to a number, or with `unix` to an RFC 3339 text.
    pub pointer: String,
    /// Nanoseconds in one of its units.
    pub unit_ns: u64,
    /// Time of day, and not CLOCK_MONOTONIC.
    pub unix: bool,
}

/// What happens after the end of a subscription or a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reconnect {
    /// Nothing.
    Never,
    /// What a browser's EventSource does: again after its reconnection time where the end was one of the network or of
    /// the stream, never after an answer that refuses.
    EventSource,
    /// Always again, after this time.
    Fixed(Duration),
    /// Always again, after a random time up to `base` doubled by each failure in a row, at most `most` (full jitter).
    Exponential {
        /// Upper bound after the first failure.
        base: Duration,
        /// Upper bound at last.
        most: Duration,
    },
}

/// A publisher of our own.
#[derive(Clone, Debug, PartialEq)]
pub struct Publishing {
    /// Where messages are posted: `http` or `https`.
    pub url: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// Messages per second.
    pub rate: f64,
    /// How they are spread.
    pub arrivals: Arrivals,
    /// Bytes of payload of a message.
    pub payload_bytes: u32,
}
