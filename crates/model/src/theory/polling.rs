//! Long-polling and polling by the clock, for messages that come as a Poisson process.
//!
//! After an answer a client is deaf for a gap `G`: the answer's way, its own thinking, and the way of the next poll. What comes
//! meanwhile waits. With `λ` messages per second, the number that waits is Poisson distributed with mean `λG`. If any waits,
//! the poll is answered at once with all of it; if none does (probability `e^(−λG)`), it is held until the next message comes.
//! Everything below follows from that. Units are seconds and messages per second.

use std::f64::consts::LN_2;

/// What long-polling makes of a stream of messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LongPoll {
    /// Messages per answer, at least one.
    pub batch: f64,
    /// Polls per second.
    pub polls: f64,
    /// Mean time that a message waits for a poll, seconds: what comes on top of the way itself.
    pub mean_wait: f64,
    /// The longest that one waits, seconds.
    pub longest_wait: f64,
}

/// Long-polling of `rate` messages per second with a gap of `gap` seconds.
///
/// `B = λG + e^(−λG)`, polls per second `λ/B`, mean wait `(λG²/2)/B`, longest wait `G`.
#[must_use]
pub fn long_poll(rate: f64, gap: f64) -> LongPoll {
    let waiting = rate * gap;
    let batch = waiting + (-waiting).exp();
    LongPoll {
        batch,
        polls: rate / batch,
        mean_wait: waiting * gap / 2.0 / batch,
        longest_wait: gap,
    }
}

impl LongPoll {
    /// What a message has of what a poll costs, bytes of both heads or calls, where `poll` is that of a poll with its answer.
    #[must_use]
    pub fn per_message(&self, poll: f64) -> f64 {
        poll / self.batch
    }
}

/// Standard errors of what a client sees of long-polling, by chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LongPollChance {
    /// Of the messages per answer.
    pub batch: f64,
    /// Of the mean wait, seconds.
    pub mean_wait: f64,
}

/// How far figures of `messages` messages are from [`long_poll`], because messages come at random: one standard error. Other
/// clients that see the same messages change nothing.
///
/// Answers are independent of one another. With `K` messages that wait for a poll, Poisson with mean `w = λG`, an answer brings
/// `N = max(K, 1)`, and the `K` have waited for times that are spread evenly over the gap. So the variance of `N` is
/// `w + w² + e^(−w) − B²`; and that of the ratio of all waits to all messages, with `r` its mean, comes from
/// `E[(Σ waits − rN)²] = wG²/12 + (w + w²)(G/2 − r)² + e^(−w) r²` for each answer (W. G. Cochran, Sampling Techniques, §2.11).
#[must_use]
pub fn long_poll_chance(rate: f64, gap: f64, messages: f64) -> LongPollChance {
    let waiting = rate * gap;
    let LongPoll {
        batch, mean_wait, ..
    } = long_poll(rate, gap);
    let answers = messages / batch;
    let (none, square) = ((-waiting).exp(), waiting + waiting * waiting);
    let of_batch = square + none - batch * batch;
    let of_waits = waiting * gap * gap / 12.0
        + square * (gap / 2.0 - mean_wait).powi(2)
        + none * mean_wait * mean_wait;
    LongPollChance {
        batch: (of_batch.max(0.0) / answers).sqrt(),
        mean_wait: (of_waits / answers).sqrt() / batch,
    }
}

/// Seconds from the first to the last segment of a long answer over `round_trip` seconds where the sender paces as BBR does.
///
/// Its rate is 2/ln 2 times the one at which it has seen answers arrive, and that is one answer in a round trip, because between two
/// answers there is nothing to send. How many bytes it has therefore makes no difference. It is no bound: an answer that is longer than
/// those before it takes longer.
#[must_use]
pub fn spread_by_bbr(round_trip: f64) -> f64 {
    round_trip * LN_2 / 2.0
}

/// What polling by the clock makes of a stream of messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShortPoll {
    /// Mean age of a message when the client has it, seconds.
    pub mean_age: f64,
    /// The greatest.
    pub greatest_age: f64,
    /// Share of the polls that bring nothing.
    pub empty: f64,
    /// Polls per message that is worth something.
    pub polls_per_message: f64,
}

impl ShortPoll {
    /// Bytes of heads per message, where a poll has `request` bytes, an answer with messages a head of `full` bytes, and one in
    /// vain (304 or 204) is `empty` bytes.
    #[must_use]
    pub fn heads_per_message(&self, request: f64, full: f64, empty: f64) -> f64 {
        let answer = full * (1.0 - self.empty) + empty * self.empty;
        self.polls_per_message * (request + answer)
    }
}

/// A poll every `period` seconds for `rate` messages per second, over a way of `round_trip` seconds.
///
/// Mean age `T/2 + RTT/2`, greatest `T + RTT/2`, empty polls `e^(−λT)`, polls per message `1/(λT)`.
#[must_use]
pub fn short_poll(rate: f64, period: f64, round_trip: f64) -> ShortPoll {
    ShortPoll {
        mean_age: period / 2.0 + round_trip / 2.0,
        greatest_age: period + round_trip / 2.0,
        empty: (-rate * period).exp(),
        polls_per_message: 1.0 / (rate * period),
    }
}

