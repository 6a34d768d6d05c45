//! The phase of connecting.

use std::time::Duration;

use pushbench_sys::clock;

use crate::station::Station;
use crate::worker::{CONNECTING, Task, Worker};
use crate::{Bench, LoadError};

/// Connects all subscribers and waits until the server has accepted each.
pub(in crate::workload) fn connect(bench: &Bench, subscribers: u32) -> Result<(), LoadError> {
    connect_on(&bench.workers, bench, subscribers)
}

/// The same on workers beside them.
pub(super) fn connect_on(
    workers: &[Worker],
    bench: &Bench,
    subscribers: u32,
) -> Result<(), LoadError> {
    let count = workers.len() as u32;
    let setting = bench.config.scenario.server;
    let connections = setting.connections(subscribers);
    let patience = bench.config.patience.for_connecting(subscribers);
    let pending: Vec<_> = workers
        .iter()
        .zip(0..)
        .map(|(worker, index)| {
            let share = connections / count + u32::from(index < connections % count);
            let share = share * setting.streams.max(1);
            worker.start_task(move |station| Connecting::begin(station, share, patience))
        })
        .collect();
    let (mut subscribed, mut timed_out, mut words) = (0, false, Vec::new());
    for pending in pending {
        let connected = pending.wait()?;
        subscribed += connected.alive;
        timed_out |= connected.timed_out;
        words.extend(connected.faults);
    }
    if subscribed < u64::from(subscribers) {
        let after = if timed_out {
            format!(" within {patience:?}")
        } else {
            String::new()
        };
        let first = words
            .first()
            .map_or_else(String::new, |word| format!(": {word}"));
        return Err(LoadError::Subscribe {
            subscribed,
            wanted: subscribers.into(),
            after,
            first,
        });
    }
    Ok(())
}

/// Opens the connections of a worker's share of the subscribers, a few at a time.
struct Connecting {
    share: u64,
    begun: u64,
    /// Of these, subscribers whose connections failed at once.
    unconnected: u64,
    deadline: u64,
}

/// What came of it.
struct Connected {
    /// Subscribers that the server has accepted and not left since.
    alive: u64,
    timed_out: bool,
    faults: Vec<String>,
}

impl Connecting {
    fn begin(station: &mut Station, share: u32, patience: Duration) -> Self {
        let connections = u64::from(share) / station.per_connection;
        station.subscribers.reserve(connections as usize);
        let patience = u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
        Self {
            share: share.into(),
            begun: 0,
            unconnected: 0,
            deadline: clock::now().saturating_add(patience),
        }
    }

    /// Subscribers whose fate is known.
    fn settled(&self, station: &Station) -> u64 {
        let inlet = station.inlet();
        inlet.subscribed + inlet.refused + inlet.unconnected + self.unconnected
    }
}

impl Task for Connecting {
    type Output = Connected;

    fn step(&mut self, station: &mut Station) -> Option<Connected> {
        station.note_faults();
        // A server that refuses the first ones refuses all: do not knock a thousand times.
        while self.begun < self.share
            && self.begun - self.settled(station) < CONNECTING
            && !station.faults.are_enough()
        {
            self.begun += station.per_connection;
            if let Err(error) = station.open() {
                self.unconnected += station.per_connection;
                let fault = format!("cannot connect to {}: {error}", station.address());
                station.faults.add(fault);
            }
        }
        let all = self.settled(station) >= self.share;
        let timed_out = !all && station.now() >= self.deadline;
        if !all && !timed_out && !station.faults.are_enough() {
            return None;
        }
        // Nobody asks between two phases.
        station.subscribers.run_clocks(false);
        if !station.subscribers.are_answered() && station.now() < self.deadline {
            return None;
        }
        let inlet = station.inlet();
        Some(Connected {
            alive: inlet.subscribed - (inlet.ended - inlet.refused),
            timed_out,
            faults: station.faults.words(),
        })
    }

    fn due(&self) -> u64 {
        self.deadline
    }
}
