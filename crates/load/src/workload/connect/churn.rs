//! A worker's share of the connections.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use pushbench_model::histogram::HIGHEST;
use pushbench_model::inbox::Inbox;
use pushbench_transport::subscriber::{Happened, Note};
use pushbench_transport::tls;

use super::Tally;
use crate::faults::Faults;
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
    tally: Tally,
    /// What TLS had come to before.
    tls: tls::Tally,
    faults: Faults,
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
            tally: Tally::default(),
            tls: station.inlet().tls,
            faults: Faults::default(),
        }
    }

    fn failed(&mut self, fault: String) {
        self.faults.add(fault);
        // A server that refuses refuses all: a handful of faults is enough to say so.
        if self.faults.are_enough() {
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
            } => {
                if let Err(fault) = self.served(station, key, received, corrupted) {
                    self.failed(fault);
                }
            }
        }
        station.subscribers.close(key);
        self.active -= 1;
    }

    /// Counts a connection that has its message.
    fn served(
        &mut self,
        station: &Station,
        key: usize,
        received: u64,
        corrupted: u64,
    ) -> Result<(), String> {
        let Some((subscriber, progress)) = station.subscribers.get(key) else {
            return Ok(());
        };
        let wire = subscriber
            .wire(&progress)
            .map_err(|error| error.to_string())?;
        let tally = &mut self.tally;
        let connect_ns = subscriber.connect_ns.clamp(1, HIGHEST);
        tally.connect.saturating_record(connect_ns);
        tally.wire.add(&wire);
        tally.opened += 1;
        tally.nodelay += u64::from(subscriber.nodelay);
        tally.batches += progress.batches;
        let mut counts = subscriber.check.counts(1);
        counts.corrupted = corrupted;
        if corrupted == 0 {
            let first_message = received.saturating_sub(subscriber.started);
            tally
                .first_message
                .saturating_record(first_message.clamp(1, HIGHEST));
        } else {
            // It came, and nobody knows what it was.
            counts.lost = 0;
        }
        tally.sequence.add(&counts);
        Ok(())
    }

    /// Gives up connections that have waited too long, and drops from the front what is over.
    fn give_up(&mut self, station: &mut Station) {
        while let Some(&(started, key)) = self.begun.front() {
            let subscribers = &mut station.subscribers;
            let is_same = |(subscriber, _): (&pushbench_transport::subscriber::Subscriber, _)| {
                subscriber.started == started
            };
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
        let patience = u64::try_from(self.patience.as_nanos()).unwrap_or(u64::MAX);
        started.saturating_add(patience)
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
        for fault in station.inlet().inbox.faults() {
            self.faults.mention(fault.clone());
        }
        let mut tally = mem::take(&mut self.tally);
        tally.tls = station.inlet().tls.since(&self.tls);
        tally.primed = station.primed;
        tally.failed = self.faults.count();
        tally.errors = self.faults.words();
        Some(tally)
    }

    fn due(&self) -> u64 {
        let first = self.begun.front();
        first.map_or(u64::MAX, |&(started, _)| self.deadline(started))
    }
}
