//! The connections of a worker, served in one round when there is news.
//!
//! A connection has a task of its own, which wakes it for whatever its socket and its timers have to say. Waking a
//! hundred tasks for one message would cost a scheduler more than it costs to write the message a hundred times, so the
//! task that hears of it looks at every connection by itself, on behalf of the connection's task.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::task::{unconstrained, yield_now};

use super::Topic;
use super::topic::arithmetic;

/// Connections that are served before others have their turn: who knocks or speaks does not wait for a crowd.
const SLICE: usize = 1024;

/// Connections that are looked at when there is news.
pub(crate) struct Round<T> {
    seats: RefCell<Vec<Option<Rc<Seat<T>>>>>,
    free: RefCell<Vec<usize>>,
}

struct Seat<T> {
    connection: RefCell<T>,
    /// Wakes the connection's task; none before that has looked at it for the first time.
    waker: RefCell<Option<Waker>>,
    ended: Cell<bool>,
}

impl<T> Default for Round<T> {
    fn default() -> Self {
        Self {
            seats: RefCell::default(),
            free: RefCell::default(),
        }
    }
}

impl<T: Future + Unpin> Round<T> {
    /// Runs `connection` to its end in the task that waits for this.
    pub(crate) fn take_part(self: &Rc<Self>, connection: T) -> Member<T> {
        let seat = Rc::new(Seat {
            connection: RefCell::new(connection),
            waker: RefCell::new(None),
            ended: Cell::new(false),
        });
        let index = self.free.borrow_mut().pop();
        let mut seats = self.seats.borrow_mut();
        let index = index.unwrap_or_else(|| {
            seats.push(None);
            seats.len() - 1
        });
        seats[index] = Some(Rc::clone(&seat));
        drop(seats);
        let round = Rc::clone(self);
        Member { round, seat, index }
    }

    /// Carries messages from the hub to the connections, for ever. They must hold subscriptions to `topic`.
    pub(crate) async fn pump<F: Clone + 'static>(self: Rc<Self>, topic: Rc<Topic<F>>) {
        // This task does the work of many, and yields by itself.
        unconstrained(async {
            loop {
                topic.news().await;
                let mut from = 0;
                while self.serve(from, &topic) {
                    from += SLICE;
                    yield_now().await;
                }
            }
        })
        .await;
    }

    /// Serves a slice of the seats. Returns whether there are more behind it.
    fn serve<F: Clone + 'static>(&self, from: usize, topic: &Topic<F>) -> bool {
        let seats = self.seats.borrow();
        let until = seats.len().min(from + SLICE);
        let work = topic.work();
        topic.in_round(|| {
            for seat in seats.get(from..until).into_iter().flatten().flatten() {
                if work > 0 {
                    arithmetic(work);
                }
                seat.look();
            }
        });
        until < seats.len()
    }
}

impl<T: Future + Unpin> Seat<T> {
    fn look(&self) {
        let waker = self.waker.borrow();
        let Some(waker) = waker.as_ref().filter(|_| !self.ended.get()) else {
            return;
        };
        if self.poll(&mut Context::from_waker(waker)).is_ready() {
            waker.wake_by_ref();
        }
    }

    #[inline]
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let ended = Pin::new(&mut *self.connection.borrow_mut()).poll(cx);
        ended.map(|_| self.ended.set(true))
    }
}

/// A connection's task takes part until this is dropped.
pub(crate) struct Member<T> {
    round: Rc<Round<T>>,
    seat: Rc<Seat<T>>,
    index: usize,
}

impl<T: Future + Unpin> Future for Member<T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.seat.ended.get() {
            return Poll::Ready(());
        }
        match &mut *self.seat.waker.borrow_mut() {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            other => *other = Some(cx.waker().clone()),
        }
        self.seat.poll(cx)
    }
}

impl<T> Drop for Member<T> {
    fn drop(&mut self) {
        self.round.seats.borrow_mut()[self.index] = None;
        self.round.free.borrow_mut().push(self.index);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;

    use super::*;
    use crate::hub::Hub;

    type Taken = Rc<RefCell<Vec<(bool, u64)>>>;

    /// Takes messages up to number `last`, and says of each whether it came in a round.
    fn taker(
        topic: &Rc<Topic<u64>>,
        taken: &Taken,
        last: u64,
    ) -> impl Future<Output = ()> + Unpin + use<> {
        let (mut messages, taken) = (topic.subscribe(None), Rc::clone(taken));
        poll_fn(move |cx| {
            loop {
                let in_round = messages.is_in_round();
                match messages.poll_next(cx) {
                    Poll::Ready(Ok(seq)) => taken.borrow_mut().push((in_round, seq)),
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending if messages.position() >= last => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
    }

    fn topic(hub: &Arc<Hub>) -> Rc<Topic<u64>> {
        Topic::in_rounds(Arc::clone(hub), |frame| frame.seq)
    }

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, test);
    }

    #[test]
    fn a_round_serves_all_and_ends_who_has_had_enough() {
        run(async {
            let hub = Hub::new(Box::new(|message, out| {
                out.extend_from_slice(message.body);
            }));
            let (topic, round) = (topic(&hub), Rc::new(Round::default()));
            let taken = Taken::default();
            let takers = (0..3 * SLICE as u64).map(|number| {
                let taker = taker(&topic, &taken, 1 + number % 2);
                let round = Rc::clone(&round);
                tokio::task::spawn_local(async move { round.take_part(taker).await })
            });
            let takers: Vec<_> = takers.collect();
            let pump = tokio::task::spawn_local(Rc::clone(&round).pump(Rc::clone(&topic)));
            let seated = |round: &Round<_>| {
                let seats = round.seats.borrow();
                let awaited = seats
                    .iter()
                    .flatten()
                    .filter(|seat| seat.waker.borrow().is_some());
                awaited.count()
            };
            while seated(&round) < 3 * SLICE {
                yield_now().await;
            }
            for seq in 1..=2 {
                hub.publish(b"x", false);
                let due = match seq {
                    1 => 3 * SLICE,
                    _ => 3 * SLICE + 3 * SLICE / 2,
                };
                while taken.borrow().len() < due {
                    yield_now().await;
                }
            }
            for taker in takers {
                taker.await.unwrap();
            }
            assert!(taken.borrow().iter().all(|(in_round, _)| *in_round));
            assert!(round.seats.borrow().iter().all(Option::is_none));
            assert_eq!(round.free.borrow().len(), 3 * SLICE);
            pump.abort();
        });
    }

    #[test]
    fn a_task_that_is_ended_leaves_its_seat_to_the_next() {
        run(async {
            let hub = Hub::new(Box::new(|_, _| {}));
            let (topic, round) = (topic(&hub), Rc::new(Round::default()));
            let taken = Taken::default();
            for _ in 0..3 {
                let (taker, round) = (taker(&topic, &taken, 1), Rc::clone(&round));
                let task = tokio::task::spawn_local(async move { round.take_part(taker).await });
                yield_now().await;
                task.abort();
                assert!(task.await.unwrap_err().is_cancelled());
            }
            assert_eq!(round.seats.borrow().len(), 1);
        });
    }
}
