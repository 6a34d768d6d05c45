//! The hub: a sequenced ring of messages, encoded once and shared by all subscribers.
//!
//! ```text
//! publisher thread ──publish──▶ Hub (mutex, one per process) ──notify──▶ Topic (one per worker) ──wake──▶ subscriptions
//! ```
//!
//! The lock is taken once per message by the publisher and once per message by each worker, never per delivery.

mod broadcast;
mod feed;
mod round;
mod topic;
mod window;

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

pub(crate) use broadcast::{Broadcast, Pump, Source};
use bytes::{Bytes, BytesMut};
pub(crate) use feed::Feed;
use pushbench_model::control::Keeps;
pub(crate) use round::Round;
pub(crate) use topic::arithmetic;
pub use topic::{Lagged, Subscription, Topic};
use window::Window;

/// How many messages are kept for subscribers that resume or fall behind.
const KEPT_MESSAGES: usize = 4096;
/// How many bytes of them, unless fewer than [`LEAST_KEPT`] messages would remain.
const KEPT_BYTES: usize = 64 * 1024 * 1024;
const LEAST_KEPT: usize = 64;
/// Bytes that are allocated at once for short messages, which share them. One of them that is kept keeps the rest, so a
/// subscriber that does not read holds back this much at most beside what it is owed.
pub(crate) const STRIP: usize = 16 * 1024;

/// The ring, as it is told, with `own_bytes` for each subscriber that does not read.
pub(crate) fn keeps(own_bytes: u64) -> Keeps {
    Keeps {
        shared_bytes: KEPT_BYTES as u64,
        least_messages: LEAST_KEPT as u64,
        own_bytes,
    }
}

/// A message as it came from the publisher.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Position in the sequence, from 1.
    pub seq: u64,
    /// Its body.
    pub body: &'a [u8],
    /// Whether the body is binary.
    pub binary: bool,
}

/// A message as its transport sends it.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Position in the sequence.
    pub seq: u64,
    /// Encoded bytes.
    pub bytes: Bytes,
    /// Whether the body is binary.
    pub binary: bool,
}

