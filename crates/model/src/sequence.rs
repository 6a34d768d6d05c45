//! What became of every message that one subscriber should have received.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Counts over all subscribers of a trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SequenceCounts {
    /// Messages delivered for the first time.
    pub delivered: u64,
    /// Messages that never arrived.
    pub lost: u64,
    /// Arrivals of a message that had arrived before.
    pub duplicated: u64,
    /// Messages that arrived after one with a higher sequence number.
    pub reordered: u64,
    /// Arrivals whose content failed its checksum or was no message at all.
    pub corrupted: u64,
}

impl SequenceCounts {
    /// Whether every message arrived exactly once, in order and intact.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.reordered == 0 && self.corrupted == 0
    }

    /// Adds the counts of another set of subscribers.
    pub fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.corrupted += other.corrupted;
    }
}

/// What arrived with a sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The next one, or one after a gap.
    New,
    /// A gap filled late.
    Reordered,
    /// Seen before.
    Duplicate,
    /// Below the first number this subscriber was to receive, or beyond what any publisher counts to.
    Stale,
}

/// Numbers beyond are no sequence numbers of a publisher.
const FARTHEST: u64 = u64::MAX / 2;

/// Follows one subscriber. In order it costs a comparison; memory is used only while there are gaps.
#[derive(Clone, Debug)]
pub struct SequenceCheck {
    first: u64,
    next: u64,
    /// Missing ranges `[from, to)` below `next`, ascending.
    gaps: Vec<(u64, u64)>,
    delivered: u64,
    duplicated: u64,
    reordered: u64,
}

impl SequenceCheck {
    /// Expects the messages from `first` on.
    #[must_use]
    pub fn starting_at(first: u64) -> Self {
        Self {
            first,
            next: first,
            gaps: Vec::new(),
            delivered: 0,
            duplicated: 0,
            reordered: 0,
        }
    }

    /// Notes the arrival of `seq`.
    #[inline]
    pub fn arrived(&mut self, seq: u64) -> Arrival {
        if seq == self.next {
            self.next += 1;
            self.delivered += 1;
            return Arrival::New;
        }
        self.out_of_line(seq)
    }

    #[cold]
    fn out_of_line(&mut self, seq: u64) -> Arrival {
        // No publisher counts so far, and what follows must not overflow.
        if seq > FARTHEST {
            return Arrival::Stale;
        }
        if seq > self.next {
            self.gaps.push((self.next, seq));
            self.next = seq + 1;
            self.delivered += 1;
            return Arrival::New;
        }
        if seq < self.first {
            return Arrival::Stale;
        }
        let Some(at) = self
            .gaps
            .iter()
            .position(|&(from, to)| (from..to).contains(&seq))
        else {
            self.duplicated += 1;
            return Arrival::Duplicate;
        };
        let (from, to) = self.gaps[at];
        let rest = [(from, seq), (seq + 1, to)];
        self.gaps
            .splice(at..=at, rest.into_iter().filter(|(from, to)| from < to));
        self.delivered += 1;
        self.reordered += 1;
        Arrival::Reordered
    }

    /// The sequence number after the highest one that arrived.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The outcome if `last` was the last message published: what is missing up to it is lost.
    #[must_use]
    pub fn counts(&self, last: u64) -> SequenceCounts {
        let end = last.saturating_add(1);
        // A stray message far beyond the last one leaves a gap in which nothing was published.
        let missing = |&(from, to): &(u64, u64)| to.min(end).saturating_sub(from);
        let gaps: u64 = self.gaps.iter().map(missing).sum();
        let tail = end.saturating_sub(self.next);
        SequenceCounts {
            delivered: self.delivered,
            lost: gaps + tail,
            duplicated: self.duplicated,
            reordered: self.reordered,
            corrupted: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn feed(seqs: &[u64]) -> SequenceCheck {
        let mut check = SequenceCheck::starting_at(1);
        for &seq in seqs {
            check.arrived(seq);
        }
        check
    }

    #[test]
    fn each_fault_is_counted_once() {
        let counts = |seqs: &[u64]| feed(seqs).counts(5);
        let (delivered, lost, duplicated, reordered) = (5, 0, 0, 0);
        let clean = SequenceCounts {
            delivered,
            lost,
            duplicated,
            reordered,
            corrupted: 0,
        };
        assert_eq!(counts(&[1, 2, 3, 4, 5]), clean);
        assert_eq!(
            counts(&[1, 2, 4, 5]),
            SequenceCounts {
                delivered: 4,
                lost: 1,
                ..clean
            }
        );
        assert_eq!(
            counts(&[1, 2, 3, 4]),
            SequenceCounts {
                delivered: 4,
                lost: 1,
                ..clean
            }
        );
        assert_eq!(
            counts(&[1, 2, 3, 3, 4, 5]),
            SequenceCounts {
                duplicated: 1,
                ..clean
            }
        );
        assert_eq!(
            counts(&[1, 2, 4, 3, 5]),
            SequenceCounts {
                reordered: 1,
                ..clean
            }
        );
        assert_eq!(counts(&[0, 1, 2, 3, 4, 5]), clean, "older than asked for");
        assert_eq!(counts(&[u64::MAX, 1, 2, 3, 4, 5]), clean, "no number");
    }

    #[test]
    fn a_stray_number_far_away_loses_nothing() {
        let mut check = feed(&[1, FARTHEST, 2, 4]);
        check.arrived(FARTHEST);
        let counts = check.counts(5);
        assert_eq!((counts.lost, counts.duplicated), (2, 1), "3 and 5");
        let mut sum = counts;
        sum.add(&counts);
        assert_eq!(sum.lost, 4);
    }

    proptest! {
        /// Against a plain list: whatever arrives, delivered + lost = expected and duplicates are the rest.
        #[test]
        fn agrees_with_a_set(seqs in proptest::collection::vec(1u64..40, 0..80)) {
            let counts = feed(&seqs).counts(40);
            let set: std::collections::BTreeSet<_> = seqs.iter().copied().collect();
            prop_assert_eq!(counts.delivered, set.len() as u64);
            prop_assert_eq!(counts.lost, 40 - set.len() as u64);
            prop_assert_eq!(counts.duplicated, (seqs.len() - set.len()) as u64);
            let late = seqs.iter().enumerate().filter(|&(i, s)| {
                !seqs[..i].contains(s) && seqs[..i].iter().any(|before| before > s)
            }).count();
            prop_assert_eq!(counts.reordered, late as u64);
        }
    }
}
