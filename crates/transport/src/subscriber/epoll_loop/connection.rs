//! One connection: what happens when it can be read or written, when it is its time to ask, and when it ends.

use std::io;
use std::mem;

use pushbench_sys::clock;
use pushbench_sys::poller::{EventFlags, Poller};

use super::{ENDING, READING_AND_WRITING, Rest, Shared};
use crate::subscriber::connection::Stage;
use crate::subscriber::pace::Pace;
use crate::subscriber::{
    Cover, Happened, Inlet, Note, Progress, Protocol, SubscribeError, Subscriber,
};

/// A connection with what its transport makes of it.
pub(super) struct Connection<P, C> {
    pub(super) subscriber: Subscriber,
    pub(super) protocol: P,
    pub(super) cover: C,
}

impl<P: Protocol, C: Cover> Connection<P, C> {
    /// How far it is, and what must have gone over the wire.
    pub(super) fn progress(&self) -> Progress {
        self.cover.beside(self.protocol.progress())
    }

    /// It is time to ask.
    pub(super) fn tick(&mut self, shared: &mut Shared<P::Common>, poller: &Poller, key: usize) {
        let Shared {
            common,
            out,
            inlet,
            pace,
            ..
        } = shared;
        let reads = matches!(self.subscriber.stage, Stage::Reading | Stage::Cutting);
        if !reads || self.protocol.awaits() {
            return;
        }
        out.clear();
        self.protocol.tick(common, out);
        if self.protocol.awaits() {
            pace.awaiting += 1;
            // What is left to do, the poller tells.
            let _ = self.answer(out, inlet, pace, poller, key);
        }
    }

    /// It asks no more.
    pub(super) fn stop_clock(&mut self, pace: &mut Pace, key: usize) {
        let stopped = matches!(self.subscriber.stage, Stage::Ended | Stage::Aside);
        if P::BY_CLOCK && !stopped {
            pace.end(key);
            pace.awaiting -= usize::from(self.protocol.awaits());
        }
    }

    /// Handles what happened: in the steady state that is one read, and what it brought.
    #[inline]
    pub(super) fn ready(
        &mut self,
        shared: &mut Shared<P::Common>,
        poller: &Poller,
        key: usize,
        flags: EventFlags,
    ) -> Rest {
        self.subscriber.ending |= flags.intersects(ENDING);
        if self.subscriber.stage != Stage::Reading {
            match self.subscriber.stage {
                Stage::Cutting => return self.read_to_the_cut(shared, poller, key),
                Stage::Aside => return self.heard_aside(&mut shared.inlet, poller, key, flags),
                Stage::Connecting | Stage::Reading | Stage::Writing | Stage::Ended => {}
            }
            if let Some(rest) = self.advance(&mut shared.inlet, &mut shared.pace, poller, key) {
                return rest;
            }
        }
        match self.subscriber.read(&mut shared.buffer) {
            Ok(0) => {
                let ended = self.ended();
                self.end(&mut shared.inlet, &mut shared.pace, poller, key, ended)
            }
            Ok(read) => self.take(shared, poller, key, read),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Rest::None,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Rest::More,
            Err(error) => self.end(
                &mut shared.inlet,
                &mut shared.pace,
                poller,
                key,
                error.into(),
            ),
        }
    }

    /// Takes the `read` bytes in the buffer.
    #[inline]
    pub(super) fn take(
        &mut self,
        shared: &mut Shared<P::Common>,
        poller: &Poller,
        key: usize,
        read: usize,
    ) -> Rest {
        let received = clock::now();
        let Shared {
            common,
            buffer,
            out,
            inlet,
            pace,
            ..
        } = shared;
        let Self {
            subscriber,
            protocol,
            cover,
        } = self;
        let awaited = P::BY_CLOCK && protocol.awaits();
        inlet.now = received;
        out.clear();
        let (settled, corrupted) = (inlet.inbox.settled(), inlet.inbox.corrupted());
        let (inbox, first) = (&mut inlet.inbox, &mut subscriber.check);
        let others = &mut subscriber.others;
        // Subscribers that are numbered before those of this connection.
        let before = key * (1 + others.len());
        let result = cover.open(&buffer[..read], &mut inlet.tls, &mut |bytes| {
            protocol.receive_shared(common, bytes, out, &mut |index, body| {
                let check = match index.checked_sub(1) {
                    None => &mut *first,
                    Some(other) => &mut others[other],
                };
                inbox.take(body, received, before + index, check);
            })
        });
        if !subscriber.subscribed && protocol.progress().subscribed {
            subscriber.subscribed = true;
            inlet.subscribed += subscriber.count();
        }
        if awaited && !protocol.awaits() {
            pace.awaiting -= 1;
        }
        if let Err(error) = result {
            self.part(inlet);
            return self.end(inlet, pace, poller, key, error);
        }
        if subscriber.tells && inlet.inbox.settled() > settled {
            subscriber.tells = false;
            let corrupted = inlet.inbox.corrupted() - corrupted;
            inlet.notes.push(Note {
                key,
                happened: Happened::Served {
                    received,
                    corrupted,
                },
            });
        }
        if (!out.is_empty() || C::SEALS && cover.wants_write())
            && let Some(rest) = self.answer(out, inlet, pace, poller, key)
        {
            return rest;
        }
        if C::SEALS && self.cover.is_closed() {
            let ended = self.ended();
            return self.end(inlet, pace, poller, key, ended);
        }
        // A short read has emptied the socket, but for an end that was announced before it.
        if read == buffer.len() || self.subscriber.ending {
            Rest::More
        } else {
            Rest::None
        }
    }

