//! What a load process prints at the end of a trial, as one JSON document.

mod late;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::control::Health;
use crate::histogram::EncodedHistogram;
use crate::sequence::SequenceCounts;

pub use late::LateCount;

/// Whether load waits for results. Open-loop and closed-loop figures never stand in one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LoopModel {
    /// Load follows a schedule whatever happens.
    Open,
    /// The next operation starts when one before it has ended.
    Closed,
}

/// Who published the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Publisher {
    /// The server, by a schedule it was given.
    Server,
    /// The load process, through `POST /publish`.
    Load,
}

/// Bytes and segments of TCP, from TCP_INFO, summed over the measured connections.
///
/// "Down" is server to client. Bytes are TCP payload bytes; `segments` counts every TCP segment, pure acknowledgements
/// too, `data_segments` only those with payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireCount {
    /// Payload bytes server to client.
    pub bytes_down: u64,
    /// Payload bytes client to server.
    pub bytes_up: u64,
    /// Segments server to client.
    pub segments_down: u64,
    /// Segments client to server.
    pub segments_up: u64,
    /// Segments with payload server to client.
    pub data_segments_down: u64,
    /// Segments with payload client to server.
    pub data_segments_up: u64,
    /// Segments sent again by the client.
    pub retransmitted: u64,
    /// Payload bytes server to client by formula, for exactly what was received; absent where no formula applies.
    pub expected_down: Option<u64>,
    /// Payload bytes client to server by formula.
    pub expected_up: Option<u64>,
}

impl WireCount {
    /// Adds the counts of another connection.
    pub fn add(&mut self, other: &Self) {
        self.bytes_down += other.bytes_down;
        self.bytes_up += other.bytes_up;
        self.segments_down += other.segments_down;
        self.segments_up += other.segments_up;
        self.data_segments_down += other.data_segments_down;
        self.data_segments_up += other.data_segments_up;
        self.retransmitted += other.retransmitted;
        let sum = |a: Option<u64>, b: Option<u64>| Some(a? + b?);
        self.expected_down = sum(self.expected_down, other.expected_down);
        self.expected_up = sum(self.expected_up, other.expected_up);
    }

    /// What came after `earlier` on the same connections.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let difference = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_sub(b?));
        Self {
            bytes_down: self.bytes_down.saturating_sub(earlier.bytes_down),
            bytes_up: self.bytes_up.saturating_sub(earlier.bytes_up),
            segments_down: self.segments_down.saturating_sub(earlier.segments_down),
            segments_up: self.segments_up.saturating_sub(earlier.segments_up),
            data_segments_down: self
                .data_segments_down
                .saturating_sub(earlier.data_segments_down),
            data_segments_up: self
                .data_segments_up
                .saturating_sub(earlier.data_segments_up),
            retransmitted: self.retransmitted.saturating_sub(earlier.retransmitted),
            expected_down: difference(self.expected_down, earlier.expected_down),
            expected_up: difference(self.expected_up, earlier.expected_up),
        }
    }

    /// Whether the counted bytes equal the formulas in both directions; `None` where no formula applies.
    #[must_use]
    pub fn agrees(&self) -> Option<bool> {
        Some(self.expected_down? == self.bytes_down && self.expected_up? == self.bytes_up)
    }
}

/// State of the sockets of the load process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionCount {
    /// Connections established.
    pub opened: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Connections whose TCP_NODELAY was set and read back as set.
    pub nodelay: u64,
    /// Connections that the server ended before the drain was over.
    pub ended_early: u64,
}

impl ConnectionCount {
    /// Adds the counts of others.
    pub fn add(&mut self, other: &Self) {
        self.opened += other.opened;
        self.failed += other.failed;
        self.nodelay += other.nodelay;
        self.ended_early += other.ended_early;
    }
}

