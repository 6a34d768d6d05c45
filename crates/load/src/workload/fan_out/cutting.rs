//! Connections that are cut while messages flow, and subscribers that come back.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::mem;
use std::time::Duration;

use pushbench_model::histogram::{self, HIGHEST, Histogram};
use pushbench_model::measurement::{CutCount, WireCount};
use pushbench_model::scenario::{Cuts, Pattern};
use pushbench_model::sequence::SequenceCheck;
use pushbench_sys::clock;
use pushbench_transport::subscriber::{Happened, Note, SubscribeError};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

use crate::station::Station;
use crate::watch::{Watch, Watched};
use crate::worker::Task;

/// Length of the slots in which beginnings are counted, nanoseconds.
const SLOT: u64 = 100_000_000;
/// Between two looks at whether all have all.
const LOOK: u64 = 5_000_000;
const SECOND: f64 = 1e9;

/// What a worker is to do to its connections.
#[derive(Clone, Copy)]
pub(super) struct Order {
    pub(super) cuts: Cuts,
    /// Whether who comes back says where it was.
    pub(super) resume: bool,
    /// First due message, and the end of cutting: nobody is cut who could not come back in time.
    pub(super) start: u64,
    pub(super) end: u64,
    /// Messages of the measurement so far, when all have arrived.
    pub(super) total: u64,
    pub(super) patience: Duration,
    /// Cuts fall within about two messages: bytes.
    pub(super) within: u32,
    pub(super) seed: u64,
}

/// What came of it.
pub(in crate::workload) struct Cut {
    pub(super) watched: Watched,
    pub(super) tally: Tally,
}

/// Over the workers, what was seen.
pub(in crate::workload) struct Tally {
    pub(super) count: CutCount,
    pub(super) recovery: Histogram,
    /// Subscriptions that began in each slot of the clock.
    slots: BTreeMap<u64, u64>,
    /// What went over connections that were closed since.
    pub(super) wire: WireCount,
    pub(super) batches: u64,
    pub(super) answers: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            count: CutCount::default(),
            recovery: histogram::new(),
            slots: BTreeMap::new(),
            wire: WireCount::default(),
            batches: 0,
            answers: 0,
        }
    }
}

impl Tally {
    pub(super) fn merge(&mut self, other: Self) {
        self.count.cuts += other.count.cuts;
        self.count.failed += other.count.failed;
        self.count.recovered += other.count.recovered;
        self.count.away_s += other.count.away_s;
        self.recovery
            .add(&other.recovery)
            .expect("all histograms share their bounds");
        self.wire.add(&other.wire);
        self.batches += other.batches;
        self.answers += other.answers;
        for (slot, began) in other.slots {
            *self.slots.entry(slot).or_default() += began;
        }
        let peak = self.slots.values().max().copied().unwrap_or_default();
        self.count.peak_per_s = peak as f64 * SECOND / SLOT as f64;
    }
}

/// One who was cut off, when, and what it had.
#[derive(Clone)]
struct Away {
    check: SequenceCheck,
    cut: u64,
}

/// Cuts a worker's share of the connections, and waits until all have all.
pub(super) struct Cutting {
    order: Order,
    random: Pcg64Mcg,
    deadline: u64,
    /// When which connection is to be cut.
    to_cut: BinaryHeap<Reverse<(u64, usize)>>,
    /// Who asks again, by when and by the order of leaving.
    away: BTreeMap<(u64, u64), Away>,
    left: u64,
    /// Who came back on which connection and has had no message since; a connection that fails keeps nothing of whose it was.
    returning: BTreeMap<usize, Away>,
    next_look: u64,
    /// All have all: what is left is to await the answers to polls.
    settled: bool,
    tally: Tally,
    /// Taken at the end.
    watch: Option<Watch>,
}

