//! The least a load generator can do: over the transport `tcp`, which is the floor, and over the frames of the others.

use std::io::{self, Read, Write};
use std::marker::PhantomData;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};

use pushbench_sys::clock;
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};

use super::framing::{Framing, Prefixed};
use super::ledger::Ledger;
use super::no_events;
use crate::client::Received;

const BUFFER: usize = 64 * 1024;
const NO_TIME: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// Connections to a server, and what arrived on them.
pub struct Receiver<F = Prefixed> {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    ledger: Ledger,
    /// Nothing more is waited for.
    told: bool,
    framing: PhantomData<F>,
}

struct Connection {
    stream: TcpStream,
    /// The sequence number that must come next.
    expected: u64,
    /// The start of a frame that a read cut.
    cut: Vec<u8>,
}

impl<F: Framing> Receiver<F> {
    /// Opens `count` connections and waits until the server has answered on each.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached.
    pub fn connect(address: SocketAddr, count: usize) -> io::Result<Self> {
        let mut receiver = Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            connections: Vec::with_capacity(count),
            ledger: Ledger::default(),
            told: false,
            framing: PhantomData,
        };
        for _ in 0..count {
            receiver.open(address)?;
        }
        Ok(receiver)
    }

    /// Opens one more.
    pub(crate) fn open(&mut self, address: SocketAddr) -> io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.write_all(&F::WIRE.opening())?;
        let (mut answer, mut read) = ([0; 1024], 0);
        let end = loop {
            if let Some(end) = F::WIRE.answer_len(&answer[..read]) {
                break end;
            }
            match stream.read(&mut answer[read..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => read += more,
            }
        };
        stream.set_nonblocking(true)?;
        let number = EventData::new_u64(self.connections.len() as u64);
        epoll::add(&self.epoll, &stream, number, EventFlags::IN)?;
        self.connections.push(Connection {
            stream,
            expected: F::newest(&answer[..end]) + 1,
            cut: answer[end..read].to_vec(),
        });
        Ok(())
    }

    /// Closes the last that was opened.
    pub(crate) fn close(&mut self) {
        self.connections.pop();
    }

    /// Receives until every connection has ended. Returns how many messages arrived.
    ///
    /// # Errors
    ///
    /// When a message is damaged or out of sequence.
    pub fn receive(&mut self) -> io::Result<u64> {
        let mut buffer = vec![0; BUFFER];
        let mut events = no_events();
        let mut open = self.connections.len();
        while open > 0 {
            let timeout = self.told.then_some(&NO_TIME);
            let (ready, _) = epoll::wait(&self.epoll, &mut events, timeout)?;
            if self.told && ready.is_empty() {
                break;
            }
            for event in &*ready {
                let Some(connection) = self.connections.get_mut(event.data.u64() as usize) else {
                    self.told = true;
                    continue;
                };
                let read = connection.stream.read(&mut buffer)?;
                let received = clock::now();
                if read == 0 {
                    epoll::delete(&self.epoll, &connection.stream)?;
                    open -= 1;
                    continue;
                }
                connection.take::<F>(&buffer[..read], received, &mut self.ledger)?;
            }
        }
        Ok(self.received().delivered)
    }

    /// Receives no longer than what has arrived once `told` can be read, which is then left to the caller.
    ///
    /// # Errors
    ///
    /// When it cannot be watched.
    pub(crate) fn end_with(&mut self, told: impl AsFd) -> io::Result<()> {
        // Once: what can be read is not read here.
        let once = EventFlags::IN | EventFlags::ONESHOT;
        Ok(epoll::add(
            &self.epoll,
            told,
            EventData::new_u64(u64::MAX),
            once,
        )?)
    }

    /// Takes the percentiles of every `messages` messages apart.
    pub(crate) fn slice(&mut self, messages: u64) {
        self.ledger.slice(messages);
    }

    /// What arrived so far.
    pub(crate) fn received(&self) -> Received {
        self.ledger.received()
    }
}

impl Connection {
    fn take<F: Framing>(
        &mut self,
        bytes: &[u8],
        received: u64,
        ledger: &mut Ledger,
    ) -> io::Result<()> {
        if self.cut.is_empty() {
            let rest = Self::frames::<F>(&mut self.expected, bytes, received, ledger)?;
            self.cut.extend_from_slice(rest);
        } else {
            self.cut.extend_from_slice(bytes);
            let joined = std::mem::take(&mut self.cut);
            let rest = Self::frames::<F>(&mut self.expected, &joined, received, ledger)?;
            self.cut.extend_from_slice(rest);
        }
        Ok(())
    }

    /// Takes all whole frames; returns what is left.
    #[inline]
    fn frames<'a, F: Framing>(
        expected: &mut u64,
        mut bytes: &'a [u8],
        received: u64,
        ledger: &mut Ledger,
    ) -> io::Result<&'a [u8]> {
        while let Some((body, rest)) = F::first(bytes)? {
            ledger.message(body, received, expected)?;
            bytes = rest;
        }
        Ok(bytes)
    }
}
