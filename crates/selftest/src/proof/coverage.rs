//! Intervals hold the truth as often as they say.

use pushbench_stats::simulate::{Session, Share, World, bootstrap_over_samples, coverage};
use pushbench_stats::{
    Averaging, CONFIDENCE, Interval, estimate, percentile_bootstrap, studentised_bootstrap,
};

use super::{CHANCE, percent};
use crate::{About, Context, Finding, Proof, Unproven};

type Maker = fn(&Session, u64) -> Option<Interval>;

pub(super) struct Coverage {
    /// The interval over trials that every table shows.
    student: Maker,
    /// Its companion.
    bootstrap: Maker,
}

pub(super) static REAL: Coverage = Coverage { student, bootstrap };

const RESAMPLES: usize = 1999;
const TRIALS: [usize; 3] = [5, 10, 20];
/// The studentised bootstrap of few trials is good to a few percent.
const BOOTSTRAP: std::ops::RangeInclusive<f64> = 0.91..=0.99;

fn student(session: &Session, _seed: u64) -> Option<Interval> {
    // The logarithms are the figures here, as for every geometric mean.
    estimate(&session.means(), Averaging::Arithmetic)?.interval
}

fn bootstrap(session: &Session, seed: u64) -> Option<Interval> {
    studentised_bootstrap(&session.means(), RESAMPLES, seed)
}

fn plain(session: &Session, seed: u64) -> Option<Interval> {
    percentile_bootstrap(&session.means(), RESAMPLES, seed)
}

impl Proof for Coverage {
    fn about(&self) -> About {
        About {
            id: "coverage",
            rules: &[12],
            rule: "Intervals are over trials, never over samples, and hold the truth as often as they say.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        let sessions = context.either(2000, 10_000);
        let over = |maker: Maker, sessions, seed: u64| -> Result<Vec<Share>, Unproven> {
            let share = |trials| {
                context.check()?;
                let world = World::usual(trials).of_means();
                Ok(coverage(&world, sessions, context.seed ^ seed, maker))
            };
            TRIALS.into_iter().map(share).collect()
        };
        let student = over(self.student, sessions, 1)?;
        let bootstrap = over(self.bootstrap, sessions / 4, 2)?;
        let plain = over(plain, sessions / 4, 3)?;
        context.check()?;
        let few = context.either(60, 300);
        let samples = coverage(
            &World::usual(5),
            few,
            context.seed ^ 4,
            bootstrap_over_samples,
        );
        let good = |share: &Share| share.errors_above(CONFIDENCE).abs() <= CHANCE;
        Ok(Finding {
            injected: "5, 10 and 20 trials that differ by 5 %, of 10 000 samples that differ by 20 %".into(),
            expected: "95 % of t intervals over trials hold the truth; 91 to 99 % of studentised bootstraps".into(),
            read: format!("t {}; bootstrap {}", list(&student), list(&bootstrap)),
            naive: Some(format!(
                "bootstrap over samples {}; percentile bootstrap over trials {}",
                percent(samples.value()),
                list(&plain)
            )),
            holds: student.iter().all(good) && bootstrap.iter().all(|s| BOOTSTRAP.contains(&s.value())),
        })
    }
}

fn list(shares: &[Share]) -> String {
    let shares: Vec<String> = shares.iter().map(ToString::to_string).collect();
    shares.join(", ")
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
    fn the_normal_distribution_in_place_of_students_fails() {
        assert_fails(&Coverage {
            student: |session, _| {
                let found = estimate(&session.means(), Averaging::Arithmetic)?;
                let Interval { low, high } = found.interval?;
                let t = pushbench_stats::t_quantile(0.975, found.n as f64 - 1.0);
                let half = (high - low) / 2.0 / t * 1.96;
                Some(Interval {
                    low: found.value - half,
                    high: found.value + half,
                })
            },
            bootstrap,
        });
    }

    #[test]
    fn the_plain_percentile_bootstrap_fails() {
        assert_fails(&Coverage {
            student,
            bootstrap: plain,
        });
    }
}
