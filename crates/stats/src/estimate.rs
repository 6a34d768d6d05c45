//! One figure per trial in, a mean with its interval out.

use crate::{CONFIDENCE, t_quantile};

/// How trials are averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Averaging {
    /// Geometric mean, interval on the logarithms: for positive figures whose noise is multiplicative (times, costs).
    Geometric,
    /// Arithmetic mean: for figures that may be zero or negative (a difference of two readings).
    Arithmetic,
}

/// A 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `value` lies in it.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// A mean over trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Its 95 % interval; absent with fewer than two trials.
    pub interval: Option<Interval>,
    /// Trials (or pairs of trials) it rests on.
    pub n: usize,
}

impl Estimate {
    /// Applies a monotone `change` to the value and both ends.
    fn map(self, change: impl Fn(f64) -> f64) -> Self {
        let ends = |Interval { low, high }| Interval {
            low: change(low),
            high: change(high),
        };
        Self {
            value: change(self.value),
            interval: self.interval.map(ends),
            n: self.n,
        }
    }
}

/// Mean of `values`, one per trial, with its Student-t interval.
///
/// `None` without values, or when a geometric mean is asked of a value that is not positive.
#[must_use]
pub fn estimate(values: &[f64], averaging: Averaging) -> Option<Estimate> {
    match averaging {
        Averaging::Arithmetic => arithmetic(values),
        Averaging::Geometric => {
            let logarithms: Option<Vec<f64>> = values
                .iter()
                .map(|&value| (value > 0.0).then(|| value.ln()))
                .collect();
            Some(arithmetic(&logarithms?)?.map(f64::exp))
        }
    }
}

/// Geometric mean of `a/b` over pairs, one per repetition in which both have a figure, with its interval.
///
/// Pairing by repetition removes what both have in common: the minute they ran in. `None` without a pair of positive
/// figures.
#[must_use]
pub fn paired_ratio(pairs: &[(f64, f64)]) -> Option<Estimate> {
    let logarithms: Vec<f64> = pairs
        .iter()
        .filter(|(a, b)| *a > 0.0 && *b > 0.0)
        .map(|(a, b)| (a / b).ln())
        .collect();
    Some(arithmetic(&logarithms)?.map(f64::exp))
}

/// Median of `a/b` over pairs of neighbouring slices; `None` without a pair of positive figures.
///
/// One trial gives one such figure, however many slices it has: statistics are over trials.
#[must_use]
pub fn median_ratio(pairs: &[(f64, f64)]) -> Option<f64> {
    let mut ratios: Vec<f64> = pairs
        .iter()
        .filter(|(a, b)| *a > 0.0 && *b > 0.0)
        .map(|(a, b)| a / b)
        .collect();
    ratios.sort_by(f64::total_cmp);
    let middle = ratios.len() / 2;
    match ratios.len() {
        0 => None,
        n if n % 2 == 1 => Some(ratios[middle]),
        _ => Some((ratios[middle - 1] * ratios[middle]).sqrt()),
    }
}

/// `mean ± t(0.975, n-1) · s/√n`.
fn arithmetic(values: &[f64]) -> Option<Estimate> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let interval = (values.len() > 1).then(|| {
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let error = (squares / (n - 1.0) / n).sqrt();
        let half = t_quantile(f64::midpoint(1.0, CONFIDENCE), n - 1.0) * error;
        Interval {
            low: mean - half,
            high: mean + half,
        }
    });
    Some(Estimate {
        value: mean,
        interval,
        n: values.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9 * b.abs().max(1.0)
    }

    #[test]
    fn geometric_mean_with_a_known_interval() {
        let values = [1.0, 10.0, 100.0];
        let got = estimate(&values, Averaging::Geometric).unwrap();
        assert!(close(got.value, 10.0));
        // log10: mean 1, s = 1, so 1 ± 4.302652730/√3.
        let half = 4.302_652_729_911_275 / 3f64.sqrt();
        let Interval { low, high } = got.interval.unwrap();
        assert!(close(low, 10f64.powf(1.0 - half)) && close(high, 10f64.powf(1.0 + half)));
    }

    #[test]
    fn too_few_and_impossible_values() {
        assert_eq!(estimate(&[], Averaging::Geometric), None);
        assert_eq!(estimate(&[1.0, 0.0], Averaging::Geometric), None);
        assert_eq!(
            estimate(&[3.0], Averaging::Geometric).unwrap().interval,
            None
        );
        let difference = estimate(&[-1.0, 1.0], Averaging::Arithmetic).unwrap();
        assert!(close(difference.value, 0.0) && difference.interval.unwrap().contains(0.0));
        assert_eq!(paired_ratio(&[]), None);
    }

    #[test]
    fn pairing_removes_what_a_block_has_in_common() {
        // The machine slows down threefold over the run; the ratio stays 2 exactly.
        let pairs = [(2.0, 1.0), (4.0, 2.0), (6.0, 3.0)];
        let ratio = paired_ratio(&pairs).unwrap();
        let interval = ratio.interval.unwrap();
        assert!(close(ratio.value, 2.0) && close(interval.low, 2.0) && close(interval.high, 2.0));
    }

    /// The promise of the word "95 %", on log-normal trials: nominal coverage within the error of the simulation.
    #[test]
    fn interval_covers_the_truth() {
        let mut noise = crate::noise::Noise::new(7);
        for trials in [2, 6, 12] {
            let rounds = 4000;
            let covered = (0..rounds)
                .filter(|_| {
                    let values: Vec<f64> = (0..trials)
                        .map(|_| (5.0 + 0.1 * noise.normal()).exp())
                        .collect();
                    let interval = estimate(&values, Averaging::Geometric).unwrap().interval;
                    interval.unwrap().contains(5f64.exp())
                })
                .count();
            let share = covered as f64 / f64::from(rounds);
            assert!((0.93..0.97).contains(&share), "{trials} trials: {share}");
        }
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_mean(values in proptest::collection::vec(0.1f64..1e9, 2..30)) {
            let got = estimate(&values, Averaging::Geometric).unwrap();
            let Interval { low, high } = got.interval.unwrap();
            prop_assert!(low <= got.value * (1.0 + 1e-12) && got.value <= high * (1.0 + 1e-12));
        }

        #[test]
        fn the_ratio_does_not_depend_on_the_unit(values in proptest::collection::vec((0.1f64..1e6, 0.1f64..1e6), 2..20)) {
            let scaled: Vec<_> = values.iter().map(|(a, b)| (a * 1e3, b * 1e3)).collect();
            let (one, other) = (paired_ratio(&values).unwrap(), paired_ratio(&scaled).unwrap());
            prop_assert!(close(one.value, other.value));
            let inverse: Vec<_> = values.iter().map(|&(a, b)| (b, a)).collect();
            prop_assert!(close(one.value, 1.0 / paired_ratio(&inverse).unwrap().value));
        }
    }
}
