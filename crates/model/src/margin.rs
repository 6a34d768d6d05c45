//! Equivalence margins: how large a difference must be to matter. They stand in the scenario, before any run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Half-widths of the bands in which a ratio counts as no difference; 0.05 is 5 %. Bytes and segments have none: they are
/// counted, and one more is one more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Margins {
    /// Of medians of response time, or of the time to the first message.
    pub p50: f64,
    /// Of all higher percentiles.
    pub p99: f64,
    /// Of processor time per operation.
    pub cpu: f64,
    /// Of instructions and cycles per operation.
    pub instructions: f64,
    /// Of memory per connection.
    pub memory: f64,
    /// Of operations per second.
    pub rate: f64,
}

impl Default for Margins {
    fn default() -> Self {
        Self {
            p50: 0.05,
            p99: 0.10,
            cpu: 0.05,
            instructions: 0.02,
            memory: 0.05,
            rate: 0.05,
        }
    }
}

impl Margins {
    /// The values with their names.
    #[must_use]
    pub fn named(&self) -> [(&'static str, f64); 6] {
        [
            ("p50", self.p50),
            ("p99", self.p99),
            ("cpu", self.cpu),
            ("instructions", self.instructions),
            ("memory", self.memory),
            ("rate", self.rate),
        ]
    }
}
