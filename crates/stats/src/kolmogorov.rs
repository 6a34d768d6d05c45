//! The test of Kolmogorov and Smirnov: could values have come from a given distribution?

use pushbench_model::histogram::Histogram;

/// How far values are from a distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Largest distance between the shares below a value, 0 to 1.
    pub distance: f64,
    /// Probability of at least this distance if the values do follow the distribution.
    pub p: f64,
    /// Number of values.
    pub n: u64,
}

impl Fit {
    fn new(distance: f64, n: u64) -> Self {
        Self {
            distance,
            p: exceedance(distance, n as f64),
            n,
        }
    }
}

/// Holds `values` against the distribution function `cdf`. `None` without values.
#[must_use]
pub fn ks(values: &[f64], cdf: impl Fn(f64) -> f64) -> Option<Fit> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let distance = sorted
        .iter()
        .enumerate()
        .map(|(i, &value)| {
            let share = cdf(value);
            (share - i as f64 / n).max((i as f64 + 1.0) / n - share)
        })
        .reduce(f64::max)?;
    Some(Fit::new(distance, sorted.len() as u64))
}

/// Holds `values` against even spread between `low` and `high`. `None` without values.
///
/// # Panics
///
/// When `low` is not below `high`.
#[must_use]
pub fn ks_uniform(values: &[f64], low: f64, high: f64) -> Option<Fit> {
    ks(values, uniform(low, high))
}

/// The same for the values of a histogram between `low` and `high` inclusive; others are left aside. Shares are compared at
/// the ends of its buckets, where they are exact.
///
/// # Panics
///
/// When `low` is not below `high`.
#[must_use]
pub fn ks_uniform_histogram(histogram: &Histogram, low: u64, high: u64) -> Option<Fit> {
    let cdf = uniform(low as f64, high as f64);
    let within = || {
        histogram
            .iter_recorded()
            .filter(move |bucket| (low..=high).contains(&bucket.value_iterated_to()))
    };
    let n: u64 = within()
        .map(|bucket| bucket.count_since_last_iteration())
        .sum();
    if n == 0 {
        return None;
    }
    let mut below = 0;
    let mut distance: f64 = 0.0;
    for bucket in within() {
        let (from, to) = (
            histogram.lowest_equivalent(bucket.value_iterated_to()),
            histogram.highest_equivalent(bucket.value_iterated_to()),
        );
        distance = distance.max(cdf(from as f64) - below as f64 / n as f64);
        below += bucket.count_since_last_iteration();
        distance = distance.max(below as f64 / n as f64 - cdf(to as f64));
    }
    Some(Fit::new(distance, n))
}

fn uniform(low: f64, high: f64) -> impl Fn(f64) -> f64 {
    assert!(low < high, "nothing lies between {low} and {high}");
    move |value| ((value - low) / (high - low)).clamp(0.0, 1.0)
}

/// Kolmogorov's limit with the correction for small `n` of Stephens (J. R. Stat. Soc. B 32, 1970).
fn exceedance(distance: f64, n: f64) -> f64 {
    let root = n.sqrt();
    let lambda = (root + 0.12 + 0.11 / root) * distance;
    // Below this the series converges slowly, and the sum is 1 to four digits.
    if lambda < 0.3 {
        return 1.0;
    }
    let term = |k: i32| {
        let sign = if k % 2 == 1 { 1.0 } else { -1.0 };
        sign * (-2.0 * f64::from(k * k) * lambda * lambda).exp()
    };
    (2.0 * (1..=20).map(term).sum::<f64>()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Noise;
    use pushbench_model::histogram;

    fn uniform_values(n: usize, seed: u64) -> Vec<f64> {
        let mut noise = Noise::new(seed);
        (0..n).map(|_| 200.0 * noise.uniform()).collect()
    }

    /// Tables: the 5 % point of the limit is 1.358, the 1 % point 1.628; for n = 10 the 5 % point is 0.409.
    #[test]
    fn known_probabilities() {
        assert!((exceedance(1.358 / 1e4, 1e8) - 0.05).abs() < 1e-3);
        assert!((exceedance(1.628 / 1e4, 1e8) - 0.01).abs() < 1e-3);
        assert!((exceedance(0.409, 10.0) - 0.05).abs() < 3e-3);
    }

    #[test]
    fn distance_by_hand() {
        let fit = ks_uniform(&[0.5, 0.7], 0.0, 1.0).unwrap();
        assert!((fit.distance - 0.5).abs() < 1e-12 && fit.n == 2);
        assert_eq!(ks_uniform(&[], 0.0, 1.0), None);
    }

    /// A true claim is refused as often as it says.
    #[test]
    fn false_alarms_are_as_rare_as_promised() {
        for n in [10, 100] {
            let alarms = (0..2000)
                .filter(|&seed| ks_uniform(&uniform_values(n, seed), 0.0, 200.0).unwrap().p < 0.05)
                .count();
            assert!((60..=140).contains(&alarms), "{n} values: {alarms}");
        }
    }

    #[test]
    fn values_that_crowd_are_found_out() {
        let crowded: Vec<f64> = uniform_values(200, 1)
            .iter()
            .map(|v| v * v / 200.0)
            .collect();
        assert!(ks_uniform(&crowded, 0.0, 200.0).unwrap().p < 1e-6);
    }

    #[test]
    fn a_histogram_says_the_same() {
        let mut histogram = histogram::new();
        let values: Vec<f64> = uniform_values(300, 4).iter().map(|v| v * 1e6).collect();
        for &value in &values {
            histogram.record(value as u64).unwrap();
        }
        // Outside the range: left aside.
        histogram.record(900_000_000).unwrap();
        let whole = ks_uniform(&values, 0.0, 200e6).unwrap();
        let binned = ks_uniform_histogram(&histogram, 1, 200_000_000).unwrap();
        assert_eq!(binned.n, 300);
        assert!((whole.distance - binned.distance).abs() < 2e-3);
        assert_eq!(
            ks_uniform_histogram(&histogram, 400_000_000, 500_000_000),
            None
        );
    }
}
