//! The least a server can do.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::time::Duration;

use pushbench_model::message::Stamp;
use pushbench_model::payload::{BodyMaker, Payload, PayloadKind};
use pushbench_sys::{clock, tcp};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::no_events;
use crate::wire::{PAYLOAD, Wire};

/// Makes the messages of every sender, the floor's and ours.
#[must_use]
pub fn body_maker() -> BodyMaker {
    let payload = Payload {
        bytes: PAYLOAD,
        kind: PayloadKind::Text,
    };
    BodyMaker::new(payload, false, 1)
}

/// A listener and its subscribers.
pub struct Server {
    wire: Wire,
    listener: TcpListener,
    connections: Vec<TcpStream>,
    maker: BodyMaker,
    newest: u64,
    body: Vec<u8>,
    frame: Vec<u8>,
}

/// Somebody who has not said everything yet that makes a subscriber.
struct Opening {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Opening {
    fn of(stream: TcpStream) -> Self {
        Self {
            stream,
            bytes: Vec::new(),
        }
    }
}

fn token_of(stream: &TcpStream) -> EventData {
    EventData::new_u64(stream.as_raw_fd() as u64)
}

impl Server {
    /// Listens on a free port.
    ///
    /// # Errors
    ///
    /// When the system has none.
    pub fn bind(wire: Wire) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        rustix::net::listen(&listener, 4096)?;
        // Those that are accepted have it from here.
        tcp::set_nodelay_checked(&listener)?;
        Ok(Self {
            wire,
            listener,
            connections: Vec::new(),
            maker: body_maker(),
            newest: 0,
            body: Vec::new(),
            frame: Vec::new(),
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Waits until a subscriber wants to be accepted, at most `patience`. Returns whether one does.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn is_asked(&self, patience: Duration) -> io::Result<bool> {
        let mut listener = [PollFd::new(&self.listener, PollFlags::IN)];
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        Ok(poll(&mut listener, Some(&patience))? > 0)
    }

    /// Accepts one subscriber and answers its opening.
    ///
    /// # Errors
    ///
    /// When it does not open as its transport asks.
    pub fn accept(&mut self) -> io::Result<&TcpStream> {
        let stream = self.welcome()?;
        stream.set_nonblocking(true)?;
        self.connections.push(stream);
        Ok(self.connections.last().expect("one was pushed"))
    }

    /// Accepts one subscriber, answers its opening, and waits until it leaves.
    ///
    /// # Errors
    ///
    /// When it does not open as its transport asks.
    pub fn see_off(&mut self) -> io::Result<()> {
        let mut stream = self.welcome()?;
        while stream.read(&mut [0; 1024])? > 0 {}
        Ok(())
    }

    fn welcome(&self) -> io::Result<TcpStream> {
        let (mut stream, _) = self.listener.accept()?;
        // The only one there is: a subscriber sends its opening as soon as it is connected: waiting for it here costs nothing later.
        let (mut opening, mut buffer) = (Vec::new(), [0; 1024]);
        let answer = loop {
            let read = stream.read(&mut buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            opening.extend_from_slice(&buffer[..read]);
            if let Some(answer) = self.wire.answer(&opening, self.newest) {
                break answer;
            }
        };
        stream.write_all(&answer)?;
        Ok(stream)
    }

    /// Sends the next `messages` messages to everyone: encodes each once, then makes one write per connection. Returns
    /// the bytes of that write.
    ///
    /// # Errors
    ///
    /// When a subscriber is gone or does not read; trials have neither.
    pub fn publish(&mut self, messages: usize) -> io::Result<usize> {
        self.frame.clear();
        for _ in 0..messages {
            self.newest += 1;
            self.body.clear();
            let now = clock::now();
            let stamp = Stamp {
                seq: self.newest,
                intended: now,
                published: now,
            };
            self.maker.body(stamp, &mut self.body);
            self.wire.encode(self.newest, &self.body, &mut self.frame);
        }
        let head = self.wire.head(self.frame.len());
        self.frame.splice(..0, head);
        if self.wire.is_polled() {
            self.read_polls()?;
        }
        for mut connection in &self.connections {
            if connection.write(&self.frame)? != self.frame.len() {
                return Err(io::Error::other("a subscriber does not keep up"));
            }
        }
        Ok(self.frame.len())
    }

    /// Every subscriber has polled when it read its last answer, and sleeps now.
    fn read_polls(&self) -> io::Result<()> {
        let mut poll = [0; 1024];
        for mut connection in &self.connections {
            // A tool may let the threads of a subscriber run in turn only: one that waits for its turn looks asleep.
            let mut readable = [PollFd::new(connection, PollFlags::IN)];
            rustix::event::poll(&mut readable, None)?;
            if connection.read(&mut poll)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// Accepts subscribers, and publishes a message for every byte of `triggers` until that ends. Nobody waits for the opening of
    /// anybody: as a server of many must, it waits for all of them together.
    ///
    /// # Errors
    ///
    /// As [`Self::publish`].
    pub fn serve(&mut self, triggers: impl AsFd) -> io::Result<()> {
        const TRIGGER: u64 = u64::MAX;
        const LISTENER: u64 = u64::MAX - 1;

        let epoll: OwnedFd = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(
            &epoll,
            &triggers,
            EventData::new_u64(TRIGGER),
            EventFlags::IN,
        )?;
        epoll::add(
            &epoll,
            &self.listener,
            EventData::new_u64(LISTENER),
            EventFlags::IN,
        )?;
        let mut events = no_events();
        let mut openings: Vec<Opening> = Vec::new();
        loop {
            let (ready, _) = epoll::wait(&epoll, &mut events, None)?;
            for event in &*ready {
                match event.data.u64() {
                    TRIGGER => {
                        let mut bytes = [0; 64];
                        let count = rustix::io::read(&triggers, &mut bytes)?;
                        if count == 0 {
                            return Ok(());
                        }
                        self.publish(count)?;
                    }
                    LISTENER => {
                        let stream = tcp::accept(&self.listener)?;
                        epoll::add(&epoll, &stream, token_of(&stream), EventFlags::IN)?;
                        openings.push(Opening::of(stream));
                    }
                    token => {
                        let is_it = |one: &Opening| token_of(&one.stream).u64() == token;
                        match openings.iter().position(is_it) {
                            Some(place) => {
                                let opening = openings.swap_remove(place);
                                openings.extend(self.read(opening)?);
                            }
                            // Subscribers send nothing: readable means gone.
                            None => self.forget(token),
                        }
                    }
                }
            }
        }
    }

    /// Reads on; returns what is not whole yet. One that is becomes a subscriber, one that has left is forgotten.
    fn read(&mut self, mut opening: Opening) -> io::Result<Option<Opening>> {
        let mut buffer = [0; 1024];
        let read = tcp::receive(&opening.stream, &mut buffer)?;
        if read == 0 {
            return Ok(None);
        }
        let mut said = &buffer[..read];
        if !opening.bytes.is_empty() {
            opening.bytes.extend_from_slice(said);
            said = &opening.bytes;
        }
        let Some(answer) = self.wire.answer(said, self.newest) else {
            if opening.bytes.is_empty() {
                opening.bytes = said.to_vec();
            }
            return Ok(Some(opening));
        };
        opening.stream.write_all(&answer)?;
        self.connections.push(opening.stream);
        Ok(None)
    }

    fn forget(&mut self, token: u64) {
        let gone = |one: &TcpStream| token_of(one).u64() == token;
        if let Some(place) = self.connections.iter().position(gone) {
            self.connections.swap_remove(place);
        }
    }
}
