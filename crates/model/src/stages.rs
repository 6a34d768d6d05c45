//! The way of a message in stages: late at its publisher, handed on, under way.

use std::collections::BTreeMap;

use crate::histogram::{EncodedHistogram, Summary};
use crate::measurement::histogram_name::{LATENESS, PUBLISH, RESPONSE, SERVICE};

/// Mean times of the stages of a delivery, nanoseconds. They add up to the mean response time, as far as histograms tell
/// (0.1 %), where every message was delivered as often as every other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stages {
    /// From the intended to the actual publish time.
    pub lateness: f64,
    /// From the actual publish time until the message was handed on ([`PUBLISH`]).
    pub publish: f64,
    /// From there to its receipt: mean service time less [`Self::publish`]. Below zero where a publisher was interrupted
    /// while the first subscribers received already.
    pub transit: f64,
    /// Mean response time, measured by itself.
    pub response: f64,
}

impl Stages {
    /// The stages by the means of histograms, which `mean` looks up by name; `None` where one is missing, as when
    /// nothing was published by schedule.
    #[must_use]
    pub fn from_means(mean: impl Fn(&str) -> Option<f64>) -> Option<Self> {
        let publish = mean(PUBLISH)?;
        Some(Self {
            lateness: mean(LATENESS)?,
            publish,
            transit: mean(SERVICE)? - publish,
            response: mean(RESPONSE)?,
        })
    }

    /// The stages of a measurement. Histograms without samples have no mean.
    #[must_use]
    pub fn of(histograms: &BTreeMap<String, EncodedHistogram>) -> Option<Self> {
        Self::from_means(|name| {
            let histogram = histograms.get(name)?.decode().ok()?;
            (!histogram.is_empty()).then(|| histogram.mean())
        })
    }

    /// The stages of a recorded trial.
    #[must_use]
    pub fn of_summaries(summaries: &BTreeMap<String, Summary>) -> Option<Self> {
        Self::from_means(|name| {
            let summary = summaries.get(name)?;
            (summary.n > 0).then_some(summary.mean)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram;

    #[test]
    fn stages_add_up_to_the_response() {
        let mut all: BTreeMap<&str, histogram::Histogram> = [LATENESS, PUBLISH, SERVICE, RESPONSE]
            .map(|name| (name, histogram::new()))
            .into();
        for i in 0..1000u64 {
            let (late, publish, transit) = (5_000 + i, 2_000 + 3 * i, 90_000 + 11 * i);
            for (name, value) in [
                (LATENESS, late),
                (PUBLISH, publish),
                (SERVICE, publish + transit),
                (RESPONSE, late + publish + transit),
            ] {
                all.get_mut(name).unwrap().record(value).unwrap();
            }
        }
        let mut encoded: BTreeMap<String, EncodedHistogram> = all
            .iter()
            .map(|(name, histogram)| ((*name).to_owned(), EncodedHistogram::encode(histogram)))
            .collect();
        let stages = Stages::of(&encoded).unwrap();
        let sum = stages.lateness + stages.publish + stages.transit;
        assert!((sum / stages.response - 1.0).abs() < 1e-3, "{stages:?}");
        assert!((stages.transit - 95_494.5).abs() < 100.0, "{stages:?}");
        let summaries = all
            .iter()
            .map(|(name, histogram)| ((*name).to_owned(), Summary::of(histogram, 0)))
            .collect();
        assert_eq!(Stages::of_summaries(&summaries), Some(stages));
        encoded.remove(PUBLISH);
        assert_eq!(Stages::of(&encoded), None);
    }
}
