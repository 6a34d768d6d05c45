//! A worker's share of the connections of an open loop: each is opened when it is due, whatever has become of those before it.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pushbench_model::histogram::HIGHEST;
use pushbench_model::inbox::Inbox;
use pushbench_model::scenario;
use pushbench_model::schedule::Schedule;
use pushbench_sys::clock;
use pushbench_transport::subscriber::{Happened, Note};

use super::books::Books;
use super::{Tally, nanoseconds};
use crate::station::Station;
use crate::watch::Watch;
use crate::worker::Task;

/// Connections that are opened before the loop looks again at those that are open, where many are overdue.
const AT_A_TIME: usize = 16;

/// The connections of a phase, as all workers share them.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) schedule: Schedule,
    /// When it begins, CLOCK_MONOTONIC nanoseconds.
    pub(super) start: u64,
    /// Connections of the phase.
    pub(super) count: u32,
    /// Of how many workers which one this is: each takes its turn of the schedule.
    pub(super) workers: usize,
    pub(super) index: usize,
    pub(super) stay: Duration,
    /// For a first message.
    pub(super) patience: Duration,
    /// Connections that this worker may have open.
    pub(super) bound: usize,
    /// Connections that all workers have open.
    pub(super) open: Arc<Open>,
}

/// Connections that are open now, and at most so far.
#[derive(Default)]
pub(super) struct Open {
    now: AtomicU64,
    most: AtomicU64,
}

