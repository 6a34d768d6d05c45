//! Who is called what on either side of the link, and readdressing packets.
//!
//! The four addresses are chosen so that the 16-bit words of `CLIENT` and `FAR` have the same one's complement sum as
//! those of `SEEN` and `NEAR`. The checksums of IP, TCP and UDP are such sums over all addresses of a packet, so they
//! stay valid when one pair takes the place of the other; RFC 6296 translates prefixes on the same ground.

use std::net::Ipv4Addr;

use pushbench_model::link::Direction;

/// Address that connections through the link come from.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// Address to connect to through the link.
pub const FAR: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
/// Address that servers see such connections come from.
pub const SEEN: Ipv4Addr = Ipv4Addr::new(10, 77, 139, 78);
/// Address that servers listen on, as the contract asks.
pub const NEAR: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Bits that the addresses of the device have in common.
pub(crate) const PREFIX: u8 = 16;
/// Bits that [`FAR`] has in common with [`CLIENT`], and [`SEEN`] with an address beside it, where each direction has a
/// device of its own.
pub(crate) const SIDE_PREFIX: u8 = 24;
pub(crate) const BESIDE_SEEN: Ipv4Addr = Ipv4Addr::new(10, 77, 139, 1);

/// Bytes of the shortest IPv4 header, and where its addresses are.
const HEADER: usize = 20;
const SOURCE: usize = 12;
const DESTINATION: usize = 16;

/// Readdresses a packet for the other side, and says which way it goes. `None` for what belongs to no connection through
/// the link, such as the multicasts of a kernel that looks for routers; it is left as it is.
pub(crate) fn readdress(packet: &mut [u8]) -> Option<Direction> {
    if packet.len() < HEADER || packet[0] >> 4 != 4 {
        return None;
    }
    let address =
        |at: usize| Ipv4Addr::new(packet[at], packet[at + 1], packet[at + 2], packet[at + 3]);
    let (direction, source, destination) = match (address(SOURCE), address(DESTINATION)) {
        (CLIENT, FAR) => (Direction::Up, SEEN, NEAR),
        (NEAR, SEEN) => (Direction::Down, FAR, CLIENT),
        _ => return None,
    };
    packet[SOURCE..DESTINATION].copy_from_slice(&source.octets());
    packet[DESTINATION..HEADER].copy_from_slice(&destination.octets());
    Some(direction)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TCP: u8 = 6;
    const UDP: u8 = 17;

    fn sum(bytes: &[u8]) -> u32 {
        let words = bytes.chunks(2);
        words.fold(0, |sum, word| {
            let low = word.get(1).copied().unwrap_or(0);
            sum + u32::from(u16::from_be_bytes([word[0], low]))
        })
    }

    fn folded(mut sum: u32) -> u16 {
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    /// The sum over addresses, protocol, length and segment, which is all ones when the checksum is right.
    fn transport_sum(packet: &[u8]) -> u16 {
        let segment = &packet[HEADER..];
        folded(
            sum(&packet[SOURCE..HEADER])
                + u32::from(packet[9])
                + segment.len() as u32
                + sum(segment),
        )
    }

    fn packet(protocol: u8, from: Ipv4Addr, to: Ipv4Addr, segment: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0];
        packet.extend(from.octets());
        packet.extend(to.octets());
        packet.extend(segment);
        let length = packet.len() as u16;
        packet[2..4].copy_from_slice(&length.to_be_bytes());
        let header = !folded(sum(&packet[..HEADER]));
        packet[10..12].copy_from_slice(&header.to_be_bytes());
        let at = HEADER + if protocol == TCP { 16 } else { 6 };
        packet[at..at + 2].fill(0);
        let checksum = match !transport_sum(&packet) {
            0 => 0xffff,
            sum => sum,
        };
        packet[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
        packet
    }

    fn valid(packet: &[u8]) -> bool {
        folded(sum(&packet[..HEADER])) == 0xffff && transport_sum(packet) == 0xffff
    }

    proptest! {
        #[test]
        fn checksums_stay_valid(
            udp in any::<bool>(),
            up in any::<bool>(),
            segment in prop::collection::vec(any::<u8>(), 20..1480),
        ) {
            let (from, to, way, arrives) = if up {
                (CLIENT, FAR, Direction::Up, (SEEN, NEAR))
            } else {
                (NEAR, SEEN, Direction::Down, (FAR, CLIENT))
            };
            let mut bytes = packet(if udp { UDP } else { TCP }, from, to, &segment);
            prop_assert!(valid(&bytes));
            let before = bytes.clone();
            prop_assert_eq!(readdress(&mut bytes), Some(way));
            prop_assert!(valid(&bytes));
            prop_assert_eq!(&bytes[12..16], &arrives.0.octets()[..]);
            prop_assert_eq!(&bytes[16..20], &arrives.1.octets()[..]);
            prop_assert_eq!((&bytes[..12], &bytes[20..]), (&before[..12], &before[20..]));
        }

        #[test]
        fn what_is_not_ours_is_left_alone(mut bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let before = bytes.clone();
            prop_assert_eq!(readdress(&mut bytes), None);
            prop_assert_eq!(bytes, before);
        }
    }

    #[test]
    fn an_answer_goes_back_to_where_the_question_came_from() {
        let mut question = packet(UDP, CLIENT, FAR, b"12345678");
        assert_eq!(readdress(&mut question), Some(Direction::Up));
        let mut answer = packet(UDP, NEAR, SEEN, b"12345678");
        assert_eq!(readdress(&mut answer), Some(Direction::Down));
        assert_eq!(answer[12..16], FAR.octets());
        // One that has arrived does not cross again.
        assert_eq!(readdress(&mut answer), None);
    }
}
