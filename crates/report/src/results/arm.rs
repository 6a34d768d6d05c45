//! The trials of one server in a group, and the statistics over them.

use std::collections::BTreeMap;

use pushbench_model::histogram::Histogram;
use pushbench_model::measurement::{Measurement, Publisher};
use pushbench_model::record::{Outcome, RecordedTrial, ServerLabel};

use super::FLOOR;
use crate::metric::{Metric, Rank, Series, lost_of};
use pushbench_stats::{Estimate, Percentile, estimate, merge, percentile};

/// The trials of one server in a group.
#[derive(Debug)]
pub struct Arm<'a> {
    /// The server.
    pub server: &'a ServerLabel,
    /// Trials whose figures are used, by repetition.
    pub valid: Vec<&'a RecordedTrial>,
    /// Trials that ended otherwise.
    pub unused: Vec<&'a RecordedTrial>,
    merged: BTreeMap<&'static str, (Histogram, u64)>,
}

impl<'a> Arm<'a> {
    pub(super) fn new(
        server: &'a ServerLabel,
        trials: impl Iterator<Item = &'a RecordedTrial>,
    ) -> Self {
        let (mut valid, unused): (Vec<_>, Vec<_>) =
            trials.partition(|t| t.trial.outcome.is_valid() && t.trial.measurement.is_some());
        valid.sort_by_key(|t| t.trial.repetition);
        let mut merged = BTreeMap::new();
        for series in Series::ALL {
            let parts: Vec<_> = valid
                .iter()
                .filter_map(|t| t.histograms.get(series.key()))
                .collect();
            if !parts.is_empty() {
                let measured = valid.iter().filter_map(|t| t.trial.measurement.as_ref());
                let lost = measured.map(|m| lost_of(series, m)).sum();
                merged.insert(series.key(), (merge(parts), lost));
            }
        }
        Self {
            server,
            valid,
            unused,
            merged,
        }
    }

    /// Whether this is the floor.
    #[must_use]
    pub fn is_floor(&self) -> bool {
        self.server.stack == FLOOR
    }

    /// `transport/stack`: within a group there is only one tuning of it.
    #[must_use]
    pub fn label(&self) -> String {
        self.server.name()
    }

    /// `metric` of every valid trial that has it, by repetition.
    #[must_use]
    pub fn by_repetition(&self, metric: Metric) -> Vec<(u32, f64)> {
        self.valid
            .iter()
            .filter_map(|t| Some((t.trial.repetition, metric.of(t)?)))
            .collect()
    }

    /// Mean of `metric` over valid trials with its interval.
    #[must_use]
    pub fn estimate(&self, metric: Metric) -> Option<Estimate> {
        let values: Vec<f64> = self
            .by_repetition(metric)
            .into_iter()
            .map(|(_, v)| v)
            .collect();
        estimate(&values, metric.averaging())
    }

    /// `metric` of this server and of `other` in every repetition in which both have it.
    #[must_use]
    pub fn pairs(&self, other: &Self, metric: Metric) -> Vec<(f64, f64)> {
        let theirs: BTreeMap<u32, f64> = other.by_repetition(metric).into_iter().collect();
        self.by_repetition(metric)
            .into_iter()
            .filter_map(|(repetition, mine)| Some((mine, *theirs.get(&repetition)?)))
            .collect()
    }

    /// All samples of `series` over the valid trials.
    #[must_use]
    pub fn merged(&self, series: Series) -> Option<&Histogram> {
        self.merged
            .get(series.key())
            .map(|(histogram, _)| histogram)
    }

    /// All samples of `series` and how many more were lost.
    pub(crate) fn samples(&self, series: Series) -> Option<(&Histogram, u64)> {
        let (histogram, lost) = self.merged.get(series.key())?;
        Some((histogram, *lost))
    }

    /// A percentile of all samples of `series` together.
    #[must_use]
    pub fn percentile(&self, series: Series, rank: Rank) -> Percentile {
        match self.merged.get(series.key()) {
            Some((histogram, lost)) => percentile(histogram, *lost, rank.q),
            None => Percentile::TooFew { n: 0 },
        }
    }

    /// The figure that a table shows for `metric`: percentiles come from the merged histogram, everything else is the
    /// mean over trials; the interval is over trials either way.
    #[must_use]
    pub fn figure(&self, metric: Metric) -> Option<Estimate> {
        let over_trials = self.estimate(metric);
        let Metric::Percentile(series, rank) = metric else {
            return over_trials;
        };
        let value = self.percentile(series, rank).value()?;
        Some(Estimate {
            value,
            interval: over_trials.and_then(|e| e.interval),
            n: over_trials.map_or(0, |e| e.n),
        })
    }

    /// Who published: the server by itself, or the load process through it. `None` when no trial measured.
    #[must_use]
    pub fn publisher(&self) -> Option<Publisher> {
        let mut trials = self.valid.iter().chain(&self.unused);
        trials.find_map(|t| Some(t.trial.measurement.as_ref()?.publisher))
    }

    /// Trials that are invalid and that failed.
    #[must_use]
    pub fn left_out(&self) -> (usize, usize) {
        let failed = |t: &&&RecordedTrial| matches!(t.trial.outcome, Outcome::Failed { .. });
        let failed = self.unused.iter().filter(failed).count();
        (self.unused.len() - failed, failed)
    }

    /// Messages lost, over every trial that measured, the invalid ones too.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.sum(|m| m.sequence.lost)
    }

    /// Connections that could not be made, over every trial that measured.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.sum(|m| m.connections.failed)
    }

    fn sum(&self, of: fn(&Measurement) -> u64) -> u64 {
        let trials = self.valid.iter().chain(&self.unused);
        trials
            .filter_map(|t| t.trial.measurement.as_ref())
            .map(of)
            .sum()
    }
}
