//! Answers that are fetched: a request begins one, others ask for what there is of it.
//!
//! When tokens are due is known, so nobody need make one before it is asked for, and an answer belongs to no thread: whoever
//! has a request for it makes what has become due since. What a client has not said that it has it may ask for again, also the end.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pushbench_model::tokens::{Ask, Chats};
use pushbench_sys::clock;

use super::answer::{Answer, Place};
use super::ledger::Ledger;

/// Answers that are kept for those who fetch them; who asks for more is refused.
const MOST: usize = 1 << 16;
/// Bytes of all their questions.
const MOST_BYTES: usize = 256 << 20;
/// Bytes of an answer to a request, about: what goes beyond comes with the next.
const MOST_AT_ONCE: usize = 64 * 1024;
/// Least time that an answer is kept for its client to ask, nanoseconds.
const LEAST_PATIENCE: u64 = 1_000_000_000;

/// The answers of a server, and those among them that are fetched.
#[derive(Debug, Default)]
pub struct Shelf {
    ledger: Arc<Ledger>,
    /// What makes names that nobody guesses.
    key: RandomState,
    rows: Mutex<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    /// Answers begun so far.
    begun: u64,
    by_name: HashMap<u64, Row>,
    /// When each is let go, and its name.
    deadlines: BTreeSet<(u64, u64)>,
    /// Bytes of all questions.
    bytes: usize,
}

#[derive(Debug)]
struct Row {
    answer: Answer,
    /// What the client has said that it has.
    had: Place,
    deadline: u64,
}

/// There is no room for another answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// What there was to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// Nothing before that time, CLOCK_MONOTONIC nanoseconds.
    NotYet(u64),
    /// Lines: tokens, and what ends the answer.
    Lines,
    /// All of it at once.
    Whole,
}

/// Why nothing can be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No answer has that name.
    Unknown,
    /// The client cannot have that token, or has said that it has later ones.
    Number(String),
}

impl Shelf {
    /// What all answers have in common.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// What `GET /chats` says.
    #[must_use]
    pub fn report(&self) -> Chats {
        self.rows().sweep(clock::now());
        self.ledger.report()
    }

    /// Answers under way.
    #[must_use]
    pub fn running(&self) -> u64 {
        self.rows().sweep(clock::now());
        self.ledger.running()
    }

    /// Begins the answer to a request that was whole at `now`; its name. It is let go when nobody asks for it any more:
    /// `hold` is how long a request is held, nanoseconds.
    pub(crate) fn begin(&self, ask: Ask, hold: u64, now: u64) -> Result<u64, Full> {
        let mut rows = self.rows();
        rows.sweep(now);
        let bytes = rows.bytes + ask.prompt.len();
        if rows.by_name.len() == MOST || bytes > MOST_BYTES {
            return Err(Full);
        }
        rows.begun += 1;
        let name = self.key.hash_one(rows.begun);
        let answer = Answer::begin(&self.ledger, ask, now);
        let row = Row {
            had: answer.place().clone(),
            answer,
            deadline: until(hold, now),
        };
        rows.bytes = bytes;
        rows.deadlines.insert((row.deadline, name));
        rows.by_name.insert(name, row);
        Ok(name)
    }

    /// Appends what there is of an answer behind token `after`, at `now`; `hold` is how long a request may be held, nanoseconds.
    pub(crate) fn fetch(
        &self,
        name: u64,
        after: u64,
        hold: u64,
        now: u64,
        body: &mut Vec<u8>,
    ) -> Result<Fetched, Refusal> {
        let mut rows = self.rows();
        rows.sweep(now);
        let rows = &mut *rows;
        let row = rows.by_name.get_mut(&name).ok_or(Refusal::Unknown)?;
        rows.deadlines.remove(&(row.deadline, name));
        row.deadline = until(hold, now);
        rows.deadlines.insert((row.deadline, name));
        row.go_to(after)?;
        let due = row.answer.due();
        if due > now {
            return Ok(Fetched::NotYet(due));
        }
        let question = row.answer.question();
        let is_stream = row.answer.is_stream();
        let mut more = true;
        while more && row.answer.due() <= now && body.len() < MOST_AT_ONCE {
            more = row.answer.take(now, body);
            if is_stream {
                body.push(b'\n');
            }
        }
        // The question of one that has ended is not needed any more.
        rows.bytes -= question - row.answer.question();
        Ok(if is_stream {
            Fetched::Lines
        } else {
            Fetched::Whole
        })
    }

    /// Stops an answer, and appends what ends it all the same; whether there is one of that name.
    pub(crate) fn stop(&self, name: u64, now: u64, body: &mut Vec<u8>) -> bool {
        let mut rows = self.rows();
        rows.sweep(now);
        let Some(mut answer) = rows.take(name) else {
            return false;
        };
        answer.make(now);
        answer.stop(body);
        true
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Nothing that holds it can panic half way.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until when a client that is heard of at `now` is waited for: the end of the request that it has or may have, and as long again.
fn until(hold: u64, now: u64) -> u64 {
    now.saturating_add(hold)
        .saturating_add(hold.max(LEAST_PATIENCE))
}

impl Rows {
    fn take(&mut self, name: u64) -> Option<Answer> {
        let row = self.by_name.remove(&name)?;
        self.deadlines.remove(&(row.deadline, name));
        self.bytes -= row.answer.question();
        Some(row.answer)
    }

    /// Lets those go that nobody has asked for.
    fn sweep(&mut self, now: u64) {
        while let Some(&(deadline, name)) = self.deadlines.first()
            && deadline <= now
        {
            if let Some(mut answer) = self.take(name) {
                answer.make(now);
            }
        }
    }
}

impl Row {
    /// Goes on behind token `after`, which the client has.
    fn go_to(&mut self, after: u64) -> Result<(), Refusal> {
        let (had, sent) = (self.had.sent, self.answer.place().sent);
        let wanted = u32::try_from(after).ok();
        let Some(after) = wanted.filter(|after| (had..=sent).contains(after)) else {
            let reason = format!("after must be from {had} to {sent}, not {after}");
            return Err(Refusal::Number(reason));
        };
        if after < sent {
            self.answer.resume(&self.had, after);
        }
        self.had = self.answer.place().clone();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
