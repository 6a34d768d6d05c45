//! One topic, many subscribers.

use std::ops::Not;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{Cuts, Dead, Large, ScenarioError, Slow, Source};
use crate::profile::PerProfile;
use crate::schedule::Arrivals;

/// Parameters of the fan-out workload.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FanOut {
    /// Subscribers of the topic.
    pub subscribers: u32,
    /// Messages per second on the topic.
    pub rate: f64,
    /// Shape of the arrivals.
    pub arrivals: Arrivals,
    /// Seconds of load before measuring.
    pub warm_up_s: PerProfile<f64>,
    /// Seconds measured.
    pub measure_s: PerProfile<f64>,
    /// Connections that are cut in the measured phase, and come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuts: Option<Cuts>,
    /// Subscribers that stop reading when the measured phase begins, or read slowly from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slow>,
    /// Subscribers whose network goes away in the measured phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<Dead>,
    /// Messages that are larger than the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub large: Option<Large>,
    /// Each message is said by one of the subscribers, and goes to all of them, itself included.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub two_way: bool,
    /// Milliseconds after it was due from which on a message counts as late, and it is looked at whom it is late for. Nobody looks if
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_ms: Option<f64>,
}

/// Most subscribers of a two-way fan-out, chosen: twice as many connections, all in one table of open files, are more than many systems
/// allow. Whether this one does is found when a trial begins.
const MOST_TWO_WAY: u32 = 2000;

impl FanOut {
    /// Subscribers that are slow on purpose.
    #[must_use]
    pub fn slow_subscribers(&self) -> u32 {
        self.slow.map_or(0, |slow| slow.of(self.subscribers))
    }

    /// Subscribers whose network goes away.
    #[must_use]
    pub fn dead_subscribers(&self) -> u32 {
        self.dead.map_or(0, |dead| dead.of(self.subscribers))
    }

    /// Subscribers that figures are of: those that are neither slow on purpose nor to die.
    #[must_use]
    pub fn measured_subscribers(&self) -> u32 {
        self.subscribers - self.slow_subscribers() - self.dead_subscribers()
    }

    /// Nanoseconds after it was due from which on a message is late, if it is to be looked at whom it is late for.
    #[must_use]
    pub fn late_ns(&self) -> Option<u64> {
        self.late_ms.map(|ms| (ms * 1e6).round() as u64)
    }

    /// The same in words.
    #[must_use]
    pub fn late_words(&self) -> Option<String> {
        let ms = self.late_ms?;
        Some(format!(
            "a message is late that comes {ms} ms after it was due, or later"
        ))
    }

    /// Whether all subscribers do nothing but hear, from the start to the end, and all messages are alike.
    #[must_use]
    pub fn is_even(&self) -> bool {
        let hear = self.cuts.is_none() && self.slow.is_none() && self.dead.is_none();
        hear && !self.two_way && self.large.is_none()
    }

    /// The same, measured for `seconds` in every profile.
    ///
    /// # Errors
    ///
    /// When somebody would die later than that.
    pub fn measured_for(self, seconds: f64) -> Result<Self, String> {
        if let Some(dead) = self.dead.filter(|dead| !dead.fits(seconds)) {
            return Err(format!(
                "subscribers die within {} s, and somebody must look half a second longer",
                dead.within_s
            ));
        }
        let measure_s = PerProfile {
            quick: seconds,
            standard: seconds,
            thorough: seconds,
        };
        Ok(Self { measure_s, ..self })
    }

