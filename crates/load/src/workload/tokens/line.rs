//! The connection of a conversation: a socket, what is to be sent on it, and what it has cost.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};

use pushbench_model::measurement::{ConnectionCount, WireCount};
use pushbench_sys::clock;
use pushbench_sys::poller::EventFlags;
use pushbench_sys::tcp::begin_connect;
use pushbench_transport::subscriber::{Nonce, wire};
use pushbench_transport::tokens::Talk;

use super::hearing::Broken;

/// What a server does that ends its side.
const ENDING: EventFlags = EventFlags::RDHUP
    .union(EventFlags::HUP)
    .union(EventFlags::ERR);

/// A connection, and the client half of what is spoken on it.
pub(super) struct Line {
    address: SocketAddr,
    source: Option<IpAddr>,
    nonce: Nonce,
    pub(super) stream: TcpStream,
    pub(super) talk: Talk,
    connecting: bool,
    /// The server has ended its side: reading goes on until that shows.
    ending: bool,
    unsent: Vec<u8>,
    /// What had been paid before it counts.
    base: WireCount,
}

impl Line {
    /// Begins a connection to `address` from `source`, and counts it.
    pub(super) fn open(
        address: SocketAddr,
        source: Option<IpAddr>,
        nonce: Nonce,
        talk: Talk,
        count: &mut ConnectionCount,
    ) -> io::Result<Self> {
        let begun = begin_connect(address, source)?;
        count.opened += 1;
        count.nodelay += u64::from(begun.nodelay);
        let mut line = Self {
            address,
            source,
            nonce,
            stream: begun.stream,
            talk,
            connecting: true,
            ending: false,
            unsent: Vec::new(),
            base: WireCount::default(),
        };
        if begun.established {
            line.established();
        }
        Ok(line)
    }

    /// Closes it and begins another; when it was closed, CLOCK_MONOTONIC nanoseconds. What it costs is counted anew.
    pub(super) fn reopen(&mut self, count: &mut ConnectionCount) -> io::Result<u64> {
        let begun = begin_connect(self.address, self.source)?;
        count.opened += 1;
        count.nodelay += u64::from(begun.nodelay);
        let closed = clock::now();
        self.stream = begun.stream;
        let paid = self.talk.progress();
        self.base = WireCount {
            expected_down: Some(paid.expected_down),
            expected_up: Some(paid.expected_up),
            ..WireCount::default()
        };
        self.talk.reset();
        (self.connecting, self.ending) = (true, false);
        self.unsent.clear();
        if begun.established {
            self.established();
        }
        Ok(closed)
    }

    fn established(&mut self) {
        self.connecting = false;
        self.talk.open(self.nonce, &mut self.unsent);
    }

    /// Counts from here on.
    pub(super) fn count(&mut self) -> io::Result<()> {
        self.base = wire(&self.stream, &self.talk.progress())?;
        Ok(())
    }

    /// What it has cost since it counts.
    pub(super) fn wire(&self) -> io::Result<WireCount> {
        Ok(wire(&self.stream, &self.talk.progress())?.since(&self.base))
    }

    /// Takes note of what happened to its socket; whether it is open, and all is sent that the socket takes.
    pub(super) fn attend(&mut self, flags: EventFlags) -> Result<bool, Broken> {
        self.ending |= flags.intersects(ENDING);
        if self.connecting {
            if let Some(error) = self.stream.take_error().map_err(|error| failed(&error))? {
                return Err(format!("cannot connect to {}: {error}", self.address));
            }
            match self.stream.peer_addr() {
                Ok(_) => self.established(),
                // Something else happened to it.
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(false),
                Err(error) => return Err(failed(&error)),
            }
        }
        self.flush()?;
        Ok(true)
    }

    /// Whether it is not yet open.
    pub(super) const fn is_connecting(&self) -> bool {
        self.connecting
    }

    /// Reads once; `None` when there is nothing at present, 0 at its end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Broken> {
        loop {
            match self.stream.read(buffer) {
                Ok(count) => return Ok(Some(count)),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(None),
                    ErrorKind::Interrupted => {}
                    _ => return Err(failed(&error)),
                },
            }
        }
    }

    /// Whether there may be more behind a read of `count` bytes into room for `room`: a short one has emptied the socket, but
    /// for an end that was announced before it.
    pub(super) const fn has_more(&self, count: usize, room: usize) -> bool {
        count == room || self.ending
    }

    /// Takes `bytes` as they were read, and hands every message to `deliver`.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), Broken> {
        let received = self.talk.receive(bytes, &mut self.unsent, deliver);
        received.map_err(|error| error.to_string())
    }

    /// Asks for an answer.
    pub(super) fn ask(&mut self, ask: &[u8]) -> Result<(), Broken> {
        self.talk.ask(ask, &mut self.unsent);
        self.flush()
    }

    /// Asks for more of the answer that is coming, where more has to be asked for; it is sent with the next flush.
    pub(super) fn go_on(&mut self) {
        self.talk.go_on(&mut self.unsent);
    }

    /// Has the server stop the answer that is coming; whether it can be told, and the connection goes on.
    pub(super) fn stop(&mut self) -> bool {
        self.talk.cancel(&mut self.unsent)
    }

    /// Sends what is to be sent, as far as the socket takes it.
    pub(super) fn flush(&mut self) -> Result<(), Broken> {
        if self.connecting {
            return Ok(());
        }
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(sent) => {
                    self.unsent.drain(..sent);
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(()),
                    ErrorKind::Interrupted => {}
                    _ => return Err(failed(&error)),
                },
            }
        }
        Ok(())
    }
}

/// What is told of a socket that failed.
pub(super) fn failed(error: &io::Error) -> Broken {
    format!("connection failed: {error}")
}
