//! Messages that came late, and how many subscribers each was late for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Messages of the measured phase that came late, large ones among others left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LateCount {
    /// Nanoseconds after it was due from which on a message is late.
    pub bound_ns: u64,
    /// Subscribers that had a message.
    pub subscribers: u64,
    /// Messages that a subscriber had.
    pub messages: u64,
    /// Of these, messages that were late for at least one subscriber.
    pub hit: u64,
    /// Late deliveries: over all messages, the number of subscribers that each was late for.
    pub deliveries: u64,
    /// The largest number of subscribers that one message was late for.
    pub most: u64,
    /// Of each subscriber the 99th percentile of its own response times, nanoseconds, with two significant digits; of these the median,
    /// and of an even number the lower one in the middle. Absent with fewer messages than the percentile needs (1000), and where it
    /// falls among those that never arrived.
    pub stream_p99_ns: Option<u64>,
    /// The largest of them, nanoseconds; absent likewise.
    pub worst_stream_p99_ns: Option<u64>,
}

impl LateCount {
    /// Share of all deliveries that were late, 0 to 1; `None` without any.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        share(self.deliveries, self.messages * self.subscribers)
    }

    /// Share of the subscribers that a late message was late for, 0 to 1, on average over late messages; `None` where none was.
    #[must_use]
    pub fn reach(&self) -> Option<f64> {
        share(self.deliveries, self.hit * self.subscribers)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
