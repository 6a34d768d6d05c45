//! What all answers of a server have in common, and one that is under way.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pushbench_model::message::{Stamp, encode_text};
use pushbench_model::tokens::{Ask, Chats, Done, Stopped, Token, Tokens, Whole};
use pushbench_sys::clock;

/// Stopped answers that are remembered.
const MOST_STOPPED: usize = 100_000;
/// Bytes of all contexts that are kept; the oldest are forgotten beyond.
const MOST_KEPT: usize = 256 << 20;

/// The answers of a server: how many are under way, which were stopped, and the contexts that are kept for later.
#[derive(Debug, Default)]
pub struct Ledger {
    running: AtomicU64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    stopped: VecDeque<Stopped>,
    contexts: HashMap<u64, String>,
    /// In the order in which they were begun.
    order: VecDeque<u64>,
    bytes: usize,
}

impl Ledger {
    /// What `GET /chats` says.
    #[must_use]
    pub fn report(&self) -> Chats {
        let kept = self.kept();
        Chats {
            running: self.running(),
            sessions: kept.contexts.len() as u64,
            stopped: kept.stopped.iter().copied().collect(),
        }
    }

    /// Answers under way.
    #[must_use]
    pub fn running(&self) -> u64 {
        self.running.load(Ordering::Relaxed)
    }

    /// Counts an answer as long as what this returns is kept.
    pub(crate) fn count(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(self))
    }

    /// Begins the answer to a request that was whole at `arrived`, CLOCK_MONOTONIC nanoseconds.
    pub(crate) fn begin(self: &Arc<Self>, ask: Ask, arrived: u64) -> Answer {
        let mut tokens = ask.pace.tokens();
        // Where it comes at once, all of it is due with its last token.
        let whole = (!ask.stream).then(|| {
            let last = ask.tokens.saturating_sub(1) as usize;
            let last = ask.pace.tokens().nth(last);
            last.map_or(0, |token| arrived.saturating_add(token.offset))
        });
        let before = ask.session.map_or(0, |session| {
            let kept = self.kept();
            kept.contexts.get(&session.id).map_or(0, String::len)
        });
        Answer {
            next: tokens.next(),
            tokens,
            arrived,
            whole,
            sent: 0,
            bytes: 0,
            before,
            finished: false,
            running: self.count(),
            ask,
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Nothing that holds it can panic half way.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn keep(&mut self, id: u64, prompt: &str, answer: impl Iterator<Item = &'static str>) {
        if !self.contexts.contains_key(&id) {
            self.order.push_back(id);
        }
        let context = self.contexts.entry(id).or_default();
        let before = context.len();
        context.push_str(prompt);
        context.extend(answer);
        self.bytes += context.len() - before;
        while self.bytes > MOST_KEPT
            && let Some(&oldest) = self.order.front()
        {
            self.forget(oldest);
        }
    }

    fn forget(&mut self, id: u64) {
        self.order.retain(|&other| other != id);
        if let Some(context) = self.contexts.remove(&id) {
            self.bytes -= context.len();
        }
    }
}

/// An answer that is counted as one under way.
#[derive(Debug)]
pub(crate) struct Running(Arc<Ledger>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer under way. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Answer {
    ask: Ask,
    tokens: Tokens,
    /// The token that is due next.
    next: Option<Token>,
    arrived: u64,
    /// When all of it is due, if it does not come token by token.
    whole: Option<u64>,
    sent: u32,
    /// Bytes of its text so far.
    bytes: usize,
    /// Bytes of the context that was kept.
    before: usize,
    finished: bool,
    running: Running,
}

impl Answer {
    /// When there is something to send, CLOCK_MONOTONIC nanoseconds.
    pub(crate) fn due(&self) -> u64 {
        let next = self.next.filter(|_| self.sent < self.ask.tokens);
        self.whole
            .unwrap_or_else(|| next.map_or(0, |token| self.arrived.saturating_add(token.offset)))
    }

    /// Whether it comes token by token.
    pub(crate) fn is_stream(&self) -> bool {
        self.ask.stream
    }

    /// Appends what is to be sent next, at `now`: a token, or what ends the answer. Whether there is more.
    pub(crate) fn take(&mut self, now: u64, body: &mut Vec<u8>) -> bool {
        if !self.ask.stream {
            self.whole(body);
            return false;
        }
        if self.sent == self.ask.tokens {
            let context = self.finish();
            let done = Done {
                tokens: self.sent,
                context,
            };
            done.write(body);
            return false;
        }
        if let Some(token) = self.next {
            self.sent += 1;
            self.bytes += token.text.len();
            let stamp = Stamp {
                seq: self.sent.into(),
                intended: self.ask.pace.asked.saturating_add(token.offset),
                published: now,
            };
            encode_text(stamp, token.text, body);
            self.next = self.tokens.next();
        }
        true
    }

    /// Stops it, and appends what ends it all the same. Nothing of it is kept.
    pub(crate) fn stop(self, body: &mut Vec<u8>) {
        let done = Done {
            tokens: self.sent,
            context: self.before as u64,
        };
        done.write(body);
    }

    fn whole(&mut self, body: &mut Vec<u8>) {
        let texts = self.ask.pace.tokens().take(self.ask.tokens as usize);
        let text: String = texts.map(|token| token.text).collect();
        self.sent = self.ask.tokens;
        self.bytes = text.len();
        let whole = Whole {
            text,
            tokens: self.sent,
            context: self.finish(),
        };
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(body, &whole);
    }

    /// Keeps the context, if it is to be kept; its bytes.
    fn finish(&mut self) -> u64 {
        self.finished = true;
        if let Some(session) = self.ask.session.filter(|session| !session.last) {
            let texts = self.ask.pace.tokens().take(self.sent as usize);
            let texts = texts.map(|token| token.text);
            self.running
                .0
                .kept()
                .keep(session.id, &self.ask.prompt, texts);
        }
        (self.before + self.ask.prompt.len() + self.bytes) as u64
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let last = self.ask.session.filter(|session| session.last);
        if self.finished && last.is_none() {
            return;
        }
        let mut kept = self.running.0.kept();
        if let Some(session) = last {
            kept.forget(session.id);
        }
        if self.finished {
            return;
        }
        if kept.stopped.len() == MOST_STOPPED {
            kept.stopped.pop_front();
        }
        kept.stopped.push_back(Stopped {
            answer: self.ask.pace.answer,
            at: clock::now(),
            sent: self.sent,
        });
    }
}
