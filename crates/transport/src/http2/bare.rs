//! The server half on the stack `bare`: many streams of messages on a connection, framed here.
//!
//! ```text
//! bell ──▶ Feed ──▶ Machine: a frame per stream and message ──▶ Parcel ──one write──▶ socket
//!          ring     windows, turns                              ▲
//! client ──bytes──▶ Machine: requests, settings, windows ──owed─┘
//! ```
//!
//! # Layout
//!
//! - `machine`: the state of a connection, without its socket
//! - `stream`: its streams, each with a window and a place in the ring
//! - `parcel`: what one write takes, and whose it is: what a socket does not take is put back
//! - `request`: requests, read out of their heads
//! - `site`: what connections share
//! - `turns`: what the loop of a worker does for one connection
//!
//! A connection keeps of what it is to be sent the rest of one frame, and answers to what its client has said; when these are too
//! many no more is read. Messages are kept by the ring alone.

mod machine;
mod parcel;
mod request;
mod site;
mod stream;
#[cfg(test)]
mod tests;
mod turns;

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pushbench_sys::clock;
use pushbench_sys::poller::{EventFlags, Events, Poller};

use crate::bare::http::Date;
use crate::bare::{Common, Door, Interest, MS, Slab, Wheel, Worker};
use crate::hub::{Feed, Hub, arithmetic};
use crate::transport::ServeOptions;

use parcel::Parcel;
pub(crate) use site::Endpoint;
use site::Site;
use turns::{Connection, Stop, flush};

const BELL: u64 = u64::MAX;
const DOOR: u64 = u64::MAX - 1;

/// Room for one read, shared by all connections of a worker.
const READ: usize = 16 * 1024;

/// What a connection keeps whose client does not read, bytes: the rest of a frame and what is said besides, in memory that has grown,
/// and answers to all that one read may ask for.
pub(crate) const OWN: u64 = 2 * (20 << 10) + (192 << 10);

/// Serves connections on this thread until the worker is told to stop.
pub(crate) fn serve(
    endpoint: Endpoint,
    hub: &Arc<Hub>,
    worker: Worker,
    options: Arc<ServeOptions>,
) {
    let ended = Loop::new(endpoint, hub, worker, options).and_then(Loop::run);
    if let Err(error) = ended {
        eprintln!("pushbench: a worker cannot wait for its connections: {error}");
    }
}

/// What there is to do for a connection after a delivery that did not go as it nearly always does.
#[derive(Clone, Copy)]
enum Odd {
    /// Its client has gone.
    Gone,
    /// It has to wait, and may have fallen behind.
    Waits,
    /// It has had its turn, and there is more.
    More,
}

struct Loop {
    poller: Rc<Poller>,
    worker: Worker,
    door: Door,
    site: Site,
    slab: Slab<Connection>,
    wheel: Wheel,
    /// Whether the bell was rung and not yet heard.
    rung: Arc<AtomicBool>,
    /// Connections that have more to read than they were given time for.
    again: Vec<u64>,
    /// Connections with which a delivery did not go as it nearly always does.
    odd: Vec<(u32, Odd)>,
    expired: Vec<u32>,
    room: Box<[u8]>,
    parcel: Parcel,
    /// The time of this round, nanoseconds; 0 when nobody has asked for it.
    now: u64,
    head_ns: u64,
}

impl Loop {
    fn new(
        endpoint: Endpoint,
        hub: &Arc<Hub>,
        worker: Worker,
        options: Arc<ServeOptions>,
    ) -> io::Result<Self> {
        let poller = Rc::new(Poller::new()?);
        // Edge-triggered, it need not be silenced: every ring is an event.
        poller.add(&*worker.bell, BELL, EventFlags::IN | EventFlags::ET)?;
        let door = Door::new(&poller, &worker, DOOR, options.dead_after())?;
        let rung = Arc::new(AtomicBool::new(false));
        let (bell, unheard) = (Arc::clone(&worker.bell), Arc::clone(&rung));
        hub.on_news(Box::new(move || {
            if !unheard.swap(true, Ordering::AcqRel) {
                bell.ring();
            }
        }));
        let feed = Feed::new(Arc::clone(hub), |frame| frame.bytes.clone());
        let head_ns = options.header_timeout_ms.saturating_mul(MS);
        let common = Common {
            options,
            date: Date::new(),
        };
        Ok(Self {
            poller,
            worker,
            door,
            site: Site::new(endpoint, common, feed),
            slab: Slab::new(),
            wheel: Wheel::new(clock::now()),
            rung,
            again: Vec::new(),
            odd: Vec::new(),
            expired: Vec::new(),
            room: vec![0; READ].into_boxed_slice(),
            parcel: Parcel::default(),
            now: 0,
            head_ns,
        })
    }

