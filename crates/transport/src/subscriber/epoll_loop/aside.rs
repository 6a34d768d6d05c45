//! Connections that are slow on purpose: the loop does not read them, and hears only of their end.

use std::io;

use pushbench_sys::poller::{EventFlags, Poller};

use super::connection::Connection;
use super::{Crowd, ENDING, Rest, Shared};
use crate::subscriber::connection::Stage;
use crate::subscriber::{Cover, Happened, Inlet, Note, Protocol, SubscribeError};

/// What the kernel still tells of it: that its peer has gone.
const ENDS: EventFlags = EventFlags::RDHUP.union(EventFlags::ET);

impl<P: Protocol, C: Cover> Crowd<P, C> {
    pub(super) fn set_aside(&mut self, poller: &Poller, key: usize) -> io::Result<bool> {
        let Some(connection) = self.connections.get_mut(key).and_then(Option::as_mut) else {
            return Ok(false);
        };
        if connection.subscriber.stage != Stage::Reading {
            return Ok(false);
        }
        connection.stop_clock(&mut self.shared.pace, key);
        connection.subscriber.stage = Stage::Aside;
        connection.subscriber.aside = true;
        poller.modify(connection.subscriber.stream(), key as u64, ENDS)?;
        Ok(true)
    }

    pub(super) fn sip(&mut self, poller: &Poller, key: usize, most: usize) -> usize {
        let Some(connection) = self.connections.get_mut(key).and_then(Option::as_mut) else {
            return 0;
        };
        if connection.subscriber.stage != Stage::Aside {
            return 0;
        }
        connection.sip(&mut self.shared, poller, key, most)
    }
}

impl<P: Protocol, C: Cover> Connection<P, C> {
    /// Something happened on a connection that is not read.
    #[cold]
    pub(super) fn heard_aside(
        &mut self,
        inlet: &mut Inlet,
        poller: &Poller,
        key: usize,
        flags: EventFlags,
    ) -> Rest {
        if flags.intersects(ENDING) {
            self.let_go(inlet, poller, key);
        }
        Rest::None
    }

    fn sip(
        &mut self,
        shared: &mut Shared<P::Common>,
        poller: &Poller,
        key: usize,
        most: usize,
    ) -> usize {
        let mut sum = 0;
        while sum < most {
            let room = shared.buffer.len().min(most - sum);
            match self.subscriber.read(&mut shared.buffer[..room]) {
                Ok(read) if read > 0 => sum += read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => {
                    self.let_go(&mut shared.inlet, poller, key);
                    break;
                }
            }
        }
        sum
    }

    /// The server has ended it. That is no end of a subscription that anybody waits for.
    fn let_go(&mut self, inlet: &mut Inlet, poller: &Poller, key: usize) {
        // A watch that cannot be ended tells of nothing that would be listened to.
        let _ = poller.remove(self.subscriber.stream());
        self.subscriber.stage = Stage::Ended;
        inlet.notes.push(Note {
            key,
            happened: Happened::Ended(SubscribeError::LetGo),
        });
    }
}
