//! How much time a run may take, and what it leaves out for that.

mod missing;

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use missing::missing;

/// A named amount of measurement; scenarios say how long they measure in each.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Three to four minutes.
    Quick,
    /// Twenty to twenty-five minutes.
    Standard,
    /// Half a day.
    Thorough,
}

impl Profile {
    /// All profiles, shortest first.
    pub const ALL: [Self; 3] = [Self::Quick, Self::Standard, Self::Thorough];

    /// Name on the command line and in files.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Standard => "standard",
            Self::Thorough => "thorough",
        }
    }

    /// Trials of every scenario and server.
    #[must_use]
    pub fn repetitions(self) -> u32 {
        match self {
            Self::Quick => 6,
            // One more than verdicts need: a trial may be invalid.
            Self::Standard => 7,
            Self::Thorough => 8,
        }
    }

    /// What a reader of its results must know is missing.
    #[must_use]
    pub fn leaves_out(self) -> &'static str {
        match self {
            Self::Quick => {
                "short windows: tails beyond p99 and rare stalls are not seen, few repetitions give wide intervals, and \
                 runtimes that compile while they run may not have reached their pace"
            }
            Self::Standard => {
                "long windows: tails beyond p99.9 and stalls that are minutes apart are not seen, and runtimes that compile \
                 while they run may not have reached their pace"
            }
            Self::Thorough => {
                "what happens once in hours, such as memory growth and periodic background work, and stalls that are minutes \
                 apart"
            }
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL
            .into_iter()
            .find(|profile| profile.label() == text);
        known.ok_or_else(|| format!("no profile {text:?}; there are quick, standard and thorough"))
    }
}

/// A value for each profile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PerProfile<T> {
    /// In the quick profile.
    pub quick: T,
    /// In the standard profile.
    pub standard: T,
    /// In the thorough profile.
    pub thorough: T,
}

impl<T: Copy> PerProfile<T> {
    /// The value in `profile`.
    #[must_use]
    pub fn at(&self, profile: Profile) -> T {
        match profile {
            Profile::Quick => self.quick,
            Profile::Standard => self.standard,
            Profile::Thorough => self.thorough,
        }
    }
}
