//! Whether this process keeps up with receiving: how late its event loops come to a timer, and how busy their threads are.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use pushbench_model::histogram::{self, HIGHEST, Histogram};
use pushbench_sys::{clock, process};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// Rare enough to cost nothing that shows (40 wake-ups a second), often enough to meet every stall that matters.
const TICK: Duration = Duration::from_millis(25);

/// Watches the worker it was started on, until it is asked.
pub(crate) struct Watch {
    ticks: Rc<Ticks>,
    task: JoinHandle<()>,
    started_ns: u64,
    cpu_ns: Option<u64>,
}

/// What a worker was like while it was watched.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// How late every tick was noticed, nanoseconds; the runtime's timers are up to 1 ms late by themselves.
    pub(crate) lag: Histogram,
    /// Processor time of the thread over the time it was watched; absent where the system does not tell.
    pub(crate) busy: Option<f64>,
}

impl Default for Watched {
    fn default() -> Self {
        Self {
            lag: histogram::new(),
            busy: None,
        }
    }
}

impl Watched {
    /// Adds another worker: the lags of both, the share of the busier one.
    pub(crate) fn add(&mut self, other: &Self) {
        self.lag
            .add(&other.lag)
            .expect("all histograms share their bounds");
        self.busy = [self.busy, other.busy]
            .into_iter()
            .flatten()
            .reduce(f64::max);
    }
}

impl Watch {
    /// Starts within the task set of a worker.
    pub(crate) fn start() -> Self {
        let ticks = Rc::new(Ticks {
            due: Cell::new(Instant::now() + TICK),
            lag: RefCell::new(histogram::new()),
        });
        let ticking = Rc::clone(&ticks);
        Self {
            ticks,
            task: tokio::task::spawn_local(async move {
                loop {
                    sleep_until(ticking.due.get()).await;
                    ticking.note();
                }
            }),
            started_ns: clock::now(),
            cpu_ns: process::thread_cpu_ns().ok(),
        }
    }

    /// What was seen.
    pub(crate) fn end(self) -> Watched {
        self.task.abort();
        // Those that a stall has kept from being noticed until now.
        self.ticks.note();
        let length = clock::now() - self.started_ns;
        let used = || Some(process::thread_cpu_ns().ok()? - self.cpu_ns?);
        Watched {
            lag: self.ticks.lag.borrow().clone(),
            busy: used().map(|used| used as f64 / length.max(1) as f64),
        }
    }
}

struct Ticks {
    due: Cell<Instant>,
    lag: RefCell<Histogram>,
}

impl Ticks {
    /// Records every tick that is due. None is left out after a stall: a process that stands still half of the time is
    /// late for half of them.
    fn note(&self) {
        let now = Instant::now();
        while self.due.get() <= now {
            let lag = (now - self.due.get()).as_nanos();
            let lag = u64::try_from(lag).unwrap_or(u64::MAX).clamp(1, HIGHEST);
            self.lag.borrow_mut().saturating_record(lag);
            self.due.set(self.due.get() + TICK);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;
    use tokio::task::LocalSet;

    use super::*;

    /// A loop that is held up for 200 ms was due eight times meanwhile, and is late for all of them by their own times.
    #[test]
    fn a_stall_shows_in_every_tick_it_covers() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let watched = LocalSet::new().block_on(&runtime, async {
            let watch = Watch::start();
            let stalled = clock::now() + 200_000_000;
            clock::sleep_until(stalled, 0);
            tokio::task::yield_now().await;
            watch.end()
        });
        assert!(watched.lag.len() >= 7, "{}", watched.lag.len());
        assert!(watched.lag.max() >= 150_000_000);
        // Each tick is 25 ms less late than the one before it.
        assert!(watched.lag.min() < watched.lag.max() - 100_000_000);
        assert!(watched.busy.unwrap() < 0.9, "it slept");
    }

    #[test]
    fn the_busier_worker_counts() {
        let with = |busy| Watched {
            busy,
            ..Watched::default()
        };
        let mut sum = with(None);
        sum.add(&with(Some(0.2)));
        sum.add(&with(Some(0.7)));
        sum.add(&with(Some(0.1)));
        assert_eq!(sum.busy, Some(0.7));
    }
}
