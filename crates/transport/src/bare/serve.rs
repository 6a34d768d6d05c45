//! The loop of a worker.

mod delivery;
mod ending;
mod reading;

use std::io;
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pushbench_model::scenario::Compression;
use pushbench_sys::clock;
use pushbench_sys::poller::{EventFlags, Events, Poller};

use crate::deflate::line::Packed;
use crate::hub::{Feed, Hub};
use crate::tls::sealed::Sealed;
use crate::tokens::parlour::Parlour;
use crate::transport::ServeOptions;

use super::alarm::Alarm;
use super::connection::{Connection, Phase, Slab, Tidy};
use super::door::Door;
use super::http::Date;
use super::interest::Interest;
use super::line::{Line, Room};
use super::outlet::{Joined, Outlet, Stop};
use super::wheel::Wheel;
use super::{Common, Protocol, Worker};
use delivery::Wrote;

const BELL: u64 = u64::MAX;
const DOOR: u64 = u64::MAX - 1;
const TIMER: u64 = u64::MAX - 2;
const ALARM: u64 = u64::MAX - 3;
/// Marks the tokens of connections that were handed over, and those above: of all but the connections that are served here.
const GUEST: u64 = 1 << 63;

/// Reads of one connection before the others have their turn.
pub(crate) const READS: usize = 16;
/// Bytes that wait to be said to a client before no more is read of what it asks for.
const MAX_OWED: usize = 4 * 1024;
/// How long an HTTP connection may lie between two requests, nanoseconds; the value of nginx.
pub(crate) const IDLE_NS: u64 = 75_000_000_000;
/// How long a client is waited for that has been told goodbye, nanoseconds.
pub(crate) const LINGER_NS: u64 = 2_000_000_000;
pub(crate) const MS: u64 = 1_000_000;

/// Serves connections on this thread until the worker is told to stop.
pub(crate) fn serve<P: Protocol>(
    protocol: P,
    hub: &Arc<Hub>,
    worker: Worker,
    options: Arc<ServeOptions>,
) {
    let ended = match (&options.tls, options.compression) {
        (None, Some(Compression::Stream)) => {
            Loop::<P, Packed>::new(protocol, hub, worker, options, ()).and_then(Loop::run)
        }
        (None, _) => {
            Loop::<P, TcpStream>::new(protocol, hub, worker, options, ()).and_then(Loop::run)
        }
        (Some(identity), _) => {
            let config = Arc::clone(identity.config());
            Loop::<P, Sealed>::new(protocol, hub, worker, options, config).and_then(Loop::run)
        }
    };
    if let Err(error) = ended {
        eprintln!("pushbench: a worker cannot wait for its connections: {error}");
    }
}

struct Loop<P: Protocol, L: Line> {
    guard: L::Guard,
    poller: Rc<Poller>,
    worker: Worker,
    door: Door,
    outlet: Outlet<P>,
    slab: Slab<Connection<P::State, L>>,
    wheel: Wheel,
    alarm: Alarm,
    /// Whether the bell was rung and not yet heard.
    rung: Arc<AtomicBool>,
    /// The next message as of the last delivery; a subscription may have pulled further.
    announced: u64,
    shared: Joined,
    /// Connections that a delivery has to look at again.
    odd: Vec<(u32, Wrote)>,
    /// Connections that are answered one by one.
    parlour: Option<Parlour>,
    /// Connections that have more to read than they were given time for.
    again: Vec<u64>,
    expired: Vec<u32>,
    room: Room,
    reply: Vec<u8>,
    /// The time of this round, nanoseconds; 0 when nobody has asked for it.
    now: u64,
    heartbeat_ns: Option<u64>,
    /// How long a client may say nothing after it was asked for a sign of life.
    dead_after_ns: u64,
    head_ns: u64,
}

impl<P: Protocol, L: Line> Loop<P, L> {
    fn new(
        protocol: P,
        hub: &Arc<Hub>,
        worker: Worker,
        options: Arc<ServeOptions>,
        guard: L::Guard,
    ) -> io::Result<Self> {
        let poller = Rc::new(Poller::new()?);
        // Edge-triggered, it need not be silenced: every ring is an event.
        poller.add(&*worker.bell, BELL, EventFlags::IN | EventFlags::ET)?;
        let door = Door::new(&poller, &worker, DOOR, options.dead_after())?;
        let alarm = Alarm::new(&poller, ALARM)?;
        let rung = Arc::new(AtomicBool::new(false));
        let (bell, unheard) = (Arc::clone(&worker.bell), Arc::clone(&rung));
        hub.on_news(Box::new(move || {
            if !unheard.swap(true, Ordering::AcqRel) {
                bell.ring();
            }
        }));
        let feed = Feed::new(Arc::clone(hub), |frame| frame.bytes.clone());
        let heartbeat = options.heartbeat_s.filter(|&seconds| seconds > 0);
        let heartbeat_ns = heartbeat.map(|seconds| u64::from(seconds) * 1000 * MS);
        let dead_after = options.dead_after_s.filter(|&seconds| seconds > 0);
        let dead_after_ns = dead_after.map_or(u64::MAX, |seconds| u64::from(seconds) * 1000 * MS);
        let head_ns = options.header_timeout_ms.saturating_mul(MS);
        let parlour = P::ANSWERS.filter(|_| !L::SEALS).map(|manner| {
            let common = Common {
                options: Arc::clone(&options),
                date: Date::new(),
            };
            Parlour::new(manner, Arc::clone(&worker.stats.chats), common)
        });
        let common = Common {
            options,
            date: Date::new(),
        };
        Ok(Self {
            guard,
            parlour,
            announced: feed.next_seq(),
            shared: Joined::default(),
            odd: Vec::new(),
            poller,
            worker,
            door,
            outlet: Outlet::new(protocol, common, feed),
            slab: Slab::new(),
            wheel: Wheel::new(clock::now()),
            alarm,
            rung,
            again: Vec::new(),
            expired: Vec::new(),
            room: Room::new(),
            reply: Vec::new(),
            now: 0,
            heartbeat_ns,
            dead_after_ns,
            head_ns,
        })
    }

