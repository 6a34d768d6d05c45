//! For whom messages were late: one message after the other, and one stream after the other.
//!
//! A percentile over all deliveries does not tell a thousand messages late for one subscriber each from one message late for a
//! thousand. Here both are kept apart: of every message for how many it was late, of every subscriber its own response times.

use hdrhistogram::Histogram;

use crate::histogram::{HIGHEST, Quantile, quantile};
use crate::measurement::LateCount;

/// Response times of a stream are kept in units of this, nanoseconds.
const UNIT_NS: u64 = 10_000;
/// Messages beyond so many are not looked at: their numbers are no publisher's, or nobody asks that long who was hit.
pub const MOST_MESSAGES: u64 = 1 << 22;

/// What is known of one message.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    /// Subscribers that have had it.
    had: u32,
    /// Of these, subscribers that it was late for.
    late: u32,
}

/// The messages of one worker, or of several together. A stream takes some 10 KB.
#[derive(Clone, Debug)]
pub struct Late {
    bound_ns: u64,
    record_from: u64,
    /// By sequence number, from `record_from` on.
    messages: Vec<Fate>,
    /// By the subscriber's number within its worker; absent until it gets a message.
    streams: Vec<Option<Histogram<u32>>>,
}

/// No response times yet.
fn stream() -> Histogram<u32> {
    Histogram::new_with_bounds(1, HIGHEST / UNIT_NS, 2).expect("the bounds are valid")
}

impl Late {
    /// Counts as late what comes `bound_ns` nanoseconds or more after it was due, of messages from `record_from` on.
    #[must_use]
    pub fn new(bound_ns: u64, record_from: u64) -> Self {
        Self {
            bound_ns,
            record_from,
            messages: Vec::new(),
            streams: Vec::new(),
        }
    }

    /// Starts anew with message `seq`. Room that streams have taken is kept, so that nothing need be made while measuring.
    pub fn record_from(&mut self, seq: u64) {
        self.record_from = seq;
        self.messages.clear();
        self.streams.iter_mut().flatten().for_each(Histogram::reset);
    }

    /// Subscriber `who` has message `seq`, `response` nanoseconds after it was due. It is new to it, and not below the first one recorded.
    #[inline]
    pub fn record(&mut self, who: usize, seq: u64, response: u64) {
        let at = seq.saturating_sub(self.record_from);
        if at >= MOST_MESSAGES {
            return;
        }
        let at = at as usize;
        if at >= self.messages.len() {
            self.messages.resize(at + 1, Fate::default());
        }
        let message = &mut self.messages[at];
        message.had += 1;
        message.late += u32::from(response >= self.bound_ns);
        if who >= self.streams.len() {
            self.streams.resize(who + 1, None);
        }
        let units = (response.min(HIGHEST) + UNIT_NS / 2) / UNIT_NS;
        self.streams[who]
            .get_or_insert_with(stream)
            .saturating_record(units);
    }

    /// Adds what another worker has of the same messages, with subscribers of its own.
    pub fn merge(&mut self, other: &Self) {
        debug_assert_eq!(
            (self.bound_ns, self.record_from),
            (other.bound_ns, other.record_from),
            "workers share the bound and the first message"
        );
        if self.messages.len() < other.messages.len() {
            self.messages.resize(other.messages.len(), Fate::default());
        }
        for (sum, part) in self.messages.iter_mut().zip(&other.messages) {
            sum.had += part.had;
            sum.late += part.late;
        }
        self.streams.extend_from_slice(&other.streams);
    }

