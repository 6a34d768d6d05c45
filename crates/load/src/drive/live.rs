//! What is seen of a drive while it goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use pushbench_model::drive::FaultKind;
use pushbench_model::histogram::Histogram;

/// The state of a drive, put here several times a second by who drives and taken by who shows it.
#[derive(Default)]
pub struct Live {
    state: Mutex<Snapshot>,
    /// Somebody has looked since the last time that this was asked.
    seen: AtomicBool,
}

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
    /// Response times so far; service times where there are none, gaps where there are neither. Absent from the first looks:
    /// copies of them are made for who looks again and again.
    pub latency: Option<Histogram>,
    /// The name of these, from [`pushbench_model::drive::histogram`].
    pub latency_name: &'static str,
}

impl Live {
    /// Puts the state of now in the place of the one before.
    pub fn put(&self, snapshot: Snapshot) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }

    /// Whether somebody has looked since this was asked last.
    #[must_use]
    pub(super) fn was_seen(&self) -> bool {
        self.seen.swap(false, Ordering::Relaxed)
    }

    /// The last state.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.seen.store(true, Ordering::Relaxed);
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
