//! What comes in one read: tokens held against the script, and recorded.

use pushbench_model::histogram::HIGHEST;
use pushbench_model::tokens::Done;

use super::script::{Expected, Fault, Said};
use super::tally::Tally;

/// What keeps a conversation from going on.
pub(super) type Broken = String;

/// What one read brings.
pub(super) struct Hearing<'a> {
    /// When it was read, CLOCK_MONOTONIC nanoseconds.
    pub(super) now: u64,
    /// A longer pause is a stall.
    pub(super) stall_ns: u64,
    /// When the last token came.
    pub(super) received: &'a mut u64,
    /// What was said before the question.
    pub(super) said: &'a Said,
    /// Whether it is recorded.
    pub(super) measuring: bool,
    /// Whether the answer was stopped: what comes of it is passed over.
    pub(super) cancelled: bool,
    /// Set when its end has come.
    pub(super) ended: &'a mut bool,
    /// What is wrong with it.
    pub(super) broken: Option<Broken>,
}

impl Hearing<'_> {
    /// Takes a message of the answer that is `expected`.
    pub(super) fn hear(&mut self, body: &[u8], expected: &mut Expected, tally: &mut Tally) {
        if let Some(done) = Done::parse(body) {
            *self.ended = true;
            if !self.cancelled {
                self.end(done, expected, tally);
            }
            return;
        }
        if self.cancelled {
            return;
        }
        if !expected.ask.stream {
            return self.whole(body, expected, tally);
        }
        let has_begun = expected.seen > 0;
        match expected.take(body) {
            Ok(arrived) => {
                let gap = self.now - *self.received;
                *self.received = self.now;
                if !self.measuring {
                    return;
                }
                tally.sequence.delivered += 1;
                tally.sequence.lost += arrived.missed;
                // What comes in the same read as the last one that is wanted is beyond what was asked for.
                if expected.stop_after.is_some_and(|stop| expected.seen > stop) {
                    return;
                }
                tally.recorder.record(arrived.stamp, self.now);
                tally.answers.text_bytes += arrived.text.len() as u64;
                if expected.seen == 1 {
                    tally.first_token(self.now.saturating_sub(arrived.stamp.intended));
                } else if has_begun {
                    tally.gap(gap, arrived.gap);
                    tally.answers.stalls += u64::from(gap > self.stall_ns);
                    tally.answers.scheduled_stalls += u64::from(arrived.gap > self.stall_ns);
                }
            }
            Err(Fault::Again) => tally.sequence.duplicated += 1,
            Err(Fault::Corrupted(fault)) => {
                tally.sequence.corrupted += 1;
                tally.faults.mention(fault);
            }
        }
    }

    /// Holds an end against what was said, and records when it was heard: with the message that says it. What framing adds
    /// behind that message tells a client nothing more.
    fn end(&mut self, done: Done, expected: &Expected, tally: &mut Tally) {
        let context = expected.context(self.said.bytes);
        if done.tokens != expected.ask.tokens || expected.seen != expected.ask.tokens {
            let Done { tokens, .. } = done;
            self.broken = Some(format!(
                "an answer ended after {} tokens, said to be {tokens}, of {}",
                expected.seen, expected.ask.tokens
            ));
        } else if self.measuring && done.context != context {
            self.broken = Some(format!(
                "the server has seen a context of {} bytes, expected {context}",
                done.context
            ));
        } else if self.measuring && expected.stop_after.is_none() {
            // One that was to be stopped, and came whole before that, has an end that nobody waits for.
            tally.end(self.now.saturating_sub(expected.due()));
        }
    }

    fn whole(&mut self, body: &[u8], expected: &mut Expected, tally: &mut Tally) {
        *self.ended = true;
        let (due, context) = match expected.take_whole(body) {
            Ok(whole) => whole,
            Err(fault) => {
                self.broken = Some(fault);
                return;
            }
        };
        if !self.measuring {
            return;
        }
        self.end(
            Done {
                tokens: expected.ask.tokens,
                context,
            },
            expected,
            tally,
        );
        tally.sequence.delivered += due.len() as u64;
        tally.answers.text_bytes += expected.text_bytes();
        let asked = expected.ask.pace.asked;
        for (place, due) in due.into_iter().enumerate() {
            let added = self.now.saturating_sub(asked + due);
            tally
                .recorder
                .response
                .saturating_record(added.min(HIGHEST));
            tally.recorder.last_received = self.now;
            if place == 0 {
                tally.first_token(added);
            }
        }
    }
}

#[cfg(test)]
mod tests;
