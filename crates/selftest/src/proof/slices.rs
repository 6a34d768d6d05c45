//! Slices that alternate: a server costs what its twin costs, whatever the machine does meanwhile.

use pushbench_model::slices::{Slice, SliceTrial};
use pushbench_stats::median_ratio;

use super::percent;
use super::sliced::{self, Twins, relative_cpu};
use crate::{About, Context, Finding, Proof, Unproven};

pub(super) struct Slices {
    /// Runs the trials.
    observe: fn(&Context<'_>) -> Result<Twins, Unproven>,
    /// What of a slice is compared.
    figure: fn(&Slice) -> Option<u64>,
    /// One figure from the slices of a run.
    ratio: fn(&[(f64, f64)]) -> Option<f64>,
}

pub(super) static REAL: Slices = Slices {
    observe: sliced::observe_twins,
    figure: relative_cpu,
    ratio: median_ratio,
};

/// How far a ratio may lie from 1.
const BOUND: f64 = 0.01;

impl Proof for Slices {
    fn about(&self) -> About {
        About {
            id: "slices",
            rules: &[16],
            rule: "Servers that take turns of a few milliseconds are compared to the per cent on a noisy machine.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        Ok(self.judge(&(self.observe)(context)?))
    }
}

impl Slices {
    fn judge(&self, seen: &Twins) -> Finding {
        let paired = |figure: fn(&Slice) -> Option<u64>| -> Vec<Vec<Vec<(f64, f64)>>> {
            let pairs = |trial: &SliceTrial| trial.arms[1].pairs(&trial.arms[0], figure);
            let runs = seen.runs.iter();
            runs.map(|trials| trials.iter().map(pairs).collect())
                .collect()
        };
        let runs: Vec<Vec<(f64, f64)>> =
            paired(self.figure).iter().map(|run| run.concat()).collect();
        let ratios: Vec<Option<f64>> = runs.iter().map(|pairs| (self.ratio)(pairs)).collect();
        let close = |ratio: &Option<f64>| ratio.is_some_and(|ratio| (ratio - 1.0).abs() <= BOUND);
        let rounds = runs.iter().map(Vec::len).min().unwrap_or(0);
        let trials = seen.runs.iter().map(Vec::len).min().unwrap_or(0);
        let of = ratios.len();
        let read = match &seen.wrong {
            Some(wrong) => wrong.clone(),
            None => format!(
                "{} of {of} runs within: {} %",
                ratios.iter().filter(|ratio| close(ratio)).count(),
                ratios
                    .iter()
                    .map(|&ratio| in_percent(ratio))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
        Finding {
            injected: format!(
                "two identical servers; runs of {trials} trials with fresh processes each, {of} in all; {rounds} rounds of slices a run"
            ),
            expected: format!(
                "median ratio of processor time per delivery (the load process's is the yardstick) within ±{} % in every run",
                100.0 * BOUND
            ),
            read,
            naive: naive(&paired(|slice| Some(slice.server_cpu_ns)).concat()),
            holds: seen.wrong.is_none() && of > 0 && ratios.iter().all(close),
        }
    }
}

/// What the same slices say without pairing and without a yardstick.
fn naive(trials: &[Vec<(f64, f64)>]) -> Option<String> {
    let off = |ratio: f64| (ratio - 1.0).abs();
    let worst = |offs: &mut dyn Iterator<Item = f64>| {
        offs.filter(|off| off.is_finite()).max_by(f64::total_cmp)
    };
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        let values: Vec<f64> = values.collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    // The mean of one server in a trial against that of its twin in the next.
    let apart = worst(&mut trials.windows(2).map(|two| {
        let one = mean(&mut two[0].iter().map(|pair| pair.0));
        let other = mean(&mut two[1].iter().map(|pair| pair.1));
        off(one / other)
    }))?;
    let alone = worst(
        &mut trials
            .iter()
            .filter_map(|pairs| median_ratio(pairs).map(off)),
    )?;
    Some(format!(
        "whole trials one after the other: off by up to {}; slices without the yardstick: {}",
        percent(apart),
        percent(alone)
    ))
}

/// `1.0042` as `+0.42`.
pub(super) fn in_percent(ratio: Option<f64>) -> String {
    ratio.map_or_else(
        || "n/a".into(),
        |ratio| format!("{:+.2}", 100.0 * (ratio - 1.0)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::sliced::synthetic;
    use crate::testing::{assert_fails, assert_passes};

    fn twins(seed: u64) -> Twins {
        let run = |run| synthetic(seed.wrapping_add(run), [0.0, 0.0]).trials;
        Twins {
            runs: (0..5).map(run).collect(),
            wrong: None,
        }
    }

    const SYNTHETIC: Slices = Slices {
        observe: |context| Ok(twins(context.seed)),
        ..REAL
    };

    #[test]
    fn paired_medians_pass_where_the_speed_flips() {
        assert_passes(&SYNTHETIC);
    }

    #[test]
    fn means_of_whole_runs_fail() {
        assert_fails(&Slices {
            ratio: |pairs| {
                let sum = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>();
                Some(sum(|pair| pair.0) / sum(|pair| pair.1))
            },
            ..SYNTHETIC
        });
    }

    /// The speed flips every 25 rounds.
    #[test]
    fn slices_paired_with_those_of_another_time_fail() {
        assert_fails(&Slices {
            figure: |slice| Some(slice.server_cpu_ns),
            ratio: |pairs| {
                let apart = pairs.iter().zip(&pairs[25..]);
                median_ratio(
                    &apart
                        .map(|(now, later)| (now.0, later.1))
                        .collect::<Vec<_>>(),
                )
            },
            ..SYNTHETIC
        });
    }

    #[test]
    fn trials_that_went_wrong_fail_and_say_why() {
        let seen = Twins {
            wrong: Some("it died".into()),
            ..twins(1)
        };
        let finding = REAL.judge(&seen);
        assert!(!finding.holds && finding.read == "it died");
    }
}
