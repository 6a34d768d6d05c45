//! A network path between server and load process, as one line of text: `rtt=80ms,loss=1%,rate=10mbit,jitter=5ms`.

mod by;
mod congestion;
mod counts;
mod parse;
mod preset;
mod print;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use by::LinkBy;
pub use congestion::Congestion;
pub use counts::{DirectionCounts, LinkCounts};
pub use parse::KEYS;
pub use preset::{PRESETS, Preset};

/// Largest packet on the path, bytes: Ethernet's, as on most of the Internet.
pub const MTU: u64 = 1500;

/// Packets that a queue holds at the least, unless it is told otherwise: a path of a short round trip has room for a
/// burst all the same.
const LEAST_QUEUE_PACKETS: u64 = 64;

/// What a path does to packets. Both directions have it alike, but for a rate of their own.
///
/// All values are whole numbers, so that a link read back from its text is the same link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Least round trip, microseconds; half of it each way.
    pub rtt_us: u64,
    /// Most that a packet takes longer, each way, microseconds; drawn evenly from 0 to this.
    #[serde(default)]
    pub jitter_us: u64,
    /// Packets lost, each way, of a million.
    #[serde(default)]
    pub loss_ppm: u32,
    /// Packets that later ones overtake, each way, of a million.
    #[serde(default)]
    pub reorder_ppm: u32,
    /// Bits per second towards the load process, counted over whole IP packets; as fast as the machine if absent.
    #[serde(default)]
    pub rate_bps: Option<u64>,
    /// Bits per second towards the server; as towards the load process if absent.
    #[serde(default)]
    pub up_bps: Option<u64>,
    /// Bytes that may wait for the rate, each way; see [`Link::queue_bytes`] if absent.
    #[serde(default)]
    pub queue_bytes: Option<u64>,
    /// What senders at both ends use; as the machine has it if absent.
    #[serde(default)]
    pub congestion: Option<Congestion>,
}

/// A way that packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the load process to the server.
    Up,
    /// From the server to the load process.
    Down,
}

impl Link {
    /// Bits per second of a direction; absent when only the machine limits it.
    #[must_use]
    pub fn rate(&self, direction: Direction) -> Option<u64> {
        match direction {
            Direction::Down => self.rate_bps,
            Direction::Up => self.up_bps.or(self.rate_bps),
        }
    }

    /// What it is called: the name of the preset that it is, else what it does.
    #[must_use]
    pub fn name(&self) -> String {
        let preset = PRESETS.iter().find(|preset| preset.link == *self);
        preset.map_or_else(|| self.to_string(), |preset| preset.name.to_owned())
    }

    /// Mean round trip, nanoseconds: each way takes between nothing and the whole jitter longer.
    #[must_use]
    pub fn mean_round_trip_ns(&self) -> u64 {
        (self.rtt_us + self.jitter_us) * 1000
    }

    /// The longest round trip of a packet that does not wait for the rate.
    #[must_use]
    pub fn longest_round_trip(&self) -> Duration {
        Duration::from_micros(self.rtt_us + 2 * self.jitter_us)
    }

    /// Bytes that may wait for the rate of a direction: what was asked for, else what the path holds in a round trip,
    /// and at least 64 packets of 1500 bytes. Absent where no rate makes them wait.
    #[must_use]
    pub fn queue(&self, direction: Direction) -> Option<u64> {
        let rate = self.rate(direction)?;
        let round_trip = u128::from(rate) * u128::from(self.rtt_us) / 8_000_000;
        let round_trip = u64::try_from(round_trip).unwrap_or(u64::MAX);
        Some(
            self.queue_bytes
                .unwrap_or(round_trip.max(LEAST_QUEUE_PACKETS * MTU)),
        )
    }
}

#[cfg(test)]
mod tests;
