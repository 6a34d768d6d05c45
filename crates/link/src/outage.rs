//! Connections whose network is gone: of their packets none enters the link any more, in either direction.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pushbench_model::deaths::Deaths;
use pushbench_model::link::Direction;

/// Which clients of a link have lost their network, by port. Clones are of the same link.
#[derive(Clone, Default)]
pub struct Outage(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Whether there are any: nearly always there are none, and then this is all that a packet costs.
    any: AtomicBool,
    ports: Mutex<Deaths>,
}

impl fmt::Debug for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.ports().len();
        f.debug_struct("Outage").field("ports", &ports).finish()
    }
}

/// Those of a trial; they have their network back when this is dropped.
#[derive(Debug)]
#[must_use = "they have their network back when this is dropped"]
pub struct Until(Outage);

impl Drop for Until {
    fn drop(&mut self) {
        self.0.set(BTreeMap::new());
    }
}

impl Outage {
    /// From the time that `deaths` gives for a port on, no packet from or to it enters the link, until what is returned is
    /// dropped. In place of those who were gone before.
    pub fn begin(&self, deaths: Deaths) -> Until {
        self.set(deaths);
        Until(self.clone())
    }

    fn set(&self, deaths: Deaths) {
        let any = !deaths.is_empty();
        *self.ports() = deaths;
        self.0.any.store(any, Ordering::Release);
    }

    fn ports(&self) -> std::sync::MutexGuard<'_, Deaths> {
        // Nothing is done under it that could leave it half done.
        self.0.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a packet of `direction` that comes at `now` is one of theirs.
    #[inline]
    pub(crate) fn has(
        &self,
        packet: &[u8],
        direction: Direction,
        now: impl FnOnce() -> u64,
    ) -> bool {
        if !self.0.any.load(Ordering::Acquire) {
            return false;
        }
        let died = client_port(packet, direction).and_then(|port| self.ports().get(&port).copied());
        died.is_some_and(|died| died <= now())
    }
}

/// Bytes of the shortest IPv4 header, and the protocol numbers of TCP and UDP.
const HEADER: usize = 20;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// The port of the client in an IPv4 packet of TCP or UDP; none in a later fragment, or in what is cut short.
fn client_port(packet: &[u8], direction: Direction) -> Option<u16> {
    let first = *packet.first()?;
    let words = usize::from(first & 0x0f);
    let protocol = *packet.get(9)?;
    let later = packet[6] & 0x1f != 0 || packet[7] != 0;
    if first >> 4 != 4 || words * 4 < HEADER || !matches!(protocol, TCP | UDP) || later {
        return None;
    }
    let at = words * 4
        + match direction {
            Direction::Up => 0,
            Direction::Down => 2,
        };
    let bytes = packet.get(at..at + 2)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(words: u8, protocol: u8, fragment: [u8; 2], ports: [u16; 2]) -> Vec<u8> {
        let mut packet = vec![0; usize::from(words) * 4];
        packet[0] = 0x40 | words;
        packet[6..8].copy_from_slice(&fragment);
        packet[9] = protocol;
        packet.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
        packet
    }

    proptest! {
        /// Whatever comes through the device, it is looked at within its bounds.
        #[test]
        fn any_bytes_are_looked_at(bytes in prop::collection::vec(any::<u8>(), 0..80), up: bool) {
            let direction = if up { Direction::Up } else { Direction::Down };
            if client_port(&bytes, direction).is_some() {
                prop_assert!(bytes.len() >= HEADER + 2);
            }
        }

        #[test]
        fn ports_are_where_they_are_whatever_the_options(words in 5_u8..16, from: u16, to: u16, udp: bool) {
            let packet = packet(words, if udp { UDP } else { TCP }, [0x40, 0], [from, to]);
            prop_assert_eq!(client_port(&packet, Direction::Up), Some(from));
            prop_assert_eq!(client_port(&packet, Direction::Down), Some(to));
            for cut in 0..packet.len() - 2 {
                prop_assert_eq!(client_port(&packet[..cut], Direction::Down), None);
            }
        }
    }

    #[test]
    fn what_has_no_ports_has_none() {
        for packet in [
            packet(5, 1, [0, 0], [7, 8]),
            packet(5, TCP, [0, 1], [7, 8]),
            packet(5, TCP, [0x20, 0x10], [7, 8]),
        ] {
            assert_eq!(client_port(&packet, Direction::Up), None);
        }
        let mut short = packet(5, TCP, [0, 0], [7, 8]);
        short[0] = 0x44;
        assert_eq!(client_port(&short, Direction::Up), None);
    }

    #[test]
    fn the_dead_are_gone_from_their_time_on_and_until_it_is_over() {
        let outage = Outage::default();
        let (dying, other) = (
            packet(5, TCP, [0, 0], [40_001, 80]),
            packet(5, TCP, [0, 0], [40_002, 80]),
        );
        let up = |packet: &[u8], now| outage.has(packet, Direction::Up, || now);
        assert!(!up(&dying, 2000));
        let until = outage.clone().begin(Deaths::from([(40_001, 1000)]));
        assert_eq!(
            [999, 1000, 5000].map(|now| up(&dying, now)),
            [false, true, true]
        );
        let back = packet(5, TCP, [0, 0], [80, 40_001]);
        assert!(outage.has(&back, Direction::Down, || 1000));
        assert!(!up(&other, 5000) && !up(&back, 5000));
        drop(until);
        assert!(!up(&dying, 5000));
    }
}
