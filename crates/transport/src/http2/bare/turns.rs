//! What the loop of a worker does for one connection: reading, writing, ending.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};

use pushbench_sys::poller::EventFlags;
use pushbench_sys::tcp;

use crate::bare::{IDLE_NS, Interest, LINGER_NS, READS};
use crate::http2::frame::error;

use super::Loop;
use super::machine::{Awaits, Machine};
use super::parcel::Parcel;
use super::site::Site;

/// Bytes for one write: so many that what a write costs by itself is little of it.
pub(super) const AT_ONCE: usize = 256 * 1024;

/// Writes for one connection before the others have their turn: who reads as fast as we write, and has asked for all that the ring
/// keeps on every stream, would hold up everybody else.
pub(super) const WRITES: usize = 8;

/// A socket that is broken, or whose client has gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop;

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        // A client that goes away is not an error of the server.
        Self
    }
}

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is used.
    Open,
    /// What is unsent still goes out, and nothing else.
    Closing,
    /// All is said; what the client sends is thrown away until it goes, so that it is not reset before it has read.
    Lingering,
}

/// One connection.
pub(super) struct Connection {
    pub(super) socket: TcpStream,
    interest: Interest,
    pub(super) machine: Machine,
    /// The socket takes no more at present.
    pub(super) blocked: bool,
    /// The socket may hold more to read than was taken.
    unread: bool,
    /// The client has ended its side, or will have when all is read.
    ending: bool,
    phase: Phase,
    /// What its timer is for, and since which stream.
    timed: (Awaits, u32),
}

impl Connection {
    pub(super) fn new(socket: TcpStream, interest: Interest) -> Self {
        Self {
            socket,
            interest,
            machine: Machine::new(),
            blocked: false,
            unread: false,
            ending: false,
            phase: Phase::Open,
            timed: (Awaits::Head, 0),
        }
    }
}

/// Sends what there is for a connection, as far as its socket, its windows and the others allow. Returns whether there may be more
/// that could be sent now.
#[inline]
pub(super) fn flush(conn: &mut Connection, site: &Site, parcel: &mut Parcel) -> Result<bool, Stop> {
    let mut most = AT_ONCE;
    for _ in 0..WRITES {
        if conn.blocked {
            return Ok(false);
        }
        conn.machine.fill(site, parcel, most);
        if parcel.bytes.is_empty() {
            return Ok(false);
        }
        let sent = match tcp::send(&conn.socket, &parcel.bytes) {
            Ok(sent) => sent,
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => {
                    conn.blocked = true;
                    conn.interest.full(&conn.socket).map_err(|_| Stop)?;
                    0
                }
                ErrorKind::Interrupted => 0,
                _ => return Err(Stop),
            },
        };
        conn.machine.sent(parcel, sent);
        // There was room for more, and there is no more.
        if sent == parcel.bytes.len() && sent < most {
            return Ok(false);
        }
        // Only a socket that was found full tells when it takes more; for that the rest of a frame suffices.
        most = if sent == parcel.bytes.len() {
            AT_ONCE
        } else {
            1
        };
    }
    Ok(!conn.blocked)
}

impl Loop {
    /// Something happened to a connection.
    pub(super) fn ready(&mut self, token: u64, flags: EventFlags) {
        const ENDING: EventFlags = EventFlags::RDHUP
            .union(EventFlags::HUP)
            .union(EventFlags::ERR);
        let Some((index, conn)) = self.slab.of(token) else {
            return;
        };
        if flags.intersects(ENDING | EventFlags::IN) {
            conn.unread = true;
            conn.ending |= flags.intersects(ENDING);
        }
        if flags.contains(EventFlags::OUT) {
            conn.blocked = false;
        }
        self.attend(index, token);
    }

    /// Reads what a connection has sent, and says what there is to say.
    pub(super) fn attend(&mut self, index: u32, token: u64) {
        match self.turn(index) {
            Ok(false) => {}
            Ok(true) => self.again.push(token),
            Err(Stop) => self.drop_connection(index),
        }
    }

