//! A percentile that the sample cannot support is not shown, and a message that never came counts as the latest of all.

use pushbench_model::histogram::{self, Histogram};
use pushbench_stats::{Percentile, percentile};

use crate::{About, Context, Finding, Proof, Unproven};

pub(super) struct Percentiles {
    /// Quantile of a histogram with so many further messages lost.
    percentile: fn(&Histogram, u64, f64) -> Percentile,
}

pub(super) static REAL: Percentiles = Percentiles { percentile };

impl Proof for Percentiles {
    fn about(&self) -> About {
        About {
            id: "percentiles",
            rules: &[7, 10],
            rule: "Lost messages count as infinitely late; no percentile without ten samples beyond it.",
        }
    }

    fn run(&self, _: &Context<'_>) -> Result<Finding, Unproven> {
        let few = of(1..=999);
        let enough = of(1..=1000);
        let lossy = of(1..=9800);
        let unsupported = (self.percentile)(&few, 0, 0.99);
        let supported = (self.percentile)(&enough, 0, 0.99);
        let lost = (self.percentile)(&lossy, 200, 0.99);
        let near = |found: Percentile, value: f64| {
            found
                .value()
                .is_some_and(|v| (v / value - 1.0).abs() < 2e-3)
        };
        let median = (self.percentile)(&lossy, 200, 0.5);
        Ok(Finding {
            injected:
                "times of 1 to n ns: 999 of them, 1000, and 10 000 of which the last 2 % are lost"
                    .into(),
            expected: "p99: n/a (n=999), 990 ns, beyond the end of the run; p50 5000 ns".into(),
            read: format!(
                "p99: {}, {}, {}; p50 {}",
                words(unsupported),
                words(supported),
                words(lost),
                words(median)
            ),
            naive: Some(format!(
                "lost messages left out: p99 {}",
                words(percentile(&lossy, 0, 0.99))
            )),
            holds: unsupported == Percentile::TooFew { n: 999 }
                && near(supported, 990.0)
                && lost == Percentile::Lost
                && near(median, 5000.0),
        })
    }
}

fn words(percentile: Percentile) -> String {
    match percentile {
        Percentile::Value(value) => format!("{value} ns"),
        Percentile::TooFew { n } => format!("n/a (n={n})"),
        Percentile::Lost => "beyond the end of the run".into(),
    }
}

fn of(values: std::ops::RangeInclusive<u64>) -> Histogram {
    let mut histogram = histogram::new();
    for value in values {
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
    fn leaving_out_what_is_lost_fails() {
        assert_fails(&Percentiles {
            percentile: |histogram, _, q| percentile(histogram, 0, q),
        });
    }

    #[test]
    fn showing_whatever_the_sample_fails() {
        assert_fails(&Percentiles {
            percentile: |histogram, lost, q| match percentile(histogram, lost, q) {
                Percentile::TooFew { .. } => Percentile::Value(histogram.value_at_quantile(q)),
                other => other,
            },
        });
    }
}
