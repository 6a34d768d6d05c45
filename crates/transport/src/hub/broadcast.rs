//! A view of the hub for connections that may move between threads: the ring for what a subscriber has missed, then a
//! broadcast channel for what comes, which is what the examples of frameworks build on.

use std::future::pending;
use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast, watch};

use super::{Frame, Hub, KEPT_MESSAGES, Lagged, arithmetic};

/// The messages of one runtime, for connections on any of its threads.
pub(crate) struct Broadcast {
    hub: Arc<Hub>,
    live: broadcast::Sender<Frame>,
    /// Number of the oldest message that the hub keeps.
    oldest: watch::Sender<u64>,
}

/// Carries messages from the hub to a [`Broadcast`].
pub(crate) struct Pump {
    feed: Arc<Broadcast>,
    notify: Arc<Notify>,
    next_seq: u64,
    fresh: Vec<Frame>,
}

impl Broadcast {
    /// A view of `hub`, and what must run for news to reach it.
    pub(crate) fn new(hub: Arc<Hub>) -> (Arc<Self>, Pump) {
        let notify = {
            let notify = Arc::new(Notify::new());
            let told = Arc::clone(&notify);
            hub.on_news(Box::new(move || told.notify_one()));
            notify
        };
        let ring = hub.ring();
        let (next_seq, oldest) = (ring.next_seq(), ring.first_seq());
        drop(ring);
        let feed = Arc::new(Self {
            hub,
            live: broadcast::Sender::new(KEPT_MESSAGES),
            oldest: watch::Sender::new(oldest),
        });
        let pump = Pump {
            feed: Arc::clone(&feed),
            notify,
            next_seq,
            fresh: Vec::new(),
        };
        (feed, pump)
    }

    /// Subscribes to the messages after number `after`, as far as they are kept; to new ones only with `None`.
    pub(crate) fn subscribe(self: &Arc<Self>, after: Option<u64>) -> Source {
        // Before the look at the ring: what is not in it yet cannot have gone through the channel.
        let live = self.live.subscribe();
        let ring = self.hub.ring();
        let live_from = ring.next_seq();
        let cursor = after.map_or(live_from, |after| {
            after.saturating_add(1).clamp(ring.first_seq(), live_from)
        });
        drop(ring);
        Source {
            feed: Arc::clone(self),
            live,
            live_from,
            cursor,
        }
    }

    /// The number that the next message will have.
    pub(crate) fn next_seq(&self) -> u64 {
        self.hub.ring().next_seq()
    }

    /// Ends once message `wanted` is no longer kept; a subscriber that still needs it is counted as fallen behind.
    pub(crate) async fn overtaken(&self, wanted: u64) -> Lagged {
        let mut oldest = self.oldest.subscribe();
        let Ok(oldest) = oldest
            .wait_for(|&oldest| oldest > wanted)
            .await
            .map(|at| *at)
        else {
            // Without a sender there is no feed, and nobody to ask.
            return pending().await;
        };
        self.fell_behind(wanted, oldest)
    }

    #[cold]
    fn fell_behind(&self, wanted: u64, oldest: u64) -> Lagged {
        self.hub.count_lagged();
        Lagged { wanted, oldest }
    }
}

impl Pump {
    /// Runs for ever.
    pub(crate) async fn run(mut self) {
        loop {
            self.notify.notified().await;
            self.forward();
        }
    }

    fn forward(&mut self) {
        let feed = &*self.feed;
        let ring = feed.hub.ring();
        let oldest = ring.first_seq();
        // A pump that slept while more than a ring of messages was published skips what is gone.
        let skip = self.next_seq.saturating_sub(oldest) as usize;
        self.fresh.extend(ring.frames.range(skip..).cloned());
        self.next_seq = ring.next_seq();
        drop(ring);
        for frame in self.fresh.drain(..) {
            if feed.hub.work() > 0 {
                (0..feed.live.receiver_count()).for_each(|_| arithmetic(feed.hub.work()));
            }
            // Without subscribers there is nobody to tell.
            let _ = feed.live.send(frame);
        }
        feed.oldest.send_if_modified(|kept| {
            let is_news = *kept != oldest;
            *kept = oldest;
            is_news
        });
    }
}

/// One subscriber's place in the sequence; it can move between threads.
pub(crate) struct Source {
    feed: Arc<Broadcast>,
    live: broadcast::Receiver<Frame>,
    /// What is before this number comes from the ring.
    live_from: u64,
    cursor: u64,
}

