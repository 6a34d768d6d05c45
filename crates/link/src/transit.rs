//! Packets on their way.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use pushbench_model::link::Direction;

/// Room for a packet; the device's largest is 1500 bytes.
pub(crate) const ROOM: usize = 2048;
/// Packets that may be on their way at once. A link of 10 s and without a rate would take any number otherwise.
const MOST: usize = 1 << 16;

/// A packet, in a buffer that is used again.
pub(crate) type Buffer = Box<[u8; ROOM]>;

/// Packets that wait for the time they leave at, and empty buffers.
#[derive(Default)]
pub(crate) struct Transit {
    waiting: BinaryHeap<Reverse<Waiting>>,
    empty: Vec<Buffer>,
    entered: u64,
}

/// One of them: the first to leave is the least, and of those that leave together the first that came.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    leaves_ns: u64,
    number: u64,
    packet: Packet,
}

/// A packet and which way it goes.
pub(crate) struct Packet {
    pub(crate) buffer: Buffer,
    pub(crate) length: usize,
    pub(crate) direction: Direction,
}

/// Numbers are all different, so nobody gets as far as comparing packets.
impl PartialEq for Packet {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Packet {}

impl PartialOrd for Packet {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Packet {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl Transit {
    /// An empty buffer; a new one only while more are in use than ever before.
    pub(crate) fn buffer(&mut self) -> Buffer {
        self.empty.pop().unwrap_or_else(|| Box::new([0; ROOM]))
    }

    /// Takes a buffer back.
    pub(crate) fn recycle(&mut self, buffer: Buffer) {
        self.empty.push(buffer);
    }

    /// Keeps a packet until it leaves; gives back the buffer of one that finds no room.
    pub(crate) fn keep(&mut self, leaves_ns: u64, packet: Packet) -> Result<(), Buffer> {
        if self.waiting.len() >= MOST {
            return Err(packet.buffer);
        }
        self.entered += 1;
        self.waiting.push(Reverse(Waiting {
            leaves_ns,
            number: self.entered,
            packet,
        }));
        Ok(())
    }

    /// When the next one leaves.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.waiting.peek().map(|Reverse(first)| first.leaves_ns)
    }

    /// The next one that has to leave by `now`, with the time it was to leave at.
    pub(crate) fn due(&mut self, now: u64) -> Option<(u64, Packet)> {
        if self.next_ns()? > now {
            return None;
        }
        let Reverse(first) = self.waiting.pop()?;
        Some((first.leaves_ns, first.packet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(transit: &mut Transit, length: usize) -> Packet {
        Packet {
            buffer: transit.buffer(),
            length,
            direction: Direction::Up,
        }
    }

    fn keep(transit: &mut Transit, leaves_ns: u64, length: usize) -> bool {
        let packet = packet(transit, length);
        transit.keep(leaves_ns, packet).is_ok()
    }

    #[test]
    fn packets_leave_by_time_and_then_in_order() {
        let mut transit = Transit::default();
        for (leaves, length) in [(20, 1), (10, 2), (20, 3), (10, 4)] {
            assert!(keep(&mut transit, leaves, length));
        }
        assert_eq!(transit.next_ns(), Some(10));
        assert!(transit.due(9).is_none());
        let due = std::iter::from_fn(|| transit.due(20)).map(|(at, packet)| (at, packet.length));
        assert_eq!(
            due.collect::<Vec<_>>(),
            [(10, 2), (10, 4), (20, 1), (20, 3)]
        );
        assert_eq!(transit.next_ns(), None);
    }

    #[test]
    fn buffers_are_used_again_and_there_is_an_end_to_them() {
        let mut transit = Transit::default();
        for i in 0..MOST {
            assert!(keep(&mut transit, 1, i));
        }
        let last = packet(&mut transit, 0);
        let buffer = transit.keep(1, last).unwrap_err();
        transit.recycle(buffer);
        let (_, first) = transit.due(1).unwrap();
        let at: *const _ = &raw const *first.buffer;
        transit.recycle(first.buffer);
        assert_eq!(&raw const *transit.buffer(), at);
    }
}
