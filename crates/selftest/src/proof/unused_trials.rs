//! A trial whose figures may not be used is kept in the record and changes no mean.

use pushbench_model::record::Record;
use pushbench_report::metric::{Metric, P50, Series, Side};
use pushbench_report::results::Results;

use crate::record::{Kind, synthetic};
use crate::{About, Context, Finding, Proof, Unproven};

pub(super) struct UnusedTrials {
    figures: fn(&Record) -> Vec<Figures>,
}

pub(super) static REAL: UnusedTrials = UnusedTrials { figures };

/// What a report shows of a server.
#[derive(Clone, Debug, PartialEq)]
struct Figures {
    /// Median response time and processor time per delivery, nanoseconds: means over trials.
    means: [Option<f64>; 2],
    /// Trials they rest on.
    used: usize,
    /// Trials left out.
    unused: usize,
}

/// By the rooms of the report.
fn figures(record: &Record) -> Vec<Figures> {
    let results = Results::new(record);
    let arms = results.groups.iter().flat_map(|group| &group.arms);
    arms.map(|arm| {
        let mean = |metric| arm.figure(metric).map(|found| found.value);
        Figures {
            means: [
                Metric::Percentile(Series::Response, P50),
                Metric::Cpu(Side::Server),
            ]
            .map(mean),
            used: arm.valid.len(),
            unused: arm.left_out().0,
        }
    })
    .collect()
}

/// As if nobody had judged the trials.
fn all_of_them(record: &Record) -> Vec<Figures> {
    let mut record = record.clone();
    for recorded in &mut record.trials {
        recorded.trial.outcome = pushbench_model::record::Outcome::Valid;
    }
    figures(&record)
}

impl Proof for UnusedTrials {
    fn about(&self) -> About {
        About {
            id: "unused-trials",
            rules: &[4],
            rule: "An invalid trial stays in the record and is never averaged in.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        let without = synthetic(context.seed, Kind::Sound)?;
        let with = synthetic(context.seed, Kind::OneAbsurdTrial)?;
        let (before, after) = ((self.figures)(&without), (self.figures)(&with));
        let (Some(one), Some(other)) = (before.first(), after.first()) else {
            return Err(Unproven::Impossible(
                "the synthetic record has no server".into(),
            ));
        };
        let naive = all_of_them(&with);
        let p50 = |figures: &Figures| {
            figures.means[0].map_or_else(|| "n/a".into(), |ns| format!("{:.1} µs", ns / 1e3))
        };
        let same = before
            .iter()
            .zip(&after)
            .all(|(a, b)| a.means == b.means && a.used == b.used);
        let kept = after.iter().map(|figures| figures.unused).sum::<usize>() == 1;
        Ok(Finding {
            injected: "6 sound trials, then an invalid one as well, a thousand times as slow"
                .into(),
            expected: format!(
                "p50 {} from 6 trials, 0 left out, then the same with 1 left out",
                p50(one)
            ),
            read: format!(
                "p50 {} from {} trials, {} left out, then {} from {} with {} left out",
                p50(one),
                one.used,
                one.unused,
                p50(other),
                other.used,
                other.unused
            ),
            naive: naive
                .first()
                .map(|figures| format!("averaged in: p50 {}", p50(figures))),
            holds: same && kept && one.used == 6 && one.means.iter().all(Option::is_some),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_fails, assert_passes};

    #[test]
    fn passes() {
        assert_passes(&REAL);
    }

    #[test]
    fn averaging_in_fails() {
        assert_fails(&UnusedTrials {
            figures: all_of_them,
        });
    }

    #[test]
    fn forgetting_the_trial_fails() {
        assert_fails(&UnusedTrials {
            figures: |record| {
                let mut record = record.clone();
                record.trials.retain(|t| t.trial.outcome.is_valid());
                figures(&record)
            },
        });
    }
}
