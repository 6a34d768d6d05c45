//! Messages that wait for others, to be written together.
//!
//! The first message after a pause opens a window; when it closes, workers are told of all that has come. A thread of its own
//! keeps the time, so that all stacks and transports have the same policy and none has a timer more. Only the news waits:
//! a poll that comes meanwhile is answered with what is there.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::thread;
use std::time::Duration;

use pushbench_sys::clock;

use super::Hub;

pub(super) struct Window {
    length_ns: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy)]
enum State {
    /// Nothing waits.
    Closed,
    /// Something waits until then, CLOCK_MONOTONIC nanoseconds.
    Until(u64),
    /// The hub is gone.
    Over,
}

impl Window {
    /// A window of `hub`, and the thread that closes it.
    pub(super) fn start(hub: &Arc<Hub>, length: Duration) -> io::Result<Arc<Self>> {
        let window = Arc::new(Self {
            length_ns: u64::try_from(length.as_nanos()).unwrap_or(u64::MAX),
            state: Mutex::new(State::Closed),
            changed: Condvar::new(),
        });
        let (kept, hub) = (Arc::clone(&window), Arc::downgrade(hub));
        thread::Builder::new()
            .name("pb-window".into())
            .spawn(move || kept.keep(&hub))?;
        Ok(window)
    }

    /// There is something to send.
    pub(super) fn open(&self) {
        let mut state = self.state();
        if matches!(*state, State::Closed) {
            *state = State::Until(clock::now().saturating_add(self.length_ns));
            self.changed.notify_one();
        }
    }

    /// The thread ends; nothing is told any more.
    pub(super) fn end(&self) {
        *self.state() = State::Over;
        self.changed.notify_one();
    }

    fn keep(&self, hub: &Weak<Hub>) {
        // Where that is refused, windows are as much longer as the kernel likes.
        let _ = clock::set_timer_slack_min();
        while let Some(closes) = self.opened() {
            clock::sleep_until(closes, 0);
            let Some(hub) = hub.upgrade() else {
                return;
            };
            {
                let mut state = self.state();
                if matches!(*state, State::Over) {
                    return;
                }
                // Whoever publishes from here on opens the next one.
                *state = State::Closed;
            }
            hub.ring_workers();
        }
    }

    /// Waits until a window is opened; when it closes.
    fn opened(&self) -> Option<u64> {
        let mut state = self.state();
        loop {
            match *state {
                State::Until(closes) => return Some(closes),
                State::Over => return None,
                State::Closed => {
                    state = self
                        .changed
                        .wait(state)
                        .expect("no holder of this lock panics");
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn hub() -> Arc<Hub> {
        Hub::new(Box::new(|_, _| {}))
    }

    #[test]
    fn one_window_brings_all_that_came_in_it() {
        let length = Duration::from_millis(50);
        for _ in 0..2 {
            let hub = hub();
            hub.wait_for_others(length).unwrap();
            let (tell, told) = channel();
            hub.on_news(Box::new(move || {
                // A second window may close when nobody listens any more.
                let _ = tell.send(());
            }));
            let began = clock::now();
            for _ in 0..20 {
                hub.publish(b"x", false);
            }
            let published = clock::now();
            told.recv_timeout(LONG).unwrap();
            let passed = |since| Duration::from_nanos(clock::now() - since);
            assert!(passed(began) >= length, "nobody is told before its end");
            if Duration::from_nanos(published - began) < length {
                assert!(told.try_recv().is_err(), "one piece of news for all");
            }
        }
    }

    #[test]
    fn its_thread_ends_with_the_hub() {
        let hub = hub();
        hub.wait_for_others(Duration::from_millis(1)).unwrap();
        let window = Arc::clone(hub.window.get().unwrap());
        drop(hub);
        // The thread gives up its share.
        let deadline = clock::now() + 60_000_000_000;
        while Arc::strong_count(&window) > 1 {
            assert!(clock::now() < deadline, "the thread goes on");
            thread::yield_now();
        }
    }

    #[test]
    fn a_hub_that_ends_while_a_window_is_open_tells_nobody() {
        let hub = hub();
        hub.wait_for_others(LONG).unwrap();
        let (tell, told) = channel::<()>();
        hub.on_news(Box::new(move || tell.send(()).unwrap()));
        hub.publish(b"x", false);
        drop(hub);
        assert!(
            told.recv_timeout(LONG).is_err(),
            "the sender is gone unused"
        );
    }
}
