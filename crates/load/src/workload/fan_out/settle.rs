//! Waiting for deliveries.

use std::time::Duration;

use pushbench_sys::clock;

use crate::station::Station;
use crate::watch::{Watch, Watched};
use crate::worker::Task;

/// Waits until all subscribers of a worker have `total` messages each, or time is up. What is missing then shows in the
/// sequence. What a subscriber misses whose connection has ended, or is slow on purpose, is not waited for. Subscribers that
/// ask by the clock do so meanwhile, and have their last answer at the end.
pub(super) struct Settle {
    total: u64,
    deadline: u64,
    /// Messages of all subscribers that can still be settled.
    attainable: u64,
    /// Subscribers whose connection had ended when that was counted.
    ended: u64,
    /// Taken at the end.
    watch: Option<Watch>,
}

impl Settle {
    pub(super) fn begin(station: &mut Station, total: u64, patience: Duration) -> Self {
        station.subscribers.run_clocks(true);
        let patience = u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
        Self {
            total,
            deadline: clock::now().saturating_add(patience),
            attainable: attainable(station, total),
            ended: station.inlet().ended,
            watch: Some(Watch::start()),
        }
    }
}

impl Task for Settle {
    type Output = Watched;

    fn step(&mut self, station: &mut Station) -> Option<Watched> {
        let inlet = station.inlet();
        if inlet.ended != self.ended {
            self.ended = inlet.ended;
            self.attainable = attainable(station, self.total);
        }
        if let Some(watch) = &mut self.watch {
            watch.note(inlet.now);
        }
        let late = inlet.now >= self.deadline;
        if !late && inlet.inbox.settled() < self.attainable {
            return None;
        }
        station.subscribers.run_clocks(false);
        let over = late || station.subscribers.are_answered();
        over.then(|| self.watch.take().map(Watch::end)).flatten()
    }

    fn due(&self) -> u64 {
        let tick = self.watch.as_ref().map_or(u64::MAX, Watch::due);
        self.deadline.min(tick)
    }
}

/// How many of the `total` messages of each subscriber can still be settled.
fn attainable(station: &Station, total: u64) -> u64 {
    let mut sum = 0;
    station.subscribers.for_each(&mut |subscriber, _| {
        let gone = subscriber.has_ended() || subscriber.is_aside();
        for check in subscriber.checks() {
            let missed = if gone { check.counts(total).lost } else { 0 };
            sum += total - missed;
        }
    });
    sum
}
