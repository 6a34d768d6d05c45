//! What connections are read from and written to: a socket, or TLS or a compressor above one. Which of them is known when the loop is compiled.

use std::io;
use std::net::TcpStream;

use pushbench_sys::tcp;

use super::Packing;

/// Room for one read, shared by all connections of a worker.
const READ: usize = 16 * 1024;

/// What connections of a worker read into, in turn.
#[derive(Default)]
pub(crate) struct Room {
    /// As it comes from a socket.
    pub(crate) wire: Box<[u8]>,
    /// What records contain, where there are any.
    pub(crate) plain: Vec<u8>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self {
            wire: vec![0; READ].into_boxed_slice(),
            plain: Vec::new(),
        }
    }

    /// What a read of `L` has brought: bytes of the client, `len` of them.
    #[inline]
    pub(super) fn bytes<L: Line>(&self, len: usize) -> &[u8] {
        if L::SEALS {
            &self.plain[..len]
        } else {
            &self.wire[..len]
        }
    }
}

/// What came of a read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Got {
    /// Bytes of the client.
    pub(crate) len: usize,
    /// There may be more to read; if not, more is another event.
    pub(crate) more: bool,
    /// The client has ended its side.
    pub(crate) end: bool,
}

/// One connection, without what it is used for.
pub(crate) trait Line: Sized + 'static {
    /// What those of a worker share.
    type Guard;

    /// Whether what is said is put into records, or compressed, of which some may be left when it has been taken.
    const SEALS: bool;

    /// A connection that was accepted; `None` when it cannot be had.
    fn new(stream: TcpStream, guard: &Self::Guard) -> Option<Self>;

    fn stream(&self) -> &TcpStream;

    /// Compresses what is said from now on, where it can.
    fn begin(&mut self, _packing: Packing) {}

    /// Reads once into `room`; how many bytes of the client have come.
    fn receive(&mut self, room: &mut Room) -> io::Result<usize>;

    /// What it means that a read has brought `len` bytes. Nearly always nothing more than that, and nobody asks.
    fn got(&self, len: usize, room: &Room) -> Got;

    /// Takes what the socket takes of `bytes`, and with records perhaps some more; how much that was.
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Whether something that was taken is still to be written.
    #[inline]
    fn owes(&self) -> bool {
        false
    }

    /// Says that nothing follows, where there is a way to say so.
    fn finish(&mut self) {}

    /// The socket by itself, where it can be used by itself.
    fn into_stream(self) -> Option<TcpStream>;
}

impl Line for TcpStream {
    type Guard = ();

    const SEALS: bool = false;

    #[inline]
    fn new(stream: TcpStream, (): &()) -> Option<Self> {
        Some(stream)
    }

    #[inline]
    fn stream(&self) -> &TcpStream {
        self
    }

    #[inline]
    fn receive(&mut self, room: &mut Room) -> io::Result<usize> {
        tcp::receive(&*self, &mut room.wire)
    }

    #[inline]
    fn got(&self, len: usize, room: &Room) -> Got {
        Got {
            len,
            // Less than there was room for is all there is.
            more: len == room.wire.len(),
            end: len == 0,
        }
    }

    #[inline]
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        tcp::send(&*self, bytes)
    }

    fn into_stream(self) -> Option<TcpStream> {
        Some(self)
    }
}