impl Open {
    pub(super) fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }

    fn one_more(&self) {
        let now = 1 + self.now.fetch_add(1, Ordering::Relaxed);
        self.most.fetch_max(now, Ordering::Relaxed);
    }

    fn one_less(&self) {
        self.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that is open.
struct Visit {
    /// When it was due, and when it was begun.
    intended: u64,
    begun: u64,
    /// It has its first message, with which so many came that were damaged.
    served: Option<u64>,
}

/// Opens connections when they are due, for which the worker is woken ([`crate::ringer`]), and closes each when it has stayed.
pub(super) struct Arrivals {
    plan: Plan,
    /// When the next one is due, and those behind it.
    next: Option<u64>,
    due: Box<dyn Iterator<Item = u64>>,
    /// By key.
    visits: Vec<Option<Visit>>,
    open: usize,
    /// Connections in the order in which they were begun: when, and their key. Those that have their message go when they come to the
    /// front.
    waiting: VecDeque<(u64, usize)>,
    /// Connections that have their message, in the order in which they leave: when, their key, and when they were begun.
    staying: VecDeque<(u64, usize, u64)>,
    watch: Watch,
    books: Books,
}

impl Arrivals {
    pub(super) fn begin(station: &mut Station, plan: Plan) -> Self {
        station.subscribers.inlet_mut().inbox = Inbox::default();
        let start = plan.start;
        let mut due = plan
            .schedule
            .offsets()
            .take(plan.count as usize)
            .skip(plan.index)
            .step_by(plan.workers.max(1))
            .map(move |offset| start + offset);
        Self {
            next: due.next(),
            due: Box::new(due),
            visits: Vec::new(),
            open: 0,
            waiting: VecDeque::new(),
            staying: VecDeque::new(),
            watch: Watch::start(),
            books: Books::open(station),
            plan,
        }
    }

    fn failed(&mut self, fault: String) {
        self.books.faults.add(fault);
        // A server that refuses refuses all: a handful of faults is enough to say so.
        if self.books.faults.are_enough() {
            self.next = None;
        }
    }

    fn visit(&self, key: usize) -> Option<&Visit> {
        self.visits.get(key)?.as_ref()
    }

    fn take(&mut self, station: &mut Station, note: Note) {
        let Note { key, happened } = note;
        // Of a connection that is over already.
        let Some(visit) = self.visit(key) else { return };
        let (intended, begun) = (visit.intended, visit.begun);
        match happened {
            Happened::Unconnected(error) => self.failed(format!("cannot connect: {error}")),
            Happened::Ended(error) if visit.served.is_some() => {
                self.books.tally.ended_early += 1;
                let fault = format!("a connection that was to stay: {error}");
                self.books.faults.mention(fault);
            }
            Happened::Ended(error) => self.failed(error.to_string()),
            Happened::Served {
                received,
                corrupted,
            } => {
                let numbers = [received, corrupted];
                match self.books.served(station, key, Some(intended), numbers) {
                    Ok(()) => {
                        let visit = self.visits.get_mut(key).and_then(Option::as_mut);
                        if let Some(visit) = visit {
                            visit.served = Some(corrupted);
                        }
                        if !self.plan.stay.is_zero() {
                            let leaves = received.saturating_add(nanoseconds(self.plan.stay));
                            self.staying.push_back((leaves, key, begun));
                            return;
                        }
                    }
                    Err(fault) => self.failed(fault),
                }
            }
        }
        self.close(station, key);
    }

    /// Closes a connection, and counts what came on it if it had its message.
    fn close(&mut self, station: &mut Station, key: usize) {
        let Some(visit) = self.visits.get_mut(key).and_then(Option::take) else {
            return;
        };
        if let Some(corrupted) = visit.served
            && let Some((subscriber, _)) = station.subscribers.get(key)
        {
            self.books.close(subscriber, corrupted);
        }
        station.subscribers.close(key);
        self.open -= 1;
        self.plan.open.one_less();
    }

    /// Closes those that have stayed as long as they were to.
    fn leave(&mut self, station: &mut Station) {
        while let Some(&(leaves, key, begun)) = self.staying.front() {
            if leaves > station.now() {
                return;
            }
            self.staying.pop_front();
            // It may have ended by itself.
            if self.visit(key).is_some_and(|visit| visit.begun == begun) {
                self.close(station, key);
            }
        }
    }

    /// Gives up connections that have waited too long, and drops from the front what waits no more.
    fn give_up(&mut self, station: &mut Station) {
        while let Some(&(begun, key)) = self.waiting.front() {
            let waits = |visit: &Visit| visit.begun == begun && visit.served.is_none();
            if self.visit(key).is_some_and(waits) {
                if station.now() < begun.saturating_add(nanoseconds(self.plan.patience)) {
                    return;
                }
                self.close(station, key);
                self.failed(format!("no message within {:?}", self.plan.patience));
            }
            self.waiting.pop_front();
        }
    }

    /// Opens what is due. What is overdue follows at once.
    fn open(&mut self, station: &mut Station) {
        for _ in 0..AT_A_TIME {
            let now = clock::now();
            let Some(intended) = self.next.filter(|&intended| intended <= now) else {
                return;
            };
            if self.open >= self.plan.bound {
                self.pile(station, now);
                return;
            }
            self.next = self.due.next();
            let opened = station.open();
            let key = opened.as_ref().ok().copied();
            let begun = key.and_then(|key| Some(station.subscribers.get(key)?.0.started));
            let (Some(key), Some(begun)) = (key, begun) else {
                let error = opened.err().map(|error| error.to_string());
                self.failed(format!("cannot connect: {}", error.unwrap_or_default()));
                continue;
            };
            let late = begun.saturating_sub(intended).clamp(1, HIGHEST);
            self.books.tally.lateness.saturating_record(late);
            if self.visits.len() <= key {
                self.visits.resize_with(key + 1, || None);
            }
            self.visits[key] = Some(Visit {
                intended,
                begun,
                served: None,
            });
            self.waiting.push_back((begun, key));
            self.open += 1;
            self.plan.open.one_more();
        }
    }

    /// As many are open as may be. Where a server has left one of them waiting for long, it does not keep up, and this ends; where all were
    /// opened just now, because this process was not there when they were due, they must be served first.
    fn pile(&mut self, station: &mut Station, now: u64) {
        if now < self.behind() {
            return;
        }
        let rate = self.plan.schedule.rate;
        self.failed(format!(
            "the server does not keep up with {rate} connections a second: {} were open at a time, {} s of arrivals beside those that \
             stay",
            self.plan.open.most(),
            scenario::Arriving::BEHIND_S,
        ));
        self.next = None;
        for key in 0..self.visits.len() {
            self.close(station, key);
        }
    }

    /// When the server is behind, where as many are open as may be: the first of them has waited for half of what may pile up.
    fn behind(&self) -> u64 {
        let allowed = Duration::from_secs_f64(scenario::Arriving::BEHIND_S / 2.0);
        let first = self.waiting.front();
        first.map_or(u64::MAX, |(begun, _)| {
            begun.saturating_add(nanoseconds(allowed))
        })
    }
}

impl Task for Arrivals {
    type Output = Tally;

    fn step(&mut self, station: &mut Station) -> Option<Tally> {
        self.watch.note(clock::now());
        for note in mem::take(&mut station.subscribers.inlet_mut().notes) {
            self.take(station, note);
        }
        self.give_up(station);
        self.leave(station);
        self.open(station);
        if self.open > 0 || self.next.is_some() {
            // What was done meanwhile must not make the next one late.
            station.subscribers.inlet_mut().now = clock::now();
            return None;
        }
        let mut tally = self.books.done(station);
        tally.watched = mem::replace(&mut self.watch, Watch::start()).end();
        Some(tally)
    }

    fn due(&self) -> u64 {
        let patience = nanoseconds(self.plan.patience);
        let first = self.waiting.front();
        let given_up = first.map(|(begun, _)| begun.saturating_add(patience));
        let leaves = self.staying.front().map(|&(leaves, ..)| leaves);
        let opens = if self.open < self.plan.bound {
            self.next
        } else {
            self.next.map(|_| self.behind())
        };
        let times = [given_up, leaves, opens, Some(self.watch.due())];
        times.into_iter().flatten().min().unwrap_or(u64::MAX)
    }
}
