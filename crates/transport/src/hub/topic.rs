//! One worker's view of the hub: its own copy of the ring, without locks, and the subscriptions it wakes.

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

use super::feed::Feed;
use super::{Frame, Hub};

/// A subscriber fell so far behind that messages it still needed are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("subscriber fell behind: message {wanted} is no longer kept, the oldest is {oldest}")]
pub struct Lagged {
    /// The next message the subscriber needed.
    pub wanted: u64,
    /// The oldest message kept.
    pub oldest: u64,
}

/// The messages of one worker thread, in the form `F` that its transport hands to connections.
pub struct Topic<F> {
    notify: Arc<Notify>,
    feed: RefCell<Feed<F>>,
    waiters: RefCell<Waiters>,
    /// The `next_seq` of which the waiters have been told; [`Topic::subscribe`] may pull ahead of the pump.
    announced: Cell<u64>,
    /// Whether a [`super::Round`] looks at the subscriptions, so that none of them need be woken.
    has_rounds: bool,
    /// Such a round is under way.
    in_round: Cell<bool>,
}

#[derive(Default)]
struct Waiters {
    /// A subscription's waker stays in its slot for life: waking by reference costs no reference count.
    slots: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl<F: Clone + 'static> Topic<F> {
    /// A view of `hub`; `convert` is called once per message and worker.
    #[must_use]
    pub fn new(hub: Arc<Hub>, convert: fn(&Frame) -> F) -> Rc<Self> {
        Self::with(hub, convert, false)
    }

    /// The same for subscriptions of connections that take part in a [`super::Round`]: news does not wake their tasks.
    pub(crate) fn in_rounds(hub: Arc<Hub>, convert: fn(&Frame) -> F) -> Rc<Self> {
        Self::with(hub, convert, true)
    }

    fn with(hub: Arc<Hub>, convert: fn(&Frame) -> F, has_rounds: bool) -> Rc<Self> {
        let notify = Arc::new(Notify::new());
        let news = Arc::clone(&notify);
        hub.on_news(Box::new(move || news.notify_one()));
        let feed = Feed::new(hub, convert);
        Rc::new(Self {
            notify,
            announced: Cell::new(feed.next_seq()),
            feed: RefCell::new(feed),
            waiters: RefCell::default(),
            has_rounds,
            in_round: Cell::new(false),
        })
    }

    /// Carries messages from the hub to this worker's subscriptions, for ever.
    pub async fn pump(self: Rc<Self>) {
        loop {
            self.news().await;
            self.wake_all();
        }
    }

    /// Takes over what is published next.
    pub(super) async fn news(&self) {
        loop {
            self.notify.notified().await;
            let next_seq = self.feed.borrow_mut().pull();
            if self.announced.replace(next_seq) != next_seq {
                return;
            }
        }
    }

    /// Runs a part of a round.
    pub(super) fn in_round(&self, part: impl FnOnce()) {
        self.in_round.set(true);
        part();
        self.in_round.set(false);
    }

    /// Whether connections are to take part in rounds.
    pub(crate) fn has_rounds(&self) -> bool {
        self.has_rounds
    }

    /// Whether news is the reason for which a connection is looked at: what else it waits for wakes its task.
    #[inline]
    pub(crate) fn is_in_round(&self) -> bool {
        self.in_round.get()
    }

    pub(super) fn work(&self) -> u32 {
        self.feed.borrow().hub().work()
    }

    fn wake_all(&self) {
        let work = self.work();
        let waiters = self.waiters.borrow();
        let wakers = waiters.slots.iter().flatten();
        if work == 0 {
            wakers.for_each(Waker::wake_by_ref);
            return;
        }
        for waker in wakers {
            arithmetic(work);
            waker.wake_by_ref();
        }
    }

    /// Subscribes to the messages after number `after`, as far as they are kept; to new ones only with `None`.
    #[must_use]
    pub fn subscribe(self: &Rc<Self>, after: Option<u64>) -> Subscription<F> {
        let cursor = self.feed.borrow_mut().place(after);
        Subscription {
            topic: Rc::clone(self),
            cursor,
            slot: Cell::new(None),
            lagged: false,
        }
    }

