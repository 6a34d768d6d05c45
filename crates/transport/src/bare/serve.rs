//! The loop of a worker.

use std::io::{self, ErrorKind, Read as _};
use std::net::Shutdown;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pushbench_sys::clock;
use pushbench_sys::poller::{EventFlags, Events, Poller};

use crate::hub::{Feed, Hub, arithmetic};
use crate::transport::ServeOptions;

use super::connection::{Connection, Phase, Slab};
use super::door::Door;
use super::http::{Date, MAX_HEAD};
use super::outlet::{Outlet, Stop};
use super::wheel::Wheel;
use super::{Asked, Common, Heard, Protocol, Worker};

const BELL: u64 = u64::MAX;
const DOOR: u64 = u64::MAX - 1;

/// Room for one read, shared by all connections of a worker.
const READ: usize = 16 * 1024;
/// Reads of one connection before the others have their turn.
const READS: usize = 16;
/// Bytes that wait to be said to a client before no more is read of what it asks for.
const MAX_OWED: usize = 4 * 1024;
/// How long an HTTP connection may lie between two requests, nanoseconds; the value of nginx.
const IDLE_NS: u64 = 75_000_000_000;
/// How long a client is waited for that has been told goodbye, nanoseconds.
const LINGER_NS: u64 = 2_000_000_000;
const MS: u64 = 1_000_000;

/// Serves connections on this thread until the worker is told to stop.
pub(crate) fn serve<P: Protocol>(
    protocol: P,
    hub: &Arc<Hub>,
    worker: Worker,
    options: Arc<ServeOptions>,
) {
    if let Err(error) = Loop::new(protocol, hub, worker, options).and_then(Loop::run) {
        eprintln!("pushbench: a worker cannot wait for its connections: {error}");
    }
}

struct Loop<P: Protocol> {
    poller: Rc<Poller>,
    worker: Worker,
    door: Door,
    outlet: Outlet<P>,
    slab: Slab<P::State>,
    wheel: Wheel,
    /// Whether the bell was rung and not yet heard.
    rung: Arc<AtomicBool>,
    /// Connections that have more to read than they were given time for.
    again: Vec<u64>,
    expired: Vec<u32>,
    buffer: Box<[u8]>,
    reply: Vec<u8>,
    /// The time of this round, nanoseconds; 0 when nobody has asked for it.
    now: u64,
    heartbeat_ns: Option<u64>,
    head_ns: u64,
}

impl<P: Protocol> Loop<P> {
    fn new(
        protocol: P,
        hub: &Arc<Hub>,
        worker: Worker,
        options: Arc<ServeOptions>,
    ) -> io::Result<Self> {
        let poller = Rc::new(Poller::new()?);
        // Edge-triggered, it need not be silenced: every ring is an event.
        poller.add(&*worker.bell, BELL, EventFlags::IN | EventFlags::ET)?;
        let door = Door::new(&poller, &worker, DOOR)?;
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
        let head_ns = options.header_timeout_ms.saturating_mul(MS);
        let common = Common {
            options,
            date: Date::new(),
        };
        Ok(Self {
            poller,
            worker,
            door,
            outlet: Outlet::new(protocol, common, feed),
            slab: Slab::new(),
            wheel: Wheel::new(clock::now()),
            rung,
            again: Vec::new(),
            expired: Vec::new(),
            buffer: vec![0; READ].into_boxed_slice(),
            reply: Vec::new(),
            now: 0,
            heartbeat_ns,
            head_ns,
        })
    }

