//! What all answers of a server have in common: how many are under way, which were stopped, and the contexts that are kept.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pushbench_model::tokens::{Chats, Stopped, spoken};

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

    /// Counts an answer as long as what this returns is kept, and has not ended.
    pub(crate) fn count(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running {
            ledger: Arc::clone(self),
            counts: true,
        }
    }

    /// Bytes of context `id`, 0 if it is not kept.
    pub(super) fn context(&self, id: u64) -> usize {
        let kept = self.kept();
        let context = kept.contexts.get(&id);
        context.map_or(0, |context| context.text.len())
    }

    /// Adds `prompt` and an answer of `answer` bytes to context `id`.
    pub(super) fn keep(&self, id: u64, prompt: &str, answer: usize) {
        let mut kept = self.kept();
        kept.keep(id, prompt, answer);
        kept.forget_beyond(MOST_KEPT);
    }

    /// Forgets context `id`.
    pub(super) fn forget(&self, id: u64) {
        self.kept().forget(id);
    }

    /// Notes an answer that was stopped; the oldest are forgotten when there are too many.
    pub(super) fn note(&self, stopped: Stopped) {
        let mut kept = self.kept();
        if kept.stopped.len() == MOST_STOPPED {
            kept.stopped.pop_front();
        }
        kept.stopped.push_back(stopped);
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
pub(crate) struct Running {
    ledger: Arc<Ledger>,
    counts: bool,
}

impl Running {
    /// Where it is counted.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// It has ended, whatever is kept of it.
    pub(super) fn end(&mut self) {
        if std::mem::take(&mut self.counts) {
            self.ledger.running.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
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
