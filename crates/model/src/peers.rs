//! How Pushbench compares with programs of others: `peers.json`, a part of a record.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name of the file.
pub const PEERS_FILE: &str = "peers.json";

/// The outcome of `pushbench peers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Peers {
    /// Version of the record's schema; a reader refuses another one.
    #[schemars(extend("const" = crate::record::SCHEMA))]
    pub schema: u32,
    /// When it started, RFC 3339, UTC.
    pub started: String,
    /// How long it took, seconds.
    pub wall_s: f64,
    /// The exact command, one element per argument.
    pub command: Vec<String>,
    /// Seed of the order within the rounds, and of the payloads.
    pub seed: u64,
    /// Rounds that were asked for; every peer has one turn in each.
    pub rounds: u32,
    /// Whether a person stopped it before the last of them.
    pub interrupted: bool,
    /// Version of this program.
    pub pushbench_version: String,
    /// Commit it was built from.
    pub commit: Option<String>,
    /// Build profile: `release` or `debug`.
    pub build: String,
    /// Short name of the machine.
    pub machine: String,
    /// Cores of servers.
    pub server_cores: Vec<usize>,
    /// Cores of receivers.
    pub load_cores: Vec<usize>,
    /// What receivers were sent.
    pub receiver_load: PeerLoad,
    /// What push servers had to send.
    pub server_load: PeerLoad,
    /// Those that took part.
    pub peers: Vec<Peer>,
    /// Those that could not.
    pub absent: Vec<AbsentPeer>,
    /// What was measured, in the order of turns.
    pub turns: Vec<Turn>,
}

/// The same messages for every peer of a part: constant intervals, text payloads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PeerLoad {
    /// Connections; each receives every message.
    pub connections: u32,
    /// Messages per second published; each becomes a delivery to every connection.
    pub rate: f64,
    /// Payload of a message, bytes.
    pub payload_bytes: u32,
    /// Length of the phase before the measured one, seconds.
    pub warm_up_s: f64,
    /// Length of the measured phase, seconds.
    pub measure_s: f64,
}

impl PeerLoad {
    /// Messages published in a phase of `seconds`, at least one.
    #[must_use]
    pub fn messages(&self, seconds: f64) -> u64 {
        (self.rate * seconds).round().max(1.0) as u64
    }
}

/// What a peer is compared as.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// It receives from the same server as all others.
    Receiver,
    /// It is a push server that the load generator receives from.
    Server,
}

/// Which peer.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct PeerId {
    /// What it is compared as.
    pub part: Part,
    /// `sse` or `websocket`.
    pub transport: String,
    /// Name, from the list of peers.
    pub name: String,
}

/// `name over transport`.
impl std::fmt::Display for PeerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{} over {}", self.name, self.transport))
    }
}

/// Who counted the messages of a receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CountedBy {
    /// The receiver itself, each as it arrived.
    #[default]
    Receiver,
    /// The server that sent them: the receiver cannot say, so nothing shows that it read them.
    Server,
}

/// A peer that took part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Peer {
    /// Which.
    #[serde(flatten)]
    pub id: PeerId,
    /// Whether it is Pushbench's own, which the others of its part and transport are held against.
    pub ours: bool,
    /// What it is and does, in a sentence.
    pub about: String,
    /// Who counted its messages.
    #[serde(default)]
    pub counted_by: CountedBy,
    /// Versions of what it is made of, by name.
    pub versions: BTreeMap<String, String>,
}

/// A peer that could not take part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AbsentPeer {
    /// Which.
    #[serde(flatten)]
    pub id: PeerId,
    /// What is missing.
    pub reason: String,
    /// Command that would install it.
    pub install: String,
}

/// One turn of one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Turn {
    /// Round, from 1.
    pub round: u32,
    /// Whose.
    #[serde(flatten)]
    pub id: PeerId,
    /// Deliveries in the measured phase.
    pub deliveries: u64,
    /// Deliveries of the whole turn that never arrived, where somebody counted.
    pub lost: u64,
    /// Processor time of the peer's whole process group in the measured phase, nanoseconds; without the thread of our own
    /// servers that makes the messages.
    pub cpu_ns: u64,
    /// Why the figures of this turn must not be used; `None` when they may.
    pub unusable: Option<String>,
}

impl Turn {
    /// Processor time per delivery, nanoseconds; `None` when it must not be used.
    #[must_use]
    pub fn cpu_ns_per_delivery(&self) -> Option<f64> {
        (self.unusable.is_none() && self.deliveries > 0 && self.cpu_ns > 0)
            .then(|| self.cpu_ns as f64 / self.deliveries as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn() -> Turn {
        Turn {
            round: 2,
            id: PeerId {
                part: Part::Receiver,
                transport: "sse".into(),
                name: "x".into(),
            },
            deliveries: 100,
            lost: 0,
            cpu_ns: 1000,
            unusable: None,
        }
    }

    #[test]
    fn a_turn_survives_the_round_trip_and_has_plain_keys() {
        let text = serde_json::to_string(&turn()).unwrap();
        assert_eq!(
            text,
            "{\"round\":2,\"part\":\"receiver\",\"transport\":\"sse\",\"name\":\"x\",\"deliveries\":100,\"lost\":0,\
             \"cpu_ns\":1000,\"unusable\":null}"
        );
        assert_eq!(serde_json::from_str::<Turn>(&text).unwrap(), turn());
    }

    #[test]
    fn turns_that_lost_something_have_no_figure() {
        assert_eq!(turn().cpu_ns_per_delivery(), Some(10.0));
        let lost = Turn {
            unusable: Some("1 lost".into()),
            ..turn()
        };
        assert_eq!(lost.cpu_ns_per_delivery(), None);
        let nothing = Turn {
            deliveries: 0,
            ..turn()
        };
        assert_eq!(nothing.cpu_ns_per_delivery(), None);
    }
}
