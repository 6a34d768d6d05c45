//! Writing: shared frames, joined once, and what becomes of a subscriber that does not keep up.

mod behind;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};

use bytes::{Buf as _, Bytes};

use crate::hub::{Feed, Lagged};

use super::connection::{Connection, Phase};
use super::http::Form;
use super::line::Line;
use super::{Common, Guise, Protocol};

/// Messages that are ready together are joined up to this many bytes: one write costs far more than one copy.
const JOINED: usize = 64 * 1024;

/// Why a connection is not written to any further.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stop {
    /// Its socket is broken, or its client gone.
    Gone,
    /// It fell behind.
    Behind(Lagged),
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        // A client that goes away is not an error of the server.
        Self::Gone
    }
}

/// What connections are written from.
pub(super) struct Outlet<P> {
    pub(super) protocol: P,
    pub(super) common: Common,
    pub(super) feed: Feed<Bytes>,
    joined: Joined,
}

/// Messages `from..to` in one piece, behind a head if they are an answer.
#[derive(Default)]
pub(super) struct Joined {
    pub(super) from: u64,
    pub(super) to: u64,
    /// Where the messages were to end; they may end before, for their size.
    end: u64,
    head: usize,
    /// Until when the head holds, nanoseconds.
    fresh_until: u64,
    pub(super) bytes: Vec<u8>,
}

impl<P: Protocol> Outlet<P> {
    pub(super) fn new(protocol: P, common: Common, feed: Feed<Bytes>) -> Self {
        Self {
            protocol,
            common,
            feed,
            joined: Joined::default(),
        }
    }

    /// Sends `bytes` to this client alone, after what is under way.
    pub(super) fn say<L: Line>(
        conn: &mut Connection<P::State, L>,
        bytes: &[u8],
    ) -> Result<(), Stop> {
        if bytes.is_empty() {
            return Ok(());
        }
        if conn.owes() {
            conn.reply.extend_from_slice(bytes);
            return Ok(());
        }
        let mut rest = bytes;
        // Until it is done or the socket is full: only one that was found full tells when it takes more.
        while !rest.is_empty() && !conn.blocked {
            let sent = write(conn, rest)?;
            rest = &rest[sent..];
        }
        if !rest.is_empty() {
            conn.unsent = Bytes::copy_from_slice(rest);
        }
        Ok(())
    }

