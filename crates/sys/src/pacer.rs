//! Publishing on an open-loop schedule.
//!
//! A dedicated thread is used because the timer wheel of an async runtime ticks in milliseconds: its
//! lateness would be larger than the latency under measurement.

mod thread;

use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock;

pub use thread::{Prepared, prepare_thread};

/// The longest sleep or spin between two looks at the stop flag.
const STOP_CHECK_NS: u64 = 50_000_000;

/// One due publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Position in the schedule, from 0.
    pub index: u64,
    /// When the schedule wanted it, on the clock of [`clock::now`].
    pub intended_ns: u64,
    /// When the pacer got to it; never before `intended_ns`.
    pub now_ns: u64,
}

impl Tick {
    /// How long after its intended time the tick happened.
    #[must_use]
    pub fn lateness_ns(&self) -> u64 {
        self.now_ns - self.intended_ns
    }
}

/// Turns intended offsets into calls at those times, on the calling thread.
///
/// Catch-up policy: no tick is ever skipped or moved. Ticks that are overdue, because the thread was
/// held up or `publish` took long, follow back to back, each with its original intended time, so that
/// a response time measured from that time shows the whole delay.
#[derive(Debug, Clone, Copy)]
pub struct Pacer {
    /// The time of offset 0, on the clock of [`clock::now`].
    pub start: u64,
    /// How long before each intended time to stop sleeping and spin; 0 never spins, and more than
    /// 50 ms counts as 50 ms.
    pub spin_ns: u64,
}

impl Pacer {
    /// Calls `publish` once per offset, at `start` + offset or as soon after it as possible.
    ///
    /// Ends when `offsets` ends or within 50 ms of `stop` becoming true; a tick is not published once
    /// `stop` was seen. Returns the number of ticks published.
    pub fn run(
        &self,
        offsets: impl Iterator<Item = u64>,
        stop: &AtomicBool,
        mut publish: impl FnMut(Tick),
    ) -> u64 {
        let mut index = 0;
        for offset in offsets {
            let intended_ns = self.start.saturating_add(offset);
            let Some(now_ns) = self.wait(intended_ns, stop) else {
                break;
            };
            publish(Tick {
                index,
                intended_ns,
                now_ns,
            });
            index += 1;
        }
        index
    }

    /// The time once `intended_ns` has come, or `None` once `stop` is set.
    fn wait(&self, intended_ns: u64, stop: &AtomicBool) -> Option<u64> {
        let mut now = clock::now();
        loop {
            // Relaxed: the flag guards no data, and a look 50 ms later would be in time too.
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            if now >= intended_ns {
                return Some(now);
            }
            let check_ns = now + STOP_CHECK_NS;
            now = if intended_ns <= check_ns {
                clock::sleep_until(intended_ns, self.spin_ns.min(STOP_CHECK_NS))
            } else {
                clock::sleep_until(check_ns, 0)
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFSETS: [u64; 5] = [0, 1_000, 1_000, 700_000, 2_500_000];

    fn run(pacer: Pacer, offsets: &[u64]) -> Vec<Tick> {
        let mut ticks = Vec::new();
        let published = pacer.run(offsets.iter().copied(), &AtomicBool::new(false), |tick| {
            ticks.push(tick);
        });
        assert_eq!(published, ticks.len() as u64);
        ticks
    }

    fn assert_follows(ticks: &[Tick], start: u64, offsets: &[u64]) {
        assert_eq!(ticks.len(), offsets.len());
        for (at, (tick, offset)) in ticks.iter().zip(offsets).enumerate() {
            assert_eq!(tick.index, at as u64);
            assert_eq!(tick.intended_ns, start + offset);
            assert!(tick.now_ns >= tick.intended_ns, "{tick:?} is early");
        }
        assert!(ticks.is_sorted_by_key(|tick| tick.now_ns));
    }

    #[test]
    fn ticks_keep_order_and_are_never_early() {
        for spin_ns in [0, 60_000] {
            let start = clock::now() + 1_000_000;
            assert_follows(&run(Pacer { start, spin_ns }, &OFFSETS), start, &OFFSETS);
        }
    }

    #[test]
    fn overdue_ticks_all_follow_with_their_intended_times() {
        let start = clock::now() - 1_000_000_000;
        let offsets: Vec<u64> = (0..1_000).map(|n| n * 1_000).collect();
        let ticks = run(Pacer { start, spin_ns: 0 }, &offsets);
        assert_follows(&ticks, start, &offsets);
        assert!(ticks[0].lateness_ns() >= 1_000_000_000);
    }

    #[test]
    fn a_slow_publish_delays_but_drops_nothing() {
        let start = clock::now();
        let mut intended = Vec::new();
        Pacer { start, spin_ns: 0 }.run([0, 10, 20].into_iter(), &AtomicBool::new(false), |tick| {
            clock::sleep_until(clock::now() + 1_000_000, 0);
            intended.push(tick.intended_ns - start);
        });
        assert_eq!(intended, [0, 10, 20]);
    }

    #[test]
    fn no_tick_follows_a_stop() {
        let stop = AtomicBool::new(false);
        let published = Pacer {
            start: 0,
            spin_ns: 0,
        }
        .run(0.., &stop, |tick| {
            stop.store(tick.index == 2, Ordering::Relaxed);
        });
        assert_eq!(published, 3);
    }

    #[test]
    fn stop_ends_a_sleep_for_a_distant_tick() {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let run = scope.spawn(|| {
                Pacer {
                    start: u64::MAX / 2,
                    spin_ns: u64::MAX,
                }
                .run(0..1, &stop, |_| ())
            });
            stop.store(true, Ordering::Relaxed);
            assert_eq!(run.join().unwrap(), 0);
        });
    }
}
