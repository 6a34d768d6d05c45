//! The one clock: `CLOCK_MONOTONIC` in nanoseconds.
//!
//! Every process of one host reads the same values, so a stamp taken by a publisher can be subtracted
//! from a stamp taken by a subscriber in another process.

use std::io;
use std::num::NonZeroU64;

use rustix::io::Errno;
use rustix::thread::{clock_nanosleep_absolute, current_timer_slack, set_current_timer_slack};
use rustix::time::{ClockId, Timespec, clock_gettime};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Nanoseconds of `CLOCK_MONOTONIC`. Costs about 20 ns: the vDSO answers without entering the kernel.
#[inline]
#[must_use]
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    // CLOCK_MONOTONIC starts at zero with the machine, so neither part is ever negative.
    time.tv_sec as u64 * NANOS_PER_SECOND + time.tv_nsec as u64
}

/// Sleeps until `deadline_ns` on the clock of [`now`], spinning for the last `spin_ns` of it.
///
/// Returns the time at which it noticed the deadline, never before it. A deadline in the past
/// returns at once. The spin trades a busy core for the wake-up delay of the scheduler; 0 only sleeps.
pub fn sleep_until(deadline_ns: u64, spin_ns: u64) -> u64 {
    let wake_ns = deadline_ns.saturating_sub(spin_ns);
    let wake = timespec(wake_ns);
    let mut time = now();
    while time < wake_ns {
        match clock_nanosleep_absolute(ClockId::Monotonic, &wake) {
            // An absolute sleep resumes after a signal without drifting.
            Ok(()) | Err(Errno::INTR) => time = now(),
            // Only a sandbox that refuses the call gets here: late is recorded, early would be a lie.
            Err(_) => break,
        }
    }
    while time < deadline_ns {
        std::hint::spin_loop();
        time = now();
    }
    time
}

/// Lets the kernel delay this thread's timers by 1 ns instead of the default 50 us.
///
/// The value can not be 0, which means "back to the default". Threads spawned by this one inherit it.
///
/// # Errors
///
/// Where a sandbox forbids `prctl`.
pub fn set_timer_slack_min() -> io::Result<()> {
    Ok(set_current_timer_slack(Some(NonZeroU64::MIN))?)
}

/// The timer slack of this thread in nanoseconds.
///
/// # Errors
///
/// Where a sandbox forbids `prctl`.
pub fn timer_slack_ns() -> io::Result<u64> {
    Ok(current_timer_slack()?)
}

fn timespec(ns: u64) -> Timespec {
    // The quotient of a u64 by 1e9 fits every width of tv_sec but that of a 32-bit clock in 2038.
    Timespec {
        tv_sec: (ns / NANOS_PER_SECOND) as _,
        tv_nsec: (ns % NANOS_PER_SECOND) as _,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_never_returns_early() {
        for spin_ns in [0, 60_000, u64::MAX] {
            for wait_ns in [0, 1, 1_000, 100_000, 2_000_000] {
                let deadline = now() + wait_ns;
                let woke = sleep_until(deadline, spin_ns);
                assert!(
                    woke >= deadline,
                    "woke {} ns early with spin {spin_ns}",
                    deadline - woke
                );
                assert!(now() >= woke);
            }
        }
    }

    #[test]
    fn a_past_deadline_returns_at_once() {
        let before = now();
        assert!(sleep_until(0, 0) >= before);
    }

    #[test]
    fn slack_is_one_nanosecond_when_read_back() {
        // A thread of its own: the slack would stick to a thread that other tests reuse.
        let read_back = std::thread::spawn(|| {
            set_timer_slack_min().unwrap();
            timer_slack_ns().unwrap()
        });
        assert_eq!(read_back.join().unwrap(), 1);
    }
}
