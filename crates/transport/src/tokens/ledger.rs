//! What all answers of a server have in common, and one that is under way.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pushbench_model::message::{Stamp, encode_text};
use pushbench_model::tokens::{Ask, Chats, Done, Stopped, Token, Tokens, Whole, spoken};
use pushbench_sys::clock;

/// Stopped answers that are remembered.
const MOST_STOPPED: usize = 100_000;
/// Bytes of all contexts that are kept; the oldest are forgotten beyond.
const MOST_KEPT: usize = 256 << 20;
/// What a context takes besides its text, bytes: entries of a map and a tree, and what an allocator adds to each, about.
const EACH_KEPT: usize = 128;

/// The answers of a server: how many are under way, which were stopped, and the contexts that are kept for later.
#[derive(Debug, Default)]
pub struct Ledger {
    running: AtomicU64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    stopped: VecDeque<Stopped>,
    contexts: HashMap<u64, Context>,
    /// Whose they are, in the order in which they were begun.
    order: BTreeMap<u64, u64>,
    /// Contexts begun so far.
    begun: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Context {
    /// Its place in the order.
    begun: u64,
    text: String,
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
            let context = kept.contexts.get(&session.id);
            context.map_or(0, |context| context.text.len())
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
    /// Adds `prompt` and an answer of `answer` bytes to context `id`.
    fn keep(&mut self, id: u64, prompt: &str, answer: usize) {
        let context = self.contexts.entry(id).or_insert_with(|| {
            self.begun += 1;
            self.bytes += EACH_KEPT;
            self.order.insert(self.begun, id);
            Context {
                begun: self.begun,
                text: String::new(),
            }
        });
        let before = context.text.len();
        context.text.push_str(prompt);
        context.text.extend(spoken(answer));
        self.bytes += context.text.len() - before;
    }

    /// Forgets the oldest contexts until all that are left have no more than `most` bytes.
    fn forget_beyond(&mut self, most: usize) {
        while self.bytes > most
            && let Some((_, &oldest)) = self.order.first_key_value()
        {
            self.forget(oldest);
        }
    }

    fn forget(&mut self, id: u64) {
        if let Some(context) = self.contexts.remove(&id) {
            self.order.remove(&context.begun);
            self.bytes -= context.text.len() + EACH_KEPT;
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
            let mut kept = self.running.0.kept();
            kept.keep(session.id, &self.ask.prompt, self.bytes);
            kept.forget_beyond(MOST_KEPT);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kept: &Kept, id: u64) -> Option<&str> {
        Some(kept.contexts.get(&id)?.text.as_str())
    }

    #[test]
    fn the_oldest_contexts_are_forgotten_and_all_their_bytes_with_them() {
        let mut kept = Kept::default();
        for id in [7, 3, 5] {
            kept.keep(id, "Well?", 4);
        }
        let answer: String = spoken(4).collect();
        kept.keep(7, "And?", 0);
        assert_eq!(text(&kept, 7), Some(&*format!("Well?{answer}And?")));
        assert_eq!(kept.bytes, 3 * (EACH_KEPT + 9) + 4);
        // Oldest is who was begun first, whatever came to it since.
        kept.forget_beyond(kept.bytes);
        assert_eq!(kept.contexts.len(), 3);
        kept.forget_beyond(kept.bytes - 1);
        assert_eq!(text(&kept, 7), None);
        assert_eq!(kept.bytes, 2 * (EACH_KEPT + 9));
        // One that is begun again is the newest.
        kept.keep(7, "", 0);
        kept.forget(3);
        kept.forget(3);
        kept.forget_beyond(EACH_KEPT);
        assert_eq!(text(&kept, 7), Some(""));
        assert_eq!((kept.order.len(), kept.bytes), (1, EACH_KEPT));
        kept.forget(7);
        assert_eq!((kept.contexts.len(), kept.bytes), (0, 0));
    }
}
