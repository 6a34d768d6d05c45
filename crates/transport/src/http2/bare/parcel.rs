//! What one write takes: what a connection owes, and the frames of all of its streams behind it.

use crate::http2::frame::{self, kind};

use super::stream::Place;

/// Bytes for one write of a connection, and whose they are.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    pub(super) bytes: Vec<u8>,
    /// Bytes before the frames.
    pub(super) owed: usize,
    pub(super) pieces: Vec<Piece>,
}

/// A frame with content in a parcel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// Which of the streams it is of.
    pub(super) stream: usize,
    /// Where that was before.
    pub(super) place: Place,
    /// Bytes of content.
    pub(super) len: usize,
    /// Where it ends in the parcel.
    pub(super) end: usize,
}

impl Parcel {
    /// Begins anew, with what goes out before any frame.
    #[inline]
    pub(super) fn begin(&mut self, owed: [&[u8]; 2]) {
        self.bytes.clear();
        self.pieces.clear();
        for bytes in owed {
            self.bytes.extend_from_slice(bytes);
        }
        self.owed = self.bytes.len();
    }

    /// Appends a frame of the stream `number`.
    #[inline]
    pub(super) fn data(&mut self, stream: usize, number: u32, place: Place, content: &[u8]) {
        frame::head(content.len(), kind::DATA, 0, number, &mut self.bytes);
        self.bytes.extend_from_slice(content);
        self.pieces.push(Piece {
            stream,
            place,
            len: content.len(),
            end: self.bytes.len(),
        });
    }
}