impl Source {
    /// The next message; waits until it is published. Nothing is lost when this is dropped before it ends.
    ///
    /// # Errors
    ///
    /// [`Lagged`] when it is no longer kept.
    pub(crate) async fn next(&mut self) -> Result<Frame, Lagged> {
        if self.cursor < self.live_from {
            return self.next_kept();
        }
        loop {
            match self.live.recv().await {
                Ok(frame) if frame.seq == self.cursor => {
                    self.cursor += 1;
                    return Ok(frame);
                }
                // It was in the ring already.
                Ok(frame) if frame.seq < self.cursor => {}
                Ok(frame) => return Err(self.feed.fell_behind(self.cursor, frame.seq)),
                Err(RecvError::Lagged(_)) => {
                    let oldest = self.feed.hub.ring().first_seq();
                    return Err(self.feed.fell_behind(self.cursor, oldest));
                }
                Err(RecvError::Closed) => return pending().await,
            }
        }
    }

    fn next_kept(&mut self) -> Result<Frame, Lagged> {
        let ring = self.feed.hub.ring();
        let oldest = ring.first_seq();
        let index = self.cursor.checked_sub(oldest);
        let frame = index.and_then(|index| ring.frames.get(index as usize).cloned());
        drop(ring);
        let frame = frame.ok_or_else(|| self.feed.fell_behind(self.cursor, oldest))?;
        self.cursor += 1;
        Ok(frame)
    }

    /// Ends once the next message is no longer kept. For a connection that takes no more at present.
    pub(crate) async fn overtaken(&self) -> Lagged {
        self.feed.overtaken(self.cursor).await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn hub() -> Arc<Hub> {
        Hub::new(Box::new(|message, out| out.extend_from_slice(message.body)))
    }

    /// All that is there without waiting.
    fn drain(source: &mut Source) -> Vec<u64> {
        std::iter::from_fn(|| Some(source.next().now_or_never()?.unwrap().seq)).collect()
    }

    #[test]
    fn resuming_starts_in_the_ring_and_goes_on_live() {
        let hub = hub();
        let (feed, mut pump) = Broadcast::new(Arc::clone(&hub));
        for _ in 0..5 {
            hub.publish(b"x", false);
        }
        // Nothing has gone through the channel yet: what the ring gave comes again, and is not told twice.
        let cases = [Some(0), Some(3), Some(99), Some(u64::MAX), None];
        let mut sources = cases.map(|after| feed.subscribe(after));
        assert_eq!(drain(&mut sources[0]), [1, 2, 3, 4, 5]);
        pump.forward();
        hub.publish(b"y", false);
        pump.forward();
        assert_eq!(drain(&mut sources[0]), [6]);
        assert_eq!(drain(&mut sources[1]), [4, 5, 6]);
        for live in &mut sources[2..] {
            assert_eq!(drain(live), [6]);
        }
        assert_eq!(hub.lagged(), 0);
    }

    /// Between the ring and the channel nothing is lost, wherever the subscription falls.
    #[test]
    fn every_subscription_sees_every_message_once() {
        let hub = hub();
        let (feed, pump) = Broadcast::new(Arc::clone(&hub));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        runtime.spawn(pump.run());
        let publisher = std::thread::spawn(move || {
            for _ in 0..3000 {
                hub.publish(b"x", false);
            }
        });
        let subscribers: Vec<_> = (0..100)
            .map(|_| {
                let mut source = feed.subscribe(Some(0));
                runtime.spawn(async move {
                    for seq in 1..=3000 {
                        assert_eq!(source.next().await.unwrap().seq, seq);
                    }
                })
            })
            .collect();
        for subscriber in subscribers {
            runtime.block_on(subscriber).unwrap();
        }
        publisher.join().unwrap();
    }

    #[test]
    fn a_subscriber_that_falls_behind_is_told_so() {
        let hub = hub();
        let (feed, mut pump) = Broadcast::new(Arc::clone(&hub));
        hub.publish(b"x", false);
        let mut late = feed.subscribe(Some(0));
        let mut slow = feed.subscribe(None);
        let place = feed.next_seq();
        for _ in 0..KEPT_MESSAGES + 3 {
            hub.publish(b"x", false);
            pump.forward();
        }
        let lagged = |wanted| Lagged { wanted, oldest: 5 };
        assert_eq!(late.overtaken().now_or_never(), Some(lagged(1)));
        let next = late.next().now_or_never().unwrap();
        assert_eq!(next.unwrap_err(), lagged(1));
        let next = slow.next().now_or_never().unwrap();
        assert_eq!(next.unwrap_err(), lagged(2));
        assert_eq!(feed.overtaken(place).now_or_never(), Some(lagged(2)));
        assert_eq!(feed.overtaken(5).now_or_never(), None);
    }
}
