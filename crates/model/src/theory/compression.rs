//! Bytes of compressed messages. What a compressor makes of a text depends on the text, and is given; what framing adds does
//! not: trials hold frames and chunks against it, around the lengths that came.
//!
//! After each message the compressor is flushed, so that the receiver can read it: an empty block that is stored, `00 00 FF FF` behind
//! its header. A WebSocket leaves these four bytes out (RFC 7692 §7.2.1); an HTTP response that is coded with gzip sends them.

use super::{chunk, websocket_server_frame};

/// Most bytes of a block that is stored as it is (RFC 1951 §3.2.4).
const STORED_LARGEST: u64 = 65_535;

/// Header of a stored block where it begins with a byte: bits that are filled up, a length, and its complement.
const STORED: u64 = 1 + 2 + 2;

/// What a compressor makes of `bytes` that cannot be made shorter, with the flush: all stored as it is, and an empty block.
#[must_use]
pub fn incompressible(bytes: u64) -> u64 {
    bytes + STORED * bytes.div_ceil(STORED_LARGEST) + STORED
}

/// A WebSocket frame from server to client with permessage-deflate, of a message that is `flushed` bytes long with the flush.
#[must_use]
pub fn websocket_deflated(flushed: u64) -> u64 {
    websocket_server_frame(flushed.saturating_sub(4))
}

/// An event in a chunked response that is compressed as a whole and flushed after each, `flushed` bytes of it.
#[must_use]
pub fn chunk_deflated(flushed: u64) -> u64 {
    chunk(flushed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::sse_event;

    /// What zlib makes of 200 random bytes, over a WebSocket and as an event.
    #[test]
    fn what_cannot_be_compressed_is_longer() {
        assert_eq!(websocket_deflated(incompressible(200)), 210);
        let event = sse_event(200, 1, None, None);
        assert_eq!(chunk_deflated(incompressible(event)), 224);
        let two_blocks = incompressible(65_536) - incompressible(65_535);
        assert_eq!(two_blocks, 1 + 5);
    }

    /// Two bytes of chunk size, two line ends, and the end of the flush, less the two bytes of the frame.
    #[test]
    fn an_event_costs_eight_bytes_more_than_a_frame_of_the_same_text() {
        for flushed in [16, 25, 129] {
            let more = chunk_deflated(flushed) - websocket_deflated(flushed);
            assert_eq!(more, 8, "{flushed}");
        }
        assert_eq!(websocket_deflated(4), 2, "an empty message");
    }
}
