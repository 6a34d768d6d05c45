//! A link as settings of the kernel's netem, one for each direction. docs/LINK.md says how it differs from a [`Lane`] that
//! does the same.
//!
//! [`Lane`]: crate::lane::Lane

use pushbench_model::link::{Direction, Link, MTU};
use pushbench_sys::netlink::attribute;

/// What the kernel calls it.
pub(crate) const KIND: &str = "netem";

/// Packets that a direction holds whose rate nothing limits.
const MOST: u32 = 1 << 16;
/// Bytes per second, 100 Gbit/s, of a direction that has jitter and no rate: netem keeps packets in order only where it
/// sends them one after the other. A full packet takes 120 ns of it.
const IN_ORDER: u64 = 12_500_000_000;
/// Nanoseconds of the kernel's packet scheduler, as /proc/net/psched says everywhere.
const TICK_NS: u64 = 64;

/// Attributes of netem in linux/pkt_sched.h.
const RATE: u16 = 6;
const RATE64: u16 = 8;
const LATENCY64: u16 = 10;
const JITTER64: u16 = 11;
const SEED: u16 = 14;

/// One direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Netem {
    /// Packets that may wait or be on their way.
    limit: u32,
    /// Mean delay, and how far from it, evenly, a packet's may be.
    delay_ns: u64,
    jitter_ns: u64,
    loss_ppm: u32,
    bytes_per_s: Option<u64>,
    seed: u64,
}

impl Netem {
    /// `direction` of a link that netem does not refuse. Delays are between half of the round trip and the whole jitter more, as
    /// everywhere.
    pub(crate) fn new(link: &Link, direction: Direction, seed: u64) -> Self {
        let half_jitter_ns = link.jitter_us * 500;
        let in_order = (link.jitter_us > 0).then_some(IN_ORDER);
        let rate = link.rate(direction).map(|bits| bits / 8);
        Self {
            limit: limit(link, direction),
            delay_ns: link.rtt_us * 500 + half_jitter_ns,
            jitter_ns: half_jitter_ns,
            loss_ppm: link.loss_ppm,
            bytes_per_s: rate.or(in_order),
            seed,
        }
    }

    /// What the kernel is told: a `tc_netem_qopt`, and as attributes what it has no room for.
    pub(crate) fn options(&self) -> Vec<u8> {
        let ticks = |ns: u64| u32::try_from(ns / TICK_NS).unwrap_or(u32::MAX);
        let words = [
            ticks(self.delay_ns),
            self.limit,
            share(self.loss_ppm),
            // No reordering, no duplicates.
            0,
            0,
            ticks(self.jitter_ns),
        ];
        let mut options: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        // To the nanosecond; kernels before 4.15 know ticks only.
        options.extend(attribute(LATENCY64, &self.delay_ns.to_ne_bytes()));
        options.extend(attribute(JITTER64, &self.jitter_ns.to_ne_bytes()));
        if let Some(rate) = self.bytes_per_s {
            let low = u32::try_from(rate);
            if low.is_err() {
                options.extend(attribute(RATE64, &rate.to_ne_bytes()));
            }
            // `tc_netem_rate`: no overhead, no cells.
            let words = [low.unwrap_or(u32::MAX), 0, 0, 0];
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            options.extend(attribute(RATE, &bytes));
        }
        // Kernels before 6.6 pass over it.
        options.extend(attribute(SEED, &self.seed.to_ne_bytes()));
        options
    }
}

/// netem counts packets, those on their way among them: as many full ones as the queue holds, and the path.
fn limit(link: &Link, direction: Direction) -> u32 {
    let Some((rate, queue)) = link.rate(direction).zip(link.queue(direction)) else {
        return MOST;
    };
    let longest_us = link.rtt_us / 2 + link.jitter_us;
    let on_their_way = u128::from(rate) * u128::from(longest_us) / 8_000_000;
    let packets = queue.div_ceil(MTU) + (on_their_way as u64).div_ceil(MTU);
    u32::try_from(packets).unwrap_or(u32::MAX)
}

