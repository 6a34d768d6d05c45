//! What crossed a link.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Packets of one direction, since the link was made or within a trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DirectionCounts {
    /// Packets that entered the link.
    pub packets: u64,
    /// And their bytes, with IP headers; of netem's those of packets that left.
    pub bytes: u64,
    /// Of these packets, those that were lost because the link loses some; absent where netem drops them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// Those that found the queue full; absent where netem drops them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_full: Option<u64>,
    /// Those that netem dropped: lost or without room in the queue, which it does not tell apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    /// Those that left the link.
    pub delivered: u64,
}

/// What crossed a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkCounts {
    /// From the load process to the server.
    pub up: DirectionCounts,
    /// From the server to the load process.
    pub down: DirectionCounts,
    /// Packets that the device lost before the emulator saw them: the machine was too slow, and the loss is more than
    /// was asked for.
    pub missed: u64,
    /// Packets, either way, of connections whose network was to be gone; they are in no other count.
    #[serde(default, skip_serializing_if = "is_none")]
    pub gone: u64,
    /// How late packets left, nanoseconds: half of them at most this late; to within an eighth. Absent for netem, as the
    /// next two: when packets were to leave is known to the kernel only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_p50_ns: Option<u64>,
    /// And 99 of 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_p99_ns: Option<u64>,
    /// And all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_max_ns: Option<u64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_none(count: &u64) -> bool {
    *count == 0
}

impl DirectionCounts {
    /// What was counted since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let less = |now: Option<u64>, then: Option<u64>| Some(now? - then?);
        Self {
            packets: self.packets - earlier.packets,
            bytes: self.bytes - earlier.bytes,
            lost: less(self.lost, earlier.lost),
            queue_full: less(self.queue_full, earlier.queue_full),
            dropped: less(self.dropped, earlier.dropped),
            delivered: self.delivered - earlier.delivered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written before netem could be asked for is written the same way still.
    #[test]
    fn counts_are_written_as_ever_and_absent_ones_not_at_all() {
        let lane = r#"{"packets":5,"bytes":900,"lost":1,"queue_full":2,"delivered":2}"#;
        let text = format!(
            r#"{{"up":{lane},"down":{lane},"missed":0,"late_p50_ns":1,"late_p99_ns":2,"late_max_ns":3}}"#
        );
        let counts: LinkCounts = serde_json::from_str(&text).unwrap();
        assert_eq!((counts.up.lost, counts.late_p99_ns), (Some(1), Some(2)));
        assert_eq!(serde_json::to_string(&counts).unwrap(), text);
        let netem = LinkCounts::default();
        let text = serde_json::to_string(&netem).unwrap();
        assert!(!text.contains("late") && !text.contains("lost"), "{text}");
        assert_eq!(serde_json::from_str::<LinkCounts>(&text).unwrap(), netem);
    }
}
