//! Reading what was compressed.

use flate2::{Decompress, FlushDecompress, Status};
use thiserror::Error;

/// Why something compressed cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InflateError {
    /// It is no stream of this kind, from its first bytes on.
    #[error("gzip: byte {got:#04x} at place {at} of the header, expected {expected:#04x}")]
    Header {
        /// The byte found.
        got: u8,
        /// Where, from 0.
        at: u8,
        /// What stands there in every header.
        expected: u8,
    },
    /// A header with flags that nobody has given a meaning.
    #[error("gzip: flags {0:#04x} in the header, of which some are reserved")]
    Flags(u8),
    /// What is read breaks the rules of the coding.
    ///
    /// What refers to something that was never sent is not noticed: the library reads zeros there, and a message of ours fails its
    /// checksum.
    #[error("deflate: the compressed bytes are broken")]
    Broken,
    /// The stream says that it ends, though a subscription does not.
    #[error("deflate: the server ended the compressed stream")]
    Ended,
    /// It becomes more than is allowed.
    #[error("deflate: a message that inflates to more than {0} bytes")]
    TooLong(usize),
}

/// Bytes that are inflated at once.
const PIECE: usize = 16 * 1024;

/// The state of a stream that is read: some 43 KiB, of which 32 KiB are what may be referred to.
pub struct Inflater(Decompress);

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Inflater").finish()
    }
}

impl Default for Inflater {
    fn default() -> Self {
        Self(Decompress::new(false))
    }
}

/// Room to inflate into, which all connections of a thread use in turn.
#[derive(Debug)]
pub(crate) struct Room(Box<[u8]>);

impl Default for Room {
    fn default() -> Self {
        Self(vec![0; 4 * PIECE].into_boxed_slice())
    }
}

impl Inflater {
    /// Forgets all it has read.
    pub fn reset(&mut self) {
        self.0.reset(false);
    }

    /// Reads on, and hands on what becomes of `bytes`, piece by piece: however much that is, no more than `room` is held.
    ///
    /// # Errors
    ///
    /// [`InflateError::Broken`] or [`InflateError::Ended`], or what `each` returned.
    pub(crate) fn feed<E: From<InflateError>>(
        &mut self,
        bytes: &[u8],
        room: &mut Room,
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = bytes;
        loop {
            let Step { used, made, then } = self.step(rest, &mut room.0);
            rest = &rest[used..];
            if made > 0 {
                each(&room.0[..made])?;
            }
            match then {
                Then::More => {}
                Then::Last => return Err(InflateError::Ended.into()),
                Then::Broken => return Err(InflateError::Broken.into()),
            }
            // The library may hold back some, at the end of its window, although there is room.
            if rest.is_empty() && made == 0 {
                return Ok(());
            }
        }
    }

