//! Subscribers that stop reading, or read too slowly, beside healthy ones.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{ScenarioError, Source};

/// Which part of the subscribers is slow from the start of the measured phase on, and how slow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Slow {
    /// Part of the subscribers, 0 to 1; at least one is slow, and at least one is not.
    pub share: f64,
    /// Bytes that each of them reads per second, 10 or more; with 0 they read nothing.
    pub bytes_per_s: u32,
}

/// The least that somebody reads who reads, bytes per second: one byte in a tenth of a second.
const LEAST: u32 = 10;

impl Slow {
    /// How many of `subscribers` are slow.
    #[must_use]
    pub fn of(&self, subscribers: u32) -> u32 {
        let slow = (f64::from(subscribers) * self.share).round() as u32;
        slow.clamp(1, subscribers.saturating_sub(1).max(1))
    }

    /// How it reads in a sentence.
    #[must_use]
    pub fn words(&self, subscribers: u32) -> String {
        let slow = self.of(subscribers);
        match self.bytes_per_s {
            0 => format!("{slow} of them stop reading when measuring begins"),
            rate => {
                format!("{slow} of them read no more than {rate} bytes per second when measured")
            }
        }
    }

    pub(super) fn validate(
        slow: Spanned<Self>,
        subscribers: &Spanned<u32>,
        source: &Source<'_>,
    ) -> Result<Self, ScenarioError> {
        source.check(
            &slow,
            |slow| slow.share > 0.0 && slow.share < 1.0,
            "a share of more than 0.0 and less than 1.0, such as 0.05 for 5 % of the subscribers",
        )?;
        source.check(
            &slow,
            |slow| slow.bytes_per_s == 0 || slow.bytes_per_s >= LEAST,
            &format!("bytes-per-s of {LEAST} or more, or 0 for subscribers that read nothing"),
        )?;
        source.check(
            subscribers,
            |&subscribers| subscribers >= 2,
            "2 subscribers or more, so that some are slow and some are not",
        )?;
        Ok(slow.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_slow_and_some_are_not() {
        let of = |share, subscribers| {
            let slow = Slow {
                share,
                bytes_per_s: 0,
            };
            slow.of(subscribers)
        };
        assert_eq!(of(0.1, 40), 4);
        assert_eq!(of(0.01, 40), 1);
        assert_eq!(of(0.99, 10), 9);
        assert_eq!(of(0.5, 2), 1);
    }

    #[test]
    fn it_says_what_they_do() {
        let slow = Slow {
            share: 0.1,
            bytes_per_s: 0,
        };
        assert_eq!(
            slow.words(40),
            "4 of them stop reading when measuring begins"
        );
        let slow = Slow {
            bytes_per_s: 1000,
            ..slow
        };
        assert_eq!(
            slow.words(40),
            "4 of them read no more than 1000 bytes per second when measured"
        );
    }
}
