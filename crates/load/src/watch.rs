//! Whether this process keeps up with receiving: how late its event loops come to a timer, and how busy their threads are.

use std::collections::BTreeMap;

use pushbench_model::histogram::{self, HIGHEST, Histogram};
use pushbench_sys::{clock, process};

/// Nanoseconds. Rare enough to cost nothing that shows (40 wake-ups a second), often enough to meet every stall that
/// matters.
const TICK: u64 = 25_000_000;

/// Watches the worker it was started on, until it is asked.
pub(crate) struct Watch {
    /// When the next tick is due.
    due: u64,
    lag: Histogram,
    started_ns: u64,
    cpu_ns: Option<u64>,
}

/// What a worker was like while it was watched.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// How late every tick was noticed, nanoseconds; a loop waits in whole milliseconds, so it is up to 1 ms late by itself.
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
    /// Adds a worker of the same core: the lags of both, the share of both together.
    pub(crate) fn beside(&mut self, other: &Self) {
        let busy = [self.busy, other.busy].into_iter().flatten();
        let together = busy.reduce(|one, other| one + other);
        self.add(other);
        self.busy = together;
    }

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
    /// Starts on the thread of a worker.
    pub(crate) fn start() -> Self {
        let now = clock::now();
        Self {
            due: now + TICK,
            lag: histogram::new(),
            started_ns: now,
            cpu_ns: process::thread_cpu_ns().ok(),
        }
    }

    /// When the loop is to come by again, CLOCK_MONOTONIC nanoseconds.
    pub(crate) fn due(&self) -> u64 {
        self.due
    }

    /// Records every tick that is due by `now`. None is left out after a stall: a process that stands still half of the
    /// time is late for half of them.
    pub(crate) fn note(&mut self, now: u64) {
        while self.due <= now {
            let lag = (now - self.due).clamp(1, HIGHEST);
            self.lag.saturating_record(lag);
            self.due += TICK;
        }
    }

    /// What was seen.
    pub(crate) fn end(mut self) -> Watched {
        let now = clock::now();
        // Those that a stall has kept from being noticed until now.
        self.note(now);
        let length = now - self.started_ns;
        let used = || Some(process::thread_cpu_ns().ok()? - self.cpu_ns?);
        Watched {
            busy: used().map(|used| used as f64 / length.max(1) as f64),
            lag: self.lag,
        }
    }
}

/// How all workers kept up: those of a core together.
#[derive(Default)]
pub(crate) struct Watching {
    all: Watched,
    by_core: BTreeMap<usize, Watched>,
}

impl Watching {
    /// Adds a worker, which is pinned to `core`, perhaps with others.
    pub(crate) fn add(&mut self, core: Option<usize>, watched: &Watched) {
        match core {
            Some(core) => self.by_core.entry(core).or_default().beside(watched),
            None => self.all.add(watched),
        }
    }

    /// All of them.
    pub(crate) fn together(mut self) -> Watched {
        for core in self.by_core.values() {
            self.all.add(core);
        }
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loop that is held up for 200 ms was due eight times meanwhile, and is late for all of them by their own times.
    #[test]
    fn a_stall_shows_in_every_tick_it_covers() {
        let mut watch = Watch::start();
        let stalled = clock::now() + 200_000_000;
        clock::sleep_until(stalled, 0);
        watch.note(clock::now());
        let watched = watch.end();
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
        sum.beside(&with(Some(0.25)));
        assert_eq!(sum.busy, Some(0.95), "two on one core");
    }
}
