//! What a search for the highest sustainable rate found: `search.json` of a record made by `pushbench saturate`.

mod objective;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::ServerLabel;

pub use objective::{Objective, ObjectiveError};

/// File with the [`Search`].
pub const SEARCH_FILE: &str = "search.json";

/// Shortest measured phase of a probe that shows slow growth and rare stalls, seconds.
pub const LONG_ENOUGH_S: f64 = 30.0;

/// A search over one or more servers. The file is written before the first probe and replaced after every one, so that
/// an interruption leaves what was found until then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Search {
    /// Version of the record's schema; a reader refuses another one.
    #[schemars(extend("const" = crate::record::SCHEMA))]
    pub schema: u32,
    /// Name of the scenario, whose rate was varied.
    pub scenario: String,
    /// The objective.
    pub objective: Objective,
    /// Where and how finely was looked.
    pub range: SearchRange,
    /// Least length of the measured phase of a probe, seconds; longer where few messages come in that time.
    pub probe_s: f64,
    /// What was found, a server each.
    pub servers: Vec<ServerSearch>,
}

/// Where a search looks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchRange {
    /// First rate tried, messages per second.
    pub from: f64,
    /// No higher rate is tried.
    pub to: f64,
    /// How far apart what held and what failed may lie in the end: 0.05 is 5 %.
    pub resolution: f64,
}

/// The search over one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerSearch {
    /// Which server.
    pub server: ServerLabel,
    /// Every probe, in the order it ran.
    pub probes: Vec<Probe>,
    /// Highest rate that was sustained and confirmed, messages per second; absent when none was.
    pub sustained: Option<f64>,
    /// Lowest rate above it that failed, messages per second; absent when none failed within the limits of the search.
    pub failed_at: Option<f64>,
    /// What ended the search.
    pub end: End,
    /// The same in a sentence.
    pub ended: String,
}

/// What ended a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Nothing yet: it goes on, or it was interrupted.
    Unfinished,
    /// The limit of the server was found: one rate is confirmed, and slightly above it fails.
    Found,
    /// The highest rate allowed was sustained: the server's limit is at least that.
    Range,
    /// The load generator could not keep up: the server's limit is at least what was confirmed.
    Generator,
    /// No rate was sustained, however low.
    Nothing,
    /// The most probes allowed were made without a conclusion.
    Probes,
}

/// One rate tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// Messages per second.
    pub rate: f64,
    /// Number of its trial in the record.
    pub trial: u32,
    /// What it was tried for.
    pub purpose: Purpose,
    /// What came of it.
    #[serde(flatten)]
    pub judgement: ProbeJudgement,
}

/// What a probe says of its rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProbeJudgement {
    /// Whether the rate was sustained.
    pub verdict: ProbeVerdict,
    /// Why it was not, or why there is no telling, each a sentence; empty when it was.
    pub reasons: Vec<String>,
    /// Response time at the objective's percentile, nanoseconds; absent when the sample does not support it or it lies
    /// among messages that never arrived.
    pub at_quantile_ns: Option<u64>,
    /// Median of the response time, nanoseconds.
    pub p50_ns: Option<u64>,
    /// Deliveries per second that arrived; zero when nothing was measured.
    pub delivered_per_s: f64,
    /// Growth of the response time over the measured phase, seconds per second; absent where it cannot be told.
    pub backlog_slope: Option<f64>,
}

/// Whether a rate was sustained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeVerdict {
    /// It was.
    Held,
    /// It was not.
    Failed,
    /// There is no telling, because the load generator or the machine was at fault.
    Void,
}

impl ProbeVerdict {
    /// Name in tables.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Void => "void",
        }
    }
}

/// Why a rate was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Doubling until something fails, or halving until something holds.
    Bracket,
    /// Halving the gap between what held and what failed.
    Bisect,
    /// Once more at the rate found.
    Confirm,
    /// Slightly above the rate confirmed, where it must fail.
    Above,
    /// A point of the curve of latency over load.
    Curve,
}

impl Purpose {
    /// Name in tables.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Bracket => "bracket",
            Self::Bisect => "bisect",
            Self::Confirm => "confirm",
            Self::Above => "above",
            Self::Curve => "curve",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_record() {
        let probe = Probe {
            rate: 400.0,
            trial: 3,
            purpose: Purpose::Above,
            judgement: ProbeJudgement {
                verdict: ProbeVerdict::Held,
                reasons: Vec::new(),
                at_quantile_ns: Some(7),
                p50_ns: None,
                delivered_per_s: 4000.0,
                backlog_slope: None,
            },
        };
        let json = serde_json::to_value(&probe).unwrap();
        assert_eq!(
            (&json["purpose"], &json["verdict"]),
            (&"above".into(), &"held".into())
        );
        assert_eq!(serde_json::from_value::<Probe>(json).unwrap(), probe);
    }
}
