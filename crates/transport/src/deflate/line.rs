//! A connection on the stack `bare` that has a compressor of its own: what differs per connection is made per connection, between
//! the frames that all share and the socket.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::TcpStream;

use pushbench_sys::tcp;

use crate::bare::{Got, Line, Packing, Room};
use crate::stream::bare::{chunk, content};
use crate::websocket::frame::{Opcode, encode_deflated, whole_frame};

use super::{FLUSHED, Packer};

/// A connection that is compressed once it has been agreed on.
pub(crate) struct Packed {
    stream: TcpStream,
    packing: Option<(Packing, Box<Packer>)>,
    /// What the socket has not taken of what was said.
    owed: Vec<u8>,
}

#[derive(Default)]
struct Scratch {
    content: Vec<u8>,
    packed: Vec<u8>,
    wire: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Packed {
    /// Gives the socket what it takes of what is owed.
    fn flush(&mut self) -> io::Result<()> {
        let mut sent = 0;
        while sent < self.owed.len() {
            match tcp::send(&self.stream, &self.owed[sent..]) {
                Ok(taken) => sent += taken,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => break,
                    ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
        if sent == self.owed.len() {
            // What was held is freed.
            self.owed = Vec::new();
        } else {
            self.owed.drain(..sent);
        }
        Ok(())
    }

    /// Gives the socket what it takes of `wire`, and keeps the rest.
    fn write(&mut self, wire: &[u8]) -> io::Result<()> {
        let mut rest = wire;
        while !rest.is_empty() {
            match tcp::send(&self.stream, rest) {
                Ok(taken) => rest = &rest[taken..],
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => break,
                    ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
        self.owed.extend_from_slice(rest);
        Ok(())
    }
}

impl Scratch {
    /// Puts into `wire` what goes over it for `frames`, which are whole: one flush for all that is written together, or a frame
    /// for each message.
    fn pack(&mut self, frames: &[u8], packing: Packing, packer: &mut Packer) {
        self.content.clear();
        self.packed.clear();
        self.wire.clear();
        match packing {
            Packing::Content => packer.more(frames, &mut self.wire),
            Packing::Chunks => {
                let mut rest = frames;
                while !rest.is_empty() {
                    let (whole, after) = first_chunk(rest);
                    self.content.extend_from_slice(&whole[content(whole)]);
                    rest = after;
                }
                packer.more(&self.content, &mut self.packed);
                chunk(&self.packed, false, &mut self.wire);
            }
            Packing::Frames => {
                let mut rest = frames;
                while let Some((opcode, payload, len)) = whole_frame(rest) {
                    let (frame, after) = rest.split_at(len);
                    rest = after;
                    if opcode.is_control() {
                        self.wire.extend_from_slice(frame);
                        continue;
                    }
                    self.pack_frame(opcode, payload, packer);
                }
            }
        }
    }

    fn pack_frame(&mut self, opcode: Opcode, payload: &[u8], packer: &mut Packer) {
        self.packed.clear();
        packer.more(payload, &mut self.packed);
        let len = self.packed.len() - FLUSHED.len();
        encode_deflated(opcode, &self.packed[..len], &mut self.wire);
    }
}

/// The chunk at the start of `bytes`, which are whole chunks of our own, and what follows it.
fn first_chunk(bytes: &[u8]) -> (&[u8], &[u8]) {
    let line = memchr::memchr(b'\r', bytes).unwrap_or(bytes.len());
    let size = str::from_utf8(&bytes[..line])
        .ok()
        .and_then(|digits| usize::from_str_radix(digits, 16).ok());
    let end = size.map_or(bytes.len(), |size| line + size + 4);
    bytes.split_at(end.min(bytes.len()))
}

impl Line for Packed {
    type Guard = ();

    const SEALS: bool = true;

    fn new(stream: TcpStream, (): &()) -> Option<Self> {
        Some(Self {
            stream,
            packing: None,
            owed: Vec::new(),
        })
    }

    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn begin(&mut self, packing: Packing) {
        self.packing = Some((packing, Box::default()));
    }

    fn receive(&mut self, room: &mut Room) -> io::Result<usize> {
        let count = tcp::receive(&self.stream, &mut room.wire)?;
        room.plain.clear();
        room.plain.extend_from_slice(&room.wire[..count]);
        Ok(count)
    }

    fn got(&self, len: usize, room: &Room) -> Got {
        Got {
            len,
            more: len == room.wire.len(),
            end: len == 0,
        }
    }

    /// All of `bytes` or nothing: what is compressed once cannot be taken back, nor cut into frames again.
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        if !self.owed.is_empty() || bytes.is_empty() {
            return Ok(0);
        }
        let Some((packing, mut packer)) = self.packing.take() else {
            return self.write(bytes).map(|()| bytes.len());
        };
        let written = SCRATCH.with_borrow_mut(|scratch| {
            scratch.pack(bytes, packing, &mut packer);
            self.write(&scratch.wire)
        });
        self.packing = Some((packing, packer));
        written.map(|()| bytes.len())
    }

    fn owes(&self) -> bool {
        !self.owed.is_empty()
    }

    fn into_stream(self) -> Option<TcpStream> {
        None
    }
}
