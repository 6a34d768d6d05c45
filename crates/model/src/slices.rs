//! Slices: short pieces of load that alternate between servers inside one trial, to compare what a delivery costs.
//!
//! A machine whose speed changes every few seconds changes it for neighbouring slices alike, so the ratio of two
//! neighbours holds still where their values do not.

use serde::{Deserialize, Serialize};

use crate::record::{CounterValues, Outcome, ServerLabel};

/// File with one [`SliceTrial`] per line.
pub const SLICES_FILE: &str = "slices.jsonl";

/// One trial in slices: several servers, each with a load process of its own, that take turns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceTrial {
    /// [`crate::record::SCHEMA`].
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
    /// The servers that took turns.
    pub arms: Vec<SliceArm>,
    /// Share of processor time stolen by the hypervisor while it ran, 0 to 1.
    pub steal: Option<f64>,
}

/// The slices of one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceArm {
    /// Which server.
    pub server: ServerLabel,
    /// One slice per round, in order: slice `i` of every arm lies in round `i`.
    pub slices: Vec<Slice>,
}

/// What one slice took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Deliveries in it.
    pub deliveries: u64,
    /// From the order to the last delivery, nanoseconds.
    pub wall_ns: u64,
    /// Processor time of the server without its publishing and control threads, nanoseconds.
    pub server_cpu_ns: u64,
    /// Processor time of the load process, nanoseconds.
    pub load_cpu_ns: u64,
    /// Hardware counts of the server, where the machine has them.
    pub server_counters: Option<CounterValues>,
    /// Hardware counts of the load process.
    pub load_counters: Option<CounterValues>,
}
