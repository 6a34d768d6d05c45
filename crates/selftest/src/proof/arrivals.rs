//! The open loop asks for what it says: independent exponential gaps, and the same ones for the same seed.

use pushbench_model::schedule::{Arrivals, Schedule};
use pushbench_stats::ks;

use crate::{About, Context, Finding, Proof, Unproven};

/// Due times in nanoseconds of so many messages of a schedule.
type Offsets = fn(&Schedule, usize) -> Vec<u64>;

pub(super) struct ArrivalsProof {
    offsets: Offsets,
}

pub(super) static REAL: ArrivalsProof = ArrivalsProof { offsets };

fn offsets(schedule: &Schedule, n: usize) -> Vec<u64> {
    schedule.offsets().take(n).collect()
}

/// Probability below which gaps are not exponential.
const LEAST_P: f64 = 1e-4;
const RATE: f64 = 1000.0;

impl Proof for ArrivalsProof {
    fn about(&self) -> About {
        About {
            id: "arrivals",
            rules: &[5],
            rule: "Arrivals are independent of deliveries, and the seed repeats them.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        let n = context.either(20_000, 200_000);
        let schedule = |arrivals, seed| Schedule {
            arrivals,
            rate: RATE,
            seed,
        };
        let take = |arrivals, seed| (self.offsets)(&schedule(arrivals, seed), n + 1);
        let fit = |offsets: &[u64]| {
            let gaps: Vec<f64> = offsets
                .windows(2)
                .map(|w| w[1].saturating_sub(w[0]) as f64 / 1e9)
                .collect();
            ks(&gaps, |gap| -(-gap * RATE).exp_m1()).map_or(0.0, |fit| fit.p)
        };
        let poisson = take(Arrivals::Poisson, context.seed);
        let p = fit(&poisson);
        let repeats = poisson == take(Arrivals::Poisson, context.seed);
        let varies = poisson != take(Arrivals::Poisson, context.seed.wrapping_add(1));
        let constant = fit(&take(Arrivals::Constant, context.seed));
        let same = |same| if same { "same" } else { "other" };
        Ok(Finding {
            injected: format!("{n} Poisson gaps at 1000/s; the same seed again, then another one"),
            expected: format!("exponential gaps (KS p > {LEAST_P}); the same times, then others"),
            read: format!(
                "KS p {p:.2}; {} times, then {} times",
                same(repeats),
                same(!varies)
            ),
            naive: Some(format!("constant gaps: KS p {constant:.2}")),
            holds: p > LEAST_P && repeats && varies,
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
    fn even_gaps_fail() {
        assert_fails(&ArrivalsProof {
            offsets: |schedule, n| {
                let constant = Schedule {
                    arrivals: Arrivals::Constant,
                    ..*schedule
                };
                offsets(&constant, n)
            },
        });
    }

    #[test]
    fn a_seed_that_is_ignored_fails() {
        assert_fails(&ArrivalsProof {
            offsets: |schedule, n| {
                offsets(
                    &Schedule {
                        seed: 1,
                        ..*schedule
                    },
                    n,
                )
            },
        });
    }

    #[test]
    fn a_timer_of_whole_milliseconds_fails() {
        assert_fails(&ArrivalsProof {
            offsets: |schedule, n| {
                let round = |offset| offset / 1_000_000 * 1_000_000;
                offsets(schedule, n).into_iter().map(round).collect()
            },
        });
    }
}