/// Names of the histograms a measurement may hold; nanoseconds all.
pub mod histogram_name {
    /// Receive time minus intended publish time.
    pub const RESPONSE: &str = "response";
    /// Receive time minus actual publish time.
    pub const SERVICE: &str = "service";
    /// Receive time minus intended publish time of large messages, where there are some among others.
    pub const LARGE: &str = "large";
    /// Actual minus intended publish time; of connections that come by a schedule, start of `connect()` minus the time it was due.
    pub const LATENESS: &str = "lateness";
    /// From the actual publish time until the message was handed on: to the server's queue, or to the socket of a relay.
    pub const PUBLISH: &str = "publish";
    /// How late the load process's event loops came to a timer: what they had on their hands.
    pub const LOOP_LAG: &str = "loop-lag";
    /// Start of `connect()` to the established TCP connection.
    pub const TCP_CONNECT: &str = "tcp-connect";
    /// Start of `connect()` to the first message; of connections that come by a schedule, from when they were due.
    pub const FIRST_MESSAGE: &str = "first-message";
    /// From the intended time of an answer's first token to its receipt: what transport and server add.
    pub const FIRST_TOKEN: &str = "first-token";
    /// By how much the time between the receipts of two tokens of an answer was longer than the model's own gap between them; 0
    /// where it was no longer: the one before was late, or both came in one read.
    pub const ADDED_GAP: &str = "added-gap";
    /// From the intended time of an answer's last token until its client has heard that it is whole.
    pub const ENDED: &str = "ended";
    /// From the stop of an answer by its client until the server made no more of it.
    pub const CANCEL: &str = "cancel";
    /// From the cut of a connection to the next message that its subscriber had not had.
    pub const RECOVERY: &str = "recovery";
    /// From the death of a subscriber's network until the server had let go of its connection.
    pub const NOTICED: &str = "noticed";
    /// From the death of its network until a client had given its server up.
    pub const GIVEN_UP: &str = "given-up";
}

/// Response times of a short time, one of many in a row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// Its start, nanoseconds after the intended time of the first measured message; negative within the warm-up.
    pub start_ns: i64,
    /// Deliveries in it.
    pub n: u64,
    /// Mean response time, nanoseconds.
    pub mean_ns: f64,
    /// Median, with two significant digits.
    pub p50_ns: u64,
    /// Largest.
    pub max_ns: u64,
}

/// How busy the receiving side was in the measured phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientLoad {
    /// Processor time of the busiest worker over the length of the phase, 0 to 1.
    pub busiest: f64,
}

/// What became of connections that come by a schedule (an open loop of the workload connect).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArrivalCount {
    /// Connections that were due.
    pub due: u64,
    /// Connections that were open at the same time, at most.
    pub most_open: u64,
}

/// What became of connections that were cut on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CutCount {
    /// Connections that were cut.
    pub cuts: u64,
    /// Attempts to come back that failed; each was made again after another delay.
    pub failed: u64,
    /// Subscribers whose stream flowed again.
    pub recovered: u64,
    /// Most subscriptions that began within a tenth of a second, times ten: per second.
    pub peak_per_s: f64,
    /// Seconds that subscribers were away, from the cut to the next request, summed over all cuts.
    pub away_s: f64,
}

/// What became of subscribers that were slow on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SlowCount {
    /// Subscribers that stopped reading, or read slowly.
    pub slow: u64,
    /// Of these, subscribers that the server let go while the others were measured.
    pub let_go: u64,
    /// Seconds from when they became slow until the server let them go, summed over those.
    pub let_go_after_s: f64,
    /// Bytes that they read meanwhile.
    pub read_bytes: u64,
}

/// What became of connections whose network went away. Times that lie beyond the watch are not in the sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeadCount {
    /// Subscribers whose network went away.
    pub dead: u64,
    /// Of these, connections that could not be found among the server's sockets before: nothing is known of them.
    pub unseen: u64,
    /// Connections of which the server let go: they were established no more, or no file was left of them.
    pub noticed: u64,
    /// Seconds until it had, summed over those.
    pub noticed_after_s: f64,
    /// The longest of them, seconds.
    pub noticed_last_s: f64,
    /// Clients that gave their server up: nothing had come for two and a half heartbeats.
    pub given_up: u64,
    /// Seconds until they had, summed over those.
    pub given_up_after_s: f64,
    /// Seconds for which a connection was watched after its death, summed over all.
    pub watched_s: f64,
    /// The longest time between two looks at the server's sockets, seconds: a time is up to this much too long.
    pub look_s: f64,
}

