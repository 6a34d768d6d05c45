//! What a self-test of the method found: `selftest.json`, kept beside records and copied into them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name of the file.
pub const SELFTEST_FILE: &str = "selftest.json";

/// The outcome of `pushbench selftest`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SelfTest {
    /// Version of the record's schema; a reader refuses another one.
    #[schemars(extend("const" = crate::record::SCHEMA))]
    pub schema: u32,
    /// When it started, RFC 3339, UTC.
    pub started: String,
    /// How long it took, seconds.
    pub wall_s: f64,
    /// Whether it was the quick form.
    pub quick: bool,
    /// Seed of everything drawn at random.
    pub seed: u64,
    /// Version of the program.
    pub pushbench_version: String,
    /// Commit it was built from.
    pub commit: Option<String>,
    /// Build profile: `release` or `debug`.
    pub build: String,
    /// Short name of the machine.
    pub machine: String,
    /// Why hardware counters are absent; `None` when they work.
    pub no_counters: Option<String>,
    /// The proofs.
    pub rows: Vec<ProofRow>,
}

/// One proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProofRow {
    /// Stable name, such as `intended-time`.
    pub id: String,
    /// Numbers of the rules in docs/METHODOLOGY.md that it proves.
    pub rules: Vec<u32>,
    /// What the rule demands, in a sentence.
    pub rule: String,
    /// What was injected.
    pub injected: String,
    /// What had to be read.
    pub expected: String,
    /// What was read.
    pub read: String,
    /// What a tool without the mechanism would have read, where that can be shown.
    pub naive: Option<String>,
    /// How it ended.
    pub status: ProofStatus,
    /// How long it took, seconds.
    pub wall_s: f64,
}

/// How a proof ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProofStatus {
    /// What was read is what was expected.
    Passed,
    /// It is not.
    Failed,
    /// It could not be tried here; `read` says why.
    NotRun,
}

impl SelfTest {
    /// Proofs that passed, failed, and were not run.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |status| self.rows.iter().filter(|row| row.status == status).count();
        (
            count(ProofStatus::Passed),
            count(ProofStatus::Failed),
            count(ProofStatus::NotRun),
        )
    }
}
