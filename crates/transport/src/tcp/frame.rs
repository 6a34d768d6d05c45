//! Frames of the floor: the length of the body as a little-endian `u32`, then the body.

use std::mem;

use thiserror::Error;

/// Bytes in front of every body.
pub const PREFIX: usize = size_of::<u32>();

/// A frame that is too long to be written or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("tcp frame: a body of {len} bytes, the limit is {limit}")]
pub struct TooLong {
    /// The length of the body.
    pub len: usize,
    /// What is allowed.
    pub limit: usize,
}

/// Appends one frame.
///
/// # Errors
///
/// [`TooLong`] if the length does not fit into the prefix; `out` is then left as it was.
pub fn encode(body: &[u8], out: &mut Vec<u8>) -> Result<(), TooLong> {
    let len = u32::try_from(body.len()).map_err(|_| TooLong {
        len: body.len(),
        limit: u32::MAX as usize,
    })?;
    out.reserve(PREFIX + body.len());
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(body);
    Ok(())
}

/// An incremental decoder: any cut of the stream into reads gives the same frames.
#[derive(Debug)]
pub struct FrameDecoder {
    /// The start of a frame that the last read cut.
    cut: Vec<u8>,
    max_message: usize,
}

impl FrameDecoder {
    /// A decoder at the start of a stream. `max_message` bounds a body.
    #[must_use]
    pub const fn new(max_message: usize) -> Self {
        Self {
            cut: Vec::new(),
            max_message,
        }
    }

    /// Whether the stream stands between two frames; it must not end elsewhere.
    #[must_use]
    pub const fn is_at_boundary(&self) -> bool {
        self.cut.is_empty()
    }

    /// Reads on, calling `on_frame` with every body that `bytes` completes.
    ///
    /// # Errors
    ///
    /// [`TooLong`] as soon as a prefix announces more than the limit; the connection is then to be
    /// dropped.
    pub fn feed(&mut self, bytes: &[u8], on_frame: &mut impl FnMut(&[u8])) -> Result<(), TooLong> {
        let mut rest = bytes;
        if !self.cut.is_empty() {
            let mut frame = mem::take(&mut self.cut);
            take(PREFIX, &mut frame, &mut rest);
            if let Some(end) = self.end(&frame)? {
                take(end, &mut frame, &mut rest);
                if frame.len() == end {
                    on_frame(&frame[PREFIX..]);
                    frame = Vec::new();
                }
            }
            self.cut = frame;
        }
        while let Some(end) = self.end(rest)? {
            let Some(body) = rest.get(PREFIX..end) else {
                break;
            };
            on_frame(body);
            rest = &rest[end..];
        }
        if !rest.is_empty() {
            self.cut.extend_from_slice(rest);
        }
        Ok(())
    }

    /// Where the frame at the start of `bytes` ends; `None` if its prefix is cut.
    #[inline]
    fn end(&self, bytes: &[u8]) -> Result<Option<usize>, TooLong> {
        let Some(prefix) = bytes.first_chunk() else {
            return Ok(None);
        };
        let len = u32::from_le_bytes(*prefix) as usize;
        if len > self.max_message {
            return Err(TooLong {
                len,
                limit: self.max_message,
            });
        }
        Ok(Some(PREFIX + len))
    }
}

/// Moves bytes from `rest` to `frame` until that has `len` bytes or no more are there.
fn take(len: usize, frame: &mut Vec<u8>, rest: &mut &[u8]) {
    let missing = len.saturating_sub(frame.len()).min(rest.len());
    let (taken, after) = rest.split_at(missing);
    frame.extend_from_slice(taken);
    *rest = after;
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::limits::MAX_MESSAGE;
    use crate::pieces::{cuts, soup};

    fn decode<'a>(
        max: usize,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Vec<Vec<u8>>, Result<bool, TooLong>) {
        let mut decoder = FrameDecoder::new(max);
        let mut frames = Vec::new();
        let result = pieces
            .into_iter()
            .try_for_each(|piece| decoder.feed(piece, &mut |body| frames.push(body.to_vec())));
        (frames, result.map(|()| decoder.is_at_boundary()))
    }

    #[test]
    fn a_frame_is_its_length_and_its_body() {
        let mut out = Vec::new();
        encode(b"hello", &mut out).unwrap();
        encode(b"", &mut out).unwrap();
        assert_eq!(out, b"\x05\0\0\0hello\0\0\0\0");
        let expected = (vec![b"hello".to_vec(), vec![]], Ok(true));
        assert_eq!(decode(MAX_MESSAGE, [&out[..]]), expected);
        assert_eq!(decode(MAX_MESSAGE, out.chunks(1)), expected);
    }

    #[test]
    fn an_end_inside_a_frame_shows() {
        let frame = b"\x01\0\0\0a";
        for cut in 1..frame.len() {
            assert_eq!(decode(MAX_MESSAGE, [&frame[..cut]]), (vec![], Ok(false)));
        }
    }

    #[test]
    fn what_was_held_is_freed() {
        let mut decoder = FrameDecoder::new(MAX_MESSAGE);
        decoder.feed(b"\x01\0\0", &mut |_| {}).unwrap();
        decoder.feed(b"\0a", &mut |_| {}).unwrap();
        assert_eq!(decoder.cut.capacity(), 0);
    }

    #[test]
    fn the_limit_is_on_the_body() {
        assert_eq!(decode(4, [b"\x04\0\0\x001234".as_slice()]).1, Ok(true));
        let error = decode(4, [b"\x05\0\0\0".as_slice()]).1.unwrap_err();
        assert_eq!(
            error.to_string(),
            "tcp frame: a body of 5 bytes, the limit is 4"
        );
        assert_eq!(decode(4, b"\x05\0\0\0".chunks(1)).1, Err(error));
    }

    const TOKENS: &[&[u8]] = &[
        b"\x01\0\0\0",
        b"\0\0\0\0",
        b"\x05\0\0\0",
        b"\0\x01\0\0",
        b"\x07",
        b"a",
        b"\0",
        b"\xFF",
    ];

    proptest! {
        #[test]
        fn any_cut_decodes_the_same(
            bytes in soup(TOKENS), max in prop_oneof![Just(MAX_MESSAGE), 0..8_usize], cuts in cuts(),
        ) {
            prop_assert_eq!(decode(max, [&bytes[..]]), decode(max, cuts.of(&bytes)));
        }

        #[test]
        fn any_cut_of_garbage_decodes_the_same(bytes: Vec<u8>, cuts in cuts()) {
            let whole = decode(MAX_MESSAGE, [&bytes[..]]);
            prop_assert_eq!(whole, decode(MAX_MESSAGE, cuts.of(&bytes)));
        }

        #[test]
        fn what_encode_writes_comes_back(
            bodies in vec(vec(any::<u8>(), 0..300), 0..6), cuts in cuts(),
        ) {
            let mut stream = Vec::new();
            for body in &bodies {
                encode(body, &mut stream).unwrap();
            }
            prop_assert_eq!(decode(MAX_MESSAGE, cuts.of(&stream)), (bodies, Ok(true)));
        }
    }
}
