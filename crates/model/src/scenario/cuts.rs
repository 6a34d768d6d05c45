//! Connections that are cut while messages flow, and come back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{ScenarioError, Source};

/// Which connections are cut, and how their subscribers come back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Cuts {
    /// Which and when.
    pub pattern: Pattern,
    /// Seconds until a subscriber asks again. EventSource's own are a few, and a server can set them (`retry:`).
    pub delay_s: f64,
    /// Part of the delay by which it varies at random: it is drawn evenly from `delay * (1 - jitter)` to `delay * (1 + jitter)`.
    #[serde(default)]
    pub jitter: f64,
    /// Whether a subscriber says where it was (`Last-Event-ID`, cursor, `after`), or takes what comes from then on.
    pub resume: bool,
}

/// When connections are cut.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// Each by itself, at random (exponential) times, after this many seconds on average.
    EachEveryS(f64),
    /// All at the same time, once, this many seconds after the first measured message.
    AllAtS(f64),
}

impl Cuts {
    /// Seconds from the cut to the request, for a `chance` of 0 to 1.
    #[must_use]
    pub fn delay(&self, chance: f64) -> f64 {
        self.delay_s * (1.0 + self.jitter * (2.0 * chance - 1.0))
    }

    /// The longest of them.
    #[must_use]
    pub fn longest_delay(&self) -> f64 {
        self.delay(1.0)
    }

    /// How it reads in a sentence.
    #[must_use]
    pub fn words(&self) -> String {
        let when = match self.pattern {
            Pattern::EachEveryS(seconds) => {
                format!("every connection cut about every {seconds} s, at a random byte")
            }
            Pattern::AllAtS(seconds) => format!("all connections cut at once after {seconds} s"),
        };
        let spread = match self.jitter {
            0.0 => String::new(),
            jitter => format!(" ± {} %", jitter * 100.0),
        };
        let place = if self.resume {
            "where they were"
        } else {
            "with what comes next"
        };
        format!(
            "{when}; subscribers come back after {} s{spread} and go on {place}",
            self.delay_s
        )
    }

    pub(super) fn validate(
        cuts: Spanned<Self>,
        source: &Source<'_>,
    ) -> Result<Self, ScenarioError> {
        let seconds = |cuts: &Self| match cuts.pattern {
            Pattern::EachEveryS(seconds) | Pattern::AllAtS(seconds) => seconds,
        };
        source.check(
            &cuts,
            |cuts| (0.01..=3600.0).contains(&seconds(cuts)),
            "cuts after 0.01 to 3600 seconds",
        )?;
        source.check(
            &cuts,
            |cuts| (0.0..=600.0).contains(&cuts.delay_s),
            "a delay of 0 to 600 seconds",
        )?;
        source.check(
            &cuts,
            |cuts| (0.0..=1.0).contains(&cuts.jitter),
            "a jitter of 0.0 to 1.0, such as 0.5 for half of the delay",
        )?;
        Ok(cuts.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUTS: Cuts = Cuts {
        pattern: Pattern::AllAtS(1.0),
        delay_s: 2.0,
        jitter: 0.5,
        resume: true,
    };

    #[test]
    fn jitter_spreads_the_delay_evenly_around_it() {
        assert_eq!(
            [0.0, 0.5, 1.0].map(|chance| CUTS.delay(chance)),
            [1.0, 2.0, 3.0]
        );
        assert_eq!(CUTS.longest_delay(), 3.0);
        let fixed = Cuts {
            jitter: 0.0,
            ..CUTS
        };
        assert_eq!([0.0, 1.0].map(|chance| fixed.delay(chance)), [2.0, 2.0]);
    }

    #[test]
    fn it_says_what_it_does() {
        assert_eq!(
            CUTS.words(),
            "all connections cut at once after 1 s; subscribers come back after 2 s ± 50 % and go on where they were"
        );
    }
}
