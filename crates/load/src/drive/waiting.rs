//! How long messages that are under way are waited for.

/// Longest wait for the next of them, nanoseconds.
const NEXT_NS: u64 = 2_000_000_000;
/// Longest wait for all of them, nanoseconds: a server that trickles does not keep a drive from its end.
const ALL_NS: u64 = 10_000_000_000;

/// A wait for messages. Times are CLOCK_MONOTONIC nanoseconds.
pub(super) struct Waiting {
    expected: u64,
    began: u64,
    /// How many had come when one came last, and when that was seen.
    last: (u64, u64),
}

impl Waiting {
    /// A wait for `expected` messages that begins at `now`.
    pub(super) fn new(expected: u64, now: u64) -> Self {
        Self {
            expected,
            began: now,
            last: (0, now),
        }
    }

    /// Whether it is over at `now`, when `came` messages have come.
    pub(super) fn is_over(&mut self, came: u64, now: u64) -> bool {
        if came > self.last.0 {
            self.last = (came, now);
        }
        came >= self.expected
            || now.saturating_sub(self.last.1) >= NEXT_NS
            || now.saturating_sub(self.began) >= ALL_NS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// When the wait for 100 messages is over, seconds, if `came` of them have come after so many.
    fn over(came: impl Fn(u64) -> u64) -> Option<u64> {
        let mut waiting = Waiting::new(100, 5);
        (0..1000).find(|second| waiting.is_over(came(*second), 5 + second * SECOND))
    }

    #[test]
    fn messages_are_waited_for_as_long_as_they_come_but_not_forever() {
        assert_eq!(over(|_| 100), Some(0));
        assert_eq!(over(|_| 0), Some(2));
        assert_eq!(over(|second| second * 20), Some(5));
        // Five come, and no more.
        assert_eq!(over(|second| second.min(5)), Some(7));
        assert_eq!(over(|second| second), Some(10));
    }
}
