//! Percentiles of merged histograms.

use pushbench_model::histogram::{self, Histogram};

/// A percentile, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Percentile {
    /// The value, nanoseconds.
    Value(u64),
    /// Fewer than ten samples beyond it.
    TooFew {
        /// Samples there are.
        n: u64,
    },
    /// It falls among messages that never arrived.
    Lost,
}

impl Percentile {
    /// The value, where there is one.
    #[must_use]
    pub fn value(self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(value as f64),
            Self::TooFew { .. } | Self::Lost => None,
        }
    }
}

/// All samples of several repetitions in one histogram. Percentiles of the whole are read from it; percentiles of the
/// parts are never averaged.
#[must_use]
pub fn merge<'a>(parts: impl IntoIterator<Item = &'a Histogram>) -> Histogram {
    let mut whole = histogram::new();
    whole.auto(true);
    for part in parts {
        whole
            .add(part)
            .expect("a histogram that resizes itself takes every value");
    }
    whole
}

/// The quantile `q` of `histogram` with `lost` further messages that never arrived: they count as later than every
/// other one, so that a loss cannot improve a percentile.
#[must_use]
pub fn percentile(histogram: &Histogram, lost: u64, q: f64) -> Percentile {
    let n = histogram.len() + lost;
    if (n as f64) + 1e-6 < 10.0 / (1.0 - q) {
        return Percentile::TooFew { n };
    }
    let rank = (q * n as f64).ceil();
    if rank > histogram.len() as f64 {
        return Percentile::Lost;
    }
    if lost == 0 {
        return Percentile::Value(histogram.value_at_quantile(q));
    }
    Percentile::Value(histogram.value_at_quantile(rank / histogram.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = histogram::new();
        for value in values {
            histogram.record(value).unwrap();
        }
        histogram
    }

    #[test]
    fn losses_push_percentiles_out() {
        let histogram = of(1..=980);
        assert_eq!(percentile(&histogram, 0, 0.5), Percentile::Value(490));
        assert_eq!(
            percentile(&histogram, 0, 0.99),
            Percentile::TooFew { n: 980 }
        );
        assert_eq!(percentile(&histogram, 20, 0.5), Percentile::Value(500));
        assert_eq!(
            percentile(&histogram, 20, 0.99),
            Percentile::Lost,
            "2 % are lost"
        );
        assert_eq!(percentile(&of([]), 0, 0.5), Percentile::TooFew { n: 0 });
    }

    #[test]
    fn merging_is_not_averaging() {
        let (quick, slow) = (of([1; 99]), of([1000; 1]));
        let whole = merge([&quick, &slow]);
        assert_eq!(percentile(&whole, 0, 0.5), Percentile::Value(1), "not 500");
    }

    proptest! {
        #[test]
        fn merging_equals_recording_together(
            a in proptest::collection::vec(1u64..10_000_000_000, 0..60),
            b in proptest::collection::vec(1u64..10_000_000_000, 0..60),
        ) {
            let whole = merge([&of(a.iter().copied()), &of(b.iter().copied())]);
            prop_assert_eq!(whole, of(a.into_iter().chain(b)));
        }
    }
}
