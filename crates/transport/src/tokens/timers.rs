//! Waiting under a runtime, to the precision of the kernel's timers.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io;
use std::rc::Rc;
use std::task::{Context, Waker};

use pushbench_sys::clock;
use pushbench_sys::timer::Timer;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::spawn_local;

/// The timers of one worker: one file for all of them.
pub(crate) struct Timers {
    timer: AsyncFd<Timer>,
    waiting: RefCell<BinaryHeap<Waiting>>,
}

/// Who waits until when. Whoever does not any more is woken in vain.
struct Waiting {
    due: u64,
    waker: Waker,
}

/// The earliest is the greatest: that is what a heap hands out.
impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        other.due.cmp(&self.due)
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Waiting {}

impl Timers {
    /// Timers on this thread, which runs a local set.
    ///
    /// # Errors
    ///
    /// When there are no file descriptors left.
    #[expect(
        deprecated,
        reason = "what replaces it is unsafe, for files that are closed behind its back; a timer owns its own"
    )]
    pub(crate) fn start() -> io::Result<Rc<Self>> {
        let timers = Rc::new(Self {
            timer: AsyncFd::with_interest(Timer::new()?, Interest::READABLE)?,
            waiting: RefCell::default(),
        });
        let running = Rc::clone(&timers);
        spawn_local(async move {
            // The runtime ends before its driver does, and this with it.
            while running.turn().await.is_ok() {}
        });
        Ok(timers)
    }

    async fn turn(&self) -> io::Result<()> {
        // Watched for edges, it need not be silenced: when it is set anew, what it had to say is forgotten.
        self.timer.readable().await?.clear_ready();
        let mut waiting = self.waiting.borrow_mut();
        let now = clock::now();
        while let Some(first) = waiting.peek() {
            if first.due > now {
                return self.timer.get_ref().set(first.due);
            }
            if let Some(first) = waiting.pop() {
                first.waker.wake();
            }
        }
        Ok(())
    }

    /// Has `waker` woken at `due`, CLOCK_MONOTONIC nanoseconds.
    fn wake_at(&self, due: u64, waker: &Waker) {
        let mut waiting = self.waiting.borrow_mut();
        let is_first = waiting.peek().is_none_or(|first| due < first.due);
        waiting.push(Waiting {
            due,
            waker: waker.clone(),
        });
        if is_first && let Err(error) = self.timer.get_ref().set(due) {
            eprintln!("pushbench: a timer cannot be set: {error}");
        }
    }
}

/// One that waits again and again.
#[derive(Default)]
pub(crate) struct Alarm(Option<(u64, Waker)>);

impl Alarm {
    /// Whether it is `due`; if not, the task of `cx` is woken then. The time, if it is.
    pub(crate) fn poll(&mut self, due: u64, timers: &Timers, cx: &Context<'_>) -> Option<u64> {
        let now = clock::now();
        if due <= now {
            return Some(now);
        }
        let is_set = |(set, waker): &(u64, Waker)| *set == due && waker.will_wake(cx.waker());
        if !self.0.as_ref().is_some_and(is_set) {
            timers.wake_at(due, cx.waker());
            self.0 = Some((due, cx.waker().clone()));
        }
        None
    }
}