    /// Messages published in `seconds`, at least one.
    #[must_use]
    pub fn messages(&self, seconds: f64) -> u64 {
        ((self.rate * seconds).round() as u64).max(1)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawFanOut {
    subscribers: Spanned<u32>,
    rate: Spanned<f64>,
    arrivals: Arrivals,
    warm_up_s: Spanned<PerProfile<f64>>,
    measure_s: Spanned<PerProfile<f64>>,
    cuts: Option<Spanned<Cuts>>,
    slow: Option<Spanned<Slow>>,
    dead: Option<Spanned<Dead>>,
    large: Option<Spanned<Large>>,
    #[serde(default)]
    two_way: bool,
    late_ms: Option<Spanned<f64>>,
}

impl RawFanOut {
    pub(super) fn validate(self, source: &Source<'_>) -> Result<FanOut, ScenarioError> {
        source.in_range(&self.subscribers, 1..=1_000_000, "subscribers")?;
        source.in_range(&self.rate, 0.001..=1_000_000.0, "messages per second")?;
        source.each_in_range(&self.warm_up_s, 0.0..=3600.0, "seconds")?;
        source.each_in_range(&self.measure_s, 0.01..=86_400.0, "seconds")?;
        if let (Some(_), Some(slow)) = (&self.cuts, &self.slow) {
            let wanted = "a fan-out has slow subscribers or cuts, not both";
            return Err(source.error(slow.span(), wanted));
        }
        if let Some(dead) = &self.dead
            && (self.cuts.is_some() || self.slow.is_some())
        {
            let wanted = "a fan-out has dead subscribers, slow ones or cuts: one of them";
            return Err(source.error(dead.span(), wanted));
        }
        if let Some(large) = &self.large
            && (self.cuts.is_some() || self.slow.is_some() || self.dead.is_some())
        {
            let wanted = "a fan-out has large messages among the others, or cuts, slow or dead subscribers: one of them";
            return Err(source.error(large.span(), wanted));
        }
        if self.two_way {
            self.validate_two_way(source)?;
        }
        if let Some(late_ms) = &self.late_ms {
            source.in_range(late_ms, 0.001..=600_000.0, "milliseconds")?;
            if self.cuts.is_some() || self.slow.is_some() || self.dead.is_some() {
                let wanted = "a fan-out has late-ms, or cuts, slow or dead subscribers: who is gone has no message late";
                return Err(source.error(late_ms.span(), wanted));
            }
        }
        let slow = self
            .slow
            .map(|slow| Slow::validate(slow, &self.subscribers, source))
            .transpose()?;
        let dead = self
            .dead
            .map(|dead| Dead::validate(dead, (&self.subscribers, &self.measure_s), source))
            .transpose()?;
        Ok(FanOut {
            subscribers: self.subscribers.into_inner(),
            rate: self.rate.into_inner(),
            arrivals: self.arrivals,
            warm_up_s: self.warm_up_s.into_inner(),
            measure_s: self.measure_s.into_inner(),
            cuts: self
                .cuts
                .map(|cuts| Cuts::validate(cuts, source))
                .transpose()?,
            slow,
            dead,
            large: self
                .large
                .map(|large| Large::validate(large, source))
                .transpose()?,
            two_way: self.two_way,
            late_ms: self.late_ms.map(Spanned::into_inner),
        })
    }

    /// Who is cut off or does not read cannot say anything, and figures are of all who can.
    fn validate_two_way(&self, source: &Source<'_>) -> Result<(), ScenarioError> {
        let cuts = self.cuts.as_ref().map(|cuts| (cuts.span(), "cuts"));
        let slow = self.slow.as_ref();
        let slow = slow.map(|slow| (slow.span(), "slow subscribers"));
        let dead = self.dead.as_ref();
        let dead = dead.map(|dead| (dead.span(), "dead subscribers"));
        let large = self.large.as_ref();
        let large = large.map(|large| (large.span(), "large messages among the others"));
        if let Some((span, what)) = cuts.or(slow).or(dead).or(large) {
            let wanted = format!("a two-way fan-out has no {what}: leave one of both out");
            return Err(source.error(span, &wanted));
        }
        source.in_range(
            &self.subscribers,
            1..=MOST_TWO_WAY,
            "subscribers of a two-way fan-out",
        )
    }
}