    /// What it all comes to.
    #[must_use]
    pub fn count(&self) -> LateCount {
        let messages = self.messages.iter().filter(|fate| fate.had > 0);
        let late = || self.messages.iter().map(|fate| fate.late);
        let mut count = LateCount {
            bound_ns: self.bound_ns,
            subscribers: 0,
            messages: messages.count() as u64,
            hit: late().filter(|&late| late > 0).count() as u64,
            deliveries: late().map(u64::from).sum(),
            most: late().max().unwrap_or(0).into(),
            stream_p99_ns: None,
            worst_stream_p99_ns: None,
        };
        let streams = self.streams.iter().flatten();
        let mut p99s: Vec<Quantile> = streams
            .filter(|stream| !stream.is_empty())
            .map(|stream| {
                let lost = count.messages.saturating_sub(stream.len());
                quantile(stream, lost, 0.99)
            })
            .collect();
        count.subscribers = p99s.len() as u64;
        // What was never delivered is later than all else.
        p99s.sort_by_key(|p99| (*p99 == Quantile::BeyondEnd, p99.value()));
        let ns = |p99: Option<&Quantile>| Some(p99?.value()? * UNIT_NS);
        count.stream_p99_ns = ns(p99s.get(p99s.len().saturating_sub(1) / 2));
        count.worst_stream_p99_ns = ns(p99s.last());
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// From message 11 on, late from 5 ms on.
    fn late() -> Late {
        Late::new(5 * MS, 11)
    }

    #[test]
    fn a_message_counts_once_for_everybody_it_is_late_for() {
        let mut late = late();
        assert_eq!(late.count().share(), None, "there is nothing yet");
        for (seq, responses) in [
            (11, [1, 2, 3]),
            (12, [5, 4, 4]),
            (13, [9, 9, 9]),
            (15, [1, 1, 1]),
        ] {
            for (who, response) in responses.into_iter().enumerate() {
                late.record(who, seq, response * MS);
            }
        }
        let count = late.count();
        assert_eq!((count.bound_ns, count.subscribers), (5 * MS, 3));
        assert_eq!(count.messages, 4, "nobody has had 14");
        assert_eq!((count.hit, count.deliveries, count.most), (2, 4, 3));
        assert_eq!(count.share(), Some(4.0 / 12.0));
        assert_eq!(count.reach(), Some(4.0 / 6.0));
        assert_eq!(
            (count.stream_p99_ns, count.worst_stream_p99_ns),
            (None, None),
            "of four messages there is no 99th percentile"
        );
    }

    /// Fills the streams `who` with a thousand messages, the last 20 of which are late.
    fn filled(streams: &[(usize, u64)]) -> Late {
        let mut late = late();
        for seq in 0..1000 {
            for &(who, tail_ms) in streams {
                let response = if seq < 980 { MS } else { tail_ms * MS };
                late.record(who, 11 + seq, response);
            }
        }
        late
    }

    fn near(ns: Option<u64>, ms: u64) -> bool {
        ns.is_some_and(|ns| ns.abs_diff(ms * MS) * 100 <= ms * MS)
    }

    #[test]
    fn streams_have_percentiles_of_their_own() {
        let count = filled(&[(0, 2), (1, 300), (2, 40)]).count();
        assert_eq!(
            (count.messages, count.hit, count.deliveries),
            (1000, 20, 40)
        );
        assert_eq!(count.reach(), Some(2.0 / 3.0));
        assert!(near(count.stream_p99_ns, 40), "{count:?}");
        assert!(near(count.worst_stream_p99_ns, 300), "{count:?}");
    }

    #[test]
    fn workers_add_up_messages_and_keep_streams() {
        // Two workers number their subscribers alike, and one of them has had less.
        let mut sum = filled(&[(0, 2), (3, 20)]);
        let mut other = filled(&[(0, 60), (1, 80), (2, 1)]);
        other.record(0, 11 + 1000, 7 * MS);
        sum.merge(&other);
        let count = sum.count();
        assert_eq!(count.subscribers, 5, "a number that nobody has is nobody");
        assert_eq!((count.messages, count.hit), (1001, 21));
        assert_eq!((count.deliveries, count.most), (20 * 3 + 1, 3));
        assert!(near(count.stream_p99_ns, 20), "{count:?}");
        assert!(near(count.worst_stream_p99_ns, 80), "{count:?}");
        let mut empty = late();
        empty.merge(&sum);
        assert_eq!(empty.count(), count);
    }

    #[test]
    fn what_is_missing_is_later_than_all_else() {
        let mut late = filled(&[(0, 2), (1, 3), (2, 4)]);
        for seq in 1000..2000 {
            late.record(0, 11 + seq, 2 * MS);
            late.record(1, 11 + seq, 3 * MS);
        }
        let count = late.count();
        assert!(near(count.stream_p99_ns, 3), "{count:?}");
        assert_eq!(count.worst_stream_p99_ns, None, "beyond the end");
    }

    #[test]
    fn it_starts_anew() {
        let mut late = filled(&[(0, 90), (1, 90)]);
        late.record_from(2000);
        let nothing = LateCount {
            bound_ns: 5 * MS,
            ..LateCount::default()
        };
        assert_eq!(late.count(), nothing);
        late.record(1, 2000, 6 * MS);
        let count = late.count();
        assert_eq!((count.subscribers, count.messages, count.hit), (1, 1, 1));
    }

    #[test]
    fn a_number_of_no_publisher_takes_no_room() {
        let mut late = late();
        late.record(0, u64::MAX / 2, 9 * MS);
        assert_eq!(late.count().messages, 0);
        late.record(0, 11, u64::MAX);
        assert_eq!(late.count().deliveries, 1);
    }
}
