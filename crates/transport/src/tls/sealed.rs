//! The server's side of a connection on the stack `bare`.

use std::io::{self, ErrorKind, IoSlice, Read as _, Write};
use std::net::TcpStream;
use std::sync::Arc;

use pushbench_sys::tcp;
use rustls::{ServerConfig, ServerConnection};

use crate::bare::{Got, Line, Room};

/// Bytes that are put into records at once: as many as messages are joined to. What the socket does not take of that is kept.
const MOST: usize = 64 * 1024;

/// A connection that is secured, or about to be.
pub(crate) struct Sealed {
    stream: TcpStream,
    tls: Box<ServerConnection>,
    /// The client has said that nothing follows.
    closed: bool,
    /// The last read found as much as there was room for.
    full: bool,
}

impl Sealed {
    /// Gives the socket what it takes of the records.
    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Socket(&self.stream)) {
                Ok(_) => {}
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(()),
                    ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(())
    }

    /// Takes `bytes` off the wire, and appends to `plain` what they carry.
    fn open(&mut self, mut bytes: &[u8], plain: &mut Vec<u8>) -> io::Result<()> {
        while !bytes.is_empty() {
            self.tls.read_tls(&mut bytes)?;
            let state = self.tls.process_new_packets().map_err(|error| {
                // What is wrong the client is told, as far as its socket takes it.
                let _ = self.flush();
                io::Error::new(ErrorKind::InvalidData, error)
            })?;
            let (from, count) = (plain.len(), state.plaintext_bytes_to_read());
            plain.resize(from + count, 0);
            self.tls.reader().read_exact(&mut plain[from..])?;
            if state.peer_has_closed() {
                self.closed = true;
                break;
            }
        }
        Ok(())
    }
}

impl Line for Sealed {
    type Guard = Arc<ServerConfig>;

    const SEALS: bool = true;

    fn new(stream: TcpStream, guard: &Arc<ServerConfig>) -> Option<Self> {
        let mut tls = ServerConnection::new(Arc::clone(guard)).ok()?;
        // It is written to only when nothing is left: what is taken at once is all that is ever kept.
        tls.set_buffer_limit(None);
        Some(Self {
            stream,
            tls: Box::new(tls),
            closed: false,
            full: false,
        })
    }

    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn receive(&mut self, room: &mut Room) -> io::Result<usize> {
        room.plain.clear();
        self.full = false;
        if !self.closed {
            let count = tcp::receive(&self.stream, &mut room.wire)?;
            self.closed = count == 0;
            self.full = count == room.wire.len();
            self.open(&room.wire[..count], &mut room.plain)?;
            self.flush()?;
        }
        Ok(room.plain.len())
    }

    fn got(&self, len: usize, _: &Room) -> Got {
        Got {
            len,
            // The end is told apart from what came before it.
            more: self.full || (self.closed && len > 0),
            end: self.closed && len == 0,
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        if self.tls.wants_write() || bytes.is_empty() {
            return Ok(0);
        }
        let bytes = &bytes[..bytes.len().min(MOST)];
        let taken = self.tls.writer().write(bytes)?;
        self.flush()?;
        Ok(taken)
    }

    fn owes(&self) -> bool {
        self.tls.wants_write()
    }

    fn finish(&mut self) {
        self.tls.send_close_notify();
        // What does not fit now goes with the rest.
        let _ = self.flush();
    }

    fn into_stream(self) -> Option<TcpStream> {
        None
    }
}

/// The socket, as rustls sees it: written to as [`tcp::send`] does.
struct Socket<'a>(&'a TcpStream);

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        tcp::send(self.0, bytes)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match pieces {
            [piece] => tcp::send(self.0, piece),
            pieces => self.0.write_vectored(pieces),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
