//! When messages are due. An open loop: what the schedule asks for does not depend on what was delivered.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The shape of the arrival process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// One message every `1/rate` seconds.
    Constant,
    /// Independent exponential gaps with mean `1/rate`.
    Poisson,
}

/// An arrival process; the same value always gives the same offsets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Schedule {
    /// Shape of the process.
    pub arrivals: Arrivals,
    /// Mean messages per second; greater than zero.
    pub rate: f64,
    /// Seed of the random gaps.
    pub seed: u64,
}

impl Schedule {
    /// Offsets from the start in nanoseconds, never decreasing, without end.
    #[must_use]
    pub fn offsets(&self) -> Offsets {
        Offsets {
            schedule: *self,
            random: Pcg64Mcg::seed_from_u64(self.seed),
            next: 0,
            elapsed: 0.0,
        }
    }
}

/// Iterator over the offsets of a [`Schedule`].
#[derive(Clone, Debug)]
pub struct Offsets {
    schedule: Schedule,
    random: Pcg64Mcg,
    next: u64,
    elapsed: f64,
}

impl Iterator for Offsets {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let offset = match self.schedule.arrivals {
            // From the index, not by adding up: rounding must not drift.
            Arrivals::Constant => self.next as f64 / self.schedule.rate,
            Arrivals::Poisson => {
                // Inverse transform: -ln(U)/rate with U in (0, 1] is exponential with mean 1/rate.
                let uniform = 1.0 - self.random.random::<f64>();
                self.elapsed -= uniform.ln() / self.schedule.rate;
                self.elapsed
            }
        };
        self.next += 1;
        Some((offset * 1e9) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(arrivals: Arrivals, seed: u64) -> Schedule {
        Schedule {
            arrivals,
            rate: 1000.0,
            seed,
        }
    }

    #[test]
    fn constant_is_exact_and_does_not_drift() {
        let offsets: Vec<u64> = schedule(Arrivals::Constant, 0)
            .offsets()
            .take(1_000_001)
            .collect();
        assert_eq!(&offsets[..3], &[0, 1_000_000, 2_000_000]);
        assert_eq!(offsets[1_000_000], 1_000_000_000_000);
    }

    #[test]
    fn poisson_repeats_with_its_seed_only() {
        let take = |seed| {
            schedule(Arrivals::Poisson, seed)
                .offsets()
                .take(100)
                .collect::<Vec<_>>()
        };
        assert_eq!(take(1), take(1));
        assert_ne!(take(1), take(2));
        assert!(take(1).is_sorted());
    }

    /// Kolmogorov-Smirnov against the exponential distribution (method rule 5). The 0.1 % critical value for large n
    /// is 1.95/sqrt(n); the seed is fixed, so this cannot flicker.
    #[test]
    fn poisson_gaps_are_exponential() {
        let offsets: Vec<u64> = schedule(Arrivals::Poisson, 7)
            .offsets()
            .take(20_001)
            .collect();
        let mut gaps: Vec<f64> = offsets
            .windows(2)
            .map(|w| (w[1] - w[0]) as f64 / 1e9)
            .collect();
        gaps.sort_by(f64::total_cmp);
        let n = gaps.len() as f64;
        let distance = gaps
            .iter()
            .enumerate()
            .map(|(i, gap)| {
                let cdf = 1.0 - (-gap * 1000.0).exp();
                (cdf - i as f64 / n)
                    .abs()
                    .max((cdf - (i as f64 + 1.0) / n).abs())
            })
            .fold(0.0, f64::max);
        assert!(distance < 1.95 / n.sqrt(), "KS distance {distance}");
    }
}