    fn run(mut self) -> io::Result<()> {
        let poller = Rc::clone(&self.poller);
        let mut events = Events::default();
        loop {
            let timeout = self.timeout()?;
            let happened = poller.wait(&mut events, timeout)?;
            // Whoever polls is looked at by the clock, and there is somebody.
            self.now = if P::POLLED { clock::now() } else { 0 };
            let (mut news, mut knocked, mut due) = (false, false, false);
            for (token, flags) in happened {
                if token & GUEST == 0 {
                    self.ready(token, flags);
                    continue;
                }
                match token {
                    BELL => news = true,
                    DOOR => knocked = true,
                    ALARM => due = true,
                    _ => self.visited(token),
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
            if due {
                self.tick();
            }
        }
    }

    #[inline]
    fn now(&mut self) -> u64 {
        if self.now == 0 {
            self.now = clock::now();
        }
        self.now
    }

    /// How long to wait at most: for ever, but for what the alarm is for.
    fn timeout(&mut self) -> io::Result<Option<Duration>> {
        let due = match (self.wheel.next(), self.door.reopens()) {
            (Some(due), Some(reopens)) => Some(due.min(reopens)),
            (due, reopens) => due.or(reopens),
        };
        // Also where some have more to read, and nobody waits: who goes on sending must not put off the timers of all.
        self.alarm.ring_by(due)?;
        Ok((!self.again.is_empty()).then_some(Duration::ZERO))
    }

    /// Timers that are due.
    #[cold]
    fn tick(&mut self) {
        self.alarm.rang();
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
            guard,
            ..
        } = self;
        door.accept(poller, worker, now, |stream| {
            let Some(line) = L::new(stream, guard) else {
                return;
            };
            let watched = slab.insert(|token| {
                let interest = Interest::begin(poller, token, line.stream())?;
                Ok::<_, io::Error>(Connection::new(line, interest))
            });
            if let Ok(index) = watched {
                wheel.arm(index, now.saturating_add(*head_ns));
            }
        });
    }

    /// Something happened to a connection that was handed over, or to their timers.
    #[cold]
    fn visited(&mut self, token: u64) {
        let over = self.parlour.as_mut().is_some_and(|parlour| match token {
            TIMER => parlour.tick(),
            _ => parlour.ready(token),
        });
        if over {
            self.door.reopen(&self.poller, &self.worker);
        }
    }

    /// Hands a connection over whose client wants answers of its own, with the `bytes` it has sent: a whole head at least, or
    /// one that cannot be read.
    #[cold]
    fn hand_over(&mut self, index: u32, bytes: &[u8]) -> Result<usize, Stop> {
        let conn = self.slab.take(index);
        self.wheel.disarm(index);
        let stream = conn.and_then(|conn| conn.line.into_stream());
        if let (Some(stream), Some(parlour)) = (stream, &mut self.parlour) {
            let admitted = parlour.admit(&self.poller, (GUEST, TIMER), stream, bytes);
            let over = admitted.unwrap_or_else(|error| {
                eprintln!("pushbench: a connection cannot be answered: {error}");
                true
            });
            if over {
                self.door.reopen(&self.poller, &self.worker);
            }
        }
        Ok(bytes.len())
    }

    fn drop_connection(&mut self, index: u32) {
        self.slab.remove(index);
        self.wheel.disarm(index);
        self.door.reopen(&self.poller, &self.worker);
    }

    /// The timer of a connection is due.
    fn expire(&mut self, index: u32) {
        let now = self.now();
        let Some(conn) = self.slab.get(index) else {
            return;
        };
        let done = match conn.phase {
            Phase::Held => self.give_up(index, &mut Vec::new()),
            Phase::Streaming if P::silent_ns(&conn.state, now) >= self.dead_after_ns => {
                Err(Stop::Gone)
            }
            Phase::Streaming => {
                let mut beat = Vec::new();
                // Who takes nothing at present needs no more of it.
                if !conn.blocked && !conn.owes() {
                    let (protocol, guise) = (&mut self.outlet.protocol, conn.guise);
                    protocol.heartbeat(&mut conn.state, guise, now, &mut beat);
                }
                let said = Outlet::<P>::say(conn, &beat);
                if let Some(every) = self.heartbeat_ns {
                    self.wheel.arm(index, now + every);
                }
                said
            }
            Phase::Answering => Ok(()),
            // The timer of a poll that was answered: from here on it is idle.
            Phase::Opening if conn.tidy == Tidy::Between => {
                conn.tidy = Tidy::No;
                self.wheel.arm(index, now + IDLE_NS);
                Ok(())
            }
            // It never said what it wants, or does not go.
            Phase::Opening | Phase::Closing | Phase::Lingering => Err(Stop::Gone),
        };
        if let Err(stop) = done {
            self.stop(index, stop);
        }
    }
}
