//! The receiver that all servers share: it counts the ends of bodies, and polls again where its transport must.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use socket2::SockRef;

use crate::wire::{BODY_END, Wire};

/// After so long without a byte a message is lost. Tools make a server slow, but not so slow.
const SILENCE: Timespec = Timespec {
    tv_sec: 60,
    tv_nsec: 0,
};

/// Many connections to one server.
pub(super) struct Sink {
    wire: Wire,
    address: SocketAddr,
    epoll: OwnedFd,
    events: Vec<Event>,
    buffer: Vec<u8>,
    connections: Vec<Connection>,
    /// Bodies received on all connections.
    bodies: u64,
    traffic: Traffic,
}

/// TCP payload bytes on all connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// From server to client.
    pub down: u64,
    /// From client to server.
    pub up: u64,
}

struct Connection {
    stream: TcpStream,
    bodies: u64,
}

impl Sink {
    pub(super) fn connect(wire: Wire, address: SocketAddr, count: usize) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(count);
        for number in 0..count as u64 {
            let mut stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            subscribe(&mut stream, wire)?;
            if let Some(request) = wire.ask(0) {
                stream.write_all(&request)?;
            }
            stream.set_nonblocking(true)?;
            epoll::add(&epoll, &stream, EventData::new_u64(number), EventFlags::IN)?;
            connections.push(Connection { stream, bodies: 0 });
        }
        Ok(Self {
            wire,
            address,
            epoll,
            events: Vec::with_capacity(1024),
            buffer: vec![0; 64 * 1024],
            connections,
            bodies: 0,
            traffic: Traffic::default(),
        })
    }

    /// Waits until every connection has received `messages` messages since the first.
    pub(super) fn wait_for(&mut self, messages: u64) -> io::Result<()> {
        while self.bodies < messages * self.connections.len() as u64 {
            let silence = Some(&SILENCE);
            let ready = epoll::wait(&self.epoll, spare_capacity(&mut self.events), silence)?;
            if ready == 0 {
                return Err(io::Error::other(format!(
                    "nothing arrived for {} s, and {} deliveries are missing",
                    SILENCE.tv_sec,
                    messages * self.connections.len() as u64 - self.bodies
                )));
            }
            for event in self.events.drain(..) {
                let connection = &mut self.connections[event.data.u64() as usize];
                let read = connection.stream.read(&mut self.buffer)?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.traffic.down += read as u64;
                let bytes = &self.buffer[..read];
                let bodies = bytes.iter().filter(|&&byte| byte == BODY_END).count() as u64;
                connection.bodies += bodies;
                self.bodies += bodies;
                if bodies > 0
                    && let Some(request) = self.wire.ask(connection.bodies)
                {
                    connection.stream.write_all(&request)?;
                    self.traffic.up += request.len() as u64;
                }
            }
        }
        Ok(())
    }

    /// Opens a connection besides, waits for the answer, and resets it: a reset leaves no TIME_WAIT behind, of which there
    /// would soon be more than there are ports.
    pub(super) fn set_up(&self) -> io::Result<()> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        subscribe(&mut stream, self.wire)?;
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))
    }

    /// What travelled since the first message was awaited.
    pub(super) fn traffic(&self) -> Traffic {
        self.traffic
    }
}

/// Sends the opening and waits for the whole answer.
pub(super) fn subscribe(stream: &mut TcpStream, wire: Wire) -> io::Result<()> {
    stream.write_all(&wire.opening())?;
    let (mut answer, mut buffer) = (Vec::new(), [0; 1024]);
    while wire.answer_len(&answer).is_none() {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(&buffer[..read]);
    }
    Ok(())
}
