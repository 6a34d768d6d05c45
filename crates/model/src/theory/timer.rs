//! Timers that tick: whoever sleeps is woken with a tick and not before, as by tokio's wheel of milliseconds. Units are nanoseconds.
//!
//! The self-test `timer` shows how late such timers are; nothing holds them against these formulas.

/// From one round to the next of a loop that sleeps for `sleep` and does next to nothing. It goes to sleep just after a tick,
/// so the time to be woken is just after another, and the one that follows wakes it.
#[must_use]
pub fn round(sleep: u64, tick: u64) -> u64 {
    (sleep / tick + 1) * tick
}

/// How late somebody is woken, on average, who goes to sleep at any moment.
#[must_use]
pub fn mean_lateness(tick: u64) -> u64 {
    tick / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: u64 = 1_000_000;

    /// When a wheel wakes who goes to sleep at `now`.
    fn woken(now: u64, sleep: u64) -> u64 {
        (now + sleep).div_ceil(TICK) * TICK
    }

    #[test]
    fn a_loop_loses_a_tick_in_every_round() {
        let work = 20_000;
        for sleep in [1, 2, 3, 5, 10]
            .map(|ms| ms * TICK)
            .into_iter()
            .chain([2_500_000])
        {
            let (mut now, rounds) = (0, 100);
            for _ in 0..rounds {
                now = woken(now, sleep) + work;
            }
            // The first began with a tick; who is woken is late by its own work.
            let mean = now / rounds;
            let formula = round(sleep, TICK);
            assert!(
                mean.abs_diff(formula) <= TICK / rounds + work,
                "{sleep}: {mean} {formula}"
            );
        }
    }

    /// A loop on tokio's timer, milliseconds: what it slept for, and from one round to the next, as the formula's source tells of one
    /// machine; nobody timed it here. What is above the formula is the time until a thread that was woken runs.
    #[test]
    fn loops_that_others_timed_agree() {
        for (sleep, timed) in [(1, 2.07), (2, 3.08), (3, 4.13), (5, 6.17), (10, 11.2)] {
            let least = round(sleep * TICK, TICK) as f64 / TICK as f64;
            assert!((0.0..=0.21).contains(&(timed - least)), "{sleep}: {least}");
        }
    }

    #[test]
    fn half_a_tick_is_lost_by_who_comes_at_any_moment() {
        let (steps, sleep) = (1000, 3_300_000);
        let late = (0..steps).map(|step| {
            let now = step * TICK / steps;
            woken(now, sleep) - (now + sleep)
        });
        let mean = late.sum::<u64>() / steps;
        assert!(mean.abs_diff(mean_lateness(TICK)) <= TICK / steps, "{mean}");
    }
}