/// Polls of the measured phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PollCount {
    /// Polls that were answered, over all subscribers: with messages, as `batches` counts them, or with nothing.
    pub answered: u64,
    /// From one poll of a subscriber to the next, nanoseconds; absent where the next follows an answer.
    pub period_ns: Option<u64>,
}

/// What became of answers that were asked for, token by token (workload tokens).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerCount {
    /// Answers asked for.
    pub asked: u64,
    /// Answers that came whole, with the text and the context that were expected.
    pub whole: u64,
    /// Answers that their client stopped half way.
    pub cancelled: u64,
    /// Of these, answers that the server says it stopped.
    pub stopped: u64,
    /// Tokens that the server made of cancelled answers and nobody wanted any more.
    pub wasted: u64,
    /// Tokens expected, of cancelled answers those up to where they were stopped.
    pub tokens: u64,
    /// Pauses between the receipt of two tokens of more than three mean gaps.
    pub stalls: u64,
    /// Pauses that long by the model's schedule.
    pub scheduled_stalls: u64,
    /// Bytes of all prompts: questions, and context where it is sent again.
    pub prompt_bytes: u64,
    /// Bytes of the text of all tokens received.
    pub text_bytes: u64,
}

/// What subscribers have said (a two-way fan-out), and what it took to say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Upstream {
    /// Messages said: frames, or requests.
    pub messages: u64,
    /// Bytes that they were, frame headers or heads of requests included.
    pub bytes: u64,
    /// Answers to them; none where a message is a frame.
    pub answers: u64,
    /// Bytes of these answers.
    pub answer_bytes: u64,
}

impl Upstream {
    /// What was said since `before`.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self {
            messages: self.messages.saturating_sub(before.messages),
            bytes: self.bytes.saturating_sub(before.bytes),
            answers: self.answers.saturating_sub(before.answers),
            answer_bytes: self.answer_bytes.saturating_sub(before.answer_bytes),
        }
    }
}

/// What TLS came to, as the load process has seen it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TlsCount {
    /// Connections that made a full handshake. Of a fan-out these are all, whenever they were opened; of connections by themselves
    /// those of the measured phase.
    pub full: u64,
    /// Connections that resumed a session by a ticket, likewise.
    pub resumed: u64,
    /// Connections whose handshake took a round trip more, because the server wanted another key than was offered.
    pub retried: u64,
    /// Connections before all others, which brought tickets to resume sessions with, one full handshake per worker among them.
    pub primed: u64,
    /// Bytes of the handshakes and tickets of `full`, `resumed` and `retried`, server to client.
    pub handshake_down: u64,
    /// Bytes of these handshakes client to server.
    pub handshake_up: u64,
    /// Records of the measured phase that carried bytes of the transport, server to client.
    pub records_down: u64,
    /// The same, client to server.
    pub records_up: u64,
    /// The suite agreed on, by its name in RFC 8446; empty where there was no handshake.
    pub suite: String,
    /// The group of the key exchange, likewise.
    pub group: String,
}

