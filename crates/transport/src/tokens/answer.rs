//! One answer that is under way: its tokens, one after the other, and what ends it.

use std::sync::Arc;

use pushbench_model::message::{Stamp, encode_text};
use pushbench_model::tokens::{Ask, Done, Stopped, Token, Tokens, Whole};
use pushbench_sys::clock;

use super::ledger::{Ledger, Running};

/// An answer under way. Dropping it before its end stops it.
#[derive(Debug)]
pub(crate) struct Answer {
    ask: Ask,
    place: Place,
    arrived: u64,
    /// When all of it is due, if it does not come token by token.
    whole: Option<u64>,
    /// Bytes of the context that was kept.
    before: usize,
    /// Bytes of context seen, when it has ended.
    context: Option<u64>,
    running: Running,
}

/// How far an answer is made.
#[derive(Clone, Debug)]
pub(super) struct Place {
    tokens: Tokens,
    /// The token that is due next.
    next: Option<Token>,
    /// Tokens so far.
    pub(super) sent: u32,
    /// Bytes of their text.
    bytes: usize,
}

impl Place {
    /// Passes the next token.
    fn pass(&mut self) -> Option<Token> {
        let token = self.next?;
        self.sent += 1;
        self.bytes += token.text.len();
        self.next = self.tokens.next();
        Some(token)
    }
}

impl Answer {
    /// Begins the answer to a request that was whole at `arrived`, CLOCK_MONOTONIC nanoseconds.
    pub(crate) fn begin(ledger: &Arc<Ledger>, ask: Ask, arrived: u64) -> Self {
        let mut tokens = ask.pace.tokens();
        // Where it comes at once, all of it is due with its last token.
        let whole = (!ask.stream).then(|| {
            let last = ask.tokens.saturating_sub(1) as usize;
            let last = ask.pace.tokens().nth(last);
            last.map_or(0, |token| arrived.saturating_add(token.offset))
        });
        Self {
            place: Place {
                next: tokens.next(),
                tokens,
                sent: 0,
                bytes: 0,
            },
            arrived,
            whole,
            before: ask.session.map_or(0, |session| ledger.context(session.id)),
            context: None,
            running: ledger.count(),
            ask,
        }
    }

    /// When there is something to send, CLOCK_MONOTONIC nanoseconds.
    pub(crate) fn due(&self) -> u64 {
        let next = self.place.next.filter(|_| !self.is_made());
        self.whole
            .unwrap_or_else(|| next.map_or(0, |token| self.arrived.saturating_add(token.offset)))
    }

    /// Whether it comes token by token.
    pub(crate) fn is_stream(&self) -> bool {
        self.ask.stream
    }

    /// Bytes of the question.
    pub(super) fn question(&self) -> usize {
        self.ask.prompt.len()
    }

    /// Whether all its tokens are made.
    fn is_made(&self) -> bool {
        self.place.sent == self.ask.tokens
    }

    /// Whether what ends it has been taken.
    pub(super) fn has_ended(&self) -> bool {
        self.context.is_some()
    }

    /// How far it is made.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Goes on from behind token `sent`, which is at or after `place`.
    pub(super) fn resume(&mut self, place: &Place, sent: u32) {
        self.place = place.clone();
        while self.place.sent < sent && self.place.pass().is_some() {}
    }

    /// Makes the tokens that are due at `now` and that nobody has taken.
    pub(super) fn make(&mut self, now: u64) {
        while self.is_stream() && !self.is_made() && self.due() <= now {
            self.place.pass();
        }
    }

    /// Appends what is to be sent next, at `now`: a token, or what ends the answer. Whether there is more.
    pub(crate) fn take(&mut self, now: u64, body: &mut Vec<u8>) -> bool {
        if !self.ask.stream {
            self.whole(body);
            return false;
        }
        if self.is_made() {
            let context = self.finish();
            let done = Done {
                tokens: self.place.sent,
                context,
            };
            done.write(body);
            return false;
        }
        if let Some(token) = self.place.pass() {
            let stamp = Stamp {
                seq: self.place.sent.into(),
                intended: self.ask.pace.asked.saturating_add(token.offset),
                published: now,
            };
            encode_text(stamp, token.text, body);
        }
        true
    }

    /// Stops it, and appends what ends it all the same. Nothing is kept of one that had not ended.
    pub(crate) fn stop(self, body: &mut Vec<u8>) {
        let done = Done {
            tokens: self.place.sent,
            context: self.context.unwrap_or(self.before as u64),
        };
        done.write(body);
    }

    fn whole(&mut self, body: &mut Vec<u8>) {
        let texts = self.ask.pace.tokens().take(self.ask.tokens as usize);
        let text: String = texts.map(|token| token.text).collect();
        self.place.sent = self.ask.tokens;
        self.place.bytes = text.len();
        let whole = Whole {
            text,
            tokens: self.place.sent,
            context: self.finish(),
        };
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(body, &whole);
    }

    /// Ends it, once, and keeps the context if it is to be kept; its bytes.
    fn finish(&mut self) -> u64 {
        if let Some(context) = self.context {
            return context;
        }
        let prompt = std::mem::take(&mut self.ask.prompt);
        let ledger = self.running.ledger();
        match self.ask.session {
            Some(session) if session.last => ledger.forget(session.id),
            Some(session) => ledger.keep(session.id, &prompt, self.place.bytes),
            None => {}
        }
        self.running.end();
        let context = (self.before + prompt.len() + self.place.bytes) as u64;
        self.context = Some(context);
        context
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        let ledger = self.running.ledger();
        if let Some(session) = self.ask.session.filter(|session| session.last) {
            ledger.forget(session.id);
        }
        ledger.note(Stopped {
            answer: self.ask.pace.answer,
            at: clock::now(),
            sent: self.place.sent,
        });
    }
}
