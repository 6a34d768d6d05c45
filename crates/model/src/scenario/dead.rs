//! Subscribers whose network goes away, without a word: no FIN, no reset, nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{ScenarioError, Source};
use crate::profile::{PerProfile, Profile};

/// Which part of the subscribers dies in the measured phase, and when. It takes a link: only there can packets vanish.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Dead {
    /// Part of the subscribers, 0 to 1; at least one dies, and at least one does not.
    pub share: f64,
    /// Seconds from the first due message over which they die, each at a random time in a part of its own; all at once
    /// with 0.
    #[serde(default)]
    pub within_s: f64,
}

/// The last must die this long before the measured phase ends, seconds.
const SPARE_S: f64 = 0.5;
/// The longest time over which they die, seconds.
const LONGEST_S: f64 = 3600.0;

impl Dead {
    /// How many of `subscribers` die.
    #[must_use]
    pub fn of(&self, subscribers: u32) -> u32 {
        let dead = (f64::from(subscribers) * self.share).round() as u32;
        dead.clamp(1, subscribers.saturating_sub(1).max(1))
    }

    /// When number `index` of `dead` dies, seconds from the first due message, for a `chance` of 0 to 1.
    #[must_use]
    pub fn after_s(&self, index: u32, dead: u32, chance: f64) -> f64 {
        self.within_s * (f64::from(index) + chance) / f64::from(dead.max(1))
    }

    /// How it reads in a sentence.
    #[must_use]
    pub fn words(&self, subscribers: u32) -> String {
        let dead = self.of(subscribers);
        let when = match self.within_s {
            0.0 => "when measuring begins".to_owned(),
            seconds => format!("at random times in the first {seconds} s"),
        };
        format!("{dead} of them lose their network {when}, and say nothing more")
    }

    /// Whether all die while somebody looks, in `measured` seconds.
    pub(super) fn fits(&self, measured: f64) -> bool {
        self.within_s + SPARE_S <= measured
    }

    pub(super) fn validate(
        dead: Spanned<Self>,
        (subscribers, measure_s): (&Spanned<u32>, &Spanned<PerProfile<f64>>),
        source: &Source<'_>,
    ) -> Result<Self, ScenarioError> {
        source.check(
            &dead,
            |dead| dead.share > 0.0 && dead.share < 1.0,
            "a share of more than 0.0 and less than 1.0, such as 0.2 for a fifth of the subscribers",
        )?;
        source.check(
            &dead,
            |dead| (0.0..=LONGEST_S).contains(&dead.within_s),
            &format!("a within-s of 0 to {LONGEST_S} seconds"),
        )?;
        let shortest = Profile::ALL.map(|profile| measure_s.get_ref().at(profile));
        let shortest = shortest.into_iter().fold(f64::INFINITY, f64::min);
        source.check(
            &dead,
            |dead| dead.fits(shortest),
            "a within-s at least half a second less than measure-s, so that all die while somebody looks",
        )?;
        source.check(
            subscribers,
            |&subscribers| subscribers >= 2,
            "2 subscribers or more, so that some die and some do not",
        )?;
        Ok(dead.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEAD: Dead = Dead {
        share: 0.2,
        within_s: 3.0,
    };

    #[test]
    fn some_die_and_some_do_not() {
        assert_eq!([100, 10, 2, 1].map(|all| DEAD.of(all)), [20, 2, 1, 1]);
        let most = Dead {
            share: 0.99,
            ..DEAD
        };
        assert_eq!(most.of(10), 9);
    }

    #[test]
    fn each_dies_in_a_part_of_its_own() {
        let times = |chance| [0, 1, 2].map(|index| DEAD.after_s(index, 3, chance));
        assert_eq!(times(0.0), [0.0, 1.0, 2.0]);
        assert_eq!(times(0.5), [0.5, 1.5, 2.5]);
        let at_once = Dead {
            within_s: 0.0,
            ..DEAD
        };
        assert_eq!(at_once.after_s(2, 3, 0.7), 0.0);
    }

    #[test]
    fn it_says_what_happens() {
        assert_eq!(
            DEAD.words(100),
            "20 of them lose their network at random times in the first 3 s, and say nothing more"
        );
        let at_once = Dead {
            within_s: 0.0,
            ..DEAD
        };
        assert!(
            at_once
                .words(10)
                .contains("2 of them lose their network when measuring begins")
        );
    }
}
