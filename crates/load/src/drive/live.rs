//! What is seen of a drive while it goes on.

use std::sync::{Mutex, PoisonError};

use pushbench_model::drive::FaultKind;
use pushbench_model::histogram::Histogram;

/// The state of a drive, put here several times a second by who drives and taken by who shows it.
#[derive(Default)]
pub struct Live(Mutex<Snapshot>);

/// A moment of a drive.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Since its beginning, nanoseconds.
    pub elapsed_ns: u64,
    /// Connections that are being established.
    pub connecting: u32,
    /// Subscriptions.
    pub open: u32,
    /// Messages received so far.
    pub messages: u64,
    /// Bytes read so far.
    pub bytes: u64,
    /// Messages that were posted so far.
    pub published: u64,
    /// Numbers missing so far.
    pub lost: u64,
    /// Faults so far, by kind, the most frequent first.
    pub faults: Vec<(FaultKind, u64)>,
    /// Response times so far; service times where there are none, gaps where there are neither.
    pub latency: Option<Histogram>,
    /// The name of these, from [`pushbench_model::drive::histogram`].
    pub latency_name: &'static str,
}

impl Live {
    /// Puts the state of now in the place of the one before.
    pub fn put(&self, snapshot: Snapshot) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }

    /// The last state.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
