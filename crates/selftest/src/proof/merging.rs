//! Repetitions are merged, sample by sample; their percentiles are never averaged.

use pushbench_model::histogram::{self, Histogram};
use pushbench_stats::noise::Noise;
use pushbench_stats::{merge, percentile};

use crate::{About, Context, Finding, Proof, Unproven};

pub(super) struct Merging {
    merge: fn(&[Histogram]) -> Histogram,
}

pub(super) static REAL: Merging = Merging {
    merge: |parts| merge(parts),
};

impl Proof for Merging {
    fn about(&self) -> About {
        About {
            id: "merging",
            rules: &[9],
            rule: "Percentiles of several trials come from their merged histograms, never from averages.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        let mut noise = Noise::new(context.seed);
        // Six quick trials, one of them with a slow tail.
        let trials: Vec<Vec<u64>> = (0..6)
            .map(|trial| {
                let slow = if trial == 5 { 0.05 } else { 0.0 };
                (0..2000)
                    .map(|_| {
                        let tail = if noise.uniform() < slow { 50.0 } else { 1.0 };
                        (200e3 * tail * (0.1 * noise.normal()).exp()) as u64
                    })
                    .collect()
            })
            .collect();
        let parts: Vec<Histogram> = trials.iter().map(|trial| of(trial)).collect();
        let together = of(&trials.concat());
        let merged = (self.merge)(&parts);
        let p99 = |histogram: &Histogram| percentile(histogram, 0, 0.99).value().unwrap_or(0.0);
        let average = parts.iter().map(p99).sum::<f64>() / parts.len() as f64;
        let us = |ns: f64| format!("{:.0} µs", ns / 1e3);
        Ok(Finding {
            injected: "six trials of 2000 samples, one of them with 5 % slow ones".into(),
            expected: format!(
                "p99 of all samples together: {}, n=12000",
                us(p99(&together))
            ),
            read: format!("p99 {}, n={}", us(p99(&merged)), merged.len()),
            naive: Some(format!("average of six p99: {}", us(average))),
            holds: merged == together,
        })
    }
}

fn of(values: &[u64]) -> Histogram {
    let mut histogram = histogram::new();
    for &value in values {
        histogram.saturating_record(value);
    }
    histogram
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
    fn averaging_fails() {
        assert_fails(&Merging {
            merge: |parts| {
                let mut average = histogram::new();
                for rank in 0..12_000 {
                    let q = (f64::from(rank) + 0.5) / 12_000.0;
                    let sum: u64 = parts.iter().map(|part| part.value_at_quantile(q)).sum();
                    average.saturating_record(sum / parts.len() as u64);
                }
                average
            },
        });
    }

    #[test]
    fn leaving_out_a_part_fails() {
        assert_fails(&Merging {
            merge: |parts| merge(&parts[1..]),
        });
    }
}
