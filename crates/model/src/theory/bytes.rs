//! The bytes each transport must put on the wire, as formulas.
//!
//! Sources: RFC 6455 §5.2 (WebSocket framing), RFC 9112 §7.1 (chunked coding), WHATWG HTML §9.2 (event stream),
//! RFC 8446 §5 (TLS records), RFC 9293 and RFC 7323 (TCP and its time stamps), IEEE 802.3 (Ethernet).

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

/// A WebSocket frame from client to server: the same header, and the 4 bytes of its mask (RFC 6455 §5.3).
#[must_use]
pub fn websocket_client_frame(body: u64) -> u64 {
    websocket_server_frame(body) + 4
}

/// A line of JSON: the body and LF.
#[must_use]
pub fn json_line(body: u64) -> u64 {
    body + 1
}

/// An event of a `text/event-stream`: `data: ` before and LF after each of `lines` lines, and an empty line; with an
/// id, `id: ` digits LF; with an event name, `event: ` name LF.
#[must_use]
pub fn sse_event(body: u64, lines: u64, id: Option<u64>, event_name: Option<u64>) -> u64 {
    // The LF between the lines of a body is replaced by the LF that ends each data line.
    let data = body + 6 * lines + 2;
    data + id.map_or(0, |id| 5 + decimal_digits(id)) + event_name.map_or(0, |name| 8 + name)
}

/// A comment of a `text/event-stream`, as servers send to keep a connection alive: `: ` before, LF after its text, and an
/// empty line.
#[must_use]
pub fn sse_comment(text: u64) -> u64 {
    text + 4
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

/// What a record of TLS 1.3 adds to its content: a header of 5 bytes, a type of 1 and a tag of 16 (RFC 8446 §5.2, with an AEAD
/// of 16 bytes' tag and no padding).
pub const TLS_RECORD: u64 = 5 + 1 + 16;

/// Most bytes of content that a record holds (RFC 8446 §5.1).
pub const TLS_LARGEST: u64 = 16_384;

/// Bytes in TLS 1.3 records, as few as hold them.
#[must_use]
pub fn tls_records(bytes: u64) -> u64 {
    tls_stream(bytes, bytes.div_ceil(TLS_LARGEST))
}

/// Bytes of a stream that was sent in so many records of TLS 1.3, without those of the handshake and of tickets.
#[must_use]
pub fn tls_stream(bytes: u64, records: u64) -> u64 {
    bytes + TLS_RECORD * records
}

/// Segments that carry `bytes`, of at most `largest` bytes each.
#[must_use]
pub fn segments(bytes: u64, largest: u64) -> u64 {
    bytes.div_ceil(largest)
}

/// What a segment of TCP over IPv4, with time stamps, costs on an Ethernet besides its payload: headers of 20, 20 and 12
/// bytes; the frame's 14 and its checksum of 4; preamble of 8 and gap of 12.
pub const ETHERNET_SEGMENT: u64 = 20 + 20 + 12 + 14 + 4 + 8 + 12;

/// Bytes that a message of `bytes` above TCP takes of an Ethernet, with segments of at most `largest` bytes and `acks`
/// acknowledgements without payload.
#[must_use]
pub fn ethernet(bytes: u64, largest: u64, acks: u64) -> u64 {
    bytes + ETHERNET_SEGMENT * (segments(bytes, largest) + acks)
}

/// Characters of base64 that carry `bytes`, padding included (RFC 4648 §4).
#[must_use]
pub fn base64(bytes: u64) -> u64 {
    bytes.div_ceil(3) * 4
}

/// Bytes that a sign of life takes on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Server to client.
    pub down: u64,
    /// Client to server, which is where it is answered.
    pub up: u64,
}

impl Heartbeat {
    /// On streams of `transport`: an empty comment or an empty line in a chunk of its own, or a ping and its pong. `None` where there
    /// are no streams, or no such thing.
    #[must_use]
    pub fn of(transport: &str) -> Option<Self> {
        let (down, up) = match transport {
            "sse" => (chunk(sse_comment(0)), 0),
            "ndjson" => (chunk(json_line(0)), 0),
            "websocket" => (websocket_server_frame(0), websocket_client_frame(0)),
            _ => return None,
        };
        Some(Self { down, up })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::http2;

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
        let sizes = [64, 1024, 65_536];
        assert_eq!(sizes.map(|size| tcp_frame(size) - size), [4; 3]);
        let masked = sizes.map(|size| websocket_client_frame(size) - size);
        assert_eq!(masked, [6, 8, 14]);
        // A ping and its pong are frames as all others.
        assert_eq!(
            (websocket_server_frame(9), websocket_client_frame(9)),
            (11, 15)
        );
        let lines = sizes.map(|size| chunk(json_line(size)) - size);
        assert_eq!(lines, [7, 8, 10]);
        let closed = sizes.map(|size| sse_event(size, 1, None, None) - size);
        assert_eq!(closed, [8; 3], "a response that ends with its connection");
        let sse = sizes.map(|size| chunk(sse_event(size, 1, None, None)) - size);
        assert_eq!(sse, [14, 15, 17]);
        let plain = sse_event(64, 1, None, None);
        assert_eq!(sse_event(64, 1, Some(123), None) - plain, 5 + 3);
        assert_eq!(sse_event(64, 1, None, Some(7)) - plain, 8 + 7);
        assert_eq!(sse_event(64, 3, None, None) - plain, 2 * 6);
        assert_eq!(chunk(sse_comment(0)), "4\r\n: \n\n\r\n".len() as u64);
    }

    /// A message that is polled for over TLS pays for two ways, and with the heads of a browser for them.
    #[test]
    fn on_an_ethernet_a_poll_costs_twice_to_four_times_a_pushed_message() {
        let cost = |up, down| {
            let [up, down] = [up, down].map(|bytes| ethernet(tls_records(bytes), 1448, 0));
            // The poll was held: it has an acknowledgement of its own.
            up + down + ETHERNET_SEGMENT
        };
        assert_eq!(cost(677, 133 + 64), 1188);
        let answer = http2::headers(9) + http2::data(64, 16_384);
        assert_eq!(cost(http2::headers(132), answer), 546);
    }

    /// A small secured message on an Ethernet: framing is a few per cent of it.
    #[test]
    fn on_an_ethernet_the_framing_hardly_shows() {
        let cost = |above_tls| ethernet(tls_records(above_tls), 1448, 1);
        let websocket = cost(websocket_server_frame(64));
        let sse = cost(chunk(sse_event(64, 1, None, None)));
        let sse_http2 = cost(http2::data(sse_event(64, 1, None, None), 16_384));
        assert_eq!((websocket, sse, sse_http2), (268, 280, 283));
    }

    #[test]
    fn signs_of_life() {
        let of = |transport| Heartbeat::of(transport).map(|one| (one.down, one.up));
        assert_eq!(of("sse"), Some((9, 0)));
        assert_eq!(of("ndjson"), Some((6, 0)));
        assert_eq!(of("websocket"), Some((2, 6)));
        assert_eq!((of("long-poll"), of("tcp")), (None, None));
    }

    #[test]
    fn whatever_begins_a_frame_a_record_or_a_segment_pays_for_it() {
        assert_eq!((tls_records(1), tls_records(16_385)), (23, 16_385 + 44));
        assert_eq!((tls_stream(0, 0), tls_stream(300, 3)), (0, 366));
        assert_eq!((segments(1448, 1448), segments(1449, 1448)), (1, 2));
        assert_eq!((base64(0), base64(1), base64(3), base64(4)), (0, 4, 4, 8));
        assert_eq!(websocket_client_frame(126), 126 + 8);
    }
}
