//! Reading: what clients ask for, and what they say besides.

use std::io::{self, ErrorKind};

use pushbench_sys::poller::EventFlags;

use super::super::connection::{Connection, Phase, Tidy};
use super::super::http::{self, MAX_HEAD};
use super::super::line::{Line, Room};
use super::super::outlet::{Outlet, Stop};
use super::super::{Asked, Heard, Protocol};
use super::{IDLE_NS, Loop, MAX_OWED, MS, READS};

impl<P: Protocol, L: Line> Loop<P, L> {
    /// Something happened to a connection.
    #[inline]
    pub(super) fn ready(&mut self, token: u64, flags: EventFlags) {
        const ENDING: EventFlags = EventFlags::RDHUP
            .union(EventFlags::HUP)
            .union(EventFlags::ERR);
        let Some((index, conn)) = self.slab.of(token) else {
            return;
        };
        let comes = flags.intersection(ENDING | EventFlags::IN) == EventFlags::IN;
        if P::POLLED && comes && conn.tidy == Tidy::Between {
            let received = conn.line.receive(&mut self.room);
            if let Ok(len) = received
                // What is known is short: there was room for more, but for what records and their end take.
                && !(L::SEALS && (conn.line.owes() || conn.line.got(len, &self.room).more))
                && let Some(poll) = self.outlet.protocol.known(self.room.bytes::<L>(len))
                && poll.next == self.outlet.feed.next_seq()
            {
                // As nearly always: it has all, and waits for more.
                conn.waits_for(poll.next);
                return self.wheel.arm(index, self.now + poll.hold_ns);
            }
            return self.unusual(index, token, received);
        }
        conn.tidy = Tidy::No;
        if flags.intersects(ENDING | EventFlags::IN) {
            conn.unread = true;
            conn.ending |= flags.intersects(ENDING);
        }
        if flags.contains(EventFlags::OUT) && conn.blocked {
            conn.blocked = false;
            if let Err(stop) = self.resume(index) {
                return self.stop(index, stop);
            }
        }
        self.attend(index, token);
    }

    /// Deals with what came of a read, where that is no poll that has to wait.
    #[cold]
    fn unusual(&mut self, index: u32, token: u64, received: io::Result<usize>) {
        if let Some(conn) = self.slab.get(index) {
            conn.tidy = Tidy::No;
            conn.unread = true;
        }
        let mut room = std::mem::take(&mut self.room);
        let turn = match self.took(index, &room, received) {
            Ok(None) => self.read_into(index, &mut room),
            Ok(Some(turn)) => Ok(turn),
            Err(stop) => Err(stop),
        };
        self.room = room;
        self.turned(index, token, turn);
    }

    /// The socket takes more again.
    #[cold]
    pub(super) fn resume(&mut self, index: u32) -> Result<(), Stop> {
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
    pub(super) fn attend(&mut self, index: u32, token: u64) {
        let mut room = std::mem::take(&mut self.room);
        let turn = self.read_into(index, &mut room);
        self.room = room;
        self.turned(index, token, turn);
    }

    #[inline]
    fn turned(&mut self, index: u32, token: u64, turn: Result<Turn, Stop>) {
        match turn {
            Ok(Turn::Over) => {}
            Ok(Turn::Again) => self.again.push(token),
            Err(stop) => self.stop(index, stop),
        }
    }

    #[inline]
    fn read_into(&mut self, index: u32, room: &mut Room) -> Result<Turn, Stop> {
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
            let received = conn.line.receive(room);
            if let Some(turn) = self.took(index, room, received)? {
                return Ok(turn);
            }
        }
        Ok(Turn::Again)
    }

