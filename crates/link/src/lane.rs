//! What one direction of a link does to packets: a pure function of the times they come at, and of a seed.

use pushbench_model::link::{Direction, Link};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It leaves the link at this time.
    Leaves(u64),
    /// It is lost on the way.
    Lost,
    /// It finds the queue full.
    QueueFull,
}

/// One direction. Times are nanoseconds on any one clock.
#[derive(Debug)]
pub(crate) struct Lane {
    delay_ns: u64,
    jitter_ns: u64,
    held_back_ns: u64,
    loss_ppm: u32,
    reorder_ppm: u32,
    /// Bits per second, and bytes that may wait.
    bottleneck: Option<(u64, u64)>,
    random: Pcg64Mcg,
    /// When the bottleneck has sent all it has.
    free_at: u64,
    /// When the last packet leaves that keeps its place.
    last_leaves: u64,
}

/// A packet that others overtake is held back by this share of the round trip: less than the quarter that TCP waits
/// before it takes a packet for lost (RACK, RFC 8985, section 7.1).
const HELD_BACK: u64 = 8;
const LEAST_HELD_BACK_NS: u64 = 1_000_000;

impl Lane {
    pub(crate) fn new(link: &Link, direction: Direction, seed: u64) -> Self {
        let stream = match direction {
            Direction::Up => 1,
            Direction::Down => 2,
        };
        Self {
            delay_ns: link.rtt_us * 1000 / 2,
            jitter_ns: link.jitter_us * 1000,
            held_back_ns: (link.rtt_us * 1000 / HELD_BACK).max(LEAST_HELD_BACK_NS),
            loss_ppm: link.loss_ppm,
            reorder_ppm: link.reorder_ppm,
            bottleneck: link.rate(direction).zip(link.queue(direction)),
            random: Pcg64Mcg::seed_from_u64(seed.wrapping_mul(4).wrapping_add(stream)),
            free_at: 0,
            last_leaves: 0,
        }
    }

    /// A packet of `bytes` comes at `now`, which is never before the one before it.
    ///
    /// In this order: it waits behind those that the rate has not let through, or finds no room; it is lost or not; it
    /// takes its delay. One that is lost has taken its share of the rate, as on a bad radio link behind a good queue.
    pub(crate) fn admit(&mut self, now: u64, bytes: usize) -> Fate {
        let Some(sent) = self.send(now, bytes as u64) else {
            return Fate::QueueFull;
        };
        if self.happens(self.loss_ppm) {
            return Fate::Lost;
        }
        let jitter = match self.jitter_ns {
            0 => 0,
            most => self.random.random_range(0..=most),
        };
        let leaves = sent + self.delay_ns + jitter;
        if self.happens(self.reorder_ppm) {
            return Fate::Leaves(leaves.max(self.last_leaves) + self.held_back_ns);
        }
        self.last_leaves = leaves.max(self.last_leaves);
        Fate::Leaves(self.last_leaves)
    }

    /// When the bottleneck has sent the packet; `None` when there is no room for it.
    fn send(&mut self, now: u64, bytes: u64) -> Option<u64> {
        let Some((rate, room)) = self.bottleneck else {
            return Some(now);
        };
        let behind = u128::from(self.free_at.saturating_sub(now));
        let waiting = behind * u128::from(rate) / 8_000_000_000;
        if waiting + u128::from(bytes) > u128::from(room) {
            return None;
        }
        self.free_at = self.free_at.max(now) + bytes * 8_000_000_000 / rate;
        Some(self.free_at)
    }

    /// Nothing is drawn for what cannot happen.
    fn happens(&mut self, ppm: u32) -> bool {
        ppm > 0 && self.random.random_range(0..1_000_000) < ppm
    }
}

#[cfg(test)]
mod tests;
