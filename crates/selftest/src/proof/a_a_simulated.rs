//! A server against itself: a difference is seen as seldom as is promised.

use pushbench_stats::simulate::{Identical, Judge, false_differences, verdict};
use pushbench_stats::{ALPHA, FEWEST_PAIRS};

use super::CHANCE;
use crate::{About, Context, Finding, Proof, Unproven};

pub(super) struct Simulated {
    judge: Judge,
}

pub(super) static REAL: Simulated = Simulated { judge: verdict };

/// Sessions that are looked at by themselves, as somebody would who measures.
const SOME: u32 = 40;

impl Proof for Simulated {
    fn about(&self) -> About {
        About {
            id: "a-a-simulated",
            rules: &[16],
            rule: "A server compared with itself differs at most as often as the error rate says.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        let sessions = context.either(2000, 10_000);
        let world = |pairs| Identical {
            pairs,
            shared: 0.1,
            own: 0.05,
        };
        let share = |pairs, sessions| {
            context.check()?;
            Ok(false_differences(
                &world(pairs),
                sessions,
                context.seed,
                self.judge,
            ))
        };
        let (few, many) = (share(FEWEST_PAIRS, sessions)?, share(12, sessions)?);
        let some = share(12, SOME)?;
        let naive = false_differences(&world(FEWEST_PAIRS), sessions, context.seed, normal);
        let good = |share: pushbench_stats::simulate::Share| share.errors_above(ALPHA) <= CHANCE;
        Ok(Finding {
            injected: format!(
                "identical servers, {sessions} sessions of 6 pairs and of 12; trials differ by 5 %, margin 0"
            ),
            expected: "a difference in at most 5 % of sessions".into(),
            read: format!("{few} and {many}; {} of the first {SOME}", some.hits),
            naive: Some(format!(
                "normal quantile in place of Student's, 6 pairs: {naive}"
            )),
            holds: good(few) && good(many),
        })
    }
}

/// What is said when the standard error of six pairs is taken for known.
fn normal(pairs: &[(f64, f64)], _margin: f64) -> pushbench_stats::Verdict {
    use pushbench_stats::{Verdict, paired_ratio, t_quantile};
    let undecided = Verdict::Undecided { further: None };
    let Some(ratio) = paired_ratio(pairs) else {
        return undecided;
    };
    let Some(interval) = ratio.interval else {
        return undecided;
    };
    let half = (interval.high.ln() - interval.low.ln()) / 2.0;
    let error = half / t_quantile(0.975, ratio.n as f64 - 1.0);
    match ratio.value.ln() / error {
        z if z < -1.96 => Verdict::Less,
        z if z > 1.96 => Verdict::More,
        _ => undecided,
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
    fn the_normal_distribution_fails() {
        assert_fails(&Simulated { judge: normal });
    }

    #[test]
    fn looking_at_means_alone_fails() {
        assert_fails(&Simulated {
            judge: |pairs, margin| {
                let mean = pushbench_stats::paired_ratio(pairs).map_or(1.0, |ratio| ratio.value);
                verdict(&vec![(mean, 1.0); pairs.len()], margin)
            },
        });
    }
}
