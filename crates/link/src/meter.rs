//! What crossed a link, written by one thread and read by any; and what is not to cross it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pushbench_model::link::{Direction, DirectionCounts, LinkCounts};

use crate::outage::Outage;
use crate::shaper::Shaper;

/// Buckets of lateness: 8 for each power of two.
const BUCKETS: usize = 62 * 8;

/// Counts of a link, from its beginning on. Clones are of the same link.
#[derive(Clone)]
pub struct Meter(Arc<Counts>);

struct Counts {
    up: Lane,
    down: Lane,
    missed: AtomicU64,
    gone: AtomicU64,
    outage: Outage,
    late: [AtomicU64; BUCKETS],
    /// Who drops packets, where they come here after that.
    shaper: Option<Arc<Shaper>>,
}

#[derive(Default)]
struct Lane {
    packets: AtomicU64,
    bytes: AtomicU64,
    lost: AtomicU64,
    queue_full: AtomicU64,
    delivered: AtomicU64,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Meter").field(&self.read()).finish()
    }
}

/// What a [`Meter`] showed at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    up: DirectionCounts,
    down: DirectionCounts,
    missed: u64,
    gone: u64,
    /// Absent where nobody knows when packets were to leave.
    late: Option<Vec<u64>>,
}

/// What happens to a packet on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Enters {
        bytes: u64,
    },
    Lost,
    QueueFull,
    Delivered {
        late_ns: u64,
    },
    /// It has left a link that others count.
    Passes {
        bytes: u64,
    },
}

impl Meter {
    /// Of a link whose packets come by `shaper`, if by anybody, before they are counted.
    pub(crate) fn new(shaper: Option<Arc<Shaper>>) -> Self {
        Self(Arc::new(Counts {
            shaper,
            up: Lane::default(),
            down: Lane::default(),
            missed: AtomicU64::new(0),
            gone: AtomicU64::new(0),
            outage: Outage::default(),
            late: [const { AtomicU64::new(0) }; BUCKETS],
        }))
    }

    /// Relaxed throughout: counts guard no data, and whoever reads while packets fly may be one behind.
    pub(crate) fn count(&self, direction: Direction, step: Step) {
        let add = |to: &AtomicU64, n| to.store(to.load(Ordering::Relaxed) + n, Ordering::Relaxed);
        let lane = match direction {
            Direction::Up => &self.0.up,
            Direction::Down => &self.0.down,
        };
        match step {
            Step::Enters { bytes } => {
                add(&lane.packets, 1);
                add(&lane.bytes, bytes);
            }
            Step::Lost => add(&lane.lost, 1),
            Step::QueueFull => add(&lane.queue_full, 1),
            Step::Delivered { late_ns } => {
                add(&lane.delivered, 1);
                add(&self.0.late[bucket(late_ns)], 1);
            }
            Step::Passes { bytes } => {
                add(&lane.packets, 1);
                add(&lane.bytes, bytes);
                add(&lane.delivered, 1);
            }
        }
    }

    pub(crate) fn missed(&self, packets: u64) {
        self.0.missed.store(packets, Ordering::Relaxed);
    }

    /// Who on the link has no network.
    #[must_use]
    pub fn outage(&self) -> &Outage {
        &self.0.outage
    }

    /// A packet came of a connection whose network is gone.
    pub(crate) fn gone(&self) {
        self.0.gone.fetch_add(1, Ordering::Relaxed);
    }

    /// What it shows now.
    #[must_use]
    pub fn read(&self) -> Reading {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let shaper = self.0.shaper.as_ref();
        let dropped = shaper.and_then(|shaper| shaper.dropped());
        let own = |count: &AtomicU64| shaper.is_none().then(|| load(count));
        let lane = |lane: &Lane, way: usize| {
            let dropped = dropped.map(|dropped| dropped[way]);
            DirectionCounts {
                packets: load(&lane.packets) + dropped.unwrap_or(0),
                bytes: load(&lane.bytes),
                lost: own(&lane.lost),
                queue_full: own(&lane.queue_full),
                dropped,
                delivered: load(&lane.delivered),
            }
        };
        let late = shaper.is_none();
        Reading {
            up: lane(&self.0.up, 0),
            down: lane(&self.0.down, 1),
            missed: load(&self.0.missed),
            gone: load(&self.0.gone),
            late: late.then(|| self.0.late.iter().map(load).collect()),
        }
    }
}

impl Reading {
    /// What was counted since `earlier`, of the same link.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> LinkCounts {
        let late = self.late.as_ref().zip(earlier.late.as_ref());
        let late: Option<Vec<u64>> =
            late.map(|(now, then)| now.iter().zip(then).map(|(a, b)| a - b).collect());
        let late = |q| late.as_ref().map(|late| quantile(late, q));
        LinkCounts {
            up: self.up.since(&earlier.up),
            down: self.down.since(&earlier.down),
            missed: self.missed - earlier.missed,
            gone: self.gone - earlier.gone,
            late_p50_ns: late(0.5),
            late_p99_ns: late(0.99),
            late_max_ns: late(1.0),
        }
    }
}

/// Linear below 16, then with three bits after the first.
fn bucket(ns: u64) -> usize {
    if ns < 8 {
        return ns as usize;
    }
    let exponent = 63 - ns.leading_zeros() as usize;
    (exponent - 2) * 8 + ((ns >> (exponent - 3)) & 7) as usize
}

/// Largest value of a bucket.
fn most_of(bucket: usize) -> u64 {
    if bucket < 8 {
        return bucket as u64;
    }
    let (exponent, third) = (bucket / 8 + 2, (bucket % 8) as u64);
    (u128::from(9 + third) << (exponent - 3)).saturating_sub(1) as u64
}

fn quantile(buckets: &[u64], q: f64) -> u64 {
    let total: u64 = buckets.iter().sum();
    let rank = ((q * total as f64).ceil() as u64).max(1);
    let mut seen = 0;
    for (at, count) in buckets.iter().enumerate() {
        seen += count;
        if seen >= rank {
            return most_of(at);
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bucket_is_an_eighth_wide(ns: u64) {
            let most = most_of(bucket(ns));
            prop_assert!(bucket(ns) < BUCKETS);
            prop_assert!(most >= ns && most - ns <= ns / 8);
        }
    }

    #[test]
    fn a_reading_shows_what_happened_since() {
        let meter = Meter::new(None);
        meter.count(Direction::Up, Step::Enters { bytes: 40 });
        let before = meter.read();
        for late_ns in [10, 10, 1000] {
            meter.count(Direction::Down, Step::Enters { bytes: 1500 });
            meter.count(Direction::Down, Step::Delivered { late_ns });
        }
        meter.count(Direction::Down, Step::Lost);
        meter.missed(2);
        let counts = meter.read().since(&before);
        let none = DirectionCounts {
            lost: Some(0),
            queue_full: Some(0),
            ..DirectionCounts::default()
        };
        assert_eq!(counts.up, none);
        let down = DirectionCounts {
            packets: 3,
            bytes: 4500,
            lost: Some(1),
            queue_full: Some(0),
            dropped: None,
            delivered: 3,
        };
        assert_eq!((counts.down, counts.missed), (down, 2));
        assert_eq!(
            (counts.late_p50_ns, counts.late_max_ns),
            (Some(10), Some(1023))
        );
        assert_eq!(meter.read().since(&meter.read()).late_p99_ns, Some(0));
    }
}
