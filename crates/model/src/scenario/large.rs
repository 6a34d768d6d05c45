//! Large messages among the others of a stream.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{ScenarioError, Source};

/// Which messages are large, and how large. Figures are of the others; these have one of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Large {
    /// Every so manieth message is: those whose number is a multiple of it. 2 or more.
    pub every: u64,
    /// Payload bytes of each, of the same kind as the others.
    pub bytes: usize,
}

impl Large {
    /// Whether message number `seq` is one.
    #[inline]
    #[must_use]
    pub fn is(self, seq: u64) -> bool {
        seq.is_multiple_of(self.every)
    }

    /// How it reads in a sentence.
    #[must_use]
    pub fn words(&self) -> String {
        format!("one message in {} has {} bytes", self.every, self.bytes)
    }

    pub(super) fn validate(
        large: Spanned<Self>,
        source: &Source<'_>,
    ) -> Result<Self, ScenarioError> {
        source.check(
            &large,
            |large| (2..=1_000_000).contains(&large.every),
            "every = 2 to 1000000: 20 for one large message after 19 others",
        )?;
        source.check(
            &large,
            |large| (1..=super::MOST_BYTES).contains(&large.bytes),
            &format!("bytes from 1 to {}", super::MOST_BYTES),
        )?;
        Ok(large.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_every_so_manieth() {
        let large = Large {
            every: 20,
            bytes: 65_536,
        };
        let found: Vec<u64> = (1..=60).filter(|&seq| large.is(seq)).collect();
        assert_eq!(found, [20, 40, 60]);
        assert_eq!(large.words(), "one message in 20 has 65536 bytes");
    }
}
