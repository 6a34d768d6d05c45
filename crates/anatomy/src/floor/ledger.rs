//! What a receiver does with a message, at least.

use std::io;

use pushbench_model::histogram::{self, HIGHEST, Histogram};
use pushbench_model::message::{self, Stamp};

use crate::client::{Delay, Received};

/// Bodies that are kept: more than the ten that usually come together at most.
const KNOWN: u64 = 16;

/// Verifies messages and records their delays.
pub(crate) struct Ledger {
    delivered: u64,
    response: Histogram,
    service: Histogram,
    /// The last bodies that were verified, by their numbers: all connections receive the same.
    known: [(Vec<u8>, Stamp); KNOWN as usize],
    /// Messages of a slice, and the last one of this slice.
    slice: u64,
    slice_end: u64,
    slices: Vec<Delay>,
    recorded: u64,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            delivered: 0,
            response: histogram::new(),
            service: histogram::new(),
            known: std::array::from_fn(|_| {
                let stamp = Stamp {
                    seq: 0,
                    intended: 0,
                    published: 0,
                };
                (Vec::new(), stamp)
            }),
            slice: u64::MAX,
            slice_end: u64::MAX,
            slices: Vec::new(),
            recorded: 0,
        }
    }
}

impl Ledger {
    /// Takes the percentiles of every `messages` messages apart.
    pub(crate) fn slice(&mut self, messages: u64) {
        (self.slice, self.slice_end) = (messages, messages);
    }

    /// Takes a message that was received at `received` and must be number `expected` of its connection.
    #[inline]
    pub(crate) fn message(
        &mut self,
        body: &[u8],
        received: u64,
        expected: &mut u64,
    ) -> io::Result<()> {
        let (known, stamp) = &mut self.known[(*expected % KNOWN) as usize];
        let is_new = known != body;
        if is_new {
            // By position; once per message, not once per delivery.
            *stamp = message::parse(body).map_err(io::Error::other)?;
            known.clear();
            known.extend_from_slice(body);
        }
        let stamp = *stamp;
        if stamp.seq != *expected {
            return Err(io::Error::other("a message is missing"));
        }
        if is_new && stamp.seq > self.slice_end {
            self.end_slice();
        }
        *expected += 1;
        self.delivered += 1;
        let response = received.saturating_sub(stamp.intended).min(HIGHEST);
        let service = received.saturating_sub(stamp.published).min(HIGHEST);
        self.response.saturating_record(response);
        self.service.saturating_record(service);
        Ok(())
    }

    #[cold]
    fn end_slice(&mut self) {
        self.slices.push(Delay::of(&self.response));
        self.recorded += self.response.len().min(self.service.len());
        self.response.reset();
        self.service.reset();
        self.slice_end += self.slice;
    }

    /// What arrived so far.
    pub(crate) fn received(&self) -> Received {
        // Both histograms must be what was recorded, or the compiler could leave the recording out.
        let recorded = self.recorded + self.response.len().min(self.service.len());
        let last = Delay::of(&self.response);
        let mut slices = self.slices.clone();
        if self.slice != u64::MAX {
            slices.push(last);
        }
        Received {
            delivered: self.delivered.min(recorded),
            p50_ns: last.p50_ns,
            slices,
        }
    }
}
