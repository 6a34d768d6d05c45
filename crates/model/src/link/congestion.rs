//! What senders do about a path that is full.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A congestion control of TCP, by the name that Linux has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Congestion {
    /// Sends at the rate that it believes the path to have, and spaces segments out for it (draft-cardwell-iccrg-bbr-congestion-control).
    Bbr,
    /// Fills a window that grows by a cubic function (RFC 9438); the default of Linux.
    Cubic,
    /// Fills a window that grows by a segment per round trip (RFC 5681, RFC 6582).
    Reno,
}

impl Congestion {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bbr, Self::Cubic, Self::Reno];

    /// Its name, Linux's.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Bbr => "bbr",
            Self::Cubic => "cubic",
            Self::Reno => "reno",
        }
    }

    /// Whether it spaces out what could leave at once.
    #[must_use]
    pub const fn paces(self) -> bool {
        matches!(self, Self::Bbr)
    }
}

impl fmt::Display for Congestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

impl FromStr for Congestion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let found = Self::ALL.into_iter().find(|one| one.label() == text);
        found.ok_or(())
    }
}