    fn run(mut self) -> io::Result<()> {
        let poller = Rc::clone(&self.poller);
        let mut events = Events::default();
        loop {
            let timeout = self.timeout();
            self.now = 0;
            let (mut news, mut knocked) = (false, false);
            for (token, flags) in poller.wait(&mut events, timeout)? {
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
        let due = [self.wheel.next(), self.door.reopens()];
        let due = due.into_iter().flatten().min()?;
        Some(Duration::from_nanos(due.saturating_sub(self.now())))
    }

    /// Timers that are due.
    #[inline]
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
            let (index, token) = slab.insert(Connection::new(stream));
            let interest = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
            match slab
                .get(index)
                .map(|conn| poller.add(&conn.stream, token, interest))
            {
                Some(Ok(())) => wheel.arm(index, now.saturating_add(*head_ns)),
                _ => slab.remove(index),
            }
        });
    }

    fn drop_connection(&mut self, index: u32) {
        self.slab.remove(index);
        self.wheel.disarm(index);
        self.door.reopen(&self.poller, &self.worker);
    }

    /// Messages were published.
    fn deliver(&mut self) {
        let next = self.outlet.feed.pull();
        let work = self.outlet.feed.hub().work();
        for index in 0..self.slab.len() {
            let Some(conn) = self.slab.get(index) else {
                continue;
            };
            if conn.cursor >= next {
                continue;
            }
            let done = match conn.phase {
                Phase::Streaming => {
                    if work > 0 {
                        arithmetic(work);
                    }
                    if conn.blocked {
                        self.outlet.keep_up(conn)
                    } else {
                        self.outlet.flush(conn)
                    }
                }
                Phase::Answering => self.outlet.keep_up(conn),
                Phase::Held => {
                    if work > 0 {
                        arithmetic(work);
                    }
                    self.answer(index)
                }
                _ => Ok(()),
            };
            if let Err(stop) = done {
                self.stop(index, stop);
            }
        }
    }

    /// Answers a request that was held, or need not be.
    #[inline]
    fn answer(&mut self, index: u32) -> Result<(), Stop> {
        let now = self.now();
        let Some(conn) = self.slab.get(index) else {
            return Ok(());
        };
        // A ring that ran past a held request: the oldest kept is what it gets.
        conn.cursor = conn.cursor.max(self.outlet.feed.first_seq());
        self.outlet.answer(conn, now)?;
        self.answered(index)
    }

    /// What follows once an answer has gone out.
    #[inline]
    fn answered(&mut self, index: u32) -> Result<(), Stop> {
        let now = self.now();
        let Some(conn) = self.slab.get(index) else {
            return Ok(());
        };
        if conn.phase != Phase::Opening {
            // Its client may take its time: the ring bounds it.
            self.wheel.arm(index, u64::MAX);
            return Ok(());
        }
        if conn.form.last || (conn.ending && !conn.unread) {
            return self.close(index);
        }
        self.wheel.arm(index, now + IDLE_NS);
        if !conn.inbox.is_empty() || conn.unread {
            self.again.push(self.slab.token_of(index));
        }
        Ok(())
    }

    /// Something happened to a connection.
    #[inline]
    fn ready(&mut self, token: u64, flags: EventFlags) {
        let Some(index) = self.slab.index_of(token) else {
            return;
        };
        let Some(conn) = self.slab.get(index) else {
            return;
        };
        if flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR)
        {
            conn.unread = true;
            conn.ending |= flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        }
        if flags.contains(EventFlags::OUT) && conn.blocked {
            conn.blocked = false;
            if let Err(stop) = self.resume(index) {
                return self.stop(index, stop);
            }
        }
        self.attend(index, token);
    }

    /// The socket takes more again.
    #[cold]
    fn resume(&mut self, index: u32) -> Result<(), Stop> {
        let Some(conn) = self.slab.get(index) else {
            return Ok(());
        };
        let before = conn.phase;
        self.outlet.flush(conn)?;
        if conn.blocked {
            return Ok(());
        }
        match (before, conn.phase) {
            (Phase::Answering, Phase::Opening) => self.answered(index),
            (_, Phase::Closing) => self.close(index),
            _ => Ok(()),
        }
    }

    /// Reads what a connection has sent and does what it asks for.
    #[inline]
    fn attend(&mut self, index: u32, token: u64) {
        let done = self.read(index);
        match done {
            Ok(Turn::Over) => {}
            Ok(Turn::Again) => self.again.push(token),
            Err(stop) => self.stop(index, stop),
        }
    }

    #[inline]
    fn read(&mut self, index: u32) -> Result<Turn, Stop> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let turn = self.read_into(index, &mut buffer);
        self.buffer = buffer;
        turn
    }

    #[inline]
    fn read_into(&mut self, index: u32, buffer: &mut [u8]) -> Result<Turn, Stop> {
        if self
            .slab
            .get(index)
            .is_some_and(|conn| !conn.inbox.is_empty())
        {
            self.process(index, &[])?;
        }
        for _ in 0..READS {
            let Some(conn) = self.slab.get(index) else {
                return Ok(Turn::Over);
            };
            // What is not read now stays in the socket, and its sender notices.
            if !conn.unread || conn.inbox.len() > MAX_HEAD || conn.reply.len() > MAX_OWED {
                return Ok(Turn::Over);
            }
            match conn.stream.read(buffer) {
                Ok(0) => {
                    conn.unread = false;
                    conn.ending = true;
                    return self.ended(index);
                }
                Ok(count) => {
                    // Less than there was room for is all there is: more would be another event.
                    conn.unread = count == buffer.len() || conn.ending;
                    self.process(index, &buffer[..count])?;
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => conn.unread = false,
                    ErrorKind::Interrupted => {}
                    _ => return Err(Stop::Gone),
                },
            }
        }
        Ok(Turn::Again)
    }

    /// The client has ended its side, and all is read.
    fn ended(&mut self, index: u32) -> Result<Turn, Stop> {
        let Some(conn) = self.slab.get(index) else {
            return Ok(Turn::Over);
        };
        match conn.phase {
            // What it asked for before it still gets.
            Phase::Answering | Phase::Closing => Ok(Turn::Over),
            Phase::Opening if conn.owes() => {
                conn.phase = Phase::Closing;
                Ok(Turn::Over)
            }
            _ => Err(Stop::Gone),
        }
    }

    /// Deals with bytes of a client, behind those it has sent before.
    #[inline]
    fn process(&mut self, index: u32, bytes: &[u8]) -> Result<(), Stop> {
        let Some(conn) = self.slab.get(index) else {
            return Ok(());
        };
        if conn.inbox.is_empty() {
            let used = self.consume(index, bytes)?;
            if used < bytes.len()
                && let Some(conn) = self.slab.get(index)
            {
                conn.inbox.extend_from_slice(&bytes[used..]);
            }
            return Ok(());
        }
        let mut inbox = std::mem::take(&mut conn.inbox);
        let cut = conn.phase == Phase::Opening && !conn.owes() && !bytes.is_empty();
        inbox.extend_from_slice(bytes);
        // A head that comes byte by byte is not parsed for every byte.
        let hopeless = cut && P::LINES && inbox.len() < MAX_HEAD && !bytes.contains(&b'\n');
        let used = if hopeless {
            0
        } else {
            self.consume(index, &inbox)?
        };
        if let Some(conn) = self.slab.get(index)
            && used < inbox.len()
        {
            inbox.drain(..used);
            conn.inbox = inbox;
        }
        Ok(())
    }

    /// Returns how many of `bytes` have been dealt with.
    #[inline]
    fn consume(&mut self, index: u32, bytes: &[u8]) -> Result<usize, Stop> {
        let mut at = 0;
        let mut reply = std::mem::take(&mut self.reply);
        while at < bytes.len() {
            reply.clear();
            let before = at;
            at += self.step(index, &bytes[at..], &mut reply)?;
            if at == before {
                break;
            }
        }
        reply.clear();
        self.reply = reply;
        Ok(at)
    }

    /// Deals with the first thing in `bytes`. Returns how many belong to it, none when it has to wait.
    #[inline]
    fn step(&mut self, index: u32, bytes: &[u8], reply: &mut Vec<u8>) -> Result<usize, Stop> {
        let Some(conn) = self.slab.get(index) else {
            return Ok(bytes.len());
        };
        match conn.phase {
            Phase::Opening => {}
            Phase::Streaming => {
                return match self.outlet.protocol.hear(&mut conn.state, bytes, reply) {
                    Heard::Used(used) => Outlet::<P>::say(conn, reply).map(|()| used),
                    Heard::End => self.end(index, reply).map(|()| bytes.len()),
                };
            }
            Phase::Held | Phase::Answering => return Ok(0),
            Phase::Closing | Phase::Lingering => return Ok(bytes.len()),
        }
        if conn.skip > 0 {
            let skipped = conn.skip.min(bytes.len() as u64);
            conn.skip -= skipped;
            return Ok(skipped as usize);
        }
        // One answer after the other.
        if conn.owes() {
            return Ok(0);
        }
        let now = self.now();
        let Outlet {
            protocol, common, ..
        } = &mut self.outlet;
        match protocol.open(bytes, common, now, reply) {
            Asked::More => {
                // The clock of a head starts with its first byte, and never anew.
                if conn_is_idle(self.slab.get(index)) {
                    self.wheel.arm(index, now.saturating_add(self.head_ns));
                }
                Ok(0)
            }
            asked => self.asked(index, asked, bytes.len(), reply),
        }
    }

    #[inline]
    fn asked(
        &mut self,
        index: u32,
        asked: Asked,
        len: usize,
        reply: &mut Vec<u8>,
    ) -> Result<usize, Stop> {
        let now = self.now();
        let Some(conn) = self.slab.get(index) else {
            return Ok(len);
        };
        conn.opened = true;
        match asked {
            Asked::More => Ok(0),
            Asked::Answered { used, skip } => {
                conn.skip = skip;
                Outlet::<P>::say(conn, reply)?;
                self.wheel.arm(index, now + IDLE_NS);
                Ok(used)
            }
            Asked::End => self.end(index, reply).map(|()| len),
            Asked::Batch {
                used,
                skip,
                after,
                hold_ms,
                form,
            } => {
                conn.cursor = self.outlet.feed.place(after);
                conn.skip = skip;
                conn.form = form;
                conn.phase = Phase::Held;
                if conn.cursor < self.outlet.feed.next_seq() {
                    self.answer(index)?;
                } else if hold_ms == 0 {
                    self.give_up(index)?;
                } else {
                    let hold = hold_ms.saturating_mul(MS);
                    self.wheel
                        .arm(index, now.saturating_add(hold).min(u64::MAX - 1));
                }
                Ok(used)
            }
            Asked::Stream { used, after, plain } => {
                conn.cursor = self.outlet.feed.place(after);
                conn.live_from = self.outlet.feed.next_seq();
                conn.plain = plain;
                conn.phase = Phase::Streaming;
                let newest = conn.live_from - 1;
                self.outlet.protocol.welcome(newest, reply);
                Outlet::<P>::say(conn, reply)?;
                match self.heartbeat_ns {
                    Some(every) => self.wheel.arm(index, now + every),
                    None => self.wheel.disarm(index),
                }
                self.outlet.flush(conn)?;
                Ok(used)
            }
        }
    }

    /// Says the last thing there is to say.
    #[cold]
    fn end(&mut self, index: u32, reply: &[u8]) -> Result<(), Stop> {
        if let Some(conn) = self.slab.get(index) {
            Outlet::<P>::say(conn, reply)?;
        }
        self.close(index)
    }

    /// Ends a connection when what it is owed has gone out.
    #[cold]
    fn close(&mut self, index: u32) -> Result<(), Stop> {
        let due = self.now() + LINGER_NS;
        let Some(conn) = self.slab.get(index) else {
            return Ok(());
        };
        if conn.phase != Phase::Closing {
            conn.phase = Phase::Closing;
            conn.inbox = Vec::new();
            self.wheel.arm(index, due);
        }
        self.outlet.flush(conn)?;
        if conn.owes() {
            return Ok(());
        }
        conn.stream.shutdown(Shutdown::Write).map_err(Stop::from)?;
        if conn.ending && !conn.unread {
            return Err(Stop::Gone);
        }
        conn.phase = Phase::Lingering;
        if conn.unread {
            self.again.push(self.slab.token_of(index));
        }
        Ok(())
    }

    #[cold]
    fn stop(&mut self, index: u32, stop: Stop) {
        let Stop::Behind(lagged) = stop else {
            return self.drop_connection(index);
        };
        let mut goodbye = Vec::new();
        self.outlet.protocol.goodbye(lagged, &mut goodbye);
        // It may have room for that once it has read what is on its way.
        if self.end(index, &goodbye).is_err() {
            self.drop_connection(index);
        }
    }

    /// Nothing came while a request was held.
    fn give_up(&mut self, index: u32) -> Result<(), Stop> {
        let now = self.now();
        let Some(conn) = self.slab.get(index) else {
            return Ok(());
        };
        let Outlet {
            protocol, common, ..
        } = &mut self.outlet;
        let mut nothing = Vec::new();
        protocol.head(None, conn.form, common, now, &mut nothing);
        conn.phase = Phase::Opening;
        Outlet::<P>::say(conn, &nothing)?;
        self.answered(index)
    }

    /// The timer of a connection is due.
    fn expire(&mut self, index: u32) {
        let now = self.now();
        let Some(conn) = self.slab.get(index) else {
            return;
        };
        let done = match conn.phase {
            Phase::Held => self.give_up(index),
            Phase::Streaming => {
                let mut beat = Vec::new();
                // Who takes nothing at present needs no more of it.
                if !conn.blocked && !conn.owes() {
                    self.outlet.protocol.heartbeat(conn.plain, &mut beat);
                }
                let said = Outlet::<P>::say(conn, &beat);
                if let Some(every) = self.heartbeat_ns {
                    self.wheel.arm(index, now + every);
                }
                said
            }
            Phase::Answering => Ok(()),
            // It never said what it wants, or does not go.
            Phase::Opening | Phase::Closing | Phase::Lingering => Err(Stop::Gone),
        };
        if let Err(stop) = done {
            self.stop(index, stop);
        }
    }
}

/// Whether a connection is done with reading for this round.
enum Turn {
    Over,
    Again,
}

/// Whether the bytes that a client sends now are the first of a further request.
fn conn_is_idle<S>(conn: Option<&mut Connection<S>>) -> bool {
    conn.is_some_and(|conn| std::mem::take(&mut conn.opened))
}