    /// Deals with what came of a read into `room`. `None` when there may be more to read.
    #[inline]
    fn took(
        &mut self,
        index: u32,
        room: &Room,
        received: io::Result<usize>,
    ) -> Result<Option<Turn>, Stop> {
        let Some(conn) = self.slab.get(index) else {
            return Ok(Some(Turn::Over));
        };
        match received.map(|len| conn.line.got(len, room)) {
            Ok(got) if got.end => {
                conn.unread = false;
                conn.ending = true;
                return self.ended(index).map(Some);
            }
            Ok(got) => {
                conn.unread = got.more || conn.ending;
                // Records that answer those that were read: their socket tells when it takes them.
                if L::SEALS && conn.line.owes() {
                    conn.block()?;
                }
                if !L::SEALS || got.len > 0 {
                    self.process(index, room.bytes::<L>(got.len))?;
                }
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => conn.unread = false,
                ErrorKind::Interrupted => {}
                _ => return Err(Stop::Gone),
            },
        }
        Ok(None)
    }

    /// Answers a request, or has it wait for a message.
    #[inline]
    fn hold(&mut self, index: u32, hold_ms: u64, reply: &mut Vec<u8>) -> Result<(), Stop> {
        let now = self.now();
        if hold_ms == 0 {
            self.outlet.feed.catch_up();
        }
        let Some(conn) = self.slab.get(index) else {
            return Ok(());
        };
        conn.phase = Phase::Held;
        if conn.cursor < self.outlet.feed.next_seq() {
            return self.answer(index);
        }
        if hold_ms == 0 {
            return self.give_up(index, reply);
        }
        let hold_ns = hold_ms.saturating_mul(MS);
        self.wheel.arm(index, held_until(now, hold_ns));
        Ok(())
    }

    /// Deals with bytes of a client, behind those it has sent before.
    #[inline]
    pub(super) fn process(&mut self, index: u32, bytes: &[u8]) -> Result<(), Stop> {
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
    pub(super) fn consume(&mut self, index: u32, bytes: &[u8]) -> Result<usize, Stop> {
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
    pub(super) fn step(
        &mut self,
        index: u32,
        bytes: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<usize, Stop> {
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
        // Something follows the last answer in one piece with what it answered.
        conn.tidy = Tidy::No;
        if conn.skip > 0 {
            let skipped = conn.skip.min(bytes.len() as u64);
            conn.skip -= skipped;
            return Ok(skipped as usize);
        }
        // One answer after the other.
        if conn.owes() {
            return Ok(0);
        }
        if !L::SEALS
            && let Some(manner) = P::ANSWERS
            && manner.is_meant(bytes)
            // As long as the head is cut, its clock is the one of all heads.
            && !matches!(http::read(bytes), Ok(None))
        {
            return self.hand_over(index, bytes);
        }
        let now = self.now();
        let Outlet {
            protocol, common, ..
        } = &mut self.outlet;
        let Some(conn) = self.slab.get(index) else {
            return Ok(bytes.len());
        };
        match protocol.open(&mut conn.state, bytes, common, now, reply) {
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
    pub(super) fn asked(
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
                self.hold(index, hold_ms, reply)?;
                Ok(used)
            }
            Asked::Stream {
                used,
                after,
                guise,
                packing,
            } => {
                conn.cursor = self.outlet.feed.place(after);
                conn.live_from = self.outlet.feed.next_seq();
                conn.guise = guise;
                conn.phase = Phase::Streaming;
                let newest = conn.live_from - 1;
                self.outlet.protocol.welcome(newest, reply);
                Outlet::<P>::say(conn, reply)?;
                if L::SEALS
                    && let Some(packing) = packing
                {
                    // What was said so far is not compressed, and is the line's.
                    conn.line.begin(packing);
                }
                match self.heartbeat_ns {
                    Some(every) => self.wheel.arm(index, now + every),
                    None => self.wheel.disarm(index),
                }
                self.outlet.flush(conn)?;
                Ok(used)
            }
        }
    }
}

/// When a request that came at `now` is given up.
#[inline]
fn held_until(now: u64, hold_ns: u64) -> u64 {
    now.saturating_add(hold_ns).min(u64::MAX - 1)
}

/// Whether a connection is done with reading for this round.
#[derive(Clone, Copy)]
pub(super) enum Turn {
    Over,
    Again,
}

/// Whether the bytes that a client sends now are the first of a further request.
fn conn_is_idle<S, L>(conn: Option<&mut Connection<S, L>>) -> bool {
    conn.is_some_and(|conn| std::mem::take(&mut conn.opened))
}
