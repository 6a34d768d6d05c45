//! How long a sleeping thread takes to be running again, learnt from its own timers.
//!
//! A packet that wakes the emulator has come before the thread can look at the clock: by some ten microseconds on
//! a bare machine, and by up to a hundred where a hypervisor has put the processor to rest. How long that takes shows when
//! a timer wakes the thread, because then the time it should have woken at is known.

/// What is known of it.
#[derive(Debug, Default)]
pub(crate) struct Oversleep {
    usual_ns: u64,
}

/// More is no waking up any more but somebody else who had the processor.
const MOST_NS: u64 = 100_000;
/// The estimate falls by the first part of a difference and rises by the other: it stays at the low end of what is seen,
/// so that no packet leaves early.
const FALL: u64 = 4;
const RISE: u64 = 64;

impl Oversleep {
    /// A timer woke the thread this much late.
    pub(crate) fn learn(&mut self, late_ns: u64) {
        let late_ns = late_ns.min(MOST_NS);
        if late_ns < self.usual_ns {
            self.usual_ns -= (self.usual_ns - late_ns).div_ceil(FALL);
        } else {
            self.usual_ns += (late_ns - self.usual_ns) / RISE;
        }
    }

    /// How long ago a packet came that has woken the thread just now.
    pub(crate) fn usual_ns(&self) -> u64 {
        self.usual_ns
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is seen, the estimate lies within it, and within what waking up can take.
        #[test]
        fn the_estimate_is_never_beyond_what_was_seen(seen in prop::collection::vec(0_u64..300_000, 1..500)) {
            let mut oversleep = Oversleep::default();
            for &late in &seen {
                oversleep.learn(late);
            }
            let most = seen.iter().copied().max().unwrap_or(0).min(MOST_NS);
            prop_assert!(oversleep.usual_ns() <= most);
        }
    }

    #[test]
    fn it_stays_at_the_low_end() {
        let mut oversleep = Oversleep::default();
        for _ in 0..1000 {
            for late in [50_000, 60_000, 90_000, 2_000_000] {
                oversleep.learn(late);
            }
        }
        let usual = oversleep.usual_ns();
        assert!((45_000..60_000).contains(&usual), "{usual}");
        (0..40).for_each(|_| oversleep.learn(5_000));
        assert!(oversleep.usual_ns() <= 5_001);
    }
}
