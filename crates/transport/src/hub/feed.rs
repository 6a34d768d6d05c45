//! One thread's own copy of the ring, without locks.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Frame, Hub};

/// The messages that a hub keeps, in the form `F`, as far as they have been pulled.
pub(crate) struct Feed<F> {
    hub: Arc<Hub>,
    convert: fn(&Frame) -> F,
    frames: VecDeque<F>,
    next_seq: u64,
}

impl<F> Feed<F> {
    /// What `hub` keeps now; `convert` is called once per message and feed.
    pub(crate) fn new(hub: Arc<Hub>, convert: fn(&Frame) -> F) -> Self {
        let next_seq = hub.ring().first_seq();
        let mut feed = Self {
            hub,
            convert,
            frames: VecDeque::new(),
            next_seq,
        };
        feed.pull();
        feed
    }

    /// Copies what is new from the hub and forgets what the hub forgot. Returns the number the next message will have.
    pub(crate) fn pull(&mut self) -> u64 {
        let shared = self.hub.ring();
        // A worker that slept while more than a ring of messages was published skips what is gone.
        let kept_from = shared.first_seq();
        if self.next_seq < kept_from {
            self.frames.clear();
            self.next_seq = kept_from;
        }
        let skip = (self.next_seq - kept_from) as usize;
        for frame in shared.frames.range(skip..) {
            self.frames.push_back((self.convert)(frame));
            self.next_seq = frame.seq + 1;
        }
        while self.first_seq() < kept_from {
            self.frames.pop_front();
        }
        self.next_seq
    }

    /// Copies what has been published, for somebody who will not wait for the news of it. Without any it costs no lock.
    pub(crate) fn catch_up(&mut self) {
        if self.hub.published() >= self.next_seq {
            self.pull();
        }
    }

    /// The first message that a subscriber is to be sent that has all up to `after`, as far as they are kept; the next
    /// one to be published with `None`.
    pub(crate) fn place(&mut self, after: Option<u64>) -> u64 {
        // A cursor within what is held here, as that of nearly every poll, needs no look at the hub and its lock.
        if after.is_none_or(|after| after >= self.next_seq) {
            self.pull();
        }
        after.map_or(self.next_seq, |after| {
            after
                .saturating_add(1)
                .clamp(self.first_seq(), self.next_seq)
        })
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Number of the oldest message, or of the next one when there is none.
    #[inline]
    pub(crate) fn first_seq(&self) -> u64 {
        self.next_seq - self.frames.len() as u64
    }

    /// Number that the next message will have.
    #[inline]
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Message number `seq`, which must not be older than [`Self::first_seq`]; `None` when it is yet to come.
    #[inline]
    pub(crate) fn get(&self, seq: u64) -> Option<&F> {
        self.frames.get((seq - self.first_seq()) as usize)
    }
}