/// Of a million, as a part of the largest word.
fn share(ppm: u32) -> u32 {
    let whole = u64::from(u32::MAX) * u64::from(ppm) + 500_000;
    u32::try_from(whole / 1_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lane::{Fate, Lane};

    fn netem(link: &str, direction: Direction) -> Netem {
        Netem::new(&link.parse().unwrap(), direction, 7)
    }

    /// Words in front, then attributes: kind and value.
    fn parts(options: &[u8]) -> (Vec<u32>, Vec<(u16, Vec<u8>)>) {
        let word = |bytes: &[u8]| u32::from_ne_bytes(bytes.try_into().unwrap());
        let words = options[..24].chunks(4).map(word).collect();
        let (mut rest, mut attributes) = (&options[24..], Vec::new());
        while !rest.is_empty() {
            let half = |at: usize| u16::from_ne_bytes(rest[at..at + 2].try_into().unwrap());
            let length = usize::from(half(0));
            attributes.push((half(2), rest[4..length].to_vec()));
            rest = &rest[length.next_multiple_of(4)..];
        }
        (words, attributes)
    }

    /// What tc of iproute2 6.1 sends for `limit 97 delay 42500us 2500us loss random 1% rate 10mbit`, on a little-endian machine.
    #[test]
    #[cfg(target_endian = "little")]
    fn the_kernel_is_told_what_tc_tells_it() {
        const WORDS: &[u8] = b"\xfe\x21\x0a\x00\x61\x00\x00\x00\x29\x5c\x8f\x02\x00\x00\x00\x00\x00\x00\x00\x00\x96\x98\x00\x00";
        const RATED: &[u8] =
            b"\x14\x00\x06\x00\xd0\x12\x13\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
        let link = "rtt=80ms,jitter=5ms,loss=1%,rate=10mbit";
        let options = Netem {
            limit: 97,
            ..netem(link, Direction::Down)
        }
        .options();
        assert_eq!(&options[..24], WORDS);
        assert!(options.windows(20).any(|part| part == RATED), "{options:?}");
    }

    /// And for `limit 65536 delay 1ms 500us rate 100gbit`.
    #[test]
    #[cfg(target_endian = "little")]
    fn fast_rates_have_an_attribute_of_their_own() {
        const RATED: &[u8] = b"\x0c\x00\x08\x00\x00\xdd\x0e\xe9\x02\x00\x00\x00\x14\x00\x06\x00\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
        let options = netem("rtt=1ms,jitter=1ms", Direction::Up).options();
        assert_eq!(
            &options[..12],
            b"\x09\x3d\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00"
        );
        assert_eq!(&options[20..24], b"\x84\x1e\x00\x00");
        assert!(options.windows(32).any(|part| part == RATED), "{options:?}");
    }

    #[test]
    fn times_are_told_to_the_nanosecond_and_the_seed_as_it_is() {
        let (_, attributes) = parts(&netem("rtt=1ms,jitter=3us", Direction::Up).options());
        let of = |kind| {
            let found = attributes.iter().find(|(known, _)| *known == kind);
            let bytes = found.unwrap().1.as_slice().try_into();
            u64::from_ne_bytes(bytes.unwrap())
        };
        assert_eq!((of(LATENCY64), of(JITTER64)), (501_500, 1500));
        assert_eq!(of(SEED), 7);
        let (words, attributes) = parts(&netem("rtt=1ms", Direction::Up).options());
        assert_eq!(words[1], MOST);
        assert!(attributes.iter().all(|(kind, _)| *kind != RATE));
    }

    #[test]
    fn each_direction_has_its_rate_and_room_for_queue_and_path() {
        let link = "rtt=80ms,rate=12mbit,up=1200kbit,queue=15kb";
        // 60 kB and 6 kB on the way for 40 ms, and 15 kB that wait.
        for (direction, bytes_per_s, packets) in [
            (Direction::Down, 1_500_000, 40 + 10),
            (Direction::Up, 150_000, 4 + 10),
        ] {
            let netem = netem(link, direction);
            assert_eq!(
                (netem.bytes_per_s, netem.limit),
                (Some(bytes_per_s), packets)
            );
        }
    }

    proptest! {
        /// Both emulators draw delays from the same range, and netem can count every link that it does not refuse.
        #[test]
        fn delays_are_those_of_a_lane(rtt_us in 0_u64..=10_000_000, jitter_us in 0_u64..=4_000_000) {
            let link = Link { rtt_us, jitter_us, ..Link::default() };
            let netem = Netem::new(&link, Direction::Up, 1);
            let (least, most) = (netem.delay_ns - netem.jitter_ns, netem.delay_ns + netem.jitter_ns);
            prop_assert_eq!((least, most), (rtt_us * 500, rtt_us * 500 + jitter_us * 1000));
            let Fate::Leaves(leaves) = Lane::new(&link, Direction::Up, 1).admit(0, 100) else {
                return Err(TestCaseError::fail("nothing is lost"));
            };
            prop_assert!((least..=most).contains(&leaves));
            prop_assert!(netem.jitter_ns <= i32::MAX as u64 && netem.delay_ns / TICK_NS <= u64::from(u32::MAX));
        }

        #[test]
        fn losses_are_the_share_that_was_asked_for(ppm in 0_u32..=500_000) {
            let chance = f64::from(share(ppm)) / f64::from(u32::MAX);
            prop_assert!((chance * 1e6 - f64::from(ppm)).abs() < 0.001);
        }
    }
}
