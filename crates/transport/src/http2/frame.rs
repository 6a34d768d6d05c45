//! Frames (RFC 9113 §4.1): nine bytes, and content.

use pushbench_model::theory::http2::FRAME;

/// Bytes of a frame's head.
const HEAD: usize = FRAME as usize;

/// Most bytes of content in a frame, to a peer that has not allowed more (RFC 9113 §4.2).
pub const LARGEST: usize = 16_384;

/// Types of frames that are looked at; those not known are to be read over (RFC 9113 §5.5).
pub mod kind {
    /// Content of a message.
    pub const DATA: u8 = 0;
    /// The head of a message.
    pub const HEADERS: u8 = 1;
    /// What a peer thinks is urgent.
    pub const PRIORITY: u8 = 2;
    /// One stream has ended in an error.
    pub const RST_STREAM: u8 = 3;
    /// What a peer says of itself.
    pub const SETTINGS: u8 = 4;
    /// Something that the peer would send by itself.
    pub const PUSH_PROMISE: u8 = 5;
    /// A question whether somebody is there.
    pub const PING: u8 = 6;
    /// No more streams are taken.
    pub const GOAWAY: u8 = 7;
    /// The peer may send more.
    pub const WINDOW_UPDATE: u8 = 8;
    /// More of a head.
    pub const CONTINUATION: u8 = 9;
}

/// Flags of frames.
pub mod flag {
    /// Of SETTINGS and PING: an answer.
    pub const ACK: u8 = 1;
    /// Of DATA and HEADERS: nothing follows on the stream.
    pub const END_STREAM: u8 = 1;
    /// Of HEADERS and CONTINUATION: the head is whole.
    pub const END_HEADERS: u8 = 4;
    /// Of DATA and HEADERS: the content stands among bytes that say nothing.
    pub const PADDED: u8 = 8;
    /// Of HEADERS: it says something of priorities.
    pub const PRIORITY: u8 = 32;
}

/// Names of settings.
pub mod setting {
    /// Bytes of fields that the peer may have one keep, to refer to them.
    pub const HEADER_TABLE_SIZE: u16 = 1;
    /// Whether the server may push.
    pub const ENABLE_PUSH: u16 = 2;
    /// Streams that the peer may have open at a time.
    pub const MAX_CONCURRENT_STREAMS: u16 = 3;
    /// Bytes that the peer may send on a new stream.
    pub const INITIAL_WINDOW_SIZE: u16 = 4;
    /// Bytes of content in the longest frame that the peer may send.
    pub const MAX_FRAME_SIZE: u16 = 5;
}

/// Codes of errors (RFC 9113 §7).
pub mod error {
    /// None.
    pub const NO_ERROR: u32 = 0;
    /// Something that has no place in the protocol.
    pub const PROTOCOL_ERROR: u32 = 1;
    /// More than a window allows.
    pub const FLOW_CONTROL_ERROR: u32 = 3;
    /// Something on a stream that had ended.
    pub const STREAM_CLOSED: u32 = 5;
    /// A frame that is too long, or not as long as its type is.
    pub const FRAME_SIZE_ERROR: u32 = 6;
    /// Nothing was done on a stream that was begun.
    pub const REFUSED_STREAM: u32 = 7;
    /// A head that cannot be read.
    pub const COMPRESSION_ERROR: u32 = 9;
    /// The peer asks for too much, or keeps too much waiting.
    pub const ENHANCE_YOUR_CALM: u32 = 11;
}

/// What the window of a connection is before anything is said of it, and of a stream (RFC 9113 §6.9.2).
pub const FIRST_WINDOW: u32 = 65_535;

/// The widest that a window may be (RFC 9113 §6.9.1).
pub const WIDEST_WINDOW: u32 = u32::MAX >> 1;

/// A frame whose bytes are all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// The stream that it is of; 0 is the connection.
    pub stream: u32,
    /// What is in it.
    pub content: &'a [u8],
}

/// Why bytes are no frames of HTTP/2 as they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than was allowed.
    #[error("http/2: a frame of {0} bytes, where {LARGEST} are allowed")]
    TooLong(usize),
    /// Its content does not fit what it says of itself.
    #[error("http/2: a frame of the type {0} whose content is not as it says")]
    Malformed(u8),
}

