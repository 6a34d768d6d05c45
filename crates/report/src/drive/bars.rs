//! A small histogram in text.

use pushbench_model::histogram::Histogram;

use crate::number::{Unit, whole};

const BARS: usize = 10;

/// A bar of a histogram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    /// Largest value in it, nanoseconds.
    pub(super) to: u64,
    /// Samples in it.
    pub(super) count: u64,
}

/// At most ten bars that hold all samples: equally wide where the largest is at most ten times the smallest, otherwise
/// each a like factor wider than the one before, so that a long tail leaves the rest its room.
pub(super) fn bars(samples: &Histogram) -> Vec<Bar> {
    if samples.is_empty() {
        return Vec::new();
    }
    let (low, high) = (samples.min().max(1) as f64, samples.max().max(1) as f64);
    let end = |n: usize| {
        let share = n as f64 / BARS as f64;
        if high / low > 10.0 {
            low * (high / low).powf(share)
        } else {
            low + (high - low) * share
        }
    };
    let mut bars: Vec<Bar> = (1..=BARS)
        .map(|n| Bar {
            to: end(n).ceil() as u64,
            count: 0,
        })
        .collect();
    bars.dedup_by_key(|bar| bar.to);
    let last = bars.len() - 1;
    for value in samples.iter_recorded() {
        let at = bars.partition_point(|bar| bar.to < value.value_iterated_to());
        bars[at.min(last)].count += value.count_since_last_iteration();
    }
    bars
}

/// The bars as lines, the longest `room` columns long.
pub(super) fn lines(samples: &Histogram, room: usize) -> Vec<String> {
    let bars = bars(samples);
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(1).max(1);
    bars.iter()
        .map(|bar| {
            let to = bar.to as f64;
            let label = Unit::Time.scale([to]).with_unit(to);
            // What is there is seen, however few.
            let length = (bar.count as f64 / most as f64 * room as f64).round() as usize;
            let length = length.max(usize::from(bar.count > 0));
            let line = format!(
                "≤ {label:>8}  {:>11}  {}",
                whole(bar.count),
                "■".repeat(length)
            );
            line.trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pushbench_model::histogram::new;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = new();
        for &value in values {
            histogram.record(value).unwrap();
        }
        histogram
    }

    #[test]
    fn narrow_distributions_get_equal_bars_and_wide_ones_factors() {
        let ends =
            |values: &[u64]| -> Vec<u64> { bars(&of(values)).iter().map(|b| b.to).collect() };
        assert_eq!(
            ends(&[100, 1000]),
            [190, 280, 370, 460, 550, 640, 730, 820, 910, 1000]
        );
        let wide = ends(&[100, 1_000_000]);
        assert!(
            (9_980..10_020).contains(&wide[4]) && wide.len() == 10,
            "{wide:?}"
        );
        assert_eq!(ends(&[7]), [7]);
        assert!(bars(&new()).is_empty());
    }

    #[test]
    fn lines_are_as_long_as_their_counts() {
        let values: Vec<u64> = [1000; 30].into_iter().chain([2000; 3]).collect();
        let lines = lines(&of(&values), 20);
        assert_eq!(lines.len(), 10);
        assert_eq!(lines[0].matches('■').count(), 20);
        assert_eq!(lines[9].matches('■').count(), 2);
        assert_eq!(lines[5].matches('■').count(), 0);
    }

    proptest::proptest! {
        #[test]
        fn no_sample_is_left_out(values in proptest::collection::vec(0u64..700_000_000_000, 1..200)) {
            let mut samples = new();
            for value in &values {
                samples.saturating_record(*value);
            }
            let total: u64 = bars(&samples).iter().map(|bar| bar.count).sum();
            proptest::prop_assert_eq!(total, values.len() as u64);
        }
    }
}
