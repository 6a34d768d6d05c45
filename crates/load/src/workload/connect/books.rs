//! What is kept of the connections of one worker, however they come.

use std::mem;

use pushbench_model::histogram::HIGHEST;
use pushbench_transport::subscriber::Subscriber;
use pushbench_transport::tls;

use super::Tally;
use crate::faults::Faults;
use crate::station::Station;

/// Figures and faults of connections.
pub(super) struct Books {
    pub(super) tally: Tally,
    /// What TLS had come to before.
    tls: tls::Tally,
    pub(super) faults: Faults,
}

impl Books {
    pub(super) fn open(station: &Station) -> Self {
        Self {
            tally: Tally::default(),
            tls: station.inlet().tls,
            faults: Faults::default(),
        }
    }

    /// Counts the connection `key`, which has its message; its first message is timed from `from`, by default from its start.
    pub(super) fn served(
        &mut self,
        station: &Station,
        key: usize,
        from: Option<u64>,
        [received, corrupted]: [u64; 2],
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
        tally.last_received = tally.last_received.max(received);
        if corrupted == 0 {
            let from = from.unwrap_or(subscriber.started);
            let first_message = received.saturating_sub(from).clamp(1, HIGHEST);
            tally.first_message.saturating_record(first_message);
        }
        Ok(())
    }

    /// Counts what came on a connection that had its message and is to be closed; `corrupted` came with that one.
    pub(super) fn close(&mut self, subscriber: &Subscriber, corrupted: u64) {
        let mut counts = subscriber.check.counts(1);
        counts.corrupted = corrupted;
        if corrupted > 0 {
            // It came, and nobody knows what it was.
            counts.lost = 0;
        }
        self.tally.sequence.add(&counts);
    }

    /// All of it.
    pub(super) fn done(&mut self, station: &Station) -> Tally {
        for fault in station.inlet().inbox.faults() {
            self.faults.mention(fault.clone());
        }
        let mut tally = mem::take(&mut self.tally);
        tally.tls = station.inlet().tls.since(&self.tls);
        tally.primed = station.primed;
        tally.failed = self.faults.count();
        tally.errors = self.faults.words();
        tally
    }
}