impl<'a> Frame<'a> {
    /// The frame that `bytes` begin with, and what follows; `None` when it is not whole.
    ///
    /// # Errors
    ///
    /// [`FrameError::TooLong`].
    #[inline]
    pub fn split(bytes: &'a [u8]) -> Result<Option<(Self, &'a [u8])>, FrameError> {
        let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let len = length(head);
        if len > LARGEST {
            return Err(FrameError::TooLong(len));
        }
        let Some((content, rest)) = rest.split_at_checked(len) else {
            return Ok(None);
        };
        let [_, _, _, kind, flags, a, b, c, d] = *head;
        let frame = Self {
            kind,
            flags,
            // The highest bit is reserved, and to be ignored.
            stream: u32::from_be_bytes([a, b, c, d]) & (u32::MAX >> 1),
            content,
        };
        Ok(Some((frame, rest)))
    }

    /// Its bytes, head included.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "its head is always there")]
    pub const fn len(&self) -> usize {
        HEAD + self.content.len()
    }

    /// The content without padding and, of HEADERS, without what it says of priorities.
    ///
    /// # Errors
    ///
    /// [`FrameError::Malformed`] when there is less of it than it says.
    pub fn plain(&self) -> Result<&'a [u8], FrameError> {
        let malformed = FrameError::Malformed(self.kind);
        let mut content = self.content;
        if self.flags & flag::PADDED != 0 {
            let (&padding, rest) = content.split_first().ok_or(malformed.clone())?;
            let len = rest.len().checked_sub(padding.into());
            content = &rest[..len.ok_or(malformed.clone())?];
        }
        if self.kind == kind::HEADERS && self.flags & flag::PRIORITY != 0 {
            content = content.get(5..).ok_or(malformed)?;
        }
        Ok(content)
    }

    /// The number in its first four bytes: of RST_STREAM an error, of WINDOW_UPDATE an increment behind a reserved bit.
    ///
    /// # Errors
    ///
    /// [`FrameError::Malformed`] when they are not there.
    pub fn number(&self) -> Result<u32, FrameError> {
        let number = self.content.first_chunk::<4>();
        let number = number.ok_or(FrameError::Malformed(self.kind))?;
        Ok(u32::from_be_bytes(*number))
    }
}

/// How many more bytes it takes until a frame is whole of which `bytes` are there; its head comes first.
///
/// # Errors
///
/// [`FrameError::TooLong`].
pub(crate) fn missing(bytes: &[u8]) -> Result<usize, FrameError> {
    let Some(head) = bytes.first_chunk::<HEAD>() else {
        return Ok(HEAD - bytes.len());
    };
    match length(head) {
        len if len > LARGEST => Err(FrameError::TooLong(len)),
        len => Ok((HEAD + len).saturating_sub(bytes.len())),
    }
}

fn length(&[a, b, c, ..]: &[u8; HEAD]) -> usize {
    u32::from_be_bytes([0, a, b, c]) as usize
}

/// Appends the head of a frame.
#[inline]
pub fn head(len: usize, kind: u8, flags: u8, stream: u32, out: &mut Vec<u8>) {
    let [_, a, b, c] = (len as u32).to_be_bytes();
    let [e, f, g, h] = stream.to_be_bytes();
    out.extend_from_slice(&[a, b, c, kind, flags, e, f, g, h]);
}

/// Appends a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, content: &[u8], out: &mut Vec<u8>) {
    head(content.len(), kind, flags, stream, out);
    out.extend_from_slice(content);
}

