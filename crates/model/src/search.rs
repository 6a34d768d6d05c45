//! What a search for the highest sustainable rate found: `search.json` of a record made by `pushbench saturate`.

use serde::{Deserialize, Serialize};

use crate::record::ServerLabel;

/// File with the [`Search`].
pub const SEARCH_FILE: &str = "search.json";

/// What must hold for a rate to count as sustained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// Percentile looked at, for example 0.99.
    pub quantile: f64,
    /// Response time it may have, nanoseconds.
    pub limit_ns: u64,
}

/// A search over one or more servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// [`crate::record::SCHEMA`].
    pub schema: u32,
    /// Name of the scenario, whose rate was varied.
    pub scenario: String,
    /// The objective.
    pub objective: Objective,
    /// What was found, a server each.
    pub servers: Vec<ServerSearch>,
}

/// The search over one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerSearch {
    /// Which server.
    pub server: ServerLabel,
    /// Every probe, in the order it ran.
    pub probes: Vec<Probe>,
    /// Highest rate that was sustained and confirmed, messages per second; absent when none was.
    pub sustained: Option<f64>,
    /// Lowest rate above it that failed, messages per second; absent when none failed within the limits of the search.
    pub failed_at: Option<f64>,
    /// What ended the search, in a sentence.
    pub ended: String,
}

/// One rate tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Messages per second.
    pub rate: f64,
    /// Number of its trial in the record.
    pub trial: u32,
    /// What it was tried for.
    pub purpose: Purpose,
    /// Why the rate counts as not sustained, each a sentence; empty when it is.
    pub failed: Vec<String>,
    /// Whether it says nothing, because the load generator or the machine was at fault.
    pub void: bool,
    /// Response time at the objective's percentile, nanoseconds; absent when the sample does not support it.
    pub at_quantile_ns: Option<u64>,
    /// Median of the response time, nanoseconds.
    pub p50_ns: Option<u64>,
    /// Deliveries per second that arrived.
    pub delivered_per_s: f64,
    /// Growth of the response time over the measured phase, seconds per second; absent where it cannot be told.
    pub backlog_slope: Option<f64>,
}

/// Why a rate was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Doubling until something fails.
    Bracket,
    /// Halving the gap between what held and what failed.
    Bisect,
    /// Once more at the rate found, or shortly above it.
    Confirm,
    /// A point of the curve of latency over load.
    Curve,
}