/// How many messages an answer must bring for a poll of `poll` bytes (heads of request and response) to cost no more per
/// message than a stream that adds `framing` bytes to each, where an answer ends each message with one byte.
#[must_use]
pub fn batch_that_pays(poll: f64, framing: f64) -> f64 {
    poll / (framing - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Arrivals, Schedule};

    /// A client that polls, answer by answer: batch, mean wait, and the longest.
    fn simulate(rate: f64, gap: f64, answers: u32) -> LongPoll {
        simulate_with(11, rate, gap, answers)
    }

    fn simulate_with(seed: u64, rate: f64, gap: f64, answers: u32) -> LongPoll {
        let schedule = Schedule {
            arrivals: Arrivals::Poisson,
            rate,
            seed,
        };
        let mut arrivals = schedule.offsets().map(|ns| ns as f64 / 1e9).peekable();
        // When the poll is there: a gap after an answer, from the first one on.
        let mut asked = gap;
        let (mut messages, mut waited, mut longest) = (0u64, 0.0, 0.0_f64);
        for _ in 0..answers {
            let mut batch = 0;
            while let Some(came) = arrivals.next_if(|&came| came <= asked) {
                waited += asked - came;
                longest = longest.max(asked - came);
                batch += 1;
            }
            if batch == 0 {
                asked = arrivals.next().expect("a schedule has no end");
                batch = 1;
            }
            messages += batch;
            asked += gap;
        }
        LongPoll {
            batch: messages as f64 / f64::from(answers),
            polls: f64::from(answers) / asked,
            mean_wait: waited / messages as f64,
            longest_wait: longest,
        }
    }

    fn is_close(found: f64, expected: f64) -> bool {
        (found - expected).abs() <= 0.02 * expected
    }

    #[test]
    fn formulas_are_what_a_client_that_polls_sees_over_three_decades_of_rate() {
        for rate in [1.0, 5.0, 20.0, 100.0, 1000.0] {
            let (theory, seen) = (long_poll(rate, 0.05), simulate(rate, 0.05, 300_000));
            for (found, expected) in [
                (seen.batch, theory.batch),
                (seen.polls, theory.polls),
                (seen.mean_wait, theory.mean_wait),
            ] {
                assert!(is_close(found, expected), "{rate}: {seen:?}, {theory:?}");
            }
            assert!(seen.longest_wait <= theory.longest_wait);
        }
    }

    /// What chance makes of many clients that each see other messages.
    #[test]
    fn clients_differ_by_what_chance_allows() {
        for rate in [1.0, 10.0, 100.0, 1000.0] {
            let (clients, answers) = (1000_u32, 100);
            let theory = long_poll(rate, 0.05);
            let chance = long_poll_chance(rate, 0.05, f64::from(answers) * theory.batch);
            let seeds = 0..clients.into();
            let seen = seeds.map(|seed| simulate_with(seed, rate, 0.05, answers));
            let (mut batch, mut wait) = (0.0, 0.0);
            for one in seen {
                batch += (one.batch - theory.batch).powi(2);
                wait += (one.mean_wait - theory.mean_wait).powi(2);
            }
            let spread = |squares: f64| (squares / f64::from(clients)).sqrt();
            for (found, expected) in [
                (spread(batch), chance.batch),
                (spread(wait), chance.mean_wait),
            ] {
                let apart = (found / expected - 1.0).abs();
                assert!(apart < 0.08, "{rate}: {found}, {expected}");
            }
        }
    }

    #[test]
    fn few_messages_come_one_by_one_and_many_in_batches() {
        let rare = long_poll(0.01, 0.05);
        assert!(
            is_close(rare.batch, 1.0) && rare.mean_wait < 1e-4,
            "{rare:?}"
        );
        let often = long_poll(10_000.0, 0.05);
        assert!(is_close(often.polls, 20.0), "one per gap: {often:?}");
        assert!(is_close(often.mean_wait, 0.025), "half a gap: {often:?}");
    }

    #[test]
    fn a_clock_asks_in_vain_when_nothing_came() {
        let poll = short_poll(0.1, 10.0, 0.1);
        assert!(is_close(poll.empty, (-1.0_f64).exp()), "{poll:?}");
        assert!(
            is_close(poll.mean_age, 5.05) && is_close(poll.greatest_age, 10.05),
            "{poll:?}"
        );
        assert!(is_close(poll.polls_per_message, 1.0), "{poll:?}");
        let empty = (-1.0_f64).exp();
        let heads = 58.0 + 133.0 * (1.0 - empty) + 92.0 * empty;
        let bytes = poll.heads_per_message(58.0, 133.0, 92.0);
        assert!(is_close(bytes, heads), "{bytes}");
    }

    /// Twenty messages a second over a gap of 50 ms.
    #[test]
    fn messages_of_an_answer_share_its_poll() {
        let poll = long_poll(20.0, 0.05);
        assert!((poll.batch - 1.368).abs() < 1e-3, "{poll:?}");
        assert!((poll.polls - 14.62).abs() < 1e-2, "{poll:?}");
        assert!((poll.mean_wait - 0.01828).abs() < 1e-5, "{poll:?}");
        // Both heads as bare as they come; and a wait, a read and a write of the server.
        assert!(is_close(poll.per_message(58.0 + 133.0), 139.6));
        assert!(is_close(poll.per_message(3.0), 2.193));
    }

    #[test]
    fn a_batch_pays_for_the_heads_of_its_answer() {
        let batch = batch_that_pays(191.0, 14.0);
        assert!((14.0..15.0).contains(&batch), "{batch}");
        // There, a message costs the same either way.
        assert!(is_close(191.0 / batch + 1.0, 14.0));
        // Without the byte that ends a message, a little fewer do: bare and as a browser asks, over HTTP/1.1 and HTTP/2.
        for (poll, fewer) in [(191.0, 13.6), (810.0, 57.9), (63.0, 4.5), (168.0, 12.0)] {
            let batch = batch_that_pays(poll, 14.0 + 1.0);
            assert!((batch - fewer).abs() < 0.051, "{poll}: {batch}");
        }
    }
}
