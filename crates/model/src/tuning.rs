//! How a server's libraries are set.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the software that speaks a transport. Figures of different tunings are never compared by a verdict.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Tuning {
    /// What a newcomer gets: the libraries as their documentation shows them.
    Defaults,
    /// Set alike: the same buffers, flush policy, NODELAY, runtime and batch window on every transport.
    Equalised,
    /// The server has no settings to choose from; it stands beside both of the others.
    #[default]
    Fixed,
}

impl Tuning {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Defaults, Self::Equalised, Self::Fixed];
    /// The two that a choice is between.
    pub const BOTH: [Self; 2] = [Self::Equalised, Self::Defaults];

    /// Name on the command line and in files.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Defaults => "defaults",
            Self::Equalised => "equalised",
            Self::Fixed => "fixed",
        }
    }

    /// What it means, for reports.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Defaults => "the libraries as their documentation shows them",
            Self::Equalised => "same buffers, flush policy, NODELAY, runtime and batch window",
            Self::Fixed => "no settings to choose from",
        }
    }
}

impl fmt::Display for Tuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

impl FromStr for Tuning {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|tuning| tuning.label() == text);
        known.ok_or_else(|| format!("no tuning {text:?}; there are defaults, equalised and fixed"))
    }
}
