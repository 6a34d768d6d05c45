//! The body of an HTTP/1.1 response in its three framings (RFC 9112, sections 6 and 7).
//!
//! Nothing is held back: data is handed on as it arrives, as slices of the input.

use thiserror::Error;

use crate::limits::{MAX_CHUNK_LINE, MAX_HEAD};

#[cfg(test)]
mod tests;

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Chunks that each carry their size; a chunk of size 0 ends the body.
    Chunked,
    /// This many bytes.
    Length(u64),
    /// Everything until the connection ends.
    UntilClose,
}

/// Why a body cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BodyError {
    /// A chunk starts without a size.
    #[error("http body: byte {0:#04x} where a chunk size starts, expected a hexadecimal digit")]
    NoChunkSize(u8),
    /// Something else than a size, an extension or a line end.
    #[error("http body: byte {0:#04x} after a chunk size, expected CR LF or \";\"")]
    AfterChunkSize(u8),
    /// A chunk size does not fit.
    #[error("http body: a chunk size of more than 64 bits")]
    ChunkSizeOverflow,
    /// A chunk-size line is too long.
    #[error("http body: a chunk-size line of more than {MAX_CHUNK_LINE} bytes")]
    LongChunkLine,
    /// A CR that no LF follows, or an LF that no CR precedes.
    #[error("http body: byte {got:#04x} {place}, expected {expected}")]
    LineEnd {
        /// The byte found.
        got: u8,
        /// Where it was found.
        place: &'static str,
        /// What should have been there.
        expected: &'static str,
    },
    /// The trailer section is too long.
    #[error("http body: a trailer section of more than {MAX_HEAD} bytes")]
    LongTrailers,
    /// The connection ended inside the body.
    #[error("http body: the connection ended {missing} bytes before the end of the body")]
    Short {
        /// How many bytes `Content-Length` announced that did not come.
        missing: u64,
    },
    /// The connection ended before the last chunk was complete.
    #[error("http body: the connection ended inside a chunked body")]
    ShortChunks,
}

/// An incremental body reader. It holds 24 bytes and no buffer.
#[derive(Debug, Clone)]
pub struct BodyDecoder {
    state: State,
    /// Bytes left of the chunk or of the body; while a size is read, its value so far.
    left: u64,
    /// Bytes so far of the chunk-size line or of the trailer section.
    line: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    /// White space after a size, which some servers pad with.
    SizePadding,
    Extension,
    SizeLf,
    Chunk,
    ChunkCr,
    ChunkLf,
    /// At the start of a trailer line, or of the empty line that ends the body.
    TrailerStart,
    Trailer,
    TrailerLf,
    LastLf,
    Length,
    UntilClose,
    Done,
}

impl BodyDecoder {
    /// A reader at the first byte after the head.
    #[must_use]
    pub const fn new(framing: Framing) -> Self {
        let (state, left) = match framing {
            Framing::Chunked => (State::Size, 0),
            Framing::Length(0) => (State::Done, 0),
            Framing::Length(length) => (State::Length, length),
            Framing::UntilClose => (State::UntilClose, 0),
        };
        Self {
            state,
            left,
            line: 0,
        }
    }

    /// Whether the body is complete; what follows belongs to the next response.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Bytes that are left of the data of the present chunk; `None` where its framing is next.
    #[must_use]
    pub(crate) fn left_in_chunk(&self) -> Option<u64> {
        (self.state == State::Chunk).then_some(self.left)
    }

