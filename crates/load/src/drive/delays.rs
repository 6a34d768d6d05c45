//! Times that are recorded with every message, in the classes of the histograms that reports hold.

use pushbench_model::histogram::{self, HIGHEST, Histogram};

/// Three significant digits: up to twice this, in nanoseconds, every value has a class of its own; from there on this many
/// classes lie between a power of two and the next.
const HALF: u64 = 1 << HALF_BITS;
const HALF_BITS: u32 = 10;
const CLASSES: usize = class(HIGHEST) + 1;

/// A histogram to record into at a third of what the general one costs, and to be turned into one.
pub(super) struct Delays {
    counts: Box<[u64; CLASSES]>,
    total: u64,
}

impl Default for Delays {
    fn default() -> Self {
        let counts = vec![0; CLASSES].into_boxed_slice();
        Self {
            counts: counts.try_into().unwrap_or_else(|_| Box::new([0; CLASSES])),
            total: 0,
        }
    }
}

impl Delays {
    /// Records a time, nanoseconds; one beyond what a histogram holds counts as its highest, and none as the lowest.
    #[inline]
    pub(super) fn record(&mut self, ns: u64) {
        self.counts[class(ns.clamp(1, HIGHEST))] += 1;
        self.total += 1;
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Adds what another one holds.
    pub(super) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts[..]) {
            *mine += theirs;
        }
        self.total += other.total;
    }

    /// The same as a histogram.
    pub(super) fn histogram(&self) -> Histogram {
        let mut histogram = histogram::new();
        for (class, &count) in self.counts.iter().enumerate() {
            if count > 0 {
                // Within its bounds.
                let _ = histogram.record_n(lowest(class as u64), count);
            }
        }
        histogram
    }
}

const fn class(ns: u64) -> usize {
    // Bits beyond the ones that count.
    let shift = (u64::BITS - HALF_BITS - 1).saturating_sub((ns | HALF).leading_zeros());
    (shift as u64 * HALF + (ns >> shift)) as usize
}

/// The lowest time of a class.
const fn lowest(class: u64) -> u64 {
    if class < 2 * HALF {
        return class;
    }
    let shift = class / HALF - 1;
    (class - shift * HALF) << shift
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Across all magnitudes.
    fn times() -> impl Strategy<Value = u64> {
        (any::<u64>(), 0..64_u32).prop_map(|(ns, shift)| ns >> shift)
    }

    proptest! {
        #[test]
        fn it_is_the_histogram_of_reports(times in proptest::collection::vec(times(), 0..60), at in 0..60_usize) {
            let mut general = histogram::new();
            let (mut first, mut second) = (Delays::default(), Delays::default());
            for (index, &ns) in times.iter().enumerate() {
                general.saturating_record(ns.clamp(1, HIGHEST));
                let half = if index < at { &mut first } else { &mut second };
                half.record(ns);
            }
            prop_assert_eq!(first.is_empty(), times.is_empty() || at == 0);
            first.add(&second);
            let found = first.histogram();
            prop_assert_eq!(found.max(), general.max());
            prop_assert_eq!(found.min(), general.min());
            prop_assert_eq!(found, general);
        }
    }
}
