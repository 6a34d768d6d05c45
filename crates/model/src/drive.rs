//! What `pushbench load` saw of an endpoint that promised nothing but its transport.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::histogram::EncodedHistogram;

/// Names of the histograms of a [`DriveReport`]; all values are nanoseconds.
pub mod histogram {
    /// From the first SYN to an established connection, with its TLS handshake where there is one.
    pub const CONNECT: &str = "connect";
    /// From the request's last byte to the first byte of the answer.
    pub const FIRST_BYTE: &str = "first-byte";
    /// From the beginning of a connection to its first message.
    pub const FIRST_MESSAGE: &str = "first-message";
    /// Between messages of a connection.
    pub const GAP: &str = "gap";
    /// From the time that a message was meant to be published at to its receipt: only of messages of the contract.
    pub const RESPONSE: &str = "response";
    /// From the time stamp in a message to its receipt.
    pub const SERVICE: &str = "service";
    /// From the time that a message was due to the time that it was posted.
    pub const LATENESS: &str = "lateness";
}

/// The outcome of one `pushbench load`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DriveReport {
    /// Version of the record's schema; a reader refuses another one.
    #[schemars(extend("const" = crate::record::SCHEMA))]
    pub schema: u32,
    /// Version of this program.
    pub pushbench_version: String,
    /// The command, one element per argument, secrets left out.
    pub command: Vec<String>,
    /// When it started, RFC 3339, UTC.
    pub started: String,
    /// `sse`, `websocket`, `long-poll` or `tcp`.
    pub transport: String,
    /// Where it connected, credentials left out.
    pub url: String,
    /// From the first connection to the end, nanoseconds.
    pub elapsed_ns: u64,
    /// Why it ended.
    pub ended: Ended,
    /// Connections.
    pub connections: DriveConnections,
    /// Messages.
    pub messages: DriveMessages,
    /// Bytes as they were read from and written to sockets, under TLS.
    pub wire_down: u64,
    /// The same, upwards.
    pub wire_up: u64,
    /// What latencies rest on; without it there are none.
    pub clock: Option<StampClock>,
    /// By the names of [`histogram`]; one without samples is left out.
    pub histograms: BTreeMap<String, EncodedHistogram>,
    /// Second by second.
    pub seconds: Vec<Second>,
    /// What went wrong, the most frequent first.
    pub faults: Vec<Fault>,
    /// What was published.
    pub published: Option<Published>,
    /// Processor time of this process, nanoseconds.
    pub cpu_ns: u64,
}

/// Why a drive ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// Its time was over.
    Time,
    /// It had the messages it was to wait for.
    Messages,
    /// All connections had ended and none was to be opened again.
    Connections,
    /// A person stopped it.
    Interrupted,
}

/// Connections of a drive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriveConnections {
    /// Held at the same time, if all goes well.
    pub asked: u32,
    /// Attempts, first ones and others.
    pub attempts: u64,
    /// Attempts that led to a subscription.
    pub subscribed: u64,
    /// Attempts that did not.
    pub failed: u64,
    /// Subscriptions that the other side ended.
    pub ended_by_server: u64,
    /// Attempts that followed the end of a subscription or a failed attempt.
    pub reconnects: u64,
    /// Redirects that were followed.
    pub redirects: u64,
    /// Most subscriptions at the same time.
    pub most: u32,
    /// Subscriptions at the end.
    pub at_end: u32,
}

/// Messages of a drive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriveMessages {
    /// Received by all connections together, duplicates too.
    pub received: u64,
    /// Bytes of their bodies.
    pub body_bytes: u64,
    /// What came and is no message. SSE: comment lines, and events with a name or an id but without data; WebSocket: pings and
    /// pongs; long-polling: empty answers.
    pub without_data: u64,
    /// Those in which the sequence number was found.
    pub numbered: u64,
    /// Numbers that a connection never saw between its first and its last one.
    pub lost: u64,
    /// Numbers that came again.
    pub duplicated: u64,
    /// Numbers that came after a higher one.
    pub reordered: u64,
    /// Those in which what was to be found was not there or made no sense.
    pub unreadable: u64,
}

/// Which clock the time stamps in messages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StampClock {
    /// CLOCK_MONOTONIC of this machine.
    Monotonic,
    /// Time of day, which two machines never agree on: latencies are as good as their clocks.
    Unix,
}

/// One second of a drive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Second {
    /// Messages received.
    pub messages: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Subscriptions at its end.
    pub open: u32,
    /// Attempts and subscriptions that failed.
    pub faults: u64,
}

/// What went wrong, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// Which kind.
    pub kind: FaultKind,
    /// A sentence: what failed, and what to do.
    pub text: String,
    /// How often.
    pub count: u64,
}

/// Kinds of faults.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// No connection.
    Connect,
    /// TLS failed.
    Tls,
    /// The answer did not come in time.
    Timeout,
    /// A redirect that was not followed.
    Redirect,
    /// A status that refuses.
    Status,
    /// An answer of another kind.
    ContentType,
    /// The answer broke HTTP or the transport's protocol, or its head was endless.
    Protocol,
    /// The other side ended a subscription.
    Ended,
    /// A message without what was to be found in it.
    Message,
    /// A publish that failed.
    Publish,
}

/// What a publisher of our own did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Published {
    /// Messages per second that were asked for.
    pub rate: f64,
    /// Messages posted.
    pub posted: u64,
    /// Of these, refused or unanswered.
    pub failed: u64,
    /// Deliveries that all subscriptions together should have seen.
    pub expected: u64,
    /// Of these, those that never came.
    pub missing: u64,
}
