//! The least a load generator can do.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;

use pushbench_sys::clock;
use rustix::event::epoll::{self, EventData, EventFlags};

use super::ledger::Ledger;
use super::no_events;
use crate::client::Received;
use crate::wire::Wire;

const PREFIX: usize = size_of::<u32>();
const BUFFER: usize = 64 * 1024;

/// Connections to a server of the transport `tcp`, and what arrived on them.
pub struct Receiver {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    ledger: Ledger,
}

struct Connection {
    stream: TcpStream,
    /// The sequence number that must come next.
    expected: u64,
    /// The start of a frame that a read cut.
    cut: Vec<u8>,
}

impl Receiver {
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
        stream.write_all(&Wire::Tcp.opening())?;
        let mut newest = [0; 8];
        stream.read_exact(&mut newest)?;
        stream.set_nonblocking(true)?;
        let number = EventData::new_u64(self.connections.len() as u64);
        epoll::add(&self.epoll, &stream, number, EventFlags::IN)?;
        self.connections.push(Connection {
            stream,
            expected: u64::from_le_bytes(newest) + 1,
            cut: Vec::new(),
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
            let (ready, _) = epoll::wait(&self.epoll, &mut events, None)?;
            for event in &*ready {
                let connection = &mut self.connections[event.data.u64() as usize];
                let read = connection.stream.read(&mut buffer)?;
                let received = clock::now();
                if read == 0 {
                    epoll::delete(&self.epoll, &connection.stream)?;
                    open -= 1;
                    continue;
                }
                connection.take(&buffer[..read], received, &mut self.ledger)?;
            }
        }
        Ok(self.received().delivered)
    }
}

impl Receiver {
    /// What arrived so far.
    pub(crate) fn received(&self) -> Received {
        self.ledger.received()
    }
}

impl Connection {
    fn take(&mut self, bytes: &[u8], received: u64, ledger: &mut Ledger) -> io::Result<()> {
        if self.cut.is_empty() {
            let rest = Self::frames(&mut self.expected, bytes, received, ledger)?;
            self.cut.extend_from_slice(rest);
        } else {
            self.cut.extend_from_slice(bytes);
            let joined = std::mem::take(&mut self.cut);
            let rest = Self::frames(&mut self.expected, &joined, received, ledger)?;
            self.cut.extend_from_slice(rest);
        }
        Ok(())
    }

    /// Takes all whole frames; returns what is left.
    #[inline]
    fn frames<'a>(
        expected: &mut u64,
        mut bytes: &'a [u8],
        received: u64,
        ledger: &mut Ledger,
    ) -> io::Result<&'a [u8]> {
        while let Some(prefix) = bytes.first_chunk() {
            let end = PREFIX + u32::from_le_bytes(*prefix) as usize;
            let Some(body) = bytes.get(PREFIX..end) else {
                break;
            };
            ledger.message(body, received, expected)?;
            bytes = &bytes[end..];
        }
        Ok(bytes)
    }
}