    /// The data of a chunk that begins and ends within `bytes`, and how many of them it takes. `None` where anything else
    /// is next, which is for [`feed`](Self::feed). A chunk that is whole leaves nothing to remember.
    #[must_use]
    #[inline]
    pub fn whole_chunk<'a>(&self, bytes: &'a [u8]) -> Option<(&'a [u8], usize)> {
        if self.state != State::Size || self.line > 0 {
            return None;
        }
        let (size, start) = whole_chunk_line(bytes)?;
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        let data = bytes.get(start..end)?;
        bytes[end..].starts_with(b"\r\n").then_some((data, end + 2))
    }

    /// Reads on, handing every stretch of data to `on_data`, and returns how many bytes belong to
    /// this body: all of them, unless the body ends among them ([`is_done`](Self::is_done)).
    ///
    /// # Errors
    ///
    /// A [`BodyError`], or what `on_data` returned; the connection is then to be dropped.
    pub fn feed<E: From<BodyError>>(
        &mut self,
        bytes: &[u8],
        on_data: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match self.state {
                State::Done => break,
                State::UntilClose => {
                    on_data(rest)?;
                    at = bytes.len();
                }
                State::Chunk | State::Length => {
                    let taken =
                        usize::try_from(self.left).map_or(rest.len(), |n| n.min(rest.len()));
                    self.left -= taken as u64;
                    if self.left == 0 {
                        let whole = self.state == State::Length;
                        self.state = if whole { State::Done } else { State::ChunkCr };
                    }
                    on_data(&rest[..taken])?;
                    at += taken;
                }
                // A line end and a chunk size that lie whole in one read, as they nearly always do. What is cut or
                // wrong goes byte by byte.
                State::ChunkCr if rest.starts_with(b"\r\n") => {
                    self.state = State::Size;
                    at += 2;
                }
                State::Size if self.line == 0 => {
                    if let Some((size, len)) = whole_chunk_line(rest) {
                        self.left = size;
                        self.state = State::Chunk;
                        at += len;
                    } else {
                        self.state = self.framing_byte(rest[0])?;
                        at += 1;
                    }
                }
                _ => {
                    self.state = self.framing_byte(rest[0])?;
                    at += 1;
                }
            }
        }
        Ok(at)
    }

    /// To be called when the connection has ended.
    ///
    /// # Errors
    ///
    /// [`BodyError::Short`] or [`BodyError::ShortChunks`] if it ended too early.
    pub fn finish(&mut self) -> Result<(), BodyError> {
        match self.state {
            State::Done | State::UntilClose => {
                self.state = State::Done;
                Ok(())
            }
            State::Length => Err(BodyError::Short { missing: self.left }),
            _ => Err(BodyError::ShortChunks),
        }
    }

    /// One byte of a chunk-size line, of the line end after a chunk, or of the trailers. Bare LFs
    /// are refused: where two readers disagree on them, responses can be smuggled.
    #[inline]
    fn framing_byte(&mut self, byte: u8) -> Result<State, BodyError> {
        Ok(match (self.state, byte) {
            (State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.grow_chunk_line()?;
                if self.left >> 60 != 0 {
                    return Err(BodyError::ChunkSizeOverflow);
                }
                self.left = self.left << 4 | u64::from(hex(byte));
                State::Size
            }
            (State::Size, _) if self.line == 0 => return Err(BodyError::NoChunkSize(byte)),
            (State::Size | State::SizePadding | State::Extension, b'\r') => State::SizeLf,
            (State::Size | State::SizePadding, b';') => {
                self.grow_chunk_line()?;
                State::Extension
            }
            (State::Size | State::SizePadding, b' ' | b'\t') => {
                self.grow_chunk_line()?;
                State::SizePadding
            }
            (State::Size | State::SizePadding, _) => return Err(BodyError::AfterChunkSize(byte)),
            (State::Extension, b'\n') => {
                return Err(line_end(byte, "in a chunk extension", "CR LF"));
            }
            (State::Extension, _) => {
                self.grow_chunk_line()?;
                State::Extension
            }
            (State::SizeLf, b'\n') => {
                self.line = 0;
                if self.left == 0 {
                    State::TrailerStart
                } else {
                    State::Chunk
                }
            }
            (State::SizeLf, _) => return Err(line_end(byte, "after CR of a chunk size", "LF")),
            (State::ChunkCr, b'\r') => State::ChunkLf,
            (State::ChunkCr, _) => {
                return Err(line_end(byte, "after the data of a chunk", "CR LF"));
            }
            (State::ChunkLf, b'\n') => State::Size,
            (State::ChunkLf, _) => return Err(line_end(byte, "after CR of a chunk", "LF")),
            (State::TrailerStart, b'\r') => State::LastLf,
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::TrailerStart | State::Trailer, b'\n') => {
                return Err(line_end(byte, "in a trailer", "CR LF"));
            }
            (State::TrailerStart | State::Trailer, _) => {
                self.line += 1;
                if self.line as usize > MAX_HEAD {
                    return Err(BodyError::LongTrailers);
                }
                State::Trailer
            }
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::LastLf, b'\n') => State::Done,
            (State::TrailerLf | State::LastLf, _) => {
                return Err(line_end(byte, "after CR of a trailer", "LF"));
            }
            // `feed` takes these in stretches and never asks for one byte.
            (State::Chunk | State::Length | State::UntilClose | State::Done, _) => self.state,
        })
    }

    fn grow_chunk_line(&mut self) -> Result<(), BodyError> {
        self.line += 1;
        if self.line as usize > MAX_CHUNK_LINE {
            return Err(BodyError::LongChunkLine);
        }
        Ok(())
    }
}

/// A plain chunk-size line at the start of `bytes`: the size, which is not 0, and the length of the line.
#[inline]
fn whole_chunk_line(bytes: &[u8]) -> Option<(u64, usize)> {
    // More digits would need a look at overflow, and are rarer than rare.
    const DIGITS: usize = 8;
    let mut size = 0;
    for (at, &byte) in bytes.iter().enumerate().take(DIGITS + 1) {
        let digit = HEX[usize::from(byte)];
        if digit == NO_DIGIT {
            let ends = bytes[at..].starts_with(b"\r\n");
            return (ends && size > 0).then_some((size, at + 2));
        }
        size = size << 4 | u64::from(digit);
    }
    None
}

const fn line_end(got: u8, place: &'static str, expected: &'static str) -> BodyError {
    BodyError::LineEnd {
        got,
        place,
        expected,
    }
}

/// What is no hexadecimal digit.
const NO_DIGIT: u8 = 0xFF;

/// The value of every byte as a hexadecimal digit.
static HEX: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut byte = 0;
    while byte < values.len() {
        if (byte as u8).is_ascii_hexdigit() {
            values[byte] = hex(byte as u8);
        }
        byte += 1;
    }
    values
};

const fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        // Upper and lower case differ in this bit only.
        _ => (digit | 0x20) - b'a' + 10,
    }
}
