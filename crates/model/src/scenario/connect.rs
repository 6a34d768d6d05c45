//! Cold connections.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{ScenarioError, Source};
use crate::profile::PerProfile;

/// Parameters of the connect workload.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Connect {
    /// Connections opened in the measured phase.
    pub connections: PerProfile<u32>,
    /// Connections opened before measuring.
    pub warm_up: PerProfile<u32>,
    /// Connections being set up at any time (closed loop).
    pub in_flight: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawConnect {
    connections: Spanned<PerProfile<u32>>,
    warm_up: Spanned<PerProfile<u32>>,
    in_flight: Spanned<u32>,
}

impl RawConnect {
    pub(super) fn validate(self, source: &Source<'_>) -> Result<Connect, ScenarioError> {
        source.each_in_range(&self.connections, 1..=10_000_000, "connections")?;
        source.each_in_range(&self.warm_up, 0..=10_000_000, "connections")?;
        source.in_range(&self.in_flight, 1..=10_000, "connections")?;
        Ok(Connect {
            connections: self.connections.into_inner(),
            warm_up: self.warm_up.into_inner(),
            in_flight: self.in_flight.into_inner(),
        })
    }
}