    /// Sends what a message asked for. Returns what is left to do if that is not to read on.
    fn answer(
        &mut self,
        out: &mut Vec<u8>,
        inlet: &mut Inlet,
        pace: &mut Pace,
        poller: &Poller,
        key: usize,
    ) -> Option<Rest> {
        if let Err(error) = self.cover.seal(out, &mut inlet.tls) {
            return Some(self.end(inlet, pace, poller, key, error.into()));
        }
        let sent = match self.subscriber.send(out) {
            Ok(sent) if sent == out.len() => return None,
            Ok(sent) => sent,
            Err(error) => return Some(self.end(inlet, pace, poller, key, error.into())),
        };
        self.subscriber.unsent.extend_from_slice(&out[sent..]);
        self.subscriber.stage = Stage::Writing;
        // If there is room again by now, this tells.
        let watched = poller.modify(self.subscriber.stream(), key as u64, READING_AND_WRITING);
        Some(match watched {
            Ok(()) => Rest::None,
            Err(error) => self.end(inlet, pace, poller, key, error.into()),
        })
    }

    /// Its peer has ended it: what that cuts off.
    #[cold]
    pub(super) fn ended(&mut self) -> SubscribeError {
        if self.cover.is_handshaking() {
            let cut = "the server ended the connection during the handshake";
            return SubscribeError::Tls(cut.into());
        }
        self.protocol.end()
    }

    /// Tells the peer why this side ends the connection, as far as the socket takes it.
    #[cold]
    fn part(&mut self, inlet: &mut Inlet) {
        let mut why = Vec::new();
        if C::SEALS && self.cover.seal(&mut why, &mut inlet.tls).is_ok() {
            let _ = self.subscriber.send(&why);
        }
    }

    /// Goes on with a connection that is not to be read yet. Returns what is left to do if it still is not.
    #[cold]
    fn advance(
        &mut self,
        inlet: &mut Inlet,
        pace: &mut Pace,
        poller: &Poller,
        key: usize,
    ) -> Option<Rest> {
        match self.subscriber.stage {
            Stage::Ended | Stage::Aside => return Some(Rest::None),
            Stage::Connecting => {
                if let Err(error) = self.subscriber.established() {
                    inlet.unconnected += self.subscriber.count();
                    inlet.notes.push(Note {
                        key,
                        happened: Happened::Unconnected(error),
                    });
                    return Some(Rest::Gone);
                }
            }
            Stage::Reading | Stage::Writing | Stage::Cutting => {}
        }
        let unsent = mem::take(&mut self.subscriber.unsent);
        match self.subscriber.send(&unsent) {
            Ok(sent) if sent == unsent.len() => {
                self.subscriber.stage = Stage::Reading;
                None
            }
            Ok(sent) => {
                self.subscriber.unsent.extend_from_slice(&unsent[sent..]);
                self.subscriber.stage = Stage::Writing;
                Some(Rest::None)
            }
            Err(error) => Some(self.end(inlet, pace, poller, key, error.into())),
        }
    }

    /// Reads it no further.
    #[cold]
    pub(super) fn end(
        &mut self,
        inlet: &mut Inlet,
        pace: &mut Pace,
        poller: &Poller,
        key: usize,
        error: SubscribeError,
    ) -> Rest {
        self.stop_clock(pace, key);
        // A watch that cannot be ended tells of nothing that would be listened to.
        let _ = poller.remove(self.subscriber.stream());
        self.subscriber.stage = Stage::Ended;
        self.subscriber.unsent = Vec::new();
        inlet.ended += self.subscriber.count();
        if !self.subscriber.subscribed {
            inlet.refused += self.subscriber.count();
        }
        inlet.notes.push(Note {
            key,
            happened: Happened::Ended(error),
        });
        Rest::None
    }
}
