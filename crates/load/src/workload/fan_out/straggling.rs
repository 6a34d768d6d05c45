//! Subscribers that are slow on purpose, beside those that are measured.

use std::time::Duration;

use pushbench_model::measurement::SlowCount;
use pushbench_model::scenario::Slow;
use pushbench_sys::clock;
use pushbench_transport::subscriber::{Happened, SubscribeError};

use super::settle::Settle;
use crate::station::Station;
use crate::watch::Watched;
use crate::worker::Task;
use crate::{Bench, LoadError};

/// Between two reads of a slow subscriber, nanoseconds.
const SIP_EVERY: u64 = 100_000_000;
const SECOND: f64 = 1e9;

/// Has each worker read its share of the slow subscribers no more.
pub(super) fn set_aside(bench: &Bench, slow: Slow, subscribers: u32) -> Result<(), LoadError> {
    let (workers, all) = (bench.workers.len() as u32, slow.of(subscribers));
    let pending: Vec<_> = bench
        .workers
        .iter()
        .zip(0..)
        .map(|(worker, index)| {
            let share = (all / workers + u32::from(index < all % workers)) as usize;
            worker.start_job(move |station| -> std::io::Result<()> {
                // Everybody is connected, so keys have no gap.
                (0..share).try_for_each(|key| station.subscribers.set_aside(key).map(drop))
            })
        })
        .collect();
    for pending in pending {
        pending.wait()?.map_err(LoadError::Worker)?;
    }
    Ok(())
}

/// What came of it on one worker.
pub(in crate::workload) struct Straggled {
    pub(super) watched: Watched,
    pub(super) count: SlowCount,
}

/// Waits for those that are measured, while the slow ones read what they may.
pub(super) struct Straggling {
    settle: Settle,
    keys: Vec<usize>,
    /// Bytes for each at every turn of theirs.
    sip: usize,
    began: u64,
    next_sip: u64,
    count: SlowCount,
}

impl Straggling {
    pub(super) fn begin(station: &mut Station, slow: Slow, total: u64, patience: Duration) -> Self {
        let now = clock::now();
        let keys: Vec<_> = (0..)
            .take_while(|&key| station.subscribers.get(key).is_some())
            .filter(|&key| is_aside(station, key))
            .collect();
        let sip = f64::from(slow.bytes_per_s) * SIP_EVERY as f64 / SECOND;
        Self {
            count: SlowCount {
                slow: keys.len() as u64,
                ..SlowCount::default()
            },
            settle: Settle::begin(station, total, patience),
            next_sip: if slow.bytes_per_s == 0 { u64::MAX } else { now },
            sip: sip as usize,
            keys,
            began: now,
        }
    }

    fn hear(&mut self, station: &mut Station, now: u64) {
        let (count, began) = (&mut self.count, self.began);
        station.subscribers.inlet_mut().notes.retain(|note| {
            let let_go = matches!(note.happened, Happened::Ended(SubscribeError::LetGo));
            if let_go {
                count.let_go += 1;
                count.let_go_after_s += now.saturating_sub(began) as f64 / SECOND;
            }
            !let_go
        });
    }

    fn read_a_little(&mut self, station: &mut Station, now: u64) {
        if now < self.next_sip {
            return;
        }
        self.next_sip = now + SIP_EVERY;
        for &key in &self.keys {
            self.count.read_bytes += station.subscribers.sip(key, self.sip) as u64;
        }
    }
}

fn is_aside(station: &Station, key: usize) -> bool {
    let subscriber = station.subscribers.get(key);
    subscriber.is_some_and(|(subscriber, _)| subscriber.is_aside())
}

impl Task for Straggling {
    type Output = Straggled;

    fn step(&mut self, station: &mut Station) -> Option<Straggled> {
        let now = station.now();
        self.read_a_little(station, now);
        self.hear(station, now);
        let watched = self.settle.step(station)?;
        Some(Straggled {
            watched,
            count: self.count,
        })
    }

    fn due(&self) -> u64 {
        self.settle.due().min(self.next_sip)
    }
}

/// The workers' counts together.
pub(super) fn add(sum: &mut SlowCount, part: &SlowCount) {
    sum.slow += part.slow;
    sum.let_go += part.let_go;
    sum.let_go_after_s += part.let_go_after_s;
    sum.read_bytes += part.read_bytes;
}
