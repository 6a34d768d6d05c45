//! A worker's share of the connections of a closed loop.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use pushbench_model::inbox::Inbox;
use pushbench_transport::subscriber::{Happened, Note, Subscriber};

use super::books::Books;
use super::{Tally, nanoseconds};
use crate::station::Station;
use crate::worker::Task;

/// Opens connections one after the other, a fixed number at a time, each from nothing to its first message.
pub(super) struct Churn {
    /// To be begun yet.
    left: u32,
    slots: u32,
    /// Being set up.
    active: u32,
    patience: Duration,
    /// Connections in the order in which they were begun: when, and their key. Those that are over go when they come to
    /// the front.
    begun: VecDeque<(u64, usize)>,
    books: Books,
}

impl Churn {
    pub(super) fn begin(
        station: &mut Station,
        connections: u32,
        slots: u32,
        patience: Duration,
    ) -> Self {
        station.subscribers.inlet_mut().inbox = Inbox::default();
        Self {
            left: connections,
            slots,
            active: 0,
            patience,
            begun: VecDeque::new(),
            books: Books::open(station),
        }
    }

    fn failed(&mut self, fault: String) {
        self.books.faults.add(fault);
        // A server that refuses refuses all: a handful of faults is enough to say so.
        if self.books.faults.are_enough() {
            self.left = 0;
        }
    }

    fn take(&mut self, station: &mut Station, note: Note) {
        let Note { key, happened } = note;
        match happened {
            Happened::Unconnected(error) => self.failed(format!("cannot connect: {error}")),
            // Of a connection that is over already.
            _ if station.subscribers.get(key).is_none() => return,
            Happened::Ended(error) => self.failed(error.to_string()),
            Happened::Served {
                received,
                corrupted,
            } => match self.books.served(station, key, None, [received, corrupted]) {
                Ok(()) => {
                    if let Some((subscriber, _)) = station.subscribers.get(key) {
                        self.books.close(subscriber, corrupted);
                    }
                }
                Err(fault) => self.failed(fault),
            },
        }
        station.subscribers.close(key);
        self.active -= 1;
    }

    /// Gives up connections that have waited too long, and drops from the front what is over.
    fn give_up(&mut self, station: &mut Station) {
        while let Some(&(started, key)) = self.begun.front() {
            let subscribers = &mut station.subscribers;
            let is_same = |(subscriber, _): (&Subscriber, _)| subscriber.started == started;
            if subscribers.get(key).is_some_and(is_same) {
                if subscribers.inlet().now < self.deadline(started) {
                    return;
                }
                subscribers.close(key);
                self.active -= 1;
                self.failed(format!("no message within {:?}", self.patience));
            }
            self.begun.pop_front();
        }
    }

    fn deadline(&self, started: u64) -> u64 {
        started.saturating_add(nanoseconds(self.patience))
    }

    fn open(&mut self, station: &mut Station) {
        while self.active < self.slots && self.left > 0 {
            self.left -= 1;
            let opened = station.open();
            let subscriber = opened.as_ref().ok().copied();
            match subscriber.and_then(|key| Some((key, station.subscribers.get(key)?.0))) {
                Some((key, subscriber)) => {
                    self.begun.push_back((subscriber.started, key));
                    self.active += 1;
                }
                None => {
                    let error = opened.err().map(|error| error.to_string());
                    self.failed(format!("cannot connect: {}", error.unwrap_or_default()));
                }
            }
        }
    }
}

impl Task for Churn {
    type Output = Tally;

    fn step(&mut self, station: &mut Station) -> Option<Tally> {
        for note in mem::take(&mut station.subscribers.inlet_mut().notes) {
            self.take(station, note);
        }
        self.give_up(station);
        self.open(station);
        if self.active > 0 || self.left > 0 {
            return None;
        }
        Some(self.books.done(station))
    }

    fn due(&self) -> u64 {
        let first = self.begun.front();
        first.map_or(u64::MAX, |&(started, _)| self.deadline(started))
    }
}
