//! Response times over time: one small histogram after the other, each over a window of the same length.
//!
//! A delivery costs a comparison and an increment. Workers that share a [`Grid`] have the same windows, and their counts
//! are added, never averaged.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::histogram::HIGHEST;
use crate::measurement::Window;

/// Windows of a whole trial, warm-up included: enough to see where response times settle, each with enough deliveries
/// for a median.
const WINDOWS: u32 = 40;
/// Below this a window would show the scheduler of the system and little else.
const SHORTEST: Duration = Duration::from_millis(20);

/// Where windows begin and how long they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Start of the first window, CLOCK_MONOTONIC nanoseconds.
    pub origin: u64,
    /// Length of every window, nanoseconds; above zero.
    pub width_ns: u64,
}

impl Grid {
    /// About 40 windows over `length`, none shorter than 20 ms.
    #[must_use]
    pub fn over(origin: u64, length: Duration) -> Self {
        let width = (length / WINDOWS).max(SHORTEST);
        Self {
            origin,
            width_ns: u64::try_from(width.as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

/// The windows of one worker, or of several together.
#[derive(Clone, Debug)]
pub struct Windows {
    grid: Grid,
    /// Where the present window ends; zero before the first.
    end: u64,
    index: u64,
    present: Counts,
    /// Windows that are over, those without deliveries left out.
    past: BTreeMap<u64, Counts>,
}

impl Windows {
    /// No deliveries yet.
    #[must_use]
    pub fn new(grid: Grid) -> Self {
        Self {
            grid,
            end: 0,
            index: 0,
            present: Counts::default(),
            past: BTreeMap::new(),
        }
    }

    /// Records a delivery. Both in nanoseconds; `received` never goes back.
    #[inline]
    pub fn record(&mut self, received: u64, response: u64) {
        if received >= self.end {
            self.move_to(received);
        }
        self.present.add(response);
    }

    #[cold]
    fn move_to(&mut self, received: u64) {
        self.close();
        let Grid { origin, width_ns } = self.grid;
        self.index = received.saturating_sub(origin) / width_ns;
        self.end = origin.saturating_add((self.index + 1).saturating_mul(width_ns));
    }

    /// Puts the present window to the past ones.
    fn close(&mut self) {
        if self.present.n > 0 {
            let present = std::mem::take(&mut self.present);
            self.past.entry(self.index).or_default().merge(&present);
        }
    }

    /// Adds the deliveries of another worker on the same grid.
    pub fn merge(&mut self, other: &Self) {
        debug_assert_eq!(self.grid, other.grid, "workers share their grid");
        self.close();
        for (&index, counts) in &other.past {
            self.past.entry(index).or_default().merge(counts);
        }
        self.past
            .entry(other.index)
            .or_default()
            .merge(&other.present);
    }

    /// The figures of all windows with deliveries, their starts relative to `start` (CLOCK_MONOTONIC nanoseconds).
    #[must_use]
    pub fn figures(mut self, start: u64) -> Vec<Window> {
        self.close();
        let Grid { origin, width_ns } = self.grid;
        self.past
            .iter()
            .filter(|(_, counts)| counts.n > 0)
            .map(|(index, counts)| Window {
                start_ns: (origin + index * width_ns)
                    .wrapping_sub(start)
                    .cast_signed(),
                n: counts.n,
                mean_ns: counts.sum as f64 / counts.n as f64,
                p50_ns: counts.median(),
                max_ns: counts.max,
            })
            .collect()
    }
}

/// A histogram whose buckets are 1/128 of their octave wide: two digits, 17 kB, and cheaper to add to than one of three.
#[derive(Clone, Debug)]
struct Counts {
    buckets: Box<[u32]>,
    n: u64,
    sum: u64,
    max: u64,
}

/// Buckets per octave, as a power of two.
const DIGITS: u32 = 7;

/// The bucket of a value. Below 2^8 every value has its own.
#[inline]
fn bucket(value: u64) -> usize {
    let value = value.min(HIGHEST);
    let shift = (value | (1 << DIGITS)).ilog2() - DIGITS;
    ((u64::from(shift) << DIGITS) + (value >> shift)) as usize
}

/// The middle of a bucket.
fn middle(bucket: usize) -> u64 {
    let shift = ((bucket >> DIGITS) as u32).saturating_sub(1);
    let first = (bucket as u64 - (u64::from(shift) << DIGITS)) << shift;
    first + ((1 << shift) >> 1)
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            buckets: vec![0; bucket(HIGHEST) + 1].into_boxed_slice(),
            n: 0,
            sum: 0,
            max: 0,
        }
    }
}

impl Counts {
    #[inline]
    fn add(&mut self, value: u64) {
        self.buckets[bucket(value)] += 1;
        self.n += 1;
        self.sum += value;
        self.max = self.max.max(value);
    }

    fn merge(&mut self, other: &Self) {
        for (sum, part) in self.buckets.iter_mut().zip(&other.buckets) {
            *sum += part;
        }
        self.n += other.n;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    fn median(&self) -> u64 {
        let rank = self.n.div_ceil(2);
        let mut seen = 0;
        let found = self.buckets.iter().position(|&count| {
            seen += u64::from(count);
            seen >= rank
        });
        found.map_or(0, middle).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GRID: Grid = Grid {
        origin: 1_000,
        width_ns: 100,
    };

    #[test]
    fn windows_follow_the_grid() {
        let mut windows = Windows::new(GRID);
        for (received, response) in [(1_010, 5), (1_099, 7), (1_100, 9), (1_450, 11)] {
            windows.record(received, response);
        }
        let figures = windows.figures(1_100);
        let found: Vec<_> = figures
            .iter()
            .map(|w| (w.start_ns, w.n, w.mean_ns, w.p50_ns, w.max_ns))
            .collect();
        let expected = [
            (-100, 2, 6.0, 5, 7),
            (0, 1, 9.0, 9, 9),
            (300, 1, 11.0, 11, 11),
        ];
        assert_eq!(found, expected, "the empty ones are left out");
    }

    #[test]
    fn workers_are_added() {
        let (mut a, mut b, mut both) = (Windows::new(GRID), Windows::new(GRID), Windows::new(GRID));
        for i in 0..1000u64 {
            let part = if i % 3 == 0 { &mut a } else { &mut b };
            part.record(1_000 + i, i * i);
            both.record(1_000 + i, i * i);
        }
        let mut sum = Windows::new(GRID);
        sum.merge(&a);
        sum.merge(&b);
        assert_eq!(sum.figures(0), both.figures(0));
    }

    #[test]
    fn a_trial_has_some_forty_windows() {
        let width = |seconds| Grid::over(0, Duration::from_secs_f64(seconds)).width_ns;
        assert_eq!(width(40.0), 1_000_000_000);
        assert_eq!(width(0.1), 20_000_000);
    }

    proptest! {
        #[test]
        fn a_bucket_is_two_digits_wide(value in 0u64..HIGHEST) {
            let middle = middle(bucket(value));
            prop_assert!(middle.abs_diff(value) as f64 <= value as f64 / 256.0 + 0.5);
            prop_assert!(bucket(value) <= bucket(value + 1));
        }
    }
}
