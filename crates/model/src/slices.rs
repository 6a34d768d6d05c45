//! Slices: short pieces of load that alternate between servers inside one trial, to compare what a delivery costs.
//!
//! A machine whose speed changes every few seconds changes it for neighbouring slices alike, so the ratio of two
//! neighbours holds still where their values do not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::{CounterValues, Outcome, ServerLabel};

/// File with one [`SliceTrial`] per line.
pub const SLICES_FILE: &str = "slices.jsonl";
/// Name of the thread that answers a server's control endpoint; it takes the messages of a slice in.
pub const CONTROL_THREAD: &str = "pb-control";
/// Name of the threads of a load process that receive.
pub const RECEIVING_THREAD: &str = "pb-load";

/// One trial in slices: several servers, each with a load process of its own, that take turns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SliceTrial {
    /// Version of the record's schema; a reader refuses another one.
    #[schemars(extend("const" = crate::record::SCHEMA))]
    pub schema: u32,
    /// Number in the run, from 1, in the order of all trials.
    pub trial: u32,
    /// Block of the interleaving, from 1.
    pub repetition: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// When it started, RFC 3339, UTC.
    pub started: String,
    /// Wall time of the whole trial, seconds.
    pub wall_s: f64,
    /// Seed of the order of slices within a round.
    pub seed: u64,
    /// Subscribers of every server.
    pub subscribers: u32,
    /// Messages of every slice; each goes out when the one before it has arrived everywhere.
    pub messages: u32,
    /// The servers that took turns.
    pub arms: Vec<SliceArm>,
    /// Share of processor time stolen by the hypervisor while it ran, 0 to 1.
    pub steal: Option<f64>,
}

/// The slices of one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SliceArm {
    /// Which server.
    pub server: ServerLabel,
    /// One slice per round, in order: slice `i` of every arm lies in round `i`.
    pub slices: Vec<Slice>,
}

/// What one slice took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slice {
    /// Place within its round, from 1: which of the servers had their turn before.
    pub place: u32,
    /// Deliveries in it.
    pub deliveries: u64,
    /// From the order to the word that everything has arrived, as the harness saw it, nanoseconds.
    pub wall_ns: u64,
    /// Processor time of the server without its publishing and control threads, nanoseconds.
    pub server_cpu_ns: u64,
    /// Processor time of the receiving threads of the load process, nanoseconds.
    pub load_cpu_ns: u64,
    /// Hardware counts of the same threads of the server, where the machine has them.
    pub server_counters: Option<CounterValues>,
    /// Hardware counts of the same threads of the load process.
    pub load_counters: Option<CounterValues>,
}

impl SliceArm {
    /// A figure of both servers, per delivery, for every round in which both have it: what a median of ratios is taken
    /// of.
    #[must_use]
    pub fn pairs(&self, other: &Self, figure: impl Fn(&Slice) -> Option<u64>) -> Vec<(f64, f64)> {
        let per_delivery = |slice: &Slice| {
            let deliveries = (slice.deliveries > 0).then_some(slice.deliveries as f64)?;
            Some(figure(slice)? as f64 / deliveries)
        };
        let rounds = self.slices.iter().zip(&other.slices);
        rounds
            .filter_map(|(a, b)| Some((per_delivery(a)?, per_delivery(b)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuning::Tuning;

    fn arm(slices: &[(u64, u64)]) -> SliceArm {
        let slice = |&(deliveries, server_cpu_ns)| Slice {
            deliveries,
            server_cpu_ns,
            ..Slice::default()
        };
        SliceArm {
            server: ServerLabel {
                transport: "sse".into(),
                stack: "reference".into(),
                tuning: Tuning::Equalised,
            },
            slices: slices.iter().map(slice).collect(),
        }
    }

    #[test]
    fn rounds_pair_what_both_have() {
        let a = arm(&[(10, 100), (10, 200), (0, 7), (10, 50)]);
        let b = arm(&[(20, 100), (10, 100), (10, 100)]);
        let cpu = a.pairs(&b, |slice| Some(slice.server_cpu_ns));
        assert_eq!(cpu, [(10.0, 5.0), (20.0, 10.0)]);
        let counted = |slice: &Slice| Some(slice.server_counters?.user_instructions);
        assert_eq!(a.pairs(&b, counted), []);
    }

    /// One line of the file.
    #[test]
    fn a_trial_reads_back_from_its_line() {
        let trial = SliceTrial {
            schema: crate::record::SCHEMA,
            trial: 3,
            repetition: 1,
            scenario: "fan-out".into(),
            outcome: Outcome::Failed {
                reason: "it died\nin two lines".into(),
            },
            started: "2026-11-21T01:37:01Z".into(),
            wall_s: 2.0,
            seed: u64::MAX,
            subscribers: 100,
            messages: 20,
            arms: vec![arm(&[(1, 2)]), arm(&[])],
            steal: None,
        };
        let line = serde_json::to_string(&trial).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<SliceTrial>(&line).unwrap(), trial);
    }
}
