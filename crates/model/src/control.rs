//! The documents that a load generator and a server's control endpoint exchange (docs/PROTOCOL.md).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::histogram::EncodedHistogram;
use crate::payload::Payload;
use crate::scenario::Large;
use crate::schedule::Schedule;
use crate::tuning::Tuning;

/// `POST /schedule`: publish `count` messages by this schedule, starting now.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PublishOrder {
    /// When messages are due.
    pub schedule: Schedule,
    /// How many messages to publish.
    pub count: u64,
    /// What they carry.
    pub payload: Payload,
    /// Those of them that carry more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub large: Option<Large>,
    /// Nanoseconds before each due time that the publisher stops sleeping and spins.
    #[serde(default)]
    pub spin_ns: u64,
}

/// `GET /schedule`: what the last order has come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PublishReport {
    /// Whether the order is still being carried out.
    pub running: bool,
    /// Messages published by it so far.
    pub published: u64,
    /// Intended time of its first message, CLOCK_MONOTONIC nanoseconds.
    pub started: u64,
    /// How long publishing was held up because the receiving side took nothing more, nanoseconds.
    #[serde(default)]
    pub held_up_ns: u64,
    /// What the publishing thread got from the system: timer slack, priority.
    #[serde(default)]
    pub thread: String,
    /// Actual minus intended publish time of every message, once it has ended.
    pub lateness: Option<EncodedHistogram>,
    /// From its actual publish time until each message was handed on, once it has ended.
    #[serde(default)]
    pub publish: Option<EncodedHistogram>,
}

/// `GET /healthz` on servers of this suite: also what their sockets are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// How its libraries are set.
    #[serde(default)]
    pub tuning: Tuning,
    /// Connections accepted since the start.
    pub accepted: u64,
    /// Of these, connections whose TCP_NODELAY was read back as set.
    pub nodelay: u64,
    /// Messages published since the start.
    pub published: u64,
    /// Subscribers disconnected because they fell behind the ring of kept messages, or a shorter queue.
    pub lagged: u64,
    /// Messages dropped for subscribers whose queue was full, over all of them (`serve --overflow drop-oldest`).
    #[serde(default)]
    pub dropped: u64,
    /// Whether the server was asked to do something wrong (`serve --inject`): its figures must not be used.
    #[serde(default)]
    pub injected: bool,
    /// Answers under way (`POST /chat`).
    #[serde(default)]
    pub chats: u64,
    /// What it keeps for its subscribers, if there is a bound to it in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeps: Option<Keeps>,
}

/// What a server keeps in its own memory for subscribers that do not read, at most. Buffers of the kernel are not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Keeps {
    /// Bytes of messages that all subscribers share, as they are sent.
    pub shared_bytes: u64,
    /// So many of the newest messages are kept even if they are more bytes than that.
    pub least_messages: u64,
    /// Bytes of each subscriber's own, on top of one message.
    pub own_bytes: u64,
}

impl Keeps {
    /// Bytes for `subscribers` that do not read messages of `message` bytes.
    #[must_use]
    pub fn at_most(&self, subscribers: u64, message: u64) -> u64 {
        let shared = self
            .shared_bytes
            .max(self.least_messages.saturating_mul(message));
        let own = self.own_bytes.saturating_add(message);
        // One message is made while the others are still there.
        shared
            .saturating_add(message)
            .saturating_add(subscribers.saturating_mul(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_grows_with_those_who_do_not_read() {
        let keeps = Keeps {
            shared_bytes: 1000,
            least_messages: 4,
            own_bytes: 10,
        };
        assert_eq!(keeps.at_most(0, 100), 1100);
        assert_eq!(keeps.at_most(3, 100), 1100 + 3 * 110);
        assert_eq!(keeps.at_most(1, 500), 2500 + 510, "four of 500 bytes");
        assert_eq!(keeps.at_most(u64::MAX, u64::MAX), u64::MAX);
    }
}