/// The result of a load process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measurement {
    /// Name of the workload.
    pub workload: String,
    /// Name of the transport.
    pub transport: String,
    /// Open or closed loop.
    pub loop_model: LoopModel,
    /// Who published.
    pub publisher: Publisher,
    /// Subscribers (fan-out), connections being set up at any time (connect, closed loop), or open when nothing goes wrong (open loop).
    pub concurrency: u64,
    /// Units of work in the measured phase: deliveries (fan-out) or connections (connect).
    pub operations: u64,
    /// Messages published in the measured phase.
    pub published: u64,
    /// Bytes of a message body: payload and envelope.
    pub body_bytes: u64,
    /// Bytes of the payload alone.
    pub payload_bytes: u64,
    /// Length of the measured phase, nanoseconds: first intended publish to last receipt; of connections that come by a schedule,
    /// its beginning to the last first message.
    pub elapsed_ns: u64,
    /// What arrived, over all subscribers, warm-up included.
    pub sequence: SequenceCounts,
    /// Bytes and segments of the measured phase: of subscriptions, and of the connections on which subscribers speak.
    pub wire: WireCount,
    /// Responses that carried the messages, where a transport delivers in batches (long-poll, short-poll); otherwise absent.
    pub batches: Option<u64>,
    /// Polls of a fan-out, where a transport polls (long-poll, short-poll); otherwise absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polls: Option<PollCount>,
    /// How long the publisher was held up by a server that did not take its messages, nanoseconds; only the load
    /// process publishes through a connection that can be full.
    #[serde(default)]
    pub held_up_ns: u64,
    /// State of the sockets.
    pub connections: ConnectionCount,
    /// What the server says of its own sockets at the end, if it says it in the form of this suite.
    #[serde(default)]
    pub server: Option<Health>,
    /// Response times over time, warm-up included; fan-out only.
    pub windows: Vec<Window>,
    /// Connections that were cut on purpose, if any were to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuts: Option<CutCount>,
    /// Connections that came by a schedule, if any were to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<ArrivalCount>,
    /// Signs of life that came on all streams, if the server was told to send any: SSE comments, WebSocket pings, empty lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeats: Option<u64>,
    /// Subscribers that were slow on purpose, if any were to be. Deliveries, sequence and bytes are those of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<SlowCount>,
    /// Subscribers whose network went away, if any was to. Deliveries, sequence and bytes are those of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<DeadCount>,
    /// Messages that came late, if it was to be looked at whom they are late for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<LateCount>,
    /// What subscribers said in the measured phase, if they were the ones to speak; part of `wire`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstream>,
    /// Answers that were made for one client each, if any were to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<AnswerCount>,
    /// Handshakes and records, if connections were to be secured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsCount>,
    /// How busy the receiving side was; absent where the system does not tell.
    pub client: Option<ClientLoad>,
    /// Histograms by name ([`histogram_name`]).
    pub histograms: BTreeMap<String, EncodedHistogram>,
    /// What went wrong, in words; the first few of each kind.
    pub errors: Vec<String>,
}

impl Measurement {
    /// Messages of the measured phase that a subscriber never had intact, or connections that never came to a message.
    #[must_use]
    pub fn undelivered(&self) -> u64 {
        if let Some(answers) = &self.answers {
            return answers.tokens.saturating_sub(self.operations);
        }
        match self.loop_model {
            LoopModel::Open if self.arrivals.is_some() => self.connections.failed,
            LoopModel::Open => {
                let due = self.published * self.measured_subscribers();
                due.saturating_sub(self.operations)
            }
            LoopModel::Closed => self.connections.failed,
        }
    }

    /// Subscribers that figures are of: those that are neither slow on purpose nor dead.
    #[must_use]
    pub fn measured_subscribers(&self) -> u64 {
        let slow = self.slow.map_or(0, |slow| slow.slow);
        let dead = self.dead.map_or(0, |dead| dead.dead);
        self.concurrency.saturating_sub(slow + dead)
    }

    /// How many of them stand beside the samples of the histogram `name`, or, of ends of answers, how many ends: only times that
    /// end with a receipt can lie beyond the end of the run.
    #[must_use]
    pub fn lost_beside(&self, name: &str) -> u64 {
        match name {
            histogram_name::RESPONSE
            | histogram_name::SERVICE
            | histogram_name::LARGE
            | histogram_name::FIRST_MESSAGE
            | histogram_name::ADDED_GAP => self.undelivered(),
            histogram_name::ENDED => self
                .answers
                .map_or(0, |all| all.asked.saturating_sub(all.whole + all.cancelled)),
            _ => 0,
        }
    }
}
