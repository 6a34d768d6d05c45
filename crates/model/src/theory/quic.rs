//! Bytes of HTTP/3 and WebTransport, above UDP. No transport of this suite speaks either: nothing here is held against a
//! measurement.
//!
//! Sources: RFC 9000 §16, §17.3.1, §19.8 (QUIC), RFC 9001 §5.3 (its tag of 16 bytes), RFC 9114 §7.1 (HTTP/3), RFC 9221 §4 and RFC 9297
//! §2.1 (datagrams), draft-ietf-webtrans-http3 §4 (WebTransport). All are for what fits one packet, which is some 1200 bytes
//! until a path is known to carry more; what is longer pays for packet and frame once for each.

/// Bytes of a number less than 2^62 where its own first two bits say how long it is (RFC 9000 §16).
#[must_use]
pub fn varint(number: u64) -> u64 {
    match number {
        0..=63 => 1,
        64..=16_383 => 2,
        16_384..=1_073_741_823 => 4,
        _ => 8,
    }
}

/// A packet with a short header, as all are after the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Packet {
    /// Bytes of the receiver's connection ID, 0 to 20.
    pub connection_id: u64,
    /// Bytes of the packet number, 1 to 4.
    pub packet_number: u64,
}

impl Packet {
    /// What it adds to its frames: a byte of flags, both of these, and a tag of 16 bytes.
    #[must_use]
    pub fn overhead(self) -> u64 {
        1 + self.connection_id + self.packet_number + 16
    }
}

/// A STREAM frame with content at `offset` of its stream. Both offset and length are written out, although a frame at the start
/// of a stream may leave out the one, and the last frame of a packet the other.
#[must_use]
pub fn stream(id: u64, offset: u64, content: u64) -> u64 {
    1 + varint(id) + varint(offset) + varint(content) + content
}

/// A DATAGRAM frame, with its length.
#[must_use]
pub fn datagram(content: u64) -> u64 {
    1 + varint(content) + content
}

/// Content in one DATA frame of HTTP/3, as a part of a stream: an event of SSE is one.
#[must_use]
pub fn http3_data(content: u64) -> u64 {
    1 + varint(content) + content
}

/// What a stream of WebTransport begins with: its type (0x41 in both directions, 0x54 in one), which takes two bytes, and the
/// session's ID. Who opens a stream for every message pays it for every message.
#[must_use]
pub fn webtransport_stream(session: u64) -> u64 {
    varint(0x41) + varint(session)
}

/// A message as a datagram of WebTransport: before it stands a quarter of the session's ID, which is a multiple of four.
#[must_use]
pub fn webtransport_datagram(session: u64, body: u64) -> u64 {
    datagram(varint(session / 4) + body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::{sse_event, tcp_frame};

    const PACKET: Packet = Packet {
        connection_id: 4,
        packet_number: 1,
    };

    #[test]
    fn a_number_says_how_long_it_is() {
        for (bits, length) in [(6, 1), (14, 2), (30, 4), (62, 8)] {
            assert_eq!(varint((1 << bits) - 1), length, "below 2^{bits}");
        }
        for (bits, length) in [(6, 2), (14, 4), (30, 8)] {
            assert_eq!(varint(1 << bits), length, "2^{bits}");
        }
    }

    #[test]
    fn a_packet_is_some_twenty_bytes() {
        assert_eq!(PACKET.overhead(), 22);
        let longest = Packet {
            connection_id: 20,
            packet_number: 4,
        };
        assert_eq!(longest.overhead(), 41);
    }

    #[test]
    fn an_event_costs_three_bytes_more_than_its_lines() {
        let over = |size| http3_data(sse_event(size, 1, None, None)) - size;
        assert_eq!([64, 1024, 65_536].map(over), [8 + 3, 8 + 3, 8 + 5]);
    }

    /// Many messages on one stream have a length of their own before each.
    #[test]
    fn messages_of_webtransport() {
        let framed = tcp_frame(64);
        assert_eq!(framed - 64, 4);
        assert_eq!(stream(3, 10_000, framed) - framed, 6);
        assert_eq!(webtransport_stream(0), 3);
        assert_eq!(webtransport_stream((1 << 62) - 4), 10);
        assert_eq!(webtransport_datagram(4, 64) + PACKET.overhead(), 64 + 26);
    }
}