    /// Sends what there is for a connection and what its socket takes.
    #[inline]
    pub(super) fn flush<L: Line>(
        &mut self,
        conn: &mut Connection<P::State, L>,
    ) -> Result<(), Stop> {
        while !conn.blocked {
            if conn.owes() {
                self.flush_owed(conn)?;
                continue;
            }
            let next = self.feed.next_seq();
            match conn.phase {
                Phase::Streaming if conn.cursor < next => self.send(conn, next)?,
                Phase::Answering if conn.cursor < conn.until => self.send(conn, conn.until)?,
                Phase::Answering => {
                    conn.phase = Phase::Opening;
                    return Ok(());
                }
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    #[cold]
    fn flush_owed<L: Line>(&mut self, conn: &mut Connection<P::State, L>) -> Result<(), Stop> {
        if conn.unsent.is_empty() {
            conn.unsent = std::mem::take(&mut conn.reply).into();
        }
        let unsent = std::mem::take(&mut conn.unsent);
        let sent = write(conn, &unsent)?;
        conn.unsent = unsent;
        conn.unsent.advance(sent);
        if conn.unsent.is_empty() {
            // What was held is freed.
            conn.unsent = conn.backlog.pop_front().unwrap_or_default();
            if conn.unsent.is_empty() {
                conn.backlog = VecDeque::new();
            }
        }
        Ok(())
    }

    /// One write of the messages from the connection's cursor on, as far as `end`.
    #[inline]
    fn send<L: Line>(&mut self, conn: &mut Connection<P::State, L>, end: u64) -> Result<(), Stop> {
        let from = conn.cursor;
        if from < self.feed.first_seq() {
            return self.keep_up(conn);
        }
        if conn.guise != Guise::default() {
            return self.send_dressed(conn);
        }
        if end - from == 1 {
            let Some(frame) = self.feed.get(from) else {
                return Ok(());
            };
            let sent = write(conn, frame)?;
            if sent == frame.len() {
                conn.cursor = end;
            } else if sent > 0 {
                conn.unsent = frame.slice(sent..);
                conn.cursor = end;
            }
            return Ok(());
        }
        let joined = &mut self.joined;
        if (joined.from, joined.end, joined.head) != (from, end, 0) {
            joined.bytes.clear();
            joined.join(&self.feed, from, end, 0);
        }
        let sent = write(conn, &joined.bytes)?;
        self.sent(&self.joined, conn, sent);
        Ok(())
    }

    /// Otherwise than it stands in the ring.
    #[cold]
    fn send_dressed<L: Line>(&mut self, conn: &mut Connection<P::State, L>) -> Result<(), Stop> {
        if let Some(frame) = self.feed.get(conn.cursor) {
            conn.unsent = self.protocol.dress(frame, conn.guise);
            conn.cursor += 1;
        }
        Ok(())
    }

    /// Puts what all who are at `from` are to be sent into `shared`: the new messages, or an answer with all of them if
    /// that is one write.
    pub(super) fn share(&mut self, shared: &mut Joined, from: u64, now: u64) {
        let end = self.feed.next_seq();
        shared.bytes.clear();
        // Nobody is there.
        shared.from = u64::MAX;
        if from < self.feed.first_seq() || from >= end {
            return;
        }
        if P::POLLED && !self.begin(shared, from, end, Form::default(), now) {
            return;
        }
        let head = shared.bytes.len();
        shared.join(&self.feed, from, end, head);
    }

    /// Appends the head of an answer; whether what it announces is short enough to go out with it.
    fn begin(&mut self, out: &mut Joined, from: u64, end: u64, form: Form, now: u64) -> bool {
        let frames = (from..end).filter_map(|seq| self.feed.get(seq));
        let len = frames.map(Bytes::len).sum();
        let Self {
            protocol, common, ..
        } = self;
        protocol.head(Some(len), form, common, now, &mut out.bytes);
        out.fresh_until = common.date.fresh_until();
        len <= JOINED
    }

    /// Answers with all messages from the cursor on: with one write, if they are few.
    pub(super) fn answer<L: Line>(
        &mut self,
        conn: &mut Connection<P::State, L>,
        now: u64,
    ) -> Result<(), Stop> {
        let (from, end) = (conn.cursor, self.feed.next_seq());
        conn.phase = Phase::Answering;
        conn.until = end;
        let mut joined = std::mem::take(&mut self.joined);
        let known = (joined.from, joined.end, joined.fresh_until > now) == (from, end, true);
        if !known || joined.head == 0 || !conn.form.is_usual() {
            joined.bytes.clear();
            let short = self.begin(&mut joined, from, end, conn.form, now);
            if !short || conn.owes() || conn.blocked || !conn.form.is_usual() {
                return Self::say(conn, &joined.bytes).and_then(|()| self.flush(conn));
            }
            let head = joined.bytes.len();
            joined.join(&self.feed, from, end, head);
        }
        self.joined = joined;
        let sent = write(conn, &self.joined.bytes)?;
        self.sent(&self.joined, conn, sent);
        self.flush(conn)
    }

    /// After a write of `joined` that took `sent` bytes: moves the cursor on, and keeps the rest of a frame that was cut.
    #[inline]
    pub(super) fn sent<L: Line>(
        &self,
        joined: &Joined,
        conn: &mut Connection<P::State, L>,
        sent: usize,
    ) {
        if sent == joined.bytes.len() {
            conn.cursor = joined.to;
        } else {
            self.cut(joined, conn, sent);
        }
    }

    #[cold]
    fn cut<L: Line>(&self, joined: &Joined, conn: &mut Connection<P::State, L>, sent: usize) {
        if sent < joined.head {
            conn.unsent = Bytes::copy_from_slice(&joined.bytes[sent..joined.head]);
            return;
        }
        let mut rest = sent - joined.head;
        for seq in joined.from..joined.to {
            let Some(frame) = self.feed.get(seq) else {
                return;
            };
            if rest == 0 {
                return;
            }
            conn.cursor = seq + 1;
            if rest < frame.len() {
                conn.unsent = frame.slice(rest..);
                return;
            }
            rest -= frame.len();
        }
    }
}

impl Joined {
    /// Appends the messages from `from` on, as far as `end` and not much beyond [`JOINED`] bytes.
    fn join(&mut self, feed: &Feed<Bytes>, from: u64, end: u64, head: usize) {
        let mut to = from;
        while to < end
            && (self.bytes.len() < JOINED || head > 0)
            && let Some(frame) = feed.get(to)
        {
            self.bytes.extend_from_slice(frame);
            to += 1;
        }
        (self.from, self.to, self.end, self.head) = (from, to, end, head);
    }
}

/// One write; what it took. A socket that takes nothing more is marked.
// A call is a good part of what a delivery costs the program; the budgets notice one.
#[inline(always)]
pub(super) fn write<S, L: Line>(conn: &mut Connection<S, L>, bytes: &[u8]) -> Result<usize, Stop> {
    if L::SEALS {
        return write_sealed(conn, bytes);
    }
    loop {
        match conn.line.send(bytes) {
            Ok(sent) => return Ok(sent),
            Err(error) => {
                if let Some(ended) = refused(conn, error.kind()) {
                    return ended;
                }
            }
        }
    }
}

/// What a write has come to that took nothing; `None` if it is to be tried again.
#[cold]
#[inline(never)]
fn refused<S, L: Line>(
    conn: &mut Connection<S, L>,
    kind: ErrorKind,
) -> Option<Result<usize, Stop>> {
    match kind {
        ErrorKind::WouldBlock => Some(conn.block().map(|()| 0)),
        ErrorKind::Interrupted => None,
        _ => Some(Err(Stop::Gone)),
    }
}

/// [`write`] where it is put into records: what of them the socket does not take at once is kept, and holds back the next.
fn write_sealed<S, L: Line>(conn: &mut Connection<S, L>, bytes: &[u8]) -> Result<usize, Stop> {
    let taken = conn.line.send(bytes)?;
    if conn.line.owes() {
        conn.block()?;
        if taken > 0 {
            conn.sealed_from = conn.cursor;
        }
    }
    Ok(taken)
}