/// Appends SETTINGS.
pub fn settings(settings: &[(u16, u32)], out: &mut Vec<u8>) {
    head(6 * settings.len(), kind::SETTINGS, 0, 0, out);
    for (name, value) in settings {
        out.extend_from_slice(&name.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Appends what ends a stream in the error `code`.
pub fn reset(stream: u32, code: u32, out: &mut Vec<u8>) {
    frame(kind::RST_STREAM, 0, stream, &code.to_be_bytes(), out);
}

/// Appends what ends a connection with the error `code`: nothing was done on streams after `last`.
pub fn goaway(last: u32, code: u32, out: &mut Vec<u8>) {
    head(8, kind::GOAWAY, 0, 0, out);
    out.extend_from_slice(&last.to_be_bytes());
    out.extend_from_slice(&code.to_be_bytes());
}

/// Appends what lets the peer send `more` bytes, on a stream or, with 0, on the connection.
pub fn window_update(stream: u32, more: u32, out: &mut Vec<u8>) {
    frame(kind::WINDOW_UPDATE, 0, stream, &more.to_be_bytes(), out);
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use pushbench_model::theory::http2 as theory;

    use super::*;

    #[test]
    fn frames_are_as_long_as_formulas_say() {
        let long = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            out.len() as u64
        };
        let three = [(1, 2), (3, 4), (5, 6)];
        assert_eq!(long(&|out| settings(&three, out)), theory::settings(3));
        assert_eq!(long(&|out| window_update(1, 2, out)), theory::WINDOW_UPDATE);
        let content = [7; 50];
        assert_eq!(
            long(&|out| frame(kind::DATA, 0, 1, &content, out)),
            theory::data(50, LARGEST as u64)
        );
        assert_eq!(
            long(&|out| frame(kind::HEADERS, 0, 1, &content, out)),
            theory::headers(50)
        );
        assert_eq!(super::super::PREFACE.len() as u64, theory::PREFACE);
    }

    #[test]
    fn what_surrounds_the_content_is_taken_away() {
        let plain = |kind, flags, content: &'static [u8]| {
            let frame = Frame {
                kind,
                flags,
                stream: 1,
                content,
            };
            frame.plain()
        };
        assert_eq!(plain(kind::DATA, 0, b"\x02ab"), Ok(&b"\x02ab"[..]));
        assert_eq!(
            plain(kind::DATA, flag::PADDED, b"\x02ab\0\0"),
            Ok(&b"ab"[..])
        );
        assert_eq!(plain(kind::DATA, flag::PADDED, b"\x02\0\0"), Ok(&b""[..]));
        let both = flag::PADDED | flag::PRIORITY;
        assert_eq!(
            plain(kind::HEADERS, both, b"\x01\0\0\0\0\0x\0"),
            Ok(&b"x"[..])
        );
        for (kind, flags, content) in [
            (kind::DATA, flag::PADDED, &b""[..]),
            (kind::DATA, flag::PADDED, b"\x03ab"),
            (kind::HEADERS, flag::PRIORITY, b"abcd"),
        ] {
            assert_eq!(
                plain(kind, flags, content),
                Err(FrameError::Malformed(kind))
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            kind: u8, flags: u8, stream in 0..=u32::MAX >> 1, content: Vec<u8>, after: Vec<u8>,
        ) {
            let mut bytes = Vec::new();
            frame(kind, flags, stream, &content, &mut bytes);
            let whole = bytes.len();
            bytes.extend_from_slice(&after);
            let read = Frame { kind, flags, stream, content: &content };
            prop_assert_eq!(Frame::split(&bytes), Ok(Some((read, &after[..]))));
            prop_assert_eq!(read.len(), whole);
            for cut in 0..whole {
                prop_assert_eq!(Frame::split(&bytes[..cut]), Ok(None));
                let missing = missing(&bytes[..cut]).unwrap();
                let expected = if cut < HEAD { HEAD - cut } else { whole - cut };
                prop_assert_eq!(missing, expected);
            }
            prop_assert_eq!(missing(&bytes), Ok(0));
        }

        #[test]
        fn one_that_is_too_long_is_refused_by_its_head(len in LARGEST + 1..1 << 24, rest in vec(any::<u8>(), 6)) {
            let [_, a, b, c] = (len as u32).to_be_bytes();
            let bytes = [&[a, b, c][..], &rest].concat();
            prop_assert_eq!(Frame::split(&bytes), Err(FrameError::TooLong(len)));
            prop_assert_eq!(missing(&bytes), Err(FrameError::TooLong(len)));
        }
    }
}
