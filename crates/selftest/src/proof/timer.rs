//! Messages are published when they are due: a thread that sleeps to shortly before the time and spins for the rest, not
//! the timers of a runtime.

use std::sync::atomic::AtomicBool;
use std::thread;

use pushbench_model::schedule::{Arrivals, Schedule};
use pushbench_sys::clock;
use pushbench_sys::pacer::{Pacer, prepare_thread};

use crate::trial::{TRIES, Trouble, attempts};
use crate::{About, Context, Finding, Proof, Unproven};

/// Due times in nanoseconds from a start in the near future; how late each was met.
type Pace = fn(&[u64]) -> Vec<u64>;

pub(super) struct Timer {
    pace: Pace,
}

pub(super) static REAL: Timer = Timer { pace };

const RATE: f64 = 1000.0;
/// As long as the load process lets the publisher spin.
const SPIN_NS: u64 = 100_000;
/// Until the first is due.
const LEAD_NS: u64 = 2_000_000;
const MEDIAN_NS: u64 = 50_000;
/// A small shared machine interrupts anybody for a while; one in ten may meet that.
const P90_NS: u64 = 300_000;

fn pace(offsets: &[u64]) -> Vec<u64> {
    thread::scope(|scope| {
        let pacing = scope.spawn(|| {
            let _ = prepare_thread();
            let pacer = Pacer {
                start: clock::now() + LEAD_NS,
                spin_ns: SPIN_NS,
            };
            let mut lateness = Vec::with_capacity(offsets.len());
            pacer.run(offsets.iter().copied(), &AtomicBool::new(false), |tick| {
                lateness.push(tick.lateness_ns());
            });
            lateness
        });
        pacing.join().unwrap_or_default()
    })
}

/// Asleep until the next whole millisecond, as the timers of runtimes that tick in milliseconds.
fn on_a_wheel(offsets: &[u64]) -> Vec<u64> {
    const TICK_NS: u64 = 1_000_000;
    let start = clock::now() + LEAD_NS;
    let late = |&offset: &u64| {
        let tick = start + offset.next_multiple_of(TICK_NS);
        clock::sleep_until(tick, 0) - (start + offset)
    };
    offsets.iter().map(late).collect()
}

fn quantile(lateness: &[u64], q: f64) -> u64 {
    let mut sorted = lateness.to_vec();
    sorted.sort_unstable();
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or(u64::MAX)
}

fn in_words(lateness: &[u64]) -> String {
    let us = |q| quantile(lateness, q) as f64 / 1e3;
    format!(
        "late by {:.1} us in the median, p90 {:.1} us, p99 {:.0} us",
        us(0.5),
        us(0.9),
        us(0.99)
    )
}

impl Proof for Timer {
    fn about(&self) -> About {
        About {
            id: "timer",
            rules: &[3],
            rule: "Messages are published by a thread of their own that is punctual to microseconds, not by a runtime's timers.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        let schedule = Schedule {
            arrivals: Arrivals::Poisson,
            rate: RATE,
            seed: context.seed,
        };
        let n = context.either(300, 2000);
        let offsets: Vec<u64> = schedule.offsets().take(n).collect();
        let wheel = on_a_wheel(&offsets);
        attempts(
            TRIES,
            &format!("{n} messages due at random, 1000 per second"),
            "late by at most 50 us in the median and 300 us at the 90th percentile",
            || {
                context.check()?;
                let lateness = (self.pace)(&offsets);
                if lateness.len() != offsets.len() {
                    let reason = format!("{} of {n} were met", lateness.len());
                    return Err(Trouble::Failed(reason));
                }
                let holds =
                    quantile(&lateness, 0.5) <= MEDIAN_NS && quantile(&lateness, 0.9) <= P90_NS;
                let naive = format!("timers of whole milliseconds: {}", in_words(&wheel));
                Ok((in_words(&lateness), Some(naive), holds))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_fails, assert_passes};

    #[test]
    fn a_punctual_one_passes() {
        assert_passes(&Timer {
            pace: |offsets| vec![2_000; offsets.len()],
        });
    }

    /// How late depends on the machine; that all are met, in order and never early, does not.
    #[test]
    fn the_pacer_meets_all() {
        let offsets = [0, 1_000_000, 1_000_000, 3_000_000];
        assert_eq!(pace(&offsets).len(), 4);
    }

    #[test]
    fn timers_of_a_runtime_fail() {
        assert_fails(&Timer { pace: on_a_wheel });
    }

    #[test]
    fn stalls_and_omissions_fail() {
        assert_fails(&Timer {
            pace: |offsets| {
                let stalled = offsets.len() / 8;
                let late = |i| if i < stalled { 5_000_000 } else { 2_000 };
                (0..offsets.len()).map(late).collect()
            },
        });
        assert_fails(&Timer {
            pace: |offsets| vec![2_000; offsets.len() - 1],
        });
    }
}
