//! Delivering: pushing what is new, and answering who waits for it.

use crate::hub::arithmetic;

use super::super::Protocol;
use super::super::connection::{Phase, Tidy};
use super::super::line::Line;
use super::super::outlet::{Joined, Outlet, Stop, write};
use super::{IDLE_NS, Loop};

/// What came of the write of a delivery to a connection that has to be looked at again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wrote {
    /// It had to be left out, or is to be sent more.
    Nothing,
    /// So many bytes were taken.
    Some(usize),
    /// It is over.
    Failed(Stop),
}

impl<P: Protocol, L: Line> Loop<P, L> {
    /// Messages were published.
    pub(super) fn deliver(&mut self) {
        let from = std::mem::replace(&mut self.announced, self.outlet.feed.pull());
        let mut shared = std::mem::take(&mut self.shared);
        let now = if P::POLLED { self.now() } else { 0 };
        self.outlet.share(&mut shared, from, now);
        let mut odd = std::mem::take(&mut self.odd);
        match self.outlet.feed.hub().work() {
            0 => self.deliver_shared(&shared, &mut odd, || ()),
            work => self.deliver_shared(&shared, &mut odd, || arithmetic(work)),
        }
        for (index, wrote) in odd.drain(..) {
            let done = match wrote {
                Wrote::Nothing => self.deliver_to(index),
                Wrote::Some(sent) => self.wrote(index, &shared, sent),
                Wrote::Failed(stop) => Err(stop),
            };
            if let Err(stop) = done {
                self.stop(index, stop);
            }
        }
        self.odd = odd;
        self.shared = shared;
    }

    /// Writes what is shared to everybody who had all before it, with `work` before each, and notes who is left in `odd`.
    #[inline]
    fn deliver_shared(&mut self, shared: &Joined, odd: &mut Vec<(u32, Wrote)>, work: impl Fn()) {
        let more = shared.to != self.announced;
        for (index, conn) in self.slab.iter_mut() {
            if matches!(conn.phase, Phase::Streaming | Phase::Held) {
                work();
            }
            let usual = if P::POLLED {
                conn.tidy == Tidy::Waits
            } else {
                conn.is_clear() && conn.is_usual()
            };
            if !(usual && conn.cursor == shared.from) {
                odd.push((index, Wrote::Nothing));
                continue;
            }
            // As nearly always: it had all, and takes all.
            match write(conn, &shared.bytes) {
                Ok(sent) if sent == shared.bytes.len() && !(L::SEALS && conn.blocked) => {
                    if P::POLLED {
                        // Its timer is left as it is: when it is due, the client has probably asked again. Answers are whole.
                        conn.has_until(shared.to);
                        continue;
                    }
                    conn.cursor = shared.to;
                    if more {
                        odd.push((index, Wrote::Nothing));
                    }
                }
                Ok(sent) => odd.push((index, Wrote::Some(sent))),
                Err(stop) => odd.push((index, Wrote::Failed(stop))),
            }
        }
    }

    /// So many bytes were taken of what was written, and not all.
    #[cold]
    fn wrote(&mut self, index: u32, shared: &Joined, sent: usize) -> Result<(), Stop> {
        let Some(conn) = self.slab.get(index) else {
            return Ok(());
        };
        self.outlet.sent(shared, conn, sent);
        if P::POLLED {
            return self.answered_with(index, self.announced);
        }
        self.outlet.flush(conn)
    }

    /// The same for a connection with a history of its own.
    fn deliver_to(&mut self, index: u32) -> Result<(), Stop> {
        let next = self.outlet.feed.next_seq();
        let Some(conn) = self.slab.get(index).filter(|conn| conn.cursor < next) else {
            return Ok(());
        };
        match conn.phase {
            Phase::Streaming if conn.blocked => self.outlet.keep_up(conn),
            Phase::Streaming => self.outlet.flush(conn),
            Phase::Answering => self.outlet.keep_up(conn),
            Phase::Held => self.answer(index),
            Phase::Opening | Phase::Closing | Phase::Lingering => Ok(()),
        }
    }

    /// An answer with the messages before `end` was begun, and not taken whole.
    #[cold]
    fn answered_with(&mut self, index: u32, end: u64) -> Result<(), Stop> {
        let Some(conn) = self.slab.get(index) else {
            return Ok(());
        };
        conn.phase = Phase::Answering;
        conn.until = end;
        self.outlet.flush(conn)?;
        self.answered(index)
    }

    /// Answers a request that was held, or need not be.
    #[inline]
    pub(super) fn answer(&mut self, index: u32) -> Result<(), Stop> {
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
    pub(super) fn answered(&mut self, index: u32) -> Result<(), Stop> {
        let now = self.now();
        let Some(conn) = self.slab.get(index) else {
            return Ok(());
        };
        conn.tidy_up();
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

    /// Nothing came while a request was held; `nothing` is room for saying so.
    pub(super) fn give_up(&mut self, index: u32, nothing: &mut Vec<u8>) -> Result<(), Stop> {
        let now = self.now();
        let Some(conn) = self.slab.get(index) else {
            return Ok(());
        };
        let Outlet {
            protocol, common, ..
        } = &mut self.outlet;
        nothing.clear();
        protocol.head(None, conn.form, common, now, nothing);
        conn.phase = Phase::Opening;
        Outlet::<P>::say(conn, nothing)?;
        self.answered(index)
    }
}
