//! Connections that are cut off after a given number of bytes, wherever in a message that is.

use std::io;

use pushbench_sys::poller::Poller;

use super::connection::Connection;
use super::{Crowd, Rest, Shared};
use crate::subscriber::connection::Stage;
use crate::subscriber::pace::Pace;
use crate::subscriber::{Cover, Happened, Inlet, Note, Protocol, SubscribeError};

impl<P: Protocol, C: Cover> Crowd<P, C> {
    pub(super) fn cut(&mut self, poller: &Poller, key: usize, bytes: u32) {
        let Some(connection) = self.connections.get_mut(key).and_then(Option::as_mut) else {
            return;
        };
        match connection.subscriber.stage {
            // Who is not read cannot be cut at a byte.
            Stage::Ended | Stage::Aside => {}
            // What it has not even asked for cannot be cut within.
            Stage::Connecting | Stage::Writing => {
                connection.cut_off(&mut self.shared.inlet, &mut self.shared.pace, poller, key);
            }
            Stage::Reading | Stage::Cutting if bytes == 0 => {
                connection.cut_off(&mut self.shared.inlet, &mut self.shared.pace, poller, key);
            }
            Stage::Reading | Stage::Cutting => {
                connection.subscriber.stage = Stage::Cutting;
                connection.subscriber.left = bytes;
            }
        }
    }
}

impl<P: Protocol, C: Cover> Connection<P, C> {
    /// Reads no byte beyond the cut.
    #[cold]
    pub(super) fn read_to_the_cut(
        &mut self,
        shared: &mut Shared<P::Common>,
        poller: &Poller,
        key: usize,
    ) -> Rest {
        let most = shared.buffer.len().min(self.subscriber.left as usize);
        let read = match self.subscriber.read(&mut shared.buffer[..most]) {
            Ok(0) => {
                let ended = self.ended();
                return self.end(&mut shared.inlet, &mut shared.pace, poller, key, ended);
            }
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Rest::None,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Rest::More,
            Err(error) => {
                return self.end(
                    &mut shared.inlet,
                    &mut shared.pace,
                    poller,
                    key,
                    error.into(),
                );
            }
        };
        self.subscriber.left -= read as u32;
        let rest = self.take(shared, poller, key, read);
        if self.subscriber.stage == Stage::Ended {
            return rest;
        }
        if self.subscriber.left == 0 {
            return self.cut_off(&mut shared.inlet, &mut shared.pace, poller, key);
        }
        // An answer that its socket did not take may go on, and the cut with it.
        if self.subscriber.stage == Stage::Reading {
            self.subscriber.stage = Stage::Cutting;
        }
        Rest::More
    }

    /// It reads no further. This is no end that the server has made.
    fn cut_off(&mut self, inlet: &mut Inlet, pace: &mut Pace, poller: &Poller, key: usize) -> Rest {
        self.stop_clock(pace, key);
        // A watch that cannot be ended tells of nothing that would be listened to.
        let _ = poller.remove(self.subscriber.stream());
        self.subscriber.stage = Stage::Ended;
        self.subscriber.unsent = Vec::new();
        inlet.notes.push(Note {
            key,
            happened: Happened::Ended(SubscribeError::Cut),
        });
        Rest::None
    }
}