impl Cutting {
    pub(super) fn begin(station: &mut Station, index: u64, order: Order) -> Self {
        station.subscribers.run_clocks(true);
        let patience = u64::try_from(order.patience.as_nanos()).unwrap_or(u64::MAX);
        let mut cutting = Self {
            random: Pcg64Mcg::seed_from_u64(order.seed ^ index.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            deadline: clock::now().saturating_add(patience),
            to_cut: BinaryHeap::new(),
            away: BTreeMap::new(),
            left: 0,
            returning: BTreeMap::new(),
            next_look: order.end,
            settled: false,
            tally: Tally::default(),
            watch: Some(Watch::start()),
            order,
        };
        // Everybody is connected, so keys have no gap.
        let keys = (0..).take_while(|&key| station.subscribers.get(key).is_some());
        for key in keys {
            let first = match order.cuts.pattern {
                Pattern::AllAtS(seconds) => order.start + (seconds * SECOND) as u64,
                Pattern::EachEveryS(mean) => order.start + cutting.gap(mean),
            };
            cutting.plan(first, key);
        }
        cutting
    }

    /// An exponential gap, nanoseconds.
    fn gap(&mut self, mean_s: f64) -> u64 {
        let chance: f64 = self.random.random();
        (-(1.0 - chance).ln() * mean_s * SECOND) as u64
    }

    fn plan(&mut self, when: u64, key: usize) {
        if when < self.order.end {
            self.to_cut.push(Reverse((when, key)));
        }
    }

    fn cut(&mut self, station: &mut Station, now: u64) {
        while let Some(&Reverse((when, key))) = self.to_cut.peek() {
            if when > now {
                return;
            }
            self.to_cut.pop();
            let bytes = match self.order.cuts.pattern {
                // A storm begins where a network or a server vanishes: now, for everybody.
                Pattern::AllAtS(_) => 0,
                Pattern::EachEveryS(_) => self.random.random_range(0..=self.order.within),
            };
            station.subscribers.cut(key, bytes);
        }
    }

    fn hear(&mut self, station: &mut Station, now: u64) {
        for note in mem::take(&mut station.subscribers.inlet_mut().notes) {
            let Note { key, happened } = note;
            match happened {
                Happened::Ended(SubscribeError::Cut) => {
                    // One who was on the way back is still away for as long as it was.
                    let since = self.returning.remove(&key).map_or(now, |away| away.cut);
                    self.tally.count.cuts += 1;
                    self.leave(station, key, since, now);
                }
                Happened::Served { received, .. } => {
                    if let Some(away) = self.returning.remove(&key) {
                        self.tally.count.recovered += 1;
                        let took = received.saturating_sub(away.cut).clamp(1, HIGHEST);
                        self.tally.recovery.saturating_record(took);
                    }
                    if let Pattern::EachEveryS(mean) = self.order.cuts.pattern {
                        let next = now + self.gap(mean);
                        self.plan(next, key);
                    }
                }
                // Refused, or not even connected: again, later.
                Happened::Ended(error) => {
                    station.faults.add(error.to_string());
                    if let Some(away) = self.returning.remove(&key) {
                        self.tally.count.failed += 1;
                        self.leave(station, key, away.cut, now);
                    }
                }
                Happened::Unconnected(error) => {
                    station.faults.add(error.to_string());
                    if let Some(away) = self.returning.remove(&key) {
                        self.tally.count.failed += 1;
                        self.wait(away, now);
                    }
                }
            }
        }
    }

    /// Takes what a subscriber has from its connection, closes that, and lets it come back later.
    fn leave(&mut self, station: &mut Station, key: usize, since: u64, now: u64) {
        let Some((subscriber, progress)) = station.subscribers.get(key) else {
            return;
        };
        if let Ok(wire) = subscriber.wire(&progress) {
            self.tally.wire.add(&wire);
        }
        self.tally.batches += progress.batches;
        self.tally.answers += progress.answers;
        let check = subscriber.check.clone();
        station.subscribers.reset(key);
        self.wait(Away { check, cut: since }, now);
    }

    fn wait(&mut self, away: Away, now: u64) {
        let chance = self.random.random();
        let delay = (self.order.cuts.delay(chance) * SECOND) as u64;
        self.tally.count.away_s += delay as f64 / SECOND;
        self.left += 1;
        self.away.insert((now + delay, self.left), away);
    }

    fn come_back(&mut self, station: &mut Station, now: u64) {
        while let Some(first) = self.away.first_entry() {
            if first.key().0 > now {
                return;
            }
            let away = first.remove();
            let after = self.order.resume.then(|| away.check.next() - 1);
            match station.reopen(after, away.check.clone()) {
                Ok(key) => {
                    *self.tally.slots.entry(now / SLOT).or_default() += 1;
                    self.returning.insert(key, away);
                }
                Err(error) => {
                    station.faults.add(error.to_string());
                    self.tally.count.failed += 1;
                    self.wait(away, now);
                }
            }
        }
    }

    /// Whether everybody is there and has the last message.
    fn is_over(&mut self, station: &Station, now: u64) -> bool {
        if now >= self.deadline {
            return true;
        }
        if now < self.next_look {
            return false;
        }
        self.next_look = now + LOOK;
        if !self.away.is_empty() || !self.to_cut.is_empty() {
            return false;
        }
        let mut all = true;
        station.subscribers.for_each(&mut |subscriber, _| {
            all &= subscriber.has_ended() || subscriber.check.next() > self.order.total;
        });
        all
    }
}

impl Task for Cutting {
    type Output = Cut;

    fn step(&mut self, station: &mut Station) -> Option<Cut> {
        let now = station.now();
        // What is cut at once is heard of at once.
        self.cut(station, now);
        self.hear(station, now);
        self.come_back(station, now);
        if let Some(watch) = &mut self.watch {
            watch.note(now);
        }
        self.settled = self.settled || self.is_over(station, now);
        if !self.settled {
            return None;
        }
        station.subscribers.run_clocks(false);
        if now < self.deadline && !station.subscribers.are_answered() {
            return None;
        }
        Some(Cut {
            watched: self.watch.take()?.end(),
            tally: mem::take(&mut self.tally),
        })
    }

    fn due(&self) -> u64 {
        let cut = self.to_cut.peek().map(|&Reverse((when, _))| when);
        let back = self.away.keys().next().map(|&(when, _)| when);
        let watch = self.watch.as_ref().map(Watch::due);
        let soon = [cut, back, watch].into_iter().flatten();
        soon.fold(self.deadline.min(self.next_look), u64::min)
    }
}
