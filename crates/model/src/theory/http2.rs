//! Bytes of HTTP/2: frames of 9 bytes and content (RFC 9113 §4.1), and what a message costs in them.
//!
//! Header blocks are compressed by what both ends have seen before (RFC 7541), so how long one is depends on the connection: it is
//! given. Those of the first request are several times as long as those that follow.

use super::{websocket_client_frame, websocket_server_frame};

/// Header of every frame.
pub const FRAME: u64 = 9;

/// What a client's connection begins with, before its SETTINGS (RFC 9113 §3.4).
pub const PREFACE: u64 = 24;

/// A frame that lets the peer send more (RFC 9113 §6.9).
pub const WINDOW_UPDATE: u64 = FRAME + 4;

/// Content in DATA frames of at most `largest` bytes of content each: 16,384 unless the peer allows more (RFC 9113 §4.2).
#[must_use]
pub fn data(content: u64, largest: u64) -> u64 {
    content + FRAME * content.div_ceil(largest).max(1)
}

/// A header block that fits one frame.
#[must_use]
pub fn headers(block: u64) -> u64 {
    FRAME + block
}

/// A SETTINGS frame: 6 bytes for each (RFC 9113 §6.5.1). Its acknowledgement has none.
#[must_use]
pub fn settings(number: u64) -> u64 {
    FRAME + 6 * number
}

/// A WebSocket frame from server to client on a stream of HTTP/2 (RFC 8441 §5), in a DATA frame of its own.
#[must_use]
pub fn websocket_server(body: u64, largest: u64) -> u64 {
    data(websocket_server_frame(body), largest)
}

/// The same from client to server, masked as ever.
#[must_use]
pub fn websocket_client(body: u64, largest: u64) -> u64 {
    data(websocket_client_frame(body), largest)
}

/// A poll and its answer with `content`: two header blocks, and the content.
#[must_use]
pub fn poll(request_block: u64, response_block: u64, content: u64, largest: u64) -> u64 {
    headers(request_block) + headers(response_block) + data(content, largest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::{json_line, sse_event};

    const LARGEST: u64 = 16_384;
    const SIZES: [u64; 3] = [64, 1024, 65_536];

    #[test]
    fn each_frame_of_a_long_message_has_its_header() {
        assert_eq!(data(0, LARGEST), 9, "an empty frame that ends a stream");
        assert_eq!(data(16_384, LARGEST), 16_384 + 9);
        assert_eq!(data(16_385, LARGEST), 16_385 + 18);
        let sse = SIZES.map(|size| data(sse_event(size, 1, None, None), LARGEST) - size);
        assert_eq!(sse, [17, 17, 53]);
        let lines = SIZES.map(|size| data(json_line(size), LARGEST) - size);
        assert_eq!(lines, [10, 10, 46]);
    }

    #[test]
    fn a_websocket_frame_pays_for_both_framings() {
        let [small, large, _] = SIZES;
        let down = [small, large].map(|size| websocket_server(size, LARGEST) - size);
        let up = [small, large].map(|size| websocket_client(size, LARGEST) - size);
        assert_eq!((down, up), ([11, 13], [15, 17]));
    }

    /// Header blocks as a library makes them when it has seen such requests before, bare and with those of a browser.
    #[test]
    fn compressed_heads_make_polls_cheap() {
        let over = |request, size| poll(request, 9, size, LARGEST) - size;
        assert_eq!((over(27, 64), over(27, 1024)), (63, 63));
        assert_eq!(over(132, 64), 168);
    }

    #[test]
    fn a_connection_begins_with_settings() {
        // A client's with three, and a window; a server's with five, and what acknowledges the client's.
        assert_eq!(PREFACE + settings(3) + WINDOW_UPDATE, 24 + 27 + 13);
        assert_eq!(settings(5) + settings(0), 30 + 9 + 9);
    }
}
