//! A little work added to one server is seen, and none is seen where none was added.

use pushbench_stats::{Comparison, FEWEST_PAIRS, Judgement, Verdict, judge, median_ratio};

use super::sliced::{self, ADDED, Sliced};
use super::slices::in_percent;
use crate::{About, Context, Finding, Proof, Unproven};

pub(super) struct Detectability {
    /// Runs the trials.
    observe: fn(&Context<'_>) -> Result<Sliced, Unproven>,
    /// One figure from the slices of a trial.
    ratio: fn(&[(f64, f64)]) -> Option<f64>,
    /// What may be said of the figures of several trials.
    judge: fn(&[Option<Comparison>]) -> Vec<Judgement>,
}

pub(super) static REAL: Detectability = Detectability {
    observe: sliced::observe,
    ratio: median_ratio,
    judge,
};

/// A difference up to this does not matter.
const MARGIN: f64 = 0.01;

impl Proof for Detectability {
    fn about(&self) -> About {
        About {
            id: "detectability",
            rules: &[21],
            rule: "3 % and 10 % of work added to a server are called more; the same server again is not.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        let seen = (self.observe)(context)?;
        Ok(self.judge(&seen))
    }
}

impl Detectability {
    fn judge(&self, seen: &Sliced) -> Finding {
        // The twin and the two with work added, each against the first; a figure a trial.
        let figures: [Vec<Option<f64>>; 3] = [1, 2, 3].map(|arm| {
            let trials = seen.trials.iter();
            let ratio = |trial: &pushbench_model::slices::SliceTrial| {
                (self.ratio)(&trial.arms[arm].pairs(&trial.arms[0], |slice| seen.work(slice)))
            };
            trials.map(ratio).collect()
        });
        let repetitions = seen.trials.len();
        let judged = self.after(&figures, repetitions);
        let clear = (FEWEST_PAIRS..=repetitions).find(|&n| is_right(&self.after(&figures, n)));
        let by = if seen.counted {
            "instructions"
        } else {
            "processor time of slices beside the load process's (no counters)"
        };
        let rounds = seen.rounds;
        let read = match &seen.wrong {
            Some(wrong) => wrong.clone(),
            None => format!(
                "{}; {}; by {by}",
                in_words(&judged).join(", "),
                match clear {
                    Some(n) => format!("clear after {n} of {repetitions} repetitions"),
                    None => format!("not clear after {repetitions} repetitions"),
                }
            ),
        };
        Finding {
            injected: format!(
                "arms in slices: a server, the same again, with {} and {} rounds of arithmetic a delivery (+3 %, +10 %)",
                rounds[0], rounds[1]
            ),
            expected: format!(
                "the same: neither more nor less; +3 % and +10 %: more (margin {} %)",
                100.0 * MARGIN
            ),
            read,
            naive: alone(seen),
            holds: seen.wrong.is_none() && is_right(&judged),
        }
    }

    fn after(&self, figures: &[Vec<Option<f64>>; 3], repetitions: usize) -> Vec<Judgement> {
        let family: Vec<Option<Comparison>> = figures
            .iter()
            .map(|figures| {
                let seen = figures.iter().take(repetitions).flatten();
                let pairs: Vec<(f64, f64)> = seen.map(|&ratio| (ratio, 1.0)).collect();
                Comparison::of(&pairs, MARGIN)
            })
            .collect();
        (self.judge)(&family)
    }
}

/// The twin is no different, and both others are more.
fn is_right(judged: &[Judgement]) -> bool {
    let verdicts: Vec<Verdict> = judged.iter().map(|judgement| judgement.verdict).collect();
    matches!(
        verdicts[..],
        [
            Verdict::NoDifference | Verdict::Undecided { .. },
            Verdict::More,
            Verdict::More
        ]
    )
}

fn in_words(judged: &[Judgement]) -> Vec<String> {
    let labels = ["the same", "+3 %", "+10 %"];
    let word = |verdict| match verdict {
        Verdict::Less => "less",
        Verdict::More => "more",
        Verdict::NoDifference => "no difference",
        Verdict::Undecided { .. } => "undecided",
        Verdict::TooFew { .. } => "too few",
    };
    let of = |(label, judgement): (&str, &Judgement)| {
        let ratio = judgement
            .comparison
            .map(|comparison| comparison.ratio.value);
        format!(
            "{label}: {} % ({})",
            in_percent(ratio),
            word(judgement.verdict)
        )
    };
    labels.into_iter().zip(judged).map(of).collect()
}

/// What the same trials say of +3 % without pairing: how far the costs of one and the same server lie apart.
fn alone(seen: &Sliced) -> Option<String> {
    let costs: Vec<f64> = seen
        .trials
        .iter()
        .map(|trial| {
            let slices = &trial.arms[0].slices;
            let deliveries: u64 = slices.iter().map(|slice| slice.deliveries).sum();
            let work: u64 = slices.iter().filter_map(|slice| seen.work(slice)).sum();
            work as f64 / deliveries as f64
        })
        .collect();
    let least = costs.iter().copied().min_by(f64::total_cmp)?;
    let most = costs.iter().copied().max_by(f64::total_cmp)?;
    Some(format!(
        "means of whole trials of the one server lie {:.1} % apart: +{:.0} % would drown",
        100.0 * (most / least - 1.0),
        100.0 * ADDED[0]
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::sliced::synthetic;
    use crate::testing::{assert_fails, assert_passes};

    const SYNTHETIC: Detectability = Detectability {
        observe: |context| Ok(synthetic(context.seed, ADDED)),
        ..REAL
    };

    #[test]
    fn added_work_is_called_more() {
        assert_passes(&SYNTHETIC);
    }

    #[test]
    fn work_that_was_not_added_fails() {
        assert_fails(&Detectability {
            observe: |context| Ok(synthetic(context.seed, [0.0, ADDED[1]])),
            ..REAL
        });
    }

    #[test]
    fn means_of_whole_trials_fail() {
        assert_fails(&Detectability {
            ratio: |pairs| {
                let sum = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>();
                Some(sum(|pair| pair.0) / sum(|pair| pair.1))
            },
            ..SYNTHETIC
        });
    }

    #[test]
    fn a_judge_of_a_wide_margin_fails() {
        assert_fails(&Detectability {
            judge: |family| {
                let wide = |one: &Comparison| {
                    let pairs = [
                        (one.ratio.value * 0.999, 1.0),
                        (one.ratio.value * 1.001, 1.0),
                    ];
                    Comparison::of(&pairs.repeat(3), 0.05)
                };
                judge(
                    &family
                        .iter()
                        .map(|one| one.as_ref().and_then(wide))
                        .collect::<Vec<_>>(),
                )
            },
            ..SYNTHETIC
        });
    }

    #[test]
    fn a_judge_who_calls_everything_more_fails() {
        assert_fails(&Detectability {
            judge: |family| {
                let more = |judged: Judgement| Judgement {
                    verdict: Verdict::More,
                    ..judged
                };
                judge(family).into_iter().map(more).collect()
            },
            ..SYNTHETIC
        });
    }

    #[test]
    fn the_number_of_repetitions_it_took_is_told() {
        let finding = REAL.judge(&synthetic(3, ADDED));
        assert!(finding.read.contains("clear after 6 of 6"), "{finding:?}");
        assert!(finding.read.contains("no counters"), "{finding:?}");
    }
}