    fn run(mut self) -> io::Result<()> {
        let poller = Rc::clone(&self.poller);
        let mut events = Events::default();
        loop {
            let timeout = self.timeout();
            let happened = poller.wait(&mut events, timeout)?;
            self.now = 0;
            let (mut news, mut knocked) = (false, false);
            for (token, flags) in happened {
                match token {
                    BELL => news = true,
                    DOOR => knocked = true,
                    _ => self.ready(token, flags),
                }
            }
            if news {
                // Whoever publishes from here on rings again.
                self.rung.swap(false, Ordering::AcqRel);
                if *self.worker.shutdown.borrow() {
                    return Ok(());
                }
                self.deliver();
            }
            for token in std::mem::take(&mut self.again) {
                if let Some(index) = self.slab.index_of(token) {
                    self.attend(index, token);
                }
            }
            if knocked {
                self.accept();
            } else {
                self.door.is_quiet();
            }
            self.tick();
        }
    }

    #[inline]
    fn now(&mut self) -> u64 {
        if self.now == 0 {
            self.now = clock::now();
        }
        self.now
    }

    fn timeout(&mut self) -> Option<Duration> {
        if !self.again.is_empty() {
            return Some(Duration::ZERO);
        }
        let due = match (self.wheel.next(), self.door.reopens()) {
            (Some(due), Some(reopens)) => due.min(reopens),
            (due, reopens) => due.or(reopens)?,
        };
        // The time of the last round has passed.
        self.now = 0;
        Some(Duration::from_nanos(due.saturating_sub(self.now())))
    }

    /// Timers that are due.
    fn tick(&mut self) {
        if self.wheel.next().is_none() && self.door.reopens().is_none() {
            return;
        }
        let now = self.now();
        if self.door.reopens().is_some_and(|due| due <= now) {
            self.door.reopen(&self.poller, &self.worker);
        }
        let mut expired = std::mem::take(&mut self.expired);
        self.wheel.expire(now, &mut expired);
        for index in expired.drain(..) {
            self.expire(index);
        }
        self.expired = expired;
    }

    fn accept(&mut self) {
        let now = self.now();
        let Self {
            door,
            poller,
            worker,
            slab,
            wheel,
            head_ns,
            ..
        } = self;
        door.accept(poller, worker, now, |stream| {
            let watched = slab.insert(|token| {
                let interest = Interest::begin(poller, token, &stream)?;
                Ok::<_, io::Error>(Connection::new(stream, interest))
            });
            if let Ok(index) = watched {
                wheel.arm(index, now.saturating_add(*head_ns));
            }
        });
    }

    /// Messages were published: one write for each connection, as nearly always.
    fn deliver(&mut self) {
        self.site.feed.pull();
        let work = self.site.feed.hub().work();
        let Self {
            slab,
            site,
            parcel,
            odd,
            ..
        } = self;
        for (index, conn) in slab.iter_mut() {
            let subscriptions = conn.machine.subscriptions();
            if subscriptions == 0 {
                continue;
            }
            if work > 0 {
                (0..subscriptions).for_each(|_| arithmetic(work));
            }
            match flush(conn, site, parcel) {
                Err(Stop) => odd.push((index, Odd::Gone)),
                Ok(true) => odd.push((index, Odd::More)),
                Ok(false) if conn.blocked || conn.machine.waits() => odd.push((index, Odd::Waits)),
                Ok(false) => {}
            }
        }
        let mut odd = std::mem::take(&mut self.odd);
        for (index, how) in odd.drain(..) {
            match how {
                Odd::Gone => self.drop_connection(index),
                Odd::Waits => self.keep_up(index),
                Odd::More => self.again.push(self.slab.token_of(index)),
            }
        }
        self.odd = odd;
    }
}