    /// Returns whether there is more to read, or to send.
    fn turn(&mut self, index: u32) -> Result<bool, Stop> {
        let mut more = true;
        for _ in 0..READS {
            more = self.read(index)?;
            if !more {
                break;
            }
        }
        Ok(self.settle(index)? || more)
    }

    /// Reads once; whether there may be more to read.
    fn read(&mut self, index: u32) -> Result<bool, Stop> {
        let now = self.now();
        let Self {
            slab,
            site,
            parcel,
            room,
            ..
        } = self;
        let Some(conn) = slab.get(index) else {
            return Ok(false);
        };
        if conn.machine.is_full() {
            flush(conn, site, parcel)?;
        }
        // What is not read now stays in the socket, and its sender notices.
        if !conn.unread || conn.machine.is_full() {
            return Ok(false);
        }
        match tcp::receive(&conn.socket, room) {
            Ok(0) => {
                conn.unread = false;
                conn.ending = true;
                if conn.machine.subscriptions() > 0 {
                    return Err(Stop);
                }
                // What it asked for before it still gets.
                conn.machine.end(error::NO_ERROR);
            }
            Ok(len) => {
                // Less than there was room for is all there is.
                conn.unread = len == room.len() || conn.ending;
                conn.machine.receive(&room[..len], site, now);
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => conn.unread = false,
                ErrorKind::Interrupted => {}
                _ => return Err(Stop),
            },
        }
        Ok(conn.unread)
    }

    /// Says what there is to say, sets the timer, and ends a connection that is over. Returns whether there may be more to say.
    fn settle(&mut self, index: u32) -> Result<bool, Stop> {
        let now = self.now();
        let Some(conn) = self.slab.get(index) else {
            return Ok(false);
        };
        let more = flush(conn, &self.site, &mut self.parcel)?;
        if !conn.machine.is_over() {
            let awaits = conn.machine.awaits();
            if std::mem::replace(&mut conn.timed, awaits) != awaits {
                match awaits.0 {
                    Awaits::Head => self.wheel.arm(index, now.saturating_add(self.head_ns)),
                    Awaits::More => self.wheel.arm(index, now + IDLE_NS),
                    Awaits::Nothing => self.wheel.disarm(index),
                }
            }
            return Ok(more);
        }
        if conn.phase == Phase::Open {
            conn.phase = Phase::Closing;
            self.wheel.arm(index, now + LINGER_NS);
        }
        if conn.phase == Phase::Closing && !conn.machine.owes() {
            conn.socket.shutdown(Shutdown::Write)?;
            conn.phase = Phase::Lingering;
        }
        if conn.phase == Phase::Lingering && conn.ending && !conn.unread {
            return Err(Stop);
        }
        Ok(more)
    }

    /// Ends a connection of which a subscription has fallen behind.
    #[cold]
    pub(super) fn keep_up(&mut self, index: u32) {
        let Some(conn) = self.slab.get(index) else {
            return;
        };
        if conn.machine.behind(&self.site).is_some() {
            // All who share the connection are let go with the one.
            for _ in 0..conn.machine.subscriptions() {
                self.site.feed.hub().count_lagged();
            }
            self.end(index, error::ENHANCE_YOUR_CALM);
        }
    }

    /// The timer of a connection is due: it does not say what it wants, or does not go.
    pub(super) fn expire(&mut self, index: u32) {
        match self.slab.get(index).map(|conn| conn.phase) {
            Some(Phase::Open) => self.end(index, error::NO_ERROR),
            Some(Phase::Closing | Phase::Lingering) => self.drop_connection(index),
            None => {}
        }
    }

    /// Takes leave of a client.
    fn end(&mut self, index: u32, code: u32) {
        if let Some(conn) = self.slab.get(index) {
            conn.machine.end(code);
        }
        if self.settle(index).is_err() {
            self.drop_connection(index);
        }
    }

    pub(super) fn drop_connection(&mut self, index: u32) {
        self.slab.remove(index);
        self.wheel.disarm(index);
        self.door.reopen(&self.poller, &self.worker);
    }
}
