//! Where warm-up ends is detected, and "never" is a legal answer.

use pushbench_stats::noise::Noise;
use pushbench_stats::{Settled, settled};

use super::percent;
use crate::{About, Context, Finding, Proof, Unproven};

pub(super) struct WarmUp {
    settled: fn(&[f64]) -> Settled,
}

pub(super) static REAL: WarmUp = WarmUp { settled };

const WINDOWS: usize = 200;
/// Windows of the ramp.
const RAMP: usize = 60;
/// Share of series that must be judged right: each look may be wrong by its own error rate.
const MOST: f64 = 0.9;

impl Proof for WarmUp {
    fn about(&self) -> About {
        About {
            id: "warm-up",
            rules: &[19],
            rule: "Warm-up is detected and not guessed; a trial may never become steady.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        let rounds = context.either(200, 1000);
        let mut noise = Noise::new(context.seed);
        let mut series = |shape: fn(f64) -> f64| -> Vec<f64> {
            (0..WINDOWS)
                .map(|i| 100.0 + shape(i as f64) + noise.normal())
                .collect()
        };
        let tolerance = RAMP / 20;
        let cut = RAMP - tolerance..=RAMP + tolerance;
        let mut share = |shape: fn(f64) -> f64, right: &dyn Fn(Settled) -> bool| {
            let hits = (0..rounds).filter(|_| right((self.settled)(&series(shape))));
            hits.count() as f64 / f64::from(rounds)
        };
        let never = |settled| settled == Settled::Never;
        let ramps = share(
            ramp,
            &|s| matches!(s, Settled::From(at) if cut.contains(&at)),
        );
        context.check()?;
        let waves = share(wave, &never);
        let growths = share(|i| 0.1 * i, &never);
        let flat = share(
            |_| 0.0,
            &|s| matches!(s, Settled::From(at) if at <= WINDOWS / 10),
        );
        Ok(Finding {
            injected: format!(
                "{rounds} series each of {WINDOWS} windows: a ramp of {RAMP}, a wave, steady growth, mere noise"
            ),
            expected: format!(
                "cut at {RAMP} ± {tolerance}; never steady; never steady; steady from the start: {} or more each",
                percent(MOST)
            ),
            read: [ramps, waves, growths, flat].map(percent).join("; "),
            naive: Some(
                "a fixed warm-up of 20 windows keeps 40 of the ramp, and measures a wave".into(),
            ),
            holds: [ramps, waves, growths, flat]
                .iter()
                .all(|&share| share >= MOST),
        })
    }
}

fn ramp(i: f64) -> f64 {
    100.0 * (1.0 - i / RAMP as f64).max(0.0)
}

fn wave(i: f64) -> f64 {
    5.0 * (3.0 * std::f64::consts::TAU * i / WINDOWS as f64).sin()
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
    fn a_fixed_warm_up_fails() {
        assert_fails(&WarmUp {
            settled: |_| Settled::From(20),
        });
    }

    #[test]
    fn never_saying_never_fails() {
        assert_fails(&WarmUp {
            settled: |values| match settled(values) {
                Settled::Never => Settled::From(0),
                other => other,
            },
        });
    }

    #[test]
    fn a_late_cut_fails() {
        assert_fails(&WarmUp {
            settled: |values| match settled(values) {
                Settled::From(at) if at > 0 => Settled::From(at + 6),
                other => other,
            },
        });
    }
}
