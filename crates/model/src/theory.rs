//! The bytes each transport must put on the wire above TCP, as formulas.
//!
//! Sources: RFC 6455 §5.2 (WebSocket framing), RFC 9112 §7.1 (chunked coding), WHATWG HTML §9.2 (event stream).

/// Decimal digits of `n`.
#[must_use]
pub fn decimal_digits(n: u64) -> u64 {
    u64::from(n.checked_ilog10().unwrap_or(0)) + 1
}

/// Hexadecimal digits of `n`.
#[must_use]
pub fn hex_digits(n: u64) -> u64 {
    u64::from(n.checked_ilog2().unwrap_or(0)) / 4 + 1
}

/// A length-prefixed frame: a 4-byte length, then the body.
#[must_use]
pub fn tcp_frame(body: u64) -> u64 {
    4 + body
}

/// A WebSocket frame from server to client (not masked): header of 2 bytes up to 125 bytes of body, 4 up to 65,535,
/// 10 beyond (RFC 6455 §5.2).
#[must_use]
pub fn websocket_server_frame(body: u64) -> u64 {
    let header = match body {
        0..=125 => 2,
        126..=65_535 => 4,
        _ => 10,
    };
    header + body
}

/// An event of a `text/event-stream`: `data: ` before and LF after each of `lines` lines, and an empty line; with an
/// id, `id: ` digits LF; with an event name, `event: ` name LF.
#[must_use]
pub fn sse_event(body: u64, lines: u64, id: Option<u64>, event_name: Option<u64>) -> u64 {
    // The LF between the lines of a body is replaced by the LF that ends each data line.
    let data = body + 6 * lines + 2;
    data + id.map_or(0, |id| 5 + decimal_digits(id)) + event_name.map_or(0, |name| 8 + name)
}

/// A chunk of the chunked coding: size in hex, CRLF, content, CRLF (RFC 9112 §7.1).
#[must_use]
pub fn chunk(content: u64) -> u64 {
    hex_digits(content) + 4 + content
}

/// A long-poll answer: its head, and every body followed by LF.
#[must_use]
pub fn long_poll_response(head: u64, bodies: u64, messages: u64) -> u64 {
    head + bodies + messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits() {
        for n in [
            0u64,
            1,
            9,
            10,
            99,
            100,
            15,
            16,
            255,
            256,
            4095,
            4096,
            u64::MAX,
        ] {
            assert_eq!(decimal_digits(n), n.to_string().len() as u64);
            assert_eq!(hex_digits(n), format!("{n:x}").len() as u64);
        }
    }

    #[test]
    fn known_overheads() {
        assert_eq!(websocket_server_frame(125) - 125, 2);
        assert_eq!(websocket_server_frame(126) - 126, 4);
        assert_eq!(websocket_server_frame(65_535) - 65_535, 4);
        assert_eq!(websocket_server_frame(65_536) - 65_536, 10);
        let sse = |p| chunk(sse_event(p, 1, None, None)) - p;
        assert_eq!((sse(64), sse(1024), sse(65_536)), (14, 15, 17));
    }
}