    /// Appends to `out` what becomes of `bytes`, `limit` bytes in all at most. A block that says that it is the last one ends
    /// nothing (RFC 7692 §7.2.3.4): what follows it is read as a stream of its own.
    ///
    /// # Errors
    ///
    /// [`InflateError::Broken`] or [`InflateError::TooLong`].
    pub fn append(
        &mut self,
        bytes: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), InflateError> {
        let mut rest = bytes;
        loop {
            let from = out.len();
            let piece = PIECE.max(rest.len().saturating_mul(4).min(4 * PIECE));
            out.resize(from + piece, 0);
            let Step { used, made, then } = self.step(rest, &mut out[from..]);
            out.truncate(from + made);
            rest = &rest[used..];
            if out.len() > limit {
                return Err(InflateError::TooLong(limit));
            }
            let over = match then {
                Then::Broken => return Err(InflateError::Broken),
                Then::Last => {
                    self.reset();
                    true
                }
                Then::More => made == 0,
            };
            if over && rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// Reads what there is room for.
    fn step(&mut self, bytes: &[u8], room: &mut [u8]) -> Step {
        let (read, made) = (self.0.total_in(), self.0.total_out());
        let status = self.0.decompress(bytes, room, FlushDecompress::Sync);
        let used = (self.0.total_in() - read) as usize;
        let made = (self.0.total_out() - made) as usize;
        // No step forward although there is something to read: nothing would ever come of it.
        let stuck = used == 0 && made == 0 && !bytes.is_empty();
        let then = match status {
            Ok(Status::StreamEnd) => Then::Last,
            Ok(Status::Ok | Status::BufError) if !stuck => Then::More,
            Ok(Status::Ok | Status::BufError) | Err(_) => Then::Broken,
        };
        Step { used, made, then }
    }
}

/// What came of reading.
struct Step {
    used: usize,
    made: usize,
    then: Then,
}

/// What follows what was read.
enum Then {
    More,
    /// Nothing: that was the last block.
    Last,
    Broken,
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::{FLUSHED, Packer};
    use super::*;
    use crate::pieces::cuts;

    fn fed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Result<(), InflateError>) {
        let (mut inflater, mut room, mut out) = (Inflater::default(), Room::default(), Vec::new());
        let mut each = |piece: &[u8]| {
            out.extend_from_slice(piece);
            Ok::<(), InflateError>(())
        };
        let mut pieces = pieces.into_iter();
        let end = pieces.try_for_each(|piece| inflater.feed(piece, &mut room, &mut each));
        (out, end)
    }

    /// RFC 7692 §7.2.3: a message in one frame, with what came before, without compression, and with a last block.
    #[test]
    fn the_examples_of_the_rfc() {
        let hello = |inflater: &mut Inflater, payload: &[u8]| {
            let mut out = Vec::new();
            let message = [payload, &FLUSHED].concat();
            inflater.append(&message, 100, &mut out).unwrap();
            assert_eq!(out, b"Hello");
        };
        let mut inflater = Inflater::default();
        let first = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        hello(&mut inflater, &first);
        // It refers to the first.
        hello(&mut inflater, &[0xf2, 0x00, 0x11, 0x00, 0x00]);
        // Which is forgotten.
        inflater.reset();
        let mut out = Vec::new();
        let alone = [&[0xf2, 0x00, 0x11, 0x00, 0x00][..], &FLUSHED].concat();
        inflater.append(&alone, 100, &mut out).unwrap();
        assert_eq!(out, b"H\0\0\0\0");
        let stored = [
            0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
        ];
        hello(&mut Inflater::default(), &stored);
        let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        hello(&mut Inflater::default(), &last);
        let two = [
            0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
        ];
        hello(&mut Inflater::default(), &two);
    }

    #[test]
    fn a_bomb_is_cut_where_the_limit_is() {
        let mut bomb = Vec::new();
        Packer::default().whole(&vec![b'x'; 10_000_000], &mut bomb);
        assert!(bomb.len() < 20_000);
        let mut out = Vec::new();
        let error = Inflater::default().append(&bomb, 100_000, &mut out);
        assert_eq!(error, Err(InflateError::TooLong(100_000)));
        assert!(out.capacity() < 400_000, "{}", out.capacity());
    }

    #[test]
    fn a_stream_that_ends_says_so() {
        let (out, end) = fed([&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..]]);
        assert_eq!((&out[..], end), (&b"Hello"[..], Err(InflateError::Ended)));
    }

    proptest! {
        #[test]
        fn any_cut_is_read_the_same(messages in vec("[a-c]{0,300}", 0..6), cuts in cuts()) {
            let (mut packer, mut packed) = (Packer::default(), Vec::new());
            for message in &messages {
                packer.more(message.as_bytes(), &mut packed);
            }
            let (out, end) = fed(cuts.of(&packed));
            prop_assert_eq!(end, Ok(()));
            prop_assert_eq!(String::from_utf8(out).unwrap(), messages.concat());
        }

        /// Whatever comes, it is read or refused, however it is cut; no more than the limit is held.
        #[test]
        fn garbage_is_read_the_same_whatever_its_cuts(garbage in vec(any::<u8>(), 0..600), cuts in cuts()) {
            let (whole, cut) = (fed([&garbage[..]]), fed(cuts.of(&garbage)));
            prop_assert_eq!(whole, cut);
            let mut out = Vec::new();
            let _ = Inflater::default().append(&garbage, 1000, &mut out);
            prop_assert!(out.len() <= 1000 + 4 * PIECE);
        }
    }
}