/// Turns a message into the bytes of its transport; called once per message.
pub type Encode = Box<dyn Fn(Message<'_>, &mut Vec<u8>) + Send + Sync>;

/// Tells a worker that there are messages; called once per message and worker.
pub type News = Box<dyn Fn() + Send + Sync>;

/// Where messages are published; shared by all threads of a server.
pub struct Hub {
    encode: Encode,
    ring: Mutex<Ring>,
    workers: Mutex<Vec<News>>,
    /// Where messages wait for others, if they do.
    window: OnceLock<Arc<Window>>,
    published: AtomicU64,
    lagged: AtomicU64,
    dropped: AtomicU64,
    /// Rounds of arithmetic that a worker adds for every subscription it wakes.
    work: u32,
}

#[derive(Default)]
struct Ring {
    frames: VecDeque<Frame>,
    bytes: usize,
    last_seq: u64,
    body: Vec<u8>,
    encoded: Vec<u8>,
    /// Where the next messages go.
    strip: BytesMut,
}

impl Ring {
    /// What was encoded, to be shared.
    fn keep(&mut self) -> Bytes {
        let len = self.encoded.len();
        if len > STRIP / 4 {
            return Bytes::copy_from_slice(&self.encoded);
        }
        if self.strip.capacity() < len {
            self.strip = BytesMut::with_capacity(STRIP);
        }
        self.strip.extend_from_slice(&self.encoded);
        self.strip.split().freeze()
    }

    /// Sequence number of the oldest frame, or of the next one when there is none.
    fn first_seq(&self) -> u64 {
        self.next_seq() - self.frames.len() as u64
    }

    fn next_seq(&self) -> u64 {
        self.last_seq + 1
    }
}

impl Hub {
    /// An empty hub whose messages are encoded by `encode`.
    #[must_use]
    pub fn new(encode: Encode) -> Arc<Self> {
        Self::with_work(encode, 0)
    }

    /// A hub whose workers add `work` rounds of arithmetic for every subscription they wake: a known cost, for
    /// self-tests of what finds it.
    #[must_use]
    pub fn with_work(encode: Encode, work: u32) -> Arc<Self> {
        Arc::new(Self {
            encode,
            ring: Mutex::default(),
            workers: Mutex::default(),
            window: OnceLock::new(),
            published: AtomicU64::new(0),
            lagged: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            work,
        })
    }

    /// Has workers be told of a message when so much time has passed since the first of which they have not been told.
    ///
    /// # Errors
    ///
    /// When no thread can be started for it.
    pub fn wait_for_others(self: &Arc<Self>, length: Duration) -> io::Result<()> {
        let window = Window::start(self, length)?;
        if let Err(second) = self.window.set(window) {
            second.end();
        }
        Ok(())
    }

    /// Publishes the next message. `make` is told its sequence number, appends its body, and says whether it is
    /// binary; time stamps taken inside are as close to the publishing as can be. Returns the sequence number.
    pub fn publish_with(&self, make: impl FnOnce(u64, &mut Vec<u8>) -> bool) -> u64 {
        let seq = self.append(&mut self.ring(), make);
        self.tell();
        seq
    }

    /// Publishes `count` messages that are ready together: no worker sees some of them without the others, and each is told
    /// once.
    pub fn publish_together(&self, count: usize, mut make: impl FnMut(u64, &mut Vec<u8>) -> bool) {
        let mut ring = self.ring();
        for _ in 0..count {
            self.append(&mut ring, &mut make);
        }
        drop(ring);
        if count > 0 {
            self.tell();
        }
    }

    fn append(&self, ring: &mut Ring, make: impl FnOnce(u64, &mut Vec<u8>) -> bool) -> u64 {
        let seq = ring.last_seq + 1;
        ring.body.clear();
        ring.encoded.clear();
        let binary = make(seq, &mut ring.body);
        (self.encode)(
            Message {
                seq,
                body: &ring.body,
                binary,
            },
            &mut ring.encoded,
        );
        let bytes = ring.keep();
        ring.last_seq = seq;
        ring.bytes += bytes.len();
        ring.frames.push_back(Frame { seq, bytes, binary });
        while ring.frames.len() > KEPT_MESSAGES
            || (ring.bytes > KEPT_BYTES && ring.frames.len() > LEAST_KEPT)
        {
            let oldest = ring.frames.pop_front();
            ring.bytes -= oldest.map_or(0, |frame| frame.bytes.len());
        }
        self.published.fetch_add(1, Ordering::Relaxed);
        seq
    }

    fn tell(&self) {
        match self.window.get() {
            Some(window) => window.open(),
            None => self.ring_workers(),
        }
    }

    fn ring_workers(&self) {
        self.workers().iter().for_each(|tell| tell());
    }

    /// Publishes `body` as it is.
    pub fn publish(&self, body: &[u8], binary: bool) -> u64 {
        self.publish_with(|_, out| {
            out.extend_from_slice(body);
            binary
        })
    }

    /// Messages published so far.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    /// Subscribers that fell behind the ring, or a shorter queue, and were disconnected.
    #[must_use]
    pub fn lagged(&self) -> u64 {
        self.lagged.load(Ordering::Relaxed)
    }

    /// Messages that were dropped because a subscriber's queue was full (`Overflow::DropOldest`), over all subscribers.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring
            .lock()
            .expect("a publisher that panics ends the server")
    }

    fn workers(&self) -> MutexGuard<'_, Vec<News>> {
        self.workers.lock().expect("no holder of this lock panics")
    }

    /// Has `tell` called after every message from now on. It must not publish.
    pub fn on_news(&self, tell: News) {
        self.workers().push(tell);
    }

    pub(crate) fn count_lagged(&self) {
        self.lagged.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_dropped(&self, messages: u64) {
        self.dropped.fetch_add(messages, Ordering::Relaxed);
    }

    /// Rounds of arithmetic that a worker adds for every subscriber it wakes.
    pub(crate) fn work(&self) -> u32 {
        self.work
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if let Some(window) = self.window.get() {
            window.end();
        }
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("published", &self.published())
            .finish_non_exhaustive()
    }
}