    /// Takes over what has been published, for somebody who will not wait for the news of it.
    pub fn catch_up(&self) {
        self.feed.borrow_mut().catch_up();
    }

    /// Number of the newest message, 0 before the first.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.feed.borrow().next_seq() - 1
    }
}

/// Work that no compiler removes, in proportion to `rounds` (the step of Knuth's 64-bit linear congruential generator).
#[cold]
#[inline(never)]
pub(crate) fn arithmetic(rounds: u32) {
    let mut x = u64::from(rounds);
    for _ in 0..rounds {
        x = black_box(x)
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
    }
    black_box(x);
}

/// One subscriber's place in the sequence.
pub struct Subscription<F: Clone + 'static> {
    topic: Rc<Topic<F>>,
    cursor: u64,
    slot: Cell<Option<usize>>,
    /// It fell behind, and was counted.
    lagged: bool,
}

impl<F: Clone + 'static> Subscription<F> {
    /// The next message if it is there already.
    ///
    /// # Errors
    ///
    /// [`Lagged`] when it is no longer kept.
    #[inline]
    pub fn try_next(&mut self) -> Result<Option<F>, Lagged> {
        let feed = self.topic.feed.borrow();
        // As nearly always when there was a message before.
        if self.cursor == feed.next_seq() {
            return Ok(None);
        }
        let oldest = feed.first_seq();
        if self.cursor < oldest {
            drop(feed);
            return Err(self.fell_behind(oldest));
        }
        let Some(frame) = feed.get(self.cursor) else {
            return Ok(None);
        };
        self.cursor += 1;
        Ok(Some(frame.clone()))
    }

    /// The next message; waits until it is published.
    ///
    /// # Errors
    ///
    /// As [`Self::try_next`].
    #[inline]
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<F, Lagged>> {
        match self.try_next() {
            Ok(Some(frame)) => Poll::Ready(Ok(frame)),
            Ok(None) => {
                self.wake_on_news(cx);
                Poll::Pending
            }
            Err(lagged) => Poll::Ready(Err(lagged)),
        }
    }

    /// Ready once the next message is no longer kept. For a connection that takes no more at present: it cannot ask
    /// for the next message, and would otherwise never learn that there is none.
    pub fn poll_lagged(&mut self, cx: &mut Context<'_>) -> Poll<Lagged> {
        let oldest = self.topic.feed.borrow().first_seq();
        if self.cursor < oldest {
            return Poll::Ready(self.fell_behind(oldest));
        }
        self.wake_on_news(cx);
        Poll::Pending
    }

    #[cold]
    fn fell_behind(&mut self, oldest: u64) -> Lagged {
        if !std::mem::replace(&mut self.lagged, true) {
            self.topic.feed.borrow().hub().count_lagged();
        }
        Lagged {
            wanted: self.cursor,
            oldest,
        }
    }

    /// Whether there is a message to be had at once.
    #[inline]
    pub(crate) fn has_next(&self) -> bool {
        self.cursor < self.topic.feed.borrow().next_seq()
    }

    /// As [`Topic::is_in_round`].
    #[inline]
    pub(crate) fn is_in_round(&self) -> bool {
        self.topic.is_in_round()
    }

    /// Number of the last message taken, or of the one before the first wanted.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.cursor - 1
    }

    #[inline]
    fn wake_on_news(&self, cx: &Context<'_>) {
        if !self.topic.has_rounds {
            self.keep_waker(cx);
        }
    }

    fn keep_waker(&self, cx: &Context<'_>) {
        let waiters = &mut *self.topic.waiters.borrow_mut();
        let slot = self.slot.get().unwrap_or_else(|| {
            waiters.free.pop().unwrap_or_else(|| {
                waiters.slots.push(None);
                waiters.slots.len() - 1
            })
        });
        self.slot.set(Some(slot));
        match &mut waiters.slots[slot] {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            other => *other = Some(cx.waker().clone()),
        }
    }
}

impl<F: Clone + 'static> Drop for Subscription<F> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.get() {
            let waiters = &mut *self.topic.waiters.borrow_mut();
            waiters.slots[slot] = None;
            waiters.free.push(slot);
        }
    }
}

#[cfg(test)]
mod tests;
