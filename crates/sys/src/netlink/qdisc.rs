//! What a device does to packets that leave by it: its root queueing discipline, as tc(8) sets it.

use std::io;

use super::{Device, HEADER, Request, acknowledged, recv_answer};

/// `TCA_KIND`, `TCA_OPTIONS`, `TCA_STATS2` and, in the last, `TCA_STATS_QUEUE` of linux/rtnetlink.h and linux/gen_stats.h.
const KIND: u16 = 1;
const OPTIONS: u16 = 2;
const STATISTICS: u16 = 7;
const QUEUE: u16 = 3;
/// `TC_H_ROOT` of linux/pkt_sched.h.
const ROOT: u32 = 0xffff_ffff;
/// Bytes of a `tcmsg`.
const MESSAGE: usize = 20;
/// `IFLA_GSO_MAX_SEGS` of linux/if_link.h.
const MOST_SEGMENTS: u16 = 40;
/// A request is answered by what was asked for, if anything was, and whether it went well.
const MOST_ANSWERS: usize = 4;

/// What a queueing discipline has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Packets in it now.
    pub waiting: u32,
    /// Packets that it dropped.
    pub dropped: u32,
}

/// An attribute of netlink: length, kind and value, up to a multiple of four bytes.
#[must_use]
pub fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut request = Request { bytes: Vec::new() };
    request.attribute(kind, value);
    request.bytes
}

impl Device {
    /// Has connections that use it hand over packets one by one, and not up to 64 KiB that are cut up behind the queueing
    /// discipline: one packet would be lost or counted where many are.
    ///
    /// # Errors
    ///
    /// Without `CAP_NET_ADMIN` over the network.
    pub fn take_single_packets(&self) -> io::Result<()> {
        self.change(0, |request| {
            request.attribute(MOST_SEGMENTS, &1_u32.to_ne_bytes());
        })
    }

    /// Has packets that leave wait in a queueing discipline of this `kind`, such as `netem`, in place of the one that
    /// every device has. `options` are as its part of linux/pkt_sched.h says.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] where the kernel has no such kind; without `CAP_NET_ADMIN` over the network; where the
    /// device has one already, or the kernel does not like the options.
    pub fn set_queue(&self, kind: &str, options: &[u8]) -> io::Result<()> {
        let flags = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
        let mut request = self.about_queue(libc::RTM_NEWQDISC, flags as u16);
        request.attribute(KIND, &[kind.as_bytes(), &[0]].concat());
        request.attribute(OPTIONS, options);
        self.ask(request)
    }

    /// Takes it away again, with all packets that wait in it.
    ///
    /// # Errors
    ///
    /// When there is none, or without `CAP_NET_ADMIN` over the network.
    pub fn remove_queue(&self) -> io::Result<()> {
        self.ask(self.about_queue(libc::RTM_DELQDISC, 0))
    }

    /// What the queueing discipline that was set has counted, or that of the device itself.
    ///
    /// # Errors
    ///
    /// When the kernel tells no counts of it.
    pub fn queue_counts(&self) -> io::Result<QueueCounts> {
        // Only who asks for an echo is answered.
        self.send(self.about_queue(libc::RTM_GETQDISC, libc::NLM_F_ECHO as u16))?;
        let mut counts = None;
        for _ in 0..MOST_ANSWERS {
            let answer = recv_answer(&self.socket)?;
            if answer.get(4..6) == Some(&libc::RTM_NEWQDISC.to_ne_bytes()[..]) {
                counts = counts_in(&answer);
            } else {
                acknowledged(&answer)?;
                break;
            }
        }
        counts.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "the kernel tells no counts of a queueing discipline",
            )
        })
    }

    fn about_queue(&self, kind: u16, flags: u16) -> Request {
        let mut request = Request::new(kind, flags);
        // `tcmsg`: any family, the device, no handle, the root as parent, nothing else.
        request.bytes.extend([0; 4]);
        request.bytes.extend(self.index.to_ne_bytes());
        request.bytes.extend([0; 4]);
        request.bytes.extend(ROOT.to_ne_bytes());
        request.bytes.extend([0; 4]);
        request
    }
}

/// `gnet_stats_queue` begins with the packets that wait, their bytes, and those that were dropped.
fn counts_in(answer: &[u8]) -> Option<QueueCounts> {
    let queue = find(find(answer.get(HEADER + MESSAGE..)?, STATISTICS)?, QUEUE)?;
    let word = |at: usize| {
        let bytes = queue.get(at..at + 4)?;
        Some(u32::from_ne_bytes(bytes.try_into().ok()?))
    };
    Some(QueueCounts {
        waiting: word(0)?,
        dropped: word(8)?,
    })
}

/// The value of the first attribute of a kind.
fn find(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let half = |at: usize| {
            let bytes = attributes.get(at..at + 2)?;
            Some(u16::from_ne_bytes(bytes.try_into().ok()?))
        };
        let length = usize::from(half(0)?);
        // The upper two bits say how it is written.
        let kind = half(2)? & 0x3fff;
        let value = attributes.get(4..length)?;
        if kind == wanted {
            return Some(value);
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(statistics: &[u8]) -> Vec<u8> {
        let mut answer = vec![0; HEADER + MESSAGE];
        answer.extend(attribute(KIND, b"netem\0"));
        answer.extend(attribute(STATISTICS, statistics));
        answer
    }

    #[test]
    fn counts_are_found_among_the_attributes() {
        let words: Vec<u8> = [5_u32, 900, 7, 0, 0]
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect();
        let statistics = [attribute(1, &[0; 16]), attribute(QUEUE, &words)].concat();
        let expected = QueueCounts {
            waiting: 5,
            dropped: 7,
        };
        assert_eq!(counts_in(&answer(&statistics)), Some(expected));
        assert_eq!(counts_in(&answer(&attribute(1, &[0; 16]))), None);
        assert_eq!(counts_in(&answer(&attribute(QUEUE, &words[..8]))), None);
    }

    /// Whatever is answered, the search ends, within its bounds: answers cut anywhere, and with every byte another one.
    #[test]
    fn any_answer_is_read() {
        let whole = answer(&attribute(QUEUE, &[9; 20]));
        for cut in 0..whole.len() {
            assert_eq!(counts_in(&whole[..cut]), None, "{cut}");
        }
        for at in 0..whole.len() {
            for byte in [0, 1, 3, 4, 5, 0x7f, 0xff] {
                let mut other = whole.clone();
                other[at] = byte;
                if let Some(counts) = counts_in(&other) {
                    assert!(counts.waiting != 0 && counts.dropped != 0, "{at} {byte}");
                }
            }
        }
    }

    /// As `tc` does: nobody may set a queue of the network that tests run in, and there is none of this kind.
    #[test]
    fn what_is_not_there_is_told() {
        let device = Device::named("lo").unwrap();
        assert!(device.set_queue("pb-nothing", &[]).is_err());
    }
}
