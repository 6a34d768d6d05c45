//! Ending connections: so that what was said last is read.

use std::net::Shutdown;

use super::super::Protocol;
use super::super::connection::{Phase, Tidy};
use super::super::line::Line;
use super::super::outlet::{Outlet, Stop};
use super::reading::Turn;
use super::{LINGER_NS, Loop};

impl<P: Protocol, L: Line> Loop<P, L> {
    /// The client has ended its side, and all is read.
    pub(super) fn ended(&mut self, index: u32) -> Result<Turn, Stop> {
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

    /// Says the last thing there is to say.
    #[cold]
    pub(super) fn end(&mut self, index: u32, reply: &[u8]) -> Result<(), Stop> {
        if let Some(conn) = self.slab.get(index) {
            Outlet::<P>::say(conn, reply)?;
        }
        self.close(index)
    }

    /// Ends a connection when what it is owed has gone out.
    #[cold]
    pub(super) fn close(&mut self, index: u32) -> Result<(), Stop> {
        let due = self.now() + LINGER_NS;
        let Some(conn) = self.slab.get(index) else {
            return Ok(());
        };
        if conn.phase != Phase::Closing {
            conn.phase = Phase::Closing;
            conn.tidy = Tidy::No;
            conn.inbox = Vec::new();
            self.wheel.arm(index, due);
        }
        self.outlet.flush(conn)?;
        if conn.owes() {
            return Ok(());
        }
        if L::SEALS {
            conn.line.finish();
            if conn.line.owes() {
                return conn.block();
            }
        }
        let stream = conn.line.stream();
        stream.shutdown(Shutdown::Write).map_err(Stop::from)?;
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
    pub(super) fn stop(&mut self, index: u32, stop: Stop) {
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
}
