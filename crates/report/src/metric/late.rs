//! Figures of messages that came late.

use pushbench_model::measurement::LateCount;

use crate::number::Unit;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateFigure {
    /// Share of all deliveries that were late, 0 to 1.
    Share,
    /// Share of the subscribers that a late message was late for, 0 to 1, on average over late messages.
    Reach,
    /// 99th percentile of a subscriber's own response times, nanoseconds: of the median subscriber.
    MedianStream,
    /// The same of the subscriber that had the largest.
    WorstStream,
}

impl LateFigure {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Share,
        Self::Reach,
        Self::MedianStream,
        Self::WorstStream,
    ];

    pub(super) fn of(self, count: &LateCount) -> Option<f64> {
        match self {
            Self::Share => count.share(),
            Self::Reach => count.reach(),
            Self::MedianStream => Some(count.stream_p99_ns? as f64),
            Self::WorstStream => Some(count.worst_stream_p99_ns? as f64),
        }
    }

    pub(super) fn unit(self) -> Unit {
        if self.is_share() {
            Unit::Share
        } else {
            Unit::Time
        }
    }

    /// Whether it is a part of a whole, which may be none of it.
    pub(crate) fn is_share(self) -> bool {
        matches!(self, Self::Share | Self::Reach)
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Share => "late deliveries",
            Self::Reach => "subscribers hit by a late message",
            Self::MedianStream => "p99 of the median stream",
            Self::WorstStream => "p99 of the worst stream",
        }
    }
}
